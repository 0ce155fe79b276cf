package login

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
)

// Hold keeps scopes from a sign-in that rests on a factor which is new. Whoever stole a password and set up
// a factor of their own comes in, but not to what is behind these scopes; the owner, who was told of the
// factor by mail, has the time to undo it.
type Hold struct {
	For    Duration `json:"for"`    // how long a factor is new
	Scopes []string `json:"scopes"` // OAuth scopes that it does not open until then
}

// valid says what is wrong with h.
func (h Hold) valid() error {
	if h.For == 0 && len(h.Scopes) == 0 {
		return nil
	}
	if len(h.Scopes) == 0 {
		return errors.New("hold names no scopes: name what a new factor does not open")
	}
	for _, s := range h.Scopes {
		switch {
		case s == "openid":
			return errors.New("hold names the scope openid, without which nobody signs in at all")
		case s == "" || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }):
			return fmt.Errorf("hold names %q, which is no scope", s)
		}
	}
	return h.For.valid("hold for")
}

// HeldUntil is when an authenticator app or a passkey is new no more, and opens what others open; zero where
// the policy holds nothing.
func (p Policy) HeldUntil(e factors.Enrollment) time.Time {
	if p.Hold.For == 0 {
		return time.Time{}
	}
	return e.Created.Add(time.Duration(p.Hold.For))
}

// Withheld are the scopes that a sign-in with this evidence, by a person with these factors, may not open
// now: those of the policy's Hold, unless the evidence is two factors without what is new. The recovery code
// always is: it is what remains to who lost everything, or to who found a sheet of paper.
func (p Policy) Withheld(evidence []factors.Evidence, enrolled []factors.Enrollment, now time.Time) []string {
	if p.Hold.For == 0 {
		return nil
	}
	begun := now.Add(-time.Duration(p.Hold.For))
	settled := slices.DeleteFunc(slices.Clone(evidence), func(e factors.Evidence) bool {
		switch e.Kind {
		case factors.Password, factors.Federated:
			return false
		case factors.TOTP, factors.Passkey, factors.Email:
			return !slices.ContainsFunc(enrolled, func(have factors.Enrollment) bool {
				return have.Kind == e.Kind && have.Source() == e.Source && !have.Created.After(begun)
			})
		case factors.Recovery, factors.Ticket:
		}
		return true
	})
	if multiFactor(settled) {
		return nil
	}
	return p.Hold.Scopes
}
