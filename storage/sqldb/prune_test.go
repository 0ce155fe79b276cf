package sqldb_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// TestPruneGoesOn: a table that cannot be pruned keeps no other from it, or all of them grow until it can.
func TestPruneGoesOn(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		ctx := t.Context()
		db := migrated(t, sqldb.Config{DSN: fresh(t), KeepEvents: time.Hour})
		now := time.Now()
		if err := db.Record(ctx, storage.With(storage.Event{Type: storage.SignInFailed, At: now.Add(-2 * time.Hour)})); err != nil {
			t.Fatal(err)
		}
		for _, query := range []string{`DROP TABLE tickets`, `DROP TABLE mail_codes`} {
			if _, err := db.SQL().ExecContext(ctx, query); err != nil {
				t.Fatal(err)
			}
		}
		n, err := db.Prune(ctx, now)
		if err == nil || !strings.Contains(err.Error(), "prune tickets") || !strings.Contains(err.Error(), "prune mail_codes") {
			t.Errorf("the error is %v", err)
		}
		if n != 1 {
			t.Errorf("%d rows were pruned", n)
		}
		stopped, stop := context.WithCancel(ctx)
		stop()
		if _, err := db.Prune(stopped, now); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "events") {
			t.Errorf("who is told to stop goes on: %v", err)
		}
	})
}
