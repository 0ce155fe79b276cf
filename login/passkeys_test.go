package login_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/storage"
)

func TestTrustedDevice(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("charlotte", "riverside")
		phone := w.phone()
		phone.header.Set("User-Agent", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1")
		_, _, p := phone.setUp(u, login.Demand{})
		p.shows(t, http.StatusOK, "Log In Faster on This Device", "Remind me later", "Not on this device")
		p = phone.follow(phone.make(p))
		p.shows(t, http.StatusOK, "Device registration successful")
		if !p.has(`value="charlotte's iPhone"`) || !p.has("data-signal") {
			t.Errorf("no name by default, or the browser is not told: %s", p.body)
		}
		for typed, says := range map[string]string{"  ": "Enter a name", "\x00\t": "Enter a name", strings.Repeat("x", 65): "too long"} {
			phone.post(p.on("name"), "name", typed).shows(t, http.StatusUnprocessableEntity, says)
		}
		p = phone.follow(phone.post(p.on("name"), "name", " my\tphone "))
		p.is(t, "user", u.ID, "amr", "mfa otp pwd")
		if e := w.enrollment(u, factors.Passkey); e.Name != "my phone" || e.Place != factors.OnDevice {
			t.Errorf("it is %q, on %q", e.Name, e.Place)
		}
		if n := w.count(u.ID, storage.Enrolled); n != 3 {
			t.Errorf("%d factors noted", n)
		}

		// From then on this browser is asked for it first.
		p = phone.anew(u)
		p.shows(t, http.StatusOK, "Use fingerprint or face recognition to login", "Try another method")
		phone.get(p.on("method")).shows(t, http.StatusOK, "Passkey", "Authenticator app", "Recovery code")
		phone.follow(phone.use(p)).is(t, "user", u.ID, "amr", "hwk mfa pop pwd user", "acr", login.ACRHardware)

		// Another browser is not, but can be told to.
		other := w.phone()
		p = other.password(other.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "Enter your one-time code")
		p = other.follow(other.post(p.on("method"), "method", "passkey"))
		p.shows(t, http.StatusOK, "Use fingerprint or face recognition to login")
		other.post(p.on("passkey"), "error", "NotAllowedError").shows(t, http.StatusUnprocessableEntity, "This device does not seem to have a passkey")

		// And one without a script is told why it is not.
		plain := w.browser()
		p = plain.password(plain.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "Enter your one-time code")
		plain.get(p.on("method")).shows(t, http.StatusOK, "Passkey", "This browser cannot use passkeys")
	})
}

// A form may be sent before the script knows what the browser can, or before it runs: a password manager
// sends it at once. Then what the browser remembers stands, and only what the script has found takes its place.
func TestSentBeforeTheScriptKnows(t *testing.T) {
	for _, test := range []struct {
		said  string
		asked string
		trust bool // the device can verify its user, as far as it is remembered afterwards
	}{
		{"", "Use fingerprint", true},
		{"passkey asking signal", "Use fingerprint", true},
		{"passkey signal", "Use fingerprint", false},
		{"none", "Enter your one-time code", false},
	} {
		w := newWorld(t, sqlite(t))
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		phone := w.phone()
		seed, _ := phone.trusts(u)
		p := phone.nobody()
		phone.can = ""
		p = phone.follow(phone.post(p.on("identifier"), "email", u.Email, "can", test.said))
		p = phone.follow(phone.post(p.on("password"), "password", secretWord, "can", test.said))
		p.shows(t, http.StatusOK, test.asked)

		// Afterwards its passkey is gone, and it would be offered another.
		w.removes(u, w.enrollment(u, factors.Passkey).ID)
		p = phone.follow(phone.post(phone.get(p.on("")).on("challenge"), "code", w.app(seed), "can", test.said))
		if trust := p.has("Log In Faster on This Device"); trust != test.trust {
			t.Errorf("%q: a passkey of this device is offered: %v", test.said, trust)
		}
	}
}

