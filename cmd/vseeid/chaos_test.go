package main

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/sqldb"
)

var startAgain = regexp.MustCompile(`href="(/authorize\?[^"]*)"`)

// again follows the link of a page that says that the sign-in was lost.
func again(t testing.TB, b *optest.Browser, p *optest.Page) *optest.Page {
	t.Helper()
	if p.Status != http.StatusGone || !strings.Contains(p.Text, "We Lost Track of This Sign-In") {
		t.Fatalf("status %d on %s", p.Status, p)
	}
	m := startAgain.FindStringSubmatch(p.Body)
	if m == nil {
		t.Fatalf("no way to start again on %s", p)
	}
	return b.Open(html.UnescapeString(m[1]))
}

// forget deletes what this deployment has in Redis.
func (d *deployment) forget() {
	d.t.Helper()
	forgetKeys(d.t, d.redis, d.prefix)
}

// forgetKeys deletes every key that begins with prefix.
func forgetKeys(t testing.TB, addr, prefix string) {
	t.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	keys, err := client.Keys(t.Context(), prefix+"*").Result()
	must(t, err)
	if len(keys) == 0 {
		t.Fatal("there was nothing in Redis to forget")
	}
	must(t, client.Del(t.Context(), keys...).Err())
}

// TestT48_RedisForgets deletes all of Redis at each page of a sign-in. The answer leads to a page
// from which the same request of the same app begins again, and comes to its end.
func TestT48_RedisForgets(t *testing.T) {
	d := deploy(t)
	d.serve()
	app, who := d.messengerApp(t), &patient{t: t}
	for _, at := range []string{asksEnroll, asksEmail, asksPassword, asksCode, asksConfirm} {
		b := who.browser(d.issuer)
		f := app.Begin()
		p := who.walk(b.Open(f.URL()), at)
		if who.asked(p) != at {
			t.Fatalf("no page asks for %q: %s", at, p)
		}
		d.forget()
		if reloaded := b.Open(p.URL.Path); reloaded.Status != http.StatusGone {
			t.Errorf("at %q a reload shows %s", at, reloaded)
		}
		p = who.walk(again(t, b, who.answer(p)), asksNothing)
		answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(p)), http.StatusOK)
		app.Verify(answer.IDToken, f.Nonce)
	}

	// A code that is forgotten is refused, and the session still signs in.
	b := who.browser(d.issuer)
	f := app.Begin()
	code := f.Code(who.walk(b.Open(f.URL()), asksNothing))
	d.forget()
	if a := app.Redeem(f, code); a.Status != http.StatusBadRequest || a.Error != "invalid_grant" {
		t.Errorf("a forgotten code: %d %s", a.Status, a.Error)
	}
	f = app.Begin()
	wantStatus(t, "redeem", app.Redeem(f, f.Code(b.Open(f.URL()))), http.StatusOK)
}

// TestT09_CountsSurviveRedis guesses codes in new sign-ins until the person is locked, lets Redis
// forget between them, and is still locked, with the right code too.
func TestT09_CountsSurviveRedis(t *testing.T) {
	d := deploy(t)
	var passed atomic.Int64
	start := time.Now()
	now := func() time.Time { return start.Add(time.Duration(passed.Load())) }
	s := startServer(t, on{servers: true, now: now})
	short, err := redisdb.Open(t.Context(), redisdb.Config{Addrs: []string{d.redis}, Prefix: d.prefix, Keys: s.parts.secrets, Now: now})
	must(t, err)
	t.Cleanup(func() { must(t, short.Close()) })
	parts := s.parts
	parts.short = short
	provider, err := build(t.Context(), parts)
	must(t, err)

	app, who := s.messengerApp(t), &patient{t: t, now: now}
	browser := func() *optest.Browser {
		b := who.browser(s.issuer)
		b.HTTP.Transport = handled{provider.handler}
		return b
	}
	f := app.Begin()
	f.Code(who.walk(browser().Open(f.URL()), asksNothing))
	passed.Add(int64(time.Minute))

	challenge := func(f *optest.Flow) *optest.Page { return toFactor(t, browser().Open(f.URL()), charlotte) }
	for i := range 7 {
		want := http.StatusUnprocessableEntity
		if i >= limit.FactorLadder.Free {
			want = http.StatusTooManyRequests
		}
		if p := challenge(app.Begin()).Submit("code", "000000"); p.Status != want {
			t.Errorf("guess %d: %s", i+1, p)
		}
		d.forget()
	}
	right := codeAt(t, who.seed, now())
	if p := challenge(app.Begin()).Submit("code", right); p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") != "1" {
		t.Errorf("the right code of a locked person: %s", p)
	}
	passed.Add(int64(time.Second))
	d.forget()
	f = app.Begin()
	f.Code(challenge(f).Submit("code", right))
}

