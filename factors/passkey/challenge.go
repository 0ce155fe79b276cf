package passkey

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// BeginChallenge asks for one of the person's passkeys. Its user is verified where that is possible:
// beside another proof it is one factor without, and two with. Where there is no other (User.Alone) its
// user has to be. ErrState: the person has none, and an empty list would ask for anybody's.
func (f *Factor) BeginChallenge(_ context.Context, u factors.User, enrolled []factors.Enrollment) (factors.Prompt, factors.State, error) {
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Prompt{}, nil, err
	}
	allow, err := descriptors(enrolled)
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	if len(allow) == 0 {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: nothing to ask for: %w", factors.ErrState)
	}
	c := ceremony{Purpose: challenge, UserID: u.ID, Verified: u.Alone}
	keys := true
	for _, e := range passkeys(enrolled) {
		c.Offered = append(c.Offered, e.ID)
		keys = keys && e.Place == factors.OnKey
	}
	var hints []protocol.PublicKeyCredentialHints
	if keys {
		hints = append(hints, protocol.PublicKeyCredentialHintSecurityKey)
	}
	return f.ask(c, webauthn.WithAllowedCredentials(allow), webauthn.WithAssertionPublicKeyCredentialHints(hints))
}

// BeginDiscover asks for any passkey of ours.
func (f *Factor) BeginDiscover(context.Context) (factors.Prompt, factors.State, error) {
	return f.ask(ceremony{Purpose: discover, Verified: true})
}

func (f *Factor) ask(c ceremony, options ...webauthn.LoginOption) (factors.Prompt, factors.State, error) {
	uv := protocol.VerificationPreferred
	if c.Verified {
		uv = protocol.VerificationRequired
	}
	asked, session, err := f.party.BeginDiscoverableLogin(append(options, webauthn.WithUserVerification(uv))...)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: request options: %w", err)
	}
	raw, err := json.Marshal(asked.Response)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: request options: %w", err)
	}
	c.Challenge = session.Challenge
	state, err := f.begin(c)
	return factors.Prompt{Options: raw}, state, err
}

// Verify checks the answer of one of the passkeys that were asked for (WebAuthn Level 3, 7.2).
// ErrUnverified: it has to stand alone, and did not verify its user. ErrUnknown: there is no such passkey,
// and the browser may forget it; of one that is another person's it may not. ErrCloned: its counter went
// back, and it is in one place only; of one that is synced that is noted, and no more. ErrReplayed: its
// counter was overtaken while it was verified.
func (f *Factor) Verify(ctx context.Context, u factors.User, enrolled []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	c, err := f.resume(s, challenge, u.ID)
	if err != nil {
		return factors.Evidence{}, err
	}
	c.Verified = c.Verified || u.Alone // what stood beside it when it was asked for may be too old by now
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Evidence{}, err
	}
	parsed, err := f.parse(c, a)
	if err != nil {
		return factors.Evidence{}, err
	}
	e, ok := find(enrolled, parsed.RawID)
	if !ok {
		_, err := f.Store.Passkey(ctx, parsed.RawID)
		switch {
		case err == nil:
			return factors.Evidence{}, fmt.Errorf("passkey: not one that was asked for: %w", factors.ErrWrong)
		case errors.Is(err, storage.ErrNotFound):
			return factors.Evidence{}, factors.ErrUnknown
		}
		return factors.Evidence{}, fmt.Errorf("passkey: look a credential up: %w", err)
	}
	if !slices.Contains(c.Offered, e.ID) {
		return factors.Evidence{}, fmt.Errorf("passkey: not one that was asked for: %w", factors.ErrWrong)
	}
	return f.prove(ctx, c, e, parsed)
}

// Discover finds out whose passkey answered. Its user was verified: otherwise ErrUnverified.
// ErrUnknown: nobody's. ErrCloned: this one's, which is told for its owner's sake.
func (f *Factor) Discover(ctx context.Context, s factors.State, a factors.Answer) (factors.Enrollment, factors.Evidence, error) {
	c, err := f.resume(s, discover, "")
	if err != nil {
		return factors.Enrollment{}, factors.Evidence{}, err
	}
	parsed, err := f.parse(c, a)
	if err != nil {
		return factors.Enrollment{}, factors.Evidence{}, err
	}
	if len(parsed.Response.UserHandle) == 0 {
		return factors.Enrollment{}, factors.Evidence{}, fmt.Errorf("passkey: no user handle: %w", factors.ErrWrong)
	}
	e, err := f.Store.Passkey(ctx, parsed.RawID)
	if errors.Is(err, storage.ErrNotFound) {
		return factors.Enrollment{}, factors.Evidence{}, factors.ErrUnknown
	}
	if err != nil {
		return factors.Enrollment{}, factors.Evidence{}, fmt.Errorf("passkey: look a credential up: %w", err)
	}
	proved, err := f.prove(ctx, c, e, parsed)
	if errors.Is(err, factors.ErrCloned) {
		return e, factors.Evidence{}, err
	}
	if err != nil {
		return factors.Enrollment{}, factors.Evidence{}, err
	}
	return e, proved, nil
}