func TestPasskeyAlone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)

	// From the page of the address, with nothing typed.
	p := phone.nobody()
	if !p.has("data-auto") || !p.has("username webauthn") {
		t.Error("the browser is not offered to fill it in")
	}
	phone.follow(phone.use(p)).is(t, "user", u.ID, "amr", "hwk mfa pop user", "acr", login.ACRHardware)

	// From the page of the password, by a synced one.
	cloud := w.device(passkeytest.NewSynced(origin))
	p = phone.follow(phone.get("/account/add/passkey"))
	p.shows(t, http.StatusOK, "Add a Passkey")
	if p.has(`"hints"`) || p.has(`"authenticatorAttachment"`) {
		t.Errorf("W-01: there is one button for a device, a phone and a key, and the browser is told which: %s", p.options(t))
	}
	response, err := cloud.keys.Create(p.options(t))
	must(t, err)
	p = phone.follow(phone.answer(p, string(response)))
	p.shows(t, http.StatusOK, "Device registration successful")
	phone.follow(phone.post(p.on("name"), "name", "cloud")).shows(t, http.StatusOK, "Your Account", "cloud")
	p = cloud.begin(login.Demand{})
	p = cloud.follow(cloud.post(p.on("identifier"), "email", "somebody.else@example.com"))
	p.shows(t, http.StatusOK, "Enter Your Password", "Sign in with a passkey")
	p = cloud.follow(cloud.use(p)) // whose browser has never been told of any passkey
	if !p.has(`data-signal="all"`) {
		t.Errorf("%s", p.body)
	}
	cloud.follow(cloud.post(p.on("signal"))).is(t, "user", u.ID, "amr", "mfa pop swk user", "acr", login.ACRPhishing)

	// Where the person is known and the browser knows the passkey, it proves everything again.
	p = phone.begin(login.Demand{Fresh: true})
	if !strings.Contains(p.body, "data-ceremony") {
		t.Fatalf("no passkey: %s", p.body)
	}
	p = phone.follow(phone.post(p.on("switch")))
	p = phone.begin(login.Demand{Fresh: true})
	p.shows(t, http.StatusOK, "Use fingerprint or face recognition to login")
	list := phone.get(p.on("method"))
	list.shows(t, http.StatusOK, "Passkey", "Password")
	phone.follow(phone.post(p.on("method"), "method", "password")).shows(t, http.StatusOK, "Enter Your Password")
	phone.follow(phone.post(p.on("method"), "method", "passkey"))
	phone.keys.Unverified = true
	p = phone.get(p.on(""))
	if !p.has(`"userVerification":"required"`) {
		t.Errorf("W-10: nothing but a verified passkey is taken, and another is asked for: %s", p.options(t))
	}
	phone.use(p).shows(t, http.StatusUnprocessableEntity, "did not check that it is you")
	phone.keys.Unverified = false
	phone.follow(phone.use(phone.get(p.on("")))).is(t, "user", u.ID, "amr", "hwk mfa pop user")
}

// A factor that was not verified is one factor: beside a password it makes two, and alone nothing.
func TestA07_UnverifiedPasskey(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	phone.keys.Unverified = true
	p := phone.nobody()
	phone.use(p).shows(t, http.StatusUnprocessableEntity, "did not check that it is you")
	p = phone.password(p, u)
	if !p.has(`"userVerification":"preferred"`) {
		t.Errorf("W-10: beside a password it is asked for by %s", p.options(t))
	}
	phone.follow(phone.use(p)).is(t, "user", u.ID, "amr", "hwk mfa pop pwd user")
}

func TestPasskeyFirst(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("keys", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey, factors.Recovery} }))
	u := w.person("anna", "keys")
	key := w.device(passkeytest.NewKey(origin))
	p := key.password(key.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "Set Up a Passkey")
	if strings.Contains(p.body, "Set up another way") {
		t.Error("there is another way")
	}
	p = key.follow(key.make(p))
	// What a browser says of a new key proves nothing yet.
	p.shows(t, http.StatusOK, "Use fingerprint or face recognition to login")
	if len(w.results()) != 0 {
		t.Fatal("it signed somebody in")
	}
	p = key.follow(key.use(p))
	p.shows(t, http.StatusOK, "Device registration successful")
	if !p.has(`value="anna's security key"`) {
		t.Errorf("%s", p.body)
	}
	p = key.follow(key.post(p.on("name"), "name", "key"))
	p.shows(t, http.StatusOK, "Almost There!")
	key.follow(key.post(p.on("recovery"), "confirmed", "true")).is(t, "user", u.ID, "amr", "hwk mfa pop pwd user")
}

