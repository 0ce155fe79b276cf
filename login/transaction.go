package login

import (
	"time"

	"github.com/vsee/vseeid/factors"
)

// Transaction is one sign-in under way. It lives in the short-lived store, is changed only by
// compare-and-set on Version, and is taken, once, when it is done.
type Transaction struct {
	ID          string // 128 random bits or more; the path of its pages
	BrowserHash []byte // SHA-256 of the cookie of the browser that began it
	UserID      string // empty until a session or a first proof says who it is
	Identifier  string // the mail address that the person typed (see Address), also when nobody has it
	Edited      string // the address that the person went back to correct
	Request     []byte // the authorization request as op wrote it; login never reads it
	Demand      Demand
	Borrowed    []factors.Evidence `json:"-"` // from the browser's session: read anew for each request, and not kept
	Proved      []factors.Evidence // in this transaction
	Device      Device             `json:"-"` // what the browser's cookie says of this person here: read anew for each request, and not kept
	Default     factors.Kind       `json:"-"` // what the person has asked to be asked for first: read anew for each request, and not kept
	Called      string             `json:"-"` // what the person's passkeys are called: read anew for each request, and not kept
	Can         []Capability       // what the browser's script found that it can; a hint, never a proof
	SessionID   string             // the session that lends Borrowed
	Chosen      factors.Kind       // what the person picked under "Try another method"
	PutOff      []OfferKind        // offers that the person put off in this transaction
	Pending     *Pending           // the one outstanding ceremony
	Parked      *Pending           // a mail code that was sent before another method was looked at
	Adds        factors.Kind       // what the person came from the account page to set up; empty: nothing, or it is done
	Replaces    bool               // what Adds sets up takes the place of every other of its kind
	Changes     bool               // the page that it goes on to changes the account, which takes the best that there is
	Registered  string             // the passkey that was just set up and has to be named
	Return      string             // a sign-in for our own pages goes on to this path; empty: it is a client's, who is told by Finish
	Started     time.Time
	Expires     time.Time
	Version     int64
}

const (
	// TransactionLifetime is how long a sign-in may take.
	TransactionLifetime = 30 * time.Minute
	// TransactionIdle is how long its person may rest between two answers.
	TransactionIdle = 15 * time.Minute
)

// Demand is what the client asked of the sign-in. It is never rewritten.
type Demand struct {
	App       App
	ACR       []string       // acr_values or the values of the claims request, in order of preference
	Essential bool           // acr was asked as an essential claim (OpenID Connect Core 5.5.1.1)
	Voluntary bool           // the client takes a lower acr than it asked for (Core 3.1.2.1)
	FloorACR  []string       // what the client's registration demands of every sign-in; one of them
	MaxAge    *time.Duration // max_age; nil when not asked
	Fresh     bool           // prompt=login
	Silent    bool           // prompt=none
	Select    bool           // prompt=select_account
	Subject   string         // id_token_hint or claims.id_token.sub: nobody else may result
	LoginHint string         // prefills the identifier
	Org       string         // organization
	Locales   []string       // ui_locales, in order of preference
}

// App is what the pages say of the client, and what their policy has to let the browser reach.
type App struct {
	Name    string
	Origins []string // where a form may end up: the origin of the redirect URI first
}

// Pending is a ceremony that was begun and not yet answered.
type Pending struct {
	Kind   factors.Kind
	Enroll bool // setting the factor up, as opposed to proving it
	// Discover is a passkey of whoever it may be, as opposed to one of a person who is known.
	Discover bool
	Resent   bool // the code of another mail, which the person asked for
	Prompt   factors.Prompt
	State    factors.State
	Begun    time.Time
}

// OfferKind is something that a person may do after the demand is met.
type OfferKind string

const (
	OfferEnroll   OfferKind = "enroll"   // to set up a factor that the policy will ask for soon
	OfferRecovery OfferKind = "recovery" // to record a new recovery code
	OfferReplace  OfferKind = "replace"  // to set up again what was lost, after the recovery code was used
	OfferTrust    OfferKind = "trust"    // to make a passkey on this device
	OfferName     OfferKind = "name"     // to name the passkey that was just made
	OfferSignal   OfferKind = "signal"   // nothing to the person: the browser is told which passkeys there are
)

// Device is what a browser remembers of one person, sealed in a cookie. It orders what is offered and
// stands in for no proof.
type Device struct {
	Knows   []string  // ids of the person's enrollments that were made or used on this browser's device
	Refused bool      // "Not on this device"
	Remind  time.Time // "Remind me later": not before
	// RemindRecovery is the same for a recovery code, which is of the account and not of the device.
	RemindRecovery time.Time `json:",omitzero"`
	Signaled       string    // what the browser was last told of the person's passkeys, as its page said: see Signaled
}

// Capability is something that a browser's script found it can do.
type Capability string

const (
	CanPasskey  Capability = "passkey"  // it knows WebAuthn
	CanPlatform Capability = "platform" // the device itself can verify its user
	CanSignal   Capability = "signal"   // it can be told which passkeys are still good (WebAuthn Level 3, 5.1.10)
)

// Result is what a sign-in hands to op. op derives tokens from it and knows nothing else of it.
type Result struct {
	UserID    string
	OrgID     string
	SessionID string // the public id of the session (`sid`); it proves nothing on its own
	AMR       []string
	ACR       string
	AuthTime  time.Time
	Recovered bool     // by a recovery code
	Withheld  []string // scopes that the policy keeps from who signs in by a factor that is new
	Request   []byte   // as op gave it to Begin
	Proof     []byte   // for Recheck; op keeps it with the grant and never reads it
}
