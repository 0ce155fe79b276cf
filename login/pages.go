package login

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// problem is what a page says about the last answer.
type problem struct {
	text   templates.Text
	typed  string        // what to show in the field again; never a secret
	retry  time.Duration // how long nothing is verified
	closed bool          // nothing is verified until somebody sets it up again
	signal string        // what the browser is told of a passkey that we do not know
	later  time.Time     // with a code that is mailed: nothing was, and nothing is before
}

// says is the problem of a message without gaps.
func says(key string) problem { return problem{text: templates.Text{Key: key}} }

// saysWait is the problem of a message that says how long to wait.
func saysWait(key string, d time.Duration) problem {
	return problem{text: templates.Text{Key: key, Args: map[string]any{"Wait": d}}}
}

// page shows whatever is next. A HEAD asks only whether there is a page: it begins and ends nothing.
func (s *Server) page(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil || r.Method == http.MethodHead {
		return err
	}
	return s.show(w, r, v, http.StatusOK, problem{})
}

// back is for who loads the address of a form again.
func (s *Server) back(w http.ResponseWriter, r *http.Request) error {
	http.Redirect(w, r, Transaction{ID: r.PathValue("tx")}.path(""), http.StatusSeeOther)
	return nil
}

// show answers with the page of the open step. A step that ends the sign-in ends it.
func (s *Server) show(w http.ResponseWriter, r *http.Request, v visit, status int, p problem) error {
	switch v.step.Kind {
	case Done:
		return s.finish(w, r, v.tx)
	case Fail:
		return s.refuse(w, r, v)
	case Identify, Prove, Challenge, Ticket, Enroll, Add, Offer:
	}
	begun, err := s.begun(r, v)
	later := factors.Later{}
	switch {
	case errors.As(err, &later):
		if p.text.Key == "" {
			p = saysWait("email.limit", later.At.Sub(v.now))
		}
		p.later = later.At
	case err != nil:
		return err
	case !s.isShown(v, begun):
		s.see(w, r, begun.tx) // another tab went on meanwhile
		return nil
	}
	page, err := s.pageOf(r, begun, s.frame(r, v.tx.Demand), p)
	if err != nil {
		return err
	}
	return templates.Serve(w, r, status, page, v.tx.Demand.App.Origins...)
}

// isShown reports whether begun is still at the step of v, with its ceremony under way.
func (s *Server) isShown(v, begun visit) bool {
	c := s.asked(v)
	return v.sameStep(begun) && s.asked(begun) == c && (c == (ceremony{}) || begun.tx.Pending.is(c))
}

// pageOf is the page of the open step, whose ceremony is begun.
func (s *Server) pageOf(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	c := s.asked(v)
	switch v.step.Kind {
	case Identify:
		return templates.Identifier{
			Frame: frame, Action: v.tx.path("identifier"), Email: cmp.Or(p.typed, v.tx.Edited, v.tx.Demand.LoginHint),
			Passkey: v.ceremony(c), Problem: p.text, Signal: p.signal,
		}, nil
	case Prove:
		if c == (ceremony{kind: factors.Passkey}) {
			return s.passkeyPage(r, v, frame, p)
		}
		page := templates.Password{
			Frame: frame, Action: v.tx.path("password"), Edit: v.tx.path("switch"), Email: v.tx.Identifier,
			Problem: p.text, Retry: p.retry, Passkey: v.ceremony(c), Signal: p.signal,
			Closed: p.closed, Cancel: v.tx.path("cancel"), Again: v.again(),
		}
		var err error
		if p.closed {
			page.Reference, err = s.reference(r, v)
		}
		return page, err
	case Challenge:
		if c.kind == factors.Passkey {
			return s.passkeyPage(r, v, frame, p)
		}
		return s.codePage(r, v, frame, p)
	case Ticket:
		return s.ticketPage(r, v, frame, p)
	case Enroll, Add:
		return s.enrollPage(r, v, frame, p)
	case Offer:
		return s.offerPage(r, v, frame, p)
	case Done, Fail:
	}
	return nil, fmt.Errorf("no page for the step %q", v.step.Kind)
}

// ceremony is what the script needs of the passkey ceremony under way; nothing where c is none.
func (v visit) ceremony(c ceremony) templates.Ceremony {
	if c.kind != factors.Passkey || !v.tx.Pending.is(c) {
		return templates.Ceremony{}
	}
	return templates.Ceremony{
		Action: v.tx.path("passkey"), Options: string(v.tx.Pending.Prompt.Options), Create: c.enroll,
		Auto:    v.step.Kind == Identify,
		Expires: v.tx.Pending.Begun.Add(passkeyFresh).Sub(v.now),
		Absent:  !c.discover,
	}
}

