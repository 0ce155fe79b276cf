package storagetest

import (
	"slices"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
)

var factorTests = map[string]func(*testing.T, *world){
	"EnrollmentsAreRead": func(t *testing.T, w *world) {
		w.user(t, "u1")
		none, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "none", none, []factors.Enrollment(nil))
		e := w.totp(t, "e1", "u1")
		w.now = w.now.Add(time.Second)
		code := w.recovery(t, "r1", "u1", "CODE")
		got, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "the oldest first", got, []factors.Enrollment{e, code})
		w.wantEvents(t, storage.Enrolled, 2)
	},
	"TestT12_EnrollFirstOneWinner": func(t *testing.T, w *world) {
		w.user(t, "u1")
		wantOneWinner(t, race(contenders, func(i int) error {
			return w.enrollFirst(factors.Enrollment{
				ID: name("e%d", i), UserID: "u1", Kind: factors.TOTP, Secret: []byte("seed"), Created: w.now,
			}, trail(storage.Enrolled, "u1"))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.Enrolled, 1)
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		if len(list) != 1 {
			t.Errorf("%d enrollments, want 1", len(list))
		}
	},
	"TestT12_EnrollFirstIsForThoseWithNone": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.totp(t, "e1", "u1")
		second := factors.Enrollment{ID: "e2", UserID: "u1", Kind: factors.TOTP, Secret: []byte("s"), Created: w.now}
		wantErr(t, "a second", w.enrollFirst(second, trail(storage.Enrolled, "u1")), storage.ErrConflict)
		w.totp(t, "e3", "u2") // another person's is no matter
		ok(t, w.remove("u1", "e1", trail(storage.FactorRemoved, "u1")))
		ok(t, w.enrollFirst(second, trail(storage.Enrolled, "u1")))
		w.recovery(t, "r1", "u1", "CODE")
		ok(t, w.add(w.app("e5", "u1"), false, storage.Trail{}))
		ok(t, w.remove("u1", "e2", storage.Trail{}))
		second.ID = "e4"
		wantErr(t, "with another and a recovery code", w.enrollFirst(second, storage.Trail{}), storage.ErrConflict)
	},
	"TestN13_RemovedEnrollmentStaysOnRecord": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		e := w.totp(t, "e1", "u1")
		wantErr(t, "another person's", w.remove("u2", "e1", storage.Trail{}), storage.ErrNotFound)
		ok(t, w.remove("u1", "e1", trail(storage.FactorRemoved, "u1")))
		wantErr(t, "twice", w.remove("u1", "e1", trail(storage.FactorRemoved, "u1")), storage.ErrNotFound)
		w.wantEvents(t, storage.FactorRemoved, 1)
		wantErr(t, "burning", w.BurnStep(w.ctx, "e1", 500, w.now), storage.ErrNotFound)
		wantErr(t, "its id again", w.enrollFirst(e, storage.Trail{}), storage.ErrConflict)
	},
	"TestN13_ResetFactors": func(t *testing.T, w *world) {
		w.client(t, "app")
		for _, id := range []string{"u1", "u2"} {
			w.user(t, id)
			w.totp(t, "e-"+id, id)
			w.recovery(t, "r-"+id, id, "CODE")
			w.session(t, "s-"+id, id)
			offline := w.newGrant("g-"+id, "app", id, "s-"+id)
			offline.Offline = true
			ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
			w.closed(t, id)
		}
		reset := trail(storage.FactorRemoved, "u1")
		reset.Mails = []storage.Mail{{To: "u1@example.com", Subject: "reset", Text: "x"}}
		n, err := w.ResetFactors(w.ctx, "u1", w.now, reset)
		ok(t, err)
		same(t, "removed", n, login.Reset{Removed: 2, HasPassword: true})
		w.wantEvents(t, storage.FactorRemoved, 1)
		mails, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "mails", len(mails), 1)
		w.wantClosed(t, "reset", "u1")
		w.wantClosed(t, "another person", "u2", login.AttemptKinds()...)
		for id, left := range map[string]int{"u1": 0, "u2": 2} {
			list, err := w.Enrollments(w.ctx, id)
			ok(t, err)
			same(t, "enrollments of "+id, len(list), left)
			sessions, err := w.SessionsOf(w.ctx, id)
			ok(t, err)
			same(t, "sessions of "+id, len(sessions), left/2)
			g, err := w.Grant(w.ctx, "g-"+id)
			ok(t, err)
			same(t, "grant revoked of "+id, !g.Revoked.IsZero(), left == 0)
		}
		wantErr(t, "burning", w.BurnStep(w.ctx, "e-u1", 500, w.now), storage.ErrNotFound)
		_, err = w.BurnRecovery(w.ctx, "u1", "CODE", w.now)
		wantErr(t, "recovery code", err, storage.ErrNotFound)
		n, err = w.ResetFactors(w.ctx, "u1", w.now, trail(storage.FactorRemoved, "u1"))
		ok(t, err)
		same(t, "removed again", n, login.Reset{HasPassword: true})
		_, err = w.ResetFactors(w.ctx, "u9", w.now, trail(storage.FactorRemoved, "u9"))
		wantErr(t, "unknown", err, storage.ErrNotFound)
		w.totp(t, "e2-u1", "u1") // as for who never had one
	},
	"TestT08_TOTPStepIsBurnedOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		e := w.totp(t, "e1", "u1")
		wantErr(t, "the step that set it up", w.BurnStep(w.ctx, "e1", e.Step, w.now), storage.ErrConflict)
		wantErr(t, "one before", w.BurnStep(w.ctx, "e1", e.Step-1, w.now), storage.ErrConflict)
		at := w.now.Add(time.Minute)
		ctx := storage.WithTrail(w.ctx, trail(storage.SignedIn, "u1"))
		wantOneWinner(t, race(contenders, func(int) error { return w.BurnStep(ctx, "e1", e.Step+1, at) }), storage.ErrConflict)
		w.wantEvents(t, storage.SignedIn, 1)
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		e.Step, e.LastUsed = e.Step+1, at
		same(t, "enrollments", list, []factors.Enrollment{e})
		wantErr(t, "unknown", w.BurnStep(w.ctx, "e2", 1, at), storage.ErrNotFound)
	},
	"TestT20_RecoveryCodeIsBurnedOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		e := w.recovery(t, "r1", "u1", "CODE")
		ctx := storage.WithTrail(w.ctx, trail(storage.RecoveryUsed, "u1"))
		_, err := w.BurnRecovery(ctx, "u1", "OTHER", w.now)
		wantErr(t, "a wrong one", err, storage.ErrNotFound)
		_, err = w.BurnRecovery(ctx, "u2", "CODE", w.now)
		wantErr(t, "another person's", err, storage.ErrNotFound)
		w.wantEvents(t, storage.RecoveryUsed, 0)
		ids := make([]string, contenders)
		wantOneWinner(t, race(contenders, func(i int) (err error) {
			ids[i], err = w.BurnRecovery(ctx, "u1", "CODE", w.now)
			return err
		}), storage.ErrNotFound)
		for _, id := range ids {
			if id != "" && id != e.ID {
				t.Errorf("burned %q, want %q", id, e.ID)
			}
		}
		w.wantEvents(t, storage.RecoveryUsed, 1)
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "enrollments", list, []factors.Enrollment(nil))
	},
	"TestT20_ReplacedRecoveryCodeIsWorthless": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.recovery(t, "r1", "u1", "FIRST")
		second := w.recovery(t, "r2", "u1", "SECOND")
		w.wantEvents(t, storage.Enrolled, 2)
		_, err := w.BurnRecovery(w.ctx, "u1", "FIRST", w.now)
		wantErr(t, "the replaced one", err, storage.ErrNotFound)
		id, err := w.BurnRecovery(w.ctx, "u1", "SECOND", w.now)
		ok(t, err)
		same(t, "burned", id, second.ID)
		wantErr(t, "of nobody", w.replaceRecovery(w.newRecovery("r3", "nobody", "X"), storage.Trail{}), storage.ErrNotFound)

		for _, err := range race(contenders, func(i int) error {
			return w.replaceRecovery(w.newRecovery(name("e%d", i), "u1", name("CODE%d", i)), storage.Trail{})
		}) {
			ok(t, err)
		}
		good := 0
		for i := range contenders {
			if _, err := w.BurnRecovery(w.ctx, "u1", name("CODE%d", i), w.now); err == nil {
				good++
			}
		}
		if good != 1 {
			t.Errorf("%d codes are good after %d replacements at once, want 1", good, contenders)
		}
	},
	"TestT20_RecoveryCodeIsKeptOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.recovery(t, "old", "u1", "OLD")
		replace := func(int) error {
			return w.replaceRecovery(w.newRecovery("new", "u1", "NEW"), trail(storage.Enrolled, "u1"))
		}
		wantOneWinner(t, race(contenders, replace), storage.ErrConflict)
		w.wantEvents(t, storage.Enrolled, 2)
		w.wantFactors(t, "one", "u1", "new")
		_, err := w.BurnRecovery(w.ctx, "u1", "NEW", w.now)
		ok(t, err)
		wantErr(t, "after it was used", replace(0), storage.ErrConflict)
		w.recovery(t, "other", "u1", "OTHER")
		wantErr(t, "after another came", replace(0), storage.ErrConflict)
		w.wantFactors(t, "the other stays", "u1", "other")
	},
}

