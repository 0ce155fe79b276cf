package login

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/agent"
	"github.com/vsee/vseeid/storage"
)

// passkey takes what the browser made of the passkey ceremony of the open step: an answer, or the
// error in which it ended. An answer is taken once, whatever comes of it.
func (s *Server) passkey(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answers(w, r, "passkey", func(_ StepKind, c ceremony) bool { return c.kind == factors.Passkey })
	if err != nil || !ok {
		return err
	}
	response := r.PostFormValue("response")
	if response == "" {
		return s.browserFailed(w, r, v)
	}
	c, pending := s.asked(v), v.tx.Pending
	v, taken, err := s.takePending(r.Context(), v)
	if err != nil {
		return err
	}
	if !taken {
		s.see(w, r, v.tx)
		return nil
	}
	answer := factors.Answer{Response: []byte(response)}
	switch {
	case c.discover:
		return s.discovered(w, r, v, pending, answer)
	case c.enroll:
		return s.made(w, r, v, pending, answer)
	}
	return s.asserted(w, r, v, pending, answer)
}

// asserted takes the answer of a passkey of the person.
func (s *Server) asserted(w http.ResponseWriter, r *http.Request, v visit, pending *Pending, a factors.Answer) error {
	evidence, refusal, err := s.verify(r, v, pending, a)
	var l locked
	switch {
	case errors.As(err, &l):
		return s.wait(w, r, v, l)
	case err != nil:
		return storeFailed("verify a passkey", err)
	case errors.Is(refusal, factors.ErrCloned):
		err = s.suspect(r.Context(), v, v.user.ID)
	}
	if err != nil {
		return err
	}
	if refusal != nil {
		return s.wrong(w, r, v, passkeyProblem(refusal, pending, a))
	}
	tx, err := s.proved(r.Context(), v.tx, v.user.ID, evidence)
	if err != nil {
		return err
	}
	for _, e := range v.with(factors.Passkey) {
		if e.Source() != evidence.Source {
			continue
		}
		if err := s.usedHere(w, r, v.user.ID, tx.Can, e.ID); err != nil {
			return err
		}
	}
	return s.advance(w, r, tx)
}

// asserts verifies the answer of a passkey of the person, as verify does. A passkey cannot be guessed, so an
// answer is counted after it was verified, and only if it was one to this challenge by a passkey that exists:
// a stranger who sends rubbish must not lock its owner out. The limits of the address hold the rubbish.
func (s *Server) asserts(ctx context.Context, v visit, pending *Pending, a factors.Answer) (e factors.Evidence, refusal, err error) {
	key := AttemptKey(factors.Passkey, v.user.ID)
	count, err := s.Attempts.Attempt(ctx, key)
	if err != nil {
		return e, nil, storeFailed("read the failures", err)
	}
	if wait := Ladder(factors.Passkey).Wait(count, v.now); wait > 0 {
		return e, nil, locked{wait: wait}
	}
	e, err = s.Factors[factors.Passkey].Verify(ctx, v.person(), v.with(factors.Passkey), pending.State, a)
	switch {
	case err == nil:
		s.forgive(ctx, factors.Passkey, key, count, v.user)
		return e, nil, nil
	case !errors.Is(err, factors.ErrWrong):
		return e, nil, err
	case !judged(err):
		return e, err, s.note(ctx, v.tx, storage.Event{
			At: v.now, Type: storage.CeremonyFailed, UserID: v.user.ID, OrgID: v.org.ID,
			Detail: map[string]string{"factor": string(factors.Passkey), "error": "unjudged", "step": string(v.step.Kind)},
		})
	}
	_, after, spent := s.spend(ctx, factors.Passkey, key, v.now)
	if spent != nil {
		return e, nil, spent
	}
	return e, err, s.failed(ctx, factors.Passkey, after, v.user, v.now)
}

// judged reports whether an answer that was refused was well-formed, in time, and by a passkey that exists.
func judged(refusal error) bool {
	return !errors.Is(refusal, factors.ErrFormat) && !errors.Is(refusal, factors.ErrExpired) && !errors.Is(refusal, factors.ErrUnknown)
}

