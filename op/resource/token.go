package resource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Token is an access token that was verified (RFC 9068).
type Token struct {
	Subject   string   // who: the person's id, or the client's own for a client that acts by itself
	ClientID  string   // which app holds the token
	ID        string   // `jti`
	Audience  []string // all of the APIs that it is for
	Scopes    []string
	Issued    time.Time
	Expires   time.Time
	AuthTime  time.Time // when the oldest proof of the sign-in was given; zero for a client's own token
	ACR       string    // the level of the sign-in; empty for a client's own token
	AMR       []string  // what was proved (RFC 8176)
	SessionID string    // `sid`
	OrgID     string    // `org_id`: the organization whose rules were met; empty for none
	Recovery  bool      // the person signed in with a recovery code

	payload []byte
}

// Claims reads the claims of the token into v, as json.Unmarshal does: for those that Token has no
// field for.
func (t Token) Claims(v any) error { return json.Unmarshal(t.payload, v) }

var (
	// ErrToken says that a token is not one to let pass: not signed by the provider, of another
	// kind, for another API, or not good now. What wraps it says which, in words that are fit for
	// a log and hold nothing of the token.
	ErrToken = errors.New("invalid access token")

	// ErrKeys says that nothing can be said of a token, as the provider does not give its keys.
	ErrKeys = errors.New("the keys of the provider cannot be had")
)

// Skew is how far the clocks of the provider and of an API may be apart. It is granted to
// everything but the end of a token.
const Skew = 30 * time.Second

// maxToken bounds what is parsed before a signature is checked.
const maxToken = 16 << 10

// Verify verifies an access token: that the provider signed it, as an access token and for this API,
// and that it is good now. The error wraps ErrToken or ErrKeys.
//
// That its grant was revoked a moment ago it does not know: see Live. Access tokens of VSee ID live for
// five minutes.
func (s *Server) Verify(ctx context.Context, raw string) (Token, error) {
	payload, err := s.signed(ctx, raw)
	if err != nil {
		return Token{}, err
	}
	var c claims
	if err := json.Unmarshal(payload, &c); err != nil {
		return Token{}, invalid("its claims cannot be read")
	}
	if err := c.judge(s.issuer, s.audience, s.now()); err != nil {
		return Token{}, err
	}
	return Token{
		Subject: c.Subject, ClientID: c.ClientID, ID: c.ID, Audience: c.Audience, Scopes: strings.Fields(c.Scope),
		Issued: c.Issued.time(), Expires: c.Expires.time(), AuthTime: c.AuthTime.time(),
		ACR: c.ACR, AMR: c.AMR, SessionID: c.SessionID, OrgID: c.OrgID, Recovery: c.Recovery, payload: payload,
	}, nil
}

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrToken, why) }

// signed is the payload of raw, once its header and its signature are in order. Keys are asked for
// only for a token that can be one.
func (s *Server) signed(ctx context.Context, raw string) ([]byte, error) {
	if len(raw) > maxToken || strings.ContainsAny(raw, " \t\r\n") {
		return nil, invalid("it cannot be one")
	}
	algorithms := make([]jose.SignatureAlgorithm, len(s.algorithms))
	for i, a := range s.algorithms {
		algorithms[i] = jose.SignatureAlgorithm(a)
	}
	jws, err := jose.ParseSignedCompact(raw, algorithms)
	if err != nil {
		return nil, invalid("it is not a JWT of an algorithm that is allowed")
	}
	header := jws.Signatures[0].Protected
	typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
	switch {
	case !strings.EqualFold(typ, "at+jwt") && !strings.EqualFold(typ, "application/at+jwt"):
		return nil, invalid("it is not an access token (typ)") // an ID token, a logout token
	case header.KeyID == "":
		return nil, invalid("it names no key")
	}
	candidates, err := s.keys.find(ctx, header.KeyID)
	if err != nil {
		return nil, err
	}
	for _, k := range candidates {
		if k.Algorithm != "" && k.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(k.Key); err == nil {
			return payload, nil
		}
	}
	return nil, invalid("it is not signed by the provider")
}

// claims are those of an access token that are looked at.
type claims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope"`
	ID        string   `json:"jti"`
	Issued    date     `json:"iat"`
	NotBefore date     `json:"nbf"`
	Expires   date     `json:"exp"`
	AuthTime  date     `json:"auth_time"`
	ACR       string   `json:"acr"`
	AMR       []string `json:"amr"`
	SessionID string   `json:"sid"`
	OrgID     string   `json:"org_id"`
	Recovery  bool     `json:"recovery"`
}

func (c claims) judge(issuer, api string, now time.Time) error {
	switch {
	case c.Issuer != issuer:
		return invalid("it is of another issuer")
	case !slices.Contains(c.Audience, api):
		return invalid("it is for another API")
	case c.Subject == "" || c.ClientID == "" || c.ID == "" || c.Issued == 0 || c.Expires == 0:
		return invalid("a claim is missing")
	case !now.Before(c.Expires.time()):
		return invalid("it has expired")
	case now.Add(Skew).Before(c.Issued.time()), c.NotBefore != 0 && now.Add(Skew).Before(c.NotBefore.time()):
		return invalid("it is not good yet")
	}
	return nil
}

// date is a NumericDate (RFC 7519, 2): seconds, which may have a fraction. 0 is none.
type date float64

func (d *date) UnmarshalJSON(b []byte) error {
	var f float64
	if err := json.Unmarshal(b, &f); err != nil {
		return err
	}
	if f < 0 || f > maxDate {
		return errors.New("a date out of range")
	}
	*d = date(f)
	return nil
}

// maxDate is the year 9999.
const maxDate = 253402300799

func (d date) time() time.Time {
	if d == 0 {
		return time.Time{}
	}
	whole, fraction := math.Modf(float64(d))
	return time.Unix(int64(whole), int64(fraction*1e9))
}

// audience is an `aud` claim: a string or several.
type audience []string

func (a *audience) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte(`"`)) {
		*a = audience{""}
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}
