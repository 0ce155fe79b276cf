package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// recoveryPurpose is the purpose under which recovery codes are hashed.
const recoveryPurpose = "recovery"

// sealedBeside is what the secret of an enrollment opens beside.
func sealedBeside(enrollmentID string) string { return "enrollment:" + enrollmentID }

const enrollmentColumns = `e.id, e.user_id, e.kind, e.name, e.secret, e.handle, e.place, e.step,
	e.confirmed, e.created, e.last_used`

func (d *DB) scanEnrollment(r row) (factors.Enrollment, error) {
	var (
		e      factors.Enrollment
		sealed []byte
	)
	err := r.Scan(&e.ID, &e.UserID, &e.Kind, &e.Name, &sealed, &e.Handle, &e.Place, &e.Step,
		instant{&e.Confirmed}, instant{&e.Created}, instant{&e.LastUsed})
	if err != nil || sealed == nil {
		return e, err
	}
	e.Secret, err = d.keys.Open(sealed, sealedBeside(e.ID))
	return e, err
}

// Enrollments implements login.Enrollments.
func (d *DB) Enrollments(ctx context.Context, userID string) ([]factors.Enrollment, error) {
	out, err := all(ctx, d.reader, d.scanEnrollment, `
		SELECT `+enrollmentColumns+` FROM enrollments e
		WHERE e.user_id = $1 AND e.removed IS NULL ORDER BY e.created, e.id`, userID)
	return out, d.fail(err, "enrollments")
}

// lockUser makes transactions that decide about the factors of one person come one after the other.
// ErrNotFound: the person is gone.
func lockUser(ctx context.Context, tx *sql.Tx, userID string) error {
	n, err := exec(ctx, tx, `UPDATE users SET version = version WHERE id = $1 AND deleted IS NULL`, userID)
	return found(n > 0, err)
}

// insertEnrollment ends in a place for a condition.
const insertEnrollment = `
	INSERT INTO enrollments (id, user_id, kind, name, secret, code, handle, place, step, confirmed, created, last_used, ip, agent)
	SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14`

func enrollmentArgs(ctx context.Context, e factors.Enrollment, sealed, hash any) []any {
	from := storage.OriginOf(ctx)
	var handle any
	if len(e.Handle) > 0 {
		handle = e.Handle
	}
	return []any{
		e.ID, e.UserID, string(e.Kind), e.Name, sealed, hash, handle, string(e.Place), e.Step,
		when(e.Confirmed), when(e.Created), when(e.LastUsed), from.IP, from.UserAgent,
	}
}

// stands is the condition that a row of users bears out what a decision stood on. Its arguments, those
// of groundsArgs, begin at $first.
func stands(first int) string {
	return fmt.Sprintf(`deleted IS NULL AND disabled IS NULL AND passwords = $%d AND changes = $%d
		AND since IS NOT DISTINCT FROM $%d AND shut_out IS NOT DISTINCT FROM $%d`, first, first+1, first+2, first+3)
}

func groundsArgs(g login.Grounds) []any {
	return []any{g.Passwords, g.Changes, when(g.Since), when(g.ShutOut)}
}

// changeOn counts a change of a person's factors that was decided on g, and is lockUser besides.
// ErrConflict: it would be decided anew.
func changeOn(ctx context.Context, tx *sql.Tx, userID string, g login.Grounds) error {
	n, err := exec(ctx, tx, `UPDATE users SET changes = changes + 1 WHERE id = $1 AND `+stands(2),
		append([]any{userID}, groundsArgs(g)...)...)
	if err != nil || n > 0 {
		return err
	}
	if err := lockUser(ctx, tx, userID); err != nil {
		return err
	}
	return storage.ErrConflict
}

// EnrollFirst implements login.Enrollments. ErrNotFound: the person is gone.
func (d *DB) EnrollFirst(ctx context.Context, e factors.Enrollment, on login.Grounds, trail storage.Trail) error {
	sealed, err := d.keys.Seal(e.Secret, sealedBeside(e.ID))
	if err != nil {
		return d.fail(err, "enroll")
	}
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := changeOn(ctx, tx, e.UserID, on); err != nil {
			return err
		}
		n, err := exec(ctx, tx, insertEnrollment+`
			WHERE NOT EXISTS (SELECT 1 FROM enrollments WHERE user_id = $2 AND removed IS NULL)`,
			enrollmentArgs(ctx, e, sealed, nil)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return storage.ErrConflict
		}
		if err := clearAttempts(ctx, tx, e.UserID, e.Kind); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(d.taken(ctx, e, err), "enroll")
}

