package op

import "time"

// Client is a registered relying party or machine (OAuth 2.0 section 2, OpenID Connect Dynamic
// Client Registration 1.0 section 2 for the names).
type Client struct {
	ID                     string
	Name                   string     // shown to people
	AuthMethod             AuthMethod // token_endpoint_auth_method
	Secrets                []Secret   // at most two live ones, so that a secret can be rotated
	Native                 bool       // application_type native: loopback redirects on any port
	RedirectURIs           []string
	PostLogoutRedirectURIs []string
	Origins                []string // browsers' origins that may call the token and userinfo endpoints
	GrantTypes             []string
	Scopes                 []string // the client may ask for these and no others
	Audiences              []string // `aud` of its access tokens; the issuer where empty
	DefaultACR             []string // one of them is demanded of every sign-in (default_acr_values)
	DefaultMaxAge          *time.Duration
	ACRVoluntary           bool          // takes a lower acr than it asked for
	PKCEOptional           bool          // only for a confidential client that cannot do it
	IDTokenAlg             string        // id_token_signed_response_alg: RS256 (also when empty) or ES256
	RefreshIdle            time.Duration // 0: DefaultRefreshIdle
	RefreshOverall         time.Duration // 0: DefaultRefreshOverall
	InitiateLoginURI       string        // where a person can start again when a sign-in is lost
	Disabled               time.Time     // zero: it may be used
	Created                time.Time
	Updated                time.Time
	Version                int64 // for compare-and-set
}

// AuthMethod is how a client authenticates at the token endpoint. It is pinned per client.
type AuthMethod string

const (
	AuthNone  AuthMethod = "none"
	AuthBasic AuthMethod = "client_secret_basic"
	AuthPost  AuthMethod = "client_secret_post"
)

// Grant types.
const (
	GrantCode              = "authorization_code"
	GrantRefresh           = "refresh_token"
	GrantClientCredentials = "client_credentials"
)

// Secret is the keyed hash of a client secret of at least 256 random bits.
type Secret struct {
	Hash    []byte
	Created time.Time
	Expires time.Time // zero: does not expire
}

// SecretPurpose is the purpose under which client secrets are hashed.
const SecretPurpose = "client_secret"

const (
	// CodeLifetime is how long an authorization code is good.
	CodeLifetime = time.Minute
	// CodeMemory is how long a redeemed code is remembered, so that a second use of it is
	// noticed and ends what the first one gave.
	CodeMemory = 10 * time.Minute
	// TokenLifetime is how long access tokens and ID tokens are good.
	TokenLifetime = 5 * time.Minute
	// RefreshGrace is how long after a rotation the old refresh token still returns its successor.
	RefreshGrace = 20 * time.Second

	DefaultRefreshIdle    = 14 * 24 * time.Hour
	DefaultRefreshOverall = 90 * 24 * time.Hour
)
