package main

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/sqldb"
)

// couple is two instances that share PostgreSQL, Redis and nothing else, and a clock that a test puts
// forward.
type couple struct {
	*testServer
	t     *testing.T
	clock *clock
	at    [2]http.Handler
	who   *patient
	app   *optest.App
}

func marry(t *testing.T) *couple {
	t.Helper()
	clock := &clock{}
	s := startServer(t, on{servers: true, now: clock.now, sender: nowhere{}})
	durable, err := sqldb.Open(t.Context(), sqldb.Config{DSN: s.dsn, Keys: s.parts.secrets, MaxConns: 12, Now: clock.now})
	must(t, err)
	t.Cleanup(func() { must(t, durable.Close()) })
	short, err := redisdb.Open(t.Context(), redisdb.Config{
		Addrs: []string{os.Getenv("VSEEID_TEST_REDIS")}, Prefix: s.prefix, Keys: s.parts.secrets, Now: clock.now,
	})
	must(t, err)
	t.Cleanup(func() { must(t, short.Close()) })
	other := s.parts
	other.durable, other.short = durable, short
	second, err := build(t.Context(), other)
	must(t, err)
	c := &couple{testServer: s, t: t, clock: clock, at: [2]http.Handler{s.provider.handler, second.handler}, app: s.messengerApp(t)}
	c.who = &patient{t: t, now: clock.now, phone: passkeytest.NewSynced(s.issuer), mailed: func() string { return codeTo(t, durable, charlotte) }}
	return c
}

// signIn walks Charlotte, in a browser that knows nothing, until a page asks for what until says.
func (c *couple) signIn(until string) (*optest.Browser, *optest.Flow, *optest.Page) {
	c.t.Helper()
	b, f := c.who.browser(c.issuer), c.app.Begin()
	p := c.who.walk(b.Open(f.URL()), until)
	if got := c.who.asked(p); got != until {
		c.t.Fatalf("a page asks for %q, want %q: %s", got, until, p)
	}
	return b, f, p
}

// twin is the same browser at one of the instances.
func (c *couple) twin(b *optest.Browser, i int) *optest.Browser {
	out, client := *b, *b.HTTP
	client.Transport = handled{c.at[i%2]}
	out.HTTP = &client
	return &out
}

// atOnce does n things, all begun at the same moment.
func atOnce[T any](n int, do func(i int) T) []T {
	out := make([]T, n)
	barrier := make(chan struct{})
	var ready, done sync.WaitGroup
	ready.Add(n)
	for i := range n {
		done.Go(func() {
			ready.Done()
			<-barrier
			out[i] = do(i)
		})
	}
	ready.Wait()
	close(barrier)
	done.Wait()
	return out
}

// post sends the same form n times at once, every other one to the other instance.
func (c *couple) post(b *optest.Browser, n int, path string, form func(i int) url.Values) []*optest.Page {
	return atOnce(n, func(i int) *optest.Page { return c.twin(b, i).Post(path, form(i), nil) })
}

// fields is the same form each time.
func fields(pairs ...string) func(int) url.Values {
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return func(int) url.Values { return form }
}

// wantOneCode fails unless one of pages, which are of one flow, led to the app with a code that is
// good, and none is broken.
func (c *couple) wantOneCode(f *optest.Flow, pages []*optest.Page) {
	c.t.Helper()
	won := 0
	for _, p := range pages {
		switch {
		case p.Response(f.Params.Get("redirect_uri")) != nil:
			won++
			wantStatus(c.t, "redeem", c.app.Redeem(f, f.Code(p)), http.StatusOK)
		case p.Status >= http.StatusInternalServerError || p.Text == "":
			c.t.Errorf("a broken answer: %s", p)
		}
	}
	if won != 1 {
		c.t.Errorf("%d of %d answers led to the app", won, len(pages))
	}
}

