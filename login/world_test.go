package login_test

import (
	"context"
	"encoding/base32"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	otp "github.com/pquerna/otp/totp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/recovery"
	"github.com/vsee/vseeid/factors/totp"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/storage/storagetest"
	"github.com/vsee/vseeid/templates"
)

const secretWord = "correct horse battery staple"

// origin is what browsers say that the pages are of, in passkey ceremonies.
const origin = "https://id.example"

// world is a provider without its protocol: real stores, factors, pages and HTTP, and a client that
// asks by GET /begin and is answered in JSON.
type world struct {
	t       *testing.T
	db      *sqldb.DB
	short   *memory.Store
	signIn  *login.Server
	hasher  *password.Hasher
	url     string
	close   func() // waits for the requests under way
	notices notice.Writer

	mu       sync.Mutex
	time     time.Time
	finished []login.Result
}

type worldOption func(*login.Config)

func newWorld(t *testing.T, dsn string, options ...worldOption) *world {
	t.Helper()
	w := &world{t: t, time: noon}
	keys, err := secret.Parse(secret.NewKey())
	must(t, err)
	w.db, err = sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: keys, Now: w.now})
	must(t, err)
	t.Cleanup(func() { must(t, w.db.Close()) })
	must(t, w.db.Migrate(t.Context()))
	w.short = memory.New(memory.Config{Now: w.now})
	w.hasher, err = password.New(password.Config{Memory: 64, Time: 1})
	must(t, err)

	mux := http.NewServeMux()
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		ip := r.Header.Get("X-Test-IP")
		if ip == "" {
			ip = "192.0.2.1"
		}
		origin := storage.Origin{RequestID: "req-1", IP: ip, UserAgent: r.UserAgent()}
		mux.ServeHTTP(rw, r.WithContext(storage.WithOrigin(r.Context(), origin)))
	}))
	t.Cleanup(server.Close)
	w.url, w.close = server.URL, server.Close
	issuer, err := url.Parse(server.URL)
	must(t, err)
	keyring, err := passkey.New(passkey.Config{
		RPID: "id.example", RPName: "VSee", Origins: []string{origin}, Store: w.db, Now: w.now,
	})
	must(t, err)
	writer := notice.Writer{Product: "VSee", Base: server.URL}
	w.notices = writer
	c := login.Config{
		Issuer: issuer, Transactions: w.short, Limits: w.short,
		People: w.db, Enrollments: w.db, Additions: w.db, Removals: w.db, History: w.db, Tickets: w.db, Leaves: w.db,
		Outbox: w.db, Links: w.db, Sessions: w.db, Attempts: w.db, Audit: w.db,
		Factors: map[factors.Kind]factors.Factor{
			factors.TOTP:     totp.Factor{Issuer: "VSee", Store: w.db, Now: w.now},
			factors.Recovery: recovery.Factor{Store: w.db, Now: w.now},
			factors.Email:    emailcode.Factor{Store: w.db, Write: writer.Code, Now: w.now},
			factors.Passkey:  keyring,
		},
		Passkeys:  keyring,
		Passwords: w.hasher, Keys: keys, Notices: writer, QR: totp.QR,
		Brand:  templates.Brand{Name: "VSee"},
		Finish: w.finish, Fail: w.fail,
		StartAgain:     func(request []byte) string { return "/begin?" + string(request) },
		StartElsewhere: func([]byte) string { return "/begin?elsewhere" },
		Now:            w.now,
	}
	for _, o := range options {
		o(&c)
	}
	w.signIn, err = login.New(c)
	must(t, err)
	mux.HandleFunc("GET /begin", func(rw http.ResponseWriter, r *http.Request) {
		demand := login.Demand{App: login.App{Name: "Messenger", Origins: []string{"https://app.example"}}}
		if d := r.URL.Query().Get("demand"); d != "" {
			if err := json.Unmarshal([]byte(d), &demand); err != nil {
				http.Error(rw, err.Error(), http.StatusBadRequest)
				return
			}
		}
		if err := w.signIn.Begin(rw, r, demand, []byte(r.URL.RawQuery)); err != nil {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	})
	mux.HandleFunc("POST /logout", func(rw http.ResponseWriter, r *http.Request) {
		sid, _, err := w.signIn.Current(r)
		if err == nil {
			err = w.signIn.End(rw, r, sid)
		}
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			http.Error(rw, err.Error(), http.StatusInternalServerError)
		}
	})
	w.signIn.Mount(mux)
	return w
}

