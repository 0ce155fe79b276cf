package login

import (
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// SetUp joins what the organizations of one person demand of setting a factor up or taking one away. A factor
// belongs to the account and is good for all of them, whichever one the sign-in is for. Organizations that
// ask nobody for a second factor have no say.
type SetUp struct {
	Enrollment EnrollBy       // what a first factor takes: the most that any of them asks for
	Factors    []factors.Kind // what may be set up: what all of them allow
	// Proofs are the factors by which people change what there is: every kind that one of the organizations
	// allows and that is at least as strong as the weakest of each of them. An app is as good as any factor to
	// an organization that takes mailed codes, and not to one that takes passkeys alone. The recovery code is
	// among them where all of them allow it.
	Proofs      []factors.Kind
	Strict      []factors.Kind // what counts where the person has set up none of Proofs: what the strictest allows
	NoDowngrade bool           // whether one of them insists on a passkey that there is
}

// Among returns p, the policy of one of orgs that binds a person of all of them now, with its SetUp.
// What they all allow may be set up or, where that is nothing that can be, what p allows.
//
// A sign-in may be put off a number of times only where setting up is open: what cannot be offered
// could be put off for ever.
func (p Policy) Among(orgs []Org, now time.Time) Policy {
	if len(orgs) < 2 {
		return p
	}
	strictest, _ := Strictest(orgs, now)
	s := SetUp{Enrollment: p.Enrollment, Factors: p.settable(), Strict: strictest.Policy.Factors, NoDowngrade: p.NoDowngrade}
	taken, least := slices.Clone(p.settable()), 0
	for _, o := range orgs {
		if o.Policy.MFA == Off {
			continue
		}
		if rank(enrollBys, o.Policy.Enrollment) > rank(enrollBys, s.Enrollment) {
			s.Enrollment = o.Policy.Enrollment
		}
		s.Factors, s.NoDowngrade = common(s.Factors, o.Policy.Factors), s.NoDowngrade || o.Policy.NoDowngrade
		taken, least = append(taken, o.Policy.Factors...), max(least, o.Policy.weakest())
	}
	for _, k := range taken {
		good := strength(k) >= least
		if k == factors.Recovery {
			good = slices.Contains(s.Factors, k)
		}
		if good && !slices.Contains(s.Proofs, k) {
			s.Proofs = append(s.Proofs, k)
		}
	}
	if len(common(selfEnrolled, s.Factors)) == 0 {
		s.Factors = p.settable()
	}
	p.SetUp = &s
	if p.Leave.Skips > 0 && s.Enrollment != Open {
		p.MFA, p.Leave = Required, Leave{}
	}
	return p
}

// strength orders the factors that people are asked for: a code can be given to a forged page, and a
// mailbox is no authenticator at all (NIST SP 800-63B-4).
func strength(k factors.Kind) int {
	return slices.Index([]factors.Kind{factors.Email, factors.TOTP, factors.Passkey}, k)
}

// weakest is the strength of the least that p takes. The recovery code stands in for what else it allows.
func (p Policy) weakest() int {
	out := strength(factors.Passkey)
	for _, k := range p.Factors {
		if k != factors.Recovery {
			out = min(out, strength(k))
		}
	}
	return out
}

// rank is how strict a word is among the known ones, the strictest last. What nobody knows is stricter still.
func rank[T comparable](known []T, word T) int {
	if i := slices.Index(known, word); i >= 0 {
		return i
	}
	return len(known)
}

// common are the kinds of a that are also in b, in the order of a.
func common(a, b []factors.Kind) []factors.Kind {
	return slices.DeleteFunc(slices.Clone(a), func(k factors.Kind) bool { return !slices.Contains(b, k) })
}

// Lets reports whether the policy lets a person set k up.
func (p Policy) Lets(k factors.Kind) bool {
	return p.MFA != Off && slices.Contains(selfEnrolled, k) && slices.Contains(p.settable(), k)
}

// letsRecover reports whether it lets a person with these factors have a recovery code.
func (p Policy) letsRecover(enrolled []factors.Enrollment) bool {
	return slices.Contains(p.settable(), factors.Recovery) && hasFactor(p, enrolled)
}

// settable are the factors that may be set up, as far as people set them up.
func (p Policy) settable() []factors.Kind {
	switch {
	case p.SetUp != nil:
		return p.SetUp.Factors
	case p.Coming != nil:
		return p.Coming
	}
	return p.Factors
}

// enrollBy is what a first factor takes.
func (p Policy) enrollBy() EnrollBy {
	if p.SetUp == nil {
		return p.Enrollment
	}
	return p.SetUp.Enrollment
}

// changing is p for a person with these factors who changes them: with what counts for that.
func (p Policy) changing(enrolled []factors.Enrollment) Policy {
	if p.SetUp == nil {
		return p
	}
	kinds := p.SetUp.Proofs
	if !slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		return slices.Contains(selfEnrolled, e.Kind) && slices.Contains(kinds, e.Kind)
	}) {
		kinds = p.SetUp.Strict
	}
	p.Factors, p.NoDowngrade = kinds, p.SetUp.NoDowngrade
	return p
}
