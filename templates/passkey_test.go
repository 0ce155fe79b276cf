package templates_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsee/vseeid/templates"
	"github.com/vsee/vseeid/templates/browsertest"
)

// A credential is what a ceremony sends, as far as a test looks at it.
type credential struct {
	ID, RawID, Type string
	Response        struct {
		ClientDataJSON, AttestationObject, AuthenticatorData, Signature, UserHandle string
		Transports                                                                  []string
	}
}

func readCredential(t *testing.T, raw string) credential {
	t.Helper()
	var c credential
	if err := json.Unmarshal([]byte(raw), &c); err != nil {
		t.Fatalf("the response is %q: %v", raw, err)
	}
	data, err := base64.RawURLEncoding.DecodeString(c.Response.ClientDataJSON)
	if err != nil {
		t.Fatalf("client data %q: %v", c.Response.ClientDataJSON, err)
	}
	var client struct{ Challenge, Type string }
	if err := json.Unmarshal(data, &client); err != nil {
		t.Fatalf("client data %q: %v", data, err)
	}
	if client.Challenge != "gVxNVb6ZwYkT3wq5tzWQ3x0n0SVl0R3N1m3Wf3n0abc" || c.Type != "public-key" || c.ID == "" || c.ID != c.RawID {
		t.Errorf("got a credential %+v over %s", c, data)
	}
	return c
}

// old takes away what browsers before 2025 lack.
const old = `(delete PublicKeyCredential.parseCreationOptionsFromJSON, delete PublicKeyCredential.parseRequestOptionsFromJSON,
	delete PublicKeyCredential.prototype.toJSON, PublicKeyCredential.prototype.toJSON === undefined)`

// TestPasskeyMadeAndUsed goes through a whole life of a passkey: made on the page that offers it, and used from each page
// that asks for one. A browser without JSON for WebAuthn sends the same.
func TestPasskeyMadeAndUsed(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	for name, ancient := range map[string]bool{"today's browser": false, "an older browser": true} {
		t.Run(name, func(t *testing.T) {
			tab := browser.Person(t, browsertest.Desktop).Tab()
			held := tab.Authenticator(browsertest.Cloud)
			open := func(state string) {
				t.Helper()
				tab.Open(d.URL + "/gallery/" + state)
				if ancient && !browsertest.Script[bool](tab, old) {
					t.Fatal("the browser is not old")
				}
			}
			open("trust")
			tab.Press("Continue")
			tab.See(arrived)
			got := d.received(t)
			made := readCredential(t, got.Get("response"))
			if made.Response.AttestationObject == "" || got.Get("attachment") != "platform" || got.Has("error") {
				t.Errorf("sent %v", got)
			}
			if len(made.Response.Transports) != 1 || made.Response.Transports[0] != "internal" {
				t.Errorf("transports %q", made.Response.Transports)
			}
			if can := got.Get(templates.Can); can != "passkey platform signal" {
				t.Errorf("the browser can %q", can)
			}
			if n := len(held.Credentials()); n != 1 {
				t.Fatalf("%d passkeys were made", n)
			}
			for state, button := range map[string]string{"passkey": "Continue", "password-passkey": "Sign in with a passkey"} {
				open(state)
				tab.Press(button)
				tab.See(arrived)
				got := d.received(t)
				used := readCredential(t, got.Get("response"))
				if used.ID != made.ID || used.Response.Signature == "" || used.Response.UserHandle != "AAECAwQFBgcICQoLDA0ODw" || used.Response.AuthenticatorData == "" {
					t.Errorf("%s sent %v", state, got)
				}
			}
		})
	}
}

// TestAbilitiesAreSaidAtOnce: a password manager sends a form before the browser has said whether it can verify its user.
// What is known by then goes along, and that the rest is not known.
func TestAbilitiesAreSaidAtOnce(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	const probe = `PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable = `
	for _, test := range []struct{ before, want string }{
		{probe + `() => new Promise(() => {})`, "passkey asking signal"},
		{probe + `() => Promise.resolve(true)`, "passkey platform signal"},
		{probe + `() => Promise.resolve(false)`, "passkey signal"},
		{probe + `() => Promise.reject(new Error("no"))`, "passkey signal"},
		{`delete PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable`, "passkey signal"},
		{`delete window.PublicKeyCredential`, "none"},
	} {
		tab := browser.Person(t, browsertest.Desktop).Tab()
		tab.BeforeScripts(test.before)
		tab.Open(d.URL + "/gallery/password")
		tab.Type("password", "correct horse battery staple")
		tab.Press("Continue")
		tab.See(arrived)
		if can := d.received(t).Get(templates.Can); can != test.want {
			t.Errorf("%s: said %q, want %q", test.before, can, test.want)
		}
	}
}

