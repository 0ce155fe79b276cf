package main

import (
	"bytes"
	"context"
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
	"github.com/vsee/vseeid/templates"
)

// TestMain lets the test binary be the program: a test that needs a second process starts itself
// with VSEEID_TEST_AS_PROGRAM set.
func TestMain(m *testing.M) {
	if os.Getenv("VSEEID_TEST_AS_PROGRAM") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// testServer is a provider put together by build, as serve and dev do it, on a real port, with the
// sample people and clients and the two demo apps.
type testServer struct {
	sample         // issuer, messenger and clinic: the addresses
	parts    parts // what it stands on
	provider *provider
	logs     *logBuffer
	dsn      string // of the durable store
	prefix   string // of every key in Redis
}

// on says what a test server stands on.
type on struct {
	servers bool             // PostgreSQL and Redis of make test instead of SQLite and memory
	now     func() time.Time // the clock of everything; time.Now where nil
	sender  notice.Sender    // nil: mails wait in the outbox
	hashing password.Config  // zero: a cost that only tests may have
}

// startServer starts one, and ends it with the test.
func startServer(t testing.TB, o on) *testServer {
	t.Helper()
	if o.now == nil {
		o.now = time.Now
	}
	if o.hashing == (password.Config{}) {
		o.hashing = password.Config{Memory: 64, Time: 1, Slots: 4}
	}
	keys, err := secret.Parse(secret.NewKey())
	must(t, err)
	hasher, err := password.New(o.hashing)
	must(t, err)

	s := &testServer{logs: &logBuffer{}, dsn: "sqlite:" + t.TempDir() + "/vseeid.db", prefix: secret.NewKey()[:12] + ":"}
	if o.servers {
		s.dsn = storagetest.Postgres(t)
	}
	durable, err := sqldb.Open(t.Context(), sqldb.Config{DSN: s.dsn, Keys: keys, MaxConns: 30, Now: o.now})
	must(t, err)
	t.Cleanup(func() { must(t, durable.Close()) })
	must(t, durable.Migrate(t.Context()))

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s.issuer = "http://localhost:" + portOf(listener.Addr().String())
	issuer, err := url.Parse(s.issuer)
	must(t, err)
	s.parts = parts{
		issuer: issuer, durable: durable, short: openShortFor(t, o, keys, s.prefix), secrets: keys, passwords: hasher, sender: o.sender,
		passkey: passkeyRules{rpID: "localhost"},
		brand:   templates.Brand{Name: "VSee"}, support: "help@vsee.example", log: newLogger(s.logs, "json", -4), now: o.now, mailbox: true,
	}
	messenger, clinic := httptest.NewUnstartedServer(nil), httptest.NewUnstartedServer(nil)
	s.messenger = "http://localhost:" + portOf(messenger.Listener.Addr().String())
	s.clinic = "http://localhost:" + portOf(clinic.Listener.Addr().String())
	must(t, s.plant(t.Context(), durable, keys, hasher, o.now()))
	s.provider, err = build(t.Context(), s.parts)
	must(t, err)

	server := newHTTPServer(s.provider.handler, s.parts.log, nil)
	ctx, stop := context.WithCancel(context.Background())
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(listener) }) // ends by Close, below
	for _, w := range s.provider.workers {
		work.Go(func() { w(ctx) })
	}
	t.Cleanup(func() {
		must(t, server.Close())
		stop()
		work.Wait()
	})
	for i, app := range s.apps(s.parts.log) {
		running := []*httptest.Server{messenger, clinic}[i]
		running.Config.Handler = app
		running.Start()
		t.Cleanup(running.Close)
	}
	return s
}

func openShortFor(t testing.TB, o on, keys *secret.Keys, prefix string) shortLived {
	t.Helper()
	if !o.servers {
		return memory.New(memory.Config{Now: o.now})
	}
	addr := os.Getenv("VSEEID_TEST_REDIS")
	if addr == "" {
		t.Skip("VSEEID_TEST_REDIS is not set: make test starts one")
	}
	db, err := redisdb.Open(t.Context(), redisdb.Config{Addrs: []string{addr}, Prefix: prefix, Keys: keys, Now: o.now})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// logBuffer is what was logged, for tests that read it. It is safe for concurrent use.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
