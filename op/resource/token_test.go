package resource_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vsee/vseeid/op/resource"
)

func TestVerify(t *testing.T) {
	p := newProvider(t)
	got, err := p.server(t).Verify(t.Context(), p.token(claims{"recovery": true, "ward": "7b", "nbf": noon.Unix()}))
	must(t, err)
	want := resource.Token{
		Subject: "019-charlotte", ClientID: "clinic", ID: "1", Audience: []string{api, p.URL}, Scopes: []string{"openid", "sign"},
		Issued: noon, Expires: noon.Add(5 * time.Minute), AuthTime: noon.Add(-time.Minute),
		ACR: resource.ACRMultiFactor, AMR: []string{"mfa", "otp", "pwd"}, SessionID: "s", OrgID: "riverside", Recovery: true,
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(resource.Token{}), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Error(diff)
	}
	var more struct{ Ward string }
	if must(t, got.Claims(&more)); more.Ward != "7b" {
		t.Errorf("further claims: %+v", more)
	}
}

// TestP35_T38_Tokens holds up tokens of every kind. Only access tokens of this provider for this API,
// that are good now, pass.
func TestP35_T38_Tokens(t *testing.T) {
	p := newProvider(t)
	stranger, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	p.published = append(p.published, public(stranger.Public(), "encrypts", "ES256"))
	encrypts := p.published[2].(jose.JSONWebKey)
	encrypts.Use = "enc"
	p.published[2] = encrypts
	secret := []byte(strings.Repeat("k", 64))
	with := func(change func(*header)) header {
		h := p.usual()
		change(&h)
		return h
	}
	seconds := func(d time.Duration) int64 { return noon.Add(d).Unix() }
	for name, c := range map[string]struct {
		header header
		claims claims
		want   error
	}{
		"good":                          {p.usual(), nil, nil},
		"of the long type":              {with(func(h *header) { h.typ = "application/at+jwt" }), nil, nil},
		"of the type in capitals":       {with(func(h *header) { h.typ = "AT+JWT" }), nil, nil},
		"signed with RS256":             {with(func(h *header) { h.kid, h.alg, h.key = "rsa", "RS256", p.rsa }), nil, nil},
		"for this API alone":            {p.usual(), claims{"aud": api}, nil},
		"a client's own":                {p.usual(), claims{"sub": "clinic", "acr": nil, "amr": nil, "auth_time": nil, "sid": nil}, nil},
		"made by a clock that is ahead": {p.usual(), claims{"iat": seconds(resource.Skew), "nbf": seconds(resource.Skew)}, nil},
		"with a fraction of a second":   {p.usual(), claims{"exp": float64(seconds(0)) + .5}, nil},

		"an ID token":              {with(func(h *header) { h.typ = "JWT" }), claims{"aud": "clinic"}, resource.ErrToken},
		"an ID token for the API":  {with(func(h *header) { h.typ = "JWT" }), nil, resource.ErrToken},
		"a token without a type":   {with(func(h *header) { h.typ = "" }), nil, resource.ErrToken},
		"a logout token":           {with(func(h *header) { h.typ = "logout+jwt" }), nil, resource.ErrToken},
		"a proof of DPoP":          {with(func(h *header) { h.typ = "dpop+jwt" }), nil, resource.ErrToken},
		"a type that begins alike": {with(func(h *header) { h.typ = "at+jwt2" }), nil, resource.ErrToken},

		"for another API":           {p.usual(), claims{"aud": []string{other, p.URL}}, resource.ErrToken},
		"for nobody":                {p.usual(), claims{"aud": nil}, resource.ErrToken},
		"for an API of like name":   {p.usual(), claims{"aud": api + "/"}, resource.ErrToken},
		"of another issuer":         {p.usual(), claims{"iss": "https://evil.example"}, resource.ErrToken},
		"of an issuer of like name": {p.usual(), claims{"iss": p.URL + "/"}, resource.ErrToken},
		"of no issuer":              {p.usual(), claims{"iss": nil}, resource.ErrToken},
		"of nobody":                 {p.usual(), claims{"sub": nil}, resource.ErrToken},
		"of no client":              {p.usual(), claims{"client_id": nil}, resource.ErrToken},
		"without jti":               {p.usual(), claims{"jti": nil}, resource.ErrToken},
		"without iat":               {p.usual(), claims{"iat": nil}, resource.ErrToken},
		"without exp":               {p.usual(), claims{"exp": nil}, resource.ErrToken},
		"expired":                   {p.usual(), claims{"exp": seconds(0)}, resource.ErrToken},
		"of the far future":         {p.usual(), claims{"exp": 1e300}, resource.ErrToken},
		"with a date in words":      {p.usual(), claims{"exp": "tomorrow"}, resource.ErrToken},
		"with a negative date":      {p.usual(), claims{"auth_time": -5}, resource.ErrToken},
		"not made yet":              {p.usual(), claims{"iat": seconds(resource.Skew + time.Second)}, resource.ErrToken},
		"not good yet":              {p.usual(), claims{"nbf": seconds(resource.Skew + time.Second)}, resource.ErrToken},
		"with an acr of two":        {p.usual(), claims{"acr": []string{"phr", "phrh"}}, resource.ErrToken},

		"of another key":             {with(func(h *header) { h.key = stranger }), nil, resource.ErrToken},
		"of a key that is not known": {with(func(h *header) { h.key, h.kid = stranger, "new" }), nil, resource.ErrToken},
		"of a key for encryption":    {with(func(h *header) { h.key, h.kid = stranger, "encrypts" }), nil, resource.ErrToken},
		"without a key id":           {with(func(h *header) { h.kid = "" }), nil, resource.ErrToken},
		"of the other key's id":      {with(func(h *header) { h.kid = "rsa" }), nil, resource.ErrToken},
		"with its own key in it": {header{typ: "at+jwt", alg: "ES256", key: stranger, kid: "ec", extra: map[jose.HeaderKey]any{
			"jwk": public(stranger.Public(), "ec", "ES256"),
		}}, nil, resource.ErrToken},
		"with an address of keys":         {with(func(h *header) { h.key = stranger; h.extra = map[jose.HeaderKey]any{"jku": "https://evil.example"} }), nil, resource.ErrToken},
		"with a part that is not known":   {with(func(h *header) { h.extra = map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1} }), nil, resource.ErrToken},
		"signed with a shared secret":     {with(func(h *header) { h.alg, h.key = "HS256", secret }), nil, resource.ErrToken},
		"of an algorithm not of this key": {with(func(h *header) { h.kid, h.alg, h.key = "rsa", "PS256", p.rsa }), nil, resource.ErrToken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := p.server(t).Verify(t.Context(), sign(c.header, p.good(c.claims)))
			if !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if err != nil && got.Subject != "" {
				t.Errorf("refused and still a token: %+v", got)
			}
			if err != nil && strings.Contains(err.Error(), "charlotte") {
				t.Errorf("the error says what is in the token: %v", err)
			}
		})
	}
}

