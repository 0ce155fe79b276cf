package login_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

// told writes an effect in the words of the table.
func told(e login.Effect) string {
	words := []string{string(e.Kind)}
	for _, k := range e.Methods {
		words = append(words, string(k))
	}
	if e.Confirm != "" {
		words = append(words, "by "+string(e.Confirm))
	}
	if e.Why != "" {
		words = append(words, string(e.Why))
	}
	if !e.Leave.Until.IsZero() {
		words = append(words, "in "+e.Leave.Until.Sub(noon).String())
	}
	if e.Leave.Skips > 0 {
		words = append(words, fmt.Sprint(e.Leave.Skips, " times"))
	}
	return strings.Join(words, " ")
}

func TestImpact(t *testing.T) {
	var (
		soon  = func(p *login.Policy) { p.From = noon.Add(time.Hour) }
		days  = func(p *login.Policy) { p.Grace.Days = 2 }
		times = func(p *login.Policy) { p.Grace.Skips = 3 }
	)
	for _, c := range []struct {
		name     string
		policy   login.Policy
		enrolled string
		user     func(*login.User)
		org      login.Org
		want     string
	}{
		{name: "off", policy: preset("off"), enrolled: "totp", want: "fine"},
		{name: "optional", policy: policyOf("optional"), enrolled: "email", want: "fine"},
		{name: "optional, and has one", policy: policyOf("optional"), enrolled: "totp email", want: "asked totp email"},
		{name: "has one", policy: preset("standard"), enrolled: "totp email recovery", want: "asked totp email recovery"},
		{name: "has a passkey", policy: preset("standard"), enrolled: "synced", want: "asked passkey"},
		{name: "has the recovery code", policy: preset("standard"), enrolled: "recovery", want: "asked recovery"},
		{name: "has none", policy: preset("standard"), enrolled: "email", want: "setup totp passkey by open"},
		{name: "has none, a ticket", policy: policyOf("standard by:ticket"), want: "setup totp passkey by ticket"},
		{name: "has none, a mail", policy: policyOf("standard by:mail"), enrolled: "email", want: "setup totp passkey by mail"},
		{name: "has none, and no mailbox", policy: policyOf("standard by:mail"), want: "shut nomailbox"},
		{name: "has none, and only passkeys", policy: policyOf("strict only:passkey"), want: "setup passkey by open"},
		{name: "has none, soon", policy: preset("standard", soon), want: "setup totp passkey by open in 1h0m0s"},
		{name: "has none, a ticket soon", policy: preset("standard", soon, func(p *login.Policy) { p.Enrollment = login.ByTicket }), want: "setup totp passkey by ticket in 1h0m0s"},
		{name: "has none, days", policy: preset("standard", days), org: login.Org{Joined: noon}, want: "setup totp passkey by open in 48h0m0s"},
		{name: "has none, days that are over", policy: preset("standard", days), org: login.Org{Joined: noon.Add(-48 * time.Hour)}, want: "setup totp passkey by open"},
		{name: "has none, times", policy: preset("standard", times), org: login.Org{Skips: 1}, want: "setup totp passkey by open 2 times"},
		{name: "has none, times that are over", policy: preset("standard", times), org: login.Org{Skips: 3}, want: "setup totp passkey by open"},
		{name: "has one, soon", policy: preset("standard", soon), enrolled: "totp", want: "asked totp"},
		{name: "has one that will not be allowed", policy: preset("strict", soon, func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }), enrolled: "totp", want: "shut notallowed in 1h0m0s"},
		{name: "has one that is not allowed", policy: policyOf("strict only:passkey"), enrolled: "totp", want: "shut notallowed"},
		{name: "times are not for who has one that is not allowed", policy: preset("strict", times, func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }), enrolled: "totp", want: "shut notallowed"},
		{name: "disabled", policy: preset("off"), user: func(u *login.User) { u.Disabled = noon }, want: "shut disabled"},
		{name: "no password", policy: preset("off"), user: noPassword, want: "shut nopassword"},
		{name: "no password and a passkey", policy: preset("strict"), enrolled: "totp synced", user: noPassword, want: "fine"},
		{name: "no password and a passkey that is not allowed", policy: policyOf("standard only:totp"), enrolled: "totp synced", user: noPassword, want: "shut nopassword"},
		{name: "wishes", policy: preset("standard"), enrolled: "totp email", user: func(u *login.User) { u.Default = factors.Email }, want: "asked email totp"},
		{name: "only the mailbox", policy: policyOf("standard only:email,recovery"), enrolled: "email", want: "asked email"},
		{name: "T-17 a password of the mailbox", policy: policyOf("standard only:email"), enrolled: "email", user: resetBefore(7*24*time.Hour - 1), want: "shut notallowed"},
		{name: "T-17 for seven days", policy: policyOf("standard only:email"), enrolled: "email", user: resetBefore(7 * 24 * time.Hour), want: "asked email"},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := login.User{ID: "anna", Email: "a@b.c", PasswordHash: "$"}
			if c.user != nil {
				c.user(&u)
			}
			if got := told(everyKind.Impact(c.policy, u, c.org, nil, enrollments(c.enrolled), noon)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// everyKind is a deployment with a mail server and a name.
var everyKind = login.Kinds{factors.TOTP, factors.Recovery, factors.Email, factors.Passkey}

// TestImpact_OfADeployment: what there is not, nobody is asked for.
func TestImpact_OfADeployment(t *testing.T) {
	u := login.User{ID: "anna", Email: "a@b.c", EmailVerified: true, PasswordHash: "$"}
	bare := login.Kinds{factors.TOTP, factors.Recovery}
	for _, c := range []struct {
		name     string
		kinds    login.Kinds
		policy   login.Policy
		enrolled string
		want     string
	}{
		{"everything", everyKind, policyOf("standard by:mail"), "", "setup totp passkey by mail"},
		{"no mails", login.Kinds{factors.TOTP, factors.Recovery, factors.Passkey}, policyOf("standard by:mail"), "", "shut nomail"},
		{"no mails, and nothing else allowed", bare, policyOf("standard only:email,recovery"), "", "shut notallowed"},
		{"no passkeys", bare, preset("standard"), "", "setup totp by open"},
		{"no passkeys, and one set up before", bare, preset("standard"), "totp synced", "asked totp"},
		{"no passkeys, and nothing else allowed", bare, policyOf("strict only:passkey"), "synced", "shut notallowed"},
	} {
		enrolled := c.kinds.WithMailbox(u, enrollments(c.enrolled))
		if got := told(c.kinds.Impact(c.policy, u, login.Org{}, nil, enrolled, noon)); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func noPassword(u *login.User) { u.PasswordHash = "" }

func resetBefore(d time.Duration) func(*login.User) {
	return func(u *login.User) { u.PasswordMail = noon.Add(-d); u.PasswordSet = u.PasswordMail }
}

// TestImpact_IsWhatNextDoes lets a person with the right password sign in under the policy, and compares.
func TestImpact_IsWhatNextDoes(t *testing.T) {
	r := dice(t)
	for range walks {
		s := anyScene(r)
		s.policy.Leave = login.Leave{}
		u := login.User{ID: "anna", Email: "a@b.c", PasswordHash: "$"}
		effect := everyKind.Impact(s.policy, u, login.Org{}, nil, s.enrolled, noon)
		s.tx = login.Transaction{
			UserID: "anna", Identifier: "a@b.c", Started: noon, Can: []login.Capability{login.CanPasskey}, Proved: proofs("pwd"),
		}
		step := s.next()
		want := map[login.StepKind]login.EffectKind{
			login.Done: login.EffectFine, login.Offer: login.EffectFine, login.Fail: login.EffectShut,
			login.Enroll: login.EffectSetUp, login.Ticket: login.EffectSetUp, login.Challenge: login.EffectAsked,
		}[step.Kind]
		confirmed := s
		confirmed.tx.Proved = proofs("pwd email")
		if confirmed.next().Kind == login.Enroll { // the challenge is a mail that comes before
			want = login.EffectSetUp
		}
		if effect.Kind != want {
			t.Fatalf("%s, and the effect is %s\n%+v", said(step), told(effect), s)
		}
	}
}
