package main

import (
	"html"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage/sqldb"
)

// patient is Charlotte with what she has kept: enough to answer any page of a sign-in, any number
// of times in a minute.
type patient struct {
	t              testing.TB
	b              *optest.Browser
	seed, recovery string
}

// The pages, by what they ask for.
const (
	asksEmail    = "email"
	asksPassword = "password"
	asksEnroll   = "enroll"
	asksApp      = "a code of the app"
	asksCode     = "a recovery code"
	asksConfirm  = "confirmed"
	asksNothing  = ""
)

// browser is a new one for the next walk.
func (a *patient) browser(issuer string) *optest.Browser {
	a.t.Helper()
	a.b = optest.NewBrowser(a.t, issuer)
	return a.b
}

func (a *patient) asked(p *optest.Page) string {
	switch {
	case p.Has("password"): // with the address, which cannot be changed there
		return asksPassword
	case p.Has("email"):
		return asksEmail
	case p.Has("confirmed"):
		return asksConfirm
	case p.Has("code") && seedInPage.MatchString(html.UnescapeString(p.Body)):
		return asksEnroll
	case p.Has("code") && strings.Contains(p.Body, "one-time-code"):
		return asksApp
	case p.Has("code"):
		return asksCode
	}
	return asksNothing
}

// answer answers a page. The second factor is always the recovery code, which is replaced each time:
// a code of the app is good once in half a minute, and the clock is the real one.
func (a *patient) answer(p *optest.Page) *optest.Page {
	a.t.Helper()
	switch a.asked(p) {
	case asksEmail:
		return p.Submit("email", charlotte)
	case asksPassword:
		return p.Submit("password", samplePassword)
	case asksEnroll:
		a.seed = seedOf(a.t, p)
		return p.Submit("code", codeAt(a.t, a.seed, time.Now()))
	case asksCode:
		return p.Submit("code", a.recovery)
	case asksApp:
		return a.b.Open(p.URL.Path+"/method").Submit("method", "recovery")
	case asksConfirm:
		a.recovery = recoveryOf(a.t, p)
		return p.Submit("confirmed", "true")
	}
	a.t.Fatalf("nothing to answer on %s", p)
	return nil
}

// walk answers pages until one asks for what until says, or for nothing.
func (a *patient) walk(p *optest.Page, until string) *optest.Page {
	a.t.Helper()
	for range 10 {
		if asked := a.asked(p); asked == until || asked == asksNothing {
			return p
		}
		p = a.answer(p)
	}
	a.t.Fatalf("the sign-in has no end: %s", p)
	return nil
}

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
	client := redis.NewClient(&redis.Options{Addr: d.redis})
	defer client.Close()
	keys, err := client.Keys(d.t.Context(), d.prefix+"*").Result()
	must(d.t, err)
	if len(keys) == 0 {
		d.t.Fatal("there was nothing in Redis to forget")
	}
	must(d.t, client.Del(d.t.Context(), keys...).Err())
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

// TestT09_CountsSurviveRedis guesses codes until the person is locked, lets Redis forget, and is
// still locked, with the right code too.
func TestT09_CountsSurviveRedis(t *testing.T) {
	d := deploy(t)
	d.serve()
	app, who := d.messengerApp(t), &patient{t: t}
	f := app.Begin()
	f.Code(who.walk(who.browser(d.issuer).Open(f.URL()), asksNothing))

	challenge := func() *optest.Page {
		return toFactor(t, optest.NewBrowser(t, d.issuer).Open(app.Begin().URL()), charlotte)
	}
	verified := 0
	for range 12 {
		p := challenge().Submit("code", "000000")
		d.forget()
		if p.Status == http.StatusTooManyRequests {
			break
		}
		verified++
	}
	if verified > 8 { // five are free; the waits after them are short at first
		t.Errorf("%d guesses were verified", verified)
	}
	for range 8 { // go on until the wait is longer than this test
		if p := challenge().Submit("code", "000000"); p.Header.Get("Retry-After") > "3" {
			break
		}
	}
	d.forget()
	p := challenge().Submit("code", codeAt(t, who.seed, time.Now()))
	if p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") == "" {
		t.Errorf("after a flush: %s", p)
	}
}

// ownRedis is a Redis that a test may kill.
type ownRedis struct {
	t    testing.TB
	addr string
	cmd  *exec.Cmd
}

func newOwnRedis(t testing.TB) *ownRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH: this test kills one of its own")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	r := &ownRedis{t: t, addr: l.Addr().String()}
	must(t, l.Close())
	r.start()
	t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
	})
	return r
}

