package login

import (
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// Effect is what a policy does to the next sign-in of one person.
type Effect struct {
	Kind    EffectKind
	Methods []factors.Kind // EffectAsked: what the person can answer with; EffectSetUp: what can be set up
	Leave   Leave          // how long it can be put off; zero: not at all
	Confirm EnrollBy       // EffectSetUp: what that takes
	Why     EffectReason   // EffectShut
}

// EffectKind is what a person notices of a policy.
type EffectKind string

const (
	EffectFine  EffectKind = "fine"  // nothing: the first proof is enough
	EffectAsked EffectKind = "asked" // for a factor that the person has
	EffectSetUp EffectKind = "setup" // one has to be set up
	EffectShut  EffectKind = "shut"  // the person cannot sign in
)

// EffectReason is why a person cannot sign in.
type EffectReason string

const (
	ShutDisabled   EffectReason = "disabled"   // by an administrator, whatever the policy says
	ShutNoPassword EffectReason = "nopassword" // there is no first proof that the person could give
	ShutNotAllowed EffectReason = "notallowed" // what the person has set up is not allowed
	ShutNoMailbox  EffectReason = "nomailbox"  // setting a factor up takes a mail to an address that is not verified
	ShutNoMail     EffectReason = "nomail"     // setting a factor up takes a mail, and the deployment sends none
)

// Impact says what p does to the next sign-in of a member, in a deployment that has these kinds of factors and a
// browser that can do everything, when an app names the organization. What p demands only later is told now, with what is left until then. It asks
// Next, so that it cannot be of another opinion. org says when the person joined and how often setting up
// was put off; others are the person's other organizations, which have a say in what is set up; enrolled
// is as for Next.
func (k Kinds) Impact(p Policy, u User, org Org, others []Org, enrolled []factors.Enrollment, now time.Time) Effect {
	if !u.Disabled.IsZero() {
		return Effect{Kind: EffectShut, Why: ShutDisabled}
	}
	org.Policy = p
	orgs := append([]Org{org}, others...)
	bound := k.Of(p.At(now, org.Joined, org.Skips)).Among(orgs, now)
	p.From, p.Grace = time.Time{}, Grace{}
	p = k.Of(p).Among(orgs, now)
	first, ok := u.first(p, enrolled, now)
	if !ok {
		return Effect{Kind: EffectShut, Why: ShutNoPassword}
	}
	q := inquire(Transaction{
		UserID: u.ID, Identifier: u.Email, Default: u.Default, Started: now, Can: []Capability{CanPasskey},
		Proved: u.borne([]factors.Evidence{first}, now),
	}, p, enrolled, now)
	step := q.next()
	effect := Effect{Methods: step.Methods, Leave: bound.Leave}
	if Next(q.tx, bound, enrolled, now).Kind == step.Kind { // it is so already
		effect.Leave = Leave{}
	}
	switch {
	case step.Kind == Done || step.Kind == Offer:
		return Effect{Kind: EffectFine}
	case step.Kind == Challenge && q.demanded(Demand{}).how == byProof:
		effect.Kind = EffectAsked
	case step.Kind == Fail:
		effect.Kind, effect.Why = EffectShut, ShutNotAllowed
		if !owns(enrolled) && !q.confirmable() {
			effect.Why = ShutNoMailbox
			if !slices.Contains(k, factors.Email) {
				effect.Why = ShutNoMail
			}
		}
	default:
		effect.Kind, effect.Methods, effect.Confirm = EffectSetUp, q.enrollable(multiFactor), q.enrollBy()
	}
	return effect
}

// first is the best first proof that the person could give now.
func (u User) first(p Policy, enrolled []factors.Enrollment, now time.Time) (factors.Evidence, bool) {
	if u.PasswordHash != "" {
		return knows(u.Passwords, now), true
	}
	i := slices.IndexFunc(enrolled, func(e factors.Enrollment) bool { return e.Kind == factors.Passkey && p.Allows(e.Kind) })
	if i < 0 {
		return factors.Evidence{}, false
	}
	e := promised(enrolled[i])
	e.Class, e.At = factors.Has|factors.Is, now
	return e, true
}
