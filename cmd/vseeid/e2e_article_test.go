package main

import (
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/templates/browsertest"
)

// The article that the first users know, page by page.

// iPhone is Charlotte's: what its browser says of itself is where the name of a device comes from.
var iPhone = browsertest.Device{Width: 390, Height: 844, Phone: true, Agent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"}

// The first sign-in on a phone that can: QR code or key, recovery code, and the device is trusted;
// then the next one, by fingerprint or face; then by mail; then the app on a computer.
func TestArticle_E2E_Phone(t *testing.T) {
	office, sender := startPostOffice(t)
	s := newScene(t, on{sender: sender})
	s.clock.hold()
	tab := s.browser.Person(t, iPhone).Tab()
	tab.Authenticator(browsertest.Cloud)

	tab.Open(s.messenger + "/login")
	tab.See("SIGN IN")
	look(t, tab, "a01-identifier")
	firstProof(tab, charlotte)
	phone := s.scanByHand(tab)
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	paper := tab.Value("#recovery")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Log In Faster on This Device")
	look(t, tab, "a02-trust")
	tab.Press("Continue")
	tab.See("Device registration successful")
	look(t, tab, "a03-registered")
	if got := browsertest.Script[string](tab, `document.querySelector("[name=name]").value`); got != "Charlotte's iPhone" {
		t.Errorf("the device is called %q", got)
	}
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"amr": "mfa otp pwd", "acr": login.ACRAAL2, "org_id": "riverside"})
	office.find("passkey was added", 1)
	office.find("authenticator app was added", 1)

	// Later: the passkey of this device is asked for first.
	s.clock.pass(13 * time.Hour)
	tab.Open(s.messenger + "/login?prompt=login")
	secondLogin(tab)
	tab.See("Use fingerprint or face recognition to login")
	look(t, tab, "a04-passkey")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"amr": "mfa pop pwd swk user", "acr": login.ACRPhishing})

	// By mail.
	tab.Open(s.messenger + "/login?prompt=login")
	secondLogin(tab)
	tab.See("Use fingerprint or face recognition to login")
	tab.Press("Try another method")
	tab.SeeText("How would you like to verify that it is you?")
	look(t, tab, "a05-methods")
	tab.Press("Email")
	tab.SeeText("We've sent an email with your code to char*****@rive****")
	look(t, tab, "a06-email")
	tab.Type("code", office.code(1))
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"amr": "mca mfa otp pwd", "acr": login.ACRMultiFactor})

	// By the recovery code, and a new one.
	tab.Open(s.messenger + "/login?prompt=login")
	secondLogin(tab)
	tab.See("Use fingerprint or face recognition to login")
	tab.Press("Try another method")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	tab.Type("code", paper)
	tab.Press("Continue")
	tab.See("Almost There!")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Did You Lose a Device?")
	tab.Press("Not now")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"recovery": "true"})

	// Another computer does not know the passkey: the app is asked for.
	desk := s.browser.Person(t, browsertest.Desktop).Tab()
	desk.NoAuthenticator()
	desk.Open(s.messenger + "/login")
	firstProof(desk, charlotte)
	desk.See("Verify Your Identity")
	desk.SeeText("Open your authenticator app and enter the 6-digit code")
	desk.Type("code", phone.next())
	desk.Press("Continue")
	desk.See("Welcome, Charlotte Jones") // and nothing is offered that it cannot do
}

// secondLogin is somebody whom the browser knows, asked for the password again.
func secondLogin(tab *browsertest.Tab) {
	tab.Wait(`!!document.querySelector("[name=password], [data-options]")`)
	if strings.Contains(tab.Text(), "Use fingerprint") { // without a password: the passkey is enough
		tab.Press("Try another method")
		tab.Press("Password")
	}
	tab.Type("password", samplePassword)
	tab.Press("Continue")
}

// A computer whose key cannot leave it, at the identifier page: no password at all.
func TestW05_E2E_StraightFromTheFirstPage(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Authenticator(browsertest.BuiltIn)
	s.toSecondFactor(tab, charlotte)
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Log In Faster on This Device")
	tab.Press("Continue")
	tab.See("Device registration successful")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")

	// Autofill offers it before anything is typed, and here somebody always takes the offer.
	tab.Open(s.clinic + "/login?prompt=select_account")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"amr": "hwk mfa pop user", "acr": login.ACRHardware})
}

// Not on this device, and remind me later.
func TestArticle_E2E_NotNow(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	sign := func(tab *browsertest.Tab) {
		s.clock.pass(30 * time.Second)
		tab.Open(s.messenger + "/login?prompt=login")
		tab.Wait(`!!document.querySelector("[name=password], [name=email]")`)
		if browsertest.Script[bool](tab, `!!document.querySelector("[name=email][type=email]")`) {
			firstProof(tab, charlotte)
		} else {
			tab.Type("password", samplePassword)
			tab.Press("Continue")
		}
		tab.See("Verify Your Identity")
		tab.Type("code", phone.shown())
		tab.Press("Continue")
	}
	later := s.browser.Person(t, browsertest.Desktop).Tab()
	later.Authenticator(browsertest.BuiltIn)
	sign(later)
	later.See("Log In Faster on This Device")
	later.Press("Remind me later")
	later.See("Welcome, Charlotte Jones")
	sign(later)
	later.See("Welcome, Charlotte Jones")
	s.clock.pass(14 * 24 * time.Hour)
	sign(later)
	later.See("Log In Faster on This Device")
	later.Press("Not on this device")
	later.See("Welcome, Charlotte Jones")
	s.clock.pass(15 * 24 * time.Hour)
	sign(later)
	later.See("Welcome, Charlotte Jones")
}

// A device whose check of its user fails says so, and another way is near.
func TestW13_E2E_DeviceSaysNo(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	device := tab.Authenticator(browsertest.BuiltIn)
	s.toSecondFactor(tab, charlotte)
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Log In Faster on This Device")
	device.Verifies(false)
	tab.Press("Continue")
	tab.SeeText("The steps were stopped before they were finished.")
	look(t, tab, "a07-trust-cancelled")
	device.Verifies(true)
	tab.Press("Continue")
	tab.See("Device registration successful")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	device.Remove()
	tab.Open(s.messenger + "/login?prompt=login")
	secondLogin(tab)
	tab.See("Use fingerprint or face recognition to login")
	tab.Authenticator(browsertest.BuiltIn) // another device: nothing in it
	tab.Press("Continue")
	tab.SeeText("choose another way")
	look(t, tab, "a08-passkey-problem")
	tab.Press("Try another method")
	tab.Press("Authenticator app")
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
}
