package passkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

var (
	apple   = [16]byte(uuid.MustParse("fbfc3007-154e-4ecc-8c0b-6e020557d7bd"))
	yubikey = [16]byte(uuid.MustParse("cb69481e-8ff7-4039-93ec-0a2729a154a8"))
)

func TestEnrollment(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		what  string
		a     *passkeytest.Authenticator
		place factors.Place
		name  string
		step  int64
	}{
		{"a computer", passkeytest.New(origin), factors.OnDevice, "Passkey", 1},
		{"an account", passkeytest.NewSynced(origin), factors.Synced, "Apple Passwords", 0},
		{"a security key", passkeytest.NewKey(origin), factors.OnKey, "YubiKey 5 Series", 1},
		{"a phone over the air", func() *passkeytest.Authenticator {
			a := passkeytest.NewKey(origin)
			a.Transports = []string{"hybrid", "internal"}
			return a
		}(), factors.OnDevice, "Passkey", 1},
		{"an account that is not backed up yet", func() *passkeytest.Authenticator {
			a := passkeytest.NewSynced(origin)
			a.BackedUp = false
			return a
		}(), factors.Synced, "Passkey", 0},
		{"one that says nothing of itself", func() *passkeytest.Authenticator {
			a := passkeytest.New(origin)
			a.Attachment, a.Transports = "", nil
			return a
		}(), factors.OnDevice, "Passkey", 1},
	} {
		t.Run(tc.what, func(t *testing.T) {
			u := w.somebody(t)
			switch tc.name {
			case "Apple Passwords":
				tc.a.AAGUID = apple
			case "YubiKey 5 Series":
				tc.a.AAGUID = yubikey
			}
			got := w.setUp(t, u, tc.a)
			id, err := uuid.Parse(got.ID)
			if err != nil || id.Version() != 7 {
				t.Errorf("the id %s", got.ID)
			}
			want := factors.Enrollment{
				ID: got.ID, UserID: u.ID, Kind: factors.Passkey, Secret: got.Secret, Handle: tc.a.Keys()[0].ID,
				Place: tc.place, Name: tc.name, Confirmed: start, Created: start, Step: tc.step,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			if !json.Valid(got.Secret) || bytes.Contains(got.Secret, []byte(u.Email)) {
				t.Errorf("the record %s", got.Secret)
			}
			stored := w.only(t, u)
			if diff := cmp.Diff(got, stored); diff != "" {
				t.Errorf("as stored: %s", diff)
			}
			if want := strings.TrimPrefix(tc.name, "Passkey"); passkey.Provider(stored) != want {
				t.Errorf("the provider %q, want %q", passkey.Provider(stored), want)
			}
			if _, err := w.prove(t, u, tc.a); err != nil {
				t.Errorf("it does not work: %v", err)
			}
		})
	}
}

func TestEveryAlgorithm(t *testing.T) {
	w := newWorld(t)
	for _, alg := range []int{passkeytest.ES256, passkeytest.RS256, passkeytest.EdDSA} {
		for _, attestation := range []passkeytest.Form{passkeytest.None, passkeytest.Self} {
			u, a := w.somebody(t), passkeytest.New(origin)
			a.Alg, a.Attestation = alg, passkeytest.Attestation{Form: attestation, Unasked: true}
			w.setUp(t, u, a)
			if _, err := w.prove(t, u, a); err != nil {
				t.Errorf("%d %q: %v", alg, attestation, err)
			}
		}
	}
}

// lie is a thing that is wrong with an answer, and what is said of it.
type lie struct {
	what string
	tell func(*passkeytest.Authenticator)
	want error
}

