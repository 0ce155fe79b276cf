package login_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// byMail goes from the second factor to a mailed code.
func (b *browser) byMail(p page) page {
	b.w.t.Helper()
	p = b.follow(b.post(p.on("method"), "method", "email"))
	p.shows(b.w.t, http.StatusOK, "sent an email", "Enter the code", "Resend")
	return p
}

func TestMailCode(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.verified(w.person("charlotte", "riverside"))
		w.browser().setUp(u, login.Demand{})
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		b.get(p.on("method")).shows(t, http.StatusOK, "Authenticator app", "Email", "Recovery code")
		if len(w.codeMails(u)) != 0 {
			t.Fatal("a mail before anybody asked for it")
		}
		p = b.byMail(p)
		if strings.Contains(p.body, "harlotte@example") && !strings.Contains(p.body, u.Email) {
			t.Error("the address is half shown")
		}
		mail := w.codeMails(u)[0]
		for _, want := range []string{"Messenger", w.mailed(u)} {
			if !strings.Contains(mail.Subject+mail.Text, want) {
				t.Errorf("no %q in %q: %s", want, mail.Subject, mail.Text)
			}
		}
		// Looking again sends nothing, whoever asks.
		for range 3 {
			b.get(p.on("")).shows(t, http.StatusOK, "sent an email")
			r, err := http.NewRequest(http.MethodHead, w.url+p.on(""), nil)
			must(t, err)
			b.do(r)
		}
		// Another method and back takes the same mail up.
		b.follow(b.post(p.on("method"), "method", "totp")).shows(t, http.StatusOK, "authenticator app")
		b.byMail(p)
		if n := len(w.codeMails(u)); n != 1 {
			t.Errorf("%d mails", n)
		}
		if got := b.get(p.on("mail")); got.status != http.StatusOK || got.body != "waiting" {
			t.Errorf("%d %q", got.status, got.body)
		}
		for typed, says := range map[string]string{"": "Enter the 6-digit code from the email", "12": "has 6 digits", other(w.mailed(u), 1): "code of the newest email"} {
			b.post(p.on("challenge"), "code", typed).shows(t, http.StatusUnprocessableEntity, says)
		}
		b.follow(b.post(p.on("challenge"), "code", w.mailed(u))).is(t, "user", u.ID, "amr", "mca mfa otp pwd", "acr", login.ACRMultiFactor)
		if w.count(u.ID, storage.CodeSent) != 1 {
			t.Error("the mail is not noted")
		}
	})
}

func TestT11_CodeOfAnotherSignIn(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.verified(w.person("anna", "riverside"))
	w.browser().setUp(u, login.Demand{})
	victim, thief := w.browser(), w.browser()
	stolen := thief.byMail(thief.password(thief.begin(login.Demand{}), u))
	first := w.mailed(u)
	// What the victim reads out is of the thief's sign-in, and of no other.
	w.pass(time.Minute)
	p := victim.byMail(victim.password(victim.begin(login.Demand{}), u))
	second := w.mailed(u)
	victim.post(p.on("challenge"), "code", first).shows(t, http.StatusUnprocessableEntity)
	// Of two codes the newest is good, where it was asked for.
	thief.post(stolen.on("challenge"), "code", second).shows(t, http.StatusUnprocessableEntity)
	thief.post(stolen.on("challenge"), "code", first).shows(t, http.StatusUnprocessableEntity, "too old")

	// After another mail the one before is none.
	victim.post(p.on("resend")).shows(t, http.StatusTooManyRequests, "ask for another")
	w.pass(30 * time.Second)
	p = victim.follow(victim.post(p.on("resend")))
	p.shows(t, http.StatusOK, "sent another email")
	third := w.mailed(u)
	if third == second {
		t.Skip("one in a million: two codes are the same")
	}
	victim.post(p.on("challenge"), "code", second).shows(t, http.StatusUnprocessableEntity)
	victim.follow(victim.post(p.on("challenge"), "code", third)).is(t, "user", u.ID)

	// A code is good for ten minutes.
	w.pass(time.Minute)
	p = victim.byMail(victim.password(victim.begin(login.Demand{Fresh: true, Select: true}), u))
	late := w.mailed(u)
	w.pass(10 * time.Minute)
	victim.post(p.on("challenge"), "code", late).shows(t, http.StatusUnprocessableEntity, "too old", "Resend")
	victim.follow(victim.post(p.on("resend")))
	victim.follow(victim.post(p.on("challenge"), "code", w.mailed(u))).is(t, "user", u.ID)
}