// TestW05_Autofill: a passkey that the person picks among the addresses signs in without a button.
func TestW05_Autofill(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	tab.Authenticator(browsertest.BuiltIn)
	tab.Open(d.URL + "/gallery/trust")
	tab.Press("Continue")
	tab.See(arrived)
	made := readCredential(t, d.received(t).Get("response"))
	tab.Open(d.URL + "/gallery/identifier-passkey")
	tab.See(arrived)
	if used := readCredential(t, d.received(t).Get("response")); used.ID != made.ID {
		t.Errorf("%s was used, and %s made", used.ID, made.ID)
	}
	// It does not go on beside the one of the button, of which a browser has room for one.
	tab.BeforeScripts(`window.asked = []; navigator.credentials.get = (o) => {
		asked.push({mediation: o.mediation, signal: o.signal, stopped: asked[0]?.signal.aborted});
		return new Promise((_, reject) => o.signal?.addEventListener("abort", () => reject(o.signal.reason)));
	}`)
	tab.Open(d.URL + "/gallery/identifier-passkey")
	tab.Wait(`asked.length === 1`)
	tab.Press("Sign in with a passkey")
	tab.Wait(`asked.length === 2`)
	got := browsertest.Script[string](tab, `[asked[0].mediation, asked[1].mediation, asked[1].stopped].join()`)
	if got != "conditional,,true" {
		t.Errorf("the browser was asked %s", got)
	}
	if len(d.sent) > 0 {
		t.Errorf("the end of the first was sent: %v", <-d.sent)
	}
}

// TestPasskeyEndings: what the browser says goes to the server by its name, and a second press asks nobody.
func TestPasskeyEndings(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	held := tab.Authenticator(browsertest.BuiltIn)
	throws := func(name string) string {
		return fmt.Sprintf(`(navigator.credentials.get = navigator.credentials.create = async () => { throw new DOMException("no", %q) }, true)`, name)
	}
	for _, test := range []struct{ name, state, script, want, late string }{
		{"nobody is recognised", "passkey", `true`, "NotAllowedError", ""},
		{"stopped", "trust", throws("NotAllowedError"), "NotAllowedError", ""},
		{"no time left", "passkey", `(() => { const began = Date.now(); Date.now = () => began;
			navigator.credentials.get = async () => { Date.now = () => began + 300000; throw new DOMException("no", "NotAllowedError") }; return true })()`, "NotAllowedError", "true"},
		{"there is one already", "enroll-passkey", throws("InvalidStateError"), "InvalidStateError", ""},
		{"no screen lock", "trust", throws("ConstraintError"), "ConstraintError", ""},
		{"not on this address", "passkey", throws("SecurityError"), "SecurityError", ""},
		{"none at all", "passkey", `(navigator.credentials.get = async () => null, true)`, "NotAllowedError", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			tab.Open(d.URL + "/gallery/" + test.state)
			held.Verifies(false)
			browsertest.Script[bool](tab, test.script)
			button := map[bool]string{true: "Create a passkey", false: "Continue"}[test.state == "enroll-passkey"]
			tab.Press(button)
			tab.See(arrived)
			if got := d.received(t); got.Get("error") != test.want || got.Get("late") != test.late || got.Has("response") {
				t.Errorf("sent %v, want %s and late %q", got, test.want, test.late)
			}
		})
	}
	t.Run("pressed twice", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/passkey")
		browsertest.Script[bool](tab, `(window.asked = 0, navigator.credentials.get = () => { asked++; return new Promise(() => {}) }, true)`)
		tab.Press("Continue")
		tab.Press("Continue")
		if got := browsertest.Script[int](tab, "asked"); got != 1 {
			t.Errorf("the browser was asked %d times", got)
		}
	})
}

