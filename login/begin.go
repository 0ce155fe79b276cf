package login

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Begin signs a person in for a client, or finds that the browser's session says enough already.
// It answers the request, by a redirect to the first page or through Finish or Fail, unless it
// returns an error.
func (s *Server) Begin(w http.ResponseWriter, r *http.Request, demand Demand, request []byte) error {
	ctx, now := r.Context(), s.Now()
	var many tooMany
	if err := s.admit(ctx, beginRate, now); errors.As(err, &many) && demand.Silent {
		return s.Fail(w, r, request, ErrorUnavailable) // nobody looks at a page
	} else if many.wait > 0 {
		return s.explain(w, r, err)
	} else if err != nil {
		return err
	}
	tx := Transaction{
		ID: rand.Text(), Request: request, Demand: demand,
		BrowserHash: browserHash(s.cookies.browser(w, r)),
		Started:     now,
	}
	f, err := s.seed(r, &tx, now)
	if err != nil {
		return err
	}
	step := f.next(tx, now)
	if demand.Silent {
		if f.notMember {
			step = Step{Kind: Fail, Error: ErrorAccountSelection}
		}
		if step.Kind != Done {
			return s.Fail(w, r, request, step.Error)
		}
		return s.sso(w, r, tx, f, now)
	}
	if !f.notMember && step.Kind == Done {
		return s.sso(w, r, tx, f, now)
	}
	if !f.notMember && step.Kind == Fail && !step.Stuck {
		return s.Fail(w, r, request, step.Error)
	}
	return s.start(w, r, tx, now)
}

// seed lends tx the browser's session, if there is one that this demand may rest on.
func (s *Server) seed(r *http.Request, tx *Transaction, now time.Time) (facts, error) {
	nobody := facts{policy: Personal()}
	current, err := s.session(r)
	if err != nil {
		return facts{}, err
	}
	if d := tx.Demand; current.ID == "" || d.Select || (d.Subject != "" && d.Subject != current.UserID) {
		return nobody, nil
	}
	seeded := *tx
	seeded.UserID, seeded.SessionID = current.UserID, current.ID
	f, err := s.facts(r.Context(), seeded, now)
	if err != nil {
		return facts{}, err
	}
	if f.gone || f.session.ID == "" {
		return nobody, nil // whoever it is has to sign in, and is told then
	}
	seeded.Identifier = f.user.Email
	*tx = seeded
	return f, nil
}

// start keeps tx and sends the browser to its page.
func (s *Server) start(w http.ResponseWriter, r *http.Request, tx Transaction, now time.Time) error {
	tx.extend(now)
	if err := s.Transactions.CreateTransaction(r.Context(), tx); err != nil {
		return storeFailed("keep a new sign-in", err)
	}
	if err := s.remember(w, r, tx, false); err != nil {
		return fmt.Errorf("remember the request: %w", err)
	}
	s.see(w, r, tx)
	return nil
}

// extend lets the person rest for TransactionIdle from now on, within TransactionLifetime.
func (tx *Transaction) extend(now time.Time) {
	tx.Expires = now.Add(TransactionIdle)
	if end := tx.Started.Add(TransactionLifetime); tx.Expires.After(end) {
		tx.Expires = end
	}
}

// path is the page of tx, with what belongs to it.
func (tx Transaction) path(part string) string {
	p := "/u/login/" + tx.ID
	if part != "" {
		p += "/" + part
	}
	return p
}

// see sends the browser to the page of tx.
func (s *Server) see(w http.ResponseWriter, r *http.Request, tx Transaction) {
	http.Redirect(w, r, tx.path(""), http.StatusSeeOther)
}

// sso answers a client by the session that the browser has, and notes its use.
func (s *Server) sso(w http.ResponseWriter, r *http.Request, tx Transaction, f facts, now time.Time) error {
	if err := s.Sessions.TouchSession(r.Context(), f.session.ID, now); err != nil {
		return storeFailed("note the use of a session", err)
	}
	result, err := f.result(tx, f.session.ID, now)
	if err != nil {
		return err
	}
	return s.Finish(w, r, result)
}
