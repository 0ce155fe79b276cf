package login

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"time"
)

// The cookies of a sign-in. With https they are __Host- cookies: no other host, and no page of a
// subdomain, can plant one.
const (
	browserCookie = "vseeid-browser" // 256 random bits that bind transactions to the browser; no credential
	sessionCookie = "vseeid-session" // 256 random bits: who holds it is signed in
	resumeCookie  = "vseeid-resume"  // sealed: the last few authorization requests
	deviceCookie  = "vseeid-device"  // sealed: which passkeys are here, and who does not want one
)

// browserAge is the longest that browsers keep a cookie (RFC 6265bis).
const browserAge = 400 * 24 * time.Hour

type cookies struct{ secure bool }

func (c cookies) name(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return name
}

// value is what the request carries under a name, or empty. Two of one name are none: one of them
// was planted, and nobody can say which.
func (c cookies) value(r *http.Request, name string) string {
	found := r.CookiesNamed(c.name(name))
	if len(found) != 1 {
		return ""
	}
	return found[0].Value
}

// set keeps a value for age.
func (c cookies) set(w http.ResponseWriter, name, value string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(name), Value: value, Path: "/", MaxAge: int(age / time.Second),
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (c cookies) clear(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(name), Path: "/", MaxAge: -1,
		Secure: c.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

// browser is the browser's cookie, set anew on a browser that brings none that is good.
func (c cookies) browser(w http.ResponseWriter, r *http.Request) string {
	if v := c.value(r, browserCookie); isSecret(v) {
		return v
	}
	v := newSecret()
	c.set(w, browserCookie, v, browserAge)
	return v
}

// browserHash is what a transaction keeps of the browser's cookie.
func browserHash(cookie string) []byte {
	sum := sha256.Sum256([]byte(cookie))
	return sum[:]
}

const secretBytes = 32

// newSecret returns 256 random bits in the form of a cookie.
func newSecret() string {
	b := make([]byte, secretBytes)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// isSecret reports whether v has the form of what newSecret returns.
func isSecret(v string) bool {
	b, err := base64.RawURLEncoding.Strict().DecodeString(v)
	return err == nil && len(b) == secretBytes
}

// sealed reads into out what a cookie of ours holds, sealed for purpose. It reports false, and leaves out
// as it was, where the cookie is absent or does not open: what is kept so is a convenience, and nothing
// rests on it.
func (s *Server) sealed(r *http.Request, cookie, purpose string, out any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s.cookies.value(r, cookie))
	if err != nil || len(b) == 0 {
		return false
	}
	plain, err := s.Keys.Open(b, purpose)
	return err == nil && json.Unmarshal(plain, out) == nil
}

// seal is what a cookie has to hold for sealed to read v.
func (s *Server) seal(purpose string, v any) (string, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return "", err
	}
	b, err := s.Keys.Seal(plain, purpose)
	return base64.RawURLEncoding.EncodeToString(b), err
}