// TestN07_ResendKeepsTheCount guesses, asks for another mail and guesses again.
func TestN07_ResendKeepsTheCount(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.verified(w.person("anna", "riverside"))
	w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.byMail(b.password(b.begin(login.Demand{}), u))
	for i := range 4 {
		b.post(p.on("challenge"), "code", other(w.mailed(u), i)).shows(t, http.StatusUnprocessableEntity)
	}
	w.pass(time.Minute)
	p = b.follow(b.post(p.on("resend")))
	b.post(p.on("challenge"), "code", other(w.mailed(u), 1)).shows(t, http.StatusUnprocessableEntity)
	b.post(p.on("challenge"), "code", w.mailed(u)).shows(t, http.StatusTooManyRequests, "too many tries")
	count, err := w.db.Attempt(t.Context(), login.AttemptKey(factors.Email, u.ID))
	must(t, err)
	if count.Failures != 5 {
		t.Errorf("%d failures counted", count.Failures)
	}
	w.pass(time.Minute)
	b.follow(b.post(p.on("challenge"), "code", w.mailed(u))).is(t, "user", u.ID)
}

func TestMailCodeLimits(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.verified(w.person("anna", "riverside"))
	seed, _, _ := w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.byMail(b.password(b.begin(login.Demand{}), u))
	for range 4 {
		w.pass(31 * time.Second)
		b.follow(b.post(p.on("resend"))).shows(t, http.StatusOK, "sent another email")
	}
	w.pass(31 * time.Second)
	refused := b.post(p.on("resend"))
	refused.shows(t, http.StatusTooManyRequests, "You can ask for another email in")
	if refused.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	if n := len(w.codeMails(u)); n != 5 {
		t.Errorf("%d mails", n)
	}
	// In another sign-in nothing is sent, which is said, and there is another way.
	c := w.browser()
	p = c.password(c.begin(login.Demand{}), u)
	p = c.follow(c.post(p.on("method"), "method", "email"))
	p.shows(t, http.StatusOK, "You can ask for another email in", "Try another method", "Resend")
	if strings.Contains(p.body, `name="code"`) {
		t.Error("there is a field for a code that nobody sent")
	}
	c.post(p.on("challenge"), "code", "123456")
	c.post(p.on("resend")).shows(t, http.StatusOK, "You can ask for another email in")
	c.get(p.on("mail")).shows(t, http.StatusNotFound)
	p = c.follow(c.post(p.on("method"), "method", "totp"))
	c.follow(c.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
}

// TestOneMailForManyTabs loads the page that mails a code in many tabs at once.
func TestOneMailForManyTabs(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.verified(w.person("anna", "riverside"))
		w.browser().setUp(u, login.Demand{})
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		b.post(p.on("method"), "method", "email")
		for _, tab := range parallel(6, func(int) page { return b.follow(b.get(p.on(""))) }) {
			tab.shows(t, http.StatusOK, "Verify Your Identity")
		}
		if n := len(w.codeMails(u)); n != 1 {
			t.Errorf("%d mails", n)
		}
		b.follow(b.post(p.on("challenge"), "code", w.mailed(u))).is(t, "user", u.ID)
	})
}

func TestMailThatDoesNotArrive(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.verified(w.person("anna", "riverside"))
	w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.byMail(b.password(b.begin(login.Demand{}), u))
	mails, err := w.db.ClaimMails(t.Context(), 10, w.now(), time.Minute)
	must(t, err)
	for _, m := range mails {
		must(t, w.db.MailFailed(t.Context(), m.ID, w.now().Add(time.Minute), "greylisted"))
	}
	b.get(p.on("")).shows(t, http.StatusOK, "taking longer than usual")
	if got := b.get(p.on("mail")); got.body != "delayed" {
		t.Errorf("%q", got.body)
	}
	for _, m := range mails {
		must(t, w.db.MailFailed(t.Context(), m.ID, time.Time{}, "no such mailbox"))
	}
	p = b.get(p.on(""))
	p.shows(t, http.StatusOK, "could not be delivered")
	if p.has(`data-watch="/`) {
		t.Error("it is watched for ever")
	}
}

