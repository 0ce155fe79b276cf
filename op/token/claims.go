// Package token turns what was granted into tokens, and reads our own tokens back.
//
// It is pure: keys, hashes and the time are given. Access tokens and ID tokens are JWTs; a refresh
// token names its family and generation and proves by a keyed hash that we made it; a code is
// random. Each kind has its own form (typ header, prefix), so that none passes for another.
package token

import (
	"encoding/json"
	"strings"
	"time"
)

// Input is what the tokens of one grant say.
type Input struct {
	Issuer    string
	ClientID  string
	Subject   string        // the user's id; the client's own for client_credentials
	GrantID   string        // empty for client_credentials
	SessionID string        // `sid`
	OrgID     string        // `org_id`; empty for none
	Scopes    []string      // granted
	Audiences []string      // `aud` of the access token; the issuer where empty
	Nonce     string        // as the request sent it; empty on a refresh
	AMR       []string      // all three frozen when the person proved it
	ACR       string        //
	AuthTime  time.Time     //
	Recovered bool          // a recovery code is among what was proved
	Lifetime  time.Duration // of the token
	IDAlg     string        // id_token_signed_response_alg; keys.RS256 where empty
}

// AccessClaims are the claims of an access token (RFC 9068).
type AccessClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  Audience `json:"aud"`
	ClientID  string   `json:"client_id"`
	Scope     string   `json:"scope,omitempty"` // separated by spaces
	ID        string   `json:"jti"`
	IssuedAt  int64    `json:"iat"`
	NotBefore int64    `json:"nbf,omitempty"` // read, never written
	Expires   int64    `json:"exp"`
	AuthTime  int64    `json:"auth_time,omitempty"`
	ACR       string   `json:"acr,omitempty"`
	AMR       []string `json:"amr,omitempty"`
	Recovery  bool     `json:"recovery,omitempty"` // ours: a recovery code is among what was proved
	SessionID string   `json:"sid,omitempty"`
	OrgID     string   `json:"org_id,omitempty"`
	GrantID   string   `json:"gid,omitempty"` // ours: the grant that the token is held against
}

// IDClaims are the claims of an ID token (OpenID Connect Core 2).
type IDClaims struct {
	Issuer     string   `json:"iss"`
	Subject    string   `json:"sub"`
	Audience   Audience `json:"aud"`
	IssuedAt   int64    `json:"iat"`
	Expires    int64    `json:"exp"`
	AuthTime   int64    `json:"auth_time,omitempty"`
	Nonce      string   `json:"nonce,omitempty"`
	ACR        string   `json:"acr,omitempty"`
	AMR        []string `json:"amr,omitempty"`
	Recovery   bool     `json:"recovery,omitempty"` // as in the access token
	AccessHash string   `json:"at_hash,omitempty"`
	SessionID  string   `json:"sid,omitempty"`
	OrgID      string   `json:"org_id,omitempty"`
}

// Scopes are the values of the scope claim.
func (c AccessClaims) Scopes() []string { return strings.Fields(c.Scope) }

// Audience is an `aud` claim: a string where it has one value, as RFC 7519 permits and many
// resource servers expect, else an array.
type Audience []string

// MarshalJSON implements json.Marshaler.
func (a Audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *Audience) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*a = Audience{""}
		return json.Unmarshal(b, &(*a)[0])
	}
	return json.Unmarshal(b, (*[]string)(a))
}
