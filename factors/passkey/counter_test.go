package passkey_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
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
