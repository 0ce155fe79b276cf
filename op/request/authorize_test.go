package request_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/op/request"
)

const (
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636, appendix B
)

// good is a request that is in order, changed by name and value.
func good(change ...string) url.Values {
	v := url.Values{
		"client_id": {"messenger"}, "redirect_uri": {"https://app.example/cb"}, "response_type": {"code"},
		"scope": {"openid profile"}, "state": {"s"}, "nonce": {"n"},
		"code_challenge": {challenge}, "code_challenge_method": {"S256"},
	}
	for i := 0; i < len(change); i += 2 {
		v.Set(change[i], change[i+1])
	}
	return v
}

func TestParseAuthorize(t *testing.T) {
	a, err := request.ParseAuthorize(good(
		"response_mode", "form_post", "prompt", "login select_account", "max_age", "600",
		"acr_values", "phr urn:vsee:acr:1fa phr", "id_token_hint", "a.b.c", "login_hint", "charlotte@riverside.example",
		"ui_locales", "fr-CA fr en", "display", "touch", "organization", "riverside", "scope", "profile openid profile",
		"claims", `{"id_token":{"acr":{"essential":true,"values":["a","b"]},"sub":{"value":"u1"}},"userinfo":{"email":null}}`,
		"resource", "https://api.example", "extra", "foobar",
	))
	if err != nil {
		t.Fatal(err)
	}
	age := 10 * time.Minute
	want := request.Authorize{
		ClientID: "messenger", RedirectURI: "https://app.example/cb", ResponseMode: oidc.ResponseModeFormPost,
		State: "s", Nonce: "n", Scopes: []string{"profile", "openid"}, Challenge: challenge,
		Prompt: []string{"login", "select_account"}, MaxAge: &age, ACRValues: []string{"phr", "urn:vsee:acr:1fa"},
		Claims:      request.Claims{ACR: []string{"a", "b"}, Essential: true, Subject: "u1"},
		IDTokenHint: "a.b.c", LoginHint: "charlotte@riverside.example", UILocales: []string{"fr-CA", "fr", "en"},
		Organization: "riverside",
	}
	if d := cmp.Diff(want, a); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !a.Prompts(oidc.PromptLogin) || a.Prompts(oidc.PromptNone) {
		t.Errorf("prompts %q", a.Prompt)
	}
}

// printable is what an error_description may be made of (RFC 6749, appendix A.8).
var printable = regexp.MustCompile(`^[\x20-\x21\x23-\x5b\x5d-\x7e]+$`)

