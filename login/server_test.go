package login_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestFirstSignIn(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		charlotte := w.person("charlotte", "riverside")
		b := w.browser()
		seed, code, answer := b.setUp(charlotte, login.Demand{})
		answer.is(t, "user", charlotte.ID, "org", "riverside", "amr", "mfa otp pwd", "acr", login.ACRAAL2)

		// The second time a code is asked, in another browser.
		other := w.browser()
		p := other.password(other.begin(login.Demand{}), charlotte)
		p.shows(t, http.StatusOK, "Verify Your Identity", "Try another method")
		other.follow(other.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", charlotte.ID, "amr", "mfa otp pwd")

		// The phone is lost.
		third := w.browser()
		p = third.password(third.begin(login.Demand{}), charlotte)
		list := third.get(p.on("method"))
		list.shows(t, http.StatusOK, "Authenticator app", "Recovery code")
		p = third.follow(third.post(p.on("method"), "method", "recovery"))
		p.shows(t, http.StatusOK, "Recovery code")
		p = third.follow(third.post(p.on("challenge"), "code", strings.ToLower(code[:4]+"-"+code[4:])))
		p.shows(t, http.StatusOK, "Almost There!", "does not work any more")
		fresh := p.recoveryCode(t)
		if fresh == code {
			t.Error("the new recovery code is the old one")
		}
		p = third.follow(third.post(p.on("recovery"), "confirmed", "true"))
		p.shows(t, http.StatusOK, "Did You Lose a Device?")
		third.follow(third.post(p.on("later"))).is(t, "amr", "mfa otp pwd")

		for event, n := range map[storage.EventType]int{
			storage.SignedIn: 3, storage.SessionCreated: 3, storage.Enrolled: 3, storage.RecoveryUsed: 1, storage.SignInFailed: 0,
		} {
			if got := w.count(charlotte.ID, event); got != n {
				t.Errorf("%d events %s, want %d", got, event, n)
			}
		}
	})
}

func TestPlainSignInAndSSO(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", preset("off"))
	sam, solo := w.person("sam", "lakeside"), w.person("solo")
	b := w.browser()
	first := b.password(b.begin(login.Demand{}), sam)
	first.is(t, "user", sam.ID, "org", "lakeside", "amr", "pwd", "acr", login.ACRSingle)
	w.pass(time.Hour)
	again := b.begin(login.Demand{App: login.App{Name: "Clinic"}})
	again.is(t, "user", sam.ID, "sid", first.answer["sid"].(string), "amr", "pwd", "auth_time", first.answer["auth_time"].(string))
	b.begin(login.Demand{Silent: true}).is(t, "user", sam.ID)
	if n := w.count(sam.ID, storage.SessionCreated); n != 1 {
		t.Errorf("%d sessions", n)
	}

	alone := w.browser()
	alone.password(alone.begin(login.Demand{}), solo).is(t, "user", solo.ID, "org", "", "amr", "pwd")

	// Another person in the same browser ends the first one's session.
	p := b.begin(login.Demand{Select: true})
	p.shows(t, http.StatusOK, "SIGN IN")
	b.password(p, solo).is(t, "user", solo.ID)
	if n := w.count(sam.ID, storage.SessionEnded); n != 1 {
		t.Errorf("%d sessions of the person before were ended", n)
	}

	// Choosing the account that one is signed in as asks for nothing more.
	p = b.begin(login.Demand{Select: true})
	b.follow(b.post(p.on("identifier"), "email", "SOLO@example.com")).is(t, "user", solo.ID)
}