// discovered takes the answer of a passkey of whoever it is. It may be another person than the one
// whose address was typed, as long as nothing has said yet who it is.
func (s *Server) discovered(w http.ResponseWriter, r *http.Request, v visit, pending *Pending, a factors.Answer) error {
	ctx := r.Context()
	e, evidence, err := s.Passkeys.Discover(ctx, pending.State, a)
	switch {
	case errors.Is(err, factors.ErrWrong):
		return s.notDiscovered(w, r, v, e.UserID, passkeyProblem(err, pending, a), err)
	case err != nil:
		return storeFailed("verify a passkey", err)
	case v.tx.UserID != "" && v.tx.UserID != e.UserID:
		return s.notDiscovered(w, r, v, v.tx.UserID, says("passkey.other"), nil)
	}
	u, err := s.People.User(ctx, e.UserID)
	if errors.Is(err, storage.ErrNotFound) {
		return s.notDiscovered(w, r, v, "", says("passkey.unknown"), nil)
	}
	if err != nil {
		return storeFailed("read the person", err)
	}
	tx, err := s.change(ctx, v.tx, func(t *Transaction) bool {
		if t.UserID != "" && t.UserID != u.ID {
			return false
		}
		t.UserID, t.Identifier = u.ID, u.Email
		t.Proved = append(t.Proved[:len(t.Proved):len(t.Proved)], evidence)
		t.Pending, t.Parked = nil, nil
		return true
	})
	if err != nil {
		return err
	}
	if err := s.usedHere(w, r, u.ID, tx.Can, e.ID); err != nil {
		return err
	}
	v, err = s.decide(r, tx)
	switch {
	case err != nil:
		return err
	case v.step.Kind == Prove && !v.policy.Allows(factors.Passkey): // it counts for nothing, and is asked for no more
		return s.wrong(w, r, v, says("passkey.policy"))
	}
	return s.proceed(w, r, v)
}

// notDiscovered shows the page again after a passkey that let nobody in, and notes it.
func (s *Server) notDiscovered(w http.ResponseWriter, r *http.Request, v visit, userID string, p problem, refusal error) error {
	ctx := r.Context()
	if errors.Is(refusal, factors.ErrCloned) {
		if err := s.suspect(ctx, v, userID); err != nil {
			return err
		}
	}
	err := s.note(ctx, v.tx, storage.Event{
		At: v.now, Type: storage.SignInFailed, UserID: userID, Detail: map[string]string{"factor": string(factors.Passkey)},
	})
	if err != nil {
		return err
	}
	return s.wrong(w, r, v, p)
}

// suspect notes that there may be two of a key.
func (s *Server) suspect(ctx context.Context, v visit, userID string) error {
	return s.record(ctx, storage.With(storage.Event{
		At: v.now, Type: storage.FactorSuspect, UserID: userID, OrgID: v.org.ID, Detail: map[string]string{"factor": string(factors.Passkey)},
	}))
}

// usedHere has the browser remember a passkey, if that is on the browser's own device.
func (s *Server) usedHere(w http.ResponseWriter, r *http.Request, userID string, can []Capability, enrollmentID string) error {
	if !platformAttached(r) {
		return nil
	}
	return s.keepDevice(w, r, userID, can, knowsPasskey(enrollmentID))
}

// made takes a new passkey.
func (s *Server) made(w http.ResponseWriter, r *http.Request, v visit, pending *Pending, a factors.Answer) error {
	e, err := s.Factors[factors.Passkey].FinishEnroll(r.Context(), v.person(), pending.State, a)
	if errors.Is(err, factors.ErrWrong) {
		return s.wrong(w, r, v, passkeyProblem(err, pending, a))
	}
	if err != nil {
		return storeFailed("set up a passkey", err)
	}
	here := v.step.Offer == OfferTrust || platformAttached(r)
	e.Name = passkeyName(v.user, e, here, storage.OriginOf(r.Context()))
	if here {
		if err := s.keepDevice(w, r, v.user.ID, v.tx.Can, knowsPasskey(e.ID)); err != nil {
			return err
		}
	}
	return s.setUp(w, r, v, e)
}

// passkeyName is what a new passkey is called until its owner calls it something else: "Charlotte's
// iPhone". One that is not here (a phone was held to the screen of a computer) keeps the name of what
// holds it, as far as that is known.
func passkeyName(u User, e factors.Enrollment, here bool, from storage.Origin) string {
	what := agent.Device(from.UserAgent, from.Platform)
	switch {
	case e.Place == factors.OnKey:
		what = "security key"
	case !here:
		return e.Name
	}
	first, _, _ := strings.Cut(strings.TrimSpace(u.Name), " ")
	name, refusal := factorName(first + "'s " + what)
	if first == "" || refusal != "" {
		return "My " + what
	}
	return name
}

