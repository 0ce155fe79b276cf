package main

import (
	"bytes"
	"encoding/base32"
	"html"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
)

// spy is the way of every request. After each answer it looks into Redis, and it keeps what was secret
// in the answer: cookies, the names of sign-ins, the challenges of passkeys.
type spy struct {
	*secrets
	redis func() string
	seen  strings.Builder
	looks int
}

var challengeInPage = regexp.MustCompile(`"challenge":"([A-Za-z0-9_-]{20,})"`)

func (s *spy) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	for _, c := range answer.Cookies() {
		s.add("the cookie "+c.Name, c.Value)
	}
	for _, m := range challengeInPage.FindAllStringSubmatch(html.UnescapeString(string(body)), -1) {
		s.add("the challenge of a passkey", m[1])
	}
	for _, path := range []string{r.URL.Path, answer.Header.Get("Location")} {
		if parts := strings.Split(path, "/"); len(parts) > 3 && strings.HasPrefix(path, "/u/login/") {
			s.add("the name of a sign-in", parts[3])
		}
	}
	s.seen.WriteString(s.redis())
	s.looks++
	return answer, nil
}

// private is a person whose every secret is kept.
type private struct {
	*testing.T
	s        *testServer
	clock    *clock
	spy      *spy
	app      *optest.App
	phone    *passkeytest.Authenticator
	password string
	seed     string
	recovery string
}

func (p *private) browser(phone *passkeytest.Authenticator) *optest.Browser {
	b := optest.NewBrowser(p, p.s.issuer)
	b.HTTP.Transport = p.spy
	if phone != nil {
		b.AsPhone(phone)
	}
	return b
}

// toFactor goes to the second factor, past a wrong password.
func (p *private) toFactor(b *optest.Browser, options ...optest.Option) (*optest.Flow, *optest.Page) {
	p.Helper()
	f := p.app.Begin(options...)
	p.spy.add("a verifier", f.Verifier)
	page := b.Open(f.URL())
	if page.Has("email") && !page.Has("password") {
		page = page.Submit("email", charlotte)
	}
	return f, page.Submit("password", p.wrong("password")).Submit("password", p.password)
}

func (p *private) wrong(what string) string {
	typed := "wrong-" + what + "-that-somebody-typed"
	p.spy.add("a wrong "+what, typed)
	return typed
}

// code is a code of the app that was not used yet.
func (p *private) code() string {
	p.Helper()
	p.clock.pass(31 * time.Second)
	code := codeAt(p, p.seed, p.clock.now())
	p.spy.add("a code of the app", code)
	return code
}

// sets up an app on the page, and returns the page after it.
func (p *private) sets(page *optest.Page) *optest.Page {
	p.Helper()
	p.seed = seedOf(p, page)
	p.spy.add("the key of an app", p.seed)
	raw, err := base32.StdEncoding.DecodeString(p.seed)
	must(p, err)
	p.spy.add("the key of an app in bytes", string(raw))
	return page.Submit("code", p.code())
}

func (p *private) records(page *optest.Page) *optest.Page {
	p.Helper()
	p.recovery = recoveryOf(p, page)
	p.spy.add("a recovery code", p.recovery)
	return page.Submit("confirmed", "true")
}

func (p *private) ends(f *optest.Flow, page *optest.Page) {
	p.Helper()
	code := f.Code(page)
	p.spy.add("an authorization code", code)
	a := wantStatus(p, "redeem", p.app.Redeem(f, code), http.StatusOK)
	for what, token := range map[string]string{"an access token": a.AccessToken, "a refresh token": a.RefreshToken, "an ID token": a.IDToken} {
		p.spy.add(what, token)
	}
}

func (p *private) mailedCode() string {
	p.Helper()
	code := codeTo(p, p.s.parts.durable, charlotte)
	p.spy.add("a mailed code", code)
	return code
}

// does posts a form of the account pages, which has to say that it is done.
func (p *private) does(b *optest.Browser, path string, fields ...string) {
	p.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	page := b.Open(strings.TrimSuffix(path, "/remove"))
	if page.Status != http.StatusOK {
		p.Fatalf("GET %s: %s", path, page)
	}
	if page = b.Post(path, form, nil); page.URL.Path != "/account" || !page.URL.Query().Has("done") {
		p.Fatalf("POST %s: %s", path, page)
	}
}

