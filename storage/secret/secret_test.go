package secret_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/vsee/vseeid/storage/secret"
)

func parse(t testing.TB, keys ...string) *secret.Keys {
	t.Helper()
	k, err := secret.Parse(strings.Join(keys, ","))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpens(t *testing.T) {
	k := parse(t, secret.NewKey())
	for _, plain := range [][]byte{{}, {0}, []byte("seed"), bytes.Repeat([]byte("x"), 1<<20)} {
		one, err := k.Seal(plain, "totp:1")
		if err != nil {
			t.Fatal(err)
		}
		two, err := k.Seal(plain, "totp:1")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(one, two) {
			t.Errorf("%d bytes sealed twice look the same", len(plain))
		}
		if len(plain) > 1 && bytes.Contains(one, plain) {
			t.Errorf("%d bytes can be read in the sealed value", len(plain))
		}
		if got, err := k.Open(one, "totp:1"); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d bytes: got %d, %v", len(plain), len(got), err)
		}
	}
}

// TestSealedBesideAnotherRow: a sealed value opens beside the row and the purpose that it was
// sealed for, and beside no other.
func TestSealedBesideAnotherRow(t *testing.T) {
	k := parse(t, secret.NewKey())
	sealed, err := k.Seal([]byte("seed"), "totp:1")
	if err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"", "totp:2", "totp:", "totp:1\x00", "key:1", "TOTP:1"} {
		if got, err := k.Open(sealed, beside); err == nil {
			t.Errorf("beside %q it opens as %q", beside, got)
		}
	}
}

// TestAnyChangeIsNoticed flips every bit of a sealed value, and cuts it at every length.
func TestAnyChangeIsNoticed(t *testing.T) {
	k := parse(t, secret.NewKey(), secret.NewKey())
	sealed, err := k.Seal([]byte("seed"), "a")
	if err != nil {
		t.Fatal(err)
	}
	for i := range len(sealed) * 8 {
		changed := bytes.Clone(sealed)
		changed[i/8] ^= 1 << (i % 8)
		if _, err := k.Open(changed, "a"); err == nil {
			t.Errorf("bit %d was flipped and nobody noticed", i)
		}
	}
	for n := range sealed {
		if _, err := k.Open(sealed[:n], "a"); err == nil {
			t.Errorf("cut to %d bytes and nobody noticed", n)
		}
	}
	if _, err := k.Open(append(bytes.Clone(sealed), 0), "a"); err == nil {
		t.Error("a byte was added and nobody noticed")
	}
}

// TestRotation walks a key through its life: added at the end, moved to the front, the old one
// dropped. Instances of two neighbouring steps run side by side and understand each other.
func TestRotation(t *testing.T) {
	was, is := secret.NewKey(), secret.NewKey()
	steps := []*secret.Keys{parse(t, was), parse(t, was, is), parse(t, is, was), parse(t, is)}
	for i, writer := range steps {
		sealed, err := writer.Seal([]byte("s"), "a")
		if err != nil {
			t.Fatal(err)
		}
		hash := writer.Hash("p", "token")
		for j, reader := range steps {
			// The first step knows nothing of the new key, the last nothing of the old one.
			wantRead := !(j == 0 && i >= 2) && !(j == 3 && i <= 1)
			if got, err := reader.Open(sealed, "a"); (err == nil) != wantRead || wantRead && string(got) != "s" {
				t.Errorf("step %d opens what step %d sealed: got %q, %v; want that it does: %v", j, i, got, err, wantRead)
			}
			if got := reader.Matches(hash, "p", "token"); got != wantRead {
				t.Errorf("step %d recognises what step %d hashed: %v, want %v", j, i, got, wantRead)
			}
			found := false
			for _, h := range reader.Hashes("p", "token") {
				found = found || bytes.Equal(h, hash)
			}
			if found != wantRead {
				t.Errorf("step %d finds what step %d hashed: %v, want %v", j, i, found, wantRead)
			}
		}
	}
}

// TestOneKeyOneHash: instances agree on every hash, newest first.
func TestOneKeyOneHash(t *testing.T) {
	a, b := secret.NewKey(), secret.NewKey()
	one, again, turned := parse(t, a, b), parse(t, a, b), parse(t, b, a)
	if !bytes.Equal(one.Hash("p", "s"), again.Hash("p", "s")) || !bytes.Equal(one.Hash("p", "s"), one.Hashes("p", "s")[0]) {
		t.Error("the same keys hash differently")
	}
	x, y := one.Hashes("p", "s"), turned.Hashes("p", "s")
	if len(x) != 2 || len(y) != 2 || !bytes.Equal(x[0], y[1]) || !bytes.Equal(x[1], y[0]) || bytes.Equal(x[0], x[1]) {
		t.Errorf("keys in another order hash to %x and %x", x, y)
	}
}

