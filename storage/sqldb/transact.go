package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vsee/vseeid/storage"
)

// tries is how often a statement or a transaction is begun that nothing came of: a deadlock, a
// connection that was dead before anything was sent.
const tries = 5

type inTransaction struct{}

// transact runs fn in a transaction: committed when fn returns nil, rolled back when it returns an
// error or panics. Where the database asks for it, everything is run again from the start: fn has
// to be free of other effects, and to assign, not append, what it hands out. It refuses to be called
// from within itself, as the inner one would commit on its own.
func (d *DB) transact(ctx context.Context, fn func(ctx context.Context, tx *sql.Tx) error) error {
	if err := d.outside(ctx); err != nil {
		return err
	}
	inner := context.WithValue(ctx, inTransaction{}, d)
	return d.retry(ctx, func() error {
		tx, err := d.writer.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		done := false
		defer func() {
			if !done { // fn panicked
				_ = tx.Rollback() // the panic is what is reported
			}
		}()
		err = fn(inner, tx)
		done = true
		if err != nil {
			if undo := tx.Rollback(); undo != nil && !errors.Is(undo, sql.ErrTxDone) {
				return errors.Join(err, undo)
			}
			return err
		}
		return tx.Commit()
	})
}

// outside refuses what would be committed on its own while a transaction is under way.
func (d *DB) outside(ctx context.Context) error {
	if ctx.Value(inTransaction{}) == d {
		return errors.New("a transaction within a transaction")
	}
	return nil
}

// retry runs fn again while the database says that nothing came of it and that it may work now.
func (d *DB) retry(ctx context.Context, fn func() error) error {
	for try := 1; ; try++ {
		err := fn()
		if err == nil {
			return nil
		}
		switch d.dialect.kind(err) {
		case again:
		case readOnly:
			d.pool.Reset() // all of it is connected to what has become a standby
		default:
			return err
		}
		if try == tries {
			return err
		}
		pause := time.NewTimer(rand.N(10 * time.Millisecond << try))
		select {
		case <-ctx.Done():
			pause.Stop()
			return errors.Join(ctx.Err(), err)
		case <-pause.C:
		}
	}
}

// change runs one conditional write and, if it changed a row, leaves the trail with it. It reports
// whether it did. The write must have no RETURNING.
//
// On PostgreSQL the write and the trail are one statement, so that they cost one round trip; on
// SQLite, where there are none, they are a transaction.
func (d *DB) change(ctx context.Context, trail storage.Trail, query string, args ...any) (bool, error) {
	if err := d.outside(ctx); err != nil {
		return false, err
	}
	trail = d.complete(ctx, trail)
	var changed int64
	if !d.dialect.chains {
		err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) (err error) {
			if changed, err = exec(ctx, tx, query, args...); err != nil || changed == 0 {
				return err
			}
			return d.leave(ctx, tx, trail)
		})
		return changed > 0, err
	}
	query = "WITH change AS (" + query + " RETURNING 1)"
	for i, e := range trail.Events {
		query += fmt.Sprintf(", event%d AS (%s WHERE EXISTS (SELECT 1 FROM change))", i, insertEvent(len(args)+1))
		args = append(args, eventArgs(e)...)
	}
	for i, m := range trail.Mails {
		sealed, err := d.mailArgs(m)
		if err != nil {
			return false, err
		}
		query += fmt.Sprintf(", mail%d AS (%s WHERE EXISTS (SELECT 1 FROM change))", i, insertMail(len(args)+1))
		args = append(args, sealed...)
	}
	for i, l := range trail.Links {
		hashed, err := d.linkArgs(l)
		if err != nil {
			return false, err
		}
		query += fmt.Sprintf(", link%d AS (%s WHERE EXISTS (SELECT 1 FROM change))", i, insertLink(len(args)+1))
		args = append(args, hashed...)
	}
	query += " SELECT count(*) FROM change"
	err := d.retry(ctx, func() (err error) {
		changed, err = one(ctx, d.writer, number, query, args...)
		return err
	})
	return changed > 0, err
}

// fail says what err is about, and turns what the database says of keys into the errors of storage.
func (d *DB) fail(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	switch d.dialect.kind(err) {
	case taken:
		err = storage.ErrConflict
	case dangling, unheld:
		err = storage.ErrNotFound
	}
	return fmt.Errorf("sqldb: "+format+": %w", append(args, err)...)
}
