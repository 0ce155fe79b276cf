package keys

import (
	"bytes"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// Signer signs tokens with one key. It is safe for concurrent use.
type Signer struct {
	KeyID     string
	Algorithm string
	byType    map[string]jose.Signer // by `typ`; a jose.Signer without a nonce source has no state
}

func newSigner(k Key, private crypto.Signer) (*Signer, error) {
	s := &Signer{KeyID: k.ID, Algorithm: k.Algorithm, byType: map[string]jose.Signer{}}
	for _, typ := range []string{TypeAccess, TypeID} {
		signer, err := jose.NewSigner(
			jose.SigningKey{
				Algorithm: jose.SignatureAlgorithm(k.Algorithm),
				Key:       jose.JSONWebKey{Key: private, KeyID: k.ID},
			},
			(&jose.SignerOptions{}).WithType(jose.ContentType(typ)))
		if err != nil {
			return nil, err
		}
		s.byType[typ] = signer
	}
	return s, nil
}

// Sign returns payload as a compact JWS whose header is alg, kid and typ, which is one of
// TypeAccess and TypeID.
func (s *Signer) Sign(typ string, payload []byte) (string, error) {
	signer, ok := s.byType[typ]
	if !ok {
		return "", fmt.Errorf("tokens of type %q are not signed here", typ)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", typ, err)
	}
	return signed.CompactSerialize()
}

// ErrInvalid says that a token is not one that this provider signed, or is of another type. What
// is wrong with it is said to nobody.
var ErrInvalid = errors.New("invalid token")

// maxToken bounds what is parsed before a signature is checked. Our own tokens stay far below.
const maxToken = 16 << 10

// Verify checks that token is a compact JWS of the given type by one of the published keys and
// returns its payload. Nothing in the payload is judged: expiry, issuer and audience are the
// caller's.
//
// The key is the one that has the token's kid, its algorithm is the only one accepted, and a
// header that says anything besides alg, kid and typ is refused unread. For TypeID an absent typ
// will do, as ID tokens need not have one.
func (r *Ring) Verify(token, typ string) ([]byte, error) {
	s := r.current.Load()
	if s == nil {
		return nil, errNotLoaded
	}
	if len(token) > maxToken || strings.ContainsAny(token, " \t\r\n") {
		return nil, ErrInvalid
	}
	l, ok := s.known[plainKeyID(token, typ)]
	if !ok {
		return nil, ErrInvalid
	}
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(l.key.Algorithm)})
	if err != nil {
		return nil, ErrInvalid
	}
	payload, err := signed.Verify(l.private.Public())
	if err != nil {
		return nil, ErrInvalid
	}
	return payload, nil
}

// plainKeyID returns the kid of a token whose header is of the type and has no parameter that our
// own tokens do not have, or else the empty string. It is what keeps jwk, jku, x5u, x5c and crit
// from being looked at at all.
func plainKeyID(token, typ string) string {
	first, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(first)
	if err != nil {
		return ""
	}
	var header struct {
		Algorithm string `json:"alg"` // judged by the library, against the algorithm of the key
		KeyID     string `json:"kid"`
		Type      string `json:"typ"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&header); err != nil {
		return ""
	}
	if header.Type == typ || (header.Type == "" && typ == TypeID) {
		return header.KeyID
	}
	return ""
}
