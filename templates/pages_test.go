package templates_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/templates"
)

// state is the page of the gallery that has the name.
func state(t testing.TB, name string) templates.Pager {
	t.Helper()
	for _, s := range gallery(t) {
		if s.name == name {
			return s.page
		}
	}
	t.Fatalf("the gallery has no %s", name)
	return nil
}

// The words that the people who sign in know, and that tests of others look for.
func TestKnownWords(t *testing.T) {
	for _, test := range []struct {
		state, heading, title string
		words                 []string
	}{
		{"identifier", "SIGN IN", "Sign in · VSee", []string{"Email", "Continue", "VSee Messenger"}},
		{"password", "Enter Your Password", "Enter Your Password · VSee", []string{"Password", "Continue", "Edit", charlotte}},
		{"enroll", "Secure Your Account", "Secure Your Account · VSee", []string{charlotte, "THEN", "Enter your one-time code", "Continue", "Can't scan the QR code?"}},
		{"enroll-manual", "Secure Your Account", "Secure Your Account with a code · VSee", []string{charlotte, "Copy code", "THEN", "Enter your one-time code", "Continue"}},
		{"recovery", "Almost There!", "Almost There! · VSee", []string{"Copy code", "I have safely recorded this code", "Continue", "Remind me later"}},
		{"challenge", "Verify Your Identity", "Verify Your Identity · VSee", []string{"Enter your one-time code", "Continue", "Try another method", "Use another account"}},
		{"challenge-recovery", "Verify Your Identity", "Verify Your Identity with a recovery code · VSee", []string{"Recovery code", "Continue", "Try another method"}},
		{"methods", "Try another method", "Try another method · VSee", []string{"Authenticator app", "Recovery code", "Back"}},
		{"methods-all", "Try another method", "Try another method · VSee", []string{"Passkey", "Authenticator app", "Email", "Recovery code", "Password"}},
		{"methods-missing", "Try another method", "Try another method · VSee", []string{"This browser cannot use passkeys.", "0JMQW2T7ZK4E", "ask the administrator"}},
		{"identifier-passkey", "SIGN IN", "Sign in · VSee", []string{"Email", "Continue", "Sign in with a passkey"}},
		{"password-passkey", "Enter Your Password", "Enter Your Password · VSee", []string{"Sign in with a passkey"}},
		{"email", "Verify Your Identity", "Verify Your Identity by email · VSee", []string{"We've sent an email with your code to char*****@riverside.example", "Enter the code", "Continue", "Didn't receive an email?", "Resend", "Try another method"}},
		{"email-delayed", "Verify Your Identity", "Verify Your Identity by email · VSee", []string{"taking longer than usual", "Enter the code", "Resend"}},
		{"email-refused", "Verify Your Identity", "Verify Your Identity by email · VSee", []string{"could not be delivered", "Resend", "Try another method"}},
		{"passkey", "Use fingerprint or face recognition to login", "Use fingerprint or face recognition to login · VSee", []string{"PIN", "security key", "Continue", "Try another method"}},
		{"trust", "Log In Faster on This Device", "Log In Faster on This Device · VSee", []string{"Continue", "Remind me later", "We will ask again in 14 days.", "Not on this device"}},
		{"registered", "Device registration successful", "Device registration successful · VSee", []string{"You have successfully registered your device.", "Continue"}},
		{"enroll-later", "Secure Your Account", "Secure Your Account · VSee", []string{"Remind me later", "You can do this until 3 December 2026.", "Set up another way"}},
		{"enroll-adding", "Add an Authenticator App", "Add an Authenticator App · VSee", []string{"Back to your account"}},
		{"enroll-replace", "Replace Your Authenticator App", "Replace Your Authenticator App · VSee", []string{"Codes from the old one stop working."}},
		{"enroll-passkey", "Set Up a Passkey", "Set Up a Passkey · VSee", []string{"Create a passkey", "You can put this off 2 more times."}},
		{"enroll-passkey-already", "Set Up a Passkey", "Set Up a Passkey · VSee", []string{"You can put this off 1 more time."}},
		{"account", "Your Account", "Your Account · VSee", []string{"Charlotte's iPhone", "Synced", "On that device only", "Security key", "24 November 2026", "Never", "24 November 2026, 09:30 UTC"}},
		{"factor-last", "Authenticator app", "Change how you sign in · VSee", []string{"Add another one before you remove it."}},
		{"formpost", "One Moment", "One Moment · VSee", []string{"Continue", "VSee Messenger"}},
		{"notice-error", "Something Went Wrong", "Something Went Wrong · VSee", []string{"0JMQW2T7ZK4E"}},
	} {
		t.Run(test.state, func(t *testing.T) {
			doc := parsed(t, state(t, test.state))
			if got := doc.one(t, "h1").text(); got != test.heading {
				t.Errorf("heading %q, want %q", got, test.heading)
			}
			if got := doc.one(t, "title").text(); got != test.title {
				t.Errorf("title %q, want %q", got, test.title)
			}
			said := doc.one(t, "main").text()
			for _, w := range test.words {
				if !strings.Contains(said, w) {
					t.Errorf("%q does not say %q", said, w)
				}
			}
		})
	}
}

