package sqldb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vsee/vseeid/storage"
)

const eventColumns = `id, at, type, user_id, org_id, client_id, session_id, detail, request_id, ip, agent`

// insertEvent is the text that inserts one event whose arguments begin at $first. It is a SELECT,
// so that a condition can follow.
func insertEvent(first int) string {
	return `INSERT INTO events (` + eventColumns + `) SELECT ` + strings.Trim(in(first, 11), "()")
}

func eventArgs(e storage.Event) []any {
	detail := make(map[string]string, len(e.Detail))
	for name, value := range e.Detail {
		detail[plain(name)] = plain(value)
	}
	return []any{
		e.ID, when(e.At), string(e.Type),
		maybe(plain(e.UserID)), maybe(plain(e.OrgID)), maybe(plain(e.ClientID)), maybe(plain(e.SessionID)),
		document{detail},
		plain(e.Origin.RequestID), plain(e.Origin.IP), plain(e.Origin.UserAgent),
	}
}

// plain is s as a column of text takes it: UTF-8, and for PostgreSQL without NUL. Events say what
// strangers sent, and one that cannot be kept would be one that a stranger can suppress.
func plain(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, string(utf8.RuneError)), "\x00", "")
}

// complete fills what a caller may leave to the store. It is done once, before anything is tried,
// so that what is tried again is the same.
func (d *DB) complete(ctx context.Context, t storage.Trail) storage.Trail {
	t.Events, t.Mails, t.Links = slices.Clone(t.Events), slices.Clone(t.Mails), slices.Clone(t.Links)
	for i := range t.Events {
		e := &t.Events[i]
		if e.ID == "" {
			e.ID = newID()
		}
		if e.At.IsZero() {
			e.At = d.now()
		}
		if e.Origin == (storage.Origin{}) {
			e.Origin = storage.OriginOf(ctx)
		}
	}
	for i := range t.Mails {
		m := &t.Mails[i]
		if m.ID == "" {
			m.ID = newID()
		}
		if m.At.IsZero() {
			m.At = d.now()
		}
	}
	for i := range t.Links {
		if l := &t.Links[i]; l.At.IsZero() {
			l.At = d.now()
		}
	}
	return t
}

// leave writes a complete trail.
func (d *DB) leave(ctx context.Context, tx *sql.Tx, t storage.Trail) error {
	for _, e := range t.Events {
		if _, err := exec(ctx, tx, insertEvent(1), eventArgs(e)...); err != nil {
			return fmt.Errorf("audit: %w", err)
		}
	}
	for _, m := range t.Mails {
		args, err := d.mailArgs(m)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, insertMail(1), args...); err != nil {
			return fmt.Errorf("outbox: %w", err)
		}
	}
	for _, l := range t.Links {
		args, err := d.linkArgs(l)
		if err != nil {
			return err
		}
		if _, err := exec(ctx, tx, insertLink(1), args...); err != nil {
			return fmt.Errorf("links: %w", err)
		}
	}
	return nil
}

// Record writes a trail of something that changed nothing: a sign-in that failed.
func (d *DB) Record(ctx context.Context, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	if len(trail.Events) == 1 && len(trail.Mails) == 0 && len(trail.Links) == 0 {
		err := d.retry(ctx, func() error {
			_, err := exec(ctx, d.writer, insertEvent(1), eventArgs(trail.Events[0])...)
			return err
		})
		return d.fail(err, "record")
	}
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error { return d.leave(ctx, tx, trail) })
	return d.fail(err, "record")
}

// EventsOf implements login.History.
func (d *DB) EventsOf(ctx context.Context, userID string, types []storage.EventType, n int) ([]storage.Event, error) {
	if userID == "" || n <= 0 || len(types) == 0 {
		return nil, nil // Events takes them for: of anybody, as many as a page has, of any type
	}
	args := []any{userID}
	for _, t := range types {
		args = append(args, string(t))
	}
	out, err := all(ctx, d.reader, scanEvent, `SELECT `+eventColumns+` FROM events
		WHERE user_id = $1 AND type IN `+in(2, len(types))+` ORDER BY id DESC LIMIT `+strconv.Itoa(n), args...)
	return out, d.fail(err, "events of a person")
}

// EventFilter says which events to list. An empty field asks for any.
type EventFilter struct {
	UserID string
	OrgID  string
	Type   storage.EventType

	RequestID string // what an error page, or one that says whom to ask, shows as reference
	// Since is when they happened at the earliest, by their ids, to the millisecond. With a RequestID,
	// which has no index, it bounds how many rows are looked at.
	Since time.Time
}

// Events lists audit events, the newest first.
func (d *DB) Events(ctx context.Context, f EventFilter, page storage.Page) ([]storage.Event, error) {
	query := `SELECT ` + eventColumns + ` FROM events WHERE id <> ''`
	var args []any
	for _, c := range []struct{ condition, value string }{
		{" AND user_id = $", f.UserID},
		{" AND org_id = $", f.OrgID},
		{" AND type = $", string(f.Type)},
		{" AND request_id = $", f.RequestID},
		{" AND id >= $", firstID(f.Since)},
		{" AND id < $", page.After},
	} {
		if c.value != "" {
			args = append(args, c.value)
			query += c.condition + strconv.Itoa(len(args))
		}
	}
	args = append(args, page.Rows())
	query += ` ORDER BY id DESC LIMIT $` + strconv.Itoa(len(args))
	out, err := all(ctx, d.reader, scanEvent, query, args...)
	return out, d.fail(err, "events")
}

// firstID is no greater than any UUIDv7 that is made at a time or later; empty for a zero one.
func firstID(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	ms := fmt.Sprintf("%012x", at.UnixMilli())
	return ms[:8] + "-" + ms[8:]
}

func scanEvent(r row) (e storage.Event, err error) {
	err = r.Scan(&e.ID, instant{&e.At}, &e.Type, optional{&e.UserID}, optional{&e.OrgID}, optional{&e.ClientID},
		optional{&e.SessionID}, document{&e.Detail}, &e.Origin.RequestID, &e.Origin.IP, &e.Origin.UserAgent)
	return e, err
}
