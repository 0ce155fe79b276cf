package passkey_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// What a passkey is worth is read from the answer at hand.
func TestA05_A06_A07_Evidence(t *testing.T) {
	w := newWorld(t)
	const has, both = factors.Has, factors.Has | factors.Is
	for _, tc := range []struct {
		row   string
		fresh func(string) *passkeytest.Authenticator
		uv    bool
		class factors.Class
		amr   []string
	}{
		{"A-05: in one device, its user verified", passkeytest.New, true, both, []string{"hwk", "pop", "user"}},
		{"A-05: on a security key, its user verified", passkeytest.NewKey, true, both, []string{"hwk", "pop", "user"}},
		{"A-06: synced, its user verified", passkeytest.NewSynced, true, both, []string{"swk", "pop", "user"}},
		{"A-07: in one device, its user not verified", passkeytest.New, false, has, []string{"hwk", "pop", "user"}},
		{"A-07: synced, its user not verified", passkeytest.NewSynced, false, has, []string{"swk", "pop", "user"}},
	} {
		t.Run(tc.row, func(t *testing.T) {
			u, a := w.somebody(t), tc.fresh(origin)
			e := w.setUp(t, u, a)
			if e.Proved.Kind != "" {
				t.Errorf("setting it up proved %+v", e.Proved)
			}
			// A use with verification in front, which must not shine on the one after it.
			if _, err := w.prove(t, u, a); err != nil {
				t.Fatal(err)
			}
			a.Unverified = !tc.uv
			w.now = w.now.Add(time.Minute)
			got, err := w.prove(t, u, a)
			if err != nil {
				t.Fatal(err)
			}
			want := factors.Evidence{Kind: factors.Passkey, Source: "passkey:" + e.ID, Class: tc.class, AMR: tc.amr, At: w.now}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if last := w.only(t, u).LastUsed; !last.Equal(w.now) {
				t.Errorf("last used %v", last)
			}
		})
	}
}

// A passkey that has to stand for everything asks for its user, and is nothing without: not even where the
// answer is to what was asked while something else stood beside it.
func TestW10_AloneItsUserIsVerified(t *testing.T) {
	w, a := newWorld(t), passkeytest.New(origin)
	e := w.setUp(t, w.charlotte, a)
	alone := w.charlotte
	alone.Alone = true
	for _, asked := range []factors.User{alone, w.charlotte} {
		begun := w.beginChallenge(t, asked)
		if required := bytes.Contains(begun.options, []byte(`"userVerification":"required"`)); required != asked.Alone {
			t.Errorf("alone %v: asked by %s", asked.Alone, begun.options)
		}
		a.Unverified = true
		got, err := w.Verify(t.Context(), alone, w.enrolled(t, alone), begun.state, used(t, a, begun.options))
		if !errors.Is(err, factors.ErrUnverified) || got.Kind != "" {
			t.Errorf("alone %v: %+v, %v", asked.Alone, got, err)
		}
		w.unchanged(t, w.charlotte, e, a)
		e = w.only(t, w.charlotte)
	}
	begun := w.beginChallenge(t, alone)
	if got, err := w.Verify(t.Context(), alone, w.enrolled(t, alone), begun.state, used(t, a, begun.options)); err != nil || got.Class != factors.Has|factors.Is {
		t.Errorf("its user verified: %+v, %v", got, err)
	}
}

