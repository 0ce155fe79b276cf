package optest

import (
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// App is a relying party. It does everything right unless it is told otherwise.
type App struct {
	Issuer      string
	ID          string
	Secret      string // empty: a public client
	InBody      bool   // client_secret_post instead of client_secret_basic
	RedirectURI string
	Scopes      string // "openid profile email" where empty

	t testing.TB
}

// NewApp is the app of a test.
func NewApp(t testing.TB, a App) *App {
	if a.Scopes == "" {
		a.Scopes = "openid profile email"
	}
	a.t = t
	return &a
}

// Flow is one authorization request of an app, and what the app has to remember of it.
type Flow struct {
	App      *App
	Params   url.Values
	State    string
	Nonce    string
	Verifier string
}

// Option changes an authorization request.
type Option func(url.Values)

// With sets a parameter.
func With(name, value string) Option { return func(v url.Values) { v.Set(name, value) } }

// Without leaves parameters out.
func Without(names ...string) Option {
	return func(v url.Values) {
		for _, name := range names {
			v.Del(name)
		}
	}
}

// Begin makes an authorization request.
func (a *App) Begin(options ...Option) *Flow {
	f := &Flow{App: a, State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier()}
	f.Params = url.Values{
		"response_type":         {"code"},
		"client_id":             {a.ID},
		"redirect_uri":          {a.RedirectURI},
		"scope":                 {a.Scopes},
		"state":                 {f.State},
		"nonce":                 {f.Nonce},
		"code_challenge":        {oauth2.S256ChallengeFromVerifier(f.Verifier)},
		"code_challenge_method": {"S256"},
	}
	for _, o := range options {
		o(f.Params)
	}
	return f
}

// URL is where the app sends the browser.
func (f *Flow) URL() string { return f.App.Issuer + "/authorize?" + f.Params.Encode() }

// Response is the authorization response that a walk ended in. It has to have come to the app's
// callback, with the state and the issuer (RFC 9207) that belong to it.
func (f *Flow) Response(p *Page) url.Values {
	f.App.t.Helper()
	response := p.Response(f.Params.Get("redirect_uri"))
	if response == nil {
		f.App.t.Fatalf("the app got no response; the walk ended on %s", p)
	}
	if got := response.Get("iss"); got != f.App.Issuer {
		f.App.t.Fatalf("iss is %q, want %q", got, f.App.Issuer)
	}
	if got := response.Get("state"); got != f.Params.Get("state") {
		f.App.t.Fatalf("state is %q, want %q", got, f.Params.Get("state"))
	}
	return response
}

// Code is the code that a walk ended in.
func (f *Flow) Code(p *Page) string {
	f.App.t.Helper()
	response := f.Response(p)
	if response.Get("code") == "" {
		f.App.t.Fatalf("no code: %s: %s", response.Get("error"), response.Get("error_description"))
	}
	return response.Get("code")
}

// Error is the error that a walk ended in.
func (f *Flow) Error(p *Page) string {
	f.App.t.Helper()
	response := f.Response(p)
	if response.Get("code") != "" {
		f.App.t.Fatal("the app got a code, want an error")
	}
	return response.Get("error")
}

// Answer is what an endpoint said.
type Answer struct {
	Status       int         `json:"-"`
	Header       http.Header `json:"-"`
	Body         string      `json:"-"`
	AccessToken  string      `json:"access_token"`
	RefreshToken string      `json:"refresh_token"`
	IDToken      string      `json:"id_token"`
	TokenType    string      `json:"token_type"`
	ExpiresIn    int         `json:"expires_in"`
	Scope        string      `json:"scope"`
	Error        string      `json:"error"`
	Description  string      `json:"error_description"`
}

// Redeem exchanges a code of the flow.
func (a *App) Redeem(f *Flow, code string, options ...Option) Answer {
	a.t.Helper()
	return a.Token(append([]Option{
		With("grant_type", "authorization_code"), With("code", code),
		With("redirect_uri", f.Params.Get("redirect_uri")), With("code_verifier", f.Verifier),
	}, options...)...)
}

// Refresh uses a refresh token.
func (a *App) Refresh(token string, options ...Option) Answer {
	a.t.Helper()
	return a.Token(append([]Option{With("grant_type", "refresh_token"), With("refresh_token", token)}, options...)...)
}

// Token calls the token endpoint as the app.
func (a *App) Token(options ...Option) Answer {
	a.t.Helper()
	return a.Call("/oauth/token", options...)
}

// Call posts a form to an endpoint, authenticated as the app.
func (a *App) Call(path string, options ...Option) Answer {
	a.t.Helper()
	fields, header := url.Values{}, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, o := range options {
		o(fields)
	}
	switch {
	case a.Secret == "" || a.InBody:
		setDefault(fields, "client_id", a.ID)
		if a.InBody {
			setDefault(fields, "client_secret", a.Secret)
		}
	default:
		r := http.Request{Header: header}
		r.SetBasicAuth(url.QueryEscape(a.ID), url.QueryEscape(a.Secret))
	}
	return a.Do(http.MethodPost, path, header, fields)
}

// Userinfo calls the userinfo endpoint with an access token.
func (a *App) Userinfo(accessToken string) (Answer, map[string]any) {
	a.t.Helper()
	answer := a.Do(http.MethodGet, "/userinfo", http.Header{"Authorization": {"Bearer " + accessToken}}, nil)
	claims := map[string]any{}
	if answer.Status == http.StatusOK {
		if err := json.Unmarshal([]byte(answer.Body), &claims); err != nil {
			a.t.Fatalf("userinfo: %v", err)
		}
	}
	return answer, claims
}

// direct has no cookies and follows no redirect: an app's server does neither. It keeps its
// connections, however many it has.
var direct = &http.Client{
	Timeout:       30 * time.Second,
	Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// Do sends a request to the provider, as it is.
func (a *App) Do(method, path string, header http.Header, fields url.Values) Answer {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.Issuer+path, strings.NewReader(fields.Encode()))
	if err != nil {
		a.t.Fatal(err)
	}
	if header != nil {
		r.Header = header
	}
	response, err := direct.Do(r)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatalf("%s %s: %v", method, path, err)
	}
	answer := Answer{Status: response.StatusCode, Header: response.Header, Body: string(body)}
	if len(body) > 0 && strings.HasPrefix(response.Header.Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(body, &answer); err != nil {
			a.t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return answer
}

// Claims are the claims of an ID token that tests look at.
type Claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Nonce    string   `json:"nonce"`
	IssuedAt int64    `json:"iat"`
	AuthTime int64    `json:"auth_time"`
	ACR      string   `json:"acr"`
	AMR      []string `json:"amr"`
	Session  string   `json:"sid"`
	Org      string   `json:"org_id"`
}

// Verify checks an ID token as an app with go-oidc does, and that it has the nonce.
func (a *App) Verify(idToken, nonce string) Claims {
	a.t.Helper()
	provider, err := oidc.NewProvider(a.t.Context(), a.Issuer)
	if err != nil {
		a.t.Fatalf("discovery: %v", err)
	}
	token, err := provider.Verifier(&oidc.Config{
		ClientID: a.ID, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256},
	}).Verify(a.t.Context(), idToken)
	if err != nil {
		a.t.Fatalf("ID token: %v", err)
	}
	if token.Nonce != nonce {
		a.t.Fatalf("nonce of the ID token is %q, want %q", token.Nonce, nonce)
	}
	var c Claims
	if err := token.Claims(&c); err != nil {
		a.t.Fatalf("claims of the ID token: %v", err)
	}
	return c
}

func setDefault(v url.Values, name, value string) {
	if !v.Has(name) {
		v.Set(name, value)
	}
}
