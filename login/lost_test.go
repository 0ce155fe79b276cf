package login_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// Who has lost the device, and has the password alone, can say so: everybody is signed out, and the
// person is told. It lets nobody in and takes no factor.
func TestN19_ReportWithThePasswordAlone(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		phone := w.resident("anna", "riverside")
		have := w.enrolled(phone.user)
		grant := phone.begin(login.Demand{})
		grant.is(t, "user", phone.user.ID)
		result := w.results()[len(w.results())-1]
		must(t, w.recheck(t.Context(), result, nil, true))

		b := w.browser()
		p := b.begin(login.Demand{App: login.App{Name: "Clinic"}})
		// Before the first proof nobody can.
		b.get(p.on("lost")).leads(t, p.on(""))
		b.post(p.on("lost")).leads(t, p.on(""))
		p = b.password(p, phone.user)
		mails := len(w.mails(phone.user))
		b.get(p.on("method")).shows(t, http.StatusOK, "I lost my device")
		b.get(p.on("lost")).shows(t, http.StatusOK, "Is a Device of Yours Lost?", "does not let you in here")
		if w.count(phone.user.ID, storage.DeviceLost) != 0 || len(w.mails(phone.user)) != mails {
			t.Fatal("looking did something")
		}
		phone.get("/account").shows(t, http.StatusOK, "Your Account")

		w.pass(time.Minute)
		b.post(p.on("lost")).shows(t, http.StatusOK, "You Are Signed Out Everywhere", "Authenticator app", "Recovery code", "ask the administrator of your organization", "tell them this reference")
		phone.get("/account").leads(t, "/u/login/")
		if b.cookie("vseeid-session") != "" {
			t.Error("it let somebody in")
		}
		if err := w.recheck(t.Context(), result, nil, false); err == nil {
			t.Error("a grant lives on")
		}
		if now := w.enrolled(phone.user); len(now) != len(have) {
			t.Errorf("factors %+v, then %+v", have, now)
		}
		mail, link := w.lastMail(phone.user)
		if link == "" || len(w.mails(phone.user)) != mails+1 || !strings.Contains(mail.Subject, "reported lost") {
			t.Errorf("%d mails, the last one: %s\n%s", len(w.mails(phone.user))-mails, mail.Subject, mail.Text)
		}
		w.browser().get(link).shows(t, http.StatusOK, "Was It Not You?")
		noted := slices.IndexFunc(w.events(phone.user.ID), func(e storage.Event) bool { return e.Type == storage.DeviceLost })
		if noted < 0 || w.events(phone.user.ID)[noted].OrgID != "riverside" || w.events(phone.user.ID)[noted].Detail["app"] != "Clinic" {
			t.Errorf("%+v", w.events(phone.user.ID))
		}
		// What was proved by then counts no more, here neither.
		b.follow(b.post(p.on("lost"))).shows(t, http.StatusOK, "Enter Your Password")
		b.follow(b.post(p.on("cancel"))).is(t, "failed", "access_denied")
		if n := w.count(phone.user.ID, storage.DeviceLost); n != 1 {
			t.Errorf("reported %d times", n)
		}
	})
}

// Who has one thing alone, and so no list of others, finds it on the page that asks for it. It is not for
// floods of mail.
func TestN19_ReportsAreFew(t *testing.T) {
	w := newWorld(t, sqlite(t))
	only := preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.TOTP} })
	w.org("riverside", only)
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t)))).is(t, "user", u.ID)
	for range 60 {
		w.pass(time.Second)
		b.keep("vseeid-session", "")
		p := b.password(b.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "Verify Your Identity", "I lost my device")
		if got := b.post(p.on("lost")); got.status == http.StatusTooManyRequests {
			got.shows(t, http.StatusTooManyRequests, "Too Many Changes")
			return
		}
	}
	t.Error("there is no end to the mails")
}

// What is said of the ways that are left is true for each person, and tells who has the password no more than the
// list of methods does.
func TestN19_WhatIsLeft(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) {
		p.Factors = []factors.Kind{factors.Passkey, factors.TOTP, factors.Recovery}
	}))
	for _, c := range []struct {
		name      string
		has       []factors.Kind
		page      []string
		mail      string
		otherwise string // is on neither page
	}{
		{"app", []factors.Kind{factors.TOTP}, []string{"authenticator app is on another device too", "nothing left"}, "any of these that you have: an authenticator app.", "ecovery code"},
		{"two", []factors.Kind{factors.TOTP, factors.TOTP}, []string{"authenticator app is on another device too", "nothing left"}, "an authenticator app.", "ecovery code"},
		{"code", []factors.Kind{factors.TOTP, factors.Recovery}, []string{"With any of these you can still sign in", "Authenticator app", "Recovery code"}, "an authenticator app, your recovery code.", "Passkey"},
		{"key", []factors.Kind{factors.Passkey}, []string{"If you have another passkey", "nothing left"}, "a passkey or a security key.", "Recovery code"},
		{"both", []factors.Kind{factors.TOTP, factors.Passkey}, []string{"With any of these you can still sign in", "Authenticator app", "Passkey"}, "a passkey or a security key, an authenticator app.", "ecovery code"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := w.verified(w.person(c.name, "riverside"))
			for i, k := range c.has {
				w.hasA(u, k, i == 0)
			}
			b := w.browser()
			p := b.password(b.begin(login.Demand{}), u)
			for _, said := range []page{b.get(p.on("lost")), b.post(p.on("lost"))} {
				said.shows(t, http.StatusOK, c.page...)
				if strings.Contains(said.body, c.otherwise) {
					t.Errorf("it says %q", c.otherwise)
				}
			}
			if mail, _ := w.lastMail(u); !strings.Contains(mail.Text, c.mail) || strings.Contains(mail.Text, c.otherwise) {
				t.Errorf("the mail: %s", mail.Text)
			}
		})
	}
}

// hasA gives a person a factor that nobody can answer with.
func (w *world) hasA(u login.User, k factors.Kind, first bool) {
	w.t.Helper()
	now := w.user(u)
	e := factors.Enrollment{ID: uuid.Must(uuid.NewV7()).String(), UserID: u.ID, Kind: k, Created: w.now(), Confirmed: w.now(), Secret: []byte("none")}
	if k == factors.Passkey {
		e.Handle = []byte(e.ID)
	}
	var err error
	switch {
	case k == factors.Recovery:
		err = w.db.ReplaceRecovery(w.t.Context(), e, now.Grounds(), storage.Trail{})
	case first:
		err = w.db.EnrollFirst(w.t.Context(), e, now.Grounds(), storage.Trail{})
	default:
		err = w.db.AddEnrollment(w.t.Context(), e, now.Grounds(), false, storage.Trail{})
	}
	must(w.t, err)
}
