package demo

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const multiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

// liar is a provider that a test can make lie.
type liar struct {
	*httptest.Server
	t   *testing.T
	key *ecdsa.PrivateKey

	claims   map[string]any // of the next ID token, beside the ordinary ones
	without  string         // a claim that it leaves out
	signWith *ecdsa.PrivateKey
	subject  string // what userinfo says
	asked    url.Values
	token    url.Values // what the token endpoint was sent
	refuse   string     // the error of the token endpoint
	away     bool       // the token endpoint breaks
	ended    bool       // no grant holds any more: userinfo refuses every token

	api      string         // whom access tokens are for
	granted  map[string]any // claims of the next access token, beside the ordinary ones
	lifetime int            // of access tokens, in seconds, as the token endpoint says it
}

func newLiar(t *testing.T) *liar {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	l := &liar{t: t, key: key, signWith: key, claims: map[string]any{}, subject: "someone", lifetime: 60, granted: map[string]any{}}
	mux := http.NewServeMux()
	l.Server = httptest.NewServer(mux)
	t.Cleanup(l.Close)
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		answer(t, w, map[string]any{
			"issuer": l.URL, "authorization_endpoint": l.URL + "/authorize", "token_endpoint": l.URL + "/token", "jwks_uri": l.URL + "/jwks",
			"userinfo_endpoint": l.URL + "/userinfo", "end_session_endpoint": l.URL + "/logout",
			"id_token_signing_alg_values_supported": []string{"ES256"}, "authorization_response_iss_parameter_supported": true,
		})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) {
		answer(t, w, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "1", Algorithm: "ES256", Use: "sig"}}})
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, _ *http.Request) {
		if l.ended {
			w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(t, w, map[string]any{"sub": l.subject, "name": "Some One", "email": "one@example.com"})
	})
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		must(t, r.ParseForm())
		l.token = r.PostForm
		if l.away {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if l.refuse != "" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, err := io.WriteString(w, `{"error":"`+l.refuse+`","error_description":"canary-for-developers"}`)
			must(t, err)
			return
		}
		access := l.access()
		sum := sha256.Sum256([]byte(access))
		claims := map[string]any{
			"iss": l.URL, "aud": "app", "sub": "someone", "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(),
			"acr": multiFactor, "auth_time": time.Now().Unix(), "amr": []string{"mfa", "otp", "pwd"}, "at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
		}
		if r.PostForm.Get("grant_type") == "authorization_code" {
			claims["nonce"] = l.asked.Get("nonce")
		}
		for k, v := range l.claims {
			claims[k] = v
		}
		delete(claims, l.without)
		answer(t, w, map[string]any{
			"access_token": access, "token_type": "Bearer", "expires_in": l.lifetime, "refresh_token": rand.Text(), "id_token": l.sign(claims),
		})
	})
	return l
}

func (l *liar) sign(claims map[string]any) string { return l.signAs("JWT", claims) }

// access is an access token for the API of the app.
func (l *liar) access() string {
	now := time.Now()
	claims := map[string]any{
		"iss": l.URL, "aud": []string{l.api, l.URL}, "sub": l.subject, "client_id": "app", "jti": rand.Text(), "scope": "openid",
		"iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "auth_time": now.Unix(),
		"acr": multiFactor, "amr": []string{"mfa", "otp", "pwd"},
	}
	for k, v := range l.granted {
		claims[k] = v
	}
	return l.signAs("at+jwt", claims)
}

func (l *liar) signAs(typ jose.ContentType, claims map[string]any) string {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: l.signWith, KeyID: "1"}}, (&jose.SignerOptions{}).WithType(typ))
	must(l.t, err)
	body, err := json.Marshal(claims)
	must(l.t, err)
	jws, err := signer.Sign(body)
	must(l.t, err)
	token, err := jws.CompactSerialize()
	must(l.t, err)
	return token
}

