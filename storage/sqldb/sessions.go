package sqldb

import (
	"context"
	"database/sql"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// cookiePurpose is the purpose under which session cookies are hashed.
const cookiePurpose = "session"

const sessionColumns = `id, user_id, evidence, created, last_used, ended, ip, agent, version`

func scanSession(r row) (s session.Session, err error) {
	err = r.Scan(&s.ID, &s.UserID, document{&s.Evidence}, instant{&s.Created}, instant{&s.LastUsed}, instant{&s.Ended},
		&s.IP, &s.Agent, &s.Version)
	return s, err
}

// hashes are the arguments that recognise s under any of the master keys.
func (d *DB) hashes(purpose, s string) []any {
	var out []any
	for _, h := range d.keys.Hashes(purpose, s) {
		out = append(out, h)
	}
	return out
}

// SessionByCookie implements login.Sessions.
func (d *DB) SessionByCookie(ctx context.Context, cookie string) (session.Session, error) {
	hashes := d.hashes(cookiePurpose, cookie)
	s, err := one(ctx, d.reader, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE cookie IN `+in(1, len(hashes))+` AND ended IS NULL`, hashes...)
	return s, d.fail(err, "session by cookie")
}

// Session implements login.Sessions.
func (d *DB) Session(ctx context.Context, id string) (session.Session, error) {
	s, err := one(ctx, d.reader, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE id = $1 AND ended IS NULL`, id)
	return s, d.fail(err, "session")
}

// oldest is the argument for when the oldest of some evidence was proved: NULL for none, which nothing
// is as late as.
func oldest(evidence []factors.Evidence) any {
	var at time.Time
	for _, e := range evidence {
		if at.IsZero() || e.At.Before(at) {
			at = e.At
		}
	}
	return when(at)
}

// passwordOf is the argument for which of the person's passwords some evidence proves, the earliest of
// several: NULL for none.
func passwordOf(evidence []factors.Evidence) (generation any) {
	for _, e := range evidence {
		if earlier, ok := generation.(int64); e.Kind == factors.Password && (!ok || e.Generation < earlier) {
			generation = e.Generation
		}
	}
	return generation
}

// CreateSession implements login.Sessions.
func (d *DB) CreateSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `
		INSERT INTO sessions (id, user_id, cookie, evidence, created, last_used, ended, ip, agent, version)
		SELECT $1, $2, $3, $4, $5, $6, NULL, $7, $8, 1
		WHERE EXISTS (SELECT 1 FROM users WHERE id = $2 AND deleted IS NULL AND disabled IS NULL
			AND (since IS NULL OR since <= $9) AND (shut_out IS NULL OR shut_out <= $9) AND passwords = coalesce($10, passwords)`+d.dialect.share+`)`,
		s.ID, s.UserID, d.keys.Hash(cookiePurpose, cookie), document{s.Evidence}, when(s.Created), when(s.LastUsed), s.IP, s.Agent,
		oldest(s.Evidence), passwordOf(s.Evidence))
	if err == nil && !changed {
		err = storage.ErrNotFound
	}
	return d.fail(err, "create session")
}

// RenewSession implements login.Sessions.
func (d *DB) RenewSession(ctx context.Context, s session.Session, cookie string, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `
		UPDATE sessions SET cookie = $4, evidence = $5, last_used = $6, ip = $7, agent = $8, version = version + 1
		WHERE id = $1 AND user_id = $2 AND version = $3 AND ended IS NULL
		AND EXISTS (SELECT 1 FROM users WHERE id = $2 AND (since IS NULL OR since <= $9)
			AND (shut_out IS NULL OR shut_out <= $9 OR kept = $1) AND passwords = coalesce($10, passwords)`+d.dialect.share+`)`,
		s.ID, s.UserID, s.Version, d.keys.Hash(cookiePurpose, cookie), document{s.Evidence}, when(s.LastUsed), s.IP, s.Agent,
		oldest(s.Evidence), passwordOf(s.Evidence))
	if err == nil && !changed {
		// Of the version that it had, it is the evidence that is worth nothing any more.
		err = d.lost(ctx, `SELECT count(*) FROM sessions
			WHERE id = $1 AND user_id = $2 AND version <> $3 AND ended IS NULL`, s.ID, s.UserID, s.Version)
	}
	return d.fail(err, "renew session")
}

