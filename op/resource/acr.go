package resource

import "slices"

// The values of `acr` that VSee ID knows. Each says something of how a person signed in; they are
// no ladder.
const (
	ACRSingle      = "urn:vsee:acr:1fa"                                             // any one proof
	ACRMultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor" // two factors
	ACRAAL2        = "http://idmanagement.gov/ns/assurance/aal/2"                   // two factors of NIST SP 800-63B, level 2
	ACRPhishing    = "phr"                                                          // two factors, and one is a passkey
	ACRHardware    = "phrh"                                                         // the same, with a key that cannot leave its device
)

// implied are the values that hold whenever another one does, by the definitions of VSee ID. A
// passkey beside another provider's word is no AAL2, so that "phr" does not imply that.
var implied = map[string][]string{
	ACRMultiFactor: {ACRSingle},
	ACRAAL2:        {ACRMultiFactor, ACRSingle},
	ACRPhishing:    {ACRMultiFactor, ACRSingle},
	ACRHardware:    {ACRPhishing, ACRMultiFactor, ACRSingle},
}

// byImplication are the keys of implied, in the order in which Implying adds them.
var byImplication = []string{ACRMultiFactor, ACRAAL2, ACRPhishing, ACRHardware}

// Implying is acr, in its order, and then every other value of VSee ID that implies one of it: what
// Require.ACR lists when all that matters is that the sign-in amounts to acr. A token says one
// value, which is the one that was asked for or else the highest, and so a token may say "phr"
// where ACRMultiFactor would do.
//
// For another provider, whose definitions are its own, list its values.
func Implying(acr ...string) []string {
	out := append([]string(nil), acr...)
	for _, v := range byImplication {
		for _, i := range implied[v] {
			if slices.Contains(acr, i) && !slices.Contains(out, v) {
				out = append(out, v)
			}
		}
	}
	return out
}
