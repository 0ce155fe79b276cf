package resource_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/resource"
)

// signed is an operation: it says who asked for it.
var signed = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	t, ok := resource.From(r.Context())
	fmt.Fprintf(w, "signed for %s: %v", t.Subject, ok)
})

var prescription = resource.Require{
	ACR: []string{resource.ACRPhishing, resource.ACRMultiFactor}, MaxAge: 5 * time.Minute, Scopes: []string{"sign"},
}

// call calls an operation that needs need.
func call(s *resource.Server, need resource.Require, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, a := range authorization {
		r.Header.Add("Authorization", a)
	}
	w := httptest.NewRecorder()
	s.Protect(need, signed).ServeHTTP(w, r)
	return w
}

func TestA28_Protect(t *testing.T) {
	p := newProvider(t)
	s := p.server(t)
	const step = `Bearer error="insufficient_user_authentication", error_description="A %s sign-in is needed.", ` +
		`acr_values="phr http://schemas.openid.net/pape/policies/2007/06/multi-factor", max_age="300"`
	stronger, recent := fmt.Sprintf(step, "stronger"), fmt.Sprintf(step, "more recent")
	at := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for name, c := range map[string]struct {
		need      resource.Require
		claims    claims
		status    int
		challenge string
	}{
		"enough":                              {prescription, nil, http.StatusOK, ""},
		"the preferred level":                 {prescription, claims{"acr": "phr"}, http.StatusOK, ""},
		"just young enough":                   {prescription, claims{"auth_time": at(-5*time.Minute - resource.Skew)}, http.StatusOK, ""},
		"by a clock that is ahead":            {prescription, claims{"auth_time": at(resource.Skew)}, http.StatusOK, ""},
		"nothing is needed":                   {resource.Require{}, claims{"acr": nil, "auth_time": nil, "scope": nil}, http.StatusOK, ""},
		"an old sign-in where any will do":    {resource.Require{ACR: prescription.ACR}, claims{"auth_time": at(-24 * time.Hour)}, http.StatusOK, ""},
		"a weak sign-in where any will do":    {resource.Require{MaxAge: time.Minute}, claims{"acr": resource.ACRSingle}, http.StatusOK, ""},
		"too weak":                            {prescription, claims{"acr": resource.ACRSingle}, http.StatusUnauthorized, stronger},
		"of a level that is not listed":       {prescription, claims{"acr": resource.ACRAAL2}, http.StatusUnauthorized, stronger},
		"of a level that begins alike":        {prescription, claims{"acr": "phr "}, http.StatusUnauthorized, stronger},
		"of no level":                         {prescription, claims{"acr": nil}, http.StatusUnauthorized, stronger},
		"too old":                             {prescription, claims{"auth_time": at(-5*time.Minute - resource.Skew - time.Second)}, http.StatusUnauthorized, recent},
		"of the future":                       {prescription, claims{"auth_time": at(time.Hour)}, http.StatusUnauthorized, recent},
		"nobody knows when":                   {prescription, claims{"auth_time": nil}, http.StatusUnauthorized, recent},
		"too weak and too old":                {prescription, claims{"acr": resource.ACRSingle, "auth_time": at(-time.Hour)}, http.StatusUnauthorized, stronger},
		"a client's own token":                {prescription, claims{"sub": "clinic", "acr": nil, "auth_time": nil}, http.StatusUnauthorized, stronger},
		"too few scopes":                      {prescription, claims{"scope": "openid"}, http.StatusForbidden, `Bearer error="insufficient_scope", error_description="The access token has not got the scope that is needed.", scope="sign"`},
		"a scope that begins alike":           {prescription, claims{"scope": "signal"}, http.StatusForbidden, `Bearer error="insufficient_scope", error_description="The access token has not got the scope that is needed.", scope="sign"`},
		"too few scopes, and too old as well": {prescription, claims{"scope": "", "auth_time": at(-time.Hour)}, http.StatusForbidden, `Bearer error="insufficient_scope", error_description="The access token has not got the scope that is needed.", scope="sign"`},
		"for another API":                     {prescription, claims{"aud": other}, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token is not valid or has expired."`},
	} {
		t.Run(name, func(t *testing.T) {
			got := call(s, c.need, "Bearer "+p.token(c.claims))
			if got.Code != c.status || got.Header().Get("WWW-Authenticate") != c.challenge {
				t.Fatalf("%d %s\nwant %d %s", got.Code, got.Header().Get("WWW-Authenticate"), c.status, c.challenge)
			}
			if got.Code == http.StatusOK {
				if body := got.Body.String(); !strings.HasPrefix(body, "signed for ") || !strings.HasSuffix(body, ": true") {
					t.Errorf("the operation says %q", body)
				}
				return
			}
			var body struct{ Error string }
			if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil || body.Error == "" || got.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%v: %s %v", err, got.Body, got.Header())
			}
			parsed, ok := resource.ParseChallenge(got.Header())
			if ok != strings.Contains(c.challenge, resource.InsufficientAuthentication) || ok && (!slices.Equal(parsed.ACR, c.need.ACR) || *parsed.MaxAge != c.need.MaxAge) {
				t.Errorf("an app reads %v %+v", ok, parsed)
			}
		})
	}
}

