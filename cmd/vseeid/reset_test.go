package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

const whyReset = "lost the phone; called back on the number on file"

// support calls the administration API, at the instance that is named.
func (d *deployment) support(at *child, path, body string) (status int, document map[string]any) {
	d.t.Helper()
	admin := optest.NewApp(d.t, optest.App{Issuer: d.issuer, ID: "admin", Secret: adminSecret, Scopes: "admin"})
	granted := wantStatus(d.t, "client_credentials", admin.Token(optest.With("grant_type", op.GrantClientCredentials)), http.StatusOK)
	r, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.issuer+"/api/v1"+path, strings.NewReader(body))
	must(d.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+granted.AccessToken)
	r.Header.Set(pickHeader, at.address())
	answer, err := http.DefaultClient.Do(r)
	must(d.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	must(d.t, err)
	if err := json.Unmarshal(text, &document); err != nil {
		d.t.Fatalf("%s: %s %q", path, answer.Status, text)
	}
	return answer.StatusCode, document
}

// by is a browser that one instance serves.
type by struct{ *child }

func (i by) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(pickHeader, i.address())
	return http.DefaultTransport.RoundTrip(r)
}

// lockedOut is Charlotte as she was before support took everything away, and whoever else may be at
// her account: all of it on two instances.
type lockedOut struct {
	*deployment
	one, two *child
	id       string
	who      *patient
	browsers []*optest.Browser // signed in to both apps
	grants   []grant
	offered  *optest.Page // half-way in another browser: at an offer after both proofs
	mailing  *optest.Page // half-way in a third: the code of the mail is all that is missing
	flow     *optest.Flow // what those would end in
	adding   *optest.Page // of the account: about to set up another app
}

type grant struct {
	app    *optest.App
	answer optest.Answer
}

func lockOut(t *testing.T) *lockedOut {
	t.Helper()
	d := deploy(t)
	smtp := mailing(t)
	l := &lockedOut{deployment: d, one: d.serve(smtp...), two: d.serve(smtp...)}
	l.who = &patient{t: t, phone: passkeytest.New(d.issuer), mailed: func() string { return codeTo(t, d.durable, charlotte) }}
	u, err := d.durable.UserByEmail(t.Context(), charlotte)
	must(t, err)
	l.id = u.ID
	messenger, clinic := d.messengerApp(t), d.clinicApp(t)
	clinic.Scopes = "openid profile email" // what the session carries
	for _, at := range []*child{l.one, l.two} {
		b := l.who.browser(d.issuer)
		b.HTTP.Transport = by{at}
		for _, app := range []*optest.App{messenger, clinic} {
			f := app.Begin()
			answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(l.who.walk(b.Open(f.URL()), asksNothing))), http.StatusOK)
			l.grants = append(l.grants, grant{app, answer})
		}
		l.browsers = append(l.browsers, b)
	}
	l.refresh()

	l.flow = messenger.Begin()
	halfWay := func() *optest.Page {
		b := l.who.browser(d.issuer)
		b.HTTP.Transport = by{l.two}
		return l.who.walk(b.Open(l.flow.URL()), asksApp)
	}
	if l.mailing = halfWay().Choose("email"); l.who.asked(l.mailing) != asksMailed {
		t.Fatalf("no code is mailed: %s", l.mailing)
	}
	if l.offered = l.who.walk(halfWay().Choose("recovery"), asksLater); l.who.asked(l.offered) != asksLater {
		t.Fatalf("no offer: %s", l.offered)
	}
	if l.adding = l.browsers[1].Open("/account/add/totp"); l.who.asked(l.adding) != asksEnroll {
		t.Fatalf("no page to add an app: %s", l.adding)
	}
	return l
}

// refresh uses every grant, once at each instance.
func (l *lockedOut) refresh() {
	l.t.Helper()
	for i, g := range l.grants {
		for range 2 {
			next := wantStatus(l.t, "refresh", g.app.Refresh(l.grants[i].answer.RefreshToken), http.StatusOK)
			l.grants[i].answer = next
			if answer, _ := g.app.Userinfo(next.AccessToken); answer.Status != http.StatusOK {
				l.t.Fatalf("userinfo: %d", answer.Status)
			}
		}
	}
}

