package password_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-crypt/crypt/algorithm/bcrypt"
	"github.com/go-crypt/crypt/algorithm/pbkdf2"
	"github.com/go-crypt/crypt/algorithm/scrypt"
	"golang.org/x/text/unicode/norm"

	"github.com/vsee/vseeid/login/password"
)

// cheap is an argon2id that costs next to nothing: what is tested is not how slow it is.
func cheap(t testing.TB, change ...func(*password.Config)) *password.Hasher {
	t.Helper()
	c := password.Config{Memory: 64, Time: 1, Parallel: 1}
	for _, f := range change {
		f(&c)
	}
	h, err := password.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func hashOf(t testing.TB, h *password.Hasher, pw string) string {
	t.Helper()
	hash, err := h.Hash(t.Context(), pw)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func verify(t testing.TB, h *password.Hasher, hash, pw string) (ok bool, upgraded string) {
	t.Helper()
	ok, upgraded, err := h.Verify(t.Context(), hash, pw)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	return ok, upgraded
}

func TestN04_EveryScriptAndTheWholeValue(t *testing.T) {
	h := cheap(t)
	long := strings.Repeat("a correct horse ", 5) // 80 bytes: past the 72 that bcrypt reads
	for name, tc := range map[string]struct {
		set, typed string
		right      bool
	}{
		"the same":                      {"a long enough password", "a long enough password", true},
		"another":                       {"a long enough password", "a long enough passwore", false},
		"another case":                  {"a long enough password", "A long enough password", false},
		"a space behind":                {"a long enough password", "a long enough password ", false},
		"empty":                         {"a long enough password", "", false},
		"64 emoji":                      {strings.Repeat("🔑", 64), strings.Repeat("🔑", 64), true},
		"63 of 64 emoji":                {strings.Repeat("🔑", 64), strings.Repeat("🔑", 63), false},
		"256 code points":               {strings.Repeat("🔑", 256), strings.Repeat("🔑", 256), true},
		"past 72 bytes":                 {long + "1", long + "1", true},
		"another past 72 bytes":         {long + "1", long + "2", false},
		"NFC, typed NFD":                {"Straße in Zürich, hübsch", norm.NFD.String("Straße in Zürich, hübsch"), true},
		"NFD, typed NFC":                {norm.NFD.String("Straße in Zürich, hübsch"), "Straße in Zürich, hübsch", true},
		"a ligature is not two letters": {"the old ﬁle in a drawer", "the old file in a drawer", false},
		"ß is not ss":                   {"Straße in Zürich, hübsch", "Strasse in Zürich, hübsch", false},
		"a zero byte":                   {"before\x00after and more", "before\x00other and more", false},
	} {
		t.Run(name, func(t *testing.T) {
			if ok, _ := verify(t, h, hashOf(t, h, tc.set), tc.typed); ok != tc.right {
				t.Errorf("Verify = %v, want %v", ok, tc.right)
			}
		})
	}
}

func TestN04_BcryptReadsOnly72Bytes(t *testing.T) {
	h := cheap(t)
	hash := func(pw string) string {
		hasher, err := bcrypt.New(bcrypt.WithIterations(10))
		if err != nil {
			t.Fatal(err)
		}
		d, err := hasher.Hash(pw[:min(len(pw), 72)])
		if err != nil {
			t.Fatal(err)
		}
		return d.Encode()
	}
	prefix := strings.Repeat("x", 72)
	if ok, upgraded := verify(t, h, hash(prefix), prefix); !ok || !strings.HasPrefix(upgraded, "$argon2id$") {
		t.Errorf("72 bytes: ok %v, upgraded %q", ok, upgraded)
	}
	for _, typed := range []string{prefix + "1", prefix + "2"} {
		if ok, upgraded := verify(t, h, hash(prefix+"1"), typed); ok || upgraded != "" {
			t.Errorf("a password of %d bytes passed for a hash of its first 72", len(typed))
		}
	}
}

func TestT44_TooLongIsNotHashed(t *testing.T) {
	h := cheap(t)
	hash := hashOf(t, h, "a long enough password")
	for name, pw := range map[string]string{
		"1 KiB and a byte": strings.Repeat("a", 1025),
		"257 code points":  strings.Repeat("é", 257),
		"10 MB":            strings.Repeat("a", 10<<20),
	} {
		if _, err := h.Hash(t.Context(), pw); !errors.Is(err, password.ErrLong) {
			t.Errorf("%s: Hash gave %v, want ErrLong", name, err)
		}
		for _, of := range []string{hash, ""} {
			if ok, upgraded := verify(t, h, of, pw); ok || upgraded != "" {
				t.Errorf("%s: it matched", name)
			}
		}
	}
	allocated := testing.AllocsPerRun(100, func() {
		if ok, _, err := h.Verify(t.Context(), hash, strings.Repeat("a", 1025)); ok || err != nil {
			t.Error("it matched")
		}
	})
	if allocated > 1 { // strings.Repeat
		t.Errorf("refusing it allocated %v times: it was worked on", allocated)
	}
}

func TestT43_UnknownPersonCostsAHash(t *testing.T) {
	h := cheap(t)
	for _, pw := range []string{"", "a long enough password", "password"} {
		if ok, upgraded := verify(t, h, "", pw); ok || upgraded != "" {
			t.Errorf("%q matched nobody's hash", pw)
		}
	}
	// With no slot to be had, whoever does not need one would be told at once.
	busy := occupied(t, h)
	defer busy()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := h.Verify(ctx, "", "a long enough password"); !errors.Is(err, context.Canceled) {
		t.Errorf("an unknown person was answered without waiting for a slot: %v", err)
	}
}

// occupied takes every slot of h until the returned function is called.
func occupied(t *testing.T, h *password.Hasher) (release func()) {
	t.Helper()
	releases := password.TakeSlots(h)
	return func() {
		for _, r := range releases {
			r()
		}
	}
}

func TestT44_QueueIsBoundedAndWaitsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := cheap(t, func(c *password.Config) { c.Slots, c.Queue, c.Wait = 2, 3, time.Second })
		hash := hashOf(t, h, "a long enough password")
		release := occupied(t, h)

		var waited [3]error
		var done sync.WaitGroup
		for i := range waited {
			done.Go(func() { _, _, waited[i] = h.Verify(t.Context(), hash, "a long enough password") })
		}
		synctest.Wait()
		start := time.Now()
		if _, _, err := h.Verify(t.Context(), hash, "a long enough password"); !errors.Is(err, password.ErrBusy) {
			t.Errorf("a fourth in a queue of three got %v, want ErrBusy", err)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("a full queue was answered after %v, want at once", d)
		}
		done.Wait()
		for _, err := range waited {
			if !errors.Is(err, password.ErrBusy) {
				t.Errorf("who waited in vain got %v, want ErrBusy", err)
			}
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("they waited %v, want the configured second", d)
		}

		release()
		if ok, _ := verify(t, h, hash, "a long enough password"); !ok {
			t.Error("after the rush the right password is refused")
		}
	})
}

