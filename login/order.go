package login

import (
	"cmp"
	"slices"

	"github.com/vsee/vseeid/factors"
)

// place is where a way to prove comes in the order of asking. Within one it is the policy's order.
type place int

const (
	knownHere place = iota // a passkey that this browser knows
	wished                 // what the person wants to be asked for first
	usual
	elsewhere // a passkey of another device, or of an account that this device may not have
	unable    // a passkey, in a browser that cannot use one
	lastOfAll // the recovery code
)

// order is the order of asking for the kinds of these enrollments: before the others those that meet what
// is preferred. A passkey that the browser cannot use is left out where there is another way than the
// recovery code.
func (q inquiry) order(would []factors.Enrollment, preferred requirement) []factors.Kind {
	places := map[factors.Kind]place{}
	for _, e := range would {
		p, ok := places[e.Kind]
		if !ok {
			p = lastOfAll
		}
		places[e.Kind] = min(p, q.place(e))
	}
	kinds := slices.DeleteFunc(slices.Clone(q.p.Factors), func(k factors.Kind) bool { _, ok := places[k]; return !ok })
	if other := func(k factors.Kind) bool { return places[k] != unable && k != factors.Recovery }; slices.ContainsFunc(kinds, other) {
		kinds = slices.DeleteFunc(kinds, func(k factors.Kind) bool { return places[k] == unable })
	}
	second := func(k factors.Kind) int {
		if places[k] == lastOfAll || !slices.ContainsFunc(would, func(e factors.Enrollment) bool { return e.Kind == k && q.meets(e, preferred) }) {
			return 1
		}
		return 0
	}
	slices.SortStableFunc(kinds, func(a, b factors.Kind) int {
		return cmp.Or(second(a)-second(b), cmp.Compare(places[a], places[b]))
	})
	return q.chosenFirst(kinds)
}

// place is where an enrollment comes in the order of asking.
func (q inquiry) place(e factors.Enrollment) place {
	passkey := e.Kind == factors.Passkey
	switch {
	case e.Kind == factors.Recovery:
		return lastOfAll
	case passkey && !q.can(CanPasskey):
		return unable
	case passkey && q.here(e):
		return knownHere
	case e.Kind == q.tx.Default:
		return wished
	case passkey && e.Place != factors.OnKey:
		return elsewhere
	}
	return usual
}

// chosenFirst puts what the person picked in front, if it is among kinds.
func (q inquiry) chosenFirst(kinds []factors.Kind) []factors.Kind {
	if i := slices.Index(kinds, q.tx.Chosen); i > 0 {
		kinds = slices.Insert(slices.Delete(kinds, i, i+1), 0, q.tx.Chosen)
	}
	return kinds
}
