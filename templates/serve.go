package templates

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// A Pager is one of the props of this package.
type Pager interface {
	Page() templ.Component
}

// ErrFormTarget is returned by Serve for a form target that does not fit into a Content-Security-Policy.
var ErrFormTarget = errors.New("form target is no source of a content security policy")

// Serve answers with page. Its forms may post to this host and be redirected from there to formTargets: origins
// ("https://app.example") or schemes of apps ("com.example.app:"). On an error nothing was written.
func Serve(w http.ResponseWriter, r *http.Request, status int, page Pager, formTargets ...string) error {
	for _, t := range formTargets {
		if t == "" || strings.ContainsFunc(t, notInSource) {
			return fmt.Errorf("%w: %q", ErrFormTarget, t)
		}
	}
	nonce := rand.Text()
	var b bytes.Buffer
	// A page waits for nothing, and the one that says why a request ran out of time has to be shown.
	ctx := templ.WithNonce(context.WithoutCancel(r.Context()), nonce)
	if err := page.Page().Render(ctx, &b); err != nil {
		return fmt.Errorf("render page: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Content-Security-Policy", policy(nonce, formTargets))
	h.Set("Cache-Control", "no-store") // Pages hold addresses, keys and codes.
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = b.WriteTo(w) // when it fails the other side has gone, and there is nobody to tell
	return nil
}

func policy(nonce string, formTargets []string) string {
	forms := strings.Join(append([]string{"'self'"}, formTargets...), " ")
	return "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'self'; img-src 'self' data:; " +
		"connect-src 'self'; font-src 'self'; form-action " + forms + "; frame-ancestors 'none'; base-uri 'none'"
}

// notInSource reports what would end a source expression, or the directive, or the policy.
func notInSource(c rune) bool {
	return c <= ' ' || c >= 0x7f || strings.ContainsRune(`;,'"*`, c)
}