func sqlite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "login.db") }

// everyDatabase runs a test on both.
func everyDatabase(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, sqlite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(t, storagetest.Postgres(t)) })
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.time
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.time = w.time.Add(d)
}

// keepGrant keeps r as op does for the client "app".
func (w *world) keepGrant(id string, r login.Result, offline bool) {
	w.t.Helper()
	must(w.t, w.db.CreateGrant(w.t.Context(), op.Grant{
		Authorization: op.Authorization{
			GrantID: id, ClientID: "app", UserID: r.UserID, OrgID: r.OrgID, SessionID: r.SessionID,
			AMR: r.AMR, ACR: r.ACR, AuthTime: r.AuthTime, Proof: r.Proof, Scopes: []string{"openid"},
		},
		Offline: offline, Created: w.now(), IdleUntil: w.now().Add(24 * time.Hour), Expires: w.now().Add(24 * time.Hour),
	}, storage.Trail{}))
}

func (w *world) results() []login.Result {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]login.Result(nil), w.finished...)
}

func (w *world) finish(rw http.ResponseWriter, _ *http.Request, r login.Result) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.finished = append(w.finished, r)
	return json.NewEncoder(rw).Encode(map[string]any{
		"finished": true, "user": r.UserID, "org": r.OrgID, "sid": r.SessionID, "amr": strings.Join(r.AMR, " "), "acr": r.ACR,
		"auth_time": r.AuthTime, "request": string(r.Request),
	})
}

func (w *world) fail(rw http.ResponseWriter, _ *http.Request, request []byte, oauthError string) error {
	return json.NewEncoder(rw).Encode(map[string]any{"failed": oauthError, "request": string(request)})
}

// person makes a person with a password, in organizations that are there.
func (w *world) person(name string, orgs ...string) login.User {
	w.t.Helper()
	hash, err := w.hasher.Hash(w.t.Context(), secretWord)
	must(w.t, err)
	u := login.User{
		ID: uuid.Must(uuid.NewV7()).String(), Email: name + "@example.com", Name: name,
		PasswordHash: hash, PasswordSet: w.now().Add(-time.Hour), Created: w.now(), Updated: w.now(),
	}
	must(w.t, w.db.CreateUser(w.t.Context(), u, storage.Trail{}))
	for _, o := range orgs {
		must(w.t, w.db.AddMember(w.t.Context(), login.Membership{UserID: u.ID, OrgID: o, Created: w.now()}, storage.Trail{}))
	}
	return u
}

func (w *world) org(id string, p login.Policy) {
	w.t.Helper()
	must(w.t, w.db.CreateOrg(w.t.Context(), login.Org{ID: id, Name: strings.ToUpper(id), Policy: p, Created: w.now(), Updated: w.now()}, storage.Trail{}))
}

func (w *world) setPolicy(id string, p login.Policy) {
	w.t.Helper()
	o, err := w.db.Org(w.t.Context(), id)
	must(w.t, err)
	o.Policy, o.Updated = p, w.now()
	must(w.t, w.db.UpdateOrg(w.t.Context(), o, storage.Trail{}))
}

// events are the types of what was noted about a person, oldest first.
func (w *world) events(userID string) []storage.Event {
	w.t.Helper()
	out, err := w.db.Events(context.Background(), sqldb.EventFilter{UserID: userID}, storage.Page{Limit: storage.MaxPage})
	must(w.t, err)
	return out
}

