package templates_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/vsee/vseeid/templates"
	"github.com/vsee/vseeid/templates/browsertest"
)

// A desk serves the gallery and keeps what the forms send.
type desk struct {
	*httptest.Server
	sent chan url.Values
}

func newDesk(t *testing.T, more ...shown) desk {
	t.Helper()
	d := desk{sent: make(chan url.Values, 8)}
	mux := http.NewServeMux()
	mux.Handle("GET /u/assets/", templates.Assets())
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Errorf("form: %v", err)
		}
		d.sent <- r.PostForm
		page := templates.Notice{Frame: frame, Title: text("notice.loggedout.title")}
		if err := templates.Serve(w, r, http.StatusOK, page); err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	for _, s := range slices.Concat(gallery(t), more) {
		mux.HandleFunc("GET /gallery/"+s.name, func(w http.ResponseWriter, r *http.Request) {
			if err := templates.Serve(w, r, http.StatusOK, s.page); err != nil {
				t.Errorf("serve %s: %v", s.name, err)
			}
		})
	}
	d.Server = httptest.NewServer(mux)
	t.Cleanup(d.Close)
	d.URL = browsertest.Localhost(d.URL)
	return d
}

// received is what came next.
func (d desk) received(t *testing.T) url.Values {
	t.Helper()
	select {
	case v := <-d.sent:
		return v
	case <-time.After(browsertest.Patience):
		t.Fatal("no form came")
		return nil
	}
}

const arrived = "You Are Signed Out"

var needsScript = regexp.MustCompile("Copy code|Show password|Sign in with a passkey|Create a passkey|You can ask for another in")

// TestU04_WithoutScript does every step as somebody whose browser runs no script.
func TestU04_WithoutScript(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	device := browsertest.Desktop
	device.NoScript = true
	tab := browser.Person(t, device).Tab()
	for _, test := range []struct {
		state, field, value, button string
		want                        url.Values
	}{
		{"identifier", "email", charlotte, "Continue", url.Values{"email": {charlotte}}},
		{"password", "password", "correct horse", "Continue", url.Values{"email": {charlotte}, "password": {"correct horse"}}},
		{"password", "", "", "Edit", url.Values{}},
		{"enroll", "code", "123 456", "Continue", url.Values{"code": {"123 456"}}},
		{"enroll-manual", "code", "123456", "Continue", url.Values{"code": {"123456"}}},
		{"recovery", "", "", "Remind me later", url.Values{}},
		{"challenge", "code", "123 456", "Continue", url.Values{"code": {"123 456"}}},
		{"challenge-recovery", "code", "WUVD S24H FGEX BKPV RDPV C8TD", "Continue", url.Values{"code": {"WUVD S24H FGEX BKPV RDPV C8TD"}}},
		{"methods", "", "", "Recovery code", url.Values{"method": {"recovery"}}},
		{"formpost", "", "", "Continue", url.Values{"code": {"c"}, "submit": {"s"}}},
		{"identifier-passkey", "email", charlotte, "Continue", url.Values{"email": {charlotte}}},
		{"email", "code", "123456", "Continue", url.Values{"code": {"123456"}}},
		{"email", "", "", "Resend", url.Values{}},
		{"passkey", "", "", "Use another account", url.Values{}},
		{"trust", "", "", "Remind me later", url.Values{}},
		{"trust", "", "", "Not on this device", url.Values{}},
		{"registered", "name", "My phone", "Continue", url.Values{"name": {"My phone"}, "told": {"what it was told"}}},
		{"enroll-later", "", "", "Remind me later", url.Values{}},
		{"enroll-passkey", "", "", "Remind me later", url.Values{}},
		{"replace", "", "", "Set up a new authenticator app", url.Values{"method": {"totp"}}},
		{"ticket", "code", "ABCD-EFGH", "Continue", url.Values{"code": {"ABCD-EFGH"}}},
		{"signal", "", "", "Continue", url.Values{"told": {"what it was told"}}},
		{"factor", "name", "My phone", "Save", url.Values{"name": {"My phone"}}},
		{"factor", "", "", "Remove", url.Values{}},
		{"default", "", "", "Save", url.Values{"method": {"totp"}}},
		{"newpassword", "password", "correct horse battery", "Save", url.Values{"current": {""}, "password": {"correct horse battery"}}},
		{"confirm-session", "", "", "Sign out", url.Values{}},
		{"account", "", "", "Ask me again", url.Values{}},
	} {
		tab.Open(d.URL + "/gallery/" + test.state)
		said := tab.Text()
		if needsScript.MatchString(said) {
			t.Errorf("%s shows what needs a script", test.state)
		}
		if needed := slices.Contains([]string{"passkey", "trust", "enroll-passkey"}, test.state); strings.Contains(said, "does not run scripts here") != needed {
			t.Errorf("%s says that a script is missing: %v", test.state, !needed)
		}
		tab.Screenshot(test.state + "-noscript")
		if test.field != "" {
			tab.Type(test.field, test.value)
		}
		tab.Press(test.button)
		tab.See(arrived)
		got := d.received(t)
		if can := got.Get(templates.Can); can != "" {
			t.Errorf("%s says that the browser can %q", test.state, can)
		}
		got.Del(templates.Can)
		if got.Encode() != test.want.Encode() {
			t.Errorf("%s sent %v, want %v", test.state, got, test.want)
		}
	}
	tab.Open(d.URL + "/gallery/recovery")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See(arrived)
	if got := d.received(t); got.Encode() != "can=&confirmed=true" {
		t.Errorf("the box sent %v", got)
	}
}

