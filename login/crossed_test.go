package login_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// TestT07_ProofOfAnotherPerson gives what proves one person where another has to be proved, for every
// kind: the code, the mailed code, the recovery code, the ticket, the passkey, and the very ceremony.
func TestT07_ProofOfAnotherPerson(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna, bert := w.verified(w.person("anna", "riverside")), w.verified(w.person("bert", "riverside"))
	a, b := w.device(passkeytest.NewSynced(origin)), w.device(passkeytest.NewSynced(origin))
	seedA, codeA := a.trusts(anna)
	seedB, _ := b.trusts(bert)
	before := len(w.results())

	at := func(d *device, u login.User, kind factors.Kind) page {
		return d.follow(d.post(d.anew(u).on("method"), "method", string(kind)))
	}
	b.post(at(b, bert, factors.TOTP).on("challenge"), "code", w.app(seedA)).shows(t, http.StatusUnprocessableEntity, "is not right")
	b.post(at(b, bert, factors.Recovery).on("challenge"), "code", codeA).shows(t, http.StatusUnprocessableEntity, "is not right")
	at(a, anna, factors.Email)
	p := at(b, bert, factors.Email)
	if w.mailed(anna) != w.mailed(bert) {
		b.post(p.on("challenge"), "code", w.mailed(anna)).shows(t, http.StatusUnprocessableEntity, "is not right")
	}
	// Anna's passkey under Bert's ceremony, and Bert's own under Anna's.
	p = at(b, bert, factors.Passkey)
	stolen, err := a.keys.Use(a.keys.Keys()[0], p.options(t))
	must(t, err)
	b.answer(p, string(stolen)).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	ofAnna := a.assertion(at(a, anna, factors.Passkey))
	b.answer(at(b, bert, factors.Passkey), ofAnna).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	if len(w.results()) != before {
		t.Fatal("somebody came in")
	}
	w.forgive(anna)
	w.forgive(bert)
	a.follow(a.use(at(a, anna, factors.Passkey))).is(t, "user", anna.ID)
	b.follow(b.post(at(b, bert, factors.TOTP).on("challenge"), "code", w.app(seedB))).is(t, "user", bert.ID)
}

// TestT18_PurposesDoNotMix types what is right for one purpose where another is asked for.
func TestT18_PurposesDoNotMix(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	w.org("ticketed", preset("standard", func(p *login.Policy) { p.Enrollment = login.ByTicket }))
	u := w.verified(w.person("anna", "riverside"))
	d := w.device(passkeytest.NewSynced(origin))
	seed, recovery := d.trusts(u)
	ticket, _, err := login.Support{Store: w.db, Now: w.now}.Ticket(t.Context(), u.ID, time.Hour, login.Why{Actor: "cli", Reason: "test"})
	must(t, err)
	at := func(kind factors.Kind) page { return d.follow(d.post(d.anew(u).on("method"), "method", string(kind))) }
	before := len(w.results())

	kinds := []factors.Kind{factors.TOTP, factors.Email, factors.Recovery}
	for _, asked := range kinds {
		at(factors.Email)
		answers := map[factors.Kind]string{
			factors.TOTP: w.app(seed), factors.Email: w.mailed(u), factors.Recovery: recovery, factors.Ticket: ticket, factors.Password: secretWord,
		}
		w.pass(31 * time.Second)
		p := at(asked)
		for of, answer := range answers {
			if of == asked || answer == w.mailed(u) && asked == factors.TOTP {
				continue
			}
			got := d.post(p.on("challenge"), "code", answer)
			if got.status != http.StatusUnprocessableEntity {
				t.Errorf("%s where %s is asked for: %d", of, asked, got.status)
			}
		}
		for _, step := range []string{"password", "ticket", "enroll", "recovery", "resend", "name"} {
			if got := d.post(p.on(step), "password", secretWord, "code", ticket, "confirmed", "true", "name", "x"); got.status != http.StatusSeeOther && got.status != http.StatusTooManyRequests {
				t.Errorf("%s where %s is asked for: %d", step, asked, got.status)
			}
		}
		w.forgive(u)
		w.pass(time.Hour)
	}
	// At the password and at the ticket.
	d.keep("vseeid-session", "")
	p := d.follow(d.post(d.begin(login.Demand{}).on("identifier"), "email", u.Email))
	for _, answer := range []string{w.app(seed), recovery, ticket} {
		d.post(p.on("password"), "password", answer).shows(t, http.StatusUnprocessableEntity)
	}
	w.forgive(u)
	v := w.person("bert", "ticketed")
	c := w.browser()
	q := c.password(c.begin(login.Demand{}), v)
	for _, answer := range []string{w.app(seed), recovery, secretWord, ticket} {
		c.post(q.on("ticket"), "code", answer).shows(t, http.StatusUnprocessableEntity)
	}

	// Ceremonies of passkeys: of nobody, of a person, and to make one.
	discover := d.nobody()
	ofNobody := d.assertion(discover)
	challenge := at(factors.Passkey)
	ofAnna := d.assertion(challenge)
	d.answer(challenge, ofNobody).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	d.keep("vseeid-session", "")
	d.answer(d.begin(login.Demand{}), ofAnna).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	if len(w.results()) != before {
		t.Fatal("somebody came in")
	}
	w.forgive(u)
	d.follow(d.use(at(factors.Passkey))).is(t, "user", u.ID)
	adding := d.follow(d.get("/account/add/passkey"))
	adding.shows(t, http.StatusOK, "Add a Passkey")
	had := len(w.enrolled(u))
	d.answer(adding, ofAnna).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	made, err := passkeytest.New(origin).Create(d.get(adding.on("")).options(t))
	must(t, err)
	d.answer(d.begin(login.Demand{Select: true}), string(made)).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	if len(w.enrolled(u)) != had {
		t.Error("a factor was set up")
	}
	d.follow(d.answer(d.get(adding.on("")), string(made))).shows(t, http.StatusOK, "Device registration successful")
}

