package main

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/templates/browsertest"
)

// The story that the first users know: Charlotte has to secure her account, and is then signed in
// everywhere.
func TestE2E_FirstSignIn(t *testing.T) {
	s := newScene(t, on{})
	charlottes := s.browser.Person(t, browsertest.Desktop)
	messenger := charlottes.Tab()

	messenger.Open(s.messenger)
	messenger.See("Secure messages for care teams")
	messenger.Press("Sign in")
	firstProof(messenger, charlotte)
	phone := s.scanByHand(messenger)
	messenger.Press("Scan a QR code instead")
	messenger.SeeText("scan this QR code")
	if again := s.scanByHand(messenger); again.seed != phone.seed {
		t.Error("the key changed while she looked at it in two ways")
	}
	messenger.Type("code", phone.wrong())
	messenger.Press("Continue")
	messenger.SeeText("That code is not right.")
	messenger.Type("code", phone.shown())
	messenger.Press("Continue")

	messenger.See("Almost There!")
	paper := messenger.Value("#recovery")
	messenger.Press("Continue")
	messenger.SeeText("Record the code first, then check the box.")
	if again := messenger.Value("#recovery"); again != paper || paper == "" {
		t.Errorf("the recovery code was %q and is now %q", paper, again)
	}
	messenger.Tick("confirmed")
	messenger.Press("Continue")

	messenger.See("Welcome, Charlotte Jones")
	wantClaims(t, messenger, map[string]string{
		"amr": "mfa otp pwd", "acr": login.ACRAAL2, "org_id": "riverside", "iss": s.issuer,
	})
	if claim(messenger, "auth_time") == "" || claim(messenger, "sid") == "" {
		t.Errorf("auth_time or sid is missing:\n%s", messenger.Text())
	}
	var subjects []string
	for _, l := range s.letters() {
		if l.To != charlotte {
			t.Errorf("a mail went to %s", l.To)
		}
		if strings.Contains(l.Text, phone.seed) || strings.Contains(l.Text, paper) {
			t.Errorf("a mail has a secret in it: %s", l.Subject)
		}
		subjects = append(subjects, l.Subject)
	}
	if !strings.Contains(strings.Join(subjects, "\n"), "An authenticator app was added to your VSee account") {
		t.Errorf("no mail about the authenticator app, but %q", subjects)
	}

	clinic := charlottes.Tab()
	clinic.Open(s.clinic + "/login") // no page of ours on the way
	clinic.See("Welcome, Charlotte Jones")
	same(t, messenger, clinic, "sub", "sid", "auth_time", "amr", "acr", "org_id")

	messenger.Press("Refresh tokens")
	messenger.SeeText("New tokens have arrived.")
	same(t, messenger, clinic, "sub", "sid", "auth_time", "amr", "acr", "org_id")
	messenger.Press("Call userinfo")
	messenger.SeeText("Userinfo has answered.")
	if got := messenger.Value(`[data-userinfo="email"]`); got != charlotte {
		t.Errorf("userinfo says %q", got)
	}
}

func TestT08_E2E_LaterSignIn(t *testing.T) {
	s := newScene(t, on{})
	s.clock.hold()
	phone, _ := s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Phone).Tab()

	s.toSecondFactor(tab, charlotte)
	tab.Press("Continue")
	tab.SeeText("Enter the 6-digit code from your authenticator app.")
	tab.Type("code", "12 34")
	tab.Press("Continue")
	tab.SeeText("The code has 6 digits.")
	tab.Type("code", phone.wrong())
	tab.Press("Continue")
	tab.SeeText("That code is not right.")
	tab.Type("code", phone.shown()) // the one that she secured her account with
	tab.Press("Continue")
	tab.SeeText("That code was already used.")

	code := phone.next()
	tab.Type("code", "")
	tab.Paste("code", code[:3]+" "+code[3:]) // as the app shows it
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"amr": "mfa otp pwd", "org_id": "riverside"})

	// The same code in another browser, while it is still shown.
	other := s.browser.Person(t, browsertest.Desktop).Tab()
	s.toSecondFactor(other, charlotte)
	other.Type("code", code)
	other.Press("Continue")
	other.SeeText("That code was already used.")
}

