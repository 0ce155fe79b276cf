package request

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Authorize is an authorization request (OpenID Connect Core 3.1.2.1) for a code: the one response
// type there is.
type Authorize struct {
	ClientID     string
	RedirectURI  string
	ResponseMode oidc.ResponseMode // query, also where none was asked, or form_post
	State        string
	Nonce        string
	Scopes       []string // in the order of the request, each once
	Challenge    string   // code_challenge; its method is S256
	Prompt       []string // of none, login, consent and select_account; others are passed over
	MaxAge       *time.Duration
	ACRValues    []string // acr_values, in order of preference
	Claims       Claims
	IDTokenHint  string
	LoginHint    string
	UILocales    []string
	Organization string // `organization`: the one whose policy is to bind
}

// longestAge is where max_age stops: more is no demand at all, and does not overflow.
const longestAge = 100 * 365 * 24 * time.Hour

// prompts are the values of prompt that mean something here.
var prompts = []string{oidc.PromptNone, oidc.PromptLogin, oidc.PromptConsent, oidc.PromptSelectAccount}

// ParseAuthorize reads an authorization request.
//
// Of a request that is refused, ClientID, RedirectURI, ResponseMode and State are returned as far
// as they are in order: they say where the error goes. An error whose Page is set goes to a page.
// Any other is redirected, once the caller has found the client and RedirectAllowed has said yes.
func ParseAuthorize(values url.Values) (Authorize, *Error) {
	p, err := read(values, authorizeRules)
	a := Authorize{
		ClientID:     p["client_id"],
		RedirectURI:  p["redirect_uri"],
		ResponseMode: oidc.ResponseModeQuery,
		State:        p["state"],
	}
	switch {
	case err != nil && err.Page:
		return a, err
	case a.ClientID == "":
		return a, &Error{InvalidRequest, "client_id is missing.", true}
	case a.RedirectURI == "":
		return a, &Error{InvalidRequest, "redirect_uri is missing.", true}
	}
	if p["response_mode"] == string(oidc.ResponseModeFormPost) {
		a.ResponseMode = oidc.ResponseModeFormPost
	}
	if err == nil {
		err = checkAuthorize(p)
	}
	if err != nil {
		return a, err
	}
	claims, err := parseClaims(p["claims"])
	if err != nil {
		return a, err
	}
	a.Claims = claims
	a.Nonce = p["nonce"]
	a.Scopes = words(p["scope"])
	a.Challenge = p["code_challenge"]
	a.Prompt = usable(words(p["prompt"]), isPrompt, len(prompts))
	a.MaxAge = parseMaxAge(p["max_age"])
	a.ACRValues = usable(words(p["acr_values"]), acrValue, maxACRValues)
	a.IDTokenHint = p["id_token_hint"]
	a.LoginHint = p["login_hint"]
	a.UILocales = usable(words(p["ui_locales"]), locale, maxLocales)
	a.Organization = p["organization"]
	return a, nil
}

// checkAuthorize judges what a single parameter does not tell.
func checkAuthorize(p map[string]string) *Error {
	switch mode := p["response_mode"]; mode {
	case "", string(oidc.ResponseModeQuery), string(oidc.ResponseModeFormPost):
	default:
		return refuse(InvalidRequest, "response_mode has to be query or form_post.")
	}
	switch p["response_type"] {
	case string(oidc.ResponseTypeCode):
	case "":
		return refuse(InvalidRequest, "response_type is missing.")
	default:
		return refuse(UnsupportedResponseType, "response_type has to be code.")
	}
	switch method := p["code_challenge_method"]; {
	case p["code_challenge"] == "" && method != "":
		return refuse(InvalidRequest, "code_challenge is missing.")
	case p["code_challenge"] != "" && method != string(oidc.CodeChallengeMethodS256):
		return refuse(InvalidRequest, "code_challenge_method has to be S256.")
	}
	if asked := words(p["prompt"]); len(asked) > 1 && slices.Contains(asked, oidc.PromptNone) {
		return refuse(InvalidRequest, "prompt has none beside another value.")
	}
	return nil
}

// CheckChallenge refuses a request without PKCE of a client that has to use it.
func (a Authorize) CheckChallenge(optional bool) *Error {
	if a.Challenge == "" && !optional {
		return refuse(InvalidRequest, "code_challenge is missing: PKCE with S256 is required.")
	}
	return nil
}

// Prompts reports whether the request has this value of prompt.
func (a Authorize) Prompts(value string) bool { return slices.Contains(a.Prompt, value) }

// ACR is which acr values the request asks for, in order of preference, and whether nothing else
// will do. An essential claim stands alone; otherwise the claims request comes before acr_values.
func (a Authorize) ACR() (values []string, essential bool) {
	if a.Claims.Essential {
		return a.Claims.ACR, true
	}
	return words(strings.Join(slices.Concat(a.Claims.ACR, a.ACRValues), " ")), false
}

// Values is the request in its canonical form: ParseAuthorize reads the same request from it.
func (a Authorize) Values() url.Values {
	v := url.Values{"response_type": {string(oidc.ResponseTypeCode)}}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("client_id", a.ClientID)
	set("redirect_uri", a.RedirectURI)
	if a.ResponseMode != oidc.ResponseModeQuery {
		set("response_mode", string(a.ResponseMode))
	}
	set("state", a.State)
	set("nonce", a.Nonce)
	set("scope", strings.Join(a.Scopes, " "))
	if a.Challenge != "" {
		set("code_challenge", a.Challenge)
		set("code_challenge_method", string(oidc.CodeChallengeMethodS256))
	}
	set("prompt", strings.Join(a.Prompt, " "))
	if a.MaxAge != nil {
		set("max_age", strconv.FormatInt(int64(*a.MaxAge/time.Second), 10))
	}
	set("acr_values", strings.Join(a.ACRValues, " "))
	set("claims", a.Claims.String())
	set("id_token_hint", a.IDTokenHint)
	set("login_hint", a.LoginHint)
	set("ui_locales", strings.Join(a.UILocales, " "))
	set("organization", a.Organization)
	return v
}

// parseMaxAge reads digits. What is more than longestAge, or than a number can hold, is that.
func parseMaxAge(s string) *time.Duration {
	if s == "" {
		return nil
	}
	age := longestAge
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n < int64(longestAge/time.Second) {
		age = time.Duration(n) * time.Second
	}
	return &age
}

func isPrompt(value string) bool { return slices.Contains(prompts, value) }

const (
	maxACRValues = 16
	maxLocales   = 16
)

// usable returns the first values that are in order: of parameters of which the rest is passed
// over. It is nil when there are none.
func usable(values []string, ok func(string) bool, most int) []string {
	var out []string
	for _, v := range values {
		if len(out) < most && ok(v) {
			out = append(out, v)
		}
	}
	return out
}

// acrValue is what can be the name of a class. Ours are URIs and short words.
func acrValue(s string) bool { return s != "" && len(s) <= 200 && visible(s) }

// locale is what can be a language tag.
func locale(s string) bool {
	return len(s) <= 35 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
	})
}
