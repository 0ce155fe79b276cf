package storagetest

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op"
)

// ShortStore is what a short-lived store is to everybody who uses one.
type ShortStore interface {
	login.Transactions
	op.Codes
	limit.Source
}

// Short holds a short-lived store to its contract. open returns a store that reads the time from
// now; it may be one that other tests use too, because every id here is random.
func Short(t *testing.T, open func(t *testing.T, now func() time.Time) ShortStore) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, short)
	}{
		{"TransactionRoundTrip", transactionRoundTrip},
		{"TransactionKeeps", transactionKeeps},
		{"TransactionSwap", transactionSwap},
		{"TransactionTake", transactionTake},
		{"TransactionExpiry", transactionExpiry},
		{"TransactionIsolation", transactionIsolation},
		{"T05_TransactionRace", transactionRace},
		{"CodeRoundTrip", codeRoundTrip},
		{"CodeOnce", codeOnce},
		{"CodeExpiry", codeExpiry},
		{"P10_CodeRace", codeRace},
		{"Request", request},
		{"RequestExpiry", requestExpiry},
		{"KindsApart", kindsApart},
		{"Rate", rate},
		{"RateDecisions", rateDecisions},
		{"RateRace", rateRace},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &clock{at: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
			test.run(t, short{open(t, c.now), c})
		})
	}
}

// short is a store under test and the clock that it reads.
type short struct {
	ShortStore
	*clock
}

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// contenders is how many take part in a race.
const contenders = 50

// race releases n calls of f together and returns what each of them returned.
func race(n int, f func(i int) error) []error {
	var ready, finished sync.WaitGroup
	start := make(chan struct{})
	errs := make([]error, n)
	for i := range n {
		ready.Add(1)
		finished.Go(func() {
			ready.Done()
			<-start
			errs[i] = f(i)
		})
	}
	ready.Wait()
	close(start)
	finished.Wait()
	return errs
}

// wantOneWinner checks that one call returned nil and every other one of the given errors.
func wantOneWinner(t *testing.T, errs []error, others ...error) {
	t.Helper()
	winners := 0
	for _, err := range errs {
		lost := false
		for _, other := range others {
			lost = lost || errors.Is(err, other)
		}
		switch {
		case err == nil:
			winners++
		case !lost:
			t.Errorf("a loser got %v, want one of %v", err, others)
		}
	}
	if winners != 1 {
		t.Errorf("%d of %d won, want 1", winners, len(errs))
	}
}

func wantErr(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: got error %v, want %v", what, got, want)
	}
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// wantSame checks that a value came back exactly: nil as nil, empty as empty, UTC as UTC.
func wantSame(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s came back changed (-want +got):\n%s", what, cmp.Diff(want, got))
	}
}

// filled returns a T of which no field is zero, so that a field which is added to a type is
// tested from then on. Times are in UTC, with nanoseconds.
func filled[T any](at time.Time) T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), at)
	return v
}

func fill(v reflect.Value, at time.Time) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(at.Add(123456789)))
		return
	}
	if v.Type() == reflect.TypeFor[json.RawMessage]() {
		v.SetBytes([]byte(`{"n":[1,"` + rand.Text() + ` ü"]}`))
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, at)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), at)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i), at)
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.String:
		v.SetString(rand.Text() + "<&>\"\\\x00 ü 漢")
	case reflect.Uint8:
		v.SetUint(255)
	case reflect.Int, reflect.Int64:
		v.SetInt(1<<53 + 1) // more than a float holds
	default:
		panic("a stored type has a field of a kind that this suite does not know: " + v.Type().String())
	}
}

// emptied makes every slice of a struct empty but not nil.
func emptied[T any](v T) T {
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for _, field := range v.Fields() {
				if field.CanSet() {
					walk(field)
				}
			}
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
	}
	walk(reflect.ValueOf(&v).Elem())
	return v
}

// scribble overwrites what a value refers to, as a careless caller would.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for _, field := range v.Fields() {
			scribble(field)
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			v.Index(i).SetZero()
		}
	}
}
