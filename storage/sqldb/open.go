package sqldb

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
)

// busyTimeout is how long a connection to SQLite waits for another that holds the file.
const busyTimeout = 10 * time.Second

func (d *DB) openPostgres(c Config) error {
	config, err := pgxpool.ParseConfig(c.DSN)
	if err != nil {
		return dsnError(c.DSN, err)
	}
	config.MaxConns = int32(cmp.Or(c.MaxConns, defaultMaxConns))
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 10 * time.Minute
	config.MaxConnIdleTime = 10 * time.Minute
	config.ConnConfig.ConnectTimeout = cmp.Or(config.ConnConfig.ConnectTimeout, 5*time.Second)
	setDefault(config.ConnConfig.RuntimeParams, "application_name", "vseeid")
	if severalHosts(&config.ConnConfig.Config) && config.ConnConfig.ValidateConnect == nil {
		// We write: of several hosts only the primary is of use.
		config.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	plain := config.Copy()
	if timeout := cmp.Or(c.StatementTimeout, defaultStatementTimeout); timeout > 0 {
		ms := strconv.FormatInt(timeout.Milliseconds(), 10)
		setDefault(config.ConnConfig.RuntimeParams, "statement_timeout", ms)
		setDefault(config.ConnConfig.RuntimeParams, "idle_in_transaction_session_timeout", ms)
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return dsnError(c.DSN, err)
	}
	d.dialect, d.pool = postgres, pool
	d.writer = stdlib.OpenDBFromPool(pool)
	d.reader = d.writer
	d.migrator = func() (*sql.DB, error) { return stdlib.OpenDB(*plain.ConnConfig), nil }
	return nil
}

func setDefault(m map[string]string, key, value string) {
	if m[key] == "" {
		m[key] = value
	}
}

// severalHosts looks past the fallbacks that only differ in TLS.
func severalHosts(c *pgconn.Config) bool {
	for _, f := range c.Fallbacks {
		if f.Host != c.Host || f.Port != c.Port {
			return true
		}
	}
	return false
}

var passwords = regexp.MustCompile(`(?i)(?:password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&]*)))|(?://[^/?#:@]*:(.*)@)`)

// dsnError is err without the DSN and without any part of it that may be a password.
func dsnError(dsn string, err error) error {
	cause := err.Error()
	var parse *pgconn.ParseConfigError
	if errors.As(err, &parse) {
		// Its own text repeats the DSN.
		cause = "it has a part that cannot be read"
		if inner := parse.Unwrap(); inner != nil {
			cause = inner.Error()
		}
	}
	var malformed *url.Error
	if errors.As(err, &malformed) {
		cause = malformed.Err.Error()
	}
	for _, m := range passwords.FindAllStringSubmatch(dsn, -1) {
		for _, secret := range m[1:] {
			if secret == "" {
				continue
			}
			cause = strings.ReplaceAll(cause, secret, "xxxxx")
			if plain, err := url.PathUnescape(secret); err == nil {
				cause = strings.ReplaceAll(cause, plain, "xxxxx")
			}
		}
	}
	return fmt.Errorf("sqldb: the PostgreSQL DSN is not usable: %s", cause)
}

// readers is how many connections read an SQLite file beside the one that writes.
const readers = 4

func (d *DB) openSQLite(path string) error {
	d.dialect = embedded
	if path == "" {
		return errors.New("sqldb: the SQLite DSN names no file: write sqlite:/path/to/file.db")
	}
	if path == ":memory:" {
		// Such a database belongs to its connection, so there is only one.
		db, err := sql.Open("sqlite", sqliteURI(path, "_txlock", "immediate"))
		if err != nil {
			return fmt.Errorf("sqldb: %w", err)
		}
		d.writer, d.reader = single(db), db
		d.migrator = nil
		return nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	if err := private(path); err != nil {
		return err
	}
	d.lockFile = path + ".migrating"
	open := func() (*sql.DB, error) {
		db, err := sql.Open("sqlite", sqliteURI(path, "_txlock", "immediate"))
		if err != nil {
			return nil, fmt.Errorf("sqldb: %w", err)
		}
		return single(db), nil
	}
	d.migrator = open
	if d.writer, err = open(); err != nil {
		return err
	}
	if d.reader, err = sql.Open("sqlite", sqliteURI(path, "_pragma", "query_only(1)")); err != nil {
		return fmt.Errorf("sqldb: %w", errors.Join(err, d.writer.Close()))
	}
	d.reader.SetMaxOpenConns(readers)
	d.reader.SetMaxIdleConns(readers)
	return nil
}

// single makes of db the one writer that SQLite has anyway: who comes second waits in Go, in
// order and under its own deadline, instead of by polling a file lock.
func single(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	return db
}

// private creates the file where it is missing, readable by its owner only. SQLite gives its other
// files the same mode.
func private(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("sqldb: the folder of the SQLite file cannot be made: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("sqldb: the SQLite file has to be readable and writable: %w", err)
	}
	if err != nil {
		return fmt.Errorf("sqldb: %w", err)
	}
	return f.Close()
}

// sqliteURI is the file and what every connection to it is told. A commit is on the disk before it
// is answered (synchronous FULL): a used code must not come back with the power.
func sqliteURI(path string, more ...string) string {
	q := url.Values{}
	q.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()))
	q.Add("_pragma", "journal_mode(WAL)")
	q.Add("_pragma", "synchronous(FULL)")
	q.Add("_pragma", "foreign_keys(1)")
	q.Add("_time_integer_format", "unix_micro")
	for i := 0; i+1 < len(more); i += 2 {
		q.Add(more[i], more[i+1])
	}
	if path == ":memory:" {
		return "file::memory:?" + q.Encode()
	}
	return fileURI(path, q)
}

func fileURI(path string, q url.Values) string {
	return (&url.URL{Scheme: "file", OmitHost: true, Path: filepath.ToSlash(path), RawQuery: q.Encode()}).String()
}
