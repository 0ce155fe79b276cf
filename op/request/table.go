package request

import (
	"encoding/base64"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// rule says what one parameter of an endpoint may look like, and what becomes of a request in
// which it looks otherwise.
type rule struct {
	name   string
	max    int               // bytes; 0: it may not be there at all
	looks  func(string) bool // nil: text
	broken outcome
	code   string // refused: the error; InvalidRequest where empty
}

// outcome is what becomes of a request that breaks a rule.
type outcome int

const (
	refused outcome = iota // it gets an error response
	onPage                 // the same, on a page of our own
	ignored                // the parameter counts as absent; only repeating it is refused
)

// A parameter that a table does not name is ignored (RFC 6749, 3.1), one that has no value counts
// as absent, and one that is repeated is refused.

// authorizeRules: client and redirect URI come first, so that what is wrong with them is found
// before anything that would be sent there.
var authorizeRules = []rule{
	{name: "client_id", max: 255, looks: visible, broken: onPage},
	{name: "redirect_uri", max: 2048, broken: onPage},
	{name: "response_mode", max: 64},
	{name: "state", max: 2048},
	{name: "request", code: RequestNotSupported},
	{name: "request_uri", code: RequestURINotSupported},
	{name: "registration", code: RegistrationNotSupported},
	{name: "response_type", max: 64},
	{name: "scope", max: 2048, looks: scopes, code: InvalidScope},
	{name: "nonce", max: 2048},
	{name: "code_challenge", max: 43, looks: challenge},
	{name: "code_challenge_method", max: 16},
	{name: "prompt", max: 256},
	{name: "max_age", max: 64, looks: digits},
	{name: "claims", max: maxClaims},
	{name: "id_token_hint", max: 16 << 10, looks: visible},
	{name: "organization", max: organizationBytes, looks: ValidOrganization},
	{name: "acr_values", max: 4096, broken: ignored},
	{name: "login_hint", max: 320, broken: ignored},
	{name: "ui_locales", max: 512, broken: ignored},
	{name: "claims_locales", max: 512, broken: ignored},
	{name: "display", max: 64, broken: ignored},
}

// clientRules are the parameters by which a client says who it is, at every endpoint that
// authenticates clients.
var clientRules = []rule{
	{name: "client_id", max: 255, looks: visible, code: InvalidClient},
	{name: "client_secret", max: 1024, code: InvalidClient},
	{name: "client_assertion", max: 16 << 10},
	{name: "client_assertion_type", max: 255},
}

var tokenRules = append([]rule{
	{name: "grant_type", max: 255},
	{name: "code", max: 512, looks: visible, code: InvalidGrant},
	{name: "redirect_uri", max: 2048},
	{name: "code_verifier", max: 128, looks: verifier},
	{name: "refresh_token", max: 512, looks: visible, code: InvalidGrant},
	{name: "scope", max: 2048, looks: scopes, code: InvalidScope},
}, clientRules...)

var revokeRules = append([]rule{
	{name: "token", max: 16 << 10},
	{name: "token_type_hint", max: 255, broken: ignored},
}, clientRules...)

var logoutRules = []rule{
	{name: "id_token_hint", max: 16 << 10, looks: visible},
	{name: "client_id", max: 255, looks: visible},
	{name: "post_logout_redirect_uri", max: 2048},
	{name: "returnTo", max: 2048}, // what apps that now use Auth0 send
	{name: "state", max: 2048},
	{name: "logout_hint", max: 320, broken: ignored},
	{name: "ui_locales", max: 512, broken: ignored},
}

// read returns the parameters that keep their rules, and what is wrong with the first that does
// not.
func read(values url.Values, rules []rule) (map[string]string, *Error) {
	out := make(map[string]string, len(rules))
	var first *Error
	for _, r := range rules {
		value, err := r.read(values[r.name])
		switch {
		case err != nil && first == nil:
			first = err
		case err == nil && value != "":
			out[r.name] = value
		}
	}
	return out, first
}

func (r rule) read(values []string) (string, *Error) {
	switch {
	case len(values) > 1:
		return "", &Error{InvalidRequest, r.name + " is there more than once.", r.broken == onPage}
	case len(values) == 0 || values[0] == "" || r.keeps(values[0]):
		return strings.Join(values, ""), nil
	case r.broken == ignored:
		return "", nil
	}
	err := &Error{InvalidRequest, r.name + " is malformed or too long.", r.broken == onPage}
	if r.code != "" {
		err.Code = r.code
	}
	if r.max == 0 {
		err.Description = r.name + " is not supported."
	}
	return "", err
}

func (r rule) keeps(value string) bool {
	looks := r.looks
	if looks == nil {
		looks = text
	}
	return len(value) <= r.max && looks(value)
}

// ParseForm reads a query or a form body. A pair that cannot be decoded is refused rather than
// passed over.
func ParseForm(encoded string) (url.Values, *Error) {
	values, err := url.ParseQuery(encoded)
	if err != nil {
		return nil, &Error{InvalidRequest, "The parameters are not form-urlencoded.", true}
	}
	return values, nil
}

// text is UTF-8 without control characters. It survives JSON, HTML and a log line unchanged.
func text(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// visible is printable ASCII without spaces.
func visible(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// scopes are scope tokens of RFC 6749, appendix A.4, separated by spaces.
func scopes(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return r < ' ' || r > 0x7e || r == '"' || r == '\\'
	})
}

func digits(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// organizationBytes is how long an organization's id may be: as a label of a host name.
const organizationBytes = 63

// ValidOrganization reports whether s can be an organization's id: a short word of lower-case
// letters, digits and dashes. Anything else is no organization of ours, and is not looked up.
func ValidOrganization(s string) bool {
	return s != "" && len(s) <= organizationBytes && !strings.HasPrefix(s, "-") && !strings.HasSuffix(s, "-") && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}

// challenge is a SHA-256 in the one spelling that base64url has for it.
func challenge(s string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	return err == nil && len(b) == 32 && len(s) == 43 // the decoder skips line ends
}

// verifier is a code_verifier of RFC 7636, 4.1.
func verifier(s string) bool {
	return len(s) >= 43 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune("-._~", r)
	})
}

// words splits a list at spaces and drops what is there twice.
func words(s string) []string {
	var out []string
	seen := map[string]bool{}
	for w := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ' ' }) {
		if !seen[w] {
			seen[w] = true
			out = append(out, w)
		}
	}
	return out
}
