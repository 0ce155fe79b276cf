package sqldb

import (
	"context"
	"database/sql"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

const (
	// mailCodePurpose is the purpose under which mailed codes are hashed. A code has few digits, but
	// whoever has the rows and not the key learns nothing from a hash, and the id of the row in it
	// keeps two hashes of one code apart.
	mailCodePurpose = "mail code"

	// ticketPurpose is the purpose under which enrollment tickets are hashed.
	ticketPurpose = "ticket"

	// countMailCodes is for how long mailed codes are counted.
	countMailCodes = 24 * time.Hour
)

func mailCode(codeID, code string) string { return codeID + "\x00" + code }

// KeepMailCode implements emailcode.Store. Codes of one person are kept one after the other. ErrNotFound:
// the person is gone.
func (d *DB) KeepMailCode(ctx context.Context, userID, codeID, code string, at, expires time.Time, admit func(sent []time.Time) error) error {
	var refused error
	hash := d.keys.Hash(mailCodePurpose, mailCode(codeID, code))
	trail := d.complete(ctx, storage.TrailOf(ctx))
	var mail string
	if n := len(trail.Mails); n > 0 {
		mail = trail.Mails[n-1].ID
	}
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		sent, err := all(ctx, tx, moment, `SELECT created FROM mail_codes WHERE user_id = $1 AND created > $2
			ORDER BY created`, userID, when(at.Add(-countMailCodes)))
		if err != nil {
			return err
		}
		if refused = admit(sent); refused != nil {
			return refused
		}
		if err := endMailCodes(ctx, tx, userID, at); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `INSERT INTO mail_codes (id, user_id, code, mail, tries, created, expires)
			VALUES ($1, $2, $3, $4, 0, $5, $6)`, codeID, userID, hash, maybe(mail), when(at), when(expires)); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	if refused != nil {
		return refused
	}
	return d.fail(err, "keep mail code")
}

// endMailCodes makes worthless the mailed code that a person still has, and gives its mail up if that is
// still to be sent. That the code was made still counts.
func endMailCodes(ctx context.Context, tx *sql.Tx, userID string, at time.Time) error {
	if _, err := exec(ctx, tx, `UPDATE mails SET given_up = $2, reason = 'replaced' WHERE sent IS NULL AND given_up IS NULL
		AND id = (SELECT mail FROM mail_codes WHERE user_id = $1 AND ended IS NULL)`, userID, when(at)); err != nil {
		return err
	}
	_, err := exec(ctx, tx, `UPDATE mail_codes SET ended = $2 WHERE user_id = $1 AND ended IS NULL`, userID, when(at))
	return err
}

// BurnMailCode uses up a mailed code of a person: of any number of callers with the right code one
// gets nil, and the trail of ctx is written for that one. Each call is a try, counted before code is
// looked at; of one code there are no more than tries. ErrConflict: it is not the code. ErrNotFound:
// the code was used, replaced or tried too often, or is too old.
func (d *DB) BurnMailCode(ctx context.Context, userID, codeID, code string, tries int, at time.Time) error {
	const live = ` WHERE id = $1 AND user_id = $2 AND ended IS NULL AND expires > $3`
	var hash []byte
	err := d.retry(ctx, func() (err error) {
		hash, err = one(ctx, d.writer, blob, `UPDATE mail_codes SET tries = tries + 1`+live+` AND tries < $4 RETURNING code`,
			codeID, userID, when(at), tries)
		return err
	})
	if err != nil {
		return d.fail(err, "count a try of a mail code")
	}
	if !d.keys.Matches(hash, mailCodePurpose, mailCode(codeID, code)) {
		return d.fail(storage.ErrConflict, "burn mail code")
	}
	changed, err := d.change(ctx, storage.TrailOf(ctx), `UPDATE mail_codes SET ended = $3`+live, codeID, userID, when(at))
	return d.fail(found(changed, err), "burn mail code")
}

// CreateTicket makes code the one enrollment ticket of a person, and forgets the failures at tickets; the
// one before it is worthless from then on. ErrNotFound: the person is gone.
func (d *DB) CreateTicket(ctx context.Context, userID, code string, at, expires time.Time, trail storage.Trail) error {
	hash := d.keys.Hash(ticketPurpose, code)
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := lockUser(ctx, tx, userID); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `INSERT INTO tickets (user_id, code, created, expires) VALUES ($1, $2, $3, $4)
			ON CONFLICT (user_id) DO UPDATE SET code = excluded.code, created = excluded.created, expires = excluded.expires, used = NULL`,
			userID, hash, when(at), when(expires)); err != nil {
			return err
		}
		if err := clearAttempts(ctx, tx, userID, factors.Ticket); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "create ticket")
}

// BurnTicket implements login.Tickets.
func (d *DB) BurnTicket(ctx context.Context, userID, code string, at time.Time, trail storage.Trail) error {
	hashes := d.hashes(ticketPurpose, code)
	changed, err := d.change(ctx, trail, `UPDATE tickets SET used = $2
		WHERE user_id = $1 AND used IS NULL AND expires > $2 AND code IN `+in(3, len(hashes)),
		append([]any{userID, when(at)}, hashes...)...)
	return d.fail(found(changed, err), "burn ticket")
}
