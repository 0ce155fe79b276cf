package storage

import (
	"context"
	"time"
)

// Trail is what a change leaves behind. A store writes it in the transaction of the change, so
// that neither can exist without the other.
type Trail struct {
	Events []Event
	Mails  []Mail
	Links  []Link
}

// Link is a "this was not me" of a mail: who holds its token can say that a change was somebody
// else's. The store keeps a keyed hash of the token.
type Link struct {
	Token        string // 256 random bits, in the mail's text and nowhere else
	UserID       string
	EnrollmentID string // what was set up, when that is what the mail is about
	At, Expires  time.Time
}

// With returns a trail of one event.
func With(e Event) Trail { return Trail{Events: []Event{e}} }

// Event is one row of the audit log. It is only ever inserted.
type Event struct {
	ID        string // UUIDv7, given by the store where it is empty
	At        time.Time
	Type      EventType
	UserID    string
	OrgID     string
	ClientID  string
	SessionID string            // the public session id (sid), never the cookie
	Detail    map[string]string // never a secret, a code, a token or a mail address typed by a stranger
	Origin    Origin            // given by the store from the context where it is zero
}

// EventType names what happened, in the form of OWASP's Logging Vocabulary Cheat Sheet; events it has no
// name for follow the same pattern.
type EventType string

const (
	SignedIn          EventType = "authn_login_success"
	SignInFailed      EventType = "authn_login_fail"
	SignInUnmet       EventType = "authn_login_unmet" // it is not what the client, or its request, demands
	Locked            EventType = "authn_login_lock"
	PasswordChanged   EventType = "authn_password_change"
	Enrolled          EventType = "authn_factor_enrolled"
	FactorRemoved     EventType = "authn_factor_removed"
	FactorRenamed     EventType = "authn_factor_renamed"
	FactorSuspect     EventType = "authn_factor_suspect" // the counter of a key went back
	DefaultChanged    EventType = "authn_default_changed"
	EnrollmentPutOff  EventType = "authn_enroll_put_off"
	TicketCreated     EventType = "authn_ticket_created"
	TicketUsed        EventType = "authn_ticket_used"
	CeremonyFailed    EventType = "authn_ceremony_fail" // a browser could not make or use a passkey
	DeviceLost        EventType = "authn_device_lost"   // reported at a sign-in
	HelpShown         EventType = "authn_help_shown"    // a page told a person whom to ask, with the request id of this event
	CodeSent          EventType = "authn_code_sent"
	Repudiated        EventType = "authn_repudiated" // "this was not me"
	RecoveryUsed      EventType = "authn_recovery_used"
	TokenCreated      EventType = "authn_token_created"
	TokenRevoked      EventType = "authn_token_revoked"
	TokenReused       EventType = "authn_token_reuse"
	SessionCreated    EventType = "session_created"
	SessionRenewed    EventType = "session_renewed"
	SessionEnded      EventType = "session_logout"
	SequenceFailed    EventType = "sequence_fail"
	UserCreated       EventType = "user_created"
	UserUpdated       EventType = "user_updated"
	UserDeleted       EventType = "user_deleted"
	OrgChanged        EventType = "privilege_permissions_changed"
	MembershipChanged EventType = "privilege_membership_changed"
	ClientChanged     EventType = "client_changed"
	KeyCreated        EventType = "signing_key_created"
)

// Mail is one message to be sent. Its text is ready: nothing is rendered between the commit and
// the wire.
type Mail struct {
	ID      string // UUIDv7, given by the store where it is empty
	UserID  string // its person
	To      string // an address that the store knows of its person, never one that a request carried
	Subject string
	Text    string
	At      time.Time
	Expires time.Time // not sent after; zero: whenever it can be
	Tries   int       // how often a worker has taken it; counted by the store
}

// MailState is how far a mail has come.
type MailState string

const (
	MailWaiting MailState = "waiting" // nobody has tried to send it
	MailSent    MailState = "sent"    // the mail server has taken it
	MailDelayed MailState = "delayed" // a try failed; there will be another
	MailRefused MailState = "refused" // given up
)

// Origin is where a request came from. cmd puts it in the context of every request.
type Origin struct {
	RequestID string // what an error page shows as reference and the log has too
	IP        string // by the rightmost trusted proxy
	UserAgent string // at most 256 bytes
	Platform  string // the operating system that the browser names by itself (Sec-CH-UA-Platform), without quotes, at most 64 bytes
}

type (
	originKey struct{}
	trailKey  struct{}
)

// WithTrail returns a context that carries t. It is for the changes that a factor makes in its
// store (burning a recovery code): a factor knows no trail, and the store writes this one in the
// transaction of the change. Every other method of a store takes its trail as an argument.
func WithTrail(ctx context.Context, t Trail) context.Context {
	return context.WithValue(ctx, trailKey{}, t)
}

// TrailOf returns the trail that ctx carries, or an empty one.
func TrailOf(ctx context.Context) Trail {
	t, _ := ctx.Value(trailKey{}).(Trail)
	return t
}

// WithOrigin returns a context that carries o.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginOf returns the origin that ctx carries, or the zero Origin (a command, a background job).
func OriginOf(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}
