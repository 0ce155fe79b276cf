// Package password hashes and verifies passwords, and says which may be set.
//
// What is new is argon2id, written as a PHC string. What was imported (bcrypt, scrypt, PBKDF2,
// other argon2) is verified as it is and hashed anew at the first sign-in, as is every hash whose
// cost is not the configured one: so all hashes come to cost the same.
//
// # What it costs, and who can tell
//
// One hash takes tens of milliseconds of a core and, at the default, 19 MiB. As many are under way
// as there are slots; a bounded number waits, for a bounded time; everyone else gets ErrBusy at
// once. So a flood of sign-ins costs memory that is known beforehand.
//
// A person whom nobody knows is verified against a hash that nobody's password has, at the same
// cost. An input over MaxBytes or MaxCodePoints matches nothing and is not hashed: that shows the
// asker the length of the asker's own input, before anything about a person is looked at. A hash
// that was imported does cost another time until its first sign-in.
package password

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// The longest password. 256 code points are never more than 1 KiB, whatever the script.
const (
	MaxBytes      = 1024
	MaxCodePoints = 256
)

var (
	// ErrBusy says that too many hashes are waiting already, or that this one waited too long.
	// It says nothing about the password: try again in a moment.
	ErrBusy = errors.New("too many passwords are being verified")

	// ErrHash says that a stored hash is damaged, of an unknown kind, or beyond the cost that
	// an imported hash may have. It never quotes the hash.
	ErrHash = errors.New("unusable password hash")
)

// Config says what a hash costs and how many are made at once. The zero Config is the default.
type Config struct {
	Memory   uint32 // of argon2id, in KiB; 0: 19456 (19 MiB, OWASP's floor)
	Time     uint32 // passes; 0: 2
	Parallel uint8  // lanes; 0: 1

	Slots int           // hashes under way at once; 0: one for each core
	Queue int           // how many more may wait; 0: 32 for each slot; negative: none
	Wait  time.Duration // how long one may wait; 0: 3 s
}

// Hasher hashes and verifies. It is safe for concurrent use.
type Hasher struct {
	cost    cost
	dummy   string // a hash that no password has
	slots   chan struct{}
	queue   int64
	waiting atomic.Int64
	wait    time.Duration
}

// New returns a Hasher. It refuses a cost beyond what Verify would accept of an imported hash.
func New(c Config) (*Hasher, error) {
	h := &Hasher{
		cost: cost{memory: c.Memory, time: c.Time, parallel: c.Parallel},
		wait: c.Wait,
	}
	if h.cost.memory == 0 {
		h.cost.memory = 19 * 1024
	}
	if h.cost.time == 0 {
		h.cost.time = 2
	}
	if h.cost.parallel == 0 {
		h.cost.parallel = 1
	}
	if h.wait == 0 {
		h.wait = 3 * time.Second
	}
	slots := c.Slots
	if slots <= 0 {
		slots = runtime.GOMAXPROCS(0)
	}
	h.slots = make(chan struct{}, slots)
	switch {
	case c.Queue == 0:
		h.queue = int64(32 * slots)
	case c.Queue > 0:
		h.queue = int64(c.Queue)
	}
	if !h.cost.bounded() {
		return nil, fmt.Errorf("argon2id with %d KiB, %d passes, %d lanes is out of bounds: at most %d KiB, %d passes and %d lanes, and at least 8 KiB a lane",
			h.cost.memory, h.cost.time, h.cost.parallel, maxMemory, maxTime, maxParallel)
	}
	h.dummy = h.cost.nobody()
	return h, nil
}

// Hash returns the hash of a password to be stored. It checks nothing but the length: what may be
// set is for Rules.Check.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	input, ok := normalize(password)
	if !ok {
		return "", ErrLong
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	return h.cost.hash(input), nil
}

// Verify reports whether password is the one that hash was made of. An empty hash is that of a
// person who is unknown or has no password: it costs as much, and nothing matches.
//
// When the password is right and the hash is not what Hash would write today, upgraded is a new
// hash of it to be stored in place of the old; otherwise it is empty.
//
// The error is ErrBusy, ErrHash or that of the context.
func (h *Hasher) Verify(ctx context.Context, hash, password string) (ok bool, upgraded string, err error) {
	input, ok := normalize(password)
	if !ok {
		return false, "", nil
	}
	known := hash != ""
	if !known {
		hash = h.dummy
	}
	d, err := parse(hash)
	if err != nil {
		return false, "", err
	}
	release, err := h.acquire(ctx)
	if err != nil {
		return false, "", err
	}
	defer release()
	match, err := d.match(input)
	if err != nil {
		return false, "", err
	}
	if !match || !known {
		return false, "", nil
	}
	if !d.current(h.cost) {
		upgraded = h.cost.hash(input)
	}
	return true, upgraded, nil
}

// acquire takes a slot, in the order of asking.
func (h *Hasher) acquire(ctx context.Context) (release func(), err error) {
	release = func() { <-h.slots }
	select {
	case h.slots <- struct{}{}:
		return release, nil
	default:
	}
	if h.waiting.Add(1) > h.queue {
		h.waiting.Add(-1)
		return nil, ErrBusy
	}
	defer h.waiting.Add(-1)
	timer := time.NewTimer(h.wait)
	defer timer.Stop()
	select {
	case h.slots <- struct{}{}:
		return release, nil
	case <-timer.C:
		return nil, ErrBusy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// normalize returns the password in the form that is hashed: NFC, so that a letter typed as one
// code point on one keyboard and as two on another is the same letter. It is false for what is too
// long; the bytes are counted first, so that the work is bounded.
func normalize(password string) ([]byte, bool) {
	if len(password) > MaxBytes {
		return nil, false
	}
	out := norm.NFC.Bytes([]byte(password))
	return out, utf8.RuneCount(out) <= MaxCodePoints
}