// TestScript checks the comfort that the script adds.
func TestScript(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()

	t.Run("the password can be seen and is hidden before it is sent", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/password")
		tab.Type("password", "correct horse")
		tab.Press("Show password")
		if got := browsertest.Script[string](tab, `document.activeElement.id + " " + password.type`); got != "password text" {
			t.Errorf("focus and type are %q", got)
		}
		tab.Screenshot("password-seen")
		tab.Press("Hide password")
		tab.Press("Show password")
		browsertest.Script[bool](tab, `password.form.addEventListener("submit", () => { document.title = password.type }), true`)
		tab.Press("Continue")
		tab.See(arrived)
		if got := d.received(t).Get("password"); got != "correct horse" {
			t.Errorf("sent %q", got)
		}
	})

	t.Run("a code is copied without gaps", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/recovery")
		// Reading the clipboard back would need a permission; what is given to it is seen here.
		browsertest.Script[bool](tab, `(navigator.clipboard.writeText = async (s) => { window.copied = s }, true)`)
		tab.Press("Copy code")
		tab.SeeText("Copied")
		tab.Screenshot("recovery-copied")
		if got := browsertest.Script[string](tab, "copied"); got != "WUVDS24HFGEXBKPVRDPVC8TD" {
			t.Errorf("copied %q", got)
		}
	})

	t.Run("a code can be copied where the clipboard is refused", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/enroll-manual")
		browsertest.Script[bool](tab, `(navigator.clipboard.writeText = async () => { throw new Error("refused") },
			document.addEventListener("copy", () => { window.copied = getSelection().toString() }), true)`)
		tab.Press("Copy code")
		tab.SeeText("Copied")
		if got := browsertest.Script[string](tab, "copied"); got != key {
			t.Errorf("copied %q", got)
		}
	})

	t.Run("a code that cannot be copied is left selected", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/enroll-manual")
		browsertest.Script[bool](tab, `(navigator.clipboard.writeText = async () => { throw new Error("refused") },
			document.execCommand = () => false, true)`)
		tab.Press("Copy code")
		tab.SeeText("Your browser did not allow copying. Select the code and copy it by hand.")
		if got := browsertest.Script[string](tab, "getSelection().toString()"); got != key {
			t.Errorf("selected %q", got)
		}
	})

	t.Run("a second press sends nothing", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/challenge")
		tab.Type("code", "123456")
		second := browsertest.Script[bool](tab, `(() => {
			const form = code.form, go = () => form.dispatchEvent(new SubmitEvent("submit", {cancelable: true}));
			go();
			return go();
		})()`)
		if second {
			t.Error("the form may be sent a second time")
		}
		// After a way back to it, it may be sent again.
		again := browsertest.Script[bool](tab, `(dispatchEvent(new PageTransitionEvent("pageshow", {persisted: true})),
			code.form.dispatchEvent(new SubmitEvent("submit", {cancelable: true})))`)
		if !again {
			t.Error("the form cannot be sent after the way back")
		}
	})

	t.Run("an authorization response goes to the client by itself", func(t *testing.T) {
		tab.Open(d.URL + "/gallery/formpost")
		tab.See(arrived)
		if got := d.received(t); got.Encode() != "code=c&submit=s" {
			t.Errorf("sent %v", got)
		}
	})
}