func answer(t *testing.T, w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(v); err != nil {
		t.Error(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// visitor is a browser at the app.
type visitor struct {
	t    *testing.T
	http http.Client
	app  string
}

func newApp(t *testing.T, l *liar, secret string) string {
	t.Helper()
	return startApp(t, Config{Issuer: l.URL, ClientSecret: secret})
}

// startApp starts an app; one whose API is said by its path.
func startApp(t *testing.T, c Config) string {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	base := "http://" + server.Listener.Addr().String()
	c.ClientID, c.BaseURL, c.Scopes, c.Log = "app", base, []string{"openid"}, slog.New(slog.DiscardHandler)
	c.Name, c.Tagline, c.Look = "The App", "An app", "messenger"
	if c.API != "" {
		c.API = base + c.API
	}
	server.Config.Handler = New(c)
	server.Start()
	t.Cleanup(server.Close)
	return base
}

func visit(t *testing.T, app string) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	must(t, err)
	return &visitor{t: t, app: app, http: http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// send sends a request and follows redirects within the app.
func (v *visitor) send(method, path string, header ...string) (*http.Response, string) {
	v.t.Helper()
	r, err := http.NewRequest(method, v.app+path, nil)
	must(v.t, err)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w, err := v.http.Do(r)
	must(v.t, err)
	defer w.Body.Close()
	body, err := io.ReadAll(w.Body)
	must(v.t, err)
	if to := w.Header.Get("Location"); strings.HasPrefix(to, "/") {
		return v.send(http.MethodGet, to)
	}
	return w, string(body)
}

// begin presses "Sign in" and returns what the provider was asked.
func (v *visitor) begin(l *liar, query string) url.Values {
	v.t.Helper()
	w, _ := v.send(http.MethodGet, "/login"+query)
	to, err := w.Location()
	must(v.t, err)
	l.asked = to.Query()
	return to.Query()
}

// signIn walks through a sign-in that goes well, but for what the provider lies about.
func (v *visitor) signIn(l *liar) string {
	v.t.Helper()
	asked := v.begin(l, "")
	_, page := v.send(http.MethodGet, "/callback?"+url.Values{"code": {"good"}, "state": {asked.Get("state")}, "iss": {l.URL}}.Encode())
	return page
}

const welcome = "Welcome, "

func TestSignIn(t *testing.T) {
	for _, secret := range []string{"", "a-secret:+%"} {
		l := newLiar(t)
		v := visit(t, newApp(t, l, secret))
		page := v.signIn(l)
		if !strings.Contains(page, welcome) || !strings.Contains(page, "a password and a one-time code: two factors") {
			t.Errorf("signed in: %s", page)
		}
		if l.asked.Get("code_challenge_method") != "S256" || l.asked.Get("response_type") != "code" || len(l.asked.Get("nonce")) < 20 {
			t.Errorf("asked: %v", l.asked)
		}
		sum := sha256.Sum256([]byte(l.token.Get("code_verifier")))
		if base64.RawURLEncoding.EncodeToString(sum[:]) != l.asked.Get("code_challenge") {
			t.Error("the verifier is not that of the challenge")
		}
		if public := secret == ""; public != (l.token.Get("client_id") == "app") || l.token.Has("client_secret") {
			t.Errorf("secret %q: authenticated by %v", secret, l.token)
		}
		before := v.cookie()
		if page := v.signIn(l); !strings.Contains(page, welcome) || v.cookie() == before {
			t.Error("the session of the app kept its id when somebody signed in")
		}
		for path, says := range map[string]string{"/refresh": "New tokens have arrived", "/userinfo": "Some One"} {
			if w, page := v.send(http.MethodPost, path); w.StatusCode != http.StatusOK || !strings.Contains(page, says) {
				t.Errorf("%s: %s %s", path, w.Status, page)
			}
		}
		w, _ := v.send(http.MethodPost, "/logout")
		if to := w.Header.Get("Location"); !strings.HasPrefix(to, l.URL+"/logout?") || !strings.Contains(to, "id_token_hint=") || !strings.Contains(to, url.QueryEscape(v.app+"/")) {
			t.Errorf("sign out goes to %s", to)
		}
		if _, page := v.send(http.MethodGet, "/"); strings.Contains(page, welcome) {
			t.Error("signed out and still welcome")
		}
	}
}

func (v *visitor) cookie() string {
	u, err := url.Parse(v.app)
	must(v.t, err)
	if c := v.http.Jar.Cookies(u); len(c) == 1 {
		return c[0].Value
	}
	return ""
}

// TestLies lets the provider, or who stands between, say what must not be believed. Nobody gets in,
// and everybody gets a page with a way on.
func TestLies(t *testing.T) {
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	for name, lie := range map[string]func(*liar){
		"another nonce":               func(l *liar) { l.claims["nonce"] = "another" },
		"no nonce":                    func(l *liar) { l.claims["nonce"] = "" },
		"another issuer":              func(l *liar) { l.claims["iss"] = "https://evil.example" },
		"another app's token":         func(l *liar) { l.claims["aud"] = "another" },
		"an old token":                func(l *liar) { l.claims["exp"] = time.Now().Add(-time.Minute).Unix() },
		"another access token":        func(l *liar) { l.claims["at_hash"] = "another" },
		"another key":                 func(l *liar) { l.signWith = other },
		"an error":                    func(l *liar) { l.refuse = "invalid_grant" },
		"userinfo of somebody else":   func(l *liar) { l.subject = "another" },
		"an error that is not simple": func(l *liar) { l.refuse = `<script>alert(1)</script>` },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLiar(t)
			lie(l)
			v := visit(t, newApp(t, l, ""))
			page := v.signIn(l)
			if name == "userinfo of somebody else" && strings.Contains(page, welcome) {
				_, page = v.send(http.MethodPost, "/userinfo")
			}
			if strings.Contains(page, welcome) || !strings.Contains(page, "Try again") {
				t.Errorf("believed, or nothing to do: %s", page)
			}
			if strings.Contains(page, "canary") || strings.Contains(page, "<script") || strings.Contains(page, "oidc:") {
				t.Errorf("the page shows what is for developers: %s", page)
			}
		})
	}
}

// TestAskedAndAnswered holds the ID token to what the sign-in was asked for: who sits at the browser can take it
// out of the address on its way.
func TestAskedAndAnswered(t *testing.T) {
	ago := func(d time.Duration) any { return time.Now().Add(-d).Unix() }
	for _, test := range []struct {
		asked, claim string
		said         any
		refused      string
	}{
		{"?acr_values=phr+phrh", "acr", "phrh", ""},
		{"?acr_values=phr+phrh", "acr", "urn:vsee:acr:1fa", "A stronger sign-in is needed"},
		{"?acr_values=phr", "acr", "phrh", "A stronger sign-in is needed"},
		{"?acr_values=phr", "acr", nil, "A stronger sign-in is needed"},
		{"", "acr", "urn:vsee:acr:1fa", ""},
		{"?max_age=300", "auth_time", ago(4 * time.Minute), ""},
		{"?max_age=300", "auth_time", ago(5*time.Minute + 30*time.Second), ""}, // the clocks may differ
		{"?max_age=300", "auth_time", ago(7 * time.Minute), "A more recent sign-in is needed"},
		{"?max_age=0", "auth_time", ago(0), ""},
		{"?max_age=0", "auth_time", ago(2 * time.Minute), "A more recent sign-in is needed"},
		{"?max_age=300", "auth_time", nil, "A more recent sign-in is needed"},
		{"", "auth_time", ago(time.Hour), ""},
		{"?max_age=soon", "auth_time", ago(time.Hour), ""}, // which no provider takes
		{"?acr_values=phr&max_age=300", "acr", "phr", ""},
	} {
		l := newLiar(t)
		v := visit(t, newApp(t, l, ""))
		asked := v.begin(l, test.asked)
		if l.claims[test.claim] = test.said; test.said == nil {
			l.without = test.claim
		}
		w, page := v.comeBack(l, asked)
		if test.refused == "" && !strings.Contains(page, welcome) {
			t.Errorf("%s, %s %v: %s", test.asked, test.claim, test.said, page)
		}
		if test.refused != "" && (w.StatusCode != http.StatusBadRequest || !strings.Contains(page, test.refused) || !strings.Contains(page, "Try again")) {
			t.Errorf("%s, %s %v: %s %s", test.asked, test.claim, test.said, w.Status, page)
		}
		if _, page := v.send(http.MethodGet, "/"); test.refused != "" && strings.Contains(page, welcome) {
			t.Errorf("%s, %s %v: signed in all the same", test.asked, test.claim, test.said)
		}
	}
}

// TestAnswers sends answers to /callback that are not those of this browser's question.
func TestAnswers(t *testing.T) {
	l := newLiar(t)
	app := newApp(t, l, "")
	for name, c := range map[string]func(v *visitor, state string) string{
		"another state": func(*visitor, string) string {
			return url.Values{"code": {"good"}, "state": {"another"}, "iss": {l.URL}}.Encode()
		},
		"no state": func(*visitor, string) string { return url.Values{"code": {"good"}, "iss": {l.URL}}.Encode() },
		"nothing":  func(*visitor, string) string { return "" },
		"another issuer": func(_ *visitor, state string) string {
			return url.Values{"code": {"good"}, "state": {state}, "iss": {"https://evil.example"}}.Encode()
		},
		"no issuer": func(_ *visitor, state string) string { return url.Values{"code": {"good"}, "state": {state}}.Encode() },
		"another browser's": func(*visitor, string) string {
			theirs := visit(t, app).begin(l, "")
			return url.Values{"code": {"good"}, "state": {theirs.Get("state")}, "iss": {l.URL}}.Encode()
		},
		"an answer twice": func(v *visitor, state string) string {
			q := url.Values{"error": {"access_denied"}, "state": {state}, "iss": {l.URL}}.Encode()
			v.send(http.MethodGet, "/callback?"+q)
			return url.Values{"code": {"good"}, "state": {state}, "iss": {l.URL}}.Encode()
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := visit(t, app)
			l.token = nil
			query := c(v, v.begin(l, "").Get("state"))
			w, page := v.send(http.MethodGet, "/callback?"+query)
			if w.StatusCode != http.StatusBadRequest || strings.Contains(page, welcome) || !strings.Contains(page, "Try again") {
				t.Errorf("%s %s", w.Status, page)
			}
			if l.token != nil {
				t.Error("the code was redeemed")
			}
		})
	}
	v := visit(t, app)
	if w, page := v.send(http.MethodGet, "/callback?code=good&state=x&iss="+url.QueryEscape(l.URL)); w.StatusCode != http.StatusBadRequest || strings.Contains(page, welcome) {
		t.Errorf("a browser that never asked: %s %s", w.Status, page)
	}
}

// TestRefusals puts the provider's errors into words, and never its description.
func TestRefusals(t *testing.T) {
	l := newLiar(t)
	app := newApp(t, l, "")
	for code, says := range map[string]string{
		"access_denied":                     "You did not sign in",
		"login_required":                    "You need to sign in",
		"interaction_required":              "You need to sign in",
		"unmet_authentication_requirements": "A stronger sign-in is needed",
		"temporarily_unavailable":           "The sign-in service is busy",
		"invalid_scope":                     "The sign-in did not work",
		"<script>alert(1)</script>":         "The sign-in did not work",
	} {
		v := visit(t, app)
		state := v.begin(l, "").Get("state")
		q := url.Values{"error": {code}, "error_description": {"canary"}, "state": {state}, "iss": {l.URL}}
		w, page := v.send(http.MethodGet, "/callback?"+q.Encode())
		if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, says) || !strings.Contains(page, "Try again") || strings.Contains(page, "canary") || strings.Contains(page, "<script") {
			t.Errorf("%s: %s %s", code, w.Status, page)
		}
	}
}

