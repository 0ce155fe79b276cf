package sqldb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/storage"
)

const mailColumns = `id, recipient, subject, sealed_subject, body, created, not_after, tries, user_id`

// insertMail is the text that inserts one mail whose arguments begin at $first.
func insertMail(first int) string {
	return `INSERT INTO mails (` + mailColumns + `, due, reason) SELECT ` + strings.Trim(in(first, 11), "()")
}

func (d *DB) mailArgs(m storage.Mail) ([]any, error) {
	body, err := d.keys.Seal([]byte(m.Text), "mail:"+m.ID)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	subject, err := d.keys.Seal([]byte(m.Subject), "mail subject:"+m.ID)
	if err != nil {
		return nil, fmt.Errorf("outbox: %w", err)
	}
	return []any{m.ID, m.To, "", subject, body, when(m.At), when(m.Expires), 0, maybe(m.UserID), when(m.At), ""}, nil
}

// sealedMail is a row of mails. What is sealed is in subject and body.
type sealedMail struct {
	storage.Mail
	subject, body []byte
}

func scanMail(r row) (m sealedMail, err error) {
	return m, r.Scan(&m.ID, &m.To, &m.Subject, &m.subject, &m.body, instant{&m.At}, instant{&m.Expires}, &m.Tries, optional{&m.UserID})
}

func (d *DB) openMail(m sealedMail) (storage.Mail, error) {
	text, err := d.keys.Open(m.body, "mail:"+m.ID)
	if err != nil {
		return m.Mail, err
	}
	m.Text = string(text)
	if m.subject == nil {
		return m.Mail, nil // its subject was never sealed
	}
	plain, err := d.keys.Open(m.subject, "mail subject:"+m.ID)
	m.Subject = string(plain)
	return m.Mail, err
}

const (
	// unreadableRest is how long a mail is left alone that does not open: the key that it was sealed
	// with may be on its way to this instance.
	unreadableRest = 10 * time.Minute
	// unreadableTries is how often it is looked at before it is given up: for about a day.
	unreadableTries = 150
)

// ClaimMails takes up to n mails that are due: first those that expire, and the oldest first of
// either, as they are returned. They are the caller's until now+lease, and then due again, should the caller have been
// lost. No two callers get the same one. Tries counts this one in. A mail that is past its end is
// given up instead. One that does not open, because its key is missing or it is damaged, is put off
// and in the end given up; the error tells of it, and the other mails are returned beside it.
func (d *DB) ClaimMails(ctx context.Context, n int, now time.Time, lease time.Duration) ([]storage.Mail, error) {
	if _, err := d.change(ctx, storage.Trail{}, `UPDATE mails SET given_up = $1, reason = 'expired'
		WHERE sent IS NULL AND given_up IS NULL AND due <= $1 AND not_after <= $1`, when(now)); err != nil {
		return nil, d.fail(err, "give up mails")
	}
	var rows []sealedMail
	err := d.retry(ctx, func() (err error) {
		rows, err = all(ctx, d.writer, scanMail, `
			WITH claimed AS MATERIALIZED (
				SELECT id FROM mails WHERE sent IS NULL AND given_up IS NULL AND due <= $2 AND (not_after IS NULL OR not_after > $2)
				ORDER BY not_after IS NULL, due, id LIMIT $3`+d.dialect.skip+`)
			UPDATE mails SET due = $1, tries = tries + 1 WHERE id IN (SELECT id FROM claimed)
			RETURNING `+mailColumns,
			when(now.Add(lease)), when(now), n)
		return err
	})
	if err != nil {
		return nil, d.fail(err, "claim mails")
	}
	var claimed []storage.Mail
	var unreadable []error
	for _, row := range rows {
		m, err := d.openMail(row)
		if err == nil {
			claimed = append(claimed, m)
			continue
		}
		retryAt := now.Add(unreadableRest)
		if m.Tries >= unreadableTries {
			retryAt = time.Time{}
		}
		unreadable = append(unreadable, fmt.Errorf("mail %s: %w", m.ID, err), d.MailFailed(ctx, m.ID, retryAt, "unreadable"))
	}
	// RETURNING has no order.
	slices.SortFunc(claimed, func(a, b storage.Mail) int {
		return cmp.Or(waitedFor(b)-waitedFor(a), a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	})
	return claimed, d.fail(errors.Join(unreadable...), "open claimed mails")
}

// waitedFor is 1 for a mail that expires, and 0 for any other.
func waitedFor(m storage.Mail) int {
	if m.Expires.IsZero() {
		return 0
	}
	return 1
}

// MailSent notes that a claimed mail went out.
func (d *DB) MailSent(ctx context.Context, id string, at time.Time) error {
	changed, err := d.change(ctx, storage.Trail{}, `UPDATE mails SET sent = $2, given_up = NULL, reason = ''
		WHERE id = $1 AND sent IS NULL`, id, when(at))
	if err == nil && !changed {
		err = storage.ErrNotFound
	}
	return d.fail(err, "mail sent")
}

// MailFailed notes that a claimed mail did not go out, and why. It is due again at retryAt, or never
// when that is zero or past the end of the mail. The reason is for the operator and must not quote the mail.
func (d *DB) MailFailed(ctx context.Context, id string, retryAt time.Time, reason string) error {
	now, never := d.now(), retryAt.IsZero()
	if never {
		retryAt = now
	}
	changed, err := d.change(ctx, storage.Trail{}, `UPDATE mails SET due = $2, reason = $4,
			given_up = CASE WHEN $5 OR not_after <= $2 THEN $3 ELSE given_up END
		WHERE id = $1 AND sent IS NULL AND given_up IS NULL`, id, when(retryAt), when(now), reason, never)
	if err == nil && !changed {
		err = storage.ErrNotFound
	}
	return d.fail(err, "mail failed")
}

// MailState implements login.Outbox.
func (d *DB) MailState(ctx context.Context, id string) (storage.MailState, error) {
	state, err := one(ctx, d.reader, text, `SELECT CASE WHEN sent IS NOT NULL THEN $2 WHEN given_up IS NOT NULL THEN $3
		WHEN reason <> '' THEN $4 ELSE $5 END FROM mails WHERE id = $1`, id,
		string(storage.MailSent), string(storage.MailRefused), string(storage.MailDelayed), string(storage.MailWaiting))
	return storage.MailState(state), d.fail(err, "mail state")
}

// Mails lists mails, sent or not, the newest first. It is for the mailbox of development.
func (d *DB) Mails(ctx context.Context, page storage.Page) ([]storage.Mail, error) {
	out, err := all(ctx, d.reader, func(r row) (storage.Mail, error) {
		m, err := scanMail(r)
		if err != nil {
			return storage.Mail{}, err
		}
		return d.openMail(m)
	}, `SELECT `+mailColumns+` FROM mails
		WHERE $1 = '' OR id < $1 ORDER BY id DESC LIMIT $2`, page.After, page.Rows())
	return out, d.fail(err, "mails")
}
