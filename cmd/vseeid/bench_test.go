package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"
	"golang.org/x/crypto/argon2"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
)

// The benchmarks run the program as it is released, as a process of its own on PostgreSQL and Redis,
// and report what it costs in units of what it cannot do without, measured in the same run: a
// signature, a password hash, a commit. The machine and its load stand on both sides. One iteration
// is a round of both; -benchtime 20x makes better figures.

// BenchmarkClientCredentials is what a grant costs the server: x/ES256 is in signatures. Eight
// callers ask at a time, on connections that they keep: a server that has nothing to do between
// two requests spends as much on going to sleep and waking up as on either.
func BenchmarkClientCredentials(b *testing.B) {
	const callers, round = 8, 1000
	s := startProgram(b)
	app := s.app(b, op.Client{
		ID: "reports", AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantClientCredentials}, Scopes: []string{"reports:read"},
	})
	grants := func(n int) {
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range n / callers {
					answer := app.Token(optest.With("grant_type", op.GrantClientCredentials))
					if answer.Status != http.StatusOK {
						b.Errorf("no token: %d %s %s", answer.Status, answer.Error, answer.Description)
					}
				}
			})
		}
		all.Wait()
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(b, err)
	hash := sha256.Sum256([]byte("token"))
	sign := func() {
		_, err := ecdsa.SignASN1(rand.Reader, key, hash[:])
		must(b, err)
	}
	grants(round)

	var spent, floor time.Duration
	for b.Loop() {
		spent += s.busy(b, func() { grants(round) })
		floor += busy(b, func() {
			for range round {
				sign()
			}
		})
	}
	done := float64(b.N * round)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(spent)/float64(floor), "x/ES256")
	b.ReportMetric(float64(spent.Microseconds())/done, "µs/grant")
	b.ReportMetric(float64(floor.Microseconds())/done, "µs/ES256")
}

// BenchmarkSignIn is a whole sign-in, from the authorization request by identifier, password and the
// code of an app to the tokens: x/argon2id is the server's time on a core, x/argon2id-wall the
// person's time in front of it, both in hashes.
func BenchmarkSignIn(b *testing.B) {
	const round = 10
	s := startProgram(b)
	app := s.app(b, browserClient("clinic", "RS256"))
	hash := func() { argon2.IDKey([]byte(samplePassword), make([]byte, 16), 2, 19*1024, 1, 32) }
	for range round {
		s.signIn(b, app, s.visitor(b))
	}

	var spent, floor time.Duration
	var whole, floors []time.Duration
	for b.Loop() {
		people := make([]visitor, round)
		for i := range people {
			people[i] = s.visitor(b)
		}
		spent += s.busy(b, func() {
			for _, p := range people {
				whole = append(whole, elapsed(func() { s.signIn(b, app, p) }))
			}
		})
		floor += busy(b, func() {
			for range round {
				floors = append(floors, elapsed(hash))
			}
		})
	}
	done := float64(b.N * round)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(spent)/float64(floor), "x/argon2id")
	b.ReportMetric(median(whole)/median(floors), "x/argon2id-wall")
	b.ReportMetric(spent.Seconds()*1000/done, "ms/sign-in")
	b.ReportMetric(floor.Seconds()*1000/done, "ms/argon2id")
}