// TestSignedOut: who the provider signs in no more is not signed in to the app either, and is led to a new
// sign-in; what goes on in another tab goes on.
func TestSignedOut(t *testing.T) {
	for name, press := range map[string]func(*liar, *visitor) (*http.Response, string){
		"no new tokens": func(l *liar, v *visitor) (*http.Response, string) {
			l.refuse = "invalid_grant"
			return v.send(http.MethodPost, "/refresh")
		},
		"the API takes the token no more": func(l *liar, v *visitor) (*http.Response, string) {
			l.ended = true
			return v.send(http.MethodPost, "/prescription/sign")
		},
		"nor the one of the step-up": func(l *liar, v *visitor) (*http.Response, string) {
			l.granted["auth_time"] = time.Now().Add(-time.Hour).Unix()
			v.signIn(l)
			asked, _ := v.sign(l)
			delete(l.granted, "auth_time")
			l.granted["exp"] = time.Now().Unix()
			return v.comeBack(l, asked)
		},
	} {
		l := newLiar(t)
		v := visit(t, startApp(t, Config{Issuer: l.URL, API: "/api"}))
		l.api = v.app + "/api"
		v.signIn(l)
		tab := v.begin(l, "")
		w, page := press(l, v)
		if w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "You have been signed out") || !strings.Contains(page, `href="/login">Sign in<`) ||
			strings.Contains(page, "Try again") || strings.Contains(page, "Sign out") {
			t.Errorf("%s: %s %s", name, w.Status, page)
		}
		if _, page := v.send(http.MethodGet, "/"); strings.Contains(page, welcome) {
			t.Errorf("%s: still welcome: %s", name, page)
		}
		for _, path := range []string{"/refresh", "/userinfo", "/prescription/sign"} {
			if _, page := v.send(http.MethodPost, path); !strings.Contains(page, "You are not signed in") || !strings.Contains(page, `href="/login">Sign in<`) {
				t.Errorf("%s: %s: %s", name, path, page)
			}
		}
		l.refuse, l.ended, l.granted, l.asked = "", false, map[string]any{}, tab
		if _, page := v.comeBack(l, tab); !strings.Contains(page, welcome) {
			t.Errorf("%s: the other tab: %s", name, page)
		}
	}
}

