package login

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// Recheck judges a grant anew when it is used: the person and the membership are live, the session
// is (unless offline), and what was proved still meets the policy of now. How old the proof is does
// not matter here: a grant says when, and the client judges. ErrDenied wraps why not.
//
// It is one round trip, and no use of the session: an app that refreshes by itself in a forgotten
// tab must not keep a person signed in.
func (s *Server) Recheck(ctx context.Context, r Result, offline bool) error {
	var p proof
	if err := json.Unmarshal(r.Proof, &p); err != nil {
		return fmt.Errorf("read the proof of a grant: %w", err)
	}
	sessionID := r.SessionID
	if offline {
		sessionID = ""
	}
	standing, err := s.People.Standing(ctx, r.UserID, sessionID)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: the person is gone", ErrDenied)
	}
	if err != nil {
		return storeFailed("read the person", err)
	}
	if !standing.User.Disabled.IsZero() {
		return fmt.Errorf("%w: the person is disabled", ErrDenied)
	}
	if slices.ContainsFunc(p.Evidence, standing.User.outdated) {
		return fmt.Errorf("%w: the password was changed", ErrDenied)
	}
	if r.OrgID != "" && !slices.ContainsFunc(standing.Orgs, func(o Org) bool { return o.ID == r.OrgID }) {
		return fmt.Errorf("%w: the person has left the organization", ErrDenied)
	}
	org, policy, ok := binding(p.Named, standing.Orgs)
	if !ok {
		return fmt.Errorf("%w: the person has left the organization", ErrDenied)
	}
	if !offline && !policy.live(standing.Session, s.Now()) {
		return fmt.Errorf("%w: the session has ended", ErrDenied)
	}
	if org.ID == p.Bound && policy.Epoch == p.Epoch {
		return nil
	}
	return s.rejudge(ctx, r.UserID, policy, p.Evidence)
}

// rejudge asks whether evidence meets a policy that it was not given under.
func (s *Server) rejudge(ctx context.Context, userID string, p Policy, evidence []factors.Evidence) error {
	var enrolled []factors.Enrollment
	if p.MFA == Optional { // the only case in which it matters
		var err error
		if enrolled, err = s.Enrollments.Enrollments(ctx, userID); err != nil {
			return storeFailed("read the person's factors", err)
		}
	}
	if p.demandsMFA(enrolled) && !multiFactor(allowed(p, evidence)) {
		return fmt.Errorf("%w: the proof does not meet the policy any more", ErrDenied)
	}
	return nil
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
