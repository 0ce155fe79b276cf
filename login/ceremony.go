package login

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

const (
	// passkeyFresh is how old the options of a passkey ceremony may be when a page shows them: its
	// person still has time before the five minutes of the factor are over.
	passkeyFresh = 4*time.Minute + 30*time.Second
	// mailFresh is how old a mailed code may be to be asked for again without another mail.
	mailFresh = 9 * time.Minute
)

// ceremony is what the page of a step has to begin before it can be shown. The zero one is nothing.
type ceremony struct {
	kind     factors.Kind
	enroll   bool
	discover bool
}

// asked is the ceremony of the open step.
func (s *Server) asked(v visit) ceremony {
	switch v.step.Kind {
	case Challenge:
		return ceremony{kind: v.step.Methods[0]}
	case Enroll, Add:
		return ceremony{kind: v.step.Methods[0], enroll: true}
	case Offer:
		switch v.step.Offer {
		case OfferEnroll:
			return ceremony{kind: v.step.Methods[0], enroll: true}
		case OfferRecovery:
			return ceremony{kind: factors.Recovery, enroll: true}
		case OfferTrust:
			return ceremony{kind: factors.Passkey, enroll: true}
		case OfferReplace, OfferName, OfferSignal:
		}
	case Prove:
		if v.step.Methods[0] == factors.Passkey {
			return ceremony{kind: factors.Passkey}
		}
		if !v.policy.Allows(factors.Passkey) { // of whom we know who it is
			return ceremony{}
		}
		return s.discovery()
	case Identify:
		return s.discovery()
	case Ticket, Done, Fail:
	}
	return ceremony{}
}

// discovery is a sign-in by any passkey of the browser, where this deployment has passkeys.
func (s *Server) discovery() ceremony {
	if s.Passkeys == nil {
		return ceremony{}
	}
	return ceremony{kind: factors.Passkey, discover: true}
}

// is reports whether p is a ceremony of c under way.
func (p *Pending) is(c ceremony) bool {
	return p != nil && p.Kind == c.kind && p.Enroll == c.enroll && p.Discover == c.discover
}

// same reports whether p is the very ceremony that other is.
func (p *Pending) same(other *Pending) bool {
	return p != nil && other != nil && p.Kind == other.Kind && bytes.Equal(p.State, other.State)
}

// begun begins what the open step asks for, once: loading the page again shows the same key or code,
// and mails nothing. Of two tabs one begins it, and the other shows what that one began. An error
// that is a factors.Later says that nothing could be mailed.
func (s *Server) begun(r *http.Request, v visit) (visit, error) {
	c := s.asked(v)
	old := v.tx.Pending
	if c == (ceremony{}) || old.is(c) && (c.kind != factors.Passkey || v.now.Sub(old.Begun) < passkeyFresh) {
		return v, nil
	}
	pending, err := s.begin(r.Context(), v, c)
	if later := (factors.Later{}); errors.As(err, &later) {
		// Another tab may be the one that had it sent.
		other, err := s.open(r)
		if err != nil {
			return v, err
		}
		if s.asked(other) == c && other.tx.Pending.is(c) {
			return other, nil
		}
		return v, later
	}
	if err != nil {
		return v, err
	}
	before, won := v.tx.Version, false
	tx, err := s.swap(r.Context(), v.tx, func(t *Transaction) bool { // a page that loads itself again is no answer
		if won = t.Version == before; won {
			t.Pending = pending
			if c.kind == factors.Email {
				t.Parked = nil
			}
		}
		return won
	})
	if err != nil {
		return v, err
	}
	if won {
		v.tx = tx // what a step is decided on is as it was
		return v, nil
	}
	return s.decide(r, tx)
}

