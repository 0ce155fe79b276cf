package login

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	// NoDowngrade asks who has a passkey that is allowed for it and for nothing weaker, but the
	// recovery code.
	NoDowngrade bool `json:"no_downgrade,omitempty"`
	// Hold is what a sign-in does not open that rests on a factor which is new. Zero: nothing.
	Hold Hold `json:"hold,omitzero"`
	// Epoch rises with every change of the policy or of who falls under it. A grant issued
	// under an older epoch is judged anew when it is used.
	Epoch int64 `json:"epoch"`

	// Leave is what is left of Grace to the person whom the policy binds: see At. Zero: nothing.
	Leave Leave `json:"-"`
	// Coming is, until Leave.Until, what Factors will be from then on. Nil: what they are.
	Coming []factors.Kind `json:"-"`
	// SetUp is what binds the person beside it who sets something up: see Among. Nil: nothing.
	SetUp *SetUp `json:"-"`
}

// Grace is how long a member who has no factor may put off setting one up: days from the later of
// From and joining, or a number of sign-ins from From on, where Enrollment is Open. One of them, or
// neither.
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
	p := Policy{
		MFA: Required, Factors: []factors.Kind{factors.Passkey, factors.TOTP, factors.Email, factors.Recovery},
		Trust: defaultTrust, Enrollment: Open, HardwareKeys: AnyHardware,
		Reuse: 12 * hour, Session: Limits{Idle: day, Overall: 7 * day},
	}
	switch name {
	case "off":
		p.MFA, p.Reuse = Off, p.Session.Overall
	case "standard":
	case "strict":
		p.Factors = []factors.Kind{factors.Passkey, factors.TOTP, factors.Recovery}
		p.Session = Limits{Idle: 30 * minute, Overall: 12 * hour}
	default:
		return Policy{}, false
	}
	return p, true
}

// Personal is the policy of a person who is in no organization: nothing is demanded, and what the
// person has set up is asked for. It has the session limits of the preset standard.
func Personal() Policy {
	p, _ := Preset("standard")
	p.MFA = Optional
	p.Reuse = p.Session.Overall
	return p
}

// Kinds are the factors that a deployment has: without a mail server there are no mail codes, and under
// an address instead of a name there are no passkeys. What it lacks no policy makes it ask for.
type Kinds []factors.Kind

// Of is p without the factors that the deployment lacks.
func (k Kinds) Of(p Policy) Policy {
	lacking := func(kind factors.Kind) bool { return !slices.Contains(k, kind) }
	p.Factors = slices.DeleteFunc(slices.Clone(p.Factors), lacking)
	p.Coming = slices.DeleteFunc(slices.Clone(p.Coming), lacking)
	return p
}

// WithMailbox are the factors of a person, with the mailbox where there is one and codes can be mailed.
func (k Kinds) WithMailbox(u User, enrolled []factors.Enrollment) []factors.Enrollment {
	if box, ok := Mailbox(u); ok && slices.Contains(k, factors.Email) {
		enrolled = append(enrolled, box)
	}
	return enrolled
}

// Allows reports whether the policy lets k be a second factor.
func (p Policy) Allows(k factors.Kind) bool { return slices.Contains(p.Factors, k) }

// At is p as it binds one person now, who joined then and has put off setting up a factor skips
// times. Where p does not demand a second factor of the person yet, it is optional, and Leave says
// what is left. Until a day that it begins on it takes what people have set up before, also what it will
// not take then: to announce that a better factor is demanded must not switch off the one that there is.
func (p Policy) At(now, joined time.Time, skips int) Policy {
	p.Leave = Leave{}
	if p.MFA != Required {
		return p
	}
	until := p.From
	if p.Grace.Days > 0 {
		if joined.After(until) {
			until = joined
		}
		until = until.Add(time.Duration(p.Grace.Days) * 24 * time.Hour)
	}
	switch {
	case now.Before(until):
		p.Leave.Until = until
		if going := slices.DeleteFunc(slices.Clone(selfEnrolled), p.Allows); len(going) > 0 {
			p.Coming, p.Factors = p.Factors, slices.Concat(p.Factors, going)
		}
	case skips < p.Grace.Skips:
		p.Leave.Skips = p.Grace.Skips - max(skips, 0)
	default:
		return p
	}
	p.MFA = Optional
	return p
}

// UnmarshalJSON gives what is not there the value that it had before it could be said.
func (p *Policy) UnmarshalJSON(b []byte) error {
	type plain Policy
	read := plain{Trust: defaultTrust, Enrollment: Open, HardwareKeys: AnyHardware}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	*p = Policy(read)
	return nil
}

// defaultTrust is the offer where nothing else is said.
var defaultTrust = Trust{Offer: true, RemindAfter: Duration(14 * 24 * time.Hour)}

// The longest grace that can be given.
const (
	maxGraceDays  = 365
	maxGraceSkips = 100
)

