package login

import (
	"errors"
	"io"
	"net/http"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// mailed is what the page of a mailed code says of the mail.
func (s *Server) mailed(r *http.Request, v visit, p problem) (templates.Mailed, error) {
	m := templates.Mailed{Resend: v.tx.path("resend")}
	if !p.later.IsZero() {
		m.Wait = p.later.Sub(v.now)
	}
	pending := v.tx.Pending
	if !pending.is(s.asked(v)) {
		return m, nil
	}
	state, err := s.mailState(r, pending)
	if err != nil {
		return templates.Mailed{}, err
	}
	m.Address, m.State, m.Resent = pending.Prompt.Address, string(state), pending.Resent
	m.Wait = max(m.Wait, pending.Prompt.Again.Sub(v.now), 0)
	if state == storage.MailWaiting || state == storage.MailDelayed {
		m.Watch = v.tx.path("mail")
	}
	return m, nil
}

// mailState is how far the mail of a ceremony has come. One that the outbox has forgotten was sent.
func (s *Server) mailState(r *http.Request, p *Pending) (storage.MailState, error) {
	state, err := s.Outbox.MailState(r.Context(), p.Prompt.Mail)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return storage.MailSent, nil
	case err != nil:
		return "", storeFailed("read how far a mail is", err)
	}
	return state, nil
}

// mailPending opens the transaction for what is about the mailed code of the open step. It reports
// whether one was mailed.
func (s *Server) mailPending(r *http.Request) (v visit, open, sent bool, err error) {
	v, err = s.open(r)
	c := s.asked(v)
	open = err == nil && v.step.Kind == Challenge && c.kind == factors.Email
	return v, open, open && v.tx.Pending.is(c), err
}

// mail tells the script how far the mail has come.
func (s *Server) mail(w http.ResponseWriter, r *http.Request) error {
	v, _, sent, err := s.mailPending(r)
	if err != nil {
		return err
	}
	if !sent {
		return s.explain(w, r, errNoMail)
	}
	state, err := s.mailState(r, v.tx.Pending)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = io.WriteString(w, string(state))
	return err
}

// resend mails another code, in whose favour the one before is good no more. What failed stays
// counted.
func (s *Server) resend(w http.ResponseWriter, r *http.Request) error {
	v, open, sent, err := s.mailPending(r)
	if err != nil {
		return err
	}
	if !open {
		if err := s.outOfStep(r.Context(), v.tx, "resend"); err != nil {
			return err
		}
		s.see(w, r, v.tx)
		return nil
	}
	if !sent { // the page sends the first
		return s.show(w, r, v, http.StatusOK, problem{})
	}
	old := v.tx.Pending
	if again := old.Prompt.Again; again.After(v.now) {
		return s.tooSoon(w, r, v, again)
	}
	fresh, err := s.begin(r.Context(), v, s.asked(v))
	if later := (factors.Later{}); errors.As(err, &later) {
		return s.tooSoon(w, r, v, later.At)
	}
	if err != nil {
		return err
	}
	fresh.Resent = true
	tx, err := s.change(r.Context(), v.tx, func(t *Transaction) bool {
		if !t.Pending.same(old) {
			return false
		}
		t.Pending, t.Parked = fresh, nil
		return true
	})
	if err != nil {
		return err
	}
	s.see(w, r, tx)
	return nil
}

// tooSoon says when another mail can be had.
func (s *Server) tooSoon(w http.ResponseWriter, r *http.Request, v visit, at time.Time) error {
	p := saysWait("email.limit", at.Sub(v.now))
	p.later = at
	w.Header().Set("Retry-After", seconds(at.Sub(v.now)))
	return s.show(w, r, v, http.StatusTooManyRequests, p)
}
