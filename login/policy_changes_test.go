package login_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

// TestPolicy_Changes: an exclamation mark is on what is weaker than it was.
func TestPolicy_Changes(t *testing.T) {
	day := login.Duration(24 * time.Hour)
	full := preset("strict", func(p *login.Policy) {
		p.Enrollment, p.HardwareKeys, p.NoDowngrade = login.ByTicket, login.Attested, true
		p.Hold = login.Hold{For: day, Scopes: []string{"rx:sign", "rx:read"}}
	})
	for _, c := range []struct {
		name     string
		from, to login.Policy
		want     string
	}{
		{"nothing", full, full, ""},
		{
			"everything weaker", full, preset("standard"),
			"factors: passkey totp recovery→passkey totp email recovery!; session.idle: 30m→1d!; session.overall: 12h→7d!; " +
				"enrollment: ticket→open!; hardware_keys: attested→any!; no_downgrade: true→false!; hold: 1d: rx:sign rx:read→!",
		},
		{
			"everything stronger", preset("standard"), full,
			"factors: passkey totp email recovery→passkey totp recovery; session.idle: 1d→30m; session.overall: 7d→12h; " +
				"enrollment: open→ticket; hardware_keys: any→attested; no_downgrade: false→true; hold: →1d: rx:sign rx:read",
		},
		{"off", preset("standard"), preset("off"), "mfa: required→off!; reuse: 12h→7d!"},
		{"required", preset("off"), preset("standard"), "mfa: off→required; reuse: 7d→12h"},
		{"put off until a date", preset("standard"), preset("standard", func(p *login.Policy) { p.From = noon.Add(time.Hour) }), "from: →2026-11-24T13:00:00Z!"},
		{"since a date that is over", preset("standard"), preset("standard", func(p *login.Policy) { p.From = noon.Add(-time.Hour) }), "from: →2026-11-24T11:00:00Z"},
		{"and it was off", preset("off"), preset("standard", func(p *login.Policy) { p.From = noon.Add(time.Hour) }), "mfa: off→required; from: →2026-11-24T13:00:00Z; reuse: 7d→12h"},
		{"a grace", preset("standard"), preset("standard", func(p *login.Policy) { p.Grace.Days = 14 }), "grace: →14 days!"},
		{"another grace", preset("standard", func(p *login.Policy) { p.Grace.Days = 14 }), preset("standard", func(p *login.Policy) { p.Grace.Skips = 3 }), "grace: 14 days→3 times!"},
		{"a shorter grace", preset("standard", func(p *login.Policy) { p.Grace.Days = 14 }), preset("standard", func(p *login.Policy) { p.Grace.Days = 7 }), "grace: 14 days→7 days"},
		{"another order", preset("strict"), policyOf("strict only:totp,passkey,recovery"), "factors: passkey totp recovery→totp passkey recovery"},
		{"a longer hold of less", full, held(full, 2*day, "rx:sign"), "hold: 1d: rx:sign rx:read→2d: rx:sign!"},
		{"a shorter hold", full, held(full, day/2, "rx:sign", "rx:read"), "hold: 1d: rx:sign rx:read→12h: rx:sign rx:read!"},
		{"a longer hold", full, held(full, 2*day, "rx:sign", "rx:read"), "hold: 1d: rx:sign rx:read→2d: rx:sign rx:read"},
	} {
		var said []string
		for _, d := range c.from.Changes(c.to, noon) {
			text := fmt.Sprintf("%s: %s→%s", d.Field, d.From, d.To)
			if d.Weaker {
				text += "!"
			}
			said = append(said, text)
		}
		if got := strings.Join(said, "; "); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

func held(p login.Policy, d login.Duration, scopes ...string) login.Policy {
	p.Hold = login.Hold{For: d, Scopes: scopes}
	return p
}

// TestKinds_Held: an exclamation mark is on what was set up just now; everything else is of an hour ago.
func TestKinds_Held(t *testing.T) {
	p := held(preset("strict"), login.Duration(30*time.Minute), "rx:sign")
	for _, c := range []struct {
		policy   login.Policy
		enrolled string
		password bool
		want     string
	}{
		{preset("strict"), "totp!", true, "no"},
		{p, "totp", true, "no"},
		{p, "totp!", true, "30m0s"},
		{p, "totp passkey!", true, "no"},
		{p, "totp", false, "unknown"}, // which alone is one factor
		{p, "passkey!", false, "30m0s"},
		{p, "passkey", false, "no"},
		{p, "recovery", true, "unknown"},
		{p, "email", true, "unknown"}, // which is not allowed
		{p, "", true, "unknown"},
	} {
		u := login.User{ID: "anna", Email: "a@b.c"}
		if c.password {
			u.PasswordHash = "$"
		}
		until, is := everyKind.Held(c.policy, u, enrollments(c.enrolled), noon)
		got := until.Sub(noon).String()
		switch {
		case !is && until.IsZero():
			got = "no"
		case until.IsZero():
			got = "unknown"
		}
		if got != c.want {
			t.Errorf("%q, password %v: %s, want %s", c.enrolled, c.password, got, c.want)
		}
	}
	without := login.Kinds{factors.TOTP, factors.Recovery}
	if _, is := without.Held(p, login.User{PasswordHash: "$"}, enrollments("passkey"), noon); !is {
		t.Error("a passkey opens where there are none")
	}
}
