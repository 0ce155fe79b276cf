package main

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/op/optest"
)

const (
	charlotte = "charlotte@riverside.example"
	sam       = "sam@lakeside.example"
)

func (s sample) messengerApp(t testing.TB) *optest.App {
	return optest.NewApp(t, optest.App{
		Issuer: s.issuer, ID: "messenger", RedirectURI: s.messenger + "/callback", Scopes: "openid profile email offline_access",
	})
}

func (s sample) clinicApp(t testing.TB) *optest.App {
	return optest.NewApp(t, optest.App{
		Issuer: s.issuer, ID: "clinic", Secret: clinicSecret, RedirectURI: s.clinic + "/callback",
		Scopes: "openid profile email offline_access",
	})
}

func (s sample) reportsApp(t testing.TB) *optest.App {
	return optest.NewApp(t, optest.App{Issuer: s.issuer, ID: "reports", Secret: reportsSecret, Scopes: "reports:read"})
}

// toFactor answers the first two pages of a sign-in.
func toFactor(t testing.TB, p *optest.Page, email string) *optest.Page {
	t.Helper()
	if p = p.Submit("email", email); !p.Has("password") {
		t.Fatalf("no password page: %s", p)
	}
	return p.Submit("password", samplePassword)
}

var (
	seedInPage     = regexp.MustCompile(`secret=([A-Z2-7]{32})`)
	recoveryInPage = regexp.MustCompile(`(?s)<code id="recovery"[^>]*>(.*?)</code>`)
	optionsInPage  = regexp.MustCompile(`data-options="([^"]*)"`)
	tagInPage      = regexp.MustCompile(`<[^>]*>`)
)

// seedOf is the key of the authenticator app that a page shows.
func seedOf(t testing.TB, p *optest.Page) string {
	t.Helper()
	m := seedInPage.FindStringSubmatch(html.UnescapeString(p.Body))
	if m == nil {
		t.Fatalf("no key on %s", p)
	}
	return m[1]
}

// recoveryOf is the recovery code that a page shows.
func recoveryOf(t testing.TB, p *optest.Page) string {
	t.Helper()
	m := recoveryInPage.FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("no recovery code on %s", p)
	}
	return strings.TrimSpace(tagInPage.ReplaceAllString(m[1], ""))
}

// codeAt is what an authenticator app shows.
func codeAt(t testing.TB, seed string, at time.Time) string {
	t.Helper()
	code, err := otp.GenerateCode(seed, at)
	must(t, err)
	return code
}

// enroll sets up an authenticator app on the real clock. It ends on the page of the recovery code.
func enroll(t testing.TB, p *optest.Page) (seed string, next *optest.Page) {
	t.Helper()
	seed = seedOf(t, p)
	if next = proveSeed(t, p, seed, time.Now); next.Status != http.StatusOK {
		t.Fatalf("the code was not taken: %s", next)
	}
	return seed, next
}

// proveSeed answers the page that sets up an authenticator app with the code of the step before, so
// that the one of now is still good for a sign-in.
func proveSeed(t testing.TB, p *optest.Page, seed string, now func() time.Time) (next *optest.Page) {
	t.Helper()
	for range 2 { // the step may change between our clock and theirs, but not twice
		next = p.Submit("code", codeAt(t, seed, now().Add(-30*time.Second)))
		if next.Status != http.StatusUnprocessableEntity {
			break
		}
	}
	return next
}

// wantStatus fails unless an answer has the status.
func wantStatus(t testing.TB, what string, a optest.Answer, status int) optest.Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: status %d, want %d: %s %s", what, a.Status, status, a.Error, a.Description)
	}
	return a
}

// patient is Charlotte with what she has kept: enough to answer any page of a sign-in, any number
// of times in a minute.
type patient struct {
	t              testing.TB
	b              *optest.Browser
	now            func() time.Time // time.Now where nil
	seed, recovery string

	phone  *passkeytest.Authenticator // nil: a browser without a script
	mailed func() string              // the newest code in the mailbox
	ticket string                     // of support
}

