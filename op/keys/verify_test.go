package keys_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vsee/vseeid/op/keys"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestVerify(t *testing.T) {
	r := newRing(t, &store{}, func() time.Time { return epoch })
	for _, alg := range []string{keys.RS256, keys.ES256} {
		for _, typ := range []string{keys.TypeAccess, keys.TypeID} {
			token := sign(t, r, alg, typ, `{"sub":"1"}`)
			payload, err := r.Verify(token, typ)
			if err != nil || string(payload) != `{"sub":"1"}` {
				t.Errorf("%s %s: %q, %v", alg, typ, payload, err)
			}
			for _, other := range []string{keys.TypeAccess, keys.TypeID, "logout+jwt", "", "AT+JWT", "jwt"} {
				if _, err := r.Verify(token, other); other != typ && !errors.Is(err, keys.ErrInvalid) {
					t.Errorf("%s %s taken for %q", alg, typ, other)
				}
			}
		}
	}
}

// signWith signs a header of the test's choice with a real signing key.
func signWith(t *testing.T, k keys.Key, header map[string]any, payload string) string {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	input := b64(string(raw)) + "." + b64(payload)
	sum := sha256.Sum256([]byte(input))
	x, y, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	x.FillBytes(signature[:32])
	y.FillBytes(signature[32:])
	return input + "." + b64(string(signature))
}

// TestP45_HeaderCorpus signs with the true key, so that it is the header alone that is refused.
func TestP45_HeaderCorpus(t *testing.T) {
	s := &store{}
	r := newRing(t, s, func() time.Time { return epoch })
	k := s.rows[1]
	good := map[string]any{"alg": "ES256", "kid": k.ID, "typ": "at+jwt"}
	if _, err := r.Verify(signWith(t, k, good, `{}`), keys.TypeAccess); err != nil {
		t.Fatalf("the corpus tests nothing: %v", err)
	}
	absent := maps.Clone(good)
	delete(absent, "typ")
	if _, err := r.Verify(signWith(t, k, absent, `{}`), keys.TypeID); err != nil {
		t.Errorf("an ID token needs no typ: %v", err)
	}

	evil, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]map[string]any{
		"jwk":              {"jwk": jose.JSONWebKey{Key: evil.Public()}},
		"jku":              {"jku": "https://evil.example/jwks.json"},
		"x5u":              {"x5u": "https://evil.example/cert.pem"},
		"x5c":              {"x5c": []string{"MIIB"}},
		"x5t":              {"x5t": "AAAA"},
		"crit of unknown":  {"crit": []string{"exp"}, "exp": 1},
		"crit b64":         {"crit": []string{"b64"}, "b64": false},
		"crit empty":       {"crit": []string{}},
		"nonce":            {"nonce": "n"},
		"zip":              {"zip": "DEF"},
		"cty":              {"cty": "JWT"},
		"no kid":           {"kid": nil},
		"empty kid":        {"kid": ""},
		"kid of the other": {"kid": s.rows[0].ID},
		"kid as path":      {"kid": "../../dev/null"},
		"kid as SQL":       {"kid": "' OR 1=1 --"},
		"kid as number":    {"kid": 1},
		"kid with NUL":     {"kid": k.ID + "\x00"},
		"alg none":         {"alg": "none"},
		"alg None":         {"alg": "None"},
		"alg absent":       {"alg": nil},
		"alg HS256":        {"alg": "HS256"},
		"alg ES384":        {"alg": "ES384"},
		"alg RS256":        {"alg": "RS256"},
		"alg as list":      {"alg": []string{"ES256"}},
		"typ JWT":          {"typ": "JWT"},
		"typ absent":       {"typ": nil},
		"typ empty":        {"typ": ""},
		"typ in capitals":  {"typ": "AT+JWT"},
		"typ in full":      {"typ": "application/at+jwt"},
		"typ as list":      {"typ": []string{"at+jwt"}},
	} {
		t.Run(name, func(t *testing.T) {
			header := maps.Clone(good)
			for k, v := range change {
				if v == nil {
					delete(header, k)
				} else {
					header[k] = v
				}
			}
			if _, err := r.Verify(signWith(t, k, header, `{}`), keys.TypeAccess); !errors.Is(err, keys.ErrInvalid) {
				t.Errorf("verify: %v, want ErrInvalid", err)
			}
		})
	}
}