// TestAuthorizeMatrix is what becomes of one change to a request that is in order: an error on a
// page, an error that is redirected, or a request.
func TestAuthorizeMatrix(t *testing.T) {
	const page, redirected, accepted = "page", "redirected", "accepted"
	long := func(n int) string { return strings.Repeat("x", n) }
	for _, tc := range []struct {
		row, name, value string
		outcome, code    string
	}{
		{"P-04", "client_id", "", page, "invalid_request"},
		{"P-04", "client_id", "a b", page, "invalid_request"},
		{"P-04", "client_id", "a\x00", page, "invalid_request"},
		{"P-04", "client_id", long(256), page, "invalid_request"},
		{"P-04", "redirect_uri", "", page, "invalid_request"},
		{"P-04", "redirect_uri", "https://app.example/\r\nX: y", page, "invalid_request"},
		{"P-04", "redirect_uri", "https://app.example/" + long(2048), page, "invalid_request"},

		{"P-05", "response_type", "", redirected, "invalid_request"},
		{"P-05", "response_type", "token", redirected, "unsupported_response_type"},
		{"P-05", "response_type", "id_token", redirected, "unsupported_response_type"},
		{"P-05", "response_type", "code id_token", redirected, "unsupported_response_type"},
		{"P-05", "response_type", "CODE", redirected, "unsupported_response_type"},
		{"P-05", "response_type", "code ", redirected, "unsupported_response_type"},
		{"P-05", "response_mode", "query", accepted, ""},
		{"P-05", "response_mode", "form_post", accepted, ""},
		{"P-05", "response_mode", "fragment", redirected, "invalid_request"},
		{"P-05", "response_mode", "web_message", redirected, "invalid_request"},
		{"P-05", "response_mode", "bogus", redirected, "invalid_request"},

		{"P-13", "state", "", accepted, ""},
		{"P-13", "state", long(2048), accepted, ""},
		{"P-13", "state", long(2049), redirected, "invalid_request"},
		{"P-13", "state", "\xff", redirected, "invalid_request"},
		{"P-13", "state", "a\nb", redirected, "invalid_request"},
		{"P-13", "nonce", "", accepted, ""},
		{"P-13", "nonce", long(2048), accepted, ""},
		{"P-13", "nonce", long(2049), redirected, "invalid_request"},
		{"P-13", "nonce", "\xff", redirected, "invalid_request"},
		{"P-13", "nonce", "a\x00b", redirected, "invalid_request"},

		{"P-14", "scope", "", accepted, ""},
		{"P-14", "scope", "profile", accepted, ""},
		{"P-14", "scope", "offline_access openid", accepted, ""},
		{"P-14", "scope", `a"b`, redirected, "invalid_scope"},
		{"P-14", "scope", `a\b`, redirected, "invalid_scope"},
		{"P-14", "scope", "é", redirected, "invalid_scope"},
		{"P-14", "scope", long(2049), redirected, "invalid_scope"},

		{"P-12", "code_challenge_method", "", redirected, "invalid_request"},
		{"P-12", "code_challenge_method", "plain", redirected, "invalid_request"},
		{"P-12", "code_challenge_method", "s256", redirected, "invalid_request"},
		{"P-12", "code_challenge", "", redirected, "invalid_request"}, // a method without one
		{"P-12", "code_challenge", challenge[:42], redirected, "invalid_request"},
		{"P-12", "code_challenge", challenge + "A", redirected, "invalid_request"},
		{"P-12", "code_challenge", challenge[:42] + "=", redirected, "invalid_request"},
		{"P-12", "code_challenge", challenge[:42] + "+", redirected, "invalid_request"},
		{"P-12", "code_challenge", challenge[:42] + "N", redirected, "invalid_request"}, // another spelling of the same bytes
		{"P-12", "code_challenge", challenge[:20] + "\n" + challenge[21:], redirected, "invalid_request"},

		{"P-15", "prompt", "none", accepted, ""},
		{"P-15", "prompt", "none none", accepted, ""},
		{"P-15", "prompt", "none login", redirected, "invalid_request"},
		{"P-15", "prompt", "login none", redirected, "invalid_request"},
		{"P-15", "prompt", "none future", redirected, "invalid_request"},
		{"P-18", "prompt", "login consent select_account", accepted, ""},
		{"P-18", "prompt", "future", accepted, ""},
		{"P-18", "prompt", "create", accepted, ""},

		{"P-17", "max_age", "0", accepted, ""},
		{"P-17", "max_age", "99999999999999999999999999", accepted, ""},
		{"P-17", "max_age", "-1", redirected, "invalid_request"},
		{"P-17", "max_age", "+1", redirected, "invalid_request"},
		{"P-17", "max_age", "1.5", redirected, "invalid_request"},
		{"P-17", "max_age", "1e3", redirected, "invalid_request"},
		{"P-17", "max_age", "an hour", redirected, "invalid_request"},
		{"P-17", "max_age", "١", redirected, "invalid_request"}, // a digit, but not one of ours

		{"P-20", "claims", `{}`, accepted, ""},
		{"P-20", "claims", `{"id_token":null,"userinfo":{"x":{"y":[1]}}}`, accepted, ""},
		{"P-20", "claims", `{"id_token":{"acr":null,"sub":null,"email":{"essential":true}}}`, accepted, ""},
		{"P-20", "claims", `{"id_token":{"auth_time":{"essential":true}}}`, accepted, ""},
		{"P-20", "claims", `{`, redirected, "invalid_request"},
		{"P-20", "claims", `null`, redirected, "invalid_request"},
		{"P-20", "claims", `[]`, redirected, "invalid_request"},
		{"P-20", "claims", `"id_token"`, redirected, "invalid_request"},
		{"P-20", "claims", `{}{}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":[]}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":"phr"}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":{"essential":"yes"}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":{"values":"phr"}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":{"values":[1]}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":{"values":[null]}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"acr":{"value":"a b"}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"sub":{"value":1}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"sub":{"value":""}}}`, redirected, "invalid_request"},
		{"P-20", "claims", `{"id_token":{"sub":{"values":["a","b"]}}}`, redirected, "invalid_request"},
		{"P-20", "claims", strings.Repeat("[", 9000), redirected, "invalid_request"},
		{"P-19", "id_token_hint", "not.a.token", accepted, ""}, // who has the keys judges it
		{"P-19", "id_token_hint", "a b", redirected, "invalid_request"},

		{"P-21", "display", "hologram", accepted, ""},
		{"P-21", "display", "\x00", accepted, ""},
		{"P-21", "display", long(5000), accepted, ""},
		{"P-21", "ui_locales", "xx-klingon ** \xff", accepted, ""},
		{"P-21", "ui_locales", long(5000), accepted, ""},
		{"P-21", "claims_locales", "\n", accepted, ""},
		{"P-21", "acr_values", "unknown", accepted, ""},
		{"P-21", "acr_values", "\xff\n", accepted, ""},
		{"P-21", "acr_values", long(5000), accepted, ""},
		{"P-20", "login_hint", "\x00", accepted, ""},
		{"P-20", "login_hint", long(5000), accepted, ""},
		{"P-22", "request", "eyJhbGciOiJub25lIn0.e30.", redirected, "request_not_supported"},
		{"P-22", "request", "", accepted, ""},
		{"P-22", "request_uri", "https://evil.example/r", redirected, "request_uri_not_supported"},
		{"P-22", "registration", "{}", redirected, "registration_not_supported"},
		{"P-02", "extra", "foobar", accepted, ""},
		{"P-02", "extra", "\x00", accepted, ""},
		{"", "organization", "riverside", accepted, ""},
		{"", "organization", "4-west", accepted, ""},
		{"", "organization", "a\nb", redirected, "invalid_request"},
		{"", "organization", "Call 555-0100", redirected, "invalid_request"},
		{"", "organization", "-riverside", redirected, "invalid_request"},
		{"", "organization", long(64), redirected, "invalid_request"},
		{"", "organization", long(256), redirected, "invalid_request"},
	} {
		shown := tc.value
		if len(shown) > 40 {
			shown = shown[:40] + "…"
		}
		t.Run(tc.row+" "+tc.name+"="+shown, func(t *testing.T) {
			a, err := request.ParseAuthorize(good(tc.name, tc.value))
			outcome, code := accepted, ""
			if err != nil {
				outcome, code = redirected, err.Code
				if err.Page {
					outcome = page
				}
				if !printable.MatchString(err.Description) {
					t.Errorf("description %q", err.Description)
				}
			}
			if outcome != tc.outcome || code != tc.code {
				t.Errorf("%s %q (%v), want %s %q", outcome, code, err, tc.outcome, tc.code)
			}
			if outcome == redirected && (a.ClientID != "messenger" || a.RedirectURI != "https://app.example/cb" || (tc.name != "state" && a.State != "s")) {
				t.Errorf("nobody knows where to send the error: %+v", a)
			}
			if outcome == redirected && tc.name == "state" && a.State != "" {
				t.Errorf("a refused state is sent back, perhaps cut: %q", a.State)
			}
		})
	}
}

