package sqldb_test

import (
	"errors"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// What is no text that a database can hold names nothing, on each of them.
func TestNothingIsCalledWhatIsNoText(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db, ctx := migrated(t, sqldb.Config{DSN: fresh(t)}), t.Context()
		for _, id := range []string{"\x00", "a\x00", "\xff", "\xed\xa0\x80"} {
			_, person := db.User(ctx, id)
			_, byMail := db.UserByEmail(ctx, id)
			_, standing := db.Standing(ctx, id, id)
			_, session := db.Session(ctx, id)
			_, org := db.Org(ctx, id)
			for what, err := range map[string]error{
				"person": person, "mail address": byMail, "standing": standing, "session": session, "organization": org,
				"disable": db.DisableUser(ctx, id, time.Now(), storage.Trail{}),
				"rename":  db.RenameEnrollment(ctx, id, id, "name", login.Grounds{}, storage.Trail{}),
			} {
				if !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%s %q: %v", what, id, err)
				}
			}
		}
	})
}
