package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
)

// crossSite are the headers of a form that another site posts.
var crossSite = http.Header{"Origin": {"https://clinic.example"}, "Sec-Fetch-Site": {"cross-site"}}

func TestP01_AuthorizeByGetAndPost(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, _ := w.signIn(a)

	f := a.Begin(optest.With("prompt", "none"))
	page := b.Post("/authorize", f.Params, crossSite)
	f.Code(page) // the session was seen: prompt=none got a code

	answer := a.Do(http.MethodPost, "/authorize", formHeader(), f.Params)
	if to := answer.Header.Get("Location"); answer.Status != http.StatusSeeOther || !strings.HasPrefix(to, "/authorize/posted/") {
		t.Errorf("a POST gets %d to %q", answer.Status, to)
	}
	t.Run("expired", func(t *testing.T) {
		if page := b.Open("/authorize/posted/unknown"); page.Status != http.StatusGone {
			t.Errorf("an unknown request gets %s", page)
		}
	})
	t.Run("only forms", func(t *testing.T) {
		header := http.Header{"Content-Type": {"application/json"}}
		if page := b.Post("/authorize", f.Params, header); page.Status != http.StatusUnsupportedMediaType {
			t.Errorf("JSON gets %s", page)
		}
	})
}

func TestP02_UnknownAndRepeatedParameters(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b := optest.NewBrowser(t, w.issuer)
	f := a.Begin(optest.With("extra", "foobar"))
	f.Code(b.Open(f.URL()))

	f = a.Begin()
	f.Params.Add("scope", "email")
	if got := f.Error(b.Open(f.URL())); got != "invalid_request" {
		t.Errorf("a repeated scope gets %q", got)
	}
	f = a.Begin()
	f.Params.Add("state", "other") // which of the two is the client's nobody knows
	response := b.Open(f.URL()).Response(callback)
	if response.Get("error") != "invalid_request" || response.Has("state") {
		t.Errorf("a repeated state gets %v", response)
	}
}

func TestP03_T35_RedirectURIIsComparedAsAString(t *testing.T) {
	w := newWorld(t)
	w.change("messenger", func(c *op.Client) { c.RedirectURIs = []string{"https://app.example/callback"} })
	b := optest.NewBrowser(t, w.issuer)
	for _, uri := range []string{
		"https://app.example/callback/", "https://app.example/callback?", "https://app.example/callback?a=b",
		"https://app.example/callback#f", "https://app.example:443/callback", "https://app.example./callback",
		"https://APP.example/callback", "https://app.example/Callback", "http://app.example/callback",
		"https://app.example/%63allback", "https://app.example/./callback", "https://app.example/x/../callback",
		"https://app.example@evil.example/callback", "https://evil.example/callback", "//app.example/callback",
		`https://app.example\@evil.example/callback`, "https://app.exаmple/callback", "https://app.example/callback%00",
		"javascript:alert(1)", "/callback", " https://app.example/callback", "https://app.example/callback\n",
	} {
		f := w.messenger().Begin(optest.With("redirect_uri", uri))
		page := b.Open(f.URL())
		if page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" {
			t.Errorf("%q gets %s, Location %q", uri, page, page.Header.Get("Location"))
		}
		if len(page.Forms) > 0 {
			t.Errorf("%q gets a form", uri)
		}
	}
	f := w.messenger().Begin(optest.With("redirect_uri", "https://app.example/callback"))
	f.Code(b.Open(f.URL()))

	w.change("messenger", func(c *op.Client) { c.Native, c.RedirectURIs = true, []string{"http://127.0.0.1/callback"} })
	f = w.messenger().Begin(optest.With("redirect_uri", "http://127.0.0.1:49152/callback"))
	f.Code(b.Open(f.URL()))
}