func TestP02_RepeatedParameters(t *testing.T) {
	for _, name := range []string{
		"client_id", "redirect_uri", "response_type", "scope", "state", "nonce", "code_challenge", "code_challenge_method",
		"response_mode", "prompt", "max_age", "claims", "id_token_hint", "login_hint", "acr_values", "ui_locales", "display",
		"organization", "request", "request_uri",
	} {
		v := good()
		v[name] = []string{v.Get(name), v.Get(name)}
		a, err := request.ParseAuthorize(v)
		if err == nil || err.Code != "invalid_request" {
			t.Errorf("%s twice: %v", name, err)
			continue
		}
		if page := name == "client_id" || name == "redirect_uri"; err.Page != page {
			t.Errorf("%s twice: on a page %v, want %v", name, err.Page, page)
		}
		if name == "state" && a.State != "" {
			t.Errorf("one of two states is sent back: %q", a.State)
		}
	}
	v := good()
	v["extra"] = []string{"a", "b"}
	v["resource"] = []string{"https://a.example", "https://b.example"}
	if _, err := request.ParseAuthorize(v); err != nil {
		t.Errorf("unknown ones twice: %v", err)
	}
}

func TestP04_ErrorsGoWhereTheRequestAsked(t *testing.T) {
	for mode, want := range map[string]oidc.ResponseMode{
		"": oidc.ResponseModeQuery, "query": oidc.ResponseModeQuery, "form_post": oidc.ResponseModeFormPost, "bogus": oidc.ResponseModeQuery,
	} {
		a, err := request.ParseAuthorize(good("response_mode", mode, "response_type", "token"))
		if err == nil || err.Page || a.ResponseMode != want || a.State != "s" {
			t.Errorf("response_mode %q: %v, by %q with state %q", mode, err, a.ResponseMode, a.State)
		}
	}
	// What is wrong with the client comes before anything that would be redirected.
	v := good("response_type", "token", "state", "\xff")
	v["redirect_uri"] = []string{"https://app.example/cb", "https://evil.example/cb"}
	if _, err := request.ParseAuthorize(v); err == nil || !err.Page {
		t.Errorf("two redirect URIs beside other faults: %+v", err)
	}
}