// codePage asks for the code of a second factor.
func (s *Server) codePage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	kind := v.step.Methods[0]
	w, err := s.waysOf(r, v, kind, p)
	if err != nil {
		return nil, err
	}
	page := templates.Challenge{
		Frame: frame, Kind: string(kind), Action: v.tx.path("challenge"), Email: v.user.Email,
		Switch: v.tx.path("switch"), Again: v.again(), Problem: p.text, Retry: w.retry, Closed: w.closed,
		Other: w.other, Lost: w.lost, Cancel: w.cancel, Reference: w.reference,
	}
	if kind == factors.Email {
		if page.Mail, err = s.mailed(r, v, p); err != nil {
			return nil, err
		}
	}
	return page, nil
}

// passkeyPage asks for a passkey of the person.
func (s *Server) passkeyPage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	w, err := s.waysOf(r, v, factors.Passkey, p)
	if err != nil {
		return nil, err
	}
	ceremony := v.ceremony(s.asked(v))
	ceremony.Alone = w.other == ""
	return templates.Passkey{
		Frame: frame, Ceremony: ceremony, Email: v.user.Email, Switch: v.tx.path("switch"),
		Again: v.again(), Made: v.tx.Registered != "", Signal: p.signal, Problem: p.text, Retry: w.retry, Closed: w.closed,
		Other: w.other, Lost: w.lost, Cancel: w.cancel, Reference: w.reference,
	}, nil
}

// ticketPage asks for the ticket of support.
func (s *Server) ticketPage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	wait, closed, err := s.standing(r.Context(), factors.Ticket, v)
	if err != nil {
		return nil, err
	}
	page := templates.Ticket{
		Frame: frame, Action: v.tx.path("ticket"), Email: v.user.Email, Cancel: v.tx.path("cancel"),
		Problem: p.text, Retry: p.retry, Closed: closed,
	}
	if page.Reference, err = s.reference(r, v); err != nil {
		return nil, err
	}
	if !closed && p.text.Key == "" {
		page.Retry = wait
	}
	return page, nil
}

// enrollPage sets a factor up: a first one, one more, or one that will be asked for soon.
func (s *Server) enrollPage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	adding, c := v.step.Kind == Add, s.asked(v)
	aside := adding && v.tx.Return == "" // an app waits
	var other, later, cancel string
	if len(v.step.Methods) > 1 {
		other = v.tx.path("method")
	}
	if v.step.Kind == Offer {
		later = v.tx.path("later")
	} else {
		cancel = v.tx.path("cancel")
	}
	leave := templates.Leave{Until: v.step.Leave.Until, Skips: v.step.Leave.Skips, Org: v.org.Name}
	switch c.kind {
	case factors.Recovery:
		return recoveryPage(v, frame, p), nil
	case factors.Passkey:
		ceremony := v.ceremony(c)
		ceremony.Alone = other == "" && later == ""
		return templates.EnrollPasskey{
			Frame: frame, Ceremony: ceremony, Email: v.user.Email, Other: other, Cancel: cancel,
			Later: later, Leave: leave, Adding: adding, Aside: aside, Problem: p.text,
		}, nil
	}
	prompt := v.tx.Pending.Prompt
	size, path, err := s.QR(prompt.URI)
	if err != nil {
		return nil, fmt.Errorf("draw the key: %w", err)
	}
	page := templates.EnrollTOTP{
		Frame: frame, Action: v.tx.path("enroll"), QR: templates.QR{Size: size, Path: path},
		Key: prompt.Key, URI: prompt.URI, Email: v.user.Email, Cancel: cancel, Other: other, Problem: p.text,
		Later: later, Leave: leave, Adding: adding, Aside: aside, Replace: adding && v.tx.Replaces && len(v.of(factors.TOTP)) > 0,
		Manual: r.FormValue("view") == "key", Toggle: v.tx.path("") + "?view=key",
	}
	if page.Manual {
		page.Toggle = v.tx.path("")
		page.Action += "?view=key" // a wrong code shows the same view again
	}
	return page, nil
}

// recoveryPage shows a new recovery code.
func recoveryPage(v visit, frame templates.Frame, p problem) templates.Pager {
	return templates.RecoveryCode{
		Frame: frame, Action: v.tx.path("recovery"), Later: v.tx.path("later"), Code: v.tx.Pending.Prompt.Code,
		Adding:   v.step.Kind == Add,
		Has:      v.step.Kind == Add && len(v.of(factors.Recovery)) > 0,
		After:    time.Duration(v.policy.Trust.RemindAfter),
		Replaces: recovered(v.tx.Proved),
		Problem:  p.text,
	}
}

