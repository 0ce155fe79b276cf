package login_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// TestT12_Withheld: what is new opens nothing that the policy holds. An exclamation mark is on what was set
// up just now; everything else is of an hour ago.
func TestT12_Withheld(t *testing.T) {
	for _, c := range []struct {
		hold     time.Duration
		proved   string
		enrolled string
		held     bool
	}{
		{30 * time.Minute, "pwd totp", "totp!", true},
		{30 * time.Minute, "pwd totp", "totp", false},
		{time.Hour, "pwd totp", "totp", false}, // an hour is over when it is
		{time.Hour + time.Second, "pwd totp", "totp", true},
		{30 * time.Minute, "keyuv", "passkey!", true},
		{30 * time.Minute, "keyuv", "passkey", false},
		{30 * time.Minute, "pwd totp", "totp passkey!", false}, // which is not what was proved by
		{30 * time.Minute, "pwd keyuv", "totp passkey!", true},
		{30 * time.Minute, "pwd totp keyuv", "totp passkey!", false}, // the old one was shown too
		{30 * time.Minute, "pwd lost", "totp", true},
		{30 * time.Minute, "pwd recovery", "totp recovery", true},
		{30 * time.Minute, "pwd email", "email totp!", true}, // it counts beside an app only, and that is new
		{30 * time.Minute, "pwd email", "email totp passkey!", false},
		{30 * time.Minute, "mailpwd email", "email totp!", true}, // one mailbox is one factor
		{30 * time.Minute, "pwd ticket", "", true},
		{30 * time.Minute, "pwd", "", true},
		{30 * time.Minute, "fedmfa", "", false},
		{0, "pwd totp", "totp!", false},
	} {
		p := preset("standard", func(p *login.Policy) {
			p.Hold = login.Hold{For: login.Duration(c.hold), Scopes: []string{"prescriptions"}}
		})
		got := login.Withheld([]login.Org{{ID: "a", Policy: preset("standard")}, {ID: "b", Policy: p}}, proofs(c.proved), enrollments(c.enrolled), noon)
		if held := slices.Equal(got, []string{"prescriptions"}); held != c.held || !held && got != nil {
			t.Errorf("%s by %q of %q: withheld is %q", c.hold, c.proved, c.enrolled, got)
		}
	}
}

func TestT12_HoldValidates(t *testing.T) {
	for _, c := range []struct {
		hold login.Hold
		says string // empty: it is good
	}{
		{login.Hold{}, ""},
		{login.Hold{For: login.Duration(24 * time.Hour), Scopes: []string{"offline_access", "rx:sign"}}, ""},
		{login.Hold{For: login.Duration(24 * time.Hour)}, "no scopes"},
		{login.Hold{Scopes: []string{"rx:sign"}}, "hold for is 0s"},
		{login.Hold{For: login.Duration(366 * 24 * time.Hour), Scopes: []string{"rx:sign"}}, "hold for"},
		{login.Hold{For: login.Duration(time.Hour), Scopes: []string{"rx:sign", "openid"}}, "openid"},
		{login.Hold{For: login.Duration(time.Hour), Scopes: []string{"rx:sign rx:read"}}, "no scope"},
		{login.Hold{For: login.Duration(time.Hour), Scopes: []string{""}}, "no scope"},
	} {
		err := preset("standard", func(p *login.Policy) { p.Hold = c.hold }).Validate()
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%v: %v", c.hold, err)
		}
	}
}

// T-12: what two organizations hold is joined.
func TestT12_WithheldByAnyOrganization(t *testing.T) {
	holds := func(id string, d time.Duration, scopes ...string) login.Org {
		return login.Org{ID: id, Policy: preset("standard", func(p *login.Policy) {
			p.Hold = login.Hold{For: login.Duration(d), Scopes: scopes}
		})}
	}
	orgs := []login.Org{holds("a", time.Hour, "rx:sign", "mail"), holds("b", 2*time.Hour, "rx:read", "rx:sign"), holds("c", 0)}
	for enrolled, want := range map[string]string{"totp!": "mail rx:read rx:sign", "totp": "rx:read rx:sign"} {
		if got := strings.Join(login.Withheld(orgs, proofs("pwd totp"), enrollments(enrolled), noon), " "); got != want {
			t.Errorf("%s: %q, want %q", enrolled, got, want)
		}
	}
	if p := preset("off", func(p *login.Policy) { p.Hold = orgs[0].Policy.Hold }); p.Validate() == nil {
		t.Error("a hold that nobody can end is valid")
	}
}

