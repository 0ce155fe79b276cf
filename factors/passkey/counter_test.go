package passkey_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

func TestCounter(t *testing.T) {
	w := newWorld(t)
	for _, tc := range []struct {
		what          string
		fresh         func(string) *passkeytest.Authenticator
		stored, given uint32
		next          int64
		err           error
	}{
		{"it rises", passkeytest.New, 5, 6, 6, nil},
		{"it jumps", passkeytest.New, 5, 4294967295, 4294967295, nil},
		{"it stands", passkeytest.New, 5, 5, 5, factors.ErrCloned},
		{"it goes back", passkeytest.New, 5, 4, 5, factors.ErrCloned},
		{"it is gone", passkeytest.New, 5, 0, 5, factors.ErrCloned},
		{"there is none", passkeytest.New, 0, 0, 0, nil},
		{"it begins", passkeytest.New, 0, 1, 1, nil},
		{"of an account, it goes back", passkeytest.NewSynced, 5, 4, 5, nil},
		{"of an account, it is gone", passkeytest.NewSynced, 5, 0, 5, nil},
		{"of an account, it rises", passkeytest.NewSynced, 5, 6, 6, nil},
		{"of an account, there is none", passkeytest.NewSynced, 0, 0, 0, nil},
	} {
		t.Run(tc.what, func(t *testing.T) {
			u, a := w.somebody(t), tc.fresh(origin)
			a.Lies.Counter = &tc.stored
			e := w.setUp(t, u, a)
			a.Lies.Counter = &tc.given
			w.now = w.now.Add(time.Minute)
			_, err := w.prove(t, u, a)
			if !errors.Is(err, tc.err) || tc.err == nil && err != nil {
				t.Errorf("%v, want %v", err, tc.err)
			}
			after := w.only(t, u)
			suspects := 0
			if tc.err == nil && int64(tc.given) < tc.next { // the other refusals are its keeper's to note
				suspects = 1
			}
			if n := w.suspects(t, u); n != suspects {
				t.Errorf("W-03: %d events that there may be two of it, want %d", n, suspects)
			}
			if after.Step != tc.next {
				t.Errorf("it is %d now, want %d", after.Step, tc.next)
			}
			if tc.err != nil {
				if diff := cmp.Diff(e, after); diff != "" {
					t.Errorf("what was refused is written: %s", diff)
				}
			}
		})
	}
}

// suspects is how often it was noted that there may be two of a key of u.
func (w *world) suspects(t testing.TB, u factors.User) int {
	t.Helper()
	events, err := w.db.Events(t.Context(), sqldb.EventFilter{UserID: u.ID, Type: storage.FactorSuspect}, storage.Page{Limit: storage.MaxPage})
	if err != nil {
		t.Fatal(err)
	}
	return len(events)
}

// Two tabs may use one synced passkey at once: the slower is overtaken, which is no reason to suspect it.
func TestOvertakenIsNotSuspected(t *testing.T) {
	w, cloud := newWorld(t), passkeytest.NewSynced(origin)
	counts := uint32(5)
	cloud.Lies.Counter = &counts
	w.setUp(t, w.charlotte, cloud)
	stale := w.enrolled(t, w.charlotte)
	counts = 6
	slow := w.beginChallenge(t, w.charlotte)
	late := used(t, cloud, slow.options)
	counts = 7
	if _, err := w.prove(t, w.charlotte, cloud); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Verify(t.Context(), w.charlotte, stale, slow.state, late); err != nil {
		t.Errorf("the slower: %v", err)
	}
	if n := w.suspects(t, w.charlotte); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestClone(t *testing.T) {
	w, key := newWorld(t), passkeytest.NewKey(origin)
	w.setUp(t, w.charlotte, key)
	copied := key.Clone()
	for range 3 {
		if _, err := w.prove(t, w.charlotte, key); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.prove(t, w.charlotte, copied); !errors.Is(err, factors.ErrCloned) || !errors.Is(err, factors.ErrWrong) {
		t.Errorf("the copy: %v", err)
	}
	if _, err := w.prove(t, w.charlotte, key); err != nil {
		t.Errorf("the first after the copy: %v", err)
	}
}

// What was read before another use is read again: a key is not called a copy of itself.
func TestReadBeforeAnotherUse(t *testing.T) {
	w, key := newWorld(t), passkeytest.NewKey(origin)
	w.setUp(t, w.charlotte, key)
	first, second := w.beginChallenge(t, w.charlotte), w.beginChallenge(t, w.charlotte)
	stale := w.enrolled(t, w.charlotte)
	early, late := used(t, key, first.options), used(t, key, second.options)
	if _, err := w.prove(t, w.charlotte, key); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Verify(t.Context(), w.charlotte, stale, first.state, early); !errors.Is(err, factors.ErrReplayed) {
		t.Errorf("an answer that was overtaken: %v", err)
	}
	third := w.beginChallenge(t, w.charlotte)
	if _, err := w.Verify(t.Context(), w.charlotte, stale, third.state, used(t, key, third.options)); err != nil {
		t.Errorf("an answer that is newer than what was read: %v", err)
	}
	if _, err := w.Verify(t.Context(), w.charlotte, w.enrolled(t, w.charlotte), second.state, late); !errors.Is(err, factors.ErrCloned) {
		t.Errorf("an answer that is older than what was read: %v", err)
	}
}

// Two tabs of one person with one key, at once: both are right, or the slower is overtaken.
func TestUsesAtOnce(t *testing.T) {
	const racers = 20
	w, key := newWorld(t), passkeytest.NewKey(origin)
	w.setUp(t, w.charlotte, key)
	enrolled := w.enrolled(t, w.charlotte)
	var (
		begun   [racers]asked
		answers [racers]factors.Answer
		errs    [racers]error
		all     sync.WaitGroup
	)
	for i := range racers {
		begun[i] = w.beginChallenge(t, w.charlotte)
		answers[i] = used(t, key, begun[i].options)
	}
	for i := range racers {
		all.Go(func() {
			_, errs[i] = w.Verify(t.Context(), w.charlotte, enrolled, begun[i].state, answers[i])
		})
	}
	all.Wait()
	for i, err := range errs {
		if err != nil && !errors.Is(err, factors.ErrReplayed) {
			t.Errorf("%d: %v", i, err)
		}
	}
	if errs[racers-1] != nil {
		t.Errorf("the newest: %v", errs[racers-1])
	}
	if got, want := w.only(t, w.charlotte).Step, int64(key.Keys()[0].Counter); got != want {
		t.Errorf("the counter is %d, want %d", got, want)
	}
}