func TestP12_ChallengeRequired(t *testing.T) {
	v := good()
	v.Del("code_challenge")
	v.Del("code_challenge_method")
	a, err := request.ParseAuthorize(v)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.CheckChallenge(false); err == nil || err.Code != "invalid_request" {
		t.Errorf("no challenge: %v", err)
	}
	if err := a.CheckChallenge(true); err != nil {
		t.Errorf("no challenge, of a client that need not send one: %v", err)
	}
	if a, err = request.ParseAuthorize(good()); err != nil {
		t.Fatal(err)
	}
	if err := a.CheckChallenge(false); err != nil {
		t.Errorf("with a challenge: %v", err)
	}
	if !oidc.VerifyCodeChallenge(&oidc.CodeChallenge{Challenge: a.Challenge, Method: oidc.CodeChallengeMethodS256}, verifier) {
		t.Error("the challenge of the RFC is not that of its verifier")
	}
}

func TestP13_StateAndNonceIntact(t *testing.T) {
	for _, s := range []string{strings.Repeat("s", 512), `{"to":"/a?b=c&d=%2F"}`, `"><script>alert(1)</script>`, "é 🩺 + % &", "\u2028"} {
		a, err := request.ParseAuthorize(good("state", s, "nonce", s))
		if err != nil || a.State != s || a.Nonce != s {
			t.Errorf("%q came out as %q and %q, %v", s, a.State, a.Nonce, err)
		}
	}
}

func TestP17_MaxAge(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "00": 0, "1": time.Second, "86400": 24 * time.Hour,
		"3153600000": 100 * 365 * 24 * time.Hour, "9223372036": 100 * 365 * 24 * time.Hour, "9223372036854775808": 100 * 365 * 24 * time.Hour,
		"18446744073709551617": 100 * 365 * 24 * time.Hour,
	} {
		a, err := request.ParseAuthorize(good("max_age", s))
		if err != nil || a.MaxAge == nil || *a.MaxAge != want {
			t.Errorf("max_age %s: %v, %v, want %s", s, a.MaxAge, err, want)
		}
	}
	if a, err := request.ParseAuthorize(good("max_age", "")); err != nil || a.MaxAge != nil {
		t.Errorf("without max_age: %v, %v", a.MaxAge, err)
	}
}

