package login_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// onlyPasskeys is a policy that does not take the authenticator app that somebody has.
func onlyPasskeys(set func(p *login.Policy)) login.Policy {
	return preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey}; set(p) })
}

// robbed is somebody with the password of anna and nothing else, who goes for what protects her account.
func (w *world) robbed(anna resident) {
	w.t.Helper()
	app := w.enrollment(anna.user, factors.TOTP)
	thief := w.phone()
	thief.password(thief.follow(thief.get("/account")), anna.user)
	thief.follow(thief.post("/account/factors/" + app.ID + "/remove"))
	if !w.has(anna.user, app.ID) {
		w.t.Error("the password alone removed the authenticator app")
	}
	if p := thief.follow(thief.get("/account/add/passkey")); p.has("Create a passkey") {
		thief.follow(thief.make(p))
	}
	for _, e := range w.enrolled(anna.user) {
		if e.Kind == factors.Passkey {
			w.t.Error("the password alone made a passkey")
		}
	}
	thief.post("/account/password", "current", secretWord, "password", newWord)
	if w.count(anna.user.ID, storage.PasswordChanged) > 0 {
		w.t.Error("the password alone changed the password")
	}
}

// TestT13_FactorThatTheBindingPolicyDoesNotTake: one organization asks for the app, and the other, which binds
// the account page, takes passkeys alone and demands none yet. The app is not to be had by the password.
func TestT13_FactorThatTheBindingPolicyDoesNotTake(t *testing.T) {
	for name, set := range map[string]func(p *login.Policy){
		"optional":       func(p *login.Policy) { p.MFA = login.Optional },
		"required later": func(p *login.Policy) { p.From = noon.Add(10 * 24 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("aarau", optional())
			anna := w.resident("anna", "aarau")
			w.org("zurich", onlyPasskeys(set))
			must(t, w.db.AddMember(t.Context(), login.Membership{UserID: anna.user.ID, OrgID: "zurich", Created: w.now()}, storage.Trail{}))
			w.pass(25 * time.Hour)
			w.robbed(anna)
			b := w.browser()
			b.password(b.begin(login.Demand{Org: "aarau"}), anna.user).shows(t, http.StatusOK, "Verify Your Identity")
		})
	}
}

// TestT13_FactorThatThePolicyWillNotTake: an organization that moves on to passkeys. Until they are demanded
// the app is asked for as before, and then it is good for nothing; it never falls to the password.
func TestT13_FactorThatThePolicyWillNotTake(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		name  string
		set   func(p *login.Policy)
		until time.Duration // while the app is asked for; 0: never
	}{
		{"optional", func(p *login.Policy) { p.MFA = login.Optional }, 0},
		{"from a day on", func(p *login.Policy) { p.From = noon.Add(14 * day) }, 12 * day},
		{"after some days", func(p *login.Policy) { p.From, p.Grace.Days = noon, 14 }, 12 * day},
		{"after some times", func(p *login.Policy) { p.Grace.Skips = 3 }, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			anna := w.resident("anna", "riverside")
			w.pass(25 * time.Hour)
			w.setPolicy("riverside", onlyPasskeys(c.set))
			w.robbed(anna)
			if c.until == 0 {
				return
			}
			phone := w.phone()
			p := phone.password(phone.begin(login.Demand{}), anna.user)
			p.shows(t, http.StatusOK, "Verify Your Identity", "one-time code")
			p = phone.follow(phone.post(p.on("challenge"), "code", w.app(anna.seed)))
			p.shows(t, http.StatusOK, "Log In Faster on This Device") // and so the passkey is made
			phone.follow(phone.post(p.on("later"))).is(t, "user", anna.user.ID, "amr", "mfa otp pwd")
			w.pass(c.until + day)
			b := w.browser()
			b.password(b.begin(login.Demand{}), anna.user).shows(t, http.StatusForbidden)
			w.robbed(anna)
		})
	}
}
