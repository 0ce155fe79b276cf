package storagetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// newPasskey is one whose credential id is "id of " and its id.
func (w *world) newPasskey(id, userID string) factors.Enrollment {
	return factors.Enrollment{
		ID: id, UserID: userID, Kind: factors.Passkey, Name: "Ann's iPhone", Secret: []byte("record of " + id),
		Handle: []byte("id of " + id), Place: factors.Synced, Confirmed: w.now, Created: w.now, Step: 7,
	}
}

// passkey sets one up beside whatever the person has.
func (w *world) passkey(t *testing.T, id, userID string) factors.Enrollment {
	t.Helper()
	e := w.newPasskey(id, userID)
	ok(t, w.add(e, false, trail(storage.Enrolled, userID)))
	return e
}

var passkeyTests = map[string]func(*testing.T, *world){
	"PasskeysAreFoundByTheirHandle": func(t *testing.T, w *world) {
		w.user(t, "u1")
		first := w.newPasskey("e1", "u1")
		ok(t, w.enrollFirst(first, trail(storage.Enrolled, "u1")))
		second := w.passkey(t, "e2", "u1")
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "enrollments", list, []factors.Enrollment{first, second})
		got, err := w.Passkey(w.ctx, second.Handle)
		ok(t, err)
		same(t, "by handle", got, second)
		for what, handle := range map[string][]byte{"unknown": []byte("id of e3"), "empty": {}, "nil": nil, "its enrollment's id": []byte("e1")} {
			_, err := w.Passkey(w.ctx, handle)
			wantErr(t, what, err, storage.ErrNotFound)
		}
		ok(t, w.remove("u1", "e1", storage.Trail{}))
		_, err = w.Passkey(w.ctx, first.Handle)
		wantErr(t, "removed", err, storage.ErrNotFound)
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		_, err = w.Passkey(w.ctx, second.Handle)
		wantErr(t, "of a deleted person", err, storage.ErrNotFound)
	},
	"TestT53_CredentialOfAnotherPersonIsRefused": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.passkey(t, "e1", "u1")
		stolen := w.newPasskey("e2", "u2")
		stolen.Handle = []byte("id of e1")
		wantErr(t, "as a first factor", w.enrollFirst(stolen, trail(storage.Enrolled, "u2")), factors.ErrTaken)
		w.totp(t, "e3", "u2")
		wantErr(t, "as another", w.add(stolen, false, trail(storage.Enrolled, "u2")), factors.ErrTaken)
		wantErr(t, "as another, to replace", w.add(stolen, true, trail(storage.Enrolled, "u2")), factors.ErrTaken)
		again := w.newPasskey("e4", "u1")
		again.Handle = stolen.Handle
		wantErr(t, "by the same person", w.add(again, false, trail(storage.Enrolled, "u1")), factors.ErrTaken)
		w.wantEvents(t, storage.Enrolled, 2)
		got, err := w.Passkey(w.ctx, stolen.Handle)
		ok(t, err)
		same(t, "whose it is", got.UserID, "u1")

		// What was removed can be set up again, by whomever it belongs to now.
		ok(t, w.remove("u1", "e1", storage.Trail{}))
		ok(t, w.add(stolen, false, storage.Trail{}))
	},
	"TestT53_CredentialOfTwoPeopleAtOnce": func(t *testing.T, w *world) {
		for i := range contenders {
			w.user(t, name("u%d", i))
		}
		wantOneWinner(t, race(contenders, func(i int) error {
			e := w.newPasskey(name("e%d", i), name("u%d", i))
			e.Handle = []byte("one and the same")
			return w.enrollFirst(e, trail(storage.Enrolled, e.UserID))
		}), factors.ErrTaken)
		w.wantEvents(t, storage.Enrolled, 1)
	},
	"APasskeyReplacedByItselfIsNotTaken": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.passkey(t, "e1", "u1")
		again := w.newPasskey("e2", "u1")
		again.Handle = []byte("id of e1")
		ok(t, w.add(again, true, storage.Trail{}))
		got, err := w.Passkey(w.ctx, again.Handle)
		ok(t, err)
		same(t, "by handle", got, again)
	},
	"TestT53_CounterOfAPasskeyIsCompareAndSet": func(t *testing.T, w *world) {
		w.user(t, "u1")
		e := w.passkey(t, "e1", "u1")
		app := w.newPasskey("e2", "u1")
		app.Kind, app.Handle, app.Place = factors.TOTP, nil, ""
		ok(t, w.add(app, false, storage.Trail{}))
		ctx, at := storage.WithTrail(w.ctx, trail(storage.SignedIn, "u1")), w.now.Add(time.Minute)
		use := func(id string, step, next int64) error {
			return w.UsePasskey(ctx, id, step, next, []byte("newer record"), at)
		}
		wantErr(t, "another step", use("e1", e.Step-1, 9), storage.ErrConflict)
		wantErr(t, "unknown", use("e9", e.Step, 9), storage.ErrNotFound)
		wantErr(t, "no passkey", use("e2", app.Step, 9), storage.ErrNotFound)
		w.wantEvents(t, storage.SignedIn, 0)
		wantOneWinner(t, race(contenders, func(int) error { return use("e1", e.Step, e.Step+1) }), storage.ErrConflict)
		w.wantEvents(t, storage.SignedIn, 1)
		got, err := w.Passkey(w.ctx, e.Handle)
		ok(t, err)
		e.Step, e.Secret, e.LastUsed = e.Step+1, []byte("newer record"), at
		same(t, "used", got, e)

		// One that does not count always has the same step.
		uncounted := w.newPasskey("e3", "u1")
		uncounted.Step = 0
		ok(t, w.add(uncounted, false, storage.Trail{}))
		ok(t, use("e3", 0, 0))
		ok(t, use("e3", 0, 0))
		ok(t, w.remove("u1", "e3", storage.Trail{}))
		wantErr(t, "removed", use("e3", 0, 0), storage.ErrNotFound)
	},
	"UserHandlesAreMadeOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		has := func(what, userID string, want bool) {
			t.Helper()
			got, err := w.HasUserHandle(w.ctx, userID)
			ok(t, err)
			same(t, what, got, want)
		}
		has("before", "u1", false)
		handles := make([][]byte, contenders)
		for _, err := range race(contenders, func(i int) (err error) {
			handles[i], err = w.UserHandle(w.ctx, "u1")
			return err
		}) {
			ok(t, err)
		}
		same(t, "length", len(handles[0]), 64)
		for _, h := range handles {
			if !bytes.Equal(h, handles[0]) {
				t.Fatal("one person has two user handles")
			}
		}
		has("after", "u1", true)
		has("another person", "u2", false)
		other, err := w.UserHandle(w.ctx, "u2")
		ok(t, err)
		if bytes.Equal(other, handles[0]) {
			t.Error("two people have one user handle")
		}
		_, err = w.UserHandle(w.ctx, "nobody")
		wantErr(t, "of nobody", err, storage.ErrNotFound)

		// It stays when everything else is reset, and ends with the person.
		_, err = w.ResetFactors(w.ctx, "u1", w.now, storage.Trail{})
		ok(t, err)
		again, err := w.UserHandle(w.ctx, "u1")
		ok(t, err)
		same(t, "after a reset", again, handles[0])
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		has("a deleted person", "u1", false)
		_, err = w.UserHandle(w.ctx, "u1")
		wantErr(t, "for a deleted person", err, storage.ErrNotFound)
	},
}
