package storagetest

import (
	"crypto/rand"
	"reflect"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// newTransaction is as full as a transaction can be that is kept.
func (s short) newTransaction() login.Transaction {
	tx := kept(filled[login.Transaction](s.now()))
	tx.ID, tx.Version = rand.Text(), 0
	tx.Started, tx.Expires = s.now(), s.now().Add(login.TransactionIdle)
	return tx
}

// kept is what a store keeps of a transaction: all of it but what is read anew for each request. To
// keep that would be to trust it after it was taken back.
func kept(tx login.Transaction) login.Transaction {
	tx.Borrowed, tx.Device, tx.Default, tx.Called = nil, login.Device{}, "", ""
	return tx
}

// transactionKeeps holds that list complete: whatever field a transaction comes to have is filled, and
// has to come back or to be named in kept.
func transactionKeeps(t *testing.T, s short) {
	full := filled[login.Transaction](s.now())
	full.ID, full.Version, full.Expires = rand.Text(), 0, s.now().Add(login.TransactionIdle)
	must(t, "create", s.CreateTransaction(t.Context(), full))
	got, err := s.Transaction(t.Context(), full.ID)
	must(t, "read", err)
	wantSame(t, "a created transaction", got, kept(full))

	next := filled[login.Transaction](s.now())
	next.ID, next.Version, next.Expires = full.ID, 0, full.Expires
	must(t, "swap", s.SwapTransaction(t.Context(), next))
	next.Version = 1
	got, err = s.Transaction(t.Context(), full.ID)
	must(t, "read", err)
	wantSame(t, "a swapped transaction", got, kept(next))
}

func transactionRoundTrip(t *testing.T, s short) {
	full := s.newTransaction()
	full.Version = 7
	empty := login.Transaction{ID: rand.Text(), Expires: full.Expires}
	hollow := kept(emptied(empty))
	hollow.ID, hollow.Demand.MaxAge = rand.Text(), new(time.Duration) // max_age=0 is not "no max_age"

	for name, tx := range map[string]login.Transaction{"full": full, "nil": empty, "empty": hollow} {
		must(t, "create", s.CreateTransaction(t.Context(), tx))
		got, err := s.Transaction(t.Context(), tx.ID)
		must(t, "read", err)
		wantSame(t, name+" transaction", got, tx)
	}

	again := s.newTransaction()
	again.ID = full.ID
	wantErr(t, "create with an id that is taken", s.CreateTransaction(t.Context(), again), storage.ErrConflict)
	got, err := s.Transaction(t.Context(), full.ID)
	must(t, "read", err)
	wantSame(t, "transaction after a second create", got, full)

	_, err = s.Transaction(t.Context(), rand.Text())
	wantErr(t, "read of an unknown one", err, storage.ErrNotFound)
	_, err = s.Transaction(t.Context(), "")
	wantErr(t, "read of no id", err, storage.ErrNotFound)
}

func transactionSwap(t *testing.T, s short) {
	first := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), first))

	second := s.newTransaction()
	second.ID, second.UserID, second.Expires = first.ID, "", first.Expires.Add(time.Minute)
	must(t, "swap", s.SwapTransaction(t.Context(), second))
	second.Version = 1
	got, err := s.Transaction(t.Context(), first.ID)
	must(t, "read", err)
	wantSame(t, "swapped transaction", got, second)

	wantErr(t, "swap of a version that has passed", s.SwapTransaction(t.Context(), first), storage.ErrConflict)
	ahead := second
	ahead.Version = 2
	wantErr(t, "swap of a version to come", s.SwapTransaction(t.Context(), ahead), storage.ErrConflict)
	got, err = s.Transaction(t.Context(), first.ID)
	must(t, "read", err)
	wantSame(t, "transaction after lost swaps", got, second)

	must(t, "swap", s.SwapTransaction(t.Context(), got))
	wantErr(t, "swap of an unknown one", s.SwapTransaction(t.Context(), s.newTransaction()), storage.ErrNotFound)
}

