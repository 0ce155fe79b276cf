package emailcode

import (
	"slices"
	"time"
)

// pace is how many codes may be mailed to one person in which time. Each mail is five more guesses
// at a million, and a nuisance to whoever did not ask for it.
var pace = []struct {
	most   int
	within time.Duration
}{
	{1, 30 * time.Second},
	{5, time.Hour},
	{10, 24 * time.Hour},
}

// next returns when a code may be mailed to who was sent codes at those times: a time that is past,
// or zero, where nothing is in the way.
func next(sent []time.Time) time.Time {
	latest := slices.SortedFunc(slices.Values(sent), func(a, b time.Time) int { return b.Compare(a) })
	var at time.Time
	for _, p := range pace {
		if len(latest) < p.most {
			continue
		}
		if free := latest[p.most-1].Add(p.within); free.After(at) {
			at = free
		}
	}
	return at
}
