package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
)

func TestP40_Revoke(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	revoke := func(a *optest.App, token string, options ...optest.Option) optest.Answer {
		return a.Call("/oauth/revoke", append(options, optest.With("token", token))...)
	}
	dead := func(answer optest.Answer) bool {
		info, _ := a.Userinfo(answer.AccessToken)
		return info.Status == http.StatusUnauthorized && a.Refresh(answer.RefreshToken).Error == "invalid_grant"
	}
	_, _, answer := w.signIn(a)
	for _, token := range []string{"nonsense", "vsr_nonsense", "a.b.c", answer.IDToken} {
		w.status(revoke(a, token), http.StatusOK)
	}
	w.status(revoke(w.clinic(), answer.RefreshToken), http.StatusOK)
	if info, _ := a.Userinfo(answer.AccessToken); info.Status != http.StatusOK {
		t.Errorf("another client revoked the token: %d", info.Status)
	}
	bad := w.clinic()
	bad.Secret = "wrong"
	w.refused(revoke(bad, answer.RefreshToken), http.StatusUnauthorized, "invalid_client")
	w.refused(a.Call("/oauth/revoke"), http.StatusBadRequest, "invalid_request")

	w.status(revoke(a, answer.RefreshToken, optest.With("token_type_hint", "access_token")), http.StatusOK)
	if !dead(answer) {
		t.Error("a revoked refresh token leaves its grant alive")
	}
	w.status(revoke(a, answer.RefreshToken), http.StatusOK)
	_, _, answer = w.signIn(a)
	w.status(revoke(a, answer.AccessToken), http.StatusOK)
	if !dead(answer) {
		t.Error("a revoked access token leaves its grant alive")
	}
	if n := w.events(storage.TokenRevoked); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

func TestP42_Userinfo(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, f, answer := w.signIn(a)
	sub := a.Verify(answer.IDToken, f.Nonce).Subject
	info, claims := a.Userinfo(answer.AccessToken)
	if claims["sub"] != sub || claims["name"] != "charlotte" || claims["locale"] != "en" || claims["email_verified"] != true {
		t.Errorf("claims %v", claims)
	}
	if got := info.Header.Get("Content-Type"); got != "application/json" || info.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v", info.Header)
	}
	bearer := http.Header{"Authorization": {"Bearer " + answer.AccessToken}}
	inBody := url.Values{"access_token": {answer.AccessToken}}
	post := bearer.Clone()
	post.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, c := range map[string]struct {
		answer    optest.Answer
		status    int
		challenge string
	}{
		"post, header":    {a.Do(http.MethodPost, "/userinfo", post, nil), 200, ""},
		"post, body":      {a.Do(http.MethodPost, "/userinfo", formHeader(), inBody), 200, ""},
		"post, both":      {a.Do(http.MethodPost, "/userinfo", post, inBody), 400, `Bearer error="invalid_request"`},
		"lower case":      {a.Do(http.MethodGet, "/userinfo", http.Header{"Authorization": {"bearer " + answer.AccessToken}}, nil), 200, ""},
		"in the address":  {a.Do(http.MethodGet, "/userinfo?"+inBody.Encode(), nil, nil), 401, "Bearer"},
		"none":            {a.Do(http.MethodGet, "/userinfo", nil, nil), 401, "Bearer"},
		"nonsense":        {a.Do(http.MethodGet, "/userinfo", http.Header{"Authorization": {"Bearer x"}}, nil), 401, `Bearer error="invalid_token"`},
		"an ID token":     {a.Do(http.MethodGet, "/userinfo", http.Header{"Authorization": {"Bearer " + answer.IDToken}}, nil), 401, `Bearer error="invalid_token"`},
		"a refresh token": {a.Do(http.MethodGet, "/userinfo", http.Header{"Authorization": {"Bearer " + answer.RefreshToken}}, nil), 401, `Bearer error="invalid_token"`},
		"wrong method":    {a.Do(http.MethodDelete, "/userinfo", bearer, nil), 405, ""},
	} {
		if got := c.answer.Header.Get("WWW-Authenticate"); c.answer.Status != c.status || !strings.HasPrefix(got, c.challenge) ||
			c.challenge == "Bearer" && got != "Bearer" {
			t.Errorf("%s: %d, WWW-Authenticate %q", name, c.answer.Status, got)
		}
	}

	_, _, narrow := w.signIn(a, optest.With("scope", "openid"))
	if _, claims := a.Userinfo(narrow.AccessToken); len(claims) != 1 {
		t.Errorf("with openid alone: %v", claims)
	}
	_, _, plain := w.signIn(a, optest.With("scope", "email"))
	if info, _ := a.Userinfo(plain.AccessToken); info.Status != http.StatusForbidden {
		t.Errorf("without openid: %d", info.Status)
	}
	w.clock.pass(op.TokenLifetime)
	if info, _ := a.Userinfo(answer.AccessToken); info.Status != http.StatusUnauthorized {
		t.Errorf("expired: %d", info.Status)
	}
}

