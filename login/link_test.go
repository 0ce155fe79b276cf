package login_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// told makes a mail with a link, by an authenticator app that is added when what the person had before
// is more than a day old.
func (w *world) told(r resident) (added factors.Enrollment, link string) {
	w.t.Helper()
	w.pass(25 * time.Hour)
	r.keep("vseeid-session", "")
	p := r.password(r.follow(r.get("/account")), r.user)
	r.follow(r.post(p.on("challenge"), "code", w.app(r.seed))).shows(w.t, http.StatusOK, "Your Account")
	added = r.addApp()
	_, link = w.lastMail(r.user)
	if link == "" {
		w.t.Fatal("the mail has no link")
	}
	return added, link
}

func (w *world) user(u login.User) login.User {
	w.t.Helper()
	now, err := w.db.User(context.Background(), u.ID)
	must(w.t, err)
	return now
}

func (w *world) has(u login.User, enrollmentID string) bool {
	for _, e := range w.enrolled(u) {
		if e.ID == enrollmentID {
			return true
		}
	}
	return false
}

func TestT19_LinkDoesNothingByLooking(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	added, link := w.told(anna)
	before := w.state(anna.user)

	stranger := w.browser() // the mail is read wherever it is read
	for range 3 {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			r, err := http.NewRequest(method, w.url+link, nil)
			must(t, err)
			r.Host = "evil.example"
			r.Header.Set("X-Forwarded-Host", "evil.example")
			r.Header.Set("Sec-Purpose", "prefetch")
			got := stranger.do(r)
			if got.status != http.StatusOK || strings.Contains(got.body, "evil.example") {
				t.Fatalf("%s: %d %s", method, got.status, got.body)
			}
		}
	}
	stranger.get(link).shows(t, http.StatusOK, "Was It Not You?", "This was not me", "removed again", added.Name)
	stranger.header.Set("Sec-Fetch-Site", "cross-site")
	stranger.post(link).shows(t, http.StatusForbidden, "Could Not Accept")
	stranger.header.Del("Sec-Fetch-Site")
	if now := w.state(anna.user); now != before {
		t.Fatalf("looking changed %s to %s", before, now)
	}
	anna.get("/account").shows(t, http.StatusOK, "Your Account")

	r, err := http.NewRequest(http.MethodPost, w.url+link, strings.NewReader(""))
	must(t, err)
	r.Host = "evil.example"
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	pressed := stranger.do(r)
	if to := pressed.header.Get("Location"); pressed.status != http.StatusSeeOther || to != link {
		t.Fatalf("%d to %q", pressed.status, to)
	}
	stranger.follow(pressed).shows(t, http.StatusOK, "Choose a New Password")
	if w.has(anna.user, added.ID) || w.user(anna.user).PasswordHash != "" {
		t.Error("it did nothing")
	}
	mail, again := w.lastMail(anna.user)
	if again != "" || w.count(anna.user.ID, storage.Repudiated) != 1 {
		t.Errorf("%d events, and the mail %q", w.count(anna.user.ID, storage.Repudiated), mail.Text)
	}
	anna.get("/account").leads(t, "/u/login/")
}

func TestT12_UndoForOneDay(t *testing.T) {
	for _, c := range []struct {
		name    string
		after   time.Duration
		removed bool
		says    string
	}{
		{"at once", time.Minute, true, "is removed again"},
		{"the last minute", 24*time.Hour - time.Minute, true, "is removed again"},
		{"after a day", 24 * time.Hour, false, "stays until you remove it"},
		{"the last day", 7*24*time.Hour - time.Hour, false, "stays until you remove it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			anna := w.resident("anna", "riverside")
			added, link := w.told(anna)
			sent, _ := w.lastMail(anna.user)
			w.pass(c.after - w.now().Sub(sent.At))
			b := w.browser()
			b.get(link).shows(t, http.StatusOK, c.says)
			b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
			if got := !w.has(anna.user, added.ID); got != c.removed {
				t.Errorf("removed is %v", got)
			}
			if !w.has(anna.user, w.enrollment(anna.user, factors.TOTP).ID) {
				t.Error("what was there before is gone")
			}
			b.follow(b.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set", "still other ways to sign in")
		})
	}
}

