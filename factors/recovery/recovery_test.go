package recovery_test

import (
	"encoding/base32"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/recovery"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

var monday = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

func newFactor(t *testing.T) (recovery.Factor, *sqldb.DB, factors.User) {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "recovery.db"), Keys: keys})
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
	u := login.User{ID: uuid.Must(uuid.NewV7()).String(), Email: "charlotte@riverside.example", Created: monday, Updated: monday}
	if err := db.CreateUser(t.Context(), u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return recovery.Factor{Store: db, Now: func() time.Time { return monday }}, db, u.Factor()
}

func begin(t *testing.T, f recovery.Factor, u factors.User) (string, factors.State) {
	t.Helper()
	shown, state, err := f.BeginEnroll(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return shown.Code, state
}

func prove(t *testing.T, f recovery.Factor, u factors.User, code string) error {
	t.Helper()
	_, state, err := f.BeginChallenge(t.Context(), u, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Verify(t.Context(), u, nil, state, factors.Answer{Code: code})
	return err
}

func TestN16_CodeHas120RandomBits(t *testing.T) {
	f, _, u := newFactor(t)
	seen := map[string]bool{}
	for range 50 {
		code, state := begin(t, f, u)
		raw, err := base32.StdEncoding.DecodeString(code)
		if err != nil || len(raw) != 15 || seen[code] {
			t.Fatalf("%d bytes, %v, seen before: %v", len(raw), err, seen[code])
		}
		seen[code] = true
		if strings.Contains(string(state), code) {
			t.Error("the state has the code, which is only for the page")
		}
	}
}

func TestN16_NewCodeTakesThePlaceOfTheOld(t *testing.T) {
	f, db, u := newFactor(t)
	first, firstState := begin(t, f, u)
	second, _ := begin(t, f, u)
	if err := prove(t, f, u, first); !errors.Is(err, factors.ErrWrong) {
		t.Errorf("the old code: %v, want ErrWrong", err)
	}
	if _, err := f.FinishEnroll(t.Context(), u, firstState, factors.Answer{Confirmed: true}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("recorded after it was replaced: %v, want ErrNotFound", err)
	}
	// It is good although nobody said to have recorded it.
	if err := prove(t, f, u, second); err != nil {
		t.Errorf("the new code: %v", err)
	}
	if left, err := db.Enrollments(t.Context(), u.ID); err != nil || len(left) != 0 {
		t.Errorf("a used code is still there: %v, %v", left, err)
	}
}

func TestUnconfirmedIsNotRecorded(t *testing.T) {
	f, db, u := newFactor(t)
	_, state := begin(t, f, u)
	if _, err := f.FinishEnroll(t.Context(), u, state, factors.Answer{}); !errors.Is(err, factors.ErrUnconfirmed) {
		t.Errorf("got %v, want ErrUnconfirmed", err)
	}
	e, err := db.Enrollments(t.Context(), u.ID)
	if err != nil || len(e) != 1 || !e[0].Confirmed.IsZero() {
		t.Errorf("the store has %v, %v", e, err)
	}
	for range 2 { // a second press changes nothing
		if e, err := f.FinishEnroll(t.Context(), u, state, factors.Answer{Confirmed: true}); err != nil || !e.Confirmed.Equal(monday) {
			t.Errorf("confirmed %v, %v", e.Confirmed, err)
		}
	}
}

func TestT20_RecoveryCodeRace(t *testing.T) {
	f, _, u := newFactor(t)
	code, _ := begin(t, f, u)
	won := make(chan struct{}, 20)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			switch err := prove(t, f, u, code); {
			case err == nil:
				won <- struct{}{}
			case !errors.Is(err, factors.ErrWrong):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	all.Wait()
	if len(won) != 1 {
		t.Errorf("%d of 20 used one code", len(won))
	}
}

func TestNobodyHasACode(t *testing.T) {
	f, _, _ := newFactor(t)
	if _, _, err := f.BeginEnroll(t.Context(), factors.User{ID: "nobody"}); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a code for nobody: %v, want ErrNotFound", err)
	}
}

func FuzzAnswerNeverPanics(f *testing.F) {
	for _, s := range []string{"", "ABCDEFGHIJKLMNOPQRSTUVWX", "abcd efgh", "\xff", "{}", `{"user":"u"}`} {
		f.Add(s, s)
	}
	factor := recovery.Factor{Now: time.Now}
	u := factors.User{ID: "u"}
	f.Fuzz(func(t *testing.T, code, state string) {
		if _, err := factor.FinishEnroll(t.Context(), u, factors.State(state), factors.Answer{Code: code}); err == nil {
			t.Error("nothing was confirmed, and it was set up")
		}
	})
}
