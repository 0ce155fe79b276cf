package sqldb

import (
	"context"
	"database/sql"

	"github.com/pressly/goose/v3"
)

// Transact is transact, for tests.
func (d *DB) Transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	return d.transact(ctx, fn)
}

// SQL is the database under the store, for tests that look at rows.
func (d *DB) SQL() *sql.DB { return d.writer }

// MigrateTo brings an empty database to the schema of an older release, for tests of what comes after.
func (d *DB) MigrateTo(ctx context.Context, version int64) error {
	return d.withProvider(func(p *goose.Provider) error {
		_, err := p.UpTo(ctx, version)
		return err
	})
}
