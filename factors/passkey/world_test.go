package passkey_test

import (
	"bytes"
	"encoding/json"
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

// world is a factor over a store with two people, and a clock that stands.
type world struct {
	*passkey.Factor
	db             *sqldb.DB
	charlotte, bob factors.User
	now            time.Time
}

func newWorld(t testing.TB, change ...func(*passkey.Config)) *world {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "passkey.db"), Keys: keys})
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
	w := &world{db: db, now: start}
	w.charlotte, w.bob = w.person(t, "charlotte@riverside.example"), w.person(t, "bob@riverside.example")
	w.charlotte.Name = "Charlotte Webb"
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

func (w *world) person(t testing.TB, email string) factors.User {
	t.Helper()
	u := login.User{ID: uuid.Must(uuid.NewV7()).String(), Email: email, Created: start, Updated: start}
	if err := w.db.CreateUser(t.Context(), u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return u.Factor()
}

// somebody is one more person, for a test of many cases over one store.
func (w *world) somebody(t testing.TB) factors.User {
	t.Helper()
	return w.person(t, uuid.NewString()+"@riverside.example")
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
	if err := w.db.AddEnrollment(t.Context(), e, w.now, false, storage.Trail{}); err != nil {
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