// closed counts so many failures of a person at every kind that none is open.
func (w *world) closed(t *testing.T, userID string) {
	t.Helper()
	for _, k := range login.AttemptKinds() {
		ok(t, w.SwapAttempt(w.ctx, login.AttemptKey(k, userID), limit.Attempt{}, limit.Attempt{Failures: 100, OpenAt: w.now}, storage.Trail{}))
	}
}

// wantClosed fails unless the kinds, and no others, have failures of the person.
func (w *world) wantClosed(t *testing.T, what, userID string, kinds ...factors.Kind) {
	t.Helper()
	var got []factors.Kind
	for _, k := range login.AttemptKinds() {
		a, err := w.Attempt(w.ctx, login.AttemptKey(k, userID))
		ok(t, err)
		if a != (limit.Attempt{}) {
			got = append(got, k)
		}
	}
	same(t, what, got, kinds)
}

// kindsBut are the kinds whose failures are counted, without some.
func kindsBut(without ...factors.Kind) []factors.Kind {
	return slices.DeleteFunc(login.AttemptKinds(), func(k factors.Kind) bool { return slices.Contains(without, k) })
}

var attemptTests = map[string]func(*testing.T, *world){
	"TestT09_SettingUpAgainOpens": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.closed(t, "u1")
		w.closed(t, "u2")
		ok(t, w.SetPassword(w.ctx, "u1", "new", w.now, trail(storage.PasswordChanged, "u1")))
		w.wantClosed(t, "another password", "u1", kindsBut(factors.Password)...)
		w.totp(t, "e1", "u1")
		w.wantClosed(t, "another app", "u1", kindsBut(factors.Password, factors.TOTP)...)
		w.recovery(t, "r1", "u1", "CODE")
		w.wantClosed(t, "another recovery code", "u1", kindsBut(factors.Password, factors.TOTP, factors.Recovery)...)
		ok(t, w.SwapAttempt(w.ctx, login.AttemptKey(factors.TOTP, "u1"), limit.Attempt{}, limit.Attempt{Failures: 1}, storage.Trail{}))
		wantErr(t, "a second app", w.enrollFirst(factors.Enrollment{
			ID: "e2", UserID: "u1", Kind: factors.TOTP, Secret: []byte("s"), Created: w.now,
		}, storage.Trail{}), storage.ErrConflict)
		w.wantClosed(t, "an app that was refused", "u1", kindsBut(factors.Password, factors.Recovery)...)
		wantErr(t, "a password of nobody", w.SetPassword(w.ctx, "u2", "new", w.now, storage.Trail{}), storage.ErrNotFound)
		w.wantClosed(t, "another person", "u2", login.AttemptKinds()...)
	},
	"TestT09_ClearAttempts": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.closed(t, "u1")
		w.closed(t, "u2")
		ok(t, w.ClearAttempts(w.ctx, "u1", trail(storage.UserUpdated, "u1")))
		w.wantClosed(t, "cleared", "u1")
		w.wantClosed(t, "another person", "u2", login.AttemptKinds()...)
		w.wantEvents(t, storage.UserUpdated, 1)
		wantErr(t, "unknown", w.ClearAttempts(w.ctx, "u2", trail(storage.UserUpdated, "u2")), storage.ErrNotFound)
		w.wantClosed(t, "unknown", "u2", login.AttemptKinds()...)
		w.wantEvents(t, storage.UserUpdated, 1)
	},
	"TestT09_AttemptsAreCompareAndSet": func(t *testing.T, w *world) {
		var none limit.Attempt
		got, err := w.Attempt(w.ctx, "k")
		ok(t, err)
		same(t, "never seen", got, none)
		first := limit.Attempt{Failures: 1}
		wantErr(t, "from what is not", w.SwapAttempt(w.ctx, "k", first, limit.Attempt{Failures: 2}, storage.Trail{}), storage.ErrConflict)
		ok(t, w.SwapAttempt(w.ctx, "k", none, first, trail(storage.SignInFailed, "")))
		wantErr(t, "again", w.SwapAttempt(w.ctx, "k", none, first, trail(storage.SignInFailed, "")), storage.ErrConflict)
		w.wantEvents(t, storage.SignInFailed, 1)
		waiting := limit.Attempt{Failures: 2, OpenAt: w.now.Add(time.Second)}
		ok(t, w.SwapAttempt(w.ctx, "k", first, waiting, storage.Trail{}))
		other := waiting
		other.OpenAt = other.OpenAt.Add(time.Microsecond)
		wantErr(t, "of another wait", w.SwapAttempt(w.ctx, "k", other, first, storage.Trail{}), storage.ErrConflict)
		got, err = w.Attempt(w.ctx, "k")
		ok(t, err)
		same(t, "waiting", got, waiting)
		ok(t, w.SwapAttempt(w.ctx, "k", waiting, none, storage.Trail{}))
		ok(t, w.SwapAttempt(w.ctx, "k", none, first, storage.Trail{}))
	},
	"TestT09_ParallelGuessesOneIsCounted": func(t *testing.T, w *world) {
		// First where no row is, then where one is.
		for failures := range 2 {
			old, next := limit.Attempt{Failures: failures}, limit.Attempt{Failures: failures + 1}
			wantOneWinner(t, race(contenders, func(int) error {
				return w.SwapAttempt(w.ctx, "k", old, next, trail(storage.SignInFailed, ""))
			}), storage.ErrConflict)
		}
		w.wantEvents(t, storage.SignInFailed, 2)
	},
}

