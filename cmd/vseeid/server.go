package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// The limits of one connection. A person on a slow line sends a form of a few hundred bytes, and
// gets a page of a few kilobytes.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second
	writeTimeout   = 30 * time.Second
	requestTimeout = 20 * time.Second // for all stores together; then there is time left to say so
	idleTimeout    = 90 * time.Second
	maxHeaderBytes = 32 << 10
)

func newHTTPServer(h http.Handler, log *slog.Logger, tlsConfig *tls.Config) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		TLSConfig:         tlsConfig,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// withDeadline ends the wait of a request for stores that neither answer nor fail: whoever asked is
// told to come back, and nothing piles up behind them.
func withDeadline(d time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), d)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// listen opens a port, or says in a sentence why not.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %s is in use by another program: stop it, or choose another port", portOf(addr))
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %s may not be used by this user: choose one above 1023", portOf(addr))
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w", addr, err)
	}
	return l, nil
}

func portOf(addr string) string {
	if _, port, err := net.SplitHostPort(addr); err == nil {
		return port
	}
	return addr
}

// stopping says how a server stops.
type stopping struct {
	health  *health       // told first, so that /readyz fails
	drain   time.Duration // then new requests are still taken for so long
	timeout time.Duration // then requests under way may take so long
}

// serveUntil serves on l until ctx is done, and then stops in order: /readyz fails, new requests
// are refused, requests under way finish, and only then workers are stopped, since what a request
// changed may be theirs to see to. It returns an error when requests had to be cut off, or when
// serving failed by itself.
func serveUntil(ctx context.Context, s *http.Server, l net.Listener, how stopping, workers ...func(context.Context)) error {
	workCtx, stopWork := context.WithCancel(context.WithoutCancel(ctx))
	var work sync.WaitGroup
	for _, w := range workers {
		work.Go(func() { w(workCtx) })
	}
	defer work.Wait()
	defer stopWork()

	failed := make(chan error, 1)
	go func() {
		if s.TLSConfig != nil {
			failed <- s.ServeTLS(l, "", "")
			return
		}
		failed <- s.Serve(l)
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serving stopped: %w", err)
	case <-ctx.Done():
	}
	how.health.stopping.Store(true)
	if how.drain > 0 {
		select {
		case err := <-failed:
			return fmt.Errorf("serving stopped: %w", err)
		case <-time.After(how.drain):
		}
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), how.timeout)
	defer cancel()
	if err := s.Shutdown(end); err != nil {
		return errors.Join(fmt.Errorf("requests were still under way after %s and were cut off", how.timeout), s.Close())
	}
	return nil
}
