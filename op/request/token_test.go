package request_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"golang.org/x/oauth2"

	"github.com/vsee/vseeid/op/request"
)

func basic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

func header(authorization ...string) http.Header {
	h := http.Header{}
	for _, a := range authorization {
		h.Add("Authorization", a)
	}
	return h
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

func codeForm(more ...string) url.Values {
	return form(append([]string{
		"grant_type", "authorization_code", "client_id", "messenger", "code", "vsc_1",
		"redirect_uri", "https://app.example/cb", "code_verifier", verifier,
	}, more...)...)
}

func TestParseToken(t *testing.T) {
	public := request.Client{ID: "messenger", Method: oidc.AuthMethodNone}
	posted := request.Client{ID: "c", Secret: "s", Method: oidc.AuthMethodPost}
	for name, tc := range map[string]struct {
		form url.Values
		want request.Token
	}{
		"code": {codeForm("scope", "openid", "refresh_token", "vsr_1"), request.Token{
			Client: public, GrantType: oidc.GrantTypeCode, Code: "vsc_1", RedirectURI: "https://app.example/cb", Verifier: verifier,
		}},
		"code without a verifier": {
			form("grant_type", "authorization_code", "client_id", "messenger", "code", "vsc_1", "redirect_uri", "https://app.example/cb", "code_verifier", ""),
			request.Token{Client: public, GrantType: oidc.GrantTypeCode, Code: "vsc_1", RedirectURI: "https://app.example/cb"},
		},
		"refresh": {
			form("grant_type", "refresh_token", "client_id", "messenger", "refresh_token", "vsr_1", "scope", "openid email openid", "code", "vsc_1"),
			request.Token{Client: public, GrantType: oidc.GrantTypeRefreshToken, RefreshToken: "vsr_1", Scopes: []string{"openid", "email"}},
		},
		"client credentials": {
			form("grant_type", "client_credentials", "client_id", "c", "client_secret", "s", "audience", "a", "audience", "b"),
			request.Token{Client: posted, GrantType: oidc.GrantTypeClientCredentials},
		},
	} {
		got, err := request.ParseToken(http.Header{}, tc.form)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

func TestTokenMatrix(t *testing.T) {
	set := func(name, value string) url.Values {
		v := codeForm()
		v.Set(name, value)
		return v
	}
	refresh := func(name, value string) url.Values {
		v := form("grant_type", "refresh_token", "client_id", "messenger", "refresh_token", "vsr_1")
		v.Set(name, value)
		return v
	}
	for name, tc := range map[string]struct {
		form url.Values
		code string
	}{
		"no grant type":                  {set("grant_type", ""), "invalid_request"},
		"P-52 password":                  {set("grant_type", "password"), "unsupported_grant_type"},
		"P-52 implicit":                  {set("grant_type", "implicit"), "unsupported_grant_type"},
		"device code":                    {set("grant_type", "urn:ietf:params:oauth:grant-type:device_code"), "unsupported_grant_type"},
		"grant type in capitals":         {set("grant_type", "Authorization_Code"), "unsupported_grant_type"},
		"no code":                        {set("code", ""), "invalid_request"},
		"code with a space":              {set("code", "a b"), "invalid_grant"},
		"code too long":                  {set("code", strings.Repeat("a", 513)), "invalid_grant"},
		"no redirect URI":                {set("redirect_uri", ""), "invalid_request"},
		"P-12 verifier of 42":            {set("code_verifier", verifier[:42]), "invalid_request"},
		"P-12 verifier of 129":           {set("code_verifier", strings.Repeat("a", 129)), "invalid_request"},
		"P-12 verifier of 128":           {set("code_verifier", strings.Repeat("~", 128)), ""},
		"P-12 verifier with a space":     {set("code_verifier", verifier+" "), "invalid_request"},
		"P-12 verifier with a plus":      {set("code_verifier", verifier+"+"), "invalid_request"},
		"P-12 verifier beyond ASCII":     {set("code_verifier", verifier+"é"), "invalid_request"},
		"no refresh token":               {refresh("refresh_token", ""), "invalid_request"},
		"refresh token with a line end":  {refresh("refresh_token", "vsr_1\n"), "invalid_grant"},
		"scope with a quote":             {refresh("scope", `a"b`), "invalid_scope"},
		"no client":                      {set("client_id", ""), "invalid_client"},
		"client with a space":            {set("client_id", "a b"), "invalid_client"},
		"assertion":                      {set("client_assertion", "a.b.c"), "invalid_client"},
		"assertion type":                 {set("client_assertion_type", "urn:x"), "invalid_client"},
		"P-02 code twice":                {codeForm("code", "vsc_2"), "invalid_request"},
		"P-02 client twice":              {codeForm("client_id", "messenger"), "invalid_request"},
		"P-02 grant type twice":          {codeForm("grant_type", "client_credentials"), "invalid_request"},
		"P-02 verifier twice":            {codeForm("code_verifier", verifier), "invalid_request"},
		"P-31 secret and assertion":      {codeForm("client_secret", "s", "client_assertion", "a.b.c"), "invalid_request"},
		"P-02 unknown parameter twice":   {codeForm("resource", "a", "resource", "b"), ""},
		"P-02 field of another grant":    {codeForm("refresh_token", "x"), ""},
		"P-02 field of another grant, 2": {codeForm("refresh_token", "x", "refresh_token", "y"), "invalid_request"},
	} {
		_, err := request.ParseToken(http.Header{}, tc.form)
		switch {
		case err == nil && tc.code != "", err != nil && err.Code != tc.code:
			t.Errorf("%s: %v, want %q", name, err, tc.code)
		case err != nil && !printable.MatchString(err.Description):
			t.Errorf("%s: description %q", name, err.Description)
		}
	}
}

func TestP31_ClientAuthentication(t *testing.T) {
	const awkward = "s:%+& =é/\"\\"
	encoded := basic(url.QueryEscape("https://c.example/a:b"), url.QueryEscape(awkward))
	for name, tc := range map[string]struct {
		header http.Header
		form   url.Values
		want   request.Client
		code   string
	}{
		"none":                          {header(), form("client_id", "c"), request.Client{ID: "c", Method: "none"}, ""},
		"post":                          {header(), form("client_id", "c", "client_secret", awkward), request.Client{ID: "c", Secret: awkward, Method: "client_secret_post"}, ""},
		"post, empty secret":            {header(), form("client_id", "c", "client_secret", ""), request.Client{ID: "c", Method: "none"}, ""},
		"basic":                         {header(basic("c", "s")), form(), request.Client{ID: "c", Secret: "s", Method: "client_secret_basic"}, ""},
		"basic, encoded":                {header(encoded), form(), request.Client{ID: "https://c.example/a:b", Secret: awkward, Method: "client_secret_basic"}, ""},
		"basic, colons in the secret":   {header(basic("c", "s:t:u")), form(), request.Client{ID: "c", Secret: "s:t:u", Method: "client_secret_basic"}, ""},
		"basic, empty secret":           {header(basic("c", "")), form(), request.Client{ID: "c", Method: "client_secret_basic"}, ""},
		"basic in lower case":           {header("b" + basic("c", "s")[1:]), form(), request.Client{ID: "c", Secret: "s", Method: "client_secret_basic"}, ""},
		"basic and the same client_id":  {header(basic("c", "s")), form("client_id", "c"), request.Client{ID: "c", Secret: "s", Method: "client_secret_basic"}, ""},
		"basic and another client_id":   {header(basic("c", "s")), form("client_id", "d"), request.Client{}, "invalid_request"},
		"basic and post":                {header(basic("c", "s")), form("client_id", "c", "client_secret", "s"), request.Client{}, "invalid_request"},
		"basic and an assertion":        {header(basic("c", "s")), form("client_assertion", "a.b.c"), request.Client{}, "invalid_request"},
		"basic and a broken assertion":  {header(basic("c", "s")), form("client_assertion_type", "x"), request.Client{}, "invalid_request"},
		"two headers":                   {header(basic("c", "s"), basic("d", "t")), form(), request.Client{}, "invalid_request"},
		"bearer":                        {header("Bearer abc"), form("client_id", "c"), request.Client{}, "invalid_client"},
		"digest":                        {header(`Digest username="c"`), form(), request.Client{}, "invalid_client"},
		"empty header":                  {header(""), form("client_id", "c"), request.Client{}, "invalid_client"},
		"basic, not base64":             {header("Basic !!!"), form(), request.Client{}, "invalid_client"},
		"basic, url alphabet":           {header("Basic " + base64.RawURLEncoding.EncodeToString([]byte("c:s~~>?"))), form(), request.Client{}, "invalid_client"},
		"basic, no colon":               {header("Basic " + base64.StdEncoding.EncodeToString([]byte("c"))), form(), request.Client{}, "invalid_client"},
		"basic, no client":              {header(basic("", "s")), form("client_id", "c"), request.Client{}, "invalid_client"},
		"basic, broken escape":          {header(basic("c", "100%")), form(), request.Client{}, "invalid_client"},
		"basic, NUL":                    {header(basic("c%00", "s")), form(), request.Client{}, "invalid_client"},
		"basic, secret that is no text": {header(basic("c", "%ff")), form(), request.Client{}, "invalid_client"},
		"nobody":                        {header(), form(), request.Client{}, "invalid_client"},
		"a secret and nobody":           {header(), form("client_secret", "s"), request.Client{}, "invalid_client"},
	} {
		tc.form.Set("grant_type", "client_credentials")
		got, err := request.ParseToken(tc.header, tc.form)
		if (err == nil) != (tc.code == "") || (err != nil && err.Code != tc.code) {
			t.Errorf("%s: %v, want %q", name, err, tc.code)
		}
		if d := cmp.Diff(tc.want, got.Client); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
}

// roundTrip is a transport that keeps the request and answers nothing.
type roundTrip struct{ got *http.Request }

func (r *roundTrip) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := req.ParseForm(); err != nil {
		return nil, err
	}
	r.got = req
	return nil, errors.New("nobody there")
}

// TestP31_AsTheLibraryOfClientsSendsIt takes what golang.org/x/oauth2 sends.
func TestP31_AsTheLibraryOfClientsSendsIt(t *testing.T) {
	const secret = "a:b%+c d/é"
	for style, method := range map[oauth2.AuthStyle]oidc.AuthMethod{
		oauth2.AuthStyleInHeader: oidc.AuthMethodBasic, oauth2.AuthStyleInParams: oidc.AuthMethodPost,
	} {
		sent := &roundTrip{}
		config := oauth2.Config{
			ClientID: "c", ClientSecret: secret, RedirectURL: "https://app.example/cb",
			Endpoint: oauth2.Endpoint{TokenURL: "https://id.example/oauth/token", AuthStyle: style},
		}
		ctx := context.WithValue(t.Context(), oauth2.HTTPClient, &http.Client{Transport: sent})
		if _, err := config.Exchange(ctx, "vsc_1", oauth2.VerifierOption(verifier)); err == nil {
			t.Fatal("nobody answered, and yet it has a token")
		}
		got, err := request.ParseToken(sent.got.Header, sent.got.PostForm)
		if err != nil {
			t.Errorf("%s: %v", method, err)
		}
		want := request.Token{
			Client: request.Client{ID: "c", Secret: secret, Method: method}, GrantType: oidc.GrantTypeCode,
			Code: "vsc_1", RedirectURI: "https://app.example/cb", Verifier: verifier,
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", method, d)
		}
	}
}

func TestParseRevoke(t *testing.T) {
	got, err := request.ParseRevoke(header(basic("c", "s")), form("token", "vsr_1", "token_type_hint", "nonsense"))
	want := request.Revoke{Client: request.Client{ID: "c", Secret: "s", Method: oidc.AuthMethodBasic}, Token: "vsr_1", Hint: "nonsense"}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	for name, tc := range map[string]struct {
		form url.Values
		code string
	}{
		"no token":        {form("client_id", "c"), "invalid_request"},
		"token twice":     {form("client_id", "c", "token", "a", "token", "b"), "invalid_request"},
		"no client":       {form("token", "a"), "invalid_client"},
		"token too long":  {form("client_id", "c", "token", strings.Repeat("a", 16<<10+1)), "invalid_request"},
		"broken hint":     {form("client_id", "c", "token", "a", "token_type_hint", "\x00"), ""},
		"unknown, thrice": {form("client_id", "c", "token", "a", "x", "1", "x", "2", "x", "3"), ""},
	} {
		if _, err := request.ParseRevoke(http.Header{}, tc.form); (err == nil) != (tc.code == "") || (err != nil && err.Code != tc.code) {
			t.Errorf("%s: %v, want %q", name, err, tc.code)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("", codeForm().Encode())
	f.Add(basic("c", "s%3A"), form("grant_type", "client_credentials", "scope", "a b").Encode())
	f.Add("Basic =", form("grant_type", "refresh_token", "refresh_token", "vsr_1").Encode())
	f.Add("Bearer x", "grant_type=password")
	f.Fuzz(func(t *testing.T, authorization, body string) {
		values, err := request.ParseForm(body)
		if err != nil {
			return
		}
		h := header()
		if authorization != "" {
			h = header(authorization)
		}
		got, err := request.ParseToken(h, values)
		if err != nil {
			if !printable.MatchString(err.Description) || err.Page || got.Client.ID != "" {
				t.Errorf("%q %q: %+v, %+v", authorization, body, err, got)
			}
			return
		}
		if got.Client.ID == "" || (got.Client.Method == oidc.AuthMethodPost) != (got.Client.Secret != "" && authorization == "") {
			t.Errorf("%q %q: client %+v", authorization, body, got.Client)
		}
		// Sent again, in its canonical form, it is the same request.
		canonical := form("grant_type", string(got.GrantType))
		for name, value := range map[string]string{
			"code": got.Code, "redirect_uri": got.RedirectURI, "code_verifier": got.Verifier,
			"refresh_token": got.RefreshToken, "scope": strings.Join(got.Scopes, " "),
		} {
			if value != "" {
				canonical.Set(name, value)
			}
		}
		h = header()
		if got.Client.Method == oidc.AuthMethodBasic {
			h = header(basic(url.QueryEscape(got.Client.ID), url.QueryEscape(got.Client.Secret)))
		} else {
			canonical.Set("client_id", got.Client.ID)
			canonical.Set("client_secret", got.Client.Secret)
		}
		again, err := request.ParseToken(h, canonical)
		if d := cmp.Diff(got, again); err != nil || d != "" {
			t.Errorf("%q %q: again %v (-first +again):\n%s", authorization, body, err, d)
		}
	})
}

func FuzzParseRevoke(f *testing.F) {
	f.Add(basic("c", "s"), "token=vsr_1&token_type_hint=refresh_token")
	f.Add("", "client_id=c&token=a.b.c")
	f.Fuzz(func(t *testing.T, authorization, body string) {
		values, err := request.ParseForm(body)
		if err != nil {
			return
		}
		got, err := request.ParseRevoke(header(authorization), values)
		if err == nil && (got.Token == "" || got.Client.ID == "") {
			t.Errorf("%q %q: %+v", authorization, body, got)
		}
	})
}