// links are the tokens of every mail so far.
func (p *private) links() []string {
	p.Helper()
	var out []string
	for _, m := range lettersTo(p, p.s.parts.durable, charlotte) {
		if link := linkOfLetter.FindString(m.Text); link != "" {
			p.spy.add("the token of a link", strings.TrimPrefix(link, login.LinkPath))
			out = append(out, link)
		}
	}
	return out
}

// TestT46_SecretsOfEveryWayIn goes through mailed codes, passkeys, the account pages, the link of a
// mail, a reset by support and a ticket, looks into Redis after every answer, and at every table and
// every line of the log in the end.
func TestT46_SecretsOfEveryWayIn(t *testing.T) {
	clock := &clock{}
	s := startServer(t, on{servers: true, now: clock.now, sender: nowhere{}})
	p := &private{
		T: t, s: s, clock: clock, app: s.clinicApp(t), phone: passkeytest.NewSynced(s.issuer), password: samplePassword,
		spy: &spy{secrets: &secrets{}, redis: func() string { return keysOf(t, os.Getenv("VSEEID_TEST_REDIS"), s.prefix) }},
	}
	p.spy.add("the password", samplePassword)
	p.spy.add("the clinic's secret", clinicSecret)

	phone := p.trustsAPhone()
	p.usesMailedCodes()
	p.usesPasskeys(phone)
	p.changesTheAccount(phone)
	p.saysItWasNotMe()
	p.isReset()

	kinds := map[string]int{}
	for _, what := range *p.spy.secrets {
		kinds[what]++
	}
	for what, least := range map[string]int{
		"a mailed code": 2, "the challenge of a passkey": 8, "the token of a link": 5, "the ticket": 1, "the cookie vseeid-device": 2,
		"the cookie vseeid-session": 6, "the cookie vseeid-browser": 4, "a new password": 2, "the key of an app": 3, "a recovery code": 3,
		"the token of the administration": 1, "the name of a sign-in": 7,
	} {
		if kinds[what] < least {
			t.Errorf("%s was met %d times, want %d: the run is not what it was", what, kinds[what], least)
		}
	}
	tables, decoded := tablesOf(t, s.dsn)
	log, redis := s.logs.String(), p.spy.seen.String()
	if p.spy.looks < 80 || decoded < 20 || !strings.Contains(tables, charlotte) || !strings.Contains(redis, s.prefix) || !strings.Contains(log, `"msg":"request"`) {
		t.Fatalf("a dump is empty: %d looks, %d decoded", p.spy.looks, decoded)
	}
	p.spy.foundIn(t, "PostgreSQL", tables)
	p.spy.foundIn(t, "the log", log)
	p.spy.add("a mail address", charlotte)
	p.spy.add("the name of a passkey", "Charlotte's thing")
	p.spy.foundIn(t, "Redis", redis)
}

// trustsAPhone signs in for the first time, and makes a passkey.
func (p *private) trustsAPhone() *optest.Browser {
	b := p.browser(p.phone)
	f, page := p.toFactor(b)
	page = p.records(p.sets(page))
	if page.Ceremony() != "create" {
		p.Fatalf("no offer to trust the phone: %s", page)
	}
	p.ends(f, page.Passkey().Submit("name", "Charlotte's thing"))
	return b
}

func (p *private) usesMailedCodes() {
	f, page := p.toFactor(p.browser(nil))
	page = page.Choose("email")
	old := p.mailedCode()
	p.clock.pass(31 * time.Second)
	page = page.Press("/resend")
	if page = page.Submit("code", old); page.Status != http.StatusUnprocessableEntity {
		p.Fatalf("the code before: %s", page)
	}
	page.Submit("code", p.wrong("code of a mail"))
	p.ends(f, page.Submit("code", p.mailedCode()))
}