// lies are wrong with an answer of either ceremony.
var lies = []lie{
	{"another challenge", func(a *passkeytest.Authenticator) { a.Lies.Challenge = make([]byte, 32) }, factors.ErrWrong},
	{"no challenge", func(a *passkeytest.Authenticator) { a.Lies.Challenge = []byte{} }, factors.ErrWrong},
	{"a site that looks like ours", func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://id.vsee.example.evil.example" }, factors.ErrWrong},
	{"our domain in the path", func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://evil.example/id.vsee.example" }, factors.ErrWrong},
	{"a subdomain", func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://evil.id.vsee.example" }, factors.ErrWrong},
	{"the parent domain", func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://vsee.example" }, factors.ErrWrong},
	{"another port", func(a *passkeytest.Authenticator) { a.Lies.Origin = origin + ":8443" }, factors.ErrWrong},
	{"another scheme", func(a *passkeytest.Authenticator) { a.Lies.Origin = "http://id.vsee.example" }, factors.ErrWrong},
	{"an app of the device", func(a *passkeytest.Authenticator) { a.Lies.Origin = "android:apk-key-hash:evil" }, factors.ErrWrong},
	{"a null origin", func(a *passkeytest.Authenticator) { a.Lies.Origin = "null" }, factors.ErrWrong},
	{"no origin", func(a *passkeytest.Authenticator) { a.Lies.Client = drop("origin") }, factors.ErrWrong},
	{"in a frame of another site", func(a *passkeytest.Authenticator) { a.CrossOrigin = true }, factors.ErrWrong},
	{"in a frame, said by the site around it", func(a *passkeytest.Authenticator) { a.CrossOrigin, a.TopOrigin = true, "https://evil.example" }, factors.ErrWrong},
	{"in a frame of our own", func(a *passkeytest.Authenticator) { a.CrossOrigin, a.TopOrigin = true, origin }, factors.ErrWrong},
	{"a site around it, and no frame", func(a *passkeytest.Authenticator) { a.TopOrigin = origin }, factors.ErrWrong},
	{"another type", func(a *passkeytest.Authenticator) { a.Lies.Type = "payment.get" }, factors.ErrWrong},
	{"no type", func(a *passkeytest.Authenticator) { a.Lies.Client = drop("type") }, factors.ErrWrong},
	{"another domain's passkey", func(a *passkeytest.Authenticator) { a.Lies.RPID = "evil.example" }, factors.ErrWrong},
	{"the origin's host for the domain", func(a *passkeytest.Authenticator) { a.Lies.RPID = "id.vsee.example" }, factors.ErrWrong},
	{"nobody was there", func(a *passkeytest.Authenticator) { a.Absent = true }, factors.ErrWrong},
	{"backed up, and cannot be", func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f | 16 } }, factors.ErrWrong},
	{"extensions that are not there", func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f | 128 } }, factors.ErrFormat},
	{"data that end too soon", func(a *passkeytest.Authenticator) { a.Lies.Data = func(d []byte) []byte { return d[:36] } }, factors.ErrFormat},
	{"more data", func(a *passkeytest.Authenticator) { a.Lies.Data = func(d []byte) []byte { return append(d, 0) } }, factors.ErrFormat},
	{"no data", func(a *passkeytest.Authenticator) { a.Lies.Data = func([]byte) []byte { return nil } }, factors.ErrFormat},
	{"client data that are a list", func(a *passkeytest.Authenticator) { a.Lies.Response = set("clientDataJSON", "W10") }, factors.ErrFormat},
	{"client data that are null", func(a *passkeytest.Authenticator) { a.Lies.Response = set("clientDataJSON", "bnVsbA") }, factors.ErrWrong},
	{"client data of no base64", func(a *passkeytest.Authenticator) { a.Lies.Response = set("clientDataJSON", "{}") }, factors.ErrFormat},
	{"client data that are a number", func(a *passkeytest.Authenticator) { a.Lies.Response = set("clientDataJSON", 7) }, factors.ErrFormat},
	{"no response", func(a *passkeytest.Authenticator) { a.Lies.Response = put("response", nil) }, factors.ErrFormat},
	{"a credential of another type", func(a *passkeytest.Authenticator) { a.Lies.Response = put("type", "password") }, factors.ErrFormat},
	{"no id", func(a *passkeytest.Authenticator) { a.Lies.Response = put("id", "") }, factors.ErrFormat},
	{"an id that is not the raw one", func(a *passkeytest.Authenticator) { a.Lies.Response = put("id", "AAAA") }, factors.ErrFormat},
	{"a raw id that is not the id", func(a *passkeytest.Authenticator) { a.Lies.Response = put("rawId", "AAAA") }, factors.ErrFormat},
	{"another id", func(a *passkeytest.Authenticator) {
		a.Lies.Response = func(c, _ map[string]any) { c["id"], c["rawId"] = "AAAA", "AAAA" }
	}, factors.ErrWrong},
}

