package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// health answers the two questions of whoever runs the process: is it alive (/livez: restart it
// when not), and can it serve (/readyz: send it nothing when not). Neither says why to the network;
// the log does.
type health struct {
	stopping atomic.Bool
	checks   []check
	failed   func(ctx context.Context, what string, err error)
}

// check is one thing that serving needs.
type check struct {
	name string
	ask  func(context.Context) error
}

const readyTimeout = 2 * time.Second

func (h *health) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", h.ready)
}

// ready asks all that serving needs, in turn. It fails from the moment on at which the process was
// told to stop.
func (h *health) ready(w http.ResponseWriter, r *http.Request) {
	if h.stopping.Load() {
		say(w, http.StatusServiceUnavailable, "stopping")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	for _, c := range h.checks {
		if err := c.ask(ctx); err != nil {
			h.failed(ctx, c.name, err)
			say(w, http.StatusServiceUnavailable, c.name+" is not ready")
			return
		}
	}
	say(w, http.StatusOK, "ready")
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = fmt.Fprintln(w, text) // who asked may be gone
}

func isHealthCheck(r *http.Request) bool {
	return r.URL.Path == "/livez" || r.URL.Path == "/readyz"
}