// TestW01_HintOfTheButton: who chose what to make a passkey in is led there by the browser.
func TestW01_HintOfTheButton(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	tab.BeforeScripts(`navigator.credentials.create = async ({ publicKey: o }) => {
		sessionStorage.asked = [o.hints?.join() ?? "", o.authenticatorSelection.authenticatorAttachment ?? "",
			o.authenticatorSelection.residentKey, o.authenticatorSelection.userVerification].join(" ");
		throw new DOMException("no", "NotAllowedError");
	}`)
	for button, want := range map[string]string{
		"Create a passkey":      "  required required",
		"Use a security key":    "security-key cross-platform required required",
		"Use a phone or tablet": "hybrid cross-platform required required",
	} {
		tab.Open(d.URL + "/gallery/enroll-passkey")
		tab.Press(button)
		tab.See(arrived)
		if sent := d.received(t); sent.Get("error") != "NotAllowedError" {
			t.Errorf("%s: sent %v", button, sent)
		}
		if got := browsertest.Script[string](tab, "sessionStorage.asked"); got != want {
			t.Errorf("%s: the browser was asked for %q, want %q", button, got, want)
		}
	}
}

// A new attempt begins without the words about the one before, and a device that has one already is no way on for who
// came for one more.
func TestOldProblemGoes(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	tab.BeforeScripts(`navigator.credentials.create = () => new Promise(() => {})`)
	tab.Open(d.URL + "/gallery/enroll-passkey-another")
	tab.SeeText("Use a security key or a phone instead.")
	tab.Press("Use a security key")
	tab.Wait(`document.getElementById("problem").hidden`)
}

// TestNoWebAuthn: a browser that knows no passkeys shows no button for one, and says so where one was asked for.
func TestNoWebAuthn(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	tab.BeforeScripts(`delete window.PublicKeyCredential`)
	for state, said := range map[string]bool{"identifier-passkey": false, "password-passkey": false, "passkey": true, "trust": true, "enroll-passkey": true} {
		tab.Open(d.URL + "/gallery/" + state)
		if n := browsertest.Script[int](tab, `document.querySelectorAll("[data-ceremony]:not([hidden])").length`); n != 0 {
			t.Errorf("%s shows a button", state)
		}
		if got := browsertest.Script[bool](tab, `document.body.innerText.includes("This browser cannot use passkeys")`); got != said {
			t.Errorf("%s says that the browser cannot: %v, want %v", state, got, said)
		}
	}
	tab.Open(d.URL + "/gallery/account") // which has something to signal, and nobody to
}

// TestW07_Signal: the browser is told, and nothing waits for its answer.
func TestW07_Signal(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	for _, test := range []struct{ state, method, argument, answer string }{
		{"registered", "signalAllAcceptedCredentials", accepted, ""},
		{"account", "signalAllAcceptedCredentials", accepted, "Promise.reject(new Error('no'))"},
		{"registered", "signalCurrentUserDetails", details, "Promise.reject(new Error('no'))"},
		{"account", "signalCurrentUserDetails", details, ""},
		{"passkey-gone", "signalUnknownCredential", unknown, "new Promise(() => {})"},
	} {
		tab := browser.Person(t, browsertest.Desktop).Tab()
		tab.BeforeScripts(fmt.Sprintf(`PublicKeyCredential.%s = (o) => { window.heardOf = JSON.stringify(o); return %s }`,
			test.method, map[bool]string{true: "Promise.resolve()", false: test.answer}[test.answer == ""]))
		tab.Open(d.URL + "/gallery/" + test.state)
		if got := browsertest.Script[string](tab, "heardOf"); got != test.argument {
			t.Errorf("%s told the browser %s", test.state, got)
		}
	}
	// The page that does nothing else goes on by itself, whatever the browser does.
	going := templates.Signal{Frame: frame, Action: tx + "/later", Signals: signals}
	on := newDesk(t, shown{"going", going})
	for _, answer := range []string{"= () => Promise.resolve()", "= () => Promise.reject(new Error('no'))", "= () => new Promise(() => {})", "= undefined"} {
		tab := browser.Person(t, browsertest.Desktop).Tab()
		tab.BeforeScripts(`PublicKeyCredential.signalAllAcceptedCredentials ` + answer + `; PublicKeyCredential.signalCurrentUserDetails ` + answer)
		tab.Open(on.URL + "/gallery/going")
		tab.See(arrived)
		if told := on.received(t).Get(templates.Told); told != signals.Told {
			t.Errorf("%s: goes on from %q", answer, told)
		}
	}
}

