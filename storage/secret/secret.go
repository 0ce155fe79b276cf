// Package secret keeps secrets at rest: what must be read back is sealed, what only has to be
// recognised is hashed under a key.
//
// Both rest on the master keys of the deployment (VSEEID_MASTER_KEYS), which never reach a store.
// The first key seals and hashes what is new; every key opens and recognises what is old, so a key
// is rotated by putting a new one in front and dropping the old one when nothing rests on it.
package secret

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// KeyBytes is the length of a master key.
const KeyBytes = 32

// Keys seals, opens and hashes. It is safe for concurrent use.
type Keys struct {
	aead tink.AEAD
	macs [][]byte // newest first
}

// NewKey returns a fresh master key in the form that Parse reads.
func NewKey() string {
	b := make([]byte, KeyBytes)
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b)
}

// Parse reads master keys, newest first: base64 of 32 bytes each, separated by commas or white
// space. Its errors never quote the keys.
func Parse(spec string) (*Keys, error) {
	fields := strings.FieldsFunc(spec, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) })
	if len(fields) == 0 {
		return nil, errors.New("no master key given")
	}
	manager := keyset.NewManager()
	k := &Keys{}
	for i, f := range fields {
		raw, err := base64.StdEncoding.DecodeString(f)
		if err != nil || len(raw) != KeyBytes {
			return nil, fmt.Errorf("master key %d is not base64 of %d bytes", i+1, KeyBytes)
		}
		mac, err := hkdf.Key(sha256.New, raw, nil, "vseeid hash at rest", KeyBytes)
		if err != nil {
			return nil, err
		}
		id, err := addSealingKey(manager, raw)
		if err != nil {
			return nil, fmt.Errorf("master key %d: %w", i+1, err)
		}
		if i == 0 {
			if err := manager.SetPrimary(id); err != nil {
				return nil, err
			}
		}
		k.macs = append(k.macs, mac)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, err
	}
	k.aead, err = aead.New(handle)
	return k, err
}

// addSealingKey adds the AES-256-GCM key derived from a master key. Its id, which prefixes every
// sealed value, is derived from the key too, so that all instances agree on it.
func addSealingKey(m *keyset.Manager, master []byte) (uint32, error) {
	raw, err := hkdf.Key(sha256.New, master, nil, "vseeid seal at rest", KeyBytes)
	if err != nil {
		return 0, err
	}
	sum := sha256.Sum256(raw)
	params, err := aesgcm.NewParameters(aesgcm.ParametersOpts{
		KeySizeInBytes: KeyBytes, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink,
	})
	if err != nil {
		return 0, err
	}
	key, err := aesgcm.NewKey(
		secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}),
		binary.BigEndian.Uint32(sum[:4]), params)
	if err != nil {
		return 0, err
	}
	return m.AddKey(key)
}

// Seal encrypts plain so that it opens only beside the same associated data: the purpose and the
// row that it belongs to.
func (k *Keys) Seal(plain []byte, associated string) ([]byte, error) {
	return k.aead.Encrypt(plain, []byte(associated))
}

// Open is the inverse of Seal. It fails on any change to the value or to what it is beside.
func (k *Keys) Open(sealed []byte, associated string) ([]byte, error) {
	return k.aead.Decrypt(sealed, []byte(associated))
}

// Hash is a keyed SHA-256 of s under the newest key, for writing. Use it only on secrets of at
// least 128 random bits, or on what is worthless soon: whoever has the master key as well as the
// hash tries out what is shorter. The purpose keeps a secret of one kind from being looked up as another.
func (k *Keys) Hash(purpose, s string) []byte { return sum(k.macs[0], purpose, s) }

// Hashes is Hash under every key, newest first, for looking up. It is never empty.
func (k *Keys) Hashes(purpose, s string) [][]byte {
	out := make([][]byte, len(k.macs))
	for i, m := range k.macs {
		out[i] = sum(m, purpose, s)
	}
	return out
}

// Matches reports, in constant time for each key, whether hash is that of s.
func (k *Keys) Matches(hash []byte, purpose, s string) bool {
	found := false
	for _, m := range k.macs {
		if hmac.Equal(hash, sum(m, purpose, s)) {
			found = true
		}
	}
	return found
}

func sum(key []byte, purpose, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(purpose))
	h.Write([]byte{0})
	h.Write([]byte(s))
	return h.Sum(nil)
}
