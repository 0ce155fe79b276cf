package sqldb

import (
	"context"
	"database/sql"
)

// Transact is transact, for tests.
func (d *DB) Transact(ctx context.Context, fn func(context.Context, *sql.Tx) error) error {
	return d.transact(ctx, fn)
}

// SQL is the database under the store, for tests that look at rows.
func (d *DB) SQL() *sql.DB { return d.writer }
