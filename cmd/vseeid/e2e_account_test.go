package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates/browsertest"
)

// stepUp proves with the app once more, when the account page asks.
func (s *scene) stepUp(tab *browsertest.Tab, phone authenticator) {
	s.t.Helper()
	tab.Type("password", samplePassword)
	tab.Press("Continue")
	tab.Wait(`!document.querySelector("[name=password]")`)
	if strings.Contains(tab.Text(), "Use fingerprint") {
		tab.Press("Try another method")
		tab.Press("Authenticator app")
	}
	tab.See("Verify Your Identity")
	tab.Type("code", phone.next())
	tab.Press("Continue")
}

// What protects an account, changed by its owner: every change asks who it is, once in five minutes,
// and is told by mail.
func TestT13_E2E_Account(t *testing.T) {
	office, sender := startPostOffice(t)
	s := newScene(t, on{sender: sender})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	s.clock.pass(25 * time.Hour) // so that "this was not me" is not about it
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Authenticator(browsertest.SecurityKey)
	tab.Open(s.issuer + "/account")
	firstProof(tab, charlotte)
	tab.See("Verify Your Identity")
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Your Account")
	tab.SeeText("Authenticator app")
	look(t, tab, "b01-account")

	// A security key, at once: the proof is fresh.
	tab.Press("Add a passkey")
	tab.See("Add a Passkey")
	look(t, tab, "b02-add-passkey")
	tab.Press("Create a passkey")
	tab.See("Device registration successful")
	tab.Type("name", "Key in the drawer")
	tab.Press("Continue")
	tab.See("Your Account")
	tab.SeeText("The passkey was added to your account.")
	tab.SeeText("Key in the drawer")
	office.find("passkey was added", 1)

	// Later another app, and the proof is old.
	s.clock.pass(6 * time.Minute)
	tab.Press("Add an authenticator app")
	s.stepUp(tab, phone)
	tab.See("Add an Authenticator App")
	look(t, tab, "b03-add-app")
	tab.Press("Can't scan the QR code?")
	tab.SeeText("add this code to it by hand")
	second := authenticator{t, s.clock, strings.Join(strings.Fields(tab.Value("#key")), "")}
	tab.Type("code", second.shown())
	tab.Press("Continue")
	tab.See("Your Account")
	office.find("authenticator app was added", 2)

	// What is asked first, another password, other browsers.
	tab.Press("Change what is asked first")
	tab.SeeText("Choose what we ask you for first.")
	look(t, tab, "b04-default")
	browsertest.Script[bool](tab, `(document.querySelector("[name=method][value=totp]").click(), true)`)
	tab.Press("Save")
	tab.SeeText("What is asked first was saved.")
	tab.Press("Change password")
	tab.See("Choose a New Password")
	tab.Type("current", samplePassword)
	tab.Type("password", "riverside")
	tab.Press("Save")
	tab.SeeText("That password is too short.")
	look(t, tab, "b05-password-problem")
	tab.Type("current", samplePassword)
	tab.Type("password", "seven bright kites over the lake")
	tab.Press("Save")
	tab.SeeText("Your password was changed, and you are signed out on every other device.")
	_, text := office.find("password of your VSee account was changed", 1)
	link := linkOfLetter.FindString(text)
	if link == "" {
		t.Fatalf("no link in %q", text)
	}
	look(t, tab, "b06-account-full")

	// Somebody else's: the link of the last mail takes away what was added today and shuts everybody out.
	mail := s.browser.Person(t, browsertest.Phone).Tab()
	mail.Open(s.issuer + link)
	mail.See("Was It Not You?")
	look(t, mail, "b07-not-me")
	mail.Press("This was not me")
	mail.See("Choose a New Password")
	look(t, mail, "b08-new-password")
	mail.Type("password", "nine quiet boats under the bridge")
	mail.Press("Save")
	mail.See("Your New Password Is Set")
	look(t, mail, "b09-finished")
	tab.Open(s.issuer + "/account")
	tab.See("SIGN IN")
	id := s.person(t, charlotte)
	left, err := s.parts.durable.Enrollments(t.Context(), id)
	must(t, err)
	var kinds []string
	for _, e := range left {
		kinds = append(kinds, string(e.Kind))
	}
	if got := strings.Join(kinds, " "); got != "totp recovery" {
		t.Errorf("left are %s", got)
	}
}

// A browser that many use: who sits down at it after Charlotte plants a passkey in her account, which is
// still open there. She is told by mail, sees it on the page of her account, and takes it away.
func TestT54_E2E_PlantedPasskey(t *testing.T) {
	office, sender := startPostOffice(t)
	s := newScene(t, on{sender: sender})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	account := func(tab *browsertest.Tab) {
		t.Helper()
		tab.Open(s.issuer + "/account")
		tab.See("SIGN IN")
		tab.Type("email", charlotte)
		tab.Press("Continue")
		tab.See("Enter Your Password")
		s.stepUp(tab, phone)
		tab.See("Your Account")
	}
	shared := s.browser.Person(t, browsertest.Desktop).Tab()
	stick := shared.Authenticator(browsertest.SecurityKey)
	account(shared)
	shared.Press("Add a passkey")
	shared.See("Add a Passkey")
	shared.Press("Create a passkey")
	shared.See("Device registration successful")
	shared.Type("name", "Front desk")
	shared.Press("Continue")
	shared.SeeText("The passkey was added to your account.")
	if n := len(stick.Credentials()); n != 1 {
		t.Fatalf("%d passkeys were planted", n)
	}

	_, text := office.find("passkey was added", 1)
	if linkOfLetter.FindString(text) == "" {
		t.Errorf("the mail has nothing to press: %q", text)
	}
	own := s.browser.Person(t, browsertest.Desktop).Tab()
	account(own)
	own.SeeText("Front desk")
	own.SeeText("A passkey was added")
	look(t, own, "b15-planted")
	own.Press("Front desk")
	own.See("Remove it")
	own.Tick("others")
	own.Press("Remove")
	own.SeeText("The passkey was removed from your account.")
	own.SeeText("A passkey was removed")
	if browsertest.Script[bool](own, `document.body.innerText.includes("Front desk")`) {
		t.Error("it is still there")
	}
	office.find("passkey was removed", 1)

	// It opens nothing, and the browser where it was planted is signed out.
	shared.Open(s.issuer + "/account")
	shared.See("SIGN IN")
	shared.Press("Sign in with a passkey")
	shared.SeeText("We do not know that passkey any more.")
}

