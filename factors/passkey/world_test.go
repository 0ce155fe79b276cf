package passkey_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

const (
	origin = "https://id.vsee.example"
	rpID   = "vsee.example"
)

var start = time.Date(2026, 11, 23, 9, 0, 5, 0, time.UTC)

// world is a factor over a store with two people of its own, and a clock that stands.
type world struct {
	*passkey.Factor
	db             *sqldb.DB
	charlotte, bob factors.User
	now            time.Time
}

// shared is the store of every world: their people are others each time.
var shared *sqldb.DB

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "passkey")
	if err != nil {
		log.Fatal(err)
	}
	code, err := withStore(dir, m.Run)
	if err := errors.Join(err, os.RemoveAll(dir)); err != nil {
		log.Fatal(err)
	}
	os.Exit(code)
}

func withStore(dir string, run func() int) (code int, err error) {
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		return 0, err
	}
	shared, err = sqldb.Open(context.Background(), sqldb.Config{DSN: "sqlite:" + filepath.Join(dir, "passkey.db"), Keys: keys})
	if err != nil {
		return 0, err
	}
	if err := shared.Migrate(context.Background()); err != nil {
		return 0, err
	}
	return run(), shared.Close()
}

func newWorld(t testing.TB, change ...func(*passkey.Config)) *world {
	t.Helper()
	w := &world{db: shared, now: start}
	w.charlotte, w.bob = w.somebody(t), w.somebody(t)
	w.charlotte.Email, w.charlotte.Name = "charlotte@riverside.example", "Charlotte Webb"
	w.bob.Email = "bob@riverside.example"
	w.Factor = w.factor(t, change...)
	return w
}

// factor is another factor over the same store and clock.
func (w *world) factor(t testing.TB, change ...func(*passkey.Config)) *passkey.Factor {
	t.Helper()
	c := passkey.Config{
		RPID: rpID, RPName: "VSee", Origins: []string{origin}, Store: w.db, Now: func() time.Time { return w.now },
	}
	for _, f := range change {
		f(&c)
	}
	factor, err := passkey.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return factor
}

// somebody is one more person.
func (w *world) somebody(t testing.TB) factors.User {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	u := login.User{ID: id, Email: id + "@riverside.example", Created: start, Updated: start}
	if err := w.db.CreateUser(t.Context(), u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return u.Factor()
}

// asked is a ceremony that was begun.
type asked struct {
	options []byte
	state   factors.State
}

func (w *world) beginEnroll(t testing.TB, u factors.User) asked {
	t.Helper()
	p, s, err := w.BeginEnroll(t.Context(), u)
	if err != nil {
		t.Fatalf("BeginEnroll: %v", err)
	}
	return asked{p.Options, s}
}

func (w *world) beginChallenge(t testing.TB, u factors.User) asked {
	t.Helper()
	p, s, err := w.BeginChallenge(t.Context(), u, w.enrolled(t, u))
	if err != nil {
		t.Fatalf("BeginChallenge: %v", err)
	}
	return asked{p.Options, s}
}

func (w *world) beginDiscover(t testing.TB) asked {
	t.Helper()
	p, s, err := w.BeginDiscover(t.Context())
	if err != nil {
		t.Fatalf("BeginDiscover: %v", err)
	}
	return asked{p.Options, s}
}

func (w *world) enrolled(t testing.TB, u factors.User) []factors.Enrollment {
	t.Helper()
	out, err := w.db.Enrollments(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// setUp makes a passkey of u in a and keeps it.
func (w *world) setUp(t testing.TB, u factors.User, a *passkeytest.Authenticator) factors.Enrollment {
	t.Helper()
	begun := w.beginEnroll(t, u)
	e, err := w.FinishEnroll(t.Context(), u, begun.state, created(t, a, begun.options))
	if err != nil {
		t.Fatalf("FinishEnroll: %v", err)
	}
	w.keep(t, e)
	return e
}

func (w *world) keep(t testing.TB, e factors.Enrollment) {
	t.Helper()
	u, err := w.db.User(t.Context(), e.UserID)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.db.AddEnrollment(t.Context(), e, u.Grounds(), false, storage.Trail{}); err != nil {
		t.Fatalf("keep a passkey: %v", err)
	}
}

// prove answers a challenge of u with a.
func (w *world) prove(t testing.TB, u factors.User, a *passkeytest.Authenticator) (factors.Evidence, error) {
	t.Helper()
	begun := w.beginChallenge(t, u)
	return w.Verify(t.Context(), u, w.enrolled(t, u), begun.state, used(t, a, begun.options))
}

func created(t testing.TB, a *passkeytest.Authenticator, options []byte) factors.Answer {
	t.Helper()
	response, err := a.Create(options)
	if err != nil {
		t.Fatalf("create: %v", err)
	}
	return factors.Answer{Response: response}
}

func used(t testing.TB, a *passkeytest.Authenticator, options []byte) factors.Answer {
	t.Helper()
	response, err := a.Get(options)
	if err != nil {
		t.Fatalf("get: %v", err)
	}
	return factors.Answer{Response: response}
}

// only is the one passkey that u has.
func (w *world) only(t testing.TB, u factors.User) factors.Enrollment {
	t.Helper()
	all := w.enrolled(t, u)
	if len(all) != 1 {
		t.Fatalf("%d enrollments, want 1", len(all))
	}
	return all[0]
}

// silent requires that an error tells nothing of the answer that it is about.
func silent(t testing.TB, err error, a factors.Answer) {
	t.Helper()
	if err == nil {
		return
	}
	text := err.Error()
	var in any
	if json.Unmarshal(a.Response, &in) != nil {
		if len(a.Response) > 6 && strings.Contains(text, string(a.Response)) {
			t.Errorf("the error quotes the answer: %s", text)
		}
		return
	}
	var look func(any)
	look = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for _, of := range v {
				look(of)
			}
		case []any:
			for _, of := range v {
				look(of)
			}
		case string:
			if len(v) > 12 && strings.Contains(text, v) {
				t.Errorf("the error quotes the answer: %s", text)
			}
		}
	}
	look(in)
	if strings.Contains(text, origin) || bytes.Contains([]byte(text), []byte("evil")) {
		t.Errorf("the error quotes an origin: %s", text)
	}
}
