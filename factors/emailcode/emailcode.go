// Package emailcode proves that a person reads the mailbox of the account: six digits in a mail,
// good for ten minutes, for five tries, and once.
//
//	BeginChallenge ── the code and its mail, in one transaction ──> outbox ──> the mailbox
//	                                                a code ──> Verify ─ BurnMailCode ─> Evidence
//
// Only the newest code of a person is good: a mail that is sent again puts an end to the one before.
// The address is the account's, as the server knows it, and is verified elsewhere: there is nothing
// to enroll. Who wants a code mailed is told when there are too many (factors.Later).
package emailcode

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

const (
	// Lifetime is how long a code is good.
	Lifetime = 10 * time.Minute
	// Tries is how many answers one code takes.
	Tries = 5

	digits = 6
)

// Store keeps a keyed hash of each code, never the code.
type Store interface {
	// KeepMailCode makes code the one code of the person that is good, from at until expires, with
	// the trail of the context, whose last mail is the one with the code. The mail of the code
	// before, if it was not sent yet, is given up: whoever gets two types the later one.
	//
	// In the same transaction admit is told when codes were made for the person in the day before
	// at, the oldest first, and its error, unchanged, keeps everything as it was. It may be called
	// more than once; what it said last counts. No two callers for one person are told the same.
	KeepMailCode(ctx context.Context, userID, codeID, code string, at, expires time.Time, admit func(sent []time.Time) error) error
	// BurnMailCode uses the code up, with the trail of the context, or counts a try at it. Of any
	// number of callers with the right code one gets nil. ErrConflict: it is not this code, and the
	// try is counted. ErrNotFound: it was replaced or used, has expired, or took tries already.
	BurnMailCode(ctx context.Context, userID, codeID, code string, tries int, at time.Time) error
}

// Factor is the mailbox.
type Factor struct {
	Store Store
	// Write writes the mail. It must not be sent after expires.
	Write func(to factors.User, code string, at, expires time.Time, from storage.Origin) storage.Mail
	Now   func() time.Time
}

var _ factors.Factor = Factor{}

// ceremony is the content of a State. The code is in the mail and nowhere else.
type ceremony struct {
	UserID  string    `json:"user"`
	CodeID  string    `json:"code"`
	Address string    `json:"address"`
	Expires time.Time `json:"expires"`
}

var errNotHere = fmt.Errorf("emailcode: a mailbox is verified elsewhere: %w", factors.ErrState)

// BeginEnroll refuses.
func (Factor) BeginEnroll(context.Context, factors.User) (factors.Prompt, factors.State, error) {
	return factors.Prompt{}, nil, errNotHere
}

// FinishEnroll refuses.
func (Factor) FinishEnroll(context.Context, factors.User, factors.State, factors.Answer) (factors.Enrollment, error) {
	return factors.Enrollment{}, errNotHere
}

// BeginChallenge mails a code to the address of u, which has to be among what is enrolled. An error
// that is a factors.Later says that none was mailed, and when one can be.
func (f Factor) BeginChallenge(ctx context.Context, u factors.User, enrolled []factors.Enrollment) (factors.Prompt, factors.State, error) {
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Prompt{}, nil, err
	}
	if !reads(u.Email, enrolled) {
		return factors.Prompt{}, nil, fmt.Errorf("emailcode: no mailbox that was verified: %w", factors.ErrState)
	}
	codeID, err := uuid.NewV7()
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	mailID, err := uuid.NewV7()
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	code, err := newCode()
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	now := f.Now()
	c := ceremony{UserID: u.ID, CodeID: codeID.String(), Address: u.Email, Expires: now.Add(Lifetime)}
	state, err := json.Marshal(c)
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	mail := f.Write(u, code, now, c.Expires, storage.OriginOf(ctx))
	mail.ID, mail.Expires = mailID.String(), c.Expires

	trail := storage.TrailOf(ctx)
	trail.Mails = append(slices.Clone(trail.Mails), mail)
	trail.Events = append(slices.Clone(trail.Events), storage.Event{At: now, Type: storage.CodeSent, UserID: u.ID})
	var again time.Time
	err = f.Store.KeepMailCode(storage.WithTrail(ctx, trail), u.ID, c.CodeID, code, now, c.Expires, func(sent []time.Time) error {
		if at := next(sent); at.After(now) {
			return factors.Later{At: at}
		}
		again = next(append(slices.Clone(sent), now))
		return nil
	})
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("emailcode: keep a code: %w", err)
	}
	return factors.Prompt{Address: Mask(u.Email), Mail: mail.ID, Again: again}, state, nil
}

// Verify burns the code of this ceremony. factors.ErrExpired says that it takes another mail.
func (f Factor) Verify(ctx context.Context, u factors.User, enrolled []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Evidence{}, err
	}
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Evidence{}, err
	}
	code, err := factors.Digits(a.Code, digits)
	if err != nil {
		return factors.Evidence{}, err
	}
	now := f.Now()
	// A code says who reads the mailbox that it went to, which may not be the account's any more.
	if !now.Before(c.Expires) || c.Address != u.Email || !reads(c.Address, enrolled) {
		return factors.Evidence{}, factors.ErrExpired
	}
	err = f.Store.BurnMailCode(ctx, u.ID, c.CodeID, code, Tries, now)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return factors.Evidence{}, factors.ErrExpired
	case errors.Is(err, storage.ErrConflict):
		return factors.Evidence{}, factors.ErrWrong
	case err != nil:
		return factors.Evidence{}, fmt.Errorf("emailcode: burn a code: %w", err)
	}
	return factors.Evidence{
		Kind: factors.Email, Source: factors.MailboxSource(c.Address), Class: factors.Has,
		AMR: []string{"otp", "mca"}, At: now,
	}, nil
}

// newCode returns six random digits, every one of the million as likely as another.
func newCode() (string, error) {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%0*d", digits, n), nil
}

func read(s factors.State, u factors.User) (ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(s, &c); err != nil {
		return ceremony{}, fmt.Errorf("emailcode: unreadable: %w", factors.ErrState)
	}
	if c.UserID == "" || c.UserID != u.ID {
		return ceremony{}, fmt.Errorf("emailcode: of another person: %w", factors.ErrState)
	}
	if c.CodeID == "" || c.Address == "" {
		return ceremony{}, fmt.Errorf("emailcode: no code was mailed: %w", factors.ErrState)
	}
	return c, nil
}

// reads reports whether address is a mailbox of enrolled: of one that is verified, the address is
// the id.
func reads(address string, enrolled []factors.Enrollment) bool {
	return address != "" && slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		return e.Kind == factors.Email && e.ID == address
	})
}