func TestT12_FirstFactorOfAThief(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.verified(w.person("anna", "riverside"))
	thief := w.browser() // who has the password, and is faster than its owner
	thief.setUp(anna, login.Demand{})
	_, link := w.lastMail(anna)
	for _, m := range w.mails(anna) {
		if strings.Contains(m.Text, "authenticator") {
			link = linkInMail.FindString(m.Text)
		}
	}
	b := w.browser()
	b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	if w.apps(anna) != 0 {
		t.Error("the thief's app is still there")
	}
	thief.get("/account").leads(t, "/u/login/")
	b.follow(b.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	// Its owner sets up the first factor: the recovery code that the thief was shown is gone too.
	p := b.begin(login.Demand{})
	p = b.follow(b.post(p.on("identifier"), "email", anna.Email))
	b.follow(b.post(p.on("password"), "password", newWord)).shows(t, http.StatusOK, "Secure Your Account")
}

func TestLinkStates(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	b, other := w.browser(), w.browser()

	for _, unknown := range []string{login.LinkPath + madeUpToken(), login.LinkPath + "x", link + "A", link[:len(link)-1]} {
		for _, p := range []page{b.get(unknown), b.follow(b.post(unknown)), b.follow(b.post(unknown, "password", newWord))} {
			p.shows(t, http.StatusNotFound, "Do Not Know This Link", "ask support")
		}
	}
	// A password without pressing is pressing: nothing is set that was not asked for.
	b.follow(b.post(link, "password", newWord)).shows(t, http.StatusOK, "Choose a New Password")
	if w.user(anna.user).PasswordHash != "" {
		t.Fatal("a password was set by a link that was not pressed")
	}
	// Another tab presses: it is done, and both are at the same page.
	other.follow(other.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	if n := w.count(anna.user.ID, storage.Repudiated); n != 1 {
		t.Errorf("pressed %d times", n)
	}
	for _, weak := range []struct{ password, says string }{
		{"", "Enter a new password"},
		{"short", "too short"},
		{strings.Repeat("long ", 400), "too long"},
		{"passwordpassword", "too easy to guess"},
		{"anna@example.com", "too close to your name"},
		{"\xff\xfe is not a text at all", "cannot be used"},
	} {
		b.post(link, "password", weak.password).shows(t, http.StatusUnprocessableEntity, "Choose a New Password", weak.says)
	}
	answers := parallel(2, func(i int) page {
		return []*browser{b, other}[i].post(link, "password", newWord+string(rune('a'+i)))
	})
	for _, p := range answers {
		p.leads(t, link)
	}
	if n := w.count(anna.user.ID, storage.PasswordChanged); n != 1 {
		t.Errorf("two tabs set %d passwords", n)
	}
	hash := w.user(anna.user).PasswordHash
	b.get(link).shows(t, http.StatusOK, "New Password Is Set", "Sign in")
	for _, p := range []page{b.post(link), b.post(link, "password", newWord+" and more")} {
		b.follow(p).shows(t, http.StatusOK, "New Password Is Set")
	}
	if w.user(anna.user).PasswordHash != hash {
		t.Error("a finished link set a password")
	}
}

func madeUpToken() string {
	b := make([]byte, 32)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestLinkTooOld(t *testing.T) {
	for _, pressed := range []bool{false, true} {
		w := newWorld(t, sqlite(t))
		w.org("riverside", preset("standard"))
		anna := w.resident("anna", "riverside")
		_, link := w.told(anna)
		b := w.browser()
		if pressed {
			b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
		}
		w.pass(login.LinkLifetime)
		before := w.state(anna.user)
		b.get(link).shows(t, http.StatusGone, "Link Is Too Old", "ask support")
		b.follow(b.post(link)).shows(t, http.StatusGone, "Link Is Too Old")
		b.follow(b.post(link, "password", newWord)).shows(t, http.StatusGone, "Link Is Too Old")
		if now := w.state(anna.user); now != before {
			t.Errorf("pressed %v: it changed %s to %s", pressed, before, now)
		}
	}
}

func TestLinkOfAPersonWhoIsGone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	must(t, w.db.DeleteUser(t.Context(), anna.user.ID, w.now(), storage.Trail{}))
	b := w.browser()
	b.get(link).shows(t, http.StatusNotFound, "Do Not Know This Link")
	b.follow(b.post(link)).shows(t, http.StatusNotFound, "Do Not Know This Link")
}

func TestLinkFlood(t *testing.T) {
	w := newWorld(t, sqlite(t))
	b := w.browser()
	b.header.Set("X-Test-IP", "203.0.113.9")
	for range 200 {
		if p := b.get(login.LinkPath + madeUpToken()); p.status == http.StatusTooManyRequests {
			if p.header.Get("Retry-After") == "" {
				t.Error("no word of when")
			}
			return
		}
	}
	t.Error("any number of tokens can be tried")
}

func TestT17_PasswordByLinkIsNoWayAroundTheSecondFactor(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		anna := w.resident("anna", "riverside")
		_, link := w.told(anna)
		b := w.browser()
		b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
		done := b.follow(b.post(link, "password", newWord))
		done.shows(t, http.StatusOK, "New Password Is Set")
		if b.cookie("vseeid-session") != "" || anna.cookie("vseeid-session") == "" {
			t.Error("the link made a session, or reached into another browser")
		}
		sessions, err := w.db.SessionsOf(t.Context(), anna.user.ID)
		must(t, err)
		if len(sessions) != 0 {
			t.Errorf("%d sessions live on", len(sessions))
		}
		anna.get("/account").leads(t, "/u/login/")
		anna.begin(login.Demand{Silent: true}).is(t, "failed", "login_required")

		p := b.begin(login.Demand{})
		p = b.follow(b.post(p.on("identifier"), "email", anna.user.Email))
		b.post(p.on("password"), "password", secretWord).shows(t, http.StatusUnprocessableEntity, "not right")
		p = b.follow(b.post(p.on("password"), "password", newWord))
		p.shows(t, http.StatusOK, "Verify Your Identity")
		if b.cookie("vseeid-session") != "" {
			t.Error("a session before the second factor")
		}
		b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID, "amr", "mfa otp pwd")
	})
}