func TestP15_SilentNeverShowsAPage(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	w.org("lakeside", preset("off"))
	u := w.person("anna", "riverside", "lakeside")
	b := w.browser()
	silent := func(d login.Demand) page { d.Silent = true; return b.begin(d) }
	silent(login.Demand{}).is(t, "failed", login.ErrorLoginRequired)
	b.password(b.begin(login.Demand{Org: "lakeside"}), u).is(t, "amr", "pwd", "org", "lakeside")
	silent(login.Demand{Org: "lakeside"}).is(t, "user", u.ID)
	silent(login.Demand{Org: "riverside"}).is(t, "failed", login.ErrorInteractionRequired)
	silent(login.Demand{}).is(t, "failed", login.ErrorInteractionRequired)
	silent(login.Demand{Org: "hillside"}).is(t, "failed", login.ErrorAccountSelection)
	silent(login.Demand{Org: "lakeside", Subject: "somebody else"}).is(t, "failed", login.ErrorLoginRequired)
	silent(login.Demand{Org: "lakeside", MaxAge: ago(0)}).is(t, "failed", login.ErrorLoginRequired)
	w.pass(25 * time.Hour)
	silent(login.Demand{Org: "lakeside"}).is(t, "failed", login.ErrorLoginRequired)
}

func TestP16_PromptLoginAsksAllAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	seed, _, first := b.setUp(u, login.Demand{})
	w.pass(time.Minute)
	for _, d := range []login.Demand{{Fresh: true}, {MaxAge: ago(0)}} {
		p := b.begin(d)
		p.shows(t, http.StatusOK, "Enter Your Password", u.Email)
		// The old cookie at the address of the sign-in finishes nothing.
		b.get(p.on("")).shows(t, http.StatusOK, "Enter Your Password")
		p = b.follow(b.post(p.on("password"), "password", secretWord))
		p.shows(t, http.StatusOK, "Verify Your Identity")
		p = b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
		p.is(t, "user", u.ID, "amr", "mfa otp pwd", "sid", first.answer["sid"].(string))
		if p.answer["auth_time"] == first.answer["auth_time"] {
			t.Error("auth_time did not move")
		}
	}
}

func TestP19_HintOfAnotherPerson(t *testing.T) {
	w := newWorld(t, sqlite(t))
	anna, bert := w.person("anna"), w.person("bert")
	b := w.browser()
	b.password(b.begin(login.Demand{}), anna).is(t, "user", anna.ID)
	p := b.begin(login.Demand{Subject: bert.ID})
	p.shows(t, http.StatusOK, "SIGN IN")
	b.password(p, anna).is(t, "failed", login.ErrorLoginRequired)
	b.password(b.begin(login.Demand{Subject: bert.ID}), bert).is(t, "user", bert.ID)
	if n := len(w.results()); n != 2 {
		t.Errorf("%d answers", n)
	}
}

func TestA24_EssentialACRThatCannotBeMet(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	p := b.password(b.begin(login.Demand{ACR: []string{login.ACRHardware}, Essential: true}), u)
	p.is(t, "failed", login.ErrorUnmet)
	if b.cookie("vseeid-session") != "" {
		t.Error("a failed sign-in left a session")
	}
}

func TestStepUp_RotatesTheCookieAndKeepsTheSession(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	first := b.password(b.begin(login.Demand{}), u)
	before := b.cookie("vseeid-session")
	w.pass(time.Minute)
	p := b.begin(login.Demand{ACR: []string{login.ACRMultiFactor}})
	p.shows(t, http.StatusOK, "Secure Your Account")
	p = b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
	p = b.follow(b.post(p.on("later")))
	p.is(t, "sid", first.answer["sid"].(string), "amr", "mfa otp pwd", "acr", login.ACRMultiFactor, "auth_time", first.answer["auth_time"].(string))
	if after := b.cookie("vseeid-session"); after == before || after == "" {
		t.Error("the cookie did not change")
	}
	// T-02: the cookie of before is worth nothing.
	thief := w.browser()
	thief.keep("vseeid-session", before)
	thief.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorLoginRequired)
}

func TestNotAMember(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("off"))
	anna, charlotte := w.person("anna"), w.person("charlotte", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{Org: "riverside"}), anna)
	p.shows(t, http.StatusForbidden, "You Are Not a Member", "Use another account", "Back to Messenger")
	p = b.follow(b.post(p.on("switch")))
	b.password(p, charlotte).is(t, "user", charlotte.ID, "org", "riverside")

	// A link that somebody sent around puts no words in our mouth, and finds out nothing.
	p = b.password(b.begin(login.Demand{Org: "call-555-0100", Fresh: true, Select: true}), anna)
	p.shows(t, http.StatusForbidden, "You Are Not a Member")
	if strings.Contains(p.body, "555-0100") {
		t.Errorf("the page says what the link says: %s", p.body)
	}
	p = b.password(b.begin(login.Demand{Org: "riverside", Fresh: true, Select: true}), anna)
	b.post(p.on("cancel")).is(t, "failed", login.ErrorAccessDenied)
}

