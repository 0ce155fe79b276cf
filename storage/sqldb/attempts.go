package sqldb

import (
	"context"
	"database/sql"
	"errors"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
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

// ClearAttempts forgets the failures of a person at every kind of proof, so that none is locked or
// closed. The trail is written also when there was none. ErrNotFound: the person is gone.
func (d *DB) ClearAttempts(ctx context.Context, userID string, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, userID, login.AttemptKinds()...); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "clear attempts")
}

// clearAttempts forgets the failures at some kinds. Whoever is counting one meanwhile loses the
// compare-and-set, and counts it from nothing.
func clearAttempts(ctx context.Context, tx *sql.Tx, userID string, kinds ...factors.Kind) error {
	var keys []any
	for _, k := range kinds {
		keys = append(keys, login.AttemptKey(k, userID))
	}
	_, err := exec(ctx, tx, `DELETE FROM attempts WHERE key IN `+in(1, len(keys)), keys...)
	return err
}