func TestP04_WhereErrorsGo(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b := optest.NewBrowser(t, w.issuer)
	for name, change := range map[string]optest.Option{
		"no client":            optest.Without("client_id"),
		"unknown client":       optest.With("client_id", "nobody"),
		"no redirect_uri":      optest.Without("redirect_uri"),
		"foreign redirect_uri": optest.With("redirect_uri", "https://evil.example/"),
	} {
		f := a.Begin(change)
		page := b.Open(f.URL())
		if page.Status != http.StatusBadRequest || page.Header.Get("Location") != "" || !strings.Contains(page.Body, "<h1") {
			t.Errorf("%s: %s", name, page)
		}
		if page := b.Post("/authorize", f.Params, crossSite); page.Status != http.StatusBadRequest {
			t.Errorf("%s by POST: %s", name, page)
		}
	}
	for name, c := range map[string]struct {
		change optest.Option
		want   string
	}{
		"response_type":  {optest.With("response_type", "token"), "unsupported_response_type"},
		"scope":          {optest.With("scope", `"`), "invalid_scope"},
		"no PKCE":        {optest.Without("code_challenge", "code_challenge_method"), "invalid_request"},
		"prompt":         {optest.With("prompt", "none login"), "invalid_request"},
		"bad hint":       {optest.With("id_token_hint", "a.b.c"), "invalid_request"},
		"login_required": {optest.With("prompt", "none"), "login_required"},
		"request":        {optest.With("request", "e30.e30."), "request_not_supported"},
	} {
		for _, mode := range []string{"", "query", "form_post"} {
			b := optest.NewBrowser(t, w.issuer)
			f := a.Begin(c.change, optest.With("response_mode", mode))
			page := b.Open(f.URL())
			if got := f.Error(page); got != c.want {
				t.Errorf("%s by %q: %q, want %q", name, mode, got, c.want)
			}
			if byForm := len(page.Forms) == 1; byForm != (mode == "form_post") {
				t.Errorf("%s by %q: form %v", name, mode, byForm)
			}
			if mode != "form_post" && page.Status != http.StatusSeeOther {
				t.Errorf("%s: status %d", name, page.Status)
			}
		}
	}
	w.change("messenger", func(c *op.Client) { c.Disabled = w.clock.Now() })
	if page := b.Open(a.Begin().URL()); page.Status != http.StatusBadRequest {
		t.Errorf("a disabled client gets %s", page)
	}
}

func TestP05_ResponseType(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b := optest.NewBrowser(t, w.issuer)
	for _, c := range []struct {
		change optest.Option
		want   string
	}{
		{optest.Without("response_type"), "invalid_request"},
		{optest.With("response_type", "id_token"), "unsupported_response_type"},
		{optest.With("response_type", "code id_token"), "unsupported_response_type"},
		{optest.With("response_mode", "fragment"), "invalid_request"},
	} {
		f := a.Begin(c.change)
		if got := f.Error(b.Open(f.URL())); got != c.want {
			t.Errorf("%v gets %q, want %q", f.Params, got, c.want)
		}
	}
	w.change("reports", func(c *op.Client) { c.RedirectURIs = []string{callback} })
	reports := w.reports()
	reports.RedirectURI = callback
	f := reports.Begin()
	if got := f.Error(b.Open(f.URL())); got != "unauthorized_client" {
		t.Errorf("a client without the grant type gets %q", got)
	}
}

func TestP08_IssInEveryResponse(t *testing.T) {
	w := newWorld(t)
	b := optest.NewBrowser(t, w.issuer)
	for _, mode := range []string{"query", "form_post"} {
		f := w.clinic().Begin(optest.With("response_mode", mode))
		f.Code(b.Open(f.URL())) // Code checks iss and state
		f = w.clinic().Begin(optest.With("response_mode", mode), optest.With("response_type", "x"))
		f.Error(b.Open(f.URL()))
	}
	f := w.clinic().Begin()
	if to := b.Open(f.URL()).Header.Get("Location"); !strings.HasPrefix(to, "https://clinic.example/cb?x=1&code=") {
		t.Errorf("the registered query is not kept: %s", to)
	}
}

func TestP13_StateAndNonceAreEchoed(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	for _, value := range []string{strings.Repeat("s", 512), `"><script>&+%20é`, "a b"} {
		b := optest.NewBrowser(t, w.issuer)
		f := a.Begin(optest.With("state", value), optest.With("nonce", value))
		answer := a.Redeem(f, f.Code(b.Open(f.URL())))
		w.status(answer, http.StatusOK)
		a.Verify(answer.IDToken, value)
	}
	b := optest.NewBrowser(t, w.issuer)
	f := a.Begin(optest.Without("state", "nonce"))
	page := b.Open(f.URL())
	if page.Response(callback).Has("state") {
		t.Error("a state came back that was not sent")
	}
	answer := a.Redeem(f, f.Code(page))
	a.Verify(answer.IDToken, "")
}

func TestP14_Scopes(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, answer := w.signIn(a, optest.With("scope", "email nonsense openid"))
	if answer.Scope != "email openid" || answer.IDToken == "" {
		t.Errorf("scope %q, ID token %v", answer.Scope, answer.IDToken != "")
	}
	_, _, answer = w.signIn(a, optest.With("scope", "email"))
	if answer.IDToken != "" || answer.Scope != "email" {
		t.Errorf("without openid: scope %q, ID token %v", answer.Scope, answer.IDToken != "")
	}
	w.change("clinic", func(c *op.Client) {
		c.GrantTypes = []string{op.GrantCode}
		c.Scopes = append(c.Scopes, "offline_access")
	})
	_, _, answer = w.signIn(w.clinic(), optest.With("scope", "openid offline_access"))
	if answer.Scope != "openid" || answer.RefreshToken != "" {
		t.Errorf("offline_access of a client without refresh tokens: scope %q", answer.Scope)
	}
}

