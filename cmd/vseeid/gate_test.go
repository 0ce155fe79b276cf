package main

import (
	"io"
	"net"
	"net/url"
	"os/exec"
	"regexp"
	"sync"
	"testing"
)

// ownRedis is a Redis that a test may kill.
type ownRedis struct {
	t    testing.TB
	addr string
	cmd  *exec.Cmd
}

func newOwnRedis(t testing.TB) *ownRedis {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skip("redis-server is not on PATH: this test kills one of its own")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
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
	out.find(r.t, regexp.MustCompile(`(?i)ready to accept connections`))
}

func (r *ownRedis) kill() {
	r.t.Helper()
	must(r.t, r.cmd.Process.Kill())
	_ = r.cmd.Wait() // it was killed
	r.cmd = nil
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
	g := &gate{target: target, addr: "127.0.0.1:0", conns: map[net.Conn]bool{}}
	g.open(t)
	t.Cleanup(g.shut)
	return g
}

func (g *gate) open(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", g.addr)
	must(t, err)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.l, g.addr = l, l.Addr().String()
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
