package redisdb

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/storagetest"
)

func TestShort(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		for name, keys := range map[string]*secret.Keys{
			"one master key":    newKeys(t),
			"three master keys": newKeys(t, secret.NewKey(), secret.NewKey(), secret.NewKey()),
		} {
			t.Run(name, func(t *testing.T) {
				storagetest.Short(t, func(t *testing.T, now func() time.Time) storagetest.ShortStore {
					c := c
					c.Now, c.Keys, c.Prefix = now, keys, c.Prefix+rand.Text()+":"
					return open(t, c)
				})
			})
		}
	})
}

// TestShortAcrossRotation holds two stores to the contract together, every call going to the other
// one: each has a newest master key that is not the other's.
func TestShortAcrossRotation(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		x, y := secret.NewKey(), secret.NewKey()
		storagetest.Short(t, func(t *testing.T, now func() time.Time) storagetest.ShortStore {
			a, b := c, c
			a.Prefix += rand.Text() + ":"
			a.Now, a.Keys = now, newKeys(t, x, y)
			b.Prefix, b.Now, b.Keys = a.Prefix, now, newKeys(t, y, x)
			return rotating{writes: open(t, a), DB: open(t, b)}
		})
	})
}

// rotating creates by one store and does everything else by the other.
type rotating struct {
	writes *DB
	*DB
}

func (r rotating) CreateTransaction(ctx context.Context, tx login.Transaction) error {
	return r.writes.CreateTransaction(ctx, tx)
}

func (r rotating) SaveCode(ctx context.Context, code string, a op.Authorization, now time.Time) error {
	return r.writes.SaveCode(ctx, code, a, now)
}

func (r rotating) SaveRequest(ctx context.Context, id string, request []byte, expires time.Time) error {
	return r.writes.SaveRequest(ctx, id, request, expires)
}

// TestRotation: a store that has the newest key only at the end of its list writes what one that
// has it first reads, and one that does not have the key at all finds nothing.
func TestRotation(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		was, is := secret.NewKey(), secret.NewKey()
		before, after, stranger := c, c, c
		before.Keys, after.Keys, stranger.Keys = newKeys(t, was), newKeys(t, is, was), newKeys(t, is)

		tx := login.Transaction{ID: rand.Text(), Expires: time.Now().Add(time.Minute)}
		if err := open(t, before).CreateTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if _, err := open(t, stranger).Transaction(t.Context(), tx.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("a store without the key: got %v, want ErrNotFound", err)
		}
		d := open(t, after)
		if err := d.SwapTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		d.only(t) // it has not moved
		if got, err := d.Transaction(t.Context(), tx.ID); err != nil || got.Version != 1 {
			t.Errorf("after a swap: got %+v, %v", got, err)
		}
	})
}

// TestTimeToLive: Redis forgets every record by itself, when the contract says or soon after.
func TestTimeToLive(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		// The time to live does not depend on what the caller's clock shows.
		now := time.Date(2031, 1, 1, 0, 0, 0, 0, time.UTC)
		c.Now = func() time.Time { return now }
		for _, test := range []struct {
			name string
			do   func(*DB) error
			want time.Duration
		}{
			{"transaction", func(d *DB) error {
				return d.CreateTransaction(t.Context(), login.Transaction{ID: "t", Expires: now.Add(login.TransactionIdle)})
			}, login.TransactionIdle},
			{"swapped transaction", func(d *DB) error {
				tx := login.Transaction{ID: "t", Expires: now.Add(time.Minute)}
				if err := d.CreateTransaction(t.Context(), tx); err != nil {
					return err
				}
				tx.Expires = now.Add(time.Hour)
				return d.SwapTransaction(t.Context(), tx)
			}, time.Hour},
			{"code", func(d *DB) error {
				return d.SaveCode(t.Context(), "c", op.Authorization{}, now)
			}, op.CodeLifetime},
			{"redeemed code", func(d *DB) error {
				if err := d.SaveCode(t.Context(), "c", op.Authorization{}, now); err != nil {
					return err
				}
				_, err := d.TakeCode(t.Context(), "c", now)
				return err
			}, op.CodeMemory},
			{"request", func(d *DB) error {
				return d.SaveRequest(t.Context(), "r", nil, now.Add(5*time.Minute))
			}, 5 * time.Minute},
			{"rate", func(d *DB) error {
				_, err := d.Allow(t.Context(), "k", limit.Rate{Per: 90 * time.Second, Burst: 4}, now)
				return err
			}, 90 * time.Second},
		} {
			t.Run(test.name, func(t *testing.T) {
				c := c
				c.Prefix += rand.Text() + ":"
				d := open(t, c)
				if err := test.do(d); err != nil {
					t.Fatal(err)
				}
				got, err := d.client.PTTL(t.Context(), d.only(t)).Result()
				if err != nil || got > test.want || got < test.want-30*time.Second {
					t.Errorf("Redis forgets it after %v (%v), want %v", got, err, test.want)
				}
			})
		}
	})
}

