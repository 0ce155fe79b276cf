package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/optest"
)

// frail is Charlotte with everything that she can have, on instances whose stores a test takes away.
type frail struct {
	*deployment
	who *patient
	app *optest.App
	id  string
}

func newFrail(t *testing.T, d *deployment) *frail {
	t.Helper()
	u, err := d.durable.UserByEmail(t.Context(), charlotte)
	must(t, err)
	a := &frail{deployment: d, app: d.messengerApp(t), id: u.ID}
	a.who = &patient{t: t, mailed: func() string { return codeTo(t, d.durable, charlotte) }}
	b, f := a.who.browser(d.issuer), a.app.Begin()
	f.Code(a.who.walk(b.Open(f.URL()), asksNothing))
	return a
}

// station is one at which a store can be lost.
type station struct {
	name   string
	b      *optest.Browser
	f      *optest.Flow
	p      *optest.Page
	answer func(*optest.Page) *optest.Page
}

// stations goes through every page of mailed codes and passkeys, and hands each to lose.
func (a *frail) stations(lose func(station)) {
	a.t.Helper()
	phone := passkeytest.NewSynced(a.issuer)
	begin := func(until string) station {
		a.who.phone = phone
		m := station{name: until, b: a.who.browser(a.issuer), f: a.app.Begin(), answer: a.who.answer}
		m.p = a.who.walk(m.b.Open(m.f.URL()), until)
		return m
	}
	for _, reach := range []func() station{
		func() station { return begin(asksTrust) },
		func() station {
			phone = passkeytest.NewSynced(a.issuer) // another phone, which the account does not know
			return begin(asksName)
		},
		func() station { return begin(asksPasskey) },
		func() station {
			m := begin(asksApp)
			m.name, m.p = asksMailed, m.p.Choose("email")
			return m
		},
		func() station {
			m := begin(asksEmail)
			m.answer = func(p *optest.Page) *optest.Page {
				if p.Has("email") {
					return p.Passkey()
				}
				return a.who.answer(p)
			}
			return m
		},
	} {
		m := reach()
		if got := a.who.asked(m.p); got != m.name {
			a.t.Fatalf("a page asks for %q, want %q: %s", got, m.name, m.p)
		}
		lose(m)
	}
}

// ends walks to the app, which has to get tokens.
func (a *frail) ends(m station, p *optest.Page) {
	a.t.Helper()
	answer := wantStatus(a.t, "redeem", a.app.Redeem(m.f, m.f.Code(a.who.walk(p, asksNothing))), http.StatusOK)
	a.app.Verify(answer.IDToken, m.f.Nonce)
}

// change is one that the account pages make.
type change struct {
	name, path string
	form       url.Values
	made       func() bool
}

// changes are some of every sort; b is signed in.
func (a *frail) changes() []change {
	a.t.Helper()
	enrolled := func() []factors.Enrollment {
		all, err := a.durable.Enrollments(a.t.Context(), a.id)
		must(a.t, err)
		return all
	}
	person := func() login.User {
		u, err := a.durable.User(a.t.Context(), a.id)
		must(a.t, err)
		return u
	}
	var passkey factors.Enrollment
	for _, e := range enrolled() {
		if e.Kind == factors.Passkey && passkey.ID == "" { // not the one of this browser, which is younger
			passkey = e
		}
	}
	count, hash := len(enrolled()), person().PasswordHash
	return []change{
		{"rename", "/account/factors/" + passkey.ID, url.Values{"name": {"Another name"}}, func() bool {
			for _, e := range enrolled() {
				if e.ID == passkey.ID {
					return e.Name == "Another name"
				}
			}
			return false
		}},
		{"default", "/account/default", url.Values{"method": {"totp"}}, func() bool { return person().Default == factors.TOTP }},
		{"remove", "/account/factors/" + passkey.ID + "/remove", nil, func() bool { return len(enrolled()) == count-1 }},
		{"others", "/account/sessions/others", nil, func() bool {
			sessions, err := a.durable.SessionsOf(a.t.Context(), a.id)
			must(a.t, err)
			return len(sessions) == 1
		}},
		{"password", "/account/password", url.Values{"current": {samplePassword}, "password": {"an entirely other sentence"}}, func() bool { return person().PasswordHash != hash }},
	}
}

// account is a browser that may change everything.
func (a *frail) account() *optest.Browser {
	a.t.Helper()
	b, f := a.who.browser(a.issuer), a.app.Begin()
	f.Code(a.who.walk(b.Open(f.URL()), asksNothing))
	return b
}

// link is what the mail of the last of the changes has to be pressed: another password ends the links before.
func (a *frail) link() string {
	a.t.Helper()
	link := linkOfLetter.FindString(letterTo(a.t, a.durable, charlotte, "password of your VSee account was changed").Text)
	if link == "" {
		a.t.Fatal("no link")
	}
	return link
}

// pressed reports whether the link of a mail was.
func (a *frail) pressed() bool {
	a.t.Helper()
	u, err := a.durable.User(a.t.Context(), a.id)
	must(a.t, err)
	return u.PasswordHash == ""
}

