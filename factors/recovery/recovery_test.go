package recovery_test

import (
	"encoding/base32"
	"errors"
	"path/filepath"
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

// record says that a code is recorded, and has it kept as the caller of the factor does.
func record(t *testing.T, f recovery.Factor, db *sqldb.DB, u factors.User, state factors.State) error {
	t.Helper()
	e, err := f.FinishEnroll(t.Context(), u, state, factors.Answer{Confirmed: true})
	if err != nil {
		t.Fatal(err)
	}
	have, err := db.User(t.Context(), u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return db.ReplaceRecovery(t.Context(), e, have.Grounds(), storage.Trail{})
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
		if _, err := f.FinishEnroll(t.Context(), u, state, factors.Answer{Confirmed: true}); err != nil {
			t.Error(err)
		}
	}
}

func TestN16_NewCodeTakesThePlaceOfTheOld(t *testing.T) {
	f, db, u := newFactor(t)
	first, firstState := begin(t, f, u)
	if err := prove(t, f, u, first); !errors.Is(err, factors.ErrWrong) {
		t.Errorf("a code that was only shown: %v, want ErrWrong", err)
	}
	if err := record(t, f, db, u, firstState); err != nil {
		t.Fatal(err)
	}
	second, secondState := begin(t, f, u)
	if e, err := f.FinishEnroll(t.Context(), u, secondState, factors.Answer{}); !errors.Is(err, factors.ErrUnconfirmed) || e.ID != "" {
		t.Errorf("got %q, %v, want ErrUnconfirmed", e.ID, err)
	}
	if err := prove(t, f, u, second); !errors.Is(err, factors.ErrWrong) {
		t.Errorf("a second that was only shown: %v, want ErrWrong", err)
	}
	if err := record(t, f, db, u, secondState); err != nil {
		t.Fatal(err)
	}
	if err := record(t, f, db, u, secondState); !errors.Is(err, storage.ErrConflict) { // another press changes nothing
		t.Errorf("recorded twice: %v, want ErrConflict", err)
	}
	if err := prove(t, f, u, first); !errors.Is(err, factors.ErrWrong) {
		t.Errorf("the old code: %v, want ErrWrong", err)
	}
	if err := prove(t, f, u, second); err != nil {
		t.Errorf("the new code: %v", err)
	}
	if left, err := db.Enrollments(t.Context(), u.ID); err != nil || len(left) != 0 {
		t.Errorf("a used code is still there: %v, %v", left, err)
	}
}

// What is shown and left alone takes nothing away.
func TestN16_OldCodeIsGoodUntilTheNewOneIsRecorded(t *testing.T) {
	f, db, u := newFactor(t)
	code, state := begin(t, f, u)
	if err := record(t, f, db, u, state); err != nil {
		t.Fatal(err)
	}
	begin(t, f, u)
	if err := prove(t, f, u, code); err != nil {
		t.Errorf("the old code: %v", err)
	}
}

func TestT20_N06_RecoveryCodeRace(t *testing.T) {
	f, db, u := newFactor(t)
	code, state := begin(t, f, u)
	if err := record(t, f, db, u, state); err != nil {
		t.Fatal(err)
	}
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
