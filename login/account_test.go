package login_test

import (
	"context"
	"fmt"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// resident is a person who is signed in on the account page with a fresh second factor.
type resident struct {
	*browser
	user           login.User
	seed, recovery string
}

// resident makes a person of an organization, with an authenticator app, a recovery code and a mailbox of
// which it is known that it is the person's.
func (w *world) resident(name, org string) resident {
	w.t.Helper()
	r := resident{browser: w.browser(), user: w.verified(w.person(name, org))}
	o, err := w.db.Org(w.t.Context(), org)
	must(w.t, err)
	w.setPolicy(org, preset("standard")) // which asks for it
	var last page
	r.seed, r.recovery, last = r.setUp(r.user, login.Demand{})
	last.is(w.t, "user", r.user.ID)
	w.setPolicy(org, o.Policy)
	return r
}

// stepUp proves everything again, from the page that asks for the password.
func (r resident) stepUp(p page) page {
	r.w.t.Helper()
	p.shows(r.w.t, http.StatusOK, "Enter Your Password")
	p = r.follow(r.post(p.on("password"), "password", secretWord))
	p.shows(r.w.t, http.StatusOK, "Verify Your Identity")
	return r.follow(r.post(p.on("challenge"), "code", r.w.app(r.seed)))
}

// Who is signed in is told why the password is asked for again, and finds the way back.
func TestAskedAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	w.pass(10 * time.Minute)
	p := anna.follow(anna.get("/account/password"))
	p.shows(t, http.StatusOK, "Enter Your Password", "To change your account, confirm that it is you.", "Cancel and go back")
	challenge := anna.follow(anna.post(p.on("password"), "password", secretWord))
	challenge.shows(t, http.StatusOK, "Verify Your Identity", "To change your account, confirm that it is you.", "Cancel and go back")
	anna.post(p.on("cancel")).leads(t, "/account")
	anna.get("/account").shows(t, http.StatusOK, w.now().Add(-10*time.Minute).UTC().Format("2 January 2006, 15:04 UTC"))
	if strings.Contains(anna.get("/account").body, "You confirmed") {
		t.Error("nothing was confirmed yet")
	}
	anna.stepUp(anna.follow(anna.get("/account/password"))).shows(t, http.StatusOK, "Choose a New Password", "signed out on every other device")
	anna.get("/account").shows(t, http.StatusOK, "You confirmed that it was you", "Signed in")
	w.pass(10 * time.Minute)

	age := time.Minute
	p = anna.begin(login.Demand{MaxAge: &age, App: login.App{Name: "Clinic"}})
	p.shows(t, http.StatusOK, "Clinic asks you to confirm that it is you.", "Cancel and go back")
	anna.follow(anna.post(p.on("cancel"))).is(t, "failed", "access_denied")
	w.pass(13 * time.Hour)
	anna.follow(anna.get("/account")).shows(t, http.StatusOK, "To see your account, confirm that it is you.")

	fresh := w.browser()
	p = fresh.password(fresh.begin(login.Demand{}), anna.user)
	if strings.Contains(p.body, "confirm that it is you") {
		t.Error("who signs in for the first time is told so too")
	}
}

// renew makes the proofs fresh.
func (r resident) renew() {
	r.w.t.Helper()
	p := r.follow(r.get("/account/default"))
	if strings.HasPrefix(p.path, "/u/login/") {
		p = r.stepUp(p)
	}
	p.shows(r.w.t, http.StatusOK, "Asked first")
}

// addApp sets up one more authenticator app and returns its enrollment.
func (r resident) addApp() factors.Enrollment {
	r.w.t.Helper()
	before := r.w.enrolled(r.user)
	p := r.follow(r.get("/account/add/totp"))
	if !seedInPage.MatchString(html.UnescapeString(p.body)) {
		p = r.stepUp(p)
	}
	p = r.follow(r.post(p.on("enroll"), "code", r.w.app(p.seed(r.w.t))))
	p.shows(r.w.t, http.StatusOK, "Your Account", "The authenticator app was added")
	for _, e := range r.w.enrolled(r.user) {
		if !slices.ContainsFunc(before, func(b factors.Enrollment) bool { return b.ID == e.ID }) {
			return e
		}
	}
	r.w.t.Fatal("nothing was added")
	return factors.Enrollment{}
}

func (w *world) enrolled(u login.User) []factors.Enrollment {
	w.t.Helper()
	out, err := w.db.Enrollments(context.Background(), u.ID)
	must(w.t, err)
	return out
}

// apps is how many authenticator apps a person has.
func (w *world) apps(u login.User) int {
	w.t.Helper()
	return len(slices.DeleteFunc(w.enrolled(u), func(e factors.Enrollment) bool { return e.Kind != factors.TOTP }))
}

func (w *world) enrollment(u login.User, k factors.Kind) factors.Enrollment {
	w.t.Helper()
	for _, e := range w.enrolled(u) {
		if e.Kind == k {
			return e
		}
	}
	w.t.Fatalf("%s has no %s", u.Name, k)
	return factors.Enrollment{}
}

// state is everything about a person that the account page can change.
func (w *world) state(u login.User) string {
	w.t.Helper()
	now, err := w.db.User(context.Background(), u.ID)
	must(w.t, err)
	sessions, err := w.db.SessionsOf(context.Background(), u.ID)
	must(w.t, err)
	out := []string{now.PasswordHash, string(now.Default), fmt.Sprint(len(sessions), " sessions")}
	for _, e := range w.enrolled(u) {
		out = append(out, e.ID+" "+string(e.Kind)+" "+e.Name)
	}
	return strings.Join(out, "\n")
}

// mails are those to a person, the oldest first.
func (w *world) mails(u login.User) []storage.Mail {
	w.t.Helper()
	all, err := w.db.Mails(context.Background(), storage.Page{Limit: storage.MaxPage})
	must(w.t, err)
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(m storage.Mail) bool { return m.To != u.Email })
}

var linkInMail = regexp.MustCompile(`/u/notice/[A-Za-z0-9_-]{43}`)

// lastMail is the latest mail to a person, and the link in it.
func (w *world) lastMail(u login.User) (storage.Mail, string) {
	w.t.Helper()
	mails := w.mails(u)
	if len(mails) == 0 {
		w.t.Fatalf("%s got no mail", u.Name)
	}
	m := mails[len(mails)-1]
	return m, linkInMail.FindString(m.Text)
}

