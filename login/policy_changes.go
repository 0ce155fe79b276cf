package login

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
)

// Difference is something that two policies say otherwise, in words for who looks after them.
type Difference struct {
	Field  string // as in the document of a policy
	From   string // empty: nothing was said
	To     string // empty: nothing is said any more
	Weaker bool   // it asks for less, or lets more in, than before
}

// Changes are what next says otherwise than p, in the order of Policy. Each is judged by itself: a longer
// grace is weaker also where a factor goes.
func (p Policy) Changes(next Policy, now time.Time) []Difference {
	required := p.MFA == Required && next.MFA == Required
	all := []Difference{
		{"mfa", string(p.MFA), string(next.MFA), rank(mfas, next.MFA) < rank(mfas, p.MFA)},
		{"from", DateText(p.From), DateText(next.From), required && next.From.After(p.From) && next.From.After(now)},
		{"grace", p.Grace.String(), next.Grace.String(), required && (next.Grace.Days > p.Grace.Days || next.Grace.Skips > p.Grace.Skips)},
		{"factors", spaced(words(p.Factors)), spaced(words(next.Factors)), p.admits(next)},
		{"trust_device", p.Trust.String(), next.Trust.String(), false},
		{"reuse", p.Reuse.String(), next.Reuse.String(), next.Reuse > p.Reuse},
		{"session.idle", p.Session.Idle.String(), next.Session.Idle.String(), next.Session.Idle > p.Session.Idle},
		{"session.overall", p.Session.Overall.String(), next.Session.Overall.String(), next.Session.Overall > p.Session.Overall},
		{"enrollment", string(p.Enrollment), string(next.Enrollment), rank(enrollBys, next.Enrollment) < rank(enrollBys, p.Enrollment)},
		{
			"hardware_keys", string(p.HardwareKeys), string(next.HardwareKeys),
			rank(hardwareKeys, next.HardwareKeys) < rank(hardwareKeys, p.HardwareKeys),
		},
		{"no_downgrade", fmt.Sprint(p.NoDowngrade), fmt.Sprint(next.NoDowngrade), next.insists() < p.insists()},
		{"hold", p.Hold.String(), next.Hold.String(), p.Hold.loosened(next.Hold)},
	}
	return slices.DeleteFunc(all, func(d Difference) bool { return d.From == d.To })
}

// mfas are what MFA may be, the strictest last.
var mfas = []MFA{Off, Optional, Required}

// DateText is when a policy begins: a day, or a time; empty where it says nothing.
func DateText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return strings.TrimSuffix(t.UTC().Format(time.RFC3339), "T00:00:00Z")
}

func (g Grace) String() string {
	switch {
	case g.Days > 0:
		return fmt.Sprintf("%d days", g.Days)
	case g.Skips > 0:
		return fmt.Sprintf("%d times", g.Skips)
	}
	return ""
}

func (t Trust) String() string {
	if !t.Offer {
		return "not offered"
	}
	return fmt.Sprintf("offered, again after %s", t.RemindAfter)
}

func (h Hold) String() string {
	if h.For == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s", h.For, strings.Join(h.Scopes, " "))
}

// loosened reports whether next holds something for a shorter time, or not at all.
func (h Hold) loosened(next Hold) bool {
	return next.For < h.For || slices.ContainsFunc(h.Scopes, func(s string) bool { return !slices.Contains(next.Scopes, s) })
}

// admits reports whether next takes something weaker than a passkey that p does not, or no passkey any more.
func (p Policy) admits(next Policy) bool {
	return p.Allows(factors.Passkey) && !next.Allows(factors.Passkey) ||
		slices.ContainsFunc(next.Factors, func(k factors.Kind) bool { return k != factors.Passkey && !p.Allows(k) })
}

// Held says until when a person is kept from what p holds, whichever of the factors is used for it; held is
// false when one of them opens it now. The zero time, of who is held: nobody knows, for there is no factor yet that would.
func (k Kinds) Held(p Policy, u User, enrolled []factors.Enrollment, now time.Time) (until time.Time, held bool) {
	p = k.Of(p)
	if p.Hold.For == 0 {
		return time.Time{}, false
	}
	if p.opens(u, enrolled, now) {
		return time.Time{}, false
	}
	var moments []time.Time
	for _, e := range enrolled {
		if settled := e.Created.Add(time.Duration(p.Hold.For)); p.Allows(e.Kind) && settled.After(now) {
			moments = append(moments, settled)
		}
	}
	slices.SortFunc(moments, time.Time.Compare)
	for _, at := range moments {
		if p.opens(u, enrolled, at) {
			return at, true
		}
	}
	return time.Time{}, true
}

// opens reports whether one of the factors, used at its best, opens then what p holds.
func (p Policy) opens(u User, enrolled []factors.Enrollment, at time.Time) bool {
	return slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool {
		if !p.Allows(e.Kind) {
			return false
		}
		proof := promised(e)
		proof.At = at
		if e.Kind == factors.Passkey {
			proof.Class |= factors.Is
		}
		evidence := []factors.Evidence{proof}
		if u.PasswordHash != "" {
			evidence = append(evidence, knows(u.Passwords, at))
		}
		return len(Withheld([]Org{{Policy: p}}, u.borne(evidence, at), enrolled, at)) == 0
	})
}
