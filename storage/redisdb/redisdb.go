// Package redisdb is the short-lived store on Redis: sign-ins under way, authorization codes,
// authorization requests that arrived by POST, and rate limits. One Redis, Redis behind Sentinel
// and Redis Cluster are the same to it.
//
// What Redis has of a record:
//
//	vseeid:<kind>:{<keyed hash of its id>}   one hash per record, so that Cluster keeps it together
//	    e  when it expires, in milliseconds    compared with the caller's clock: binding
//	    v  its version                         transactions only: what a swap compares
//	    d  the record, sealed                  gone from a code once it is redeemed
//	    g  the id of the grant, sealed         codes only: what is left of a redeemed one
//	vseeid:rate:{<keyed hash of its key>}    one number per rate, the arrival time in microseconds
//
// Every key also has a time to live, by which Redis forgets it. Whoever reads a dump of Redis
// learns how many sign-ins are under way and when they expire, and nothing else: ids, codes and
// addresses are hashed, and records are sealed, under the master keys of the deployment.
//
// What changes a record is one script, which Redis runs alone, and which is never sent twice: a
// lost answer is an error and not a second try. Redis may forget at any time (a restart, an
// eviction, a failover that loses the last writes). Then a person starts again, a code is refused,
// a rate is fresh. That a code forgotten while it was redeemed cannot make a second grant is the
// durable store's promise (op.Grants).
package redisdb

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage/secret"
)

var (
	_ login.Transactions = (*DB)(nil)
	_ op.Codes           = (*DB)(nil)
	_ limit.Source       = (*DB)(nil)
)

// Config says where Redis is. ParseURL fills the part of it that a URL can say.
type Config struct {
	Addrs      []string // host:port of the Redis, of the Sentinels, or of some nodes of the Cluster; required
	MasterName string   // what the Sentinels call it; empty: there are none
	Cluster    bool     // it is a Cluster, also when Addrs has one address

	Username         string
	Password         string
	SentinelUsername string
	SentinelPassword string
	DB               int         // not in a Cluster, which has none but 0
	TLS              *tls.Config // nil: no TLS

	Prefix   string           // of every key; DefaultPrefix where empty
	PoolSize int              // connections per node; 64 where 0
	Keys     *secret.Keys     // seals and hashes; required
	Now      func() time.Time // time.Now where nil
}

const (
	DefaultPrefix   = "vseeid:"
	defaultPoolSize = 64
)

// DB is the short-lived store. It is safe for concurrent use.
type DB struct {
	client redis.UniversalClient
	keys   *secret.Keys
	prefix string
	now    func() time.Time
}

// Open connects and asks whether Redis answers, so that a wrong address is known at the start.
func Open(ctx context.Context, c Config) (*DB, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	d := connect(c)
	if err := d.Ping(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// connect makes a DB, whose connections are made when they are needed.
func connect(c Config) *DB {
	d := &DB{client: redis.NewUniversalClient(c.options()), keys: c.Keys, prefix: c.Prefix, now: c.Now}
	if d.prefix == "" {
		d.prefix = DefaultPrefix
	}
	if d.now == nil {
		d.now = time.Now
	}
	return d
}

// Ping asks whether Redis answers.
func (d *DB) Ping(ctx context.Context) error {
	if err := d.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis: %w", err)
	}
	return nil
}

// Close closes the connections.
func (d *DB) Close() error { return d.client.Close() }

func (c Config) validate() error {
	switch {
	case len(c.Addrs) == 0:
		return errors.New("redis: no address given")
	case c.Keys == nil:
		return errors.New("redis: no master keys given")
	case c.Cluster && c.MasterName != "":
		return errors.New("redis: it is either a Cluster or behind Sentinel")
	case c.Cluster && c.DB != 0:
		return errors.New("redis: a Cluster has no database but 0")
	case !c.Cluster && c.MasterName == "" && len(c.Addrs) > 1:
		return errors.New("redis: several addresses are a Cluster or Sentinels, and which is not said")
	case strings.ContainsAny(c.Prefix, "{}"):
		return errors.New("redis: a prefix cannot have braces: they would tell a Cluster where keys belong")
	}
	return nil
}

func (c Config) options() *redis.UniversalOptions {
	size := c.PoolSize
	if size == 0 {
		size = defaultPoolSize
	}
	return &redis.UniversalOptions{
		Addrs: c.Addrs, MasterName: c.MasterName, IsClusterMode: c.Cluster, DB: c.DB, TLSConfig: c.TLS,
		Username: c.Username, Password: c.Password,
		SentinelUsername: c.SentinelUsername, SentinelPassword: c.SentinelPassword,

		// A person waits for the answer: better an error in seconds than a page after a minute.
		// Only what reads is tried again (see once).
		DialTimeout: 2 * time.Second, ReadTimeout: 2 * time.Second, WriteTimeout: 2 * time.Second,
		PoolTimeout: 2 * time.Second, ContextTimeoutEnabled: true,
		DialerRetries: 2, MaxRetries: 1,

		PoolSize: size, PipelinePoolSize: -1,
		// A record is one to four kilobytes; the default buffers are 32 each way per connection.
		ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// kind is what a record is: it keeps an id of one kind from being found as another.
type kind string

const (
	transactionKind kind = "transaction"
	codeKind        kind = "code"
	requestKind     kind = "request"
	rateKind        kind = "rate"
)

// place is the key under which a new record is kept.
func (d *DB) place(k kind, id string) string { return d.at(k, d.keys.Hash(string(k), id)) }

// places are the keys under which a record may be found: one per master key, newest first.
func (d *DB) places(k kind, id string) []string {
	hashes := d.keys.Hashes(string(k), id)
	out := make([]string, len(hashes))
	for i, h := range hashes {
		out[i] = d.at(k, h)
	}
	return out
}

func (d *DB) at(k kind, hash []byte) string {
	return d.prefix + string(k) + ":{" + base64.RawURLEncoding.EncodeToString(hash) + "}"
}

// LogTo sends what the client library has to say (a connection that failed, a Sentinel that is
// away) to log. The library has one logger for the process, so call it once, before Open.
func LogTo(log *slog.Logger) { redis.SetLogger(libraryLog{log}) }

type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(ctx context.Context, format string, v ...any) {
	l.log.WarnContext(ctx, "redis client", "message", fmt.Sprintf(format, v...))
}
