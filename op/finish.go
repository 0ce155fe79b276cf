package op

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

// Finish answers the client with a code for what a sign-in proved. The request is judged anew by
// what the client has registered by now. An error means that nothing was written.
func (p *Provider) Finish(w http.ResponseWriter, r *http.Request, result login.Result) error {
	return p.conclude(w, r, result.Request, func(a request.Authorize, client Client) (url.Values, error) {
		code, err := p.issue(r, a, client, result)
		return url.Values{"code": {code}}, err
	})
}

// Fail answers the client with the OAuth error that a sign-in ended in.
func (p *Provider) Fail(w http.ResponseWriter, r *http.Request, kept []byte, oauthError string) error {
	return p.conclude(w, r, kept, func(request.Authorize, Client) (url.Values, error) {
		return nil, refuse(oauthError, failures[oauthError])
	})
}

// failures say what a client developer wants to know of how a sign-in ended.
var failures = map[string]string{
	login.ErrorLoginRequired:       "The person has to sign in.",
	login.ErrorInteractionRequired: "The person has to do something that prompt=none does not allow.",
	login.ErrorAccountSelection:    "The person has to choose an account.",
	login.ErrorUnmet:               "The requested acr cannot be reached.",
	login.ErrorAccessDenied:        "The person or a policy declined.",
	login.ErrorUnavailable:         "There were too many sign-ins from this network. Try again in a moment.",
}

// StartAgain is the path and query on our own host that begins the same request anew; empty when
// the request is not one that can be read.
func (p *Provider) StartAgain(request []byte) string {
	a, err := kept(request)
	if err != nil {
		return ""
	}
	return pathAuthorize + "?" + a.Values().Encode()
}

// StartElsewhere is StartAgain without what the request says of a person: for a browser that may be
// somebody else's.
func (p *Provider) StartElsewhere(request []byte) string {
	a, err := kept(request)
	if err != nil {
		return ""
	}
	a.LoginHint, a.IDTokenHint, a.Claims.Subject = "", "", ""
	return pathAuthorize + "?" + a.Values().Encode()
}

// InitiateLogin is where the client of a request begins a sign-in itself, told by whom (OpenID Connect
// Core 4); empty when it has registered no such address.
func (p *Provider) InitiateLogin(ctx context.Context, request []byte) (string, error) {
	a, err := kept(request)
	if err != nil {
		return "", fmt.Errorf("read request: %w", err)
	}
	client, err := p.client(ctx, a.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	if err != nil || client.InitiateLoginURI == "" {
		return "", err
	}
	address, err := url.Parse(client.InitiateLoginURI)
	if err != nil {
		return "", fmt.Errorf("initiate_login_uri of client %q: %w", client.ID, err)
	}
	query := address.Query()
	query.Set("iss", p.issuer)
	address.RawQuery = query.Encode()
	return address.String(), nil
}

// conclude sends the response of a request that login gives back: the parameters that answer says,
// or its error.
func (p *Provider) conclude(w http.ResponseWriter, r *http.Request, b []byte, answer func(request.Authorize, Client) (url.Values, error)) error {
	a, err := kept(b)
	if err != nil {
		return fmt.Errorf("read request: %w", err)
	}
	client, err := p.addressee(r, a)
	if err != nil {
		p.pageError(w, r, err)
		return nil
	}
	refused := admissible(a, client)
	if refused == nil {
		params, err := answer(a, client)
		switch {
		case err == nil:
			return p.respond(w, r, a, client, params)
		case !errors.As(err, &refused):
			_, refused = fault(r.Context(), err)
		}
	}
	return p.respondError(w, r, a, client, refused)
}

// issue makes the code for what the sign-in proved.
func (p *Provider) issue(r *http.Request, a request.Authorize, client Client, result login.Result) (string, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("new grant id: %w", err)
	}
	scopes := except(granted(a.Scopes, client), result.Withheld)
	code := token.NewCode()
	err = p.codes.SaveCode(r.Context(), code, Authorization{
		GrantID:     id.String(),
		ClientID:    client.ID,
		UserID:      result.UserID,
		OrgID:       result.OrgID,
		SessionID:   result.SessionID,
		Scopes:      scopes,
		Audiences:   audiences(scopes, client, p.issuer),
		RedirectURI: a.RedirectURI,
		Challenge:   a.Challenge,
		Nonce:       a.Nonce,
		AMR:         result.AMR,
		ACR:         result.ACR,
		AuthTime:    result.AuthTime,
		Recovered:   result.Recovered,
		Proof:       result.Proof,
	}, p.now())
	if err != nil {
		return "", storeFailed("save code", err)
	}
	return code, nil
}