// Locked out: the phone and the paper are gone. Support resets, and everything begins anew.
func TestReset_E2E(t *testing.T) {
	office, sender := startPostOffice(t)
	s := newScene(t, on{sender: sender})
	s.clock.hold()
	_, _ = s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Phone).Tab()
	s.toSecondFactor(tab, charlotte)
	tab.Press("Try another method")
	tab.SeeText("If you can use none of these")
	tab.SeeText("reference")
	id := s.person(t, charlotte)
	if status, _, done := s.administration(t).call("/users/"+id+"/mfa/reset", `{"reason":"lost the phone; called back"}`); status != http.StatusOK || done["removed"] != 2.0 {
		t.Fatalf("reset: %d %v", status, done)
	}
	office.find("was reset", 1)
	s.clock.pass(time.Second)
	tab.Open(s.messenger + "/login")
	firstProof(tab, charlotte)
	phone := s.scanByHand(tab)
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
}

// A prescription is signed by one touch where the device is trusted, and with a fresh code elsewhere.
// The apps have a clock of their own: it is the provider whose clock was behind this morning.
func TestA28_E2E_Prescription(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	hash, err := s.parts.passwords.Hash(t.Context(), samplePassword)
	must(t, err)
	must(t, s.parts.durable.SetPassword(t.Context(), s.person(t, charlotte), hash, time.Now().Add(-time.Hour), storage.Trail{}))
	s.clock.pass(-12 * time.Minute)
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Authenticator(browsertest.BuiltIn)
	tab.Open(s.issuer + "/account")
	firstProof(tab, charlotte)
	phone := s.scanByHand(tab)
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Log In Faster on This Device")
	tab.Press("Continue")
	tab.See("Device registration successful")
	tab.Press("Continue")
	tab.See("Your Account")
	elsewhere := s.browser.Person(t, browsertest.Desktop).Tab()
	elsewhere.NoAuthenticator()
	elsewhere.Open(s.issuer + "/account")
	firstProof(elsewhere, charlotte)
	elsewhere.See("Verify Your Identity")
	elsewhere.Type("code", phone.next())
	elsewhere.Press("Continue")
	elsewhere.See("Your Account")
	s.clock.pass(10 * time.Minute)

	for _, sign := range []struct {
		name  string
		where *browsertest.Tab
		prove func()
	}{
		{"here", tab, func() {
			tab.See("Use fingerprint or face recognition to login")
			tab.Press("Continue")
			tab.SeeText("Signed with a passkey")
		}},
		{"elsewhere", elsewhere, func() {
			s.stepUp(elsewhere, phone)
			elsewhere.SeeText("Signed with a fresh code")
		}},
	} {
		sign.where.Open(s.clinic + "/login")
		sign.where.See("Welcome, Charlotte Jones")
		sign.where.Press("Sign a prescription")
		sign.where.See("Sign a prescription")
		look(t, sign.where, "c01-prescription-"+sign.name)
		sign.where.Press("Sign")
		sign.prove()
		look(t, sign.where, "c02-signed-"+sign.name)
	}
}

// Mail codes need no script, and what could not be sent is said.
func TestU04_E2E_MailNoScript(t *testing.T) {
	office, sender := startPostOffice(t)
	s := newScene(t, on{sender: sender})
	s.clock.hold()
	_, _ = s.setUp(charlotte)
	plain := browsertest.Device{Width: 390, Height: 844, Phone: true, NoScript: true}
	tab := s.browser.Person(t, plain).Tab()
	s.toSecondFactor(tab, charlotte)
	tab.Press("Try another method")
	tab.Press("Email")
	tab.SeeText("We've sent an email with your code")
	first := office.code(1)
	tab.Press("Resend")
	tab.SeeText("You can ask for another email in 30 seconds.")
	s.clock.pass(31 * time.Second)
	tab.Press("Resend")
	tab.SeeText("We've sent another email with your code")
	second := office.code(2)
	tab.Type("code", first)
	tab.Press("Continue")
	if first != second {
		tab.SeeText("not right")
	}
	office.close()
	s.clock.pass(31 * time.Second)
	tab.Press("Resend")
	tab.Wait(`!location.pathname.endsWith("/challenge")`)
	deadline := time.Now().Add(patience)
	for !strings.Contains(tab.Text(), "could not be delivered") {
		if time.Now().After(deadline) {
			t.Fatalf("nothing is said of a mail that was refused: %s", tab.Text())
		}
		tab.Open(tab.URL())
	}
}