func TestT18_LinkIsNoSessionAndNoCode(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	token := strings.TrimPrefix(link, login.LinkPath)
	b := w.browser()
	b.keep("vseeid-session", token)
	b.get("/account").leads(t, "/u/login/")
	b.begin(login.Demand{Silent: true}).is(t, "failed", "login_required")
	b.keep("vseeid-session", "")
	p := b.password(b.begin(login.Demand{}), anna.user)
	p.shows(t, http.StatusOK, "Verify Your Identity")
	b.post(p.on("challenge"), "code", token).shows(t, http.StatusUnprocessableEntity)
	p = b.follow(b.post(p.on("method"), "method", "recovery"))
	b.post(p.on("challenge"), "code", token).shows(t, http.StatusUnprocessableEntity)
	b.get("/u/login/"+token).shows(t, http.StatusGone)
	// And the other way round.
	for _, other := range []string{anna.cookie("vseeid-session"), anna.cookie("vseeid-browser"), anna.recovery, w.app(anna.seed)} {
		b.get(login.LinkPath+other).shows(t, http.StatusNotFound, "Do Not Know This Link")
		b.follow(b.post(login.LinkPath+other)).shows(t, http.StatusNotFound, "Do Not Know This Link")
	}
	if w.user(anna.user).PasswordHash == "" {
		t.Error("the account was shut")
	}
}

// Who has lost a device needs nothing but the mailbox to shut it out.
func TestN19_LostDevice(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	thief := anna.browser // holds the phone and its session
	r, err := http.NewRequest(http.MethodPost, w.url+link, http.NoBody)
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", w.url)
	res, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	_, err = io.Copy(io.Discard, res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("status %d", res.StatusCode)
	}
	thief.get("/account").leads(t, "/u/login/")
	results := w.results()
	if err := w.recheck(t.Context(), results[len(results)-1], nil, true); err == nil {
		t.Error("a grant of before is still good")
	}
	p := thief.begin(login.Demand{})
	p = thief.follow(thief.post(p.on("identifier"), "email", anna.user.Email))
	thief.post(p.on("password"), "password", secretWord).shows(t, http.StatusUnprocessableEntity, "not right")
}

