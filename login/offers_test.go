package login_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// Who used the recovery code sets up again what was lost, and what was lost is good no more.
func TestReplaceAfterRecovery(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	old, code, _ := w.browser().setUp(u, login.Demand{})
	lost := w.enrollment(u, factors.TOTP)
	w.pass(time.Hour)
	b := w.browser()
	p := b.follow(b.post(b.password(b.begin(login.Demand{}), u).on("method"), "method", "recovery"))
	p = b.follow(b.post(p.on("challenge"), "code", code))
	p.shows(t, http.StatusOK, "Almost There!", "does not work any more")
	p = b.follow(b.post(p.on("recovery"), "confirmed", "true"))
	p.shows(t, http.StatusOK, "Did You Lose a Device?", "Authenticator app")
	p = b.follow(b.post(p.on("replace")))
	p.shows(t, http.StatusOK, "takes the place")
	seed := p.seed(t)
	b.post(p.on("enroll"), "code", other(w.app(seed), 1)).shows(t, http.StatusUnprocessableEntity, "is not right")
	if w.enrollment(u, factors.TOTP).ID != lost.ID {
		t.Error("the old one went before the new one came")
	}
	b.follow(b.post(p.on("enroll"), "code", w.app(seed))).is(t, "user", u.ID, "amr", "mfa otp pwd")
	if e := w.enrollment(u, factors.TOTP); e.ID == lost.ID || e.Name != lost.Name || len(w.enrolled(u)) != 2 {
		t.Errorf("%+v", w.enrolled(u))
	}
	if n := w.count(u.ID, storage.FactorRemoved); n != 1 {
		t.Errorf("%d factors were removed, by what was noted", n)
	}
	if mail, _ := w.lastMail(u); !strings.Contains(mail.Text, "Codes from the old one do not work any more") {
		t.Errorf("the mail says nothing of the old one: %s", mail.Text)
	}
	c := w.browser()
	p = c.password(c.begin(login.Demand{}), u)
	c.post(p.on("challenge"), "code", w.app(old)).shows(t, http.StatusUnprocessableEntity, "is not right")
	c.follow(c.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
}

// Who has a passkey alone, and is where it is not, is asked what is lost too.
func TestReplacePasskeyAfterRecovery(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	p := phone.password(phone.begin(login.Demand{}), u)
	p = phone.follow(phone.post(p.on("method"), "method", "passkey"))
	p = phone.follow(phone.make(p))
	p.shows(t, http.StatusOK, "Your passkey is set up. Now use it once, to sign in.")
	p = phone.follow(phone.use(p))
	p = phone.follow(phone.post(p.on("name"), "name", "Anna's telephone"))
	p.shows(t, http.StatusOK, "Almost There!", "you have no recovery code until you record one")
	code := p.recoveryCode(t)
	phone.follow(phone.post(p.on("recovery"), "confirmed", "true")).is(t, "user", u.ID)

	w.pass(time.Hour)
	b := w.browser()
	lost := func(code string) (page, string) {
		p := b.password(b.begin(login.Demand{Fresh: true}), u)
		p = b.follow(b.post(p.on("method"), "method", "recovery"))
		p = b.follow(b.post(p.on("challenge"), "code", code))
		next := p.recoveryCode(t)
		return b.follow(b.post(p.on("recovery"), "confirmed", "true")), next
	}
	p, code = lost(code)
	p.shows(t, http.StatusOK, "Did You Lose a Device?", "Anna's telephone", "Set up a new authenticator app", "remove that passkey on your account page")
	if strings.Contains(p.body, "Set up a new passkey") {
		t.Error("a passkey is offered to a browser that has said of none")
	}
	p = b.follow(b.post(p.on("replace"), "method", "passkey"))
	p.shows(t, http.StatusOK, "Add an Authenticator App", "Not now")
	b.follow(b.post(p.on("cancel"))).is(t, "user", u.ID)

	b.keep("vseeid-session", "")
	b.can = "passkey"
	p, _ = lost(code)
	p.shows(t, http.StatusOK, "Anna's telephone", "Set up a new passkey", "Set up a new authenticator app")
	p = b.follow(b.post(p.on("replace"), "method", "passkey"))
	p.shows(t, http.StatusOK, "Add a Passkey", "Not now")
	b.follow(b.post(p.on("later"))).is(t, "user", u.ID)
	if n := len(w.enrolled(u)); n != 2 {
		t.Errorf("%d factors: %+v", n, w.enrolled(u))
	}
}

func TestNamesOfPasskeys(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	for i, c := range []struct {
		name, agent, want string
		keys              *passkeytest.Authenticator
	}{
		{"Charlotte May Lee", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Charlotte's Windows computer", passkeytest.New(origin)},
		{"", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "My iPhone", passkeytest.NewSynced(origin)},
		{"Bert", "", "Bert's security key", passkeytest.NewKey(origin)},
	} {
		u := w.person(fmt.Sprintf("person%d", i), "riverside")
		have := w.user(u)
		have.Name, have.Updated = c.name, w.now()
		must(t, w.db.UpdateUser(t.Context(), have, storage.Trail{}))
		d := w.device(c.keys)
		d.header.Set("User-Agent", c.agent)
		p := d.password(d.begin(login.Demand{}), u)
		p = d.follow(d.post(p.on("method"), "method", "passkey"))
		p = d.follow(d.make(p))
		d.follow(d.use(p)).shows(t, http.StatusOK, "Device registration successful")
		if e := w.enrollment(u, factors.Passkey); e.Name != c.want {
			t.Errorf("%q, want %q", e.Name, c.want)
		}
	}
}

// A new recovery code that was looked at and not recorded is worth nothing, and takes nothing away.
func TestN16_RecoveryCodeThatWasOnlyShown(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	p := anna.follow(anna.post("/account/recovery"))
	shown := p.recoveryCode(t)
	if again := anna.get(p.path).recoveryCode(t); again != shown {
		t.Error("loading the page again shows another code")
	}
	mails := len(w.mails(anna.user))
	signsIn := func(code string) page {
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), anna.user)
		p = b.follow(b.post(p.on("method"), "method", "recovery"))
		return b.follow(b.post(p.on("challenge"), "code", code))
	}
	signsIn(shown).shows(t, http.StatusUnprocessableEntity, "not right")
	signsIn(anna.recovery).shows(t, http.StatusOK, "Almost There!")
	// Two tabs say that it is recorded: it is good once, and told of once.
	before := w.count(anna.user.ID, storage.Enrolled)
	parallel(2, func(int) page { return anna.post(p.on("recovery"), "confirmed", "true") })
	if n := w.count(anna.user.ID, storage.Enrolled) - before; n != 1 {
		t.Errorf("%d events", n)
	}
	if n := len(w.mails(anna.user)) - mails; n != 2 { // of the use of the old one, and of the new one
		t.Errorf("%d mails", n)
	}
	signsIn(shown).shows(t, http.StatusOK, "Almost There!")
}