// begin begins c, or takes up the code that was mailed before another method was looked at.
func (s *Server) begin(ctx context.Context, v visit, c ceremony) (*Pending, error) {
	if parked := v.tx.Parked; parked.is(c) && v.now.Sub(parked.Begun) < mailFresh {
		return parked, nil
	}
	pending := &Pending{Kind: c.kind, Enroll: c.enroll, Discover: c.discover, Begun: v.now}
	var err error
	switch factor := s.Factors[c.kind]; {
	case c.discover:
		pending.Prompt, pending.State, err = s.Passkeys.BeginDiscover(ctx)
	case c.enroll:
		pending.Prompt, pending.State, err = factor.BeginEnroll(ctx, v.person())
	default:
		pending.Prompt, pending.State, err = factor.BeginChallenge(ctx, v.person(), v.with(c.kind))
	}
	if err != nil {
		return nil, beginFailed(c, err)
	}
	return pending, nil
}

// beginFailed is why a ceremony cannot begin: what a store says may be over in a moment.
func beginFailed(c ceremony, err error) error {
	err = fmt.Errorf("begin a ceremony of %s: %w", c.kind, err)
	if errors.Is(err, factors.ErrState) {
		return err
	}
	return unavailable{err}
}

// person is what a factor may know of the person, here.
func (v visit) person() factors.User {
	u := v.user.Factor()
	u.App = v.tx.Demand.App.Name
	u.Attest = v.policy.HardwareKeys != AnyHardware
	u.Here = v.step.Kind == Offer && v.step.Offer == OfferTrust
	u.Alone = v.step.Kind == Prove
	return u
}

// with are the person's enrollments of a kind that the open step takes an answer of.
func (v visit) with(k factors.Kind) []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(v.step.With), func(e factors.Enrollment) bool { return e.Kind != k })
}

// of are the person's enrollments of one kind.
func (f facts) of(k factors.Kind) []factors.Enrollment {
	return slices.DeleteFunc(slices.Clone(f.enrolled), func(e factors.Enrollment) bool { return e.Kind != k })
}

// answers opens the transaction for an answer to a ceremony that right accepts. It reports false,
// having sent the browser to the page of the step that is open, for an answer to anything else, or
// to what has not begun: that page begins it.
func (s *Server) answers(w http.ResponseWriter, r *http.Request, what string, right func(StepKind, ceremony) bool) (visit, bool, error) {
	v, err := s.open(r)
	if err != nil {
		return v, false, err
	}
	c := s.asked(v)
	if !right(v.step.Kind, c) {
		if err := s.outOfStep(r.Context(), v.tx, what); err != nil {
			return v, false, err
		}
		s.see(w, r, v.tx)
		return v, false, nil
	}
	if !v.tx.Pending.is(c) {
		s.see(w, r, v.tx)
		return v, false, nil
	}
	return v, true, nil
}

// takePending takes the ceremony out of the transaction before its answer is looked at: of any number
// of answers one is. It reports false for the others.
func (s *Server) takePending(ctx context.Context, v visit) (visit, bool, error) {
	pending, taken := v.tx.Pending, false
	tx, err := s.change(ctx, v.tx, func(t *Transaction) bool {
		if taken = t.Pending.same(pending); taken {
			t.Pending = nil
		}
		return taken
	})
	v.tx = tx
	return v, taken, err
}

// verify makes one counted attempt at a challenge. refusal is why the answer was not right; it wraps
// factors.ErrWrong. Any other error is no word about the answer, and may be locked.
func (s *Server) verify(r *http.Request, v visit, pending *Pending, a factors.Answer) (e factors.Evidence, refusal, err error) {
	ctx, kind := r.Context(), pending.Kind
	if kind == factors.Passkey {
		return s.asserts(ctx, v, pending, a)
	}
	_, err = s.counted(ctx, kind, AttemptKey(kind, v.user.ID), v.user, v.now, func() (bool, error) {
		e, refusal = s.Factors[kind].Verify(storage.WithTrail(ctx, s.used(r, v, kind)), v.person(), v.with(kind), pending.State, a)
		if errors.Is(refusal, factors.ErrWrong) {
			return false, nil
		}
		return refusal == nil, refusal
	})
	if err != nil {
		return factors.Evidence{}, nil, err
	}
	return e, refusal, nil
}
