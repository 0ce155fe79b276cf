package resource

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// InsufficientAuthentication is the error of RFC 9470: the token is good, but the sign-in behind it
// is too weak or too old for what was asked.
const InsufficientAuthentication = "insufficient_user_authentication"

// Challenge is what a resource server answers to who may not pass: the WWW-Authenticate header of
// the scheme Bearer (RFC 6750, 3; RFC 9470, 3).
type Challenge struct {
	Code        string   // `error`; empty where only a token is missing
	Description string   // for developers
	Scopes      []string // what is needed, for insufficient_scope
	ACR         []string // `acr_values`: one of them is needed, the preferred one first
	MaxAge      *time.Duration
}

// Params are the parameters of the authorization request that a client makes to step up:
// acr_values and max_age, as far as they were asked for.
func (c Challenge) Params() url.Values {
	v := url.Values{}
	if len(c.ACR) > 0 {
		v.Set("acr_values", strings.Join(c.ACR, " "))
	}
	if c.MaxAge != nil {
		v.Set("max_age", seconds(*c.MaxAge))
	}
	return v
}

// String is the value of the WWW-Authenticate header. What a header cannot say is left out.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString("Bearer")
	separator := " "
	say := func(name, value string) {
		if value != "" {
			b.WriteString(separator + name + "=" + quote(value))
			separator = ", "
		}
	}
	say("error", c.Code)
	say("error_description", c.Description)
	say("scope", strings.Join(c.Scopes, " "))
	say("acr_values", strings.Join(c.ACR, " "))
	if c.MaxAge != nil {
		say("max_age", seconds(*c.MaxAge))
	}
	return b.String()
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// quote is a quoted-string of RFC 9110, 5.6.4. RFC 6750 allows less in its parameters than a
// quoted-string can hold: visible ASCII and spaces, without quotes and backslashes.
func quote(s string) string {
	return `"` + strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return -1
		}
		return r
	}, s) + `"`
}

// speakable is what can be one acr value or scope of a challenge.
func speakable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}

const (
	maxHeader = 8 << 10
	maxValues = 16
	// longest is where max_age stops: more is no demand at all, and does not overflow.
	longest = 100 * 365 * 24 * time.Hour
)

// ParseChallenge finds in the header of a 401 the demand for another sign-in: a Bearer challenge with
// the error insufficient_user_authentication. It reports false when there is none, and also when it
// cannot be read or says neither acr_values nor max_age that can be used: then nothing is known that
// would help, and to sign in again the same way would go on for ever.
//
// The rest of a challenge is not looked at: a description is for a log, and not for a page.
func ParseChallenge(h http.Header) (Challenge, bool) {
	for _, value := range h.Values("WWW-Authenticate") {
		if len(value) > maxHeader {
			continue
		}
		for _, c := range challenges(value) {
			if c.scheme != "bearer" || c.params["error"] != InsufficientAuthentication {
				continue
			}
			if out, ok := c.stepUp(); ok {
				return out, true
			}
		}
	}
	return Challenge{}, false
}

// stepUp reads a challenge of that error.
func (c challenge) stepUp() (Challenge, bool) {
	out := Challenge{Code: c.params["error"], Description: c.params["error_description"]}
	for _, v := range strings.Fields(c.params["acr_values"]) {
		if speakable(v) && !slices.Contains(out.ACR, v) && len(out.ACR) < maxValues {
			out.ACR = append(out.ACR, v)
		}
	}
	if age, ok := parseAge(c.params["max_age"]); ok {
		out.MaxAge = &age
	}
	return out, len(out.ACR) > 0 || out.MaxAge != nil
}

// parseAge reads seconds.
func parseAge(s string) (time.Duration, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n > int64(longest/time.Second) {
		n = int64(longest / time.Second)
	}
	return time.Duration(n) * time.Second, true
}

// challenge is one challenge as it stands in a header.
type challenge struct {
	scheme string            // in lower case
	params map[string]string // by their names in lower case
}

// challenges reads a list of challenges (RFC 9110, 11.6.1). A challenge in which something is not
// well-formed, or is there twice, is left out, and so is what follows it: of that nothing can be said
// for certain.
func challenges(s string) []challenge {
	var out []challenge
	l := list{s}
	for l.separators(); l.rest != ""; l.separators() {
		name := strings.ToLower(l.token())
		spaces := l.spaces()
		value, isParam := l.value()
		switch {
		case isParam && name != "" && len(out) > 0:
			params := out[len(out)-1].params
			if _, twice := params[name]; twice {
				return out[:len(out)-1]
			}
			params[name] = value
		case !isParam && name != "" && (spaces > 0 || l.ended()):
			out = append(out, challenge{name, map[string]string{}})
			l.token68()
			continue
		default:
			return out[:max(len(out)-1, 0)]
		}
		if l.spaces(); !l.ended() {
			return out[:max(len(out)-1, 0)]
		}
	}
	return out
}

// list is what is left of a header to be read.
type list struct{ rest string }

func (l *list) spaces() int {
	trimmed := strings.TrimLeft(l.rest, " \t")
	n := len(l.rest) - len(trimmed)
	l.rest = trimmed
	return n
}

// ended reports whether an element of the list ends here.
func (l *list) ended() bool { return l.rest == "" || l.rest[0] == ',' }

func (l *list) separators() { l.rest = strings.TrimLeft(l.rest, " \t,") }

// token reads a token of RFC 9110, 5.6.2; empty where there is none.
func (l *list) token() string {
	n := 0
	for n < len(l.rest) && tokenByte(l.rest[n]) {
		n++
	}
	out := l.rest[:n]
	l.rest = l.rest[n:]
	return out
}

func tokenByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}

// value reads "=" and a token or a quoted-string. On false nothing is read.
func (l *list) value() (string, bool) {
	before := l.rest
	if l.rest == "" || l.rest[0] != '=' {
		return "", false
	}
	l.rest = l.rest[1:]
	l.spaces()
	var out string
	ok := false
	if strings.HasPrefix(l.rest, `"`) {
		out, ok = l.quoted()
	} else {
		out = l.token()
		ok = out != ""
	}
	if !ok {
		l.rest = before
	}
	return out, ok
}

// quoted reads a quoted-string. A backslash takes the next byte as it is.
func (l *list) quoted() (string, bool) {
	var b strings.Builder
	for i := 1; i < len(l.rest); i++ {
		switch c := l.rest[i]; {
		case c == '"':
			l.rest = l.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(l.rest):
			i++
			b.WriteByte(l.rest[i])
		case c < ' ' && c != '\t' || c == 0x7f:
			return "", false
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// token68 skips the one value that some schemes have instead of parameters.
func (l *list) token68() {
	n := 0
	for n < len(l.rest) && (tokenByte(l.rest[n]) || l.rest[n] == '/') {
		n++
	}
	for n < len(l.rest) && l.rest[n] == '=' {
		n++
	}
	if after := (list{strings.TrimLeft(l.rest[n:], " \t")}); n > 0 && after.ended() {
		l.rest = after.rest
	}
}