func TestU02_Fields(t *testing.T) {
	for _, test := range []struct {
		state, field string
		want         map[string]string
	}{
		{"identifier", "email", map[string]string{"type": "email", "autocomplete": "username", "inputmode": "email", "autocapitalize": "none", "spellcheck": "false", "autofocus": ""}},
		{"identifier-format", "email", map[string]string{"value": "charlotte"}},
		{"password", "password", map[string]string{"type": "password", "autocomplete": "current-password", "autofocus": ""}},
		{"password-passkey-policy", "password", map[string]string{"autofocus": ""}},
		{"password", "email", map[string]string{"value": charlotte, "autocomplete": "username", "readonly": ""}},
		{"challenge", "code", map[string]string{"type": "text", "autocomplete": "one-time-code", "inputmode": "numeric", "pattern": "[0-9 ]*", "maxlength": "16", "autofocus": ""}},
		{"enroll", "code", map[string]string{"type": "text", "autocomplete": "one-time-code", "inputmode": "numeric"}},
		{"challenge-recovery", "code", map[string]string{"type": "text", "autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false", "autofocus": ""}},
		{"recovery", "confirmed", map[string]string{"type": "checkbox", "value": "true"}},
		{"identifier-passkey", "email", map[string]string{"autocomplete": "username webauthn", "autofocus": ""}},
		{"email", "code", map[string]string{"autocomplete": "one-time-code", "inputmode": "numeric"}},
		{"registered", "name", map[string]string{"value": "Charlotte's iPhone", "autocomplete": "off"}},
		{"newpassword", "password", map[string]string{"type": "password", "autocomplete": "new-password", "minlength": "12", "aria-describedby": "rules"}},
	} {
		doc := parsed(t, state(t, test.state))
		field, ok := doc.with("name", test.field)
		if !ok {
			t.Errorf("%s has no field %s", test.state, test.field)
			continue
		}
		for name, want := range test.want {
			if got, ok := field.has(name); !ok || got != want {
				t.Errorf("%s: %s of field %s is %q (there: %v), want %q", test.state, name, test.field, got, ok, want)
			}
		}
	}
}