// TestDumpShowsNothing looks for every secret and every word about a person in everything that
// Redis has after a run.
func TestDumpShowsNothing(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		d := open(t, c)
		said := func(what string) string { return what + "-" + rand.Text() }
		a := op.Authorization{
			GrantID: said("grant"), UserID: said("user"), ClientID: said("client"), SessionID: said("sid"), OrgID: said("org"),
			Nonce: said("nonce"), Challenge: said("challenge"), RedirectURI: said("https://app.example"), Proof: []byte(said("proof")),
		}
		tx := login.Transaction{
			ID: said("tx"), BrowserHash: []byte(said("browser")), Request: []byte(said("request")), Identifier: said("charlotte@riverside.example"),
			Pending: &login.Pending{
				Kind: factors.TOTP, State: factors.State(said("state")),
				Prompt: factors.Prompt{Key: said("seed"), Code: said("recovery")},
			},
			Expires: time.Now().Add(time.Minute),
		}
		secrets := []string{
			a.GrantID, a.UserID, a.ClientID, a.SessionID, a.OrgID, a.Nonce, a.Challenge, a.RedirectURI, string(a.Proof),
			tx.ID, string(tx.BrowserHash), string(tx.Request), tx.Identifier,
			string(tx.Pending.State), tx.Pending.Prompt.Key, tx.Pending.Prompt.Code,
		}
		fresh, redeemed, request, address := said("code"), said("code"), said("id"), said("203.0.113.7")
		secrets = append(secrets, fresh, redeemed, request, address, "riverside", "203.0.113", string(factors.TOTP))

		for _, err := range []error{
			d.CreateTransaction(t.Context(), tx),
			d.SwapTransaction(t.Context(), tx),
			d.SaveCode(t.Context(), fresh, a, time.Now()),
			d.SaveCode(t.Context(), redeemed, a, time.Now()),
			second(d.TakeCode(t.Context(), redeemed, time.Now())),
			d.SaveRequest(t.Context(), request, tx.Request, tx.Expires),
			second(d.Allow(t.Context(), address, limit.Rate{Per: time.Minute, Burst: 5}, time.Now())),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}

		dump := d.dump(t)
		if n := len(d.allKeys(t.Context(), t)); n != 5 {
			t.Fatalf("the dump has %d records, want 5:\n%q", n, dump)
		}
		for _, s := range secrets {
			for form, hidden := range map[string]string{
				"": s, "base64 of ": base64.StdEncoding.EncodeToString([]byte(s))[:len(s)*4/3/4*4],
				"base64url of ": base64.RawURLEncoding.EncodeToString([]byte(s)), "hex of ": hex.EncodeToString([]byte(s)),
			} {
				if strings.Contains(dump, hidden) {
					t.Errorf("the dump has %s%q", form, s)
				}
			}
		}
	})
}

func second[T any](_ T, err error) error { return err }

// dump is everything that Redis has of the store.
func (d *DB) dump(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	for _, key := range d.allKeys(t.Context(), t) {
		b.WriteString(key + "\n")
		fields, err := d.client.HGetAll(t.Context(), key).Result()
		if redis.HasErrorPrefix(err, "WRONGTYPE") {
			value, err := d.client.Get(t.Context(), key).Result()
			if err != nil {
				t.Fatal(err)
			}
			b.WriteString(value + "\n")
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range fields {
			fmt.Fprintf(&b, "%s %s\n", name, value)
		}
	}
	return b.String()
}

// TestT48_RedisDown: a Redis that does not answer is an error of its own, never "not found", and
// nobody is let through.
func TestT48_RedisDown(t *testing.T) {
	for name, c := range map[string]Config{
		"single":   {Addrs: []string{"127.0.0.1:1"}},
		"sentinel": {Addrs: []string{"127.0.0.1:1"}, MasterName: "m"},
		"cluster":  {Addrs: []string{"127.0.0.1:1"}, Cluster: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.Keys = newKeys(t)
			if _, err := Open(t.Context(), c); err == nil {
				t.Error("opened")
			}
			d := connect(c)
			t.Cleanup(func() { d.Close() })
			everyMethodFails(t, d)
		})
	}
}