// lost says why a compare-and-set changed nothing: ErrConflict when the row that count counts is
// there, in another version, and ErrNotFound when it is not.
func (d *DB) lost(ctx context.Context, count string, args ...any) error {
	n, err := one(ctx, d.writer, number, count, args...)
	switch {
	case err != nil:
		return err
	case n > 0:
		return storage.ErrConflict
	}
	return storage.ErrNotFound
}

// TouchSession implements login.Sessions.
func (d *DB) TouchSession(ctx context.Context, id string, at time.Time) error {
	_, err := d.change(ctx, storage.Trail{}, `UPDATE sessions SET last_used = $2
		WHERE id = $1 AND ended IS NULL AND last_used < $2`, id, when(at))
	return d.fail(err, "touch session")
}

// EndSession implements login.Sessions.
func (d *DB) EndSession(ctx context.Context, id string, all bool, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE sessions SET ended = $2 WHERE id = $1 AND ended IS NULL`, id, when(at))
		if err != nil || n == 0 && !all {
			return err
		}
		grants, err := exec(ctx, tx, `UPDATE grants SET revoked = $2
			WHERE session_id = $1 AND ($3 OR NOT offline) AND revoked IS NULL`, id, when(at), all)
		if err != nil || n+grants == 0 {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "end session")
}

// SessionsOf implements login.History. Some of them may be past the limits of the policy that binds them.
func (d *DB) SessionsOf(ctx context.Context, userID string) ([]session.Session, error) {
	out, err := all(ctx, d.reader, scanSession, `SELECT `+sessionColumns+` FROM sessions
		WHERE user_id = $1 AND ended IS NULL ORDER BY id DESC`, userID)
	return out, d.fail(err, "sessions of a person")
}

// EndOthers implements login.History: it is for when somebody else may be signed in as the person. Without
// keep the trail is written also when there was none.
func (d *DB) EndOthers(ctx context.Context, userID, keep string, at time.Time, trail storage.Trail) (ended int, err error) {
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := shutOut(ctx, tx, userID, keep, at)
		if err != nil {
			return err
		}
		if ended = int(n.sessions); n == (shut{}) && keep != "" {
			return nil
		}
		return d.leave(ctx, tx, trail)
	})
	return ended, d.fail(err, "end sessions of a person")
}

// shut is how many there were to end and to revoke.
type shut struct{ sessions, grants int64 }

// shutOut ends the sessions of a person, as endSessions does, and revokes the grants, all of them but what
// rests on the session keep.
func shutOut(ctx context.Context, tx *sql.Tx, userID, keep string, at time.Time) (n shut, err error) {
	if n.sessions, err = endSessions(ctx, tx, userID, keep, at); err != nil {
		return n, err
	}
	n.grants, err = revokeGrants(ctx, tx, userID, keep, at)
	return n, err
}

// endSessions ends the sessions of a person, all of them but keep, and makes worthless what was proved by
// then in sign-ins that are under way elsewhere: they have no session yet, and would have one. No session
// has the empty id.
func endSessions(ctx context.Context, tx *sql.Tx, userID, keep string, at time.Time) (int64, error) {
	if _, err := exec(ctx, tx, `UPDATE users SET shut_out = CASE WHEN shut_out > $2 THEN shut_out ELSE $2 END, kept = $3 WHERE id = $1`,
		userID, when(at), keep); err != nil {
		return 0, err
	}
	return exec(ctx, tx, `UPDATE sessions SET ended = $2 WHERE user_id = $1 AND ended IS NULL AND id <> $3`,
		userID, when(at), keep)
}

func revokeGrants(ctx context.Context, tx *sql.Tx, userID, keep string, at time.Time) (int64, error) {
	return exec(ctx, tx, `UPDATE grants SET revoked = $2 WHERE user_id = $1 AND revoked IS NULL
		AND (session_id IS NULL OR session_id <> $3)`, userID, when(at), keep)
}