// The server must get the fields that the props name, and no other.
func TestU04_FormsSendWhatTheyPromise(t *testing.T) {
	for _, test := range []struct {
		state, action string
		fields        []string
	}{
		{"identifier", tx + "/identifier", []string{"can", "email"}},
		{"password", tx + "/password", []string{"can", "email", "password"}},
		{"password", tx + "/switch", nil},
		{"enroll", tx + "/enroll", []string{"can", "code"}},
		{"enroll-manual", tx + "/cancel", nil},
		{"recovery", tx + "/recovery", []string{"can", "confirmed"}},
		{"recovery", tx + "/later", nil},
		{"challenge", tx + "/challenge", []string{"can", "code"}},
		{"challenge", tx + "/switch", nil},
		{"challenge-recovery", tx + "/challenge", []string{"can", "code"}},
		{"methods", tx + "/method", []string{"can", "method", "method"}},
		{"notice-notmember", tx + "/switch", []string{"a"}},
		{"notice-notmember", tx + "/cancel", []string{"c"}},
		{"challenge-closed-all", tx + "/cancel", nil},
		{"password-closed", tx + "/cancel", nil},
		{"formpost", "/gallery/taken", []string{"code", "submit"}},
		{"identifier-passkey", tx + "/passkey", []string{"can"}},
		{"email", tx + "/challenge", []string{"can", "code"}},
		{"email", tx + "/resend", nil},
		{"email-unsent", tx + "/resend", nil},
		{"trust", tx + "/passkey", []string{"can"}},
		{"trust", tx + "/later", nil},
		{"trust", tx + "/never", nil},
		{"registered", tx + "/name", []string{"can", "told", "name"}},
		{"enroll-later", tx + "/later", nil},
		{"enroll-passkey-adding", tx + "/cancel", nil},
		{"replace", tx + "/replace", []string{"can", "method", "method"}},
		{"ticket", tx + "/ticket", []string{"can", "code"}},
		{"signal", "/gallery/taken", []string{"told"}},
		{"account", "/account/trust", nil},
		{"factor", "/account/factors/1", []string{"name"}},
		{"factor", "/account/factors/1/remove", []string{"others"}},
		{"default", "/account/default", []string{"method", "method", "method", "method"}},
		{"newpassword", "/account/password", []string{"current", "password"}},
		{"confirm-session", "/account/sessions/2", nil},
	} {
		form, ok := parsed(t, state(t, test.state)).with("action", test.action)
		if !ok {
			t.Errorf("%s has no form for %s", test.state, test.action)
			continue
		}
		var fields []string
		for _, e := range form.all("input", "button") {
			if name, ok := e.has("name"); ok {
				fields = append(fields, name)
			}
		}
		if !slices.Equal(fields, test.fields) {
			t.Errorf("%s: the form for %s sends %q, want %q", test.state, test.action, fields, test.fields)
		}
	}
}

func TestWaitIsSaidInWords(t *testing.T) {
	for name, want := range map[string]string{
		"challenge-locked": "Wait 2 minutes, then try again.",
		"password-locked":  "Wait 14 minutes, then try again.",
	} {
		alert, _ := parsed(t, state(t, name)).with("role", "alert")
		if !strings.Contains(alert.text(), want) {
			t.Errorf("%s says %q, want %q", name, alert.text(), want)
		}
	}
	said := templates.Text{Key: "attempt.wait", Args: map[string]any{"Wait": 30 * time.Second}}
	alert, _ := parsed(t, templates.Password{Frame: frame, Problem: said}).with("role", "alert")
	if !strings.Contains(alert.text(), "Wait 30 seconds") {
		t.Errorf("a wait among the arguments is said as %q", alert.text())
	}
}

// Someone who is locked out of one way still sees the other.
func TestClosedOffersAnotherWay(t *testing.T) {
	doc := parsed(t, state(t, "challenge-closed"))
	if _, ok := doc.with("name", "code"); ok {
		t.Error("a closed way asks for a code")
	}
	if link, ok := doc.with("href", tx+"/method"); !ok || link.text() != "Try another method" {
		t.Error("no link to another way")
	}
	doc = parsed(t, state(t, "challenge-closed-all"))
	if !strings.Contains(doc.one(t, "main").text(), "ask the administrator") {
		t.Error("nobody to turn to is named")
	}
	doc = parsed(t, state(t, "challenge-locked"))
	if link, ok := doc.with("href", tx+"/method"); !ok || link.text() != "Try another method" || link.attr("class") != "secondary" {
		t.Error("no other way while one has to wait")
	}
	if alone := parsed(t, state(t, "challenge-locked-alone")).one(t, "main").text(); strings.Contains(alone, "another method") {
		t.Errorf("there is no other way: %s", alone)
	}
	if _, ok := parsed(t, state(t, "password-closed")).with("name", "password"); ok {
		t.Error("a password is asked for that is not taken")
	}
}

// Who cannot go on is told whom to ask and what to tell them.
func TestClosedNamesHelp(t *testing.T) {
	for _, name := range []string{"challenge-closed-all", "password-closed"} {
		said := strings.ToLower(parsed(t, state(t, name)).one(t, "main").text())
		for _, w := range []string{"ask the administrator", "support", "0jmqw2t7zk4e", "back to vsee messenger"} {
			if !strings.Contains(said, w) {
				t.Errorf("%s: no %q in %q", name, w, said)
			}
		}
	}
}

