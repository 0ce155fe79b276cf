package login

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

// enroll takes the first code of an authenticator app that is being set up.
func (s *Server) enroll(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answers(w, r, "enroll", func(_ StepKind, c ceremony) bool { return c.enroll && c.kind == factors.TOTP })
	if err != nil || !ok {
		return err
	}
	typed := r.PostFormValue("code")
	if typed == "" {
		return s.wrong(w, r, v, says("code.empty"))
	}
	e, err := s.Factors[factors.TOTP].FinishEnroll(r.Context(), v.person(), v.tx.Pending.State, factors.Answer{Code: typed})
	switch {
	case errors.Is(err, factors.ErrWrong):
		return s.wrong(w, r, v, says(codeProblem(factors.TOTP, err)))
	case err != nil:
		return fmt.Errorf("set up an authenticator app: %w", err)
	}
	e.Name = v.appName(e.Name)
	return s.setUp(w, r, v, e)
}

// appName is what one more authenticator app is called until its owner calls it something else: by usual,
// with a number where there is another of that name beside it.
func (v visit) appName(usual string) string {
	if v.replaces(factors.TOTP) {
		return usual
	}
	name := usual
	for n := 2; slices.ContainsFunc(v.of(factors.TOTP), func(e factors.Enrollment) bool { return e.Name == name }); n++ {
		name = fmt.Sprintf("%s %d", usual, n)
	}
	return name
}

// replaces reports whether what the open step sets up takes the place of all others of its kind.
func (v visit) replaces(k factors.Kind) bool {
	return v.step.Kind == Add && v.tx.Replaces && v.tx.Adds == k
}

// setUp keeps a factor that the person has set up, for the open step. The store refuses it when anything
// that was decided on has changed meanwhile: it is decided anew, and tried again only where the same is
// still asked for.
func (s *Server) setUp(w http.ResponseWriter, r *http.Request, v visit, e factors.Enrollment) error {
	for range raceLimit {
		err := s.keep(r, v, e)
		switch {
		case err == nil:
			return s.isSetUp(w, r, v, e)
		case errors.Is(err, factors.ErrTaken):
			return s.wrong(w, r, v, says("passkey.taken"))
		case !errors.Is(err, storage.ErrConflict):
			return storeFailed("keep a factor", err)
		}
		now, err := s.decide(r, v.tx)
		if err != nil {
			return err
		}
		// It may be there: an answer can come twice, and the first time may have been cut short.
		if slices.ContainsFunc(now.enrolled, func(other factors.Enrollment) bool { return other.ID == e.ID }) {
			return s.isSetUp(w, r, v, e)
		}
		if !v.sameStep(now) || now.user.Grounds() == v.user.Grounds() {
			return s.notSetUp(w, r, v)
		}
		v = now
	}
	return errBusy
}

// keep hands e to the store: a first one, whatever it was asked for, as the first.
func (s *Server) keep(r *http.Request, v visit, e factors.Enrollment) error {
	ctx, on, trail := r.Context(), v.user.Grounds(), s.enrolled(r, v, e.Kind, e.ID)
	switch first := v.step.Kind == Enroll || v.step.Offer == OfferEnroll || !owns(v.enrolled); {
	case e.Kind == factors.Recovery:
		return s.Additions.ReplaceRecovery(ctx, e, on, trail)
	case first:
		return s.Enrollments.EnrollFirst(ctx, e, on, trail)
	}
	return s.Additions.AddEnrollment(ctx, e, on, v.replaces(e.Kind), trail)
}

