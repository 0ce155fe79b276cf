package login_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestT01_FormsOfOtherSites(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	p := b.begin(login.Demand{})
	p = b.follow(b.post(p.on("identifier"), "email", u.Email))
	form := "password=" + url.QueryEscape(secretWord)
	for _, c := range []struct {
		name   string
		header map[string]string
		body   string
		status int
	}{
		{"another site", map[string]string{"Sec-Fetch-Site": "cross-site"}, form, http.StatusForbidden},
		{"a sibling", map[string]string{"Sec-Fetch-Site": "same-site"}, form, http.StatusForbidden},
		{"an old browser, another origin", map[string]string{"Origin": "https://evil.example"}, form, http.StatusForbidden},
		{"an old browser, no origin to tell", map[string]string{"Origin": "null"}, form, http.StatusForbidden},
		{"T-58 JSON as text", map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": "text/plain"}, `{"password":"x"}`, http.StatusUnsupportedMediaType},
		{"multipart", map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": "multipart/form-data; boundary=x"}, "--x--", http.StatusUnsupportedMediaType},
		{"no type", map[string]string{"Sec-Fetch-Site": "same-origin", "Content-Type": ""}, form, http.StatusUnsupportedMediaType},
		{"too long", map[string]string{"Sec-Fetch-Site": "same-origin"}, "password=" + strings.Repeat("x", 65<<10), http.StatusRequestEntityTooLarge},
		{"broken", map[string]string{"Sec-Fetch-Site": "same-origin"}, "password=%zz", http.StatusBadRequest},
	} {
		r, err := http.NewRequest(http.MethodPost, w.url+p.on("password"), strings.NewReader(c.body))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for name, v := range c.header {
			r.Header.Set(name, v)
		}
		if got := b.do(r); got.status != c.status {
			t.Errorf("%s: %d, want %d", c.name, got.status, c.status)
		}
	}
	if len(w.results()) != 0 {
		t.Fatal("somebody signed in")
	}
	b.follow(b.post(p.on("password"), "password", secretWord)).is(t, "user", u.ID)
}

func TestT02_T06_AnotherBrowser(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	seed, _, _ := b.setUp(u, login.Demand{})

	victim := w.browser()
	p := victim.password(victim.begin(login.Demand{}), u)
	p.shows(t, http.StatusOK, "Verify Your Identity")
	thief := w.browser()
	thief.get(p.on("")).shows(t, http.StatusForbidden, "Began in Another Browser")
	thief.begin(login.Demand{}) // has a browser cookie now, another one
	thief.get(p.on("")).shows(t, http.StatusForbidden, "Began in Another Browser", "Start again")
	if elsewhere := startAgain(t, thief.get(p.on(""))); elsewhere != "/begin?elsewhere" {
		t.Errorf("another browser learns %s", elsewhere)
	}
	madeUp := thief.get("/u/login/MADEUP")
	madeUp.shows(t, http.StatusGone, "Go back to the app")
	if againLink.MatchString(madeUp.body) {
		t.Error("a sign-in that never was starts again")
	}
	for _, step := range []string{"identifier", "password", "challenge", "enroll", "method", "recovery", "later", "switch", "cancel"} {
		got := thief.post(p.on(step), "code", w.app(seed), "method", "totp", "password", secretWord, "email", u.Email)
		got.shows(t, http.StatusForbidden, "Began in Another Browser")
	}
	if w.count(u.ID, storage.SequenceFailed) == 0 {
		t.Error("nothing was noted")
	}
	// T-57: two cookies of the name are none.
	cookie := victim.cookie("vseeid-browser")
	r, err := http.NewRequest(http.MethodGet, w.url+p.on(""), nil)
	must(t, err)
	r.Header.Set("Cookie", "vseeid-browser="+cookie+"; vseeid-browser="+cookie)
	res, err := http.DefaultClient.Do(r)
	must(t, err)
	must(t, res.Body.Close())
	if res.StatusCode != http.StatusForbidden {
		t.Errorf("two cookies of one name: %d", res.StatusCode)
	}
	victim.follow(victim.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
}

func TestT57_TwoSessionCookiesAreNone(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	cookie := b.cookie("vseeid-session")
	r, err := http.NewRequest(http.MethodGet, "https://id.example/", nil)
	must(t, err)
	r.AddCookie(&http.Cookie{Name: "vseeid-session", Value: cookie})
	if _, id, err := w.signIn.Current(r); err != nil || id != u.ID {
		t.Fatalf("one cookie: %q, %v", id, err)
	}
	r.AddCookie(&http.Cookie{Name: "vseeid-session", Value: cookie})
	if _, _, err := w.signIn.Current(r); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("two cookies: %v", err)
	}
}

func TestT03_TwoTabs(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	setting := w.browser()
	seed, _, _ := setting.setUp(u, login.Demand{})
	b := w.browser()
	// Two apps at once; the answers come in every order that keeps each tab's own.
	for _, order := range []string{"AAABBB", "AABABB", "AABBAB", "AABBBA", "ABAABB", "ABABAB", "ABABBA", "ABBAAB", "ABBABA", "ABBBAA"} {
		tabs := map[rune]page{
			'A': b.begin(login.Demand{App: login.App{Name: "Messenger"}, Fresh: true, Select: true}),
			'B': b.begin(login.Demand{App: login.App{Name: "Clinic"}, Fresh: true, Select: true}),
		}
		want := map[rune]string{'A': "Messenger", 'B': "Clinic"}
		done := map[rune]int{}
		for _, tab := range order {
			p := tabs[tab]
			switch done[tab]++; done[tab] {
			case 1:
				tabs[tab] = b.follow(b.post(p.on("identifier"), "email", u.Email))
			case 2:
				tabs[tab] = b.follow(b.post(p.on("password"), "password", secretWord))
			case 3:
				tabs[tab] = b.follow(b.post(p.on("challenge"), "code", w.app(seed)))
				tabs[tab].is(t, "user", u.ID, "amr", "mfa otp pwd")
				if request := tabs[tab].answer["request"].(string); !strings.Contains(request, want[tab]) {
					t.Fatalf("order %s: tab %c answered %s", order, tab, request)
				}
			}
		}
	}
	if n := len(w.results()); n != 21 {
		t.Errorf("%d answers", n)
	}
}

// TestT04_SkippingSteps posts every step at every state: only the one that is open does anything.
func TestT04_SkippingSteps(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u, known := w.person("anna", "riverside"), w.person("bert", "riverside")
	setting := w.browser()
	seed, _, _ := setting.setUp(known, login.Demand{})
	seeds := map[string]string{known.Email: seed}

	steps := []string{"identifier", "password", "enroll", "challenge", "method", "recovery", "later"}
	states := []struct {
		name, shows string
		open        []string
		reach       func(b *browser) page
	}{
		{"identify", "SIGN IN", []string{"identifier"}, func(b *browser) page { return b.begin(login.Demand{}) }},
		{"prove", "Enter Your Password", []string{"password"}, func(b *browser) page {
			p := b.begin(login.Demand{})
			return b.follow(b.post(p.on("identifier"), "email", u.Email))
		}},
		{"enroll", "Secure Your Account", []string{"enroll"}, func(b *browser) page { return b.password(b.begin(login.Demand{}), u) }},
		{"challenge", "Verify Your Identity", []string{"challenge", "method"}, func(b *browser) page { return b.password(b.begin(login.Demand{}), known) }},
	}
	for _, state := range states {
		for _, step := range steps {
			if slices.Contains(state.open, step) {
				continue
			}
			t.Run(state.name+"/"+step, func(t *testing.T) {
				b := w.browser()
				p := state.reach(b)
				p.shows(t, http.StatusOK, state.shows)
				got := b.post(p.on(step), "email", known.Email, "password", secretWord, "code", w.app(seeds[known.Email]), "method", "recovery", "confirmed", "true")
				if got.status != http.StatusSeeOther || got.header.Get("Location") != p.on("") {
					t.Fatalf("%d to %q", got.status, got.header.Get("Location"))
				}
				b.get(p.on("")).shows(t, http.StatusOK, state.shows)
				if b.cookie("vseeid-session") != "" {
					t.Error("it left a session")
				}
			})
		}
	}
	if n := len(w.results()); n != 1 {
		t.Errorf("%d answers to clients, want the one of setting up", n)
	}
	if w.count(u.ID, storage.SequenceFailed) == 0 {
		t.Error("nothing was noted")
	}
}

// An app takes the answer to a request once, and from the browser that asked. Where it has said how,
// it is asked to begin anew; its address failing costs nobody the page.
func TestT05_StartAgainThroughTheApp(t *testing.T) {
	var failure error
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		c.AtApp = func(context.Context, []byte) (string, error) { return "https://app.example/login", failure }
	})
	u := w.person("anna")
	b, other := w.browser(), w.browser()
	p := b.begin(login.Demand{App: login.App{Name: "Messenger"}})
	leads := func(p page, to string) {
		t.Helper()
		if !strings.Contains(p.body, `href="`+to) {
			t.Errorf("%s does not lead to %s: %s", p.path, to, p.body)
		}
	}
	foreign := other.get(p.on(""))
	foreign.shows(t, http.StatusForbidden, "Another Browser", "Back to Messenger")
	leads(foreign, "https://app.example/login")
	p = b.password(p, u)
	p.is(t, "user", u.ID)
	old := strings.TrimSuffix(p.path, "/password")
	again := b.get(old)
	again.shows(t, http.StatusGone, "Already Finished", "Start again")
	leads(again, "https://app.example/login")

	failure = errors.New("the database is away")
	foreign = other.get(b.begin(login.Demand{Fresh: true, Select: true}).on(""))
	foreign.shows(t, http.StatusForbidden, "Another Browser", "Start again")
	leads(foreign, "/begin?elsewhere")
	again = b.get(old)
	again.shows(t, http.StatusGone, "Already Finished", "Start again")
	leads(again, "/begin?")
}

