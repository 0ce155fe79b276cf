package memory

import (
	"context"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// CreateTransaction implements login.Transactions. ErrConflict: the id is taken.
func (s *Store) CreateTransaction(_ context.Context, tx login.Transaction) error {
	r, err := transaction(tx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.create(key{transactionKind, tx.ID}, r, s.now())
}

// Transaction implements login.Transactions.
func (s *Store) Transaction(_ context.Context, id string) (login.Transaction, error) {
	s.mu.Lock()
	r, err := s.find(key{transactionKind, id}, s.now())
	s.mu.Unlock()
	if err != nil {
		return login.Transaction{}, err
	}
	return decode[login.Transaction](r.value)
}

// SwapTransaction implements login.Transactions.
func (s *Store) SwapTransaction(_ context.Context, tx login.Transaction) error {
	old := tx.Version
	tx.Version++
	r, err := transaction(tx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{transactionKind, tx.ID}
	if err := s.at(k, old); err != nil {
		return err
	}
	s.put(k, r)
	return nil
}

// TakeTransaction implements login.Transactions.
func (s *Store) TakeTransaction(_ context.Context, id string, version int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{transactionKind, id}
	if err := s.at(k, version); err != nil {
		return err
	}
	s.remove(k)
	return nil
}

// at says why the record is not there at version. s.mu is held.
func (s *Store) at(k key, version int64) error {
	r, err := s.find(k, s.now())
	if err == nil && r.version != version {
		return storage.ErrConflict
	}
	return err
}

func transaction(tx login.Transaction) (record, error) {
	value, err := encode(tx)
	return record{value: value, version: tx.Version, expires: tx.Expires}, err
}