// TestT48_Canceled: a caller that does not wait any longer gets an error at once.
func TestT48_Canceled(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		d := open(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Transaction(ctx, "x"); !errors.Is(err, context.Canceled) {
			t.Errorf("read: got %v, want context.Canceled", err)
		}
		if _, err := d.TakeCode(ctx, "x", time.Now()); !errors.Is(err, context.Canceled) {
			t.Errorf("take: got %v, want context.Canceled", err)
		}
	})
}

func everyMethodFails(t *testing.T, d *DB) {
	t.Helper()
	tx := login.Transaction{ID: "x", Expires: time.Now().Add(time.Minute)}
	decision, err := d.Allow(t.Context(), "x", limit.Rate{Per: time.Second, Burst: 5}, time.Now())
	if decision.Allowed {
		t.Error("a request was allowed")
	}
	for what, err := range map[string]error{
		"Allow":             err,
		"Ping":              d.Ping(t.Context()),
		"CreateTransaction": d.CreateTransaction(t.Context(), tx),
		"Transaction":       second(d.Transaction(t.Context(), "x")),
		"SwapTransaction":   d.SwapTransaction(t.Context(), tx),
		"TakeTransaction":   d.TakeTransaction(t.Context(), "x", 0),
		"SaveCode":          d.SaveCode(t.Context(), "x", op.Authorization{}, time.Now()),
		"TakeCode":          second(d.TakeCode(t.Context(), "x", time.Now())),
		"SaveRequest":       d.SaveRequest(t.Context(), "x", nil, tx.Expires),
		"Request":           second(d.Request(t.Context(), "x")),
	} {
		switch {
		case err == nil:
			t.Errorf("%s has no error", what)
		case errors.Is(err, storage.ErrNotFound), errors.Is(err, storage.ErrConflict), errors.Is(err, op.ErrCodeUsed):
			t.Errorf("%s took a Redis that is down for an answer: %v", what, err)
		}
	}
}

// TestAltered: what somebody has changed in Redis is an error, whatever was changed.
func TestAltered(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		for name, alter := range map[string]func(d *DB, key string) error{
			"a byte": func(d *DB, key string) error {
				sealed, err := d.client.HGet(t.Context(), key, "d").Bytes()
				if err != nil {
					return err
				}
				sealed[len(sealed)-1] ^= 1
				return d.client.HSet(t.Context(), key, "d", sealed).Err()
			},
			"the version": func(d *DB, key string) error { return d.client.HSet(t.Context(), key, "v", 5).Err() },
			"no version":  func(d *DB, key string) error { return d.client.HDel(t.Context(), key, "v").Err() },
			"another's": func(d *DB, key string) error {
				sealed, err := transactions.seal(d.keys, "another", login.Transaction{ID: "another"})
				if err != nil {
					return err
				}
				return d.client.HSet(t.Context(), key, "d", sealed).Err()
			},
			"another type": func(d *DB, key string) error {
				return errors.Join(d.client.Del(t.Context(), key).Err(), d.client.Set(t.Context(), key, "x", time.Minute).Err())
			},
		} {
			t.Run(name, func(t *testing.T) {
				c := c
				c.Prefix += rand.Text() + ":"
				d := open(t, c)
				tx := login.Transaction{ID: rand.Text(), Expires: time.Now().Add(time.Minute)}
				if err := d.CreateTransaction(t.Context(), tx); err != nil {
					t.Fatal(err)
				}
				if err := alter(d, d.only(t)); err != nil {
					t.Fatal(err)
				}
				if _, err := d.Transaction(t.Context(), tx.ID); err == nil || errors.Is(err, storage.ErrNotFound) {
					t.Errorf("got error %v, want one that is not ErrNotFound", err)
				}
			})
		}
	})
}

// TestExpiryIsSealed: who can write to Redis cannot make a sign-in last.
func TestExpiryIsSealed(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		now := time.Now()
		c.Now = func() time.Time { return now }
		d := open(t, c)
		tx := login.Transaction{ID: rand.Text(), Expires: now.Add(time.Minute)}
		if err := d.CreateTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if err := d.client.HSet(t.Context(), d.only(t), "e", now.Add(time.Hour).UnixMilli()).Err(); err != nil {
			t.Fatal(err)
		}
		now = tx.Expires
		if _, err := d.Transaction(t.Context(), tx.ID); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("got error %v, want ErrNotFound", err)
		}
	})
}

// TestScriptIsTaught: a node that does not know a script yet is given its text.
func TestScriptIsTaught(t *testing.T) {
	servers(t, func(t *testing.T, c Config) {
		d := open(t, c)
		word := rand.Text()
		for range 2 {
			answers, err := d.run(t.Context(), newScript("return '"+word+"'"), d.places(requestKind, "x"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := answers[0].Text(); err != nil || got != word {
				t.Errorf("got %q, %v; want %q", got, err, word)
			}
		}
	})
}