// wantDead fails for whatever still works, at either instance.
func (l *lockedOut) wantDead() {
	l.t.Helper()
	for _, g := range l.grants {
		for range 2 { // one for each instance
			if a := g.app.Refresh(g.answer.RefreshToken); a.Status != http.StatusBadRequest || a.Error != "invalid_grant" {
				l.t.Errorf("refresh for %s: %d %s", g.app.ID, a.Status, a.Error)
			}
			if a, _ := g.app.Userinfo(g.answer.AccessToken); a.Status != http.StatusUnauthorized {
				l.t.Errorf("userinfo for %s: %d", g.app.ID, a.Status)
			}
		}
	}
	for _, b := range l.browsers {
		for _, at := range []*child{l.one, l.two} {
			b.HTTP.Transport = by{at}
			f := l.messengerApp(l.t).Begin(optest.With("prompt", "none"))
			if got := f.Error(b.Open(f.URL())); got != "login_required" {
				l.t.Errorf("silently: %q", got)
			}
			if p := b.Open("/account"); !p.Has("email") && !p.Has("password") {
				l.t.Errorf("the account is open: %s", p)
			}
		}
	}
	for where, p := range map[string]*optest.Page{
		"at an offer": l.offered.Press("/later"), "at a mailed code": l.mailing.Submit("code", l.who.mailed()),
	} {
		if p.Response(l.flow.Params.Get("redirect_uri")) != nil || !p.Has("email") && !p.Has("password") {
			l.t.Errorf("half-way %s: %s", where, p)
		}
	}
	seed := seedOf(l.t, l.adding)
	if p := l.adding.Submit("code", codeAt(l.t, seed, time.Now())); !p.Has("email") && !p.Has("password") {
		l.t.Errorf("an app was added: %s", p)
	}
	l.wantNothingEnrolled()
}

func (l *lockedOut) wantNothingEnrolled() {
	l.t.Helper()
	left, err := l.durable.Enrollments(l.t.Context(), l.id)
	must(l.t, err)
	if len(left) != 0 {
		l.t.Errorf("%d factors", len(left))
	}
}

// wantTold fails unless Charlotte has a mail of the reset, and an auditor finds who did it and why.
func (l *lockedOut) wantTold(actor, client string) {
	l.t.Helper()
	mail := letterTo(l.t, l.durable, charlotte, "was reset")
	wantSent(l.t, l.durable, mail)
	events, err := l.durable.Events(l.t.Context(), sqldb.EventFilter{Type: storage.FactorRemoved, UserID: l.id}, storage.Page{})
	must(l.t, err)
	if len(events) != 1 {
		l.t.Fatalf("%d events", len(events))
	}
	if e := events[0]; e.Detail["actor"] != actor || e.Detail["reason"] != whyReset || e.ClientID != client {
		l.t.Errorf("event %+v", e)
	}
}

// signInAnew sets everything up again, and is given tokens.
func (l *lockedOut) signInAnew(ticket string) {
	l.t.Helper()
	who := &patient{t: l.t, phone: l.who.phone, ticket: ticket}
	app := l.messengerApp(l.t)
	f := app.Begin()
	b := who.browser(l.issuer)
	p := who.walk(b.Open(f.URL()), asksEnroll)
	if who.asked(p) != asksEnroll {
		l.t.Fatalf("nothing is set up anew: %s", p)
	}
	answer := wantStatus(l.t, "redeem", app.Redeem(f, f.Code(who.walk(p, asksNothing))), http.StatusOK)
	if c := app.Verify(answer.IDToken, f.Nonce); c.ACR == "" || len(c.AMR) < 3 {
		l.t.Errorf("acr %q, amr %v", c.ACR, c.AMR)
	}
	wantStatus(l.t, "refresh", app.Refresh(answer.RefreshToken), http.StatusOK)
}

