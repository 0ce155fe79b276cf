// Package memory is the short-lived store inside the process: the twin of redisdb for the embedded
// mode and for tests, under the same contract and held to the same conformance suite. It serves
// one instance, and a restart forgets everything, which the contract allows at any time.
package memory

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

var (
	_ login.Transactions = (*Store)(nil)
	_ op.Codes           = (*Store)(nil)
	_ limit.Source       = (*Store)(nil)
)

// ErrFull says that the store has no room for a new record. Nothing that it has is pushed out: a
// flood of new sign-ins does not end those under way, which may go on (and grow a little) also when
// the store is full.
var ErrFull = errors.New("the short-lived store is full")

// Config bounds the store. The zero Config is good.
type Config struct {
	Now      func() time.Time // time.Now where nil
	MaxBytes int              // of records; 64 MiB where 0
	MaxRates int              // 100,000 where 0
}

const (
	defaultMaxBytes = 64 << 20
	defaultMaxRates = 100_000

	// sweepEvery is how often expired records are dropped: rarely enough that a full store does
	// not spend its time looking for room.
	sweepEvery = time.Second

	// overhead is about what a record takes beside its key and its value.
	overhead = 200
)

// Store keeps records in maps. It is safe for concurrent use.
type Store struct {
	now      func() time.Time
	maxBytes int
	maxRates int

	mu      sync.Mutex // guards what follows
	records map[key]record
	bytes   int
	swept   time.Time
	rates   map[string]time.Time // of each key, when all that it spent will have been earned back
}

// key names a record: kinds do not share ids.
type key struct{ kind, id string }

const (
	transactionKind = "transaction"
	codeKind        = "code"
	requestKind     = "request"
)

// record has its value encoded, as Redis would: a caller that changes what it gave or got does not
// change what is kept.
type record struct {
	value   []byte
	version int64
	used    bool // a code that was redeemed; the value is the id of its grant
	expires time.Time
}

// New returns an empty store.
func New(c Config) *Store {
	s := &Store{
		now: c.Now, maxBytes: c.MaxBytes, maxRates: c.MaxRates,
		records: map[key]record{}, rates: map[string]time.Time{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.maxBytes == 0 {
		s.maxBytes = defaultMaxBytes
	}
	if s.maxRates == 0 {
		s.maxRates = defaultMaxRates
	}
	return s
}

// find returns the record, if it lives at now. s.mu is held.
func (s *Store) find(k key, now time.Time) (record, error) {
	r, ok := s.records[k]
	if !ok || !now.Before(r.expires) {
		return record{}, storage.ErrNotFound
	}
	return r, nil
}

// create puts a record where none lives at now. s.mu is held.
func (s *Store) create(k key, r record, now time.Time) error {
	if _, err := s.find(k, now); err == nil {
		return storage.ErrConflict
	}
	s.remove(k)
	s.sweep(now)
	if s.bytes+size(k, r) > s.maxBytes {
		return ErrFull
	}
	s.put(k, r)
	return nil
}

// put and remove keep the count of bytes. s.mu is held.
func (s *Store) put(k key, r record) {
	s.remove(k)
	s.records[k] = r
	s.bytes += size(k, r)
}

func (s *Store) remove(k key) {
	if r, ok := s.records[k]; ok {
		s.bytes -= size(k, r)
		delete(s.records, k)
	}
}

// sweep drops what has expired, unless it has just done so. s.mu is held.
func (s *Store) sweep(now time.Time) {
	if since := now.Sub(s.swept); since >= 0 && since < sweepEvery {
		return
	}
	s.swept = now
	for k, r := range s.records {
		if !now.Before(r.expires) {
			s.remove(k)
		}
	}
	for k, tat := range s.rates {
		if !now.Before(tat) {
			delete(s.rates, k)
		}
	}
}

func size(k key, r record) int { return len(k.kind) + len(k.id) + len(r.value) + overhead }

func encode(v any) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encoding a record: %w", err)
	}
	return b, nil
}

func decode[T any](b []byte) (v T, err error) {
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decoding a record: %w", err)
	}
	return v, nil
}

// Ping answers as redisdb's does when Redis is there: this store cannot be out of reach.
func (s *Store) Ping(context.Context) error { return nil }
