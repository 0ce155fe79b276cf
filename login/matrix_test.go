package login_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// scenario is one state that a sign-in can be in.
type scenario struct {
	name  string
	shows string
	owes  bool // a challenge, or another proof, before anything may be set up
	reach func(w *world, d *device) (login.User, page)
}

// scenarios are all states of a sign-in of a person who is new each time.
func scenarios() []scenario {
	n := 0
	person := func(w *world, org string) login.User {
		n++
		return w.verified(w.person(fmt.Sprintf("person%d", n), org))
	}
	// known has everything: an app, a recovery code and a passkey of the device, which is signed out.
	known := func(w *world, d *device, org string) login.User {
		u := person(w, org)
		d.trusts(u)
		d.keep("vseeid-session", "")
		return u
	}
	challenge := func(kind factors.Kind, org string) func(w *world, d *device) (login.User, page) {
		return func(w *world, d *device) (login.User, page) {
			u := known(w, d, org)
			p := d.anew(u)
			return u, d.follow(d.post(p.on("method"), "method", string(kind)))
		}
	}
	fresh := func(org string, then ...string) func(w *world, d *device) (login.User, page) {
		return func(w *world, d *device) (login.User, page) {
			u := person(w, org)
			p := d.password(d.begin(login.Demand{}), u)
			for i := 0; i+1 < len(then); i += 2 {
				p = d.follow(d.post(p.on("method"), then[i], then[i+1]))
			}
			return u, p
		}
	}
	adding := func(path string) func(w *world, d *device) (login.User, page) {
		return func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			d.trusts(u)
			return u, d.follow(d.get(path))
		}
	}
	return []scenario{
		{"identify", "SIGN IN", true, func(w *world, d *device) (login.User, page) {
			return known(w, d, "riverside"), d.begin(login.Demand{})
		}},
		{"prove", "Enter Your Password", true, func(w *world, d *device) (login.User, page) {
			u := known(w, d, "riverside")
			return u, d.follow(d.post(d.begin(login.Demand{}).on("identifier"), "email", u.Email))
		}},
		{"prove again", "Use fingerprint", true, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			d.trusts(u)
			w.pass(20 * time.Hour)
			return u, d.begin(login.Demand{Fresh: true})
		}},
		{"challenge totp", "Enter your one-time code", true, challenge(factors.TOTP, "riverside")},
		{"challenge recovery", "Recovery code", true, challenge(factors.Recovery, "riverside")},
		{"challenge email", "sent an email", true, challenge(factors.Email, "riverside")},
		{"challenge passkey", "Use fingerprint", true, challenge(factors.Passkey, "riverside")},
		{"step up to add", "Use fingerprint", true, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			d.trusts(u)
			w.pass(10 * time.Minute)
			return u, d.follow(d.get("/account/add/totp"))
		}},
		{"mail before enrolling", "sent an email", true, fresh("mailed")},
		{"ticket", "Enter Your Ticket", true, fresh("ticketed")},
		{"enroll totp", "Secure Your Account", false, fresh("riverside")},
		{"enroll passkey", "Set Up a Passkey", false, fresh("riverside", "method", "passkey")},
		{"add totp", "authenticator app", false, adding("/account/add/totp")},
		{"add passkey", "Add a Passkey", false, adding("/account/add/passkey")},
		{"offer enroll", "Remind me later", false, fresh("grace")},
		{"offer recovery", "Almost There!", false, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			p := d.password(d.begin(login.Demand{}), u)
			return u, d.follow(d.post(p.on("enroll"), "code", w.app(p.seed(w.t))))
		}},
		{"offer replace", "Did You Lose a Device?", false, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			_, code := d.trusts(u)
			w.pass(time.Minute)
			p := d.anew(u)
			p = d.follow(d.post(p.on("method"), "method", "recovery"))
			p = d.follow(d.post(p.on("challenge"), "code", code))
			return u, d.follow(d.post(p.on("recovery"), "confirmed", "true"))
		}},
		{"offer trust", "Log In Faster on This Device", false, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			_, _, p := d.setUp(u, login.Demand{})
			return u, p
		}},
		{"offer name", "Device registration successful", false, func(w *world, d *device) (login.User, page) {
			u := person(w, "riverside")
			_, _, p := d.setUp(u, login.Demand{})
			return u, d.follow(d.make(p))
		}},
		{"offer signal", "telling your browser", false, func(w *world, d *device) (login.User, page) {
			u := known(w, d, "riverside")
			d.keep("vseeid-device", "")
			p := d.anew(u)
			p = d.follow(d.post(p.on("method"), "method", "passkey"))
			return u, d.follow(d.use(p))
		}},
		{"disabled", "This Account Is Disabled", true, func(w *world, d *device) (login.User, page) {
			u := known(w, d, "riverside")
			must(w.t, w.db.DisableUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
			return u, d.anew(u)
		}},
		{"shut out", "Ask Support to Help You", true, func(w *world, d *device) (login.User, page) {
			u := known(w, d, "riverside")
			must(w.t, w.db.AddMember(w.t.Context(), login.Membership{UserID: u.ID, OrgID: "mail", Created: w.now()}, storage.Trail{}))
			have := w.user(u)
			have.EmailVerified = false
			must(w.t, w.db.UpdateUser(w.t.Context(), have, storage.Trail{}))
			d.keep("vseeid-session", "")
			return u, d.password(d.begin(login.Demand{Org: "mail"}), u)
		}},
	}
}

