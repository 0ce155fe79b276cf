package sqldb_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// dump is every row of every table, as text.
func dump(t *testing.T, db *sqldb.DB) string {
	t.Helper()
	var out strings.Builder
	for _, table := range tableNames(t, db) {
		rows, err := db.SQL().Query(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, targets := make([]any, len(columns)), make([]any, len(columns))
			for i := range values {
				targets[i] = &values[i]
			}
			if err := rows.Scan(targets...); err != nil {
				t.Fatal(err)
			}
			for i, v := range values {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				fmt.Fprintf(&out, "%s.%s=%v\n", table, columns[i], v)
			}
		}
		if err := errors.Join(rows.Err(), rows.Close()); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// spread fills a store with one of every secret, and returns them.
func spread(t *testing.T, db *sqldb.DB) map[string]string {
	t.Helper()
	now := time.Now()
	secrets := map[string]string{
		"session cookie": "cookie-5Zq2", "renewed cookie": "cookie-8Hf3", "seed": "SEED-7Gh1", "recovery code": "RECOVERY-3Kp9",
		"signing key": "PRIVATE-4Rt6", "mail text": "MAILTEXT-2Wn8", "mailed code": "CODE-6Jd0",
		"passkey": "RECORD-1Lx5", "used passkey": "RECORD-9Sc4", "ticket": "TICKET-0Fv7", "token": "TOKEN-3Gm1",
	}
	trail := storage.Trail{Mails: []storage.Mail{
		{ID: "m1", To: "ann@example.com", Subject: "Hello", Text: secrets["mail text"]},
		{ID: "m2", To: "ann@example.com", Subject: secrets["mailed code"] + " is your code", Text: secrets["mailed code"], Expires: now.Add(time.Minute)},
	}}
	s := session.Session{ID: "s1", UserID: "u1", Created: now, LastUsed: now, Version: 1}
	ctx := t.Context()
	for _, err := range []error{
		db.CreateUser(ctx, login.User{ID: "u1", Email: "ann@example.com", Created: now, Updated: now}, trail),
		db.CreateSession(ctx, s, secrets["session cookie"], storage.Trail{}),
		db.RenewSession(ctx, s, secrets["renewed cookie"], storage.Trail{}),
		db.EnrollFirst(ctx, factors.Enrollment{
			ID: "e1", UserID: "u1", Kind: factors.TOTP, Secret: []byte(secrets["seed"]), Created: now,
		}, login.Grounds{}, storage.Trail{}),
		db.AddSigningKey(ctx, keys.Key{
			ID: "k1", Algorithm: "ES256", Private: []byte(secrets["signing key"]), Generation: 1,
			Created: now, ActiveFrom: now, Expires: now,
		}, storage.Trail{}),
		db.AddEnrollment(ctx, factors.Enrollment{
			ID: "p1", UserID: "u1", Kind: factors.Passkey, Secret: []byte(secrets["passkey"]), Handle: []byte("credential"), Created: now,
		}, login.Grounds{Changes: 1}, false, storage.Trail{Links: []storage.Link{{Token: secrets["token"], UserID: "u1", At: now, Expires: now.Add(time.Hour)}}}),
		db.UsePasskey(ctx, "p1", 0, 1, []byte(secrets["used passkey"]), now),
		db.CreateTicket(ctx, "u1", secrets["ticket"], now, now.Add(time.Hour), storage.Trail{}),
		db.KeepMailCode(ctx, "u1", "c1", secrets["mailed code"], now, now.Add(time.Hour), func([]time.Time) error { return nil }),
		db.ReplaceRecovery(ctx, factors.Enrollment{
			ID: "r1", UserID: "u1", Kind: factors.Recovery, Secret: []byte(secrets["recovery code"]), Created: now.Add(time.Second),
		}, login.Grounds{Changes: 2}, storage.Trail{}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return secrets
}

// shows reports whether a secret can be read in a dump, in any of the usual ways to write it.
func shows(text, s string) bool {
	for _, form := range []string{s, hex.EncodeToString([]byte(s)), base64.RawStdEncoding.EncodeToString([]byte(s))} {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}

func TestSecretsAreNotInTheRows(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		secrets := spread(t, db)
		text := dump(t, db)
		if !shows(text, "ann@example.com") {
			t.Fatal("the dump does not show what is no secret")
		}
		for what, s := range secrets {
			if shows(text, s) {
				t.Errorf("the rows show the %s", what)
			}
		}
	})
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	dir := t.TempDir()
	db := migrated(t, sqldb.Config{DSN: "sqlite:" + filepath.Join(dir, "test.db")})
	secrets := spread(t, db)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, error %v: want the database and its log", files, err)
	}
	var all bytes.Buffer
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(f), mode)
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	if !shows(all.String(), "ann@example.com") {
		t.Fatal("the files do not show what is no secret")
	}
	for what, s := range secrets {
		if shows(all.String(), s) {
			t.Errorf("the files show the %s", what)
		}
	}
}

func TestMasterKeysAreRotated(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		ctx, dsn := t.Context(), fresh(t)
		older, newer := secret.NewKey(), secret.NewKey()
		secrets := spread(t, migrated(t, sqldb.Config{DSN: dsn, Keys: newKeys(t, older)}))

		db := open(t, sqldb.Config{DSN: dsn, Keys: newKeys(t, newer, older)})
		if _, err := db.SessionByCookie(ctx, secrets["renewed cookie"]); err != nil {
			t.Errorf("session: %v", err)
		}
		if _, err := db.SessionByCookie(ctx, secrets["session cookie"]); !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("session by its old cookie: %v", err)
		}
		list, err := db.Enrollments(ctx, "u1")
		if err != nil || len(list) != 3 || string(list[0].Secret) != secrets["seed"] || string(list[1].Secret) != secrets["used passkey"] {
			t.Errorf("enrollments: %v, error %v", len(list), err)
		}
		ks, err := db.SigningKeys(ctx)
		if err != nil || len(ks) != 1 || string(ks[0].Private) != secrets["signing key"] {
			t.Errorf("signing keys: %d, error %v", len(ks), err)
		}
		mails, err := db.Mails(ctx, storage.Page{})
		if err != nil || len(mails) != 2 || mails[1].Text != secrets["mail text"] || mails[1].Subject != "Hello" ||
			mails[0].Text != secrets["mailed code"] || mails[0].Subject != secrets["mailed code"]+" is your code" {
			t.Errorf("mails: %d, error %v", len(mails), err)
		}
		now := time.Now()
		if _, err := db.BurnRecovery(ctx, "u1", secrets["recovery code"], now); err != nil {
			t.Errorf("recovery code: %v", err)
		}
		if err := db.BurnMailCode(ctx, "u1", "c1", secrets["mailed code"], 5, now); err != nil {
			t.Errorf("mail code: %v", err)
		}
		if err := db.BurnTicket(ctx, "u1", secrets["ticket"], now, storage.Trail{}); err != nil {
			t.Errorf("ticket: %v", err)
		}
		if err := db.Repudiate(ctx, secrets["token"], time.Time{}, now, storage.Trail{}); err != nil {
			t.Errorf("link: %v", err)
		}

		// Without the key that they were sealed under nothing opens, and nothing is mistaken for none.
		db = open(t, sqldb.Config{DSN: dsn, Keys: newKeys(t, newer)})
		if list, err := db.Enrollments(ctx, "u1"); err == nil {
			t.Errorf("enrollments under another master key: %v, and no error", len(list))
		}
		if _, err := db.SigningKeys(ctx); err == nil {
			t.Error("signing keys opened under another master key")
		}
	})
}

func TestSealedValueOpensOnlyInItsRow(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		spread(t, db)
		// Who can write rows but has no key gives u1's authenticator app to another account.
		if _, err := db.SQL().Exec(`UPDATE enrollments SET id = 'e2' WHERE id = 'e1'`); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Enrollments(t.Context(), "u1"); err == nil {
			t.Error("a seed opened beside another row")
		}
	})
}