const newWord = "an entirely other sentence"

// change is one thing that the account pages do.
type change struct {
	name  string
	shows string // the page before it, by GET
	path  func(r resident, target factors.Enrollment, other string) string
	form  []string
	done  string // what the account page says then
	event storage.EventType
	mail  string // in its subject
}

func changes() []change {
	at := func(path string) func(resident, factors.Enrollment, string) string {
		return func(resident, factors.Enrollment, string) string { return path }
	}
	factor := func(part string) func(resident, factors.Enrollment, string) string {
		return func(_ resident, e factors.Enrollment, _ string) string { return "/account/factors/" + e.ID + part }
	}
	return []change{
		{"rename", "Remove it", factor(""), []string{"name", "My  old\nphone"}, "new name was saved", storage.FactorRenamed, "name"},
		{"delete", "Remove it", factor("/remove"), nil, "was removed", storage.FactorRemoved, "removed"},
		{"default", "Asked first", at("/account/default"), []string{"method", "totp"}, "asked first was saved", storage.DefaultChanged, "first"},
		{"password", "New password", at("/account/password"), []string{"current", secretWord, "password", newWord}, "password was changed", storage.PasswordChanged, "password"},
		{"session end", "Sign This Device Out?", func(_ resident, _ factors.Enrollment, other string) string {
			return "/account/sessions/" + other
		}, nil, "device was signed out", storage.SessionEnded, "signed out"},
		{"others", "Sign Out Everywhere Else?", at("/account/sessions/others"), nil, "everywhere else", storage.SessionEnded, "signed out"},
	}
}

func (c change) page(path string) string { return strings.TrimSuffix(path, "/remove") }

func TestT13_ChangesNeedEveryFactorAgain(t *testing.T) {
	for _, c := range changes() {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("lakeside", optional())
			anna, bert := w.resident("anna", "lakeside"), w.resident("bert", "lakeside")
			target := w.enrollment(anna.user, factors.TOTP)
			elsewhere := resident{browser: w.browser(), user: anna.user, seed: anna.seed}
			elsewhere.follow(elsewhere.post(elsewhere.password(elsewhere.begin(login.Demand{}), anna.user).on("challenge"), "code", w.app(anna.seed)))
			other := w.otherSession(anna)
			path := c.path(anna, target, other)

			w.pass(10 * time.Minute)
			before := w.state(anna.user)
			unchanged := func(why string) {
				t.Helper()
				if now := w.state(anna.user); now != before {
					t.Fatalf("%s: %s became %s", why, before, now)
				}
			}
			// With a session only: the page and the form both lead to the proofs.
			for _, p := range []page{anna.get(c.page(path)), anna.post(path, c.form...)} {
				if to := p.header.Get("Location"); p.status != http.StatusSeeOther || !strings.HasPrefix(to, "/u/login/") {
					t.Fatalf("with an old session: %d to %q", p.status, to)
				}
			}
			unchanged("with an old session")
			// With the password and no second factor.
			p := anna.follow(anna.post(path, c.form...))
			p.shows(t, http.StatusOK, "Enter Your Password")
			p = anna.follow(anna.post(p.on("password"), "password", secretWord))
			p.shows(t, http.StatusOK, "Verify Your Identity")
			anna.post(path, c.form...).leads(t, "/u/login/")
			unchanged("with the password")

			// With another person's session, as fresh as can be.
			bert.renew()
			got := bert.post(path, c.form...)
			if ours := strings.Contains(path, target.ID) || strings.Contains(path, other); ours {
				got.shows(t, http.StatusNotFound, "It Is Not There")
				bert.get(c.page(path)).shows(t, http.StatusNotFound, "It Is Not There")
			}
			unchanged("with another person's session")
			w.browser().post(path, c.form...).leads(t, "/u/login/")
			unchanged("with no session")

			// With everything, but from another site, or by GET.
			p = anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed)))
			p.shows(t, http.StatusOK, c.shows)
			if p.path != c.page(path) {
				t.Errorf("came back to %s", p.path)
			}
			anna.header.Set("Sec-Fetch-Site", "cross-site")
			anna.post(path, c.form...).shows(t, http.StatusForbidden, "Could Not Accept")
			anna.header.Del("Sec-Fetch-Site")
			query := url.Values{}
			for i := 0; i+1 < len(c.form); i += 2 {
				query.Set(c.form[i], c.form[i+1])
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				r, err := http.NewRequest(method, w.url+path+"?"+query.Encode(), nil)
				must(t, err)
				anna.do(r)
			}
			unchanged("from another site, and by GET")
			if n := w.count(anna.user.ID, c.event); c.event != storage.SessionEnded && n != 0 {
				t.Errorf("%d events of what did not happen", n)
			}

			// With everything, as the page does it.
			mails := len(w.mails(anna.user))
			done := anna.follow(anna.post(path, c.form...))
			done.shows(t, http.StatusOK, "Your Account", c.done)
			if w.state(anna.user) == before {
				t.Error("nothing changed")
			}
			if w.count(anna.user.ID, c.event) == 0 {
				t.Errorf("no event %s", c.event)
			}
			// N-18: the person is told, and how to say that it was somebody else.
			if n := len(w.mails(anna.user)); n != mails+1 {
				t.Fatalf("%d mails", n-mails)
			}
			mail, link := w.lastMail(anna.user)
			if link == "" || !strings.Contains(strings.ToLower(mail.Subject+mail.Text), c.mail) {
				t.Errorf("the mail is %q: %s", mail.Subject, mail.Text)
			}
		})
	}
}

// leads fails unless the page sends the browser to an address that begins so.
func (p page) leads(t *testing.T, to string) {
	t.Helper()
	if at := p.header.Get("Location"); p.status != http.StatusSeeOther || !strings.HasPrefix(at, to) {
		t.Fatalf("%s: %d to %q, want %s", p.path, p.status, at, to)
	}
}

