package login

import (
	"context"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// Transactions is where sign-ins under way are kept, for TransactionLifetime at most. It may lose
// all of them at any time: a transaction that is not found sends the person to a page that starts
// again.
type Transactions interface {
	// CreateTransaction keeps a new transaction until tx.Expires.
	CreateTransaction(ctx context.Context, tx Transaction) error
	// Transaction reads one. ErrNotFound: unknown, expired, taken or lost.
	Transaction(ctx context.Context, id string) (Transaction, error)
	// SwapTransaction replaces the transaction of tx.ID if its version is still tx.Version, and
	// stores it under tx.Version+1 until tx.Expires. ErrConflict: another request was first.
	// ErrNotFound: it is gone.
	SwapTransaction(ctx context.Context, tx Transaction) error
	// TakeTransaction removes the transaction if its version is still version. Of any number
	// of callers one gets nil; the others get ErrConflict or ErrNotFound.
	TakeTransaction(ctx context.Context, id string, version int64) error
}

// People is what the pipeline reads about a person. Every error but ErrNotFound stops a sign-in.
type People interface {
	UserByEmail(ctx context.Context, email string) (User, error)
	User(ctx context.Context, id string) (User, error)
	// Standing reads, in one round trip, a person, all organizations of the person ordered by
	// id, and the session. ErrNotFound: no such person. A session that is unknown, ended or
	// another person's is left zero; an empty sessionID asks for none.
	Standing(ctx context.Context, userID, sessionID string) (Standing, error)
	// UpgradePassword replaces the hash of a password that was just verified, if it is still
	// old; it is no change of the password. ErrConflict: the password was changed meanwhile.
	UpgradePassword(ctx context.Context, userID, old, upgraded string) error
}

// Standing is what a sign-in or a grant is judged against.
type Standing struct {
	User    User
	Orgs    []Org
	Session session.Session
}

// Enrollments is what the pipeline reads and writes of a person's factors.
type Enrollments interface {
	// Enrollments lists the live ones, oldest first, all of them.
	Enrollments(ctx context.Context, userID string) ([]factors.Enrollment, error)
	// EnrollFirst inserts e if, in the same transaction, the person has no live enrollment at all
	// and on still stands; otherwise ErrConflict, and nothing is written. The failures that were
	// counted at the kind are forgotten in it: a kind that was closed is open when it is set up
	// again. factors.ErrTaken: a live enrollment, of anybody, has the handle of e.
	EnrollFirst(ctx context.Context, e factors.Enrollment, on Grounds, trail storage.Trail) error
}

// Additions sets up more than the first factor.
type Additions interface {
	// AddEnrollment inserts e beside the others, if on still stands; otherwise ErrConflict, also when
	// the person has MaxOfKind of the kind. With replace it removes, in the same transaction, every
	// other of the kind. factors.ErrTaken: a live enrollment, of anybody, has the handle of e.
	AddEnrollment(ctx context.Context, e factors.Enrollment, on Grounds, replace bool, trail storage.Trail) error
	// ReplaceRecovery inserts e, whose Secret is a recovery code, in the place of the one that the
	// person has, if on still stands; otherwise ErrConflict, also when e was inserted before. What
	// was proved with a code that is gone still counts.
	ReplaceRecovery(ctx context.Context, e factors.Enrollment, on Grounds, trail storage.Trail) error
	// RenameEnrollment gives a live enrollment of the person a name, if on still stands; otherwise
	// ErrConflict. ErrNotFound: there is none.
	RenameEnrollment(ctx context.Context, userID, enrollmentID, name string, on Grounds, trail storage.Trail) error
}

// MaxOfKind is how many factors of one kind a person may have set up: more than anybody has devices, and
// few enough to be listed in one ceremony and on one page.
const MaxOfKind = 100

// Removals takes factors away. It is for the account pages; support resets by another way.
type Removals interface {
	// RemoveEnrollment takes a factor from a person, if r.On still stands, and with it a recovery
	// code that would be alone then. What is taken has its secret erased; that it was there stays on
	// record. trail is called with what else was removed and returns the events to write in the same
	// transaction. It may be called several times, because the transaction may be retried, so it must
	// have no side effects. ErrConflict: r.On does not stand, or none of r.Keep would be left.
	// ErrNotFound: it is gone, or another person's.
	RemoveEnrollment(ctx context.Context, r Removal, trail func(Removed) storage.Trail) error
	// SetDefault keeps what the person wants to be asked for first, if on still stands; otherwise
	// ErrConflict. Empty: nothing.
	SetDefault(ctx context.Context, userID string, k factors.Kind, on Grounds, at time.Time, trail storage.Trail) error
	// ChangePassword replaces the password of a person, gives the session that asked its evidence and
	// its cookie, ends every other one, and revokes every grant, offline ones too, also those of this
	// session: they were given for the password before. The failures at the password and at mailed
	// codes are forgotten with it: whoever guessed at them knew the one before. The links that are
	// not finished are worthless, but those of trail: whoever copied one could take the password away
	// again. ErrConflict: the password was changed meanwhile, or the session is not as it was read, or
	// the person may not sign in.
	ChangePassword(ctx context.Context, p NewPassword, trail storage.Trail) error
}

// Removal is a factor that is to be taken from a person.
type Removal struct {
	UserID, EnrollmentID string
	On                   Grounds
	At                   time.Time
	Keep                 []factors.Kind // the person has to keep a live enrollment of one of them; none: it may be the last
	Others               bool           // end every session but SessionID, as EndOthers does
	SessionID            string
}

// Removed is what was done besides taking a factor away.
type Removed struct {
	Recovery bool // the recovery code went too
	Others   bool // there were sessions or grants to be ended
}

// NewPassword is what a person put in the place of the password.
type NewPassword struct {
	Old     int64     // User.Passwords of the one that it replaces: the new one is Old+1
	Hash    string    // of the new one
	Mail    time.Time // User.PasswordMail from now on
	At      time.Time
	Session session.Session // the one that asked, with its evidence as it is to be
	Cookie  string          // by which it is found from now on; the old cookie is dead
}

// History is what the account page shows of a person.
type History interface {
	// SessionsOf lists the sessions that have not ended, the newest first, all of them.
	SessionsOf(ctx context.Context, userID string) ([]session.Session, error)
	// EventsOf lists the latest events of a person that are of one of the types, the newest first, at
	// most n.
	EventsOf(ctx context.Context, userID string, types []storage.EventType, n int) ([]storage.Event, error)
	// EndOthers ends every session of a person but keep (empty: every one), and revokes every grant,
	// offline ones too, but those that rest on keep. What was proved before at counts from then on
	// in no session but keep (User.ShutOut). It says how many sessions there were. With keep nothing
	// is left behind when there was nothing to end.
	EndOthers(ctx context.Context, userID, keep string, at time.Time, trail storage.Trail) (int, error)
}

// Tickets lets people in whom support let in.
type Tickets interface {
	// BurnTicket uses up the person's enrollment ticket, with the trail: of any number of callers
	// with the right code one gets nil. ErrNotFound: it is not the code, or is used, too old or
	// replaced.
	BurnTicket(ctx context.Context, userID, code string, at time.Time, trail storage.Trail) error
}

// Leaves counts how often people put off setting up a factor.
type Leaves interface {
	// PutOff counts one more for the sign-in by, if it is still used times. What was last counted is
	// counted once, however often by asks: then nothing is left behind. ErrConflict: another sign-in
	// was first.
	PutOff(ctx context.Context, userID, orgID, by string, used int, trail storage.Trail) error
}

// Outbox knows how far a mail has come.
type Outbox interface {
	// MailState is for a mail of a trail. ErrNotFound: no such mail.
	MailState(ctx context.Context, id string) (storage.MailState, error)
}

// Link is what became of a "this was not me".
type Link struct {
	UserID       string
	EnrollmentID string // what was set up; empty where the mail was about something else
	At, Expires  time.Time
	Pressed      time.Time // zero: not yet
	PasswordHash string    // of the password that pressing it took away, until it is finished; empty: there was none
	Finished     time.Time // a new password was set by it; zero: not yet
}

// Links are the "this was not me" of mails.
type Links interface {
	// Link finds one by its token. ErrNotFound: no such token.
	Link(ctx context.Context, token string) (Link, error)
	// Repudiate presses it, once: nothing counts that was proved before at (User.Since), every
	// session ends, every grant is revoked, the password is emptied (Link.PasswordHash) and, with
	// undo, every enrollment that was created after it is removed, whatever the link is about: all of
	// them may be in the same hands. A recovery code that would be alone then goes with them.
	// ErrConflict: it was pressed, or is past its time.
	Repudiate(ctx context.Context, token string, undo, at time.Time, trail storage.Trail) error
	// Renew sets a password, once, by a link that was pressed and has not expired, and notes that
	// it rests on the mailbox (User.PasswordMail). Every session ends, and every grant is revoked; it
	// forgets failures, and makes the person's other links worthless, as ChangePassword does.
	// ErrConflict: not, or not any more.
	Renew(ctx context.Context, token, hash string, at time.Time, trail storage.Trail) error
}

// Sessions keeps the sessions of browsers, durably.
//
// A session is found by a keyed hash of its cookie; the cookie itself is never stored.
type Sessions interface {
	// SessionByCookie finds the live session of a cookie. ErrNotFound: unknown or ended.
	SessionByCookie(ctx context.Context, cookie string) (session.Session, error)
	// Session finds a live session by its public id. ErrNotFound: unknown or ended.
	Session(ctx context.Context, id string) (session.Session, error)
	// CreateSession inserts s, found from now on by cookie. ErrNotFound: the person is gone or
	// disabled, or some of the evidence was made worthless meanwhile (User.Since, User.Passwords,
	// User.ShutOut).
	CreateSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error
	// RenewSession replaces evidence, last use and cookie of a live session whose version is
	// still s.Version; the old cookie is dead from then on. ErrConflict: another request was
	// first. ErrNotFound: it has ended, or some of the evidence was made worthless meanwhile.
	RenewSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error
	// TouchSession notes the last use. It never moves it back, and does nothing to an ended one.
	TouchSession(ctx context.Context, id string, at time.Time) error
	// EndSession ends a session, and revokes the grants that rest on it: those with offline_access
	// only if all is set. Ending an ended one is no error.
	EndSession(ctx context.Context, id string, all bool, at time.Time, trail storage.Trail) error
}

// Audit keeps what happened without a change that it could be written beside.
type Audit interface {
	// Record writes a trail by itself.
	Record(ctx context.Context, trail storage.Trail) error
}

// Attempts counts failures by person and kind. The counts are durable: they survive the loss of
// the short-lived store.
type Attempts interface {
	// Attempt reads the count of a key; the zero Attempt for one never seen.
	Attempt(ctx context.Context, key string) (limit.Attempt, error)
	// SwapAttempt writes next if the count is still old, and the trail with it; otherwise
	// ErrConflict.
	SwapAttempt(ctx context.Context, key string, old, next limit.Attempt, trail storage.Trail) error
}