// TestNoNewTokensNow: a provider that is away for a moment signs nobody out.
func TestNoNewTokensNow(t *testing.T) {
	l := newLiar(t)
	v := visit(t, startApp(t, Config{Issuer: l.URL, API: "/api"}))
	l.api = v.app + "/api"
	v.signIn(l)
	for name, happens := range map[string]func(){
		"away":          func() { l.away = true },
		"another error": func() { l.away, l.refuse = false, "temporarily_unavailable" },
	} {
		happens()
		if w, page := v.send(http.MethodPost, "/refresh"); w.StatusCode != http.StatusBadRequest || strings.Contains(page, "signed out") || !strings.Contains(page, `href="/">Try again<`) {
			t.Errorf("%s: %s %s", name, w.Status, page)
		}
		if _, page := v.send(http.MethodGet, "/"); !strings.Contains(page, welcome) {
			t.Errorf("%s: signed out", name)
		}
	}
}

// TestSomebodyElsesTokens: what comes with a refresh has to be about the person who signed in.
func TestSomebodyElsesTokens(t *testing.T) {
	l := newLiar(t)
	v := visit(t, newApp(t, l, ""))
	v.signIn(l)
	l.claims["sub"] = "another"
	if _, page := v.send(http.MethodPost, "/refresh"); !strings.Contains(page, "somebody else") {
		t.Errorf("refresh: %s", page)
	}
}

