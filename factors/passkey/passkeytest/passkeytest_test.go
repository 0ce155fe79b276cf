package passkeytest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
)

const origin = "https://id.example.com"

// person is a user of the library, which is what an honest answer is held to.
type person struct{ credentials []webauthn.Credential }

func (person) WebAuthnID() []byte                           { return []byte("handle") }
func (person) WebAuthnName() string                         { return "charlotte@riverside.example" }
func (person) WebAuthnDisplayName() string                  { return "Charlotte" }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

func library(t *testing.T) *webauthn.WebAuthn {
	t.Helper()
	w, err := webauthn.New(&webauthn.Config{RPID: "example.com", RPDisplayName: "VSee", RPOrigins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// register has a register with the library.
func register(t *testing.T, w *webauthn.WebAuthn, a *passkeytest.Authenticator, p person) (*webauthn.Credential, error) {
	t.Helper()
	asked, session, err := w.BeginRegistration(p,
		webauthn.WithConveyancePreference(protocol.PreferDirectAttestation),
		webauthn.WithExclusions(webauthn.Credentials(p.credentials).CredentialDescriptors()))
	if err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(asked.Response)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Create(options)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	return w.CreateCredential(p, *session, parsed)
}

func login(t *testing.T, w *webauthn.WebAuthn, a *passkeytest.Authenticator, p person) (*webauthn.Credential, error) {
	t.Helper()
	asked, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		t.Fatal(err)
	}
	options, err := json.Marshal(asked.Response)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := a.Get(options)
	if err != nil {
		return nil, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return nil, err
	}
	_, credential, err := w.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return p, nil }, *session, parsed)
	return credential, err
}

func TestHonest(t *testing.T) {
	maker, err := passkeytest.NewMaker("Test")
	if err != nil {
		t.Fatal(err)
	}
	w := library(t)
	for name, fresh := range map[string]func(string) *passkeytest.Authenticator{
		"device": passkeytest.New, "synced": passkeytest.NewSynced, "key": passkeytest.NewKey,
	} {
		for _, alg := range []int{0, passkeytest.ES256, passkeytest.EdDSA, passkeytest.RS256} {
			for _, form := range []passkeytest.Form{passkeytest.None, passkeytest.Self, passkeytest.ByMaker} {
				t.Run(fmt.Sprint(name, alg, form), func(t *testing.T) {
					a := fresh(origin)
					a.Alg, a.AAGUID = alg, [16]byte{1, 2, 3}
					a.Attestation = passkeytest.Attestation{Form: form, Maker: maker}
					made, err := register(t, w, a, person{})
					if err != nil {
						t.Fatalf("register: %+v", err)
					}
					used, err := login(t, w, a, person{credentials: []webauthn.Credential{*made}})
					if err != nil {
						t.Fatalf("login: %+v", err)
					}
					if used.Authenticator.CloneWarning {
						t.Error("the counter does not rise")
					}
					if want := name == "synced"; used.Flags.BackupEligible != want || used.Flags.BackupState != want {
						t.Errorf("flags %+v", used.Flags)
					}
					if want := [3]string{"none", "packed", "packed"}[map[passkeytest.Form]int{
						passkeytest.Self: 1, passkeytest.ByMaker: 2,
					}[form]]; made.AttestationFormat != want {
						t.Errorf("attestation %s, want %s", made.AttestationFormat, want)
					}
					_, err = register(t, w, a, person{credentials: []webauthn.Credential{*made}})
					if !errors.Is(err, passkeytest.ErrInvalidState) {
						t.Errorf("registered twice: %v", err)
					}
				})
			}
		}
	}
}

func TestBrowserRefuses(t *testing.T) {
	w := library(t)
	elsewhere := passkeytest.New("https://example.org")
	if _, err := register(t, w, elsewhere, person{}); !errors.Is(err, passkeytest.ErrSecurity) {
		t.Errorf("on another site: %v", err)
	}
	if _, err := login(t, w, passkeytest.New(origin), person{}); !errors.Is(err, passkeytest.ErrNotAllowed) {
		t.Errorf("without a passkey: %v", err)
	}
	unlocked := passkeytest.New(origin)
	unlocked.NoVerification = true
	if _, err := unlocked.Create([]byte(`{"rp":{"id":"example.com"},"authenticatorSelection":{"userVerification":"required"}}`)); !errors.Is(err, passkeytest.ErrConstraint) {
		t.Errorf("without a screen lock: %v", err)
	}
}

// Every lie is one that the library finds.
func TestLies(t *testing.T) {
	w := library(t)
	counter := uint32(0)
	for name, lie := range map[string]func(*passkeytest.Authenticator){
		"type":         func(a *passkeytest.Authenticator) { a.Lies.Type = "webauthn.other" },
		"challenge":    func(a *passkeytest.Authenticator) { a.Lies.Challenge = make([]byte, 32) },
		"origin":       func(a *passkeytest.Authenticator) { a.Lies.Origin = "https://example.org" },
		"rp id":        func(a *passkeytest.Authenticator) { a.Lies.RPID = "example.org" },
		"signature":    func(a *passkeytest.Authenticator) { a.Lies.Signature = true },
		"user handle":  func(a *passkeytest.Authenticator) { a.Lies.UserHandle = []byte("other") },
		"no handle":    func(a *passkeytest.Authenticator) { a.Lies.UserHandle = []byte{} },
		"credential":   func(a *passkeytest.Authenticator) { a.Lies.CredentialID = []byte("other") },
		"absent":       func(a *passkeytest.Authenticator) { a.Absent = true },
		"unverified":   func(a *passkeytest.Authenticator) { a.Unverified = true },
		"flags":        func(a *passkeytest.Authenticator) { a.Lies.Flags = func(f byte) byte { return f ^ 8 } },
		"cross origin": func(a *passkeytest.Authenticator) { a.CrossOrigin = true },
		"top origin":   func(a *passkeytest.Authenticator) { a.TopOrigin = origin },
		"data":         func(a *passkeytest.Authenticator) { a.Lies.Data = func(b []byte) []byte { return b[:36] } },
		"client":       func(a *passkeytest.Authenticator) { a.Lies.Client = func(c map[string]any) { delete(c, "challenge") } },
		"response": func(a *passkeytest.Authenticator) {
			a.Lies.Response = func(c, _ map[string]any) { c["type"] = "other" }
		},
		"counter": func(a *passkeytest.Authenticator) { a.Lies.Counter = &counter },
	} {
		t.Run(name, func(t *testing.T) {
			a := passkeytest.New(origin)
			made, err := register(t, w, a, person{})
			if err != nil {
				t.Fatal(err)
			}
			lie(a)
			used, err := login(t, w, a, person{credentials: []webauthn.Credential{*made}})
			if err == nil && !used.Authenticator.CloneWarning {
				t.Error("it was believed")
			}
		})
	}
}