// TestW04_AnswerOnce gives one answer many times: from two tabs, in parallel, and again later. One
// does anything.
func TestW04_AnswerOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		phone := w.device(passkeytest.NewSynced(origin)) // whose counter says nothing
		phone.trusts(u)
		before := len(w.results())

		for name, reach := range map[string]func() page{
			"discover":  func() page { return phone.nobody() },
			"challenge": func() page { return phone.anew(u) },
		} {
			p := reach()
			response := phone.assertion(p)
			won := 0
			for _, a := range parallel(8, func(int) page { return phone.answer(p, response) }) {
				switch {
				case a.answer != nil:
					won++
				case a.status != http.StatusSeeOther && a.status != http.StatusGone:
					t.Errorf("%s: status %d: %s", name, a.status, tags.ReplaceAllString(a.body, ""))
				}
			}
			before++
			if won != 1 || len(w.results()) != before {
				t.Errorf("%s: %d won, %d results, want %d", name, won, len(w.results()), before)
			}
			phone.answer(p, response).shows(t, http.StatusGone)
			// In another sign-in it answers another challenge.
			phone.answer(reach(), response).shows(t, http.StatusUnprocessableEntity, "could not be checked")
		}
		if n := w.count(u.ID, storage.SessionCreated) + w.count(u.ID, storage.SessionRenewed); n != before {
			t.Errorf("%d sessions made or renewed, %d results", n, before)
		}

		// What answers a page that makes a passkey makes one.
		fresh := w.person("bert", "riverside")
		tab := w.phone()
		_, _, p := tab.setUp(fresh, login.Demand{})
		response, err := tab.keys.Create(p.options(t))
		must(t, err)
		for _, a := range parallel(4, func(int) page { return tab.answer(p, string(response)) }) {
			if a.status != http.StatusSeeOther {
				t.Errorf("status %d: %s", a.status, tags.ReplaceAllString(a.body, ""))
			}
		}
		if n := len(slices.DeleteFunc(w.enrolled(fresh), func(e factors.Enrollment) bool { return e.Kind != factors.Passkey })); n != 1 {
			t.Errorf("%d passkeys", n)
		}
	})
}

func TestW04_ChallengeLifetime(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	p := phone.nobody()
	first := string(p.options(t))
	response := phone.assertion(p)
	w.pass(4 * time.Minute)
	if again := phone.get(p.on("")); string(again.options(t)) != first {
		t.Error("loading the page again makes another challenge")
	}
	w.pass(time.Minute)
	if phone.get(p.on("")); !cmp.Equal(phone.answer(p, response).status, http.StatusUnprocessableEntity) {
		t.Error("an answer to an old page is taken")
	}
	p = phone.get(p.on(""))
	if string(p.options(t)) == first {
		t.Error("an old challenge is shown")
	}
	// One that nobody loaded again is as old.
	response = phone.assertion(p)
	w.pass(5 * time.Minute)
	phone.answer(p, response).shows(t, http.StatusUnprocessableEntity, "took too long")
	phone.follow(phone.use(phone.get(p.on("")))).is(t, "user", u.ID)
}

