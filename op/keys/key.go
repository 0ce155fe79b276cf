// Package keys holds the keys that sign the provider's tokens.
//
// Of each algorithm there is one key that signs, at times a next one that is already published,
// and for a while the retired ones. Who does what follows from the stored keys and the time alone
// (Plan), so any number of instances that share a store agree without talking to each other:
//
//	published ──lead──▶ signs ──────active──────▶ retired ──retain──▶ forgotten
//
// A Ring keeps the outcome ready for use and renews it every minute.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vsee/vseeid/storage"
)

// The algorithms that the provider signs with.
const (
	RS256 = string(jose.RS256) // what every OpenID Connect client has to understand
	ES256 = string(jose.ES256) // access tokens, and ID tokens of clients that register it
)

// algorithms in the order in which they are published.
var algorithms = []string{RS256, ES256}

// rsaBits is what OpenID Connect clients are known to take. 3072 bits would make a signature cost
// three times as much (2.3 ms against 0.7 ms), a good part of what a whole sign-in may cost beside
// its password hash. 2048 bits are 112 bits of strength, enough for keys that sign for months and
// tokens that live for minutes; a client that wants 128 registers ES256.
const rsaBits = 2048

// Key is a signing key as it is stored.
type Key struct {
	ID         string // `kid`: the RFC 7638 thumbprint of the public key
	Algorithm  string // RS256 or ES256
	Private    []byte // PKCS#8 DER; the store seals it at rest
	Generation int64  // 1, 2, …; unique for each algorithm
	Created    time.Time
	ActiveFrom time.Time // it signs from here until a successor's ActiveFrom
	Expires    time.Time // when a successor is to take over; an expired key signs on until one does
}

// Store keeps signing keys, durably.
type Store interface {
	// SigningKeys lists all of them, in any order.
	SigningKeys(ctx context.Context) ([]Key, error)
	// AddSigningKey inserts k. ErrConflict: its generation of its algorithm is taken.
	AddSigningKey(ctx context.Context, k Key, trail storage.Trail) error
}

// generate makes the private part of a key that was planned.
func (m Missing) generate(now time.Time) (Key, error) {
	var private crypto.Signer
	var err error
	switch m.Algorithm {
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		err = fmt.Errorf("no key is made for algorithm %q", m.Algorithm)
	}
	if err != nil {
		return Key{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return Key{}, err
	}
	id, err := thumbprint(private.Public())
	if err != nil {
		return Key{}, err
	}
	return Key{
		ID: id, Algorithm: m.Algorithm, Private: der, Generation: m.Generation,
		Created: now, ActiveFrom: m.ActiveFrom, Expires: m.Expires,
	}, nil
}

// parse reads the private part of k and checks that k is what it says it is.
func (k Key) parse() (crypto.Signer, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		// The parser's own words may describe the key.
		return nil, errors.New("private key is not PKCS#8")
	}
	fits := false
	switch p := parsed.(type) {
	case *rsa.PrivateKey:
		fits = k.Algorithm == RS256 && p.N.BitLen() >= rsaBits
	case *ecdsa.PrivateKey:
		fits = k.Algorithm == ES256 && p.Curve == elliptic.P256()
	}
	if !fits {
		return nil, fmt.Errorf("private key does not fit algorithm %q", k.Algorithm)
	}
	private := parsed.(crypto.Signer) // both of the types above are
	id, err := thumbprint(private.Public())
	if err != nil {
		return nil, err
	}
	if id != k.ID {
		return nil, errors.New("key id is not the thumbprint of the key")
	}
	return private, nil
}

func thumbprint(public crypto.PublicKey) (string, error) {
	sum, err := (&jose.JSONWebKey{Key: public}).Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
