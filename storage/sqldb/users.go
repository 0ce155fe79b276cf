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

const userColumns = `u.id, u.email, u.email_verified, coalesce(u.email_set, u.created), u.name, u.locale, u.password_hash, u.passwords, u.password_set, u.password_mail,
	u.default_method, u.since, u.shut_out, u.kept, u.changes, u.disabled, u.created, u.updated, u.version`

func userTargets(u *login.User) []any {
	return []any{
		&u.ID, &u.Email, &u.EmailVerified,
		instant{&u.EmailSet},
		&u.Name, &u.Locale, &u.PasswordHash, &u.Passwords,
		instant{&u.PasswordSet},
		instant{&u.PasswordMail},
		&u.Default,
		instant{&u.Since},
		instant{&u.ShutOut},
		&u.Kept,
		&u.Changes,
		instant{&u.Disabled},
		instant{&u.Created},
		instant{&u.Updated},
		&u.Version,
	}
}

func scanUser(r row) (u login.User, err error) {
	err = r.Scan(userTargets(&u)...)
	return u, err
}

// UserByEmail implements login.People.
func (d *DB) UserByEmail(ctx context.Context, email string) (login.User, error) {
	u, err := one(ctx, d.reader, scanUser, `SELECT `+userColumns+` FROM users u
		WHERE u.email = $1 AND u.deleted IS NULL`, email)
	return u, d.fail(err, "person by mail address")
}

// User implements login.People.
func (d *DB) User(ctx context.Context, id string) (login.User, error) {
	u, err := one(ctx, d.reader, scanUser, `SELECT `+userColumns+` FROM users u
		WHERE u.id = $1 AND u.deleted IS NULL`, id)
	return u, d.fail(err, "person")
}

// ListUsers lists the people who are not deleted, by id.
func (d *DB) ListUsers(ctx context.Context, page storage.Page) ([]login.User, error) {
	out, err := all(ctx, d.reader, scanUser, `SELECT `+userColumns+` FROM users u
		WHERE u.id > $1 AND u.deleted IS NULL ORDER BY u.id LIMIT $2`, page.After, page.Rows())
	return out, d.fail(err, "people")
}

// CreateUser inserts u, whose mail address is as old as the account. Its Version is ignored, and so is what
// only the methods for it move: EmailSet, the default method, Passwords, PasswordMail, Since, ShutOut and Changes. ErrConflict: the id was given before, or another
// person has the mail address.
func (d *DB) CreateUser(ctx context.Context, u login.User, trail storage.Trail) error {
	if err := address(u.Email); err != nil {
		return err
	}
	_, err := d.change(ctx, trail, `
		INSERT INTO users (id, email, email_verified, email_set, name, locale, password_hash, password_set, disabled, created, updated, version)
		VALUES ($1, $2, $3, $9, $4, $5, $6, $7, $8, $9, $10, 1)`,
		u.ID, u.Email, u.EmailVerified, u.Name, u.Locale, u.PasswordHash, when(u.PasswordSet), when(u.Disabled),
		when(u.Created), when(u.Updated))
	return d.fail(err, "create person")
}

// address refuses what would let one mailbox belong to two people.
func address(email string) error {
	if email == "" || email != strings.ToLower(email) || email != strings.TrimSpace(email) {
		return errors.New("sqldb: the mail address of a person has to be in lower case and without space around it")
	}
	return nil
}