// TestT53_W03_LiesOfAnAuthenticator answers with everything that an attacker with a key of their own, or
// a site of their own, could sign.
func TestT53_W03_LiesOfAnAuthenticator(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna, bert := w.person("anna", "riverside"), w.person("bert", "riverside")
	phone, other := w.phone(), w.phone()
	phone.trusts(anna)
	other.trusts(bert)
	before := len(w.results())
	zero := uint32(0)
	for name, lie := range map[string]func(a *passkeytest.Authenticator){
		"another origin": func(a *passkeytest.Authenticator) {
			a.Lies.Client = func(c map[string]any) { c["origin"] = "https://evil.example" }
		},
		"a sibling": func(a *passkeytest.Authenticator) {
			a.Lies.Client = func(c map[string]any) { c["origin"] = "https://x.id.example" }
		},
		"http": func(a *passkeytest.Authenticator) {
			a.Lies.Client = func(c map[string]any) { c["origin"] = "http://id.example" }
		},
		"the other type": func(a *passkeytest.Authenticator) {
			a.Lies.Client = func(c map[string]any) { c["type"] = "webauthn.create" }
		},
		"another challenge": func(a *passkeytest.Authenticator) { a.Lies.Client = func(c map[string]any) { c["challenge"] = "AAAA" } },
		"in a frame":        func(a *passkeytest.Authenticator) { a.CrossOrigin = true },
		"nobody there":      func(a *passkeytest.Authenticator) { a.Absent = true },
		"synced now":        func(a *passkeytest.Authenticator) { a.Lies.Data = func(b []byte) []byte { b[32] |= 0x08; return b } },
		"no data":           func(a *passkeytest.Authenticator) { a.Lies.Data = func(b []byte) []byte { return b[:30] } },
		"counter back":      func(a *passkeytest.Authenticator) { a.Lies.Counter = &zero },
	} {
		for _, alone := range []bool{true, false} {
			t.Run(fmt.Sprint(name, " alone=", alone), func(t *testing.T) {
				p := phone.nobody()
				if !alone {
					p = phone.password(p, anna)
				}
				liar := phone.keys.Clone()
				lie(liar)
				response, err := liar.Get(p.options(t))
				must(t, err)
				phone.answer(p, string(response)).shows(t, http.StatusUnprocessableEntity)
				if alone {
					phone.get(p.on("")).shows(t, http.StatusOK, "SIGN IN")
				} else {
					phone.get(p.on("")).shows(t, http.StatusOK, "Use fingerprint")
				}
				w.forgive(anna)
			})
		}
	}
	if n := w.count(anna.ID, storage.FactorSuspect); n != 2 {
		t.Errorf("%d keys suspected", n)
	}

	// W-03, T-07: a passkey of another person, where the person is known.
	p := phone.anew(anna)
	response, err := other.keys.Use(other.keys.Keys()[0], p.options(t))
	must(t, err)
	phone.answer(p, string(response)).shows(t, http.StatusUnprocessableEntity, "could not be checked")
	p = phone.follow(phone.use(phone.get(p.on(""))))
	p.is(t, "user", anna.ID)
	before++
	p = phone.begin(login.Demand{Fresh: true}) // by its session
	p = phone.follow(phone.post(p.on("method"), "method", "password"))
	response, err = other.keys.Get(p.options(t))
	must(t, err)
	phone.answer(p, string(response)).shows(t, http.StatusUnprocessableEntity, "belongs to another account")
	if len(w.results()) != before {
		t.Error("somebody came in")
	}

	// One passkey is one person's: who claims another's makes nothing.
	carl := w.person("carl", "riverside")
	third := w.phone()
	_, _, p = third.setUp(carl, login.Demand{})
	third.keys.Lies.CredentialID = phone.keys.Keys()[0].ID
	third.make(p).shows(t, http.StatusUnprocessableEntity, "already belongs to an account")
	for _, lie := range []func(a *passkeytest.Authenticator){
		func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://evil.example" },
		func(a *passkeytest.Authenticator) { a.Lies.RPID = "evil.example" },
		func(a *passkeytest.Authenticator) { a.Lies.Challenge = []byte("another challenge") },
		func(a *passkeytest.Authenticator) { a.Lies.Type = "webauthn.get" },
		func(a *passkeytest.Authenticator) { a.Absent = true },
		func(a *passkeytest.Authenticator) { a.Unverified = true },
	} {
		third.keys = passkeytest.New(origin)
		lie(third.keys)
		third.make(third.get(p.on(""))).shows(t, http.StatusUnprocessableEntity)
	}
	if slices.ContainsFunc(w.enrolled(carl), func(e factors.Enrollment) bool { return e.Kind == factors.Passkey }) {
		t.Error("a lie made a passkey")
	}
}

// TestW03_SyncedCounterGoesBack: in an account each device may count by itself. The passkey is taken, and that
// there may be a copy of it is noted and shown to its owner.
func TestW03_SyncedCounterGoesBack(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	cloud := w.device(passkeytest.NewSynced(origin))
	counts := uint32(5)
	cloud.keys.Lies.Counter = &counts
	cloud.keys.Attachment = "platform"
	cloud.trusts(u)
	for i, back := range []uint32{4, 3} {
		counts = back
		p := cloud.nobody()
		if back == 3 { // once from the first page, and once beside a password
			p = cloud.password(p, u)
		}
		cloud.follow(cloud.use(p)).is(t, "user", u.ID)
		if n := w.count(u.ID, storage.FactorSuspect); n != i+1 {
			t.Errorf("%d events after %d uses", n, i+1)
		}
	}
	cloud.get("/account").shows(t, http.StatusOK, "A passkey was used that there may be a copy of")
}

