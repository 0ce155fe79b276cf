package login

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
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
			return s.refused(w, r, tx, step.Error)
		}
		return s.sso(w, r, tx, f, now)
	}
	if !f.notMember && step.Kind == Done {
		return s.sso(w, r, tx, f, now)
	}
	if !f.notMember && step.Kind == Fail && !step.Stuck {
		return s.refused(w, r, tx, step.Error)
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
	seeded.Identifier, seeded.Device = f.user.Email, s.device(r, current.UserID)
	*tx = seeded
	return f, nil
}

// beginHere signs a person in for a page of ours: what it needs is in own (Demand, Return, Adds). The
// page has found that the browser's session does not say enough.
func (s *Server) beginHere(w http.ResponseWriter, r *http.Request, own Transaction) error {
	now := s.Now()
	if err := s.admit(r.Context(), beginRate, now); err != nil {
		return err
	}
	own.ID, own.Started = rand.Text(), now
	own.BrowserHash = browserHash(s.cookies.browser(w, r))
	if _, err := s.seed(r, &own, now); err != nil {
		return err
	}
	return s.start(w, r, own, now)
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
	return s.deliver(w, r, tx, f, f.session.ID, now)
}

// deliver tells who asked for the sign-in what came of it: the client, or the page of ours.
func (s *Server) deliver(w http.ResponseWriter, r *http.Request, tx Transaction, f facts, sessionID string, now time.Time) error {
	if tx.Return != "" {
		to := tx.Return
		if tx.Adds != "" { // it came to nothing: it may not be added any more
			to = accountPath
		}
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	}
	result, err := f.result(tx, sessionID, now)
	if err != nil {
		return err
	}
	return s.Finish(w, r, result)
}

// refused tells who asked for the sign-in that nothing came of it. A person who is signed in all the
// same is led to the account: the page that asked would only ask again.
func (s *Server) refused(w http.ResponseWriter, r *http.Request, tx Transaction, oauthError string) error {
	if oauthError == ErrorUnmet {
		err := s.record(r.Context(), storage.With(storage.Event{
			At: s.Now(), Type: storage.SignInUnmet, UserID: tx.UserID, OrgID: tx.Demand.Org, SessionID: tx.SessionID,
			Detail: map[string]string{
				"app": tx.Demand.App.Name, "acr": spaced(knownOnly(tx.Demand.ACR)), "floor": spaced(tx.Demand.FloorACR),
			},
		}))
		if err != nil {
			return err
		}
	}
	if tx.Return == "" {
		return s.Fail(w, r, tx.Request, oauthError)
	}
	page := templates.Notice{Frame: s.frame(r, tx.Demand)}
	_, ok, err := s.resident(r)
	switch {
	case err != nil:
		return err
	case ok && oauthError == ErrorAccessDenied:
		http.Redirect(w, r, accountPath, http.StatusSeeOther)
		return nil
	case oauthError == ErrorAccessDenied:
		page.Title, page.Body = said("notice.stayedout")
		page.Link = templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.signin"}}
		return templates.Serve(w, r, http.StatusOK, page)
	}
	page.Title, page.Body = said("notice.unable")
	page.Link = templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.account"}}
	return templates.Serve(w, r, http.StatusForbidden, page)
}
