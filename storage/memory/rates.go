package memory

import (
	"context"
	"time"

	"github.com/vsee/vseeid/login/limit"
)

// Allow implements limit.Source. When there are more keys than the store may have, it forgets one
// of them, which is then as fresh as if it had never come.
func (s *Store) Allow(_ context.Context, key string, r limit.Rate, now time.Time) (limit.Decision, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tat, known := s.rates[key]
	next, decision := r.Spend(tat, now)
	if !known {
		s.sweep(now)
		s.forgetOne()
	}
	s.rates[key] = next
	return decision, nil
}

// forgetOne makes room for one key. s.mu is held.
func (s *Store) forgetOne() {
	if len(s.rates) < s.maxRates {
		return
	}
	for k := range s.rates {
		delete(s.rates, k)
		return
	}
}
