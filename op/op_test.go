package op_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
	"github.com/vsee/vseeid/templates"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// desk stands in for login: it signs people in without asking them anything. Sessions are real.
type desk struct {
	db       *sqldb.DB
	provider *op.Provider
	now      func() time.Time

	mu      sync.Mutex
	person  string       // who signs in
	org     string       // for which organization
	denied  error        // what Recheck says
	floor   []string     // that Recheck was last told of
	lost    bool         // who signs in has only the recovery code left
	held    []string     // scopes that the policy keeps from who signs in
	began   login.Demand // of the last sign-in
	request []byte       // of the last sign-in
}

const deskCookie = "desk"

func (d *desk) Begin(w http.ResponseWriter, r *http.Request, demand login.Demand, request []byte) error {
	d.mu.Lock()
	d.began, d.request = demand, request
	person, org, lost, held := d.person, d.org, d.lost, d.held
	d.mu.Unlock()
	sid, userID, err := d.Current(r)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	if sid == "" || demand.Fresh {
		if demand.Silent {
			return d.provider.Fail(w, r, request, login.ErrorLoginRequired)
		}
		userID = person
		if sid, err = d.open(w, r.Context(), person); err != nil {
			return err
		}
	}
	if demand.Subject != "" && demand.Subject != userID {
		return d.provider.Fail(w, r, request, login.ErrorLoginRequired)
	}
	s, err := d.db.Session(r.Context(), sid)
	if err != nil {
		return err
	}
	return d.provider.Finish(w, r, login.Result{
		UserID: userID, OrgID: org, SessionID: sid,
		AMR: login.AMR(s.Evidence), ACR: login.ACR(demand.ACR, s.Evidence), AuthTime: login.AuthTime(s.Evidence),
		Recovered: lost, Withheld: held, Request: request, Proof: []byte(`{}`),
	})
}

func (d *desk) open(w http.ResponseWriter, ctx context.Context, person string) (string, error) {
	cookie, now := rand.Text(), d.now()
	s := session.Session{ID: newID(), UserID: person, Created: now, LastUsed: now, Evidence: []factors.Evidence{
		{Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}, At: now},
		{Kind: factors.TOTP, Source: "totp:1", Class: factors.Has, AMR: []string{"otp"}, At: now},
	}}
	http.SetCookie(w, &http.Cookie{Name: deskCookie, Value: cookie, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	return s.ID, d.db.CreateSession(ctx, s, cookie, noTrail)
}

func (d *desk) Current(r *http.Request) (string, string, error) {
	cookie, err := r.Cookie(deskCookie)
	if err != nil {
		return "", "", storage.ErrNotFound
	}
	s, err := d.db.SessionByCookie(r.Context(), cookie.Value)
	return s.ID, s.UserID, err
}

func (d *desk) End(_ http.ResponseWriter, r *http.Request, sid string) error {
	return d.db.EndSession(r.Context(), sid, false, d.now(), noTrail)
}

func (d *desk) Recheck(ctx context.Context, r login.Result, floor []string, offline bool) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.floor = floor
	if len(floor) > 0 && !slices.Contains(floor, r.ACR) {
		return nil, fmt.Errorf("%w: the proof does not meet what the client demands", login.ErrDenied)
	}
	if d.denied != nil {
		return nil, d.denied
	}
	if _, err := d.db.Session(ctx, r.SessionID); err != nil && !offline {
		return nil, fmt.Errorf("%w: the session has ended", login.ErrDenied)
	}
	return d.held, nil
}

func (d *desk) Claims(ctx context.Context, userID string) (login.Claims, error) {
	u, err := d.db.User(ctx, userID)
	return login.Claims{Name: u.Name, Email: u.Email, EmailVerified: true, Locale: "en", Updated: u.Updated}, err
}

