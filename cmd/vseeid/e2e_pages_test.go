package main

import (
	"strings"
	"testing"

	"github.com/vsee/vseeid/templates/browsertest"
)

// Every page of a sign-in that is reached by the real server, on every device.
func TestU03_E2E_EveryPage(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	person := s.browser.Person(t, browsertest.Desktop)
	tab := person.Tab()
	tab.Open(s.messenger)
	tab.See("Secure messages for care teams")
	look(t, tab, "01-messenger")
	tab.Press("Sign in")
	tab.See("SIGN IN")
	look(t, tab, "02-identifier")
	tab.Type("email", "charlotte")
	tab.Press("Continue")
	tab.SeeText("Enter an email address, such as")
	look(t, tab, "03-identifier-problem")
	tab.Type("email", charlotte)
	tab.Press("Continue")
	tab.See("Enter Your Password")
	look(t, tab, "04-password")
	tab.Type("password", "not it")
	tab.Press("Continue")
	tab.SeeText("The email address or the password is not right.")
	look(t, tab, "05-password-problem")
	tab.Type("password", samplePassword)
	tab.Press("Continue")
	tab.See("Secure Your Account")
	look(t, tab, "06-enroll")
	phone := s.scanByHand(tab)
	look(t, tab, "07-enroll-by-hand")
	tab.Type("code", phone.wrong())
	tab.Press("Continue")
	tab.SeeText("That code is not right.")
	look(t, tab, "08-enroll-problem")
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	look(t, tab, "09-recovery-code")
	tab.Press("Continue")
	tab.SeeText("Record the code first")
	look(t, tab, "10-recovery-code-problem")
	paper := tab.Value("#recovery")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	look(t, tab, "11-messenger-signed-in")
	clinic := person.Tab()
	clinic.Open(s.clinic + "/login")
	clinic.See("Welcome, Charlotte Jones")
	look(t, clinic, "12-clinic-signed-in")
	clinic.Open(s.issuer + "/dev/mail")
	clinic.See("Mailbox")
	look(t, clinic, "13-mailbox")

	tab = s.browser.Person(t, browsertest.Desktop).Tab()
	s.toSecondFactor(tab, charlotte)
	look(t, tab, "14-challenge")
	address := tab.URL()
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.SeeText("That code was already used.")
	look(t, tab, "15-challenge-problem")
	tab.Press("Try another method")
	tab.SeeText("How would you like")
	look(t, tab, "16-methods")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	look(t, tab, "17-recovery")
	tab.Type("code", paper)
	tab.Press("Continue")
	tab.See("Almost There!")
	look(t, tab, "18-recovery-code-new")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Did You Lose a Device?")
	look(t, tab, "18-replace")
	tab.Press("Not now")
	tab.See("Welcome, Charlotte Jones")
	tab.Open(address)
	tab.See("This Sign-In Is Already Finished")
	look(t, tab, "19-finished")
	tab.Open(s.clinic + "/login?prompt=none&organization=lakeside")
	tab.See("You need to sign in")
	look(t, tab, "20-clinic-refused")
	tab.Open(s.issuer + "/authorize?client_id=nobody")
	tab.See("This App Asked in the Wrong Way")
	look(t, tab, "21-bad-request")
	tab.Open(s.issuer + "/oidc/logout")
	tab.See("Sign Out?")
	look(t, tab, "22-sign-out")
	tab.Press("Sign out")
	tab.See("You Are Signed Out")
	look(t, tab, "23-signed-out")
}

// What password managers, keyboards of phones and one-time codes from messages go by.
func TestU02_E2E_Autofill(t *testing.T) {
	s := newScene(t, on{})
	_, _ = s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Phone).Tab()
	tab.Open(s.messenger + "/login")
	tab.See("SIGN IN")
	wantFields(t, tab, "email: type=email autocomplete=username webauthn inputmode=email autocapitalize=none spellcheck=false")
	tab.Type("email", charlotte)
	tab.Press("Continue")
	tab.See("Enter Your Password")
	wantFields(t, tab,
		"email: type=text autocomplete=username value="+charlotte,
		"password: type=password autocomplete=current-password autocapitalize=none spellcheck=false")
	tab.Type("password", samplePassword)
	tab.Press("Continue")
	tab.See("Verify Your Identity")
	wantFields(t, tab,
		": type=text autocomplete=username value="+charlotte,
		"code: type=text autocomplete=one-time-code inputmode=numeric autocapitalize=none spellcheck=false pattern=[0-9 ]*")
	tab.Press("Try another method")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	wantFields(t, tab,
		": type=text autocomplete=username value="+charlotte,
		"code: type=text autocomplete=off autocapitalize=characters spellcheck=false")
}

// wantFields compares what software can know of the fields of a page.
func wantFields(t testing.TB, tab *browsertest.Tab, want ...string) {
	t.Helper()
	got := browsertest.Script[[]string](tab, `[...document.querySelectorAll("input:not([type=hidden])")].map((e) => e.name + ":" +
		["type", "autocomplete", "inputmode", "autocapitalize", "spellcheck", "pattern"].filter((a) => e.hasAttribute(a))
		.map((a) => " " + a + "=" + e.getAttribute(a)).join("") + (e.classList.contains("unseen") ? " value=" + e.value : ""))`)
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the fields are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