// The routes of a transaction, and those beside it. {} is the id of something of the person's.
var (
	posts = []string{
		"identifier", "password", "enroll", "challenge", "passkey", "resend", "method", "recovery", "ticket", "later",
		"never", "name", "replace", "signal", "switch", "lost", "cancel",
	}
	accountGets = []string{
		"/account", "/account/add/totp", "/account/add/passkey", "/account/add/recovery", "/account/factors/{}", "/account/recovery",
		"/account/default", "/account/password", "/account/sessions/{}", "/account/sessions/others", "/account/signout", "/u/notice/{}",
	}
	accountPosts = []string{
		"/account/factors/{}", "/account/factors/{}/remove", "/account/recovery", "/account/default", "/account/password",
		"/account/sessions/{}", "/account/sessions/others", "/account/trust", "/account/signout", "/u/notice/{}",
	}
)

// snapshot is what a request must not move without a proof.
type snapshot struct {
	tx      login.Transaction
	gone    bool
	state   string
	factors int // those that sign somebody in
	results int
	mails   int
	session string
}

func (w *world) snapshot(d *device, u login.User, id string) snapshot {
	w.t.Helper()
	tx, err := w.short.Transaction(context.Background(), id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		w.t.Fatal(err)
	}
	s := snapshot{
		tx: tx, gone: err != nil, state: w.state(u), results: len(w.results()), session: d.cookie("vseeid-session"),
	}
	for _, e := range w.enrolled(u) {
		if e.Kind != factors.Recovery {
			s.factors++
		}
	}
	return s
}

// TestT04_N14_EveryStateEveryRoute sends every request to every state of a sign-in: by its own browser
// and by another, with nothing, with what is plausible and wrong, and with what is right elsewhere (in
// another tab, for another person, for another purpose). No proof is among it. So nobody comes to
// evidence; who owes a proof comes to nothing at all, and nobody to a factor; and whatever is
// answered, it is with words.
func TestT04_N14_EveryStateEveryRoute(t *testing.T) {
	if underRace {
		t.Skip("one request comes after the other here: make test runs it by itself, without the race detector, in a tenth of the time")
	}
	for _, sc := range scenarios() {
		t.Run(sc.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("riverside", preset("standard"))
			w.org("mailed", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByMail }))
			w.org("ticketed", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByTicket }))
			w.org("grace", preset("standard", func(p *login.Policy) { p.Grace.Skips = 3 }))
			w.org("mail", preset("standard", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Email} }))
			m := matrix{world: w, scenario: sc, stranger: w.phone()}
			m.strange()
			m.renew()
			for _, owner := range []bool{false, true} {
				bodies := []string{"nothing", "wrong", "crossed"}
				if !owner {
					bodies = bodies[2:]
				}
				for _, body := range bodies {
					for _, step := range posts {
						m.send(owner, http.MethodPost, m.p.on(step), body)
					}
					for _, path := range accountPosts {
						m.send(owner, http.MethodPost, path, body)
					}
				}
				for _, method := range []string{http.MethodHead, http.MethodGet} {
					for _, step := range append([]string{"", "mail"}, posts...) {
						m.send(owner, method, m.p.on(step), "")
					}
					m.send(owner, method, m.p.on("")+"?view=key", "")
					for _, path := range accountGets {
						m.send(owner, method, path, "")
					}
				}
			}
		})
	}
}

// matrix is a state, and who sends requests to it.
type matrix struct {
	*world
	scenario
	owner, stranger *device
	user            login.User
	p               page
	other           map[string]string // what is right for somebody else, or in another tab
	ip              int
}

// strange sets another person up, on another device, in the middle of a sign-in.
func (m *matrix) strange() {
	u := m.verified(m.person("stranger", "riverside"))
	seed, code := m.stranger.trusts(u)
	p := m.stranger.anew(u)
	m.other = map[string]string{"seed": seed, "recovery": code, "assertion": m.stranger.assertion(p), "email": u.Email}
}

// renew reaches the state anew, for a new person, in two tabs of a new browser.
func (m *matrix) renew() {
	m.t.Helper()
	m.owner = m.phone()
	m.owner.header.Set("X-Test-IP", fmt.Sprintf("198.18.%d.%d", m.ip/250, m.ip%250))
	m.ip++
	m.user, m.p = m.reach(m.world, m.owner)
	status := m.p.status
	m.p.shows(m.t, status, m.shows)
	if len(m.owner.keys.Keys()) > 0 {
		m.other["assertion"] = m.owner.assertion(m.owner.begin(login.Demand{Select: true}))
	}
	if m.p.answer != nil {
		m.t.Fatal("it is over before it began")
	}
}