// TestT50_WhileASignInIsInFlight changes the person at each step of a sign-in, and goes on.
func TestT50_WhileASignInIsInFlight(t *testing.T) {
	support := func(w *world) login.Support { return login.Support{Store: w.db, Notices: w.notices, Now: w.now} }
	changes := map[string]func(w *world, u login.User){
		"disabled": func(w *world, u login.User) {
			must(w.t, w.db.DisableUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
		},
		"deleted": func(w *world, u login.User) {
			must(w.t, w.db.DeleteUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
		},
		"reset": func(w *world, u login.User) {
			w.pass(time.Second)
			_, err := support(w).ResetMFA(w.t.Context(), u.ID, login.Why{Actor: "cli", Reason: "lost everything"})
			must(w.t, err)
		},
		"passkey removed": func(w *world, u login.User) {
			w.removes(u, w.enrollment(u, factors.Passkey).ID)
		},
	}
	steps := map[string]func(d *device, u login.User) (page, func(page) page){
		"discover": func(d *device, _ login.User) (page, func(page) page) {
			return d.nobody(), d.use
		},
		"challenge": func(d *device, u login.User) (page, func(page) page) { return d.anew(u), d.use },
		"mail": func(d *device, u login.User) (page, func(page) page) {
			p := d.byMail(d.anew(u))
			code := d.w.mailed(u)
			return p, func(p page) page { return d.post(p.on("challenge"), "code", code) }
		},
		"offer": func(d *device, u login.User) (page, func(page) page) {
			d.keep("vseeid-device", "") // the browser has forgotten what it was told
			p := d.follow(d.post(d.anew(u).on("method"), "method", "passkey"))
			p = d.follow(d.use(p))
			p.shows(d.w.t, http.StatusOK, "telling your browser")
			return p, func(p page) page { return d.post(p.on("signal")) }
		},
	}
	for change, apply := range changes {
		for step, reach := range steps {
			t.Run(change+" at "+step, func(t *testing.T) {
				w := newWorld(t, sqlite(t))
				w.org("riverside", preset("standard"))
				u := w.verified(w.person("anna", "riverside"))
				d := w.phone()
				d.trusts(u)
				p, answer := reach(d, u)
				before := len(w.results())
				apply(w, u)
				got := d.follow(answer(p))
				removed := change == "passkey removed"
				switch {
				case got.status >= 500:
					t.Fatalf("status %d: %s", got.status, tags.ReplaceAllString(got.body, ""))
				case removed && step == "mail": // rests on nothing that was removed
					got.shows(t, http.StatusOK, "telling your browser")
					d.follow(d.post(got.on("signal"))).is(t, "user", u.ID, "amr", "mca mfa otp pwd")
				case removed && step == "offer":
					got.shows(t, http.StatusOK, "Enter your one-time code")
				case len(w.results()) != before:
					t.Errorf("somebody came in: %v", got.answer)
				}
				if change == "reset" && step != "discover" {
					// The password was proved before the reset, so even that is asked again.
					d.get(p.on("")).shows(t, http.StatusOK, "Enter Your Password")
					if n := len(w.enrolled(u)); n != 0 {
						t.Errorf("%d factors after the reset", n)
					}
				}
			})
		}
	}
}

// TestT50_ResetWhileOneIsSetUp resets the person between the page that sets a factor up and its answer.
func TestT50_ResetWhileOneIsSetUp(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		for _, kind := range []string{"enroll", "trust", "add"} {
			w := newWorld(t, dsn)
			if _, err := w.db.Org(t.Context(), "riverside"); err != nil {
				w.org("riverside", preset("standard"))
			}
			u := w.person("anna-"+kind, "riverside")
			d := w.phone()
			var p page
			answer := d.make
			switch kind {
			case "enroll":
				p = d.password(d.begin(login.Demand{}), u)
				answer = func(p page) page { return d.post(p.on("enroll"), "code", w.app(p.seed(t))) }
			case "trust":
				_, _, p = d.setUp(u, login.Demand{})
			case "add":
				_, _, p = d.setUp(u, login.Demand{})
				d.follow(d.post(p.on("later"))).is(t, "user", u.ID)
				p = d.follow(d.get("/account/add/passkey"))
				p.shows(t, http.StatusOK, "Add a Passkey")
			}
			w.pass(time.Second)
			_, err := login.Support{Store: w.db, Notices: w.notices, Now: w.now}.ResetMFA(t.Context(), u.ID, login.Why{Actor: "cli", Reason: "lost everything"})
			must(t, err)
			got := d.follow(answer(p))
			if got.status >= 500 || got.answer != nil {
				t.Errorf("%s: status %d, %v", kind, got.status, got.answer)
			}
			if n := len(w.enrolled(u)); n != 0 {
				t.Errorf("%s: %d factors were set up on a proof of before the reset", kind, n)
			}
		}
	})
}

