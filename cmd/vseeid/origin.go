package main

import (
	"crypto/rand"
	"net/http"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/vsee/vseeid/storage"
)

const (
	userAgentBytes = 256
	platformBytes  = 64
)

// withOrigin gives every request its id and its origin: the context carries them to the log, to
// the audit events and to the error pages, and the response says the id in X-Request-Id.
//
// The id is always our own. One that a request brings could be anybody's, and would let a stranger
// write into the log.
func withOrigin(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o := storage.Origin{
			RequestID: newRequestID(),
			IP:        clientIP(r, trusted),
			UserAgent: clean(r.UserAgent(), userAgentBytes),
			Platform:  clean(strings.Trim(r.Header.Get("Sec-CH-UA-Platform"), `"`), platformBytes),
		}
		w.Header().Set("X-Request-Id", o.RequestID)
		next.ServeHTTP(w, r.WithContext(storage.WithOrigin(r.Context(), o)))
	})
}

// clean makes what a client says of itself fit for a log and for a column of text: a header may hold
// any bytes, and nobody chooses by them whether an event can be kept.
func clean(header string, bytes int) string {
	printable := strings.Map(func(c rune) rune {
		if unicode.IsControl(c) {
			return -1
		}
		return c
	}, strings.ToValidUTF8(header, string(utf8.RuneError)))
	return truncate(printable, bytes)
}

// newRequestID is 80 random bits in base32: unique enough for a log, short enough to be read out
// on the telephone.
func newRequestID() string { return rand.Text()[:16] }

// clientIP is the address that the request came from: the peer's, or, where the peer is a trusted
// proxy, the rightmost address of X-Forwarded-For that is not one. What stands further to the left
// was written by who knows whom, and what cannot be read ends the search at the last hop we know.
func clientIP(r *http.Request, trusted []netip.Prefix) string {
	peer, ok := parseAddr(r.RemoteAddr)
	if !ok {
		return ""
	}
	if !within(peer, trusted) {
		return peer.String()
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, ok := parseAddr(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		peer = hop
		if !within(hop, trusted) {
			break
		}
	}
	return peer.String()
}

// parseAddr reads an address with or without a port. Zones are dropped, and an IPv4 address is
// the same however it is written.
func parseAddr(s string) (netip.Addr, bool) {
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddr(strings.Trim(s, "[]"))
	return a.Unmap().WithZone(""), err == nil
}

func within(a netip.Addr, prefixes []netip.Prefix) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// truncate cuts s to at most n bytes, never through a character.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
