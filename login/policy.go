package login

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
)

// MFA is whether an organization asks for a second factor.
type MFA string

const (
	// Off: nobody is asked for a second factor by the organization and nobody sets one up.
	// A client may still demand one of who has it (`acr_values`).
	Off MFA = "off"
	// Optional: who has set up a second factor is asked for it.
	Optional MFA = "optional"
	// Required: everybody is asked; who has none sets one up at the next sign-in.
	Required MFA = "required"
)

// Policy is what an organization demands of a sign-in of its members.
type Policy struct {
	MFA     MFA            `json:"mfa"`
	Factors []factors.Kind `json:"factors"` // allowed as second factor, in order of preference
	Reuse   Duration       `json:"reuse"`   // how old a session's proof may be
	Session Limits         `json:"session"`
	// Epoch rises with every change of the policy or of who falls under it. A grant issued
	// under an older epoch is judged anew when it is used.
	Epoch int64 `json:"epoch"`
}

// Limits bound a browser session.
type Limits struct {
	Idle    Duration `json:"idle"`    // since its last use
	Overall Duration `json:"overall"` // since its first proof
}

// Duration is a time.Duration that reads and writes as text: "30m", "12h", "14d".
type Duration time.Duration

// Preset returns a named policy, or false. The presets are off, standard and strict.
func Preset(name string) (Policy, bool) {
	const minute, hour, day = Duration(time.Minute), Duration(time.Hour), 24 * Duration(time.Hour)
	kinds := []factors.Kind{factors.Passkey, factors.TOTP, factors.Email, factors.Recovery}
	switch name {
	case "off":
		return Policy{MFA: Off, Factors: kinds, Reuse: 7 * day, Session: Limits{Idle: day, Overall: 7 * day}}, true
	case "standard":
		return Policy{MFA: Required, Factors: kinds, Reuse: 12 * hour, Session: Limits{Idle: day, Overall: 7 * day}}, true
	case "strict":
		return Policy{
			MFA: Required, Factors: []factors.Kind{factors.Passkey, factors.TOTP, factors.Recovery},
			Reuse: 12 * hour, Session: Limits{Idle: 30 * minute, Overall: 12 * hour},
		}, true
	}
	return Policy{}, false
}

// Personal is the policy of a person who is in no organization: nothing is demanded, and what the
// person has set up is asked for. It has the session limits of the preset standard.
func Personal() Policy {
	p, _ := Preset("standard")
	p.MFA = Optional
	p.Reuse = p.Session.Overall
	return p
}

// Allows reports whether the policy lets k be a second factor.
func (p Policy) Allows(k factors.Kind) bool { return slices.Contains(p.Factors, k) }

// Validate says, in a sentence for the person who wrote the policy, what is wrong with it.
func (p Policy) Validate() error {
	switch p.MFA {
	case Off, Optional, Required:
	default:
		return fmt.Errorf("mfa is %q: it has to be off, optional or required", p.MFA)
	}
	seen := map[factors.Kind]bool{}
	for _, k := range p.Factors {
		switch k {
		case factors.Passkey, factors.TOTP, factors.Email, factors.Recovery:
		default:
			return fmt.Errorf("factors names %q: it may name passkey, totp, email and recovery", k)
		}
		if seen[k] {
			return fmt.Errorf("factors names %q twice", k)
		}
		seen[k] = true
	}
	if p.MFA != Off && !slices.ContainsFunc(selfEnrolled, p.Allows) {
		return fmt.Errorf("factors has to allow %s where mfa is %s: people cannot set up any other in this release", spoken(selfEnrolled), p.MFA)
	}
	for _, d := range []struct {
		name string
		d    Duration
	}{{"reuse", p.Reuse}, {"session idle", p.Session.Idle}, {"session overall", p.Session.Overall}} {
		if d.d < Duration(time.Minute) || d.d > Duration(365*24*time.Hour) {
			return fmt.Errorf("%s is %s: it has to be between 1m and 365d", d.name, d.d)
		}
	}
	if p.Session.Idle > p.Session.Overall {
		return fmt.Errorf("session idle (%s) is longer than session overall (%s)", p.Session.Idle, p.Session.Overall)
	}
	return nil
}

// spoken is a choice of kinds in words.
func spoken(kinds []factors.Kind) string {
	var names []string
	for _, k := range kinds {
		names = append(names, string(k))
	}
	return strings.Join(names, " or ")
}

// Strictest returns the organization whose policy binds a person who named none: the one that
// demands most, then allows fewest factors, then trusts a proof and a session for the shortest
// time; the lower id decides between equals, so that every instance agrees. It returns false for
// a person in no organization.
func Strictest(orgs []Org) (Org, bool) {
	if len(orgs) == 0 {
		return Org{}, false
	}
	rank := map[MFA]int{Off: 0, Optional: 1, Required: 2}
	return slices.MinFunc(orgs, func(a, b Org) int {
		return cmp.Or(
			cmp.Compare(rank[b.Policy.MFA], rank[a.Policy.MFA]),
			cmp.Compare(len(a.Policy.Factors), len(b.Policy.Factors)),
			cmp.Compare(a.Policy.Reuse, b.Policy.Reuse),
			cmp.Compare(a.Policy.Session.Overall, b.Policy.Session.Overall),
			cmp.Compare(a.Policy.Session.Idle, b.Policy.Session.Idle),
			cmp.Compare(a.ID, b.ID),
		)
	}), true
}