// form is a body that proves nothing here.
func (m *matrix) form(path, body string) []string {
	switch body {
	case "wrong":
		return []string{
			"email", m.other["email"], "password", "wrong password", "code", "000000", "method", "recovery", "confirmed", "true",
			"name", "name\x00", "response", `{"id":"AAAA","rawId":"AAAA","type":"public-key","response":{}}`, "attachment", "platform", "others", "1",
		}
	case "crossed":
		code := m.other["recovery"]
		if strings.HasSuffix(path, "/challenge") || strings.HasSuffix(path, "/enroll") {
			var err error
			code, err = codeOf(m.other["seed"], m.now())
			must(m.t, err)
		}
		return []string{
			"email", m.user.Email, "password", "", "code", code, "method", "email", "confirmed", "", "name", "x",
			"response", m.other["assertion"], "attachment", "platform", templates.Can, "passkey <script> platform signal",
		}
	}
	return nil
}

// send sends one request and judges what came of it.
func (m *matrix) send(owner bool, method, path, body string) {
	m.t.Helper()
	d := m.owner
	if !owner {
		d = m.stranger
	}
	if strings.Contains(path, "{}") {
		id := "0199aaaa-0000-7000-8000-000000000000"
		if enrolled := m.enrolled(m.user); len(enrolled) > 0 && strings.Contains(path, "factors") {
			id = enrolled[0].ID
		}
		if strings.Contains(path, "notice") {
			id = strings.Repeat("A", 43)
		}
		path = strings.Replace(path, "{}", id, 1)
	}
	m.ip++
	d.header.Set("X-Test-IP", fmt.Sprintf("198.18.%d.%d", m.ip/250%250, m.ip%250))
	id := strings.Split(m.p.on(""), "/")[3]
	before := m.snapshot(m.owner, m.user, id)
	if method == http.MethodHead {
		before.mails = len(m.codeMails(m.user))
	}
	what := fmt.Sprintf("%s %s %s owner=%v", method, strings.Replace(path, id, "TX", 1), body, owner)

	var got page
	switch method {
	case http.MethodPost:
		got = d.post(path, m.form(path, body)...)
	default:
		r, err := http.NewRequest(method, m.url+path, nil)
		must(m.t, err)
		got = d.do(r)
	}
	after := m.snapshot(m.owner, m.user, id)
	if method == http.MethodHead {
		after.mails = len(m.codeMails(m.user))
	}
	m.judge(what, method, owner, got, before, after)

	if before.tx.Version != after.tx.Version || before.gone != after.gone || before.state != after.state || before.session != after.session {
		m.renew()
	} else if method == http.MethodPost && slices.Contains([]string{"password", "challenge", "passkey", "ticket"}, path[strings.LastIndex(path, "/")+1:]) {
		m.forgive(m.user)
	}
}

func (m *matrix) judge(what, method string, owner bool, got page, before, after snapshot) {
	m.t.Helper()
	t := m.t
	switch {
	case got.status >= 500 || got.status < 200:
		t.Fatalf("%s: status %d: %s", what, got.status, tags.ReplaceAllString(got.body, ""))
	case got.status >= 400 && method != http.MethodHead && len(strings.TrimSpace(tags.ReplaceAllString(got.body, ""))) < 20:
		t.Errorf("%s: status %d without words: %q", what, got.status, got.body)
	case strings.Contains(got.body, "ZgotmplZ") || strings.Contains(got.body, "%!"):
		t.Errorf("%s: broken words: %s", what, got.body)
	}
	if len(after.tx.Proved) > len(before.tx.Proved) {
		t.Errorf("%s: evidence without a proof: %+v", what, after.tx.Proved)
	}
	if after.factors > before.factors {
		t.Errorf("%s: a factor without a proof: %s, then %s", what, before.state, after.state)
	}
	if m.owes {
		onlySessions := strings.Contains(what, "/account/signout") || (owner && strings.Contains(what, "POST /u/login/TX/lost"))
		if after.state != before.state && !onlySessions {
			t.Errorf("%s: who owes a proof changed something: %s, then %s", what, before.state, after.state)
		}
		if after.results != before.results || (after.session != before.session && after.session != "") {
			t.Errorf("%s: somebody came in", what)
		}
	}
	if !owner && (after.tx.Version != before.tx.Version || after.gone != before.gone || after.state != before.state) {
		t.Errorf("%s: another browser moved something", what)
	}
	if method == http.MethodHead && (after.tx.Version != before.tx.Version || after.gone != before.gone ||
		after.state != before.state || after.results != before.results || after.mails != before.mails) {
		t.Errorf("%s: a HEAD moved something", what)
	}
}