// A passkey is taken on the first page from anybody, and only then is known whose organization takes none. Its
// owner is told, and not asked for it again where it cannot count.
func TestPasskeyThatThePolicyDoesNotTake(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	seed, _ := phone.trusts(u)
	w.setPolicy("riverside", preset("standard", func(p *login.Policy) { p.MFA, p.Factors = login.Optional, []factors.Kind{factors.TOTP} }))
	for _, from := range []string{"the first page", "the page of the password"} {
		p := phone.nobody()
		if from != "the first page" {
			p = phone.follow(phone.post(p.on("identifier"), "email", "somebody.else@example.com"))
		}
		before := len(w.results())
		p = phone.use(p)
		p.shows(t, http.StatusUnprocessableEntity, "Enter Your Password", "Your organization does not take passkeys", u.Email)
		for _, p := range []page{p, phone.get(p.on(""))} {
			if p.has("data-ceremony") {
				t.Errorf("%s: the passkey is asked for again", from)
			}
		}
		phone.answer(p, "{}").leads(t, p.on(""))
		if len(w.results()) != before {
			t.Fatalf("%s: somebody came in", from)
		}
		p = phone.follow(phone.post(p.on("password"), "password", secretWord))
		p.shows(t, http.StatusOK, "Enter your one-time code")
		phone.follow(phone.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID, "amr", "mfa otp pwd")
	}
}

// forgive forgets the failures of a person.
func (w *world) forgive(u login.User) {
	w.t.Helper()
	for _, k := range login.AttemptKinds() {
		count, err := w.db.Attempt(w.t.Context(), login.AttemptKey(k, u.ID))
		must(w.t, err)
		must(w.t, w.db.SwapAttempt(w.t.Context(), login.AttemptKey(k, u.ID), count, limit.Attempt{}, storage.Trail{}))
	}
}

func TestW07_UnknownPasskey(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	w.removes(u, w.enrollment(u, factors.Passkey).ID)
	p := phone.use(phone.nobody())
	p.shows(t, http.StatusUnprocessableEntity, "We do not know that passkey any more")
	if !p.has(`data-signal="unknown"`) || !p.has(`"rpId":"id.example"`) || !p.has("credentialId") {
		t.Errorf("the browser is not told: %s", p.body)
	}
	for _, id := range []string{"", "not base64url!", strings.Repeat("A", 2000)} {
		got := phone.answer(phone.get(p.on("")), `{"id":"`+id+`","rawId":"`+id+`","type":"public-key"}`)
		if got.shows(t, http.StatusUnprocessableEntity); got.has("credentialId") {
			t.Errorf("the browser is told of %q", id)
		}
	}
}

// TestW07_Signal changes the list elsewhere: the browser is told at the next sign-in, all of it and once.
func TestW07_Signal(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	first := w.enrollment(u, factors.Passkey)
	again := func() page {
		return phone.follow(phone.use(phone.anew(u)))
	}
	again().is(t, "user", u.ID)
	add := func(id, handle string) {
		must(t, w.db.AddEnrollment(t.Context(), factors.Enrollment{
			ID: id, UserID: u.ID, Kind: factors.Passkey, Name: id, Secret: first.Secret, Handle: []byte(handle),
			Place: factors.Synced, Confirmed: w.now(), Created: w.now(),
		}, w.user(u).Grounds(), false, storage.Trail{}))
	}
	remove := func(id string) { w.removes(u, id) }
	add("0199-second", "second credential")
	p := again()
	p.shows(t, http.StatusOK)
	for _, want := range []string{`data-signal="all"`, "c2Vjb25kIGNyZWRlbnRpYWw", "id.example"} {
		if !p.has(want) {
			t.Errorf("no %s in %s", want, p.body)
		}
	}
	phone.follow(phone.post(p.on("signal"))).is(t, "user", u.ID)
	again().is(t, "user", u.ID)

	// A page tells it of one that is gone by the time that this is heard of: it is told again, and at the next
	// sign-in where there is something else to tell as well.
	add("0199-third", "third credential")
	p = again()
	remove("0199-third")
	p = phone.follow(phone.post(p.on("signal")))
	if !p.has(`data-signal="all"`) || p.has("dGhpcmQgY3JlZGVudGlhbA") {
		t.Errorf("what was told before it was removed: %s", p.body)
	}
	phone.follow(phone.post(p.on("signal"))).is(t, "user", u.ID)
	add("0199-fourth", "fourth credential")
	add("0199-fifth", "fifth credential")
	p = again()
	remove("0199-fifth")
	phone.follow(phone.post(p.on("signal"))).is(t, "user", u.ID)
	p = again()
	if !p.has(`data-signal="all"`) || p.has("ZmlmdGggY3JlZGVudGlhbA") {
		t.Errorf("what was told before it was removed: %s", p.body)
	}
	phone.follow(phone.post(p.on("signal"))).is(t, "user", u.ID)
	again().is(t, "user", u.ID)

	// Who is called otherwise is called so by their passkeys.
	called := w.user(u)
	called.Name, called.Email, called.Updated = "Anna Karlsson", "anna@lakeside.example", w.now()
	must(t, w.db.UpdateUser(t.Context(), called, storage.Trail{}))
	u = called
	p = again()
	for _, want := range []string{`data-signal="details"`, `"displayName":"Anna Karlsson"`, `"name":"anna@lakeside.example"`} {
		if !p.has(want) {
			t.Errorf("no %s in %s", want, p.body)
		}
	}
	// A browser that says of itself that it heard what nobody says keeps nothing of that, and is told again.
	for _, forged := range []string{strings.Repeat("A", 2000), "not base64url", "AAAA"} {
		before := phone.cookie("vseeid-device")
		phone.follow(phone.post(p.on("signal"), "told", forged)).is(t, "user", u.ID)
		if phone.cookie("vseeid-device") != before {
			t.Errorf("%.20q is remembered", forged)
		}
		if p = again(); !p.has(`data-signal="all"`) {
			t.Fatalf("%.20q is taken", forged)
		}
	}
	phone.follow(phone.post(p.on("signal"))).is(t, "user", u.ID)
	again().is(t, "user", u.ID)
}

