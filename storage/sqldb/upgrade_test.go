package sqldb_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// TestRowsOfTheFirstReleaseAreRead migrates a database that the first release left, and reads from it
// what that release knew, with what has come since at its default.
func TestRowsOfTheFirstReleaseAreRead(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		ctx, keys := t.Context(), newKeys(t)
		db := open(t, sqldb.Config{DSN: fresh(t), Keys: keys})
		if err := db.MigrateTo(ctx, 1); err != nil {
			t.Fatal(err)
		}
		now := time.Date(2026, 11, 24, 10, 20, 30, 0, time.UTC)
		seal := func(plain, beside string) []byte {
			t.Helper()
			sealed, err := keys.Seal([]byte(plain), beside)
			if err != nil {
				t.Fatal(err)
			}
			return sealed
		}
		for _, row := range []struct {
			query string
			args  []any
		}{
			{`INSERT INTO users (id, email, email_verified, name, locale, password_hash, password_set, created, updated, version)
				VALUES ('u1', 'ann@example.com', true, 'Ann', 'en', 'hash', $1, $1, $1, 3)`, []any{now}},
			{`INSERT INTO orgs (id, name, policy, epoch, created, updated, version) VALUES ('o1', 'Practice', $2, 4, $1, $1, 2)`, []any{
				now, `{"mfa":"required","factors":["passkey","totp","email","recovery"],"reuse":"12h","session":{"idle":"1d","overall":"7d"},"epoch":0}`,
			}},
			{`INSERT INTO memberships (user_id, org_id, created) VALUES ('u1', 'o1', $1)`, []any{now}},
			{`INSERT INTO enrollments (id, user_id, kind, name, secret, step, confirmed, created, ip, agent)
				VALUES ('e1', 'u1', 'totp', 'Phone', $2, 7, $1, $1, '192.0.2.1', 'Browser/1')`, []any{now, seal("seed", "enrollment:e1")}},
			{`INSERT INTO enrollments (id, user_id, kind, name, step, created, removed, ip, agent)
				VALUES ('e0', 'u1', 'totp', 'Old phone', 7, $1, $1, '192.0.2.1', 'Browser/1')`, []any{now}},
			{`INSERT INTO mails (id, recipient, subject, body, created, due, tries, reason)
				VALUES ('m1', 'ann@example.com', 'Hello', $2, $1, $1, 0, '')`, []any{now, seal("Text", "mail:m1")}},
		} {
			if _, err := db.SQL().ExecContext(ctx, row.query, row.args...); err != nil {
				t.Fatalf("%s: %v", row.query, err)
			}
		}
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}

		policy, _ := login.Preset("standard")
		policy.Epoch = 4
		want := login.Standing{
			User: login.User{
				ID: "u1", Email: "ann@example.com", EmailVerified: true, EmailSet: now, Name: "Ann", Locale: "en",
				PasswordHash: "hash", PasswordSet: now, Created: now, Updated: now, Version: 3,
			},
			Orgs: []login.Org{{ID: "o1", Name: "Practice", Policy: policy, Created: now, Updated: now, Version: 2, Joined: now}},
		}
		got, err := db.Standing(ctx, "u1", "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("standing (-want +got):\n%s", diff)
		}
		if err := got.Orgs[0].Policy.Validate(); err != nil {
			t.Errorf("a policy of the first release is refused: %v", err)
		}
		enrolled, err := db.Enrollments(ctx, "u1")
		if err != nil {
			t.Fatal(err)
		}
		app := factors.Enrollment{
			ID: "e1", UserID: "u1", Kind: factors.TOTP, Name: "Phone", Secret: []byte("seed"), Step: 7, Confirmed: now, Created: now,
		}
		if diff := cmp.Diff([]factors.Enrollment{app}, enrolled); diff != "" {
			t.Errorf("enrollments (-want +got):\n%s", diff)
		}
		mails, err := db.Mails(ctx, storage.Page{})
		if err != nil {
			t.Fatal(err)
		}
		mail := storage.Mail{ID: "m1", To: "ann@example.com", Subject: "Hello", Text: "Text", At: now}
		if diff := cmp.Diff([]storage.Mail{mail}, mails); diff != "" {
			t.Errorf("mails (-want +got):\n%s", diff)
		}

		// A policy that was read and is written again is the same one: its epoch stays.
		if err := db.UpdateOrg(ctx, got.Orgs[0], storage.Trail{}); err != nil {
			t.Fatal(err)
		}
		o, err := db.Org(ctx, "o1")
		if err != nil {
			t.Fatal(err)
		}
		o.Policy.Epoch = policy.Epoch
		if diff := cmp.Diff(policy, o.Policy); diff != "" {
			t.Errorf("the policy, written again (-want +got):\n%s", diff)
		}
	})
}

// TestPolicyIsKeptWhole: every field of a policy that is written is read again.
func TestPolicyIsKeptWhole(t *testing.T) {
	db := migrated(t, sqldb.Config{DSN: databases["SQLite"](t)})
	now := time.Date(2026, 11, 24, 10, 20, 30, 0, time.UTC)
	policy, _ := login.Preset("strict")
	policy.From, policy.Grace, policy.Epoch = now, login.Grace{Days: 14}, 1
	policy.Trust, policy.Enrollment, policy.HardwareKeys = login.Trust{RemindAfter: policy.Reuse}, login.ByTicket, login.Attested
	if err := db.CreateOrg(t.Context(), login.Org{ID: "o1", Name: "O", Policy: policy, Created: now, Updated: now}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	o, err := db.Org(t.Context(), "o1")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(policy, o.Policy); diff != "" {
		text, _ := json.Marshal(policy)
		t.Errorf("policy (-want +got):\n%s\nwritten as %s", diff, text)
	}
}