func (p *private) usesPasskeys(known *optest.Browser) {
	// Straight from the first page, in a browser that knows nothing; then one that knows it.
	f := p.app.Begin()
	p.ends(f, p.browser(p.phone).Open(f.URL()).Passkey())
	p.clock.pass(13 * time.Hour)
	f = p.app.Begin()
	page := known.Open(f.URL())
	if page.Has("password") || page.Ceremony() != "get" {
		p.Fatalf("not asked for the passkey: %s", page)
	}
	stranger := passkeytest.New(p.s.issuer)
	stranger.Lies.Signature = true
	known.AsPhone(liar{p.phone, stranger})
	if page = page.Passkey(); page.Status != http.StatusUnprocessableEntity {
		p.Fatalf("a signature that is wrong: %s", page)
	}
	known.AsPhone(p.phone)
	p.ends(f, known.Open(page.URL.Path[:strings.LastIndex(page.URL.Path, "/")]).Passkey())
}

// liar has somebody's passkey, and signs with another.
type liar struct {
	*passkeytest.Authenticator
	with *passkeytest.Authenticator
}

func (l liar) Get(options []byte) ([]byte, error) {
	k := *l.Keys()[0]
	return l.with.Use(&k, options)
}

// changesTheAccount does everything that the account pages do, with all that they ask for before.
func (p *private) changesTheAccount(b *optest.Browser) {
	page := b.Open("/account/add/totp")
	if page.Ceremony() == "get" { // one of the proofs is too old
		page = page.Passkey()
	}
	if page = p.sets(page); page.URL.Path != "/account" {
		p.Fatalf("an app was not added: %s", page)
	}
	p.links()
	enrolled, err := p.s.parts.durable.Enrollments(p.Context(), p.s.person(p, charlotte))
	must(p, err)
	last := enrolled[len(enrolled)-1]
	p.does(b, "/account/factors/"+last.ID, "name", "Charlotte's thing")
	p.does(b, "/account/default", "method", "totp")
	p.records(b.Open("/account/recovery").Press("/account/recovery"))
	old := p.password
	p.password = "an entirely other sentence"
	p.spy.add("a new password", p.password)
	p.does(b, "/account/password", "current", old, "password", p.password)
	p.does(b, "/account/sessions/others")
	p.does(b, "/account/factors/"+last.ID+"/remove", "others", "true")
	p.links()
}

// saysItWasNotMe presses the link of the newest mail, and sets a password by it.
func (p *private) saysItWasNotMe() {
	b := p.browser(nil)
	link := p.links()[0]
	page := b.Open(link).Press(link)
	if !page.Has("password") {
		p.Fatalf("no form for a password: %s", page)
	}
	page = page.Submit("password", "short")
	p.password = "a third one, of nobody else"
	p.spy.add("a new password", p.password)
	if page = page.Submit("password", p.password); page.Status != http.StatusOK || page.Has("password") {
		p.Fatalf("no new password: %s", page)
	}
}

// isReset has support take all factors away, where the organization wants a ticket before the next.
func (p *private) isReset() {
	ctx, db := p.Context(), p.s.parts.durable
	org, err := db.Org(ctx, "riverside")
	must(p, err)
	org.Policy.Enrollment = login.ByTicket
	must(p, db.UpdateOrg(ctx, org, storage.Trail{}))
	api, id := p.s.administration(p), p.s.person(p, charlotte)
	p.spy.add("the token of the administration", api.token)
	if status, _, done := api.call("/users/"+id+"/mfa/reset", `{"reason":"lost the phone"}`); status != http.StatusOK {
		p.Fatalf("reset: %d %v", status, done)
	}
	_, _, given := api.call("/users/"+id+"/enrollment-tickets", `{"reason":"lost the phone"}`)
	ticket, _ := given["ticket"].(string)
	p.spy.add("the ticket", ticket)
	p.phone.Forget()
	f, page := p.toFactor(p.browser(p.phone))
	page = page.Submit("code", "AAAABBBBCCCC")
	if page.Status != http.StatusUnprocessableEntity {
		p.Fatalf("a wrong ticket: %s", page)
	}
	page = p.records(p.sets(page.Submit("code", ticket)))
	p.ends(f, page.Press("/later"))
	p.links()
}
