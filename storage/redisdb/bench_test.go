package redisdb

import (
	"crypto/rand"
	"os"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
)

// BenchmarkCode is a code saved and redeemed, BenchmarkTransaction a sign-in created, read, swapped
// and taken; BenchmarkPing is the round trip that they are made of.
func BenchmarkCode(b *testing.B) {
	d := forBenchmark(b)
	a := op.Authorization{GrantID: rand.Text(), Proof: make([]byte, 500)}
	for b.Loop() {
		code := rand.Text()
		if err := d.SaveCode(b.Context(), code, a, time.Now()); err != nil {
			b.Fatal(err)
		}
		if _, err := d.TakeCode(b.Context(), code, time.Now()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTransaction(b *testing.B) {
	d := forBenchmark(b)
	for b.Loop() {
		tx := login.Transaction{ID: rand.Text(), Request: make([]byte, 1000), Expires: time.Now().Add(time.Minute)}
		if err := d.CreateTransaction(b.Context(), tx); err != nil {
			b.Fatal(err)
		}
		tx, err := d.Transaction(b.Context(), tx.ID)
		if err != nil {
			b.Fatal(err)
		}
		if err := d.SwapTransaction(b.Context(), tx); err != nil {
			b.Fatal(err)
		}
		if err := d.TakeTransaction(b.Context(), tx.ID, 1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPing(b *testing.B) {
	d := forBenchmark(b)
	for b.Loop() {
		if err := d.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

func forBenchmark(b *testing.B) *DB {
	b.Helper()
	addr := os.Getenv("VSEEID_TEST_REDIS")
	if addr == "" {
		b.Skip("VSEEID_TEST_REDIS is not set: make test starts one")
	}
	d, err := Open(b.Context(), Config{Addrs: []string{addr}, Prefix: "redisdb-bench-" + rand.Text() + ":", Keys: newKeys(b)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { d.Close() })
	return d
}