// BenchmarkRefresh is how long an app waits for a refresh: x/commit is in commits of the same
// database server over the same kind of connection.
func BenchmarkRefresh(b *testing.B) {
	const round = 20
	s := startProgram(b)
	conn, err := pgx.Connect(b.Context(), s.dsn)
	must(b, err)
	defer conn.Close(context.Background())
	_, err = conn.Exec(b.Context(), `CREATE TABLE bench (id text PRIMARY KEY, at timestamptz NOT NULL)`)
	must(b, err)
	commit := func() {
		_, err := conn.Exec(b.Context(), `INSERT INTO bench VALUES ($1, $2)`, uuid.NewString(), time.Now())
		must(b, err)
	}
	algs := []string{"ES256", "RS256"}
	apps, tokens := make([]*optest.App, len(algs)), make([]string, len(algs))
	for i, alg := range algs {
		apps[i] = s.app(b, browserClient("app-"+strings.ToLower(alg), alg))
		tokens[i] = s.signIn(b, apps[i], s.visitor(b)).RefreshToken
	}
	refresh := func(i int) {
		answer := apps[i].Refresh(tokens[i])
		wantToken(b, answer)
		tokens[i] = answer.RefreshToken
	}

	var commits []time.Duration
	refreshes := make([][]time.Duration, len(algs))
	one := func() {
		commits = append(commits, elapsed(commit))
		for i := range algs {
			refreshes[i] = append(refreshes[i], elapsed(func() { refresh(i) }))
		}
	}
	for range round {
		one()
	}
	commits, refreshes = nil, make([][]time.Duration, len(algs))
	for b.Loop() {
		for range round {
			one()
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, alg := range algs {
		b.ReportMetric(median(refreshes[i])/median(commits), "x/commit-"+alg)
	}
	b.ReportMetric(median(commits)/1e3, "µs/commit")
}

// BenchmarkStart is how long the program takes to be ready, and what memory it takes then and after
// 200 sign-ins one after the other.
func BenchmarkStart(b *testing.B) {
	var starts, devs []time.Duration
	var fresh, used []int64
	for b.Loop() {
		s := startProgram(b)
		starts, fresh = append(starts, s.started), append(fresh, s.resident(b))
		app := s.app(b, browserClient("clinic", "RS256"))
		for range 200 {
			s.signIn(b, app, s.visitor(b))
		}
		used = append(used, s.resident(b))
		devs = append(devs, timeDev(b, s.path))
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(starts)/1e6, "ms-ready")
	b.ReportMetric(median(devs)/1e6, "ms-dev")
	b.ReportMetric(median(fresh)/1e6, "MB")
	b.ReportMetric(median(used)/1e6, "MB-used")
}

// program is `vseeid serve` as a process of its own.
type program struct {
	issuer  string
	dsn     string
	path    string // of the executable
	db      *sqldb.DB
	keys    *secret.Keys
	hash    string // of samplePassword
	pid     int
	started time.Duration // from exec to a ready answer
	people  int
}

func startProgram(b *testing.B) *program {
	b.Helper()
	redis := os.Getenv("VSEEID_TEST_REDIS")
	if redis == "" {
		b.Skip("VSEEID_TEST_REDIS is not set: make bench starts one")
	}
	return startProgramOn(b, redis)
}

func startProgramOn(b *testing.B, redis string) *program {
	b.Helper()
	s := &program{dsn: storagetest.Postgres(b), path: release(b)}
	key := secret.NewKey()
	var err error
	s.keys, err = secret.Parse(key)
	must(b, err)
	s.db, err = sqldb.Open(b.Context(), sqldb.Config{DSN: s.dsn, Keys: s.keys, MaxConns: 2})
	must(b, err)
	b.Cleanup(func() { must(b, s.db.Close()) })
	must(b, s.db.Migrate(b.Context()))
	hasher, err := password.New(password.Config{})
	must(b, err)
	s.hash, err = hasher.Hash(b.Context(), samplePassword)
	must(b, err)

	addr := freeAddress(b)
	s.issuer = "http://localhost:" + portOf(addr) // an address has no passkeys
	begun := time.Now()
	process := start(b, s.path, []string{"serve"}, []string{
		"VSEEID_ISSUER=" + s.issuer, "VSEEID_LISTEN=" + addr, "VSEEID_MASTER_KEYS=" + key,
		"VSEEID_DATABASE_URL=" + s.dsn, "VSEEID_REDIS_URL=redis://" + redis, "VSEEID_REDIS_PREFIX=" + rand.Text() + ":",
		"VSEEID_TRUSTED_PROXIES=127.0.0.1/32",
	}, nil)
	s.pid = process.Process.Pid
	for !isReady(s.issuer + "/readyz") {
		if time.Since(begun) > time.Minute {
			b.Fatal("the program is not ready after a minute")
		}
	}
	s.started = time.Since(begun)
	return s
}

// timeDev returns how long `vseeid dev` takes to say that it is ready, from nothing.
func timeDev(b *testing.B, path string) time.Duration {
	b.Helper()
	out, in, err := os.Pipe()
	must(b, err)
	defer out.Close()
	args := []string{"dev", "--dir", b.TempDir()}
	for _, flag := range []string{"--port", "--messenger-port", "--clinic-port"} {
		args = append(args, flag, portOf(freeAddress(b)))
	}
	begun := time.Now()
	process := start(b, path, args, nil, in)
	must(b, in.Close())
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if strings.Contains(lines.Text(), "is ready") {
			took := time.Since(begun)
			must(b, process.Process.Signal(os.Interrupt))
			return took
		}
	}
	b.Fatal("dev did not get ready")
	return 0
}

// start starts a process that ends with the benchmark at the latest.
func start(b *testing.B, path string, args, env []string, stdout *os.File) *exec.Cmd {
	b.Helper()
	c := exec.Command(path, args...)
	c.Env = append(os.Environ(), env...)
	if stdout != nil {
		c.Stdout = stdout
	}
	if testing.Verbose() {
		c.Stderr = b.Output()
	}
	must(b, c.Start())
	b.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // it may have ended already
		_ = c.Wait()                       // how does not matter here
	})
	return c
}

