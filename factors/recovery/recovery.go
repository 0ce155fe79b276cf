// Package recovery proves that a person kept the recovery code: 24 letters and digits of base32,
// 120 random bits, shown once, good once.
//
// A person has one code at most. BeginEnroll makes a new one, which is good from that moment on and
// takes the place of the last; FinishEnroll notes that the person says to have recorded it. A used
// code is gone, and whoever used it is offered a new one.
package recovery

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// Length is how many characters a code has.
const Length = 24

// Store keeps a keyed hash of each person's code, never the code.
type Store interface {
	// ReplaceRecovery removes the person's recovery code, if there is one, and inserts code as
	// the new one, unconfirmed, in one transaction with the trail of the context. ErrNotFound:
	// there is no such person.
	ReplaceRecovery(ctx context.Context, userID, code string, at time.Time) (factors.Enrollment, error)
	// ConfirmEnrollment notes that the person has recorded it; a second time changes nothing.
	// ErrNotFound: it has been used or replaced since.
	ConfirmEnrollment(ctx context.Context, enrollmentID string, at time.Time) error
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

// ceremony is the content of a State. The code itself is only in the prompt.
type ceremony struct {
	UserID     string              `json:"user"`
	Enrollment *factors.Enrollment `json:"enrollment,omitempty"` // while one is being shown
}

// BeginEnroll makes a new code and stores it. The prompt is the only place that has it.
func (f Factor) BeginEnroll(ctx context.Context, u factors.User) (factors.Prompt, factors.State, error) {
	code := rand.Text()[:Length] // of its 26 characters of 5 bits each
	e, err := f.Store.ReplaceRecovery(ctx, u.ID, code, f.Now())
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("recovery: replace the code: %w", err)
	}
	state, err := json.Marshal(ceremony{UserID: u.ID, Enrollment: &e})
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	return factors.Prompt{Code: code}, state, nil
}

// FinishEnroll notes that the person has recorded the code. An error that wraps storage.ErrNotFound
// says that the code which was shown is used or replaced: another has to be begun.
func (f Factor) FinishEnroll(ctx context.Context, u factors.User, s factors.State, a factors.Answer) (factors.Enrollment, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Enrollment{}, err
	}
	if c.Enrollment == nil {
		return factors.Enrollment{}, fmt.Errorf("recovery: no code was shown: %w", factors.ErrState)
	}
	if !a.Confirmed {
		return factors.Enrollment{}, factors.ErrUnconfirmed
	}
	e := *c.Enrollment
	e.Confirmed = f.Now()
	if err := f.Store.ConfirmEnrollment(ctx, e.ID, e.Confirmed); err != nil {
		return factors.Enrollment{}, fmt.Errorf("recovery: confirm the code: %w", err)
	}
	return e, nil
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
	if c.Enrollment != nil {
		return factors.Evidence{}, fmt.Errorf("recovery: a code is being shown: %w", factors.ErrState)
	}
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Evidence{}, err
	}
	code, err := normalize(a.Code)
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
		Kind: factors.Recovery, Source: "recovery:" + id, Class: factors.Has,
		AMR: []string{"otp"}, At: now,
	}, nil
}

// normalize forgives case, what people put between groups, and the digits that base32 leaves out
// because they look like a letter. Anything else but 24 characters of base32 is ErrFormat.
func normalize(code string) (string, error) {
	if len(code) > 256 {
		return "", factors.ErrFormat
	}
	var out strings.Builder
	for _, r := range code {
		switch {
		case 'A' <= r && r <= 'Z', '2' <= r && r <= '7':
			out.WriteRune(r)
		case 'a' <= r && r <= 'z':
			out.WriteRune(r - 'a' + 'A')
		case r == '0':
			out.WriteByte('O')
		case r == '1': // codes are shown in capitals, where it looks like I and not like L
			out.WriteByte('I')
		case r == '8':
			out.WriteByte('B')
		case strings.ContainsRune("_."+factors.Between, r):
		default:
			return "", factors.ErrFormat
		}
	}
	if out.Len() != Length {
		return "", factors.ErrFormat
	}
	return out.String(), nil
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