// assertionLies are wrong with the answer of a passkey that is used.
var assertionLies = append(slices.Clone(lies), []lie{
	{"a registration's type", func(a *passkeytest.Authenticator) { a.Lies.Type = "webauthn.create" }, factors.ErrWrong},
	{"another signature", func(a *passkeytest.Authenticator) { a.Lies.Signature = true }, factors.ErrWrong},
	{"no signature", func(a *passkeytest.Authenticator) { a.Lies.Response = set("signature", "") }, factors.ErrWrong},
	{"another person's user handle", func(a *passkeytest.Authenticator) { a.Lies.UserHandle = make([]byte, 64) }, factors.ErrWrong},
	{"it can be backed up now", func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f | 8 } }, factors.ErrWrong},
	{"it can be backed up now, and is", func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f | 24 } }, factors.ErrWrong},
	{"flags that were changed after the signature", func(a *passkeytest.Authenticator) {
		a.Unverified = true
		a.Lies.Response = func(_, r map[string]any) {
			data := r["authenticatorData"].(string)
			r["authenticatorData"] = data[:43] + "F" + data[44:] // the flags become 5: UP and UV
		}
	}, factors.ErrWrong},
	{"a counter that went back", func(a *passkeytest.Authenticator) { a.Lies.Counter = new(uint32) }, factors.ErrCloned},
}...)

// What browsers and password managers differ in is no reason to refuse.
func TestW03_AssertionsThatAreGood(t *testing.T) {
	w := newWorld(t)
	for what, tell := range map[string]func(*passkeytest.Authenticator){
		"no user handle":          func(a *passkeytest.Authenticator) { a.Lies.UserHandle = []byte{} },
		"a user handle of null":   func(a *passkeytest.Authenticator) { a.Lies.Response = set("userHandle", nil) },
		"crossOrigin is left out": func(a *passkeytest.Authenticator) { a.Lies.Client = drop("crossOrigin") },
		"the port of the scheme":  func(a *passkeytest.Authenticator) { a.Lies.Origin = origin + ":443" },
		"another attachment":      func(a *passkeytest.Authenticator) { a.Attachment = "cross-platform" },
		"outputs that nobody asked": func(a *passkeytest.Authenticator) {
			a.Lies.Response = put("clientExtensionResults", map[string]any{"appid": false})
		},
		"no outputs": func(a *passkeytest.Authenticator) { a.Lies.Response = put("clientExtensionResults", nil) },
		"extensions in what it signs": func(a *passkeytest.Authenticator) {
			a.Lies.Flags = func(f byte) byte { return f | 128 }
			a.Lies.Data = func(d []byte) []byte { return append(d, 0xa0) } // CBOR: an empty map
		},
	} {
		t.Run(what, func(t *testing.T) {
			u, a := w.somebody(t), passkeytest.New(origin)
			e := w.setUp(t, u, a)
			tell(a)
			got, err := w.prove(t, u, a)
			if err != nil || got.Class != factors.Has|factors.Is {
				t.Errorf("%+v, %v", got, err)
			}
			if after := w.only(t, u); after.Place != e.Place {
				t.Errorf("it moved to %s", after.Place)
			}
		})
	}
}

// A synced passkey can be backed up for the first time, or no longer be; that is noted.
func TestBackedUpLater(t *testing.T) {
	w, a := newWorld(t), passkeytest.NewSynced(origin)
	a.BackedUp = false
	before := w.setUp(t, w.charlotte, a)
	for _, backedUp := range []bool{true, false} {
		a.BackedUp = backedUp
		if _, err := w.prove(t, w.charlotte, a); err != nil {
			t.Fatal(err)
		}
		after := w.only(t, w.charlotte)
		if changed := string(after.Secret) != string(before.Secret); changed != backedUp || after.Place != factors.Synced {
			t.Errorf("backed up %v: the record changed %v, on %s", backedUp, changed, after.Place)
		}
	}
}

// unchanged requires that a refused answer left e as it was, and that an honest one is good.
func (w *world) unchanged(t *testing.T, u factors.User, e factors.Enrollment, a *passkeytest.Authenticator) {
	t.Helper()
	if diff := cmp.Diff(e, w.only(t, u)); diff != "" {
		t.Errorf("what was refused is written: %s", diff)
	}
	a.Lies, a.Absent, a.Unverified, a.CrossOrigin, a.TopOrigin = passkeytest.Lies{}, false, false, false, ""
	if _, err := w.prove(t, u, a); err != nil {
		t.Errorf("the honest answer after it: %v", err)
	}
}

