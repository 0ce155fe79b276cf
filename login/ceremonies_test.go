package login_test

import (
	"html"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// everything is what the script of a new phone finds.
const everything = "passkey platform signal"

// device is a browser with a script, and the authenticator behind it.
func (w *world) device(a *passkeytest.Authenticator) *device {
	b := w.browser()
	b.can = everything
	return &device{browser: b, keys: a}
}

// phone is a device that verifies its user and keeps its passkeys to itself.
func (w *world) phone() *device { return w.device(passkeytest.New(origin)) }

type device struct {
	*browser
	keys *passkeytest.Authenticator
}

var optionsInPage = regexp.MustCompile(`data-options="([^"]*)"`)

// options are those of the passkey ceremony of a page.
func (p page) options(t *testing.T) []byte {
	t.Helper()
	m := optionsInPage.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s has no passkey ceremony: %s", p.path, tags.ReplaceAllString(p.body, ""))
	}
	return []byte(html.UnescapeString(m[1]))
}

// use answers the ceremony of a page with a passkey, and stays where the answer is.
func (d *device) use(p page) page {
	d.w.t.Helper()
	return d.answer(p, d.assertion(p))
}

// assertion is the answer of a passkey to the ceremony of a page.
func (d *device) assertion(p page) string {
	d.w.t.Helper()
	response, err := d.keys.Get(p.options(d.w.t))
	must(d.w.t, err)
	return string(response)
}

// make answers the ceremony of a page with a new passkey.
func (d *device) make(p page) page {
	d.w.t.Helper()
	response, err := d.keys.Create(p.options(d.w.t))
	must(d.w.t, err)
	return d.answer(p, string(response))
}

func (d *device) answer(p page, response string) page {
	d.w.t.Helper()
	return d.post(p.on("passkey"), "response", response, "attachment", d.keys.Attachment)
}

// trusts signs a person in for the first time, with an authenticator app, a recovery code and a passkey
// of this device.
func (d *device) trusts(u login.User) (seed, code string) {
	d.w.t.Helper()
	seed, code, p := d.setUp(u, login.Demand{})
	p.shows(d.w.t, 200, "Log In Faster on This Device")
	p = d.follow(d.make(p))
	p.shows(d.w.t, 200, "Device registration successful")
	p = d.follow(d.post(p.on("name"), "name", u.Name+"'s phone"))
	p.is(d.w.t, "user", u.ID)
	return seed, code
}

// anew begins where the browser is signed in as nobody, and gives the password.
func (d *device) anew(u login.User) page {
	d.w.t.Helper()
	return d.password(d.nobody(), u)
}

// nobody begins where the browser is signed in as nobody.
func (d *device) nobody() page {
	d.w.t.Helper()
	d.keep("vseeid-session", "")
	return d.begin(login.Demand{})
}

// verified says that a person's mail address is the person's.
func (w *world) verified(u login.User) login.User {
	w.t.Helper()
	have := w.user(u)
	have.EmailVerified, have.Updated = true, w.now()
	must(w.t, w.db.UpdateUser(w.t.Context(), have, storage.Trail{}))
	return w.user(u)
}

var codeInMail = regexp.MustCompile(`\b\d{6}\b`)

// codeMails are the mails with a code to a person, the oldest first.
func (w *world) codeMails(u login.User) []storage.Mail {
	return slices.DeleteFunc(w.mails(u), func(m storage.Mail) bool { return !codeInMail.MatchString(m.Subject) })
}

// mailed is the code of the newest mail to a person.
func (w *world) mailed(u login.User) string {
	w.t.Helper()
	mails := w.codeMails(u)
	if len(mails) == 0 {
		w.t.Fatalf("no code was mailed to %s", u.Name)
	}
	return codeInMail.FindString(mails[len(mails)-1].Subject)
}

// has reports whether a page has what a reader does not see.
func (p page) has(what string) bool { return strings.Contains(html.UnescapeString(p.body), what) }

// TestT13_OneAnswerSetsUpOneApp sends the right code of a new app many times at once, and again after
// that: one app is set up, and whoever sent it is told that it was.
func TestT13_OneAnswerSetsUpOneApp(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("bert", "riverside")
		first := w.browser()
		p := first.password(first.begin(login.Demand{}), u)
		code := w.app(p.seed(t))
		for _, a := range parallel(8, func(int) page { return first.post(p.on("enroll"), "code", code) }) {
			first.follow(a).shows(t, http.StatusOK, "Almost There!")
		}
		if n := w.apps(u); n != 1 || w.count(u.ID, storage.Enrolled) != 1 {
			t.Errorf("%d first apps, %d events", n, w.count(u.ID, storage.Enrolled))
		}

		anna := w.resident("anna", "riverside")
		events := w.count(anna.user.ID, storage.Enrolled)
		p = anna.follow(anna.get("/account/add/totp"))
		code = w.app(p.seed(t))
		for _, a := range parallel(8, func(int) page { return anna.post(p.on("enroll"), "code", code) }) {
			if a.status != http.StatusSeeOther && a.status != http.StatusGone {
				t.Errorf("status %d: %s", a.status, tags.ReplaceAllString(a.body, ""))
			}
		}
		anna.post(p.on("enroll"), "code", code)
		if n := w.apps(anna.user); n != 2 || w.count(anna.user.ID, storage.Enrolled) != events+1 {
			t.Errorf("%d apps, %d more events", n, w.count(anna.user.ID, storage.Enrolled)-events)
		}
	})
}
