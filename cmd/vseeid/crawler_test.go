package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
)

// answers is a transport that keeps what was answered.
type answers struct {
	http.RoundTripper
	all    []*http.Response
	bodies []string
	log    func() string
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := a.RoundTripper.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	a.all, a.bodies = append(a.all, res), append(a.bodies, string(body))
	return res, nil
}

// secured is the same provider once more, under an https address and without a network.
func (s *testServer) secured(t *testing.T) (sample, *answers) {
	t.Helper()
	p := s.parts
	var err error
	p.issuer, err = url.Parse("https://id.example.com")
	must(t, err)
	p.passkey.rpID = p.issuer.Hostname()
	provider, err := build(t.Context(), p)
	must(t, err)
	secure := s.sample
	secure.issuer = "https://id.example.com"
	return secure, &answers{RoundTripper: handled{provider.handler}, log: s.logs.String}
}

// crawler asks for everything that answers, right and wrong, as a person, as a stranger from another
// site and as an app's script.
type crawler struct {
	*testing.T
	server *testServer
	sample
	clock *clock
	seen  *answers
	who   *patient
	app   *optest.App
}

func newCrawler(t *testing.T) *crawler {
	t.Helper()
	clock := &clock{}
	c := &crawler{T: t, clock: clock, server: startServer(t, on{now: clock.now, sender: nowhere{}}), who: &patient{t: t, now: clock.now}}
	c.sample, c.seen = c.server.secured(t)
	c.app = c.messengerApp(t)
	return c
}

func (c *crawler) browser() *optest.Browser {
	b := c.who.browser(c.issuer)
	b.HTTP.Transport = c.seen
	return b
}

// sites are where a request can come from: of our own pages, of another site, of nowhere.
var sites = []http.Header{{}, {"Origin": {"https://evil.example"}, "Sec-Fetch-Site": {"cross-site"}}, {"Origin": {"null"}, "Sec-Fetch-Site": nil}}

// steps are the forms of a sign-in, of which leaving go on by themselves when they are posted empty.
var (
	steps = []string{
		"identifier", "password", "enroll", "challenge", "passkey", "resend", "method", "recovery", "ticket", "name",
		"later", "never", "replace", "signal", "lost", "switch", "cancel",
	}
	leaving = steps[10:]
)

// at asks for every page and posts every form of a sign-in, also where it does not belong.
func (c *crawler) at(b *optest.Browser, p *optest.Page) {
	c.Helper()
	c.clock.pass(2 * time.Minute) // nobody here is too fast
	path := strings.Join(strings.Split(p.URL.Path, "/")[:4], "/")
	b.Open(path + "?view=key")
	b.Open(path + "/method")
	b.Open(path + "/mail")
	b.Post(path+"/resend", nil, nil) // and once more below, which is too soon
	for _, step := range steps {
		b.Open(path + "/" + step)
		for _, site := range sites[1:] {
			b.Post(path+"/"+step, url.Values{"email": {"x"}, "code": {"1"}, "password": {"x"}}, site)
		}
		c.browser().Post(path+"/"+step, nil, nil) // another browser
		if !slices.Contains(leaving, step) {
			b.Post(path+"/"+step, url.Values{"email": {charlotte}, "password": {""}}, nil)
		}
	}
	b.Post(path+"/password", nil, http.Header{"Content-Type": {"text/plain"}})
	b.Post(path+"/cancel", nil, nil)
	b.Open(path)
	b.Post(path+"/identifier", nil, nil)
}

// walk goes on until a page asks for what until says.
func (c *crawler) walk(until string) (*optest.Browser, *optest.Page) {
	c.Helper()
	c.clock.pass(2 * time.Minute)
	b := c.browser()
	p := b.Open(c.app.Begin().URL())
	for range 10 {
		asked := c.who.asked(p)
		if asked == until || asked == asksNothing {
			break
		}
		if asked == asksApp && until == asksMailed {
			p = p.Choose("email")
		} else {
			p = c.who.answer(p)
		}
	}
	if c.who.asked(p) == asksConfirm {
		c.who.recovery = "" // the one before is used, and this one will not be recorded
	}
	return b, p
}

// crawl asks for everything, and returns all answers.
func crawl(t *testing.T) *answers {
	t.Helper()
	c := newCrawler(t)
	for _, until := range []string{asksEmail, asksPassword, asksEnroll, asksConfirm, asksPassword, asksApp} {
		c.at(c.walk(until))
	}
	c.walk(asksNothing) // with a recovery code from now on
	for _, until := range []string{asksCode, asksConfirm} {
		c.at(c.walk(until))
	}
	c.who.phone = passkeytest.New(c.issuer)
	for _, until := range []string{asksTrust, asksName, asksPasskey, asksMailed} {
		b, p := c.walk(until)
		if got := c.who.asked(p); got != until {
			t.Fatalf("a page asks for %q, want %q: %s", got, until, p)
		}
		c.at(b, p)
	}
	c.protocol()
	c.account()
	c.support()
	c.everywhere()
	return c.seen
}

// protocol goes to the end, by query and by form_post, by POST, silently, and out again.
func (c *crawler) protocol() {
	b, _ := c.walk(asksNothing)
	app, browser := c.app, c.browser
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
}