// TestPassedOn passes on what the provider may be asked for, and nothing that the app decides.
func TestPassedOn(t *testing.T) {
	l := newLiar(t)
	v := visit(t, newApp(t, l, ""))
	asked := v.begin(l, "?prompt=login&max_age=60&acr_values=phr&claims=%7B%7D&organization=riverside&login_hint=a@b.example&ui_locales=de&redirect_uri=https://evil.example&client_id=other&state=mine&scope=admin")
	for name, want := range map[string]string{
		"prompt": "login", "max_age": "60", "acr_values": "phr", "claims": "{}", "organization": "riverside", "login_hint": "a@b.example", "ui_locales": "de",
		"redirect_uri": v.app + "/callback", "client_id": "app", "scope": "openid",
	} {
		if asked.Get(name) != want || len(asked[name]) != 1 {
			t.Errorf("%s is %q, want %q", name, asked[name], want)
		}
	}
	if asked.Get("state") == "mine" {
		t.Error("a link chose the state")
	}
}

// TestForeignSites cannot press the app's buttons, frame it, or read on from it.
func TestForeignSites(t *testing.T) {
	l := newLiar(t)
	v := visit(t, newApp(t, l, ""))
	v.signIn(l)
	for _, path := range []string{"/refresh", "/userinfo", "/logout"} {
		if w, _ := v.send(http.MethodPost, path, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"); w.StatusCode != http.StatusForbidden {
			t.Errorf("%s from another site: %s", path, w.Status)
		}
		if w, _ := v.send(http.MethodGet, path); w.StatusCode != http.StatusMethodNotAllowed {
			t.Errorf("%s by a link: %s", path, w.Status)
		}
	}
	w, page := v.send(http.MethodGet, "/")
	if !strings.Contains(page, welcome) {
		t.Error("signed out by another site")
	}
	for name, want := range map[string]string{
		"Content-Security-Policy": "frame-ancestors 'none'", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
	} {
		if !strings.Contains(w.Header.Get(name), want) {
			t.Errorf("%s: %q", name, w.Header.Get(name))
		}
	}
}