// A code is read, selected and copied without the gaps between its groups.
func TestCodesHaveNoGapsInThem(t *testing.T) {
	for name, want := range map[string]string{"enroll-manual": key, "recovery": "WUVDS24HFGEXBKPVRDPVC8TD"} {
		code := parsed(t, state(t, name)).one(t, "code")
		if code.text() != want {
			t.Errorf("%s shows %q, want %q", name, code.text(), want)
		}
		if got := len(code.all("span")); got != len(want)/4 {
			t.Errorf("%s shows %d groups, want %d", name, got, len(want)/4)
		}
	}
}

func TestT47_Escaping(t *testing.T) {
	const hostile = `"><script>alert(1)</script><img src=x onerror='alert(2)'>{{.}}&amp;`
	f := templates.Frame{Brand: templates.Brand{Name: hostile, Accent: `#fff;}body{display:none`}, App: hostile, Locale: hostile}
	says := templates.Text{Key: "notice.badrequest.body", Args: map[string]any{"Reason": hostile}}
	reason := templates.Text{Key: "notice.badrequest.body", Args: map[string]any{"Reason": hostile}}
	hostileSignals := templates.Signals{Accepted: hostile, Details: hostile, Told: hostile}
	for name, page := range map[string]templates.Pager{
		"identifier": templates.Identifier{Frame: f, Action: hostile, Email: hostile, Problem: says},
		"password":   templates.Password{Frame: f, Action: hostile, Edit: hostile, Email: hostile, Problem: says},
		"enroll":     templates.EnrollTOTP{Frame: f, Action: hostile, QR: templates.QR{Size: 1, Path: hostile}, URI: "otpauth://totp/" + hostile, Toggle: hostile, Email: hostile, Cancel: hostile},
		"manual":     templates.EnrollTOTP{Frame: f, Manual: true, Key: hostile, Toggle: hostile},
		"recovery":   templates.RecoveryCode{Frame: f, Action: hostile, Later: hostile, Code: hostile, Replaces: true, Problem: says},
		"challenge":  templates.Challenge{Frame: f, Kind: "totp", Action: hostile, Email: hostile, Other: hostile, Switch: hostile},
		"methods":    templates.Methods{Frame: f, Action: hostile, Kinds: []string{"totp"}, Back: hostile},
		"notice": templates.Notice{
			Frame: f, Title: says, Body: []templates.Text{reason}, Reference: hostile,
			Link:   templates.Action{URL: "/a?" + hostile, Label: text("notice.back")},
			Button: templates.Action{URL: hostile, Label: says, Fields: []templates.Field{{Name: hostile, Value: hostile}}},
		},
		"passkey": templates.Passkey{
			Frame: f, Ceremony: templates.Ceremony{Action: hostile, Options: hostile, Absent: true}, Email: hostile, Other: hostile, Switch: hostile, Signal: hostile, Problem: says,
		},
		"email": templates.Challenge{
			Frame: f, Kind: "email", Action: hostile, Email: hostile, Mail: templates.Mailed{Address: hostile, Resend: hostile, State: hostile, Watch: hostile}, Problem: says,
		},
		"registered": templates.Registered{Frame: f, Action: hostile, Name: hostile, Signals: hostileSignals, Problem: says},
		"account": templates.Account{
			Frame: f, Name: hostile, Email: hostile, Org: hostile, Factors: []templates.Factor{{Kind: "totp", Name: hostile, Link: hostile}},
			Devices:  []templates.Device{{Name: hostile, Address: hostile, Link: hostile}},
			Activity: []templates.Activity{{What: says, Device: hostile, Address: hostile}}, Signals: hostileSignals, Problem: says,
		},
		"factor":   templates.FactorPage{Frame: f, Factor: templates.Factor{Kind: "totp", Name: hostile}, Rename: hostile, Remove: hostile, Back: hostile},
		"formpost": templates.FormPost{Frame: f, Action: "https://app.example/cb?" + hostile, Fields: []templates.Field{{Name: "state", Value: hostile}}},
	} {
		t.Run(name, func(t *testing.T) {
			doc := parsed(t, page)
			doc.one(t, "script")
			if len(doc.all("img")) > 0 {
				t.Error("an image came in")
			}
			checkNothingInline(t, doc)
			if got := doc.one(t, "header").text(); got != hostile {
				t.Errorf("the brand reads %q", got)
			}
			for _, e := range doc.all("input") {
				if v, ok := e.has("value"); ok && v != hostile && v != "true" {
					t.Errorf("field %q has the value %q", e.attr("name"), v)
				}
			}
		})
	}
}

