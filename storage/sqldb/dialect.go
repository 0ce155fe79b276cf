package sqldb

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is all that differs between the two databases. Every other SQL text serves both.
type dialect struct {
	name  string
	goose goose.Dialect
	// schema turns the text of a migration, written for PostgreSQL, into the database's own.
	schema *strings.Replacer
	// tables counts the tables of the name $1 in the schema that we use.
	tables string
	// share is put behind a SELECT inside a write: what it reads stays so until the commit. On
	// SQLite nobody else writes meanwhile.
	share string
	// skip is put behind the SELECT of work to be claimed, so that workers pass one another by.
	skip string
	// chains says that a WITH may hold INSERT and UPDATE, so that a change and its trail are
	// one statement, one round trip and one commit. See DB.change.
	chains bool
	// kind tells what an error of the driver means.
	kind func(error) kind
}

// kind is what a failed statement means to the one who ran it.
type kind int

const (
	other    kind = iota
	taken         // a unique key is taken
	dangling      // what a foreign key names is not there
	unheld        // an argument is no text that the database can hold: no row has it
	again         // nothing happened, and the same may work now
	readOnly      // the server has become a standby: connect anew, then as again
	locked        // another connection holds the file, and the wait for it is over
)

var postgres = dialect{
	name:  "PostgreSQL",
	goose: goose.DialectPostgres,
	schema: strings.NewReplacer(
		" /* strict */", "",
	),
	tables: `SELECT count(*) FROM pg_catalog.pg_tables WHERE schemaname = current_schema() AND tablename = $1`,
	share:  ` FOR SHARE`,
	skip:   ` FOR UPDATE SKIP LOCKED`,
	chains: true,
	kind: func(err error) kind {
		var e *pgconn.PgError
		if !errors.As(err, &e) {
			if pgconn.SafeToRetry(err) {
				return again
			}
			return other
		}
		switch e.Code {
		case "23505": // unique_violation
			return taken
		case "23503": // foreign_key_violation
			return dangling
		case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
			return unheld
		case "40001", "40P01": // serialization_failure, deadlock_detected
			return again
		case "25006": // read_only_sql_transaction
			return readOnly
		}
		return other
	},
}

// Times are integers on SQLite, microseconds of the Unix epoch, which order as they should; text
// of SQLite's own format does so only while all of it has the same number of digits.
var embedded = dialect{
	name:  "SQLite",
	goose: goose.DialectSQLite3,
	schema: strings.NewReplacer(
		` COLLATE "C"`, "", // SQLite's default
		"timestamptz", "INTEGER",
		"boolean", "INTEGER",
		"bigint", "INTEGER",
		"bytea", "BLOB",
		"/* strict */", "STRICT",
		" WITH (fillfactor = 85)", "",
	),
	tables: `SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = $1`,
	kind: func(err error) kind {
		var e *sqlite.Error
		if !errors.As(err, &e) {
			return other
		}
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return taken
		case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
			return dangling
		case sqlite3.SQLITE_BUSY_SNAPSHOT:
			return again
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_RECOVERY:
			return locked
		}
		return other
	},
}
