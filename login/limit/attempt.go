// Package limit decides how often a thing may be tried: failures of a person's proof (Attempt) and
// requests of an address (Rate). The decisions are pure; a store keeps the numbers by
// compare-and-set.
package limit

import "time"

// Attempt counts the failures of one person at one kind of proof. An attempt is counted before
// it is verified, so that parallel guesses cannot outrun the count; a success clears it.
type Attempt struct {
	Failures int
	OpenAt   time.Time // nothing is verified before
}

// Ladder is how failures turn into waiting.
type Ladder struct {
	Free    int           // failures without a wait
	Longest time.Duration // the longest wait
	Close   int           // at this many the kind is closed until it is set up again; 0: never
}

// The ladders of a password and of a second factor.
var (
	PasswordLadder = Ladder{Free: 5, Longest: time.Hour, Close: 100}
	FactorLadder   = Ladder{Free: 5, Longest: time.Hour, Close: 50}
)

// Closed reports whether the kind has to be set up again before it is verified again.
func (l Ladder) Closed(a Attempt) bool { return l.Close > 0 && a.Failures >= l.Close }

// Spend counts one attempt made at now. It returns the count to be stored before the answer is
// verified, or false with the unchanged count when none may be made.
func (l Ladder) Spend(a Attempt, now time.Time) (Attempt, bool) {
	if l.Closed(a) || now.Before(a.OpenAt) {
		return a, false
	}
	a.Failures++
	a.OpenAt = time.Time{}
	if over := a.Failures - l.Free; over >= 0 {
		// After the free ones 1 s, 2 s, 4 s …: the n-th failure beyond them waits 2^n seconds.
		wait := l.Longest
		if over < 12 {
			wait = min(wait, time.Second<<over)
		}
		a.OpenAt = now.Add(wait)
	}
	return a, true
}