// P-23, T-47: what the client sent comes back to it unchanged and harmless.
func TestP23_FormPost(t *testing.T) {
	const stateValue = `"><script>alert(1)</script>`
	doc := parsed(t, templates.FormPost{
		Frame: frame, Action: "https://app.example/callback?a=b&c=d",
		Fields: []templates.Field{{Name: "state", Value: stateValue}, {Name: "code", Value: "SplxlOBeZQQYbYS6WxSbIA"}},
	})
	form := doc.one(t, "form")
	if form.attr("method") != "post" || form.attr("action") != "https://app.example/callback?a=b&c=d" {
		t.Errorf("form has method %q, action %q", form.attr("method"), form.attr("action"))
	}
	field, _ := doc.with("name", "state")
	if field.attr("value") != stateValue || field.attr("type") != "hidden" {
		t.Errorf("state is %q in a field of type %q", field.attr("value"), field.attr("type"))
	}
	if got := form.one(t, "button").text(); got != "Continue" {
		t.Errorf("button %q", got)
	}
}

func TestLinks(t *testing.T) {
	for address, allowed := range map[string]bool{
		"/authorize?client_id=a":          true,
		"https://app.example/":            true,
		"com.vsee.messenger:/home":        true,
		"javascript:alert(1)":             false,
		"JAVASCRIPT:alert(1)":             false,
		" javascript:alert(1)":            false,
		"data:text/html,<script>":         false,
		"vbscript:x":                      false,
		"//evil.example/":                 false,
		`/\evil.example/`:                 false,
		"evil":                            false,
		"java\tscript:alert(1)":           false,
		"https://app.example/\x00":        false,
		"blob:https://app.example/123-45": false,
	} {
		page := templates.Notice{Frame: frame, Title: text("notice.error.title"), Link: templates.Action{URL: address, Label: text("notice.back")}}
		var b bytes.Buffer
		err := page.Page().Render(t.Context(), &b)
		if allowed && err != nil {
			t.Errorf("%q is refused: %v", address, err)
		}
		if !allowed && !errors.Is(err, templates.ErrLink) {
			t.Errorf("%q: got error %v", address, err)
		}
	}
	for _, uri := range []string{"javascript:alert(1)", "otpauth://hotp/x", "https://app.example"} {
		var b bytes.Buffer
		err := templates.EnrollTOTP{Frame: frame, URI: uri}.Page().Render(t.Context(), &b)
		if !errors.Is(err, templates.ErrLink) {
			t.Errorf("%q as a link to an authenticator app: got error %v", uri, err)
		}
	}
	form := parsed(t, templates.FormPost{Frame: frame, Action: "javascript:alert(1)"}).one(t, "form")
	if strings.Contains(form.attr("action"), "javascript") {
		t.Error("a form posts to javascript:")
	}
}

func TestBrand(t *testing.T) {
	own := frame
	own.Brand = templates.Brand{Name: "Riverside Health", Logo: "/u/assets/icon.svg", Accent: "#FFB000"}
	doc := parsed(t, templates.Identifier{Frame: own})
	if img := doc.one(t, "img"); img.attr("alt") != "Riverside Health" || img.attr("src") != "/u/assets/icon.svg" {
		t.Errorf("logo %q says %q", img.attr("src"), img.attr("alt"))
	}
	sheets := 0
	for _, l := range doc.all("link") {
		if strings.HasPrefix(l.attr("href"), "/u/assets/accent-ffb000.css?v=") {
			sheets++
		}
	}
	if sheets != 1 {
		t.Errorf("got %d style sheets for the accent, want 1", sheets)
	}
}
