package login

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
)

// StepKind is what a sign-in needs next.
type StepKind string

const (
	Identify  StepKind = "identify"  // who is it
	Prove     StepKind = "prove"     // the first proof: a password
	Challenge StepKind = "challenge" // a second factor that the person has set up
	Ticket    StepKind = "ticket"    // what support gave, so that one may be set up
	Enroll    StepKind = "enroll"    // set a first one up
	Add       StepKind = "add"       // set up what the person came for
	Offer     StepKind = "offer"     // the demand is met; something useful may be done first
	Done      StepKind = "done"
	Fail      StepKind = "fail" // no answer of this person can meet the demand
)

// Step is what Next decided.
type Step struct {
	Kind    StepKind
	Methods []factors.Kind // Prove, Challenge, Enroll, Add, OfferEnroll: what would do, the one to ask for first
	// With are, for Challenge, the enrollments of Methods that would do: an acr may ask for a passkey
	// that some of the person's are not.
	With  []factors.Enrollment
	Offer OfferKind
	Leave Leave  // OfferEnroll: how long it may be put off
	Error string // Fail: the OAuth error that the client gets
	Stuck bool   // Fail: by the organization's own policy, whatever the client asked; the person is told first
}

// The OAuth errors that a sign-in can end in (OpenID Connect Core 3.1.2.6, and Unmet
// Authentication Requirements 1.0).
const (
	ErrorLoginRequired       = "login_required"
	ErrorInteractionRequired = "interaction_required"
	ErrorAccountSelection    = "account_selection_required"
	ErrorUnmet               = "unmet_authentication_requirements"
	ErrorAccessDenied        = "access_denied"
	ErrorUnavailable         = "temporarily_unavailable" // RFC 6749, 4.1.2.1
)

// enrollFresh is how old the first proof may be when a first factor is set up on it.
const enrollFresh = 5 * time.Minute

// selfEnrolled are the factors that a person can set up during a sign-in.
var selfEnrolled = []factors.Kind{factors.TOTP}

// Next decides what a sign-in needs next. It is pure: the same facts give the same step.
//
// enrolled is every live enrollment of the person, read without error: a failed read must never
// look like "none". p is the policy of the organization that binds the person. now bounds how old
// borrowed evidence may be; what was proved in this transaction always counts, so that no max_age
// can send a person round in circles.
func Next(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) Step {
	step := next(tx, p, enrolled, now)
	if !tx.Demand.Silent {
		return step
	}
	return silent(step)
}

func next(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) Step {
	if tx.UserID == "" && tx.Identifier == "" {
		return Step{Kind: Identify}
	}
	evidence := Counted(tx, p, enrolled, now)
	if tx.UserID == "" || !slices.ContainsFunc(evidence, primary) {
		return Step{Kind: Prove, Methods: []factors.Kind{factors.Password}}
	}
	if d := tx.Demand; d.Subject != "" && d.Subject != tx.UserID {
		return Step{Kind: Fail, Error: ErrorLoginRequired}
	}

	askable := askable(tx, enrolled)
	need, reach := requirement(tx.Demand, p, askable, evidence)
	switch {
	case reach == unreachable:
		_, alone := requirement(Demand{}, p, askable, evidence)
		return Step{Kind: Fail, Error: ErrorUnmet, Stuck: alone == unreachable}
	case reach == byEnrollment:
		// prompt=none hears that a page is needed, not that nobody is signed in.
		if !tx.Demand.Silent && !firstProofFresh(tx, evidence, now) {
			return Step{Kind: Prove, Methods: []factors.Kind{factors.Password}}
		}
		return Step{Kind: Enroll, Methods: enrollable(p, evidence, need)}
	case !need(evidence):
		return Step{Kind: Challenge, Methods: sufficient(tx.Chosen, p, askable, evidence, need)}
	}
	if o, ok := offer(tx, p, enrolled); ok {
		return Step{Kind: Offer, Offer: o}
	}
	return Step{Kind: Done}
}

// askable is enrolled with every recovery code that this very sign-in showed made into a factor that
// answers to nothing: to type it back would prove nothing.
func askable(tx Transaction, enrolled []factors.Enrollment) []factors.Enrollment {
	out := slices.Clone(enrolled)
	for i, e := range out {
		if e.Kind == factors.Recovery && e.Created.After(tx.Started) {
			out[i].Kind = ""
		}
	}
	return out
}

