package op

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

// person is the answer of the userinfo endpoint. A claim that is not known is left out.
type person struct {
	Subject       string `json:"sub"`
	Name          string `json:"name,omitempty"`
	Locale        string `json:"locale,omitempty"`
	Updated       int64  `json:"updated_at,omitempty"`
	Email         string `json:"email,omitempty"`
	EmailVerified *bool  `json:"email_verified,omitempty"`
}

// userinfo tells who holds an access token what its scopes let be said of the person (OpenID
// Connect Core 5.3). The token alone does not do: its grant has to live, and the person behind it
// still to meet what the grant was given for.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) error {
	claims, err := p.bearer(r)
	if err != nil {
		return errors.Join(err, p.allowKnownOrigin(w, r))
	}
	client, err := p.client(r.Context(), claims.ClientID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errTokenEnded
	case err != nil:
		return err
	}
	allowOrigin(w, r, client)
	scopes := strings.Fields(claims.Scope)
	if !slices.Contains(scopes, oidc.ScopeOpenID) {
		return &bearerError{http.StatusForbidden, "insufficient_scope", "The token has not got the scope openid."}
	}
	if err := p.holds(r, client, claims); err != nil {
		return err
	}
	known, err := p.people.Claims(r.Context(), claims.Subject)
	switch {
	case errors.Is(err, login.ErrDenied):
		return errTokenEnded
	case err != nil:
		return storeFailed("read claims", err)
	}
	return writeJSON(w, http.StatusOK, say(claims.Subject, known, scopes))
}

// bearer reads the access token of a request: from the Authorization header, or from the form of a
// POST, never from the address (RFC 6750 section 2).
func (p *Provider) bearer(r *http.Request) (token.AccessClaims, error) {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		given = ""
	}
	if r.Method == http.MethodPost {
		values, err := form(r)
		if err != nil && !errors.Is(err, errNotForm) { // another body is not for us to read
			return token.AccessClaims{}, err
		}
		inForm := values["access_token"]
		if len(inForm) > 1 || (len(inForm) == 1 && given != "") {
			return token.AccessClaims{}, &bearerError{http.StatusBadRequest, "invalid_request", "The access token has to come once."}
		}
		if len(inForm) == 1 {
			given = inForm[0]
		}
	}
	given = strings.TrimSpace(given)
	if given == "" {
		return token.AccessClaims{}, &bearerError{status: http.StatusUnauthorized}
	}
	claims, err := token.ParseAccess(p.keys, given, p.issuer, p.now())
	if err != nil || !slices.Contains(claims.Audience, p.issuer) {
		return token.AccessClaims{}, errTokenEnded
	}
	return claims, nil
}

// holds reports as an error that the grant behind an access token does not hold any more.
func (p *Provider) holds(r *http.Request, client Client, claims token.AccessClaims) error {
	if claims.GrantID == "" {
		return errTokenEnded // a client's own token: there is no person
	}
	g, err := p.grants.Grant(r.Context(), claims.GrantID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errTokenEnded
	case err != nil:
		return storeFailed("read grant", err)
	case !g.Live(p.now()), g.UserID != claims.Subject, g.ClientID != claims.ClientID:
		return errTokenEnded
	}
	if _, err := p.recheck(r.Context(), client, g); errors.Is(err, login.ErrDenied) {
		return errTokenEnded
	} else if err != nil {
		return err
	}
	return nil
}

// say is what the scopes let be said (OpenID Connect Core 5.4).
func say(subject string, known login.Claims, scopes []string) person {
	out := person{Subject: subject}
	if slices.Contains(scopes, oidc.ScopeProfile) {
		out.Name, out.Locale = known.Name, known.Locale
		if !known.Updated.IsZero() {
			out.Updated = known.Updated.Unix()
		}
	}
	if slices.Contains(scopes, oidc.ScopeEmail) && known.Email != "" {
		out.Email, out.EmailVerified = known.Email, &known.EmailVerified
	}
	return out
}

// bearerError is the answer to a bad access token (RFC 6750 section 3). Without a code it only
// says that one is needed.
type bearerError struct {
	status            int
	code, description string
}

func (e *bearerError) Error() string { return "bearer token: " + e.code }

// errTokenEnded is the same for whatever is wrong with a token.
var errTokenEnded = &bearerError{http.StatusUnauthorized, "invalid_token", "The access token is not valid or has ended."}

func (e *bearerError) write(w http.ResponseWriter) {
	challenge := "Bearer"
	if e.code != "" {
		challenge += ` error="` + e.code + `", error_description="` + e.description + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	writeError(w, e.status, e.code, e.description)
}