// TestT10_LockoutLeavesThePasskey fails a thousand times at the password of somebody else.
func TestT10_LockoutLeavesThePasskey(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	attacker := w.browser()
	for i := range 1000 {
		attacker.header.Set("X-Test-IP", fmt.Sprintf("198.51.%d.%d", 100+i/250, i%250))
		p := attacker.follow(attacker.post(attacker.begin(login.Demand{Fresh: true, Select: true}).on("identifier"), "email", u.Email))
		attacker.post(p.on("password"), "password", "wrong")
		w.pass(time.Hour)
	}
	p := phone.nobody()
	phone.follow(phone.use(p)).is(t, "user", u.ID, "amr", "hwk mfa pop user")
	p = phone.follow(phone.post(phone.nobody().on("identifier"), "email", u.Email))
	p = phone.post(p.on("password"), "password", secretWord)
	p.shows(t, http.StatusTooManyRequests, "the administrator", "Sign in with a passkey")
	phone.follow(phone.use(p)).is(t, "user", u.ID)

	// Wrong answers of a passkey slow down, and close nothing.
	p = phone.password2(u)
	stranger := passkeytest.New(origin)
	for range 60 {
		k := *phone.keys.Keys()[0]
		bad := stranger.Clone()
		bad.Lies.Signature = true
		response, err := bad.Use(&k, p.options(t))
		must(t, err)
		got := phone.answer(p, string(response))
		if got.status != http.StatusUnprocessableEntity && got.status != http.StatusTooManyRequests {
			t.Fatalf("status %d", got.status)
		}
		w.pass(2 * time.Second)
		p = phone.get(p.on(""))
	}
	w.pass(time.Minute)
	p = phone.password2(u)
	phone.follow(phone.use(p)).is(t, "user", u.ID)
}

// T-10: who has the password makes nobody wait by what is no answer, and neither does its owner by
// one that comes late. What is an answer, and wrong, slows down.
func TestT10_W04_WhatIsNoAnswerIsNotCounted(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	phone.trusts(u)
	key := login.AttemptKey(factors.Passkey, u.ID)
	failures := func() int {
		a, err := w.db.Attempt(t.Context(), key)
		must(t, err)
		return a.Failures
	}
	p := phone.anew(u)
	earlier := phone.assertion(p)
	p = phone.anew(u)
	for _, junk := range []string{"x", "{}", strings.Repeat("x", 40_000), earlier} {
		for range 8 {
			phone.post(p.on("passkey"), "response", junk).shows(t, http.StatusUnprocessableEntity)
			p = phone.get(p.on(""))
		}
	}
	for range 8 {
		p = phone.anew(u)
		late := phone.assertion(p)
		w.pass(5 * time.Minute)
		phone.answer(p, late).shows(t, http.StatusUnprocessableEntity, "took too long")
		p = phone.get(p.on(""))
	}
	k := *phone.keys.Keys()[0]
	k.ID = []byte("of nobody at all")
	unknown, err := phone.keys.Clone().Use(&k, p.options(t))
	must(t, err)
	phone.answer(p, string(unknown)).shows(t, http.StatusUnprocessableEntity, "We do not know that passkey any more")
	if n := failures(); n != 0 {
		t.Errorf("%d failures are counted of what is no answer", n)
	}
	p = phone.get(p.on(""))
	bad := phone.keys.Clone()
	bad.Lies.Signature = true
	wrong, err := bad.Get(p.options(t))
	must(t, err)
	phone.answer(p, string(wrong)).shows(t, http.StatusUnprocessableEntity)
	if n := failures(); n != 1 {
		t.Errorf("%d failures are counted of a wrong signature", n)
	}
	phone.follow(phone.use(phone.get(p.on("")))).is(t, "user", u.ID)
	if n := failures(); n != 0 {
		t.Errorf("%d failures are left", n)
	}
}

