// Package factors holds the vocabulary of proof: what a person proved (Evidence), what a person
// has set up to prove it with (Enrollment), and what a way of proving must be able to do (Factor).
//
// Each factor is a subpackage (totp, passkey, emailcode, recovery) that knows neither pages nor
// policies nor tokens; factortest holds all of them to one conformance suite.
package factors

import (
	"context"
	"encoding/json"
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

	// Ticket is no factor but a word of support: who holds one may set up a first factor where
	// the policy asks for it. Its evidence has no class, so it counts for nothing else.
	Ticket Kind = "ticket"
)

// Place says where the secret of a passkey lives, as its first ceremony told. It is for people and
// for the order of asking; what a ceremony proved is read from the ceremony.
type Place string

const (
	OnDevice Place = "device" // in one device, and it cannot leave it
	Synced   Place = "synced" // in an account that carries it to other devices
	OnKey    Place = "key"    // on a security key that is carried around
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
	// Attested says that the maker of the key vouched for it, and that we checked. Where a policy
	// asks for that, a passkey without it is not called "hwk".
	Attested bool `json:"attested,omitempty"`
	// Generation says which of the person's passwords it is. A clock cannot: the old one may be given
	// while another is being set.
	Generation int64 `json:"generation,omitempty"`
}

// Replaces reports whether e says all that older said, of the same secret, and is not the older one. A
// passkey that did not verify its user this time leaves standing that it did before. A later password
// takes the place of an earlier one whenever that was given.
func (e Evidence) Replaces(older Evidence) bool {
	if e.Kind != older.Kind || e.Source != older.Source {
		return false
	}
	if e.Generation != older.Generation {
		return e.Generation > older.Generation
	}
	return !e.At.Before(older.At) && e.Class&older.Class == older.Class && (e.Attested || !older.Attested)
}

// User is what a factor needs to know of a person.
type User struct {
	ID     string
	Email  string
	Name   string
	App    string // what the person is signing in to, for the words of a mail; empty for none
	Attest bool   // the person's policy wants the maker of a key to vouch for it
	Here   bool   // a passkey is to be in the device at hand, which the person was offered to trust
	Alone  bool   // a passkey has to verify its user: nothing else was proved
}

// Enrollment is a factor that a person has set up.
type Enrollment struct {
	ID     string // UUIDv7
	UserID string
	Kind   Kind
	Name   string // what the person calls it
	// Secret is the factor's own record of the secret (the TOTP seed). The store seals it with
	// the row's id as associated data. A recovery code is here only on its way from FinishEnroll
	// to the store, which keeps a keyed hash of it and gives nothing back.
	Secret []byte
	// Handle is the credential id of a passkey, by which it is found. No two live enrollments of
	// anybody have the same. It is empty for every other kind.
	Handle []byte
	Place  Place // of a passkey
	// Confirmed is when the person showed that they hold it: for a recovery code, when they said to
	// have recorded it. Zero: they never did; the code is good all the same.
	Confirmed time.Time
	Created   time.Time
	LastUsed  time.Time // zero: never
	// Step is what only ever rises: the last time step that a TOTP code was used of (BurnStep), or
	// the signature counter of a passkey (UsePasskey). The store keeps it as the enrollment is
	// inserted, and nothing else moves it.
	Step int64
	// Proved is what setting the factor up proved by the way, so that nobody is asked for a
	// second code right after the first. It is zero where nothing was (a recovery code that
	// was only written down). FinishEnroll fills it; no store keeps it.
	Proved Evidence
}

// Source is what a proof of e rests on: Evidence.Source. Of a mailbox, whose ID is its address, it is the
// same whatever else was proved by that mailbox.
func (e Enrollment) Source() string {
	if e.Kind == Email {
		return MailboxSource(e.ID)
	}
	return string(e.Kind) + ":" + e.ID
}

// MailboxSource is what everything rests on that whoever reads the mailbox of an address can prove.
func MailboxSource(address string) string { return "mailbox:" + address }

// Prompt is what a page has to show for a ceremony. Each factor fills what it has.
type Prompt struct {
	Key  string `json:"key,omitempty"`  // the TOTP seed in base32, without padding
	URI  string `json:"uri,omitempty"`  // otpauth:// for a QR code or a deep link
	Code string `json:"code,omitempty"` // the recovery code, to be shown once

	// Options are what a browser needs to make or use a passkey: PublicKeyCredentialCreationOptionsJSON
	// or PublicKeyCredentialRequestOptionsJSON (WebAuthn Level 3, 5.1.8 and 5.1.10).
	Options json.RawMessage `json:"options,omitempty"`

	Address string    `json:"address,omitempty"` // where a code was mailed to, masked
	Mail    string    `json:"mail,omitempty"`    // the id of that mail in the outbox
	Again   time.Time `json:"again,omitzero"`    // when another mail may be asked for
}

// State is what must survive between the beginning of a ceremony and its answer. It belongs to
// the factor that made it and is kept, sealed, in the login transaction; the person never holds it.
type State []byte

// Answer is what the person gave.
type Answer struct {
	Code      string // typed: spaces and dashes are the factor's to forgive
	Confirmed bool   // the box that says "recorded" was ticked
	Response  []byte // what the browser's PublicKeyCredential.toJSON() gave
}

// A Factor is stateless: what must survive between Begin and its answer travels in State.
//
// Verify and FinishEnroll return an error that wraps ErrWrong when the answer was not right and
// may be given again; any other error is a failure and says nothing about the answer. A proof that
// is good once is burned, by a compare-and-set, before Verify returns its evidence.
//
// BeginChallenge of a factor that has to send something may fail with Later.
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

	// ErrExpired says that the ceremony took too long, or that a newer one took its place (the code
	// of an older mail): it has to begin again. It wraps ErrWrong.
	ErrExpired = wrong("too late")

	// ErrUnverified says that a passkey did not verify its user where that was needed. It wraps
	// ErrWrong.
	ErrUnverified = wrong("user not verified")

	// ErrUnknown says that a passkey is none that we know; the browser may forget it. It wraps
	// ErrWrong.
	ErrUnknown = wrong("unknown credential")

	// ErrCloned says that the counter of a key went back: there may be two of it. It wraps ErrWrong.
	ErrCloned = wrong("the counter went back")

	// ErrTaken says that a passkey is set up already, by this person or another. It wraps ErrWrong.
	ErrTaken = wrong("already set up")

	// ErrState says that a state or an enrollment does not belong to this ceremony or this
	// person. It is a fault of the caller or an attack, and does not wrap ErrWrong.
	ErrState = errors.New("state of another ceremony")
)

// Later says that a ceremony cannot begin before At: too many mails were sent.
type Later struct{ At time.Time }

func (Later) Error() string { return "not before later" }

type wrong string

func (w wrong) Error() string { return "wrong answer: " + string(w) }
func (w wrong) Unwrap() error { return ErrWrong }
