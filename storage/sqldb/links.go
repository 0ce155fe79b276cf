package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// linkPurpose is the purpose under which the tokens of links are hashed.
const linkPurpose = "link"

// insertLink is the text that inserts one link whose arguments begin at $first.
func insertLink(first int) string {
	return `INSERT INTO links (token, user_id, enrollment_id, at, expires) SELECT ` + strings.Trim(in(first, 5), "()")
}

func (d *DB) linkArgs(l storage.Link) ([]any, error) {
	if l.Token == "" {
		return nil, errors.New("links: a link without a token is one that anybody has")
	}
	return []any{d.keys.Hash(linkPurpose, l.Token), l.UserID, maybe(l.EnrollmentID), when(l.At), when(l.Expires)}, nil
}

// Link implements login.Links.
func (d *DB) Link(ctx context.Context, token string) (login.Link, error) {
	l, err := d.link(ctx, d.reader, token)
	return l, d.fail(err, "link")
}

func (d *DB) link(ctx context.Context, q queryer, token string) (login.Link, error) {
	hashes := d.hashes(linkPurpose, token)
	return one(ctx, q, func(r row) (l login.Link, err error) {
		err = r.Scan(&l.UserID, optional{&l.EnrollmentID}, instant{&l.At}, instant{&l.Expires}, instant{&l.Pressed}, &l.PasswordHash, instant{&l.Finished})
		return l, err
	}, `SELECT user_id, enrollment_id, at, expires, pressed, password_hash, finished FROM links WHERE token IN `+in(1, len(hashes)), hashes...)
}

// advanceLink notes a step of a link, if it meets the condition at $1. ErrConflict: it does not.
func (d *DB) advanceLink(ctx context.Context, tx *sql.Tx, token, set, condition string, at time.Time) error {
	hashes := d.hashes(linkPurpose, token)
	n, err := exec(ctx, tx, `UPDATE links SET `+set+` = $1 WHERE expires > $1 AND `+condition+` AND token IN `+in(2, len(hashes)),
		append([]any{when(at)}, hashes...)...)
	if err == nil && n == 0 {
		err = storage.ErrConflict
	}
	return err
}

// dropLinks makes worthless the links of a person that are not finished. It comes before a trail is left,
// whose link is of the change itself and good.
func dropLinks(ctx context.Context, tx *sql.Tx, userID string) error {
	_, err := exec(ctx, tx, `DELETE FROM links WHERE user_id = $1 AND finished IS NULL`, userID)
	return err
}

// keepPassword keeps with a link the hash of the password that its person has or, where another link
// took that away already, what was kept with that one.
func (d *DB) keepPassword(ctx context.Context, tx *sql.Tx, token, userID string) error {
	hashes := d.hashes(linkPurpose, token)
	_, err := exec(ctx, tx, `UPDATE links SET password_hash = (SELECT CASE WHEN u.password_hash <> '' THEN u.password_hash
			ELSE coalesce((SELECT max(other.password_hash) FROM links other WHERE other.user_id = u.id), '') END
			FROM users u WHERE u.id = $1)
		WHERE token IN `+in(2, len(hashes)), append([]any{userID}, hashes...)...)
	return err
}

// Repudiate implements login.Links. ErrNotFound: no such token, or the person is gone.
func (d *DB) Repudiate(ctx context.Context, token string, undo, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, err := d.link(ctx, tx, token)
		if err != nil {
			return err
		}
		if err := lockUser(ctx, tx, l.UserID); err != nil {
			return err
		}
		if err := d.keepPassword(ctx, tx, token, l.UserID); err != nil {
			return err
		}
		n, err := exec(ctx, tx, `UPDATE users SET password_hash = '', passwords = passwords + 1, password_set = NULL,
			password_mail = NULL, `+sinceNow+`
			WHERE id = $1 AND deleted IS NULL`, l.UserID, when(at))
		if err := found(n > 0, err); err != nil {
			return err
		}
		if err := d.advanceLink(ctx, tx, token, "pressed", "pressed IS NULL", at); err != nil {
			return err
		}
		if !undo.IsZero() {
			if _, err := erase(ctx, tx, at, `user_id = $2 AND created > $3`, l.UserID, when(undo)); err != nil {
				return err
			}
			if _, err := eraseLoneRecovery(ctx, tx, l.UserID, at); err != nil {
				return err
			}
		}
		if _, err := shutOut(ctx, tx, l.UserID, "", at); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "repudiate")
}

// Renew implements login.Links. ErrNotFound: no such token, or the person is gone.
func (d *DB) Renew(ctx context.Context, token, hash string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		l, err := d.link(ctx, tx, token)
		if err != nil {
			return err
		}
		n, err := exec(ctx, tx, `UPDATE users SET password_hash = $3, passwords = passwords + 1, password_set = $2, password_mail = $2,
			updated = $2, version = version + 1 WHERE id = $1 AND deleted IS NULL`, l.UserID, when(at), hash)
		if err := found(n > 0, err); err != nil {
			return err
		}
		if err := d.advanceLink(ctx, tx, token, "password_hash = '', finished", "pressed IS NOT NULL AND finished IS NULL", at); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, l.UserID, factors.Password, factors.Email); err != nil {
			return err
		}
		if _, err := shutOut(ctx, tx, l.UserID, "", at); err != nil {
			return err
		}
		if err := dropLinks(ctx, tx, l.UserID); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "renew password")
}