// TestT54_AnswerToAnotherTab sits down at a browser where somebody else signed in: what is made there is
// made for who is signing in, its owner is told, and it is on the page.
func TestT54_AnswerToAnotherTab(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna, thief := w.verified(w.person("anna", "riverside")), w.person("thief", "riverside")
	shared := w.phone()
	_, _, p := shared.setUp(anna, login.Demand{})
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	// The thief begins another sign-in in the same browser, and answers Anna's page with a key of theirs.
	mine := shared.password(shared.begin(login.Demand{Select: true}), thief)
	mine.shows(t, http.StatusOK, "Secure Your Account")
	theirs := passkeytest.New(origin)
	response, err := theirs.Create(p.options(t))
	must(t, err)
	if got := shared.answer(mine, string(response)); got.status != http.StatusSeeOther {
		t.Errorf("status %d", got.status)
	}
	if slices.ContainsFunc(w.enrolled(thief), func(e factors.Enrollment) bool { return e.Kind == factors.Passkey }) {
		t.Error("it was made for who did not ask")
	}
	mails := len(w.mails(anna))
	p = shared.follow(shared.answer(p, string(response)))
	p.shows(t, http.StatusOK, "Device registration successful")
	if e := w.enrollment(anna, factors.Passkey); e.UserID != anna.ID {
		t.Error("it is somebody else's")
	}
	if _, link := w.lastMail(anna); len(w.mails(anna)) != mails+1 || link == "" {
		t.Error("its owner was not told, or has nothing to press")
	}
	shared.follow(shared.post(p.on("name"), "name", "planted"))
	shared.get("/account").shows(t, http.StatusOK, "planted")
}