// UpdateUser replaces mail address, name and locale of the person whose version is still u.Version,
// at u.Updated, and with another address or verification EmailSet. The other fields have methods of their
// own. Where the mailbox is not the person's any
// more, the links that it was sent and the code that is on its way to it are worthless; those of trail are
// good. ErrConflict: the version has changed since it was read, or another person has the mail address.
// ErrNotFound: the person is gone.
func (d *DB) UpdateUser(ctx context.Context, u login.User, trail storage.Trail) error {
	if err := address(u.Email); err != nil {
		return err
	}
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		was, err := one(ctx, tx, scanMailbox, `UPDATE users SET version = version + 1
			WHERE id = $1 AND version = $2 AND deleted IS NULL RETURNING email, email_verified`, u.ID, u.Version)
		if err != nil {
			return err
		}
		is := mailbox{u.Email, u.EmailVerified}
		if _, err := exec(ctx, tx, `UPDATE users SET email = $2, email_verified = $3, name = $4, locale = $5, updated = $6,
				email_set = CASE WHEN $7 THEN $6 ELSE email_set END,
				changes = changes + CASE WHEN $7 THEN 1 ELSE 0 END WHERE id = $1`,
			u.ID, is.address, is.verified, u.Name, u.Locale, when(u.Updated), is != was); err != nil {
			return err
		}
		if is.address != was.address || (was.verified && !is.verified) {
			if err := endMailCodes(ctx, tx, u.ID, u.Updated); err != nil {
				return err
			}
			if err := dropLinks(ctx, tx, u.ID); err != nil {
				return err
			}
		}
		return d.leave(ctx, tx, trail)
	})
	if errors.Is(err, storage.ErrNotFound) {
		err = d.lost(ctx, `SELECT count(*) FROM users WHERE id = $1 AND deleted IS NULL`, u.ID)
	}
	return d.fail(err, "update person")
}

// mailbox is where a person is written to, and whether it is known to be the person's.
type mailbox struct {
	address  string
	verified bool
}

func scanMailbox(r row) (m mailbox, err error) {
	err = r.Scan(&m.address, &m.verified)
	return m, err
}

// SetPassword replaces the password of a person, and forgets the failures at the one before; an
// empty hash takes it away. Whoever knew the old one may be signed in with it, so every session of
// the person ends and every grant is revoked; and may have copied a link, so those that are not finished
// are worthless, but those of trail. ErrNotFound: the person is gone.
func (d *DB) SetPassword(ctx context.Context, userID, hash string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE users SET password_hash = $2, passwords = passwords + 1, password_set = $3, password_mail = NULL,
				updated = $3, version = version + 1 WHERE id = $1 AND deleted IS NULL`, userID, hash, when(at))
		if err := found(n > 0, err); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, userID, factors.Password); err != nil {
			return err
		}
		if _, err := shutOut(ctx, tx, userID, "", at); err != nil {
			return err
		}
		if err := dropLinks(ctx, tx, userID); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "set password")
}

// ChangePassword implements login.Removals.
func (d *DB) ChangePassword(ctx context.Context, p login.NewPassword, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	s := p.Session
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		for _, write := range []struct {
			query string
			args  []any
		}{
			{
				`UPDATE users SET password_hash = $3, passwords = passwords + 1, password_set = $4, password_mail = $5,
				updated = $4, version = version + 1 WHERE id = $1 AND passwords = $2 AND deleted IS NULL AND disabled IS NULL`,
				[]any{s.UserID, p.Old, p.Hash, when(p.At), when(p.Mail)},
			},
			{
				`UPDATE sessions SET cookie = $4, evidence = $5, last_used = $6, version = version + 1
				WHERE id = $1 AND user_id = $2 AND version = $3 AND ended IS NULL`,
				[]any{s.ID, s.UserID, s.Version, d.keys.Hash(cookiePurpose, p.Cookie), document{s.Evidence}, when(s.LastUsed)},
			},
		} {
			n, err := exec(ctx, tx, write.query, write.args...)
			if err != nil {
				return err
			}
			if n == 0 {
				return storage.ErrConflict
			}
		}
		if err := clearAttempts(ctx, tx, s.UserID, factors.Password, factors.Email); err != nil {
			return err
		}
		if _, err := endSessions(ctx, tx, s.UserID, s.ID, p.At); err != nil {
			return err
		}
		if _, err := revokeGrants(ctx, tx, s.UserID, "", p.At); err != nil {
			return err
		}
		if err := dropLinks(ctx, tx, s.UserID); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "change password")
}

// SetDefault implements login.Removals. ErrNotFound: the person is gone.
func (d *DB) SetDefault(ctx context.Context, userID string, k factors.Kind, on login.Grounds, at time.Time, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `UPDATE users SET default_method = $2, updated = $3, version = version + 1
		WHERE id = $1 AND `+stands(4), append([]any{userID, string(k), when(at)}, groundsArgs(on)...)...)
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM users WHERE id = $1 AND deleted IS NULL`, userID)
	}
	return d.fail(err, "set default method")
}

