package main

import (
	"path"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/templates/browsertest"
)

// Two apps in two tabs of one browser, a page here and a page there: each tab signs in to its own.
func TestT03_E2E_TwoTabs(t *testing.T) {
	s := newScene(t, on{})
	phone, _ := s.setUp(charlotte)
	person := s.browser.Person(t, browsertest.Desktop)
	messenger, clinic := person.Tab(), person.Tab()

	messenger.Open(s.messenger + "/login")
	clinic.Open(s.clinic + "/login")
	for _, tab := range []*browsertest.Tab{clinic, messenger} {
		tab.See("SIGN IN")
		tab.Type("email", charlotte)
		tab.Press("Continue")
	}
	for _, tab := range []*browsertest.Tab{messenger, clinic} {
		tab.See("Enter Your Password")
		tab.Type("password", samplePassword)
		tab.Press("Continue")
	}
	messenger.See("Verify Your Identity")
	clinic.See("Verify Your Identity")
	messenger.Type("code", phone.next())
	messenger.Press("Continue")
	messenger.See("Welcome, Charlotte Jones")
	messenger.SeeText("VSee Messenger")

	clinic.Reload() // the other tab is where it was
	clinic.See("Verify Your Identity")
	clinic.SeeText(charlotte)
	clinic.Type("code", phone.next())
	clinic.Press("Continue")
	clinic.See("Welcome, Charlotte Jones")
	clinic.SeeText("VSee Clinic")
	wantClaims(t, messenger, map[string]string{"aud": "messenger"})
	wantClaims(t, clinic, map[string]string{"aud": "clinic"})
	same(t, messenger, clinic, "sub", "sid")
}

// A page of a sign-in that is over, by the back button or from the history: it says so, gives
// nothing twice, and leads on.
func TestT05_E2E_BackAfterFinish(t *testing.T) {
	s := newScene(t, on{})
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Open(s.messenger + "/login")
	tab.See("SIGN IN")
	address := tab.URL()
	firstProof(tab, sam)
	tab.See("Welcome, Sam Rivera")
	sid := claim(tab, "sid")

	tab.Back()
	tab.See("This Sign-In Is Already Finished")
	tab.Open(address)
	tab.See("This Sign-In Is Already Finished")
	tab.Press("Start again")
	tab.See("Welcome, Sam Rivera")
	wantClaims(t, tab, map[string]string{"sid": sid, "aud": "messenger"})
}

// An address of a sign-in that was sent to somebody, or copied into another browser.
func TestT06_E2E_CopiedLink(t *testing.T) {
	s := newScene(t, on{})
	sams := s.browser.Person(t, browsertest.Desktop).Tab()
	sams.Open(s.messenger + "/login")
	sams.See("SIGN IN")
	sams.Type("email", sam)
	sams.Press("Continue")
	sams.See("Enter Your Password")

	solos := s.browser.Person(t, browsertest.Desktop).Tab()
	solos.Open(sams.URL())
	solos.See("This Sign-In Began in Another Browser")
	solos.Press("Back to VSee Messenger")
	firstProof(solos, "solo@example.com")
	solos.See("Welcome, Sol Okafor")

	sams.Type("password", samplePassword) // the first one goes on
	sams.Press("Continue")
	sams.See("Welcome, Sam Rivera")
}

// A sign-in that the stores do not know any more goes on in the same app, wherever it was.
func TestU03_E2E_StartAgain(t *testing.T) {
	for name, test := range map[string]struct {
		on      on
		lose    func(s *scene, tab *browsertest.Tab)
		heading string
	}{
		"too slow": {on{}, func(s *scene, _ *browsertest.Tab) {
			s.clock.pass(login.TransactionIdle)
		}, "This Sign-In Took Too Long"},
		"lost in memory": {on{}, loseTransaction, "We Lost Track of This Sign-In"},
		"lost in Redis":  {on{servers: true}, loseTransaction, "We Lost Track of This Sign-In"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, test.on)
			tab := s.browser.Person(t, browsertest.Phone).Tab()
			tab.Open(s.clinic + "/login")
			tab.See("SIGN IN")
			tab.Type("email", sam)
			tab.Press("Continue")
			tab.See("Enter Your Password")
			test.lose(s, tab)
			tab.Type("password", samplePassword)
			tab.Press("Continue")
			tab.See(test.heading)
			tab.Press("Start again")
			firstProof(tab, sam)
			tab.See("Welcome, Sam Rivera")
			wantClaims(t, tab, map[string]string{"aud": "clinic"})
		})
	}
}

// loseTransaction makes the store forget the sign-in of a tab.
func loseTransaction(s *scene, tab *browsertest.Tab) {
	s.t.Helper()
	tx, err := s.parts.short.Transaction(s.t.Context(), path.Base(tab.URL()))
	must(s.t, err)
	must(s.t, s.parts.short.TakeTransaction(s.t.Context(), tx.ID, tx.Version))
}

// The clock of a long sign-in is its own: who answers now and then is not thrown out.
func TestU03_E2E_SlowPerson(t *testing.T) {
	s := newScene(t, on{})
	tab := s.browser.Person(t, browsertest.Desktop).Tab()
	tab.Open(s.messenger + "/login")
	tab.See("SIGN IN")
	s.clock.pass(login.TransactionIdle - time.Minute)
	tab.Type("email", charlotte)
	tab.Press("Continue")
	tab.See("Enter Your Password")
	s.clock.pass(login.TransactionIdle - time.Minute)
	tab.Type("password", samplePassword)
	tab.Press("Continue")
	tab.See("Secure Your Account")
}