func drop(name string) func(map[string]any) { return func(c map[string]any) { delete(c, name) } }

func put(name string, v any) func(c, r map[string]any) {
	return func(c, _ map[string]any) { c[name] = v }
}

func set(name string, v any) func(c, r map[string]any) {
	return func(_, r map[string]any) { r[name] = v }
}

// Every check of a registration (WebAuthn Level 3, 7.1), by an answer that it has to fail.
func TestW02_Registration(t *testing.T) {
	w := newWorld(t)
	for _, tc := range append(slices.Clone(lies), []lie{
		{"an assertion's type", func(a *passkeytest.Authenticator) { a.Lies.Type = "webauthn.get" }, factors.ErrWrong},
		{"the user was not verified", func(a *passkeytest.Authenticator) { a.Unverified = true }, factors.ErrUnverified},
		{"an algorithm that was not offered", func(a *passkeytest.Authenticator) { a.Lies.Alg = -35 }, factors.ErrWrong},
		{"an algorithm that is not the key's", func(a *passkeytest.Authenticator) { a.Lies.Alg = passkeytest.RS256 }, factors.ErrWrong},
		{"no credential in the data", func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f &^ 64 } }, factors.ErrFormat},
		{"an id that is longer than one may be", func(a *passkeytest.Authenticator) { a.Lies.CredentialID = make([]byte, 1024) }, factors.ErrFormat},
		{"an id of nothing", func(a *passkeytest.Authenticator) { a.Lies.CredentialID = []byte{} }, factors.ErrFormat},
		{"a statement that signed something else", func(a *passkeytest.Authenticator) {
			a.Attestation = passkeytest.Attestation{Form: passkeytest.Self, Broken: true, Unasked: true}
		}, factors.ErrWrong},
		{"no attestation object", func(a *passkeytest.Authenticator) { a.Lies.Response = set("attestationObject", "") }, factors.ErrFormat},
		{"an attestation object of noise", func(a *passkeytest.Authenticator) { a.Lies.Response = set("attestationObject", "_____w") }, factors.ErrFormat},
	}...) {
		t.Run(tc.what, func(t *testing.T) {
			u, a := w.somebody(t), passkeytest.New(origin)
			begun := w.beginEnroll(t, u)
			tc.tell(a)
			answer := created(t, a, begun.options)
			e, err := w.FinishEnroll(t.Context(), u, begun.state, answer)
			if !errors.Is(err, tc.want) || e.ID != "" || tc.want == factors.ErrWrong && errors.Is(err, factors.ErrFormat) {
				t.Errorf("it was taken as %q, %v; want %v", e.ID, err, tc.want)
			}
			silent(t, err, answer)
			honest := passkeytest.New(origin)
			if _, err := w.FinishEnroll(t.Context(), u, begun.state, created(t, honest, begun.options)); err != nil {
				t.Errorf("the honest answer to the same options: %v", err)
			}
		})
	}
}