// otherSession is a live session of a person that is not the browser's own.
func (w *world) otherSession(r resident) string {
	w.t.Helper()
	p := r.get("/account")
	p.shows(w.t, http.StatusOK, "Your Account")
	m := regexp.MustCompile(`/account/sessions/([0-9a-f-]{36})`).FindStringSubmatch(p.body)
	if m == nil {
		w.t.Fatalf("no other session: %s", tags.ReplaceAllString(p.body, ""))
	}
	return m[1]
}

func optional() login.Policy {
	p := preset("standard")
	p.MFA = login.Optional
	return p
}

// T-13: what adds or replaces a factor is begun, and finished, by who proves a factor that there is.
// TestT13_MailCodeChangesNothing: whoever has the password and reads the mailbox can sign in where the
// policy lets a code be mailed, and can take nothing better away.
func TestT13_MailCodeChangesNothing(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	app := w.enrollment(anna.user, factors.TOTP)
	thief := w.browser()
	p := thief.byMail(thief.password(thief.begin(login.Demand{}), w.verified(anna.user)))
	thief.follow(thief.post(p.on("challenge"), "code", w.mailed(anna.user))).is(t, "user", anna.user.ID)
	p = thief.follow(thief.post("/account/factors/" + app.ID + "/remove"))
	p.shows(t, http.StatusOK, "Verify Your Identity")
	thief.get(p.on("method")).shows(t, http.StatusOK, "Recovery code", "This alone is not enough")
	if !w.has(anna.user, app.ID) {
		t.Error("the app was removed")
	}
}

func TestT13_AddingNeedsAFactorThatThereIs(t *testing.T) {
	for _, c := range []struct{ name, path, shows string }{
		{"enroll", "/account/add/totp", "Add an Authenticator App"},
		{"regenerate", "/account/recovery", "Get a new recovery code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("lakeside", optional())
			anna := w.resident("anna", "lakeside")
			before := w.state(anna.user)
			w.pass(10 * time.Minute)
			p := anna.follow(anna.get(c.path))
			p.shows(t, http.StatusOK, "Enter Your Password")
			p = anna.follow(anna.post(p.on("password"), "password", secretWord))
			p.shows(t, http.StatusOK, "Verify Your Identity")
			for _, step := range []string{"enroll", "recovery", "later", "name", "never"} {
				anna.post(p.on(step), "code", "123456", "confirmed", "true", "name", "mine").leads(t, p.on(""))
			}
			w.browser().post(c.path)
			if now := w.state(anna.user); now != before {
				t.Fatalf("%s became %s", before, now)
			}
			p = anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed)))
			p.shows(t, http.StatusOK, c.shows)
			if now := w.state(anna.user); now != before {
				t.Fatalf("looking at it: %s became %s", before, now)
			}
		})
	}
}

// Who proved a password while there was no factor does not add one to those that came meanwhile.
func TestT13_AddBegunBeforeTheFirstFactor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	anna := w.person("anna")
	thief, owner := w.browser(), w.browser()
	p := thief.password(thief.follow(thief.get("/account/add/totp")), anna)
	p.shows(t, http.StatusOK, "Add an Authenticator App")
	seed := p.seed(t)

	q := owner.password(owner.follow(owner.get("/account/add/totp")), anna)
	owner.follow(owner.post(q.on("enroll"), "code", w.app(q.seed(t)))).shows(t, http.StatusOK, "Almost There!")

	thief.follow(thief.post(p.on("enroll"), "code", w.app(seed))).shows(t, http.StatusOK, "Verify Your Identity")
	if n := w.apps(anna); n != 1 {
		t.Errorf("%d apps", n)
	}
}

// elsewhere has something happen before a factor is kept.
type elsewhere struct {
	*sqldb.DB
	before *func()
}

func (e elsewhere) EnrollFirst(ctx context.Context, f factors.Enrollment, on login.Grounds, trail storage.Trail) error {
	(*e.before)()
	return e.DB.EnrollFirst(ctx, f, on, trail)
}

func (e elsewhere) AddEnrollment(ctx context.Context, f factors.Enrollment, on login.Grounds, replace bool, trail storage.Trail) error {
	(*e.before)()
	return e.DB.AddEnrollment(ctx, f, on, replace, trail)
}

// T-13, T-14: of who knows the password alone, none is added to a factor that came at that very moment.
func TestT13_T14_AddedAtTheMomentOfTheFirst(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		var before func()
		w := newWorld(t, dsn, func(c *login.Config) {
			store := elsewhere{c.Enrollments.(*sqldb.DB), &before}
			c.Enrollments, c.Additions = store, store
		})
		w.org("lakeside", optional())
		u := w.person("anna", "lakeside")
		b := w.browser()
		b.password(b.begin(login.Demand{}), u).is(t, "user", u.ID)
		p := b.follow(b.get("/account/add/totp"))
		seed := p.seed(t)
		before = func() {
			must(t, w.db.EnrollFirst(t.Context(), factors.Enrollment{
				ID: "019a0000-0000-7000-8000-000000000001", UserID: u.ID, Kind: factors.TOTP, Secret: []byte("x"), Confirmed: w.now(), Created: w.now(),
			}, w.user(u).Grounds(), storage.Trail{}))
		}
		b.follow(b.post(p.on("enroll"), "code", w.app(seed))).shows(t, http.StatusOK, "Verify Your Identity")
		if n := w.apps(u); n != 1 {
			t.Errorf("%d apps", n)
		}
	})
}

