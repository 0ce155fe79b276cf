package login

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// finish ends tx, whose next step was Done. Taking it comes first, so that of two tabs one wins;
// then everything is read again, for what held at the last answer may hold no more.
func (s *Server) finish(w http.ResponseWriter, r *http.Request, tx Transaction) error {
	ctx := r.Context()
	err := s.Transactions.TakeTransaction(ctx, tx.ID, tx.Version)
	switch {
	case errors.Is(err, storage.ErrConflict):
		s.see(w, r, tx) // another tab went on with it
		return nil
	case errors.Is(err, storage.ErrNotFound):
		return errFinished
	case err != nil:
		return storeFailed("take a sign-in", err)
	}
	now := s.Now()
	f, err := s.facts(ctx, tx, now)
	if err != nil {
		return err
	}
	if step := f.next(tx, now); f.gone || f.notMember || step.Kind != Done {
		return s.again(w, r, tx, now)
	}
	evidence := f.evidence(tx, now)
	if err := s.remember(w, r, tx, true); err != nil {
		return fmt.Errorf("remember the request: %w", err)
	}
	if len(tx.Proved) == 0 {
		return s.sso(w, r, tx, f, now)
	}
	sessionID, err := s.settle(w, r, f, tx, evidence, now)
	if errors.Is(err, storage.ErrNotFound) { // at this very moment the person was disabled, or nothing of before counts any more
		tx.SessionID = "" // it lends nothing that a session could be made of: that would come back here
		return s.again(w, r, tx, now)
	}
	if err != nil {
		return err
	}
	return s.deliver(w, r, tx, f, sessionID, now)
}

// again goes on with what was proved in tx, which is taken, in a new transaction.
func (s *Server) again(w http.ResponseWriter, r *http.Request, tx Transaction, now time.Time) error {
	tx.ID, tx.Version, tx.Pending = rand.Text(), 0, nil
	return s.start(w, r, tx, now)
}

// proof is what Recheck judges a grant by: what was proved, for which organization, and under which
// state of its policy and of the person's factors.
type proof struct {
	Evidence []factors.Evidence `json:"evidence"`
	Named    string             `json:"named,omitempty"` // the organization that the client named
	Bound    string             `json:"bound,omitempty"` // the one whose policy was met
	Epoch    int64              `json:"epoch"`
	Changes  int64              `json:"changes,omitempty"` // User.Changes then
	Skips    int                `json:"skips,omitempty"`   // how often the person had put off setting up a factor before
}

// result is what op is told.
func (f facts) result(tx Transaction, sessionID string, now time.Time) (Result, error) {
	evidence := f.evidence(tx, now)
	p, err := json.Marshal(proof{
		Evidence: evidence, Named: tx.Demand.Org, Bound: f.org.ID, Epoch: f.policy.Epoch,
		Changes: f.user.Changes, Skips: skipsBefore(tx, f.org),
	})
	if err != nil {
		return Result{}, err
	}
	return Result{
		UserID: tx.UserID, OrgID: f.org.ID, SessionID: sessionID,
		AMR:       AMR(evidence),
		ACR:       ACR(slices.Concat(tx.Demand.ACR, tx.Demand.FloorACR), evidence),
		AuthTime:  AuthTime(evidence),
		Recovered: recovered(evidence),
		Withheld:  Withheld(f.orgs, evidence, f.enrolled, now),
		Request:   tx.Request, Proof: p,
	}, nil
}

func spaced(values []string) string { return strings.Join(values, " ") }
