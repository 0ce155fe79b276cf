package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/op/resource"
)

// signing is an API of the clinic by the clock of the provider.
type signing struct {
	c       *clinician
	handler http.Handler
}

func (c *clinician) signing(live bool) signing {
	c.Helper()
	server, err := resource.New(resource.Config{Issuer: c.s.issuer, Audience: c.s.clinicAPI(), Now: c.clock.now})
	must(c, err)
	need := resource.Require{ACR: resource.Implying(resource.ACRMultiFactor), MaxAge: 5 * time.Minute, Live: live}
	return signing{c, server.Protect(need, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))}
}

// says fails unless the API answers a token with status.
func (s signing) says(what, token string, status int) {
	s.c.Helper()
	r := httptest.NewRequestWithContext(s.c.Context(), http.MethodPost, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	challenge := w.Header().Get("WWW-Authenticate")
	if w.Code != status || status == http.StatusUnauthorized && !strings.Contains(challenge, `error="invalid_token"`) {
		s.c.Errorf("%s: %d %s, want %d", what, w.Code, challenge, status)
	}
}

// elsewhere is the same person on another device, with the same passkey.
func (c *clinician) elsewhere() *clinician {
	c.Helper()
	other := *c
	other.Browser = optest.NewBrowser(c, c.s.issuer)
	other.AsPhone(c.Passkeys)
	other.signIn(c.s.messengerApp(c))
	return &other
}

// changes presses the button of an account page, which has to say that it is done.
func (c *clinician) changes(path string, fields ...string) {
	c.Helper()
	page := c.Open(strings.TrimSuffix(path, "/remove"))
	if len(fields) > 0 {
		page = page.Submit(fields...)
	} else {
		page = page.Press(path)
	}
	if page.Status != http.StatusOK || page.URL.Path != "/account" || !page.URL.Query().Has("done") {
		c.Fatalf("%s: %s", path, page)
	}
}

// isReset has support take every factor of the person away.
func (c *clinician) isReset() {
	c.Helper()
	path := "/users/" + c.s.person(c, c.email) + "/mfa/reset"
	if status, _, done := c.s.administration(c).call(path, `{"reason":"`+whyReset+`"}`); status != http.StatusOK {
		c.Fatalf("reset: %d %v", status, done)
	}
}

// TestT27_LiveAPI ends what a token rests on in every way that there is. An API that asks the provider refuses
// the token at once, and within 30 seconds when it asked a moment before; one that does not ask takes it
// until it is over.
func TestT27_LiveAPI(t *testing.T) {
	for name, end := range map[string]func(*clinician){
		"support resets the person": (*clinician).isReset,
		"the passkey is removed": func(c *clinician) {
			enrolled, err := c.s.parts.durable.Enrollments(c.Context(), c.s.person(c, c.email))
			must(c, err)
			for _, e := range enrolled {
				if e.Kind == factors.Passkey {
					c.changes("/account/factors/" + e.ID + "/remove")
				}
			}
		},
		"the person signs out": func(c *clinician) {
			if page := c.Open("/account/signout").Press("/account/signout"); page.Status != http.StatusOK {
				c.Fatalf("sign out: %s", page)
			}
		},
		"the session is ended from another device": func(c *clinician) { c.elsewhere().changes("/account/sessions/others") },
		"the password is changed on another device": func(c *clinician) {
			c.elsewhere().changes("/account/password", "current", samplePassword, "password", "an entirely other sentence")
		},
		"this was not me": func(c *clinician) {
			link := linkOfLetter.FindString(lettersTo(c, c.s.parts.durable, c.email)[0].Text)
			if page := optest.NewBrowser(c, c.s.issuer).Open(link).Press(link); !page.Has("password") {
				c.Fatalf("no form for a password: %s", page)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := stepUp(t, charlotte).with(passkeytest.NewSynced)
			c.reach(c.s.messengerApp(t))
			clinic := c.s.clinicApp(t)
			clinic.Scopes = "openid profile email" // what ends with the session
			// By the passkey alone, which is all that these rest on.
			first, second := c.signIn(clinic, afresh), c.signIn(clinic, afresh)
			live, local := c.signing(true), c.signing(false)
			live.says("before", first.AccessToken, http.StatusOK)
			end(c)
			live.says("never asked about", second.AccessToken, http.StatusUnauthorized)
			c.clock.pass(30 * time.Second)
			live.says("30 seconds later", first.AccessToken, http.StatusUnauthorized)
			local.says("where nobody asks", first.AccessToken, http.StatusOK)
		})
	}
}