// Validate says, in a sentence for the person who wrote the policy, what is wrong with it. It is for
// writing one: a policy that was kept before a rule came still binds.
func (p Policy) Validate() error {
	for _, check := range []func() error{p.validDemand, p.validFactors, p.validEnrollment, p.validTimes, p.validHold} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (p Policy) validDemand() error {
	switch p.MFA {
	case Off, Optional, Required:
	default:
		return fmt.Errorf("mfa is %q: it has to be off, optional or required", p.MFA)
	}
	g := p.Grace
	switch {
	case p.MFA != Required && !p.From.IsZero():
		return fmt.Errorf("from is for mfa that is required, and mfa is %s", p.MFA)
	case p.MFA != Required && g != Grace{}:
		return fmt.Errorf("grace is for mfa that is required, and mfa is %s", p.MFA)
	case g.Days != 0 && g.Skips != 0:
		return errors.New("grace has days and skips: it may have one of them")
	case g.Days < 0 || g.Days > maxGraceDays:
		return fmt.Errorf("grace days is %d: it has to be between 1 and %d", g.Days, maxGraceDays)
	case g.Skips < 0 || g.Skips > maxGraceSkips:
		return fmt.Errorf("grace skips is %d: it has to be between 1 and %d", g.Skips, maxGraceSkips)
	}
	return nil
}

func (p Policy) validFactors() error {
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
	if p.MFA != Off && !p.Allows(factors.Passkey) {
		return fmt.Errorf("factors has to allow passkey where mfa is %s: nothing else keeps a person from giving a proof to a forged page (NIST SP 800-63B-4, 2.2.2)", p.MFA)
	}
	return nil
}

func (p Policy) validEnrollment() error {
	switch p.Enrollment {
	case Open, ByMail, ByTicket:
	default:
		return fmt.Errorf("enrollment is %q: it has to be open, mail or ticket", p.Enrollment)
	}
	if p.Enrollment != Open && p.Grace.Skips > 0 {
		return fmt.Errorf("grace skips are for enrollment that is open, and enrollment is %s: give days", p.Enrollment)
	}
	switch p.HardwareKeys {
	case AnyHardware, Attested:
	default:
		return fmt.Errorf("hardware_keys is %q: it has to be any or attested", p.HardwareKeys)
	}
	return nil
}

func (p Policy) validTimes() error {
	for _, d := range []struct {
		name string
		d    Duration
	}{
		{"reuse", p.Reuse},
		{"session idle", p.Session.Idle},
		{"session overall", p.Session.Overall},
		{"trust_device remind_after", p.Trust.RemindAfter},
	} {
		if err := d.d.valid(d.name); err != nil {
			return err
		}
	}
	if p.Session.Idle > p.Session.Overall {
		return fmt.Errorf("session idle (%s) is longer than session overall (%s)", p.Session.Idle, p.Session.Overall)
	}
	return nil
}

// valid reports a time of a policy that nobody can mean.
func (d Duration) valid(name string) error {
	if d < Duration(time.Minute) || d > Duration(365*24*time.Hour) {
		return fmt.Errorf("%s is %s: it has to be between 1m and 365d", name, d)
	}
	return nil
}

// Strictest returns the organization whose policy binds a person who named none, or false for a person in no
// organization. Policies are compared by these, in order, and the first difference decides:
//
//  1. how much it demands now
//  2. how hard it makes setting up a first factor
//  3. how few keys it calls hardware
//  4. whether it insists on a passkey that there is
//  5. how strong the weakest factor is that it takes
//  6. how few factors it takes
//  7. how short proofs, sessions, and sessions at rest are good
//  8. the lower id, so that every instance agrees
//
// It is one organization with all that its policy says, also where another is stricter in something that comes
// later in this list.
func Strictest(orgs []Org, now time.Time) (Org, bool) {
	if len(orgs) == 0 {
		return Org{}, false
	}
	return slices.MinFunc(orgs, func(a, b Org) int {
		p, q := a.Policy.At(now, a.Joined, a.Skips), b.Policy.At(now, b.Joined, b.Skips)
		return cmp.Or(
			cmp.Compare(q.demands(), p.demands()),
			cmp.Compare(rank(enrollBys, q.Enrollment), rank(enrollBys, p.Enrollment)),
			cmp.Compare(rank(hardwareKeys, q.HardwareKeys), rank(hardwareKeys, p.HardwareKeys)),
			cmp.Compare(q.insists(), p.insists()),
			cmp.Compare(b.Policy.weakest(), a.Policy.weakest()),
			cmp.Compare(len(a.Policy.Factors), len(b.Policy.Factors)),
			cmp.Compare(p.Reuse, q.Reuse),
			cmp.Compare(p.Session.Overall, q.Session.Overall),
			cmp.Compare(p.Session.Idle, q.Session.Idle),
			cmp.Compare(a.ID, b.ID),
		)
	}), true
}

// What a policy may say, the strictest last.
var (
	enrollBys    = []EnrollBy{Open, ByMail, ByTicket}
	hardwareKeys = []HardwareKeys{AnyHardware, Attested}
)

// insists is 1 for a policy with NoDowngrade.
func (p Policy) insists() int {
	if p.NoDowngrade {
		return 1
	}
	return 0
}

// demands is how much a policy that binds now asks for. One that gives leave asks everybody, though
// it takes no for an answer.
func (p Policy) demands() int {
	switch {
	case p.MFA == Required:
		return 3
	case p.Leave != Leave{}:
		return 2
	case p.MFA == Optional:
		return 1
	}
	return 0
}
