package storagetest

import (
	crand "crypto/rand"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vsee/vseeid/login/limit"
)

func rate(t *testing.T, s short) {
	r := limit.Rate{Per: 10 * time.Second, Burst: 3}
	key, other := crand.Text(), crand.Text()
	spend := func(key string, want limit.Decision) {
		t.Helper()
		got, err := s.Allow(t.Context(), key, r, s.now())
		must(t, "allow", err)
		wantSame(t, "decision", got, want)
	}
	spend(key, limit.Decision{Allowed: true, Remaining: 2})
	spend(key, limit.Decision{Allowed: true, Remaining: 1})
	spend(key, limit.Decision{Allowed: true, Remaining: 0, RetryIn: 10 * time.Second})
	spend(key, limit.Decision{RetryIn: 10 * time.Second})
	spend(other, limit.Decision{Allowed: true, Remaining: 2})

	s.pass(4 * time.Second)
	spend(key, limit.Decision{RetryIn: 6 * time.Second})
	s.pass(6 * time.Second)
	spend(key, limit.Decision{Allowed: true, Remaining: 0, RetryIn: 10 * time.Second})
	s.pass(time.Hour)
	spend(key, limit.Decision{Allowed: true, Remaining: 2})

	// A clock set back makes nobody wait longer than for a whole burst.
	s.pass(-24 * time.Hour)
	spend(key, limit.Decision{RetryIn: 10 * time.Second})
	s.pass(10 * time.Second)
	spend(key, limit.Decision{Allowed: true, Remaining: 0, RetryIn: 10 * time.Second})

	for _, nothing := range []limit.Rate{{}, {Per: time.Second}, {Burst: 5}, {Per: -1, Burst: 5}, {Per: time.Second, Burst: -5}} {
		got, err := s.Allow(t.Context(), crand.Text(), nothing, s.now())
		must(t, "allow", err)
		if got.Allowed {
			t.Errorf("the rate %+v lets a request through", nothing)
		}
	}
}

// rateDecisions holds the store's arithmetic to that of limit.Rate over random requests.
func rateDecisions(t *testing.T, s short) {
	const seed = 20261124
	random := rand.New(rand.NewPCG(seed, seed))
	for range 10 {
		key := crand.Text()
		r := limit.Rate{Per: time.Duration(1+random.IntN(5_000_000)) * time.Microsecond, Burst: 1 + random.IntN(8)}
		var tat time.Time
		for i := range 60 {
			s.pass(time.Duration(random.Int64N(2*r.Per.Microseconds())-r.Per.Microseconds()/4) * time.Microsecond)
			var want limit.Decision
			tat, want = r.Spend(tat, s.now())
			got, err := s.Allow(t.Context(), key, r, s.now())
			must(t, "allow", err)
			if got != want {
				t.Fatalf("request %d under %+v: got %+v, want %+v", i, r, got, want)
			}
		}
	}
}

func rateRace(t *testing.T, s short) {
	key, r := crand.Text(), limit.Rate{Per: time.Minute, Burst: 7}
	refused := errors.New("refused")
	allowed := 0
	for _, err := range race(contenders, func(int) error {
		d, err := s.Allow(t.Context(), key, r, s.now())
		if err == nil && !d.Allowed {
			return refused
		}
		return err
	}) {
		switch {
		case err == nil:
			allowed++
		case !errors.Is(err, refused):
			t.Errorf("allow: %v", err)
		}
	}
	if allowed != r.Burst {
		t.Errorf("%d of %d at once were allowed, want %d", allowed, contenders, r.Burst)
	}
}