func (r *ownRedis) start() {
	r.t.Helper()
	out := newWatched()
	r.cmd = exec.Command("redis-server", "--port", portOf(r.addr), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	r.cmd.Stdout, r.cmd.Stderr = out, out
	must(r.t, r.cmd.Start())
	out.find(r.t, regexp.MustCompile(`(?i)ready to accept connections`))
}

func (r *ownRedis) kill() {
	r.t.Helper()
	must(r.t, r.cmd.Process.Kill())
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
}

// wantUnavailable fails unless a page says 503, with a reference and without a word of why.
func wantUnavailable(t testing.TB, what string, p *optest.Page) {
	t.Helper()
	if p.Status != http.StatusServiceUnavailable || referenceInPage.FindString(p.Text) == "" || p.Header.Get("Retry-After") == "" {
		t.Errorf("%s: status %d: %s", what, p.Status, p)
	}
	for _, never := range []string{"redis", "sql", "dial", "refused", "127.0.0.1", "goroutine", ".go:"} {
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
	ready := func() int { return app.Do(http.MethodGet, "/readyz", nil, nil).Status }

	granted := grantOf(t, app, optest.NewBrowser(t, d.issuer))
	for _, at := range []string{asksEnroll, asksEmail, asksPassword, asksCode, asksConfirm} {
		b := who.browser(d.issuer)
		f := app.Begin()
		p := who.walk(b.Open(f.URL()), at)
		own.kill()
		wantUnavailable(t, "answer at "+at, who.answer(p))
		wantUnavailable(t, "reload at "+at, b.Open(p.URL.Path))
		own.start()
		p = who.walk(again(t, b, b.Open(p.URL.Path)), asksNothing)
		answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(p)), http.StatusOK)
		app.Verify(answer.IDToken, f.Nonce)
	}

	f := app.Begin()
	code := f.Code(who.walk(who.browser(d.issuer).Open(f.URL()), asksNothing))
	own.kill()
	if got := ready(); got != http.StatusServiceUnavailable {
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
	own.start()
	if got := ready(); got != http.StatusOK {
		t.Errorf("/readyz when Redis is back: %d", got)
	}
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

// gate is a way to a server that can be closed, or swallow what is sent.
type gate struct {
	target string
	addr   string

	mu     sync.Mutex
	l      net.Listener
	conns  map[net.Conn]bool
	silent bool
	held   *held // nil: nothing is kept back
	work   sync.WaitGroup
}

func newGate(t testing.TB, target string) *gate {
	t.Helper()
	g := &gate{target: target, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	g.open(t)
	t.Cleanup(g.shut)
	return g
}

func (g *gate) open(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", g.addr)
	must(t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.l, g.addr = l, l.Addr().String()
	g.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.work.Go(func() { g.carry(c) })
		}
	})
}

func (g *gate) carry(c net.Conn) {
	s, err := net.Dial("tcp", g.target)
	if err != nil {
		_ = c.Close()
		return
	}
	g.mu.Lock()
	g.conns[c], g.conns[s] = true, true
	g.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, s}, {s, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], valve{g, way[1]}) // it ends when either side does
			_ = c.Close()
			_ = s.Close()
		})
	}
	both.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	delete(g.conns, s)
}

// valve drops what is read while its gate is silent.
type valve struct {
	g *gate
	net.Conn
}

func (v valve) Read(p []byte) (int, error) {
	for {
		n, err := v.Conn.Read(p)
		v.g.mu.Lock()
		silent, held := v.g.silent, v.g.held
		v.g.mu.Unlock()
		if held != nil {
			held.once.Do(func() { close(held.arrived) })
			<-held.released
		}
		if err != nil || !silent {
			return n, err
		}
	}
}

// shut closes the port and every connection.
func (g *gate) shut() {
	g.mu.Lock()
	_ = g.l.Close() // it may be shut
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.work.Wait()
}

// hold keeps back what is sent, until it is released. Arrived is closed when there is something.
func (g *gate) hold() (arrived <-chan struct{}, release func()) {
	h := &held{arrived: make(chan struct{}), released: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = h
	return h.arrived, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held = nil
		close(h.released)
	}
}

type held struct {
	once              sync.Once
	arrived, released chan struct{}
}

func (g *gate) setSilent(s bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.silent = s
}

// through is a DSN that goes through a gate.
func through(t testing.TB, dsn string) (string, *gate) {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	g := newGate(t, u.Host)
	u.Host = g.addr
	return u.String(), g
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
		g.open(t)
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
	g.open(t)
	wantStatus(t, "/readyz", app.Do(http.MethodGet, "/readyz", nil, nil), http.StatusOK)
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
	slow := s.parts
	slow.durable, slow.timeout = durable, 300*time.Millisecond
	provider, err := build(t.Context(), slow)
	must(t, err)
	b := optest.NewBrowser(t, s.issuer)
	b.HTTP.Transport = handled{provider.handler}
	app := s.messengerApp(t)
	f := app.Begin()
	p := b.Open(f.URL()).Submit("email", sam)
	g.setSilent(true)
	wantUnavailable(t, "password", p.Submit("password", samplePassword))
	g.setSilent(false)
	g.shut() // the server ends such connections some time; here it is now
	g.open(t)
	if f.Code(b.Open(p.URL.Path).Submit("password", samplePassword)) == "" {
		t.Error("no code")
	}
}
