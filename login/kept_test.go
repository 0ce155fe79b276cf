package login_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// failsOnce cannot clear the count of recovery codes, once.
type failsOnce struct {
	*sqldb.DB
	armed *bool
}

func (f failsOnce) SwapAttempt(ctx context.Context, key string, old, next limit.Attempt, trail storage.Trail) error {
	if *f.armed && next == (limit.Attempt{}) && strings.HasPrefix(key, "recovery:") {
		*f.armed = false
		return errStore
	}
	return f.DB.SwapAttempt(ctx, key, old, next, trail)
}

// TestT20_CodeIsNotLostOverACount: a recovery code that is used up has proved something.
func TestT20_CodeIsNotLostOverACount(t *testing.T) {
	armed := false
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Attempts = failsOnce{c.Attempts.(*sqldb.DB), &armed} })
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	_, code, _ := w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.follow(b.post(b.password(b.begin(login.Demand{}), u).on("method"), "method", "recovery"))
	armed = true
	b.follow(b.post(p.on("challenge"), "code", code)).shows(t, http.StatusOK, "Almost There!")
	if armed {
		t.Error("nothing failed")
	}
}

// judges runs something when a proof was just judged and is not kept yet.
type judges struct {
	factors.Factor
	then *func()
}

func (h judges) Verify(ctx context.Context, u factors.User, e []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	ev, err := h.Factor.Verify(ctx, u, e, s, a)
	if err == nil && *h.then != nil {
		then := *h.then
		*h.then = nil
		then()
	}
	return ev, err
}

// TestT20_WhoHangsUpLosesNoCode: the answer was judged; whether its person still waits does not matter.
func TestT20_WhoHangsUpLosesNoCode(t *testing.T) {
	var then func()
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		c.Factors[factors.Recovery] = judges{c.Factors[factors.Recovery], &then}
	})
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	_, code, _ := w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.follow(b.post(b.password(b.begin(login.Demand{}), u).on("method"), "method", "recovery"))
	ctx, hangUp := context.WithCancel(t.Context())
	judged, gone := make(chan struct{}), make(chan struct{})
	then = func() { close(judged); <-gone }
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+p.on("challenge"), strings.NewReader("code="+code))
	must(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	answered := make(chan error, 1)
	go func() {
		_, err := b.client.Do(r) //nolint:bodyclose // there is none
		answered <- err
	}()
	<-judged
	hangUp()
	if err := <-answered; err == nil {
		t.Error("there was an answer")
	}
	close(gone)
	got := b.follow(b.post(p.on("challenge"), "code", code))                                         // presses again
	for late := time.Now().Add(30 * time.Second); !got.has("Almost There!"); got = b.get(p.on("")) { // the first is on its way
		if time.Now().After(late) {
			t.Fatalf("the recovery code is used up and proved nothing: %s", tags.ReplaceAllString(got.body, " "))
		}
		<-time.After(20 * time.Millisecond)
	}
}

// inClinic is a person of a hospital that takes no mail code, with an app set up for it, who is a member of
// a clinic now that takes passkeys and mail codes.
func inClinic(w *world) login.User {
	w.t.Helper()
	w.org("hospital", preset("strict"))
	w.org("clinic", preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey, factors.Email} }))
	u := w.verified(w.person("anna", "hospital"))
	w.browser().setUp(u, login.Demand{Org: "hospital"})
	must(w.t, w.db.AddMember(w.t.Context(), login.Membership{UserID: u.ID, OrgID: "clinic", Created: w.now()}, storage.Trail{}))
	w.pass(time.Hour)
	return u
}

// TestT13_A30_MailboxChangesNothingForAnotherOrganization: what one organization takes for a sign-in does
// not change what protects another.
func TestT13_A30_MailboxChangesNothingForAnotherOrganization(t *testing.T) {
	for _, path := range []string{"/account/factors/{totp}", "/account/add/passkey", "/account/recovery", "/account/password"} {
		t.Run(path, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			u := inClinic(w)
			totp := w.enrollment(u, factors.TOTP)
			path := strings.ReplaceAll(path, "{totp}", totp.ID)
			thief := w.phone() // who has the password and reads the mailbox
			p := thief.password(thief.begin(login.Demand{Org: "clinic"}), u)
			if p.has("Enter the code") {
				thief.follow(thief.post(p.on("challenge"), "code", w.mailed(u)))
			}
			p = thief.follow(thief.get(path))
			p.shows(t, http.StatusOK, "Enter your one-time code")
			if strings.Contains(thief.get(p.on("method")).body, `value="email"`) {
				t.Error("a mail code would do")
			}
			thief.post("/account/factors/" + totp.ID + "/remove")
			if !w.has(u, totp.ID) {
				t.Error("the app is gone")
			}
		})
	}
}

