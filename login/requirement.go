package login

import (
	"slices"

	"github.com/vsee/vseeid/factors"
)

// requirement is what evidence has to meet.
type requirement func([]factors.Evidence) bool

// reach is how a requirement can be met.
type reach int

const (
	byProof      reach = iota // it is met, or proving an enrolled factor meets it
	byEnrollment              // the person has no factor at all and may set one up
	unreachable
)

// demanded is what a sign-in has to meet.
type demanded struct {
	need requirement // the preferred one of the alternatives, among those that the person can meet
	any  requirement // any of the alternatives
	how  reach
}

// demanded joins what the policy, the client's registration and the request demand, and says how it can
// be met. A request can only add to it. Whoever changes factors has to show the best that the person has:
// otherwise a weaker factor that was stolen could take the place of a stronger one.
//
// Of several acr values the person is asked for the preferred one that there is a factor for. The factor
// may not be at hand: who answers with another that meets a later value is done (RFC 9470, 3).
func (q inquiry) demanded(d Demand) demanded {
	ways := [][]string{{}}
	switch {
	case q.owes != "":
		ways = [][]string{{q.owes}}
	case q.p.demandsMFA(q.enrolled):
		ways = [][]string{{ACRMultiFactor}}
	}
	floor, asked := knownOnly(d.FloorACR), knownOnly(d.ACR)
	if (len(d.FloorACR) > 0 && len(floor) == 0) || (d.Essential && len(asked) == 0) {
		return demanded{how: unreachable}
	}
	ways = combine(ways, floor, false)
	ways = combine(ways, asked, d.Voluntary && !d.Essential)
	needs := make([]requirement, len(ways))
	for i, way := range ways {
		needs[i] = func(ev []factors.Evidence) bool {
			return !slices.ContainsFunc(way, func(acr string) bool { return !Met(acr, ev) })
		}
	}
	out := demanded{how: unreachable, any: func(ev []factors.Evidence) bool {
		return slices.ContainsFunc(needs, func(need requirement) bool { return need(ev) })
	}}
	for _, a := range []struct {
		try bool
		can func(requirement) bool
		how reach
	}{
		// Where nobody can be asked, or has just been, what is met comes before what is preferred.
		{d.Silent || q.answered(), q.met, byProof},
		{true, q.provableAsUsual, byProof},
		{true, q.provable, byProof},
		{true, q.settable, byEnrollment},
	} {
		for _, need := range needs {
			if a.try && a.can(need) {
				out.need, out.how = need, a.how
				return out
			}
		}
	}
	return out
}

// answered reports whether the person was asked in this transaction for more than the first proof, and
// gave it.
func (q inquiry) answered() bool {
	proved := q.proved()
	if slices.ContainsFunc(proved, primary) {
		return len(proved) > 1
	}
	return len(proved) > 0
}

// demandsMFA reports whether p asks a person with these factors for a second one. While a number of sign-ins
// may be put off, whoever has set anything up is asked: the offer that counts them is only made to who has
// nothing, and a sign-in that nobody counts could be put off for ever.
func (p Policy) demandsMFA(enrolled []factors.Enrollment) bool {
	counted := p.Leave.Skips > 0 && owns(enrolled)
	return p.MFA == Required || (p.MFA == Optional && (counted || hasFactor(p, enrolled)))
}

func (q inquiry) met(need requirement) bool { return need(q.evidence) }

func (q inquiry) provable(need requirement) bool { return q.met(need) || len(q.sufficient(need)) > 0 }

// provableAsUsual is provable without the recovery code, which is for when nothing else is left.
func (q inquiry) provableAsUsual(need requirement) bool {
	return q.met(need) || slices.ContainsFunc(q.sufficient(need), func(e factors.Enrollment) bool { return e.Kind != factors.Recovery })
}

func (q inquiry) settable(need requirement) bool {
	return !owns(q.enrolled) && q.confirmable() && len(q.enrollable(need)) > 0
}

// combine extends every way to meet the demand so far by each of the alternatives, in their order
// of preference; optional ones may also be left unmet, which is the last resort.
func combine(ways [][]string, alternatives []string, optional bool) [][]string {
	if len(alternatives) == 0 {
		return ways
	}
	var out [][]string
	for _, a := range alternatives {
		for _, w := range ways {
			out = append(out, append(slices.Clone(w), a))
		}
	}
	if optional {
		out = append(out, ways...)
	}
	return out
}

func knownOnly(acrs []string) []string {
	return slices.DeleteFunc(slices.Clone(acrs), func(a string) bool { return !KnownACR(a) })
}

// sufficient are the enrollments of which one more proof would meet the need.
func (q inquiry) sufficient(need requirement) []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(q.able), func(e factors.Enrollment) bool { return !q.meets(e, need) })
}

// enrollable are the kinds of which the person may set up a first factor that would meet the need,
// the one to begin with first. Where a passkey is made, it is made in the browser.
func (q inquiry) enrollable(need requirement) []factors.Kind {
	out := slices.DeleteFunc(slices.Clone(selfEnrolled), func(k factors.Kind) bool {
		return !q.p.Lets(k) || !q.meets(factors.Enrollment{Kind: k}, need)
	})
	if !q.can(CanPasskey) && len(out) > 1 {
		out = slices.DeleteFunc(out, func(k factors.Kind) bool { return k == factors.Passkey })
	}
	return q.chosenFirst(out)
}

func (q inquiry) meets(e factors.Enrollment, need requirement) bool {
	return need(append(slices.Clone(q.evidence), promised(e)))
}

// promised is the least evidence that a proof of e would give. A passkey may verify its user or not,
// and is hardware where the key cannot leave it, as far as it is known. Whether its maker vouched for it
// only the proof says: the record that knows is sealed. So where a policy takes no other word, a passkey
// is asked for that may turn out to be less than phrh.
func promised(e factors.Enrollment) factors.Evidence {
	ev := factors.Evidence{Kind: e.Kind, Class: factors.Has, Source: e.Source(), AMR: []string{"otp"}}
	if e.Kind == factors.Passkey {
		ev.AMR = []string{"pop", "swk", "user"}
		if e.Place == factors.OnDevice || e.Place == factors.OnKey {
			ev.AMR = []string{"hwk", "pop", "user"}
		}
	}
	return ev
}