func (f *Factor) parse(c ceremony, a factors.Answer) (*protocol.ParsedCredentialAssertionData, error) {
	if err := f.inTime(c); err != nil {
		return nil, err
	}
	if len(a.Response) > answerMost {
		return nil, factors.ErrFormat
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(a.Response)
	if err != nil {
		return nil, factors.ErrFormat
	}
	if parsed.Response.CollectedClientData.Challenge != c.Challenge {
		return nil, fmt.Errorf("passkey: the answer of another ceremony: %w", factors.ErrFormat)
	}
	return parsed, nil
}

// prove checks an answer of e and notes that e was used, as the last thing of all.
func (f *Factor) prove(ctx context.Context, c ceremony, e factors.Enrollment, parsed *protocol.ParsedCredentialAssertionData) (factors.Evidence, error) {
	r, err := open(e)
	if err != nil {
		return factors.Evidence{}, err
	}
	handle, err := f.Store.UserHandle(ctx, e.UserID)
	if err != nil {
		return factors.Evidence{}, fmt.Errorf("passkey: the user handle of %s: %w", e.UserID, err)
	}
	owner := person{handle: handle, credentials: []webauthn.Credential{r.credential(e)}}
	if _, err := f.party.ValidateLogin(owner, c.session(handle), parsed); err != nil {
		return factors.Evidence{}, refused(err)
	}
	data := parsed.Response.AuthenticatorData
	if c.Verified && !data.Flags.HasUserVerified() {
		return factors.Evidence{}, factors.ErrUnverified
	}
	proved := r.evidence(e, data.Flags)
	r.Flags = r.Flags&^protocol.FlagBackupState | data.Flags&protocol.FlagBackupState
	proved.At = f.Now()
	if err := f.use(ctx, e, r, int64(data.Counter), proved); err != nil {
		return factors.Evidence{}, err
	}
	return proved, nil
}

// use notes a use of e with the counter that its key gave. Who is overtaken by another use reads anew.
func (f *Factor) use(ctx context.Context, e factors.Enrollment, r record, counter int64, proved factors.Evidence) error {
	secret, err := r.seal()
	if err != nil {
		return err
	}
	const most = 20 // each loss is another use's gain
	for lost := range most {
		noted := ctx
		back := counter <= e.Step && (counter != 0 || e.Step != 0)
		switch synced := r.Flags.HasBackupEligible(); {
		case back && lost > 0 && !synced:
			return factors.ErrReplayed
		case back && !synced:
			return factors.ErrCloned
		case back && lost == 0: // each device of an account may count by itself
			noted = suspect(ctx, e, proved.At)
		}
		err := f.Store.UsePasskey(noted, e.ID, e.Step, max(e.Step, counter), secret, proved.At)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, storage.ErrNotFound):
			return factors.ErrUnknown
		case !errors.Is(err, storage.ErrConflict):
			return fmt.Errorf("passkey: use of %s: %w", e.ID, err)
		}
		id := e.ID
		e, err = f.Store.Passkey(ctx, e.Handle)
		if errors.Is(err, storage.ErrNotFound) || err == nil && e.ID != id {
			return factors.ErrUnknown
		}
		if err != nil {
			return fmt.Errorf("passkey: use of %s: %w", id, err)
		}
	}
	return fmt.Errorf("passkey: use of %s: %w", e.ID, storage.ErrConflict)
}

// suspect has the use of e note that there may be a copy of it, which is no reason to refuse it.
func suspect(ctx context.Context, e factors.Enrollment, at time.Time) context.Context {
	trail := storage.TrailOf(ctx)
	trail.Events = append(slices.Clip(trail.Events), storage.Event{
		At: at, Type: storage.FactorSuspect, UserID: e.UserID,
		Detail: map[string]string{"factor": string(factors.Passkey), "refused": "false"},
	})
	return storage.WithTrail(ctx, trail)
}