func TestDisabled(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	must(t, w.db.DisableUser(t.Context(), u.ID, w.now(), storage.Trail{}))
	b := w.browser()
	p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", u.Email))
	b.post(p.on("password"), "password", "a wrong one").shows(t, http.StatusUnprocessableEntity, "is not right")
	p = b.follow(b.post(p.on("password"), "password", secretWord))
	p.shows(t, http.StatusForbidden, "This Account Is Disabled")
	b.post(p.on("cancel")).is(t, "failed", login.ErrorAccessDenied)
	if b.cookie("vseeid-session") != "" || len(w.results()) != 0 {
		t.Error("a disabled person came in")
	}
}

func TestNobodyCanSetItUp(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("keys", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Email} }))
	u := w.person("anna", "keys")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.shows(t, http.StatusForbidden, "This Account Needs to Be Set Up")
	b.post(p.on("cancel")).is(t, "failed", login.ErrorUnmet)
}

func TestCancel(t *testing.T) {
	w := newWorld(t, sqlite(t))
	b := w.browser()
	p := b.begin(login.Demand{})
	b.post(p.on("cancel")).is(t, "failed", login.ErrorAccessDenied)
	b.get(p.on("")).shows(t, http.StatusGone, "Already Finished", "Start again")
}

func TestReloadShowsTheSameKey(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	seed := p.seed(t)
	if again := b.get(p.on("")).seed(t); again != seed {
		t.Error("reloading changed the key")
	}
	manual := b.get(p.on("") + "?view=key")
	manual.shows(t, http.StatusOK, seed[:4], "Copy code")
	b.post(p.on("enroll")+"?view=key", "code", "000000").shows(t, http.StatusUnprocessableEntity, seed[:4], "Scan a QR code instead")
	if get := b.get(p.on("enroll")); get.status != http.StatusSeeOther || get.header.Get("Location") != p.on("") {
		t.Errorf("GET of a form: %d to %q", get.status, get.header.Get("Location"))
	}
	p = b.follow(b.post(p.on("enroll"), "code", w.app(seed)))
	code := p.recoveryCode(t)
	if again := b.get(p.on("")).recoveryCode(t); again != code {
		t.Error("reloading changed the recovery code")
	}
	refused := b.post(p.on("recovery"))
	refused.shows(t, http.StatusUnprocessableEntity, "Record the code first")
	if again := refused.recoveryCode(t); again != code {
		t.Error("refusing changed the recovery code")
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.begin(login.Demand{LoginHint: "hint@example.com"})
	p.shows(t, http.StatusOK, "Email")
	if !strings.Contains(p.body, "hint@example.com") {
		t.Error("login_hint does not prefill")
	}
	b.post(p.on("identifier"), "email", " ").shows(t, http.StatusUnprocessableEntity, "Enter your email address.")
	b.post(p.on("identifier"), "email", "anna").shows(t, http.StatusUnprocessableEntity, "such as name@example.com")
	p = b.follow(b.post(p.on("identifier"), "email", " ANNA@Example.com "))
	p.shows(t, http.StatusOK, "anna@example.com")
	b.post(p.on("password")).shows(t, http.StatusUnprocessableEntity, "Enter your password.")
	p = b.follow(b.post(p.on("password"), "password", secretWord))
	b.post(p.on("enroll")).shows(t, http.StatusUnprocessableEntity, "Enter the 6-digit code")
	b.post(p.on("enroll"), "code", "12345").shows(t, http.StatusUnprocessableEntity, "The code has 6 digits")
	b.post(p.on("enroll"), "code", "abcdef").shows(t, http.StatusUnprocessableEntity, "The code has 6 digits")
	if w.count(u.ID, storage.Enrolled) != 0 {
		t.Error("something was set up")
	}
}