// N-11: nobody has to give a fingerprint or a face. Whatever page asks for a passkey, one of the ways
// beside it takes what can be typed, and the page says that the device may take its PIN.
func TestN11_AWayWithoutBiometrics(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	w.org("keys", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey, factors.Recovery} }))
	anna := w.person("anna", "riverside")
	phone := w.phone()
	seed, code := phone.trusts(anna)

	p := phone.nobody() // where a passkey is offered, an address can be typed
	if !p.has("data-ceremony") || !p.has(`name="email"`) {
		t.Error("the first page takes a passkey only")
	}
	p = phone.follow(phone.post(p.on("identifier"), "email", anna.Email))
	if !p.has("data-ceremony") || !p.has(`name="password"`) {
		t.Error("the first proof is a passkey only")
	}
	// Signed in, everything is proved again by the password just as well.
	phone.follow(phone.use(phone.nobody()))
	p = phone.begin(login.Demand{Fresh: true})
	p.shows(t, http.StatusOK, "Use fingerprint or face recognition", "PIN")
	if !phone.get(p.on("method")).has(`value="password"`) {
		t.Error("the password is not listed")
	}

	for method, typed := range map[string]func() string{"totp": func() string { return w.app(seed) }, "recovery": func() string { return code }} {
		p = phone.anew(anna)
		p.shows(t, http.StatusOK, "Use fingerprint or face recognition", "PIN", "security key", "Try another method")
		list := phone.get(p.on("method"))
		if !list.has(`value="` + method + `"`) {
			t.Errorf("%s is not listed", method)
		}
		p = phone.follow(phone.post(p.on("method"), "method", method))
		if got := phone.post(p.on("challenge"), "code", typed()); got.status >= http.StatusBadRequest {
			t.Errorf("%s: %d", method, got.status)
		}
	}

	// And where passkeys are all that there is, a PIN or a security key does, and so does the recovery code.
	bert := w.person("bert", "keys")
	key := w.device(passkeytest.NewKey(origin))
	p = key.password(key.begin(login.Demand{}), bert)
	p.shows(t, http.StatusOK, "a PIN", "security key")
	p = key.follow(key.use(key.follow(key.make(p))))
	p = key.follow(key.post(p.on("name"), "name", "key"))
	key.follow(key.post(p.on("recovery"), "confirmed", "true")).is(t, "user", bert.ID)
	p = key.anew(bert)
	if !p.has("data-ceremony") || !key.get(p.on("method")).has(`value="recovery"`) {
		t.Error("the recovery code is not listed")
	}
}

// password2 reaches the second factor by the person's password, whatever failed at that.
func (d *device) password2(u login.User) page {
	d.w.forgive(u)
	return d.anew(u)
}

// TestW08_PagesBeforeAProof says the same of people with passkeys, without, and of nobody.
func TestW08_PagesBeforeAProof(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	with, without := w.person("anna", "riverside"), w.person("bert", "riverside")
	w.phone().trusts(with)
	walk := func(email string) []string {
		b := w.phone()
		var seen []string
		look := func(p page) page { seen = append(seen, anonymous(p, email)); return p }
		p := look(b.begin(login.Demand{LoginHint: email}))
		look(b.post(p.on("identifier"), "email", email))
		p = look(b.get(p.on("")))
		look(b.post(p.on("passkey"), "error", "NotAllowedError"))
		look(b.post(p.on("passkey"), "response", "{}", "attachment", "platform"))
		return seen
	}
	want := walk("nobody@example.com")
	if !strings.Contains(strings.Join(want, ""), "data-options") || strings.Contains(strings.Join(want, ""), "allowCredentials") {
		t.Fatal("the pages have no ceremony, or one that names passkeys")
	}
	for _, u := range []login.User{with, without} {
		if d := cmp.Diff(want, walk(u.Email)); d != "" {
			t.Errorf("%s: %s", u.Name, d)
		}
	}
}

