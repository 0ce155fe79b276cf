package memory

import (
	"bytes"
	"context"
	"time"

	"github.com/vsee/vseeid/op"
)

// SaveCode implements op.Codes. ErrConflict: the code is taken.
func (s *Store) SaveCode(_ context.Context, code string, a op.Authorization, now time.Time) error {
	value, err := encode(a)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.create(key{codeKind, code}, record{value: value, expires: now.Add(op.CodeLifetime)}, now)
}

// TakeCode implements op.Codes.
func (s *Store) TakeCode(_ context.Context, code string, now time.Time) (op.Authorization, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key{codeKind, code}
	r, err := s.find(k, now)
	if err != nil {
		return op.Authorization{}, err
	}
	if r.used {
		return op.Authorization{GrantID: string(r.value)}, op.ErrCodeUsed
	}
	a, err := decode[op.Authorization](r.value)
	if err != nil {
		return op.Authorization{}, err
	}
	s.put(k, record{value: []byte(a.GrantID), used: true, expires: now.Add(op.CodeMemory)})
	return a, nil
}

// SaveRequest implements op.Codes. ErrConflict: the id is taken.
func (s *Store) SaveRequest(_ context.Context, id string, request []byte, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.create(key{requestKind, id}, record{value: bytes.Clone(request), expires: expires}, s.now())
}

// Request implements op.Codes.
func (s *Store) Request(_ context.Context, id string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.find(key{requestKind, id}, s.now())
	return bytes.Clone(r.value), err
}