// TestT36_Forgery has no key of ours.
func TestT36_Forgery(t *testing.T) {
	s := &store{}
	r := newRing(t, s, func() time.Time { return epoch })
	rs, es := s.rows[0], s.rows[1]
	token := sign(t, r, keys.ES256, keys.TypeAccess, `{"sub":"me"}`)
	part := strings.Split(token, ".")
	forged := b64(`{"sub":"you"}`)

	hmacWith := func(secret []byte, kid string) string {
		input := b64(`{"alg":"HS256","kid":"`+kid+`","typ":"at+jwt"}`) + "." + forged
		h := hmac.New(sha256.New, secret)
		h.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
	}
	set := published(t, r)
	der, err := x509.MarshalPKIXPublicKey(set.Keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	jwks, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	foreign := &store{}
	other := newRing(t, foreign, func() time.Time { return epoch })
	otherKid := foreign.rows[1]
	otherKid.ID = es.ID

	for name, evil := range map[string]string{
		"none, no signature":            b64(`{"alg":"none","kid":"`+es.ID+`","typ":"at+jwt"}`) + "." + forged + ".",
		"none, old signature":           b64(`{"alg":"none","kid":"`+es.ID+`","typ":"at+jwt"}`) + "." + forged + "." + part[2],
		"HS256 with the public key PEM": hmacWith(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), rs.ID),
		"HS256 with the public key DER": hmacWith(der, rs.ID),
		"HS256 with the JWKS":           hmacWith(jwks, rs.ID),
		"another payload":               part[0] + "." + forged + "." + part[2],
		"no signature":                  part[0] + "." + part[1] + ".",
		"signature of zeros":            part[0] + "." + part[1] + "." + b64(strings.Repeat("\x00", 64)),
		"another provider's":            sign(t, other, keys.ES256, keys.TypeAccess, `{"sub":"you"}`),
		"another provider's, our kid":   signWith(t, otherKid, map[string]any{"alg": "ES256", "kid": es.ID, "typ": "at+jwt"}, `{}`),
		"two parts":                     part[0] + "." + part[1],
		"four parts":                    token + "." + part[2],
		"five parts":                    token + "..",
		"white space":                   part[0] + ".\n" + part[1] + "." + part[2],
		"white space at the end":        token + " ",
		"padded":                        token + "==",
		"JSON serialization":            `{"protected":"` + part[0] + `","payload":"` + part[1] + `","signature":"` + part[2] + `"}`,
		"too long":                      token + strings.Repeat("A", 17<<10),
		"empty":                         "",
		"dots":                          "..",
	} {
		t.Run(name, func(t *testing.T) {
			if payload, err := r.Verify(evil, keys.TypeAccess); !errors.Is(err, keys.ErrInvalid) {
				t.Errorf("verify: %q, %v, want ErrInvalid", payload, err)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	r := newRing(f, &store{}, func() time.Time { return epoch })
	token := sign(f, r, keys.ES256, keys.TypeAccess, `{"sub":"1"}`)
	part := strings.Split(token, ".")
	f.Add(token)
	f.Add(part[0] + "..")
	f.Add(b64(`{"alg":"none"}`) + ".e30.")
	f.Add(b64(`{"alg":"ES256","jwk":{}}`) + "." + part[1] + "." + part[2])
	f.Fuzz(func(t *testing.T, s string) {
		payload, err := r.Verify(s, keys.TypeAccess)
		if err != nil {
			if !errors.Is(err, keys.ErrInvalid) {
				t.Errorf("%q: %v", s, err)
			}
			return
		}
		// Nobody but the ring signs: what it accepts is its own header and payload.
		if got := strings.Split(s, "."); got[0] != part[0] || string(payload) != `{"sub":"1"}` {
			t.Errorf("accepted %q", s)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	r := newRing(b, &store{}, func() time.Time { return epoch })
	payload := []byte(strings.Repeat("x", 500))
	for _, alg := range []string{keys.ES256, keys.RS256} {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := r.Signer(alg)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Sign(keys.TypeAccess, payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	r := newRing(b, &store{}, func() time.Time { return epoch })
	token := sign(b, r, keys.ES256, keys.TypeAccess, strings.Repeat("x", 500))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Verify(token, keys.TypeAccess); err != nil {
			b.Fatal(err)
		}
	}
}