func TestA24_ACROfTheRequest(t *testing.T) {
	for _, tc := range []struct {
		acrValues, claims string
		want              []string
		essential         bool
	}{
		{"", "", nil, false},
		{"b a b", "", []string{"b", "a"}, false},
		{"b", `{"id_token":{"acr":{"value":"a"}}}`, []string{"a", "b"}, false},
		{"b", `{"id_token":{"acr":{"essential":true,"value":"a"}}}`, []string{"a"}, true},
		{"b", `{"id_token":{"acr":{"essential":true,"values":["c","a"]}}}`, []string{"c", "a"}, true},
		{"b", `{"id_token":{"acr":{"essential":true}}}`, []string{"b"}, false}, // it is always there
		{"", `{"id_token":{"acr":{"essential":true,"values":[]}}}`, nil, false},
		{"", `{"id_token":{"acr":{"essential":true,"values":["unknown"]}}}`, []string{"unknown"}, true},
		{"b", `{"id_token":{"ACR":{"essential":true,"value":"a"}}}`, []string{"b"}, false},
		{"b", `{"id_token":{"acr":{"Essential":true,"value":"a"}}}`, []string{"a", "b"}, false},
		{"b", `{"ID_TOKEN":{"acr":{"essential":true,"value":"a"}}}`, []string{"b"}, false},
		{"b", `{"userinfo":{"acr":{"essential":true,"value":"a"}}}`, []string{"b"}, false},
	} {
		a, err := request.ParseAuthorize(good("acr_values", tc.acrValues, "claims", tc.claims))
		if err != nil {
			t.Errorf("%s %s: %v", tc.acrValues, tc.claims, err)
			continue
		}
		got, essential := a.ACR()
		if d := cmp.Diff(tc.want, got); d != "" || essential != tc.essential {
			t.Errorf("acr_values=%q claims=%s: essential %v (-want +got):\n%s", tc.acrValues, tc.claims, essential, d)
		}
	}
}

// TestP21_TolerantLists: of what never causes an error, the part that is in order counts.
func TestP21_TolerantLists(t *testing.T) {
	a, err := request.ParseAuthorize(good(
		"ui_locales", "fr-CA ../../etc de_DE "+strings.Repeat("x", 36)+" en",
		"acr_values", "phr é "+strings.Repeat("y", 201)+" mfa",
	))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"fr-CA", "en"}, a.UILocales); d != "" {
		t.Errorf("ui_locales (-want +got):\n%s", d)
	}
	if d := cmp.Diff([]string{"phr", "mfa"}, a.ACRValues); d != "" {
		t.Errorf("acr_values (-want +got):\n%s", d)
	}
}

func FuzzParseAuthorize(f *testing.F) {
	f.Add(good().Encode())
	f.Add(good("claims", `{"id_token":{"acr":{"essential":true,"values":["a<b>&","\"\\"]},"sub":{"value":"u"}}}`, "max_age", "0").Encode())
	f.Add(good("prompt", "none", "acr_values", "phr mfa", "ui_locales", "fr-CA en", "response_mode", "form_post").Encode())
	f.Add(good("login_hint", "a@b", "id_token_hint", "a.b.c", "organization", "riverside", "max_age", "99999999999").Encode())
	f.Add("client_id=a&client_id=b&redirect_uri=%00")
	f.Add("a;b=%zz")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := request.ParseForm(query)
		if err != nil {
			return
		}
		a, err := request.ParseAuthorize(values)
		if err != nil {
			if !printable.MatchString(err.Description) || err.Code == "" {
				t.Errorf("%q: error %+v", query, err)
			}
			return
		}
		if a.ClientID == "" || a.RedirectURI == "" {
			t.Errorf("%q: accepted without client or redirect URI", query)
		}
		again, err := request.ParseAuthorize(a.Values())
		if err != nil {
			t.Fatalf("%q: its canonical form %q is refused: %v", query, a.Values().Encode(), err)
		}
		if d := cmp.Diff(a, again); d != "" {
			t.Errorf("%q: its canonical form is another request (-first +again):\n%s", query, d)
		}
	})
}