// T-12: who has just set up a first factor signs in, and is kept from what the organization holds until the
// factor has been there for a day, also where the session answers by itself.
func TestT12_FirstFactorOpensNothingThatIsHeld(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) {
		p.Hold = login.Hold{For: login.Duration(24 * time.Hour), Scopes: []string{"prescriptions"}}
	}))
	u, b := w.person("anna", "riverside"), w.browser()
	withheld := func(p page) string {
		t.Helper()
		p.is(t, "user", u.ID)
		results := w.results()
		return strings.Join(results[len(results)-1].Withheld, " ")
	}
	noted := func(want string) {
		t.Helper()
		events := w.events(u.ID)
		i := slices.IndexFunc(events, func(e storage.Event) bool { return e.Type == storage.SignedIn && e.At.Equal(w.now()) })
		if i < 0 || events[i].Detail["withheld"] != want {
			t.Errorf("the audit log does not say that %q was withheld: %v", want, events)
		}
	}
	seed, _, done := b.setUp(u, login.Demand{})
	if got := withheld(done); got != "prescriptions" {
		t.Errorf("right after the set-up %q is withheld", got)
	}
	noted("prescriptions")
	w.pass(10 * time.Hour)
	if got := withheld(b.begin(login.Demand{})); got != "prescriptions" {
		t.Errorf("ten hours later the session is kept from %q", got)
	}
	w.pass(14 * time.Hour)
	b = w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	if got := withheld(b.follow(b.post(p.on("challenge"), "code", w.app(seed)))); got != "" {
		t.Errorf("a day later %q is withheld", got)
	}
	noted("")
}

// T-12: a hold that is set after the sign-in is for the grants that there are, too.
func TestT12_HoldOfLater(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u, b := w.person("anna", "riverside"), w.browser()
	b.setUp(u, login.Demand{})
	withheld := func() string {
		t.Helper()
		got, err := w.signIn.Recheck(t.Context(), w.results()[0], nil, true)
		must(t, err)
		return strings.Join(got, " ")
	}
	if got := withheld(); got != "" {
		t.Errorf("without a hold %q", got)
	}
	w.setPolicy("riverside", preset("standard", func(p *login.Policy) {
		p.Hold = login.Hold{For: login.Duration(24 * time.Hour), Scopes: []string{"rx:sign"}}
	}))
	if got := withheld(); got != "rx:sign" {
		t.Errorf("of a new factor %q", got)
	}
	w.pass(24 * time.Hour)
	if got := withheld(); got != "" {
		t.Errorf("of a factor that was new %q", got)
	}
}

// T-12: a mailbox is new when the address is, or what is known of it, however old the account is: whoever
// talked support into another address does not open by it what the organization holds.
func TestT12_NewMailboxOpensNothingThatIsHeld(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard", func(p *login.Policy) {
		p.Hold = login.Hold{For: login.Duration(24 * time.Hour), Scopes: []string{"prescriptions"}}
	}))
	anna := w.resident("anna", "riverside")
	w.pass(48 * time.Hour)
	withheld := func() string {
		t.Helper()
		b, u := w.browser(), w.user(anna.user)
		p := b.byMail(b.password(b.begin(login.Demand{}), u))
		b.follow(b.post(p.on("challenge"), "code", w.mailed(u))).is(t, "user", u.ID)
		results := w.results()
		return strings.Join(results[len(results)-1].Withheld, " ")
	}
	if got := withheld(); got != "" {
		t.Errorf("by a mailbox of two days %q is withheld", got)
	}
	w.pass(time.Hour)
	u := w.user(anna.user)
	u.Email, u.Updated = "anna@elsewhere.example", w.now()
	must(t, w.db.UpdateUser(t.Context(), u, storage.Trail{}))
	if got := withheld(); got != "prescriptions" {
		t.Errorf("by a mailbox of this minute %q is withheld", got)
	}
	w.pass(24 * time.Hour)
	if got := withheld(); got != "" {
		t.Errorf("a day later %q is withheld", got)
	}
}