// offerPage is what may be done after the demand is met.
func (s *Server) offerPage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	switch v.step.Offer {
	case OfferEnroll:
		return s.enrollPage(r, v, frame, p)
	case OfferRecovery:
		return recoveryPage(v, frame, p), nil
	case OfferTrust:
		return templates.Trust{
			Frame: frame, Ceremony: v.ceremony(s.asked(v)), Problem: p.text,
			Later: v.tx.path("later"), After: time.Duration(v.policy.Trust.RemindAfter), Never: v.tx.path("never"),
		}, nil
	case OfferReplace:
		return s.replacePage(v, frame), nil
	case OfferName:
		signals, err := s.signals(r.Context(), v)
		return templates.Registered{
			Frame: frame, Action: v.tx.path("name"), Name: cmp.Or(p.typed, v.registered().Name), Signals: signals, Problem: p.text,
		}, err
	case OfferSignal:
		signals, err := s.signals(r.Context(), v)
		return templates.Signal{Frame: frame, Action: v.tx.path("signal"), Signals: signals}, err
	}
	return nil, fmt.Errorf("no page for the offer %q", v.step.Offer)
}

// replacePage shows what is still set up to who may have lost it.
func (s *Server) replacePage(v visit, frame templates.Frame) templates.Pager {
	page := templates.Replace{
		Frame: frame, Action: v.tx.path("replace"), Later: v.tx.path("later"), Kinds: words(v.step.Methods),
	}
	for _, card := range s.cards(v) {
		card.Link = "" // the sign-in is not done yet
		page.Lost = append(page.Lost, card)
	}
	return page
}

// refuse ends a sign-in that cannot be met. The client hears of it at once, but where it is not
// the client's demand that cannot be met the person is told first.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, v visit) error {
	if !v.step.Stuck {
		return s.fail(w, r, v.tx, v.step.Error)
	}
	page := templates.Notice{
		Frame:  s.frame(r, v.tx.Demand),
		Button: templates.Action{URL: v.tx.path("cancel"), Label: templates.Text{Key: "notice.back"}},
	}
	switch {
	case v.gone:
		page.Title, page.Body = said("notice.disabled")
	case v.notMember:
		page.Title, page.Body = said("notice.notmember")
		page.Second = page.Button
		page.Button = templates.Action{URL: v.tx.path("switch"), Label: templates.Text{Key: "notice.switch"}}
	case len(v.enrolled) > 0:
		page.Title, page.Body = said("notice.stuck")
		page.Link = templates.Action{URL: v.report(), Label: templates.Text{Key: "lost.link"}}
	default:
		page.Title, page.Body = said("notice.noenroll")
	}
	if !v.gone && !v.notMember {
		var err error
		if page.Reference, err = s.reference(r, v); err != nil {
			return err
		}
	}
	return templates.Serve(w, r, http.StatusForbidden, page, v.tx.Demand.App.Origins...)
}

// fail ends tx and answers the client with an OAuth error.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, tx Transaction, oauthError string) error {
	err := s.Transactions.TakeTransaction(r.Context(), tx.ID, tx.Version)
	switch {
	case errors.Is(err, storage.ErrConflict):
		s.see(w, r, tx)
		return nil
	case errors.Is(err, storage.ErrNotFound):
		return errFinished
	case err != nil:
		return storeFailed("take a sign-in", err)
	}
	if err := s.remember(w, r, tx, true); err != nil {
		return fmt.Errorf("remember the request: %w", err)
	}
	return s.refused(w, r, tx, oauthError)
}

// wrong shows the open page again after an answer that was not right.
func (s *Server) wrong(w http.ResponseWriter, r *http.Request, v visit, p problem) error {
	return s.show(w, r, v, http.StatusUnprocessableEntity, p)
}

// wait shows the open page again after an answer that was not looked at.
func (s *Server) wait(w http.ResponseWriter, r *http.Request, v visit, l locked) error {
	if l.closed {
		return s.show(w, r, v, http.StatusTooManyRequests, problem{text: templates.Text{Key: "attempt.closed"}, closed: true})
	}
	w.Header().Set("Retry-After", seconds(l.wait))
	p := saysWait("attempt.wait", l.wait)
	p.retry = l.wait
	return s.show(w, r, v, http.StatusTooManyRequests, p)
}
