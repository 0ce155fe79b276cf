package keys

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vsee/vseeid/storage"
)

// The `typ` headers of the tokens that the provider signs.
const (
	TypeAccess = "at+jwt" // RFC 9068
	TypeID     = "JWT"
)

// Config is what a Ring needs.
type Config struct {
	Store Store
	Now   func() time.Time // nil: time.Now
	Log   *slog.Logger     // nil: slog.Default()
}

// Ring holds the keys ready for use. Signing and verifying read one immutable snapshot and never
// wait for anything; only Load, Refresh and Rotate touch the store. It is safe for concurrent use.
type Ring struct {
	store   Store
	now     func() time.Time
	log     *slog.Logger
	current atomic.Pointer[snapshot]

	mu sync.Mutex // one refresh at a time
}

// snapshot is never changed once it is published.
type snapshot struct {
	signers map[string]*Signer // by algorithm
	known   map[string]*loaded // by kid: those that are published
	jwks    []byte
}

// loaded is a published key, parsed.
type loaded struct {
	key     Key
	private crypto.Signer
	signer  *Signer
}

// errNotLoaded says that Load has not succeeded yet.
var errNotLoaded = errors.New("signing keys are not loaded")

// maxAttempts bounds how often a refresh starts over because another instance was first.
const maxAttempts = 5

// New returns an empty ring. Load it before use.
func New(c Config) *Ring {
	r := &Ring{store: c.Store, now: c.Now, log: c.Log}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	return r
}

// Load reads the keys, and makes those that are missing. Without an error the ring can sign and
// verify from now on.
func (r *Ring) Load(ctx context.Context) error { return r.Refresh(ctx, r.now()) }

// Refresh brings the ring to the state of now: it reads the store, makes the keys that the plan
// misses, and swaps the snapshot. When it fails the ring goes on with the keys that it has, or
// with those that it could read.
func (r *Ring) Refresh(ctx context.Context, now time.Time) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.refresh(ctx, now)
}

// Rotate makes a next key for every algorithm at once, for an operator who will not wait for the
// ordinary rotation. It signs after ForcedLead, on every instance.
func (r *Ring) Rotate(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	stored, err := r.store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("read signing keys: %w", err)
	}
	for _, m := range forced(stored, now) {
		// A conflict means that another rotation of this moment was first, which will do.
		if err := r.add(ctx, m, now); err != nil && !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	return r.refresh(ctx, now)
}

// Run refreshes the ring every RefreshInterval until ctx is done. A failure is logged and tried
// again: the keys at hand stay good meanwhile.
func (r *Ring) Run(ctx context.Context) {
	tick := time.NewTicker(RefreshInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := r.Refresh(ctx, r.now()); err != nil && ctx.Err() == nil {
				r.log.ErrorContext(ctx, "signing keys were not refreshed", "error", err)
			}
		}
	}
}

func (r *Ring) refresh(ctx context.Context, now time.Time) error {
	for range maxAttempts {
		stored, err := r.store.SigningKeys(ctx)
		if err != nil {
			return fmt.Errorf("read signing keys: %w", err)
		}
		plan := PlanAt(stored, now)
		if len(plan.Missing) == 0 {
			return r.install(plan)
		}
		for _, m := range plan.Missing {
			err := r.add(ctx, m, now)
			switch {
			case errors.Is(err, storage.ErrConflict):
				// Another instance made it: the next round reads it.
			case err != nil:
				if len(plan.Signing) == len(algorithms) {
					err = errors.Join(err, r.install(plan))
				}
				return err
			}
		}
	}
	return fmt.Errorf("signing keys: %w %d times in a row", storage.ErrConflict, maxAttempts)
}

func (r *Ring) add(ctx context.Context, m Missing, now time.Time) error {
	k, err := m.generate(now)
	if err != nil {
		return err
	}
	err = r.store.AddSigningKey(ctx, k, storage.With(storage.Event{
		At: now, Type: storage.KeyCreated,
		Detail: map[string]string{
			"kid": k.ID, "alg": k.Algorithm, "active_from": k.ActiveFrom.UTC().Format(time.RFC3339),
		},
	}))
	if err != nil {
		return fmt.Errorf("add signing key %s generation %d: %w", k.Algorithm, k.Generation, err)
	}
	return nil
}

// install makes plan what the ring works with. What was parsed before is used again: a private key
// is worth a millisecond of checks.
func (r *Ring) install(plan Plan) error {
	before := r.current.Load()
	s := &snapshot{signers: map[string]*Signer{}, known: map[string]*loaded{}}
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	for _, k := range plan.Published {
		l, err := before.reuse(k)
		if err != nil {
			return fmt.Errorf("signing key %s generation %d: %w", k.Algorithm, k.Generation, err)
		}
		s.known[k.ID] = l
		if plan.Signing[k.Algorithm].ID == k.ID {
			s.signers[k.Algorithm] = l.signer
		}
		set.Keys = append(set.Keys, jose.JSONWebKey{
			Key: l.private.Public(), KeyID: k.ID, Algorithm: k.Algorithm, Use: "sig",
		})
	}
	if slices.ContainsFunc(algorithms, func(alg string) bool { return s.signers[alg] == nil }) {
		return errors.New("signing keys: an algorithm has no key to sign with")
	}
	var err error
	if s.jwks, err = json.Marshal(set); err != nil {
		return fmt.Errorf("signing keys: %w", err)
	}
	r.current.Store(s)
	return nil
}

func (s *snapshot) reuse(k Key) (*loaded, error) {
	if s != nil {
		if l, ok := s.known[k.ID]; ok && l.key.Algorithm == k.Algorithm {
			return l, nil
		}
	}
	private, err := k.parse()
	if err != nil {
		return nil, err
	}
	signer, err := newSigner(k, private)
	if err != nil {
		return nil, err
	}
	return &loaded{key: k, private: private, signer: signer}, nil
}

// JWKS is the JSON Web Key Set of the published keys: public parts only. The bytes are shared and
// must not be changed.
func (r *Ring) JWKS() ([]byte, error) {
	s := r.current.Load()
	if s == nil {
		return nil, errNotLoaded
	}
	return s.jwks, nil
}

// Signer returns what signs for the algorithm now. Use it for one token and ask again for the
// next: the key behind it retires.
func (r *Ring) Signer(algorithm string) (*Signer, error) {
	s := r.current.Load()
	if s == nil {
		return nil, errNotLoaded
	}
	signer, ok := s.signers[algorithm]
	if !ok {
		return nil, fmt.Errorf("no signing key for algorithm %q", algorithm)
	}
	return signer, nil
}
