// Package demo is two small apps that sign people in with an OpenID Provider: a public client
// (VSee Messenger) and a confidential one (VSee Clinic). `vseeid dev` runs them, and they are
// written to be copied: they use coreos/go-oidc and golang.org/x/oauth2 as they are, and of the
// provider's own code only op/resource, which is there for others to import.
//
//	GET  /          who is signed in, and what the ID token says of it
//	GET  /login     → the provider's /authorize, with state, nonce and PKCE (signin.go)
//	GET  /callback  ← the provider: check, redeem the code, verify the ID token (signin.go)
//	POST /refresh   new tokens from the refresh token (account.go)
//	POST /userinfo  the claims of the userinfo endpoint (account.go)
//	POST /logout    → the provider's end_session_endpoint (account.go)
//
// Clinic has an API as well, which asks for more than a sign-in of this morning:
//
//	GET  /prescription          what is to be signed, and with what it was signed (prescription.go)
//	POST /prescription/sign     asks the API to sign; when it demands a step-up → /authorize (prescription.go)
//	POST /prescription/step-up  → /authorize in any case, and then asks the API (prescription.go)
//	POST /api/…                 the API, behind op/resource (api.go)
//
// What a real app does otherwise: it keeps its sessions where they survive a restart
// (session.go keeps them in memory), and it serves https, with a __Host- cookie.
package demo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// Config is what an app has to know: what the provider's operator registered it with.
type Config struct {
	Issuer       string // the provider, exactly as its ID tokens say `iss`
	ClientID     string
	ClientSecret string   // empty for a public client: an app on the person's device keeps no secret
	BaseURL      string   // of this app, without a slash at the end; its redirect URI is BaseURL + /callback
	Scopes       []string // openid among them; offline_access to go on when the person's session ends
	API          string   // the app's own API: its address, which is below BaseURL, and its name in `aud`; empty: none

	Name    string // what people read
	Tagline string
	Look    string // the class of the page's body: messenger or clinic

	Log *slog.Logger
}

// app is one relying party.
type app struct {
	Config
	http     *http.Client
	sessions *sessions

	mu       sync.Mutex
	provider *provider // nil until the provider answered for the first time
}

// provider is what discovery says of the provider, and what follows from it for this app.
type provider struct {
	oidc       *oidc.Provider
	verifier   *oidc.IDTokenVerifier
	oauth      oauth2.Config
	endSession string // end_session_endpoint; empty when the provider has none
	saysIssuer bool   // every authorization response carries `iss` (RFC 9207)
}

// New returns the handler of one app.
func New(c Config) http.Handler {
	a := &app{
		Config:   c,
		http:     &http.Client{Timeout: 10 * time.Second},
		sessions: newSessions(c.ClientID, c.BaseURL),
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.handle(a.home))
	mux.Handle("GET /login", a.handle(a.login))
	mux.Handle("GET /callback", a.handle(a.callback))
	mux.Handle("POST /refresh", a.handle(a.refresh))
	mux.Handle("POST /userinfo", a.handle(a.userinfo))
	mux.Handle("POST /logout", a.handle(a.logout))
	mux.HandleFunc("GET /style.css", serveStyle)
	if c.API != "" {
		mux.Handle("GET /prescription", a.handle(a.prescription))
		mux.Handle("POST /prescription/sign", a.handle(a.sign))
		mux.Handle("POST /prescription/step-up", a.handle(a.askFirst))
		mountAPI(mux, c)
	}

	// No other site may press our buttons: requests that change something have to come from our
	// own pages.
	return a.headers(a.atHome(http.NewCrossOriginProtection().Handler(mux)))
}

// atHome sends a browser that came by another name of this host, such as 127.0.0.1, to BaseURL. The
// provider answers there, and the cookie that a sign-in begins with is not sent from one name to
// another.
func (a *app) atHome(next http.Handler) http.Handler {
	host := strings.TrimPrefix(origin(a.BaseURL), "http://")
	host = strings.TrimPrefix(host, "https://")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.EqualFold(r.Host, host) {
			next.ServeHTTP(w, r)
			return
		}
		to := "/"
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			to = r.URL.RequestURI()
		}
		if !strings.HasPrefix(to, "/") {
			to = "/"
		}
		http.Redirect(w, r, a.BaseURL+to, http.StatusSeeOther)
	})
}

// discover reads the provider's metadata when it is first needed, so that the app starts whether
// or not the provider is up, and again until it has worked once.
func (a *app) discover(ctx context.Context) (*provider, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.provider != nil {
		return a.provider, nil
	}
	// The provider's keys are fetched, later and again, under this context: it must not be the
	// request's, which ends.
	p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), a.http), a.Issuer)
	if err != nil {
		return nil, &failure{title: "The sign-in service cannot be reached", err: err}
	}
	var more struct {
		EndSession string `json:"end_session_endpoint"`
		SaysIssuer bool   `json:"authorization_response_iss_parameter_supported"`
	}
	if err := p.Claims(&more); err != nil {
		return nil, err
	}
	endpoint := p.Endpoint()
	// Say how we authenticate. Left to itself x/oauth2 tries one way and then the other, and the
	// first try may use up the code.
	endpoint.AuthStyle = oauth2.AuthStyleInHeader
	if a.ClientSecret == "" {
		endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	a.provider = &provider{
		oidc:       p,
		verifier:   p.Verifier(&oidc.Config{ClientID: a.ClientID}),
		endSession: more.EndSession,
		saysIssuer: more.SaysIssuer,
		oauth: oauth2.Config{
			ClientID:     a.ClientID,
			ClientSecret: a.ClientSecret,
			Endpoint:     endpoint,
			RedirectURL:  a.BaseURL + "/callback",
			Scopes:       a.Scopes,
		},
	}
	return a.provider, nil
}

// failure is an error with words for the person. What is behind it goes to the log.
type failure struct {
	title string
	body  string
	again string // where the person can try again; empty: by a new sign-in
	ended bool   // nobody is signed in: the way on is to sign in, and not to try again
	code  string // what the provider answered; empty: it was not that
	err   error
}

func (f *failure) Error() string {
	if f.err == nil {
		return f.title
	}
	return f.title + ": " + f.err.Error()
}
func (f *failure) Unwrap() error { return f.err }

// handle serves f, and a page with a way on when it fails.
func (a *app) handle(f func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := f(w, r)
		if err == nil {
			return
		}
		shown := &failure{title: "Something went wrong"}
		errors.As(err, &shown)
		a.Log.WarnContext(r.Context(), "demo app: "+shown.title, "client_id", a.ClientID, "error", cause(err))
		a.render(w, http.StatusBadRequest, page{Problem: shown.title, Advice: shown.body, Again: cmp.Or(shown.again, "/login"), Ended: shown.ended})
	})
}

// cause is err without what a token endpoint answered beyond its error code.
func cause(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		return fmt.Sprintf("token endpoint: %d %s", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err.Error()
}

// headers sets what every response of the app says. The forms of the app may end up at the
// provider (sign out does), and browsers hold redirects after a form to form-action too.
func (a *app) headers(next http.Handler) http.Handler {
	policy := "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' " + origin(a.Issuer)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer") // the URL of /callback has a code in it
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

func origin(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
