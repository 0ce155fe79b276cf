package sqldb

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// userHandleBytes is how long a WebAuthn user handle is: the most that one may be.
const userHandleBytes = 64

// UserHandle is what authenticators know a person by. It is made when it is first asked for, never
// changes, and ends with the person. ErrNotFound: the person is gone.
func (d *DB) UserHandle(ctx context.Context, userID string) ([]byte, error) {
	const query = `SELECT handle FROM user_handles WHERE user_id = $1`
	handle, err := one(ctx, d.reader, blob, query, userID)
	if errors.Is(err, storage.ErrNotFound) {
		fresh := make([]byte, userHandleBytes)
		rand.Read(fresh)
		_, err = d.change(ctx, storage.Trail{}, `INSERT INTO user_handles (user_id, handle)
			SELECT $1, $2 WHERE EXISTS (SELECT 1 FROM users WHERE id = $1 AND deleted IS NULL`+d.dialect.share+`)
			ON CONFLICT (user_id) DO NOTHING`, userID, fresh)
		if err == nil {
			handle, err = one(ctx, d.writer, blob, query, userID) // mine, or that of who was first
		}
	}
	return handle, d.fail(err, "user handle")
}

// HasUserHandle reports whether a person's UserHandle was ever asked for.
func (d *DB) HasUserHandle(ctx context.Context, userID string) (bool, error) {
	n, err := one(ctx, d.reader, number, `SELECT count(*) FROM user_handles WHERE user_id = $1`, userID)
	return n > 0, d.fail(err, "user handle")
}

// Passkey finds the live enrollment of a credential id. ErrNotFound: there is none, or its person is
// gone.
func (d *DB) Passkey(ctx context.Context, credentialID []byte) (factors.Enrollment, error) {
	e, err := one(ctx, d.reader, d.scanEnrollment, `SELECT `+enrollmentColumns+` FROM enrollments e
		WHERE e.handle = $1 AND e.removed IS NULL`, credentialID)
	return e, d.fail(err, "passkey")
}

// UsePasskey notes a use of a passkey, if its step (the signature counter) is still step: next takes
// its place, and what the ceremony told of the credential that of the secret and the place.
// ErrConflict: another use was first. ErrNotFound: the passkey is gone. The trail is that of ctx.
func (d *DB) UsePasskey(ctx context.Context, enrollmentID string, step, next int64, secret []byte, at time.Time) error {
	sealed, err := d.keys.Seal(secret, sealedBeside(enrollmentID))
	if err != nil {
		return d.fail(err, "use passkey")
	}
	changed, err := d.change(ctx, storage.TrailOf(ctx), `UPDATE enrollments SET step = $3, secret = $4, last_used = $5
		WHERE id = $1 AND step = $2 AND kind = 'passkey' AND removed IS NULL`,
		enrollmentID, step, next, sealed, when(at))
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM enrollments WHERE id = $1 AND kind = 'passkey' AND removed IS NULL`, enrollmentID)
	}
	return d.fail(err, "use passkey")
}

// blob scans a single value of bytes.
func blob(r row) (b []byte, err error) {
	err = r.Scan(&b)
	return b, err
}