// TestU01_Paste: a code may be pasted as the app shows it, with a space in it.
func TestU01_Paste(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Phone).Tab()
	tab.Open(d.URL + "/gallery/challenge")
	browsertest.Script[bool](tab, `(code.focus(), document.execCommand("insertText", false, "123 456"))`)
	if got := tab.Value("#code"); got != "123 456" {
		t.Errorf("pasted %q", got)
	}
	if !browsertest.Script[bool](tab, "code.checkValidity()") {
		t.Error("the field does not take it")
	}
}

// TestU03_Keyboard walks a page by the Tab key alone.
func TestU03_Keyboard(t *testing.T) {
	browser, d := browsertest.Start(t), newDesk(t)
	tab := browser.Person(t, browsertest.Desktop).Tab()
	for state, want := range map[string][]string{
		"challenge":                  {"code", "Continue", "Try another method", "Use another account"},
		"password":                   {"password", "Show password", "Continue"},
		"methods":                    {"", "Authenticator app", "Recovery code", "Back"},
		"enroll-manual":              {"", "Copy code", "code", "Continue", "Scan a QR code instead", "Cancel and go back"},
		"recovery":                   {"", "Copy code", "Print", "confirmed", "Continue", "Remind me later"},
		"identifier-passkey":         {"email", "Continue", "Sign in with a passkey"},
		"identifier-passkey-stopped": {"Sign in with a passkey"},
		"passkey":                    {"", "Continue", "Try another method", "Use another account"},
		"passkey-ended-cancelled":    {"Continue", "Try another method"},
		"trust":                      {"", "Continue", "Remind me later", "Not on this device"},
		"email-ready":                {"code", "Continue", "Resend", "Try another method", "Use another account"},
		"default":                    {"", "method", "Save", "Back"},
		"factor":                     {"", "name", "Save", "others", "Remove", "Back"},
		"account": {
			"", "Sign out", "Charlotte's iPhone", "Charlotte's Windows computer", "Charlotte's security key", "Add a passkey",
			"Authenticator app", "Add an authenticator app", "Get a new recovery code", "Change password", "Change what is asked first",
			"Sign out Chrome on Windows", "Sign out everywhere else", "Ask me again",
		},
	} {
		tab.Open(d.URL + "/gallery/" + state)
		// A browser obeys autofocus when it draws.
		browsertest.Script[bool](tab, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
		for i, stop := range want {
			if i > 0 {
				tab.Keys(kb.Tab)
			}
			got, shown := tab.Focused()
			if got != stop {
				t.Errorf("%s: stop %d is %q, want %q", state, i, got, stop)
			}
			if i > 0 && !shown {
				t.Errorf("%s: %q has the focus and does not show it", state, stop)
			}
		}
	}
}
