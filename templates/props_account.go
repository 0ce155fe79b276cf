package templates

import "time"

// Account is /account: what protects this account, where it is signed in, what happened.
type Account struct {
	Frame
	Name, Email string
	Org         string // whose policy binds; empty for none
	Off         bool   // which asks nobody for a second step
	Factors     []Factor
	Recovery    Recovery
	Default     string   // the kind that is asked for first; empty: the organization's order
	Choices     []string // the kinds that may be chosen as default; fewer than two: nothing to choose
	AddTOTP     string   // link; empty: not allowed by the organization
	AddPasskey  string   // link; empty: not allowed, or none in this deployment
	DefaultPage string   // link
	Password    string   // link; empty: the person has none
	PasswordSet time.Time
	Devices     []Device
	Others      string // link to end all other sessions; empty: there are none
	Activity    []Activity
	Trust       string // POST here to be asked again to trust this device; empty: it was not refused here
	SignOut     string // link to sign out here
	Signals     Signals
	Done        Text // what was just changed; zero: nothing
	Problem     Text
}

// Factor is something that a person has set up.
type Factor struct {
	Kind     string // "totp" or "passkey"
	Name     string
	Place    string // of a passkey: "device", "synced", "key"
	Keeper   string // of a synced passkey, what carries it: "iCloud Keychain"; empty: not known
	Created  time.Time
	LastUsed time.Time // zero: never
	Here     bool      // made or used on this browser
	Barred   bool      // the organization does not allow it: it is not asked for
	Held     time.Time // until when it is new and does not open everything; zero: it does
	Link     string    // to its page; empty where it is only shown
}

// Recovery is what there is of a recovery code.
type Recovery struct {
	Has     bool
	Created time.Time
	New     string // link to get a new one; empty: not allowed
}

// Device is a session.
type Device struct {
	Name     string // "Safari on an iPhone"
	Phone    bool   // it is one that is held in a hand
	Address  string // the network address where it was last proved
	Created  time.Time
	LastUsed time.Time
	Here     bool   // it is this browser
	Link     string // to end it; empty for the one that is here
}

// Activity is one thing that happened, in plain words.
type Activity struct {
	What    Text // a message key, activity.*
	At      time.Time
	Device  string
	Address string
	Odd     bool // something that the person should recognise: a failure, a removal
}

// FactorPage is one factor: its name can be changed, or it can be removed.
type FactorPage struct {
	Frame
	Factor Factor
	Rename string // POST: field `name`
	Remove string // POST: field `others` (checkbox): sign out everywhere else too
	Last   bool   // it cannot be removed: the organization demands a factor and there is no other

	Recovery bool // the recovery code is removed with it
	Alone    bool // nothing but the password is left then
	Back     string
	Problem  Text
}

// DefaultPage chooses what is asked for first.
type DefaultPage struct {
	Frame
	Action  string // field `method`; empty value: the usual order
	Choices []string
	Default string
	Back    string
}

// PasswordPage sets a new password: from the account page, or by the link of a mail.
type PasswordPage struct {
	Frame
	Action  string // fields `current`, which a link's page has not, and `password`
	Email   string
	Min     int // code points
	ByLink  bool
	Back    string // empty: none
	Current Text   // the problem of the current password
	Problem Text   // that of the new one
}

// Confirm asks before something that cannot be taken back.
type Confirm struct {
	Frame
	Title   Text
	Body    []Text
	Ways    []string // kinds of ways to sign in, which the last of Body tells of
	Device  Device   // what it is about; zero Name: nothing
	Action  string   // POST
	Button  Text
	Danger  bool
	Back    string
	Problem Text
}
