package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"

	"github.com/vsee/vseeid/storage"
)

// withRecovery turns a panic into an error page whose reference the log has too. What was thrown
// is logged by its type, and by its text only where the runtime threw it: any other value may hold
// what a request brought.
func withRecovery(log *slog.Logger, page func(http.ResponseWriter, *http.Request), next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			thrown := recover()
			if thrown == nil {
				return
			}
			if thrown == http.ErrAbortHandler { //nolint:errorlint // net/http compares it so, too
				panic(thrown)
			}
			what := fmt.Sprintf("%T", thrown)
			if err, ok := thrown.(runtime.Error); ok {
				what = err.Error()
			}
			log.LogAttrs(r.Context(), slog.LevelError, "panic",
				slog.String("request_id", storage.OriginOf(r.Context()).RequestID),
				slog.String("route", route(r)),
				slog.String("panic", what),
				slog.String("stack", string(debug.Stack())))
			if rec, ok := w.(*recorder); ok && rec.status != 0 {
				panic(http.ErrAbortHandler) // half an answer is out: cut it, so that nobody takes it for a whole one
			}
			w.Header().Del("Set-Cookie") // whatever it was to say, it has not been done
			w.Header().Del("Location")
			page(w, r)
		}()
		next.ServeHTTP(w, r)
	})
}
