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

// validHold says what is wrong with the Hold of p.
func (p Policy) validHold() error {
	h := p.Hold
	if h.For == 0 && len(h.Scopes) == 0 {
		return nil
	}
	if p.MFA == Off {
		return errors.New("hold is for mfa that is optional or required: where it is off nobody has a factor that opens the scopes again")
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

// HeldUntil is when an authenticator app or a passkey is new no more to any of the organizations of its
// person; zero where none holds anything.
func HeldUntil(orgs []Org, e factors.Enrollment) time.Time {
	var longest Duration
	for _, o := range orgs {
		longest = max(longest, o.Policy.Hold.For)
	}
	if longest == 0 {
		return time.Time{}
	}
	return e.Created.Add(time.Duration(longest))
}

// Withheld are the scopes that a sign-in with this evidence may not open now, of a person with these factors
// in these organizations: what any of their policies holds, whichever one the sign-in is for, because a
// factor belongs to the account. They are sorted, and each is there once.
func Withheld(orgs []Org, evidence []factors.Evidence, enrolled []factors.Enrollment, now time.Time) []string {
	var out []string
	for _, o := range orgs {
		if h := o.Policy.Hold; h.For > 0 && !multiFactor(o.Policy.settled(evidence, enrolled, now.Add(-time.Duration(h.For)))) {
			out = append(out, h.Scopes...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// settled is the evidence that rests on nothing which was set up after begun. A mailed code counts only
// beside what it counts beside at a sign-in, and that may be new. The recovery code never counts: it is what
// remains to who lost everything, or to who found a sheet of paper.
func (p Policy) settled(evidence []factors.Evidence, enrolled []factors.Enrollment, begun time.Time) []factors.Evidence {
	old := slices.DeleteFunc(slices.Clone(enrolled), func(e factors.Enrollment) bool { return e.Created.After(begun) })
	return slices.DeleteFunc(slices.Clone(evidence), func(e factors.Evidence) bool {
		switch e.Kind {
		case factors.Password, factors.Federated:
			return false
		case factors.TOTP, factors.Passkey, factors.Email:
			return !slices.ContainsFunc(old, func(have factors.Enrollment) bool {
				return have.Kind == e.Kind && have.Source() == e.Source && (e.Kind != factors.Email || p.takes(have, old))
			})
		case factors.Recovery, factors.Ticket:
		}
		return true
	})
}
