package main

import (
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/vsee/vseeid/storage"
)

// withAccessLog writes one line for each request when it is answered. The line names the route and
// never the path or the query: both can hold the id of a sign-in, a code or a state.
//
// It has to hand on the very request that it got: the mux leaves the matched pattern in it.
func withAccessLog(log *slog.Logger, now func() time.Time, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := now()
		rec := &recorder{ResponseWriter: w}
		defer func() {
			o := storage.OriginOf(r.Context())
			level := slog.LevelInfo
			switch {
			case rec.status >= http.StatusInternalServerError:
				level = slog.LevelError
			case isHealthCheck(r):
				level = slog.LevelDebug
			}
			log.LogAttrs(r.Context(), level, "request",
				slog.String("request_id", o.RequestID),
				slog.String("method", r.Method),
				slog.String("route", route(r)),
				slog.Int("status", rec.status),
				slog.Int64("bytes", rec.bytes),
				slog.Float64("duration_ms", float64(now().Sub(start).Microseconds())/1000),
				slog.String("ip", o.IP),
				slog.String("user_agent", o.UserAgent),
			)
		}()
		next.ServeHTTP(rec, r)
		if rec.status == 0 {
			rec.status = http.StatusOK // what net/http sends for a handler that wrote nothing
		}
	})
}

// route is the pattern that the request matched, without its method; "-" for none.
func route(r *http.Request) string {
	if r.Pattern == "" {
		return "-"
	}
	if _, path, ok := strings.Cut(r.Pattern, " "); ok {
		return path
	}
	return r.Pattern
}

// recorder notes what a handler answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 && status >= http.StatusOK { // 1xx are not the answer
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