func transactionTake(t *testing.T, s short) {
	tx := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), tx))
	must(t, "swap", s.SwapTransaction(t.Context(), tx))

	wantErr(t, "take of a version that has passed", s.TakeTransaction(t.Context(), tx.ID, 0), storage.ErrConflict)
	must(t, "take", s.TakeTransaction(t.Context(), tx.ID, 1))
	wantErr(t, "second take", s.TakeTransaction(t.Context(), tx.ID, 1), storage.ErrNotFound)
	tx.Version = 1
	wantErr(t, "swap of a taken one", s.SwapTransaction(t.Context(), tx), storage.ErrNotFound)
	_, err := s.Transaction(t.Context(), tx.ID)
	wantErr(t, "read of a taken one", err, storage.ErrNotFound)
	wantErr(t, "take of an unknown one", s.TakeTransaction(t.Context(), rand.Text(), 0), storage.ErrNotFound)
}

func transactionExpiry(t *testing.T, s short) {
	tx := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), tx))
	s.pass(login.TransactionIdle - time.Millisecond)
	tx.Expires = s.now().Add(time.Minute)
	must(t, "swap at the last moment", s.SwapTransaction(t.Context(), tx))
	tx.Version = 1

	s.pass(time.Minute - time.Millisecond)
	_, err := s.Transaction(t.Context(), tx.ID)
	must(t, "read until the end that the swap set", err)

	s.pass(time.Millisecond)
	_, err = s.Transaction(t.Context(), tx.ID)
	wantErr(t, "read of an expired one", err, storage.ErrNotFound)
	later := tx
	later.Expires = s.now().Add(time.Hour)
	wantErr(t, "swap of an expired one", s.SwapTransaction(t.Context(), later), storage.ErrNotFound)
	wantErr(t, "take of an expired one", s.TakeTransaction(t.Context(), tx.ID, 1), storage.ErrNotFound)

	stillborn := s.newTransaction()
	stillborn.Expires = s.now()
	must(t, "create of one that has expired", s.CreateTransaction(t.Context(), stillborn))
	_, err = s.Transaction(t.Context(), stillborn.ID)
	wantErr(t, "read of one that had expired when it was created", err, storage.ErrNotFound)

	ended := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), ended))
	ended.Expires = s.now().Add(-time.Second)
	must(t, "swap to an end that is past", s.SwapTransaction(t.Context(), ended))
	_, err = s.Transaction(t.Context(), ended.ID)
	wantErr(t, "read of one that a swap ended", err, storage.ErrNotFound)
}

// transactionIsolation holds a caller apart from the store: what it does to a value that it gave
// or got changes nothing that is kept.
func transactionIsolation(t *testing.T, s short) {
	tx := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), tx))
	want, err := s.Transaction(t.Context(), tx.ID)
	must(t, "read", err)
	wantSame(t, "transaction", want, tx)

	scribble(reflect.ValueOf(&tx).Elem())
	mine, err := s.Transaction(t.Context(), tx.ID)
	must(t, "read", err)
	scribble(reflect.ValueOf(&mine).Elem())

	got, err := s.Transaction(t.Context(), tx.ID)
	must(t, "read", err)
	wantSame(t, "transaction after its callers wrote into theirs", got, want)
}

func transactionRace(t *testing.T, s short) {
	tx := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), tx))
	wantOneWinner(t, race(contenders, func(int) error {
		return s.SwapTransaction(t.Context(), tx)
	}), storage.ErrConflict)

	wantOneWinner(t, race(contenders, func(int) error {
		return s.TakeTransaction(t.Context(), tx.ID, 1)
	}), storage.ErrNotFound)

	// A swap and a take of the same version exclude each other.
	both := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), both))
	wantOneWinner(t, race(contenders, func(i int) error {
		if i%2 == 0 {
			return s.SwapTransaction(t.Context(), both)
		}
		return s.TakeTransaction(t.Context(), both.ID, 0)
	}), storage.ErrConflict, storage.ErrNotFound)

	born := s.newTransaction()
	wantOneWinner(t, race(contenders, func(int) error {
		return s.CreateTransaction(t.Context(), born)
	}), storage.ErrConflict)
}
