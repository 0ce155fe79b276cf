package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// facts are what a step is decided on, beside the transaction. They are read anew for every
// request, and any error of reading them stops it.
type facts struct {
	user      User
	orgs      []Org // the person's
	org       Org   // the one whose policy binds; zero for none
	policy    Policy
	enrolled  []factors.Enrollment
	session   session.Session // the one that lends evidence; zero for none
	gone      bool            // the person is deleted or disabled
	notMember bool            // the person is not in the organization that the client named
}

// facts reads them. A person who is not known yet is under nobody's policy.
func (s *Server) facts(ctx context.Context, tx Transaction, now time.Time) (facts, error) {
	if tx.UserID == "" {
		return facts{policy: Personal()}, nil
	}
	standing, err := s.People.Standing(ctx, tx.UserID, tx.SessionID)
	if errors.Is(err, storage.ErrNotFound) {
		return facts{policy: Personal(), gone: true}, nil
	}
	if err != nil {
		return facts{}, storeFailed("read the person", err)
	}
	enrolled, err := s.Enrollments.Enrollments(ctx, tx.UserID)
	if err != nil {
		return facts{}, storeFailed("read the person's factors", err)
	}
	f := facts{
		user: standing.User, orgs: standing.Orgs, gone: !standing.User.Disabled.IsZero(),
		enrolled: s.kinds.WithMailbox(standing.User, enrolled),
	}
	var member bool
	f.org, member = binding(tx.Demand.Org, standing.Orgs, now)
	f.notMember = !member
	f.policy = s.policy(f.org, standing.Orgs, skipsBefore(tx, f.org), now)
	if f.policy.live(standing.Session, now) {
		f.session = standing.Session
	}
	return f, nil
}

// policy is what binds a person of orgs now, who is bound by org and had put off setting up a factor skips
// times: without the factors that this deployment does not have.
func (s *Server) policy(org Org, orgs []Org, skips int, now time.Time) Policy {
	return s.kinds.Of(org.policyAt(now, skips)).Among(orgs, now)
}

// Mailbox is the verified mailbox of a person as a factor, which nobody has to set up. Its id is the
// address, and it is as old as what is known of that. It returns false for who has none.
func Mailbox(u User) (factors.Enrollment, bool) {
	if u.Email == "" || !u.EmailVerified {
		return factors.Enrollment{}, false
	}
	return factors.Enrollment{ID: u.Email, UserID: u.ID, Kind: factors.Email, Created: u.EmailSet, Confirmed: u.EmailSet}, true
}

// binding is the organization that binds a person of orgs: the named one or, when none is named, the
// strictest; the zero Org is nobody's. It returns false for who is not in the named one.
func binding(named string, orgs []Org, now time.Time) (Org, bool) {
	if named == "" {
		org, _ := Strictest(orgs, now)
		return org, true
	}
	i := slices.IndexFunc(orgs, func(o Org) bool { return o.ID == named })
	if i < 0 {
		return Org{}, false
	}
	return orgs[i], true
}

// policyAt is what the organization of a Standing demands of its person now, who had put off setting up a
// factor skips times. Who is in none is under the personal policy.
func (o Org) policyAt(now time.Time, skips int) Policy {
	if o.ID == "" {
		return Personal()
	}
	return o.Policy.At(now, o.Joined, skips)
}

// skipsBefore is how often the person had put off setting up a factor when tx began: what was put off in
// it is good for it, also when it was the last time.
func skipsBefore(tx Transaction, o Org) int {
	if slices.Contains(tx.PutOff, OfferEnroll) {
		return max(o.Skips-1, 0)
	}
	return o.Skips
}

// live reports whether the policy lets a session still be used.
func (p Policy) live(s session.Session, now time.Time) bool {
	return s.ID != "" && s.Live(now, time.Duration(p.Session.Idle), time.Duration(p.Session.Overall))
}

// known returns tx with what these facts say of it: only the evidence that they bear out, of what the
// session lends now and of what was proved, the person's own wish, and name. Who was signed out everywhere
// is signed out of what is half done too, but beside the session that went on.
func (f facts) known(tx Transaction, now time.Time) Transaction {
	tx.Borrowed = f.user.borne(f.session.Evidence, now)
	tx.Proved = f.user.borne(tx.Proved, now)
	if f.session.ID == "" || f.session.ID != f.user.Kept {
		tx.Proved = slices.DeleteFunc(tx.Proved, func(e factors.Evidence) bool { return e.At.Before(f.user.ShutOut) })
	}
	tx.Default, tx.Called = f.user.Default, f.user.called()
	return tx
}

// mailReset is how long a password that was set on the word of the mailbox alone rests on it: what a
// mail code proves beside it is the same mailbox once more.
const mailReset = 7 * 24 * time.Hour

// borne is the evidence that still holds for the person. A password that was set by a link in a mail rests on
// the mailbox for a while.
func (u User) borne(evidence []factors.Evidence, now time.Time) []factors.Evidence {
	out := slices.DeleteFunc(slices.Clone(evidence), u.outdated)
	for i, e := range out {
		if e.Kind != factors.Password {
			continue
		}
		out[i].Source = passwordSource
		if !u.PasswordMail.IsZero() && now.Before(u.PasswordMail.Add(mailReset)) {
			out[i].Source = factors.MailboxSource(u.Email)
		}
	}
	return out
}

// passwordSource is what the proof of a password rests on: a person has one.
const passwordSource = "password"

// outdated reports whether e was proved before nothing counted any more, or is proof of a password
// that is not the person's any more.
func (u User) outdated(e factors.Evidence) bool {
	if e.Kind == factors.Password && (e.Generation != u.Passwords || u.Passwords == 0 && e.At.Before(u.PasswordSet)) {
		return true // an instance of the release before sets passwords without counting them
	}
	return e.At.Before(u.Since)
}

// next is Next for these facts.
func (f facts) next(tx Transaction, now time.Time) Step {
	return Next(f.known(tx, now), f.policy, f.enrolled, now)
}

// evidence is what counts of tx for these facts.
func (f facts) evidence(tx Transaction, now time.Time) []factors.Evidence {
	p := f.policy
	if tx.Changes {
		p = p.changing(f.enrolled)
	}
	return Counted(f.known(tx, now), p, f.enrolled, now)
}