// TestAuthorization holds up headers that are none.
func TestAuthorization(t *testing.T) {
	p := newProvider(t)
	s, good := p.server(t), p.token(nil)
	for name, c := range map[string]struct {
		headers   []string
		status    int
		challenge string
	}{
		"none":                 {nil, http.StatusUnauthorized, "Bearer"},
		"another scheme":       {[]string{"Basic " + good}, http.StatusUnauthorized, "Bearer"},
		"the scheme alone":     {[]string{"Bearer "}, http.StatusUnauthorized, "Bearer"},
		"no scheme":            {[]string{good}, http.StatusUnauthorized, "Bearer"},
		"small letters":        {[]string{"bearer " + good}, http.StatusOK, ""},
		"two spaces":           {[]string{"Bearer  " + good}, http.StatusOK, ""},
		"nonsense":             {[]string{"Bearer nonsense"}, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token is not valid or has expired."`},
		"two tokens in one":    {[]string{"Bearer " + good + ", " + good}, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token is not valid or has expired."`},
		"two headers":          {[]string{"Bearer " + good, "Bearer " + good}, http.StatusBadRequest, `Bearer error="invalid_request", error_description="The request has more than one Authorization header."`},
		"one of another sort":  {[]string{"Bearer " + good, "Basic x"}, http.StatusBadRequest, `Bearer error="invalid_request", error_description="The request has more than one Authorization header."`},
		"letters of no header": {[]string{"Bearer \x00\xff"}, http.StatusUnauthorized, `Bearer error="invalid_token", error_description="The access token is not valid or has expired."`},
	} {
		got := call(s, resource.Require{}, c.headers...)
		if got.Code != c.status || got.Header().Get("WWW-Authenticate") != c.challenge {
			t.Errorf("%s: %d %s", name, got.Code, got.Header().Get("WWW-Authenticate"))
		}
	}
	// A token in the address or in a form is none: both end up in logs.
	r := httptest.NewRequest(http.MethodPost, "/?access_token="+good, strings.NewReader("access_token="+good))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	if s.Protect(resource.Require{}, signed).ServeHTTP(w, r); w.Code != http.StatusUnauthorized {
		t.Errorf("a token in the address: %d", w.Code)
	}
}

// TestNoKeys: without the provider nobody passes, and nobody is told to sign in again.
func TestNoKeys(t *testing.T) {
	p := newProvider(t)
	s, good := p.server(t), p.token(nil)
	p.set(func() { p.down = true })
	got := call(s, resource.Require{}, "Bearer "+good)
	if got.Code != http.StatusServiceUnavailable || got.Header().Get("Retry-After") == "" || got.Header().Get("WWW-Authenticate") != "" || strings.Contains(got.Body.String(), p.URL) {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
}

// TestRequire: a need that no token can fulfil is a mistake in the program.
func TestRequire(t *testing.T) {
	s := newProvider(t).server(t)
	for name, need := range map[string]resource.Require{
		"two values in one": {ACR: []string{"phr phrh"}},
		"an empty value":    {ACR: []string{""}},
		"quotes":            {ACR: []string{`"phr"`}},
		"a scope of two":    {Scopes: []string{"a b"}},
		"no time at all":    {MaxAge: time.Millisecond},
		"less than nothing": {MaxAge: -time.Minute},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			s.Protect(need, signed)
		}()
	}
	if _, ok := resource.From(t.Context()); ok {
		t.Error("a token where none was verified")
	}
}

// TestImplying holds the list of what implies what to the provider's own definitions: for any
// evidence, whoever meets a value meets all that it is said to imply.
func TestImplying(t *testing.T) {
	values := []string{resource.ACRSingle, resource.ACRMultiFactor, resource.ACRAAL2, resource.ACRPhishing, resource.ACRHardware}
	for _, v := range values {
		if !login.KnownACR(v) {
			t.Errorf("%q is not known to the provider", v)
		}
	}
	proofs := []factors.Evidence{
		{Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}},
		{Kind: factors.Password, Source: "mailbox:a", Class: factors.Knows, AMR: []string{"pwd"}},
		{Kind: factors.Federated, Source: "idp:x", Class: factors.Knows},
		{Kind: factors.TOTP, Source: "totp:1", Class: factors.Has, AMR: []string{"otp"}},
		{Kind: factors.Recovery, Source: "recovery", Class: factors.Has, AMR: []string{"otp"}},
		{Kind: factors.Email, Source: "mailbox:a", Class: factors.Has, AMR: []string{"otp", "mca"}},
		{Kind: factors.Passkey, Source: "passkey:1", Class: factors.Has, AMR: []string{"hwk", "pop", "user"}},
		{Kind: factors.Passkey, Source: "passkey:2", Class: factors.Has | factors.Is, AMR: []string{"hwk", "pop", "user"}},
		{Kind: factors.Passkey, Source: "passkey:3", Class: factors.Has | factors.Is, AMR: []string{"pop", "swk", "user"}},
	}
	rng := rand.New(rand.NewPCG(3, 3))
	for range 20000 {
		var evidence []factors.Evidence
		for _, p := range proofs {
			if rng.IntN(3) == 0 {
				evidence = append(evidence, p)
			}
		}
		for _, v := range values {
			for _, stronger := range resource.Implying(v) {
				if login.Met(stronger, evidence) && !login.Met(v, evidence) {
					t.Fatalf("%q is met and %q is not, by %+v", stronger, v, evidence)
				}
			}
		}
	}
	if got := resource.Implying(resource.ACRPhishing, "urn:own", resource.ACRMultiFactor); !slices.Equal(got, []string{
		resource.ACRPhishing, "urn:own", resource.ACRMultiFactor, resource.ACRAAL2, resource.ACRHardware,
	}) {
		t.Error(got)
	}
	if got := resource.Implying(); len(got) != 0 {
		t.Error(got)
	}
}