// What browsers and password managers differ in is no reason to refuse.
func TestW02_RegistrationsThatAreGood(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("x", 1000)
	for what, tell := range map[string]func(*passkeytest.Authenticator){
		"the longest id":            func(a *passkeytest.Authenticator) { a.Lies.CredentialID = bytes.Repeat([]byte{7}, 1023) },
		"an id of one byte":         func(a *passkeytest.Authenticator) { a.Lies.CredentialID = []byte{7} },
		"the port of the scheme":    func(a *passkeytest.Authenticator) { a.Lies.Origin = origin + ":443" },
		"members that nobody knows": func(a *passkeytest.Authenticator) { a.Lies.Client = func(c map[string]any) { c["greeting"] = "hello" } },
		"crossOrigin is left out":   func(a *passkeytest.Authenticator) { a.Lies.Client = drop("crossOrigin") },
		"outputs that nobody asked": func(a *passkeytest.Authenticator) {
			a.Lies.Response = put("clientExtensionResults", map[string]any{"credProps": map[string]any{"rk": true}})
		},
		"transports that are new":    func(a *passkeytest.Authenticator) { a.Transports = []string{"smart-card", "telepathy", long} },
		"more transports than exist": func(a *passkeytest.Authenticator) { a.Transports = append(slices.Repeat([]string{"usb"}, 20), "nfc") },
		"an attachment that is new":  func(a *passkeytest.Authenticator) { a.Attachment = "implanted" },
		"a statement nobody can read": func(a *passkeytest.Authenticator) {
			a.Attestation = passkeytest.Attestation{Form: passkeytest.Foreign, Unasked: true}
		},
		"a statement by the key": func(a *passkeytest.Authenticator) {
			a.Attestation = passkeytest.Attestation{Form: passkeytest.Self, Unasked: true}
		},
	} {
		t.Run(what, func(t *testing.T) {
			u, a := w.somebody(t), passkeytest.New(origin)
			tell(a)
			e := w.setUp(t, u, a)
			if bytes.Contains(e.Secret, []byte(long)) || bytes.Contains(e.Secret, []byte(`"nfc"`)) {
				t.Error("it keeps whatever is said")
			}
			a.Lies.CredentialID, a.Keys()[0].ID = nil, e.Handle
			got, err := w.prove(t, u, a)
			if err != nil || got.Attested {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

func TestW02_SetUpAlready(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	e := w.setUp(t, w.charlotte, phone)
	for _, u := range []factors.User{w.charlotte, w.bob} {
		begun := w.beginEnroll(t, u)
		other := passkeytest.New(origin)
		other.Lies.CredentialID = e.Handle
		if got, err := w.FinishEnroll(t.Context(), u, begun.state, created(t, other, begun.options)); !errors.Is(err, factors.ErrTaken) || got.ID != "" {
			t.Errorf("a credential of somebody, by %s: %v", u.Email, err)
		}
	}
	if _, err := w.prove(t, w.charlotte, phone); err != nil {
		t.Errorf("whose it is: %v", err)
	}
}

// Two requests with one answer at once: the store lets one in.
func TestT53_OneCredentialForTwo(t *testing.T) {
	w, phone := newWorld(t), passkeytest.New(origin)
	begun, theirs := w.beginEnroll(t, w.charlotte), w.beginEnroll(t, w.bob)
	mine, err := w.FinishEnroll(t.Context(), w.charlotte, begun.state, created(t, phone, begun.options))
	if err != nil {
		t.Fatal(err)
	}
	other := passkeytest.New(origin)
	other.Lies.CredentialID = mine.Handle
	stolen, err := w.FinishEnroll(t.Context(), w.bob, theirs.state, created(t, other, theirs.options))
	if err != nil {
		t.Fatal(err)
	}
	w.keep(t, mine)
	if err := w.db.AddEnrollment(t.Context(), stolen, login.Grounds{}, false, storage.Trail{}); !errors.Is(err, factors.ErrTaken) {
		t.Errorf("the second: %v", err)
	}
}

// Conditional creation, in which nobody need be there, is not offered; and so its answers are refused.
func TestW06_NobodyMadeIt(t *testing.T) {
	for what, tell := range map[string]func(*passkeytest.Authenticator){
		"not there":              func(a *passkeytest.Authenticator) { a.Absent = true },
		"not verified":           func(a *passkeytest.Authenticator) { a.Unverified = true },
		"not there nor verified": func(a *passkeytest.Authenticator) { a.Absent, a.Unverified = true, true },
	} {
		w, a := newWorld(t), passkeytest.NewSynced(origin)
		tell(a)
		begun := w.beginEnroll(t, w.charlotte)
		e, err := w.FinishEnroll(t.Context(), w.charlotte, begun.state, created(t, a, begun.options))
		if !errors.Is(err, factors.ErrWrong) || e.ID != "" {
			t.Errorf("%s: %q, %v", what, e.ID, err)
		}
	}
}

func TestEnrollmentTakesTooLong(t *testing.T) {
	w := newWorld(t)
	begun := w.beginEnroll(t, w.charlotte)
	answer := created(t, passkeytest.New(origin), begun.options)
	w.now = start.Add(5 * time.Minute)
	if _, err := w.FinishEnroll(t.Context(), w.charlotte, begun.state, answer); !errors.Is(err, factors.ErrExpired) {
		t.Errorf("after five minutes: %v", err)
	}
	w.now = start.Add(5*time.Minute - time.Second)
	if _, err := w.FinishEnroll(t.Context(), w.charlotte, begun.state, answer); err != nil {
		t.Errorf("a second before: %v", err)
	}
}

func TestAttestation(t *testing.T) {
	w := newWorld(t)
	maker, stranger := newMaker(t), newMaker(t)
	believing := func(c *passkey.Config) { c.Roots = maker.Roots() }
	byMaker := passkeytest.Attestation{Form: passkeytest.ByMaker, Maker: maker}
	for _, tc := range []struct {
		what     string
		config   func(*passkey.Config)
		how      passkeytest.Attestation
		attested bool
		err      error
	}{
		{"by a maker we know", believing, byMaker, true, nil},
		{"by a maker we do not know", believing, passkeytest.Attestation{Form: passkeytest.ByMaker, Maker: stranger}, false, nil},
		{"by the key itself", believing, passkeytest.Attestation{Form: passkeytest.Self}, false, nil},
		{"none", believing, passkeytest.Attestation{}, false, nil},
		{"in words nobody knows", believing, passkeytest.Attestation{Form: passkeytest.Foreign}, false, nil},
		{"broken", believing, passkeytest.Attestation{Form: passkeytest.ByMaker, Maker: maker, Broken: true}, false, factors.ErrWrong},
		{"by a maker, and we know none", func(*passkey.Config) {}, byMaker, false, nil},
		{"unasked, and we know none", func(*passkey.Config) {}, passkeytest.Attestation{Form: passkeytest.ByMaker, Maker: maker, Unasked: true}, false, nil},
		{"by a maker whose time is over", func(c *passkey.Config) {
			believing(c)
			c.Now = func() time.Time { return maker.Root.NotAfter.Add(time.Hour) }
		}, byMaker, false, nil},
	} {
		t.Run(tc.what, func(t *testing.T) {
			w.Factor = w.factor(t, tc.config)
			u, key := w.somebody(t), passkeytest.NewKey(origin)
			key.AAGUID, key.Attestation = yubikey, tc.how
			u.Attest = true
			begun := w.beginEnroll(t, u)
			e, err := w.FinishEnroll(t.Context(), u, begun.state, created(t, key, begun.options))
			if !errors.Is(err, tc.err) || tc.err == nil && err != nil {
				t.Fatalf("%v, want %v", err, tc.err)
			}
			if err != nil {
				return
			}
			w.keep(t, e)
			got, err := w.prove(t, u, key)
			if err != nil || got.Attested != tc.attested {
				t.Errorf("attested %v, %v; want %v", got.Attested, err, tc.attested)
			}
			if fmt.Sprint(got.AMR) != "[hwk pop user]" {
				t.Errorf("amr %v", got.AMR)
			}
		})
	}
}

func newMaker(t *testing.T) *passkeytest.Maker {
	t.Helper()
	m, err := passkeytest.NewMaker("Test")
	if err != nil {
		t.Fatal(err)
	}
	return m
}