// passkeyProblem is the message about the answer of a passkey, and what the browser is told where the
// passkey is none that we know.
func passkeyProblem(refusal error, pending *Pending, a factors.Answer) problem {
	switch {
	case errors.Is(refusal, factors.ErrExpired):
		return says("passkey.expired")
	case errors.Is(refusal, factors.ErrUnverified):
		return says("passkey.unverified")
	case errors.Is(refusal, factors.ErrCloned):
		return says("passkey.cloned")
	case errors.Is(refusal, factors.ErrTaken):
		return says("passkey.taken")
	case errors.Is(refusal, factors.ErrUnknown):
		p := says("passkey.unknown")
		p.signal = unknownCredential(pending.Prompt.Options, a.Response)
		return p
	}
	return says("passkey.wrong")
}

// unknownCredential is the argument of PublicKeyCredential.signalUnknownCredential (WebAuthn Level 3,
// 5.1.10.1) about the passkey that answered; empty where the answer does not say which it was.
func unknownCredential(options json.RawMessage, response []byte) string {
	var asked struct {
		RPID string `json:"rpId"`
	}
	var answer struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(options, &asked) != nil || json.Unmarshal(response, &answer) != nil || asked.RPID == "" {
		return ""
	}
	const longest = 1364 // in base64url: 1023 bytes
	if _, err := base64.RawURLEncoding.DecodeString(answer.ID); err != nil || answer.ID == "" || len(answer.ID) > longest {
		return ""
	}
	argument, err := json.Marshal(map[string]string{"rpId": asked.RPID, "credentialId": answer.ID})
	if err != nil {
		return ""
	}
	return string(argument)
}

// browserErrors are what browsers end a ceremony with, and what a page says of it.
var browserErrors = map[string]string{
	"NotAllowedError":   "passkey.cancelled",
	"AbortError":        "passkey.cancelled",
	"TimeoutError":      "passkey.late",
	"InvalidStateError": "passkey.already",
	"NotSupportedError": "passkey.unsupported",
	"SecurityError":     "passkey.unsupported",
	"ConstraintError":   "passkey.nolock",
}

// browserFailed says why the browser could not go through with the ceremony, and notes it. The same
// ceremony may be tried again.
func (s *Server) browserFailed(w http.ResponseWriter, r *http.Request, v visit) error {
	c, name := s.asked(v), r.PostFormValue("error")
	key, known := browserErrors[name]
	if !known {
		name = "other"
	}
	switch {
	case r.PostFormValue("late") != "":
		key = "passkey.late"
	case name == "NotAllowedError" && !c.enroll && !c.discover && !s.hasHere(v):
		key = "passkey.elsewhere"
	case name == "InvalidStateError" && c.enroll && v.step.Offer == OfferTrust:
		if err := s.onDevice(w, r, v, v.allHere); err != nil {
			return err
		}
	case name == "InvalidStateError" && !c.enroll:
		key = "passkey.failed"
	}
	err := s.note(r.Context(), v.tx, storage.Event{
		At: v.now, Type: storage.CeremonyFailed, UserID: v.tx.UserID, OrgID: v.org.ID,
		Detail: map[string]string{"factor": string(factors.Passkey), "error": name, "step": string(v.step.Kind)},
	})
	if err != nil {
		return err
	}
	return s.wrong(w, r, v, says(cmp.Or(key, "passkey.failed")))
}

// hasHere reports whether one of the passkeys that were asked for is on this device, or may be on a
// key that is put into it.
func (s *Server) hasHere(v visit) bool {
	return slices.ContainsFunc(v.with(factors.Passkey), func(e factors.Enrollment) bool {
		return e.Place == factors.OnKey || slices.Contains(v.tx.Device.Knows, e.ID)
	})
}

// allHere is for a device that says that it has a passkey of the person already, but not which one: each
// that is not on a security key may be it.
func (v visit) allHere(d *Device) {
	for _, e := range v.of(factors.Passkey) {
		if e.Place != factors.OnKey {
			knowsPasskey(e.ID)(d)
		}
	}
}