// wantUnavailable fails unless a page says 503, with a reference and without a word of why.
func wantUnavailable(t testing.TB, what string, p *optest.Page) {
	t.Helper()
	if p.Status != http.StatusServiceUnavailable || referenceInPage.FindString(p.Text) == "" || p.Header.Get("Retry-After") == "" {
		t.Errorf("%s: status %d: %s", what, p.Status, p)
	}
	for _, never := range []string{"redis:", "sqldb", "sqlstate", "dial tcp", "connection refused", "127.0.0.1", "goroutine", ".go:"} {
		if strings.Contains(strings.ToLower(p.Body), never) {
			t.Errorf("%s: the page shows %q", what, never)
		}
	}
}

// TestT48_RedisIsGone kills Redis at each page. Nothing is "fine" without it, nothing breaks, and
// all is well when it is back.
func TestT48_RedisIsGone(t *testing.T) {
	own := newOwnRedis(t)
	d := deployOn(t, own.addr)
	instance := d.serve()
	app, machine, who := d.messengerApp(t), d.reportsApp(t), &patient{t: t}

	granted := grantOf(t, app, optest.NewBrowser(t, d.issuer))
	for _, at := range []string{asksEnroll, asksEmail, asksPassword, asksCode, asksConfirm} {
		b := who.browser(d.issuer)
		f := app.Begin()
		p := who.walk(b.Open(f.URL()), at)
		own.kill()
		wantUnavailable(t, "answer at "+at, who.answer(p))
		wantUnavailable(t, "reload at "+at, b.Open(p.URL.Path))
		own.restart(instance, app)
		p = who.walk(again(t, b, b.Open(p.URL.Path)), asksNothing)
		answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(p)), http.StatusOK)
		app.Verify(answer.IDToken, f.Nonce)
	}

	f := app.Begin()
	code := f.Code(who.walk(who.browser(d.issuer).Open(f.URL()), asksNothing))
	own.kill()
	if got := app.Do(http.MethodGet, "/readyz", nil, nil).Status; got != http.StatusServiceUnavailable {
		t.Errorf("/readyz: %d", got)
	}
	if got := app.Do(http.MethodGet, "/livez", nil, nil).Status; got != http.StatusOK {
		t.Errorf("/livez: %d", got)
	}
	if a := app.Redeem(f, code); a.Status != http.StatusServiceUnavailable || a.AccessToken != "" || a.Error != "temporarily_unavailable" {
		t.Errorf("redeem: %d %s", a.Status, a.Error)
	}
	begin := app.Begin()
	if got := begin.Error(optest.NewBrowser(t, d.issuer).Open(begin.URL())); got != "temporarily_unavailable" {
		t.Errorf("authorize: %s", got)
	}
	// What rests on nothing short-lived goes on.
	wantStatus(t, "refresh", app.Refresh(granted.RefreshToken), http.StatusOK)
	wantStatus(t, "client_credentials", machine.Token(optest.With("grant_type", "client_credentials")), http.StatusOK)
	own.restart(instance, app)
	if code := instance.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}
	if log := instance.stderr.String(); strings.Contains(log, `"msg":"panic"`) || strings.Contains(log, "DATA RACE") {
		t.Errorf("log: %s", log)
	}

	own.kill()
	code503, _, stderr := runChild(t, d.env, "serve")
	if code503 != exitFailed || !strings.Contains(stderr, "vseeid: cannot reach Redis") {
		t.Errorf("serve without Redis: exit %d: %s", code503, stderr)
	}
}