// found turns a write that changed nothing into storage.ErrNotFound.
func found(changed bool, err error) error {
	if err == nil && !changed {
		return storage.ErrNotFound
	}
	return err
}

// UpgradePassword implements login.People.
func (d *DB) UpgradePassword(ctx context.Context, userID, old, upgraded string) error {
	changed, err := d.change(ctx, storage.Trail{}, `UPDATE users SET password_hash = $3
		WHERE id = $1 AND password_hash = $2 AND deleted IS NULL`, userID, old, upgraded)
	if err == nil && !changed {
		err = storage.ErrConflict
	}
	return d.fail(err, "upgrade password")
}

// DisableUser keeps a person from signing in, ends every session and revokes every grant, also those
// with offline_access. Disabling twice is no error and leaves no second trail. ErrNotFound: the
// person is gone.
func (d *DB) DisableUser(ctx context.Context, userID string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE users SET disabled = $2, updated = $2, version = version + 1
			WHERE id = $1 AND deleted IS NULL AND disabled IS NULL`, userID, when(at))
		if err != nil {
			return err
		}
		if n == 0 {
			_, err := one(ctx, tx, text, `SELECT id FROM users WHERE id = $1 AND deleted IS NULL`, userID)
			return err
		}
		if _, err := shutOut(ctx, tx, userID, "", at); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "disable person")
}

// EnableUser lets a disabled person sign in again. Enabling twice is no error and leaves no second
// trail. ErrNotFound: the person is gone.
func (d *DB) EnableUser(ctx context.Context, userID string, at time.Time, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `UPDATE users SET disabled = NULL, updated = $2, version = version + 1
		WHERE id = $1 AND deleted IS NULL AND disabled IS NOT NULL`, userID, when(at))
	if err == nil && !changed {
		_, err = one(ctx, d.writer, text, `SELECT id FROM users WHERE id = $1 AND deleted IS NULL`, userID)
	}
	return d.fail(err, "enable person")
}

// DeleteUser erases a person: what identifies the person, every secret, membership and mail, and
// what browsers left. What remains is the id, which is never given again, which kinds of factors
// there were and when, and the audit events. ErrNotFound: the person is gone.
func (d *DB) DeleteUser(ctx context.Context, userID string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The lock first: what follows must not miss a row that is being added.
		email, err := one(ctx, tx, text, `UPDATE users SET version = version + 1 WHERE id = $1 AND deleted IS NULL
			RETURNING email`, userID)
		if err != nil {
			return err
		}
		// Organizations before grants: in the order of DeleteOrg, against deadlocks.
		if _, err := exec(ctx, tx, `UPDATE orgs SET epoch = epoch + 1
			WHERE id IN (SELECT org_id FROM memberships WHERE user_id = $1)`, userID); err != nil {
			return err
		}
		if _, err := shutOut(ctx, tx, userID, "", at); err != nil {
			return err
		}
		for _, query := range []string{
			`UPDATE users SET email = '', email_verified = false, name = '', locale = '', password_hash = '',
				password_set = NULL, password_mail = NULL, default_method = '', deleted = $2, updated = $2 WHERE id = $1`,
			`UPDATE enrollments SET secret = NULL, code = NULL, handle = NULL, name = '', place = '', ip = '', agent = '',
				removed_ip = '', removed_agent = '',
				removed = coalesce(removed, $2) WHERE user_id = $1`,
			`UPDATE sessions SET evidence = '[]', ip = '', agent = '', ended = coalesce(ended, $2) WHERE user_id = $1`,
			`UPDATE grants SET proof = NULL, nonce = '', revoked = coalesce(revoked, $2) WHERE user_id = $1`,
		} {
			if _, err := exec(ctx, tx, query, userID, when(at)); err != nil {
				return err
			}
		}
		for _, table := range []string{"memberships", "user_handles", "mail_codes", "tickets", "links"} {
			if _, err := exec(ctx, tx, `DELETE FROM `+table+` WHERE user_id = $1`, userID); err != nil {
				return err
			}
		}
		if _, err := exec(ctx, tx, `DELETE FROM mails WHERE recipient = $1 OR user_id = $2`, email, userID); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, userID, login.AttemptKinds()...); err != nil { // which Prune would keep for ever
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "delete person")
}
