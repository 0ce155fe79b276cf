package sqldb

import (
	"context"
	"database/sql"
	"errors"
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

// lockUserSince is lockUser for what rests on a proof of proved. ErrConflict: it was made worthless
// since.
func lockUserSince(ctx context.Context, tx *sql.Tx, userID string, proved time.Time) error {
	since, err := one(ctx, tx, moment, `UPDATE users SET version = version WHERE id = $1 AND deleted IS NULL
		RETURNING since`, userID)
	if err == nil && since.After(proved) {
		err = storage.ErrConflict
	}
	return err
}

// EnrollFirst implements login.Enrollments. ErrNotFound: the person is gone.
func (d *DB) EnrollFirst(ctx context.Context, e factors.Enrollment, proved time.Time, trail storage.Trail) error {
	sealed, err := d.keys.Seal(e.Secret, sealedBeside(e.ID))
	if err != nil {
		return d.fail(err, "enroll")
	}
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUserSince(ctx, tx, e.UserID, proved); err != nil {
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
func (d *DB) AddEnrollment(ctx context.Context, e factors.Enrollment, proved time.Time, replace bool, trail storage.Trail) error {
	sealed, err := d.keys.Seal(e.Secret, sealedBeside(e.ID))
	if err != nil {
		return d.fail(err, "add enrollment")
	}
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUserSince(ctx, tx, e.UserID, proved); err != nil {
			return err
		}
		if replace {
			n, err := erase(ctx, tx, e.Created, `user_id = $2 AND kind = $3`, e.UserID, string(e.Kind))
			if err != nil {
				return err
			}
			if err := countRemovals(ctx, tx, e.UserID, n); err != nil {
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
func (d *DB) RenameEnrollment(ctx context.Context, userID, enrollmentID, name string, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `UPDATE enrollments SET name = $3
		WHERE id = $1 AND user_id = $2 AND removed IS NULL`, enrollmentID, userID, name)
	return d.fail(found(changed, err), "rename enrollment")
}

// erase removes the live enrollments that meet a condition, whose arguments begin at $2, and says how
// many they were. What must not be found or proved again goes; that it was there stays.
func erase(ctx context.Context, tx *sql.Tx, at time.Time, condition string, args ...any) (int64, error) {
	return exec(ctx, tx, `UPDATE enrollments SET removed = $1, secret = NULL, code = NULL, handle = NULL
		WHERE removed IS NULL AND `+condition, append([]any{when(at)}, args...)...)
}

// countRemovals counts n factors that were taken from a person.
func countRemovals(ctx context.Context, tx *sql.Tx, userID string, n int64) error {
	if n == 0 {
		return nil
	}
	_, err := exec(ctx, tx, `UPDATE users SET removals = removals + $2 WHERE id = $1`, userID, n)
	return err
}

// RemoveEnrollment implements login.Removals.
func (d *DB) RemoveEnrollment(ctx context.Context, userID, enrollmentID string, at time.Time, keep []factors.Kind, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		n, err := erase(ctx, tx, at, `id = $2 AND user_id = $3`, enrollmentID, userID)
		if err := found(n > 0, err); err != nil {
			return err
		}
		if len(keep) > 0 {
			args := []any{userID}
			for _, k := range keep {
				args = append(args, string(k))
			}
			left, err := one(ctx, tx, number, `SELECT count(*) FROM enrollments
				WHERE user_id = $1 AND removed IS NULL AND kind IN `+in(2, len(keep)), args...)
			if err != nil {
				return err
			}
			if left == 0 {
				return storage.ErrConflict
			}
		}
		if err := countRemovals(ctx, tx, userID, n); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "remove enrollment")
}

// sinceNow makes worthless, in an UPDATE of users, what was proved before $2. It never moves back.
const sinceNow = `since = CASE WHEN since > $2 THEN since ELSE $2 END, updated = $2, version = version + 1`

// ResetFactors takes every factor from a person as RemoveEnrollment does, makes worthless what was
// proved before at, ends every session, revokes every grant, also those with offline_access, and
// forgets the failures at every kind of proof, the default method, and every mail code, ticket and link
// that is still open. It says how many factors there were; the trail is written also when there was
// none, and its links are good. ErrNotFound: the person is gone.
func (d *DB) ResetFactors(ctx context.Context, userID string, at time.Time, trail storage.Trail) (removed int, err error) {
	trail = d.complete(ctx, trail)
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		changed, err := exec(ctx, tx, `UPDATE users SET default_method = '', `+sinceNow+`
			WHERE id = $1 AND deleted IS NULL`, userID, when(at))
		if err := found(changed > 0, err); err != nil {
			return err
		}
		n, err := erase(ctx, tx, at, `user_id = $2`, userID)
		if err != nil {
			return err
		}
		removed = int(n)
		if err := countRemovals(ctx, tx, userID, n); err != nil {
			return err
		}
		if _, err := shutOut(ctx, tx, userID, "", at); err != nil {
			return err
		}
		if err := endMailCodes(ctx, tx, userID, at); err != nil {
			return err
		}
		for _, open := range []string{`tickets WHERE user_id = $1`, `links WHERE user_id = $1 AND finished IS NULL`} {
			if _, err := exec(ctx, tx, `DELETE FROM `+open, userID); err != nil {
				return err
			}
		}
		if err := clearAttempts(ctx, tx, userID, login.AttemptKinds()...); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return removed, d.fail(err, "reset factors")
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
func (d *DB) ReplaceRecovery(ctx context.Context, e factors.Enrollment, proved time.Time, trail storage.Trail) error {
	hash := d.keys.Hash(recoveryPurpose, string(e.Secret))
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUserSince(ctx, tx, e.UserID, proved); err != nil {
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
	hashes := d.hashes(recoveryPurpose, code)
	trail := d.complete(ctx, storage.TrailOf(ctx))
	err = d.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
		enrollmentID, err = one(ctx, tx, text, `
			UPDATE enrollments SET removed = $2, last_used = $2, code = NULL
			WHERE user_id = $1 AND kind = 'recovery' AND removed IS NULL AND code IN `+in(3, len(hashes))+`
			RETURNING id`, append([]any{userID, when(at)}, hashes...)...)
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