// TestT49_PostgreSQLIsGone closes the way to PostgreSQL at each page: a 503 and no success; the same
// page goes on when it is open again, for nothing was half done.
func TestT49_PostgreSQLIsGone(t *testing.T) {
	d := deploy(t)
	dsn, g := through(t, d.dsn)
	instance := d.serve("VSEEID_DATABASE_URL=" + dsn)
	app, who := d.messengerApp(t), &patient{t: t}
	for _, at := range []string{asksEnroll, asksPassword, asksCode, asksConfirm} {
		b := who.browser(d.issuer)
		f := app.Begin()
		p := who.walk(b.Open(f.URL()), at)
		g.shut()
		wantUnavailable(t, "answer at "+at, who.answer(p))
		g.reopen(t, instance, app)
		p = who.walk(b.Open(p.URL.Path), asksNothing)
		answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(p)), http.StatusOK)
		app.Verify(answer.IDToken, f.Nonce)
	}

	b := optest.NewBrowser(t, d.issuer)
	granted := grantOf(t, app, b)
	g.shut()
	if got := app.Do(http.MethodGet, "/readyz", nil, nil); got.Status != http.StatusServiceUnavailable || strings.TrimSpace(got.Body) != "database is not ready" {
		t.Errorf("/readyz: %d %s", got.Status, got.Body)
	}
	if a := app.Refresh(granted.RefreshToken); a.Status != http.StatusServiceUnavailable || a.Error != "temporarily_unavailable" {
		t.Errorf("refresh: %d %s", a.Status, a.Error)
	}
	f := app.Begin(optest.With("prompt", "none"))
	if got := f.Error(b.Open(f.URL())); got != "temporarily_unavailable" {
		t.Errorf("single sign-on without PostgreSQL: %s", got)
	}
	g.reopen(t, instance, app)
	wantStatus(t, "refresh", app.Refresh(granted.RefreshToken), http.StatusOK)
	f = app.Begin(optest.With("prompt", "none"))
	f.Code(b.Open(f.URL()))
	if instance.stop() != 0 {
		t.Errorf("log: %s", instance.stderr)
	}
}

// TestT49_PostgreSQLIsSilent: a server that is there and never answers is as good as none.
func TestT49_PostgreSQLIsSilent(t *testing.T) {
	s := startServer(t, on{servers: true})
	dsn, g := through(t, s.dsn)
	durable, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: s.parts.secrets, MaxConns: 4, Now: s.parts.now})
	must(t, err)
	t.Cleanup(func() { must(t, durable.Close()) })
	gated := s.parts
	gated.durable = durable
	usual, err := build(t.Context(), gated)
	must(t, err)
	gated.timeout = 100 * time.Millisecond
	hurry, err := build(t.Context(), gated)
	must(t, err)
	b := optest.NewBrowser(t, s.issuer)
	b.HTTP.Transport = handled{usual.handler}
	app := s.messengerApp(t)
	f := app.Begin()
	p := b.Open(f.URL()).Submit("email", sam)
	g.setSilent(true)
	b.HTTP.Transport = handled{hurry.handler}
	wantUnavailable(t, "password", p.Submit("password", samplePassword))
	b.HTTP.Transport = handled{usual.handler}
	g.setSilent(false)
	g.shut() // the server ends such connections some time; here it is now
	g.open(t)
	if f.Code(b.Open(p.URL.Path).Submit("password", samplePassword)) == "" {
		t.Error("no code")
	}
}
