package token

import (
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/google/uuid"
)

// What codes and refresh tokens begin with, so that a scanner that finds one in the wrong place
// knows what it is, and neither is taken for the other.
const (
	CodePrefix    = "vsc_"
	RefreshPrefix = "vsr_"
)

// RefreshPurpose is the purpose under which refresh tokens are hashed.
const RefreshPurpose = "refresh_token"

const (
	refreshHead = 16 + 8 // grant id, generation
	refreshMAC  = 32
)

// strict refuses other spellings of the same bytes.
var strict = base64.RawURLEncoding.Strict()

// NewCode returns a fresh authorization code: 256 random bits.
func NewCode() string {
	b := make([]byte, 32)
	rand.Read(b)
	return CodePrefix + strict.EncodeToString(b)
}

// Refresh is the refresh token of one generation of a grant. It is derived: the same grant and
// generation give the same token as long as hash rests on the same key (secret.Keys.Hash), so it
// is stored nowhere.
func Refresh(hash func(purpose, s string) []byte, grantID string, generation int64) (string, error) {
	id, err := uuid.Parse(grantID)
	if err != nil || id.String() != grantID {
		return "", errors.New("refresh token: the grant id is not a UUID in its usual form")
	}
	if generation < 1 {
		return "", fmt.Errorf("refresh token: generation %d", generation)
	}
	b := make([]byte, 0, refreshHead+refreshMAC)
	b = append(b, id[:]...)
	b = binary.BigEndian.AppendUint64(b, uint64(generation))
	mac := hash(RefreshPurpose, string(b))
	if len(mac) != refreshMAC {
		return "", fmt.Errorf("refresh token: the hash has %d bytes", len(mac))
	}
	return RefreshPrefix + strict.EncodeToString(append(b, mac...)), nil
}

// ParseRefresh reads a refresh token that we made: hashes (secret.Keys.Hashes) is asked for every
// key that is still in use. A token that we did not make is refused here, so that nobody can name
// a grant that was never given to them, let alone have it revoked by replaying old generations.
// Whether the generation is the one that is good now is the caller's question.
func ParseRefresh(hashes func(purpose, s string) [][]byte, token string) (grantID string, generation int64, err error) {
	encoded, ok := strings.CutPrefix(token, RefreshPrefix)
	if !ok || len(encoded) != strict.EncodedLen(refreshHead+refreshMAC) {
		return "", 0, fmt.Errorf("%w: not a refresh token", ErrInvalid)
	}
	b, err := strict.DecodeString(encoded)
	if err != nil || len(b) != refreshHead+refreshMAC {
		return "", 0, fmt.Errorf("%w: not a refresh token", ErrInvalid)
	}
	head, mac := b[:refreshHead], b[refreshHead:]
	authentic := false
	for _, h := range hashes(RefreshPurpose, string(head)) {
		if hmac.Equal(h, mac) {
			authentic = true
		}
	}
	unsigned := binary.BigEndian.Uint64(head[16:])
	if !authentic || unsigned < 1 || unsigned > math.MaxInt64 {
		return "", 0, fmt.Errorf("%w: not a refresh token of ours", ErrInvalid)
	}
	return uuid.UUID(head[:16]).String(), int64(unsigned), nil
}
