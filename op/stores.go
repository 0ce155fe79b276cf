package op

import (
	"context"
	"net/http"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// Clients is where clients are found.
type Clients interface {
	// Client reads one. ErrNotFound: unknown or deleted. A disabled one is returned as such.
	Client(ctx context.Context, id string) (Client, error)
	// ClientOrigins lists the Origins of all clients that are not disabled, in any order: a
	// browser's preflight request names its origin and no client.
	ClientOrigins(ctx context.Context) ([]string, error)
}

// Codes keeps authorization codes and requests under way for minutes. Losing them is a nuisance
// and never a danger: a code that is not found is refused.
type Codes interface {
	// SaveCode keeps a for CodeLifetime from now.
	SaveCode(ctx context.Context, code string, a Authorization, now time.Time) error
	// TakeCode returns what the code stands for, once: of any number of callers one gets nil as
	// error. For CodeMemory afterwards the others get ErrCodeUsed, and with it an Authorization of
	// which GrantID is set. ErrNotFound: never issued, expired or lost.
	TakeCode(ctx context.Context, code string, now time.Time) (Authorization, error)
	// SaveRequest keeps an authorization request that arrived by POST from another site until
	// the same browser has come back for it by GET.
	SaveRequest(ctx context.Context, id string, request []byte, expires time.Time) error
	// Request reads one. It may be read again until it expires.
	Request(ctx context.Context, id string) ([]byte, error)
}

// Grants keeps grants, durably.
type Grants interface {
	// CreateGrant inserts g. ErrConflict: there is a grant of that id, which may be one that was
	// revoked before it was created, because its code was used twice; or, and then Grant says
	// ErrNotFound, the session that it rests on or its client has ended meanwhile.
	CreateGrant(ctx context.Context, g Grant, trail storage.Trail) error
	// Grant reads one, live or not. One that was revoked before it was created has no ClientID.
	Grant(ctx context.Context, id string) (Grant, error)
	// RotateGrant moves a grant that is not revoked from generation to generation+1 and its idle
	// end to idleUntil. ErrConflict: it has moved on already. ErrNotFound: it is revoked or gone.
	RotateGrant(ctx context.Context, id string, generation int64, now, idleUntil time.Time, trail storage.Trail) error
	// RevokeGrant revokes a grant, also one that is still to be created. Revoking twice is no
	// error and leaves the first time and no second trail.
	RevokeGrant(ctx context.Context, id string, now time.Time, trail storage.Trail) error
}

// Secrets hashes under the keys of the deployment: client secrets are recognised by it, and refresh
// tokens derived. secret.Keys is it.
type Secrets interface {
	// Hash is the keyed hash of s under the newest key.
	Hash(purpose, s string) []byte
	// Hashes is Hash under every key that is in use, newest first.
	Hashes(purpose, s string) [][]byte
	// Matches reports, in constant time for each of its keys, whether hash is that of s.
	Matches(hash []byte, purpose, s string) bool
}

// Browser is the session of the browser that sent a request. login is it.
type Browser interface {
	// Current is the live session of the browser and its person. ErrNotFound: it has none.
	Current(r *http.Request) (sessionID, userID string, err error)
	// End ends the session, with the grants that rest on it, and removes its cookie. Ending one
	// that has ended is no error.
	End(w http.ResponseWriter, r *http.Request, sessionID string) error
}

// People answers for the person behind a grant whenever the grant is used. login is it.
type People interface {
	// Recheck judges a grant anew: the person and the membership are live, the session is (unless
	// offline), and the proof still meets the policy of now, and one of floor: what the client's
	// registration demands of every sign-in. ErrDenied wraps why not. It returns the scopes that
	// policies withhold by now.
	Recheck(ctx context.Context, r login.Result, floor []string, offline bool) (withheld []string, err error)
	// Claims are what /userinfo says of the person. ErrDenied: gone or disabled.
	Claims(ctx context.Context, userID string) (login.Claims, error)
}
