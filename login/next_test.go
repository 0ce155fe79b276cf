package login_test

import (
	"cmp"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// proofs reads a list such as "pwd-2h totp": proofs by name, each with its age at noon.
func proofs(list string) []factors.Evidence {
	var out []factors.Evidence
	for _, word := range strings.Fields(list) {
		name, age, _ := strings.Cut(word, "-")
		e, ok := kindsOfProof[name]
		if !ok {
			panic("no such proof: " + name)
		}
		e.At = noon
		if age != "" {
			d, err := time.ParseDuration(age)
			if err != nil {
				panic(err)
			}
			e.At = noon.Add(-d)
		}
		out = append(out, e)
	}
	return out
}

var kindsOfProof = map[string]factors.Evidence{
	"pwd":      {Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}},
	"fed":      {Kind: factors.Federated, Source: "idp:https://idp.example", Class: factors.Knows},
	"fedmfa":   {Kind: factors.Federated, Source: "idp:https://idp.example", Class: factors.Knows | factors.Has, AMR: []string{"hwk", "pop"}},
	"totp":     {Kind: factors.TOTP, Source: "totp:t1", Class: factors.Has, AMR: []string{"otp"}},
	"lost":     {Kind: factors.TOTP, Source: "totp:removed", Class: factors.Has, AMR: []string{"otp"}},
	"recovery": {Kind: factors.Recovery, Source: "recovery:r0", Class: factors.Has, AMR: []string{"otp"}},
	"email":    {Kind: factors.Email, Source: "mailbox:a@b.c", Class: factors.Has, AMR: []string{"mca", "otp"}},
	"oldmail":  {Kind: factors.Email, Source: "mailbox:old@b.c", Class: factors.Has, AMR: []string{"mca", "otp"}},
	"mailfed":  {Kind: factors.Federated, Source: "mailbox:a@b.c", Class: factors.Knows},
	"mailpwd":  {Kind: factors.Password, Source: "mailbox:a@b.c", Class: factors.Knows, AMR: []string{"pwd"}},
	"ticket":   {Kind: factors.Ticket, Source: "ticket:1"},
	"key":      {Kind: factors.Passkey, Source: "passkey:k1", Class: factors.Has, AMR: []string{"hwk", "pop", "user"}},
	"keyuv":    {Kind: factors.Passkey, Source: "passkey:k1", Class: factors.Has | factors.Is, AMR: []string{"hwk", "pop", "user"}},
	"keyatt":   {Kind: factors.Passkey, Source: "passkey:k1", Class: factors.Has | factors.Is, AMR: []string{"hwk", "pop", "user"}, Attested: true},
	"usbuv":    {Kind: factors.Passkey, Source: "passkey:k3", Class: factors.Has | factors.Is, AMR: []string{"hwk", "pop", "user"}},
	"sync":     {Kind: factors.Passkey, Source: "passkey:k2", Class: factors.Has, AMR: []string{"pop", "swk", "user"}},
	"syncuv":   {Kind: factors.Passkey, Source: "passkey:k2", Class: factors.Has | factors.Is, AMR: []string{"pop", "swk", "user"}},
}

// enrollments reads a list such as "totp recovery": what a person has set up. A recovery code with
// a question mark was shown and not recorded; what has an exclamation mark was made just now.
func enrollments(list string) []factors.Enrollment {
	known := map[string]factors.Enrollment{
		"totp":     {ID: "t1", Kind: factors.TOTP},
		"totp2":    {ID: "t2", Kind: factors.TOTP},
		"passkey":  {ID: "k1", Kind: factors.Passkey, Place: factors.OnDevice, Handle: []byte{1}},
		"synced":   {ID: "k2", Kind: factors.Passkey, Place: factors.Synced, Handle: []byte{2}},
		"usb":      {ID: "k3", Kind: factors.Passkey, Place: factors.OnKey, Handle: []byte{3}},
		"recovery": {ID: "r1", Kind: factors.Recovery},
		"email":    {ID: "a@b.c", Kind: factors.Email},
	}
	var out []factors.Enrollment
	for _, word := range strings.Fields(list) {
		word, shown := strings.CutSuffix(word, "!")
		name, unconfirmed := strings.CutSuffix(word, "?")
		e, ok := known[name]
		if !ok {
			panic("no such enrollment: " + name)
		}
		e.UserID, e.Created = "anna", noon.Add(-time.Hour)
		if shown {
			e.Created = noon
		}
		if !unconfirmed {
			e.Confirmed = e.Created
		}
		out = append(out, e)
	}
	return out
}

