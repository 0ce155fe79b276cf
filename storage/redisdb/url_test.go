package redisdb

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestParseURL(t *testing.T) {
	overTLS := &tls.Config{MinVersion: tls.VersionTLS12}
	for url, want := range map[string]Config{
		"redis://localhost":                      {Addrs: []string{"localhost:6379"}},
		"redis://localhost/":                     {Addrs: []string{"localhost:6379"}},
		"redis://localhost:7000/3":               {Addrs: []string{"localhost:7000"}, DB: 3},
		"redis://:pass@localhost":                {Addrs: []string{"localhost:6379"}, Password: "pass"},
		"redis://user:p%40%2F%3Fs@h:1/0":         {Addrs: []string{"h:1"}, Username: "user", Password: "p@/?s"},
		"redis://user:p@ss@h:1":                  {Addrs: []string{"h:1"}, Username: "user", Password: "p@ss"},
		"redis://[::1]:7000":                     {Addrs: []string{"[::1]:7000"}},
		"redis://[fd00::2]":                      {Addrs: []string{"[fd00::2]:6379"}},
		"rediss://redis.example":                 {Addrs: []string{"redis.example:6379"}, TLS: overTLS},
		"redis-cluster://a,b:7001,[::1]":         {Addrs: []string{"a:6379", "b:7001", "[::1]:6379"}, Cluster: true},
		"redis-cluster://one:7001":               {Addrs: []string{"one:7001"}, Cluster: true},
		"rediss-cluster://u:p@a":                 {Addrs: []string{"a:6379"}, Cluster: true, Username: "u", Password: "p", TLS: overTLS},
		"redis-sentinel://a,b:1/2?master=m":      {Addrs: []string{"a:26379", "b:1"}, MasterName: "m", DB: 2},
		"rediss-sentinel://u:p@a?master=my%20db": {Addrs: []string{"a:26379"}, MasterName: "my db", Username: "u", Password: "p", TLS: overTLS},
		"redis-sentinel://a?master=m&sentinel_username=su&sentinel_password=s%26p": {
			Addrs: []string{"a:26379"}, MasterName: "m", SentinelUsername: "su", SentinelPassword: "s&p",
		},
	} {
		got, err := ParseURL(url)
		if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(tls.Config{})); err != nil || diff != "" {
			t.Errorf("%s: error %v (-want +got):\n%s", url, err, diff)
		}
	}
}

// TestT46_BadURL: what is wrong is said without quoting the URL, whose password would be in a log.
func TestT46_BadURL(t *testing.T) {
	for _, url := range []string{
		"", "hunter2", "localhost:6379", "http://user:hunter2@h", "unix:///hunter2.sock", "redis-ring://hunter2",
		"redis://", "redis://:hunter2@", "redis://user:hunter2@h:port", "redis://user:hunter2@h:0", "redis://user:hunter2@h:65536",
		"redis://user:hunter2@h/name", "redis://user:hunter2@h/-1", "redis://user:hunter2@h/1/2", "redis://user:hunter2@h#hunter2",
		"redis://user:hunter2%zz@h", "redis://user:hunter2%@h", "redis://user:hunter/2@h", "redis://user:hunter2 @h h",
		"redis://user:hunter2@a,b", "redis://user:hunter2@a,", "redis://user:hunter2@h?master=m", "redis://user:hunter2@h?db=%zz",
		"redis-sentinel://user:hunter2@h", "redis-sentinel://user:hunter2@h?master=", "redis-sentinel://h?master=a&master=hunter2",
		"redis-sentinel://h?master=m&password=hunter2", "redis-cluster://user:hunter2@h/1", "redis-cluster://user:hunter2@h?master=m",
	} {
		c, err := ParseURL(url)
		if err == nil {
			t.Errorf("%q is taken for %+v", url, c)
			continue
		}
		if !strings.HasPrefix(err.Error(), "redis: ") || strings.Contains(err.Error(), "hunter") {
			t.Errorf("%q: the error is %q", url, err)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("redis://user:pass@host:1/0")
	f.Add("rediss-sentinel://u:p@a,[::1]:2/2?master=m&sentinel_password=x")
	f.Add("redis-cluster://a,b:1")
	keys := newKeys(f)
	f.Fuzz(func(t *testing.T, url string) {
		c, err := ParseURL(url)
		if err != nil {
			return
		}
		c.Keys = keys
		if err := c.validate(); err != nil {
			t.Errorf("%q: ParseURL takes what Open refuses: %v", url, err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	good := Config{Addrs: []string{"127.0.0.1:1"}, Keys: newKeys(t)}
	for name, spoil := range map[string]func(*Config){
		"no address":            func(c *Config) { c.Addrs = nil },
		"no keys":               func(c *Config) { c.Keys = nil },
		"two kinds":             func(c *Config) { c.Cluster, c.MasterName = true, "m" },
		"a cluster's database":  func(c *Config) { c.Cluster, c.DB = true, 1 },
		"which kind":            func(c *Config) { c.Addrs = append(c.Addrs, "127.0.0.1:2") },
		"a prefix with a brace": func(c *Config) { c.Prefix = "{x}:" },
	} {
		c := good
		spoil(&c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel() // it does not come to connecting
		if d, err := Open(ctx, c); err == nil || !strings.HasPrefix(err.Error(), "redis: ") || strings.Contains(err.Error(), "canceled") {
			t.Errorf("%s: got %v, %v", name, d, err)
		}
	}
}
