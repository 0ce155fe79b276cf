package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// pipes is a listener without a network, so that a test can own the clock.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// lifecycle is a server under serveUntil, with one slow route and one worker.
type lifecycle struct {
	client  http.Client
	arrived chan struct{} // a request to /slow is under way
	release chan struct{} // it may end
	stop    context.CancelFunc
	ended   chan error // what serveUntil returned
	order   *order
}

// order is what happened, one after the other.
type order struct {
	mu     sync.Mutex
	events []string
}

func (o *order) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, what)
}

func (o *order) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.events, ", ")
}

func live(how stopping) *lifecycle {
	l := &lifecycle{
		arrived: make(chan struct{}), release: make(chan struct{}), ended: make(chan error, 1), order: &order{},
	}
	listener := newPipes()
	l.client.Transport = &http.Transport{DialContext: listener.dial}
	mux := http.NewServeMux()
	how.health.mount(mux)
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, r *http.Request) {
		close(l.arrived)
		select {
		case <-l.release:
			l.order.note("request finished")
			say(w, http.StatusOK, "done")
		case <-r.Context().Done():
			l.order.note("request cut off")
		}
	})
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	work := func(ctx context.Context) { <-ctx.Done(); l.order.note("worker stopped") }
	go func() {
		l.ended <- serveUntil(ctx, newHTTPServer(mux, slog.New(slog.DiscardHandler), nil), listener, how, work)
	}()
	return l
}

func (l *lifecycle) get(path string) string {
	answer, err := l.client.Get("http://provider" + path)
	if err != nil {
		return "refused"
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return "cut off"
	}
	return fmt.Sprint(answer.StatusCode, " ", strings.TrimSpace(string(body)))
}

// TestStopFinishesWhatIsUnderWay stops a server in the middle of a request: load balancers are told
// first, the request finishes, and what works beside the requests ends last.
func TestStopFinishesWhatIsUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live(stopping{health: &health{}, drain: 5 * time.Second, timeout: 20 * time.Second})
		slow := make(chan string, 1)
		go func() { slow <- l.get("/slow") }()
		<-l.arrived
		if got := l.get("/readyz"); got != "200 ready" {
			t.Errorf("before: %s", got)
		}
		l.stop()
		synctest.Wait()
		if got := l.get("/readyz"); got != "503 stopping" {
			t.Errorf("told to stop: /readyz %s", got)
		}
		if got := l.get("/livez"); got != "200 alive" {
			t.Errorf("told to stop: /livez %s", got)
		}
		time.Sleep(6 * time.Second) // of the test's clock: the drain is over
		if got := l.get("/livez"); got != "refused" {
			t.Errorf("after the drain: %s", got)
		}
		close(l.release)
		if got := <-slow; got != "200 done" {
			t.Errorf("the request under way: %s", got)
		}
		if err := <-l.ended; err != nil {
			t.Errorf("serving ended with %v", err)
		}
		if got := l.order.String(); got != "request finished, worker stopped" {
			t.Errorf("in this order: %s", got)
		}
	})
}

// TestStopCutsOffWhatHangs does not wait longer than it was told to, and says so.
func TestStopCutsOffWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := live(stopping{health: &health{}, timeout: 20 * time.Second})
		slow := make(chan string, 1)
		go func() { slow <- l.get("/slow") }()
		<-l.arrived
		begun := time.Now()
		l.stop()
		err := <-l.ended
		if err == nil || !strings.Contains(err.Error(), "cut off") {
			t.Errorf("serving ended with %v", err)
		}
		if took := time.Since(begun); took != 20*time.Second {
			t.Errorf("it took %s", took)
		}
		if got := <-slow; got == "200 done" {
			t.Errorf("the request: %s", got)
		}
	})
}

// TestServingFails returns what went wrong with the port, and stops the workers.
func TestServingFails(t *testing.T) {
	listener := newPipes()
	must(t, listener.Close())
	stopped := false
	err := serveUntil(t.Context(), newHTTPServer(http.NotFoundHandler(), slog.New(slog.DiscardHandler), nil), listener,
		stopping{health: &health{}, timeout: time.Second}, func(ctx context.Context) { <-ctx.Done(); stopped = true })
	if err == nil || !stopped {
		t.Errorf("error %v, worker stopped %v", err, stopped)
	}
}

