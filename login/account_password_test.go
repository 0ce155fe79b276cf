package login_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

// T-13: who is at a session of the last minutes has to know the password to replace it. It is guessed at
// by the same count as at a sign-in, and nothing else that the page says tells it.
func TestT13_N10_CurrentPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	hash := w.user(anna.user).PasswordHash
	const path = "/account/password"
	anna.post(path, "password", newWord).shows(t, http.StatusUnprocessableEntity, "Enter your current password")
	for _, guess := range []string{"riverside", newWord, secretWord + " ", "x", "\x00"} {
		p := anna.post(path, "current", guess, "password", secretWord)
		p.shows(t, http.StatusUnprocessableEntity, "current password is not right")
		if p.has("the password you have now") {
			t.Error("the page tells the password")
		}
	}
	anna.post(path, "current", secretWord, "password", newWord).shows(t, http.StatusTooManyRequests, "too many tries")
	b := w.browser()
	p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", anna.user.Email))
	b.post(p.on("password"), "password", secretWord).shows(t, http.StatusTooManyRequests, "too many tries")
	if w.user(anna.user).PasswordHash != hash || w.count(anna.user.ID, storage.PasswordChanged) != 0 {
		t.Fatal("it was changed")
	}
	if n := w.count(anna.user.ID, storage.SignInFailed); n != 5 {
		t.Errorf("%d failures noted", n)
	}
	w.pass(2 * time.Second)
	anna.post(path, "current", secretWord, "password", newWord).leads(t, "/account?done=password")

	key := login.AttemptKey(factors.Password, anna.user.ID)
	must(t, w.db.SwapAttempt(t.Context(), key, limit.Attempt{}, limit.Attempt{Failures: limit.PasswordLadder.Close}, storage.Trail{}))
	anna.post(path, "current", newWord, "password", secretWord).shows(t, http.StatusTooManyRequests, "support to set a new one")
}

// What is proved by a change is that the current password was known, now.
func TestA27_A01_EvidenceOfAPasswordChange(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(anna)
	w.pass(time.Hour)
	phone.follow(phone.use(phone.nobody())).is(t, "user", anna.ID, "amr", "hwk mfa pop user")
	at := w.now()
	w.pass(4 * time.Minute)
	for _, form := range [][]string{{"password", newWord}, {"current", "riverside", "password", newWord}, {"current", secretWord, "password", "short"}} {
		phone.post("/account/password", form...).shows(t, http.StatusUnprocessableEntity)
	}
	phone.begin(login.Demand{Silent: true}).is(t, "amr", "hwk mfa pop user", "auth_time", at.Format(time.RFC3339))
	phone.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	phone.begin(login.Demand{Silent: true}).is(t, "amr", "hwk mfa pop pwd user", "auth_time", at.Format(time.RFC3339))
	phone.get("/account").shows(t, http.StatusOK, "Your Account")
}

// A session that rests on the password stays signed in, by what was typed to change it.
func TestA27_T40_PasswordAloneIsChanged(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.person("anna", "lakeside")
	b := w.browser()
	b.password(b.begin(login.Demand{}), anna).is(t, "user", anna.ID)
	w.pass(4*time.Minute + 50*time.Second)
	b.post("/account/password", "password", newWord).shows(t, http.StatusUnprocessableEntity)
	w.pass(5 * time.Second)
	p := b.begin(login.Demand{MaxAge: ago(time.Minute)}) // nothing was proved by what was refused
	p.shows(t, http.StatusOK, "Enter Your Password")
	b.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	b.begin(login.Demand{MaxAge: ago(time.Minute), Silent: true}).is(t, "user", anna.ID, "amr", "pwd", "auth_time", w.now().Format(time.RFC3339))
}

// N-18, and nobody's mailbox is flooded: what changes nothing is told to nobody, and what does has a limit.
func TestN18_T43_MailsAreForChanges(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.person("anna", "lakeside")
	b := w.browser()
	b.password(b.begin(login.Demand{}), anna).is(t, "user", anna.ID)
	for range 20 {
		b.post("/account/default", "method", "").leads(t, "/account?done=default")
		b.post("/account/sessions/others").leads(t, "/account?done=others")
	}
	if mails, events := len(w.mails(anna)), w.count(anna.ID, storage.DefaultChanged)+w.count(anna.ID, storage.SessionEnded); mails != 0 || events != 0 {
		t.Errorf("%d mails and %d events of nothing", mails, events)
	}

	bert := w.resident("bert", "lakeside")
	path := "/account/factors/" + w.enrollment(bert.user, factors.TOTP).ID
	bert.post(path, "name", "phone").leads(t, "/account?done=renamed")
	before := len(w.mails(bert.user))
	bert.post(path, "name", " phone ").leads(t, "/account?done=renamed")
	if n := len(w.mails(bert.user)); n != before {
		t.Errorf("%d mails about the same name", n-before)
	}
	for i := range 29 {
		bert.post(path, "name", fmt.Sprint("phone ", i)).leads(t, "/account?done=renamed")
	}
	bert.header.Set("X-Test-IP", "203.0.113.9") // it is the person's limit
	state := w.state(bert.user)
	many := bert.post(path, "name", "one more")
	many.shows(t, http.StatusTooManyRequests, "Too Many Changes", "Wait 2 minutes", "Your account")
	if many.header.Get("Retry-After") != "120" || w.state(bert.user) != state {
		t.Errorf("Retry-After %q, and it may have been changed", many.header.Get("Retry-After"))
	}
	if n := len(w.mails(bert.user)) - before; n != 29 {
		t.Errorf("%d mails", n)
	}
	w.pass(2 * time.Minute)
	bert.post(path, "name", "one more").leads(t, "/account?done=renamed")
}