func TestT44_WaitingPersonIsServedWhenASlotIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := cheap(t, func(c *password.Config) { c.Slots, c.Queue = 1, 1 })
		hash := hashOf(t, h, "a long enough password")
		release := occupied(t, h)
		var ok bool
		var err error
		var done sync.WaitGroup
		done.Go(func() { ok, _, err = h.Verify(t.Context(), hash, "a long enough password") })
		synctest.Wait()
		release()
		done.Wait()
		if !ok || err != nil {
			t.Errorf("ok %v, error %v", ok, err)
		}
	})
}

func TestT44_NeverMoreThanTheSlots(t *testing.T) {
	const slots = 3
	h := cheap(t, func(c *password.Config) { c.Slots, c.Queue, c.Wait = slots, 500, time.Minute })
	var under, most atomic.Int64
	var all sync.WaitGroup
	barrier := make(chan struct{})
	for range 200 {
		all.Go(func() {
			<-barrier
			release, err := password.Acquire(h, t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer release()
			n := under.Add(1)
			for {
				m := most.Load()
				if n <= m || most.CompareAndSwap(m, n) {
					break
				}
			}
			under.Add(-1)
		})
	}
	close(barrier)
	all.Wait()
	if m := most.Load(); m > slots || m == 0 {
		t.Errorf("%d were under way at once, with %d slots", m, slots)
	}
}

func TestT44_WhoLeavesIsNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := cheap(t, func(c *password.Config) { c.Slots, c.Queue, c.Wait = 1, 1, time.Hour })
		release := occupied(t, h)
		defer release()
		for range 3 { // each leaves its place in the queue to the next
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := h.Hash(ctx, "a long enough password"); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v, want the error of the context", err)
			}
			cancel()
		}
	})
}