// TestProviderIsAway starts the app before the provider, which is no reason to break.
// An app that is opened by another name of its host goes to its own first: the cookie of a sign-in
// that began elsewhere would not come back with the answer.
func TestOtherHosts(t *testing.T) {
	l := newLiar(t)
	app := newApp(t, l, "")
	_, port, err := net.SplitHostPort(strings.TrimPrefix(app, "http://"))
	must(t, err)
	for _, c := range [][3]string{
		{http.MethodGet, "/", app + "/"},
		{http.MethodGet, "/login?prompt=login", app + "/login?prompt=login"},
		{http.MethodPost, "/logout", app + "/"},
	} {
		for _, host := range []string{"localhost:" + port, "localhost", "evil.example"} {
			r, err := http.NewRequest(c[0], app+c[1], nil)
			must(t, err)
			r.Host = host
			w, err := visit(t, app).http.Do(r)
			must(t, err)
			must(t, w.Body.Close())
			if w.StatusCode != http.StatusSeeOther || w.Header.Get("Location") != c[2] || len(w.Cookies()) > 0 {
				t.Errorf("%s %s at %s: %s to %q, cookies %v", c[0], c[1], host, w.Status, w.Header.Get("Location"), w.Cookies())
			}
		}
	}
	if page := visit(t, app).signIn(l); !strings.Contains(page, welcome) {
		t.Errorf("at its own host: %s", page)
	}
}

func TestProviderIsAway(t *testing.T) {
	l := newLiar(t)
	l.Close()
	v := visit(t, newApp(t, l, ""))
	if w, page := v.send(http.MethodGet, "/"); w.StatusCode != http.StatusOK || !strings.Contains(page, "Sign in") {
		t.Errorf("home: %s %s", w.Status, page)
	}
	if w, page := v.send(http.MethodGet, "/login"); w.StatusCode != http.StatusBadRequest || !strings.Contains(page, "cannot be reached") || strings.Contains(page, "connect:") {
		t.Errorf("login: %s %s", w.Status, page)
	}
}

func TestSentence(t *testing.T) {
	for _, c := range []struct {
		amr  []any
		want string
	}{
		{nil, ""},
		{[]any{"pwd"}, "Signed in with a password: one factor."},
		{[]any{"mca", "mfa", "otp", "pwd"}, "Signed in with a password and a code by mail: two factors."},
		{[]any{"mfa", "otp", "pwd"}, "Signed in with a password and a one-time code: two factors."},
		{[]any{"hwk", "mfa", "pop", "user"}, "Signed in with a passkey: two factors."},
	} {
		if got := sentence(map[string]any{"amr": c.amr}); got != c.want {
			t.Errorf("%v: %q, want %q", c.amr, got, c.want)
		}
	}
}

// TestTimesHaveAZone: a time on a page says of which zone it is, wherever the app runs.
func TestTimesHaveAZone(t *testing.T) {
	l := newLiar(t)
	v := visit(t, startApp(t, Config{Issuer: l.URL, API: "/api"}))
	l.api = v.app + "/api"
	l.claims["auth_time"] = time.Date(2026, 11, 24, 12, 30, 0, 0, time.UTC).Unix()
	page := v.signIn(l)
	if !strings.Contains(page, "2026-11-24 12:30:00 UTC") {
		t.Errorf("auth_time: %s", page)
	}
	_, signed := v.sign(l)
	clock := regexp.MustCompile(`\d\d:\d\d(:\d\d)?( UTC)?`)
	for _, shown := range append(clock.FindAllString(page, -1), clock.FindAllString(signed, -1)...) {
		if !strings.HasSuffix(shown, " UTC") {
			t.Errorf("%q has no zone", shown)
		}
	}
	if n := len(clock.FindAllString(signed, -1)); n < 2 {
		t.Errorf("%d times of a signature: %s", n, signed)
	}
}