// taken is err, or factors.ErrTaken where it says that another live enrollment has the handle of e.
func (d *DB) taken(ctx context.Context, e factors.Enrollment, err error) error {
	if err == nil || d.dialect.kind(err) != taken || len(e.Handle) == 0 {
		return err
	}
	n, look := one(ctx, d.writer, number, `SELECT count(*) FROM enrollments
		WHERE handle = $1 AND removed IS NULL AND id <> $2`, e.Handle, e.ID)
	switch {
	case look != nil:
		return errors.Join(err, look)
	case n > 0:
		return factors.ErrTaken
	}
	return err
}

// AddEnrollment implements login.Additions, and forgets the failures at the kind. ErrNotFound: the
// person is gone.
func (d *DB) AddEnrollment(ctx context.Context, e factors.Enrollment, on login.Grounds, replace bool, trail storage.Trail) error {
	sealed, err := d.keys.Seal(e.Secret, sealedBeside(e.ID))
	if err != nil {
		return d.fail(err, "add enrollment")
	}
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := changeOn(ctx, tx, e.UserID, on); err != nil {
			return err
		}
		if replace {
			if _, err := erase(ctx, tx, e.Created, `user_id = $2 AND kind = $3`, e.UserID, string(e.Kind)); err != nil {
				return err
			}
		}
		n, err := exec(ctx, tx, insertEnrollment+`
			WHERE (SELECT count(*) FROM enrollments WHERE user_id = $2 AND kind = $3 AND removed IS NULL) < $15`,
			append(enrollmentArgs(ctx, e, sealed, nil), login.MaxOfKind)...)
		if err != nil {
			return err
		}
		if n == 0 {
			return storage.ErrConflict
		}
		if err := clearAttempts(ctx, tx, e.UserID, e.Kind); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(d.taken(ctx, e, err), "add enrollment")
}

// RenameEnrollment implements login.Additions.
func (d *DB) RenameEnrollment(ctx context.Context, userID, enrollmentID, name string, on login.Grounds, trail storage.Trail) error {
	const its = ` WHERE id = $1 AND user_id = $2 AND removed IS NULL`
	changed, err := d.change(ctx, trail, `UPDATE enrollments SET name = $3`+its+`
		AND EXISTS (SELECT 1 FROM users WHERE id = $2 AND `+stands(4)+d.dialect.share+`)`,
		append([]any{enrollmentID, userID, name}, groundsArgs(on)...)...)
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM enrollments`+its, enrollmentID, userID)
	}
	return d.fail(err, "rename enrollment")
}

// erase removes the live enrollments that meet a condition, whose arguments begin at $2, and says how
// many they were. What must not be found or proved again goes; that it was there stays, and from where it
// was removed.
func erase(ctx context.Context, tx *sql.Tx, at time.Time, condition string, args ...any) (int64, error) {
	from, n := storage.OriginOf(ctx), len(args)
	return exec(ctx, tx, fmt.Sprintf(`UPDATE enrollments SET removed = $1, secret = NULL, code = NULL, handle = NULL,
		removed_ip = $%d, removed_agent = $%d WHERE removed IS NULL AND `, n+2, n+3)+condition,
		slices.Concat([]any{when(at)}, args, []any{from.IP, from.UserAgent})...)
}

// eraseLoneRecovery removes the recovery code of a person who has nothing else: it would be asked for,
// and used up, before anything could be set up.
func eraseLoneRecovery(ctx context.Context, tx *sql.Tx, userID string, at time.Time) (int64, error) {
	return erase(ctx, tx, at, `user_id = $2 AND kind = 'recovery' AND NOT EXISTS (SELECT 1 FROM enrollments other
		WHERE other.user_id = $2 AND other.removed IS NULL AND other.kind <> 'recovery')`, userID)
}

// keeps refuses with ErrConflict unless the person has a live enrollment of one of the kinds.
func keeps(ctx context.Context, tx *sql.Tx, userID string, kinds []factors.Kind) error {
	args := []any{userID}
	for _, k := range kinds {
		args = append(args, string(k))
	}
	left, err := one(ctx, tx, number, `SELECT count(*) FROM enrollments
		WHERE user_id = $1 AND removed IS NULL AND kind IN `+in(2, len(kinds)), args...)
	if err == nil && left == 0 {
		err = storage.ErrConflict
	}
	return err
}

// RemoveEnrollment implements login.Removals.
func (d *DB) RemoveEnrollment(ctx context.Context, r login.Removal, trail func(login.Removed) storage.Trail) error {
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := changeOn(ctx, tx, r.UserID, r.On); err != nil {
			return err
		}
		n, err := erase(ctx, tx, r.At, `id = $2 AND user_id = $3`, r.EnrollmentID, r.UserID)
		if err := found(n > 0, err); err != nil {
			return err
		}
		if len(r.Keep) > 0 {
			if err := keeps(ctx, tx, r.UserID, r.Keep); err != nil {
				return err
			}
		}
		var removed login.Removed
		if n, err = eraseLoneRecovery(ctx, tx, r.UserID, r.At); err != nil {
			return err
		}
		removed.Recovery = n > 0
		if r.Others {
			n, err := shutOut(ctx, tx, r.UserID, r.SessionID, r.At)
			if err != nil {
				return err
			}
			removed.Others = n != (shut{})
		}
		return d.leave(ctx, tx, d.complete(ctx, trail(removed)))
	})
	return d.fail(err, "remove enrollment")
}

// sinceNow makes worthless, in an UPDATE of users, what was proved before $2. It never moves back.
const sinceNow = `since = CASE WHEN since > $2 THEN since ELSE $2 END, changes = changes + 1, updated = $2, version = version + 1`

// ResetFactors takes every factor from a person as RemoveEnrollment does, makes worthless what was
// proved before at, ends every session, revokes every grant, also those with offline_access, and
// forgets the failures at every kind of proof, the default method, and every mail code, ticket and link
// that is still open. The trail is written also when there was no factor, and its links are good.
// ErrNotFound: the person is gone.
func (d *DB) ResetFactors(ctx context.Context, userID string, at time.Time, trail storage.Trail) (login.Reset, error) {
	var reset login.Reset
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		hash, err := one(ctx, tx, text, `UPDATE users SET default_method = '', `+sinceNow+`
			WHERE id = $1 AND deleted IS NULL RETURNING password_hash`, userID, when(at))
		if err != nil {
			return err
		}
		n, err := erase(ctx, tx, at, `user_id = $2`, userID)
		if err != nil {
			return err
		}
		reset = login.Reset{Removed: int(n), HasPassword: hash != ""}
		if _, err := shutOut(ctx, tx, userID, "", at); err != nil {
			return err
		}
		if err := endMailCodes(ctx, tx, userID, at); err != nil {
			return err
		}
		if err := dropLinks(ctx, tx, userID); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `DELETE FROM tickets WHERE user_id = $1`, userID); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, userID, login.AttemptKinds()...); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return reset, d.fail(err, "reset factors")
}

// BurnStep makes step, and every one before it, worthless for an enrollment: of any number of
// callers with the same step one gets nil. ErrConflict: the step was used. ErrNotFound: the
// enrollment is gone. The trail is that of ctx.
func (d *DB) BurnStep(ctx context.Context, enrollmentID string, step int64, at time.Time) error {
	changed, err := d.change(ctx, storage.TrailOf(ctx), `UPDATE enrollments SET step = $2, last_used = $3
		WHERE id = $1 AND step < $2 AND removed IS NULL`, enrollmentID, step, when(at))
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM enrollments WHERE id = $1 AND removed IS NULL`, enrollmentID)
	}
	return d.fail(err, "burn step")
}