func (w *world) count(userID string, e storage.EventType) int {
	n := 0
	for _, event := range w.events(userID) {
		if event.Type == e {
			n++
		}
	}
	return n
}

// browser is one browser.
type browser struct {
	w      *world
	client *http.Client
	header http.Header
	can    string       // what its script finds that it can; posted with every form but those of the script
	told   atomic.Value // what the last page says that it told the browser of passkeys; posted from the pages that do
}

var toldInPage = regexp.MustCompile(`name="told" value="([^"]*)"`)

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	must(w.t, err)
	return &browser{w: w, header: http.Header{}, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// page is what a browser got.
type page struct {
	path   string // where it was asked for
	status int
	header http.Header
	body   string
	answer map[string]any // of the client
}

func (b *browser) do(r *http.Request) page {
	b.w.t.Helper()
	for name, v := range b.header {
		r.Header[name] = v
	}
	res, err := b.client.Do(r)
	if err != nil {
		b.w.t.Fatal(err)
	}
	defer func() { must(b.w.t, res.Body.Close()) }()
	body, err := io.ReadAll(res.Body)
	must(b.w.t, err)
	p := page{path: r.URL.RequestURI(), status: res.StatusCode, header: res.Header, body: string(body)}
	if strings.HasPrefix(p.body, "{") {
		must(b.w.t, json.Unmarshal(body, &p.answer))
	}
	if m := toldInPage.FindStringSubmatch(p.body); m != nil {
		b.told.Store(m[1])
	}
	return p
}

func (b *browser) get(path string) page {
	b.w.t.Helper()
	r, err := http.NewRequest(http.MethodGet, b.w.url+path, nil)
	must(b.w.t, err)
	return b.do(r)
}

// post posts a form as a page of ours does, and stays where the answer is.
func (b *browser) post(path string, form ...string) page {
	b.w.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	if b.can != "" && !values.Has("response") && !values.Has("error") {
		values.Set(templates.Can, b.can)
	}
	if told, ok := b.told.Load().(string); ok && !values.Has("told") && (strings.HasSuffix(path, "/name") || strings.HasSuffix(path, "/signal")) {
		values.Set("told", told)
	}
	r, err := http.NewRequest(http.MethodPost, b.w.url+path, strings.NewReader(values.Encode()))
	must(b.w.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return b.do(r)
}

// follow goes where a page leads.
func (b *browser) follow(p page) page {
	b.w.t.Helper()
	for range 5 {
		if p.status/100 != 3 {
			return p
		}
		if p.status != http.StatusSeeOther {
			b.w.t.Fatalf("%s redirects with %d", p.path, p.status)
		}
		p = b.get(p.header.Get("Location"))
	}
	b.w.t.Fatalf("redirects in circles at %s", p.path)
	return p
}

// begin asks as a client does.
func (b *browser) begin(d login.Demand) page {
	b.w.t.Helper()
	return b.follow(b.get(beginPath(b.w.t, d)))
}

func beginPath(t *testing.T, d login.Demand) string {
	t.Helper()
	if d.App.Name == "" {
		d.App = login.App{Name: "Messenger", Origins: []string{"https://app.example"}}
	}
	text, err := json.Marshal(d)
	must(t, err)
	return "/begin?" + url.Values{"demand": {string(text)}}.Encode()
}

// on is the path of a step of the sign-in that p is a page of.
func (p page) on(step string) string {
	parts := strings.Split(strings.SplitN(p.path, "?", 2)[0], "/")
	path := strings.Join(parts[:4], "/")
	if step == "" {
		return path
	}
	return path + "/" + step
}

// signIn answers the first two pages.
func (b *browser) password(p page, u login.User) page {
	b.w.t.Helper()
	p = b.follow(b.post(p.on("identifier"), "email", u.Email))
	p.shows(b.w.t, http.StatusOK, "Enter Your Password")
	return b.follow(b.post(p.on("password"), "password", secretWord))
}

var tags = regexp.MustCompile(`<[^>]*>`)

// shows fails unless the page has the status and the words.
func (p page) shows(t *testing.T, status int, words ...string) {
	t.Helper()
	text := html.UnescapeString(tags.ReplaceAllString(p.body, ""))
	if p.status != status {
		t.Fatalf("%s: status %d, want %d: %s", p.path, p.status, status, text)
	}
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Fatalf("%s: no %q in: %s", p.path, w, text)
		}
	}
}