// T-13, T-50: what makes a proof worthless at the very moment at which something is set up by it.
func TestT13_T50_NothingIsSetUpOnWhatIsOver(t *testing.T) {
	for name, end := range map[string]struct {
		does func(w *world, u login.User)
		then string
	}{
		"another password": {func(w *world, u login.User) {
			must(w.t, w.db.SetPassword(w.t.Context(), u.ID, "another", w.now(), storage.Trail{}))
		}, "Enter Your Password"},
		"disabled": {func(w *world, u login.User) {
			must(w.t, w.db.DisableUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
		}, "This Account Is Disabled"},
		"reset": {func(w *world, u login.User) {
			_, err := w.db.ResetFactors(w.t.Context(), u.ID, w.now(), storage.Trail{})
			must(w.t, err)
		}, "Enter Your Password"},
	} {
		for how, begin := range map[string]func(w *world, b *browser, u login.User) page{
			"the first": func(_ *world, b *browser, u login.User) page { return b.password(b.begin(login.Demand{}), u) },
			"another": func(w *world, b *browser, u login.User) page {
				seed, _, _ := b.setUp(u, login.Demand{})
				w.pass(time.Hour)
				p := b.password(b.follow(b.get("/account/add/totp")), u)
				return b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
			},
		} {
			t.Run(name+", "+how, func(t *testing.T) {
				before := func() {}
				w := newWorld(t, sqlite(t), func(c *login.Config) {
					store := elsewhere{c.Enrollments.(*sqldb.DB), &before}
					c.Enrollments, c.Additions = store, store
				})
				w.org("riverside", preset("standard"))
				u := w.person("anna", "riverside")
				b := w.browser()
				p := begin(w, b, u)
				seed, had := p.seed(t), w.count(u.ID, storage.Enrolled)
				before = func() { w.pass(time.Second); end.does(w, u) }
				got := b.follow(b.post(p.on("enroll"), "code", w.app(seed)))
				if !got.has(end.then) || got.has("as many") {
					t.Errorf("%d: want %q", got.status, end.then)
				}
				if n := w.count(u.ID, storage.Enrolled); n != had {
					t.Errorf("%d were set up on a proof that is worth nothing any more", n-had)
				}
			})
		}
	}
}

// T-50: what has come meanwhile and is no matter keeps nobody from setting up one more.
func TestT50_SetUpBesideWhatCame(t *testing.T) {
	before := func() {}
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		store := elsewhere{c.Enrollments.(*sqldb.DB), &before}
		c.Enrollments, c.Additions = store, store
	})
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	p := anna.follow(anna.get("/account/add/totp"))
	seed := p.seed(t)
	before = func() { before = func() {}; w.enrolls(anna.user, factors.TOTP) }
	anna.follow(anna.post(p.on("enroll"), "code", w.app(seed))).shows(t, http.StatusOK, "Your Account")
	if n := w.apps(anna.user); n != 3 {
		t.Errorf("%d apps", n)
	}

	p = anna.follow(anna.get("/account/add/totp"))
	seed = p.seed(t)
	before = func() {
		before = func() {}
		for range login.MaxOfKind - 3 {
			w.enrolls(anna.user, factors.TOTP)
		}
	}
	anna.post(p.on("enroll"), "code", w.app(seed)).shows(t, http.StatusUnprocessableEntity, "as many")
	if n := w.apps(anna.user); n != login.MaxOfKind {
		t.Errorf("%d apps", n)
	}
}

func TestNewRecoveryCode(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	old := w.enrollment(anna.user, factors.Recovery)
	for range 3 { // by GET nothing is lost
		anna.get("/account/recovery").shows(t, http.StatusOK, "until you say that you have recorded the new one")
	}
	if w.enrollment(anna.user, factors.Recovery).ID != old.ID {
		t.Fatal("looking replaced the code")
	}
	p := anna.follow(anna.post("/account/recovery"))
	p.shows(t, http.StatusOK, "Your New Recovery Code", "The code that you had before works until you say below")
	code := p.recoveryCode(t)
	anna.follow(anna.post(p.on("recovery"), "confirmed", "true")).shows(t, http.StatusOK, "Your Account", "new recovery code")
	if _, link := w.lastMail(anna.user); link == "" {
		t.Error("the person was not told")
	}
	b := w.browser()
	for _, c := range []struct {
		code   string
		status int
	}{{anna.recovery, http.StatusUnprocessableEntity}, {code, http.StatusSeeOther}} {
		p := b.password(b.begin(login.Demand{}), anna.user)
		p = b.follow(b.post(p.on("method"), "method", "recovery"))
		if got := b.post(p.on("challenge"), "code", c.code); got.status != c.status {
			t.Errorf("status %d, want %d", got.status, c.status)
		}
	}
}

func TestW12_LastFactorStays(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	only := w.enrollment(anna.user, factors.TOTP)
	anna.get("/account/factors/"+only.ID).shows(t, http.StatusOK, "this is the only one you have")
	anna.post("/account/factors/"+only.ID+"/remove").shows(t, http.StatusConflict, "this is the only one you have")
	if !w.has(anna.user, only.ID) || w.count(anna.user.ID, storage.FactorRemoved) != 0 {
		t.Fatal("the last factor was removed")
	}
	recovery := w.enrollment(anna.user, factors.Recovery) // it has no page
	anna.get("/account/factors/"+recovery.ID).shows(t, http.StatusNotFound, "It Is Not There")
	anna.post("/account/factors/"+recovery.ID+"/remove").shows(t, http.StatusNotFound)

	// With another one it can.
	added := anna.addApp()
	anna.get("/account/factors/"+only.ID).shows(t, http.StatusOK, "Codes from this app will stop working")
	anna.follow(anna.post("/account/factors/"+added.ID+"/remove")).shows(t, http.StatusOK, "was removed")
	if w.has(anna.user, added.ID) {
		t.Error("it is still there")
	}
	anna.post("/account/factors/"+added.ID+"/remove").shows(t, http.StatusNotFound, "It Is Not There")
}

// Two apps have two names, and it is said that the recovery code goes with the last one.
func TestRemoveTheRecoveryCodeWithTheLastFactor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	optional := preset("standard")
	optional.MFA = login.Optional
	w.setPolicy("riverside", optional)
	first, second := w.enrollment(anna.user, factors.TOTP), anna.addApp()
	third := anna.addApp()
	if first.Name != "Authenticator app" || second.Name != "Authenticator app 2" || third.Name != "Authenticator app 3" {
		t.Errorf("names %q, %q and %q", first.Name, second.Name, third.Name)
	}
	const too, alone = "Your recovery code is removed with it", "From then on your password alone opens your account"
	for _, e := range []factors.Enrollment{third, first} {
		p := anna.get("/account/factors/" + e.ID)
		p.shows(t, http.StatusOK, "will stop working")
		for _, words := range []string{too, alone} {
			if strings.Contains(p.body, words) {
				t.Errorf("%s: %q", e.Name, words)
			}
		}
		anna.follow(anna.post("/account/factors/"+e.ID+"/remove")).shows(t, http.StatusOK, "The authenticator app was removed from your account.")
	}
	anna.get("/account/factors/"+second.ID).shows(t, http.StatusOK, "will stop working", too, alone)
	p := anna.follow(anna.post("/account/factors/" + second.ID + "/remove"))
	p.shows(t, http.StatusOK, "and your recovery code with it")
	if mail, _ := w.lastMail(anna.user); !strings.Contains(mail.Text, "Your recovery code went with it") {
		t.Errorf("the mail says %s", mail.Text)
	}
	if left := w.enrolled(anna.user); len(left) != 0 {
		t.Errorf("left: %+v", left)
	}
}