// account looks at every page of the account, sends every form of it, and follows the link of a mail.
func (c *crawler) account() {
	c.Helper()
	b, _ := c.walk(asksNothing)
	db, id := c.server.parts.durable, c.server.person(c, charlotte)
	enrolled, err := db.Enrollments(c.Context(), id)
	must(c, err)
	sessions, err := db.SessionsOf(c.Context(), id)
	must(c, err)
	paths := []string{
		"/account", "/account?done=added.totp", "/account?done=%3Cb%3E", "/account/nothing", "/account/add/totp", "/account/add/passkey", "/account/add/email", "/account/recovery",
		"/account/default", "/account/password", "/account/sessions/nothing", "/account/trust", "/account/factors/nothing", "/account/factors/nothing/remove",
		"/account/sessions/others", "/account/signout",
	}
	for _, e := range enrolled {
		paths = append(paths, "/account/factors/"+e.ID, "/account/factors/"+e.ID+"/remove")
	}
	for _, s := range sessions {
		paths = append(paths, "/account/sessions/"+s.ID)
	}
	for _, path := range paths {
		b.Open(path)
		c.browser().Open(path)
		c.browser().Post(path, nil, nil)
		for _, site := range sites[1:] {
			b.Post(path, url.Values{"name": {"x"}, "method": {"totp"}, "password": {"x"}}, site)
		}
	}
	for path, form := range map[string]url.Values{
		"/account/factors/" + enrolled[0].ID: {"name": {"My app"}}, "/account/default": {"method": {"totp"}}, "/account/recovery": nil,
		"/account/password": {"password": {"short"}}, "/account/trust": nil, "/account/factors/nothing/remove": nil, "/account/sessions/others": nil,
	} {
		b.Post(path, form, nil)
	}
	link := linkOfLetter.FindString(letterTo(c, db, charlotte, "asked for first").Text)
	for _, token := range []string{link, login.LinkPath + "x", link[:len(link)-1] + "_"} {
		b.Open(token)
		c.browser().Post(token, nil, sites[1])
		c.browser().Post(token, nil, nil)
		b.Open(token)
		b.Post(token, url.Values{"password": {"short"}}, nil)
		b.Post(token, url.Values{"password": {samplePassword}}, nil) // which is the one of before
		b.Post(token, url.Values{"password": {"another " + samplePassword}}, nil)
		b.Open(token)
	}
	hash, err := c.server.parts.passwords.Hash(c.Context(), samplePassword)
	must(c, err)
	must(c, db.SetPassword(c.Context(), id, hash, c.clock.now(), storage.Trail{}))
	b.Post("/account/signout", nil, nil)
}

// support calls the API, and goes to where its ticket is asked for.
func (c *crawler) support() {
	c.Helper()
	r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.issuer+"/oauth/token", strings.NewReader("grant_type=client_credentials"))
	must(c, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("admin", adminSecret)
	answer, err := c.seen.RoundTrip(r)
	must(c, err)
	var granted optest.Answer
	must(c, json.NewDecoder(answer.Body).Decode(&granted))
	id := c.server.person(c, charlotte)
	for _, path := range []string{"/users/" + id + "/mfa/reset", "/users/nobody/mfa/reset", "/users/" + id + "/enrollment-tickets", "/nothing"} {
		for _, token := range []string{"", "Bearer x", "Bearer " + granted.AccessToken} {
			for _, body := range []string{"", `{"reason":"x"}`} {
				for _, site := range sites {
					r, err := http.NewRequestWithContext(c.Context(), http.MethodPost, c.issuer+"/api/v1"+path, strings.NewReader(body))
					must(c, err)
					r.Header = site.Clone()
					r.Header.Set("Content-Type", "application/json")
					r.Header.Set("Authorization", token)
					_, err = c.seen.RoundTrip(r)
					must(c, err)
				}
			}
		}
	}
	org, err := c.server.parts.durable.Org(c.Context(), "riverside")
	must(c, err)
	org.Policy.Enrollment = login.ByTicket
	must(c, c.server.parts.durable.UpdateOrg(c.Context(), org, storage.Trail{}))
	_, err = login.Support{Store: c.server.parts.durable, Notices: notice.Writer{}, Now: c.clock.now}.ResetMFA(c.Context(), id, login.Why{Actor: "cli", Reason: "x"})
	must(c, err)
	b, p := c.walk(asksTicket)
	if c.who.asked(p) != asksTicket {
		c.Fatalf("no ticket is asked for: %s", p)
	}
	c.at(b, p)
}

// everywhere asks for everything else, by every method and from everywhere.
func (c *crawler) everywhere() {
	t, s, seen := c.T, c.sample, c.seen
	for _, path := range []string{
		"/", "/favicon.ico", "/.well-known/nothing", "/authorize", "/authorize/posted/x", "/oauth/token", "/userinfo", "/oauth/revoke",
		"/oidc/logout", "/oidc/logout/posted/x", "/oidc/logout/confirm", "/v2/logout", "/v2/logout/posted/x",
		"/.well-known/jwks.json", "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server",
		"/u/login/x", "/u/login/x/method", "/u/login/x/password", "/u/login/x/y/z", "/u/assets/style.css", "/u/assets/app.js", "/u/assets/nothing",
		"/u/brand/logo", "/account", "/account/password", "/account/x/y", "/u/notice/x", "/u/notice", "/api/v1", "/api/v1/users/x/mfa/reset", "/livez", "/readyz", "/dev/mail", "/dev/mail.json", "/dev/mail.css", "/%2e%2e/etc/passwd", "//evil.example/u/login",
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
}
