package login

import (
	"errors"
	"net/http"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// recovery takes the word of the person that the recovery code is recorded.
func (s *Server) recovery(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answerBegun(w, r, Offer)
	if err != nil || !ok {
		return err
	}
	ctx := storage.WithTrail(r.Context(), s.enrolled(r, v, factors.Recovery, "", ""))
	_, err = s.Factors[factors.Recovery].FinishEnroll(ctx, v.user.Factor(), v.tx.Pending.State,
		factors.Answer{Confirmed: r.PostFormValue("confirmed") != ""})
	switch {
	case errors.Is(err, factors.ErrWrong):
		return s.wrong(w, r, v, says("recovery.confirm"))
	case errors.Is(err, storage.ErrNotFound): // replaced by another tab: the page shows a new one
	case err != nil:
		return storeFailed("confirm the recovery code", err)
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool { t.Pending = nil; return true })
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// later puts the open offer off. It never blocks.
func (s *Server) later(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answer(w, r, Offer)
	if err != nil || !ok {
		return err
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		t.PutOff = append(t.PutOff[:len(t.PutOff):len(t.PutOff)], v.step.Offer)
		t.Pending = nil
		return true
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// switchAccount forgets the person, and all that was proved, in favour of another. Who leaves the
// page of the password is there to correct the address, and finds it as it is.
func (s *Server) switchAccount(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		*t = Transaction{
			ID: t.ID, BrowserHash: t.BrowserHash, Request: t.Request, Demand: t.Demand,
			Started: t.Started, Version: t.Version,
		}
		if v.step.Kind == Prove {
			t.Edited = v.tx.Identifier
		}
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}

// cancel goes back to the app without a sign-in.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	if v.step.Kind == Fail {
		return s.fail(w, r, v.tx, v.step.Error)
	}
	return s.fail(w, r, v.tx, ErrorAccessDenied)
}