func (c *couple) events(kind storage.EventType) int {
	c.t.Helper()
	events, err := c.parts.durable.Events(c.t.Context(), sqldb.EventFilter{Type: kind}, storage.Page{Limit: storage.MaxPage})
	must(c.t, err)
	return len(events)
}

func (c *couple) enrolled(kind factors.Kind) (of []factors.Enrollment) {
	c.t.Helper()
	all, err := c.parts.durable.Enrollments(c.t.Context(), c.person(c.t, charlotte))
	must(c.t, err)
	for _, e := range all {
		if e.Kind == kind {
			of = append(of, e)
		}
	}
	return of
}

const (
	crowd  = 20
	rounds = 3
)

// TestW04_OneAnswerAtTwoInstances sends the same right answer twenty times at once, half of it to
// either instance: one of them counts.
func TestW04_OneAnswerAtTwoInstances(t *testing.T) {
	c := marry(t)
	_, f, p := c.signIn(asksNothing)
	f.Code(p)
	for range rounds {
		c.clock.pass(time.Hour)

		b, f, p := c.signIn(asksApp)
		p = p.Choose("email")
		c.wantOneCode(f, c.post(b, crowd, p.URL.Path+"/challenge", fields("code", c.who.mailed())))

		b, f, p = c.signIn(asksEmail)
		response := c.answerOf(p)
		c.wantOneCode(f, c.post(b, crowd, p.URL.Path+"/passkey", fields("response", response, "attachment", "platform")))

		b, f, p = c.signIn(asksApp)
		p = p.Choose("passkey")
		response = c.answerOf(p)
		c.wantOneCode(f, c.post(b, crowd, p.URL.Path+"/passkey", fields("response", response, "attachment", "platform")))
	}
}

// answerOf is what the phone answers to the passkey ceremony of a page.
func (c *couple) answerOf(p *optest.Page) string {
	c.t.Helper()
	m := optionsInPage.FindStringSubmatch(p.Body)
	if m == nil {
		c.t.Fatalf("no passkey can be used on %s", p)
	}
	response, err := c.who.phone.Get([]byte(html.UnescapeString(m[1])))
	must(c.t, err)
	return string(response)
}

// TestT12_OneTicketAtTwoInstances types one ticket into twenty sign-ins at once.
func TestT12_OneTicketAtTwoInstances(t *testing.T) {
	c := marry(t)
	c.who.phone = nil
	org, err := c.parts.durable.Org(t.Context(), "riverside")
	must(t, err)
	org.Policy.Enrollment = login.ByTicket
	must(t, c.parts.durable.UpdateOrg(t.Context(), org, storage.Trail{}))
	api, id := c.administration(t), c.person(t, charlotte)
	for range rounds {
		_, _, given := api.call("/users/"+id+"/enrollment-tickets", `{"reason":"a new colleague"}`)
		ticket := given["ticket"].(string)
		var pages [crowd]*optest.Page
		var browsers [crowd]*optest.Browser
		for i := range pages {
			browsers[i], _, pages[i] = c.signIn(asksTicket)
		}
		won := 0
		for _, p := range atOnce(crowd, func(i int) *optest.Page {
			return c.twin(browsers[i], i).Post(pages[i].URL.Path+"/ticket", fields("code", ticket)(i), nil)
		}) {
			switch {
			case c.who.asked(p) == asksEnroll:
				won++
			case p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusTooManyRequests:
				t.Errorf("a broken answer: %s", p)
			}
		}
		if won != 1 {
			t.Errorf("one ticket let %d set up", won)
		}
		must(t, c.parts.durable.ClearAttempts(t.Context(), id, storage.Trail{}))
	}
	if n := c.events(storage.TicketUsed); n != rounds {
		t.Errorf("%d tickets are said to be used", n)
	}
}

