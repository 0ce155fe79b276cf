package sqldb

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// versions is the table in which goose keeps which migrations were applied.
const versions = "goose_db_version"

// ErrSchema says that the schema of the database is not the one that this program knows. What wraps
// it says what to do.
var ErrSchema = errors.New("the database schema does not fit this program")

// Migrate brings the schema to the version that this program knows. Any number of instances may call
// it at once: one applies, the others wait. It refuses a database that is ahead of the program.
func (d *DB) Migrate(ctx context.Context) error {
	d.migrating.Lock()
	defer d.migrating.Unlock()
	err := d.withProvider(func(p *goose.Provider) (err error) {
		release, err := d.lockMigrations(ctx)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, release()) }()
		current, target, err := d.schemaVersion(ctx)
		if err != nil {
			return err
		}
		if current > target {
			return ahead(current, target)
		}
		_, err = p.Up(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("sqldb: migrate: %w", err)
	}
	return nil
}

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied time.Time // zero: not yet
}

// MigrationStatus lists the migrations that this program knows, in order. It changes nothing.
func (d *DB) MigrationStatus(ctx context.Context) ([]Migration, error) {
	applied := map[int64]time.Time{}
	n, err := one(ctx, d.reader, number, d.dialect.tables, versions)
	if err != nil {
		return nil, fmt.Errorf("sqldb: migration status: %w", err)
	}
	if n > 0 {
		type step struct {
			version int64
			at      time.Time
		}
		steps, err := all(ctx, d.reader, func(r row) (s step, err error) {
			err = r.Scan(&s.version, &s.at)
			return s, err
		}, `SELECT version_id, tstamp FROM `+versions+` WHERE is_applied`)
		if err != nil {
			return nil, fmt.Errorf("sqldb: migration status: %w", err)
		}
		for _, s := range steps {
			applied[s.version] = s.at.UTC()
		}
	}
	known, err := knownMigrations()
	for i := range known {
		known[i].Applied = applied[known[i].Version]
	}
	return known, err
}

// CheckSchema returns an error that wraps ErrSchema and says what to do, unless the schema is the
// one that this program knows.
func (d *DB) CheckSchema(ctx context.Context) error {
	current, target, err := d.schemaVersion(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("sqldb: schema version: %w", err)
	case current == 0:
		return fmt.Errorf("sqldb: %w: the database is empty; run \"vseeid migrate up\" first", ErrSchema)
	case current < target:
		return fmt.Errorf("sqldb: %w: the database is at version %d and the program needs %d; run \"vseeid migrate up\" first",
			ErrSchema, current, target)
	case current > target:
		return ahead(current, target)
	}
	return nil
}

func ahead(current, target int64) error {
	return fmt.Errorf("sqldb: %w: the database is at version %d and the program knows none above %d; run the newer program that migrated it",
		ErrSchema, current, target)
}

// schemaVersion is the version that the database is at, 0 for an empty one, and the program's.
func (d *DB) schemaVersion(ctx context.Context) (current, target int64, err error) {
	known, err := knownMigrations()
	if err != nil {
		return 0, 0, err
	}
	target = known[len(known)-1].Version
	n, err := one(ctx, d.writer, number, d.dialect.tables, versions)
	if err != nil || n == 0 {
		return 0, target, err
	}
	current, err = one(ctx, d.writer, number, `SELECT coalesce(max(version_id), 0) FROM `+versions+` WHERE is_applied`)
	return current, target, err
}

func knownMigrations() ([]Migration, error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	var out []Migration
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return nil, err
		}
		out = append(out, Migration{Version: version, Name: path.Base(name)})
	}
	return out, nil
}

// translated is the embedded migrations in the words of the database.
type translated struct{ words *strings.Replacer }

// Open implements fs.FS.
func (t translated) Open(name string) (fs.File, error) {
	f, err := migrations.Open(path.Join("migrations", name))
	if err != nil || path.Ext(name) != ".sql" {
		return f, err
	}
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return translatedFile{f, strings.NewReader(t.words.Replace(string(text)))}, nil
}

type translatedFile struct {
	fs.File
	text *strings.Reader
}

// Read implements fs.File.
func (f translatedFile) Read(b []byte) (int, error) { return f.text.Read(b) }

func (d *DB) withProvider(run func(*goose.Provider) error) (err error) {
	db := d.writer
	if d.migrator != nil {
		if db, err = d.migrator(); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, db.Close()) }()
	}
	options := []goose.ProviderOption{
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.NewTextHandler(io.Discard, nil))),
	}
	if d.pool != nil {
		// Asked for every second, for ten minutes.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
		if err != nil {
			return err
		}
		options = append(options, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(d.dialect.goose, db, translated{d.dialect.schema}, options...)
	if err != nil {
		return err
	}
	return run(p)
}

// lockMigrations keeps other processes from migrating the same SQLite file until release is called,
// or this process ends. The lock is SQLite's own, on a file beside it that stays empty: the database
// itself has to stay open to the migrations. PostgreSQL has goose's session lock instead.
func (d *DB) lockMigrations(ctx context.Context) (release func() error, err error) {
	if d.lockFile == "" {
		return func() error { return nil }, nil
	}
	if err := private(d.lockFile); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", fileURI(d.lockFile, url.Values{
		"_pragma": {"busy_timeout(600000)"}, "_txlock": {"exclusive"},
	}))
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return func() error { return errors.Join(tx.Rollback(), db.Close()) }, nil
}