// Every check of an assertion (WebAuthn Level 3, 7.2), by an answer that it has to fail.
func TestW03_Assertion(t *testing.T) {
	w := newWorld(t)
	for _, tc := range assertionLies {
		t.Run(tc.what, func(t *testing.T) {
			u, a := w.somebody(t), passkeytest.New(origin)
			e := w.setUp(t, u, a)
			tc.tell(a)
			want := tc.want
			switch tc.what {
			case "another id":
				want = factors.ErrUnknown
			case "another challenge", "no challenge", "client data that are null": // no answer to what was asked
				want = factors.ErrFormat
			}
			begun := w.beginChallenge(t, u)
			answer := used(t, a, begun.options)
			got, err := w.Verify(t.Context(), u, w.enrolled(t, u), begun.state, answer)
			if !errors.Is(err, want) || want == factors.ErrWrong && (errors.Is(err, factors.ErrFormat) || errors.Is(err, factors.ErrUnknown)) {
				t.Errorf("%v, want %v", err, want)
			}
			if diff := cmp.Diff(factors.Evidence{}, got); diff != "" {
				t.Errorf("evidence beside the error: %s", diff)
			}
			silent(t, err, answer)
			w.unchanged(t, u, e, a)
		})
	}
}

func TestW03_Discovery(t *testing.T) {
	w := newWorld(t)
	for _, tc := range append(slices.Clone(assertionLies), []lie{
		{"no user handle", func(a *passkeytest.Authenticator) { a.Lies.UserHandle = []byte{} }, factors.ErrWrong},
		{"the user was not verified", func(a *passkeytest.Authenticator) { a.Unverified = true }, factors.ErrUnverified},
	}...) {
		t.Run(tc.what, func(t *testing.T) {
			u, a := w.somebody(t), passkeytest.New(origin)
			e := w.setUp(t, u, a)
			tc.tell(a)
			want := tc.want
			switch tc.what {
			case "another id":
				want = factors.ErrUnknown
			case "another challenge", "no challenge", "client data that are null": // no answer to what was asked
				want = factors.ErrFormat
			}
			begun := w.beginDiscover(t)
			answer := used(t, a, begun.options)
			found, got, err := w.Discover(t.Context(), begun.state, answer)
			if !errors.Is(err, want) || want == factors.ErrWrong && (errors.Is(err, factors.ErrFormat) || errors.Is(err, factors.ErrUnknown)) {
				t.Errorf("%v, want %v", err, want)
			}
			if diff := cmp.Diff(factors.Evidence{}, got); diff != "" {
				t.Errorf("evidence beside the error: %s", diff)
			}
			told := ""
			if want == factors.ErrCloned { // its owner has to hear of it
				told = e.ID
			}
			if found.ID != told {
				t.Errorf("it is told to be %q, want %q", found.ID, told)
			}
			silent(t, err, answer)
			w.unchanged(t, u, e, a)
		})
	}
}

