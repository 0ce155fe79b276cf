package token

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/vsee/vseeid/op/keys"
)

// ErrInvalid says that a token is not ours, not of the kind that was asked for, or not good now.
// What wraps it says which, in words that are fit for a log and hold nothing of the token.
var ErrInvalid = errors.New("invalid token")

// ParseAccess reads one of our access tokens that is good at now. The audience is left to the
// caller, and so is whether the grant behind it still lives.
func ParseAccess(ring *keys.Ring, token, issuer string, now time.Time) (AccessClaims, error) {
	var c AccessClaims
	if err := open(ring, token, keys.TypeAccess, &c); err != nil {
		return AccessClaims{}, err
	}
	switch {
	case c.Issuer != issuer:
		return AccessClaims{}, fmt.Errorf("%w: of another issuer", ErrInvalid)
	case c.Subject == "" || c.ClientID == "" || c.ID == "" || len(c.Audience) == 0:
		return AccessClaims{}, fmt.Errorf("%w: a claim is missing", ErrInvalid)
	case now.Unix() >= c.Expires:
		return AccessClaims{}, fmt.Errorf("%w: expired", ErrInvalid)
	case c.NotBefore != 0 && now.Add(skew).Unix() < c.NotBefore, now.Add(skew).Unix() < c.IssuedAt:
		return AccessClaims{}, fmt.Errorf("%w: not good yet", ErrInvalid)
	}
	return c, nil
}

// skew is how far the clock of another instance may be ahead.
const skew = time.Minute

// ParseHint reads one of our ID tokens that a client sends back as id_token_hint, expired or not,
// as long as the key that signed it is published.
func ParseHint(ring *keys.Ring, token, issuer string) (IDClaims, error) {
	var c IDClaims
	if err := open(ring, token, keys.TypeID, &c); err != nil {
		return IDClaims{}, err
	}
	switch {
	case c.Issuer != issuer:
		return IDClaims{}, fmt.Errorf("%w: of another issuer", ErrInvalid)
	case c.Subject == "" || len(c.Audience) == 0:
		return IDClaims{}, fmt.Errorf("%w: a claim is missing", ErrInvalid)
	}
	return c, nil
}

func open(ring *keys.Ring, token, typ string, claims any) error {
	payload, err := ring.Verify(token, typ)
	if err != nil {
		return fmt.Errorf("%w: signature", ErrInvalid)
	}
	if err := json.Unmarshal(payload, claims); err != nil {
		return fmt.Errorf("%w: claims", ErrInvalid)
	}
	return nil
}
