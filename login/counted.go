package login

import (
	"cmp"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// Counted is the evidence that counts for this transaction under p: what was proved in it, and
// what the browser's session lends while fresh; of each kind and secret the latest proof only, and an
// older one that was more; of factors those that p allows and that the person still has.
func Counted(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) []factors.Evidence {
	var out []factors.Evidence
	for _, e := range tx.Borrowed {
		if fresh(e, tx.Demand, p, now) {
			out = append(out, e)
		}
	}
	out = counting(append(out, tx.Proved...), p, enrolled)
	slices.SortFunc(out, func(a, b factors.Evidence) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Class, b.Class), vouched(a)-vouched(b), slices.Compare(a.AMR, b.AMR))
	})
	latest := out[:0]
	for i, e := range out {
		if !slices.ContainsFunc(out[i+1:], func(later factors.Evidence) bool { return later.Replaces(e) }) {
			latest = append(latest, e)
		}
	}
	return latest
}

func vouched(e factors.Evidence) int {
	if e.Attested {
		return 1
	}
	return 0
}

func fresh(e factors.Evidence, d Demand, p Policy, now time.Time) bool {
	age := now.Sub(e.At)
	if d.Fresh || age > time.Duration(p.Reuse) {
		return false
	}
	// max_age=0 is prompt=login, also for what was proved at this very moment.
	return d.MaxAge == nil || (*d.MaxAge > 0 && age <= *d.MaxAge)
}

// counting is what counts under p, however old, of the evidence of a person with these factors.
func counting(evidence []factors.Evidence, p Policy, enrolled []factors.Enrollment) []factors.Evidence {
	var out []factors.Evidence
	for _, e := range evidence {
		if !p.counts(e, enrolled) {
			continue
		}
		if e.Kind == factors.Passkey && !e.Attested && p.HardwareKeys != AnyHardware {
			e.AMR = slices.DeleteFunc(slices.Clone(e.AMR), func(amr string) bool { return amr == "hwk" })
		}
		out = append(out, e)
	}
	return out
}

// counts reports whether e counts: p allows it, and the person still has what it rests on. A recovery
// code is gone by being used. What is no factor counts nowhere.
func (p Policy) counts(e factors.Evidence, enrolled []factors.Enrollment) bool {
	switch e.Kind {
	case factors.Password, factors.Federated:
		return true
	case factors.Recovery:
		return p.Allows(e.Kind)
	case factors.TOTP, factors.Passkey, factors.Email:
		return slices.ContainsFunc(enrolled, func(have factors.Enrollment) bool {
			return have.Kind == e.Kind && e.Source == have.Source() && p.takes(have, enrolled) && !p.lesser(have, enrolled, e.At)
		})
	case factors.Ticket:
	}
	return false
}

// takes reports whether a proof of have counts. Where the policy lets people set up a factor of their own, a
// mailed code counts only beside one: it never stands in for setting one up.
func (p Policy) takes(have factors.Enrollment, enrolled []factors.Enrollment) bool {
	if have.Kind == factors.Email && slices.ContainsFunc(selfEnrolled, p.Lets) && !hasAuthenticator(enrolled) {
		return false
	}
	return p.Allows(have.Kind)
}

// able are the enrollments by which the person can prove something new that counts: what was proved in
// this sign-in has given all that it gives.
func able(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(enrolled), func(e factors.Enrollment) bool {
		return !p.takes(e, enrolled) || rests(tx.Proved, e) || p.lesser(e, enrolled, now)
	})
}

// lesser reports whether e is worth nothing at a time when the person had a passkey. What was proved before
// stays: whoever makes a passkey is not asked for it in the same sign-in.
func (p Policy) lesser(e factors.Enrollment, enrolled []factors.Enrollment, at time.Time) bool {
	return p.NoDowngrade && e.Kind != factors.Passkey && e.Kind != factors.Recovery && p.Allows(factors.Passkey) &&
		slices.ContainsFunc(enrolled, func(have factors.Enrollment) bool { return have.Kind == factors.Passkey && have.Created.Before(at) })
}

// rests reports whether any of the evidence is a proof of e.
func rests(evidence []factors.Evidence, e factors.Enrollment) bool {
	return slices.ContainsFunc(evidence, func(ev factors.Evidence) bool { return ev.Kind == e.Kind && ev.Source == e.Source() })
}

// primary reports whether e can be the first proof of a sign-in: a passkey can that verified its user.
func primary(e factors.Evidence) bool {
	return e.Kind == factors.Password || e.Kind == factors.Federated || (e.Kind == factors.Passkey && e.Class&factors.Is != 0)
}