// silent is the one place where a step becomes the answer to prompt=none. A person who could have
// gone on with a page gets the error that says which page.
func silent(s Step) Step {
	switch s.Kind {
	case Done, Fail:
		return s
	case Offer:
		return Step{Kind: Done}
	case Challenge, Enroll:
		return Step{Kind: Fail, Error: ErrorInteractionRequired}
	case Identify, Prove:
	}
	return Step{Kind: Fail, Error: ErrorLoginRequired}
}

// Counted is the evidence that counts for this transaction under p: what was proved in it, and
// what the browser's session lends while fresh; of each kind and secret the latest proof only; of
// second factors those that p allows and that the person still has.
func Counted(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) []factors.Evidence {
	var out []factors.Evidence
	for _, e := range tx.Borrowed {
		if fresh(e, tx.Demand, p, now) {
			out = append(out, e)
		}
	}
	out = held(allowed(p, append(out, tx.Proved...)), enrolled)
	slices.SortFunc(out, func(a, b factors.Evidence) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Class, b.Class), slices.Compare(a.AMR, b.AMR))
	})
	latest := out[:0]
	for i, e := range out {
		if !slices.ContainsFunc(out[i+1:], func(later factors.Evidence) bool { return later.Source == e.Source && later.Kind == e.Kind }) {
			latest = append(latest, e)
		}
	}
	return latest
}

func fresh(e factors.Evidence, d Demand, p Policy, now time.Time) bool {
	age := now.Sub(e.At)
	if d.Fresh || age > time.Duration(p.Reuse) {
		return false
	}
	// max_age=0 is prompt=login, also for what was proved at this very moment.
	return d.MaxAge == nil || (*d.MaxAge > 0 && age <= *d.MaxAge)
}

// allowed leaves out the second factors that p does not allow.
func allowed(p Policy, evidence []factors.Evidence) []factors.Evidence {
	return slices.DeleteFunc(slices.Clone(evidence), func(e factors.Evidence) bool {
		return !primary(e) && !p.Allows(e.Kind)
	})
}

// held leaves out what rests on an enrollment that the person does not have any more. A recovery
// code is gone by being used, and a mailbox is no enrollment: they are left as they are.
func held(evidence []factors.Evidence, enrolled []factors.Enrollment) []factors.Evidence {
	return slices.DeleteFunc(evidence, func(e factors.Evidence) bool {
		if e.Kind != factors.TOTP && e.Kind != factors.Passkey {
			return false
		}
		return !slices.ContainsFunc(enrolled, func(have factors.Enrollment) bool {
			return have.Kind == e.Kind && e.Source == string(have.Kind)+":"+have.ID
		})
	})
}

// primary reports whether e can be the first proof of a sign-in.
func primary(e factors.Evidence) bool {
	return e.Kind == factors.Password || e.Kind == factors.Federated
}

// reach is how a requirement can be met.
type reach int

const (
	byProof      reach = iota // it is met, or proving an enrolled factor meets it
	byEnrollment              // the person has no factor at all and may set one up
	unreachable
)

// requirement joins what the policy, the client's registration and the request demand into one
// predicate, and says how it can be met. A request can only add to it.
func requirement(d Demand, p Policy, enrolled []factors.Enrollment, evidence []factors.Evidence) (need func([]factors.Evidence) bool, how reach) {
	ways := [][]string{{}}
	if p.demandsMFA(enrolled) {
		ways = [][]string{{ACRMultiFactor}}
	}
	floor, asked := knownOnly(d.FloorACR), knownOnly(d.ACR)
	if (len(d.FloorACR) > 0 && len(floor) == 0) || (d.Essential && len(asked) == 0) {
		return nil, unreachable
	}
	ways = combine(ways, floor, false)
	ways = combine(ways, asked, d.Voluntary && !d.Essential)

	met := func(need func([]factors.Evidence) bool) bool { return need(evidence) }
	provable := func(need func([]factors.Evidence) bool) bool {
		return need(evidence) || len(sufficient("", p, enrolled, evidence, need)) > 0
	}
	settable := func(need func([]factors.Evidence) bool) bool {
		return len(enrolled) == 0 && len(enrollable(p, evidence, need)) > 0
	}
	attempts := []struct {
		try bool
		can func(need func([]factors.Evidence) bool) bool
		how reach
	}{
		{d.Silent, met, byProof}, // nobody can be asked: what is met already comes before what is preferred
		{true, provable, byProof},
		{true, settable, byEnrollment},
	}
	for _, a := range attempts {
		for _, way := range ways {
			need := func(ev []factors.Evidence) bool {
				return !slices.ContainsFunc(way, func(acr string) bool { return !Met(acr, ev) })
			}
			if a.try && a.can(need) {
				return need, a.how
			}
		}
	}
	return nil, unreachable
}

