package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// Recheck judges a grant anew when it is used: the person and the membership are live, the session
// is (unless offline), and what was proved still meets the policy of now, and one of floor, which is
// what the client's registration demands of every sign-in now. It still has to be what the grant says, too:
// its acr, and "hwk". How old the proof is does not matter here: a grant says when, and the client judges.
// ErrDenied wraps why not.
//
// It returns the scopes that the policies withhold by now: a hold that was set after the sign-in.
//
// It is one round trip, and no use of the session: an app that refreshes by itself in a forgotten
// tab must not keep a person signed in. A second one reads the person's factors, where something
// changed that the proof was judged by: a factor that was set up since is asked for here as it is at a
// sign-in, and a mail address that is not the person's any more proves nothing.
func (s *Server) Recheck(ctx context.Context, r Result, floor []string, offline bool) (withheld []string, err error) {
	var p proof
	if err := json.Unmarshal(r.Proof, &p); err != nil {
		return nil, fmt.Errorf("read the proof of a grant: %w", err)
	}
	sessionID := r.SessionID
	if offline {
		sessionID = ""
	}
	standing, err := s.stands(ctx, r.UserID, sessionID)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(p.Evidence, standing.User.outdated) {
		return nil, fmt.Errorf("%w: the password was changed, or nothing of then counts any more", ErrDenied)
	}
	now := s.Now()
	orgs, err := p.judges(r.OrgID, standing.Orgs, now)
	if err != nil {
		return nil, err
	}
	var enrolled []factors.Enrollment
	for _, org := range orgs {
		policy := p.policy(s, org, standing.Orgs, now)
		if !offline && !policy.live(standing.Session, now) {
			return nil, fmt.Errorf("%w: the session has ended", ErrDenied)
		}
		evidence := standing.User.borne(p.Evidence, now)
		demanded := policy.MFA == Required // which may have begun by itself
		if org.ID != p.Bound || policy.Epoch != p.Epoch || standing.User.Changes != p.Changes {
			if enrolled == nil {
				if enrolled, err = s.Enrollments.Enrollments(ctx, standing.User.ID); err != nil {
					return nil, storeFailed("read the person's factors", err)
				}
				enrolled = s.kinds.WithMailbox(standing.User, enrolled)
				withheld = Withheld(standing.Orgs, evidence, enrolled, now)
			}
			evidence, demanded = counting(evidence, policy, enrolled), policy.demandsMFA(enrolled)
			if !r.said(evidence) {
				return nil, fmt.Errorf("%w: the grant says more than the proof does by now", ErrDenied)
			}
		}
		switch {
		case !slices.ContainsFunc(evidence, primary), demanded && !multiFactor(evidence):
			return nil, fmt.Errorf("%w: the proof does not meet the policy any more", ErrDenied)
		case len(floor) > 0 && !slices.ContainsFunc(floor, func(acr string) bool { return Met(acr, evidence) }):
			return nil, fmt.Errorf("%w: the proof does not meet what the client demands", ErrDenied)
		}
	}
	return withheld, nil
}

// judges are the organizations by whose policies a grant is judged now: the one that binds, and the one that
// the grant names, since who reads its tokens takes them for a sign-in that this one accepts.
func (p proof) judges(granted string, orgs []Org, now time.Time) ([]Org, error) {
	left := fmt.Errorf("%w: the person has left the organization", ErrDenied)
	org, ok := binding(p.Named, orgs, now)
	if !ok {
		return nil, left
	}
	if granted == "" || granted == org.ID {
		return []Org{org}, nil
	}
	i := slices.IndexFunc(orgs, func(o Org) bool { return o.ID == granted })
	if i < 0 {
		return nil, left
	}
	return []Org{org, orgs[i]}, nil
}

// policy is what org demands of the person of the grant now.
func (p proof) policy(s *Server, org Org, orgs []Org, now time.Time) Policy {
	skips, live := org.Skips, time.Duration(org.Policy.Session.Overall)
	if org.ID == p.Bound && now.Sub(AuthTime(p.Evidence)) <= live { // what was put off since is about the sign-ins since
		skips = p.Skips
	}
	return s.policy(org, orgs, skips, now)
}

// said reports whether evidence bears out what r says of it.
func (r Result) said(evidence []factors.Evidence) bool {
	return (r.ACR == "" || Met(r.ACR, evidence)) && (!slices.Contains(r.AMR, "hwk") || slices.Contains(AMR(evidence), "hwk"))
}

// stands reads what a grant of a person is judged against. ErrDenied: the person is gone or disabled.
func (s *Server) stands(ctx context.Context, userID, sessionID string) (Standing, error) {
	standing, err := s.People.Standing(ctx, userID, sessionID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Standing{}, fmt.Errorf("%w: the person is gone", ErrDenied)
	case err != nil:
		return Standing{}, storeFailed("read the person", err)
	case !standing.User.Disabled.IsZero():
		return Standing{}, fmt.Errorf("%w: the person is disabled", ErrDenied)
	}
	return standing, nil
}

// Claims are what the provider says of a person. ErrDenied: the person is gone or disabled.
func (s *Server) Claims(ctx context.Context, userID string) (Claims, error) {
	u, err := s.People.User(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return Claims{}, fmt.Errorf("%w: the person is gone", ErrDenied)
	}
	if err != nil {
		return Claims{}, storeFailed("read the person", err)
	}
	if !u.Disabled.IsZero() {
		return Claims{}, fmt.Errorf("%w: the person is disabled", ErrDenied)
	}
	return Claims{
		Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified, Locale: u.Locale, Updated: u.Updated,
	}, nil
}
