package keys_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/op/keys"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// named makes what a plan misses into a stored key without the cost of a real one.
func named(m keys.Missing, now time.Time) keys.Key {
	return keys.Key{
		ID: fmt.Sprintf("%s-%d", m.Algorithm, m.Generation), Algorithm: m.Algorithm, Generation: m.Generation,
		Created: now, ActiveFrom: m.ActiveFrom, Expires: m.Expires,
	}
}

func key(alg string, generation int64, from time.Time) keys.Key {
	return named(keys.Missing{Algorithm: alg, Generation: generation, ActiveFrom: from, Expires: from.Add(keys.Active)}, from)
}

func TestPlanAt(t *testing.T) {
	// The other algorithm is always in order, so that each case is about ES256.
	rs := key(keys.RS256, 1, epoch)
	first := key(keys.ES256, 1, epoch)
	second := key(keys.ES256, 2, first.Expires)
	third := key(keys.ES256, 3, second.ActiveFrom.Add(-time.Hour)) // forced while the second waited

	for _, tc := range []struct {
		name      string
		stored    []keys.Key
		now       time.Time
		signing   string
		published []string
		missing   []keys.Missing
	}{
		{
			name: "nothing stored: the first key signs at once", now: epoch,
			missing: []keys.Missing{{Algorithm: keys.ES256, Generation: 1, ActiveFrom: epoch, Expires: epoch.Add(keys.Active)}},
		},
		{
			name: "one key", stored: []keys.Key{first}, now: epoch,
			signing: first.ID, published: []string{first.ID},
		},
		{
			name: "a clock behind the one that made the first key", stored: []keys.Key{first}, now: epoch.Add(-time.Minute),
			signing: first.ID, published: []string{first.ID},
		},
		{
			name: "a moment before the next one is due", stored: []keys.Key{first}, now: first.Expires.Add(-keys.Lead - time.Second),
			signing: first.ID, published: []string{first.ID},
		},
		{
			name: "the next one is due", stored: []keys.Key{first}, now: first.Expires.Add(-keys.Lead),
			signing: first.ID, published: []string{first.ID},
			missing: []keys.Missing{{Algorithm: keys.ES256, Generation: 2, ActiveFrom: first.Expires, Expires: first.Expires.Add(keys.Active)}},
		},
		{
			name: "the next one waits, whatever the order of the rows", stored: []keys.Key{second, first}, now: second.ActiveFrom.Add(-time.Second),
			signing: first.ID, published: []string{first.ID, second.ID},
		},
		{
			name: "it takes over to the second", stored: []keys.Key{first, second}, now: second.ActiveFrom,
			signing: second.ID, published: []string{first.ID, second.ID},
		},
		{
			name: "the retired one stays", stored: []keys.Key{first, second}, now: second.ActiveFrom.Add(keys.Retain - time.Second),
			signing: second.ID, published: []string{first.ID, second.ID},
		},
		{
			name: "and goes", stored: []keys.Key{first, second}, now: second.ActiveFrom.Add(keys.Retain),
			signing: second.ID, published: []string{second.ID},
		},
		{
			name: "asleep for a year: the old one signs until the new one was published long enough", stored: []keys.Key{first}, now: epoch.AddDate(1, 0, 0),
			signing: first.ID, published: []string{first.ID},
			missing: []keys.Missing{{
				Algorithm: keys.ES256, Generation: 2,
				ActiveFrom: epoch.AddDate(1, 0, 0).Add(keys.ForcedLead), Expires: epoch.AddDate(1, 0, 0).Add(keys.ForcedLead + keys.Active),
			}},
		},
		{
			name: "a forced key signs before the one that was planned", stored: []keys.Key{first, second, third}, now: third.ActiveFrom,
			signing: third.ID, published: []string{first.ID, third.ID, second.ID},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			rs := rs
			rs.Expires = tc.now.Add(keys.Active)
			p := keys.PlanAt(append(tc.stored, rs), tc.now)
			if got := p.Signing[keys.ES256].ID; got != tc.signing {
				t.Errorf("signing: %q, want %q", got, tc.signing)
			}
			var published []string
			for _, k := range p.Published {
				if k.Algorithm == keys.ES256 {
					published = append(published, k.ID)
				}
			}
			if d := cmp.Diff(tc.published, published); d != "" {
				t.Errorf("published (-want +got):\n%s", d)
			}
			if d := cmp.Diff(tc.missing, p.Missing); d != "" {
				t.Errorf("missing (-want +got):\n%s", d)
			}
		})
	}
}

// TestP44_PlanOverYears walks through years of several instances that read the store each in its
// own minutes, miss some, and have clocks that differ. No relying party that caches the JWKS of
// any instance for as long as it may ever meets a signature by a key that it has not, nor does one
// that fetches it afresh, for as long as a token or a hint is of use.
func TestP44_PlanOverYears(t *testing.T) {
	const seed = 20260301
	rng := rand.New(rand.NewPCG(seed, seed))
	type instance struct {
		ahead     time.Duration
		plan      keys.Plan
		read      time.Time
		published map[string]time.Time // first seen in this instance's JWKS
	}
	instances := make([]*instance, 3)
	for i := range instances {
		instances[i] = &instance{ahead: time.Duration(i-1) * 20 * time.Second, published: map[string]time.Time{}}
	}
	var stored []keys.Key
	lastSigned := map[string]time.Time{}
	taken := map[string]bool{}
	step := 90 * time.Second

	for now := epoch; now.Before(epoch.AddDate(1, 0, 0)); now = now.Add(step) {
		for _, in := range instances {
			// At most two refreshes in a row fail.
			if now.Sub(in.read) < 3*time.Minute && rng.IntN(4) == 0 && !in.read.IsZero() {
				continue
			}
			local := now.Add(in.ahead)
			in.read, in.plan = now, keys.PlanAt(stored, local)
			missing := in.plan.Missing
			for _, m := range missing {
				k := named(m, local)
				if !taken[k.ID] {
					taken[k.ID] = true
					stored = append(stored, k)
				}
			}
			if len(missing) > 0 {
				in.plan = keys.PlanAt(stored, local)
			}
			shown := map[string]bool{}
			for _, k := range in.plan.Published {
				shown[k.ID] = true
				if _, ok := in.published[k.ID]; !ok {
					in.published[k.ID] = now
				}
			}
			for id, last := range lastSigned {
				if !shown[id] && now.Sub(last) < keys.Retain-time.Hour {
					t.Fatalf("%s: %s signed at %s and is not published any more", now, id, last)
				}
			}
		}
		for _, by := range instances {
			for alg, k := range by.plan.Signing {
				lastSigned[k.ID] = now
				for _, in := range instances {
					since, ok := in.published[k.ID]
					if k.Generation > 1 && (!ok || now.Sub(since) < keys.CacheTime) {
						t.Fatalf("%s: %s key %s signs and is published since %s only", now, alg, k.ID, since)
					}
				}
			}
		}
	}
	if len(stored) < 8 {
		t.Errorf("%d keys in a year: keys do not rotate", len(stored))
	}
}
