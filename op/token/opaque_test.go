package token_test

import (
	"encoding/base64"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage/secret"
)

// Two fixed master keys, so that fuzzing finds the same again.
var (
	oldKey = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("o", secret.KeyBytes)))
	newKey = base64.StdEncoding.EncodeToString([]byte(strings.Repeat("n", secret.KeyBytes)))
)

func masterKeys(spec string) *secret.Keys {
	k, err := secret.Parse(spec)
	if err != nil {
		panic(err)
	}
	return k
}

func hash(purpose, s string) []byte     { return masterKeys(oldKey).Hash(purpose, s) }
func hashes(purpose, s string) [][]byte { return masterKeys(oldKey).Hashes(purpose, s) }

func TestNewCode(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		code := token.NewCode()
		raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(code, token.CodePrefix))
		if !strings.HasPrefix(code, "vsc_") || err != nil || len(raw) != 32 || seen[code] {
			t.Fatalf("code %q: %v, %d bytes, seen before %v", code, err, len(raw), seen[code])
		}
		seen[code] = true
	}
}

func TestRefreshRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	seen := map[string]bool{}
	for range 500 {
		grant, generation := uuid.Must(uuid.NewV7()).String(), 1+rng.Int64N(math.MaxInt64)
		a, err := token.Refresh(hash, grant, generation)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := token.Refresh(hash, grant, generation); again != a || err != nil {
			t.Fatalf("made again it is %q, %v", again, err)
		}
		gotGrant, gotGeneration, err := token.ParseRefresh(hashes, a)
		if err != nil || gotGrant != grant || gotGeneration != generation {
			t.Fatalf("%s %d came back as %s %d, %v", grant, generation, gotGrant, gotGeneration, err)
		}
		if seen[a] || !strings.HasPrefix(a, "vsr_") {
			t.Fatalf("token %q", a)
		}
		seen[a] = true
	}
}

func TestRefreshRefusesWhatIsNoGrant(t *testing.T) {
	for _, grant := range []string{"", "g1", "0195524F-0000-7000-8000-000000000002", "urn:uuid:0195524f-0000-7000-8000-000000000002", "0195524f000070008000000000000002"} {
		if s, err := token.Refresh(hash, grant, 1); err == nil {
			t.Errorf("grant %q: %q", grant, s)
		}
	}
	for _, generation := range []int64{0, -1, math.MinInt64} {
		if s, err := token.Refresh(hash, person().GrantID, generation); err == nil {
			t.Errorf("generation %d: %q", generation, s)
		}
	}
	if s, err := token.Refresh(func(string, string) []byte { return nil }, person().GrantID, 1); err == nil {
		t.Errorf("without a hash: %q", s)
	}
}

func TestRefreshSurvivesKeyRotation(t *testing.T) {
	before, after, gone := masterKeys(oldKey), masterKeys(newKey+","+oldKey), masterKeys(newKey)
	s, err := token.Refresh(before.Hash, person().GrantID, 3)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := token.ParseRefresh(after.Hashes, s); err != nil {
		t.Errorf("with the old key second: %v", err)
	}
	if _, _, err := token.ParseRefresh(gone.Hashes, s); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("with the old key dropped: %v", err)
	}
}

// TestRefreshForgery changes every byte of a token in turn, and mixes the parts of two. Nothing
// comes of it: who was not given a token cannot name a grant.
func TestRefreshForgery(t *testing.T) {
	a, err := token.Refresh(hash, person().GrantID, 5)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(s, why string) {
		t.Helper()
		if grant, generation, err := token.ParseRefresh(hashes, s); !errors.Is(err, token.ErrInvalid) || grant != "" || generation != 0 {
			t.Errorf("%s: %q gives %s %d, %v", why, s, grant, generation, err)
		}
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range len(a) {
		for _, c := range alphabet + "+/=. \n\x00" {
			if byte(c) != a[i] {
				refused(a[:i]+string(c)+a[i+1:], "one character changed")
			}
		}
		refused(a[:i], "cut")
		refused(a[:i]+a[i+1:], "one character dropped")
		refused(a[:i]+"\n"+a[i:], "a line end in it")
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(a, token.RefreshPrefix))
	if err != nil {
		t.Fatal(err)
	}
	earlier := append([]byte{}, raw...)
	earlier[23]--
	refused(token.RefreshPrefix+base64.RawURLEncoding.EncodeToString(earlier), "an earlier generation")
	zero := append([]byte{}, raw[:24]...)
	refused(token.RefreshPrefix+base64.RawURLEncoding.EncodeToString(append(zero, hash("client_secret", string(zero))...)), "hashed for another purpose")
	clear(zero[16:])
	refused(token.RefreshPrefix+base64.RawURLEncoding.EncodeToString(append(zero, hash(token.RefreshPurpose, string(zero))...)), "generation 0, truly hashed")
	refused(a+"A", "longer")
	refused(a+"=", "padded")
	refused(strings.TrimPrefix(a, token.RefreshPrefix), "no prefix")
	refused(token.CodePrefix+strings.TrimPrefix(a, token.RefreshPrefix), "the prefix of a code")
}

func FuzzParseRefresh(f *testing.F) {
	k := masterKeys(newKey + "," + oldKey)
	a, err := token.Refresh(k.Hash, person().GrantID, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(a)
	f.Add(token.RefreshPrefix)
	f.Add(token.RefreshPrefix + strings.Repeat("A", 75))
	f.Add(token.NewCode())
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		grant, generation, err := token.ParseRefresh(k.Hashes, s)
		if err != nil {
			if !errors.Is(err, token.ErrInvalid) || grant != "" || generation != 0 {
				t.Errorf("%q: %s %d, %v", s, grant, generation, err)
			}
			return
		}
		// One spelling for each token: what is accepted is what we would make.
		if again, err := token.Refresh(k.Hash, grant, generation); err != nil || again != s {
			t.Errorf("%q was accepted and is made as %q, %v", s, again, err)
		}
	})
}
