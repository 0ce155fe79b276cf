package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
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
}

// says is the problem of a message without gaps.
func says(key string) problem { return problem{text: templates.Text{Key: key}} }

// page shows whatever is next.
func (s *Server) page(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
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
	serve := func(page templates.Pager) error {
		return templates.Serve(w, r, status, page, v.tx.Demand.App.Origins...)
	}
	frame := s.frame(r, v.tx.Demand)
	switch v.step.Kind {
	case Identify:
		return serve(templates.Identifier{
			Frame: frame, Action: v.tx.path("identifier"), Email: cmp.Or(p.typed, v.tx.Edited, v.tx.Demand.LoginHint), Problem: p.text,
		})
	case Prove:
		return serve(templates.Password{
			Frame: frame, Action: v.tx.path("password"), Edit: v.tx.path("switch"), Email: v.tx.Identifier,
			Problem: p.text, Retry: p.retry,
			Closed: p.closed, Cancel: v.tx.path("cancel"), Reference: storage.OriginOf(r.Context()).RequestID,
		})
	case Enroll, Challenge, Offer:
		begun, err := s.ceremony(r.Context(), v)
		if err != nil {
			return err
		}
		if begun.step.Kind != v.step.Kind || !begun.pending() { // another tab went on meanwhile
			s.see(w, r, begun.tx)
			return nil
		}
		page, err := s.ceremonyPage(r, begun, frame, p)
		if err != nil {
			return err
		}
		return serve(page)
	case Done:
		return s.finish(w, r, v.tx)
	case Fail:
		return s.refuse(w, r, v)
	}
	return fmt.Errorf("no page for the step %q", v.step.Kind)
}

// asked is the ceremony that the open step is about.
func (v visit) asked() (kind factors.Kind, enroll bool) {
	if v.step.Kind == Offer {
		return factors.Recovery, true
	}
	return v.step.Methods[0], v.step.Kind == Enroll
}

// pending reports whether the transaction has the ceremony of the open step under way.
func (v visit) pending() bool {
	switch v.step.Kind {
	case Enroll, Challenge, Offer:
		kind, enroll := v.asked()
		return v.tx.Pending != nil && v.tx.Pending.Kind == kind && v.tx.Pending.Enroll == enroll
	case Identify, Prove, Done, Fail:
	}
	return false
}

// ceremony begins what the open step asks for, once: loading the page again shows the same key or
// code. Of two tabs one begins it, and the other shows what that one began.
func (s *Server) ceremony(ctx context.Context, v visit) (visit, error) {
	if v.pending() {
		return v, nil
	}
	kind, enroll := v.asked()
	begin := s.Factors[kind].BeginEnroll
	if !enroll {
		begin = func(ctx context.Context, u factors.User) (factors.Prompt, factors.State, error) {
			return s.Factors[kind].BeginChallenge(ctx, u, v.of(kind))
		}
	}
	prompt, state, err := begin(ctx, v.user.Factor())
	if err != nil {
		return v, fmt.Errorf("begin a ceremony of %s: %w", kind, err)
	}
	pending := &Pending{Kind: kind, Enroll: enroll, Prompt: prompt, State: state, Begun: v.now}
	before := v.tx.Version
	tx, err := s.change(ctx, v.tx, func(t *Transaction) bool {
		if t.Version != before {
			return false
		}
		t.Pending = pending
		return true
	})
	if err != nil {
		return v, err
	}
	return s.decide(ctx, tx)
}

// of are the person's enrollments of one kind.
func (f facts) of(k factors.Kind) []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(f.enrolled), func(e factors.Enrollment) bool { return e.Kind != k })
}

func (s *Server) ceremonyPage(r *http.Request, v visit, frame templates.Frame, p problem) (templates.Pager, error) {
	switch v.step.Kind {
	case Enroll:
		prompt := v.tx.Pending.Prompt
		size, path, err := s.QR(prompt.URI)
		if err != nil {
			return nil, fmt.Errorf("draw the key: %w", err)
		}
		page := templates.EnrollTOTP{
			Frame: frame, Action: v.tx.path("enroll"), QR: templates.QR{Size: size, Path: path},
			Key: prompt.Key, URI: prompt.URI, Email: v.user.Email, Cancel: v.tx.path("cancel"), Problem: p.text,
			Manual: r.FormValue("view") == "key", Toggle: v.tx.path("") + "?view=key",
		}
		if page.Manual {
			page.Toggle = v.tx.path("")
			page.Action += "?view=key" // a wrong code shows the same view again
		}
		return page, nil
	case Offer:
		return templates.RecoveryCode{
			Frame: frame, Action: v.tx.path("recovery"), Later: v.tx.path("later"), Code: v.tx.Pending.Prompt.Code,
			Replaces: slices.ContainsFunc(v.tx.Proved, func(e factors.Evidence) bool { return e.Kind == factors.Recovery }),
			Problem:  p.text,
		}, nil
	case Identify, Prove, Challenge, Done, Fail:
	}
	kind, _ := v.asked()
	page := templates.Challenge{
		Frame: frame, Kind: string(kind), Action: v.tx.path("challenge"), Email: v.user.Email,
		Switch: v.tx.path("switch"), Problem: p.text, Retry: p.retry,
	}
	open, err := s.openMethods(r.Context(), v)
	if err != nil {
		return nil, err
	}
	switch {
	case slices.ContainsFunc(open, func(k factors.Kind) bool { return k != kind }):
		page.Other = v.tx.path("method")
	case len(open) == 0:
		page.Cancel, page.Reference = v.tx.path("cancel"), storage.OriginOf(r.Context()).RequestID
	}
	count, err := s.Attempts.Attempt(r.Context(), AttemptKey(kind, v.user.ID))
	if err != nil {
		return nil, storeFailed("read the failures", err)
	}
	page.Closed = Ladder(kind).Closed(count)
	if wait := Ladder(kind).Wait(count, v.now); !page.Closed && page.Problem.IsZero() && wait > 0 {
		page.Retry = wait
	}
	return page, nil
}

// openMethods are those that would do and that are not closed by too many failures.
func (s *Server) openMethods(ctx context.Context, v visit) ([]factors.Kind, error) {
	var open []factors.Kind
	for _, k := range v.step.Methods {
		count, err := s.Attempts.Attempt(ctx, AttemptKey(k, v.user.ID))
		if err != nil {
			return nil, storeFailed("read the failures", err)
		}
		if !Ladder(k).Closed(count) {
			open = append(open, k)
		}
	}
	return open, nil
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
	default:
		page.Title, page.Body = said("notice.noenroll")
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
	return s.Fail(w, r, tx.Request, oauthError)
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
	p := problem{text: templates.Text{Key: "attempt.wait", Args: map[string]any{"Wait": l.wait}}, retry: l.wait}
	return s.show(w, r, v, http.StatusTooManyRequests, p)
}

// counted makes one attempt at a proof of k: it is counted, then verified, then cleared or noted as
// failed. An error of verify says nothing about the answer, and takes the count back.
func (s *Server) counted(ctx context.Context, k factors.Kind, key string, u User, now time.Time, verify func() (ok bool, err error)) (bool, error) {
	before, after, err := s.spend(ctx, k, key, now)
	if err != nil {
		return false, err
	}
	ok, err := verify()
	switch {
	case err != nil:
		return false, errors.Join(err, s.refund(ctx, key, before, after))
	case !ok:
		return false, s.failed(ctx, k, after, u, now)
	}
	return true, s.cleared(ctx, key, after)
}
