// Package limit decides how often a thing may be tried: failures of a person's proof (Attempt) and
// requests of an address (Rate). The decisions are pure; a store keeps the numbers, an Attempt by
// compare-and-set where it survives (login.Attempts), a Rate where it is quick (Source).
package limit

import "time"

// Attempt counts the failures of one person at one kind of proof. An attempt is counted before
// it is verified, so that parallel guesses cannot outrun the count. A success clears it: the
// caller stores the zero Attempt.
type Attempt struct {
	Failures int
	OpenAt   time.Time // nothing is verified before
}

// Ladder is how failures turn into waiting.
type Ladder struct {
	Free    int           // attempts that need not wait for one another
	Longest time.Duration // the longest wait
	Close   int           // at this many failures the kind is closed until it is set up again; 0: never
}

// The ladders of a password, of a second factor, and of a passkey. A passkey cannot be guessed: its
// ladder slows down who sends what costs us, and never keeps the owner out.
var (
	PasswordLadder = Ladder{Free: 5, Longest: time.Hour, Close: 100}
	FactorLadder   = Ladder{Free: 5, Longest: time.Hour, Close: 50}
	PasskeyLadder  = Ladder{Free: 5, Longest: time.Minute}
)

// Closed reports whether the kind has to be set up again before it is verified again.
func (l Ladder) Closed(a Attempt) bool { return l.Close > 0 && a.Failures >= l.Close }

// Wait is how long it takes until an attempt may be made; 0 when one may be made now. It says
// nothing about a closed kind, for which no waiting helps.
func (l Ladder) Wait(a Attempt, now time.Time) time.Duration {
	return max(0, a.OpenAt.Sub(now))
}

// Spend counts one attempt made at now. It returns the count to be stored before the answer is
// verified, or false with the unchanged count when none may be made.
func (l Ladder) Spend(a Attempt, now time.Time) (Attempt, bool) {
	if l.Closed(a) || now.Before(a.OpenAt) {
		return a, false
	}
	a.Failures++
	a.OpenAt = time.Time{}
	if over := a.Failures - l.Free; over >= 0 {
		a.OpenAt = now.Add(l.pause(over))
	}
	return a, true
}

// pause is 1 s after the last free attempt, 2 s after the one that follows, then 4 s, and so on.
func (l Ladder) pause(over int) time.Duration {
	const widest = 32 // time.Second<<32 is 136 years and still a Duration
	return min(l.Longest, time.Second<<min(over, widest))
}
