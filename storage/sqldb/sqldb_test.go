package sqldb_test

import (
	"path/filepath"
	"testing"

	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
)

// databases are the two that the store runs on: a fresh, empty one for each call.
var databases = map[string]func(t testing.TB) (dsn string){
	"SQLite":     func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "test.db") },
	"PostgreSQL": storagetest.Postgres,
}

// onEach runs a test on each of the databases.
func onEach(t *testing.T, test func(t *testing.T, fresh func(t testing.TB) string)) {
	for name, fresh := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

func newKeys(t testing.TB, specs ...string) *secret.Keys {
	t.Helper()
	spec := ""
	for _, s := range specs {
		spec += s + " "
	}
	if spec == "" {
		spec = secret.NewKey()
	}
	keys, err := secret.Parse(spec)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// open opens a database, which is closed when the test ends.
func open(t testing.TB, c sqldb.Config) *sqldb.DB {
	t.Helper()
	if c.Keys == nil {
		c.Keys = newKeys(t)
	}
	db, err := sqldb.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func migrated(t testing.TB, c sqldb.Config) *sqldb.DB {
	t.Helper()
	db := open(t, c)
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func TestDurable(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		storagetest.Durable(t, func(t *testing.T) *sqldb.DB {
			return migrated(t, sqldb.Config{DSN: fresh(t)})
		})
	})
	t.Run("SQLiteInMemory", func(t *testing.T) {
		storagetest.Durable(t, func(t *testing.T) *sqldb.DB {
			return migrated(t, sqldb.Config{DSN: "sqlite::memory:"})
		})
	})
}
