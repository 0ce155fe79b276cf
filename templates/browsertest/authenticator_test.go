package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vsee/vseeid/templates/browsertest"
)

const create = `navigator.credentials.create({publicKey: {rp: {name: "Test"}, user: {id: new Uint8Array(16), name: "a", displayName: "A"},
	challenge: new Uint8Array(32), pubKeyCredParams: [-7, -257].map((alg) => ({type: "public-key", alg})), timeout: 2000,
	authenticatorSelection: {residentKey: "required", userVerification: "required"}}})
	.then((c) => c.authenticatorAttachment + " " + (new Uint8Array(c.response.getAuthenticatorData())[32] & 0x1d).toString(16), (e) => e.name)`

const get = `navigator.credentials.get({publicKey: {challenge: new Uint8Array(32), userVerification: "required", timeout: 2000}})
	.then((c) => (new Uint8Array(c.response.authenticatorData)[32] & 0x1d).toString(16), (e) => e.name)`

// The flags are UP 01, UV 04, BE 08 and BS 10.
func TestAuthenticator(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang=en><title>Hello</title><h1>Hello</h1>`)
	}))
	defer server.Close()
	browser := browsertest.Start(t)
	for _, test := range []struct {
		name    string
		holder  browsertest.Holder
		created string
		used    string
	}{
		{"built in", browsertest.BuiltIn, "platform 5", "5"},
		{"synced", browsertest.Cloud, "platform 1d", "1d"},
		{"security key", browsertest.SecurityKey, "cross-platform 5", "5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			person := browser.Person(t, browsertest.Desktop)
			tab := person.Tab()
			tab.Open(browsertest.Localhost(server.URL))
			a := tab.Authenticator(test.holder)
			if got := browsertest.Script[string](tab, create); got != test.created {
				t.Errorf("created with %q, want %q", got, test.created)
			}
			if got := browsertest.Script[string](tab, get); got != test.used {
				t.Errorf("used with %q, want %q", got, test.used)
			}
			if got := len(a.Credentials()); got != 1 {
				t.Fatalf("it holds %d passkeys", got)
			}
			a.Lies(browsertest.Lie{UV: true})
			if got := browsertest.Script[string](tab, get); got != "1" && got != "19" {
				t.Errorf("used with %q and no UV", got)
			}
			a.Lies(browsertest.Lie{})
			other := person.Tab()
			other.Open(browsertest.Localhost(server.URL))
			a.CopyTo(other)
			if got := browsertest.Script[string](other, get); got != test.used {
				t.Errorf("used in another tab with %q", got)
			}
			a.Verifies(false)
			if got := browsertest.Script[string](tab, get); got != "NotAllowedError" {
				t.Errorf("used by somebody else with %q", got)
			}
			a.Verifies(true)
			a.Forget(a.Credentials()[0].CredentialID)
			if got := len(a.Credentials()); got != 0 {
				t.Errorf("it still holds %d passkeys", got)
			}
			a.Remove()
		})
	}
	t.Run("none", func(t *testing.T) {
		tab := browser.Person(t, browsertest.Desktop).Tab()
		tab.Open(browsertest.Localhost(server.URL))
		tab.NoAuthenticator()
		const can = `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable()`
		if browsertest.Script[bool](tab, can) {
			t.Error("there is an authenticator")
		}
		unlocked := tab.Authenticator(browsertest.Holder{NoLock: true})
		if browsertest.Script[bool](tab, can) {
			t.Error("an authenticator without a lock verifies the person")
		}
		unlocked.Remove()
		tab.Authenticator(browsertest.Holder{})
		if !browsertest.Script[bool](tab, can) {
			t.Error("there is no authenticator")
		}
	})
}
