package op

import "time"

// Authorization is what a person, or a client on its own behalf, has granted to a client: what
// stands behind a code, and what every token of it says.
type Authorization struct {
	GrantID     string // UUIDv7, chosen when the code is made
	ClientID    string
	UserID      string // empty for client_credentials
	OrgID       string // the organization whose policy was met; empty for none
	SessionID   string // `sid`
	Scopes      []string
	Audiences   []string
	RedirectURI string
	Challenge   string // code_challenge (S256); empty only where the client need not send one
	Nonce       string
	AMR         []string
	ACR         string
	AuthTime    time.Time
	Recovered   bool   // a recovery code is among what was proved
	Proof       []byte // login's own record of what was proved; handed back when the grant is used again
}

// Grant is an Authorization in use: a family of refresh tokens, and what access tokens are held
// against. It is one row however often it is refreshed: the tokens of a family are derived from
// its id and generation under a key that the store does not have.
type Grant struct {
	Authorization
	Offline    bool      // offline_access: it outlives its session
	Generation int64     // of the refresh token that is good now; 0: none was issued
	Rotated    time.Time // when that generation was issued
	Created    time.Time
	IdleUntil  time.Time // a refresh moves it
	Expires    time.Time // nothing moves it
	Revoked    time.Time // zero while it is good
}

// Live reports whether the grant is good at now.
func (g Grant) Live(now time.Time) bool {
	return g.Revoked.IsZero() && now.Before(g.Expires) && now.Before(g.IdleUntil)
}