// TestW12_LastFactorOfAnotherOrganization: what one organization demands stays, though the one that binds
// would not take it.
func TestW12_LastFactorOfAnotherOrganization(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("apps", preset("standard"))
	w.org("keys", preset("strict", passkeysOnly))
	u := w.person("anna", "apps")
	_, code, _ := w.browser().setUp(u, login.Demand{})
	must(t, w.db.AddMember(t.Context(), login.Membership{UserID: u.ID, OrgID: "keys", Created: w.now()}, storage.Trail{}))
	w.pass(time.Hour)
	totp := w.enrollment(u, factors.TOTP)
	phone := w.phone()
	p := phone.password(phone.follow(phone.get("/account/factors/"+totp.ID)), u)
	p = phone.follow(phone.post(p.on("challenge"), "code", code)) // all that the strictest takes
	for range 3 {
		if !p.has("Remind me later") && !p.has("Not now") && !p.has("Almost There!") {
			break
		}
		p = phone.follow(phone.post(p.on("later")))
	}
	p.shows(t, http.StatusOK, "Authenticator app")
	phone.post("/account/factors/"+totp.ID+"/remove").shows(t, http.StatusConflict, "the only one you have")
	if !w.has(u, totp.ID) {
		t.Error("the app is gone, and the other organization would have one set up on the password alone")
	}
}

// TestT13_OwnerChangesForEveryOrganization: who has the app can change the account, though the organization
// that binds does not take it.
func TestT13_OwnerChangesForEveryOrganization(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("hospital", preset("strict"))
	w.org("clinic", preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey, factors.Email} }))
	u := w.verified(w.person("anna", "hospital"))
	seed, _, _ := w.browser().setUp(u, login.Demand{Org: "hospital"})
	must(t, w.db.AddMember(t.Context(), login.Membership{UserID: u.ID, OrgID: "clinic", Created: w.now()}, storage.Trail{}))
	w.pass(time.Hour)
	phone := w.phone()
	p := phone.password(phone.follow(phone.get("/account/add/passkey")), u)
	for range 6 {
		switch {
		case p.has("Enter your one-time code"):
			p = phone.follow(phone.post(p.on("challenge"), "code", w.app(seed)))
			w.pass(30 * time.Second)
		case p.has("Enter the code"):
			p = phone.follow(phone.post(p.on("challenge"), "code", w.mailed(u)))
		case p.has("Log In Faster"):
			p = phone.follow(phone.post(p.on("later")))
		case p.has("Add a Passkey"):
			phone.follow(phone.make(p))
			if w.enrollment(u, factors.Passkey).ID == "" {
				t.Error("there is no passkey")
			}
			return
		}
	}
	t.Errorf("it ends at %s", tags.ReplaceAllString(p.body, " "))
}

// slowLeaves runs something when a time is about to be counted.
type slowLeaves struct {
	*sqldb.DB
	before *func()
}

func (s slowLeaves) PutOff(ctx context.Context, userID, orgID, by string, used int, trail storage.Trail) error {
	if *s.before != nil {
		f := *s.before
		*s.before = nil
		f()
	}
	return s.DB.PutOff(ctx, userID, orgID, by, used, trail)
}

// TestOneSkipIsOneSignIn: what is put off is counted before it holds, in whatever order the requests come.
func TestOneSkipIsOneSignIn(t *testing.T) {
	var before func()
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Leaves = slowLeaves{c.Leaves.(*sqldb.DB), &before} })
	w.org("riverside", preset("standard", func(p *login.Policy) { p.Grace.Skips = 1 }))
	u := w.person("anna", "riverside")
	const n = 5
	var bs [n]*browser
	var ps [n]page
	for i := range n {
		bs[i] = w.browser()
		ps[i] = bs[i].password(bs[i].begin(login.Demand{}), u)
		ps[i].shows(t, 200, "Remind me later")
	}
	// Each "later" is still to be counted when the next is sent; before it is, its page is loaded again.
	var chain func(i int) func()
	chain = func(i int) func() {
		return func() {
			if i+1 < n {
				before = chain(i + 1)
				bs[i+1].post(ps[i+1].on("later"))
			}
			bs[i].follow(bs[i].get(ps[i].on("")))
		}
	}
	before = chain(0)
	bs[0].follow(bs[0].post(ps[0].on("later")))
	if got, c := len(w.results()), w.count(u.ID, storage.EnrollmentPutOff); got > 1 {
		t.Errorf("%d sign-ins without a factor for %d time put off", got, c)
	}
}

