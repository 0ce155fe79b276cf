package main

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/vsee/vseeid/op/optest"
)

// answers is a transport that keeps what was answered.
type answers struct {
	http.RoundTripper
	all []*http.Response
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := a.RoundTripper.RoundTrip(r)
	if err == nil {
		a.all = append(a.all, res)
	}
	return res, err
}

// secured is the same provider once more, under an https address and without a network.
func (s *testServer) secured(t *testing.T) (sample, *answers) {
	t.Helper()
	p := s.parts
	var err error
	p.issuer, err = url.Parse("https://id.example.com")
	must(t, err)
	provider, err := build(t.Context(), p)
	must(t, err)
	secure := s.sample
	secure.issuer = "https://id.example.com"
	return secure, &answers{RoundTripper: handled{provider.handler}}
}

// crawl walks through everything that answers, right and wrong, as a person, as a stranger from
// another site and as an app's script, and returns all answers.
func crawl(t *testing.T) []*http.Response {
	t.Helper()
	s, seen := startServer(t, on{}).secured(t)
	who := &patient{t: t}
	app := s.messengerApp(t)
	browser := func() *optest.Browser {
		b := who.browser(s.issuer)
		b.HTTP.Transport = seen
		return b
	}
	sites := []http.Header{{}, {"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"null"}}}

	// Every page of a sign-in, and every form of it in every state, also where it does not belong.
	steps := []string{"identifier", "password", "enroll", "challenge", "method", "recovery", "later", "switch", "cancel"}
	for _, until := range []string{asksEmail, asksPassword, asksEnroll, asksConfirm, asksPassword, asksApp, asksCode, asksConfirm} {
		b := browser()
		p := b.Open(app.Begin().URL())
		for range 8 {
			if asked := who.asked(p); asked == until || asked == asksNothing {
				break
			}
			p = who.answer(p)
		}
		path := p.URL.Path
		b.Open(path + "?view=key")
		b.Open(path + "/method")
		for _, step := range steps {
			b.Open(path + "/" + step)
			for _, site := range sites[1:] {
				b.Post(path+"/"+step, url.Values{"email": {"x"}, "code": {"1"}, "password": {"x"}}, site)
			}
			browser().Post(path+"/"+step, nil, nil) // another browser
			if step != "cancel" && step != "switch" && step != "later" {
				b.Post(path+"/"+step, url.Values{"email": {charlotte}, "password": {""}}, nil)
			}
		}
		b.Post(path+"/password", nil, http.Header{"Content-Type": {"text/plain"}})
		b.Post(path+"/cancel", nil, nil)
		b.Open(path)
		b.Post(path+"/identifier", nil, nil)
	}

	// To the end, by query and by form_post, by POST, silently, and out again.
	b := browser()
	p := b.Open(app.Begin().URL())
	for who.asked(p) != asksNothing {
		p = who.answer(p)
	}
	b.Open(app.Begin(optest.With("response_mode", "form_post")).URL())
	b.Open(app.Begin(optest.With("prompt", "none")).URL())
	b.Post("/authorize", app.Begin().Params, nil)
	browser().Open(app.Begin(optest.With("prompt", "none")).URL())
	for _, path := range []string{"/oidc/logout", "/v2/logout"} {
		b.Open(path)
		b.Post(path, url.Values{"client_id": {"messenger"}}, nil)
	}
	if p := b.Open("/oidc/logout"); len(p.Forms) > 0 {
		p.Press("/oidc/logout/confirm")
	}

	// Everything else, by every method and from everywhere.
	for _, path := range []string{
		"/", "/favicon.ico", "/.well-known/nothing", "/authorize", "/authorize/posted/x", "/oauth/token", "/userinfo", "/oauth/revoke",
		"/oidc/logout", "/oidc/logout/posted/x", "/oidc/logout/confirm", "/v2/logout", "/v2/logout/posted/x",
		"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		"/u/login/x", "/u/login/x/method", "/u/login/x/password", "/u/login/x/y/z", "/u/assets/style.css", "/u/assets/app.js", "/u/assets/nothing",
		"/u/brand/logo", "/livez", "/readyz", "/dev/mail", "/dev/mail.json", "/dev/mail.css", "/%2e%2e/etc/passwd", "//evil.example/u/login",
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions, http.MethodTrace} {
			for _, site := range sites {
				r, err := http.NewRequestWithContext(t.Context(), method, s.issuer+path, strings.NewReader("client_id=messenger"))
				must(t, err)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				for name, v := range site {
					r.Header[name] = v
				}
				if method == http.MethodOptions {
					r.Header.Set("Access-Control-Request-Method", "POST")
				}
				_, err = seen.RoundTrip(r)
				must(t, err)
			}
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.issuer+path, nil)
		must(t, err)
		r.Host = "evil.example"
		res, err := seen.RoundTrip(r)
		must(t, err)
		if want := http.StatusMisdirectedRequest; res.StatusCode != want && path != "/livez" && path != "/readyz" {
			t.Errorf("%s for another host: %d", path, res.StatusCode)
		}
	}
	return seen.all
}

var pagePolicy = regexp.MustCompile(`^default-src 'none'; script-src 'nonce-[A-Za-z0-9]{26}'; style-src 'self'; img-src 'self' data:; ` +
	`connect-src 'self'; font-src 'self'; form-action 'self'( http://localhost:[0-9]+)*; frame-ancestors 'none'; base-uri 'none'$`)

// TestP07_T30_T31_T59_Crawl holds every answer to what no answer may forget.
//
//	T-30, T-31  nobody frames it, nobody keeps a handle on its window
//	T-59        nothing is kept by caches but keys, discovery and assets; no code in an address of ours
//	P-07        after a POST a redirect is a 303
//	P-09        no script of another site reads a page
func TestP07_T30_T31_T59_Crawl(t *testing.T) {
	all := crawl(t)
	statuses := map[int]int{}
	for _, res := range all {
		statuses[res.StatusCode]++
		wantDefaults(t, res)
		wantRedirect(t, res)
		wantNoCORS(t, res)
		for _, c := range res.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-vseeid-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("%s: cookie %s", of(res), c.Name)
			}
		}
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			wantPage(t, res)
		}
	}
	t.Logf("%d answers: %v", len(all), statuses)
	for _, status := range []int{200, 204, 303, 400, 401, 403, 404, 405, 410, 415, 421, 422} {
		if statuses[status] == 0 {
			t.Errorf("the crawl met no %d", status)
		}
	}
}