// T-17: a password that rests on the mailbox and a code to the same mailbox are one factor, for a week.
func TestT17_TheSameMailboxTwice(t *testing.T) {
	w := newWorld(t, sqlite(t))
	mailOnly := preset("off")
	mailOnly.Factors = []factors.Kind{factors.Email, factors.Recovery}
	w.org("lakeside", mailOnly)
	anna := w.verified(w.person("anna", "lakeside"))
	mfa := login.Demand{ACR: []string{login.ACRMultiFactor}, Essential: true}
	b := w.browser()
	p := b.password(b.begin(mfa), anna)
	p.shows(t, http.StatusOK, "Verify Your Identity")
	b.follow(b.post(p.on("challenge"), "code", w.mailed(anna))).is(t, "user", anna.ID, "amr", "mca mfa otp pwd")

	// The password is changed, and that is repudiated.
	p = b.follow(b.post("/account/password", "current", secretWord, "password", newWord))
	p.shows(t, http.StatusOK, "password was changed")
	_, link := w.lastMail(anna)
	other := w.browser()
	other.follow(other.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	other.follow(other.post(link, "password", newWord+" again")).shows(t, http.StatusOK, "New Password Is Set")

	signsIn := func(word string) page {
		b := w.browser()
		p := b.begin(mfa)
		p = b.follow(b.post(p.on("identifier"), "email", anna.Email))
		return b.follow(b.post(p.on("password"), "password", word))
	}
	w.pass(time.Hour)
	signsIn(newWord+" again").is(t, "failed", "unmet_authentication_requirements")

	// To change it once more does not wash it.
	p = other.follow(other.get("/account/password"))
	p = other.follow(other.post(p.on("identifier"), "email", anna.Email))
	p = other.follow(other.post(p.on("password"), "password", newWord+" again"))
	p.shows(t, http.StatusOK, "Choose a New Password")
	other.follow(other.post("/account/password", "current", newWord+" again", "password", newWord+" and again")).shows(t, http.StatusOK, "password was changed")
	signsIn(newWord+" and again").is(t, "failed", "unmet_authentication_requirements")

	w.pass(7 * 24 * time.Hour)
	signsIn(newWord+" and again").shows(t, http.StatusOK, "Verify Your Identity")
}

// T-18: a mailed code opens no link, and a link's token is no mailed code.
func TestT18_CodesAndLinksOfMails(t *testing.T) {
	w := newWorld(t, sqlite(t))
	mailOnly := preset("off")
	mailOnly.Factors = []factors.Kind{factors.Email, factors.Recovery}
	w.org("lakeside", mailOnly)
	anna := w.verified(w.person("anna", "lakeside"))
	b := w.browser()
	b.password(b.begin(login.Demand{}), anna).is(t, "user", anna.ID)
	b.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	_, link := w.lastMail(anna)

	p := b.begin(login.Demand{ACR: []string{login.ACRMultiFactor}, Essential: true})
	p.shows(t, http.StatusOK, "Verify Your Identity")
	code := w.mailed(anna)
	b.get(login.LinkPath+code).shows(t, http.StatusNotFound, "Do Not Know This Link")
	b.follow(b.post(login.LinkPath+code)).shows(t, http.StatusNotFound, "Do Not Know This Link")
	b.post(p.on("challenge"), "code", strings.TrimPrefix(link, login.LinkPath)).shows(t, http.StatusUnprocessableEntity)
	b.follow(b.post(p.on("challenge"), "code", code)).is(t, "user", anna.ID)
}

// Whichever mail is pressed, all that a thief has set up goes: it may be the last, or the first, or that
// of a recovery code.
func TestT12_LinkTakesEveryNewFactorAway(t *testing.T) {
	for name, link := range map[string]func(mails []storage.Mail) storage.Mail{
		"the first mail": func(mails []storage.Mail) storage.Mail { return mails[0] },
		"the last mail":  func(mails []storage.Mail) storage.Mail { return mails[len(mails)-1] },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			u := w.verified(w.person("anna", "riverside"))
			thief := w.phone()
			thief.trusts(u)
			b := w.browser()
			mail := linkInMail.FindString(link(w.mails(u)).Text)
			b.get(mail).shows(t, http.StatusOK, "removed again", "Authenticator app", "Recovery code", "Passkey", "anna's phone")
			b.follow(b.post(mail)).shows(t, http.StatusOK, "Choose a New Password")
			if left := w.enrolled(u); len(left) != 0 {
				t.Errorf("left: %v", left)
			}
			if done := b.follow(b.post(mail, "password", newWord)); done.has("other ways") {
				t.Error("the page tells of ways to sign in that there are not")
			}
			if p := thief.follow(thief.use(thief.nobody())); p.answer != nil {
				t.Errorf("the thief is in: %v", p.answer)
			}
		})
	}
}