// TestResendIsCountedDown: the button waits until another mail may be asked for.
func TestResendIsCountedDown(t *testing.T) {
	page, _ := state(t, "email").(templates.Challenge)
	page.Mail.Wait = time.Second
	browser, d := browsertest.Start(t), newDesk(t, shown{"short", page})
	tab := browser.Person(t, browsertest.Phone).Tab()
	tab.BeforeScripts(`(() => { const now = Date.now; let stopped = now(); Date.now = () => stopped ?? now(); window.go = () => { stopped = undefined } })()`)
	tab.Open(d.URL + "/gallery/email")
	tab.SeeText("in 0:27")
	if !browsertest.Script[bool](tab, `document.querySelector(".resend button").disabled`) {
		t.Error("the button can be pressed before its time")
	}
	tab.Open(d.URL + "/gallery/short")
	tab.SeeText("in 0:01")
	browsertest.Script[bool](tab, "(go(), true)")
	tab.Wait(`!document.querySelector(".resend button").disabled`)
	tab.Press("Resend")
	tab.See(arrived)
	d.received(t)
}

// A postman serves a page about a mail, and says of the mail what it is told.
type postman struct {
	*httptest.Server
	state atomic.Value
}

// TestMailIsWatched: a mail that cannot be sent is told of without a reload by hand, but never under somebody's typing.
func TestMailIsWatched(t *testing.T) {
	var p postman
	mux := http.NewServeMux()
	mux.Handle("GET /u/assets/", templates.Assets())
	mux.HandleFunc("GET /mail", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.state.Load()) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) {
		page, _ := state(t, "email").(templates.Challenge)
		page.Mail.Watch, page.Mail.State = "/mail", p.state.Load().(string)
		if err := templates.Serve(w, r, http.StatusOK, page); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	p.Server = httptest.NewServer(mux)
	defer p.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	tab.BeforeScripts(`(() => { const wait = setTimeout; window.setTimeout = (f, ms) => wait(f, ms / 20) })()`)
	p.state.Store("waiting")
	tab.Open(p.URL)
	tab.SeeText("We've sent an email with your code to char*****@riverside.example")
	p.state.Store("delayed")
	tab.SeeText("The email with your code to char*****@riverside.example is taking longer than usual. We keep trying, so give it a few more minutes.")
	p.state.Store("sent")
	tab.SeeText("We've sent an email with your code to char*****@riverside.example")
	p.state.Store("waiting")
	tab.Reload()
	tab.Type("code", "12")
	asked := browsertest.Script[int](tab, `new Promise((done) => { const ask = fetch; let n = 0;
		window.fetch = (...a) => ask(...a).finally(() => { if (++n === 2) done(n) }) })`)
	p.state.Store("refused")
	browsertest.Script[int](tab, `new Promise((done) => { const ask = fetch; window.fetch = (...a) => ask(...a).finally(() => setTimeout(() => done(1), 500)) })`)
	if got := tab.Value("input[name=code]"); got != "12" || asked != 2 {
		t.Errorf("of what was typed %q is left", got)
	}
}

// TestExpiredCeremonyIsAskedForAgain: a page that has stood too long is loaded again, unless somebody has typed.
func TestExpiredCeremonyIsAskedForAgain(t *testing.T) {
	var loaded atomic.Int32
	mux := http.NewServeMux()
	mux.Handle("GET /u/assets/", templates.Assets())
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		page, _ := state(t, "password-passkey").(templates.Password)
		page.Passkey.Expires = time.Duration(loaded.Add(1)) * time.Minute
		if r.Method == http.MethodPost {
			page.Problem = text("password.wrong")
		}
		if err := templates.Serve(w, r, http.StatusOK, page); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	const later = `(Date.now = () => 1e15, dispatchEvent(new Event("visibilitychange")), true)`
	tab.Open(server.URL)
	tab.Type("password", "correct")
	browsertest.Script[bool](tab, later)
	if got := tab.Value("#password"); got != "correct" || loaded.Load() != 1 {
		t.Errorf("of what was typed %q is left", got)
	}
	tab.Press("Continue") // The answer to a form is not sent again, but its address asked for.
	tab.SeeText("The email address or the password is not right. Check both and try again.")
	browsertest.Script[bool](tab, `(window.before = true, true)`)
	browsertest.Script[bool](tab, later)
	tab.Wait(`!window.before && document.readyState === "complete"`)
	if browsertest.Script[bool](tab, `document.body.innerText.includes("not right")`) || loaded.Load() != 3 {
		t.Errorf("the page was loaded %d times, and its problem is still there", loaded.Load())
	}
}

// Days and times are those of the person's own clock.
func TestTimesAreLocal(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	tab.Open(d.URL + "/gallery/account")
	if got := browsertest.Script[bool](tab, `[...document.querySelectorAll("time")].every((e) => e.textContent.includes("20") && !e.textContent.includes("UTC"))`); !got {
		t.Errorf("times are in UTC:\n%s", tab.Text())
	}
}