// The pages, by what they ask for.
const (
	asksEmail    = "email"
	asksPassword = "password"
	asksEnroll   = "enroll"
	asksApp      = "a code of the app"
	asksCode     = "a recovery code"
	asksConfirm  = "confirmed"
	asksMailed   = "a code by mail"
	asksTicket   = "a ticket"
	asksTrust    = "a passkey of this device"
	asksName     = "a name"
	asksPasskey  = "a passkey"
	asksLater    = "an offer"
	asksNothing  = ""
)

// browser is a new one for the next walk.
func (a *patient) browser(issuer string) *optest.Browser {
	a.t.Helper()
	a.b = optest.NewBrowser(a.t, issuer)
	if a.phone != nil {
		a.b.AsPhone(a.phone)
	}
	return a.b
}

func (a *patient) asked(p *optest.Page) string {
	switch {
	case p.Has("password"): // with the address, which cannot be changed there
		return asksPassword
	case p.Has("email"):
		return asksEmail
	case p.Has("confirmed"):
		return asksConfirm
	case p.Has("name"):
		return asksName
	case p.Ceremony() == "create":
		return asksTrust
	case p.Ceremony() == "get":
		return asksPasskey
	case p.Has("code") && seedInPage.MatchString(html.UnescapeString(p.Body)):
		return asksEnroll
	case p.Has("code") && strings.Contains(p.Body, `/ticket"`):
		return asksTicket
	case p.Has("code") && strings.Contains(p.Body, `/resend"`):
		return asksMailed
	case p.Has("code") && strings.Contains(p.Body, "one-time-code"):
		return asksApp
	case p.Has("code"):
		return asksCode
	case strings.Contains(p.Body, `/later"`):
		return asksLater
	}
	return asksNothing
}

func (a *patient) clock() time.Time {
	if a.now != nil {
		return a.now()
	}
	return time.Now()
}

// answer answers a page. The second factor is always the passkey of the phone or, without one, the
// recovery code, which is replaced each time: a code of the app is good once in half a minute, and the
// clock is the real one.
func (a *patient) answer(p *optest.Page) *optest.Page {
	a.t.Helper()
	switch a.asked(p) {
	case asksEmail:
		return p.Submit("email", charlotte)
	case asksPassword:
		return p.Submit("password", samplePassword)
	case asksEnroll:
		a.seed = seedOf(a.t, p)
		return proveSeed(a.t, p, a.seed, a.clock)
	case asksCode:
		return p.Submit("code", a.recovery)
	case asksApp:
		if others := p.Methods(); a.phone != nil && len(a.phone.Keys()) > 0 && strings.Contains(others.Body, `value="passkey"`) {
			return others.Submit("method", "passkey")
		}
		if a.recovery == "" {
			return p.Submit("code", codeAt(a.t, a.seed, a.clock()))
		}
		return p.Choose("recovery")
	case asksMailed:
		return p.Submit("code", a.mailed())
	case asksTicket:
		return p.Submit("code", a.ticket)
	case asksName:
		return p.Submit("name", "My phone")
	case asksTrust, asksPasskey:
		return p.Passkey()
	case asksConfirm: // a code is good when it is recorded
		code, next := recoveryOf(a.t, p), p.Submit("confirmed", "true")
		a.recovery = ""
		if next.Status < http.StatusBadRequest {
			a.recovery = code
		}
		return next
	case asksLater:
		return p.Press("/later")
	}
	a.t.Fatalf("nothing to answer on %s", p)
	return nil
}

// walk answers pages until one asks for what until says, or for nothing.
func (a *patient) walk(p *optest.Page, until string) *optest.Page {
	a.t.Helper()
	for range 10 {
		if asked := a.asked(p); asked == until || asked == asksNothing {
			return p
		}
		p = a.answer(p)
	}
	a.t.Fatalf("the sign-in has no end: %s", p)
	return nil
}