func TestP15_PromptNone(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	f := a.Begin(optest.With("prompt", "none"))
	if got := f.Error(optest.NewBrowser(t, w.issuer).Open(f.URL())); got != "login_required" {
		t.Errorf("without a session %q", got)
	}
	b, _, _ := w.signIn(a)
	f = a.Begin(optest.With("prompt", "none"))
	f.Code(b.Open(f.URL()))
	f = a.Begin(optest.With("prompt", "none login"))
	if got := f.Error(b.Open(f.URL())); got != "invalid_request" {
		t.Errorf("none with login %q", got)
	}
}

func TestP18_UnknownPromptsAreIgnored(t *testing.T) {
	w := newWorld(t)
	f := w.messenger().Begin(optest.With("prompt", "create consent whatever"))
	f.Code(optest.NewBrowser(t, w.issuer).Open(f.URL()))
	if d := w.desk.began; d.Fresh || d.Silent || d.Select {
		t.Errorf("demand %+v", d)
	}
}

func TestP19_IDTokenHint(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, answer := w.signIn(a)
	w.clock.pass(time.Hour) // an expired one will do
	f := a.Begin(optest.With("prompt", "none"), optest.With("id_token_hint", answer.IDToken))
	f.Code(b.Open(f.URL()))

	w.desk.person = w.people[1]
	other := optest.NewBrowser(t, w.issuer)
	f = a.Begin(optest.With("id_token_hint", answer.IDToken))
	if got := f.Error(other.Open(f.URL())); got != "login_required" {
		t.Errorf("another person got %q", got)
	}
	if w.desk.began.Subject != w.people[0] {
		t.Errorf("the demand is for %q", w.desk.began.Subject)
	}
	again := w.desk.provider.StartAgain(w.desk.request)
	if strings.Contains(again, "id_token_hint") {
		t.Error("a token is in an address of ours")
	}
	if got := f.Error(other.Open(again)); got != "login_required" {
		t.Errorf("started again, another person got %q", got)
	}
	f = a.Begin(optest.With("id_token_hint", answer.IDToken), optest.With("login_hint", "x@y.z"))
	f.Error(other.Open(f.URL()))
	elsewhere, err := url.Parse(w.desk.provider.StartElsewhere(w.desk.request))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(elsewhere.RawQuery, w.people[0]) || elsewhere.Query().Has("login_hint") || elsewhere.Query().Get("client_id") != "messenger" {
		t.Errorf("another browser is sent to %s", elsewhere)
	}
	for _, hint := range []string{answer.AccessToken, answer.IDToken + "x", "e30.e30."} {
		f := a.Begin(optest.With("id_token_hint", hint))
		if got := f.Error(b.Open(f.URL())); got != "invalid_request" {
			t.Errorf("a bad hint got %q", got)
		}
	}
}

