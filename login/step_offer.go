package login

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// recovery takes the word of the person that the recovery code which is shown is recorded, and makes
// it the one that is good.
func (s *Server) recovery(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answers(w, r, "recovery", func(_ StepKind, c ceremony) bool { return c.enroll && c.kind == factors.Recovery })
	if err != nil || !ok {
		return err
	}
	e, err := s.Factors[factors.Recovery].FinishEnroll(r.Context(), v.person(), v.tx.Pending.State,
		factors.Answer{Confirmed: r.PostFormValue("confirmed") != ""})
	switch {
	case errors.Is(err, factors.ErrWrong):
		return s.wrong(w, r, v, says("recovery.confirm"))
	case err != nil:
		return fmt.Errorf("replace the recovery code: %w", err)
	}
	return s.setUp(w, r, v, e)
}

// offered opens the transaction for an answer to one of the offers. It reports false, having sent the
// browser to the page of the step that is open, for an answer to any other. What the page of the answer
// has told the browser is noted, also where there is nothing to ask any more: a passkey may have been
// removed meanwhile.
func (s *Server) offered(w http.ResponseWriter, r *http.Request, offers ...OfferKind) (visit, bool, error) {
	v, err := s.open(r)
	if err != nil {
		return v, false, err
	}
	if v.step.Kind == Offer || v.step.Kind == Done {
		if err := s.signaled(w, r, v); err != nil {
			return v, false, err
		}
	}
	if v.step.Kind == Offer && slices.Contains(offers, v.step.Offer) {
		return v, true, nil
	}
	if err := s.outOfStep(r.Context(), v.tx, string(offers[0])); err != nil {
		return v, false, err
	}
	s.see(w, r, v.tx)
	return v, false, nil
}

// later puts the open offer off, or what the person came to set up. It never blocks.
func (s *Server) later(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	switch {
	case v.step.Kind != Offer && v.step.Kind != Add:
		if err := s.outOfStep(r.Context(), v.tx, "later"); err != nil {
			return err
		}
		s.see(w, r, v.tx)
		return nil
	case v.step.Offer == OfferEnroll && v.step.Leave.Skips > 0:
		return s.skip(w, r, v)
	case v.step.Offer == OfferTrust:
		if err := s.onDevice(w, r, v, func(d *Device) { d.Remind = v.remind() }); err != nil {
			return err
		}
	case v.step.Offer == OfferRecovery:
		if err := s.onDevice(w, r, v, func(d *Device) { d.RemindRecovery = v.remind() }); err != nil {
			return err
		}
	}
	return s.setAside(w, r, v)
}

// remind is when "Remind me later" is.
func (v visit) remind() time.Time { return v.now.Add(time.Duration(v.policy.Trust.RemindAfter)) }

// skip puts off setting up a factor, once of the times that the policy leaves. It is counted before it
// holds: what is cut short in between costs a time, and lets nobody in for nothing. Two tabs of one sign-in are
// counted once.
func (s *Server) skip(w http.ResponseWriter, r *http.Request, v visit) error {
	err := s.Leaves.PutOff(r.Context(), v.user.ID, v.org.ID, hex.EncodeToString(bookmarkID(v.tx.ID)), v.org.Skips, storage.With(storage.Event{
		At: v.now, Type: storage.EnrollmentPutOff, UserID: v.user.ID, OrgID: v.org.ID,
	}))
	if errors.Is(err, storage.ErrConflict) { // another tab or sign-in was first: the page says what is left
		s.see(w, r, v.tx)
		return nil
	}
	if err != nil {
		return storeFailed("count that setting up was put off", err)
	}
	return s.setAside(w, r, v)
}

