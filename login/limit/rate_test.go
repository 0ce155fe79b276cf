package limit_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vsee/vseeid/login/limit"
)

func TestRate(t *testing.T) {
	r := limit.Rate{Per: 10 * time.Second, Burst: 3}
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	for _, test := range []struct {
		name string
		rate limit.Rate
		tat  time.Time
		next time.Time
		want limit.Decision
	}{
		{"a first one", r, time.Time{}, at(10), limit.Decision{Allowed: true, Remaining: 2}},
		{"after a long rest", r, at(-1000), at(10), limit.Decision{Allowed: true, Remaining: 2}},
		{"one spent", r, at(10), at(20), limit.Decision{Allowed: true, Remaining: 1}},
		{"one spent, half earned back", r, at(5), at(15), limit.Decision{Allowed: true, Remaining: 1}},
		{"the last", r, at(20), at(30), limit.Decision{Allowed: true, RetryIn: 10 * time.Second}},
		{"the last, a little early", r, at(15), at(25), limit.Decision{Allowed: true, RetryIn: 5 * time.Second}},
		{"none left", r, at(30), at(30), limit.Decision{RetryIn: 10 * time.Second}},
		{"none left, nearly earned", r, at(21), at(21), limit.Decision{RetryIn: time.Second}},
		{"a clock set back", r, at(90000), at(30), limit.Decision{RetryIn: 10 * time.Second}},
		{"no burst", limit.Rate{Per: time.Second, Burst: 1}, time.Time{}, at(1), limit.Decision{Allowed: true, RetryIn: time.Second}},
		{"no rate", limit.Rate{}, at(10), at(10), limit.Decision{}},
		{"no Per", limit.Rate{Burst: 3}, time.Time{}, time.Time{}, limit.Decision{}},
		{"no Burst", limit.Rate{Per: time.Second}, time.Time{}, time.Time{}, limit.Decision{}},
		{"less than none", limit.Rate{Per: -time.Second, Burst: -1}, time.Time{}, time.Time{}, limit.Decision{}},
	} {
		next, got := test.rate.Spend(test.tat, noon)
		if got != test.want || !next.Equal(test.next) {
			t.Errorf("%s: got %v %+v, want %v %+v", test.name, next, got, test.next, test.want)
		}
	}
}

// TestRateNeverExceeded: in every stretch of time no more are allowed than a burst and what the
// stretch earns; what Remaining and RetryIn say comes true; and a refused request costs nothing.
func TestRateNeverExceeded(t *testing.T) {
	const seed = 20261124
	random := rand.New(rand.NewPCG(seed, seed))
	for range 100 {
		r := limit.Rate{Per: time.Duration(1 + random.Int64N(int64(time.Minute))), Burst: 1 + random.IntN(10)}
		var (
			tat     time.Time
			allowed []time.Time
			now     = noon
		)
		for range 200 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(r.Per) * 0.8))
			next, d := r.Spend(tat, now)
			if !d.Allowed {
				if !next.Equal(tat) {
					t.Fatalf("%+v: a refused request moved %v to %v", r, tat, next)
				}
				if _, early := r.Spend(tat, now.Add(d.RetryIn-1)); early.Allowed {
					t.Fatalf("%+v: allowed before RetryIn of %+v", r, d)
				}
				if _, late := r.Spend(tat, now.Add(d.RetryIn)); !late.Allowed {
					t.Fatalf("%+v: refused after RetryIn of %+v", r, d)
				}
				continue
			}
			for i, from := range allowed {
				most := r.Burst + int(now.Sub(from)/r.Per)
				if n := len(allowed) - i + 1; n > most {
					t.Fatalf("%+v: %d were allowed in %v, want at most %d", r, n, now.Sub(from), most)
				}
			}
			allowed, tat = append(allowed, now), next
			wantRemaining(t, r, tat, now, d)
		}
		if next, d := r.Spend(tat, now.Add(r.Whole())); !d.Allowed || d.Remaining != r.Burst-1 {
			t.Fatalf("%+v: after a rest: %v %+v", r, next, d)
		}
	}
}

func wantRemaining(t *testing.T, r limit.Rate, tat, now time.Time, d limit.Decision) {
	t.Helper()
	left := 0
	for {
		next, again := r.Spend(tat, now)
		if !again.Allowed {
			break
		}
		tat = next
		left++
	}
	if left != d.Remaining || (left == 0) != (d.RetryIn > 0) {
		t.Fatalf("%+v: %d more were allowed after %+v", r, left, d)
	}
}
