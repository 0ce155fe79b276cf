package main

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	otp "github.com/pquerna/otp/totp"

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

// enroll sets up an authenticator app with the code of the step before, so that the one of now is
// still good for a second sign-in: the clock is the real one here. It ends on the page of the
// recovery code.
func enroll(t testing.TB, p *optest.Page) (seed string, next *optest.Page) {
	t.Helper()
	seed = seedOf(t, p)
	for range 2 { // the step may change between our clock and theirs, but not twice
		next = p.Submit("code", codeAt(t, seed, time.Now().Add(-30*time.Second)))
		if next.Status == http.StatusOK {
			return seed, next
		}
	}
	t.Fatalf("the code was not taken: %s", next)
	return "", nil
}

// wantStatus fails unless an answer has the status.
func wantStatus(t testing.TB, what string, a optest.Answer, status int) optest.Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("%s: status %d, want %d: %s %s", what, a.Status, status, a.Error, a.Description)
	}
	return a
}
