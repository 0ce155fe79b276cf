package keys_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
)

// store is the twin of the durable one.
type store struct {
	mu     sync.Mutex
	rows   []keys.Key
	events []storage.Event
	reads  int
	fail   error // of reads and writes
	full   error // of writes
}

func (s *store) SigningKeys(context.Context) ([]keys.Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	return slices.Clone(s.rows), s.fail
}

func (s *store) AddSigningKey(_ context.Context, k keys.Key, trail storage.Trail) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := errors.Join(s.fail, s.full); err != nil {
		return err
	}
	for _, have := range s.rows {
		if have.Algorithm == k.Algorithm && have.Generation == k.Generation {
			return storage.ErrConflict
		}
	}
	s.rows = append(s.rows, k)
	s.events = append(s.events, trail.Events...)
	return nil
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Add(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

func newRing(t testing.TB, s *store, now func() time.Time) *keys.Ring {
	t.Helper()
	r := keys.New(keys.Config{Store: s, Now: now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func sign(t testing.TB, r *keys.Ring, alg, typ, payload string) string {
	t.Helper()
	s, err := r.Signer(alg)
	if err != nil {
		t.Fatal(err)
	}
	token, err := s.Sign(typ, []byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func published(t testing.TB, r *keys.Ring) jose.JSONWebKeySet {
	t.Helper()
	raw, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	return set
}

func TestP44_JWKS(t *testing.T) {
	c := &clock{now: epoch}
	s := &store{}
	r := newRing(t, s, c.Now)
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}

	raw, err := r.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]any }
	if err := json.Unmarshal(raw, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 4 {
		t.Fatalf("%d keys published, want the signing and the next of two algorithms", len(set.Keys))
	}
	members := map[string][]string{
		"RS256": {"alg", "e", "kid", "kty", "n", "use"},
		"ES256": {"alg", "crv", "kid", "kty", "use", "x", "y"},
	}
	kids := map[any]bool{}
	for i, k := range published(t, r).Keys {
		var names []string
		for name := range set.Keys[i] {
			names = append(names, name)
		}
		slices.Sort(names)
		if want := members[k.Algorithm]; !slices.Equal(names, want) {
			t.Errorf("key %d has the members %q, want %q: public ones and no more", i, names, want)
		}
		if !k.IsPublic() || k.Use != "sig" {
			t.Errorf("key %d: public %v, use %q", i, k.IsPublic(), k.Use)
		}
		sum, err := k.Thumbprint(crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		if want := base64.RawURLEncoding.EncodeToString(sum); k.KeyID != want {
			t.Errorf("kid %q is not the RFC 7638 thumbprint %q", k.KeyID, want)
		}
		kids[k.KeyID] = true
	}
	if len(kids) != 4 {
		t.Errorf("%d distinct kids of 4", len(kids))
	}
}

func TestKeyCreatedEvent(t *testing.T) {
	s := &store{}
	newRing(t, s, func() time.Time { return epoch })
	if len(s.events) != 2 {
		t.Fatalf("%d events for two keys", len(s.events))
	}
	for i, e := range s.events {
		if e.Type != storage.KeyCreated || !e.At.Equal(epoch) || e.Detail["kid"] != s.rows[i].ID || e.Detail["alg"] != s.rows[i].Algorithm {
			t.Errorf("event %+v does not tell of key %s", e, s.rows[i].ID)
		}
	}
}

// TestInstancesAgree starts five instances at once on an empty store.
func TestInstancesAgree(t *testing.T) {
	s := &store{}
	rings := make([]*keys.Ring, 5)
	var wg sync.WaitGroup
	for i := range rings {
		rings[i] = keys.New(keys.Config{Store: s, Now: func() time.Time { return epoch }})
		wg.Go(func() {
			if err := rings[i].Load(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(s.rows) != 2 {
		t.Errorf("%d keys were made, want one of each algorithm", len(s.rows))
	}
	want, err := rings[0].JWKS()
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range rings {
		if got, err := r.JWKS(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("instance %d publishes %s (%v), want %s", i, got, err, want)
		}
		for _, alg := range []string{keys.RS256, keys.ES256} {
			if _, err := rings[0].Verify(sign(t, r, alg, keys.TypeID, `{}`), keys.TypeID); err != nil {
				t.Errorf("a token of instance %d, %s: %v", i, alg, err)
			}
		}
	}
}

// TestP44_RotationUnderLoad rotates while tokens are signed by one instance and verified by
// another that refreshes in its own time, and by a relying party that caches the JWKS.
func TestP44_RotationUnderLoad(t *testing.T) {
	c := &clock{now: epoch}
	s := &store{}
	signer, verifier := newRing(t, s, c.Now), newRing(t, s, c.Now)

	done := make(chan struct{})
	var wg sync.WaitGroup
	for _, alg := range []string{keys.RS256, keys.ES256} {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					if n == 0 {
						t.Error("nothing was signed")
					}
					return
				default:
				}
				token := sign(t, signer, alg, keys.TypeAccess, `{"n":1}`)
				if _, err := verifier.Verify(token, keys.TypeAccess); err != nil {
					t.Errorf("%s: %v", alg, err)
					return
				}
			}
		})
	}
	if err := signer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := published(t, signer).Keys
	cached := published(t, verifier)
	cachedAt := c.Now()
	signed := map[string]bool{}
	for c.Now().Before(epoch.Add(keys.ForcedLead + 10*time.Minute)) {
		now := c.Add(keys.RefreshInterval)
		if err := verifier.Refresh(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		if now.Sub(cachedAt) >= keys.CacheTime {
			cached, cachedAt = published(t, verifier), now
		}
		if err := signer.Refresh(t.Context(), now); err != nil {
			t.Fatal(err)
		}
		es, err := signer.Signer(keys.ES256)
		if err != nil {
			t.Fatal(err)
		}
		signed[es.KeyID] = true
		if len(cached.Key(es.KeyID)) != 1 {
			t.Fatalf("%s after the rotation a cached JWKS lacks the key that signs", now.Sub(epoch))
		}
	}
	close(done)
	wg.Wait()
	if len(signed) != 2 {
		t.Errorf("%d keys signed, want the old one and the new one", len(signed))
	}
	if got := published(t, signer).Keys; len(got) != len(before) {
		t.Errorf("%d keys published after the rotation, want the old ones too, %d", len(got), len(before))
	}
}

func TestSigningKeysRetire(t *testing.T) {
	c := &clock{now: epoch}
	s := &store{}
	r := newRing(t, s, c.Now)
	old := sign(t, r, keys.RS256, keys.TypeID, `{}`)
	if err := r.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		at   time.Duration
		want error
	}{
		{keys.ForcedLead, nil},
		{keys.ForcedLead + keys.Retain - time.Second, nil},
		{keys.ForcedLead + keys.Retain, keys.ErrInvalid},
	} {
		if err := r.Refresh(t.Context(), epoch.Add(tc.at)); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(old, keys.TypeID); !errors.Is(err, tc.want) {
			t.Errorf("after %s: %v, want %v", tc.at, err, tc.want)
		}
	}
}

func TestRefreshKeepsKeysWhenTheStoreFails(t *testing.T) {
	s := &store{}
	r := newRing(t, s, func() time.Time { return epoch })
	token := sign(t, r, keys.ES256, keys.TypeAccess, `{}`)
	s.fail = errors.New("connection refused")
	if err := r.Refresh(t.Context(), epoch.AddDate(1, 0, 0)); !errors.Is(err, s.fail) {
		t.Errorf("refresh: %v, want the store's error", err)
	}
	if err := r.Rotate(t.Context()); !errors.Is(err, s.fail) {
		t.Errorf("rotate: %v, want the store's error", err)
	}
	if _, err := r.Verify(token, keys.TypeAccess); err != nil {
		t.Errorf("verify with the keys at hand: %v", err)
	}
	sign(t, r, keys.ES256, keys.TypeAccess, `{}`)

	// What can be read is taken up even when the successor cannot be written.
	s.fail, s.full = nil, errors.New("read only")
	late := keys.New(keys.Config{Store: s, Now: func() time.Time { return epoch.AddDate(1, 0, 0) }})
	if err := late.Load(t.Context()); !errors.Is(err, s.full) {
		t.Errorf("load: %v, want the store's error", err)
	}
	if _, err := late.Verify(sign(t, late, keys.RS256, keys.TypeID, `{}`), keys.TypeID); err != nil {
		t.Errorf("verify with what could be read: %v", err)
	}
}

func TestLoadRefusesForeignKeys(t *testing.T) {
	good := &store{}
	newRing(t, good, func() time.Time { return epoch })
	for name, change := range map[string]func(rs, es *keys.Key){
		"id that is not the thumbprint": func(_, es *keys.Key) { es.ID = "kid-1" },
		"not a private key":             func(_, es *keys.Key) { es.Private = []byte("sealed") },
		"key of the other algorithm":    func(rs, es *keys.Key) { es.ID, es.Private = rs.ID, rs.Private },
	} {
		t.Run(name, func(t *testing.T) {
			rows := slices.Clone(good.rows)
			change(&rows[0], &rows[1])
			r := keys.New(keys.Config{Store: &store{rows: rows}, Now: func() time.Time { return epoch }})
			err := r.Load(t.Context())
			if err == nil {
				t.Fatal("the ring loaded it")
			}
			if strings.Contains(err.Error(), "sealed") {
				t.Errorf("the error shows the key: %v", err)
			}
			if _, err := r.Signer(keys.ES256); err == nil {
				t.Error("the ring signs")
			}
		})
	}
}

func TestRingBeforeLoad(t *testing.T) {
	r := keys.New(keys.Config{Store: &store{}})
	if _, err := r.JWKS(); err == nil {
		t.Error("it publishes")
	}
	if _, err := r.Signer(keys.RS256); err == nil {
		t.Error("it signs")
	}
	if _, err := r.Verify("a.b.c", keys.TypeID); err == nil {
		t.Error("it verifies")
	}
}

func TestSignerRefusesOtherTypesAndAlgorithms(t *testing.T) {
	r := newRing(t, &store{}, func() time.Time { return epoch })
	s, err := r.Signer(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Sign("logout+jwt", []byte(`{}`)); err == nil {
		t.Error("it signs a type that nobody asked it to know")
	}
	for _, alg := range []string{"", "none", "HS256", "ES384"} {
		if _, err := r.Signer(alg); err == nil {
			t.Errorf("it signs with %q", alg)
		}
	}
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		r := newRing(t, s, time.Now)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { r.Run(ctx); close(ended) }()

		reads := func() int { s.mu.Lock(); defer s.mu.Unlock(); return s.reads }
		before := reads()
		time.Sleep(keys.RefreshInterval + time.Second)
		if got := reads(); got != before+1 {
			t.Errorf("%d reads in a minute, want 1", got-before)
		}
		s.mu.Lock()
		s.fail = errors.New("gone")
		s.mu.Unlock()
		time.Sleep(keys.RefreshInterval)
		if got := reads(); got != before+2 {
			t.Errorf("%d reads in two minutes, want 2: a failure does not end it", got-before)
		}
		cancel()
		<-ended
	})
}