// TestServeRefuses starts serve with settings that are good by themselves, on stores that are not.
func TestServeRefuses(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, occupied.Close()) })

	for _, c := range []struct {
		name  string
		setup func(t *testing.T, flags map[string]string)
		says  string
	}{
		{"an empty database", func(*testing.T, map[string]string) {}, `run "vseeid migrate up" first`},
		{"another database's master keys", func(t *testing.T, flags map[string]string) {
			database(t, flags, func(*sqldb.DB, *secret.Keys, sample) {})
			serveOnce(t, flags)
			flags["master-keys"] = secret.NewKey()
		}, "VSEEID_MASTER_KEYS are not those of this database"},
		{"the people of dev", func(t *testing.T, flags map[string]string) {
			database(t, flags, func(db *sqldb.DB, keys *secret.Keys, s sample) {
				hasher, err := password.New(password.Config{Memory: 64, Time: 1})
				must(t, err)
				must(t, plantPeople(t.Context(), db, hasher, time.Now()))
			})
		}, "charlotte@riverside.example has the password that `vseeid dev` gives"},
		{"the clients of dev", func(t *testing.T, flags map[string]string) {
			database(t, flags, func(db *sqldb.DB, keys *secret.Keys, s sample) {
				for _, c := range s.clients() {
					must(t, plantClient(t.Context(), db, keys, c, time.Now()))
				}
			})
		}, `client "clinic" has the secret that ` + "`vseeid dev` gives"},
		{"a Redis that is not there", func(t *testing.T, flags map[string]string) {
			database(t, flags, func(*sqldb.DB, *secret.Keys, sample) {})
			flags["redis-url"] = "redis://:canary@127.0.0.1:1/0"
		}, "cannot reach Redis"},
		{"a port in use", func(t *testing.T, flags map[string]string) {
			database(t, flags, func(*sqldb.DB, *secret.Keys, sample) {})
			flags["listen"] = occupied.Addr().String()
		}, "is in use by another program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			flags := goodSettings(t)
			c.setup(t, flags)
			code, _, stderr := runWith(t, "serve", flags)
			lines := strings.Split(strings.TrimSpace(stderr), "\n")
			last := lines[len(lines)-1] // before it the log may say that no mail server is set
			if code != exitFailed || !strings.HasPrefix(last, "vseeid: ") || !strings.Contains(last, c.says) {
				t.Errorf("exit %d: %s", code, stderr)
			}
			if strings.Contains(stderr, "canary") || strings.Contains(stderr, "goroutine") {
				t.Errorf("more than anybody may know: %s", stderr)
			}
		})
	}
}

// database makes the database of the settings, and fills it.
func database(t *testing.T, flags map[string]string, fill func(*sqldb.DB, *secret.Keys, sample)) {
	t.Helper()
	keys, err := secret.Parse(flags["master-keys"])
	must(t, err)
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: flags["database-url"], Keys: keys})
	must(t, err)
	must(t, db.Migrate(t.Context()))
	fill(db, keys, sample{issuer: "http://localhost:1", messenger: "http://localhost:2", clinic: "http://localhost:3"})
	must(t, db.Close())
}

// serveOnce starts serve with these settings, and stops it.
func serveOnce(t *testing.T, flags map[string]string) {
	t.Helper()
	var env []string
	for name, value := range flags {
		env = append(env, "VSEEID_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
	}
	p := startChild(t, env, "serve")
	p.address()
	if code := p.stop(); code != 0 {
		t.Fatalf("serve: exit %d: %s", code, p.stderr)
	}
}

// TestServe starts it as an operator does: with a logo, and nothing but variables.
func TestServe(t *testing.T) {
	flags := goodSettings(t)
	flags["issuer"] = "http://localhost:8080"
	flags["brand-logo"] = filepath.Join(t.TempDir(), "logo.svg")
	writeFile(t, flags["brand-logo"], "<svg/>")
	database(t, flags, func(*sqldb.DB, *secret.Keys, sample) {})
	var env []string
	for name, value := range flags {
		env = append(env, "VSEEID_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+value)
	}
	p := startChild(t, env, "serve")
	base := "http://" + p.address()
	if answer, body := ask(t, http.MethodGet, base+"/readyz", nil); answer.StatusCode != http.StatusOK {
		t.Errorf("/readyz: %s %s", answer.Status, body)
	}
	answer, body := ask(t, http.MethodGet, base+"/u/brand/logo", func(r *http.Request) { r.Host = "localhost:8080" })
	if body != "<svg/>" || answer.Header.Get("Content-Type") != "image/svg+xml" || !strings.Contains(answer.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("logo: %s %v %q", answer.Status, answer.Header, body)
	}
	if answer, _ := ask(t, http.MethodGet, base+"/dev/mail.json", func(r *http.Request) { r.Host = "localhost:8080" }); answer.StatusCode != http.StatusNotFound {
		t.Errorf("serve shows mails to everybody: %s", answer.Status)
	}
	if code := p.stop(); code != 0 || !strings.Contains(p.stderr.String(), `"msg":"stopped"`) {
		t.Errorf("exit %d: %s", code, p.stderr)
	}
	if p.stdout.String() != "" {
		t.Errorf("printed: %s", p.stdout)
	}
}