// An address that nobody has shown to be the person's gets no code, and the list says why.
func TestMailToVerifiedAddressesOnly(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	b.get(p.on("method")).shows(t, http.StatusOK, "not checked yet that your email address is yours")
	if got := b.post(p.on("method"), "method", "email"); got.header.Get("Location") != p.on("method") {
		t.Errorf("to %s", got.header.Get("Location"))
	}
	if len(w.codeMails(u)) != 0 {
		t.Error("a mail was sent")
	}
}

func TestT12_EnrollmentTakesWhatThePolicyAsks(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("mailed", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByMail }))
	w.org("ticketed", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByTicket }))
	u := w.verified(w.person("anna", "mailed"))
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "sent an email")
	if strings.Contains(b.get(p.on("method")).body, `value="totp"`) {
		t.Error("there is a way around it")
	}
	p = b.follow(b.post(p.on("challenge"), "code", w.mailed(u)))
	p.shows(t, http.StatusOK, "Secure Your Account")
	p = b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
	p.shows(t, http.StatusOK, "Almost There!")

	v := w.person("bert", "ticketed")
	p = b.password(b.begin(login.Demand{Fresh: true, Select: true}), v)
	p.shows(t, http.StatusOK, "Enter Your Ticket", "req-1")
	for typed, says := range map[string]string{"": "that support gave you", "abc": "does not look like a ticket", "ABCDABCDABCD": "is not right"} {
		b.post(p.on("ticket"), "code", typed).shows(t, http.StatusUnprocessableEntity, says)
	}
	support := login.Support{Store: w.db, Now: w.now}
	code, _, err := support.Ticket(t.Context(), v.ID, time.Hour, login.Why{Actor: "cli", Reason: "called in"})
	must(t, err)
	// Of another person, and once.
	c := w.browser()
	other := c.password(c.begin(login.Demand{}), w.person("carl", "ticketed"))
	c.post(other.on("ticket"), "code", code).shows(t, http.StatusUnprocessableEntity, "is not right")
	p = b.follow(b.post(p.on("ticket"), "code", strings.ToLower(code[:4]+"-"+code[4:8]+" "+code[8:])))
	p.shows(t, http.StatusOK, "Secure Your Account")
	second := w.browser()
	again := second.password(second.begin(login.Demand{}), v)
	second.post(again.on("ticket"), "code", code).shows(t, http.StatusUnprocessableEntity, "is not right")
	b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t)))).shows(t, http.StatusOK, "Almost There!")
	if w.count(v.ID, storage.TicketUsed) != 1 {
		t.Error("the ticket is not noted")
	}
	last := b.follow(b.post(p.on("later")))
	last.is(t, "amr", "mfa otp pwd") // the ticket is no proof

	// Guessing at tickets is slowed down, as at everything.
	g := w.browser()
	guessed := g.password(g.begin(login.Demand{}), w.person("dora", "ticketed"))
	for i := range 6 {
		want := http.StatusUnprocessableEntity
		if i > 4 {
			want = http.StatusTooManyRequests
		}
		g.post(guessed.on("ticket"), "code", fmt.Sprintf("ABCDABCDABC%c", 'A'+i)).shows(t, want)
	}
}

func TestGrace(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) { p.Grace.Skips = 2 }))
	u := w.person("anna", "riverside")
	for left := 2; left > 0; left-- {
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "Secure Your Account", "Remind me later")
		b.follow(b.post(p.on("later"))).is(t, "user", u.ID, "amr", "pwd")
	}
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "Secure Your Account")
	if strings.Contains(p.body, "Remind me later") {
		t.Error("it can be put off for ever")
	}
	b.post(p.on("later"))
	b.get(p.on("")).shows(t, http.StatusOK, "Secure Your Account")
	if n := w.count(u.ID, storage.EnrollmentPutOff); n != 2 {
		t.Errorf("put off %d times", n)
	}
	b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t)))).shows(t, http.StatusOK, "Almost There!")

	// In two tabs it is put off once.
	v := w.person("bert", "riverside")
	c := w.browser()
	p = c.password(c.begin(login.Demand{}), v)
	parallel(4, func(int) page { return c.post(p.on("later")) })
	if n := w.count(v.ID, storage.EnrollmentPutOff); n != 1 {
		t.Errorf("put off %d times", n)
	}
	// What was not put off can be set up before it is asked for.
	d := w.browser()
	p = d.password(d.begin(login.Demand{}), v)
	d.follow(d.post(p.on("enroll"), "code", w.app(p.seed(t)))).shows(t, http.StatusOK, "Almost There!")
}
