package op

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// authorize begins a sign-in for a client. Until the client and its redirect URI are known, what is
// wrong is shown on a page; from then on it is the client's to hear.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request, values url.Values) error {
	a, refused := request.ParseAuthorize(values)
	if refused != nil && refused.Page {
		return refused
	}
	client, err := p.addressee(r, a)
	if err != nil {
		return err
	}
	if refused == nil {
		refused = admissible(a, client)
	}
	if refused != nil {
		return p.respondError(w, r, a, client, refused)
	}
	subject, refused := p.subject(a)
	if refused != nil {
		return p.respondError(w, r, a, client, refused)
	}
	if err := p.begin(w, r, demand(a, client, subject), keep(a, subject)); err != nil {
		_, shown := fault(r.Context(), storeFailed("begin sign-in", err))
		return p.respondError(w, r, a, client, shown)
	}
	return nil
}

// keepAuthorize keeps a request that came by POST, unless it could only end on an error page: what a
// stranger sends is not worth keeping.
func (p *Provider) keepAuthorize(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	a, refused := request.ParseAuthorize(values)
	if refused != nil && refused.Page {
		return refused
	}
	client, err := p.addressee(r, a)
	if err != nil {
		return err
	}
	if refused != nil {
		return p.respondError(w, r, a, client, refused)
	}
	return p.keepPosted(w, r, pathAuthorize, a.Values())
}

// authorizeGone is for who comes back to a request that is not kept any more.
func (p *Provider) authorizeGone(w http.ResponseWriter, r *http.Request) error {
	p.notice(w, r, http.StatusGone, templates.Notice{
		Title: templates.Text{Key: "notice.expired.title"},
		Body:  []templates.Text{{Key: "notice.expired.body"}, {Key: "notice.gone.norestart"}},
	})
	return nil
}

// addressee is the client of a request, once it is certain that the redirect URI is its own.
func (p *Provider) addressee(r *http.Request, a request.Authorize) (Client, error) {
	client, err := p.client(r.Context(), a.ClientID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Client{}, refuse(request.InvalidRequest, "client_id is not that of a client of ours.")
	case err != nil:
		return Client{}, err
	case !request.RedirectAllowed(client.RedirectURIs, client.Native, a.RedirectURI):
		return Client{}, refuse(request.InvalidRequest, "redirect_uri is not registered for the client.")
	}
	return client, nil
}

// admissible judges a request by what its client has registered.
func admissible(a request.Authorize, c Client) *request.Error {
	if !slices.Contains(c.GrantTypes, GrantCode) {
		return refuse(request.UnauthorizedClient, "The client is not registered for this flow.")
	}
	return a.CheckChallenge(c.PKCEOptional && c.AuthMethod != AuthNone)
}

// subject is the one person that the request admits: of the id_token_hint, which is only believed
// when it is an ID token of ours, or of the claims request. Empty admits everybody.
func (p *Provider) subject(a request.Authorize) (string, *request.Error) {
	if a.IDTokenHint == "" {
		return a.Claims.Subject, nil
	}
	hint, err := token.ParseHint(p.keys, a.IDTokenHint, p.issuer)
	switch {
	case err != nil:
		return "", refuse(request.InvalidRequest, "id_token_hint is not an ID token of ours.")
	case a.Claims.Subject != "" && a.Claims.Subject != hint.Subject:
		return "", refuse(login.ErrorLoginRequired, "id_token_hint and claims name two people.")
	}
	return hint.Subject, nil
}

// demand is what the request and the registration ask of the sign-in.
func demand(a request.Authorize, c Client, subject string) login.Demand {
	acr, essential := a.ACR()
	d := login.Demand{
		App:       login.App{Name: c.Name, Origins: append([]string{originOf(a.RedirectURI)}, c.Origins...)},
		ACR:       acr,
		Essential: essential,
		Voluntary: c.ACRVoluntary,
		FloorACR:  c.DefaultACR,
		MaxAge:    a.MaxAge,
		Fresh:     a.Prompts(oidc.PromptLogin),
		Silent:    a.Prompts(oidc.PromptNone),
		Select:    a.Prompts(oidc.PromptSelectAccount),
		Subject:   subject,
		LoginHint: a.LoginHint,
		Org:       a.Organization,
		Locales:   a.UILocales,
	}
	if d.MaxAge == nil {
		d.MaxAge = c.DefaultMaxAge
	}
	return d
}

// granted are the scopes that a client gets: of those it asked for the ones it is registered for.
// The others are dropped, and the token response says so (RFC 6749 section 3.3).
func granted(asked []string, c Client) []string {
	return slices.DeleteFunc(slices.Clone(asked), func(s string) bool {
		return !slices.Contains(c.Scopes, s) ||
			s == oidc.ScopeOfflineAccess && !slices.Contains(c.GrantTypes, GrantRefresh)
	})
}

// audiences are who the access tokens of a grant are for: with openid the userinfo endpoint too.
func audiences(scopes []string, c Client, issuer string) []string {
	out := slices.Clone(c.Audiences)
	if len(out) == 0 || slices.Contains(scopes, oidc.ScopeOpenID) && !slices.Contains(out, issuer) {
		out = append(out, issuer)
	}
	return out
}

// keptForm is how a kept request begins: the version of what follows.
const keptForm = "v1?"

// keep is a request as login has it until it is done: its parameters in their canonical form, in
// which the hint is replaced by whom it names. What the registration makes of them is judged anew
// when it comes back.
func keep(a request.Authorize, subject string) []byte {
	a.IDTokenHint, a.Claims.Subject = "", subject
	return []byte(keptForm + a.Values().Encode())
}

// kept reads what keep wrote. Its errors say nothing of the parameters.
func kept(b []byte) (request.Authorize, error) {
	encoded, ok := strings.CutPrefix(string(b), keptForm)
	if !ok {
		return request.Authorize{}, errors.New("kept request is not of a form that is known")
	}
	values, refused := request.ParseForm(encoded)
	if refused != nil {
		return request.Authorize{}, refused
	}
	a, refused := request.ParseAuthorize(values)
	if refused != nil {
		return request.Authorize{}, refused
	}
	return a, nil
}
