package limit

import (
	"context"
	"time"
)

// Rate lets Burst requests through at once and one more for every Per that passes. A rate without
// Per or Burst lets nothing through, so that a forgotten setting is noticed.
type Rate struct {
	Per   time.Duration // how long it takes to earn one request
	Burst int           // how many can be saved up
}

// Decision is what became of one request.
type Decision struct {
	Allowed   bool
	Remaining int           // how many more would be allowed at once
	RetryIn   time.Duration // until the next one would be allowed; 0 when it would be now
}

// Source decides about requests by key, counting each that it allows. It may forget: who loses it
// loses rates and nothing else, which is why failures of a proof are not counted here.
type Source interface {
	// Allow decides about one request at now and counts it, atomically: of any number of
	// concurrent callers exactly as many are allowed as one after the other would be. An error
	// says that nobody knows; it is never an Allowed.
	Allow(ctx context.Context, key string, r Rate, now time.Time) (Decision, error)
}

// Spend decides about one request at now by the generic cell rate algorithm. Its only state is the
// theoretical arrival time: when everything spent so far will have been earned back. The zero
// time, or any that is past, is a full burst. It returns the time to be stored instead.
//
// A refused request moves the time only where it is further away than a whole burst, which comes of
// a clock that was set back or of a rate that was wider then: it is moved to a whole burst from
// now, so that nobody waits longer than for that.
func (r Rate) Spend(tat, now time.Time) (next time.Time, d Decision) {
	if r.Per <= 0 || r.Burst <= 0 {
		return tat, Decision{}
	}
	burst := r.Whole()
	switch {
	case tat.Before(now):
		tat = now
	case tat.Sub(now) > burst:
		tat = now.Add(burst)
	}
	next = tat
	left := burst - tat.Sub(now)
	if left >= r.Per {
		d.Allowed = true
		next = tat.Add(r.Per)
		left -= r.Per
	}
	d.Remaining = int(left / r.Per)
	d.RetryIn = max(0, r.Per-left)
	return next, d
}

// Whole is how long it takes to earn a whole burst: a count untouched for so long may be forgotten.
func (r Rate) Whole() time.Duration { return r.Per * time.Duration(r.Burst) }