func (l *lockedOut) stop() {
	l.t.Helper()
	for _, p := range []*child{l.one, l.two} {
		if code := p.stop(); code != 0 || strings.Contains(p.stderr.String(), "DATA RACE") || strings.Contains(p.stderr.String(), `"level":"ERROR"`) {
			l.t.Errorf("exit %d: %s", code, p.stderr)
		}
	}
}

// TestT27_ResetEndsEverything has support reset Charlotte at one instance: whatever she, or who has her
// phone, was doing at either of them is over, and she sets up anew.
func TestT27_ResetEndsEverything(t *testing.T) {
	t.Run("by the API", func(t *testing.T) {
		l := lockOut(t)
		status, done := l.support(l.one, "/users/"+l.id+"/mfa/reset", `{"reason":"`+whyReset+`"}`)
		if status != http.StatusOK || done["removed"] != 3.0 { // app, recovery code, passkey
			t.Fatalf("reset: %d %v", status, done)
		}
		l.wantDead()
		l.wantTold("api", "admin")
		l.signInAnew("")
		l.stop()
	})
	t.Run("by the command line", func(t *testing.T) {
		l := lockOut(t)
		if code, _, stderr := runChild(t, l.env, "user", "reset-mfa", charlotte, "--reason", whyReset); code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		l.wantDead()
		l.wantTold("cli", "")
		l.signInAnew("")
		l.stop()
	})
}

// TestT27_TicketBesideThePassword resets a person whose organization wants a ticket of support before a
// first factor: who has stolen the password gets nowhere with it.
func TestT27_TicketBesideThePassword(t *testing.T) {
	l := lockOut(t)
	if code, _, stderr := runChild(t, l.env, "org", "policy", "set", "riverside", "--enrollment", string(login.ByTicket)); code != 0 {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	if status, done := l.support(l.one, "/users/"+l.id+"/mfa/reset", `{"reason":"`+whyReset+`"}`); status != http.StatusOK {
		t.Fatalf("reset: %d %v", status, done)
	}
	l.wantDead()

	thief := optest.NewBrowser(t, l.issuer)
	thief.AsPhone(passkeytest.New(l.issuer))
	f := l.messengerApp(t).Begin()
	page := toFactor(t, thief.Open(f.URL()), charlotte)
	who := &patient{t: t}
	if who.asked(page) != asksTicket {
		t.Fatalf("no ticket is asked for: %s", page)
	}
	path := page.URL.Path
	for _, step := range []string{"enroll", "passkey", "challenge", "method", "resend", "recovery", "later", "never", "name", "signal"} {
		p := thief.Post(path+"/"+step, map[string][]string{
			"code": {"000000"}, "method": {"totp"}, "confirmed": {"true"}, "name": {"x"}, "response": {"{}"}, "attachment": {"platform"},
		}, nil)
		if p.Response(f.Params.Get("redirect_uri")) != nil || who.asked(p) == asksEnroll || who.asked(p) == asksTrust {
			t.Errorf("%s: %s", step, p)
		}
	}
	if p := page.Submit("code", "AAAA BBBB CCCC"); p.Status != http.StatusUnprocessableEntity || who.asked(p) != asksTicket {
		t.Errorf("a ticket that is none: %s", p)
	}
	for _, way := range []string{"/account", "/account/add/totp", "/account/add/passkey", "/account/recovery"} {
		if p := thief.Open(way); who.asked(p) != asksEmail && who.asked(p) != asksPassword && who.asked(p) != asksTicket {
			t.Errorf("%s: %s", way, p)
		}
	}
	l.wantNothingEnrolled()

	status, ticket := l.support(l.two, "/users/"+l.id+"/enrollment-tickets", `{"reason":"`+whyReset+`"}`)
	if status != http.StatusCreated {
		t.Fatalf("ticket: %d %v", status, ticket)
	}
	l.signInAnew(ticket["ticket"].(string))
	l.stop()
}
