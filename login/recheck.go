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
// what the client's registration demands of every sign-in now. How old the proof is does not matter
// here: a grant says when, and the client judges. ErrDenied wraps why not.
//
// It is one round trip, and no use of the session: an app that refreshes by itself in a forgotten
// tab must not keep a person signed in. A second one reads the person's factors, where something
// changed that the proof was judged by: a factor that was set up since is asked for here as it is at a
// sign-in, and a mail address that is not the person's any more proves nothing.
func (s *Server) Recheck(ctx context.Context, r Result, floor []string, offline bool) error {
	var p proof
	if err := json.Unmarshal(r.Proof, &p); err != nil {
		return fmt.Errorf("read the proof of a grant: %w", err)
	}
	sessionID := r.SessionID
	if offline {
		sessionID = ""
	}
	standing, err := s.stands(ctx, r.UserID, sessionID)
	if err != nil {
		return err
	}
	user := standing.User
	if slices.ContainsFunc(p.Evidence, user.outdated) {
		return fmt.Errorf("%w: the password was changed, or nothing of then counts any more", ErrDenied)
	}
	if r.OrgID != "" && !slices.ContainsFunc(standing.Orgs, func(o Org) bool { return o.ID == r.OrgID }) {
		return fmt.Errorf("%w: the person has left the organization", ErrDenied)
	}
	now := s.Now()
	org, ok := binding(p.Named, standing.Orgs, now)
	if !ok {
		return fmt.Errorf("%w: the person has left the organization", ErrDenied)
	}
	skips, live := org.Skips, time.Duration(org.Policy.Session.Overall)
	if org.ID == p.Bound && now.Sub(AuthTime(p.Evidence)) <= live { // what was put off since is about the sign-ins since
		skips = p.Skips
	}
	policy := s.policy(org, standing.Orgs, skips, now)
	if !offline && !policy.live(standing.Session, now) {
		return fmt.Errorf("%w: the session has ended", ErrDenied)
	}
	evidence := user.borne(p.Evidence, now)
	demanded := policy.MFA == Required // which may have begun by itself
	if org.ID != p.Bound || policy.Epoch != p.Epoch || user.Changes != p.Changes {
		if evidence, demanded, err = s.rejudge(ctx, user, policy, evidence); err != nil {
			return err
		}
	}
	switch {
	case !slices.ContainsFunc(evidence, primary), demanded && !multiFactor(evidence):
		return fmt.Errorf("%w: the proof does not meet the policy any more", ErrDenied)
	case len(floor) > 0 && !slices.ContainsFunc(floor, func(acr string) bool { return Met(acr, evidence) }):
		return fmt.Errorf("%w: the proof does not meet what the client demands", ErrDenied)
	}
	return nil
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

// rejudge finds out what of evidence counts under a policy that it was not given under, and for the
// factors that the person has now; and whether that policy demands two.
func (s *Server) rejudge(ctx context.Context, u User, p Policy, evidence []factors.Evidence) ([]factors.Evidence, bool, error) {
	enrolled, err := s.Enrollments.Enrollments(ctx, u.ID)
	if err != nil {
		return nil, false, storeFailed("read the person's factors", err)
	}
	enrolled = s.withMailbox(u, enrolled)
	return counting(evidence, p, enrolled), p.demandsMFA(enrolled), nil
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