func TestT12_LinkOfARecoveryCode(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	w.told(anna) // so that the session is of now, and what anna had is old
	w.pass(25 * time.Hour)
	anna.keep("vseeid-session", "")
	p := anna.password(anna.follow(anna.get("/account")), anna.user)
	anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed)))
	p = anna.follow(anna.post("/account/recovery"))
	code := p.recoveryCode(t)
	anna.follow(anna.post(p.on("recovery"), "confirmed", "true")).shows(t, http.StatusOK, "Your Account")
	_, token := w.lastMail(anna.user)
	if l, err := w.db.Link(t.Context(), strings.TrimPrefix(token, login.LinkPath)); err != nil || l.EnrollmentID != w.enrollment(anna.user, factors.Recovery).ID {
		t.Errorf("the link is about %q, %v", l.EnrollmentID, err)
	}
	b := w.browser()
	b.get(token).shows(t, http.StatusOK, "removed again", "Recovery code")
	b.follow(b.post(token)).shows(t, http.StatusOK, "Choose a New Password")
	b.follow(b.post(token, "password", newWord)).shows(t, http.StatusOK, "These are left", "Authenticator app")
	p = b.begin(login.Demand{})
	p = b.follow(b.post(p.on("identifier"), "email", anna.user.Email))
	p = b.follow(b.post(p.on("password"), "password", newWord))
	b.get(p.on("method"))
	if p = b.follow(b.post(p.on("challenge"), "code", code)); p.answer != nil {
		t.Errorf("the thief's code is good: %v", p.answer)
	}
	if n := len(w.enrolled(anna.user)); n != 2 {
		t.Errorf("%d factors are left", n)
	}
}

// A link works without a script, and its pages have none that they need.
func TestLinkWithoutAScript(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	b := w.browser()
	for _, field := range []string{"", "password"} {
		p := b.get(link)
		action := formInPage.FindStringSubmatch(p.body)
		if action == nil || action[1] != link || (field != "" && !p.has(`name="`+field+`"`)) {
			t.Fatalf("no form: %s", p.body)
		}
		b.post(action[1], field, newWord).leads(t, link)
	}
	b.get(link).shows(t, http.StatusOK, "New Password Is Set")
}

var formInPage = regexp.MustCompile(`<form[^>]*method="post"[^>]*action="([^"]*)"`)

// T-12: an address that nobody has shown to be the person's is told, and gets nothing to press.
func TestT12_NoLinkToAnUnverifiedAddress(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	b.setUp(u, login.Demand{})
	b.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
	for _, m := range w.mails(u) {
		if linkInMail.MatchString(m.Text) || !strings.Contains(m.Text, "at once") {
			t.Errorf("%s:\n%s", m.Subject, m.Text)
		}
	}
	if n := len(w.mails(u)); n != 3 { // an app, a recovery code, a password
		t.Errorf("%d mails", n)
	}
}