// TestForgery changes a token character by character, and puts other headers before it.
func TestForgery(t *testing.T) {
	p := newProvider(t)
	s, raw := p.server(t), p.token(nil)
	_, err := s.Verify(t.Context(), raw)
	must(t, err)
	refused := func(forged, why string) {
		t.Helper()
		if _, err := s.Verify(t.Context(), forged); !errors.Is(err, resource.ErrToken) {
			t.Errorf("%s: %v", why, err)
		}
	}
	for i := range len(raw) - 1 { // the last character holds bits that are no part of the signature
		c := byte('A')
		if raw[i] == c {
			c = 'B'
		}
		refused(raw[:i]+string(c)+raw[i+1:], "one character changed")
	}
	_, rest, _ := strings.Cut(raw, ".")
	payload, _, _ := strings.Cut(rest, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for _, h := range []string{`{"alg":"none","typ":"at+jwt"}`, `{"alg":"none","typ":"at+jwt","kid":"ec"}`, `{"alg":"ES256"}`, `{}`, `null`, `[]`} {
		refused(encode([]byte(h))+"."+payload+".", h)
		refused(encode([]byte(h))+"."+rest, h)
	}
	for _, s := range []string{"", ".", "..", "a.b.c", "a.b.c.d.e", raw + ".x", raw + "\n", " " + raw, strings.Repeat("x", 20000), `{"payload":"","signatures":[]}`} {
		refused(s, "no token")
	}
}

// TestKeys: the provider is asked when there is need, and not more.
func TestKeys(t *testing.T) {
	p := newProvider(t)
	s := p.server(t)
	verify := func(h header) error {
		_, err := s.Verify(t.Context(), sign(h, p.good(nil)))
		return err
	}
	want := func(what string, err, want error, asked int) {
		t.Helper()
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
		if got := p.times(); got != asked {
			t.Errorf("%s: keys were asked for %d times, want %d", what, got, asked)
		}
	}
	p.set(func() { p.metadata["jwks_uri"] = nil })
	want("the provider does not say where its keys are", verify(p.usual()), resource.ErrKeys, 0)
	p.set(func() { p.metadata["jwks_uri"] = p.URL + "/keys" })
	want("it is left alone for a moment", verify(p.usual()), resource.ErrKeys, 0)
	want("a token that cannot be one asks nothing", verify(header{typ: "JWT", kid: "ec", alg: "ES256", key: p.ec}), resource.ErrToken, 0)
	p.clock.pass(10 * time.Second)
	for range 3 {
		want("the keys are held", verify(p.usual()), nil, 1)
	}
	fresh, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	next := header{typ: "at+jwt", kid: "next", alg: "ES256", key: fresh}
	p.clock.pass(time.Minute)
	for range 20 {
		want("an invented key is asked for once", verify(next), resource.ErrToken, 2)
	}
	p.set(func() { p.published = append(p.published, public(fresh.Public(), "next", "ES256")) })
	want("a new key a moment later", verify(next), resource.ErrToken, 2)
	p.clock.pass(10 * time.Second)
	want("a new key", verify(next), nil, 3)

	// A key that is withdrawn is good for ten minutes more, and no longer.
	p.set(func() { p.published = p.published[2:] })
	p.clock.pass(10 * time.Minute)
	want("withdrawn ten minutes ago", verify(p.usual()), nil, 3)
	p.clock.pass(time.Second)
	want("withdrawn", verify(p.usual()), resource.ErrToken, 4)

	// While the provider is down, what is known is used for an hour.
	p.set(func() { p.down = true })
	want("a known key", verify(next), nil, 4)
	p.clock.pass(11 * time.Minute)
	want("a known key that cannot be looked up", verify(next), nil, 4)
	p.clock.pass(48 * time.Minute)
	want("the same, later", verify(next), nil, 4)
	p.clock.pass(2 * time.Minute)
	want("after an hour nobody passes", verify(next), resource.ErrKeys, 4)
	p.set(func() { p.down = false })
	p.clock.pass(10 * time.Second)
	want("until it is back", verify(next), nil, 5)
}

// T-42: an address that is https leads to no other one, which may not be, whatever the client does.
func TestT42_KeysAreNotRedirected(t *testing.T) {
	for _, path := range []string{"/.well-known/openid-configuration", "/keys"} {
		plain := newProvider(t) // which would be believed
		secured := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == path {
				http.Redirect(w, r, plain.URL+path, http.StatusFound)
				return
			}
			plain.Config.Handler.ServeHTTP(w, r)
		}))
		defer secured.Close()
		plain.set(func() { plain.metadata["issuer"], plain.metadata["jwks_uri"] = secured.URL, secured.URL+"/keys" })
		followed := false
		client := secured.Client()
		client.CheckRedirect = func(*http.Request, []*http.Request) error { followed = true; return nil }
		s := plain.server(t, func(c *resource.Config) { c.Issuer, c.HTTP = secured.URL, client })
		_, err := s.Verify(t.Context(), plain.token(claims{"iss": secured.URL}))
		if !errors.Is(err, resource.ErrKeys) || followed {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestKeysOfStrangers: metadata and keys that are not to be believed.
func TestKeysOfStrangers(t *testing.T) {
	for name, change := range map[string]func(*provider){
		"metadata of another issuer":  func(p *provider) { p.metadata["issuer"] = "https://evil.example" },
		"keys without an address":     func(p *provider) { p.metadata["jwks_uri"] = "" },
		"keys in a file":              func(p *provider) { p.metadata["jwks_uri"] = "file:///etc/keys" },
		"no keys":                     func(p *provider) { p.published = nil },
		"keys that are no keys":       func(p *provider) { p.published = []any{"x", 7, map[string]any{"kty": "EC", "kid": "ec"}} },
		"a private key":               func(p *provider) { p.published = []any{public(p.ec, "ec", "ES256")} },
		"a shared secret":             func(p *provider) { p.published = []any{public([]byte(strings.Repeat("k", 32)), "ec", "HS256")} },
		"a document without an end":   func(p *provider) { p.metadata["more"] = strings.Repeat("x", 2<<20) },
		"metadata that are no object": func(p *provider) { p.metadata["issuer"] = []string{p.URL} },
	} {
		t.Run(name, func(t *testing.T) {
			p := newProvider(t)
			change(p)
			if _, err := p.server(t).Verify(t.Context(), p.token(nil)); !errors.Is(err, resource.ErrKeys) {
				t.Errorf("%v, want %v", err, resource.ErrKeys)
			}
		})
	}
	p := newProvider(t)
	p.published = append([]any{map[string]any{"kty": "of the future", "kid": "x"}}, p.published...)
	if _, err := p.server(t).Verify(t.Context(), p.token(nil)); err != nil {
		t.Errorf("beside a key of a kind that is not known: %v", err)
	}
}

// TestKeysOfMany: any number of requests ask the provider once, and who gives up does not wait.
func TestKeysOfMany(t *testing.T) {
	p := newProvider(t)
	s, raw := p.server(t), p.token(nil)
	p.mu.Lock() // the provider does not answer
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := s.Verify(t.Context(), raw); err != nil {
				t.Error(err)
			}
		})
	}
	<-p.arrived // of the one who asks; the others wait
	cancel()
	if _, err := s.Verify(ctx, raw); !errors.Is(err, resource.ErrKeys) || !errors.Is(err, context.Canceled) {
		t.Errorf("who gives up: %v", err)
	}
	p.mu.Unlock()
	all.Wait()
	if n := p.times(); n != 1 {
		t.Errorf("keys were asked for %d times", n)
	}
}