// world is a provider with everything around it.
type world struct {
	*testing.T
	db      *sqldb.DB
	desk    *desk
	clock   *clock
	secrets *secret.Keys
	ring    *keys.Ring
	codes   *codes // nil on servers
	issuer  string
	people  [2]string
	wait    time.Duration // what Admit says
}

var noTrail storage.Trail

const callback = "http://127.0.0.1:9/callback"

// worlds runs a test on the embedded stores, and on PostgreSQL and Redis where there are any.
func worlds(t *testing.T, test func(*world)) {
	t.Run("embedded", func(t *testing.T) { test(newWorld(t)) })
	t.Run("servers", func(t *testing.T) {
		redis := os.Getenv("VSEEID_TEST_REDIS")
		if redis == "" {
			t.Skip("VSEEID_TEST_REDIS is not set: make test starts one")
		}
		w := &world{T: t, secrets: newSecrets(t), clock: &clock{now: time.Now()}}
		short, err := redisdb.Open(t.Context(), redisdb.Config{
			Addrs: []string{redis}, Prefix: "op-test-" + rand.Text() + ":", Keys: w.secrets, Now: w.clock.Now,
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { short.Close() })
		w.start(storagetest.Postgres(t), short)
		test(w)
	})
}

// newWorld is on the embedded stores.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, secrets: newSecrets(t), clock: &clock{now: time.Now()}}
	w.codes = &codes{Codes: memory.New(memory.Config{Now: w.clock.Now})}
	w.start("sqlite:"+filepath.Join(t.TempDir(), "test.db"), w.codes)
	return w
}

// codes is a short-lived store that can fail, or forget that a code was redeemed.
type codes struct {
	op.Codes

	mu      sync.Mutex
	down    error
	forgets bool
	taken   map[string]op.Authorization
}

func (c *codes) SaveCode(ctx context.Context, code string, a op.Authorization, now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down != nil {
		return c.down
	}
	return c.Codes.SaveCode(ctx, code, a, now)
}

func (c *codes) TakeCode(ctx context.Context, code string, now time.Time) (op.Authorization, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a, ok := c.taken[code]; ok && c.forgets {
		return a, nil
	}
	a, err := c.Codes.TakeCode(ctx, code, now)
	if err == nil && c.forgets {
		c.taken = map[string]op.Authorization{code: a}
	}
	return a, err
}