func TestPurposesApart(t *testing.T) {
	k := parse(t, secret.NewKey())
	hash := k.Hash("session", "token")
	if len(hash) != 32 || bytes.Contains(hash, []byte("token")) {
		t.Errorf("the hash is %x", hash)
	}
	if !k.Matches(hash, "session", "token") {
		t.Error("the hash is not recognised")
	}
	for _, other := range [][2]string{
		{"recovery", "token"},
		{"session", "Token"},
		{"session", ""},
		{"", "token"},
		{"sessiontoken", ""},
		{"session\x00token", ""},
	} {
		if k.Matches(hash, other[0], other[1]) {
			t.Errorf("taken for the hash of %q", other)
		}
	}
	if k.Matches(nil, "session", "token") || k.Matches(hash[:31], "session", "token") {
		t.Error("a part of a hash is recognised")
	}
	if parse(t, secret.NewKey()).Matches(hash, "session", "token") {
		t.Error("recognised under another key")
	}
}

// TestT46_ParseNeverQuotesKeys: a master key that was mistyped ends up in no log.
func TestT46_ParseNeverQuotesKeys(t *testing.T) {
	good := secret.NewKey()
	raw, err := base64.StdEncoding.DecodeString(good)
	if err != nil {
		t.Fatal(err)
	}
	for name, spec := range map[string]string{
		"empty":               "",
		"only separators":     " ,\n, ",
		"short":               base64.StdEncoding.EncodeToString(raw[:31]),
		"long":                base64.StdEncoding.EncodeToString(append(bytes.Clone(raw), 1)),
		"hex":                 hex.EncodeToString(raw),
		"the raw key":         string(raw),
		"cut":                 good[:43],
		"with a stray letter": good + "x",
		"the second is short": good + "," + good[:20],
		"url alphabet":        strings.NewReplacer("+", "-", "/", "_").Replace(base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb, 0xff}, 16))),
		"twice":               good + "," + good,
		"quoted":              `"` + good + `"`,
	} {
		k, err := secret.Parse(spec)
		if err == nil {
			t.Errorf("%s: taken for %v", name, k)
			continue
		}
		for n := 0; n+8 <= len(good); n += 4 {
			if strings.Contains(err.Error(), good[n:n+8]) || strings.Contains(err.Error(), hex.EncodeToString(raw)[n:n+8]) {
				t.Errorf("%s: the error quotes the key: %v", name, err)
			}
		}
	}
}

func TestParse(t *testing.T) {
	a, b, c := secret.NewKey(), secret.NewKey(), secret.NewKey()
	k, err := secret.Parse("\n " + a + ",\t" + b + "\r\n" + c + " ,")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(k.Hashes("p", "s")); n != 3 {
		t.Errorf("read %d keys, want 3", n)
	}
	if !bytes.Equal(k.Hash("p", "s"), parse(t, a).Hash("p", "s")) {
		t.Error("the first key is not the newest")
	}
}

func TestNewKey(t *testing.T) {
	a, b := secret.NewKey(), secret.NewKey()
	raw, err := base64.StdEncoding.DecodeString(a)
	if err != nil || len(raw) != secret.KeyBytes || a == b {
		t.Errorf("got %d bytes, %v", len(raw), err)
	}
}

// TestKeysAreShared: many goroutines may use the same keys (run with -race).
func TestKeysAreShared(t *testing.T) {
	k := parse(t, secret.NewKey(), secret.NewKey())
	want := k.Hash("p", "s")
	errs := make([]error, 50)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			sealed, err := k.Seal([]byte("s"), "a")
			if err == nil {
				_, err = k.Open(sealed, "a")
			}
			if !k.Matches(want, "p", "s") {
				err = errors.Join(err, errors.New("a hash was not recognised"))
			}
			errs[i] = err
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Error(err)
	}
}

// FuzzOpen: nothing that was not sealed under the keys opens, and nothing makes Open panic.
func FuzzOpen(f *testing.F) {
	k, other := parse(f, secret.NewKey(), secret.NewKey()), parse(f, secret.NewKey())
	foreign, err := other.Seal([]byte("plain"), "a")
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := k.Seal([]byte("plain"), "a")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(nil), "")
	f.Add(foreign, "a")
	f.Add(sealed[:5], "a")
	f.Add(append(bytes.Clone(sealed[:17]), foreign[17:]...), "a")
	f.Fuzz(func(t *testing.T, b []byte, beside string) {
		if plain, err := k.Open(b, beside); err == nil {
			t.Errorf("%x opens beside %q as %q", b, beside, plain)
		}
	})
}
