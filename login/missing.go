package login

import (
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// MissingMethod is a way to prove that a person has and that is not asked for, and why.
type MissingMethod struct {
	Kind   factors.Kind
	Reason MissingReason
}

// MissingReason is why a way to prove is not asked for.
type MissingReason string

const (
	MissingByPolicy   MissingReason = "policy"     // the organization does not allow it
	MissingWeak       MissingReason = "weak"       // it is not enough for what is asked
	MissingLesser     MissingReason = "lesser"     // the organization asks who has a passkey for that
	MissingBrowser    MissingReason = "browser"    // the browser cannot use it
	MissingMailbox    MissingReason = "mailbox"    // the password was set on the word of the same mailbox
	MissingUnverified MissingReason = "unverified" // nobody has shown that the mail address is the person's
)

// Missing says why the open Challenge does not list what the person has. For a challenge that comes
// before a first factor, and for every other step, there is nothing to say.
func Missing(tx Transaction, p Policy, enrolled []factors.Enrollment, now time.Time) []MissingMethod {
	q := inquire(tx, p, enrolled, now)
	step := q.next()
	if step.Kind != Challenge || !owns(enrolled) {
		return nil
	}
	need := q.demanded(tx.Demand).any
	would := q.sufficient(need)
	var out []MissingMethod
	for _, k := range []factors.Kind{factors.Passkey, factors.TOTP, factors.Email, factors.Recovery} {
		if slices.Contains(step.Methods, k) {
			continue
		}
		has := func(e factors.Enrollment) bool { return e.Kind == k }
		reason := MissingWeak
		switch {
		case !slices.ContainsFunc(enrolled, has):
			if k != factors.Email || !q.p.Allows(k) {
				continue
			}
			reason = MissingUnverified
		case !q.p.Allows(k):
			reason = MissingByPolicy
		case q.p.lesser(factors.Enrollment{Kind: k}, enrolled, now):
			reason = MissingLesser
		case slices.ContainsFunc(would, has): // and was left out
			reason = MissingBrowser
		case k == factors.Email && q.sameMailbox(need):
			reason = MissingMailbox
		}
		out = append(out, MissingMethod{Kind: k, Reason: reason})
	}
	return out
}

// sameMailbox reports whether a mail code would do if the password did not rest on the mailbox itself.
func (q inquiry) sameMailbox(need requirement) bool {
	evidence := slices.Clone(q.evidence)
	for i, e := range evidence {
		if e.Kind == factors.Password {
			evidence[i].Source = passwordSource
		}
	}
	return slices.ContainsFunc(q.mailbox(), func(box factors.Enrollment) bool {
		return q.p.takes(box, q.enrolled) && need(append(slices.Clone(evidence), promised(box)))
	})
}