// N-10: a mailbox that somebody with the password has closed is open again when that password is none.
func TestN10_MailboxOpensWithANewPassword(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		r := w.resident("anna", "riverside")
		u := w.verified(r.user)
		key := login.AttemptKey(factors.Email, u.ID)
		closed := func() {
			t.Helper()
			must(t, w.db.SwapAttempt(t.Context(), key, limit.Attempt{}, limit.Attempt{Failures: limit.FactorLadder.Close}, storage.Trail{}))
		}
		opened := func(how string) {
			t.Helper()
			if a, err := w.db.Attempt(t.Context(), key); err != nil || a.Failures != 0 {
				t.Errorf("%s: %d failures: %v", how, a.Failures, err)
			}
		}
		closed()
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		b.get(p.on("method")).shows(t, http.StatusOK, "Change your password once you are signed in")

		r.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
		opened("the account page")

		closed()
		_, link := w.lastMail(u)
		v := w.browser()
		v.follow(v.post(link)).shows(t, http.StatusOK, "Choose a New Password")
		v.follow(v.post(link, "password", newWord+" again")).shows(t, http.StatusOK, "New Password Is Set")
		opened("a link")
	})
}

// The page of a link has nobody's current password to ask for.
func TestT19_LinkAsksForNoCurrentPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	if p := anna.get("/account/password"); !p.has(`name="current"`) || !p.has(`autocomplete="current-password"`) {
		t.Error("the account page does not ask for it")
	}
	_, link := w.lastMail(anna.user)
	v := w.browser()
	if p := v.follow(v.post(link)); p.has(`name="current"`) || !p.has(`name="password"`) {
		t.Error("the link's page asks for it")
	}
}

// whileHashing runs something, once, while a new password is being hashed.
type whileHashing struct {
	login.Passwords
	run *func()
}

func (h whileHashing) Hash(ctx context.Context, typed string) (string, error) {
	if run := *h.run; run != nil {
		*h.run = nil
		run()
	}
	return h.Passwords.Hash(ctx, typed)
}

// T-40, T-50: the password of before is worth nothing, also when it was given while it was being changed.
func TestT40_T50_OldPasswordGivenDuringTheChange(t *testing.T) {
	var during func()
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Passwords = whileHashing{c.Passwords, &during} })
	w.org("riverside", preset("standard"))
	u := w.person("anna")
	owner, thief := w.browser(), w.browser()
	owner.password(owner.follow(owner.get("/account/password")), u).shows(t, http.StatusOK, "Choose a New Password")
	w.pass(time.Second)
	var p page
	during = func() {
		w.pass(100 * time.Millisecond)
		p = thief.password(thief.begin(login.Demand{ACR: []string{login.ACRMultiFactor}, Essential: true}), u)
		p.shows(t, http.StatusOK, "Secure Your Account")
		w.pass(100 * time.Millisecond)
	}
	owner.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	thief.get(p.on("")).shows(t, http.StatusOK, "Enter Your Password")
	thief.follow(thief.post(p.on("enroll"), "code", w.app(p.seed(t)))).shows(t, http.StatusOK, "Enter Your Password")
	if n := w.apps(u); n != 0 || thief.cookie("vseeid-session") != "" || len(w.results()) > 0 {
		t.Errorf("who knows the password of before set up %d apps, and may be signed in", n)
	}
	owner.begin(login.Demand{Silent: true}).is(t, "user", u.ID, "amr", "pwd")
}

// T-40: no grant was given for the new password, also none of the session that set it.
func TestT40_GrantsEndWithThePassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	r := w.results()[len(w.results())-1]
	must(t, w.db.CreateClient(t.Context(), op.Client{ID: "app", Name: "App", AuthMethod: op.AuthNone, Created: w.now(), Updated: w.now()}, storage.Trail{}))
	w.keepGrant("online", r, false)
	w.keepGrant("offline", r, true)
	w.pass(time.Second)
	anna.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	for _, id := range []string{"online", "offline"} {
		if g, err := w.db.Grant(t.Context(), id); err != nil || g.Revoked.IsZero() {
			t.Errorf("the grant that is %s: %v, revoked %v", id, err, g.Revoked)
		}
	}
	denied(t, w.recheck(t.Context(), r, nil, false))
	anna.begin(login.Demand{Silent: true}).is(t, "user", anna.user.ID)
	must(t, w.recheck(t.Context(), w.results()[len(w.results())-1], nil, false))
}

// T-50: who was signed out meanwhile does not change the password.
func TestT50_PasswordChangedByASessionThatEnds(t *testing.T) {
	var during func()
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Passwords = whileHashing{c.Passwords, &during} })
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	hash := w.user(anna.user).PasswordHash
	during = func() {
		_, err := w.db.EndOthers(t.Context(), anna.user.ID, "", w.now(), storage.Trail{})
		must(t, err)
	}
	anna.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account/password?missed")
	if w.user(anna.user).PasswordHash != hash || w.count(anna.user.ID, storage.PasswordChanged) != 0 {
		t.Error("it was changed")
	}
}

// T-50: of two tabs that change it at once one does, and the other says that it did not.
func TestT50_PasswordChangedInTwoTabs(t *testing.T) {
	var during func()
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Passwords = whileHashing{c.Passwords, &during} })
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	form := []string{"current", secretWord, "password", newWord + " too"}
	during = func() {
		anna.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	}
	anna.follow(anna.post("/account/password", form...)).shows(t, http.StatusOK, "Choose a New Password", "Your password was not changed")
	anna.post("/account/password", form...).shows(t, http.StatusUnprocessableEntity, "current password is not right")
	if n := w.count(anna.user.ID, storage.PasswordChanged); n != 1 {
		t.Errorf("it was changed %d times", n)
	}
}
