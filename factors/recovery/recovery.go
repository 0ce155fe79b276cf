// Package recovery proves that a person kept the recovery code: 24 letters and digits of base32,
// 120 random bits, shown once, good once.
//
// A person has one code at most. BeginEnroll makes a new one to be shown, which is worth nothing until
// the person says to have recorded it: then FinishEnroll has it to be kept, in the place of the last,
// which is good until that moment. A used code is gone, and whoever used it is offered a new one.
package recovery

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// Length is how many characters a code has.
const Length = 24

// Store keeps a keyed hash of each person's code, never the code.
type Store interface {
	// BurnRecovery uses up the person's code, with the trail of the context, and returns the id
	// that it had. Of any number of callers with one code, one gets nil. ErrNotFound: it is not
	// the code, or is not any more.
	BurnRecovery(ctx context.Context, userID, code string, at time.Time) (enrollmentID string, err error)
}

// Factor is the recovery code.
type Factor struct {
	Store Store
	Now   func() time.Time
}

var _ factors.Factor = Factor{}

// ceremony is the content of a State.
type ceremony struct {
	UserID string `json:"user"`
	// While a code is shown: what it will be kept as, so that of two answers one is, and the code.
	ID   string `json:"id,omitempty"`
	Code string `json:"code,omitempty"`
}

// BeginEnroll makes a new code. Nothing but the prompt and the state has it.
func (f Factor) BeginEnroll(_ context.Context, u factors.User) (factors.Prompt, factors.State, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("recovery: %w", err)
	}
	code := rand.Text()[:Length] // of its 26 characters of 5 bits each
	state, err := json.Marshal(ceremony{UserID: u.ID, ID: id.String(), Code: code})
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	return factors.Prompt{Code: code}, state, nil
}

// FinishEnroll has the code that was shown to be kept (Enrollment.Secret), once the person says to
// have recorded it.
func (f Factor) FinishEnroll(_ context.Context, u factors.User, s factors.State, a factors.Answer) (factors.Enrollment, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Enrollment{}, err
	}
	if c.ID == "" || c.Code == "" {
		return factors.Enrollment{}, fmt.Errorf("recovery: no code was shown: %w", factors.ErrState)
	}
	if !a.Confirmed {
		return factors.Enrollment{}, factors.ErrUnconfirmed
	}
	now := f.Now()
	return factors.Enrollment{
		ID: c.ID, UserID: u.ID, Kind: factors.Recovery, Secret: []byte(c.Code), Confirmed: now, Created: now,
	}, nil
}

// BeginChallenge has nothing to show.
func (f Factor) BeginChallenge(_ context.Context, u factors.User, enrolled []factors.Enrollment) (factors.Prompt, factors.State, error) {
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Prompt{}, nil, err
	}
	state, err := json.Marshal(ceremony{UserID: u.ID})
	return factors.Prompt{}, state, err
}

// Verify burns the code. Which enrollment it was is the store's to say: the list may be of before
// the code was replaced.
func (f Factor) Verify(ctx context.Context, u factors.User, enrolled []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Evidence{}, err
	}
	if c.ID != "" {
		return factors.Evidence{}, fmt.Errorf("recovery: a code is being shown: %w", factors.ErrState)
	}
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Evidence{}, err
	}
	code, err := factors.Base32(a.Code, Length)
	if err != nil {
		return factors.Evidence{}, err
	}
	now := f.Now()
	id, err := f.Store.BurnRecovery(ctx, u.ID, code, now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return factors.Evidence{}, factors.ErrWrong
	case err != nil:
		return factors.Evidence{}, fmt.Errorf("recovery: burn the code: %w", err)
	}
	return factors.Evidence{
		Kind: factors.Recovery, Source: factors.Enrollment{Kind: factors.Recovery, ID: id}.Source(), Class: factors.Has,
		AMR: []string{"otp"}, At: now,
	}, nil
}

func read(s factors.State, u factors.User) (ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(s, &c); err != nil {
		return ceremony{}, fmt.Errorf("recovery: unreadable: %w", factors.ErrState)
	}
	if c.UserID == "" || c.UserID != u.ID {
		return ceremony{}, fmt.Errorf("recovery: of another person: %w", factors.ErrState)
	}
	return c, nil
}