func TestT05_AddressOfAFinishedSignIn(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	p.is(t, "user", u.ID)
	old := strings.TrimSuffix(p.path, "/password")
	for _, again := range []page{
		b.get(old), b.post(old+"/password", "password", secretWord), b.post(old + "/cancel"), b.get(old + "/method"),
	} {
		again.shows(t, http.StatusGone, "Already Finished", "Start again")
	}
	if n := len(w.results()); n != 1 {
		t.Errorf("%d answers", n)
	}
	b.follow(b.get(startAgain(t, b.get(old)))).is(t, "user", u.ID)
}

var againLink = regexp.MustCompile(`href="(/begin[^"]*)"`)

// startAgain is where the page's link leads.
func startAgain(t *testing.T, p page) string {
	t.Helper()
	m := againLink.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s has no link to start again: %s", p.path, tags.ReplaceAllString(p.body, ""))
	}
	return strings.ReplaceAll(m[1], "&amp;", "&")
}

func TestT05_FinishRace(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		p = b.follow(b.post(p.on("enroll"), "code", w.app(p.seed(t))))
		p.shows(t, http.StatusOK, "Almost There!")
		answers := parallel(10, func(int) page { return b.post(p.on("later")) })
		finished := 0
		for _, a := range answers {
			switch {
			case a.answer != nil:
				finished++
			case a.status != http.StatusSeeOther && a.status != http.StatusGone:
				t.Errorf("status %d: %s", a.status, tags.ReplaceAllString(a.body, ""))
			}
		}
		if finished != 1 || len(w.results()) != 1 || w.count(u.ID, storage.SessionCreated) != 1 {
			t.Errorf("%d answered, %d results, %d sessions", finished, len(w.results()), w.count(u.ID, storage.SessionCreated))
		}
	})
}