// release builds the program as make build does.
func release(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "vseeid")
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// freeAddress is an address of this machine that was free a moment ago.
func freeAddress(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(b, err)
	defer l.Close()
	return l.Addr().String()
}

func isReady(address string) bool {
	r, err := http.Get(address)
	if err != nil {
		return false
	}
	defer r.Body.Close()
	return r.StatusCode == http.StatusOK
}

func browserClient(id, alg string) op.Client {
	return op.Client{
		ID: id, AuthMethod: op.AuthBasic, GrantTypes: []string{op.GrantCode, op.GrantRefresh}, IDTokenAlg: alg,
		Scopes: []string{"openid", "profile", "email", "offline_access"}, RedirectURIs: []string{"https://app.example/callback"},
	}
}

// app registers a client, with a secret, and is that client.
func (s *program) app(b *testing.B, c op.Client) *optest.App {
	b.Helper()
	now := time.Now()
	c.Name, c.Created, c.Updated = c.ID, now, now
	c.Secrets = []op.Secret{{Hash: s.keys.Hash(op.SecretPurpose, clinicSecret), Created: now}}
	must(b, s.db.CreateClient(b.Context(), c, storage.Trail{}))
	a := optest.App{Issuer: s.issuer, ID: c.ID, Secret: clinicSecret, Scopes: "openid profile email offline_access"}
	if len(c.RedirectURIs) > 0 {
		a.RedirectURI = c.RedirectURIs[0]
	}
	return optest.NewApp(b, a)
}

// visitor is somebody in an organization that demands a second factor, who has an
// app and a recovery code.
type visitor struct {
	email   string
	seed    []byte
	address string // of the person's browser
}

