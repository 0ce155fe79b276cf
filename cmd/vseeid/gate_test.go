package main

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"github.com/vsee/vseeid/op/optest"
)

// ownRedis is a Redis that a test may kill.
type ownRedis struct {
	t     testing.TB
	addr  string
	cmd   *exec.Cmd // nil: it is not running
	ended chan struct{}
}

func newOwnRedis(t testing.TB) *ownRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH: this test kills one of its own")
	}
	l := listenForGood(t)
	r := &ownRedis{t: t, addr: l.Addr().String()}
	must(t, l.Close())
	r.start()
	t.Cleanup(func() {
		if r.cmd != nil {
			r.kill()
		}
	})
	return r
}

func (r *ownRedis) start() {
	r.t.Helper()
	out := newWatched()
	r.cmd = exec.Command("redis-server", "--port", portOf(r.addr), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", r.t.TempDir())
	r.cmd.Stdout, r.cmd.Stderr = out, out
	must(r.t, r.cmd.Start())
	cmd, ended := r.cmd, make(chan struct{})
	r.ended = ended
	go func() {
		_ = cmd.Wait() // it is killed, or what it said is shown
		out.end()
		close(ended)
	}()
	out.find(r.t, regexp.MustCompile(`(?i)ready to accept connections`))
}

// restart starts it, and waits until an instance is ready again.
func (r *ownRedis) restart(instance *child, app *optest.App) {
	r.t.Helper()
	r.start()
	readyAgain(instance, app)
}

func (r *ownRedis) kill() {
	r.t.Helper()
	_ = r.cmd.Process.Kill() // it may have ended just now
	<-r.ended
	r.cmd = nil
}

// listenForGood listens on a port that can be had again after it was closed for a while: the system
// gives no outgoing connection one from below its range.
func listenForGood(t testing.TB) net.Listener {
	t.Helper()
	var l net.Listener
	var err error
	for range 100 {
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(10000+rand.IntN(22000)))); err == nil {
			return l
		}
	}
	t.Fatal(err)
	return nil
}

// gate is a way to a server that can be closed, or swallow what is sent.
type gate struct {
	target string
	addr   string

	mu     sync.Mutex
	l      net.Listener
	conns  map[net.Conn]bool
	silent bool
	held   *held // nil: nothing is kept back
	work   sync.WaitGroup
}

func newGate(t testing.TB, target string) *gate {
	t.Helper()
	g := &gate{target: target, conns: map[net.Conn]bool{}}
	l := listenForGood(t)
	g.addr = l.Addr().String()
	g.serve(l)
	t.Cleanup(g.shut)
	return g
}

func (g *gate) open(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", g.addr)
	must(t, err)
	g.serve(l)
}

// reopen opens it, and waits until an instance is ready again.
func (g *gate) reopen(t testing.TB, instance *child, app *optest.App) {
	t.Helper()
	g.open(t)
	readyAgain(instance, app)
}

// readyAgain waits until an instance has noticed that a store is back. It notices that a connection
// broke when it uses it, so as many are used at once as it can have.
func readyAgain(instance *child, app *optest.App) {
	instance.t.Helper()
	instance.until("/readyz is well", func() bool {
		for _, a := range atOnce(8, func(int) optest.Answer { return app.Do(http.MethodGet, "/readyz", nil, nil) }) {
			if a.Status != http.StatusOK {
				return false
			}
		}
		return true
	})
}

func (g *gate) serve(l net.Listener) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.l = l
	g.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			g.work.Go(func() { g.carry(c) })
		}
	})
}

func (g *gate) carry(c net.Conn) {
	s, err := net.Dial("tcp", g.target)
	if err != nil {
		_ = c.Close()
		return
	}
	g.mu.Lock()
	g.conns[c], g.conns[s] = true, true
	g.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{c, s}, {s, c}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], valve{g, way[1]}) // it ends when either side does
			_ = c.Close()
			_ = s.Close()
		})
	}
	both.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	delete(g.conns, s)
}

// valve drops what is read while its gate is silent.
type valve struct {
	g *gate
	net.Conn
}

func (v valve) Read(p []byte) (int, error) {
	for {
		n, err := v.Conn.Read(p)
		v.g.mu.Lock()
		silent, held := v.g.silent, v.g.held
		v.g.mu.Unlock()
		if held != nil {
			held.once.Do(func() { close(held.arrived) })
			<-held.released
		}
		if err != nil || !silent {
			return n, err
		}
	}
}

// shut closes the port and every connection.
func (g *gate) shut() {
	g.mu.Lock()
	_ = g.l.Close() // it may be shut
	for c := range g.conns {
		_ = c.Close()
	}
	g.mu.Unlock()
	g.work.Wait()
}

// hold keeps back what is sent, until it is released. Arrived is closed when there is something.
func (g *gate) hold() (arrived <-chan struct{}, release func()) {
	h := &held{arrived: make(chan struct{}), released: make(chan struct{})}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.held = h
	return h.arrived, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.held = nil
		close(h.released)
	}
}

type held struct {
	once              sync.Once
	arrived, released chan struct{}
}

func (g *gate) setSilent(s bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.silent = s
}

// through is a DSN that goes through a gate.
func through(t testing.TB, dsn string) (string, *gate) {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	g := newGate(t, u.Host)
	u.Host = g.addr
	return u.String(), g
}