// parallel runs f n times at once.
func parallel[T any](n int, f func(i int) T) []T {
	out := make([]T, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			out[i] = f(i)
		})
	}
	close(start)
	all.Wait()
	return out
}

func TestT48_LostTransaction(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.password(b.begin(login.Demand{App: login.App{Name: "Clinic"}}), u)
	p.shows(t, http.StatusOK, "Secure Your Account")
	w.lose(p)
	lost := b.post(p.on("enroll"), "code", "123456")
	lost.shows(t, http.StatusGone, "We Lost Track of This Sign-In", "Start again")
	p = b.follow(b.get(startAgain(t, lost)))
	p.shows(t, http.StatusOK, "SIGN IN", "Clinic")

	// One that the browser does not remember leads back to the app.
	b.get("/u/login/"+rand.Text()).shows(t, http.StatusGone, "Go back to the app")
	b.keep("vseeid-resume", "")
	w.lose(p)
	b.get(p.on("")).shows(t, http.StatusGone, "We Lost Track", "Go back to the app")
	b.keep("vseeid-resume", strings.Repeat("A", 200))
	b.get(p.on("")).shows(t, http.StatusGone, "Go back to the app")
	b.keep("vseeid-browser", "")
	p = b.begin(login.Demand{})
	b.keep("vseeid-browser", "")
	b.get(p.on("")).shows(t, http.StatusForbidden, "accepts cookies", "Start again")
}

// lose forgets the transaction of a page, as a flushed store does.
func (w *world) lose(p page) {
	w.t.Helper()
	id := strings.Split(p.path, "/")[3]
	tx, err := w.short.Transaction(context.Background(), strings.Split(id, "?")[0])
	must(w.t, err)
	must(w.t, w.short.TakeTransaction(context.Background(), tx.ID, tx.Version))
}

func TestTransactionTimes(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	p := b.begin(login.Demand{})
	w.pass(15*time.Minute - time.Second)
	p = b.follow(b.post(p.on("identifier"), "email", u.Email))
	p.shows(t, http.StatusOK, "Enter Your Password")
	w.pass(14 * time.Minute)
	p = b.follow(b.post(p.on("switch")))
	p.shows(t, http.StatusOK, "SIGN IN")
	w.pass(2 * time.Minute) // 31 in all
	b.get(p.on("")).shows(t, http.StatusGone, "Took Too Long", "Start again")

	p = b.begin(login.Demand{})
	w.pass(15 * time.Minute)
	b.get(p.on("")).shows(t, http.StatusGone, "Took Too Long", "Start again")
}

func TestResumeCookieStaysSmall(t *testing.T) {
	w := newWorld(t, sqlite(t))
	b := w.browser()
	var pages []page
	for i := range 50 {
		pages = append(pages, b.begin(login.Demand{App: login.App{Name: fmt.Sprintf("App %d", i)}, LoginHint: strings.Repeat("x", 20*i)}))
		if n := len(b.cookie("vseeid-resume")); n == 0 || n > 3500 {
			t.Fatalf("after %d sign-ins the cookie has %d bytes", i+1, n)
		}
	}
	for _, p := range pages { // every one of fifty tabs is still good
		b.get(p.on("")).shows(t, http.StatusOK, "SIGN IN")
	}
}