// ReplaceRecovery implements login.Additions, and forgets the failures at recovery codes. ErrNotFound:
// the person is gone.
func (d *DB) ReplaceRecovery(ctx context.Context, e factors.Enrollment, on login.Grounds, trail storage.Trail) error {
	hash := d.keys.Hash(recoveryPurpose, string(e.Secret))
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := changeOn(ctx, tx, e.UserID, on); err != nil {
			return err
		}
		if _, err := erase(ctx, tx, e.Created, `user_id = $2 AND kind = 'recovery'`, e.UserID); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, insertEnrollment, enrollmentArgs(ctx, e, nil, hash)...); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, e.UserID, factors.Recovery); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "replace recovery code")
}

// BurnRecovery uses up the recovery code of a person: of any number of callers with the right code
// one gets nil. ErrNotFound: it is not the person's code, or was used or replaced. The trail is that
// of ctx, written only by the one.
func (d *DB) BurnRecovery(ctx context.Context, userID, code string, at time.Time) (enrollmentID string, err error) {
	hashes, from := d.hashes(recoveryPurpose, code), storage.OriginOf(ctx)
	trail := d.complete(ctx, storage.TrailOf(ctx))
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		enrollmentID, err = one(ctx, tx, text, `
			UPDATE enrollments SET removed = $2, last_used = $2, code = NULL, removed_ip = $3, removed_agent = $4
			WHERE user_id = $1 AND kind = 'recovery' AND removed IS NULL AND code IN `+in(5, len(hashes))+`
			RETURNING id`, append([]any{userID, when(at), from.IP, from.UserAgent}, hashes...)...)
		if err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	if err != nil {
		return "", d.fail(err, "burn recovery code")
	}
	return enrollmentID, nil
}