func TestN04b_HashesOfElsewhereAreVerifiedAndReplaced(t *testing.T) {
	const pw = "imported, correct horse"
	h := cheap(t)
	must := func(hash string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	for name, hash := range map[string]string{
		"bcrypt": must(func() (string, error) {
			hasher, err := bcrypt.New(bcrypt.WithIterations(10))
			if err != nil {
				return "", err
			}
			d, err := hasher.Hash(pw)
			return d.Encode(), err
		}()),
		"scrypt": must(func() (string, error) {
			hasher, err := scrypt.New(scrypt.WithLN(10))
			if err != nil {
				return "", err
			}
			d, err := hasher.Hash(pw)
			return d.Encode(), err
		}()),
		"pbkdf2": must(func() (string, error) {
			hasher, err := pbkdf2.New(pbkdf2.WithVariant(pbkdf2.VariantSHA512), pbkdf2.WithIterations(100_000))
			if err != nil {
				return "", err
			}
			d, err := hasher.Hash(pw)
			return d.Encode(), err
		}()),
		"argon2id of another cost": hashOf(t, cheap(t, func(c *password.Config) { c.Time = 3 }), pw),
	} {
		t.Run(name, func(t *testing.T) {
			if ok, upgraded := verify(t, h, hash, pw+"!"); ok || upgraded != "" {
				t.Errorf("a wrong password: ok %v, upgraded %q", ok, upgraded)
			}
			ok, upgraded := verify(t, h, hash, pw)
			if !ok || !strings.HasPrefix(upgraded, "$argon2id$v=19$m=64,t=1,p=1$") {
				t.Fatalf("ok %v, upgraded %q", ok, upgraded)
			}
			ok, again := verify(t, h, upgraded, pw)
			if !ok || again != "" {
				t.Errorf("the new hash: ok %v, upgraded once more to %q", ok, again)
			}
			if ok, _ := verify(t, h, upgraded, pw+"!"); ok {
				t.Error("the new hash takes a wrong password")
			}
		})
	}
}

// Known answers of other implementations: the reference argon2 (test.c), OpenBSD's bcrypt as in
// John the Ripper's tests, passlib's scrypt and PBKDF2.
func TestN04b_KnownAnswers(t *testing.T) {
	h := cheap(t)
	for hash, pw := range map[string]string{
		"$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8":  "password",
		"$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4": "password",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW":                         "U*U",
		"$2y$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK":                         "U*U*",
		"$scrypt$ln=4,r=8,p=1$WjJeY2xtZ0pFZ1ZFMQ$xx":                                           "",
	} {
		if pw == "" {
			if _, _, err := h.Verify(t.Context(), hash, "any"); !errors.Is(err, password.ErrHash) {
				t.Errorf("%s: %v, want ErrHash", hash, err)
			}
			continue
		}
		if ok, _ := verify(t, h, hash, pw); !ok {
			t.Errorf("%s is not of %q", hash, pw)
		}
	}
}

func TestHashIsFreshAndInPHCForm(t *testing.T) {
	h, err := password.New(password.Config{})
	if err != nil {
		t.Fatal(err)
	}
	a, b := hashOf(t, h, "a long enough password"), hashOf(t, h, "a long enough password")
	if a == b {
		t.Error("two hashes of one password are the same: no salt")
	}
	if !strings.HasPrefix(a, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("the default hash is %q", a)
	}
}

func TestHashesThatAreRefused(t *testing.T) {
	h := cheap(t)
	good := hashOf(t, h, "a long enough password")
	for name, hash := range map[string]string{
		"not a hash":              "secret",
		"clear text":              "$plaintext$secret",
		"md5-crypt":               "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
		"4 GiB":                   strings.Replace(good, "m=64", "m=4194304", 1),
		"memory past 32 bits":     strings.Replace(good, "m=64", "m=4294967360", 1),
		"100 passes":              strings.Replace(good, "t=1", "t=100", 1),
		"no passes":               strings.Replace(good, "t=1", "t=0", 1),
		"no lanes":                strings.Replace(good, "p=1", "p=0", 1),
		"257 lanes":               strings.Replace(good, "p=1", "p=257", 1),
		"memory twice":            strings.Replace(good, "m=64,t=1", "m=64,m=64", 1),
		"much memory, many times": strings.Replace(good, "m=64,t=1", "m=262144,t=16", 1),
		"argon2 of version 1.0":   strings.Replace(good, "v=19", "v=16", 1),
		"no key":                  good[:strings.LastIndex(good, "$")+1],
		"another alphabet":        good + "*",
		"half a kilobyte":         good + strings.Repeat("A", 512),
		"bcrypt of cost 31":       "$2a$31$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt cut short":        "$2a$10$CCCCCCCCCCCCCCCCCCCCC",
		"scrypt of 1 GiB":         "$scrypt$ln=20,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"scrypt of many lanes":    "$scrypt$ln=14,r=8,p=1000000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"pbkdf2 of a billion":     "$pbkdf2-sha256$1000000000$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"pbkdf2 of minus one":     "$pbkdf2-sha256$-1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	} {
		ok, upgraded, err := h.Verify(t.Context(), hash, "a long enough password")
		if ok || upgraded != "" || !errors.Is(err, password.ErrHash) {
			t.Errorf("%s: ok %v, upgraded %q, error %v", name, ok, upgraded, err)
		}
		if err != nil && len(hash) > 8 && strings.Contains(err.Error(), hash[len(hash)-8:]) {
			t.Errorf("%s: the error quotes the hash: %v", name, err)
		}
	}
}

func TestConfigOutOfBounds(t *testing.T) {
	for _, c := range []password.Config{
		{Memory: 1 << 20}, {Time: 17}, {Parallel: 17}, {Memory: 7}, {Memory: 64, Parallel: 16}, {Memory: 256 * 1024, Time: 8},
	} {
		if _, err := password.New(c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func FuzzVerifyNeverPanics(f *testing.F) {
	for _, s := range []string{
		"", "$", "$$$$", "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
		"$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "$2a$04$$", "$scrypt$ln=1,r=1,p=1$AAAA$AAAA",
		"$pbkdf2-sha256$1$AAAA$AAAAAAAAAAAAAAAAAAAAAAAA", "$pbkdf2$1$$",
	} {
		f.Add(s, "password")
	}
	h := cheap(f)
	f.Fuzz(func(t *testing.T, hash, pw string) {
		ok, upgraded, err := h.Verify(t.Context(), hash, pw)
		if err != nil && !errors.Is(err, password.ErrHash) {
			t.Errorf("an error that is not ErrHash: %v", err)
		}
		if err != nil && ok || !ok && upgraded != "" {
			t.Errorf("ok %v, upgraded %q, error %v", ok, upgraded, err)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h, err := password.New(password.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(b.Context(), "demo-password-for-vsee-id"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	h, err := password.New(password.Config{})
	if err != nil {
		b.Fatal(err)
	}
	hash := hashOf(b, h, "demo-password-for-vsee-id")
	for name, of := range map[string]string{"known": hash, "unknown": ""} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := h.Verify(b.Context(), of, "demo-password-for-vsee-id"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
