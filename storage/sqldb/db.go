// Package sqldb is the durable store: what must survive a restart, a lost cache and a lost machine.
// It is written once, on database/sql, and runs on PostgreSQL (by pgx) and on SQLite (embedded).
//
//	caller ── method ──┬── read:     one query            (every error is returned: none means "none")
//	                   ├── change:   one conditional write, and its trail if it changed a row
//	                   └── transact: several writes and their trail; rolled back as a whole
//
// What can race is decided by a condition in the write itself (a version, "while it is live", "if
// none is there"), and the number of rows says who won. Times are passed in. They are UTC and whole
// microseconds, which is what both databases keep; a zero time is NULL.
//
// Secrets are sealed or hashed here, at the lowest door, under keys that the database never sees.
package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/vsee/vseeid/storage/secret"
)

// Config is what Open needs. DSN and Keys have no default.
type Config struct {
	// DSN names the database: "postgres://user:password@host:5432/name?sslmode=verify-full" or
	// any other form that pgx reads (several hosts for failover: "postgres://u@a,b/name"), or
	// "sqlite:/path/to/file.db", or "sqlite::memory:" for a database that Close forgets.
	DSN string
	// Keys seal and hash what is secret.
	Keys *secret.Keys
	// MaxConns bounds the connections to PostgreSQL of this process. 0: 20.
	MaxConns int
	// StatementTimeout is after how long PostgreSQL gives up a statement, unless the DSN says
	// so itself. 0: 10 s. A negative one sets none, for a pooler that takes no parameters.
	StatementTimeout time.Duration
	// KeepEvents is for how long Prune leaves audit events alone. 0: six years, which is what
	// HIPAA asks of a record of such actions (45 CFR 164.316(b)(2)(i)).
	KeepEvents time.Duration
	// Now is asked where a caller passes no time. nil: time.Now.
	Now func() time.Time
}

const (
	defaultMaxConns         = 20
	defaultStatementTimeout = 10 * time.Second
	defaultKeepEvents       = 6 * 366 * 24 * time.Hour
)

// DB is the durable store. It is safe for concurrent use.
type DB struct {
	dialect    dialect
	writer     *sql.DB       // on SQLite a single connection
	reader     *sql.DB       // on PostgreSQL the same as writer
	pool       *pgxpool.Pool // nil on SQLite
	keys       *secret.Keys
	keepEvents time.Duration
	now        func() time.Time

	// migrations are run on connections of their own: those of the pool have a statement
	// timeout that a large table would exceed.
	migrator  func() (*sql.DB, error)
	lockFile  string // of SQLite's migrations; empty in memory
	migrating sync.Mutex
}

// Open connects to the database that c.DSN names and checks that it answers. It changes nothing in
// it: see Migrate and CheckSchema. No error of it quotes a password.
func Open(ctx context.Context, c Config) (*DB, error) {
	if c.Keys == nil {
		return nil, errors.New("sqldb: no master keys given")
	}
	d := &DB{keys: c.Keys, keepEvents: c.KeepEvents, now: c.Now}
	if d.now == nil {
		d.now = time.Now
	}
	if d.keepEvents <= 0 {
		d.keepEvents = defaultKeepEvents
	}
	var err error
	switch path, isFile := strings.CutPrefix(c.DSN, "sqlite:"); {
	case c.DSN == "":
		return nil, errors.New("sqldb: no DSN given: it is postgres://… or sqlite:/path/to/file.db")
	case isFile:
		err = d.openSQLite(path)
	default:
		err = d.openPostgres(c)
	}
	if err != nil {
		return nil, err
	}
	if err := d.firstPing(ctx); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// firstPing is Ping for a database that was just opened. Of several processes that open a new SQLite file at
// once one turns it to the write-ahead log, and SQLite does not let the others wait for that: so we do.
func (d *DB) firstPing(ctx context.Context) error {
	for begun := time.Now(); ; {
		err := d.Ping(ctx)
		if err == nil || d.dialect.kind(err) != locked || time.Since(begun) > busyTimeout {
			return err
		}
		pause := time.NewTimer(rand.N(20 * time.Millisecond))
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		case <-pause.C:
		}
	}
}

// Ping checks that the database answers.
func (d *DB) Ping(ctx context.Context) error {
	err := d.writer.PingContext(ctx)
	if err == nil && d.reader != d.writer {
		err = d.reader.PingContext(ctx)
	}
	if err != nil {
		return fmt.Errorf("sqldb: %s does not answer: %w", d.dialect.name, err)
	}
	return nil
}

// Close closes all connections. Statements under way end first.
func (d *DB) Close() error {
	err := d.reader.Close()
	if d.writer != d.reader {
		err = errors.Join(err, d.writer.Close())
	}
	if d.pool != nil {
		d.pool.Close()
	}
	return err
}
