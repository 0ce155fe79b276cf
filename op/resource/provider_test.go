package resource_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vsee/vseeid/op/resource"
)

const (
	api   = "https://api.clinic.example"
	other = "https://api.other.example"
)

// provider is an OpenID Provider as far as an API sees it: metadata, keys, and tokens.
type provider struct {
	*httptest.Server
	ec    *ecdsa.PrivateKey
	rsa   *rsa.PrivateKey
	clock *clock

	arrived chan struct{} // has a value when a request has come

	mu        sync.Mutex
	published []any // keys, as JSON or jose.JSONWebKey
	metadata  map[string]any
	asked     int // how often for keys
	down      bool

	ended     map[string]bool  // subjects whose grants have ended
	confirms  int              // how often userinfo was asked
	otherwise http.HandlerFunc // what userinfo does instead
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newProvider(t testing.TB) *provider {
	t.Helper()
	p := startProvider()
	t.Cleanup(p.Close)
	return p
}

func startProvider() *provider {
	p := &provider{clock: &clock{now: noon}, arrived: make(chan struct{}, 1), ended: map[string]bool{}}
	var err error
	p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	p.rsa, err = rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	p.published = []any{public(p.ec.Public(), "ec", "ES256"), public(p.rsa.Public(), "rsa", "RS256")}
	mux := http.NewServeMux()
	p.Server = httptest.NewServer(mux)
	p.metadata = map[string]any{"issuer": p.URL, "jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo"}
	serve := func(count bool, document func() any) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			select {
			case p.arrived <- struct{}{}:
			default:
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			if count {
				p.asked++
			}
			if p.down {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			_ = json.NewEncoder(w).Encode(document())
		}
	}
	mux.HandleFunc("GET /.well-known/openid-configuration", serve(false, func() any { return p.metadata }))
	mux.HandleFunc("GET /keys", serve(true, func() any { return map[string]any{"keys": p.published} }))
	mux.HandleFunc("GET /userinfo", p.userinfo)
	return p
}

// userinfo says of whom a token is, while its grant holds.
func (p *provider) userinfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.confirms++
	if p.otherwise != nil {
		p.otherwise(w, r)
		return
	}
	raw, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	check(err)
	payload, err := jws.Verify(p.ec.Public())
	check(err)
	var said struct{ Sub string }
	check(json.Unmarshal(payload, &said))
	if p.ended[said.Sub] {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token", error_description="The access token is not valid or has ended."`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"sub": said.Sub})
}

// confirmed is how often userinfo was asked.
func (p *provider) confirmed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.confirms
}

func public(key any, id, alg string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: id, Algorithm: alg, Use: "sig"}
}

func (p *provider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}

func (p *provider) times() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// server is the API of p's tokens.
func (p *provider) server(t testing.TB, change ...func(*resource.Config)) *resource.Server {
	t.Helper()
	c := resource.Config{Issuer: p.URL, Audience: api, Now: p.clock.Now}
	for _, f := range change {
		f(&c)
	}
	s, err := resource.New(c)
	must(t, err)
	return s
}

type claims map[string]any

// good are the claims of a token that is good now, with changes; nil takes one away.
func (p *provider) good(changes claims) claims {
	now := p.clock.Now()
	c := claims{
		"iss": p.URL, "sub": "019-charlotte", "aud": []string{api, p.URL}, "client_id": "clinic", "scope": "openid sign", "jti": "1",
		"iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Add(-time.Minute).Unix(),
		"acr": resource.ACRMultiFactor, "amr": []string{"mfa", "otp", "pwd"}, "sid": "s", "org_id": "riverside",
	}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

// header is how a token is signed.
type header struct {
	typ, kid, alg string
	key           any
	extra         map[jose.HeaderKey]any
}

func (p *provider) usual() header { return header{typ: "at+jwt", kid: "ec", alg: "ES256", key: p.ec} }

// sign signs claims.
func sign(h header, c claims) string {
	options := &jose.SignerOptions{ExtraHeaders: h.extra}
	if h.typ != "" {
		options = options.WithType(jose.ContentType(h.typ))
	}
	if h.kid != "" {
		options = options.WithHeader("kid", h.kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(h.alg), Key: h.key}, options)
	check(err)
	payload, err := json.Marshal(c)
	check(err)
	jws, err := signer.Sign(payload)
	check(err)
	raw, err := jws.CompactSerialize()
	check(err)
	return raw
}

func (p *provider) token(changes claims) string {
	return sign(p.usual(), p.good(changes))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// check is for what cannot fail.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