func TestBrowserErrorsHaveWords(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	seed, _ := phone.trusts(u)
	challenge := phone.anew(u)
	for _, c := range []struct{ name, late, says string }{
		{"NotAllowedError", "", "stopped before they were finished"},
		{"NotAllowedError", "true", "no answer in time"},
		{"TimeoutError", "", "no answer in time"},
		{"NotSupportedError", "", "Use another browser or device"},
		{"SecurityError", "", "Use another browser or device"},
		{"ConstraintError", "", "no screen lock"},
		{"InvalidStateError", "", "could not finish"},
		{"<script>", "", "could not finish"},
	} {
		got := phone.post(challenge.on("passkey"), "error", c.name, "late", c.late)
		got.shows(t, http.StatusUnprocessableEntity, c.says, "Try another method")
	}
	phone.follow(phone.use(challenge)).is(t, "user", u.ID) // the ceremony is still good
	for _, e := range w.events(u.ID) {
		if e.Type == storage.CeremonyFailed && strings.Contains(e.Detail["error"], "<") {
			t.Errorf("noted as it came: %v", e.Detail)
		}
	}
	if n := w.count(u.ID, storage.CeremonyFailed); n != 8 {
		t.Errorf("%d failures noted", n)
	}

	// On a device that has one already there is no need for another, nor to be asked again.
	other := w.phone()
	other.keys = phone.keys
	w.pass(time.Minute)
	p := other.password(other.begin(login.Demand{}), u)
	p = other.follow(other.post(p.on("challenge"), "code", w.app(seed)))
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	_, err := other.keys.Create(p.options(t))
	if err == nil || err.Error() != "InvalidStateError" {
		t.Fatalf("the browser would make another: %v", err)
	}
	other.post(p.on("passkey"), "error", err.Error()).shows(t, http.StatusUnprocessableEntity, "already has a passkey")
	other.follow(other.post(p.on("later"))).is(t, "user", u.ID)
	other.anew(u).shows(t, http.StatusOK, "Use fingerprint")
}

func TestOfferedTrustPutOffAndRefused(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	phone := w.phone()
	seed, _, p := phone.setUp(u, login.Demand{})
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	phone.follow(phone.post(p.on("later"))).is(t, "user", u.ID)
	again := func(b *browser) page {
		p := b.password(b.begin(login.Demand{Fresh: true, Select: true}), u)
		return b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
	}
	again(phone.browser).is(t, "user", u.ID)
	w.pass(14 * 24 * time.Hour)
	p = again(phone.browser)
	p.shows(t, http.StatusOK, "Log In Faster on This Device")
	// A device that says it has one is believed as far as asking goes.
	phone.follow(phone.post(p.on("never"))).is(t, "user", u.ID)
	w.pass(100 * 24 * time.Hour)
	again(phone.browser).is(t, "user", u.ID)
	// Another browser was not told anything; one that cannot is not asked.
	again(w.phone().browser).shows(t, http.StatusOK, "Log In Faster on This Device")
	weak := w.browser()
	weak.can = "passkey signal"
	again(weak).is(t, "user", u.ID)
	again(w.browser()).is(t, "user", u.ID)
	// It is not offered on the word of the client, and prompt=none shows nothing.
	phone.keep("vseeid-device", strings.Repeat("A", 300))
	again(phone.browser).shows(t, http.StatusOK, "Log In Faster on This Device")
}

// The cookie of a browser that many people share keeps the latest, and stays small.
func TestDeviceCookieStaysSmall(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	d := w.phone()
	var last login.User
	for i := range 12 {
		last = w.person(fmt.Sprintf("person%d", i), "riverside")
		d.keys = passkeytest.New(origin)
		d.keep("vseeid-session", "")
		d.trusts(last)
		if n := len(d.cookie("vseeid-device")); n == 0 || n > 2400 {
			t.Fatalf("after %d people the cookie has %d bytes", i+1, n)
		}
	}
	d.anew(last).shows(t, http.StatusOK, "Use fingerprint")
}
