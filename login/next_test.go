package login_test

import (
	"cmp"
	"slices"
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

func TestNext(t *testing.T) {
	var (
		off, standard, strict = preset("off"), preset("standard"), preset("strict")
		optional              = preset("standard", func(p *login.Policy) { p.MFA = login.Optional })
		personal              = login.Personal()
		attested              = preset("standard", func(p *login.Policy) { p.HardwareKeys = login.Attested })
		byMail                = preset("standard", func(p *login.Policy) { p.Enrollment = login.ByMail })
		strictByMail          = preset("strict", func(p *login.Policy) { p.Enrollment = login.ByMail })
		byTicket              = preset("standard", func(p *login.Policy) { p.Enrollment = login.ByTicket })
		totpFirst             = preset("standard", func(p *login.Policy) { slices.Reverse(p.Factors[:2]) })
		within                = func(p *login.Policy) { p.MFA, p.Leave.Until = login.Optional, noon.Add(time.Hour) }
		leave                 = preset("standard", within)
		leaveTimes            = preset("standard", func(p *login.Policy) { p.MFA, p.Leave.Skips = login.Optional, 2 })
		only                  = func(kinds ...factors.Kind) login.Policy {
			return preset("standard", func(p *login.Policy) { p.Factors = kinds })
		}
		bySession = func(tx *login.Transaction) { tx.SessionID = "s1" }
		wishes    = func(k factors.Kind) func(*login.Transaction) {
			return func(tx *login.Transaction) { tx.Default = k }
		}
		adds = func(k factors.Kind) func(*login.Transaction) {
			return func(tx *login.Transaction) { tx.Adds = k }
		}
		made = func(id string) func(*login.Transaction) {
			return func(tx *login.Transaction) { tx.Registered = id }
		}
		remind = func(at time.Time) func(*login.Transaction) {
			return func(tx *login.Transaction) { tx.Device.Remind = at }
		}
		stranger = "stranger"
	)
	type demand = login.Demand
	for _, c := range []struct {
		name     string
		policy   login.Policy
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
	}{
		// Who is it, and is it true.
		{name: "nobody", user: "nobody", policy: personal, want: "identify"},
		{name: "stranger", user: stranger, policy: personal, want: "prove password"},
		{name: "known and nothing proved", policy: off, want: "prove password"},
		{name: "a second factor alone is no sign-in", policy: off, enrolled: "totp", proved: "totp", want: "prove password"},
		{name: "a recovery code alone is no sign-in", policy: off, proved: "recovery", want: "prove password"},
		{name: "another provider is a first proof", policy: off, proved: "fed", want: "done"},

		// What the organization demands.
		{name: "off, password", policy: off, proved: "pwd", want: "done"},
		{name: "off asks nobody who has a factor", policy: off, enrolled: "totp recovery", proved: "pwd", want: "done"},
		{name: "required, no factor", policy: standard, proved: "pwd", want: "enroll totp passkey"},
		{name: "required, factor", policy: standard, enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "required, both proved", policy: standard, enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "required, order of proving is no matter", policy: standard, enrolled: "totp recovery", proved: "totp pwd", want: "done"},
		{name: "optional, no factor", policy: optional, proved: "pwd", want: "done"},
		{name: "optional, factor", policy: optional, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "optional, a recovery code is no factor", policy: optional, enrolled: "recovery", proved: "pwd", want: "done"},
		{name: "personal, no factor", policy: personal, proved: "pwd", want: "done"},
		{name: "personal, factor", policy: personal, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "required, another provider says mfa and has two classes", policy: standard, proved: "fedmfa", want: "done"},

		// Which factors.
		{name: "policy's order", policy: only(factors.Email, factors.TOTP), enrolled: "totp email", proved: "pwd", want: "challenge email totp"},
		{name: "recovery last whatever the policy's order", policy: only(factors.Recovery, factors.TOTP), enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "chosen first", policy: standard, enrolled: "totp recovery", proved: "pwd", chosen: factors.Recovery, want: "challenge recovery totp"},
		{name: "T-15 chosen but not set up", policy: standard, enrolled: "totp", proved: "pwd", chosen: factors.Recovery, want: "challenge totp"},
		{name: "T-15 chosen but not allowed", policy: only(factors.TOTP), enrolled: "totp recovery", proved: "pwd", chosen: factors.Recovery, want: "challenge totp"},
		{name: "T-15 chosen but not enough", policy: standard, demand: demand{ACR: []string{"phr"}}, enrolled: "totp passkey", proved: "pwd", chosen: factors.TOTP, want: "challenge passkey"},
		{name: "a recovery code that was only shown is good", policy: standard, enrolled: "totp recovery?", proved: "pwd", want: "challenge totp recovery"},
		{name: "only the recovery code is left", policy: standard, enrolled: "recovery", proved: "pwd", want: "challenge recovery"},
		{name: "T-23 proof that this organization does not allow", policy: only(factors.Passkey, factors.Recovery), enrolled: "totp passkey", borrowed: "pwd totp", want: "challenge passkey"},
		{name: "has a factor, and not one that is allowed", policy: only(factors.Passkey), enrolled: "totp", proved: "pwd", want: unmet + " stuck"},
		{name: "nothing that could be set up", policy: only(factors.Recovery), proved: "pwd", want: unmet + " stuck"},
		{name: "optional and what is set up is not allowed", policy: preset("standard", func(p *login.Policy) {
			p.MFA, p.Factors = login.Optional, []factors.Kind{factors.Passkey}
		}), enrolled: "totp", proved: "pwd", want: "done"},
		{name: "T-50 the factor was removed since", policy: standard, enrolled: "recovery", proved: "pwd lost", want: "challenge recovery"},
		{name: "T-50 the factor was removed from the session's person", policy: standard, enrolled: "recovery", borrowed: "pwd lost", want: "challenge recovery"},
		{name: "a used recovery code still counts", policy: standard, enrolled: "totp", proved: "pwd recovery", putOff: true, want: "done"},

		// Enrolling.
		{name: "T-12 password minutes ago", policy: standard, borrowed: "pwd-4m", want: "enroll totp passkey"},
		{name: "T-12 password too long ago", policy: standard, borrowed: "pwd-6m", want: "prove password"},
		{name: "T-12 password again", policy: standard, borrowed: "pwd-6m", proved: "pwd", want: "enroll totp passkey"},
		{name: "T-12 an app that takes its time", policy: standard, proved: "pwd-14m", want: "enroll totp passkey"},
		{name: "strict enrolls too", policy: strict, proved: "pwd", want: "enroll totp passkey"},
		{name: "A-23 asked, none set up, person decides", policy: personal, demand: demand{ACR: []string{mfa}}, proved: "pwd", want: "enroll totp passkey"},
		{name: "A-23 asked, none set up, organization says off", policy: off, demand: demand{ACR: []string{mfa}}, proved: "pwd", want: unmet},
		{name: "A-23 asked, set up, organization says off", policy: off, demand: demand{ACR: []string{mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-23 asked for what enrolling does not reach", policy: standard, demand: demand{ACR: []string{"phrh"}}, proved: "pwd", want: unmet},
		{name: "A-23 asked for what one way of enrolling reaches", policy: standard, demand: demand{ACR: []string{"phr"}}, proved: "pwd", want: "enroll passkey"},
		{name: "never a second first factor", policy: only(factors.TOTP), enrolled: "passkey", proved: "pwd", want: unmet + " stuck"},

		// Offers.
		{name: "recovery after setting up", policy: standard, enrolled: "totp", proved: "pwd totp", want: "offer recovery"},
		{name: "recovery again until it is recorded", policy: standard, enrolled: "totp recovery?", proved: "pwd totp", want: "offer recovery"},
		{name: "recovery replaced after use", policy: standard, enrolled: "totp", proved: "pwd recovery", want: "offer recovery"},
		{name: "put off", policy: standard, enrolled: "totp", proved: "pwd totp", putOff: true, want: "done"},
		{name: "not allowed", policy: only(factors.TOTP), enrolled: "totp", proved: "pwd totp", want: "done"},
		{name: "an open session gets none", policy: standard, enrolled: "totp", borrowed: "pwd totp", want: "done"},
		{name: "a password alone gets none", policy: off, enrolled: "totp", proved: "pwd", want: "done"},
		{name: "the code that was just shown is nothing to answer with", policy: only(factors.Passkey, factors.Email, factors.Recovery), demand: demand{ACR: []string{aal2, mfa}}, enrolled: "totp email recovery!", proved: "pwd email", want: "done"},
		{name: "recorded", policy: standard, enrolled: "totp recovery", proved: "pwd totp", want: "done"},

		// What the client demands: acr.
		{name: "A-20 request cannot lower the organization", policy: standard, demand: demand{ACR: []string{login.ACRSingle}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 request cannot lower the registration", policy: off, demand: demand{ACR: []string{login.ACRSingle}, FloorACR: []string{mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 registration alone", policy: off, demand: demand{FloorACR: []string{aal2}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-20 one of the registration's will do", policy: off, demand: demand{FloorACR: []string{"phr", aal2}}, enrolled: "totp", proved: "pwd totp", putOff: true, want: "done"},
		{name: "A-20 a registration that nobody knows lets nobody in", policy: off, demand: demand{FloorACR: []string{"gold"}}, proved: "pwd", want: unmet},
		{name: "A-20 both together", policy: off, demand: demand{ACR: []string{"phr"}, FloorACR: []string{aal2}}, enrolled: "totp passkey", proved: "pwd totp", putOff: true, want: "challenge passkey"},
		{name: "A-22 first that can be reached", policy: off, demand: demand{ACR: []string{"phr", mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-22 in the client's order", policy: off, demand: demand{ACR: []string{login.ACRSingle, mfa}}, enrolled: "totp", proved: "pwd", want: "done"},
		{name: "A-22 only unknown ones are ignored", policy: off, demand: demand{ACR: []string{"gold", "silver"}}, proved: "pwd", want: "done"},
		{name: "A-22 unknown beside known", policy: off, demand: demand{ACR: []string{"gold", mfa}}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-24 essential and unknown", policy: off, demand: demand{ACR: []string{"gold"}, Essential: true}, proved: "pwd", want: unmet},
		{name: "A-24 essential and out of reach", policy: off, demand: demand{ACR: []string{"phr"}, Essential: true}, enrolled: "totp", proved: "pwd", want: unmet},
		{name: "A-24 essential and voluntary is essential", policy: off, demand: demand{ACR: []string{"phr"}, Essential: true, Voluntary: true}, proved: "pwd", want: unmet},
		{name: "A-24 essential is not asked before the password", policy: off, demand: demand{ACR: []string{"gold"}, Essential: true}, want: "prove password"},
		{name: "A-26 out of reach fails", policy: off, demand: demand{ACR: []string{"phr"}}, enrolled: "totp", proved: "pwd", want: unmet},
		{name: "A-26 voluntary takes less", policy: off, demand: demand{ACR: []string{"phr"}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "done"},
		{name: "A-26 voluntary still asks for what is there", policy: off, demand: demand{ACR: []string{mfa}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-26 voluntary does not lower the organization", policy: standard, demand: demand{ACR: []string{"phr"}, Voluntary: true}, enrolled: "totp", proved: "pwd", want: "challenge totp"},
		{name: "A-04 a mail code is no aal2", policy: standard, demand: demand{ACR: []string{aal2}}, enrolled: "email totp", proved: "pwd email", want: "challenge totp"},
		{name: "A-03 a recovery code is aal2", policy: standard, demand: demand{ACR: []string{aal2}}, enrolled: "recovery", proved: "pwd recovery", want: "done"},
		{name: "one mailbox is one factor", policy: standard, enrolled: "email totp", proved: "mailfed email", want: "challenge totp", with: "t1"},
		{name: "one mailbox is not asked twice", policy: standard, enrolled: "email totp", proved: "mailfed", want: "challenge totp", with: "t1"},
		{name: "A-06 a verified passkey after the password is phr", policy: strict, demand: demand{ACR: []string{"phr"}}, enrolled: "synced", proved: "pwd syncuv", putOff: true, want: "done"},
		{name: "A-08 an unverified passkey with the password is phr", policy: strict, demand: demand{ACR: []string{"phr"}}, enrolled: "passkey", proved: "pwd key", putOff: true, want: "done"},

		// How old.
		{name: "P-16 prompt=login asks all again", policy: standard, demand: demand{Fresh: true}, enrolled: "totp recovery", borrowed: "pwd totp", want: "prove password"},
		{name: "P-16 prompt=login, password again", policy: standard, demand: demand{Fresh: true}, enrolled: "totp recovery", borrowed: "pwd totp", proved: "pwd", want: "challenge totp recovery"},
		{name: "P-16 prompt=login, all again", policy: standard, demand: demand{Fresh: true}, enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "P-16 max_age=0 is prompt=login", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "totp recovery", borrowed: "pwd totp", want: "prove password"},
		{name: "P-16 max_age=0 does not loop", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "totp recovery", proved: "pwd-1m totp-1m", want: "done"},
		{name: "P-17 within max_age", policy: off, demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-59m", want: "done"},
		{name: "P-17 at max_age", policy: off, demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-60m", want: "done"},
		{name: "P-17 beyond max_age", policy: off, demand: demand{MaxAge: ago(time.Hour)}, borrowed: "pwd-61m", want: "prove password"},
		{name: "A-27 the older factor alone is asked again", policy: standard, demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-5m totp-2h", want: "challenge totp recovery"},
		{name: "A-27 the older password alone is asked again", policy: standard, demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-2h totp-5m", want: "prove password"},
		{name: "A-27 and nothing else", policy: standard, demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp recovery", borrowed: "pwd-2h totp-5m", proved: "pwd", want: "done"},
		{name: "a factor not needed may be old", policy: off, demand: demand{MaxAge: ago(time.Hour)}, enrolled: "totp", borrowed: "pwd-5m totp-2h", want: "done"},
		{name: "organization's own reuse", policy: standard, enrolled: "totp", borrowed: "pwd-13h totp-13h", want: "prove password"},
		{name: "organization's reuse is not widened by max_age", policy: standard, demand: demand{MaxAge: ago(48 * time.Hour)}, enrolled: "totp", borrowed: "pwd-13h totp-1h", want: "prove password"},
		{name: "step-up of a session", policy: off, demand: demand{ACR: []string{mfa}}, enrolled: "totp", borrowed: "pwd-2h", want: "challenge totp"},

		// Passkeys.
		{name: "A-05 a verified passkey is a first proof, and two factors", policy: standard, enrolled: "passkey totp recovery", proved: "keyuv", want: "done"},
		{name: "A-06 a synced one too", policy: strict, demand: demand{ACR: []string{"phr"}}, enrolled: "synced recovery", proved: "syncuv", want: "done"},
		{name: "A-07 one that was not verified is none", policy: off, enrolled: "passkey", proved: "key", want: "prove password"},
		{name: "A-08 but counts beside a password", policy: standard, enrolled: "passkey recovery", proved: "pwd key", want: "done"},
		{name: "a passkey that the policy does not allow is no first proof", policy: only(factors.TOTP), enrolled: "passkey totp", proved: "keyuv", want: "prove password"},
		{name: "nor is one that was removed", policy: standard, enrolled: "totp", proved: "keyuv", want: "prove password"},
		{name: "T-07 nor another person's", policy: standard, enrolled: "synced totp", proved: "keyuv", want: "prove password"},
		{name: "a first factor that is a passkey is asked for right after", policy: standard, enrolled: "passkey!", proved: "pwd", want: "challenge passkey", with: "k1"},
		{name: "and the recovery code comes after that", policy: standard, enrolled: "passkey!", proved: "pwd key", want: "offer recovery"},
		{name: "phrh asks for keys that cannot be copied", policy: standard, demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey synced usb totp", proved: "pwd", want: "challenge passkey", with: "k1 k3"},
		{name: "phrh is out of a synced one's reach", policy: standard, demand: demand{ACR: []string{"phrh"}}, enrolled: "synced totp", proved: "pwd", want: unmet},
		{name: "phr takes any", policy: standard, demand: demand{ACR: []string{"phr"}}, enrolled: "passkey synced totp", proved: "pwd totp", want: "challenge passkey", with: "k1 k2"},
		{name: "attested: the word of the key is not enough", policy: attested, demand: demand{ACR: []string{"phrh", mfa}}, enrolled: "passkey recovery", proved: "keyuv", want: "done"},
		{name: "attested: nor is it asked for twice", policy: attested, demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey recovery", proved: "keyuv", want: unmet},
		{name: "attested: the maker's word is", policy: attested, demand: demand{ACR: []string{"phrh"}}, enrolled: "passkey recovery", proved: "keyatt", want: "done"},
		{name: "attested: any passkey is phr", policy: attested, demand: demand{ACR: []string{"phr"}}, enrolled: "passkey recovery", proved: "keyuv", want: "done"},
		{name: "a later proof that was less leaves the one that was more", policy: standard, enrolled: "passkey recovery", borrowed: "keyuv-1h", proved: "key", want: "done"},
		{name: "P-16 prompt=login takes a passkey for everything", policy: standard, demand: demand{Fresh: true}, enrolled: "passkey recovery", borrowed: "pwd totp", proved: "keyuv", want: "done"},
		{name: "again, by the passkey that this browser knows", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "passkey synced totp", borrowed: "pwd totp", knows: "k2", change: bySession, want: "prove passkey password", with: "k2"},
		{name: "again, by the password after all", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", chosen: factors.Password, change: bySession, want: "prove password passkey"},
		{name: "again, where no script runs", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", can: "-", change: bySession, want: "prove password"},
		{name: "again, in another browser", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k9", change: bySession, want: "prove password"},
		{name: "again, where the passkey is not allowed", policy: only(factors.TOTP), demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", borrowed: "pwd totp", knows: "k1", change: bySession, want: "prove password"},
		{name: "again, after a passkey that did not verify", policy: standard, demand: demand{MaxAge: ago(0)}, enrolled: "passkey totp", proved: "key", knows: "k1", change: bySession, want: "prove password"},
		{name: "W-08 who was only named is not asked for a passkey", policy: standard, enrolled: "passkey totp", knows: "k1", want: "prove password"},

		// The order of asking.
		{name: "the passkey that this browser knows comes first", policy: totpFirst, enrolled: "passkey totp recovery", proved: "pwd", knows: "k1", want: "challenge passkey totp recovery"},
		{name: "whatever the person wishes", policy: totpFirst, enrolled: "passkey totp", proved: "pwd", knows: "k1", change: wishes(factors.TOTP), want: "challenge passkey totp"},
		{name: "one that it does not know comes after what can be typed", policy: standard, enrolled: "passkey totp email recovery", proved: "pwd", want: "challenge totp email passkey recovery"},
		{name: "a synced one too", policy: standard, enrolled: "synced totp email", proved: "pwd", want: "challenge totp email passkey"},
		{name: "a security key is carried around", policy: standard, enrolled: "usb totp email", proved: "pwd", want: "challenge passkey totp email"},
		{name: "and comes where the policy puts it", policy: totpFirst, enrolled: "usb totp", proved: "pwd", want: "challenge totp passkey"},
		{name: "one security key is enough for that", policy: standard, enrolled: "synced usb totp", proved: "pwd", want: "challenge passkey totp"},
		{name: "a wish before the policy's order", policy: standard, enrolled: "totp email recovery", proved: "pwd", change: wishes(factors.Email), want: "challenge email totp recovery"},
		{name: "a wish for a passkey that is elsewhere", policy: standard, enrolled: "synced totp", proved: "pwd", change: wishes(factors.Passkey), want: "challenge passkey totp"},
		{name: "a wish for the recovery code is none", policy: standard, enrolled: "totp recovery", proved: "pwd", change: wishes(factors.Recovery), want: "challenge totp recovery"},
		{name: "a wish for what is not enough", policy: standard, demand: demand{ACR: []string{aal2}}, enrolled: "totp email", proved: "pwd", change: wishes(factors.Email), want: "challenge totp"},
		{name: "chosen before all", policy: standard, enrolled: "passkey totp email recovery", proved: "pwd", knows: "k1", chosen: factors.Email, change: wishes(factors.TOTP), want: "challenge email passkey totp recovery"},
		{name: "no script, no passkey", policy: standard, enrolled: "passkey totp recovery", proved: "pwd", knows: "k1", can: "-", want: "challenge totp recovery", with: "t1 r1"},
		{name: "T-15 no script, chosen all the same", policy: standard, enrolled: "passkey totp", proved: "pwd", can: "-", chosen: factors.Passkey, want: "challenge totp"},
		{name: "no script, and nothing else but the recovery code", policy: standard, enrolled: "passkey recovery", proved: "pwd", can: "-", want: "challenge passkey recovery"},
		{name: "no script, and nothing else", policy: strict, enrolled: "usb", proved: "pwd", can: "-", want: "challenge passkey"},
		{name: "set up in another way", policy: standard, proved: "pwd", chosen: factors.Passkey, want: "enroll passkey totp"},
		{name: "set up where no script runs", policy: standard, proved: "pwd", can: "-", want: "enroll totp"},
		{name: "set up where no script runs and only a passkey is allowed", policy: only(factors.Passkey), proved: "pwd", can: "-", want: "enroll passkey"},
		{name: "the app first whatever the policy's order", policy: strict, proved: "pwd", want: "enroll totp passkey"},

		// The mailbox.
		{name: "D1 a mail code beside a password", policy: standard, enrolled: "totp email recovery", proved: "pwd email", want: "done"},
		{name: "D1 a mailbox is no factor that somebody set up", policy: standard, enrolled: "email", proved: "pwd", want: "enroll totp passkey"},
		{name: "D1 nor does its code stand for one", policy: standard, enrolled: "email", proved: "pwd email", want: "enroll totp passkey"},
		{name: "D1 nor is it asked for where the recovery code is left", policy: standard, enrolled: "email recovery", proved: "pwd", want: "challenge recovery"},
		{name: "D1 optional and only a mailbox", policy: optional, enrolled: "email", proved: "pwd", want: "done"},
		{name: "D1 where nothing else can be set up", policy: only(factors.Email, factors.Recovery), enrolled: "email", proved: "pwd", want: "challenge email", with: "a@b.c"},
		{name: "D1 and its code counts there", policy: only(factors.Email, factors.Recovery), enrolled: "email", proved: "pwd email", want: "done"},
		{name: "D1 who has a factor that is not allowed has the mailbox", policy: only(factors.Passkey, factors.Email), enrolled: "totp email", proved: "pwd", want: "challenge email"},
		{name: "N-07 strict takes no mail code", policy: strict, enrolled: "totp email", proved: "pwd email", want: "challenge totp"},
		{name: "D1 no aal2 by mail", policy: standard, demand: demand{ACR: []string{aal2}}, enrolled: "totp email", proved: "pwd", want: "challenge totp"},
		{name: "the mailbox of before", policy: standard, enrolled: "totp email", proved: "pwd oldmail", want: "challenge totp email"},
		{name: "an address that is not verified any more", policy: standard, enrolled: "totp", proved: "pwd email", want: "challenge totp"},
		{name: "T-17 a password that the mailbox reset, and its code", policy: standard, enrolled: "totp email", proved: "mailpwd email", want: "challenge totp"},
		{name: "T-17 is not asked for it", policy: standard, enrolled: "totp email recovery", proved: "mailpwd", want: "challenge totp recovery"},
		{name: "T-17 is another factor beside the app", policy: standard, enrolled: "totp email recovery", proved: "mailpwd totp", want: "done"},
		{name: "T-17 where there is only the mailbox", policy: only(factors.Email), enrolled: "email", proved: "mailpwd", want: unmet + " stuck"},

		// What a first factor takes.
		{name: "T-12 mail first", policy: byMail, enrolled: "email", proved: "pwd", want: "challenge email", with: "a@b.c"},
		{name: "T-12 mail first, also where a mail code is no factor", policy: strictByMail, enrolled: "email", proved: "pwd", want: "challenge email"},
		{name: "T-12 mail given", policy: byMail, enrolled: "email", proved: "pwd email", want: "enroll totp passkey"},
		{name: "T-12 mail of another sign-in", policy: byMail, enrolled: "email", borrowed: "email", proved: "pwd", want: "challenge email"},
		{name: "T-12 mail to another address", policy: byMail, enrolled: "email", proved: "pwd oldmail", want: "challenge email"},
		{name: "T-12 mail, and no address to write to", policy: byMail, proved: "pwd", want: unmet + " stuck"},
		{name: "T-12 the password before the mail", policy: byMail, enrolled: "email", borrowed: "pwd-6m", want: "prove password"},
		{name: "T-12 ticket first", policy: byTicket, enrolled: "email", proved: "pwd", want: "ticket"},
		{name: "T-12 ticket given", policy: byTicket, proved: "pwd ticket", want: "enroll totp passkey"},
		{name: "T-12 ticket of another sign-in", policy: byTicket, borrowed: "ticket", proved: "pwd", want: "ticket"},
		{name: "T-12 a mail is no ticket", policy: byTicket, enrolled: "email", proved: "pwd email", want: "ticket"},
		{name: "T-12 a ticket is no mail", policy: byMail, enrolled: "email", proved: "pwd ticket", want: "challenge email"},
		{name: "T-12 a ticket is no proof", policy: byTicket, enrolled: "totp", proved: "pwd ticket", want: "challenge totp"},
		{name: "T-12 nor a first one", policy: off, proved: "ticket", want: "prove password"},
		{name: "T-12 nobody knows what it takes", policy: preset("standard", func(p *login.Policy) { p.Enrollment = "gold" }), proved: "pwd ticket", want: unmet + " stuck"},
		{name: "P-15 ticket", policy: byTicket, demand: demand{Silent: true}, borrowed: "pwd", want: "fail interaction_required"},
		{name: "P-15 mail first", policy: byMail, demand: demand{Silent: true}, enrolled: "email", borrowed: "pwd", want: "fail interaction_required"},

		// Leave.
		{name: "asked to set up what will be asked for", policy: leave, proved: "pwd", want: "offer enroll totp passkey"},
		{name: "put off", policy: leave, proved: "pwd", putOff: true, want: "done"},
		{name: "once per sign-in", policy: leave, borrowed: "pwd-1m", want: "done"},
		{name: "who has a factor is asked for it", policy: leave, enrolled: "totp recovery", proved: "pwd", want: "challenge totp recovery"},
		{name: "set up, and asked for it right after", policy: leave, enrolled: "passkey!", proved: "pwd", want: "challenge passkey"},
		{name: "nobody may be asked", policy: leave, demand: demand{Silent: true}, borrowed: "pwd", want: "done"},
		{name: "no leave from what a client asks", policy: leave, demand: demand{ACR: []string{mfa}}, proved: "pwd", want: "enroll totp passkey"},
		{name: "by number, who has only what is not allowed cannot put it off for ever", policy: leaveTimes, enrolled: "recovery", proved: "pwd", want: "challenge recovery"},
		{name: "until a day, who has only the recovery code", policy: leave, enrolled: "recovery", proved: "pwd", want: "done"},
		{name: "with a ticket to come, nothing is offered that could not be done", policy: preset("standard", within, func(p *login.Policy) { p.Enrollment = login.ByTicket }), proved: "pwd", want: "done"},

		// What the person came to set up.
		{name: "T-13 one more", policy: standard, enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.TOTP), want: "add totp"},
		{name: "T-13 not on a password alone", policy: personal, enrolled: "totp recovery", proved: "pwd", change: adds(factors.Passkey), want: "challenge totp recovery"},
		{name: "T-13 whatever the policy asks", policy: leave, enrolled: "recovery", proved: "pwd", change: adds(factors.TOTP), want: "challenge recovery"},
		{name: "T-13 nor by who can prove nothing that is allowed", policy: preset("standard", func(p *login.Policy) {
			p.MFA, p.Factors = login.Optional, []factors.Kind{factors.Passkey}
		}), enrolled: "totp", proved: "pwd", change: adds(factors.Passkey), want: unmet + " stuck"},
		{name: "a first one", policy: personal, proved: "pwd", change: adds(factors.Passkey), want: "add passkey"},
		{name: "T-12 a first one on a password of before", policy: personal, borrowed: "pwd-6m", change: adds(factors.TOTP), want: "prove password"},
		{name: "T-12 a first one takes what it takes", policy: preset("standard", func(p *login.Policy) { p.MFA, p.Enrollment = login.Optional, login.ByTicket }), proved: "pwd", change: adds(factors.TOTP), want: "ticket"},
		{name: "T-12 nor without an address to write to", policy: preset("standard", func(p *login.Policy) { p.MFA, p.Enrollment = login.Optional, login.ByMail }), proved: "pwd", change: adds(factors.TOTP), want: unmet + " stuck"},
		{name: "one more takes no ticket", policy: byTicket, enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.Passkey), want: "add passkey"},
		{name: "nothing that is not allowed", policy: only(factors.Passkey), enrolled: "passkey", proved: "keyuv", change: adds(factors.TOTP), want: "done"},
		{name: "nothing where the organization has none", policy: off, proved: "pwd", change: adds(factors.TOTP), want: "done"},
		{name: "no mailbox, nobody sets it up", policy: standard, enrolled: "totp recovery", proved: "pwd totp", change: adds(factors.Email), want: "done"},
		{name: "a new recovery code", policy: standard, enrolled: "totp recovery", borrowed: "pwd totp", change: adds(factors.Recovery), want: "add recovery"},
		{name: "T-13 not on a password alone, a recovery code", policy: standard, enrolled: "totp recovery", borrowed: "pwd", change: adds(factors.Recovery), want: "challenge totp recovery"},
		{name: "no recovery code for who has nothing to recover", policy: personal, proved: "pwd", change: adds(factors.Recovery), want: "done"},
		{name: "before every offer", policy: standard, enrolled: "totp", proved: "pwd totp", can: "passkey platform signal", change: adds(factors.Passkey), want: "add passkey"},
		{name: "P-15 adding", policy: standard, demand: demand{Silent: true}, enrolled: "totp", borrowed: "pwd totp", change: adds(factors.Passkey), want: "fail interaction_required"},

		// More offers.
		{name: "name what was made", policy: standard, enrolled: "passkey! totp recovery", proved: "pwd totp", change: made("k1"), want: "offer name"},
		{name: "unless it is gone again", policy: standard, enrolled: "totp recovery", proved: "pwd totp", change: made("k1"), want: "done"},
		{name: "replace what may be lost, after a new code", policy: standard, enrolled: "totp recovery!", proved: "pwd recovery", want: "offer replace"},
		{name: "the new code first", policy: standard, enrolled: "totp recovery?!", proved: "pwd recovery", want: "offer recovery"},
		{name: "nothing to replace that is of now", policy: standard, enrolled: "totp! recovery!", proved: "pwd recovery", want: "done"},
		{name: "nothing to replace that is not allowed", policy: only(factors.Passkey, factors.Recovery), enrolled: "totp passkey recovery!", proved: "pwd recovery", want: "done"},
		{name: "trust this device", policy: standard, enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", want: "offer trust"},
		{name: "trust, with a passkey that is elsewhere", policy: standard, enrolled: "synced totp recovery", proved: "pwd totp", can: "passkey platform", want: "offer trust"},
		{name: "trust, after a recovery code too", policy: standard, enrolled: "totp! recovery!", proved: "pwd recovery", can: "passkey platform", want: "offer trust"},
		{name: "trusted already", policy: standard, enrolled: "passkey totp recovery", proved: "pwd totp", knows: "k1", can: "passkey platform", want: "done"},
		{name: "made in this sign-in", policy: standard, enrolled: "passkey! totp recovery", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "the device cannot", policy: standard, enrolled: "totp recovery", proved: "pwd totp", want: "done"},
		{name: "not on this device", policy: standard, enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: func(tx *login.Transaction) { tx.Device.Refused = true }, want: "done"},
		{name: "not before", policy: standard, enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: remind(noon.Add(1)), want: "done"},
		{name: "but then", policy: standard, enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", change: remind(noon), want: "offer trust"},
		{name: "the policy does not offer it", policy: preset("standard", func(p *login.Policy) { p.Trust.Offer = false }), enrolled: "totp recovery", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "the policy allows no passkey", policy: only(factors.TOTP), enrolled: "totp", proved: "pwd totp", can: "passkey platform", want: "done"},
		{name: "who proved it by a passkey has one", policy: standard, enrolled: "usb totp recovery", proved: "pwd totp-1h", can: "passkey platform", change: func(tx *login.Transaction) {
			tx.Proved = append(tx.Proved[:1], factors.Evidence{Kind: factors.Passkey, Source: "passkey:k3", Class: factors.Has, At: noon})
		}, want: "done"},
		{name: "A-30 a mail code earns no passkey", policy: standard, enrolled: "totp email recovery", proved: "pwd email", can: "passkey platform", want: "done"},
		{name: "A-30 nor a recovery code", policy: standard, enrolled: "totp email", proved: "pwd email", want: "done"},
		{name: "T-13 an open session is offered nothing", policy: standard, enrolled: "totp", borrowed: "pwd totp", can: "passkey platform", want: "done"},
		{name: "T-50 nor who proved what was removed", policy: off, enrolled: "totp", proved: "pwd lost", can: "passkey platform", want: "done"},
		{name: "tell the browser", policy: standard, enrolled: "passkey synced recovery", proved: "keyuv", can: "passkey signal", change: func(tx *login.Transaction) { tx.Device.Signaled = "" }, want: "offer signal"},
		{name: "tell it that there is none any more", policy: standard, enrolled: "totp recovery", proved: "pwd totp", can: "signal", change: func(tx *login.Transaction) { tx.Device.Signaled = "x" }, want: "offer signal"},
		{name: "a browser that cannot be told", policy: standard, enrolled: "passkey recovery", proved: "keyuv", change: func(tx *login.Transaction) { tx.Device.Signaled = "" }, want: "done"},
		{name: "it knows", policy: standard, enrolled: "passkey recovery", proved: "keyuv", can: "passkey signal", want: "done"},
		{name: "P-15 no offer", policy: standard, demand: demand{Silent: true}, enrolled: "totp", proved: "pwd totp", can: "passkey platform signal", change: made("k1"), want: "done"},

		// Nobody may be asked.
		{name: "P-15 nobody", user: "nobody", policy: personal, demand: demand{Silent: true}, want: "fail login_required"},
		{name: "P-15 signed in", policy: off, demand: demand{Silent: true}, borrowed: "pwd", want: "done"},
		{name: "P-15 too old", policy: off, demand: demand{Silent: true, MaxAge: ago(time.Minute)}, borrowed: "pwd-2m", want: "fail login_required"},
		{name: "P-15 step-up", policy: standard, demand: demand{Silent: true}, enrolled: "totp", borrowed: "pwd", want: "fail interaction_required"},
		{name: "P-15 enrolling", policy: standard, demand: demand{Silent: true}, borrowed: "pwd-1m", want: "fail interaction_required"},
		{name: "P-15 enrolling, password not of now", policy: standard, demand: demand{Silent: true}, borrowed: "pwd-1h", want: "fail interaction_required"},
		{name: "P-15 out of reach", policy: off, demand: demand{Silent: true, ACR: []string{"phr"}}, borrowed: "pwd", want: unmet},
		{name: "P-15 takes what is met before what is preferred", policy: off, demand: demand{Silent: true, ACR: []string{mfa, login.ACRSingle}}, enrolled: "totp", borrowed: "pwd", want: "done"},
		{name: "P-15 voluntary takes what is there", policy: off, demand: demand{Silent: true, ACR: []string{mfa}, Voluntary: true}, enrolled: "totp", borrowed: "pwd", want: "done"},
		{name: "P-15 prompt=none with prompt=login's freshness", policy: off, demand: demand{Silent: true, Fresh: true}, borrowed: "pwd", want: "fail login_required"},

		// Somebody in particular.
		{name: "P-19 the person of the hint", policy: off, demand: demand{Subject: "anna"}, proved: "pwd", want: "done"},
		{name: "P-19 another person", policy: off, demand: demand{Subject: "bert"}, proved: "pwd", want: "fail login_required"},
		{name: "P-19 another person, not before the password", policy: off, demand: demand{Subject: "bert"}, want: "prove password"},
		{name: "P-19 another person is not asked to set anything up", policy: standard, demand: demand{Subject: "bert"}, proved: "pwd", want: "fail login_required"},
		{name: "P-19 another person silently", policy: off, demand: demand{Subject: "bert", Silent: true}, borrowed: "pwd", want: "fail login_required"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tx := login.Transaction{
				Started: noon.Add(-15 * time.Minute), UserID: "anna", Identifier: "anna@example.com", Demand: c.demand, Chosen: c.chosen,
				Borrowed: proofs(c.borrowed), Proved: proofs(c.proved),
			}
			switch c.user {
			case "nobody":
				tx.UserID, tx.Identifier = "", ""
			case stranger:
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
			tx.Device.Signaled = login.Signaled(enrolled)
			if c.change != nil {
				c.change(&tx)
			}
			step := login.Next(tx, c.policy, enrolled, noon)
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

var everyOffer = []login.OfferKind{
	login.OfferName, login.OfferEnroll, login.OfferRecovery, login.OfferReplace, login.OfferTrust, login.OfferSignal,
}
