package login_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

func TestA01_A02_A03_A04_A05_A06_A07_A08_A09_A10_A11_A12_D2_AMRandACR(t *testing.T) {
	for _, c := range []struct{ row, proofs, amr, met string }{
		{"none", "", "", ""},
		{"A-01 password", "pwd", "pwd", "1fa"},
		{"A-02 password and app", "pwd totp", "mfa otp pwd", "1fa mfa aal2"},
		{"A-03 password and recovery code", "pwd recovery", "mfa otp pwd", "1fa mfa aal2"},
		{"A-04 password and mail code", "pwd email", "mca mfa otp pwd", "1fa mfa"},
		{"A-05 passkey, verified, bound to the device", "keyuv", "hwk mfa pop user", "1fa mfa aal2 phr phrh"},
		{"A-06 passkey, verified, synced", "syncuv", "mfa pop swk user", "1fa mfa aal2 phr"},
		{"A-07 passkey, not verified", "key", "hwk pop user", "1fa"},
		{"A-08 password and passkey, not verified", "pwd key", "hwk mfa pop pwd user", "1fa mfa aal2 phr phrh"},
		{"A-09 password and passkey, verified", "pwd syncuv", "mfa pop pwd swk user", "1fa mfa aal2 phr"},
		{"A-10 another provider", "fed", "", "1fa"},
		{"A-11 another provider that did two", "fedmfa", "hwk mfa pop", "1fa mfa"},
		{"A-12 another provider and app", "fed totp", "mfa otp", "1fa mfa"},
		{"A-12 another provider and passkey, verified", "fed syncuv", "mfa pop swk user", "1fa mfa aal2 phr"},
		{"two apps are one class", "totp lost", "otp", "1fa"},
		{"one mailbox twice", "mailfed email", "mca otp", "1fa"},
		{"T-17 the password that a mailbox reset, and its code", "mailpwd email", "mca otp pwd", "1fa"},
		{"T-17 and an app beside it", "mailpwd email totp", "mca mfa otp pwd", "1fa mfa aal2"},
		{"D1 a mail code and a passkey that was not verified", "email sync", "mca otp pop swk user", "1fa"},
		{"A-06 a synced passkey and its other self", "sync syncuv", "mfa pop swk user", "1fa mfa aal2 phr"},
		{"A-08 password and synced passkey, not verified", "pwd sync", "mfa pop pwd swk user", "1fa mfa aal2 phr"},
		{"N-03 an attested key is no more than phrh", "keyatt", "hwk mfa pop user", "1fa mfa aal2 phr phrh"},
		{"a ticket is nothing", "ticket", "", "1fa"},
		{"a ticket beside a password", "pwd ticket", "pwd", "1fa"},
		{"all", "pwd totp recovery email", "mca mfa otp pwd", "1fa mfa aal2"},
	} {
		t.Run(c.row, func(t *testing.T) {
			ev := proofs(c.proofs)
			if got := strings.Join(login.AMR(ev), " "); got != c.amr {
				t.Errorf("amr %q, want %q", got, c.amr)
			}
			short := map[string]string{
				"1fa": login.ACRSingle, "mfa": login.ACRMultiFactor, "aal2": login.ACRAAL2, "phr": login.ACRPhishing, "phrh": login.ACRHardware,
			}
			want := strings.Fields(c.met)
			for name, acr := range short {
				if got := login.Met(acr, ev); got != slices.Contains(want, name) {
					t.Errorf("%s met: %v", name, got)
				}
			}
			highest := ""
			if len(want) > 0 {
				highest = short[want[len(want)-1]]
			}
			if got := login.ACR(nil, ev); got != highest {
				t.Errorf("highest acr %q, want %q", got, highest)
			}
		})
	}
}

func TestA25_ACRIsWhatWasAskedAndMet(t *testing.T) {
	ev := proofs("pwd totp")
	for _, c := range []struct {
		asked []string
		want  string
	}{
		{nil, login.ACRAAL2},
		{[]string{"gold"}, login.ACRAAL2},
		{[]string{login.ACRPhishing, login.ACRMultiFactor}, login.ACRMultiFactor},
		{[]string{login.ACRSingle, login.ACRMultiFactor}, login.ACRSingle},
	} {
		if got := login.ACR(c.asked, ev); got != c.want {
			t.Errorf("asked %v: %q, want %q", c.asked, got, c.want)
		}
	}
	if login.Met("gold", ev) || login.Met("", ev) || login.KnownACR("") {
		t.Error("an unknown value is met")
	}
}

func TestA27_AuthTimeIsOfTheOldest(t *testing.T) {
	if got, want := login.AuthTime(proofs("totp-1m pwd-2h recovery")), noon.Add(-2*time.Hour); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if !login.AuthTime(nil).IsZero() {
		t.Error("there is a time of nothing")
	}
}

func TestAMR_Properties(t *testing.T) {
	r := dice(t)
	for range walks {
		ev := anyProofs(r, true)
		amr := login.AMR(ev)
		if !slices.IsSorted(amr) || len(slices.Compact(slices.Clone(amr))) != len(amr) {
			t.Fatalf("%v is not in order", amr)
		}
		rand.Shuffle(len(ev), func(i, j int) { ev[i], ev[j] = ev[j], ev[i] })
		if !slices.Equal(amr, login.AMR(ev)) {
			t.Fatalf("%v depends on order", amr)
		}
		if slices.Contains(amr, "mfa") && !twoFactors(ev) {
			t.Fatalf("mfa of %+v", ev)
		}
	}
}

// twoFactors is the rule of the requirements in other words: one proof of two classes, or two of
// different class and source.
func twoFactors(ev []factors.Evidence) bool {
	for _, a := range ev {
		for _, b := range ev {
			if a.Source != b.Source && a.Class != b.Class && min(a.Class, b.Class) > 0 {
				return true
			}
		}
		if a.Class == factors.Has|factors.Is || a.Class == factors.Has|factors.Knows {
			return true
		}
	}
	return false
}

func TestSupportedACR(t *testing.T) {
	for _, c := range []struct {
		kinds []factors.Kind
		want  []string
	}{
		{nil, []string{login.ACRSingle}},
		{[]factors.Kind{factors.Email}, []string{login.ACRSingle, login.ACRMultiFactor}},
		{[]factors.Kind{factors.TOTP}, []string{login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2}},
		{[]factors.Kind{factors.TOTP, factors.Passkey}, []string{login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2, login.ACRPhishing, login.ACRHardware}},
	} {
		if got := login.SupportedACR(c.kinds...); !slices.Equal(got, c.want) {
			t.Errorf("%v: %v, want %v", c.kinds, got, c.want)
		}
	}
}

// TestN03_NoAAL3: whatever was proved, the third level is nothing that we know or say.
func TestN03_NoAAL3(t *testing.T) {
	const aal3 = "http://idmanagement.gov/ns/assurance/aal/3"
	ev := proofs("pwd totp keyatt")
	if login.KnownACR(aal3) || login.Met(aal3, ev) || login.ACR([]string{aal3}, ev) == aal3 {
		t.Error("it is claimed")
	}
}
