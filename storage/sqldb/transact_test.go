package sqldb_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

const insertAttempt = `INSERT INTO attempts (key, failures, updated) VALUES ($1, 1, $2)`

func attempts(t *testing.T, db *sqldb.DB) int {
	t.Helper()
	var n int
	if err := db.SQL().QueryRow(`SELECT count(*) FROM attempts`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestTransactRollsBack(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		oops := errors.New("oops")
		insert := func(ctx context.Context, tx *sql.Tx) {
			if _, err := tx.ExecContext(ctx, insertAttempt, "k", time.Now()); err != nil {
				t.Error(err)
			}
		}
		if err := db.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			insert(ctx, tx)
			return oops
		}); !errors.Is(err, oops) {
			t.Errorf("got %v, want what the function returned", err)
		}
		func() {
			defer func() {
				if r := recover(); r != "boom" {
					t.Errorf("recovered %v, want boom", r)
				}
			}()
			_ = db.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				insert(ctx, tx)
				panic("boom")
			})
		}()
		if n := attempts(t, db); n != 0 {
			t.Errorf("%d rows survived", n)
		}
		// The connection is free again, also where there is only one.
		if err := db.SwapAttempt(t.Context(), "k", limit.Attempt{}, limit.Attempt{Failures: 1}, storage.Trail{}); err != nil {
			t.Error(err)
		}
	})
}

func TestTransactRefusesNesting(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		err := db.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			return db.Transact(ctx, func(context.Context, *sql.Tx) error { return nil })
		})
		if err == nil {
			t.Error("a transaction within a transaction was run")
		}
		if err := db.Transact(t.Context(), func(ctx context.Context, _ *sql.Tx) error {
			return db.SwapAttempt(ctx, "k", limit.Attempt{}, limit.Attempt{Failures: 1}, storage.Trail{})
		}); err == nil {
			t.Error("a change within a transaction was run beside it")
		}
	})
}

func TestTransactRunsAgain(t *testing.T) {
	db := migrated(t, sqldb.Config{DSN: databases["PostgreSQL"](t)})
	for _, code := range []string{"40001", "40P01", "25006"} {
		runs := 0
		if err := db.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
			if runs++; runs < 3 {
				return &pgconn.PgError{Code: code}
			}
			_, err := tx.ExecContext(ctx, insertAttempt, code, time.Now())
			return err
		}); err != nil || runs != 3 {
			t.Errorf("%s: %d runs, error %v", code, runs, err)
		}
	}
	runs := 0
	err := db.Transact(t.Context(), func(context.Context, *sql.Tx) error {
		runs++
		return &pgconn.PgError{Code: "40001"}
	})
	if err == nil || runs != 5 {
		t.Errorf("for ever: %d runs, error %v", runs, err)
	}
	if n := attempts(t, db); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestTransactSurvivesADeadlock(t *testing.T) {
	db := migrated(t, sqldb.Config{DSN: databases["PostgreSQL"](t)})
	for _, key := range []string{"a", "b"} {
		if _, err := db.SQL().Exec(insertAttempt, key, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	var both sync.WaitGroup // each holds its first row
	both.Add(2)
	for _, order := range [][2]string{{"a", "b"}, {"b", "a"}} {
		wg.Go(func() {
			first := true
			err := db.Transact(t.Context(), func(ctx context.Context, tx *sql.Tx) error {
				for _, key := range order {
					if _, err := tx.ExecContext(ctx, `UPDATE attempts SET failures = failures + 1 WHERE key = $1`, key); err != nil {
						return err
					}
					if first {
						first = false
						both.Done()
						both.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, key := range []string{"a", "b"} {
		a, err := db.Attempt(t.Context(), key)
		if err != nil || a.Failures != 3 {
			t.Errorf("%s: %+v, error %v; want 3 failures", key, a, err)
		}
	}
}
