package token_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

const issuer = "https://id.example"

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// store is the twin of the durable one, for one ring.
type store struct{ rows []keys.Key }

func (s *store) SigningKeys(context.Context) ([]keys.Key, error) { return slices.Clone(s.rows), nil }

func (s *store) AddSigningKey(_ context.Context, k keys.Key, _ storage.Trail) error {
	s.rows = append(s.rows, k)
	return nil
}

func newRing(t testing.TB) *keys.Ring {
	t.Helper()
	r := keys.New(keys.Config{
		Store: &store{}, Now: func() time.Time { return epoch }, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func person() token.Input {
	return token.Input{
		Issuer:    issuer,
		ClientID:  "messenger",
		Subject:   "0195524f-0000-7000-8000-000000000001",
		GrantID:   "0195524f-0000-7000-8000-000000000002",
		SessionID: "0195524f-0000-7000-8000-000000000003",
		OrgID:     "riverside",
		Scopes:    []string{"openid", "profile", "offline_access"},
		Nonce:     "n-0S6_WzA2Mj",
		AMR:       []string{"mfa", "otp", "pwd"},
		ACR:       "http://schemas.openid.net/pape/policies/2007/06/multi-factor",
		AuthTime:  epoch.Add(-time.Hour),
		Lifetime:  5 * time.Minute,
	}
}

func machine() token.Input {
	return token.Input{
		Issuer: issuer, ClientID: "reports", Subject: "reports", Scopes: []string{"reports:read"},
		Audiences: []string{"https://api.example", "https://files.example"}, Lifetime: 5 * time.Minute,
	}
}

func access(t testing.TB, r *keys.Ring, in token.Input) string {
	t.Helper()
	jwt, err := token.Access(r, in, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

func id(t testing.TB, r *keys.Ring, in token.Input, accessToken string) string {
	t.Helper()
	jwt, err := token.ID(r, in, accessToken, epoch)
	if err != nil {
		t.Fatal(err)
	}
	return jwt
}

// decode returns header and claims as a client sees them, after checking the signature against the
// published keys with the library alone.
func decode(t *testing.T, r *keys.Ring, jwt string) (header, claims map[string]any) {
	t.Helper()
	raw, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	signed, err := jose.ParseSignedCompact(jwt, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := signed.Verify(set)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(jwt, ".")
	if raw, err = base64.RawURLEncoding.DecodeString(first); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	if len(set.Key(header["kid"].(string))) != 1 {
		t.Errorf("kid %q is not published", header["kid"])
	}
	delete(header, "kid")
	return header, claims
}

func TestP35_AccessToken(t *testing.T) {
	r := newRing(t)
	header, claims := decode(t, r, access(t, r, person()))
	if d := cmp.Diff(map[string]any{"alg": "ES256", "typ": "at+jwt"}, header); d != "" {
		t.Errorf("header (-want +got):\n%s", d)
	}
	if jti, _ := claims["jti"].(string); len(jti) < 22 {
		t.Errorf("jti %q has fewer than 128 bits", jti)
	}
	delete(claims, "jti")
	want := map[string]any{
		"iss": issuer, "sub": "0195524f-0000-7000-8000-000000000001", "aud": issuer,
		"client_id": "messenger", "scope": "openid profile offline_access",
		"iat": 1772366400.0, "exp": 1772366700.0, "auth_time": 1772362800.0,
		"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor", "amr": []any{"mfa", "otp", "pwd"},
		"sid": "0195524f-0000-7000-8000-000000000003", "org_id": "riverside",
		"gid": "0195524f-0000-7000-8000-000000000002",
	}
	if d := cmp.Diff(want, claims); d != "" {
		t.Errorf("claims (-want +got):\n%s", d)
	}
}

func TestP52_ClientCredentialsToken(t *testing.T) {
	r := newRing(t)
	_, claims := decode(t, r, access(t, r, machine()))
	delete(claims, "jti")
	want := map[string]any{
		"iss": issuer, "sub": "reports", "aud": []any{"https://api.example", "https://files.example"},
		"client_id": "reports", "scope": "reports:read", "iat": 1772366400.0, "exp": 1772366700.0,
	}
	if d := cmp.Diff(want, claims); d != "" {
		t.Errorf("claims: nothing of a person (-want +got):\n%s", d)
	}
}

func TestP34_IDToken(t *testing.T) {
	r := newRing(t)
	for _, alg := range []string{"", keys.RS256, keys.ES256} {
		in := person()
		in.IDAlg = alg
		in.Audiences = []string{"https://api.example"} // of the access token, not of this one
		at := access(t, r, in)
		header, claims := decode(t, r, id(t, r, in, at))
		if alg == "" {
			alg = keys.RS256
		}
		if d := cmp.Diff(map[string]any{"alg": alg, "typ": "JWT"}, header); d != "" {
			t.Errorf("header (-want +got):\n%s", d)
		}
		sum := sha256.Sum256([]byte(at))
		want := map[string]any{
			"iss": issuer, "sub": "0195524f-0000-7000-8000-000000000001", "aud": "messenger",
			"iat": 1772366400.0, "exp": 1772366700.0, "auth_time": 1772362800.0, "nonce": "n-0S6_WzA2Mj",
			"acr": "http://schemas.openid.net/pape/policies/2007/06/multi-factor", "amr": []any{"mfa", "otp", "pwd"},
			"at_hash": base64.RawURLEncoding.EncodeToString(sum[:16]),
			"sid":     "0195524f-0000-7000-8000-000000000003", "org_id": "riverside",
		}
		if d := cmp.Diff(want, claims); d != "" {
			t.Errorf("%s claims (-want +got):\n%s", alg, d)
		}
	}
}

// TestATHashVector is the example of OpenID Connect Core, appendix A.3.
func TestATHashVector(t *testing.T) {
	r := newRing(t)
	_, claims := decode(t, r, id(t, r, person(), "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"))
	if want := "77QmUPtjPfzWtF2AnpK9RQ"; claims["at_hash"] != want {
		t.Errorf("at_hash %v, want %v", claims["at_hash"], want)
	}
	if _, claims = decode(t, r, id(t, r, person(), "")); claims["at_hash"] != nil {
		t.Errorf("at_hash %v without an access token", claims["at_hash"])
	}
}

func TestP36_RefreshedIDTokenHasNoNonce(t *testing.T) {
	r := newRing(t)
	in := person()
	in.Nonce = ""
	_, claims := decode(t, r, id(t, r, in, ""))
	if _, ok := claims["nonce"]; ok {
		t.Errorf("nonce %q", claims["nonce"])
	}
}

// TestA25_SameACREverywhere: one statement of how the person signed in, in both tokens, never an
// empty one.
func TestA25_SameACREverywhere(t *testing.T) {
	r := newRing(t)
	in := person()
	at := access(t, r, in)
	read, err := token.ParseAccess(r, at, issuer, epoch)
	if err != nil {
		t.Fatal(err)
	}
	hint, err := token.ParseHint(r, id(t, r, in, at), issuer)
	if err != nil {
		t.Fatal(err)
	}
	if read.ACR != in.ACR || hint.ACR != in.ACR || read.AuthTime != hint.AuthTime || !slices.Equal(read.AMR, hint.AMR) {
		t.Errorf("access token says %q %d %q, ID token %q %d %q", read.ACR, read.AuthTime, read.AMR, hint.ACR, hint.AuthTime, hint.AMR)
	}
	for name, change := range map[string]func(*token.Input){
		"no acr":       func(in *token.Input) { in.ACR = "" },
		"no amr":       func(in *token.Input) { in.AMR = nil },
		"no auth_time": func(in *token.Input) { in.AuthTime = time.Time{} },
		"no subject":   func(in *token.Input) { in.Subject = "" },
		"no client":    func(in *token.Input) { in.ClientID = "" },
		"no issuer":    func(in *token.Input) { in.Issuer = "" },
		"no lifetime":  func(in *token.Input) { in.Lifetime = 0 },
	} {
		in := person()
		change(&in)
		if jwt, err := token.Access(r, in, epoch); err == nil {
			t.Errorf("%s: access token %s", name, jwt)
		}
		if jwt, err := token.ID(r, in, "", epoch); err == nil {
			t.Errorf("%s: ID token %s", name, jwt)
		}
	}
}

func TestIDTokenNeedsAPerson(t *testing.T) {
	if jwt, err := token.ID(newRing(t), machine(), "", epoch); err == nil {
		t.Errorf("an ID token for a machine: %s", jwt)
	}
}

func FuzzP13_NonceByteForByte(f *testing.F) {
	r := newRing(f)
	for _, nonce := range []string{
		"n-0S6_WzA2Mj", strings.Repeat("n", 512), `"><script>&amp;</script>`, `\u0041\"`, "\u2028\u2029", "é🩺", "%41+%2B ", "\xff",
	} {
		f.Add(nonce)
	}
	f.Fuzz(func(t *testing.T, nonce string) {
		in := person()
		in.Nonce, in.IDAlg = nonce, keys.ES256
		jwt, err := token.ID(r, in, "", epoch)
		if err != nil {
			if utf8.ValidString(nonce) {
				t.Fatal(err)
			}
			return
		}
		hint, err := token.ParseHint(r, jwt, issuer)
		if err != nil || hint.Nonce != nonce {
			t.Errorf("nonce %q came back as %q, %v", nonce, hint.Nonce, err)
		}
	})
}

func TestParseAccess(t *testing.T) {
	r := newRing(t)
	at := access(t, r, person())
	end := epoch.Add(5 * time.Minute)
	for name, tc := range map[string]struct {
		issuer string
		now    time.Time
		good   bool
	}{
		"at once":               {issuer, epoch, true},
		"to the last second":    {issuer, end.Add(-time.Nanosecond), true},
		"expired":               {issuer, end, false},
		"clock a bit behind":    {issuer, epoch.Add(-time.Minute), true},
		"clock far behind":      {issuer, epoch.Add(-2 * time.Minute), false},
		"another issuer":        {"https://evil.example", epoch, false},
		"issuer with a slash":   {issuer + "/", epoch, false},
		"issuer in other case":  {"https://ID.example", epoch, false},
		"issuer that is absent": {"", epoch, false},
	} {
		c, err := token.ParseAccess(r, at, tc.issuer, tc.now)
		switch {
		case tc.good && err != nil:
			t.Errorf("%s: %v", name, err)
		case tc.good && (c.Subject != person().Subject || c.GrantID != person().GrantID || !slices.Equal(c.Scopes(), person().Scopes)):
			t.Errorf("%s: %+v", name, c)
		case !tc.good && (!errors.Is(err, token.ErrInvalid) || c.Subject != ""):
			t.Errorf("%s: %v, %+v", name, err, c)
		}
	}
}

// TestParseAccessClaims signs, with the true key, what Access would never mint.
func TestParseAccessClaims(t *testing.T) {
	r := newRing(t)
	signer, err := r.Signer(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	good := map[string]any{
		"iss": issuer, "sub": "s", "aud": "a", "client_id": "c", "jti": "j", "iat": epoch.Unix(), "exp": epoch.Unix() + 60,
	}
	for name, tc := range map[string]struct {
		claim string
		value any
		good  bool
	}{
		"unchanged":         {"extra", true, true},
		"nbf now":           {"nbf", epoch.Unix(), true},
		"nbf in an hour":    {"nbf", epoch.Unix() + 3600, false},
		"no sub":            {"sub", nil, false},
		"no aud":            {"aud", nil, false},
		"aud of nobody":     {"aud", []string{}, false},
		"aud a number":      {"aud", 1, false},
		"aud of two":        {"aud", []string{"a", "b"}, true},
		"no client":         {"client_id", nil, false},
		"no jti":            {"jti", nil, false},
		"no exp":            {"exp", nil, false},
		"exp a string":      {"exp", "9999999999", false},
		"issued in an hour": {"iat", epoch.Unix() + 3600, false},
		"sub a list":        {"sub", []string{"s"}, false},
	} {
		claims := map[string]any{}
		for k, v := range good {
			claims[k] = v
		}
		claims[tc.claim] = tc.value
		payload, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		jwt, err := signer.Sign(keys.TypeAccess, payload)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := token.ParseAccess(r, jwt, issuer, epoch); (err == nil) != tc.good || (err != nil && !errors.Is(err, token.ErrInvalid)) {
			t.Errorf("%s: %v, want good %v", name, err, tc.good)
		}
	}
}

func TestP19_ParseHint(t *testing.T) {
	r := newRing(t)
	jwt := id(t, r, person(), "")
	c, err := token.ParseHint(r, jwt, issuer)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != person().Subject || c.SessionID != person().SessionID || !slices.Equal(c.Audience, token.Audience{"messenger"}) {
		t.Errorf("claims %+v", c)
	}
	// A retired key still vouches for a hint, long after the token expired.
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.Refresh(t.Context(), epoch.Add(7*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := token.ParseHint(r, jwt, issuer); err != nil {
		t.Errorf("after a week and a rotation: %v", err)
	}
	if _, err := token.ParseHint(r, jwt, "https://evil.example"); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("of another issuer: %v", err)
	}
	if _, err := token.ParseHint(newRing(t), jwt, issuer); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("under other keys: %v", err)
	}
}

// TestT38_CrossUse offers every kind of token to every reader. Each takes its own and no other.
func TestT38_CrossUse(t *testing.T) {
	r := newRing(t)
	refresh, err := token.Refresh(hash, person().GrantID, 1)
	if err != nil {
		t.Fatal(err)
	}
	es := person()
	es.IDAlg = keys.ES256 // the algorithm of access tokens
	given := map[string]string{
		"access token":           access(t, r, person()),
		"machine's access token": access(t, r, machine()),
		"ID token":               id(t, r, person(), ""),
		"ID token in ES256":      id(t, r, es, ""),
		"refresh token":          refresh,
		"code":                   token.NewCode(),
		"nothing":                "",
	}
	readers := map[string]struct {
		read  func(string) error
		takes []string
	}{
		"ParseAccess": {func(s string) error {
			_, err := token.ParseAccess(r, s, issuer, epoch)
			return err
		}, []string{"access token", "machine's access token"}},
		"ParseHint": {func(s string) error {
			_, err := token.ParseHint(r, s, issuer)
			return err
		}, []string{"ID token", "ID token in ES256"}},
		"ParseRefresh": {func(s string) error {
			_, _, err := token.ParseRefresh(hashes, s)
			return err
		}, []string{"refresh token"}},
	}
	for reader, want := range readers {
		for kind, s := range given {
			err := want.read(s)
			switch takes := slices.Contains(want.takes, kind); {
			case takes && err != nil:
				t.Errorf("%s refuses %s: %v", reader, kind, err)
			case !takes && !errors.Is(err, token.ErrInvalid):
				t.Errorf("%s given %s: %v, want ErrInvalid", reader, kind, err)
			}
		}
	}
}

// vschar is what RFC 6749, appendix A, lets a token be made of.
var vschar = regexp.MustCompile(`^[\x21-\x7e]+$`)

func TestP30_TokensAreVSCHAR(t *testing.T) {
	r := newRing(t)
	refresh, err := token.Refresh(hash, person().GrantID, 1<<40)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{access(t, r, person()), id(t, r, person(), ""), refresh, token.NewCode()} {
		if !vschar.MatchString(s) {
			t.Errorf("token %q", s)
		}
	}
}

// BenchmarkAccess is to be read beside BenchmarkSignature: what a token costs beyond the one thing
// that it cannot do without.
func BenchmarkAccess(b *testing.B) {
	r := newRing(b)
	b.ReportAllocs()
	for b.Loop() {
		access(b, r, person())
	}
}

func BenchmarkSignature(b *testing.B) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256([]byte("token"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ecdsa.SignASN1(rand.Reader, k, sum[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkID(b *testing.B) {
	r := newRing(b)
	at := access(b, r, person())
	for _, alg := range []string{keys.ES256, keys.RS256} {
		in := person()
		in.IDAlg = alg
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				id(b, r, in, at)
			}
		})
	}
}
