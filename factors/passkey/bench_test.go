package passkey_test

import (
	"context"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
)

// instant is a store in which a use costs nothing, so that what is left is the checks.
type instant struct{ passkey.Store }

func (instant) UsePasskey(context.Context, string, int64, int64, []byte, time.Time) error {
	return nil
}

func (i instant) UserHandle(context.Context, string) ([]byte, error) { return handle, nil }

var handle = make([]byte, 64)

func BenchmarkVerify(b *testing.B) {
	b.Run("checks", func(b *testing.B) {
		w := newWorld(b)
		w.Factor = w.factor(b, func(c *passkey.Config) { c.Store = instant{w.db} })
		benchmark(b, w)
	})
	b.Run("SQLite", func(b *testing.B) { benchmark(b, newWorld(b)) })
}

func benchmark(b *testing.B, w *world) {
	phone := passkeytest.NewSynced(origin)
	w.setUp(b, w.charlotte, phone)
	begun, enrolled := w.beginChallenge(b, w.charlotte), w.enrolled(b, w.charlotte)
	answer := used(b, phone, begun.options)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Verify(b.Context(), w.charlotte, enrolled, begun.state, answer); err != nil {
			b.Fatal(err)
		}
	}
}