func TestW12_TwoTabsRemoveTheLastTwo(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		for i := range 5 {
			anna := w.resident(fmt.Sprintf("anna%d", i), "riverside")
			one, other := w.enrollment(anna.user, factors.TOTP), anna.addApp()
			anna.renew()
			answers := parallel(2, func(i int) page {
				return anna.post("/account/factors/" + []string{one.ID, other.ID}[i] + "/remove")
			})
			left := w.apps(anna.user)
			if left != 1 || w.count(anna.user.ID, storage.FactorRemoved) != 1 {
				t.Fatalf("%d factors are left, %d removals; answers %d and %d", left, w.count(anna.user.ID, storage.FactorRemoved), answers[0].status, answers[1].status)
			}
		}
	})
}

func TestRemoveEndsOthersOnWish(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	for _, c := range []struct {
		form []string
		live int
	}{{nil, 2}, {[]string{"others", "true"}, 1}} {
		anna := w.resident(fmt.Sprintf("anna%d", c.live), "lakeside")
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), anna.user)
		b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
		anna.renew()
		anna.post("/account/factors/"+w.enrollment(anna.user, factors.TOTP).ID+"/remove", c.form...).leads(t, "/account?done=removed.totp.recovery")
		sessions, err := w.db.SessionsOf(t.Context(), anna.user.ID)
		must(t, err)
		if len(sessions) != c.live {
			t.Errorf("%v: %d sessions, want %d", c.form, len(sessions), c.live)
		}
	}
}

// Who takes the last factor away starts over, and is not asked for a recovery code that stands in for
// nothing.
func TestRemoveTheLastAndAddAnother(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.resident("anna", "lakeside")
	anna.follow(anna.post("/account/factors/"+w.enrollment(anna.user, factors.TOTP).ID+"/remove")).shows(t, http.StatusOK, "was removed")
	if left := w.enrolled(anna.user); len(left) != 0 {
		t.Errorf("%d are left", len(left))
	}
	p := anna.follow(anna.get("/account/add/totp"))
	anna.follow(anna.post(p.on("enroll"), "code", w.app(p.seed(t)))).shows(t, http.StatusOK, "Almost There!")
}

func TestTwoTabsChangeThePassword(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		anna := w.resident("anna", "riverside")
		answers := parallel(4, func(i int) page {
			return anna.post("/account/password", "current", secretWord, "password", fmt.Sprintf("%s %d", newWord, i))
		})
		for _, p := range answers {
			if p.status == http.StatusUnprocessableEntity { // it came when there was another password already
				p.shows(t, p.status, "current password is not right")
				continue
			}
			p.leads(t, "/")
		}
		if n := w.count(anna.user.ID, storage.PasswordChanged); n != 1 {
			t.Errorf("%d changed it", n)
		}
		anna.get("/account").shows(t, http.StatusOK, "Your Account")
	})
}

func TestN20_PasswordChangeRenewsTheSession(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	other := w.browser()
	p := other.password(other.begin(login.Demand{}), anna.user)
	other.follow(other.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
	anna.renew()
	for _, weak := range []struct{ password, says string }{
		{"", "Enter a new password"}, {"short", "too short"}, {"vsee vsee vsee!", "too"},
	} {
		anna.post("/account/password", "current", secretWord, "password", weak.password).shows(t, http.StatusUnprocessableEntity, "Choose a New Password", weak.says)
	}
	old := anna.cookie("vseeid-session")
	changed := anna.post("/account/password", "current", secretWord, "password", newWord)
	changed.leads(t, "/account?done=password")
	if now := anna.cookie("vseeid-session"); now == old || now == "" {
		t.Error("the cookie was not rotated")
	}
	var set string
	for _, c := range changed.header.Values("Set-Cookie") {
		if strings.HasPrefix(c, "vseeid-session=") {
			set = c
		}
	}
	if !strings.Contains(set, "HttpOnly") || !strings.Contains(set, "SameSite=Lax") {
		t.Errorf("the cookie is %q", set)
	}
	thief := w.browser()
	thief.keep("vseeid-session", old)
	thief.get("/account").leads(t, "/u/login/")
	other.get("/account").leads(t, "/u/login/")
	anna.get("/account").shows(t, http.StatusOK, "Your Account")
	// The proofs are as fresh as before.
	anna.post("/account/password", "current", newWord, "password", newWord).shows(t, http.StatusUnprocessableEntity, "the password you have now")
	anna.begin(login.Demand{Silent: true}).is(t, "user", anna.user.ID, "amr", "mfa otp pwd")

	p = other.begin(login.Demand{Fresh: true, Select: true})
	p = other.follow(other.post(p.on("identifier"), "email", anna.user.Email))
	other.post(p.on("password"), "password", secretWord).shows(t, http.StatusUnprocessableEntity, "not right")
	other.follow(other.post(p.on("password"), "password", newWord)).shows(t, http.StatusOK, "Verify Your Identity")

	anna.get("/account/signout").shows(t, http.StatusOK, "Sign Out?")
	anna.post("/account/signout").shows(t, http.StatusOK, "Signed Out")
	if anna.cookie("vseeid-session") != "" {
		t.Error("the cookie is still there")
	}
	anna.get("/account").leads(t, "/u/login/")
}

// T-16: no page and no field of the account changes the address.
func TestT16_AccountCannotChangeTheAddress(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	for _, path := range []string{"/account", "/account/email", "/account/address", "/account/default", "/account/password", "/account/factors/" + w.enrollment(anna.user, factors.TOTP).ID} {
		anna.renew()
		anna.post(path, "email", "mallory@example.com", "address", "mallory@example.com", "name", "My phone", "current", secretWord, "password", newWord, "method", "")
	}
	now := w.user(anna.user)
	if now.Email != anna.user.Email || now.EmailVerified != anna.user.EmailVerified {
		t.Errorf("the address is %s", now.Email)
	}
}

func TestAccountShowsWhatThereIs(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	b := w.browser()
	b.header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1")
	b.header.Set("X-Test-IP", "203.0.113.7")
	p := b.begin(login.Demand{})
	p = b.follow(b.post(p.on("identifier"), "email", anna.user.Email))
	b.post(p.on("password"), "password", "wrong").shows(t, http.StatusUnprocessableEntity)
	p = b.follow(b.post(p.on("password"), "password", secretWord))
	b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)

	p = anna.get("/account")
	p.shows(t, http.StatusOK, "Your Account", anna.user.Email, "RIVERSIDE", "Authenticator apps", "You have a recovery code",
		"Safari on an iPhone", "203.0.113.7", "This browser", "Sign out everywhere else",
		"Signed in", "A wrong password was entered", "An authenticator app was added")
	if strings.Contains(p.body, "password_hash") || strings.Contains(p.body, seedBytes(t, anna.seed)) || strings.Contains(p.body, anna.seed) {
		t.Error("the page shows a secret")
	}
	// What a stranger writes into the address is not said.
	anna.get("/account?done=%3Cb%3Ehello").shows(t, http.StatusOK, "Your Account")
	if strings.Contains(anna.get("/account?done=hello").body, "hello") {
		t.Error("the page repeats the address")
	}
	// A look is a use of the session.
	w.pass(20 * time.Hour)
	anna.get("/account").leads(t, "/u/login/") // the proofs are too old for the organization, the session is not
}