// of says which answer it is.
func of(res *http.Response) string {
	return res.Request.Method + " " + res.Request.URL.Path + " (" + res.Status + ")"
}

func wantDefaults(t *testing.T, res *http.Response) {
	t.Helper()
	h, path := res.Header, res.Request.URL.Path
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": strictTransport,
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q", of(res), name, got)
		}
	}
	if len(h.Values("X-Request-Id")) != 1 || len(h.Values("Permissions-Policy")) != 1 || h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
		t.Errorf("%s: headers %v", of(res), h)
	}
	if csp := h.Values("Content-Security-Policy"); len(csp) != 1 || !strings.Contains(csp[0], "frame-ancestors 'none'") || strings.Contains(csp[0], "unsafe") {
		t.Errorf("%s: policy %q", of(res), csp)
	}
	public := strings.HasPrefix(path, "/.well-known/") || strings.HasPrefix(path, "/u/assets/")
	if got := h.Get("Cache-Control"); got != "no-store" && (!public || res.StatusCode != http.StatusOK) {
		t.Errorf("%s: Cache-Control %q", of(res), got)
	}
	if h.Get("Content-Type") == "" && res.StatusCode == http.StatusOK && res.Request.Method != http.MethodHead {
		t.Errorf("%s: no Content-Type", of(res))
	}
}

func wantRedirect(t *testing.T, res *http.Response) {
	t.Helper()
	to := res.Header.Get("Location")
	if to == "" {
		return
	}
	if res.StatusCode != http.StatusSeeOther && (res.Request.Method == http.MethodPost || res.StatusCode == http.StatusTemporaryRedirect) {
		t.Errorf("%s: redirects to %s", of(res), to)
	}
	u, err := res.Request.URL.Parse(to)
	must(t, err)
	if u.Host == res.Request.URL.Host {
		for _, name := range []string{"code", "password", "access_token", "id_token", "refresh_token"} {
			if u.Query().Has(name) {
				t.Errorf("%s: %s in an address of ours", of(res), name)
			}
		}
	} else if u.Hostname() != "localhost" || u.Fragment != "" {
		t.Errorf("%s: redirects to %s", of(res), u.Host)
	}
}

// wantNoCORS: only what apps' scripts call may answer them, and never with cookies.
func wantNoCORS(t *testing.T, res *http.Response) {
	t.Helper()
	path := res.Request.URL.Path
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-Allow-") && !strings.HasPrefix(path, "/.well-known/") && path != "/oauth/token" && path != "/userinfo" {
			t.Errorf("%s: %s", of(res), name)
		}
	}
	if res.Header.Get("Access-Control-Allow-Credentials") != "" || res.Header.Get("Access-Control-Allow-Origin") == "https://evil.example" {
		t.Errorf("%s: lets another site in", of(res))
	}
}

func wantPage(t *testing.T, res *http.Response) {
	t.Helper()
	csp := res.Header.Get("Content-Security-Policy")
	if res.Request.URL.Path == "/dev/mail" {
		return // it has no form and no script at all
	}
	if res.StatusCode/100 == 3 { // a line with a link, which nobody sees
		if csp != defaultHeaders[1][1] {
			t.Errorf("%s: policy of a redirect: %q", of(res), csp)
		}
		return
	}
	if !pagePolicy.MatchString(csp) {
		t.Errorf("%s: policy of a page: %q", of(res), csp)
	}
}
