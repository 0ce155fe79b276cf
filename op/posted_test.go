package op_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/op"
)

// keeper remembers what is kept of forms that other sites post.
type keeper struct {
	op.Codes
	kept []string
}

func (k *keeper) SaveRequest(ctx context.Context, id string, request []byte, expires time.Time) error {
	k.kept = append(k.kept, string(request))
	return k.Codes.SaveRequest(ctx, id, request, expires)
}

// TestT40_WhatIsKeptOfAPost posts what nobody asked for, and too much, and too often.
func TestT40_WhatIsKeptOfAPost(t *testing.T) {
	w := newWorld(t)
	kept := &keeper{Codes: w.codes.Codes}
	w.codes.Codes = kept
	a := w.messenger()
	long := strings.Repeat("x", 60<<10)
	for _, path := range []string{"/oidc/logout", "/v2/logout", "/authorize"} {
		kept.kept = nil
		form := url.Values{"state": {"s 1"}, "junk": {long}, "client_id": {"messenger"}}
		if path == "/authorize" {
			for name, v := range a.Begin().Params {
				form[name] = v
			}
		}
		if got := a.Do(http.MethodPost, path, formHeader(), form); got.Status != http.StatusSeeOther {
			t.Fatalf("%s: %d", path, got.Status)
		}
		if len(kept.kept) != 1 || len(kept.kept[0]) > 1000 || strings.Contains(kept.kept[0], "junk") || !strings.Contains(kept.kept[0], "state=") {
			t.Errorf("%s keeps %q", path, kept.kept)
		}
		form.Set("id_token_hint", strings.Repeat("x", 10<<10))
		form.Del("junk")
		if got := a.Do(http.MethodPost, path, formHeader(), form); got.Status != http.StatusRequestEntityTooLarge || len(kept.kept) != 1 {
			t.Errorf("%s: too much gets %d", path, got.Status)
		}
		form.Del("id_token_hint")
		w.wait = 1500 * time.Millisecond
		if got := a.Do(http.MethodPost, path, formHeader(), form); got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") != "2" || len(kept.kept) != 1 {
			t.Errorf("%s: too often gets %d", path, got.Status)
		}
		w.wait = 0
	}
}