func newSecrets(t testing.TB) *secret.Keys {
	t.Helper()
	k, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (w *world) start(dsn string, codes op.Codes) {
	w.Helper()
	db, err := sqldb.Open(w.Context(), sqldb.Config{DSN: dsn, Keys: w.secrets, Now: w.clock.Now})
	w.must(err)
	w.Cleanup(func() { db.Close() })
	w.must(db.Migrate(w.Context()))
	w.db, w.desk = db, &desk{db: db, now: w.clock.Now}
	for i, name := range []string{"charlotte", "sam"} {
		w.people[i] = newID()
		w.must(db.CreateUser(w.Context(), login.User{
			ID: w.people[i], Email: name + "@example.com", Name: name, Created: w.clock.Now(), Updated: w.clock.Now(),
		}, noTrail))
	}
	w.desk.person = w.people[0]
	w.ring = keys.New(keys.Config{Store: db, Now: w.clock.Now})
	w.must(w.ring.Load(w.Context()))

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	w.Cleanup(server.Close)
	w.issuer = server.URL
	provider, err := op.New(op.Config{
		Issuer: server.URL, Clients: db, ClientAge: -1, Codes: codes, Grants: db, People: w.desk, Browser: w.desk,
		Begin: w.desk.Begin, Admit: func(context.Context) (time.Duration, error) { return w.wait, nil }, Keys: w.ring, Secrets: w.secrets, Brand: templates.Brand{Name: "VSee"},
		SupportedACR: login.SupportedACR(factors.TOTP), Now: w.clock.Now,
	})
	w.must(err)
	w.desk.provider = provider
	provider.Mount(mux)

	w.register(op.Client{
		ID: "messenger", Name: "Messenger", AuthMethod: op.AuthNone,
		RedirectURIs: []string{callback}, PostLogoutRedirectURIs: []string{"http://127.0.0.1:9/bye"},
		Origins:    []string{"http://127.0.0.1:9"},
		GrantTypes: []string{op.GrantCode, op.GrantRefresh},
		Scopes:     []string{"openid", "profile", "email", "offline_access"},
	}, "")
	w.register(op.Client{
		ID: "clinic", Name: "Clinic", AuthMethod: op.AuthBasic, RedirectURIs: []string{"https://clinic.example/cb?x=1"},
		GrantTypes: []string{op.GrantCode, op.GrantRefresh}, Scopes: []string{"openid", "email"},
		Audiences: []string{"https://api.clinic.example"}, IDTokenAlg: keys.ES256,
	}, clinicSecret)
	w.register(op.Client{
		ID: "reports", Name: "Reports", AuthMethod: op.AuthPost, GrantTypes: []string{op.GrantClientCredentials},
		Scopes: []string{"reports:read", "reports:write"},
	}, reportsSecret)
}

const (
	clinicSecret  = "se:cret %+&= of the clinic, long enough to be hashed"
	reportsSecret = "reports-secret-for-tests-only"
)

func (w *world) register(c op.Client, clientSecret string) {
	w.Helper()
	if clientSecret != "" {
		c.Secrets = append(c.Secrets, op.Secret{Hash: w.secrets.Hash(op.SecretPurpose, clientSecret), Created: w.clock.Now()})
	}
	c.Created, c.Updated = w.clock.Now(), w.clock.Now()
	w.must(c.Validate())
	w.must(w.db.CreateClient(w.Context(), c, noTrail))
}

// change changes a registration.
func (w *world) change(id string, edit func(*op.Client)) {
	w.Helper()
	c, err := w.db.Client(w.Context(), id)
	w.must(err)
	edit(&c)
	w.must(w.db.UpdateClient(w.Context(), c, noTrail))
}

func (w *world) messenger() *optest.App {
	return optest.NewApp(w, optest.App{Issuer: w.issuer, ID: "messenger", RedirectURI: callback})
}

func (w *world) clinic() *optest.App {
	return optest.NewApp(w, optest.App{
		Issuer: w.issuer, ID: "clinic", Secret: clinicSecret, RedirectURI: "https://clinic.example/cb?x=1", Scopes: "openid email",
	})
}

func (w *world) reports() *optest.App {
	return optest.NewApp(w, optest.App{Issuer: w.issuer, ID: "reports", Secret: reportsSecret, InBody: true})
}

// signIn walks from an app to its tokens.
func (w *world) signIn(a *optest.App, options ...optest.Option) (*optest.Browser, *optest.Flow, optest.Answer) {
	w.Helper()
	b := optest.NewBrowser(w, w.issuer)
	f := a.Begin(options...)
	answer := a.Redeem(f, f.Code(b.Open(f.URL())))
	w.status(answer, http.StatusOK)
	return b, f, answer
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) status(a optest.Answer, want int) {
	w.Helper()
	if a.Status != want {
		w.Fatalf("status %d, want %d: %s %s", a.Status, want, a.Error, a.Description)
	}
}

func (w *world) refused(a optest.Answer, status int, code string) {
	w.Helper()
	if a.Status != status || a.Error != code {
		w.Fatalf("got %d %q (%s), want %d %q", a.Status, a.Error, a.Description, status, code)
	}
	if cc := a.Header.Get("Cache-Control"); cc != "no-store" {
		w.Errorf("Cache-Control of an error is %q", cc)
	}
	if strings.ContainsAny(a.Description, "\"\\\r\n\t") {
		w.Errorf("error_description %q", a.Description)
	}
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func formHeader() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
}

// serveCounting is a server that counts who asks it.
func serveCounting(t *testing.T, hits *int) string {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { *hits++ }))
	t.Cleanup(server.Close)
	return server.URL
}
