package redisdb

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/storage/secret"
)

// servers runs a test against each kind of Redis that there is.
func servers(t *testing.T, test func(t *testing.T, c Config)) {
	for _, s := range []struct{ name, variable string }{
		{"single", "VSEEID_TEST_REDIS"},
		{"sentinel", "VSEEID_TEST_REDIS_SENTINEL"},
		{"cluster", "VSEEID_TEST_REDIS_CLUSTER"},
	} {
		t.Run(s.name, func(t *testing.T) {
			where := os.Getenv(s.variable)
			if where == "" {
				t.Skip(s.variable + " is not set: make test starts one")
			}
			c := Config{Addrs: []string{where}, Cluster: s.name == "cluster", Keys: newKeys(t)}
			if s.name == "sentinel" {
				addr, master, _ := strings.Cut(where, "/")
				c.Addrs, c.MasterName = []string{addr}, master
			}
			c.Prefix = "redisdb-test-" + rand.Text() + ":"
			test(t, c)
		})
	}
}

func newKeys(t testing.TB, specs ...string) *secret.Keys {
	t.Helper()
	if len(specs) == 0 {
		specs = []string{secret.NewKey()}
	}
	keys, err := secret.Parse(strings.Join(specs, ","))
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// open opens a store that forgets everything, and is closed, when the test ends.
func open(t *testing.T, c Config) *DB {
	t.Helper()
	d, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		for _, key := range d.allKeys(ctx, t) {
			if err := d.client.Del(ctx, key).Err(); err != nil {
				t.Error(err)
			}
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// allKeys lists the keys that the store has in Redis.
func (d *DB) allKeys(ctx context.Context, t *testing.T) []string {
	t.Helper()
	var (
		mu   sync.Mutex
		keys []string
	)
	scan := func(ctx context.Context, node *redis.Client) error {
		found := node.Scan(ctx, 0, d.prefix+"*", 1000).Iterator()
		for found.Next(ctx) {
			mu.Lock()
			keys = append(keys, found.Val())
			mu.Unlock()
		}
		return found.Err()
	}
	var err error
	switch client := d.client.(type) {
	case *redis.ClusterClient:
		err = client.ForEachMaster(ctx, scan)
	case *redis.Client:
		err = scan(ctx, client)
	default:
		t.Fatalf("a client of the unknown type %T", client)
	}
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// only returns the one key that the store has in Redis.
func (d *DB) only(t *testing.T) string {
	t.Helper()
	keys := d.allKeys(t.Context(), t)
	if len(keys) != 1 {
		t.Fatalf("the store has the keys %q, want one", keys)
	}
	return keys[0]
}
