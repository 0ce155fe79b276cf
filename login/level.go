package login

import (
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// The values of `acr` that the provider knows. Each is a predicate over evidence, not a rung of a
// ladder: asking for one never asks for another first.
const (
	ACRSingle      = "urn:vsee:acr:1fa"
	ACRMultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"
	ACRAAL2        = "http://idmanagement.gov/ns/assurance/aal/2"
	ACRPhishing    = "phr"  // OpenID EAP ACR Values 1.0: phishing-resistant
	ACRHardware    = "phrh" // the same, with a hardware-protected key
)

// levels are the known values, weakest first.
var levels = []struct {
	acr string
	met func([]factors.Evidence) bool
}{
	{ACRSingle, func(ev []factors.Evidence) bool { return len(ev) > 0 }},
	{ACRMultiFactor, multiFactor},
	// Neither a mailbox nor another provider's word is an authenticator (NIST SP 800-63B-4).
	{ACRAAL2, func(ev []factors.Evidence) bool { return multiFactor(without(ev, factors.Email, factors.Federated)) }},
	{ACRPhishing, func(ev []factors.Evidence) bool { return multiFactor(ev) && passkeyWith(ev, "pop") }},
	{ACRHardware, func(ev []factors.Evidence) bool { return multiFactor(ev) && passkeyWith(ev, "hwk") }},
}

// KnownACR reports whether the provider knows the value.
func KnownACR(acr string) bool { return predicate(acr) != nil }

// SupportedACR are the values that an ordinary account can reach by setting up the given factors
// itself, weakest first: what discovery lists.
func SupportedACR(enrollable ...factors.Kind) []string {
	out := []string{ACRSingle}
	if len(enrollable) > 0 {
		out = append(out, ACRMultiFactor)
	}
	if slices.ContainsFunc(enrollable, func(k factors.Kind) bool { return k == factors.TOTP || k == factors.Passkey }) {
		out = append(out, ACRAAL2)
	}
	if slices.Contains(enrollable, factors.Passkey) {
		out = append(out, ACRPhishing, ACRHardware) // which of the two is up to the key that the person has
	}
	return out
}

// Met reports whether evidence satisfies the acr value. An unknown value is never met.
func Met(acr string, evidence []factors.Evidence) bool {
	p := predicate(acr)
	return p != nil && p(evidence)
}

// AMR derives the `amr` of a token from evidence: RFC 8176 values in a stable order, each once,
// "mfa" when the evidence amounts to two factors. It is never empty for a real sign-in.
func AMR(evidence []factors.Evidence) []string {
	var out []string
	for _, e := range evidence {
		out = append(out, e.AMR...)
	}
	if multiFactor(evidence) {
		out = append(out, "mfa")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// ACR is the value that a token states: the first of the asked values that is met, or else the
// highest value that is. It is empty only without evidence.
func ACR(asked []string, evidence []factors.Evidence) string {
	for _, acr := range asked {
		if Met(acr, evidence) {
			return acr
		}
	}
	for _, l := range slices.Backward(levels) {
		if l.met(evidence) {
			return l.acr
		}
	}
	return ""
}

// AuthTime is when the oldest of the evidence was given.
func AuthTime(evidence []factors.Evidence) time.Time {
	var oldest time.Time
	for _, e := range evidence {
		if oldest.IsZero() || e.At.Before(oldest) {
			oldest = e.At
		}
	}
	return oldest
}

// multiFactor reports whether evidence is of two classes resting on two sources, or holds one
// proof that is of two classes by itself (a user-verified passkey). Two proofs that rest on the
// same secret, the same mailbox for one, are one factor however many classes they claim.
func multiFactor(evidence []factors.Evidence) bool {
	for i, a := range evidence {
		if a.Class&(a.Class-1) != 0 {
			return true
		}
		for _, b := range evidence[i+1:] {
			if a.Class != b.Class && a.Source != b.Source && a.Class != 0 && b.Class != 0 {
				return true
			}
		}
	}
	return false
}

func predicate(acr string) func([]factors.Evidence) bool {
	for _, l := range levels {
		if l.acr == acr {
			return l.met
		}
	}
	return nil
}

func without(evidence []factors.Evidence, kinds ...factors.Kind) []factors.Evidence {
	return slices.DeleteFunc(slices.Clone(evidence), func(e factors.Evidence) bool { return slices.Contains(kinds, e.Kind) })
}

// passkeyWith reports whether a passkey that was proved here is of that sort. What another provider
// says of its own sign-in is not about this one.
func passkeyWith(evidence []factors.Evidence, amr string) bool {
	return slices.ContainsFunc(evidence, func(e factors.Evidence) bool {
		return e.Kind == factors.Passkey && slices.Contains(e.AMR, amr)
	})
}

// recovered reports whether a recovery code is among what was proved.
func recovered(evidence []factors.Evidence) bool {
	return slices.ContainsFunc(evidence, func(e factors.Evidence) bool { return e.Kind == factors.Recovery })
}
