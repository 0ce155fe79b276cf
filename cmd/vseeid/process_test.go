package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
)

// patience bounds every wait for another process. Nothing waits for it in a run that passes.
const patience = 30 * time.Second

// child is the program itself, started from the test binary.
type child struct {
	t      testing.TB
	cmd    *exec.Cmd
	stdout *watched
	stderr *watched
	ended  chan struct{}
}

// startChild starts the program with these settings and no others of VSEEID_*.
func startChild(t testing.TB, env []string, args ...string) *child {
	t.Helper()
	p := &child{t: t, stdout: newWatched(), stderr: newWatched(), ended: make(chan struct{})}
	p.cmd = exec.Command(os.Args[0], args...)
	p.cmd.Env = append([]string{"VSEEID_TEST_AS_PROGRAM=1", "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, env...)
	p.cmd.Dir = t.TempDir()
	p.cmd.Stdout, p.cmd.Stderr = p.stdout, p.stderr
	must(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // the exit code says it
		p.stdout.end()
		p.stderr.end()
		close(p.ended)
	}()
	t.Cleanup(func() {
		if p.running() {
			_ = p.cmd.Process.Kill() // it may have ended just now
			<-p.ended
		}
	})
	return p
}

// runChild runs it to its end.
func runChild(t testing.TB, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	p := startChild(t, env, args...)
	code = p.wait()
	return code, p.stdout.String(), p.stderr.String()
}

func (p *child) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

func (p *child) signal(s os.Signal) {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(s))
}

// wait returns the exit code.
func (p *child) wait() int {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.t.Fatalf("%v does not end: %s", p.cmd.Args[1:], p.stderr)
	}
	return p.cmd.ProcessState.ExitCode()
}

// until asks again and again, until it is so.
func (p *child) until(what string, so func() bool) {
	p.t.Helper()
	for late := time.Now().Add(patience); !so(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(late) {
			p.t.Fatalf("it is never so that %s: %s", what, p.stderr)
		}
	}
}

// stop asks it to stop, as a supervisor does, and returns the exit code.
func (p *child) stop() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	return p.wait()
}

var servingAt = regexp.MustCompile(`"msg":"serving".*"address":"([^"]+)"`)

// address is where a `serve` serves, once it does.
func (p *child) address() string {
	p.t.Helper()
	return p.stderr.find(p.t, servingAt)
}

// watched is output that a test can wait for.
type watched struct {
	mu     sync.Mutex
	change *sync.Cond
	b      bytes.Buffer
	over   bool
}

func newWatched() *watched {
	w := &watched{}
	w.change = sync.NewCond(&w.mu)
	return w
}

func (w *watched) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.change.Broadcast()
	return w.b.Write(p)
}

func (w *watched) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over = true
	w.change.Broadcast()
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// find waits for a line that matches, and returns the first group of it.
func (w *watched) find(t testing.TB, line *regexp.Regexp) string {
	t.Helper()
	late := false
	timer := time.AfterFunc(patience, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		late = true
		w.change.Broadcast()
	})
	defer timer.Stop()
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		if m := line.FindSubmatch(w.b.Bytes()); m != nil {
			return string(m[len(m)-1])
		}
		if w.over || late {
			t.Fatalf("no line like %s in: %s", line, w.b.String())
		}
		w.change.Wait()
	}
}

// deployment is what production is: one PostgreSQL, one Redis, any number of instances, and a proxy
// in front that sends each request to the next one.
type deployment struct {
	sample
	t       testing.TB
	dsn     string
	keys    string // the master keys
	redis   string // host:port
	prefix  string
	env     []string
	front   *front
	durable *sqldb.DB // for what a test looks at
}

// deploy makes the stores ready with the program itself and plants the sample data. It starts no
// instance.
func deploy(t testing.TB) *deployment {
	t.Helper()
	redis := os.Getenv("VSEEID_TEST_REDIS")
	if redis == "" {
		t.Skip("VSEEID_TEST_REDIS is not set: make test starts one")
	}
	return deployOn(t, redis)
}

func deployOn(t testing.TB, redis string) *deployment {
	t.Helper()
	d := &deployment{
		t: t, dsn: storagetest.Postgres(t), keys: secret.NewKey(), redis: redis,
		prefix: "vseeid-test-" + strings.ToLower(newRequestID()) + ":", front: newFront(t),
	}
	d.issuer, d.messenger, d.clinic = d.front.url, "http://localhost:9", "http://localhost:10"
	d.env = []string{
		"VSEEID_ISSUER=" + d.issuer, "VSEEID_LISTEN=127.0.0.1:0", "VSEEID_TRUSTED_PROXIES=127.0.0.1/32",
		"VSEEID_DATABASE_URL=" + d.dsn, "VSEEID_DATABASE_CONNS=8", "VSEEID_MASTER_KEYS=" + d.keys,
		"VSEEID_REDIS_URL=redis://" + redis, "VSEEID_REDIS_PREFIX=" + d.prefix,
	}
	if code, _, stderr := runChild(t, d.env, "migrate", "up"); code != 0 {
		t.Fatalf("migrate up: exit %d: %s", code, stderr)
	}
	keys, err := secret.Parse(d.keys)
	must(t, err)
	d.durable, err = sqldb.Open(t.Context(), sqldb.Config{DSN: d.dsn, Keys: keys, MaxConns: 4})
	must(t, err)
	t.Cleanup(func() { must(t, d.durable.Close()) })
	hasher, err := password.New(password.Config{Memory: 64, Time: 1})
	must(t, err)
	must(t, d.plant(t.Context(), d.durable, keys, hasher, time.Now()))
	return d
}

// serve starts an instance and puts it behind the proxy.
func (d *deployment) serve(env ...string) *child {
	d.t.Helper()
	p := startChild(d.t, append(append([]string(nil), d.env...), env...), "serve")
	d.front.add(p.address())
	return p
}

// front is a reverse proxy that goes round the instances.
type front struct {
	url   string
	mu    sync.Mutex
	at    []string
	turn  int
	seen  map[string]int // requests by instance
	other atomic.Int64   // requests that no instance took
}

func newFront(t testing.TB) *front {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	f := &front{url: "http://localhost:" + portOf(l.Addr().String()), seen: map[string]int{}}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: f.next(r.In.Header.Get(pickHeader))})
			r.Out.Header.Del(pickHeader)
			r.Out.Host = r.In.Host
			r.SetXForwarded()
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) {
			f.other.Add(1)
			w.WriteHeader(http.StatusBadGateway)
		},
	}
	s := &http.Server{Handler: proxy, ReadHeaderTimeout: patience}
	done := make(chan error, 1)
	go func() { done <- s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		must(t, errors.Join(s.Shutdown(ctx)))
		<-done
	})
	return f
}

// pickHeader names the instance that a request is for, where a test does not leave it to the proxy.
const pickHeader = "X-Pick-Instance"

func (f *front) next(picked string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if picked != "" {
		return picked
	}
	if len(f.at) == 0 {
		return "127.0.0.1:1"
	}
	f.turn++
	a := f.at[f.turn%len(f.at)]
	f.seen[a]++
	return a
}

func (f *front) add(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.at = append(f.at, address)
}

func (f *front) remove(address string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, a := range f.at {
		if a == address {
			f.at = append(f.at[:i:i], f.at[i+1:]...)
			return
		}
	}
}

// shares are the requests that each instance got.
func (f *front) shares() map[string]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]int{}
	for a, n := range f.seen {
		out[a] = n
	}
	return out
}