// setAside goes on without what the open step asks for.
func (s *Server) setAside(w http.ResponseWriter, r *http.Request, v visit) error {
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if !v.stillOpen(t) {
			return false
		}
		t.Pending = nil
		v.settled(t)
		if v.step.Kind == Add {
			t.Return = t.home() // which has nothing to say of what was not done
		}
		return true
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// onDevice changes what the browser remembers of the person.
func (s *Server) onDevice(w http.ResponseWriter, r *http.Request, v visit, change func(*Device)) error {
	if err := s.keepDevice(w, r, v.user.ID, v.tx.Can, change); err != nil {
		return fmt.Errorf("remember the device: %w", err)
	}
	return nil
}

// never is "Not on this device".
func (s *Server) never(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.offered(w, r, OfferTrust)
	if err != nil || !ok {
		return err
	}
	if err := s.onDevice(w, r, v, func(d *Device) { d.Refused = true }); err != nil {
		return err
	}
	return s.setAside(w, r, v)
}

// registered is the passkey that was just made and has to be named.
func (v visit) registered() factors.Enrollment {
	i := slices.IndexFunc(v.enrolled, func(e factors.Enrollment) bool { return e.ID == v.tx.Registered })
	if i < 0 {
		return factors.Enrollment{}
	}
	return v.enrolled[i]
}

// name keeps what the person calls the passkey that was just made.
func (s *Server) name(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.offered(w, r, OfferName)
	if err != nil || !ok {
		return err
	}
	name, refusal := factorName(r.PostFormValue("name"))
	if refusal != "" {
		return s.wrong(w, r, v, says(refusal))
	}
	if e := v.registered(); name != e.Name {
		err := s.Additions.RenameEnrollment(r.Context(), v.user.ID, e.ID, name, v.user.Grounds(), storage.With(storage.Event{
			At: v.now, Type: storage.FactorRenamed, UserID: v.user.ID, OrgID: v.org.ID,
			Detail: map[string]string{"factor": string(e.Kind)},
		}))
		if errors.Is(err, storage.ErrConflict) { // it is asked for again, if it still is
			s.see(w, r, v.tx)
			return nil
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) { // removed meanwhile: there is nothing to name
			return storeFailed("name a passkey", err)
		}
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if t.Registered != v.tx.Registered {
			return false
		}
		t.Registered = ""
		return true
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// replace goes on to setting up what takes the place of what is lost: an authenticator app in that of
// all that there are, or one more passkey. Which one is lost only its owner knows.
func (s *Server) replace(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.offered(w, r, OfferReplace)
	if err != nil || !ok {
		return err
	}
	kind := v.step.Methods[0]
	if wanted := factors.Kind(r.PostFormValue("method")); slices.Contains(v.step.Methods, wanted) {
		kind = wanted
	}
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if !v.stillOpen(t) {
			return false
		}
		t.Adds, t.Replaces = kind, kind == factors.TOTP
		v.settled(t) // it is offered once
		return true
	})
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// signal goes on after the browser was told which passkeys there are.
func (s *Server) signal(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.offered(w, r, OfferSignal)
	if err != nil || !ok {
		return err
	}
	return s.setAside(w, r, v)
}

// signaled notes what the browser was told by the page that the person has just left, as that page says: of
// what has changed since, the browser is told at the next sign-in. It is no more than a hint, so the word
// of the browser will do.
func (s *Server) signaled(w http.ResponseWriter, r *http.Request, v visit) error {
	told := r.PostFormValue(templates.Told)
	if !slices.Contains(v.tx.Can, CanSignal) || !r.PostForm.Has(templates.Told) || !isSignaled(told) {
		return nil
	}
	return s.onDevice(w, r, v, func(d *Device) { d.Signaled = told })
}

// signals are what the browser is told of the person's passkeys; nothing where there is nothing to tell.
func (s *Server) signals(ctx context.Context, v visit) (templates.Signals, error) {
	if s.Passkeys == nil {
		return templates.Signals{}, nil
	}
	accepted, details, err := s.Passkeys.Signals(ctx, v.user.Factor(), v.of(factors.Passkey))
	if err != nil {
		return templates.Signals{}, storeFailed("read what the browser is told of passkeys", err)
	}
	return templates.Signals{Accepted: string(accepted), Details: string(details), Told: Signaled(v.enrolled, v.user.called())}, nil
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
			Can: t.Can, Started: t.Started, Version: t.Version,
		}
		if v.tx.Return != "" { // a page of ours, which asks anew for what it takes of whoever it is then
			t.Return, t.Demand = v.tx.home(), Demand{}
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

// cancel goes back to the app without a sign-in, or to the page that a factor was to be added from.
func (s *Server) cancel(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	switch v.step.Kind {
	case Fail:
		return s.fail(w, r, v.tx, v.step.Error)
	case Add: // what was proved for it is not lost
		return s.setAside(w, r, v)
	case Identify, Prove, Challenge, Ticket, Enroll, Offer, Done:
	}
	return s.fail(w, r, v.tx, ErrorAccessDenied)
}
