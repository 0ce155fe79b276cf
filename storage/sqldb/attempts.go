package sqldb

import (
	"context"
	"errors"

	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/storage"
)

// Attempt implements login.Attempts.
func (d *DB) Attempt(ctx context.Context, key string) (limit.Attempt, error) {
	a, err := one(ctx, d.reader, func(r row) (a limit.Attempt, err error) {
		err = r.Scan(&a.Failures, instant{&a.OpenAt})
		return a, err
	}, `SELECT failures, open_at FROM attempts WHERE key = $1`, key)
	if errors.Is(err, storage.ErrNotFound) {
		return limit.Attempt{}, nil
	}
	return a, d.fail(err, "attempt")
}

// SwapAttempt implements login.Attempts.
func (d *DB) SwapAttempt(ctx context.Context, key string, old, next limit.Attempt, trail storage.Trail) error {
	query := `UPDATE attempts SET failures = $2, open_at = $3, updated = $4
		WHERE key = $1 AND failures = $5 AND open_at IS NOT DISTINCT FROM $6`
	if old == (limit.Attempt{}) {
		// A count that was never kept and one that was cleared are the same to the caller.
		query = `INSERT INTO attempts (key, failures, open_at, updated) VALUES ($1, $2, $3, $4)
			ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, open_at = excluded.open_at, updated = excluded.updated
			WHERE attempts.failures = $5 AND attempts.open_at IS NOT DISTINCT FROM $6`
	}
	changed, err := d.change(ctx, trail, query,
		key, next.Failures, when(next.OpenAt), when(d.now()), old.Failures, when(old.OpenAt))
	if err == nil && !changed {
		err = storage.ErrConflict
	}
	return d.fail(err, "swap attempt")
}
