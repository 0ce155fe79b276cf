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
	// EnrollFirst inserts e if, in the same transaction, the person has no live enrollment at
	// all; otherwise ErrConflict, and nothing is written. The failures that were counted at the
	// kind are forgotten in it: a kind that was closed is open when it is set up again.
	EnrollFirst(ctx context.Context, e factors.Enrollment, trail storage.Trail) error
}

// Sessions keeps the sessions of browsers, durably.
//
// A session is found by a keyed hash of its cookie; the cookie itself is never stored.
type Sessions interface {
	// SessionByCookie finds the live session of a cookie. ErrNotFound: unknown or ended.
	SessionByCookie(ctx context.Context, cookie string) (session.Session, error)
	// Session finds a live session by its public id. ErrNotFound: unknown or ended.
	Session(ctx context.Context, id string) (session.Session, error)
	// CreateSession inserts s, found from now on by cookie.
	CreateSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error
	// RenewSession replaces evidence, last use and cookie of a live session whose version is
	// still s.Version; the old cookie is dead from then on. ErrConflict: another request was
	// first. ErrNotFound: it has ended.
	RenewSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error
	// TouchSession notes the last use. It never moves it back, and does nothing to an ended one.
	TouchSession(ctx context.Context, id string, at time.Time) error
	// EndSession ends a session, and revokes the grants that rest on it but those with
	// offline_access. Ending an ended one is no error.
	EndSession(ctx context.Context, id string, at time.Time, trail storage.Trail) error
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