// silent is a provider that never answers.
type silent struct{ asked atomic.Int32 }

func (s *silent) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// TestKeysOfASilentProvider: who waited for an answer that did not come does not wait for another.
func TestKeysOfASilentProvider(t *testing.T) {
	p := newProvider(t)
	raw := p.token(nil)
	synctest.Test(t, func(t *testing.T) {
		var wire silent
		s := p.server(t, func(c *resource.Config) { c.HTTP, c.Now = &http.Client{Transport: &wire}, time.Now })
		began := time.Now()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				if _, err := s.Verify(context.Background(), raw); !errors.Is(err, resource.ErrKeys) {
					t.Errorf("%v, want %v", err, resource.ErrKeys)
				}
			})
		}
		all.Wait()
		if waited, n := time.Since(began), wire.asked.Load(); waited != 10*time.Second || n != 1 {
			t.Errorf("they waited %v, and the provider was asked %d times", waited, n)
		}
		time.Sleep(10 * time.Second)
		if _, err := s.Verify(context.Background(), raw); !errors.Is(err, resource.ErrKeys) || wire.asked.Load() != 2 {
			t.Errorf("later: %v, asked %d times", err, wire.asked.Load())
		}
	})
}

func TestNew(t *testing.T) {
	for name, c := range map[string]resource.Config{
		"nothing":                  {},
		"no audience":              {Issuer: "https://id.example"},
		"the issuer's audience":    {Issuer: "https://id.example", Audience: "https://id.example"},
		"no issuer":                {Audience: api},
		"an issuer over http":      {Issuer: "http://id.example", Audience: api},
		"an issuer with a query":   {Issuer: "https://id.example?x=1", Audience: api},
		"an issuer that is a word": {Issuer: "id", Audience: api},
		"a shared secret":          {Issuer: "https://id.example", Audience: api, Algorithms: []string{"HS256"}},
		"no algorithm at all":      {Issuer: "https://id.example", Audience: api, Algorithms: []string{"none"}},
	} {
		if _, err := resource.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := resource.New(resource.Config{Issuer: "http://localhost:8080", Audience: api}); err != nil {
		t.Error(err)
	}
}
