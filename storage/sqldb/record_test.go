package sqldb_test

import (
	"context"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// TestN13_RemovedFactorsStayOnRecord: of whatever was ever bound to an account the row says what it was,
// when it came and went, and from where, in whichever way it went; and of its secret nothing is left.
func TestN13_RemovedFactorsStayOnRecord(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		now := time.Date(2026, 11, 24, 10, 20, 30, 123456000, time.UTC)
		came := storage.WithOrigin(t.Context(), storage.Origin{IP: "192.0.2.7", UserAgent: "Phone/1"})
		went := storage.WithOrigin(t.Context(), storage.Origin{IP: "198.51.100.9", UserAgent: "Desk/2"})
		created, used, removed := now.Add(-time.Hour), now.Add(-time.Minute), now
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		on := func(id string) login.Grounds {
			t.Helper()
			u, err := db.User(t.Context(), id)
			check(err)
			return u.Grounds()
		}
		app := func(user, id string, at time.Time) factors.Enrollment {
			return factors.Enrollment{ID: id, UserID: user, Kind: factors.TOTP, Name: "Phone", Secret: []byte("seed"), Confirmed: at, Created: at, LastUsed: used}
		}
		key := func(user, id string, at time.Time) factors.Enrollment {
			e := app(user, id, at)
			e.Kind, e.Handle = factors.Passkey, []byte(id)
			return e
		}
		code := func(user, id string, at time.Time) factors.Enrollment {
			e := app(user, id, at)
			e.Kind, e.Secret = factors.Recovery, []byte("CODE")
			return e
		}
		remove := func(ctx context.Context, user, id string) error {
			return db.RemoveEnrollment(ctx, login.Removal{UserID: user, EnrollmentID: id, On: on(user), At: removed},
				func(login.Removed) storage.Trail { return storage.Trail{} })
		}
		for way, c := range map[string]struct {
			gone []factors.Kind
			end  func(user string) error
		}{
			"removed": {[]factors.Kind{factors.TOTP}, func(user string) error { return remove(went, user, user+"totp") }},
			"the last": {[]factors.Kind{factors.TOTP, factors.Passkey, factors.Recovery}, func(user string) error {
				check(remove(went, user, user+"passkey"))
				return remove(went, user, user+"totp") // and the recovery code with it
			}},
			"replaced": {[]factors.Kind{factors.TOTP}, func(user string) error {
				return db.AddEnrollment(went, app(user, user+"new", removed), on(user), true, storage.Trail{})
			}},
			"another code": {[]factors.Kind{factors.Recovery}, func(user string) error {
				return db.ReplaceRecovery(went, code(user, user+"new", removed), on(user), storage.Trail{})
			}},
			"used": {[]factors.Kind{factors.Recovery}, func(user string) error {
				_, err := db.BurnRecovery(went, user, "CODE", removed)
				return err
			}},
			"reset": {[]factors.Kind{factors.TOTP, factors.Passkey, factors.Recovery}, func(user string) error {
				_, err := db.ResetFactors(went, user, removed, storage.Trail{})
				return err
			}},
			"not me": {[]factors.Kind{factors.TOTP, factors.Passkey, factors.Recovery}, func(user string) error {
				check(db.Record(came, storage.Trail{Links: []storage.Link{{Token: user, UserID: user, At: now, Expires: now.Add(time.Hour)}}}))
				return db.Repudiate(went, user, now.Add(-2*time.Hour), removed, storage.Trail{})
			}},
		} {
			user := way + " "
			check(db.CreateUser(came, login.User{ID: user, Email: "ann+" + way[:3] + way[len(way)-3:] + "@example.com", Created: now, Updated: now}, storage.Trail{}))
			check(db.EnrollFirst(came, app(user, user+"totp", created), on(user), storage.Trail{}))
			check(db.AddEnrollment(came, key(user, user+"passkey", created), on(user), false, storage.Trail{}))
			check(db.ReplaceRecovery(came, code(user, user+"recovery", created), on(user), storage.Trail{}))
			check(c.end(user))
			for _, k := range c.gone {
				lastUsed := used
				if way == "used" {
					lastUsed = removed
				}
				for what, part := range map[string]struct {
					condition string
					args      []any
				}{
					"whose and what": {`user_id = $2 AND kind = $3 AND name = 'Phone'`, []any{user, string(k)}},
					"when":           {`created = $2 AND confirmed = $2 AND last_used = $3 AND removed = $4`, []any{created, lastUsed, removed}},
					"from where":     {`ip = '192.0.2.7' AND agent = 'Phone/1'`, nil},
					"to where":       {`removed_ip = '198.51.100.9' AND removed_agent = 'Desk/2'`, nil},
					"no secret":      {`secret IS NULL AND code IS NULL AND handle IS NULL`, nil},
				} {
					var n int
					check(db.SQL().QueryRowContext(t.Context(), `SELECT count(*) FROM enrollments WHERE id = $1 AND `+part.condition,
						append([]any{user + string(k)}, part.args...)...).Scan(&n))
					if n != 1 {
						t.Errorf("%s: %s: the row does not say %s", way, k, what)
					}
				}
			}
			// A person who is deleted leaves which kinds there were, and when, and nothing else.
			check(db.DeleteUser(went, user, now.Add(time.Minute), storage.Trail{}))
			var left int
			check(db.SQL().QueryRowContext(t.Context(), `SELECT count(*) FROM enrollments WHERE user_id = $1
				AND NOT (ip = '' AND agent = '' AND removed_ip = '' AND removed_agent = '' AND name = '')`, user).Scan(&left))
			if left != 0 {
				t.Errorf("%s: %d rows say where a person was who is gone", way, left)
			}
		}
	})
}
