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
	org       Org // the organization whose policy binds; zero for none
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
	f := facts{user: standing.User, gone: !standing.User.Disabled.IsZero(), enrolled: enrolled}
	var ok bool
	f.org, f.policy, ok = binding(tx.Demand.Org, standing.Orgs)
	f.notMember = !ok
	f.policy.Factors = slices.DeleteFunc(slices.Clone(f.policy.Factors), func(k factors.Kind) bool { return s.Factors[k] == nil })
	if f.policy.live(standing.Session, now) {
		f.session = standing.Session
	}
	return f, nil
}

// binding is the policy that binds a person of orgs: that of the named organization or, when none
// is named, of the strictest, or the personal one. It returns false for who is not in the named one.
func binding(named string, orgs []Org) (Org, Policy, bool) {
	if named != "" {
		i := slices.IndexFunc(orgs, func(o Org) bool { return o.ID == named })
		if i < 0 {
			return Org{}, Personal(), false
		}
		return orgs[i], orgs[i].Policy, true
	}
	if org, ok := Strictest(orgs); ok {
		return org, org.Policy, true
	}
	return Org{}, Personal(), true
}

// live reports whether the policy lets a session still be used.
func (p Policy) live(s session.Session, now time.Time) bool {
	return s.ID != "" && s.Live(now, time.Duration(p.Session.Idle), time.Duration(p.Session.Overall))
}

// known returns tx with only the evidence that these facts bear out: what the session lends now,
// and of passwords only the one that the person still has.
func (f facts) known(tx Transaction) Transaction {
	tx.Borrowed = slices.DeleteFunc(slices.Clone(f.session.Evidence), f.user.outdated)
	tx.Proved = slices.DeleteFunc(slices.Clone(tx.Proved), f.user.outdated)
	return tx
}

// outdated reports whether e is proof of a password that the person has changed since.
func (u User) outdated(e factors.Evidence) bool {
	return e.Kind == factors.Password && e.At.Before(u.PasswordSet)
}

// next is Next for these facts.
func (f facts) next(tx Transaction, now time.Time) Step {
	return Next(f.known(tx), f.policy, f.enrolled, now)
}

// evidence is what counts of tx for these facts.
func (f facts) evidence(tx Transaction, now time.Time) []factors.Evidence {
	return Counted(f.known(tx), f.policy, f.enrolled, now)
}