// TestT48_RedisForgetsFactors deletes all of Redis at each page of the ways to prove and to set up, and
// while somebody looks after an account. What is durable is still there.
func TestT48_RedisForgetsFactors(t *testing.T) {
	d := deploy(t)
	d.serve(mailing(t)...)
	a := newFrail(t, d)
	a.stations(func(m station) {
		d.forget()
		if reloaded := m.b.Open(m.p.URL.Path); reloaded.Status != http.StatusGone {
			t.Errorf("at %q a reload shows %s", m.name, reloaded)
		}
		a.ends(m, again(t, m.b, m.answer(m.p)))
	})

	b := a.account()
	p := b.Open("/account/add/totp")
	seed := seedOf(t, p)
	d.forget()
	lost := a.who.answer(p)
	if lost.Status != http.StatusGone || !strings.Contains(lost.Body, `href="/account"`) {
		t.Fatalf("no way back on %s", lost)
	}
	p = b.Open("/account/add/totp")
	if seedOf(t, p) == seed {
		t.Error("a forgotten key is shown again")
	}
	if p = a.who.answer(p); p.URL.Path != "/account" || p.Status != http.StatusOK {
		t.Errorf("not added: %s", p)
	}
	for _, c := range a.changes() {
		d.forget()
		if p := b.Post(c.path, c.form, nil); p.URL.Path != "/account" || !c.made() {
			t.Errorf("%s: %s", c.name, p)
		}
	}
	link := a.link()
	if p := b.Open(link).Press(link); !p.Has("password") || !a.pressed() {
		t.Errorf("the link of a mail: %s", p)
	}
}

// TestT48_RedisIsGoneFromFactors kills Redis at the same places. Nothing is proved, changed or pressed
// without it.
func TestT48_RedisIsGoneFromFactors(t *testing.T) {
	own := newOwnRedis(t)
	d := deployOn(t, own.addr)
	instance := d.serve(mailing(t)...)
	a := newFrail(t, d)
	restart := func() { own.restart(instance, a.app) }
	a.stations(func(m station) {
		own.kill()
		wantUnavailable(t, "answer at "+m.name, m.answer(m.p))
		wantUnavailable(t, "reload at "+m.name, m.b.Open(m.p.URL.Path))
		restart()
		a.ends(m, again(t, m.b, m.b.Open(m.p.URL.Path)))
	})
	b := a.account()
	a.survive(b, own.kill, restart)
	wantCalm(t, instance)
}

// TestT49_PostgreSQLIsGoneFromFactors closes the way to PostgreSQL at the same places: a 503, and the
// same page goes on when it is open again.
func TestT49_PostgreSQLIsGoneFromFactors(t *testing.T) {
	d := deploy(t)
	dsn, g := through(t, d.dsn)
	instance := d.serve(append(mailing(t), "VSEEID_DATABASE_URL="+dsn)...)
	a := newFrail(t, d)
	open := func() { g.reopen(t, instance, a.app) }
	a.stations(func(m station) {
		g.shut()
		wantUnavailable(t, "answer at "+m.name, m.answer(m.p))
		open()
		a.ends(m, m.answer(m.b.Open(strings.TrimSuffix(m.p.URL.Path, "/passkey"))))
	})
	b := a.account()
	a.survive(b, g.shut, open)
	wantCalm(t, instance)
}

// survive takes a store away at each change of the account and at the link of a mail: nothing is done,
// and all of it is when the store is back.
func (a *frail) survive(b *optest.Browser, lose, restore func()) {
	a.t.Helper()
	p := b.Open("/account/add/totp")
	count := func() int {
		all, err := a.durable.Enrollments(a.t.Context(), a.id)
		must(a.t, err)
		return len(all)
	}
	before := count()
	lose()
	wantUnavailable(a.t, "add", a.who.answer(p))
	if count() != before {
		a.t.Error("an app was added")
	}
	restore()
	for _, c := range a.changes() {
		lose()
		wantUnavailable(a.t, c.name, b.Post(c.path, c.form, nil))
		if c.made() {
			a.t.Errorf("%s: it was done", c.name)
		}
		restore()
		if p := b.Post(c.path, c.form, nil); p.URL.Path != "/account" || !c.made() {
			a.t.Errorf("%s: %s", c.name, p)
		}
	}
	link := a.link()
	lose()
	wantUnavailable(a.t, "the link of a mail", b.Open(link))
	wantUnavailable(a.t, "the link of a mail, pressed", b.Post(link, nil, nil))
	restore()
	if a.pressed() {
		a.t.Error("the link was pressed")
	}
	if p := b.Open(link).Press(link); !p.Has("password") || !a.pressed() {
		a.t.Errorf("the link of a mail: %s", p)
	}
}

// wantCalm stops an instance that has to have come through without a panic.
func wantCalm(t *testing.T, instance *child) {
	t.Helper()
	if code := instance.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if log := instance.stderr.String(); strings.Contains(log, `"msg":"panic"`) || strings.Contains(log, "DATA RACE") || strings.Contains(log, `"status":500`) {
		t.Errorf("log: %s", log)
	}
}