func TestAccountIsAUseOfTheSession(t *testing.T) {
	w := newWorld(t, sqlite(t))
	anna := w.person("anna")
	b := w.browser()
	b.password(b.follow(b.get("/account")), anna).shows(t, http.StatusOK, "Your Account")
	for range 5 { // idle is a day
		w.pass(20 * time.Hour)
		b.get("/account").shows(t, http.StatusOK, "Your Account")
	}
	w.pass(25 * time.Hour)
	b.get("/account").leads(t, "/u/login/")
}

func TestAccountWithoutAFactor(t *testing.T) {
	off := preset("off")
	for _, c := range []struct {
		name   string
		policy *login.Policy
		adds   bool
	}{{"no organization", nil, true}, {"off", &off, false}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			var orgs []string
			if c.policy != nil {
				w.org("lakeside", *c.policy)
				orgs = append(orgs, "lakeside")
			}
			anna := w.verified(w.person("anna", orgs...))
			b := w.browser()
			p := b.password(b.follow(b.get("/account")), anna)
			p.shows(t, http.StatusOK, "Your Account")
			b.follow(b.post("/account/password", "current", secretWord, "password", newWord)).shows(t, http.StatusOK, "password was changed")
			w.pass(6 * time.Minute)
			p = b.follow(b.get("/account/add/totp"))
			p.shows(t, http.StatusOK, "Enter Your Password")
			p = b.follow(b.post(p.on("password"), "password", newWord))
			if !c.adds {
				p.shows(t, http.StatusNotFound, "It Is Not There")
				return
			}
			p.shows(t, http.StatusOK, "Add an Authenticator App")
			b.follow(b.post(p.on("cancel"))).shows(t, http.StatusOK, "Your Account")
			p = b.follow(b.get("/account/add/totp"))
			p = b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
			p.shows(t, http.StatusOK, "Almost There!")
			b.follow(b.post(p.on("later"))).shows(t, http.StatusOK, "Your Account")
			if n := w.apps(anna); n != 1 {
				t.Errorf("%d apps", n)
			}
			if _, link := w.lastMail(anna); link == "" {
				t.Error("nobody was told")
			}
		})
	}
}

// Under a policy that demands one, a first factor is set up once, not a second time because it was
// asked for.
func TestAddWhereAFirstIsDemanded(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.follow(b.get("/account/add/totp")), anna)
	p.shows(t, http.StatusOK, "Secure Your Account")
	p = b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
	if strings.Contains(p.body, "Almost There!") {
		p = b.follow(b.post(p.on("later")))
	}
	p.shows(t, http.StatusOK)
	if n := w.apps(anna); n != 1 {
		t.Errorf("%d apps", n)
	}
}

func TestAccountAfterTheOrganizationIsGone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("strict"))
	anna := w.resident("anna", "riverside")
	must(t, w.db.DeleteOrg(t.Context(), "riverside", w.now(), storage.Trail{}))
	p := anna.get("/account")
	p.shows(t, http.StatusOK, "Your Account")
	if strings.Contains(p.body, "RIVERSIDE") {
		t.Error("the organization is still there")
	}
	anna.follow(anna.post("/account/factors/"+w.enrollment(anna.user, factors.TOTP).ID+"/remove")).shows(t, http.StatusOK, "was removed")
}

// A sign-in for the account that is left leads to the account, or to words, and never to an app.
func TestAccountSignInIsLeft(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	w.pass(10 * time.Minute)
	p := anna.follow(anna.get("/account/password"))
	p.shows(t, http.StatusOK, "Enter Your Password")
	anna.follow(anna.post(p.on("cancel"))).shows(t, http.StatusOK, "Your Account")
	anna.get(p.on("")).shows(t, http.StatusGone, "Already Finished", "Start again")
	if !strings.Contains(anna.get(p.on("")).body, `href="/account/password"`) {
		t.Error("the page does not lead back")
	}

	b := w.browser()
	p = b.follow(b.get("/account/password"))
	p.shows(t, http.StatusOK, "SIGN IN")
	w.browser().get(p.on("")).shows(t, http.StatusForbidden, "Another Browser", "Start again")
	left := b.follow(b.post(p.on("cancel")))
	left.shows(t, http.StatusOK, "You Are Not Signed In", "Sign in")
	if len(w.results()) != 1 {
		t.Errorf("%d answers to apps", len(w.results()))
	}
}