// atAddition runs something before what was set up reaches the store.
type atAddition struct {
	login.Additions
	run func()
}

func (a atAddition) ReplaceRecovery(ctx context.Context, e factors.Enrollment, on login.Grounds, trail storage.Trail) error {
	a.run()
	return a.Additions.ReplaceRecovery(ctx, e, on, trail)
}

func TestT50_NoRecoveryCodeByAnOldProof(t *testing.T) {
	for name, end := range map[string]func(w *world, u login.User){
		"reset": func(w *world, u login.User) {
			_, err := w.db.ResetFactors(w.t.Context(), u.ID, w.now(), storage.Trail{})
			must(w.t, err)
		},
		"not me": func(w *world, u login.User) {
			b := w.browser()
			_, link := w.lastMail(u)
			b.post(link).leads(w.t, link)
		},
	} {
		t.Run(name, func(t *testing.T) {
			run := func() {}
			w := newWorld(t, sqlite(t), func(c *login.Config) { c.Additions = atAddition{c.Additions, func() { run() }} })
			w.org("riverside", preset("standard"))
			anna := w.resident("anna", "riverside")
			p := anna.follow(anna.post("/account/recovery"))
			p.shows(t, http.StatusOK, "Your New Recovery Code")
			run = func() { w.pass(time.Second); end(w, anna.user) }
			anna.follow(anna.post(p.on("recovery"), "confirmed", "true"))
			if left := w.enrolled(anna.user); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
}

// atSwap runs something once, before a transaction is changed.
type atSwap struct {
	login.Transactions
	run *func()
}

func (a atSwap) SwapTransaction(ctx context.Context, tx login.Transaction) error {
	if run := *a.run; run != nil {
		*a.run = nil
		run()
	}
	return a.Transactions.SwapTransaction(ctx, tx)
}

// What one person puts off is not put off for the next, who took the transaction over meanwhile.
func TestLaterIsOfOnePerson(t *testing.T) {
	for name, grace := range map[string]login.Grace{"days": {Days: 14}, "times": {Skips: 3}} {
		t.Run(name, func(t *testing.T) {
			var run func()
			w := newWorld(t, sqlite(t), func(c *login.Config) { c.Transactions = atSwap{c.Transactions, &run} })
			w.org("own", preset("standard", func(p *login.Policy) { p.Grace = grace }))
			w.org("other", preset("standard", func(p *login.Policy) { p.Grace = login.Grace{Days: 14} }))
			u, next := w.person("anna", "own"), w.person("bert", "other")
			b := w.browser()
			p := b.password(b.begin(login.Demand{}), u)
			p.shows(t, http.StatusOK, "Secure Your Account")
			run = func() { b.post(p.on("switch")) }
			b.post(p.on("later"))
			p = b.get(p.on(""))
			b.password(p, next).shows(t, http.StatusOK, "Secure Your Account")
			if n := w.count(next.ID, storage.EnrollmentPutOff); n != 0 {
				t.Errorf("%d were counted", n)
			}
		})
	}
}

// What a browser can is known in every sign-in from it, also in one that goes on from its session and in
// which no form has said anything yet.
func TestWhatABrowserCanOutlastsASignIn(t *testing.T) {
	w := newWorld(t, sqlite(t))
	p := preset("standard")
	p.MFA = login.Optional
	w.org("lakeside", p)
	u := w.person("sam", "lakeside")
	b := w.browser()
	b.can = "passkey platform signal"
	b.password(b.begin(login.Demand{}), u).is(t, "user", u.ID, "amr", "pwd")

	stronger := login.Demand{ACR: []string{login.ACRMultiFactor}, Essential: true}
	page := b.begin(stronger)
	page.shows(t, http.StatusOK, "Secure Your Account", "Set up another way")
	b.get(page.on("method")).shows(t, http.StatusOK, "Set Up Another Way", "Passkey")
	page = b.follow(b.post(page.on("method"), "method", "passkey"))
	page.shows(t, http.StatusOK, "Set Up a Passkey")

	// A form without a word about it says nothing, and another script another thing.
	b.can = ""
	b.post(b.begin(stronger).on("enroll"), "code", "12").shows(t, http.StatusUnprocessableEntity, "Set up another way")
	b.begin(stronger).shows(t, http.StatusOK, "Set up another way")
	page = b.begin(stronger)
	b.post(page.on("enroll"), "code", "12", templates.Can, "none")
	if got := b.begin(stronger); strings.Contains(got.body, "Set up another way") {
		t.Error("a browser that says that it cannot use passkeys is offered one")
	}
}

// What a page shows as reference is found in the audit log, with whom it was shown to.
func TestReferencesAreNoted(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{App: login.App{Name: "Clinic"}}), anna.user)
	b.get(p.on("method")).shows(t, http.StatusOK, "tell them this reference")
	noted := 0
	for _, e := range w.events(anna.user.ID) {
		if e.Type == storage.HelpShown {
			noted++
			if e.Origin.RequestID == "" || e.OrgID != "riverside" || e.Detail["app"] != "Clinic" || e.Detail["step"] != "challenge" {
				t.Errorf("%+v", e)
			}
		}
	}
	if noted != 1 {
		t.Errorf("noted %d times", noted)
	}
	shown := noted // what is not noted is not shown: nobody could find it
	for range 60 {
		if got := b.get(p.on("method")); got.has("tell them this reference") {
			shown++
		} else {
			got.shows(t, http.StatusOK, "Try another method")
		}
	}
	if n := w.count(anna.user.ID, storage.HelpShown); n > 20 || n != shown {
		t.Errorf("shown %d times and noted %d times", shown, n)
	}
}

// "Remind me later" holds for as long as it says, also for the recovery code, and nobody who has to prove more
// for one thing is asked about another.
func TestRecoveryCodeLater(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u, b := w.person("anna", "riverside"), w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	seed := p.seed(t)
	p = b.follow(b.post(p.on("enroll"), "code", w.app(seed)))
	p.shows(t, http.StatusOK, "Almost There!", "Remind me later", "We will ask again in 14 days.")
	b.follow(b.post(p.on("later"))).is(t, "user", u.ID)
	signsIn := func() page {
		b.keep("vseeid-session", "")
		p := b.password(b.begin(login.Demand{}), u)
		return b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
	}
	w.pass(14*24*time.Hour - time.Minute)
	signsIn().is(t, "user", u.ID)
	w.pass(time.Minute)
	age := time.Duration(0)
	p = b.follow(b.post(b.begin(login.Demand{MaxAge: &age}).on("password"), "password", secretWord))
	b.follow(b.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
	w.pass(time.Minute)
	signsIn().shows(t, http.StatusOK, "Almost There!")
}
