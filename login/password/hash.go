package password

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/go-crypt/crypt/algorithm"
	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"golang.org/x/crypto/argon2"
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// What a hash may cost at most. An import is data from elsewhere: without bounds one row could ask
// for 4 GiB and minutes, at every attempt that anyone makes on it.
const (
	maxEncoded  = 512        // bytes of a PHC string
	maxMemory   = 256 * 1024 // KiB
	maxTime     = 16
	maxParallel = 16
	maxWork     = 1024 * 1024 // KiB written in all, memory × passes: about a second

	maxBcrypt     = 14        // cost, about a second
	maxScrypt     = 256 << 20 // bytes
	maxScryptWork = 512 << 20 // bytes written in all
	maxPBKDF2     = 2_000_000 // iterations, about half a second
)

// bcryptBytes is how much of its input bcrypt reads.
const bcryptBytes = 72

// digest is a parsed hash.
type digest interface {
	// match reports whether the hash is of input.
	match(input []byte) (bool, error)
	// current reports whether the hash is what c would write.
	current(c cost) bool
}

// parse reads a PHC string, or bcrypt's own form, and refuses what is beyond the bounds.
func parse(encoded string) (digest, error) {
	if len(encoded) > maxEncoded {
		return nil, fmt.Errorf("%w: too long", ErrHash)
	}
	parts := strings.Split(encoded, "$")
	if len(parts) < 4 || parts[0] != "" {
		return nil, fmt.Errorf("%w: not a PHC string", ErrHash)
	}
	switch parts[1] {
	case "argon2id", "argon2i":
		return parseArgon2(parts[1:])
	case "2a", "2b", "2y":
		n, err := number(parts[2])
		if err != nil || n < 4 || n > maxBcrypt {
			return nil, fmt.Errorf("%w: the cost of bcrypt", ErrHash)
		}
		return decode("bcrypt", encoded, bcrypt.Decode, bcryptBytes)
	case "scrypt":
		if err := boundScrypt(parts); err != nil {
			return nil, err
		}
		return decode("scrypt", encoded, scrypt.DecodeVariant(scrypt.VariantScrypt), math.MaxInt)
	case "pbkdf2", "pbkdf2-sha1", "pbkdf2-sha256", "pbkdf2-sha512":
		n, err := number(parts[2])
		if err != nil || n < 1 || n > maxPBKDF2 || len(parts) != 5 || len(parts[4]) > 86 {
			return nil, fmt.Errorf("%w: the cost of PBKDF2", ErrHash)
		}
		return decode("pbkdf2", encoded, pbkdf2.Decode, math.MaxInt)
	}
	return nil, fmt.Errorf("%w: an unknown scheme", ErrHash)
}

// imported is a hash of another scheme.
type imported struct {
	algorithm.Digest
	name  string
	reads int // bytes of the input that the scheme reads
}

func decode(name, encoded string, with algorithm.DecodeFunc, reads int) (digest, error) {
	d, err := with(encoded)
	if err != nil {
		// The library's error may quote the hash.
		return nil, fmt.Errorf("%w: not %s", ErrHash, name)
	}
	if len(d.Salt()) == 0 || len(d.Key()) < 16 {
		return nil, fmt.Errorf("%w: a salt or key too short for %s", ErrHash, name)
	}
	return imported{Digest: d, name: name, reads: reads}, nil
}

// match never accepts an input that the scheme reads only the beginning of: two passwords that
// differ behind it would be one.
func (d imported) match(input []byte) (bool, error) {
	ok, err := d.MatchBytesAdvanced(input)
	if err != nil {
		return false, fmt.Errorf("%w: %s", ErrHash, d.name)
	}
	return ok && len(input) <= d.reads, nil
}

func (imported) current(cost) bool { return false }

func boundScrypt(parts []string) error {
	if len(parts) != 5 {
		return fmt.Errorf("%w: not scrypt", ErrHash)
	}
	p, err := parameters(parts[2], "ln", "r", "p")
	if err != nil {
		return err
	}
	ln, r, lanes := p[0], p[1], p[2]
	if ln < 1 || ln > 20 || r < 1 || r > 64 || lanes < 1 || lanes > maxParallel || len(parts[4]) > 86 {
		return fmt.Errorf("%w: the cost of scrypt", ErrHash)
	}
	if bytes := 128 * r << ln; bytes > maxScrypt || bytes*lanes > maxScryptWork {
		return fmt.Errorf("%w: the cost of scrypt", ErrHash)
	}
	return nil
}

