package resource_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/op/resource"
)

func minutes(n int) *time.Duration {
	d := time.Duration(n) * time.Minute
	return &d
}

func TestA28_ChallengeString(t *testing.T) {
	for want, c := range map[string]resource.Challenge{
		`Bearer`:                       {},
		`Bearer error="invalid_token"`: {Code: "invalid_token"},
		`Bearer error="insufficient_scope", scope="a b"`:                                                                    {Code: "insufficient_scope", Scopes: []string{"a", "b"}},
		`Bearer error="insufficient_user_authentication", error_description="More.", acr_values="phr urn:x", max_age="300"`: {Code: resource.InsufficientAuthentication, Description: "More.", ACR: []string{"phr", "urn:x"}, MaxAge: minutes(5)},
		`Bearer error="x", max_age="0"`:                                                                                     {Code: "x", MaxAge: new(time.Duration)},
		`Bearer error="x", error_description="a, b=c and no more"`:                                                          {Code: "x", Description: "a, b=\"c\\\r\n\x00 and no more"},
	} {
		if got := c.String(); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestA28_ParseChallenge(t *testing.T) {
	const stepUp = `error="insufficient_user_authentication"`
	phr := resource.Challenge{Code: resource.InsufficientAuthentication, ACR: []string{"phr"}}
	aged := resource.Challenge{Code: resource.InsufficientAuthentication, MaxAge: minutes(5)}
	for name, c := range map[string]struct {
		headers []string
		want    *resource.Challenge
	}{
		"acr_values":                       {[]string{`Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"max_age":                          {[]string{`Bearer ` + stepUp + `, max_age="300"`}, &aged},
		"a number without quotes":          {[]string{`Bearer ` + stepUp + `, max_age=300`}, &aged},
		"as the RFC writes it":             {[]string{"Bearer error=\"insufficient_user_authentication\",  error_description=\"A different authentication level is required\", acr_values=\"myACR\""}, &resource.Challenge{Code: resource.InsufficientAuthentication, Description: "A different authentication level is required", ACR: []string{"myACR"}}},
		"in another order":                 {[]string{`Bearer realm="x", acr_values="phr", ` + stepUp}, &phr},
		"other letters":                    {[]string{`BEARER Error="insufficient_user_authentication",ACR_VALUES="phr"`}, &phr},
		"spaces where they may be":         {[]string{"Bearer \t error = \"insufficient_user_authentication\" ,, acr_values\t=\t\"phr\" ,"}, &phr},
		"escaped":                          {[]string{`Bearer ` + stepUp + `, error_description="a \"b\", Bearer x=\"", acr_values="\p\h\r"`}, &resource.Challenge{Code: resource.InsufficientAuthentication, Description: `a "b", Bearer x="`, ACR: []string{"phr"}}},
		"two values, one twice":            {[]string{`Bearer ` + stepUp + `, acr_values=" phr  phr urn:a "`}, &resource.Challenge{Code: resource.InsufficientAuthentication, ACR: []string{"phr", "urn:a"}}},
		"behind another scheme":            {[]string{`Basic realm="a, b", charset="UTF-8", Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"behind a scheme without anything": {[]string{`Negotiate, Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"behind a token68":                 {[]string{`Negotiate YWJj/+==, Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"before another scheme":            {[]string{`Bearer ` + stepUp + `, acr_values="phr", Basic realm="x"`}, &phr},
		"before nonsense":                  {[]string{`Bearer ` + stepUp + `, acr_values="phr", Basic realm=, ==`}, &phr},
		"in the second header":             {[]string{`Basic realm="x"`, `Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"behind a broken header":           {[]string{`Bearer "`, `Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"the second of two of the scheme":  {[]string{`Bearer error="invalid_token", Bearer ` + stepUp + `, acr_values="phr"`}, &phr},
		"a max_age without end":            {[]string{`Bearer ` + stepUp + `, acr_values="phr", max_age="99999999999999999999999"`}, &resource.Challenge{Code: resource.InsufficientAuthentication, ACR: []string{"phr"}, MaxAge: func() *time.Duration { d := 100 * 365 * 24 * time.Hour; return &d }()}},
		"a max_age of nothing":             {[]string{`Bearer ` + stepUp + `, max_age="0"`}, &resource.Challenge{Code: resource.InsufficientAuthentication, MaxAge: new(time.Duration)}},
		"a max_age that is none":           {[]string{`Bearer ` + stepUp + `, acr_values="phr", max_age="-1"`}, &phr},
		"a value that is none":             {[]string{`Bearer ` + stepUp + `, acr_values="phr ä \"x\""`}, &phr},

		"nothing":                       {nil, nil},
		"an empty one":                  {[]string{""}, nil},
		"the scheme alone":              {[]string{"Bearer"}, nil},
		"another error":                 {[]string{`Bearer error="invalid_token", acr_values="phr"`}, nil},
		"the error in capitals":         {[]string{`Bearer error="INSUFFICIENT_USER_AUTHENTICATION", acr_values="phr"`}, nil},
		"another scheme":                {[]string{`Basic ` + stepUp + `, acr_values="phr"`}, nil},
		"no scheme":                     {[]string{stepUp + `, acr_values="phr"`}, nil},
		"nothing that helps":            {[]string{`Bearer ` + stepUp}, nil},
		"values that do not help":       {[]string{`Bearer ` + stepUp + `, acr_values="", max_age="soon"`}, nil},
		"quotes without an end":         {[]string{`Bearer ` + stepUp + `, acr_values="phr`}, nil},
		"an end within":                 {[]string{`Bearer ` + stepUp + `, max_age="300", acr_values="phr`}, nil},
		"a parameter twice":             {[]string{`Bearer ` + stepUp + `, acr_values="phr", acr_values="urn:vsee:acr:1fa"`}, nil},
		"no comma":                      {[]string{`Bearer ` + stepUp + ` acr_values="phr"`}, nil},
		"in a text of another":          {[]string{`Basic realm="Bearer error=insufficient_user_authentication, acr_values=phr"`}, nil},
		"a line end":                    {[]string{"Bearer " + stepUp + ", acr_values=\"phr\r\nx\""}, nil},
		"a header that is far too long": {[]string{`Bearer ` + stepUp + `, acr_values="phr", x="` + strings.Repeat("x", 10000) + `"`}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for _, v := range c.headers {
				h.Add("WWW-Authenticate", v)
			}
			got, ok := resource.ParseChallenge(h)
			if ok != (c.want != nil) {
				t.Fatalf("found %v: %+v", ok, got)
			}
			if diff := cmp.Diff(c.want, &got); ok && diff != "" {
				t.Error(diff)
			}
		})
	}
	many := `Bearer ` + stepUp + `, acr_values="` + strings.Repeat("a b c d e f g h i j k l m n o p q r s t ", 3) + `"`
	if got, ok := resource.ParseChallenge(http.Header{"Www-Authenticate": {many}}); !ok || len(got.ACR) != 16 {
		t.Errorf("%v, %d values", ok, len(got.ACR))
	}
}

func TestChallengeParams(t *testing.T) {
	c := resource.Challenge{ACR: []string{"phr", "urn:x&prompt=none"}, MaxAge: minutes(5)}
	if got := c.Params().Encode(); got != "acr_values=phr+urn%3Ax%26prompt%3Dnone&max_age=300" {
		t.Error(got)
	}
	if got := (resource.Challenge{Scopes: []string{"a"}}).Params(); len(got) != 0 {
		t.Error(got)
	}
}

// FuzzParseChallenge reads anything: what is found can be said, and is read again as the same.
func FuzzParseChallenge(f *testing.F) {
	for _, s := range []string{
		"", "Bearer", `Bearer error="insufficient_user_authentication", acr_values="phr", max_age="300"`,
		`Negotiate a==, Bearer error=insufficient_user_authentication,max_age=5`, `Basic realm="\"", Bearer error="x\`, `,,=,"`, `a b=c, d e`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, ok := resource.ParseChallenge(http.Header{"Www-Authenticate": {s}})
		if !ok {
			return
		}
		if c.MaxAge != nil && *c.MaxAge < 0 || len(c.ACR) > 16 || c.ACR == nil && c.MaxAge == nil {
			t.Fatalf("%q gives %+v", s, c)
		}
		said := c.String()
		if strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Fatalf("%q is said as %q", s, said)
		}
		c.Description = ""
		again, ok := resource.ParseChallenge(http.Header{"Www-Authenticate": {said}})
		again.Description = ""
		if diff := cmp.Diff(c, again); !ok || diff != "" {
			t.Fatalf("%q is said as %q, which is read as %+v", s, said, again)
		}
	})
}