// A client without refresh tokens has a grant that lives as long as its access token.
func TestUserinfoWithoutRefreshToken(t *testing.T) {
	w := newWorld(t)
	w.change("clinic", func(c *op.Client) { c.GrantTypes = []string{op.GrantCode} })
	a := w.clinic()
	_, _, answer := w.signIn(a)
	if answer.RefreshToken != "" {
		t.Error("a refresh token was issued")
	}
	w.clock.pass(op.TokenLifetime - time.Second)
	if info, _ := a.Userinfo(answer.AccessToken); info.Status != http.StatusOK {
		t.Errorf("shortly before its end: %d", info.Status)
	}
}

const bye = "http://127.0.0.1:9/bye"

func logoutURL(path string, params ...string) string {
	v := url.Values{}
	for i := 0; i < len(params); i += 2 {
		v.Set(params[i], params[i+1])
	}
	return path + "?" + v.Encode()
}

// signedOut reports whether the browser has no session any more.
func (w *world) signedOut(b *optest.Browser) bool {
	f := w.messenger().Begin(optest.With("prompt", "none"))
	return f.Response(b.Open(f.URL())).Get("error") == "login_required"
}

func TestP46_LogoutWithHint(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	for name, c := range map[string]struct {
		params func(hint string) []string
		want   string // Location; empty: a page
	}{
		"redirect and state": {func(h string) []string {
			return []string{"id_token_hint", h, "post_logout_redirect_uri", bye, "state", "a b&c"}
		}, bye + "?state=a+b%26c"},
		"redirect, no state": {func(h string) []string { return []string{"id_token_hint", h, "post_logout_redirect_uri", bye} }, bye},
		"client_id too": {func(h string) []string {
			return []string{"id_token_hint", h, "post_logout_redirect_uri", bye, "client_id", "messenger"}
		}, bye},
		"hint alone": {func(h string) []string { return []string{"id_token_hint", h, "state", "s"} }, ""},
	} {
		for _, post := range []bool{false, true} {
			b, _, answer := w.signIn(a)
			w.clock.pass(time.Hour) // the hint has expired
			params := c.params(answer.IDToken)
			var page *optest.Page
			if post {
				parsed, err := url.Parse(logoutURL("/oidc/logout", params...))
				w.must(err)
				page = b.Post("/oidc/logout", parsed.Query(), crossSite)
			} else {
				page = b.Open(logoutURL("/oidc/logout", params...))
			}
			if got := page.Header.Get("Location"); got != c.want {
				t.Errorf("%s, POST %v: Location %q, want %q (%s)", name, post, got, c.want, page)
			}
			if !w.signedOut(b) {
				t.Errorf("%s, POST %v: the session is alive", name, post)
			}
		}
	}
}

func TestP46_LogoutAsks(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, foreign := w.signIn(a) // the hint of another session
	w.desk.person = w.people[1]
	_, _, another := w.signIn(a) // the hint of another person
	w.desk.person = w.people[0]
	for name, c := range map[string]struct {
		path   string
		params func(hint string) []string
		after  string // where a yes leads; empty: a page
	}{
		"nothing":    {"/oidc/logout", func(string) []string { return nil }, ""},
		"only state": {"/oidc/logout", func(string) []string { return []string{"state", "s"} }, ""},
		"unregistered redirect": {"/oidc/logout", func(h string) []string {
			return []string{"id_token_hint", h, "post_logout_redirect_uri", "https://evil.example/"}
		}, ""},
		"almost registered": {"/oidc/logout", func(h string) []string {
			return []string{"id_token_hint", h, "post_logout_redirect_uri", bye + "/"}
		}, ""},
		"modified hint": {"/oidc/logout", func(h string) []string {
			return []string{"id_token_hint", h[:len(h)-4] + "AAAA", "post_logout_redirect_uri", bye}
		}, ""},
		"unsigned hint": {"/oidc/logout", func(h string) []string {
			return []string{"id_token_hint", "eyJhbGciOiJub25lIn0." + strings.Split(h, ".")[1] + ".", "post_logout_redirect_uri", bye}
		}, ""},
		"redirect without hint": {"/oidc/logout", func(string) []string { return []string{"post_logout_redirect_uri", bye} }, ""},
		"another client_id": {"/oidc/logout", func(h string) []string {
			return []string{"id_token_hint", h, "post_logout_redirect_uri", bye, "client_id", "clinic"}
		}, ""},
		"unknown client_id": {"/oidc/logout", func(h string) []string { return []string{"id_token_hint", h, "client_id", "nobody"} }, ""},
		"another person": {"/oidc/logout", func(string) []string {
			return []string{"id_token_hint", another.IDToken, "post_logout_redirect_uri", bye}
		}, ""},
		"another session": {"/oidc/logout", func(string) []string {
			return []string{"id_token_hint", foreign.IDToken, "post_logout_redirect_uri", bye, "state", "s"}
		}, bye + "?state=s"},
		"client_id and redirect": {"/oidc/logout", func(string) []string {
			return []string{"client_id", "messenger", "post_logout_redirect_uri", bye}
		}, bye},
		"returnTo":              {"/v2/logout", func(string) []string { return []string{"client_id", "messenger", "returnTo", bye} }, bye},
		"unregistered returnTo": {"/v2/logout", func(string) []string { return []string{"client_id", "messenger", "returnTo", "https://evil.example"} }, ""},
	} {
		b, _, answer := w.signIn(a)
		page := b.Open(logoutURL(c.path, c.params(answer.IDToken)...))
		if page.Status != http.StatusOK || len(page.Forms) != 1 || page.Header.Get("Location") != "" {
			t.Errorf("%s: no question: %s", name, page)
			continue
		}
		if w.signedOut(b) {
			t.Errorf("%s: signed out before the question was answered", name)
		}
		done := page.Press("/confirm")
		if got := done.Header.Get("Location"); got != c.after {
			t.Errorf("%s: a yes leads to %q, want %q", name, got, c.after)
		}
		if !w.signedOut(b) {
			t.Errorf("%s: a yes leaves the session alive", name)
		}
	}
}

