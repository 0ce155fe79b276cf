package login

import (
	"slices"
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
	Methods []factors.Kind // Prove, Challenge, Enroll, Add, OfferEnroll, OfferReplace: what would do, the one to ask for first
	// With are, for Challenge, the enrollments of Methods that would do: an acr may ask for a passkey
	// that some of the person's are not. For Prove they are the passkeys that this browser knows.
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

// selfEnrolled are the factors that a person can set up, in the order in which a first one is offered.
var selfEnrolled = []factors.Kind{factors.TOTP, factors.Passkey}

// Next decides what a sign-in needs next. It is pure: the same facts give the same step.
//
// enrolled is every live enrollment of the person, read without error, with the Mailbox where there is
// one: a failed read must never look like "none". p is the policy that binds the person now (see
// Policy.At). now bounds how old borrowed evidence may be; what was proved in this transaction always
// counts, so that no max_age can send a person round in circles.
func Next(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) Step {
	step := inquire(tx, p, enrolled, now).next()
	if !tx.Demand.Silent {
		return step
	}
	return silent(step)
}

// silent is the one place where a step becomes the answer to prompt=none. A person who could have
// gone on with a page gets the error that says which page.
func silent(s Step) Step {
	switch s.Kind {
	case Done, Fail:
		return s
	case Offer:
		return Step{Kind: Done}
	case Challenge, Ticket, Enroll, Add:
		return Step{Kind: Fail, Error: ErrorInteractionRequired}
	case Identify, Prove:
	}
	return Step{Kind: Fail, Error: ErrorLoginRequired}
}

// inquiry is what a step is decided on.
type inquiry struct {
	tx       Transaction
	p        Policy
	enrolled []factors.Enrollment
	adds     bool                 // the person came to set something up that may be set up
	owes     string               // the acr that who changes what there is owes; empty for everybody else
	able     []factors.Enrollment // those of enrolled by which the person can prove something new that counts
	evidence []factors.Evidence   // what counts
	now      time.Time
}

func inquire(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) inquiry {
	q := inquiry{tx: tx, enrolled: enrolled, now: now}.under(p)
	q.adds = q.mayAdd()
	if !q.adds && !tx.Changes || !owns(enrolled) {
		return q
	}
	aal2 := func(ev []factors.Evidence) bool { return Met(ACRAAL2, ev) }
	more := q.provable(aal2)
	q = q.under(p.changing(enrolled))
	switch {
	case more || q.provable(aal2):
		q.owes = ACRAAL2 // and not a mail code where there is more
	case q.adds || hasAuthenticator(enrolled):
		// Whatever the policy says: what it does not take is not to be taken away by the password alone, and
		// another put in its place.
		q.owes = ACRMultiFactor
	}
	return q
}

// under is q with what counts under p.
func (q inquiry) under(p Policy) inquiry {
	q.p = p
	q.able = able(q.tx, p, q.enrolled, q.now)
	q.evidence = Counted(q.tx, p, q.enrolled, q.now)
	return q
}

func (q inquiry) next() Step {
	if q.tx.UserID == "" && q.tx.Identifier == "" {
		return Step{Kind: Identify}
	}
	if q.tx.UserID == "" || !slices.ContainsFunc(q.evidence, primary) {
		return q.prove()
	}
	if d := q.tx.Demand; d.Subject != "" && d.Subject != q.tx.UserID {
		return Step{Kind: Fail, Error: ErrorLoginRequired}
	}
	d := q.demanded(q.tx.Demand)
	switch {
	case d.how == unreachable:
		return Step{Kind: Fail, Error: ErrorUnmet, Stuck: q.demanded(Demand{}).how == unreachable}
	case d.how == byEnrollment:
		if step, first := q.beforeFirst(); first {
			return step
		}
		return Step{Kind: Enroll, Methods: q.enrollable(d.need)}
	case !d.need(q.evidence):
		return q.challenge(d)
	}
	if q.adds {
		if step, first := q.beforeFirst(); first && !owns(q.enrolled) {
			return step
		}
		return Step{Kind: Add, Methods: []factors.Kind{q.tx.Adds}}
	}
	if step, ok := q.offer(); ok {
		return step
	}
	return Step{Kind: Done}
}

// prove asks for the first proof. Who is known by the browser's session can give all of it again by a
// passkey: one that this browser knows, or that the session was proved with, which may be on a security key.
// Where nothing but a passkey meets the demand, any of the person's is asked for at once.
func (q inquiry) prove() Step {
	step := Step{Kind: Prove, Methods: []factors.Kind{factors.Password}}
	if q.tx.UserID == "" || q.tx.SessionID == "" || !q.can(CanPasskey) {
		return step
	}
	alone := q.passkeyAlone()
	step.With = slices.DeleteFunc(slices.Clone(q.able), func(e factors.Enrollment) bool {
		return e.Kind != factors.Passkey || !alone && !q.here(e) && !rests(q.tx.Borrowed, e)
	})
	switch {
	case len(step.With) == 0:
	case q.tx.Chosen == factors.Password:
		step.Methods = []factors.Kind{factors.Password, factors.Passkey}
	default:
		step.Methods = []factors.Kind{factors.Passkey, factors.Password}
	}
	return step
}

// passkeyAlone reports whether a password leaves the person only a passkey to meet the demand by.
func (q inquiry) passkeyAlone() bool {
	q.evidence = append(slices.Clone(q.evidence), knows(0, q.now))
	d := q.demanded(q.tx.Demand)
	if d.how != byProof || d.any(q.evidence) {
		return false
	}
	return !slices.ContainsFunc(q.sufficient(d.any), func(e factors.Enrollment) bool { return e.Kind != factors.Passkey })
}

// challenge asks for one of the factors of which one more proof meets what is demanded.
func (q inquiry) challenge(d demanded) Step {
	would := q.sufficient(d.any)
	step := Step{Kind: Challenge, Methods: q.order(would, d.need)}
	step.With = slices.DeleteFunc(would, func(e factors.Enrollment) bool { return !slices.Contains(step.Methods, e.Kind) })
	return step
}

// beforeFirst is what has to come before a first factor may be set up, if anything: a first proof of
// now, and what else the policy asks for.
func (q inquiry) beforeFirst() (Step, bool) {
	if !q.firstProofFresh() {
		return q.prove(), true
	}
	switch {
	case q.confirmed():
		return Step{}, false
	case !q.confirmable():
		return Step{Kind: Fail, Error: ErrorUnmet, Stuck: true}, true
	case q.enrollBy() == ByMail:
		return Step{Kind: Challenge, Methods: []factors.Kind{factors.Email}, With: q.mailbox()}, true
	}
	return Step{Kind: Ticket}, true
}

// firstProofFresh reports whether the first proof was given in this transaction, or minutes ago. With
// prompt=none it is not asked: the client hears that a page is needed, not that nobody is signed in.
func (q inquiry) firstProofFresh() bool {
	return q.tx.Demand.Silent || slices.ContainsFunc(q.proved(), primary) ||
		slices.ContainsFunc(q.evidence, func(e factors.Evidence) bool { return primary(e) && q.now.Sub(e.At) <= enrollFresh })
}

// enrollBy is what it takes to set up a first factor. A mail says nothing where the first proof rests on
// the same mailbox already: then it takes a ticket.
func (q inquiry) enrollBy() EnrollBy {
	by := q.p.enrollBy()
	if by == ByMail && !slices.ContainsFunc(q.evidence, func(e factors.Evidence) bool {
		return primary(e) && !slices.ContainsFunc(q.mailbox(), func(box factors.Enrollment) bool { return e.Source == box.Source() })
	}) {
		return ByTicket
	}
	return by
}

// confirmed reports whether this transaction holds what the policy asks for beside the first proof.
func (q inquiry) confirmed() bool {
	switch q.enrollBy() {
	case Open:
		return true
	case ByMail:
		return slices.ContainsFunc(q.mailbox(), func(e factors.Enrollment) bool { return rests(q.tx.Proved, e) })
	case ByTicket:
		return slices.ContainsFunc(q.tx.Proved, func(e factors.Evidence) bool { return e.Kind == factors.Ticket })
	}
	return false
}

// confirmable reports whether it holds it, or may yet.
func (q inquiry) confirmable() bool {
	by := q.enrollBy()
	return q.confirmed() || by == ByTicket || (by == ByMail && len(q.mailbox()) > 0)
}

// mailbox is the person's own, if it can be written to.
func (q inquiry) mailbox() []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(q.enrolled), func(e factors.Enrollment) bool { return e.Kind != factors.Email })
}