var keyTests = map[string]func(*testing.T, *world){
	"SigningKeys": func(t *testing.T, w *world) {
		key := func(id, algorithm string, generation int64) keys.Key {
			return keys.Key{
				ID: id, Algorithm: algorithm, Private: []byte("private of " + id), Generation: generation,
				Created: w.now, ActiveFrom: w.now.Add(time.Minute), Expires: w.now.Add(time.Hour),
			}
		}
		a, b, c := key("a", "ES256", 1), key("b", "ES256", 2), key("c", "RS256", 1)
		for _, k := range []keys.Key{c, b, a} {
			ok(t, w.AddSigningKey(w.ctx, k, trail(storage.KeyCreated, "")))
		}
		wantErr(t, "a generation twice", w.AddSigningKey(w.ctx, key("d", "ES256", 2), trail(storage.KeyCreated, "")), storage.ErrConflict)
		w.wantEvents(t, storage.KeyCreated, 3)
		got, err := w.SigningKeys(w.ctx)
		ok(t, err)
		same(t, "keys", got, []keys.Key{a, b, c})
		wantOneWinner(t, race(contenders, func(i int) error {
			return w.AddSigningKey(w.ctx, key(name("k%d", i), "RS256", 2), storage.Trail{})
		}), storage.ErrConflict)
	},
}