func TestT41_LogoutCannotBeForced(t *testing.T) {
	w := newWorld(t)
	b, _, _ := w.signIn(w.messenger())
	b.Open("/oidc/logout")
	if page := b.Post("/oidc/logout/confirm", nil, crossSite); page.Status != http.StatusForbidden {
		t.Errorf("a confirmation from another site gets %s", page)
	}
	if page := b.Open("/oidc/logout/confirm"); page.Status != http.StatusMethodNotAllowed || page.Header.Get("Allow") != "POST" {
		t.Errorf("a confirmation by GET gets %s", page)
	}
	b.Post("/oidc/logout", nil, crossSite)
	if w.signedOut(b) {
		t.Error("signed out")
	}
	page := b.Post("/oidc/logout/confirm", url.Values{"post_logout_redirect_uri": {"https://evil.example/"}, "client_id": {"messenger"}}, nil)
	if page.Header.Get("Location") != "" {
		t.Errorf("a confirmation leads to %s", page.Header.Get("Location"))
	}
}

func TestLogoutWithoutSession(t *testing.T) {
	w := newWorld(t)
	_, _, answer := w.signIn(w.messenger())
	b := optest.NewBrowser(t, w.issuer)
	if page := b.Open("/oidc/logout"); page.Status != http.StatusOK || len(page.Forms) != 0 {
		t.Errorf("nothing to end: %s", page)
	}
	for name, params := range map[string][]string{
		"hint":      {"id_token_hint", answer.IDToken, "post_logout_redirect_uri", bye},
		"client_id": {"client_id", "messenger", "post_logout_redirect_uri", bye},
	} {
		if page := b.Open(logoutURL("/oidc/logout", params...)); page.Header.Get("Location") != bye {
			t.Errorf("%s: %s", name, page)
		}
	}
	if page := b.Open(logoutURL("/oidc/logout", "id_token_hint", "x", "post_logout_redirect_uri", bye)); page.Header.Get("Location") != "" {
		t.Errorf("a bad hint leads to %s", page.Header.Get("Location"))
	}
	// Who has only the hint cannot end the session of another browser.
	if info, _ := w.messenger().Userinfo(answer.AccessToken); info.Status != http.StatusOK {
		t.Errorf("the session of the hint: userinfo %d", info.Status)
	}
}

func TestP47_LogoutEndsGrants(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, bound := w.signIn(a)
	f := a.Begin(optest.With("scope", "openid offline_access"))
	offline := a.Redeem(f, f.Code(b.Open(f.URL())))
	w.status(offline, http.StatusOK)
	b.Open(logoutURL("/oidc/logout", "id_token_hint", bound.IDToken))

	w.refused(a.Refresh(bound.RefreshToken), http.StatusBadRequest, "invalid_grant")
	if info, _ := a.Userinfo(bound.AccessToken); info.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after logout: %d", info.Status)
	}
	w.status(a.Refresh(offline.RefreshToken), http.StatusOK)
}

// A code that is on its way when the person signs out gives nothing.
func TestT39_LogoutBeforeRedeem(t *testing.T) {
	worlds(t, func(w *world) {
		a := w.messenger()
		b, _, first := w.signIn(a)
		f := a.Begin()
		code := f.Code(b.Open(f.URL()))
		b.Open(logoutURL("/oidc/logout", "id_token_hint", first.IDToken))
		w.refused(a.Redeem(f, code), http.StatusBadRequest, "invalid_grant")
	})
}