// proved is what counts of what was proved in this transaction.
func (q inquiry) proved() []factors.Evidence { return counting(q.tx.Proved, q.p, q.enrolled) }

// owns reports whether a person has set anything up. A mailbox nobody has set up.
func owns(enrolled []factors.Enrollment) bool {
	return slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool { return e.Kind != factors.Email })
}

// here reports whether an enrollment was made or used on this browser's device.
func (q inquiry) here(e factors.Enrollment) bool { return slices.Contains(q.tx.Device.Knows, e.ID) }

// can reports whether the browser's script has said so.
func (q inquiry) can(c Capability) bool { return slices.Contains(q.tx.Can, c) }

// mayAdd reports whether the person came to set up something that the policy lets be set up, and has
// room for it.
func (q inquiry) mayAdd() bool {
	k := q.tx.Adds
	if k == factors.Recovery {
		return q.p.letsRecover(q.enrolled)
	}
	return q.p.Lets(k) && (q.tx.Replaces || q.room(k))
}

// room reports whether the person may have one more of a kind.
func (q inquiry) room(k factors.Kind) bool {
	n := 0
	for _, e := range q.enrolled {
		if e.Kind == k {
			n++
		}
	}
	return n < MaxOfKind
}

// hasAuthenticator reports whether the person has set up a factor other than the recovery code, whether
// or not a policy takes it.
func hasAuthenticator(enrolled []factors.Enrollment) bool {
	return slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool { return slices.Contains(selfEnrolled, e.Kind) })
}

// hasFactor reports whether the person has set up a factor, other than the recovery code, that p
// allows.
func hasFactor(p Policy, enrolled []factors.Enrollment) bool {
	return slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		return slices.Contains(selfEnrolled, e.Kind) && p.Allows(e.Kind)
	})
}
