package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/vsee/vseeid/op/optest"
)

// No parameter of a request is ever redirected to: whatever is put into any of them, the answer
// leads to a page of ours or to what the client registered.
func TestT29_OpenRedirect(t *testing.T) {
	s := startServer(t, on{})
	app := optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "messenger", RedirectURI: s.messenger + "/callback"})
	evil := []string{"https://evil.example/", "//evil.example", `/\evil.example`, "javascript:alert(1)", s.messenger + "@evil.example/callback", s.messenger + ".evil.example/"}
	names := []string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "id_token_hint",
		"acr_values", "ui_locales", "display", "organization", "claims", "request", "request_uri", "continue", "next", "returnTo", "error_uri",
		"post_logout_redirect_uri", "url", "target",
	}
	for _, path := range []string{"/authorize", "/oidc/logout", "/v2/logout"} {
		for _, name := range names {
			for _, value := range evil {
				params := url.Values{name: {value}}
				if path == "/authorize" {
					params = app.Begin(optest.With(name, value)).Params
				}
				for _, method := range []string{http.MethodGet, http.MethodPost} {
					refuseEvil(t, s, method, path, params)
				}
			}
		}
	}
}

func refuseEvil(t *testing.T, s *testServer, method, path string, params url.Values) {
	t.Helper()
	address, body := s.issuer+path, ""
	if method == http.MethodGet {
		address += "?" + params.Encode()
	} else {
		body = params.Encode()
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	if answer.Header.Get("Refresh") != "" {
		t.Errorf("%s %s %v: a Refresh header", method, path, params)
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		t.Errorf("%s %s %v: %s", method, path, params, answer.Status)
	}
	to, err := answer.Location()
	if err != nil {
		return // no redirect at all
	}
	if host := to.Scheme + "://" + to.Host; host != s.issuer && host != s.messenger || to.User != nil {
		t.Errorf("%s %s %v: redirected to %s", method, path, params, host)
	}
}

// Two instances whose clocks differ: by seconds, as they may, a sign-in that goes to both works; by
// more, a code that was used at one is used at the other, too.
func TestT51_ClockSkew(t *testing.T) {
	for _, skew := range []time.Duration{10 * time.Second, -10 * time.Second} {
		t.Run(skew.String(), func(t *testing.T) {
			s := startServer(t, on{})
			other := twin(t, s, skew)
			app := optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "messenger", RedirectURI: s.messenger + "/callback"})
			flow := app.Begin()
			page := optest.NewBrowser(t, s.issuer).Open(flow.URL()).Submit("email", "solo@example.com").Submit("password", samplePassword)
			form := url.Values{
				"grant_type": {"authorization_code"}, "client_id": {"messenger"}, "redirect_uri": {s.messenger + "/callback"},
				"code": {flow.Code(page)}, "code_verifier": {flow.Verifier},
			}
			if status := postForm(t, other, "/oauth/token", form); status != http.StatusOK {
				t.Errorf("the other instance answered %d to a fresh code", status)
			}
		})
	}

	t.Run("one code, both clocks", func(t *testing.T) {
		// The password was set a while ago: proof from before that would not count.
		var past atomic.Int64
		past.Store(int64(-time.Hour))
		s := startServer(t, on{now: func() time.Time { return time.Now().Add(time.Duration(past.Load())) }})
		past.Store(0)
		app := optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "messenger", RedirectURI: s.messenger + "/callback"})
		page := optest.NewBrowser(t, s.issuer).Open(app.Begin().URL()).Submit("email", "charlotte@riverside.example").Submit("password", samplePassword)
		code, err := totp.GenerateCode(shownKey(t, page), time.Now())
		must(t, err)
		page.Submit("code", code)
		for _, skew := range []time.Duration{-45 * time.Second, -30 * time.Second, 30 * time.Second, 45 * time.Second} {
			other := twin(t, s, skew)
			replay := optest.NewBrowser(t, other).Open("/authorize?"+app.Begin().Params.Encode()).
				Submit("email", "charlotte@riverside.example").Submit("password", samplePassword)
			if answer := replay.Submit("code", code); answer.Status != http.StatusUnprocessableEntity {
				t.Errorf("an instance that is %v off answered %d to a code that was used", skew, answer.Status)
			}
		}
	})
}

// twin is a second instance on the stores of s, with a clock of its own.
func twin(t *testing.T, s *testServer, skew time.Duration) string {
	t.Helper()
	p := s.parts
	p.now = func() time.Time { return time.Now().Add(skew) }
	instance, err := build(t.Context(), p)
	must(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Host = p.issuer.Host
		instance.handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func postForm(t *testing.T, base, path string, form url.Values) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+path, strings.NewReader(form.Encode()))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, answer.Body.Close())
	return answer.StatusCode
}

var otpauthSecret = regexp.MustCompile(`secret=([A-Z2-7]{32})`)

// shownKey is the key that a page of Secure Your Account shows.
func shownKey(t *testing.T, page *optest.Page) string {
	t.Helper()
	m := otpauthSecret.FindStringSubmatch(page.Body)
	if m == nil {
		t.Fatalf("no key on %s", page)
	}
	return m[1]
}