// Another account in the middle of it is another account's page.
func TestAccountSwitchedInTheMiddle(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna, bert := w.resident("anna", "lakeside"), w.person("bert")
	target := w.enrollment(anna.user, factors.TOTP)
	w.pass(10 * time.Minute)
	p := anna.follow(anna.get("/account/factors/" + target.ID))
	p = anna.follow(anna.post(p.on("password"), "password", secretWord))
	p.shows(t, http.StatusOK, "Verify Your Identity")
	p = anna.password(anna.follow(anna.post(p.on("switch"))), bert)
	p.shows(t, http.StatusNotFound, "It Is Not There")

	p = anna.follow(anna.get("/account/add/totp")) // fresh: bert has no factor
	p.shows(t, http.StatusOK, "Add an Authenticator App")
	p = anna.password(anna.follow(anna.post(p.on("switch"))), anna.user)
	p.shows(t, http.StatusOK, "Verify Your Identity")
	p = anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed)))
	p.shows(t, http.StatusOK, "Your Account")
	if n := len(w.enrolled(anna.user)); n != 2 {
		t.Errorf("%d factors", n)
	}
}

func TestDefaultIsOneOfTheChoices(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.resident("anna", "lakeside")
	for _, kind := range []string{"recovery", "passkey", "sms", "password"} {
		anna.post("/account/default", "method", kind).leads(t, "/account/default")
	}
	if d := w.user(anna.user).Default; d != "" {
		t.Errorf("the default is %s", d)
	}
	anna.post("/account/default", "method", "totp").leads(t, "/account?done=default")
	if d := w.user(anna.user).Default; d != factors.TOTP {
		t.Errorf("the default is %q", d)
	}
	anna.post("/account/default", "method", "").leads(t, "/account?done=default")
	if d := w.user(anna.user).Default; d != "" {
		t.Errorf("the default is %s", d)
	}
}

func TestRenameTakesOneLine(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.resident("anna", "lakeside")
	path := "/account/factors/" + w.enrollment(anna.user, factors.TOTP).ID
	for typed, says := range map[string]string{"": "Enter a name", " \t\n": "Enter a name", "\x00\x1b": "Enter a name", strings.Repeat("x", 65): "too long"} {
		anna.post(path, "name", typed).shows(t, http.StatusUnprocessableEntity, says)
	}
	anna.post(path, "name", "  Anna’s\r\n <b>old</b>  phone \x00").leads(t, "/account?done=renamed")
	if got := w.enrollment(anna.user, factors.TOTP).Name; got != "Anna’s <b>old</b> phone" {
		t.Errorf("the name is %q", got)
	}
	p := anna.get("/account")
	p.shows(t, http.StatusOK, "Anna’s")
	if strings.Contains(p.body, "<b>old") {
		t.Error("a name is markup")
	}
}

func TestManyFactorsOfOneKind(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.resident("anna", "lakeside")
	for i := range login.MaxOfKind - 1 {
		e := factors.Enrollment{ID: fmt.Sprintf("019a0000-0000-7000-8000-%012d", i), UserID: anna.user.ID, Kind: factors.TOTP, Secret: []byte("x"), Confirmed: w.now(), Created: w.now()}
		must(t, w.db.AddEnrollment(t.Context(), e, w.user(anna.user).Grounds(), false, storage.Trail{}))
	}
	anna.get("/account/add/totp").shows(t, http.StatusConflict, "as many of these")
	if strings.Contains(anna.get("/account").body, `href="/account/add/totp"`) {
		t.Error("the page offers one more")
	}
	anna.get("/account/add/recovery").shows(t, http.StatusNotFound)
	anna.get("/account/add/email").shows(t, http.StatusNotFound)
}

// T-54: on a browser that many use, somebody makes a passkey in the account of who is signed in there.
func TestT54_PlantedPasskeyIsSeenAndRemoved(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	shared := &device{browser: anna.browser, keys: w.phone().keys}
	shared.can = everything
	p := anna.follow(anna.get("/account/add/passkey"))
	p.shows(t, http.StatusOK)
	p = shared.follow(shared.make(p))
	p.shows(t, http.StatusOK, "Device registration successful")
	shared.follow(shared.post(p.on("name"), "name", "Front desk")).shows(t, http.StatusOK, "Your Account", "The passkey was added to your account.")
	planted := w.enrollment(anna.user, factors.Passkey)

	// Its owner is told, sees it, and removes it.
	mail, link := w.lastMail(anna.user)
	if link == "" || !strings.Contains(mail.Subject, "passkey") {
		t.Errorf("the mail is %q", mail.Subject)
	}
	owner := resident{browser: w.browser(), user: anna.user, seed: anna.seed}
	p = owner.password(owner.follow(owner.get("/account")), anna.user)
	p = owner.follow(owner.post(p.on("challenge"), "code", w.app(anna.seed)))
	p.shows(t, http.StatusOK, "Your Account", "Front desk", "A passkey was added")
	if !p.has("data-signal") {
		t.Error("the browser is not told which passkeys there are")
	}
	owner.follow(owner.post("/account/factors/"+planted.ID+"/remove", "others", "true")).shows(t, http.StatusOK, "was removed", "A passkey was removed")
	anna.get("/account").leads(t, "/u/login/")

	// It opens nothing any more.
	p = shared.begin(login.Demand{Fresh: true, Select: true})
	refused := shared.use(p)
	refused.shows(t, http.StatusUnprocessableEntity)
	if len(w.results()) != 1 {
		t.Errorf("%d sign-ins", len(w.results()))
	}
}

// A passkey as the first factor is set up from the account page once, and used.
func TestAddPasskeyAsTheFirstFactor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	anna := w.person("anna")
	phone := w.phone()
	p := phone.password(phone.follow(phone.get("/account/add/passkey")), anna)
	p = phone.follow(phone.make(p))
	for range 5 {
		switch {
		case strings.HasPrefix(p.path, "/account"):
		case p.has("Device registration successful"):
			p = phone.follow(phone.post(p.on("name"), "name", "Anna's phone"))
		case p.has("data-ceremony=\"get\""):
			p = phone.follow(phone.use(p))
		default:
			p = phone.follow(phone.post(p.on("later")))
		}
	}
	p.shows(t, http.StatusOK, "Your Account", "Anna's phone")
	if n := len(slices.DeleteFunc(w.enrolled(anna), func(e factors.Enrollment) bool { return e.Kind != factors.Passkey })); n != 1 {
		t.Errorf("%d passkeys", n)
	}
}

