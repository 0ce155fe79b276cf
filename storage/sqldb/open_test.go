package sqldb_test

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

func TestT46_PasswordOfTheDSNIsInNoError(t *testing.T) {
	const password = "hunter2-Secret"
	for _, dsn := range []string{
		"postgres://u:" + password + "@127.0.0.1:1/db?connect_timeout=1",
		"postgres://u:" + password + "@127.0.0.1:notaport/db",
		"postgres://u:" + password + "@127.0.0.1:1/db?sslmode=bogus",
		"postgres://u:" + password + "%zz@127.0.0.1:1/db",
		"postgres://u:" + password + "/x@127.0.0.1:1/db",
		"postgres://u:" + password + "@[::1/db",
		"postgres://u:" + password + "@ho st/db",
		"postgres://u@127.0.0.1:1/db?password=" + password + "&sslmode=bogus",
		"host=127.0.0.1 port=x password=" + password,
		"host=127.0.0.1 port=x password = '" + password + "'",
		"host=127.0.0.1 port=1 password='" + password,
		"user:" + password + "@127.0.0.1",
		password,
	} {
		_, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: newKeys(t)})
		if err == nil {
			t.Errorf("%s: opened", dsn)
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), "hunter2") || strings.Contains(e.Error(), "Secret") {
				t.Errorf("%s: the error shows the password: %v", dsn, e)
			}
		}
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for dsn, says := range map[string]string{
		"":                        "no DSN given",
		"sqlite:":                 "names no file",
		"sqlite:" + file + "/db":  "folder",
		"postgres://127.0.0.1:1/": "does not answer",
	} {
		_, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: newKeys(t)})
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: got %v, want one that says %q", dsn, err, says)
		}
	}
	if _, err := sqldb.Open(t.Context(), sqldb.Config{DSN: "sqlite::memory:"}); err == nil {
		t.Error("opened without keys")
	}
}

func TestSQLiteKeepsItsData(t *testing.T) {
	// A folder to be made, and a name with everything that a URI would read as its own.
	path := filepath.Join(t.TempDir(), "new folder", "a?b#c%20d&e.db")
	c := sqldb.Config{DSN: "sqlite:" + path, Keys: newKeys(t)}
	now := time.Now()
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		db.Migrate(t.Context()),
		db.CreateUser(t.Context(), login.User{ID: "u1", Email: "a@b", Created: now, Updated: now}, storage.Trail{}),
		db.Close(),
	); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		t.Error("the file has another name")
	}
	if _, err := open(t, c).User(t.Context(), "u1"); err != nil {
		t.Error(err)
	}
}

func TestSQLiteSettings(t *testing.T) {
	db := open(t, sqldb.Config{DSN: databases["SQLite"](t)})
	for pragma, want := range map[string]string{
		"journal_mode": "wal", "foreign_keys": "1", "synchronous": "2", "busy_timeout": "10000",
	} {
		if got := texts(t, db.SQL(), "PRAGMA "+pragma); len(got) != 1 || got[0] != want {
			t.Errorf("%s is %v, want %s", pragma, got, want)
		}
	}
}

func TestForeignKeysHold(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		db := migrated(t, sqldb.Config{DSN: fresh(t)})
		if _, err := db.SQL().Exec(`INSERT INTO memberships (user_id, org_id, created) VALUES ('x', 'y', $1)`, time.Now()); err == nil {
			t.Error("a membership of nobody in nothing was taken")
		}
	})
}

func TestPostgresStatementTimeout(t *testing.T) {
	db := open(t, sqldb.Config{DSN: databases["PostgreSQL"](t), StatementTimeout: 50 * time.Millisecond})
	if _, err := db.SQL().ExecContext(t.Context(), `SELECT pg_sleep(30)`); err == nil || !strings.Contains(err.Error(), "57014") {
		t.Errorf("got %v, want a statement that was given up (57014)", err)
	}
}

func TestPostgresPoolIsBounded(t *testing.T) {
	db := open(t, sqldb.Config{DSN: databases["PostgreSQL"](t), MaxConns: 3})
	var conns int
	done := make(chan error, 20)
	for range cap(done) {
		go func() {
			_, err := db.SQL().ExecContext(t.Context(), `SELECT pg_sleep(0.02)`)
			done <- err
		}()
	}
	for range cap(done) {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if err := db.SQL().QueryRow(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
		AND application_name = 'vseeid'`).Scan(&conns); err != nil {
		t.Fatal(err)
	}
	if conns < 1 || conns > 3 {
		t.Errorf("%d connections, want at most 3", conns)
	}
}

func TestPostgresFailsOver(t *testing.T) {
	dsn, err := url.Parse(databases["PostgreSQL"](t))
	if err != nil {
		t.Fatal(err)
	}
	dsn.Host = "127.0.0.1:1," + dsn.Host // nobody listens on the first
	db := migrated(t, sqldb.Config{DSN: dsn.String()})
	if err := db.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
}

// Two instances, and two connections of each, see what was committed at once.
func TestSQLiteReadsWhatWasWritten(t *testing.T) {
	c := sqldb.Config{DSN: databases["SQLite"](t), Keys: newKeys(t)}
	a, b := migrated(t, c), open(t, c)
	now := time.Now()
	if err := a.CreateUser(t.Context(), login.User{ID: "u1", Email: "a@b", Created: now, Updated: now}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		writer, reader := a, b
		if i%2 == 0 {
			writer, reader = b, a
		}
		s := session.Session{ID: strconv.Itoa(i), UserID: "u1", Created: now, LastUsed: now}
		if err := writer.CreateSession(t.Context(), s, strconv.Itoa(i), storage.Trail{}); err != nil {
			t.Fatal(err)
		}
		if _, err := reader.SessionByCookie(t.Context(), strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
}
