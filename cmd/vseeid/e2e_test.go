package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/templates/browsertest"
)

// The tests of the e2e files are stories of people who sign in to the demo apps with a real
// browser. They read from top to bottom: what somebody opens, sees, types and presses.

// scene is where a story happens: a provider with its apps, a clock and a browser.
type scene struct {
	*testServer
	t       testing.TB
	clock   *clock
	browser *browsertest.Browser
}

func newScene(t testing.TB, o on) *scene {
	t.Helper()
	c := &clock{}
	o.now = c.now
	browser := browsertest.Start(t)
	return &scene{testServer: startServer(t, o), t: t, clock: c, browser: browser}
}

// clock runs as the real one does, can be put forward, and can be held: a story that types a code
// twice must not depend on how slow the machine is.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
	held  time.Time // zero while it runs
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.held.IsZero() {
		return c.held.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = time.Now()
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// authenticator is an app on somebody's phone.
type authenticator struct {
	t     testing.TB
	clock *clock
	seed  string
}

// shown is the code of now.
func (a authenticator) shown() string { a.t.Helper(); return codeAt(a.t, a.seed, a.clock.now()) }

// next waits until the app shows another code.
func (a authenticator) next() string { a.t.Helper(); a.clock.pass(30 * time.Second); return a.shown() }

// wrong is a code that neither was good lately nor will be soon.
func (a authenticator) wrong() string {
	a.t.Helper()
	near := map[string]bool{}
	for step := -3; step <= 3; step++ {
		near[codeAt(a.t, a.seed, a.clock.now().Add(time.Duration(step)*30*time.Second))] = true
	}
	for _, code := range []string{"000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777"} {
		if !near[code] {
			return code
		}
	}
	panic("seven steps have no eight codes")
}

// firstProof goes from the first page to what comes after the password.
func firstProof(tab *browsertest.Tab, email string) {
	tab.See("SIGN IN")
	tab.Type("email", email)
	tab.Press("Continue")
	tab.See("Enter Your Password")
	tab.Type("password", samplePassword)
	tab.Press("Continue")
}

// setUp is somebody who has enrolled before, in another browser: their phone and recovery code.
func (s *scene) setUp(email string) (authenticator, string) {
	s.t.Helper()
	tab := s.browser.Person(s.t, browsertest.Desktop).Tab()
	tab.Open(s.messenger + "/login")
	firstProof(tab, email)
	phone := s.scanByHand(tab)
	tab.Type("code", phone.shown())
	tab.Press("Continue")
	tab.See("Almost There!")
	paper := tab.Value("#recovery")
	tab.Tick("confirmed")
	tab.Press("Continue")
	tab.SeeText("two factors.")
	return phone, paper
}

// scanByHand reads the key from the page of the QR code, as somebody who cannot scan.
func (s *scene) scanByHand(tab *browsertest.Tab) authenticator {
	s.t.Helper()
	tab.See("Secure Your Account")
	tab.Press("Can't scan the QR code?")
	tab.SeeText("add this code to it by hand")
	return authenticator{s.t, s.clock, strings.Join(strings.Fields(tab.Value("#key")), "")}
}

// toSecondFactor is somebody with a factor, in a fresh browser, who has given the password.
func (s *scene) toSecondFactor(tab *browsertest.Tab, email string) {
	s.t.Helper()
	tab.Open(s.messenger + "/login")
	firstProof(tab, email)
	tab.See("Verify Your Identity")
}

// claim is what the ID token says, as the app shows it.
func claim(tab *browsertest.Tab, name string) string { return tab.Value(`[data-claim="` + name + `"]`) }

// wantClaims fails for every claim that is not as it should be.
func wantClaims(t testing.TB, tab *browsertest.Tab, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := claim(tab, name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
}

// same fails for every claim that two apps were not told alike.
func same(t testing.TB, a, b *browsertest.Tab, names ...string) {
	t.Helper()
	for _, name := range names {
		if x, y := claim(a, name), claim(b, name); x != y || x == "" {
			t.Errorf("%s is %q in one app and %q in the other", name, x, y)
		}
	}
}

// letters are the mails that were sent, newest first.
func (s *scene) letters() []letter {
	s.t.Helper()
	response, err := http.Get(s.issuer + "/dev/mail.json")
	must(s.t, err)
	defer func() { must(s.t, response.Body.Close()) }()
	var out []letter
	must(s.t, json.NewDecoder(response.Body).Decode(&out))
	return out
}

// looks are the devices that every page is looked at on. One of each theme is enough for axe-core,
// which takes its time: the gallery of the templates has all of them.
var looks = []struct {
	name   string
	device browsertest.Device
	axe    bool
}{
	{"desktop-light", browsertest.Desktop, true},
	{"phone-dark", browsertest.Device{Width: 390, Height: 844, Phone: true, Dark: true}, true},
	{"narrow-light", browsertest.Narrow, false},
}

// look looks at the page on every device: it is accessible, and no wider than the screen.
func look(t testing.TB, tab *browsertest.Tab, state string) {
	t.Helper()
	for _, l := range looks {
		tab.Hold(l.device)
		tab.Screenshot(state + "-" + l.name)
		if l.axe {
			tab.Axe(state + " on " + l.name)
		}
		if over := browsertest.Script[int](tab, "document.scrollingElement.scrollWidth - innerWidth"); over > 0 {
			t.Errorf("%s on %s is %d pixels wider than the screen", state, l.name, over)
		}
	}
	tab.Hold(browsertest.Desktop)
}