// isSetUp goes on after a factor was kept. To do so twice is as good as once.
func (s *Server) isSetUp(w http.ResponseWriter, r *http.Request, v visit, e factors.Enrollment) error {
	ctx := r.Context()
	tx, err := s.change(ctx, v.tx, func(t *Transaction) bool {
		if t.UserID != v.tx.UserID {
			return false
		}
		if e.Proved.Kind != "" && !rests(t.Proved, e) {
			t.Proved = append(t.Proved[:len(t.Proved):len(t.Proved)], e.Proved)
		}
		if e.Kind == factors.Passkey {
			t.Registered = e.ID
		}
		if began := v.tx.Pending; began == nil || t.Pending.same(began) { // not what a page after it began
			t.Pending = nil
		}
		t.Parked = nil
		v.settled(t)
		if t.Adds == e.Kind { // the first one is what the person came for
			t.Adds, t.Replaces = "", false
		}
		return true
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// settled notes that the open step has what it asked for, or is put off.
func (v visit) settled(t *Transaction) {
	switch v.step.Kind {
	case Add:
		t.Adds, t.Replaces = "", false
	case Offer:
		t.PutOff = append(t.PutOff[:len(t.PutOff):len(t.PutOff)], v.step.Offer)
	case Identify, Prove, Challenge, Ticket, Enroll, Done, Fail:
	}
}

// stillOpen reports whether t is the same person's, and asks for what the open step does: of two tabs
// the other may have been faster, and may have gone on to another person.
func (v visit) stillOpen(t *Transaction) bool {
	switch v.step.Kind {
	case Add:
		return t.UserID == v.tx.UserID && t.Adds == v.tx.Adds
	case Offer:
		return t.UserID == v.tx.UserID && !slices.Contains(t.PutOff, v.step.Offer)
	case Identify, Prove, Challenge, Ticket, Enroll, Done, Fail:
	}
	return t.UserID == v.tx.UserID
}

// notSetUp goes on after the store refused a factor: to what is asked for now or, where the person has as
// many as there may be, with that reason. What was only offered is offered no more.
func (s *Server) notSetUp(w http.ResponseWriter, r *http.Request, v visit) error {
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if !v.stillOpen(t) {
			return false
		}
		t.Pending = nil
		if v.step.Kind == Offer {
			v.settled(t)
		}
		return true
	})
	if err != nil {
		return err
	}
	now, err := s.decide(r, tx)
	if err != nil {
		return err
	}
	settled := now.step.Kind == Done || now.step.Kind == Offer
	if v.step.Kind == Add && settled && len(now.of(v.tx.Adds)) >= MaxOfKind {
		now.step = v.step
		return s.wrong(w, r, now, says("enroll.full"))
	}
	return s.advance(w, r, tx)
}

// enrolled is what setting up a factor leaves behind, also of those whose place it takes.
func (s *Server) enrolled(r *http.Request, v visit, kind factors.Kind, enrollmentID string) storage.Trail {
	trail := storage.With(storage.Event{
		At: v.now, Type: storage.Enrolled, UserID: v.user.ID, OrgID: v.org.ID,
		Detail: map[string]string{"factor": string(kind)},
	})
	what := notice.Change{What: notice.Added, Kind: kind}
	if v.replaces(kind) {
		for range v.of(kind) {
			what.What = notice.Replaced
			trail.Events = append(trail.Events, storage.Event{
				At: v.now, Type: storage.FactorRemoved, UserID: v.user.ID, OrgID: v.org.ID,
				Detail: map[string]string{"factor": string(kind), "reason": "replaced"},
			})
		}
	}
	s.notify(&trail, v.user, what, enrollmentID, v.now, storage.OriginOf(r.Context()))
	return trail
}

// challenge takes a code of the second factor that the page asked for.
func (s *Server) challenge(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answers(w, r, "challenge", func(k StepKind, c ceremony) bool { return k == Challenge && c.kind != factors.Passkey })
	if err != nil || !ok {
		return err
	}
	kind, typed := v.tx.Pending.Kind, r.PostFormValue("code")
	if typed == "" {
		return s.wrong(w, r, v, says(codeProblem(kind, nil)))
	}
	r, done := heldOn(r)
	defer done()
	evidence, refusal, err := s.verify(r, v, v.tx.Pending, factors.Answer{Code: typed})
	var l locked
	switch {
	case errors.As(err, &l):
		return s.wait(w, r, v, l)
	case err != nil:
		return storeFailed("verify "+string(kind), err)
	case refusal != nil:
		return s.notRight(w, r, v, says(codeProblem(kind, refusal)))
	}
	tx, err := s.proved(r.Context(), v.tx, v.user.ID, evidence)
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// notRight shows the open page again after a code that is not right, unless the same code was sent twice and
// has just been taken: then it goes on to where that led.
func (s *Server) notRight(w http.ResponseWriter, r *http.Request, v visit, p problem) error {
	tx, err := s.Transactions.Transaction(r.Context(), v.tx.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errFinished
	case err != nil:
		return storeFailed("read a sign-in", err)
	case len(tx.Proved) > len(v.tx.Proved) && tx.UserID == v.tx.UserID:
		s.see(w, r, tx)
		return nil
	}
	return s.wrong(w, r, v, p)
}

// used is what a proof leaves behind beside itself: the person is told when a recovery code is.
func (s *Server) used(r *http.Request, v visit, kind factors.Kind) storage.Trail {
	if kind != factors.Recovery {
		return storage.Trail{}
	}
	trail := storage.With(storage.Event{At: v.now, Type: storage.RecoveryUsed, UserID: v.user.ID, OrgID: v.org.ID})
	s.notify(&trail, v.user, notice.Change{What: notice.Used, Kind: kind}, "", v.now, storage.OriginOf(r.Context()))
	return trail
}

// codeProblem is the message about a code; nil is one that is empty.
func codeProblem(kind factors.Kind, refusal error) string {
	what := "code"
	switch kind {
	case factors.Recovery:
		if refusal == nil || errors.Is(refusal, factors.ErrFormat) {
			return "recovery.format"
		}
		return "recovery.wrong"
	case factors.Email:
		what = "email"
	}
	switch {
	case refusal == nil:
		return what + ".empty"
	case errors.Is(refusal, factors.ErrFormat):
		return what + ".format"
	case errors.Is(refusal, factors.ErrReplayed):
		return what + ".replayed"
	case errors.Is(refusal, factors.ErrExpired):
		return what + ".expired"
	}
	return what + ".wrong"
}
