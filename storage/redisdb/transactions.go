package redisdb

import (
	"context"
	"errors"
	"strconv"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// CreateTransaction implements login.Transactions. ErrConflict: the id is taken.
func (d *DB) CreateTransaction(ctx context.Context, tx login.Transaction) error {
	sealed, err := transactions.seal(d.keys, tx.ID, tx)
	if err != nil {
		return err
	}
	now := d.now()
	_, err = d.change(ctx, create, []string{d.place(transactionKind, tx.ID)},
		now.UnixMilli(), lifetime(now, tx.Expires),
		"e", tx.Expires.UnixMilli(), "v", tx.Version, "d", sealed)
	return err
}

// Transaction implements login.Transactions.
func (d *DB) Transaction(ctx context.Context, id string) (login.Transaction, error) {
	fields, err := d.read(ctx, d.places(transactionKind, id), "d", "v")
	if err != nil {
		return login.Transaction{}, err
	}
	tx, err := transactions.open(d.keys, id, []byte(fields[0]))
	if err != nil {
		return login.Transaction{}, err
	}
	if strconv.FormatInt(tx.Version, 10) != fields[1] {
		return login.Transaction{}, errors.New("transaction: what Redis has is of another version than it says")
	}
	if !d.now().Before(tx.Expires) {
		return login.Transaction{}, storage.ErrNotFound
	}
	return tx, nil
}

// SwapTransaction implements login.Transactions. The transaction stays where it was created: an
// older master key may have named that place, but the newest seals it.
func (d *DB) SwapTransaction(ctx context.Context, tx login.Transaction) error {
	old := tx.Version
	tx.Version++
	sealed, err := transactions.seal(d.keys, tx.ID, tx)
	if err != nil {
		return err
	}
	now := d.now()
	_, err = d.change(ctx, swap, d.places(transactionKind, tx.ID),
		now.UnixMilli(), lifetime(now, tx.Expires), old,
		"e", tx.Expires.UnixMilli(), "v", tx.Version, "d", sealed)
	return err
}

// TakeTransaction implements login.Transactions.
func (d *DB) TakeTransaction(ctx context.Context, id string, version int64) error {
	_, err := d.change(ctx, take, d.places(transactionKind, id), d.now().UnixMilli(), version)
	return err
}
