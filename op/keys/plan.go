package keys

import (
	"cmp"
	"slices"
	"time"
)

const (
	// CacheTime is how long others may cache the JWKS (Cache-Control max-age).
	CacheTime = 10 * time.Minute
	// RefreshInterval is how often a Ring reads the store.
	RefreshInterval = time.Minute

	// Active is how long a key signs.
	Active = 90 * 24 * time.Hour
	// Lead is how long before its use the next key is published in the ordinary course: long
	// enough for those who cache a JWKS longer than they are told to.
	Lead = 24 * time.Hour
	// ForcedLead is the same for a rotation that an operator asked for: every instance has to
	// publish the key, and every cache filled before that to run out. The rest is for clocks.
	ForcedLead = CacheTime + 5*RefreshInterval
	// Retain is how long a retired key stays published. Access tokens need minutes of it; an ID
	// token comes back as id_token_hint when its person signs out, after a session of days.
	Retain = 8 * 24 * time.Hour
)

// Plan is which key does what at one moment.
type Plan struct {
	Signing   map[string]Key // by algorithm
	Published []Key          // by algorithm, then by ActiveFrom
	Missing   []Missing      // keys to be made now
}

// Missing is a key that has to be made.
type Missing struct {
	Algorithm  string
	Generation int64
	ActiveFrom time.Time
	Expires    time.Time
}

// PlanAt decides from all stored keys which one signs for each algorithm at now, which are
// published, and which have to be made. It is pure.
func PlanAt(stored []Key, now time.Time) Plan {
	p := Plan{Signing: map[string]Key{}}
	for _, alg := range algorithms {
		of := byActivation(stored, alg)
		if len(of) == 0 {
			// Nobody can have cached anything: the first key signs at once.
			p.Missing = append(p.Missing, following(alg, of, now))
			continue
		}
		signing := signingAt(of, now)
		p.Signing[alg] = of[signing]
		for i, k := range of {
			if i >= signing || now.Before(of[i+1].ActiveFrom.Add(Retain)) {
				p.Published = append(p.Published, k)
			}
		}
		if signing == len(of)-1 && !now.Before(of[signing].Expires.Add(-Lead)) {
			from := now.Add(ForcedLead)
			if of[signing].Expires.After(from) {
				from = of[signing].Expires
			}
			p.Missing = append(p.Missing, following(alg, of, from))
		}
	}
	return p
}

// forced plans a successor of every signing key as soon as it may sign, whatever else is planned.
func forced(stored []Key, now time.Time) []Missing {
	var out []Missing
	for _, alg := range algorithms {
		out = append(out, following(alg, byActivation(stored, alg), now.Add(ForcedLead)))
	}
	return out
}

func following(alg string, of []Key, from time.Time) Missing {
	m := Missing{Algorithm: alg, Generation: 1, ActiveFrom: from, Expires: from.Add(Active)}
	for _, k := range of {
		m.Generation = max(m.Generation, k.Generation+1)
	}
	return m
}

// signingAt is the index of the key with the latest ActiveFrom that has come. When none has, which
// takes an instance whose clock is behind, it is the first.
func signingAt(of []Key, now time.Time) int {
	for i, k := range slices.Backward(of) {
		if !k.ActiveFrom.After(now) {
			return i
		}
	}
	return 0
}

func byActivation(stored []Key, alg string) []Key {
	of := slices.DeleteFunc(slices.Clone(stored), func(k Key) bool { return k.Algorithm != alg })
	slices.SortFunc(of, func(a, b Key) int {
		return cmp.Or(a.ActiveFrom.Compare(b.ActiveFrom), cmp.Compare(a.Generation, b.Generation))
	})
	return of
}