// demandsMFA reports whether p asks a person with these factors for a second one.
func (p Policy) demandsMFA(enrolled []factors.Enrollment) bool {
	return p.MFA == Required || (p.MFA == Optional && hasFactor(p, enrolled))
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

// sufficient lists the enrolled, allowed factors of which one more proof would meet the need: the
// chosen one first, then in the policy's order, the recovery code last.
func sufficient(chosen factors.Kind, p Policy, enrolled []factors.Enrollment, evidence []factors.Evidence, need func([]factors.Evidence) bool) []factors.Kind {
	var out []factors.Kind
	last := false
	for _, k := range p.Factors {
		has := slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool { return e.Kind == k })
		switch {
		case !has || !need(append(slices.Clone(evidence), promised(k, evidence))):
		case k == factors.Recovery:
			last = true
		default:
			out = append(out, k)
		}
	}
	if last {
		out = append(out, factors.Recovery)
	}
	if i := slices.Index(out, chosen); i > 0 {
		out = slices.Insert(slices.Delete(out, i, i+1), 0, chosen)
	}
	return out
}

// enrollable lists the factors that p lets the person set up and that would meet the need.
func enrollable(p Policy, evidence []factors.Evidence, need func([]factors.Evidence) bool) []factors.Kind {
	if p.MFA == Off {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.Factors), func(k factors.Kind) bool {
		return !slices.Contains(selfEnrolled, k) || !need(append(slices.Clone(evidence), promised(k, evidence)))
	})
}

// promised is the least evidence that a proof of k would give beside what there is. Its source is
// nobody's, but for a mail code: that of the mailbox on which something rests already, for the
// worst case is that it is the same one.
func promised(k factors.Kind, evidence []factors.Evidence) factors.Evidence {
	e := factors.Evidence{Kind: k, Class: factors.Has, Source: "promised:" + string(k), AMR: []string{"otp"}}
	switch k {
	case factors.Passkey:
		e.AMR = []string{"pop", "swk", "user"}
	case factors.Email:
		mailbox := func(e factors.Evidence) bool { return strings.HasPrefix(e.Source, "mailbox:") }
		if i := slices.IndexFunc(evidence, mailbox); i >= 0 {
			e.Source = evidence[i].Source
		}
	case factors.Password, factors.Federated, factors.TOTP, factors.Recovery:
	}
	return e
}

// hasFactor reports whether the person has set up a factor, other than the recovery code, that p
// allows.
func hasFactor(p Policy, enrolled []factors.Enrollment) bool {
	return slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		return e.Kind != factors.Recovery && p.Allows(e.Kind)
	})
}

// firstProofFresh reports whether a first factor may be set up on the first proof: it was given in
// this transaction, or minutes ago.
func firstProofFresh(tx Transaction, evidence []factors.Evidence, now time.Time) bool {
	return slices.ContainsFunc(tx.Proved, primary) ||
		slices.ContainsFunc(evidence, func(e factors.Evidence) bool { return primary(e) && now.Sub(e.At) <= enrollFresh })
}

// offer decides what to offer once the demand is met. A new recovery code is for who has proved
// a second factor here and now: whoever found an open session gets none.
func offer(tx Transaction, p Policy, enrolled []factors.Enrollment) (OfferKind, bool) {
	recorded := slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		return e.Kind == factors.Recovery && !e.Confirmed.IsZero()
	})
	switch {
	case recorded || !p.Allows(factors.Recovery) || !hasFactor(p, enrolled),
		!slices.ContainsFunc(tx.Proved, func(e factors.Evidence) bool { return !primary(e) }),
		slices.Contains(tx.PutOff, OfferRecovery):
		return "", false
	}
	return OfferRecovery, true
}
