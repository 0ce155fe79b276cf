package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestUserAgentIsText reads what clients call themselves, whatever bytes they choose.
func TestUserAgentIsText(t *testing.T) {
	for _, c := range []struct{ name, sent, want string }{
		{"a browser", "Mozilla/5.0 (Ümlaut) 日本", "Mozilla/5.0 (Ümlaut) 日本"},
		{"Latin-1", "caf\xe9 \xff\xfe!", "caf\ufffd \ufffd!"},
		{"control characters", "a\x00b\tc\u0085d\x7f", "abcd"},
		{"long", strings.Repeat("é", 200), strings.Repeat("é", 128)},
		{"long and broken", strings.Repeat("\xffa", 200), strings.Repeat("\ufffda", 64)},
		{"cut through a character", "a" + strings.Repeat("é", 200), "a" + strings.Repeat("é", 127)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("User-Agent", c.sent)
			if got := clean(r.UserAgent(), userAgentBytes); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
