package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/vsee/vseeid/op/optest"
)

// TestStopFinishesASignIn tells a real process to stop while PostgreSQL has not yet answered what a
// password is verified against. /readyz fails at once, the answer still comes, and the exit code is 0.
func TestStopFinishesASignIn(t *testing.T) {
	d := deploy(t)
	dsn, g := through(t, d.dsn)
	instance := d.serve("VSEEID_DATABASE_URL="+dsn, "VSEEID_DRAIN_DELAY=1m")
	app := d.messengerApp(t)
	b := optest.NewBrowser(t, d.issuer)
	f := app.Begin()
	p := b.Open(f.URL()).Submit("email", sam)

	arrived, release := g.hold()
	done := make(chan *optest.Page, 1)
	go func() { done <- p.Submit("password", samplePassword) }()
	<-arrived // the request is under way
	instance.signal(syscall.SIGTERM)
	// The drain delay keeps the port open, so that the load balancer can see it.
	instance.until("/readyz says that it is stopping", func() bool {
		a := app.Do(http.MethodGet, "/readyz", nil, nil)
		return a.Status == http.StatusServiceUnavailable && strings.TrimSpace(a.Body) == "stopping"
	})
	wantStatus(t, "/livez", app.Do(http.MethodGet, "/livez", nil, nil), http.StatusOK)
	release()
	code := f.Code(<-done)
	// New requests are still taken meanwhile.
	wantStatus(t, "redeem", app.Redeem(f, code), http.StatusOK)
	must(t, instance.cmd.Process.Kill()) // nobody waits for the rest of the minute
	instance.wait()
}

// TestStopWaits: without a drain delay too the request under way is answered before the end.
func TestStopWaits(t *testing.T) {
	d := deploy(t)
	dsn, g := through(t, d.dsn)
	instance := d.serve("VSEEID_DATABASE_URL=" + dsn)
	app := d.messengerApp(t)
	b := optest.NewBrowser(t, d.issuer)
	f := app.Begin()
	p := b.Open(f.URL()).Submit("email", sam)
	arrived, release := g.hold()
	done := make(chan *optest.Page, 1)
	go func() { done <- p.Submit("password", samplePassword) }()
	<-arrived
	instance.signal(syscall.SIGTERM)
	instance.until("the port is closed", func() bool {
		app.Do(http.MethodGet, "/livez", nil, nil)
		return d.front.other.Load() > 0
	})
	if !instance.running() {
		t.Fatal("it ended with a request under way")
	}
	release()
	f.Code(<-done)
	if code := instance.wait(); code != 0 {
		t.Errorf("exit %d: %s", code, instance.stderr)
	}
	if log := instance.stderr.String(); !strings.Contains(log, `"msg":"stopped"`) || strings.Contains(log, `"level":"ERROR"`) {
		t.Errorf("log: %s", log)
	}
}
