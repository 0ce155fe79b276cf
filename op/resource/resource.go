package resource

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is what a resource server knows of its provider and of itself.
type Config struct {
	// Issuer is the provider, exactly as its tokens say `iss`. It is https, but for a provider on
	// the same machine.
	Issuer string

	// Audience is the identifier of this API: one of the values of `aud`. Each API needs its own.
	// With one that it shares, with a client id or with the issuer, it would take tokens that were
	// made for somebody else.
	Audience string

	// Algorithms are those that tokens may be signed with; ES256 and RS256 where empty. Those that
	// know a shared secret (HS256) are refused by New.
	Algorithms []string

	// HTTP asks the provider. Nil: an ordinary client. Redirects are not followed.
	HTTP *http.Client

	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Server is the resource server of one API. It is safe for concurrent use.
type Server struct {
	issuer, audience string
	algorithms       []string
	keys             *keys
	confirmed        *confirmed
	now              func() time.Time
}

// New returns a Server. It asks nothing of the provider yet, so that an API starts whether or not
// the provider is up.
func New(c Config) (*Server, error) {
	if c.Audience == "" {
		return nil, errors.New("resource: Audience is not set")
	}
	if c.Audience == c.Issuer {
		return nil, errors.New("resource: Audience is the issuer's: an API needs its own")
	}
	if err := checkIssuer(c.Issuer); err != nil {
		return nil, err
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"ES256", "RS256"}
	}
	for _, a := range c.Algorithms {
		if !asymmetric[a] {
			return nil, fmt.Errorf("resource: algorithm %q is not one of a public key", a)
		}
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Server{
		issuer: c.Issuer, audience: c.Audience, algorithms: append([]string(nil), c.Algorithms...),
		keys: newKeys(c.Issuer, c.HTTP, c.Now), confirmed: &confirmed{half: liveTokens}, now: c.Now,
	}, nil
}

// asymmetric are the algorithms of RFC 7518 and RFC 8037 in which who can verify cannot sign.
var asymmetric = map[string]bool{
	"ES256": true, "ES384": true, "ES512": true, "RS256": true, "RS384": true, "RS512": true,
	"PS256": true, "PS384": true, "PS512": true, "EdDSA": true,
}

func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fmt.Errorf("resource: issuer %q is not an address", issuer)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("resource: issuer %q has to be https", issuer)
}

func loopback(host string) bool { return host == "localhost" || host == "127.0.0.1" || host == "::1" }

// Require is what an operation asks of an access token, beside being good. The zero Require asks
// for nothing more.
type Require struct {
	// ACR lists every level of sign-in that will do, the preferred one first: the token's `acr` has
	// to be one of them. A value fulfils another one only if both are listed (see Implying). Empty:
	// any level.
	ACR []string

	// MaxAge is how long ago the sign-in may have been (`auth_time`: the oldest of its proofs). 0:
	// any time. Keep it to minutes: a person who has just proved it needs a moment to get here.
	MaxAge time.Duration

	// Scopes have all to be granted.
	Scopes []string

	// Live asks the provider besides whether the grant behind the token still holds: a sign-out, a
	// factor that was removed, or an account that was reset ends it at once, and its access tokens
	// are good by themselves for up to five minutes more. It is for what cannot be undone, and costs
	// a request to the provider's userinfo endpoint every 30 seconds for each token.
	//
	// Only a token of a person, with the scope openid, can be asked about: that scope is needed then
	// too, and a client's own token never passes.
	Live bool
}

// Protect lets only requests pass to next whose access token fulfils need; next finds the token
// with From. The others are answered as RFC 6750 and RFC 9470 say.
//
// The token is taken from the Authorization header and from nowhere else. It panics on a need that
// no token can fulfil or no challenge can say, as that is a mistake in the program.
func (s *Server) Protect(need Require, next http.Handler) http.Handler {
	if err := need.check(); err != nil {
		panic("resource: " + err.Error())
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t, err := s.admit(r, need)
		if err != nil {
			refuse(w, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), contextKey{}, t)))
	})
}

type contextKey struct{}

// From is the access token that Protect let pass. It reports false for a request that came another
// way.
func From(ctx context.Context) (Token, bool) {
	t, ok := ctx.Value(contextKey{}).(Token)
	return t, ok
}

// admit is the access token of a request, if it fulfils need. The provider is asked last: not for a token
// that will not do whatever it says.
func (s *Server) admit(r *http.Request, need Require) (Token, error) {
	raw, err := bearer(r)
	if err != nil {
		return Token{}, err
	}
	t, err := s.Verify(r.Context(), raw)
	if err == nil {
		err = need.Fulfilled(t, s.now())
	}
	if err == nil && need.Live {
		err = s.holds(r.Context(), raw, t)
	}
	if errors.Is(err, ErrToken) {
		err = errBadToken
	}
	return t, err
}

// bearer reads the access token of a request.
func bearer(r *http.Request) (string, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) > 1 {
		return "", &Refusal{http.StatusBadRequest, Challenge{Code: "invalid_request", Description: "The request has more than one Authorization header."}}
	}
	scheme, raw, _ := strings.Cut(strings.Join(headers, ""), " ")
	if raw = strings.Trim(raw, " "); !strings.EqualFold(scheme, "Bearer") || raw == "" {
		return "", errNoToken
	}
	return raw, nil
}

// check reports what is wrong with a need itself.
func (need Require) check() error {
	if need.MaxAge != 0 && need.MaxAge < time.Second {
		return fmt.Errorf("MaxAge is %s: it has to be a second at least", need.MaxAge)
	}
	for _, v := range append(append([]string(nil), need.ACR...), need.Scopes...) {
		if !speakable(v) {
			return fmt.Errorf("%q is neither an acr nor a scope: it has to be visible ASCII without quotes and backslashes", v)
		}
	}
	return nil
}

// Fulfilled reports as a *Refusal why a token is not enough at now; nil when it is.
//
// Scopes are judged first, as another sign-in does not get more of them. What is said of a sign-in
// that is too weak or too old is always all that is needed, so that one new sign-in will do.
//
// It asks nobody. Of Live it judges the scope, and no more: the token has to come from Server.Live.
func (need Require) Fulfilled(t Token, now time.Time) error {
	scopes := need.Scopes
	if need.Live && !slices.Contains(scopes, scopeOpenID) {
		scopes = append([]string{scopeOpenID}, scopes...)
	}
	if !containsAll(t.Scopes, scopes) {
		return &Refusal{http.StatusForbidden, Challenge{
			Code: "insufficient_scope", Description: "The access token has not got the scope that is needed.", Scopes: scopes,
		}}
	}
	var why string
	switch {
	case len(need.ACR) > 0 && !slices.Contains(need.ACR, t.ACR):
		why = "A stronger sign-in is needed."
	case need.MaxAge > 0 && !recent(t.AuthTime, need.MaxAge, now):
		why = "A more recent sign-in is needed."
	default:
		return nil
	}
	c := Challenge{Code: InsufficientAuthentication, Description: why, ACR: need.ACR}
	if need.MaxAge > 0 {
		age := need.MaxAge.Truncate(time.Second)
		c.MaxAge = &age
	}
	return &Refusal{http.StatusUnauthorized, c}
}

// recent reports whether at is no longer ago than age. Skew is added to it: what was young enough
// when the provider looked still is when its token arrives.
func recent(at time.Time, age time.Duration, now time.Time) bool {
	since := now.Sub(at)
	return !at.IsZero() && since >= -Skew && since <= age+Skew
}

func containsAll(have, need []string) bool {
	for _, n := range need {
		if !slices.Contains(have, n) {
			return false
		}
	}
	return true
}