// TestT12_OneLinkAtTwoInstances presses the link of a mail twenty times at once, and then sets twenty
// passwords by it.
func TestT12_OneLinkAtTwoInstances(t *testing.T) {
	c := marry(t)
	_, f, p := c.signIn(asksNothing)
	f.Code(p)
	c.clock.pass(25 * time.Hour) // so that the link is not about what was set up by now
	b, f, p := c.signIn(asksNothing)
	f.Code(p)
	if p := b.Open("/account/add/totp"); c.who.answer(p).URL.Path != "/account" {
		t.Fatalf("no app was added: %s", p)
	}
	link := linkOfLetter.FindString(letterTo(t, c.parts.durable, charlotte, "app was added").Text)
	stranger := optest.NewBrowser(t, c.issuer)
	for _, p := range c.post(stranger, crowd, link, fields()) {
		if p.Status != http.StatusOK || !p.Has("password") {
			t.Errorf("pressed: %s", p)
		}
	}
	c.clock.pass(time.Minute) // twenty people at one address are many
	if n := c.events(storage.Repudiated); n != 1 {
		t.Errorf("pressed %d times", n)
	}
	if n := len(c.enrolled(factors.TOTP)); n != 1 {
		t.Errorf("%d apps are left, want the one of before", n)
	}
	password := func(i int) string { return fmt.Sprintf("an entirely other sentence %d", i) }
	for _, p := range c.post(stranger, crowd, link, func(i int) url.Values { return url.Values{"password": {password(i)}} }) {
		if p.Status != http.StatusOK && p.Status != http.StatusServiceUnavailable || p.Status == http.StatusOK && p.Has("password") {
			t.Errorf("a new password: %s", p)
		}
	}
	if n := c.events(storage.PasswordChanged); n != 1 {
		t.Errorf("%d passwords were set", n)
	}
	u, err := c.parts.durable.UserByEmail(t.Context(), charlotte)
	must(t, err)
	right := 0
	for i := range crowd {
		ok, _, err := c.parts.passwords.Verify(t.Context(), u.PasswordHash, password(i))
		must(t, err)
		if ok {
			right++
		}
	}
	if right != 1 {
		t.Errorf("%d passwords are right", right)
	}
}

// TestT13_OneChangeAtTwoInstances sends the first code of another app twenty times at once, and then
// removes both apps at once, in two tabs: one app is added, and one stays.
func TestT13_OneChangeAtTwoInstances(t *testing.T) {
	c := marry(t)
	c.who.phone = nil
	b, f, p := c.signIn(asksNothing)
	f.Code(p)
	for range rounds {
		page := b.Open("/account/add/totp")
		seed := seedOf(t, page)
		for _, p := range c.post(b, crowd, page.URL.Path+"/enroll", fields("code", codeAt(t, seed, c.clock.now()))) {
			if p.Status >= http.StatusInternalServerError || p.Text == "" {
				t.Errorf("a broken answer: %s", p)
			}
		}
		apps := c.enrolled(factors.TOTP)
		if len(apps) != 2 {
			t.Fatalf("%d apps, want 2", len(apps))
		}
		for _, p := range atOnce(2, func(i int) *optest.Page {
			return c.twin(b, i).Post("/account/factors/"+apps[i].ID+"/remove", nil, nil)
		}) {
			if p.Status >= http.StatusInternalServerError || p.Text == "" {
				t.Errorf("a broken answer: %s", p)
			}
		}
		if left := c.enrolled(factors.TOTP); len(left) != 1 {
			t.Fatalf("%d apps are left", len(left))
		}
		// Who removed the app of the sign-in has nothing left to prove by but the recovery code.
		b, f, p = c.signIn(asksNothing)
		f.Code(p)
	}
	if added, removed := c.events(storage.Enrolled), c.events(storage.FactorRemoved); removed != rounds {
		t.Errorf("%d set up, %d removed", added, removed)
	}
	if strings.Contains(c.logs.String(), `"level":"ERROR"`) {
		t.Errorf("log: %s", c.logs)
	}
}
