package login

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// enroll takes the first code of a factor that is being set up. The store refuses it when the
// person has come to a factor meanwhile; the next step then asks for that one.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answerBegun(w, r, Enroll)
	if err != nil || !ok {
		return err
	}
	ctx, kind := r.Context(), v.tx.Pending.Kind
	typed := r.PostFormValue("code")
	if typed == "" {
		return s.wrong(w, r, v, says("code.empty"))
	}
	e, err := s.Factors[kind].FinishEnroll(ctx, v.user.Factor(), v.tx.Pending.State, factors.Answer{Code: typed})
	switch {
	case errors.Is(err, factors.ErrWrong):
		return s.wrong(w, r, v, says(codeProblem(kind, err)))
	case err != nil:
		return fmt.Errorf("set up %s: %w", kind, err)
	}
	err = s.Enrollments.EnrollFirst(ctx, e, v.now, s.enrolled(r, v, kind, e.ID, e.Name))
	if errors.Is(err, storage.ErrConflict) {
		tx, err := s.change(ctx, v.tx, func(t *Transaction) bool { t.Pending = nil; return true })
		if err != nil {
			return err
		}
		s.see(w, r, tx)
		return nil
	}
	if err != nil {
		return storeFailed("keep the first factor", err)
	}
	tx, err := s.proved(ctx, v.tx, v.user.ID, e.Proved)
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// enrolled is what setting up a factor leaves behind.
func (s *Server) enrolled(r *http.Request, v visit, kind factors.Kind, enrollmentID, name string) storage.Trail {
	trail := storage.With(storage.Event{
		At: v.now, Type: storage.Enrolled, UserID: v.user.ID, OrgID: v.org.ID,
		Detail: map[string]string{"factor": string(kind)},
	})
	what := notice.Change{What: notice.Added, Kind: kind, Name: name}
	s.notify(&trail, v.user.Factor(), what, enrollmentID, v.now, storage.OriginOf(r.Context()))
	return trail
}

// challenge takes an answer to the second factor that the page asked for.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answerBegun(w, r, Challenge)
	if err != nil || !ok {
		return err
	}
	ctx, kind := r.Context(), v.tx.Pending.Kind
	typed := r.PostFormValue("code")
	if typed == "" {
		return s.wrong(w, r, v, says(codeProblem(kind, nil)))
	}
	var (
		evidence factors.Evidence
		refusal  error
	)
	right, err := s.counted(ctx, kind, AttemptKey(kind, v.user.ID), v.user, v.now, func() (bool, error) {
		evidence, refusal = s.Factors[kind].Verify(storage.WithTrail(ctx, s.used(r, v, kind)),
			v.user.Factor(), v.of(kind), v.tx.Pending.State, factors.Answer{Code: typed})
		if errors.Is(refusal, factors.ErrWrong) {
			return false, nil
		}
		return refusal == nil, refusal
	})
	var l locked
	switch {
	case errors.As(err, &l):
		return s.wait(w, r, v, l)
	case err != nil:
		return storeFailed("verify "+string(kind), err)
	case !right:
		return s.wrong(w, r, v, says(codeProblem(kind, refusal)))
	}
	tx, err := s.proved(ctx, v.tx, v.user.ID, evidence)
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// used is what a proof leaves behind beside itself: the person is told when a recovery code is.
func (s *Server) used(r *http.Request, v visit, kind factors.Kind) storage.Trail {
	if kind != factors.Recovery {
		return storage.Trail{}
	}
	trail := storage.With(storage.Event{At: v.now, Type: storage.RecoveryUsed, UserID: v.user.ID, OrgID: v.org.ID})
	s.notify(&trail, v.user.Factor(), notice.Change{What: notice.Used, Kind: kind}, "", v.now, storage.OriginOf(r.Context()))
	return trail
}

// codeProblem is the message about an answer; nil is one that is empty.
func codeProblem(kind factors.Kind, refusal error) string {
	recovery := kind == factors.Recovery
	switch {
	case recovery && (refusal == nil || errors.Is(refusal, factors.ErrFormat)):
		return "recovery.format"
	case recovery:
		return "recovery.wrong"
	case refusal == nil:
		return "code.empty"
	case errors.Is(refusal, factors.ErrFormat):
		return "code.format"
	case errors.Is(refusal, factors.ErrReplayed):
		return "code.replayed"
	}
	return "code.wrong"
}

// methods lists the ways to prove a second time that would do and are not closed.
func (s *Server) methods(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	if v.step.Kind != Challenge {
		s.see(w, r, v.tx)
		return nil
	}
	open, err := s.openMethods(r.Context(), v)
	if err != nil {
		return err
	}
	if len(open) == 0 { // its page says whom to ask
		s.see(w, r, v.tx)
		return nil
	}
	page := templates.Methods{Frame: s.frame(r, v.tx.Demand), Action: v.tx.path("method"), Back: v.tx.path("")}
	for _, k := range open {
		page.Kinds = append(page.Kinds, string(k))
	}
	return templates.Serve(w, r, http.StatusOK, page, v.tx.Demand.App.Origins...)
}

// choose picks one of them. One that was not listed is refused: the list is all that would do.
func (s *Server) choose(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answer(w, r, Challenge)
	if err != nil || !ok {
		return err
	}
	kind := factors.Kind(r.PostFormValue("method"))
	if !slices.Contains(v.step.Methods, kind) {
		if err := s.outOfStep(r.Context(), v.tx, "method"); err != nil {
			return err
		}
		http.Redirect(w, r, v.tx.path("method"), http.StatusSeeOther)
		return nil
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if t.UserID != v.tx.UserID {
			return false
		}
		t.Chosen, t.Pending = kind, nil
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}