func TestE2E_Recovery(t *testing.T) {
	s := newScene(t, on{})
	phone, paper := s.setUp(charlotte)
	tab := s.browser.Person(t, browsertest.Phone).Tab()

	s.toSecondFactor(tab, charlotte)
	tab.Press("Try another method")
	tab.SeeText("How would you like to verify that it is you?")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	tab.Type("code", "not a code")
	tab.Press("Continue")
	tab.SeeText("A recovery code has 24 letters and digits.")
	tab.Type("code", strings.ToLower(paper)) // with the gaps, as she wrote it down
	tab.Press("Continue")
	tab.See("Almost There!")
	tab.SeeText("You have just used your old recovery code")
	fresh := tab.Value("#recovery")
	if fresh == paper {
		t.Error("the new recovery code is the old one")
	}
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Did You Lose a Device?")
	tab.Press("Not now")
	tab.See("Welcome, Charlotte Jones")
	wantClaims(t, tab, map[string]string{"org_id": "riverside", "acr": login.ACRAAL2})

	tab = s.browser.Person(t, browsertest.Phone).Tab()
	s.toSecondFactor(tab, charlotte)
	tab.Press("Try another method")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	tab.Type("code", paper)
	tab.Press("Continue")
	tab.SeeText("That recovery code is not right.")
	tab.Press("Try another method")
	tab.Press("Authenticator app") // she has found her phone
	tab.SeeText("Open your authenticator app")
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	if s.letters()[0].At.IsZero() || !strings.Contains(s.mailSubjects(), "Your recovery code was used to sign in to VSee") {
		t.Errorf("no mail about the recovery code, but %q", s.mailSubjects())
	}
}

func (s *scene) mailSubjects() string {
	s.t.Helper()
	var out []string
	for _, l := range s.letters() {
		out = append(out, l.Subject)
	}
	return strings.Join(out, "\n")
}

func TestE2E_SignOut(t *testing.T) {
	s := newScene(t, on{})
	sams := s.browser.Person(t, browsertest.Desktop)
	messenger, clinic := sams.Tab(), sams.Tab()
	messenger.Open(s.messenger + "/login")
	firstProof(messenger, sam)
	messenger.See("Welcome, Sam Rivera")
	clinic.Open(s.clinic + "/login")
	clinic.See("Welcome, Sam Rivera")

	messenger.Press("Sign out") // at the provider as well, without a question
	messenger.See("Secure messages for care teams")
	if got := messenger.URL(); got != s.messenger+"/" {
		t.Errorf("signed out at %s", got)
	}
	messenger.Open(s.messenger + "/login?prompt=none")
	messenger.See("You need to sign in")
	if strings.HasPrefix(messenger.URL(), s.issuer) {
		t.Errorf("prompt=none ended at %s", messenger.URL())
	}
	clinic.Open(s.clinic + "/login")
	clinic.See("SIGN IN")
}

func TestP15_E2E_Prompts(t *testing.T) {
	s := newScene(t, on{})
	phone, _ := s.setUp(charlotte)
	person := s.browser.Person(t, browsertest.Desktop)
	tab := person.Tab()

	tab.Open(s.messenger + "/login?prompt=none")
	tab.See("You need to sign in")
	s.toSecondFactor(tab, charlotte)
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	sid, signedInAt := claim(tab, "sid"), claim(tab, "auth_time")

	clinic := person.Tab()
	for _, query := range []string{"?prompt=none", "?max_age=600", "?acr_values=" + url.QueryEscape(login.ACRMultiFactor)} {
		clinic.Open(s.clinic + "/login" + query)
		clinic.See("Welcome, Charlotte Jones")
		same(t, tab, clinic, "sid", "auth_time")
	}

	// What is too old has to be proved again, and both factors were.
	s.clock.pass(2 * time.Minute)
	tab.Open(s.messenger + "/login?max_age=60&prompt=none")
	tab.See("You need to sign in")
	tab.Open(s.messenger + "/login?max_age=60")
	s.proveAgain(tab, phone)
	wantClaims(t, tab, map[string]string{"sid": sid, "amr": "mfa otp pwd"})
	again := claim(tab, "auth_time")
	if again <= signedInAt { // written so that they sort
		t.Errorf("auth_time was %s and is %s", signedInAt, again)
	}

	tab.Press("Sign in again") // prompt=login
	s.proveAgain(tab, phone)
	if last := claim(tab, "auth_time"); last <= again {
		t.Errorf("auth_time was %s and is %s", again, last)
	}
}