func TestDiscover(t *testing.T) {
	w, phone := newWorld(t), passkeytest.NewSynced(origin)
	e := w.setUp(t, w.charlotte, phone)
	w.setUp(t, w.bob, passkeytest.New(origin))
	begun := w.beginDiscover(t)
	w.now = w.now.Add(time.Minute)
	found, got, err := w.Discover(t.Context(), begun.state, used(t, phone, begun.options))
	if err != nil {
		t.Fatal(err)
	}
	if found.ID != e.ID || found.UserID != w.charlotte.ID {
		t.Errorf("it is %s of %s", found.ID, found.UserID)
	}
	want := factors.Evidence{
		Kind: factors.Passkey, Source: "passkey:" + e.ID, Class: factors.Has | factors.Is,
		AMR: []string{"swk", "pop", "user"}, At: w.now,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The user handle is signed by nobody: with another person's it must not open that person's account.
func TestW03_DiscoveryByAnothersUserHandle(t *testing.T) {
	w, mine := newWorld(t), passkeytest.New(origin)
	w.setUp(t, w.charlotte, mine)
	w.setUp(t, w.bob, passkeytest.New(origin))
	theirs, err := w.db.UserHandle(t.Context(), w.bob.ID)
	if err != nil {
		t.Fatal(err)
	}
	mine.Lies.UserHandle = theirs
	begun := w.beginDiscover(t)
	found, got, err := w.Discover(t.Context(), begun.state, used(t, mine, begun.options))
	if !errors.Is(err, factors.ErrWrong) || found.ID != "" || got.Kind != "" {
		t.Errorf("%s %+v %v", found.UserID, got, err)
	}
}

func TestT07_AnothersPasskey(t *testing.T) {
	w, mine, theirs := newWorld(t), passkeytest.New(origin), passkeytest.New(origin)
	w.setUp(t, w.charlotte, mine)
	w.setUp(t, w.bob, theirs)
	begun := w.beginChallenge(t, w.charlotte)
	response, err := theirs.Use(theirs.Keys()[0], begun.options)
	if err != nil {
		t.Fatal(err)
	}
	for what, enrolled := range map[string][]factors.Enrollment{
		"answered": w.enrolled(t, w.charlotte), "answered, and nothing is set up": nil,
	} {
		got, err := w.Verify(t.Context(), w.charlotte, enrolled, begun.state, factors.Answer{Response: response})
		if !errors.Is(err, factors.ErrWrong) || got.Kind != "" {
			t.Errorf("another's passkey %s: %+v, %v", what, got, err)
		}
		if errors.Is(err, factors.ErrUnknown) {
			t.Errorf("another's passkey %s: the browser is told to forget it", what)
		}
	}
	both := append(w.enrolled(t, w.charlotte), w.enrolled(t, w.bob)...)
	if got, err := w.Verify(t.Context(), w.charlotte, both, begun.state, factors.Answer{Response: response}); !errors.Is(err, factors.ErrState) || got.Kind != "" {
		t.Errorf("another's enrollment: %+v, %v", got, err)
	}
	if _, _, err := w.BeginChallenge(t.Context(), w.charlotte, both); !errors.Is(err, factors.ErrState) {
		t.Errorf("a challenge of another's enrollment: %v", err)
	}
}

// A passkey that was set up after the challenge was not among those that it was for.
func TestW03_NotAskedFor(t *testing.T) {
	w, first, second := newWorld(t), passkeytest.New(origin), passkeytest.New(origin)
	w.setUp(t, w.charlotte, first)
	begun := w.beginChallenge(t, w.charlotte)
	w.setUp(t, w.charlotte, second)
	response, err := second.Use(second.Keys()[0], begun.options)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Verify(t.Context(), w.charlotte, w.enrolled(t, w.charlotte), begun.state, factors.Answer{Response: response})
	if !errors.Is(err, factors.ErrWrong) || errors.Is(err, factors.ErrUnknown) {
		t.Errorf("got %v", err)
	}
}

func TestUnknownPasskey(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	e := w.setUp(t, w.charlotte, phone)
	w.setUp(t, w.charlotte, passkeytest.NewKey(origin))
	begun, discovery := w.beginChallenge(t, w.charlotte), w.beginDiscover(t)
	stale := w.enrolled(t, w.charlotte)
	u, err := w.db.User(t.Context(), w.charlotte.ID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.RemoveEnrollment(t.Context(), login.Removal{UserID: u.ID, EnrollmentID: e.ID, On: u.Grounds(), At: w.now},
		func(login.Removed) storage.Trail { return storage.Trail{} }); err != nil {
		t.Fatal(err)
	}
	for what, enrolled := range map[string][]factors.Enrollment{"removed": w.enrolled(t, w.charlotte), "removed since it was read": stale} {
		if _, err := w.Verify(t.Context(), w.charlotte, enrolled, begun.state, used(t, phone, begun.options)); !errors.Is(err, factors.ErrUnknown) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := w.Discover(t.Context(), discovery.state, used(t, phone, discovery.options)); !errors.Is(err, factors.ErrUnknown) {
		t.Errorf("discovered: %v", err)
	}
}

// Every state is good for one method, one person and five minutes.
func TestW04_CrossPurpose(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	w.setUp(t, w.charlotte, phone)
	w.setUp(t, w.bob, passkeytest.New(origin))
	enrolled := w.enrolled(t, w.charlotte)

	begun := map[string]asked{
		"a registration": w.beginEnroll(t, w.charlotte), "a challenge": w.beginChallenge(t, w.charlotte), "a discovery": w.beginDiscover(t),
		"another's registration": w.beginEnroll(t, w.bob), "another's challenge": w.beginChallenge(t, w.bob),
		"nothing": {},
		"noise":   {state: factors.State("\x00")}, "null": {state: factors.State("null")}, "an empty object": {state: factors.State("{}")},
	}
	for _, of := range []string{"a registration", "a challenge", "a discovery"} { // of a release that wrote them otherwise
		other := bytes.Replace(begun[of].state, []byte(`"v":1`), []byte(`"v":2`), 1)
		begun[of+" of another release"] = asked{options: begun[of].options, state: other}
	}
	answerTo := func(b asked, method string) factors.Answer {
		if b.options == nil {
			b = begun["a discovery"]
		}
		if method == "FinishEnroll" {
			other := passkeytest.New(origin)
			response, err := other.Create(begun["a registration"].options)
			if err != nil {
				t.Fatal(err)
			}
			return factors.Answer{Response: response}
		}
		response, err := phone.Use(phone.Keys()[0], b.options)
		if err != nil {
			t.Fatal(err)
		}
		return factors.Answer{Response: response}
	}
	for method, good := range map[string]string{"FinishEnroll": "a registration", "Verify": "a challenge", "Discover": "a discovery"} {
		for what, b := range begun {
			var err error
			switch method {
			case "FinishEnroll":
				_, err = w.FinishEnroll(t.Context(), w.charlotte, b.state, answerTo(b, method))
			case "Verify":
				_, err = w.Verify(t.Context(), w.charlotte, enrolled, b.state, answerTo(b, method))
			case "Discover":
				_, _, err = w.Discover(t.Context(), b.state, answerTo(b, method))
			}
			if what == good && err != nil {
				t.Errorf("%s of %s: %v", method, what, err)
			}
			if what != good && (!errors.Is(err, factors.ErrState) || errors.Is(err, factors.ErrWrong)) {
				t.Errorf("%s of %s: %v, want ErrState", method, what, err)
			}
		}
	}
}

// An answer to one challenge is none to another: not of another tab, nor of another kind.
func TestW04_Replay(t *testing.T) {
	for name, fresh := range map[string]func(string) *passkeytest.Authenticator{"counts": passkeytest.New, "does not count": passkeytest.NewSynced} {
		t.Run(name, func(t *testing.T) {
			w, phone := newWorld(t), fresh(origin)
			w.setUp(t, w.charlotte, phone)
			first, second, discovery := w.beginChallenge(t, w.charlotte), w.beginChallenge(t, w.charlotte), w.beginDiscover(t)
			answer := used(t, phone, first.options)
			enrolled := w.enrolled(t, w.charlotte)
			if _, err := w.Verify(t.Context(), w.charlotte, enrolled, first.state, answer); err != nil {
				t.Fatal(err)
			}
			if got, err := w.Verify(t.Context(), w.charlotte, enrolled, second.state, answer); !errors.Is(err, factors.ErrWrong) || got.Kind != "" {
				t.Errorf("in another tab: %+v, %v", got, err)
			}
			if found, _, err := w.Discover(t.Context(), discovery.state, answer); !errors.Is(err, factors.ErrWrong) || found.ID != "" {
				t.Errorf("to discover: %q, %v", found.ID, err)
			}
		})
	}
}

func TestW04_TakesTooLong(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	w.setUp(t, w.charlotte, phone)
	begun, discovery := w.beginChallenge(t, w.charlotte), w.beginDiscover(t)
	enrolled := w.enrolled(t, w.charlotte)
	w.now = start.Add(5 * time.Minute)
	if _, err := w.Verify(t.Context(), w.charlotte, enrolled, begun.state, used(t, phone, begun.options)); !errors.Is(err, factors.ErrExpired) {
		t.Errorf("a challenge after five minutes: %v", err)
	}
	if _, _, err := w.Discover(t.Context(), discovery.state, used(t, phone, discovery.options)); !errors.Is(err, factors.ErrExpired) {
		t.Errorf("a discovery after five minutes: %v", err)
	}
	w.now = start.Add(5*time.Minute - time.Second)
	if _, err := w.Verify(t.Context(), w.charlotte, enrolled, begun.state, used(t, phone, begun.options)); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

// An answer that is right, but longer than any is, is not even read.
func TestAnswerTooLong(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	registration := w.beginEnroll(t, w.charlotte)
	long := func(a factors.Answer) factors.Answer {
		return factors.Answer{Response: append(bytes.Repeat([]byte(" "), 64<<10), a.Response...)}
	}
	if e, err := w.FinishEnroll(t.Context(), w.charlotte, registration.state, long(created(t, phone, registration.options))); !errors.Is(err, factors.ErrFormat) || e.ID != "" {
		t.Errorf("a registration: %v", err)
	}
	phone.Forget()
	w.setUp(t, w.charlotte, phone)
	challenge, discovery := w.beginChallenge(t, w.charlotte), w.beginDiscover(t)
	if _, err := w.Verify(t.Context(), w.charlotte, w.enrolled(t, w.charlotte), challenge.state, long(used(t, phone, challenge.options))); !errors.Is(err, factors.ErrFormat) {
		t.Errorf("an assertion: %v", err)
	}
	if _, _, err := w.Discover(t.Context(), discovery.state, long(used(t, phone, discovery.options))); !errors.Is(err, factors.ErrFormat) {
		t.Errorf("a discovery: %v", err)
	}
}

func TestDamagedRecord(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	w.setUp(t, w.charlotte, phone)
	begun := w.beginChallenge(t, w.charlotte)
	for _, record := range []string{"", "{}", "null", `{"v":2,"public_key":"AAAA"}`, `{"v":1}`} {
		damaged := w.enrolled(t, w.charlotte)
		damaged[0].Secret = []byte(record)
		got, err := w.Verify(t.Context(), w.charlotte, damaged, begun.state, used(t, phone, begun.options))
		if err == nil || errors.Is(err, factors.ErrWrong) || got.Kind != "" {
			t.Errorf("%q: %+v, %v", record, got, err)
		}
		if _, _, err := w.BeginChallenge(t.Context(), w.charlotte, damaged); err == nil {
			t.Errorf("%q: it is asked for", record)
		}
		if got := passkey.Provider(damaged[0]); got != "" {
			t.Errorf("%q: its maker is %s", record, got)
		}
	}
}

// T-53, in one place: what an attacker with a key of their own can try.
func TestT53_Passkey(t *testing.T) {
	for what, tell := range map[string]func(*passkeytest.Authenticator){
		"a proxy in between":       func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://id-vsee.example" },
		"a script on a subdomain":  func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://blog.vsee.example" },
		"a passkey of the proxy":   func(a *passkeytest.Authenticator) { a.Lies.RPID = "id-vsee.example" },
		"the user is not verified": func(a *passkeytest.Authenticator) { a.Unverified = true },
		"UV is painted on":         func(a *passkeytest.Authenticator) { assertionLies[len(assertionLies)-2].tell(a) },
	} {
		w, a := newWorld(t), passkeytest.New(origin)
		w.setUp(t, w.charlotte, a)
		tell(a)
		begun := w.beginDiscover(t)
		found, got, err := w.Discover(t.Context(), begun.state, used(t, a, begun.options))
		if !errors.Is(err, factors.ErrWrong) || found.ID != "" || got.Kind != "" {
			t.Errorf("%s: %q, %+v, %v", what, found.ID, got, err)
		}
	}
}
