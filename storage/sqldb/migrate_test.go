package sqldb_test

import (
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/storage/sqldb"
)

func TestFiveInstancesMigrateAtOnce(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		c := sqldb.Config{DSN: fresh(t), Keys: newKeys(t)}
		var (
			wg    sync.WaitGroup
			begin = make(chan struct{})
			errs  = make([]error, 5)
		)
		for i := range errs {
			wg.Go(func() {
				<-begin
				db, err := sqldb.Open(t.Context(), c)
				if err != nil {
					errs[i] = err
					return
				}
				errs[i] = errors.Join(db.Migrate(t.Context()), db.CheckSchema(t.Context()), db.Close())
			})
		}
		close(begin)
		wg.Wait()
		for i, err := range errs {
			if err != nil {
				t.Errorf("instance %d: %v", i, err)
			}
		}
		db := open(t, c)
		status, err := db.MigrationStatus(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range status {
			if m.Applied.IsZero() {
				t.Errorf("%s is not applied", m.Name)
			}
		}
		var rows int
		if err := db.SQL().QueryRow(`SELECT count(*) FROM goose_db_version WHERE version_id > 0`).Scan(&rows); err != nil {
			t.Fatal(err)
		}
		if rows != len(status) {
			t.Errorf("%d migrations were noted, want %d", rows, len(status))
		}
	})
}

func TestSchemaIsChecked(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		ctx := t.Context()
		db := open(t, sqldb.Config{DSN: fresh(t)})
		check := func(err error, says string) {
			t.Helper()
			if !errors.Is(err, sqldb.ErrSchema) || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v, want ErrSchema that says %q", err, says)
			}
		}
		check(db.CheckSchema(ctx), "run \"vseeid migrate up\"")
		status, err := db.MigrationStatus(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if len(status) == 0 || slices.ContainsFunc(status, func(m sqldb.Migration) bool { return !m.Applied.IsZero() }) {
			t.Errorf("status of an empty database: %v", status)
		}
		if n := tables(t, db); n != 0 {
			t.Errorf("looking made %d tables", n)
		}

		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		if err := db.Migrate(ctx); err != nil {
			t.Errorf("a second time: %v", err)
		}
		if err := db.CheckSchema(ctx); err != nil {
			t.Error(err)
		}

		newest := status[len(status)-1].Version
		set := func(query string, args ...any) {
			t.Helper()
			if _, err := db.SQL().ExecContext(ctx, query, args...); err != nil {
				t.Fatal(err)
			}
		}
		set(`INSERT INTO goose_db_version (version_id, is_applied) VALUES ($1, true)`, newest+7)
		check(db.CheckSchema(ctx), "newer program")
		check(db.Migrate(ctx), "newer program")
		set(`DELETE FROM goose_db_version WHERE version_id >= $1`, newest)
		check(db.CheckSchema(ctx), "vseeid migrate up")
	})
}

// tables counts the tables of a database.
func tables(t *testing.T, db *sqldb.DB) int {
	t.Helper()
	return len(tableNames(t, db))
}

func tableNames(t *testing.T, db *sqldb.DB) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1`
	var version string
	if db.SQL().QueryRow(`SHOW server_version`).Scan(&version) == nil {
		query = `SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema() ORDER BY 1`
	}
	return texts(t, db.SQL(), query)
}

func texts(t *testing.T, db *sql.DB, query string) (out []string) {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestBothDatabasesHaveTheSameTables(t *testing.T) {
	columns := func(t *testing.T, database string) map[string][]string {
		db := migrated(t, sqldb.Config{DSN: databases[database](t)})
		out := map[string][]string{}
		for _, table := range tableNames(t, db) {
			if table == "goose_db_version" {
				continue
			}
			rows, err := db.SQL().Query(`SELECT * FROM ` + table)
			if err != nil {
				t.Fatal(err)
			}
			if out[table], err = rows.Columns(); err != nil {
				t.Fatal(err)
			}
			if err := rows.Close(); err != nil {
				t.Fatal(err)
			}
		}
		return out
	}
	if diff := cmp.Diff(columns(t, "SQLite"), columns(t, "PostgreSQL")); diff != "" {
		t.Errorf("SQLite and PostgreSQL differ:\n%s", diff)
	}
}
