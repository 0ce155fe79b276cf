package sqldb_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// counter passes a PostgreSQL connection on, counts how often the client waits for an answer (the
// messages Sync and Query of its protocol), and tells parsed the texts that the client has prepared.
type counter struct {
	waits  atomic.Int64
	parsed func(query string) // nil: nobody asks
}

// proxy returns dsn with the counter in front of its server.
func (c *counter) proxy(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	server := u.Host
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return // closed with the test
			}
			upstream, err := net.Dial("tcp", server)
			if err != nil {
				client.Close()
				return
			}
			go func() {
				defer upstream.Close()
				defer client.Close()
				io.Copy(client, upstream)
			}()
			go func() {
				defer upstream.Close()
				c.forward(upstream, client)
			}()
		}
	}()
	u.Host = l.Addr().String()
	return u.String()
}

// forward passes whole messages on, the first of which has no type.
func (c *counter) forward(to io.Writer, from io.Reader) {
	for header := 4; ; header = 5 {
		head := make([]byte, header)
		if _, err := io.ReadFull(from, head); err != nil {
			return
		}
		body := make([]byte, binary.BigEndian.Uint32(head[header-4:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return
		}
		if header == 5 && (head[0] == 'S' || head[0] == 'Q') {
			c.waits.Add(1)
		}
		if c.parsed != nil && header == 5 && head[0] == 'P' { // Parse: a name, the text, the types
			c.parsed(string(bytes.SplitN(body, []byte{0}, 3)[1]))
		}
		if _, err := to.Write(append(head, body...)); err != nil {
			return
		}
	}
}

func TestHotPathsAreOneRoundTrip(t *testing.T) {
	var c counter
	dsn := databases["PostgreSQL"](t)
	migrated(t, sqldb.Config{DSN: dsn})
	db := open(t, sqldb.Config{DSN: c.proxy(t, dsn), MaxConns: 1})
	f := newFixture(t, db)
	ctx, now := t.Context(), f.now
	trail := storage.With(storage.Event{Type: storage.TokenCreated, UserID: "u1"})
	generation, attempts, step, version, counter := int64(1), 0, int64(0), int64(1), int64(0)
	for _, call := range []struct {
		name string
		do   func() error
	}{
		{"Standing", func() error { _, err := db.Standing(ctx, "u1", "s1"); return err }},
		{"SessionByCookie", func() error { _, err := db.SessionByCookie(ctx, "cookie"); return err }},
		{"Client", func() error { _, err := db.Client(ctx, "app"); return err }},
		{"Grant", func() error { _, err := db.Grant(ctx, "g1"); return err }},
		{"RotateGrant", func() error {
			generation++
			return db.RotateGrant(ctx, "g1", generation-1, now, now.Add(time.Hour), trail)
		}},
		{"CreateGrant", func() error { g := f.grant; g.GrantID += time.Now().String(); return db.CreateGrant(ctx, g, trail) }},
		{"SwapAttempt", func() error {
			attempts++
			return db.SwapAttempt(ctx, "k", limit.Attempt{Failures: attempts - 1}, limit.Attempt{Failures: attempts}, trail)
		}},
		{"BurnStep", func() error { step++; return db.BurnStep(storage.WithTrail(ctx, trail), "e1", step, now) }},
		{"Enrollments", func() error { _, err := db.Enrollments(ctx, "u1"); return err }},
		{"Passkey", func() error { _, err := db.Passkey(ctx, []byte("credential")); return err }},
		{"UserHandle", func() error { _, err := db.UserHandle(ctx, "u1"); return err }},
		{"UsePasskey", func() error {
			counter++
			return db.UsePasskey(storage.WithTrail(ctx, trail), "e2", counter-1, counter, nil, now)
		}},
		{"MailState", func() error { _, err := db.MailState(ctx, "m1"); return err }},
		{"Link", func() error { _, err := db.Link(ctx, "token"); return err }},
		{"RenameEnrollment", func() error { return db.RenameEnrollment(ctx, "u1", "e2", "name", login.Grounds{Changes: 2}, trail) }},
		{"TouchSession", func() error { return db.TouchSession(ctx, "s1", now.Add(time.Minute)) }},
		{"Record", func() error { return db.Record(ctx, trail) }},
		{"RenewSession", func() error {
			version++
			return db.RenewSession(ctx, session.Session{ID: "s1", UserID: "u1", LastUsed: now, Version: version - 1}, "cookie", trail)
		}},
	} {
		// The first statement of a text on a connection is prepared, which is a trip more; a
		// first attempt has a text of its own.
		for range 2 {
			if err := call.do(); err != nil {
				t.Errorf("%s: %v", call.name, err)
			}
		}
		before := c.waits.Load()
		if err := call.do(); err != nil {
			t.Errorf("%s: %v", call.name, err)
		}
		if got := c.waits.Load() - before; got != 1 {
			t.Errorf("%s: %d round trips, want 1", call.name, got)
		}
	}
}

// fixture is a store with one of everything.
type fixture struct {
	now   time.Time
	grant op.Grant
}

func newFixture(t testing.TB, db *sqldb.DB) fixture {
	t.Helper()
	now := time.Now()
	f := fixture{now: now, grant: op.Grant{
		Authorization: op.Authorization{
			GrantID: "g1", ClientID: "app", UserID: "u1", SessionID: "s1", Scopes: []string{"openid"}, Proof: []byte("{}"),
		},
		Generation: 1, Created: now, IdleUntil: now.Add(time.Hour), Expires: now.Add(time.Hour),
	}}
	ctx := context.Background()
	if err := errors.Join(
		db.CreateUser(ctx, login.User{ID: "u1", Email: "a@b", Created: now, Updated: now}, storage.Trail{}),
		db.CreateClient(ctx, op.Client{ID: "app", AuthMethod: op.AuthNone, Created: now, Updated: now}, storage.Trail{}),
		db.CreateSession(ctx, session.Session{ID: "s1", UserID: "u1", Created: now, LastUsed: now}, "cookie", storage.Trail{}),
		db.EnrollFirst(ctx, factors.Enrollment{ID: "e1", UserID: "u1", Kind: factors.TOTP, Created: now}, login.Grounds{}, storage.Trail{}),
		db.AddEnrollment(ctx, factors.Enrollment{ID: "e2", UserID: "u1", Kind: factors.Passkey, Handle: []byte("credential"), Created: now}, login.Grounds{Changes: 1}, false, storage.Trail{
			Mails: []storage.Mail{{ID: "m1", To: "a@b", At: now}},
			Links: []storage.Link{{Token: "token", UserID: "u1", At: now, Expires: now.Add(time.Hour)}},
		}),
		db.CreateGrant(ctx, f.grant, storage.Trail{}),
	); err != nil {
		t.Fatal(err)
	}
	return f
}

// BenchmarkRotateGrant is to be read against BenchmarkCommit: what a refresh costs of the database,
// and the least that anything durable costs.
func BenchmarkRotateGrant(b *testing.B) {
	benchmark(b, func(b *testing.B, db *sqldb.DB) {
		f := newFixture(b, db)
		trail := storage.With(storage.Event{Type: storage.TokenCreated, UserID: "u1", ClientID: "app"})
		generation := int64(1)
		for b.Loop() {
			if err := db.RotateGrant(b.Context(), "g1", generation, f.now, f.now.Add(time.Hour), trail); err != nil {
				b.Fatal(err)
			}
			generation++
		}
	})
}

func BenchmarkCommit(b *testing.B) {
	benchmark(b, func(b *testing.B, db *sqldb.DB) {
		for b.Loop() {
			if _, err := db.SQL().ExecContext(b.Context(), `INSERT INTO attempts (key, failures, updated) VALUES ('k', 1, $1)
				ON CONFLICT (key) DO UPDATE SET failures = attempts.failures + 1`, time.Now()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkStanding(b *testing.B) {
	benchmark(b, func(b *testing.B, db *sqldb.DB) {
		newFixture(b, db)
		for b.Loop() {
			if _, err := db.Standing(b.Context(), "u1", "s1"); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func benchmark(b *testing.B, run func(*testing.B, *sqldb.DB)) {
	for name, fresh := range databases {
		b.Run(name, func(b *testing.B) { run(b, migrated(b, sqldb.Config{DSN: fresh(b)})) })
	}
}