// visitor makes a new one: nobody has to wait until the next code.
func (s *program) visitor(b *testing.B) visitor {
	b.Helper()
	ctx, now := b.Context(), time.Now()
	if s.people == 0 {
		policy, _ := login.Preset("standard")
		must(b, s.db.CreateOrg(ctx, login.Org{ID: "riverside", Name: "Riverside", Policy: policy, Created: now, Updated: now}, storage.Trail{}))
	}
	s.people++
	id, enrollment := uuid.Must(uuid.NewV7()).String(), uuid.Must(uuid.NewV7()).String()
	p := visitor{email: fmt.Sprintf("p%d@riverside.example", s.people), seed: []byte(rand.Text()[:20])}
	p.address = netip.AddrFrom4([4]byte{10, byte(s.people >> 16), byte(s.people >> 8), byte(s.people)}).String()
	must(b, s.db.CreateUser(ctx, login.User{
		ID: id, Email: p.email, EmailVerified: true, Name: "Charlotte Jones", Locale: "en", PasswordHash: s.hash, PasswordSet: now,
		Created: now, Updated: now,
	}, storage.Trail{}))
	must(b, s.db.AddMember(ctx, login.Membership{UserID: id, OrgID: "riverside", Created: now}, storage.Trail{}))
	must(b, s.db.EnrollFirst(ctx, factors.Enrollment{
		ID: enrollment, UserID: id, Kind: factors.TOTP, Name: "Authenticator app", Secret: p.seed, Confirmed: now, Created: now,
	}, login.Grounds{}, storage.Trail{}))
	must(b, s.db.ReplaceRecovery(ctx, factors.Enrollment{
		ID: uuid.Must(uuid.NewV7()).String(), UserID: id, Kind: factors.Recovery, Secret: []byte(rand.Text()), Confirmed: now, Created: now,
	}, login.Grounds{Changes: 1}, storage.Trail{}))
	return p
}

// signIn walks p through the pages, and returns the tokens.
func (s *program) signIn(b *testing.B, app *optest.App, p visitor) optest.Answer {
	b.Helper()
	browser := optest.NewBrowser(b, s.issuer)
	browser.HTTP.Transport = from(p.address)
	flow := app.Begin()
	page := browser.Open(flow.URL()).Submit("email", p.email).Submit("password", samplePassword)
	code, err := totp.GenerateCode(base32.StdEncoding.EncodeToString(p.seed), time.Now())
	must(b, err)
	answer := app.Redeem(flow, flow.Code(page.Submit("code", code)))
	wantToken(b, answer)
	return answer
}

func wantToken(b *testing.B, a optest.Answer) {
	b.Helper()
	if a.Status != http.StatusOK || a.AccessToken == "" {
		b.Fatalf("no token: %d %s %s", a.Status, a.Error, a.Description)
	}
}

// from is a proxy in front of the program, which sees everybody come from another address.
type from string

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Forwarded-For", string(f))
	return http.DefaultTransport.RoundTrip(r)
}

// busy is how much of a core the program has used while f ran. The kernel counts it in steps of
// 10 ms.
func (s *program) busy(b *testing.B, f func()) time.Duration {
	b.Helper()
	before := s.used(b)
	f()
	return s.used(b) - before
}

func (s *program) used(b *testing.B) time.Duration {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	if err != nil {
		b.Skip("there is no /proc here to read the processor time of a process from")
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	user, err := strconv.ParseInt(fields[12], 10, 64)
	must(b, err)
	system, err := strconv.ParseInt(fields[13], 10, 64)
	must(b, err)
	return time.Duration(user+system) * 10 * time.Millisecond
}

// resident is how much memory the program holds, in bytes.
func (s *program) resident(b *testing.B) int64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.pid))
	if err != nil {
		b.Skip("there is no /proc here to read the memory of a process from")
	}
	for line := range strings.Lines(string(status)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kB, err := strconv.ParseInt(f[1], 10, 64)
			must(b, err)
			return kB << 10
		}
	}
	b.Fatal("/proc says nothing of the memory")
	return 0
}

// busy is how much of a core this process has used while f ran.
func busy(b *testing.B, f func()) time.Duration {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	f()
	return used() - before
}

func elapsed(f func()) time.Duration {
	begun := time.Now()
	f()
	return time.Since(begun)
}

func median[T ~int64](of []T) float64 {
	slices.Sort(of)
	return float64(of[len(of)/2])
}
