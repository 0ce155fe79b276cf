// Package factors holds the vocabulary of proof: what a person proved (Evidence), what a person
// has set up to prove it with (Enrollment), and what a way of proving must be able to do (Factor).
//
// Each factor is a subpackage (totp, recovery, and the others as they come) that knows neither
// pages nor policies nor tokens; factortest holds all of them to one conformance suite.
package factors

import (
	"context"
	"errors"
	"time"
)

// Kind names a way to prove who one is.
type Kind string

const (
	Password  Kind = "password"
	Federated Kind = "federated"
	TOTP      Kind = "totp"
	Passkey   Kind = "passkey"
	Email     Kind = "email"
	Recovery  Kind = "recovery"
)

// Class is what kind of thing a proof rests on. They are bits: a user-verified passkey is two.
type Class uint8

const (
	Knows Class = 1 << iota // something the person knows
	Has                     // something the person has
	Is                      // something the person is
)

// Evidence is one thing that the person proved. Evidence is only ever appended; amr, acr and
// auth_time are derived from it and never stored beside it.
type Evidence struct {
	Kind   Kind      `json:"kind"`
	Source string    `json:"source"` // the secret it rests on: "password", "totp:019…", "mailbox:a@b.c"
	Class  Class     `json:"class"`
	AMR    []string  `json:"amr"` // RFC 8176 values, without "mfa": that one is derived
	At     time.Time `json:"at"`
}

// User is what a factor needs to know of a person.
type User struct {
	ID    string
	Email string
	Name  string
}

// Enrollment is a factor that a person has set up.
type Enrollment struct {
	ID     string // UUIDv7
	UserID string
	Kind   Kind
	Name   string // what the person calls it
	// Secret is the factor's own record of the secret (the TOTP seed). The store seals it with
	// the row's id as associated data. It is empty for a recovery code, of which the store
	// keeps a keyed hash only.
	Secret []byte
	// Confirmed is when the person showed that they hold it: for a recovery code, that they have
	// recorded it. Zero means shown but not yet acknowledged; the code is good all the same.
	Confirmed time.Time
	Created   time.Time
	LastUsed  time.Time // zero: never
	// Step is the last time step that a TOTP code was used of, the one of the code that set it
	// up to begin with. The store keeps it as EnrollFirst brings it, and only BurnStep moves it.
	Step int64
	// Proved is what setting the factor up proved by the way, so that nobody is asked for a
	// second code right after the first. It is zero where nothing was (a recovery code that
	// was only shown). FinishEnroll fills it; no store keeps it.
	Proved Evidence
}

// Prompt is what a page has to show for a ceremony. Each factor fills what it has.
type Prompt struct {
	Key  string `json:"key,omitempty"`  // the TOTP seed in base32, without padding
	URI  string `json:"uri,omitempty"`  // otpauth:// for a QR code or a deep link
	Code string `json:"code,omitempty"` // the recovery code, to be shown once
}

// State is what must survive between the beginning of a ceremony and its answer. It belongs to
// the factor that made it and is kept, sealed, in the login transaction; the person never holds it.
type State []byte

// Answer is what the person gave.
type Answer struct {
	Code      string // typed: spaces and dashes are the factor's to forgive
	Confirmed bool   // the box that says "recorded" was ticked
}

// A Factor is stateless: what must survive between Begin and its answer travels in State.
//
// Verify and FinishEnroll return an error that wraps ErrWrong when the answer was not right and
// may be given again; any other error is a failure and says nothing about the answer. A proof that
// is good once is burned, by a compare-and-set, before Verify returns its evidence.
//
// A state, or an enrollment, that is another person's, or a state of another ceremony, is refused
// with ErrState before anything else is looked at.
type Factor interface {
	BeginEnroll(context.Context, User) (Prompt, State, error)
	FinishEnroll(context.Context, User, State, Answer) (Enrollment, error)
	BeginChallenge(context.Context, User, []Enrollment) (Prompt, State, error)
	Verify(context.Context, User, []Enrollment, State, Answer) (Evidence, error)
}

var (
	// ErrWrong says that the answer was not the right one and that another may be tried.
	ErrWrong = errors.New("wrong answer")

	// ErrFormat says that the answer cannot be one: too short, or with letters that no code has.
	// It wraps ErrWrong, so that who does not care need not know.
	ErrFormat = wrong("not the form of an answer")

	// ErrReplayed says that the answer was right once and has been used. It wraps ErrWrong.
	ErrReplayed = wrong("already used")

	// ErrUnconfirmed says that the box which had to be ticked was not. It wraps ErrWrong.
	ErrUnconfirmed = wrong("not confirmed")

	// ErrState says that a state or an enrollment does not belong to this ceremony or this
	// person. It is a fault of the caller or an attack, and does not wrap ErrWrong.
	ErrState = errors.New("state of another ceremony")
)

type wrong string

func (w wrong) Error() string { return "wrong answer: " + string(w) }
func (w wrong) Unwrap() error { return ErrWrong }