// proveAgain proves both factors of somebody whom the browser knows.
func (s *scene) proveAgain(tab *browsertest.Tab, phone authenticator) {
	s.t.Helper()
	tab.See("Enter Your Password")
	tab.SeeText(charlotte)
	tab.Type("password", samplePassword)
	tab.Press("Continue")
	tab.See("Verify Your Identity")
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
}

func TestE2E_PasswordOnly(t *testing.T) {
	s := newScene(t, on{})
	for email, want := range map[string]struct{ heading, org string }{
		sam:                {"Welcome, Sam Rivera", "lakeside"},
		"solo@example.com": {"Welcome, Sol Okafor", ""},
	} {
		tab := s.browser.Person(t, browsertest.Desktop).Tab()
		tab.Open(s.messenger + "/login")
		firstProof(tab, email)
		tab.See(want.heading)
		tab.SeeText("Signed in with a password: one factor.")
		wantClaims(t, tab, map[string]string{"amr": "pwd", "org_id": want.org})

		// Neither has a second factor, and nobody may set one up for the asking.
		if email == sam {
			tab.Press("Ask for two factors")
			tab.See("A stronger sign-in is needed")
			tab.Press("Back to VSee Messenger")
			tab.See(want.heading)
		}
	}
}

func TestU04_E2E_NoScript(t *testing.T) {
	s := newScene(t, on{})
	device := browsertest.Desktop
	device.NoScript = true
	tab := s.browser.Person(t, device).Tab()

	tab.Open(s.messenger + "/login")
	firstProof(tab, charlotte)
	phone := s.scanByHand(tab)
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	paper := tab.Value("#recovery")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")

	tab = s.browser.Person(t, device).Tab()
	s.toSecondFactor(tab, charlotte)
	tab.Type("code", phone.next())
	tab.Press("Continue")
	tab.See("Welcome, Charlotte Jones")
	tab.Press("Sign out")
	tab.See("Secure messages for care teams")

	s.toSecondFactor(tab, charlotte)
	tab.Press("Try another method")
	tab.Press("Recovery code")
	tab.SeeText("It works once; you will get a new one.")
	tab.Type("code", paper)
	tab.Press("Continue")
	tab.See("Almost There!")
	tab.Press("Remind me later")
	tab.See("Did You Lose a Device?")
	tab.Press("Not now")
	tab.See("Welcome, Charlotte Jones")
}

// Somebody who uses no mouse: Tab, Enter and Space, and what has the focus.
func TestU03_E2E_Keyboard(t *testing.T) {
	s := newScene(t, on{})
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Open(s.messenger)
	tab.See("Secure messages for care teams")
	tab.TabTo("Sign in")
	tab.Keys(kb.Enter)
	tab.See("SIGN IN")
	tab.Keys(charlotte + kb.Enter) // the field has the focus
	tab.See("Enter Your Password")
	tab.Keys("not it" + kb.Enter)
	tab.SeeText("The email address or the password is not right.")
	tab.Keys(samplePassword + kb.Enter)

	tab.See("Secure Your Account")
	tab.TabTo("Can't scan the QR code?")
	tab.Keys(kb.Enter)
	tab.SeeText("add this code to it by hand")
	phone := authenticator{t, s.clock, strings.Join(strings.Fields(tab.Value("#key")), "")}
	tab.TabTo("code")
	tab.Keys(phone.shown() + kb.Enter)
	tab.See("Almost There!")
	tab.TabTo("confirmed")
	tab.Keys(" ")
	tab.TabTo("Continue")
	tab.Keys(kb.Enter)
	tab.See("Welcome, Charlotte Jones")
	tab.TabTo("Sign out")
	tab.Keys(" ")
	tab.See("Secure messages for care teams")

	tab.TabTo("Sign in")
	tab.Keys(kb.Enter)
	tab.See("SIGN IN")
	tab.Keys(charlotte + kb.Enter)
	tab.See("Enter Your Password")
	tab.Keys(samplePassword + kb.Enter)
	tab.See("Verify Your Identity")
	tab.TabTo("Try another method")
	tab.Keys(kb.Enter)
	tab.SeeText("How would you like to verify that it is you?")
	tab.TabTo("Authenticator app")
	tab.Keys(" ")
	tab.SeeText("Open your authenticator app")
	tab.Keys(phone.next() + kb.Enter)
	tab.See("Welcome, Charlotte Jones")
}
