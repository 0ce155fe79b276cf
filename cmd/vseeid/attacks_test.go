package main

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

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
		c := &clock{ahead: -time.Hour}
		c.hold()
		s := startServer(t, on{now: c.now})
		c.pass(time.Hour)
		app := optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "messenger", RedirectURI: s.messenger + "/callback"})
		page := optest.NewBrowser(t, s.issuer).Open(app.Begin().URL()).Submit("email", "charlotte@riverside.example").Submit("password", samplePassword)
		code := codeAt(t, seedOf(t, page), c.now())
		if done := page.Submit("code", code); done.Status != http.StatusOK || !done.Has("confirmed") {
			t.Fatalf("the code was not taken: %s", done)
		}
		step := func(at time.Time) int64 { return at.Unix() / 30 }
		for _, skew := range []time.Duration{-45 * time.Second, -30 * time.Second, 30 * time.Second, 45 * time.Second} {
			other := twin(t, s, skew)
			replay := optest.NewBrowser(t, other).Open("/authorize?"+app.Begin().Params.Encode()).
				Submit("email", "charlotte@riverside.example").Submit("password", samplePassword)
			answer := replay.Submit("code", code)
			if answer.Status != http.StatusUnprocessableEntity {
				t.Errorf("an instance that is %v off answered %d to a code that was used", skew, answer.Status)
			}
			// A code is good in its step and in the next: there nothing but its use makes it a refusal.
			off := step(c.now().Add(skew)) - step(c.now())
			if said := "That code was already used."; (off == 0 || off == 1) && !strings.Contains(answer.Text, said) {
				t.Errorf("an instance that is %v off does not say %q: %s", skew, said, answer)
			}
		}
	})
}

// twin is a second instance on the stores of s, with a clock of its own.
func twin(t *testing.T, s *testServer, skew time.Duration) string {
	t.Helper()
	p := s.parts
	p.now = func() time.Time { return s.parts.now().Add(skew) }
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