func TestP20_SubjectByClaims(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, answer := w.signIn(a)
	claims := func(sub string) optest.Option {
		return optest.With("claims", `{"id_token":{"sub":{"value":"`+sub+`"}}}`)
	}
	f := a.Begin(claims(w.people[0]))
	f.Code(b.Open(f.URL()))
	for name, f := range map[string]*optest.Flow{
		"another person":     a.Begin(claims(w.people[1])),
		"hint and claims":    a.Begin(claims(w.people[1]), optest.With("id_token_hint", answer.IDToken)),
		"silent for another": a.Begin(claims(w.people[1]), optest.With("prompt", "none")),
	} {
		if got := f.Error(b.Open(f.URL())); got != "login_required" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestP21_PreferencesNeverFail(t *testing.T) {
	w := newWorld(t)
	b := optest.NewBrowser(t, w.issuer)
	for name, value := range map[string]string{
		"display": "hologram", "ui_locales": "tlh xx-!!", "claims_locales": "%%", "acr_values": "urn:nobody:knows", "login_hint": "\x00",
	} {
		f := w.messenger().Begin(optest.With(name, value))
		f.Code(b.Open(f.URL()))
	}
}

func TestP22_RequestObjectsAreRefused(t *testing.T) {
	w := newWorld(t)
	b := optest.NewBrowser(t, w.issuer)
	hits := 0
	stub := serveCounting(t, &hits)
	for name, want := range map[string]string{"request": "request_not_supported", "request_uri": "request_uri_not_supported"} {
		f := w.messenger().Begin(optest.With(name, stub+"/r"))
		if got := f.Error(b.Open(f.URL())); got != want {
			t.Errorf("%s gets %q", name, got)
		}
	}
	if hits > 0 {
		t.Errorf("request_uri was fetched %d times", hits)
	}
}

func TestP23_FormPost(t *testing.T) {
	w := newWorld(t)
	const state = `"><script>alert(1)</script>`
	f := w.messenger().Begin(optest.With("response_mode", "form_post"), optest.With("state", state))
	page := optest.NewBrowser(t, w.issuer).Open(f.URL())
	f.Code(page)
	if strings.Contains(page.Body, "<script>alert") {
		t.Error("state is not escaped")
	}
	if got := page.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	csp := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "form-action 'self' http://127.0.0.1:9;") || !strings.Contains(csp, "script-src 'nonce-") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	if !strings.Contains(page.Body, "<button") {
		t.Error("no button for a browser without JavaScript")
	}
	if strings.Contains(page.URL.String(), "code=") {
		t.Error("the code is in an address")
	}
}

func TestDemand(t *testing.T) {
	w := newWorld(t)
	age := 8 * time.Hour
	w.change("clinic", func(c *op.Client) {
		c.DefaultACR, c.DefaultMaxAge, c.ACRVoluntary = []string{"phr"}, &age, true
		c.Origins = []string{"https://spa.example"}
	})
	f := w.clinic().Begin(
		optest.With("prompt", "login select_account"), optest.With("acr_values", "a b"), optest.With("login_hint", "x@y.z"),
		optest.With("organization", "riverside"), optest.With("ui_locales", "fr en"),
		optest.With("claims", `{"id_token":{"acr":{"essential":true,"values":["c"]}}}`))
	optest.NewBrowser(t, w.issuer).Open(f.URL())
	d := w.desk.began
	if diff := cmp.Diff([]string{"https://clinic.example", "https://spa.example"}, d.App.Origins); diff != "" {
		t.Error(diff)
	}
	if d.App.Name != "Clinic" || !d.Fresh || !d.Select || d.Silent || !d.Voluntary || !d.Essential ||
		d.Org != "riverside" || d.LoginHint != "x@y.z" || d.MaxAge == nil || *d.MaxAge != age {
		t.Errorf("demand %+v", d)
	}
	if diff := cmp.Diff([][]string{{"c"}, {"phr"}, {"fr", "en"}}, [][]string{d.ACR, d.FloorACR, d.Locales}); diff != "" {
		t.Error(diff)
	}
	f = w.clinic().Begin(optest.With("max_age", "60"))
	optest.NewBrowser(t, w.issuer).Open(f.URL())
	if got := w.desk.began.MaxAge; got == nil || *got != time.Minute {
		t.Errorf("max_age %v", got)
	}
}

// Core 4: the address where an app begins a sign-in itself, when it has one.
func TestInitiateLogin(t *testing.T) {
	w := newWorld(t)
	f := w.messenger().Begin()
	f.Code(optest.NewBrowser(t, w.issuer).Open(f.URL()))
	for registered, want := range map[string]string{
		"":                                   "",
		"https://app.example/login":          "https://app.example/login?iss=" + url.QueryEscape(w.issuer),
		"https://app.example/login?tenant=1": "https://app.example/login?iss=" + url.QueryEscape(w.issuer) + "&tenant=1",
	} {
		w.change("messenger", func(c *op.Client) { c.InitiateLoginURI = registered })
		got, err := w.desk.provider.InitiateLogin(t.Context(), w.desk.request)
		if err != nil || got != want {
			t.Errorf("%q: got %q, %v", registered, got, err)
		}
	}
	if got, err := w.desk.provider.InitiateLogin(t.Context(), []byte("nonsense")); err == nil {
		t.Errorf("nonsense leads to %q", got)
	}
}

// What a sign-in hands back is judged by the registration of then.
func TestRegistrationChangesDuringSignIn(t *testing.T) {
	w := newWorld(t)
	f := w.messenger().Begin()
	b := optest.NewBrowser(t, w.issuer)
	f.Code(b.Open(f.URL()))
	again := w.desk.provider.StartAgain(w.desk.request)
	target, err := url.Parse(again)
	w.must(err)
	if diff := cmp.Diff(f.Params, target.Query()); diff != "" {
		t.Errorf("started again (-sent +again):\n%s", diff)
	}
	w.change("messenger", func(c *op.Client) { c.RedirectURIs = []string{"https://elsewhere.example/"} })
	if page := b.Open(again); page.Status != http.StatusBadRequest {
		t.Errorf("a redirect URI that is gone gets %s", page)
	}
	if got := w.desk.provider.StartAgain([]byte("nonsense")); got != "" {
		t.Errorf("nonsense starts %q", got)
	}
}
