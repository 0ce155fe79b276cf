package memory_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/storagetest"
)

func TestShort(t *testing.T) {
	storagetest.Short(t, func(_ *testing.T, now func() time.Time) storagetest.ShortStore {
		return memory.New(memory.Config{Now: now})
	})
}

// TestFull: what is under way outlives a flood, and room comes back with expiry.
func TestFull(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := memory.New(memory.Config{Now: func() time.Time { return now }, MaxBytes: 100_000})
	create := func() (string, error) {
		tx := login.Transaction{ID: rand.Text(), Request: make([]byte, 1000), Expires: now.Add(time.Minute)}
		return tx.ID, s.CreateTransaction(t.Context(), tx)
	}
	first, err := create()
	if err != nil {
		t.Fatal(err)
	}
	made := 1
	for ; err == nil && made < 1000; made++ {
		_, err = create()
	}
	if !errors.Is(err, memory.ErrFull) || made < 20 {
		t.Fatalf("after %d records of a kilobyte: %v, want ErrFull when 100 of them are full", made, err)
	}
	tx, err := s.Transaction(t.Context(), first)
	if err != nil {
		t.Fatalf("the first sign-in was pushed out: %v", err)
	}
	if err := s.SwapTransaction(t.Context(), tx); err != nil {
		t.Fatalf("a sign-in under way cannot go on in a full store: %v", err)
	}
	if err := s.TakeTransaction(t.Context(), first, 1); err != nil {
		t.Fatal(err)
	}
	if _, err := create(); err != nil {
		t.Errorf("there is no room after a take: %v", err)
	}

	now = now.Add(time.Minute)
	for range 40 {
		if _, err := create(); err != nil {
			t.Fatalf("there is no room after everything has expired: %v", err)
		}
	}
}

func TestRatesAreBounded(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := memory.New(memory.Config{Now: func() time.Time { return now }, MaxRates: 10})
	r := limit.Rate{Per: time.Hour, Burst: 1}
	fresh := 0
	for round := range 2 {
		for i := range 100 {
			d, err := s.Allow(t.Context(), fmt.Sprint(i), r, now)
			if err != nil {
				t.Fatal(err)
			}
			if round == 1 && d.Allowed {
				fresh++
			}
		}
	}
	if fresh < 90 {
		t.Errorf("%d of 100 keys were forgotten by a store that may have 10", fresh)
	}
	now = now.Add(time.Hour)
	if d, err := s.Allow(t.Context(), "99", r, now); err != nil || !d.Allowed {
		t.Errorf("a key that has earned its request back: %+v, %v", d, err)
	}
}

func TestNotFoundIsNotFull(t *testing.T) {
	s := memory.New(memory.Config{MaxBytes: 1})
	if _, err := s.Transaction(t.Context(), "x"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("got %v, want ErrNotFound", err)
	}
}