// said writes a step in the words of the tables.
func said(s login.Step) string {
	words := []string{string(s.Kind)}
	if s.Offer != "" {
		words = append(words, string(s.Offer))
	}
	for _, m := range s.Methods {
		words = append(words, string(m))
	}
	if s.Error != "" {
		words = append(words, s.Error)
	}
	if s.Stuck {
		words = append(words, "stuck")
	}
	return strings.Join(words, " ")
}

func preset(name string, change ...func(*login.Policy)) login.Policy {
	p, ok := login.Preset(name)
	if !ok {
		panic("no such preset: " + name)
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func ago(d time.Duration) *time.Duration { return &d }

const (
	aal2  = login.ACRAAL2
	mfa   = login.ACRMultiFactor
	unmet = "fail " + login.ErrorUnmet
)

// asking is a row: what Next is asked, and what it has to say.
type asking struct {
	name     string
	policy   string // see policyOf
	demand   login.Demand
	enrolled string
	borrowed string // what the session lends
	proved   string // in this transaction
	chosen   factors.Kind
	putOff   bool   // every offer
	can      string // what the browser's script says; "passkey" where empty, nothing where "-"
	knows    string // ids of the passkeys that this browser knows
	change   func(*login.Transaction)
	user     string // "" is anna; nobody: not identified; stranger: an address that nobody has
	with     string // the ids of the enrollments that would do
	want     string
}

func asked(t *testing.T, rows []asking) {
	t.Helper()
	for _, c := range rows {
		t.Run(c.name, func(t *testing.T) {
			tx := login.Transaction{
				Started: noon.Add(-15 * time.Minute), UserID: "anna", Identifier: "anna@example.com", Demand: c.demand, Chosen: c.chosen,
				Borrowed: proofs(c.borrowed), Proved: proofs(c.proved),
			}
			switch c.user {
			case "nobody":
				tx.UserID, tx.Identifier = "", ""
			case "stranger":
				tx.UserID = ""
			}
			if c.putOff {
				tx.PutOff = everyOffer
			}
			for _, word := range strings.Fields(cmp.Or(c.can, "passkey")) {
				tx.Can = append(tx.Can, login.Capability(word))
			}
			tx.Device.Knows = strings.Fields(c.knows)
			enrolled := enrollments(c.enrolled)
			tx.Device.Signaled = login.Signaled(enrolled, "")
			if c.change != nil {
				c.change(&tx)
			}
			step := login.Next(tx, policyOf(c.policy), enrolled, noon)
			var with []string
			for _, e := range step.With {
				with = append(with, e.ID)
			}
			if got := strings.Join(with, " "); c.with != "" && got != c.with {
				t.Errorf("with %q, want %q", got, c.with)
			}
			if got := said(step); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// policyOf reads a policy such as "strict by:mail": a preset, "optional" (standard, but optional) or
// "personal", and what is different about it.
func policyOf(text string) login.Policy {
	words := strings.Fields(text)
	var p login.Policy
	switch words[0] {
	case "personal":
		p = login.Personal()
	case "optional":
		p = preset("standard", func(p *login.Policy) { p.MFA = login.Optional })
	default:
		p = preset(words[0])
	}
	for _, word := range words[1:] {
		key, value, _ := strings.Cut(word, ":")
		switch key {
		case "only":
			p.Factors = nil
			for name := range strings.SplitSeq(value, ",") {
				p.Factors = append(p.Factors, factors.Kind(name))
			}
		case "by":
			p.Enrollment = login.EnrollBy(value)
		case "attested":
			p.HardwareKeys = login.Attested
		case "nodowngrade":
			p.NoDowngrade = true
		case "untrusted":
			p.Trust.Offer = false
		case "until":
			p.Leave.Until = noon.Add(time.Hour)
		case "skips":
			p.Leave.Skips = 2
		default:
			panic("no such policy: " + text)
		}
	}
	return p
}

type demand = login.Demand

// What is different about a transaction.

func bySession(tx *login.Transaction) { tx.SessionID = "s1" }

func wishes(k factors.Kind) func(*login.Transaction) {
	return func(tx *login.Transaction) { tx.Default = k }
}

func adds(k factors.Kind) func(*login.Transaction) {
	return func(tx *login.Transaction) { tx.Adds = k }
}

func made(id string) func(*login.Transaction) {
	return func(tx *login.Transaction) { tx.Registered = id }
}

func remind(at time.Time) func(*login.Transaction) {
	return func(tx *login.Transaction) { tx.Device.Remind = at }
}

var everyOffer = []login.OfferKind{
	login.OfferName, login.OfferEnroll, login.OfferRecovery, login.OfferReplace, login.OfferTrust, login.OfferSignal,
}

func TestNext(t *testing.T) {
	asked(t, []asking{
		{name: "nobody", user: "nobody", policy: "personal", want: "identify"},
		{name: "stranger", user: "stranger", policy: "personal", want: "prove password"},
		{name: "known and nothing proved", policy: "off", want: "prove password"},
		{name: "a second factor alone is no sign-in", policy: "off", enrolled: "totp", proved: "totp", want: "prove password"},
		{name: "a recovery code alone is no sign-in", policy: "off", proved: "recovery", want: "prove password"},
		{name: "another provider is a first proof", policy: "off", proved: "fed", want: "done"},
		{name: "off, password", policy: "off", proved: "pwd", want: "done"},
		{name: "off asks nobody who has a factor", policy: "off", enrolled: "totp recovery", proved: "pwd", want: "done"},
		{name: "required, no factor", policy: "standard", proved: "pwd", want: "enroll totp passkey"},
		{name: "required, factor", policy: "standard", enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "required, both proved", policy: "standard", enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "required, order of proving is no matter", policy: "standard", enrolled: "totp recovery", proved: "totp pwd", want: "done"},
		{name: "optional, no factor", policy: "optional", proved: "pwd", want: "done"},
		{name: "optional, factor", policy: "optional", enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "optional, a recovery code is no factor", policy: "optional", enrolled: "recovery", proved: "pwd", want: "done"},
		{name: "personal, no factor", policy: "personal", proved: "pwd", want: "done"},
		{name: "personal, factor", policy: "personal", enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "required, another provider says mfa and has two classes", policy: "standard", proved: "fedmfa", want: "done"},
		{name: "policy's order", policy: "standard only:email,totp", enrolled: "totp email", proved: "pwd", want: "challenge email totp"},
		{name: "recovery last whatever the policy's order", policy: "standard only:recovery,totp", enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "chosen first", policy: "standard", enrolled: "totp recovery", proved: "pwd", chosen: factors.Recovery, want: "challenge recovery totp"},
		{name: "T-15 chosen but not set up", policy: "standard", enrolled: "totp", proved: "pwd", chosen: factors.Recovery, want: "challenge totp"},
		{name: "T-15 chosen but not allowed", policy: "standard only:totp", enrolled: "totp recovery", proved: "pwd", chosen: factors.Recovery, want: "challenge totp"},
		{name: "T-15 no downgrade", policy: "standard nodowngrade", enrolled: "passkey totp email recovery", proved: "pwd", want: "challenge passkey recovery"},
		{name: "T-15 no downgrade, chosen all the same", policy: "standard nodowngrade", enrolled: "passkey totp email recovery", proved: "pwd", chosen: factors.TOTP, want: "challenge passkey recovery"},
		{name: "T-15 no downgrade, without a passkey", policy: "standard nodowngrade", enrolled: "totp email recovery", proved: "pwd", want: "challenge totp email recovery"},
		{name: "T-15 no downgrade, with one that is not allowed", policy: "standard nodowngrade only:totp,recovery", enrolled: "passkey totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "T-15 what was proved before there was one counts", policy: "standard nodowngrade", enrolled: "passkey! totp recovery", proved: "pwd totp", want: "done"},
		{name: "T-15 what was proved beside one does not", policy: "standard nodowngrade", enrolled: "passkey totp recovery", borrowed: "pwd totp", want: "challenge passkey recovery"},
		{name: "A-22 the preferred one first, and what would do", policy: "standard", demand: demand{ACR: []string{"phr", mfa}}, enrolled: "totp passkey email recovery", proved: "pwd", want: "challenge passkey totp email recovery"},
		{name: "A-22 a later one given", policy: "standard", demand: demand{ACR: []string{"phr", mfa}}, enrolled: "totp passkey recovery", proved: "pwd totp", want: "done"},
		{name: "A-22 a session that meets a later one is asked for the preferred", policy: "standard", demand: demand{ACR: []string{"phr", mfa}}, enrolled: "totp passkey recovery", borrowed: "pwd totp", want: "challenge passkey totp recovery"},
		{name: "A-22 essential takes any of them", policy: "standard", demand: demand{ACR: []string{"phr", mfa}, Essential: true}, enrolled: "totp passkey recovery", proved: "pwd totp", want: "done"},
		{name: "A-22 not for the recovery code alone", policy: "standard", demand: demand{ACR: []string{aal2, mfa}}, enrolled: "passkey! email recovery", proved: "pwd", can: "-", want: "challenge email recovery"},
		{name: "T-15 chosen but not enough", policy: "standard", demand: demand{ACR: []string{"phr"}}, enrolled: "totp passkey", proved: "pwd", chosen: factors.TOTP, want: "challenge passkey"},
		{name: "a recovery code that was only shown is good", policy: "standard", enrolled: "totp recovery?", proved: "pwd", want: "challenge totp recovery"},
		{name: "only the recovery code is left", policy: "standard", enrolled: "recovery", proved: "pwd", want: "challenge recovery"},
		{name: "T-23 proof that this organization does not allow", policy: "standard only:passkey,recovery", enrolled: "totp passkey", borrowed: "pwd totp", want: "challenge passkey"},
		{name: "has a factor, and not one that is allowed", policy: "standard only:passkey", enrolled: "totp", proved: "pwd", want: unmet + " stuck"},
		{name: "nothing that could be set up", policy: "standard only:recovery", proved: "pwd", want: unmet + " stuck"},
		{name: "optional and what is set up is not allowed", policy: "optional only:passkey", enrolled: "totp", proved: "pwd", want: "done"},
		{name: "T-50 the factor was removed since", policy: "standard", enrolled: "recovery", proved: "pwd lost", want: "challenge recovery"},
		{name: "T-50 the factor was removed from the session's person", policy: "standard", enrolled: "recovery", borrowed: "pwd lost", want: "challenge recovery"},
		{name: "a used recovery code still counts", policy: "standard", enrolled: "totp", proved: "pwd recovery", putOff: true, want: "done"},
	})
}

func TestA20_A22_A23_A24_A26_WhatTheClientDemands(t *testing.T) {
	asked(t, []asking{
		{name: "A-20 request cannot lower the organization", policy: "standard", demand: demand{ACR: []string{login.ACRSingle}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 request cannot lower the registration", policy: "off", demand: demand{ACR: []string{login.ACRSingle}, FloorACR: []string{mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 registration alone", policy: "off", demand: demand{FloorACR: []string{aal2}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 one of the registration's will do", policy: "off", demand: demand{FloorACR: []string{"phr", aal2}}, enrolled: "totp", proved: "pwd totp", putOff: true, want: "done"},
		{name: "A-20 a registration that nobody knows lets nobody in", policy: "off", demand: demand{FloorACR: []string{"gold"}}, proved: "pwd", want: unmet},
		{name: "A-20 both together", policy: "off", demand: demand{ACR: []string{"phr"}, FloorACR: []string{aal2}}, enrolled: "totp passkey", proved: "pwd totp", putOff: true, want: "challenge passkey"},
		{name: "A-22 first that can be reached", policy: "off", demand: demand{ACR: []string{"phr", mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-22 in the client's order", policy: "off", demand: demand{ACR: []string{login.ACRSingle, mfa}}, enrolled: "totp", proved: "pwd", want: "done"},
		{name: "A-22 only unknown ones are ignored", policy: "off", demand: demand{ACR: []string{"gold", "silver"}}, proved: "pwd", want: "done"},
		{name: "A-22 unknown beside known", policy: "off", demand: demand{ACR: []string{"gold", mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-24 essential and unknown", policy: "off", demand: demand{ACR: []string{"gold"}, Essential: true}, proved: "pwd", want: unmet},
		{name: "A-24 essential and out of reach", policy: "off", demand: demand{ACR: []string{"phr"}, Essential: true}, enrolled: "totp", proved: "pwd", want: unmet},
		{name: "A-24 essential and voluntary is essential", policy: "off", demand: demand{ACR: []string{"phr"}, Essential: true, Voluntary: true}, proved: "pwd", want: unmet},
		{name: "A-24 essential is not asked before the password", policy: "off", demand: demand{ACR: []string{"gold"}, Essential: true}, want: "prove password"},
		{name: "A-26 out of reach fails", policy: "off", demand: demand{ACR: []string{"phr"}}, enrolled: "totp", proved: "pwd", want: unmet},
		{name: "A-26 voluntary takes less", policy: "off", demand: demand{ACR: []string{"phr"}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "done"},
		{name: "A-26 voluntary still asks for what is there", policy: "off", demand: demand{ACR: []string{mfa}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-26 voluntary does not lower the organization", policy: "standard", demand: demand{ACR: []string{"phr"}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-04 a mail code is no aal2", policy: "standard", demand: demand{ACR: []string{aal2}}, enrolled: "email totp", proved: "pwd email", want: "challenge totp"},
		{name: "A-03 a recovery code is aal2", policy: "standard", demand: demand{ACR: []string{aal2}}, enrolled: "recovery", proved: "pwd recovery", want: "done"},
		{name: "one mailbox is one factor", policy: "standard", enrolled: "email totp", proved: "mailfed email", want: "challenge totp", with: "t1"},
		{name: "one mailbox is not asked twice", policy: "standard", enrolled: "email totp", proved: "mailfed", want: "challenge totp", with: "t1"},
		{name: "A-06 a verified passkey after the password is phr", policy: "strict", demand: demand{ACR: []string{"phr"}}, enrolled: "synced", proved: "pwd syncuv", putOff: true, want: "done"},
		{name: "A-08 an unverified passkey with the password is phr", policy: "strict", demand: demand{ACR: []string{"phr"}}, enrolled: "passkey", proved: "pwd key", putOff: true, want: "done"},
	})
}

func TestP16_P17_A27_HowOld(t *testing.T) {
	asked(t, []asking{
		{name: "P-16 prompt=login asks all again", policy: "standard", demand: demand{Fresh: true}, enrolled: "totp recovery", borrowed: "pwd totp", want: "prove password"},
		{name: "P-16 prompt=login, password again", policy: "standard", demand: demand{Fresh: true}, enrolled: "totp recovery", borrowed: "pwd totp", proved: "pwd", want: "challenge totp recovery"},
		{name: "P-16 prompt=login, all again", policy: "standard", demand: demand{Fresh: true}, enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "P-16 max_age=0 is prompt=login", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "totp recovery", borrowed: "pwd totp", want: "prove password"},
		{name: "P-16 max_age=0 does not loop", policy: "standard", demand: demand{MaxAge: ago(0)}, enrolled: "totp recovery", proved: "pwd-1m totp-1m", want: "done"},
		{name: "P-17 within max_age", policy: "off", demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-59m", want: "done"},
		{name: "P-17 at max_age", policy: "off", demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-60m", want: "done"},
		{name: "P-17 beyond max_age", policy: "off", demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-61m", want: "prove password"},
		{name: "A-27 the older factor alone is asked again", policy: "standard", demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-5m totp-2h", want: "challenge totp recovery"},
		{name: "A-27 the older password alone is asked again", policy: "standard", demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-2h totp-5m", want: "prove password"},
		{name: "A-27 and nothing else", policy: "standard", demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-2h totp-5m", proved: "pwd", want: "done"},
		{name: "a factor not needed may be old", policy: "off", demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp", borrowed: "pwd-5m totp-2h", want: "done"},
		{name: "organization's own reuse", policy: "standard", enrolled: "totp", borrowed: "pwd-13h totp-13h", want: "prove password"},
		{name: "organization's reuse is not widened by max_age", policy: "standard", demand: demand{MaxAge: ago(48 * time.Hour)}, enrolled: "totp", borrowed: "pwd-13h totp-1h", want: "prove password"},
		{name: "step-up of a session", policy: "off", demand: demand{ACR: []string{mfa}}, enrolled: "totp", borrowed: "pwd-2h", want: "challenge totp"},
	})
}

func TestP15_NobodyMayBeAsked(t *testing.T) {
	asked(t, []asking{
		{name: "P-15 nobody", user: "nobody", policy: "personal", demand: demand{Silent: true}, want: "fail login_required"},
		{name: "P-15 signed in", policy: "off", demand: demand{Silent: true}, borrowed: "pwd", want: "done"},
		{name: "P-15 too old", policy: "off", demand: demand{Silent: true, MaxAge: ago(time.Minute)}, borrowed: "pwd-2m", want: "fail login_required"},
		{name: "P-15 step-up", policy: "standard", demand: demand{Silent: true}, enrolled: "totp", borrowed: "pwd", want: "fail interaction_required"},
		{name: "P-15 enrolling", policy: "standard", demand: demand{Silent: true}, borrowed: "pwd-1m", want: "fail interaction_required"},
		{name: "P-15 enrolling, password not of now", policy: "standard", demand: demand{Silent: true}, borrowed: "pwd-1h", want: "fail interaction_required"},
		{name: "P-15 out of reach", policy: "off", demand: demand{Silent: true, ACR: []string{"phr"}}, borrowed: "pwd", want: unmet},
		{name: "P-15 takes what is met before what is preferred", policy: "off", demand: demand{Silent: true, ACR: []string{mfa, login.ACRSingle}}, enrolled: "totp", borrowed: "pwd", want: "done"},
		{name: "P-15 voluntary takes what is there", policy: "off", demand: demand{Silent: true, ACR: []string{mfa}, Voluntary: true}, enrolled: "totp", borrowed: "pwd", want: "done"},
		{name: "P-15 prompt=none with prompt=login's freshness", policy: "off", demand: demand{Silent: true, Fresh: true}, borrowed: "pwd", want: "fail login_required"},
	})
}

func TestP19_SomebodyInParticular(t *testing.T) {
	asked(t, []asking{
		{name: "P-19 the person of the hint", policy: "off", demand: demand{Subject: "anna"}, proved: "pwd", want: "done"},
		{name: "P-19 another person", policy: "off", demand: demand{Subject: "bert"}, proved: "pwd", want: "fail login_required"},
		{name: "P-19 another person, not before the password", policy: "off", demand: demand{Subject: "bert"}, want: "prove password"},
		{name: "P-19 another person is not asked to set anything up", policy: "standard", demand: demand{Subject: "bert"}, proved: "pwd", want: "fail login_required"},
		{name: "P-19 another person silently", policy: "off", demand: demand{Subject: "bert", Silent: true}, borrowed: "pwd", want: "fail login_required"},
	})
}
