package sqldb

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/storage"
)

// queryer is a database or a transaction.
type queryer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// row is what a scan function reads: the current one of sql.Rows.
type row interface{ Scan(dest ...any) error }

// all reads every row of a query. It is the one place that reads rows, so that no list is ever cut
// short by an error that nobody asked for.
func all[T any](ctx context.Context, q queryer, scan func(row) (T, error), query string, args ...any) (_ []T, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return out, nil
}

// one reads the only row of a query. None is storage.ErrNotFound.
func one[T any](ctx context.Context, q queryer, scan func(row) (T, error), query string, args ...any) (T, error) {
	var zero T
	found, err := all(ctx, q, scan, query, args...)
	switch {
	case err != nil:
		return zero, err
	case len(found) == 0:
		return zero, storage.ErrNotFound
	case len(found) > 1:
		return zero, fmt.Errorf("%d rows where one was expected", len(found))
	}
	return found[0], nil
}

// exec runs a write and returns how many rows it changed.
func exec(ctx context.Context, q queryer, query string, args ...any) (int64, error) {
	r, err := q.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// number scans a single number.
func number(r row) (n int64, err error) {
	err = r.Scan(&n)
	return n, err
}

// text scans a single text.
func text(r row) (s string, err error) {
	err = r.Scan(&s)
	return s, err
}

// moment scans a single time.
func moment(r row) (t time.Time, err error) {
	err = r.Scan(instant{&t})
	return t, err
}

// in is a list of placeholders for n arguments, the first of which is $first.
func in(first, n int) string {
	out := make([]string, n)
	for i := range out {
		out[i] = "$" + strconv.Itoa(first+i)
	}
	return "(" + strings.Join(out, ", ") + ")"
}

// when is the argument for a time: NULL for a zero one.
func when(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Microsecond)
}

// maybe is the argument for a text that is NULL when it is empty.
func maybe(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// instant scans a time: of PostgreSQL, or microseconds of SQLite.
type instant struct{ to *time.Time }

// Scan implements sql.Scanner.
func (i instant) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*i.to = time.Time{}
	case time.Time:
		*i.to = v.UTC()
	case int64:
		*i.to = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is kept as %T", v)
	}
	return nil
}

// optional scans a text that may be NULL.
type optional struct{ to *string }

// Scan implements sql.Scanner.
func (o optional) Scan(v any) error {
	var s sql.NullString
	err := s.Scan(v)
	*o.to = s.String
	return err
}

// document is a value kept as JSON text: an argument, and with a pointer in it a scan target.
type document struct{ of any }

// Value implements driver.Valuer. A nil list is kept as an empty one.
func (d document) Value() (driver.Value, error) {
	b, err := json.Marshal(d.of)
	if err != nil {
		return nil, err
	}
	if string(b) == "null" {
		return "[]", nil
	}
	return string(b), nil
}

// Scan implements sql.Scanner.
func (d document) Scan(v any) error {
	switch v := v.(type) {
	case string:
		return json.Unmarshal([]byte(v), d.of)
	case []byte:
		return json.Unmarshal(v, d.of)
	}
	return fmt.Errorf("a document is kept as %T", v)
}

// newID is a UUIDv7: ids of one table sort by when they were made.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
