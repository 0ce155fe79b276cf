package token

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/op/keys"
)

// Access mints an access token: a JWT of RFC 9068, signed with ES256, good for in.Lifetime.
func Access(ring *keys.Ring, in Input, now time.Time) (string, error) {
	if err := in.check(in.GrantID != ""); err != nil {
		return "", fmt.Errorf("access token: %w", err)
	}
	audience := Audience(in.Audiences)
	if len(audience) == 0 {
		audience = Audience{in.Issuer}
	}
	return sign(ring, keys.ES256, keys.TypeAccess, AccessClaims{
		Issuer:    in.Issuer,
		Subject:   in.Subject,
		Audience:  audience,
		ClientID:  in.ClientID,
		Scope:     strings.Join(in.Scopes, " "),
		ID:        rand.Text(),
		IssuedAt:  now.Unix(),
		Expires:   now.Add(in.Lifetime).Unix(),
		AuthTime:  seconds(in.AuthTime),
		ACR:       in.ACR,
		AMR:       in.AMR,
		Recovery:  in.Recovered,
		SessionID: in.SessionID,
		OrgID:     in.OrgID,
		GrantID:   in.GrantID,
	})
}

// ID mints an ID token for the client, good for in.Lifetime. accessToken is the one that goes with
// it (`at_hash`); empty when none does.
func ID(ring *keys.Ring, in Input, accessToken string, now time.Time) (string, error) {
	if err := in.check(true); err != nil {
		return "", fmt.Errorf("id token: %w", err)
	}
	alg := in.IDAlg
	if alg == "" {
		alg = keys.RS256
	}
	claims := IDClaims{
		Issuer:    in.Issuer,
		Subject:   in.Subject,
		Audience:  Audience{in.ClientID},
		IssuedAt:  now.Unix(),
		Expires:   now.Add(in.Lifetime).Unix(),
		AuthTime:  seconds(in.AuthTime),
		Nonce:     in.Nonce,
		ACR:       in.ACR,
		AMR:       in.AMR,
		Recovery:  in.Recovered,
		SessionID: in.SessionID,
		OrgID:     in.OrgID,
	}
	if accessToken != "" {
		var err error
		if claims.AccessHash, err = oidc.ClaimHash(accessToken, jose.SignatureAlgorithm(alg)); err != nil {
			return "", fmt.Errorf("id token: %w", err)
		}
	}
	return sign(ring, alg, keys.TypeID, claims)
}

// check refuses what would make a token that says less or other than it should. Of a person every
// token says how the sign-in was done.
func (in Input) check(person bool) error {
	switch {
	case in.Issuer == "" || in.Subject == "" || in.ClientID == "":
		return errors.New("issuer, subject and client have to be given")
	case in.Lifetime < time.Second:
		return errors.New("lifetime has to be given")
	case person && (in.ACR == "" || len(in.AMR) == 0 || in.AuthTime.IsZero()):
		return errors.New("acr, amr and auth_time of a person have to be given")
	case !utf8.ValidString(in.Nonce):
		// JSON would carry another nonce than the one that came.
		return errors.New("nonce is not UTF-8")
	}
	return nil
}

func sign(ring *keys.Ring, alg, typ string, claims any) (string, error) {
	signer, err := ring.Signer(alg)
	if err != nil {
		return "", err
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode claims: %w", err)
	}
	return signer.Sign(typ, payload)
}

// seconds is t as NumericDate, 0 for none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
