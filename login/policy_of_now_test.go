package login_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestT12_FirstFactorNeedsAFreshPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("off"))
	u := w.person("anna", "riverside")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u).is(t, "amr", "pwd")
	w.pass(10 * time.Minute)
	w.setPolicy("riverside", preset("standard"))
	p := b.begin(login.Demand{})
	p.shows(t, http.StatusOK, "Enter Your Password")
	p = b.follow(b.post(p.on("password"), "password", secretWord))
	p.shows(t, http.StatusOK, "Secure Your Account")
	b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
	mails, err := w.db.Mails(t.Context(), storage.Page{})
	must(t, err)
	if len(mails) != 1 || mails[0].To != u.Email {
		t.Errorf("mails: %+v", mails)
	}
}

func TestT14_TwoSignInsEnroll(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		mine, thief := w.browser(), w.browser()
		a := mine.password(mine.begin(login.Demand{}), u)
		b := thief.password(thief.begin(login.Demand{}), u)
		seedA, seedB := a.seed(t), b.seed(t)
		if seedA == seedB {
			t.Fatal("two sign-ins share a key")
		}
		mine.post(a.on("enroll"), "code", w.app(seedB)).shows(t, http.StatusUnprocessableEntity, "is not right")
		codes := []string{w.app(seedA), ""}
		codes[1] = func() string { c, _ := codeOf(seedB, w.now()); return c }()
		answers := parallel(2, func(i int) page {
			if i == 0 {
				return mine.post(a.on("enroll"), "code", codes[0])
			}
			return thief.post(b.on("enroll"), "code", codes[1])
		})
		enrolled, err := w.db.Enrollments(t.Context(), u.ID)
		must(t, err)
		totps := slices.DeleteFunc(enrolled, func(e factors.Enrollment) bool { return e.Kind != factors.TOTP })
		if len(totps) != 1 {
			t.Fatalf("%d apps were set up", len(totps))
		}
		loser, path := thief, b
		if string(totps[0].Secret) == seedBytes(t, seedB) {
			loser, path = mine, a
		}
		for _, p := range answers {
			if p.status != http.StatusSeeOther {
				t.Errorf("status %d", p.status)
			}
		}
		loser.get(path.on("")).shows(t, http.StatusOK, "Verify Your Identity")
	})
}

func TestT15_UnlistedMethod(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("apps", preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.TOTP} }))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	_, code, _ := w.browser().setUp(u, login.Demand{Org: "riverside"})
	must(t, w.db.AddMember(t.Context(), login.Membership{UserID: u.ID, OrgID: "apps", Created: w.now()}, storage.Trail{}))
	b := w.browser()
	p := b.password(b.begin(login.Demand{Org: "apps"}), u)
	p.shows(t, http.StatusOK, "Verify Your Identity")
	list := b.get(p.on("method"))
	list.shows(t, http.StatusOK, "Recovery code", "Your organization does not allow this")
	if strings.Contains(list.body, `value="recovery"`) {
		t.Error("there is another method")
	}
	for _, method := range []string{"recovery", "passkey", "email", "password", "", "totp\x00"} {
		got := b.post(p.on("method"), "method", method)
		if got.status != http.StatusSeeOther || got.header.Get("Location") != p.on("method") {
			t.Errorf("%q: %d to %s", method, got.status, got.header.Get("Location"))
		}
	}
	b.post(p.on("challenge"), "code", code).shows(t, http.StatusUnprocessableEntity, "The code has 6 digits")
	if w.count(u.ID, storage.SequenceFailed) != 6 {
		t.Errorf("%d refusals noted", w.count(u.ID, storage.SequenceFailed))
	}
}

func TestA21_T23_T25_PolicyOfNow(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", preset("off"))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "lakeside", "riverside")
	b := w.browser()
	b.password(b.begin(login.Demand{Org: "lakeside"}), u).is(t, "org", "lakeside", "amr", "pwd")
	// T-23: the other organization asks for more, whatever the first one was content with.
	b.begin(login.Demand{Org: "riverside"}).shows(t, http.StatusOK, "Secure Your Account")
	// None named: the strictest.
	b.begin(login.Demand{}).shows(t, http.StatusOK, "Secure Your Account")

	// T-25: the policy is tightened between two steps.
	c := w.browser()
	p := c.follow(c.post(c.begin(login.Demand{Org: "lakeside"}).on("identifier"), "email", u.Email))
	w.setPolicy("lakeside", preset("standard"))
	p = c.follow(c.post(p.on("password"), "password", secretWord))
	p.shows(t, http.StatusOK, "Secure Your Account")
	// The membership ends between two steps.
	must(t, w.db.RemoveMember(t.Context(), u.ID, "lakeside", storage.Trail{}))
	got := c.follow(c.post(p.on("enroll"), "code", w.app(p.seed(t))))
	got.shows(t, http.StatusForbidden, "You Are Not a Member")
	if n := len(w.results()); n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestT24_OrganizationIsThatOfTheRequest(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("lakeside", preset("off"))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "lakeside", "riverside")
	b := w.browser()
	p := b.begin(login.Demand{Org: "riverside"})
	p = b.follow(b.post(p.on("identifier")+"?organization=lakeside", "email", u.Email, "organization", "lakeside", "Org", "lakeside"))
	p = b.follow(b.post(p.on("password")+"?organization=lakeside", "password", secretWord, "organization", "lakeside"))
	p.shows(t, http.StatusOK, "Secure Your Account")
}

func TestT50_DisabledWhileSigningIn(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	seed, _, _ := w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	must(t, w.db.DisableUser(t.Context(), u.ID, w.now(), storage.Trail{}))
	b.follow(b.post(p.on("challenge"), "code", w.app(seed))).shows(t, http.StatusForbidden, "This Account Is Disabled")

	must(t, w.db.EnableUser(t.Context(), u.ID, w.now(), storage.Trail{}))
	p = b.password(b.begin(login.Demand{}), u)
	enrolled, err := w.db.Enrollments(t.Context(), u.ID)
	must(t, err)
	for _, e := range enrolled {
		if e.Kind != factors.Recovery { // which goes with the last
			w.removes(u, e.ID)
		}
	}
	p = b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
	p.shows(t, http.StatusOK, "Secure Your Account")
	must(t, w.db.DeleteUser(t.Context(), u.ID, w.now(), storage.Trail{}))
	b.get(p.on("")).shows(t, http.StatusForbidden, "This Account Is Disabled")
	if n := len(w.results()); n != 1 {
		t.Errorf("%d answers", n)
	}
}

func TestPasswordChangedWhileSigningIn(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "Secure Your Account")
	hash, err := w.hasher.Hash(t.Context(), "another password than before")
	must(t, err)
	w.pass(time.Second)
	must(t, w.db.SetPassword(t.Context(), u.ID, hash, w.now(), storage.Trail{}))
	b.get(p.on("")).shows(t, http.StatusOK, "Enter Your Password")
}