// cost is what argon2 is asked for.
type cost struct {
	memory   uint32 // KiB
	time     uint32
	parallel uint8
}

func (c cost) bounded() bool {
	return c.time >= 1 && c.time <= maxTime && c.parallel >= 1 && c.parallel <= maxParallel &&
		c.memory >= 8*uint32(c.parallel) && c.memory <= maxMemory &&
		uint64(c.memory)*uint64(c.time) <= maxWork
}

// hash returns the PHC string of input with a fresh salt.
func (c cost) hash(input []byte) string {
	salt := make([]byte, saltBytes)
	rand.Read(salt)
	return c.encode(salt, argon2.IDKey(input, salt, c.time, c.memory, c.parallel, keyBytes))
}

// nobody returns a PHC string that costs as much to verify as any other and that no password has:
// its key was drawn, not computed. To draw it takes no time and no memory.
func (c cost) nobody() string {
	random := make([]byte, saltBytes+keyBytes)
	rand.Read(random)
	return c.encode(random[:saltBytes], random[saltBytes:])
}

func (c cost) encode(salt, key []byte) string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, c.memory, c.time, c.parallel, b64.EncodeToString(salt), b64.EncodeToString(key))
}

// argon2Hash is ours, and argon2 of elsewhere.
type argon2Hash struct {
	cost
	id        bool // argon2id, as opposed to argon2i
	salt, key []byte
}

// parseArgon2 reads what stands behind the first "$": scheme, version, cost, salt, key.
func parseArgon2(parts []string) (digest, error) {
	if len(parts) != 5 || parts[1] != "v="+strconv.Itoa(argon2.Version) {
		return nil, fmt.Errorf("%w: not argon2 of version 1.3", ErrHash)
	}
	p, err := parameters(parts[2], "m", "t", "p")
	if err != nil {
		return nil, err
	}
	if p[0] > maxMemory || p[1] > maxTime || p[2] > maxParallel {
		return nil, fmt.Errorf("%w: the cost of argon2", ErrHash)
	}
	h := argon2Hash{
		cost: cost{memory: uint32(p[0]), time: uint32(p[1]), parallel: uint8(p[2])},
		id:   parts[0] == "argon2id",
	}
	if !h.bounded() {
		return nil, fmt.Errorf("%w: the cost of argon2", ErrHash)
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.DecodeString(parts[3])
	h.key, keyErr = base64.RawStdEncoding.DecodeString(parts[4])
	if saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.key) < 16 || len(h.key) > 64 {
		return nil, fmt.Errorf("%w: the salt or the key of argon2", ErrHash)
	}
	return h, nil
}

func (h argon2Hash) match(input []byte) (bool, error) {
	derive := argon2.Key
	if h.id {
		derive = argon2.IDKey
	}
	key := derive(input, h.salt, h.time, h.memory, h.parallel, uint32(len(h.key)))
	return subtle.ConstantTimeCompare(key, h.key) == 1, nil
}

func (h argon2Hash) current(c cost) bool {
	return h.id && h.cost == c && len(h.salt) >= saltBytes && len(h.key) == keyBytes
}

// parameters reads "a=1,b=2,c=3" with exactly the given names, in any order.
func parameters(s string, names ...string) ([]int, error) {
	out := make([]int, len(names))
	fields := strings.Split(s, ",")
	if len(fields) != len(names) {
		return nil, fmt.Errorf("%w: its parameters", ErrHash)
	}
	seen := 0
	for i, name := range names {
		for _, f := range fields {
			if v, ok := strings.CutPrefix(f, name+"="); ok {
				n, err := number(v)
				if err != nil {
					return nil, err
				}
				out[i] = n
				seen++
				break
			}
		}
	}
	if seen != len(names) {
		return nil, fmt.Errorf("%w: its parameters", ErrHash)
	}
	return out, nil
}

// number reads a small decimal without sign.
func number(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%w: a parameter", ErrHash)
	}
	return int(n), nil
}