// TestN18_NoiseHidesNothing: whoever does what is not told cannot push what is off the account page.
func TestN18_NoiseHidesNothing(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	anna.addApp()
	anna.get("/account").shows(t, 200, "uthenticator app was added")
	thief := w.browser() // who knows the password, or sits at the browser
	for range 14 {
		p := thief.password(thief.begin(login.Demand{Fresh: true, Select: true}), anna.user)
		for range 15 {
			thief.post(p.on("never"))
		}
	}
	got := anna.get("/account")
	text := tags.ReplaceAllString(got.body, "")
	if !strings.Contains(text, "uthenticator app was added") {
		t.Error("the activity does not say any more that an app was added")
	}
}

// TestT15_PassedOver: who has a passkey is told of a sign-in by something weaker, and not of the one in which
// the passkey was made.
func TestT15_PassedOver(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	seed, _ := phone.trusts(u)
	const words = "Signed in with a code, not with your passkey"
	if phone.follow(phone.get("/account")).has(words) {
		t.Error("told of the sign-in in which the passkey was made")
	}
	w.pass(time.Minute)
	desk := w.browser()
	p := desk.password(desk.begin(login.Demand{}), u)
	desk.follow(desk.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
	phone.follow(phone.get("/account")).shows(t, http.StatusOK, words)
}

// TestN18_ChangesHaveALimit: new recovery codes are changes like any other.
func TestN18_ChangesHaveALimit(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	before := len(w.mails(anna.user))
	for range 80 {
		p := anna.follow(anna.post("/account/recovery"))
		if p.status == http.StatusTooManyRequests {
			if n := len(w.mails(anna.user)) - before; n == 0 || n > 35 {
				t.Errorf("%d mails in no time", n)
			}
			return
		}
		anna.follow(anna.post(p.on("recovery"), "confirmed", "true"))
	}
	t.Error("there is no limit")
}

// TestN20_T58_FormOfNobody: a form that does not say where it comes from is not taken.
func TestN20_T58_FormOfNobody(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	p := anna.begin(login.Demand{Fresh: true})
	for _, path := range []string{"/account/sessions/others", "/account/signout", p.on("password")} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, strings.NewReader("password=x"))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		answer, err := anna.client.Do(r)
		must(t, err)
		must(t, answer.Body.Close())
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
}

// TestN19_ReportsUseUpNoChanges: whoever knows the password cannot keep the owner from changing it.
func TestN19_ReportsUseUpNoChanges(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	thief := w.browser()
	reports := 0
	for range 40 {
		w.pass(time.Second)
		p := thief.password(thief.begin(login.Demand{}), anna.user)
		if thief.post(p.on("lost")).status == http.StatusOK {
			reports++
		}
	}
	if reports != 2 {
		t.Errorf("%d reports in no time", reports)
	}
	w.pass(30 * time.Second)
	p := anna.password(anna.follow(anna.get("/account/password")), anna.user)
	anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed))).shows(t, http.StatusOK, "Choose a New Password")
	anna.post("/account/password", "current", secretWord, "password", newWord).leads(t, "/account?done=password")
}

// A sign-in that borrowed from a session whose cookie is gone, and in which all else was signed out since, ends
// at a page.
func TestWhoKeptASessionWithoutItsCookie(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b, other := w.browser(), w.browser()
	b.password(b.begin(login.Demand{}), u).is(t, "user", u.ID)
	w.pass(time.Second)
	other.password(other.begin(login.Demand{}), u).is(t, "user", u.ID)
	w.pass(time.Second)
	b.post("/account/sessions/others").leads(t, "/account?done=others")
	w.pass(time.Second)
	p := b.begin(login.Demand{ACR: []string{login.ACRMultiFactor}, Essential: true})
	seed := p.seed(t)
	b.keep("vseeid-session", "")
	p = b.follow(b.post(p.on("enroll"), "code", w.app(seed)))
	p = b.post(p.on("recovery"), "confirmed", "true")
	for range 12 {
		if p.status/100 != 3 {
			return
		}
		p = b.get(p.header.Get("Location"))
	}
	t.Error("it goes round in circles")
}