// is fails unless the client was answered with the values.
func (p page) is(t *testing.T, values ...string) {
	t.Helper()
	if p.answer == nil {
		t.Fatalf("%s: status %d and no answer to the client: %s", p.path, p.status, tags.ReplaceAllString(p.body, ""))
	}
	for i := 0; i+1 < len(values); i += 2 {
		if got := p.answer[values[i]]; got != values[i+1] {
			t.Errorf("%s is %v, want %s", values[i], got, values[i+1])
		}
	}
}

var (
	seedInPage = regexp.MustCompile(`secret=([A-Z2-7]{32})`)
	codeInPage = regexp.MustCompile(`(?s)<code id="recovery"[^>]*>(.*?)</code>`)
)

// seed is the key of the authenticator app that p shows.
func (p page) seed(t *testing.T) string {
	t.Helper()
	m := seedInPage.FindStringSubmatch(html.UnescapeString(p.body))
	if m == nil {
		t.Fatalf("%s shows no key: %s", p.path, tags.ReplaceAllString(p.body, ""))
	}
	return m[1]
}

// recoveryCode is the one that p shows.
func (p page) recoveryCode(t *testing.T) string {
	t.Helper()
	m := codeInPage.FindStringSubmatch(p.body)
	if m == nil {
		t.Fatalf("%s shows no recovery code: %s", p.path, tags.ReplaceAllString(p.body, ""))
	}
	return tags.ReplaceAllString(m[1], "")
}

// app is an authenticator app: the code of now, never one that was used.
func (w *world) app(seed string) string {
	w.t.Helper()
	w.pass(30 * time.Second)
	code, err := otp.GenerateCode(seed, w.now())
	must(w.t, err)
	return code
}

// setUp signs a person of an organization that requires it in for the first time, and returns the
// seed and the recovery code.
func (b *browser) setUp(u login.User, d login.Demand) (seed, code string, answer page) {
	b.w.t.Helper()
	p := b.password(b.begin(d), u)
	p.shows(b.w.t, http.StatusOK, "Secure Your Account")
	seed = p.seed(b.w.t)
	p = b.follow(b.post(p.on("enroll"), "code", b.w.app(seed)))
	p.shows(b.w.t, http.StatusOK, "Almost There!")
	code = p.recoveryCode(b.w.t)
	return seed, code, b.follow(b.post(p.on("recovery"), "confirmed", "true"))
}

// cookie is what the browser keeps under a name, or empty.
func (b *browser) cookie(name string) string {
	u, err := url.Parse(b.w.url)
	must(b.w.t, err)
	for _, c := range b.client.Jar.Cookies(u) {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// keep puts a cookie into the browser; an empty value takes it away.
func (b *browser) keep(name, value string) {
	u, err := url.Parse(b.w.url)
	must(b.w.t, err)
	c := &http.Cookie{Name: name, Value: value, Path: "/"}
	if value == "" {
		c.MaxAge = -1
	}
	b.client.Jar.SetCookies(u, []*http.Cookie{c})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// codeOf is the code of an authenticator app at a moment.
func codeOf(seed string, at time.Time) (string, error) { return otp.GenerateCode(seed, at) }

// seedBytes is a seed as the store has it.
func seedBytes(t *testing.T, seed string) string {
	t.Helper()
	b, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(seed)
	must(t, err)
	return string(b)
}
