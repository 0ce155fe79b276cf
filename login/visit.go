package login

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// visit is one request to the pages of a transaction: what is known, and what is next.
type visit struct {
	facts
	tx   Transaction
	step Step
	now  time.Time
}

// sameStep reports whether the same is open in another visit.
func (v visit) sameStep(other visit) bool {
	return v.step.Kind == other.step.Kind && v.step.Offer == other.step.Offer
}

// open reads the transaction of the path, if it is this browser's, and decides.
func (s *Server) open(r *http.Request) (visit, error) {
	tx, err := s.Transactions.Transaction(r.Context(), r.PathValue("tx"))
	if errors.Is(err, storage.ErrNotFound) {
		return visit{}, errLost
	}
	if err != nil {
		return visit{}, storeFailed("read a sign-in", err)
	}
	cookie := s.cookies.value(r, browserCookie)
	if !isSecret(cookie) || subtle.ConstantTimeCompare(browserHash(cookie), tx.BrowserHash) != 1 {
		if r.Method != http.MethodPost { // which was admitted with its form
			if err := s.admit(r.Context(), answerRate, s.Now()); err != nil {
				return visit{}, err
			}
		}
		if err := s.outOfStep(r.Context(), tx, "browser"); err != nil {
			return visit{}, err
		}
		return visit{}, otherBrowser{tx}
	}
	if tx.Can == nil {
		tx.Can = s.remembered(r).Can
	}
	if r.Method == http.MethodPost {
		tx.Can = heard(r.PostForm.Get(templates.Can), tx.Can)
	}
	return s.decide(r, tx)
}

// decide reads the facts and asks for the step.
func (s *Server) decide(r *http.Request, tx Transaction) (visit, error) {
	tx.Device = s.device(r, tx.UserID)
	v := visit{tx: tx, now: s.Now()}
	if !v.now.Before(tx.Expires) {
		return v, errLost
	}
	var err error
	if v.facts, err = s.facts(r.Context(), tx, v.now); err != nil {
		return v, err
	}
	v.step = v.facts.next(tx, v.now)
	if v.gone || v.notMember {
		v.step = Step{Kind: Fail, Error: ErrorAccessDenied, Stuck: true}
	}
	return v, nil
}

// answer opens the transaction for an answer to a step. It reports false, having sent the browser
// to the page of the step that is open, for an answer to any other.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, kind StepKind) (visit, bool, error) {
	v, err := s.open(r)
	if err != nil {
		return v, false, err
	}
	if v.step.Kind != kind {
		if err := s.outOfStep(r.Context(), v.tx, string(kind)); err != nil {
			return v, false, err
		}
		s.see(w, r, v.tx)
		return v, false, nil
	}
	return v, true, nil
}

// outOfStep notes a request that the pages would not have made: an answer to a step that is not
// open, or one from another browser. It may be an impatient person, and is refused all the same.
func (s *Server) outOfStep(ctx context.Context, tx Transaction, what string) error {
	return s.note(ctx, tx, storage.Event{
		At: s.Now(), Type: storage.SequenceFailed, UserID: tx.UserID, Detail: map[string]string{"step": what},
	})
}

// note records what is odd about a sign-in. What goes on and on is noted at noteRate, for a person who is
// known in all sign-ins together.
func (s *Server) note(ctx context.Context, tx Transaction, e storage.Event) error {
	var many tooMany
	if err := s.admitTo(ctx, noteRate, cmp.Or(tx.UserID, tx.ID)+":", s.Now()); errors.As(err, &many) {
		return nil
	} else if err != nil {
		return err
	}
	return s.record(ctx, storage.With(e))
}

// change is swap for an answer: its person may rest again from now on.
func (s *Server) change(ctx context.Context, tx Transaction, fn func(*Transaction) bool) (Transaction, error) {
	return s.swap(ctx, tx, func(t *Transaction) bool {
		if !fn(t) {
			return false
		}
		t.extend(s.Now())
		return true
	})
}

// swap applies fn to the transaction as it is now, and keeps it if nobody was faster; otherwise
// fn decides anew on what the other left. fn returns false when there is nothing left to change,
// which is no error: whoever asks for the step afterwards sees where things are.
func (s *Server) swap(ctx context.Context, tx Transaction, fn func(*Transaction) bool) (Transaction, error) {
	device, can := tx.Device, tx.Can
	for range raceLimit {
		next := tx
		if !fn(&next) {
			return tx, nil
		}
		err := s.Transactions.SwapTransaction(ctx, next)
		switch {
		case err == nil:
			next.Version++
			return next, nil
		case errors.Is(err, storage.ErrNotFound):
			return tx, errLost
		case !errors.Is(err, storage.ErrConflict):
			return tx, storeFailed("keep a sign-in", err)
		}
		tx, err = s.Transactions.Transaction(ctx, tx.ID)
		if errors.Is(err, storage.ErrNotFound) {
			return tx, errLost
		}
		if err != nil {
			return tx, storeFailed("read a sign-in", err)
		}
		tx.Device, tx.Can = device, can
	}
	return tx, errBusy
}

// proved appends evidence of userID to the transaction, unless it has become another person's.
func (s *Server) proved(ctx context.Context, tx Transaction, userID string, e factors.Evidence) (Transaction, error) {
	identifier := tx.Identifier
	return s.change(ctx, tx, func(t *Transaction) bool {
		if t.Identifier != identifier || (t.UserID != "" && t.UserID != userID) {
			return false
		}
		t.UserID = userID
		t.Proved = append(t.Proved[:len(t.Proved):len(t.Proved)], e)
		t.Pending, t.Parked = nil, nil
		return true
	})
}

// advance goes on after an answer: to the next page, or back to the client at once.
func (s *Server) advance(w http.ResponseWriter, r *http.Request, tx Transaction) error {
	v, err := s.decide(r, tx)
	if err != nil {
		return err
	}
	return s.proceed(w, r, v)
}

// proceed is advance for who has decided.
func (s *Server) proceed(w http.ResponseWriter, r *http.Request, v visit) error {
	if v.step.Kind == Done {
		return s.finish(w, r, v.tx)
	}
	s.see(w, r, v.tx)
	return nil
}
