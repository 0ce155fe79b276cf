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
	From    time.Time      `json:"from,omitzero"`  // with Required: optional until then
	Grace   Grace          `json:"grace,omitzero"` // with Required: how long a member may put it off
	Factors []factors.Kind `json:"factors"`        // allowed as second factor, in order of preference
	Trust   Trust          `json:"trust_device"`
	Reuse   Duration       `json:"reuse"` // how old a session's proof may be
	Session Limits         `json:"session"`
	// Enrollment is what a member without a factor has to show, beside the first proof, to set one up.
	Enrollment EnrollBy `json:"enrollment"`
	// HardwareKeys is when a passkey counts as hardware-protected (`hwk`, `phrh`).
	HardwareKeys HardwareKeys `json:"hardware_keys"`
	// Epoch rises with every change of the policy or of who falls under it. A grant issued
	// under an older epoch is judged anew when it is used.
	Epoch int64 `json:"epoch"`

	// Leave is what is left of Grace to the person whom the policy binds: see At. Zero: nothing.
	Leave Leave `json:"-"`
}

// Grace is how long a member who has no factor may put off setting one up: days from the later of
// From and joining, or a number of sign-ins. One of them, or neither.
type Grace struct {
	Days  int `json:"days,omitempty"`
	Skips int `json:"skips,omitempty"`
}

// Leave is what one person has left of Grace. A person with leave is under an optional policy, and
// is asked at each sign-in to set a factor up.
type Leave struct {
	Until time.Time // the demand begins then; zero: not by time
	Skips int       // how often it may still be put off; 0: not by number
}

// Trust is the offer to trust a device, which is to make a passkey on it.
type Trust struct {
	Offer       bool     `json:"offer"`
	RemindAfter Duration `json:"remind_after"` // what "Remind me later" is
}

// EnrollBy is what it takes to set up a first factor.
type EnrollBy string

const (
	Open     EnrollBy = "open"   // a fresh first proof
	ByMail   EnrollBy = "mail"   // and a code that was mailed to the verified address
	ByTicket EnrollBy = "ticket" // and a one-time ticket of support
)

// HardwareKeys is whose word it takes to call a key hardware.
type HardwareKeys string

const (
	AnyHardware HardwareKeys = "any"      // the key says that it cannot be copied
	Attested    HardwareKeys = "attested" // its maker vouches for it, and we checked
)

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
	trust := Trust{Offer: true, RemindAfter: 14 * day}
	kinds := []factors.Kind{factors.Passkey, factors.TOTP, factors.Email, factors.Recovery}
	switch name {
	case "off":
		return Policy{MFA: Off, Factors: kinds, Trust: trust, Enrollment: Open, HardwareKeys: AnyHardware, Reuse: 7 * day, Session: Limits{Idle: day, Overall: 7 * day}}, true
	case "standard":
		return Policy{MFA: Required, Factors: kinds, Trust: trust, Enrollment: Open, HardwareKeys: AnyHardware, Reuse: 12 * hour, Session: Limits{Idle: day, Overall: 7 * day}}, true
	case "strict":
		return Policy{
			MFA: Required, Factors: []factors.Kind{factors.Passkey, factors.TOTP, factors.Recovery},
			Trust: trust, Enrollment: Open, HardwareKeys: AnyHardware,
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
