package redisdb

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
)

// wire is a connection that counts what is sent, and can lose an answer: the command reaches Redis
// and is carried out, and the connection breaks before the caller hears of it.
type wire struct {
	net.Conn
	*line
	losing atomic.Bool
}

// line is what all connections of a store share.
type line struct {
	writes   atomic.Int64
	commands atomic.Int64 // that hold the word
	word     atomic.Value // []byte; answers to commands with it are lost
}

func (l *line) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, line: l}, nil
}

func (w *wire) Write(b []byte) (int, error) {
	w.writes.Add(1)
	if word, _ := w.word.Load().([]byte); word != nil && bytes.Contains(bytes.ToLower(b), word) {
		w.commands.Add(1)
		w.losing.Store(true)
	}
	return w.Conn.Write(b)
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.losing.Load() {
		w.Close()
		return 0, io.EOF
	}
	return n, err
}

// overLine puts the store on connections of l.
func (d *DB) overLine(t *testing.T, c Config, l *line) {
	t.Helper()
	options := c.options()
	options.Dialer = l.dial
	plain := d.client
	d.client = redis.NewUniversalClient(options)
	t.Cleanup(func() {
		d.client.Close()
		d.client = plain
	})
}

// TestT48_LostAnswer: what changes a record is sent once, although its answer is lost; what only
// reads is tried again.
func TestT48_LostAnswer(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		var l line
		d := open(t, c)
		healthy := *d
		d.overLine(t, c, &l)
		tx := login.Transaction{ID: rand.Text(), Expires: time.Now().Add(time.Minute)}
		a := op.Authorization{GrantID: rand.Text()}
		code, key := rand.Text(), rand.Text()
		rate := limit.Rate{Per: time.Hour, Burst: 3}
		// Every script is known to Redis and every connection made before the line fails.
		if err := errors.Join(
			d.CreateTransaction(t.Context(), tx), d.SwapTransaction(t.Context(), tx),
			d.SaveCode(t.Context(), code, a, time.Now()), second(d.Allow(t.Context(), key, rate, time.Now())),
			d.CreateTransaction(t.Context(), login.Transaction{ID: "other", Expires: tx.Expires}),
			d.TakeTransaction(t.Context(), "other", 0),
			d.SaveCode(t.Context(), "other", a, time.Now()),
			second(d.TakeCode(t.Context(), "other", time.Now())),
		); err != nil {
			t.Fatal(err)
		}
		tx.Version = 1

		l.word.Store([]byte("eval"))
		for what, do := range map[string]func() error{
			"swap":  func() error { return d.SwapTransaction(t.Context(), tx) },
			"take":  func() error { return second(d.TakeCode(t.Context(), code, time.Now())) },
			"allow": func() error { return second(d.Allow(t.Context(), key, rate, time.Now())) },
		} {
			l.commands.Store(0)
			err := do()
			if err == nil || errors.Is(err, storage.ErrConflict) || errors.Is(err, storage.ErrNotFound) || errors.Is(err, op.ErrCodeUsed) {
				t.Errorf("%s: got error %v, want that the answer was lost", what, err)
			}
			if n := l.commands.Load(); n != 1 {
				t.Errorf("%s was sent %d times, want once", what, n)
			}
		}
		l.word.Store([]byte(nil))

		// Each was carried out, once.
		if got, err := healthy.Transaction(t.Context(), tx.ID); err != nil || got.Version != 2 {
			t.Errorf("after the swap: version %d, %v", got.Version, err)
		}
		if got, err := healthy.TakeCode(t.Context(), code, time.Now()); !errors.Is(err, op.ErrCodeUsed) || got.GrantID != a.GrantID {
			t.Errorf("after the take: %+v, %v", got, err)
		}
		if got, err := healthy.Allow(t.Context(), key, rate, time.Now()); err != nil || !got.Allowed || got.Remaining != 0 {
			t.Errorf("after two requests of three: %+v, %v", got, err)
		}

		l.word.Store([]byte("hmget"))
		l.commands.Store(0)
		if _, err := d.Transaction(t.Context(), tx.ID); err == nil || l.commands.Load() < 2 {
			t.Errorf("a read was sent %d times and gave %v, want a second try", l.commands.Load(), err)
		}
	})
}

// TestOneRoundTrip: a record that any of three master keys may have named is found in one go.
func TestOneRoundTrip(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		var l line
		c.Keys = newKeys(t, secret.NewKey(), secret.NewKey(), secret.NewKey())
		d := open(t, c)
		d.overLine(t, c, &l)
		tx := login.Transaction{ID: rand.Text(), Expires: time.Now().Add(time.Minute)}
		if err := errors.Join(d.CreateTransaction(t.Context(), tx), d.SwapTransaction(t.Context(), tx)); err != nil {
			t.Fatal(err)
		}
		tx.Version = 1
		for what, do := range map[string]func() error{
			"read": func() error { return second(d.Transaction(t.Context(), tx.ID)) },
			"swap": func() error { return d.SwapTransaction(t.Context(), tx) },
		} {
			before := l.writes.Load()
			if err := do(); err != nil {
				t.Fatal(err)
			}
			if n := l.writes.Load() - before; n != 1 {
				t.Errorf("%s: %d round trips, want 1", what, n)
			}
		}
	})
}
