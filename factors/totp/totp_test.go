package totp_test

import (
	"encoding/base32"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	otp "github.com/pquerna/otp/totp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/totp"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// phone is a factor over a store, a person, and the person's app once it is set up.
type phone struct {
	totp.Factor
	db     *sqldb.DB
	person factors.User
	key    string
	now    time.Time
}

func newPhone(t *testing.T) *phone {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "totp.db"), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &phone{db: db, now: time.Date(2026, 11, 23, 9, 0, 5, 0, time.UTC)}
	p.Factor = totp.Factor{Issuer: "VSee", Store: db, Now: func() time.Time { return p.now }}
	u := login.User{ID: uuid.Must(uuid.NewV7()).String(), Email: "charlotte@riverside.example", Created: p.now, Updated: p.now}
	if err := db.CreateUser(t.Context(), u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	p.person = u.Factor()
	return p
}

// setUp sets the app up with the code that it shows when its clock is off by drift.
func (p *phone) setUp(t *testing.T, drift time.Duration) error {
	t.Helper()
	shown, state, err := p.BeginEnroll(t.Context(), p.person)
	if err != nil {
		t.Fatal(err)
	}
	p.key = shown.Key
	e, err := p.FinishEnroll(t.Context(), p.person, state, factors.Answer{Code: p.code(t, drift)})
	if err != nil {
		return err
	}
	if err := p.db.EnrollFirst(t.Context(), e, login.Grounds{}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return nil
}

// code is what the app shows when its clock is off by drift.
func (p *phone) code(t *testing.T, drift time.Duration) string {
	t.Helper()
	code, err := otp.GenerateCode(p.key, p.now.Add(drift))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// prove gives the code of an app whose clock is off by drift.
func (p *phone) prove(t *testing.T, drift time.Duration) error {
	t.Helper()
	return p.answer(t, p.code(t, drift))
}

func (p *phone) answer(t *testing.T, code string) error {
	t.Helper()
	enrolled, err := p.db.Enrollments(t.Context(), p.person.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, state, err := p.BeginChallenge(t.Context(), p.person, enrolled)
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Verify(t.Context(), p.person, enrolled, state, factors.Answer{Code: code})
	return err
}

const step = 30 * time.Second

func TestD7_WindowIsThisStepAndTheLast(t *testing.T) {
	for _, tc := range []struct {
		drift time.Duration
		right bool
	}{{-2 * step, false}, {-step, true}, {0, true}, {step, false}, {2 * step, false}} {
		p := newPhone(t)
		if err := p.setUp(t, 0); err != nil {
			t.Fatal(err)
		}
		p.now = p.now.Add(10 * step)
		if err := p.prove(t, tc.drift); (err == nil) != tc.right || err != nil && !errors.Is(err, factors.ErrWrong) {
			t.Errorf("a clock off by %v: %v", tc.drift, err)
		}
	}
}

func TestD7_ClockAheadIsKnownFromTheSettingUp(t *testing.T) {
	p := newPhone(t)
	for drift, right := range map[time.Duration]bool{2 * step: false, -2 * step: false} {
		if err := p.setUp(t, drift); (err == nil) != right {
			t.Errorf("set up by a clock off by %v: %v", drift, err)
		}
	}
	if err := p.setUp(t, step); err != nil {
		t.Fatalf("set up by a clock that is ahead by a step: %v", err)
	}
	for range 3 { // it stays ahead, and stays known to be
		p.now = p.now.Add(10 * step)
		if err := p.prove(t, 2*step); !errors.Is(err, factors.ErrWrong) {
			t.Errorf("two steps ahead: %v", err)
		}
		if err := p.prove(t, step); err != nil {
			t.Errorf("a step ahead: %v", err)
		}
		if err := p.prove(t, step); !errors.Is(err, factors.ErrReplayed) {
			t.Errorf("the same again: %v", err)
		}
	}
	p.now = p.now.Add(10 * step)
	if err := p.prove(t, 0); err != nil {
		t.Errorf("set right: %v", err)
	}
	p.now = p.now.Add(10 * step)
	if err := p.prove(t, step); !errors.Is(err, factors.ErrWrong) {
		t.Errorf("ahead once more, after it was right: %v", err)
	}
}

func TestT08_N08_TOTPReplay(t *testing.T) {
	p := newPhone(t)
	if err := p.setUp(t, 0); err != nil {
		t.Fatal(err)
	}
	if err := p.prove(t, 0); !errors.Is(err, factors.ErrReplayed) {
		t.Errorf("the code that set the app up: %v, want ErrReplayed", err)
	}
	if err := p.prove(t, -step); !errors.Is(err, factors.ErrReplayed) {
		t.Errorf("a code older than that: %v, want ErrReplayed", err)
	}
	p.now = p.now.Add(2 * step)
	if err := p.prove(t, 0); err != nil {
		t.Fatalf("a fresh code: %v", err)
	}
	p.now = p.now.Add(step) // the code is still in its window
	if err := p.prove(t, -step); !errors.Is(err, factors.ErrReplayed) {
		t.Errorf("the same code a step later: %v, want ErrReplayed", err)
	}
	if err := p.prove(t, 0); err != nil {
		t.Errorf("the next code: %v", err)
	}
}

func TestT08_TOTPReplayInARace(t *testing.T) {
	p := newPhone(t)
	if err := p.setUp(t, 0); err != nil {
		t.Fatal(err)
	}
	p.now = p.now.Add(step)
	// The codes of both steps of the window are good, and the older one is not after the newer.
	codes := []string{p.code(t, 0), p.code(t, -step)}
	enrolled, err := p.db.Enrollments(t.Context(), p.person.ID)
	if err != nil {
		t.Fatal(err)
	}
	_, state, err := p.BeginChallenge(t.Context(), p.person, enrolled)
	if err != nil {
		t.Fatal(err)
	}
	var won [2]int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			_, err := p.Verify(t.Context(), p.person, enrolled, state, factors.Answer{Code: codes[i%2]})
			if err != nil && !errors.Is(err, factors.ErrReplayed) {
				t.Errorf("a loser got %v, want ErrReplayed", err)
			}
			if err == nil {
				mu.Lock()
				won[i%2]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if won[0] != 1 || won[1] != 0 { // the older one set the app up
		t.Errorf("the newer code won %d times, the older %d", won[0], won[1])
	}
}

func TestEachOfSeveralApps(t *testing.T) {
	p := newPhone(t)
	var enrolled []factors.Enrollment
	var keys []string
	for range 3 {
		shown, state, err := p.BeginEnroll(t.Context(), p.person)
		if err != nil {
			t.Fatal(err)
		}
		p.key = shown.Key
		e, err := p.FinishEnroll(t.Context(), p.person, state, factors.Answer{Code: p.code(t, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if len(enrolled) == 0 {
			if err := p.db.EnrollFirst(t.Context(), e, login.Grounds{}, storage.Trail{}); err != nil {
				t.Fatal(err)
			}
		}
		enrolled, keys = append(enrolled, e), append(keys, shown.Key)
	}
	p.now = p.now.Add(step)
	_, state, err := p.BeginChallenge(t.Context(), p.person, enrolled)
	if err != nil {
		t.Fatal(err)
	}
	// The other two are on the list and have been removed since: an app that is gone proves nothing.
	for i, want := range []error{nil, factors.ErrWrong, factors.ErrWrong} {
		p.key = keys[i]
		got, err := p.Verify(t.Context(), p.person, enrolled, state, factors.Answer{Code: p.code(t, 0)})
		if !errors.Is(err, want) {
			t.Errorf("app %d: %v, want %v", i, err, want)
		}
		if err == nil && got.Source != "totp:"+enrolled[i].ID {
			t.Errorf("app %d: the evidence rests on %s", i, got.Source)
		}
	}
}

func TestDamagedSeedProvesNothing(t *testing.T) {
	p := newPhone(t)
	for _, seed := range [][]byte{nil, {}, []byte("short")} {
		e := []factors.Enrollment{{ID: "e", UserID: p.person.ID, Kind: factors.TOTP, Secret: seed}}
		_, state, err := p.BeginChallenge(t.Context(), p.person, e)
		if err != nil {
			t.Fatal(err)
		}
		p.key = base32.StdEncoding.EncodeToString(append(seed, make([]byte, 20)...))
		_, err = p.Verify(t.Context(), p.person, e, state, factors.Answer{Code: p.code(t, 0)})
		if err == nil || errors.Is(err, factors.ErrWrong) {
			t.Errorf("a seed of %d bytes: %v, want a failure", len(seed), err)
		}
	}
}

func TestPrompt(t *testing.T) {
	for _, tc := range []struct{ issuer, email, name, path string }{
		{"VSee", "charlotte@riverside.example", "", "/VSee:charlotte@riverside.example"},
		{"Ac:me: Inc", "a:b@c.example", "", "/Ac me Inc:a b@c.example"},
		{"VSee\r\nID", "a@c.example\x00", "", "/VSeeID:a@c.example"},
		{"Zürich & Söhne/100%", "a+b@c.example", "", "/Zürich & Söhne/100%:a+b@c.example"},
		{"VSee", "", "Charlotte Brown", "/VSee:Charlotte Brown"},
		{"VSee", "", "", "/VSee:account"},
	} {
		f := totp.Factor{Issuer: tc.issuer}
		shown, _, err := f.BeginEnroll(t.Context(), factors.User{ID: "u", Email: tc.email, Name: tc.name})
		if err != nil {
			t.Errorf("%q: %v", tc.issuer, err)
			continue
		}
		seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(shown.Key)
		if err != nil || len(seed) != 20 {
			t.Errorf("the key is %d bytes, %v: want 160 bits", len(seed), err)
		}
		u, err := url.Parse(shown.URI)
		if err != nil {
			t.Fatal(err)
		}
		if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != tc.path {
			t.Errorf("the URI is of %s://%s%s, want path %s", u.Scheme, u.Host, u.Path, tc.path)
		}
		issuer, _, _ := strings.Cut(strings.TrimPrefix(tc.path, "/"), ":")
		for name, want := range map[string]string{
			"secret": shown.Key, "issuer": issuer, "digits": "6", "period": "30", "algorithm": "SHA1",
		} {
			if got := u.Query().Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		if strings.ContainsAny(shown.URI, "+ ") && !strings.Contains(tc.email, "+") {
			t.Errorf("a space that some apps show as it is: %s", shown.URI)
		}
	}
}

func FuzzAnswerNeverPanics(f *testing.F) {
	for _, s := range []string{"", "123456", "123 456", "١٢٣٤٥٦", "\xff", strings.Repeat("-", 100)} {
		f.Add(s, s)
	}
	factor := totp.Factor{Issuer: "VSee", Now: time.Now}
	u := factors.User{ID: "u", Email: "a@b.example"}
	f.Fuzz(func(t *testing.T, code, state string) {
		_, err := factor.FinishEnroll(t.Context(), u, factors.State(state), factors.Answer{Code: code})
		if err == nil {
			t.Error("noise set up an app")
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	f := totp.Factor{Issuer: "VSee", Now: time.Now}
	u := factors.User{ID: "u", Email: "a@b.example"}
	e := []factors.Enrollment{{ID: "e", UserID: "u", Kind: factors.TOTP, Secret: make([]byte, 20)}}
	_, state, err := f.BeginChallenge(b.Context(), u, e)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := f.Verify(b.Context(), u, e, state, factors.Answer{Code: "123456"}); !errors.Is(err, factors.ErrWrong) {
			b.Skip("the code happens to be right") // the store is not there to burn it
		}
	}
}