// T-17: the password that a stranger may know is not taken for a new one, by whichever link.
func TestT17_LinkRefusesThePasswordOfBefore(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	const stolen = "mauve tractor lantern sixteen"
	hash, err := w.hasher.Hash(t.Context(), stolen)
	must(t, err)
	must(t, w.db.SetPassword(t.Context(), anna.user.ID, hash, w.now(), storage.Trail{}))
	var links []string
	for range 2 {
		token := madeUpToken()
		must(t, w.db.Record(t.Context(), storage.Trail{Links: []storage.Link{{
			Token: token, UserID: anna.user.ID, At: w.now(), Expires: w.now().Add(login.LinkLifetime),
		}}}))
		links = append(links, login.LinkPath+token)
	}
	b := w.browser()
	for _, link := range links {
		b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	}
	for _, link := range links {
		b.post(link, "password", stolen).shows(t, http.StatusUnprocessableEntity, "the password you have now")
		if w.user(anna.user).PasswordHash != "" {
			t.Fatal("it was set")
		}
	}
	b.follow(b.post(links[0], "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	b.post(links[1], "password", stolen).shows(t, http.StatusNotFound, "Do Not Know This Link")
	if w.count(anna.user.ID, storage.PasswordChanged) != 1 {
		t.Error("it was set")
	}
}

// T-17: who has taken an account back has it: the links that were mailed before do nothing any more, whoever
// copied them, pressed or not. The one of the mail about the change itself is good.
func TestT17_LinksEndWhenTheAccountIsTakenBack(t *testing.T) {
	for how, back := range map[string]func(w *world, anna resident, link string){
		"by another link": func(w *world, anna resident, _ string) {
			anna.addApp()
			_, other := w.lastMail(anna.user)
			b := w.browser()
			b.follow(b.post(other)).shows(w.t, http.StatusOK, "Choose a New Password")
			b.follow(b.post(other, "password", newWord)).shows(w.t, http.StatusOK, "New Password Is Set")
			b.get(other).shows(w.t, http.StatusOK, "New Password Is Set")
		},
		"on the account page": func(w *world, anna resident, _ string) {
			anna.follow(anna.post("/account/password", "current", secretWord, "password", newWord)).shows(w.t, http.StatusOK, "password was changed")
		},
		"by support, when the link was pressed": func(w *world, anna resident, link string) {
			b := w.browser()
			b.follow(b.post(link)).shows(w.t, http.StatusOK, "Choose a New Password")
			hash, err := w.hasher.Hash(w.t.Context(), newWord)
			must(w.t, err)
			must(w.t, w.db.SetPassword(w.t.Context(), anna.user.ID, hash, w.now(), storage.Trail{}))
		},
	} {
		t.Run(how, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			anna := w.resident("anna", "riverside")
			_, copied := w.told(anna)
			back(w, anna, copied)
			w.pass(5 * 24 * time.Hour)
			before := w.user(anna.user)
			thief := w.browser()
			thief.get(copied).shows(t, http.StatusNotFound, "Do Not Know This Link")
			thief.post(copied).shows(t, http.StatusNotFound)
			thief.post(copied, "password", newWord+" of a thief").shows(t, http.StatusNotFound)
			if after := w.user(anna.user); after.Passwords != before.Passwords || !after.ShutOut.Equal(before.ShutOut) {
				t.Error("the account was shut")
			}
			if _, fresh := w.lastMail(anna.user); fresh != "" && fresh != copied {
				w.browser().get(fresh).shows(t, http.StatusOK, "Was It Not You")
			}
		})
	}
}

// T-17: a link that was sent to an address is worth nothing when that is not the person's any more.
func TestT17_LinkOfTheMailboxOfBefore(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.lastMail(anna.user)
	have := w.user(anna.user)
	have.Email, have.Updated = "anna@elsewhere.example", w.now()
	must(t, w.db.UpdateUser(t.Context(), have, storage.Trail{}))
	thief := w.browser()
	thief.get(link).shows(t, http.StatusNotFound, "Do Not Know This Link")
	thief.post(link, "password", newWord).shows(t, http.StatusNotFound)
	if w.user(anna.user).PasswordHash == "" {
		t.Error("the password is gone")
	}
}

// T-12: a recovery code that pressing a link would leave alone goes too: it would be asked for, and nothing
// could be set up.
func TestT12_LinkLeavesNoRecoveryCodeAlone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	old := w.enrollment(anna.user, factors.TOTP)
	w.told(anna) // of a new telephone
	anna.renew()
	anna.follow(anna.post("/account/factors/"+old.ID+"/remove")).shows(t, http.StatusOK, "removed")
	_, link := w.lastMail(anna.user)
	b := w.browser()
	b.get(link).shows(t, http.StatusOK, "removed again", "Authenticator app", "Recovery code")
	b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	b.follow(b.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	if left := w.enrolled(anna.user); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	p := b.begin(login.Demand{})
	p = b.follow(b.post(p.on("identifier"), "email", anna.user.Email))
	b.follow(b.post(p.on("password"), "password", newWord)).shows(t, http.StatusOK, "Secure Your Account")
}

// Who is not asked for a mail code, because the password came by mail, is told so and until when.
func TestT17_WhyAMailCodeIsNotAskedFor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	anna.user = w.verified(anna.user)
	_, link := w.told(anna)
	b := w.browser()
	b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password", "another password than the one that you had")
	b.follow(b.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	until := w.now().Add(7 * 24 * time.Hour).UTC().Format("2 January 2006")

	list := func(b *browser, word string) page {
		b.keep("vseeid-session", "")
		p := b.begin(login.Demand{})
		p = b.follow(b.post(p.on("identifier"), "email", anna.user.Email))
		p = b.follow(b.post(p.on("password"), "password", word))
		return b.get(p.on("method"))
	}
	p := list(b, newWord)
	p.shows(t, http.StatusOK, "Not available now", "set by a link in an email", "from "+until+" on")
	if strings.Contains(p.body, "not enough for what you want to open") {
		t.Error("the reason is another one")
	}
	// A password that two factors stand behind is no longer the mailbox's.
	b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
	b.follow(b.post("/account/password", "current", newWord, "password", newWord+" anew")).shows(t, http.StatusOK, "password was changed")
	list(w.browser(), newWord+" anew").shows(t, http.StatusOK, "A code that we send to your email address")
}

// TestN05_PasswordChangesOnEvidence: no password is too old. One that somebody else may know is good for
// nothing from that moment on, and its owner has to choose another.
func TestN05_PasswordChangesOnEvidence(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	_, link := w.told(anna)
	signIn := func(password string) page {
		b := w.browser()
		p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", anna.user.Email))
		return b.follow(b.post(p.on("password"), "password", password))
	}
	owner := w.browser()
	owner.follow(owner.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	signIn(secretWord).shows(t, http.StatusUnprocessableEntity, "Enter Your Password")
	owner.post(link, "password", secretWord).shows(t, http.StatusUnprocessableEntity, "Choose a New Password")
	owner.follow(owner.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	signIn(secretWord).shows(t, http.StatusUnprocessableEntity, "Enter Your Password")
	w.pass(10 * 365 * 24 * time.Hour)
	signIn(newWord).shows(t, http.StatusOK, "Verify Your Identity")
}

// T-12: what is asked first is no stranger's choice either, and the last page says what was undone.
func TestT12_LinkUndoesTheDefault(t *testing.T) {
	for _, c := range []struct {
		name  string
		after time.Duration // since it was changed
		want  factors.Kind
	}{{"at once", time.Minute, ""}, {"a week later", 7 * 24 * time.Hour, factors.TOTP}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			anna := w.resident("anna", "riverside")
			anna.renew()
			anna.post("/account/default", "method", "totp").leads(t, "/account?done=default")
			w.pass(c.after)
			added, link := w.told(anna)
			if c.after < time.Hour { // told lets a day pass
				anna.post("/account/default", "method", "email").leads(t, "/account?done=default")
			}
			b := w.browser()
			says := map[bool]string{true: "set back to the usual order", false: "Was It Not You?"}[c.want == ""]
			b.get(link).shows(t, http.StatusOK, says, added.Name)
			b.follow(b.post(link)).shows(t, http.StatusOK, "Choose a New Password")
			if got := w.user(anna.user).Default; got != c.want {
				t.Errorf("%q is asked first", got)
			}
			w.pass(time.Minute)
			done := b.follow(b.post(link, "password", newWord))
			done.shows(t, http.StatusOK, "New Password Is Set", "Every authenticator app that was added in the day before was removed.", "still other ways to sign in")
			if done.has("Every passkey") || done.has("back to the usual order") != (c.want == "") {
				t.Errorf("it says %s", done.body)
			}
		})
	}
}