func TestTrustIsAskedAgain(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna, phone := w.person("anna", "riverside"), w.phone()
	_, _, p := phone.setUp(anna, login.Demand{})
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	phone.follow(phone.post(p.on("never"))).is(t, "user", anna.ID)
	page := phone.get("/account")
	page.shows(t, http.StatusOK, "You chose not to log in faster")
	mails := len(w.mails(anna))
	phone.follow(phone.post("/account/trust")).shows(t, http.StatusOK, "We will ask you again")
	if p := phone.get("/account"); p.has("You chose not to log in faster") || len(w.mails(anna)) != mails {
		t.Error("it is still refused, or somebody was told of nothing")
	}
}

// Every page of the account works without a script: its forms are forms, and what it links to answers.
func TestAccountWithoutAScript(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", optional())
	anna := w.resident("anna", "lakeside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), anna.user)
	b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
	anna.renew()
	seen := map[string]bool{}
	for queue := []string{"/account"}; len(queue) > 0; queue = queue[1:] {
		p := anna.follow(anna.get(queue[0]))
		p.shows(t, http.StatusOK)
		for _, m := range regexp.MustCompile(`href="(/account[^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			if !seen[m[1]] {
				seen[m[1]] = true
				queue = append(queue, m[1])
			}
		}
	}
	if len(seen) < 7 {
		t.Errorf("the account leads to %v", slices.Collect(maps.Keys(seen)))
	}
}

// T-40: who was signed out everywhere else does not come in by a sign-in that was half done, but by proving
// it again. In the browser that stays signed in, what is half done goes on.
func TestT40_SignedOutOfWhatIsHalfDone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	other := w.phone()
	p := other.password(other.begin(login.Demand{}), anna.user)
	p = other.follow(other.post(p.on("challenge"), "code", w.app(anna.seed)))
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	w.pass(time.Minute)
	anna.renew()
	half := anna.begin(login.Demand{Fresh: true})
	half = anna.follow(anna.post(half.on("password"), "password", secretWord))
	half.shows(t, http.StatusOK, "Verify Your Identity")
	w.pass(time.Second)
	anna.follow(anna.post("/account/sessions/others")).shows(t, http.StatusOK, "Your Account")
	before := len(w.results())
	p = other.follow(other.post(p.on("later")))
	p.shows(t, http.StatusOK, "Enter Your Password")
	if len(w.results()) != before || other.cookie("vseeid-session") != "" {
		t.Fatal("who was signed out everywhere else came in without any proof")
	}
	w.pass(30 * time.Second)
	p = other.follow(other.post(p.on("password"), "password", secretWord))
	p = other.follow(other.post(p.on("challenge"), "code", w.app(anna.seed)))
	other.follow(other.post(p.on("later"))).is(t, "user", anna.user.ID)
	w.pass(30 * time.Second)
	anna.follow(anna.post(half.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
}

// T-41, P-47: a device that is signed out on the account page has to sign in again, as that page says, also
// for what would go on without a session. An app that signs out leaves what goes on without one.
func TestT41_P47_DeviceIsSignedOut(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	must(t, w.db.CreateClient(t.Context(), op.Client{ID: "app", Name: "App", AuthMethod: op.AuthNone, Created: w.now(), Updated: w.now()}, storage.Trail{}))
	signsIn := func(id string) (*browser, login.Result) {
		b := w.browser()
		w.pass(30 * time.Second)
		p := b.password(b.begin(login.Demand{}), anna.user)
		b.follow(b.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID)
		r := w.results()[len(w.results())-1]
		w.keepGrant(id, r, true)
		return b, r
	}
	revoked := func(id string) bool {
		g, err := w.db.Grant(t.Context(), id)
		must(t, err)
		return !g.Revoked.IsZero()
	}
	_, r := signsIn("lost")
	itself, _ := signsIn("leaves")
	w.pass(30 * time.Second)
	anna.renew()
	anna.get("/account/sessions/"+r.SessionID).shows(t, http.StatusOK, "Whoever uses it has to sign in again")
	anna.follow(anna.post("/account/sessions/"+r.SessionID)).shows(t, http.StatusOK, "Your Account")
	itself.post("/logout")
	if !revoked("lost") || revoked("leaves") {
		t.Errorf("revoked: of the device that was signed out %v, of the app that signed out %v", revoked("lost"), revoked("leaves"))
	}
}

// The account page says what the organization of the person has to do with it.
func TestAccountWhereNobodyIsAskedForASecondStep(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", preset("standard", func(p *login.Policy) { p.MFA = login.Off }))
	u, b := w.person("sam", "lakeside"), w.browser()
	p := b.password(b.follow(b.get("/account")), u)
	p.shows(t, http.StatusOK, "LAKESIDE does not use a second step.")
	if strings.Contains(p.body, "decides which") {
		t.Error("it decides nothing")
	}
}

// T-12: beside what is new under the policy stands until when, and nowhere else.
func TestT12_AccountShowsWhatIsHeld(t *testing.T) {
	const held = "New: some things in your apps open with it from"
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	if p := anna.get("/account"); strings.Contains(p.body, held) {
		t.Error("the policy holds nothing")
	}
	w.setPolicy("riverside", preset("standard", func(p *login.Policy) {
		p.Hold = login.Hold{For: login.Duration(time.Hour), Scopes: []string{"prescriptions"}}
	}))
	anna.get("/account").shows(t, http.StatusOK, held, "24 November 2026, 13:00 UTC")
	w.pass(10 * time.Minute)
	anna.get("/account/factors/"+w.enrollment(anna.user, factors.TOTP).ID).leads(t, "/u/login/")
	w.pass(50 * time.Minute)
	if p := anna.get("/account"); strings.Contains(p.body, held) {
		t.Error("it is new no more")
	}
}

// Who came to change the account wants to open nothing.
func TestMissingSaysWhatItIsNotEnoughFor(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna := w.resident("anna", "riverside")
	w.pass(10 * time.Minute)
	p := anna.follow(anna.get("/account/default"))
	p = anna.follow(anna.post(p.on("password"), "password", secretWord))
	anna.get(p.on("method")).shows(t, http.StatusOK, "This alone is not enough to change your account.")
	anna.follow(anna.post(p.on("challenge"), "code", w.app(anna.seed))).
		shows(t, http.StatusOK, "The usual order is: a passkey that this browser knows")
}
