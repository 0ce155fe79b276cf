package storagetest

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// link leaves one by the mail of some change.
func (w *world) link(t *testing.T, token, userID, enrollmentID string) login.Link {
	t.Helper()
	ok(t, w.Record(w.ctx, storage.Trail{Links: []storage.Link{{
		Token: token, UserID: userID, EnrollmentID: enrollmentID, At: w.now, Expires: w.now.Add(7 * day),
	}}}))
	return login.Link{UserID: userID, EnrollmentID: enrollmentID, At: w.now, Expires: w.now.Add(7 * day)}
}

var linkTests = map[string]func(*testing.T, *world){
	"LinksAreWrittenWithTheChange": func(t *testing.T, w *world) {
		w.user(t, "u1")
		withLink := func(token string) storage.Trail {
			left := trail(storage.Enrolled, "u1")
			left.Links = []storage.Link{{Token: token, UserID: "u1", EnrollmentID: "e1", At: w.now, Expires: w.now.Add(day)}}
			return left
		}
		want := login.Link{UserID: "u1", EnrollmentID: "e1", At: w.now, Expires: w.now.Add(day)}
		e := w.newPasskey("e1", "u1")
		ok(t, w.enrollFirst(e, withLink("several statements")))
		ok(t, w.RenameEnrollment(w.ctx, "u1", "e1", "Other", w.on("u1"), withLink("one statement")))
		for _, token := range []string{"several statements", "one statement"} {
			got, err := w.Link(w.ctx, token)
			ok(t, err)
			same(t, token, got, want)
		}
		wantErr(t, "of what was refused", w.enrollFirst(e, withLink("lost")), storage.ErrConflict)
		wantErr(t, "of what was not there", w.RenameEnrollment(w.ctx, "u1", "e2", "Other", w.on("u1"), withLink("lost")), storage.ErrNotFound)
		for what, token := range map[string]string{"of no change": "lost", "unknown": "x", "empty": ""} {
			_, err := w.Link(w.ctx, token)
			wantErr(t, what, err, storage.ErrNotFound)
		}
		wantErr(t, "a token twice", w.Record(w.ctx, withLink("one statement")), storage.ErrConflict)
		if err := w.Record(w.ctx, withLink("")); err == nil {
			t.Error("a link without a token was kept")
		}
		if err := w.RenameEnrollment(w.ctx, "u1", "e1", "Third", w.on("u1"), withLink("")); err == nil {
			t.Error("a link without a token was kept beside a change")
		}
	},
	"TestT12_LinkIsPressedOnce": func(t *testing.T, w *world) {
		w.client(t, "app")
		for _, id := range []string{"u1", "u2"} {
			w.user(t, id)
			w.totp(t, "app of "+id, id)
			w.passkey(t, "key of "+id, id)
			w.session(t, "s-"+id, id)
			offline := w.newGrant("g-"+id, "app", id, "s-"+id)
			offline.Offline = true
			ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		}
		want := w.link(t, "token", "u1", "key of u1")
		want.Pressed, want.PasswordHash = w.now.Add(time.Minute), "$argon2id$u1"
		wantOneWinner(t, race(contenders, func(int) error {
			return w.Repudiate(w.ctx, "token", w.now.Add(-day), want.Pressed, trail(storage.Repudiated, "u1"))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.Repudiated, 1)
		got, err := w.Link(w.ctx, "token")
		ok(t, err)
		same(t, "pressed", got, want)
		for id, his := range map[string]bool{"u1": true, "u2": false} {
			st, err := w.Standing(w.ctx, id, "s-"+id)
			ok(t, err)
			same(t, "password of "+id+" gone", st.User.PasswordHash == "" && st.User.PasswordSet.IsZero(), his)
			same(t, "session of "+id+" gone", st.Session.ID == "", his)
			same(t, "since of "+id, st.User.Since.Equal(want.Pressed), his)
			same(t, "changes of "+id, st.User.Changes, map[bool]int64{true: 3, false: 2}[his])
			list, err := w.Enrollments(w.ctx, id)
			ok(t, err)
			same(t, "the factors of "+id+" gone", len(list) == 0, his)
			g, err := w.Grant(w.ctx, "g-"+id)
			ok(t, err)
			same(t, "grant of "+id+" revoked", !g.Revoked.IsZero(), his)
		}
		wantErr(t, "unknown", w.Repudiate(w.ctx, "x", w.now.Add(-day), w.now, storage.Trail{}), storage.ErrNotFound)
	},
	"TestT12_LinkRemovesAllThatIsNew": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.totp(t, "old", "u1")
		w.now = w.now.Add(time.Hour)
		undo := w.now
		for _, made := range []func(){
			func() { w.passkey(t, "at the limit", "u1") },
			func() { w.passkey(t, "new passkey", "u1") },
			func() { ok(t, w.add(w.app("new app", "u1"), false, storage.Trail{})) },
			func() { w.recovery(t, "new code", "u1", "CODE") },
			func() { w.passkey(t, "another's", "u2") },
		} {
			made()
			w.now = w.now.Add(time.Minute)
		}
		w.link(t, "too late", "u1", "new app")
		w.link(t, "about nothing", "u1", "")
		ok(t, w.Repudiate(w.ctx, "too late", time.Time{}, w.now, storage.Trail{}))
		w.wantFactors(t, "nothing was removed", "u1", "old", "at the limit", "new passkey", "new app", "new code")
		ok(t, w.Repudiate(w.ctx, "about nothing", undo, w.now, storage.Trail{}))
		w.wantFactors(t, "left", "u1", "old", "at the limit")
		w.wantFactors(t, "of another", "u2", "another's")
		_, err := w.BurnRecovery(w.ctx, "u1", "CODE", w.now)
		wantErr(t, "the code", err, storage.ErrNotFound)
	},
	"TestT12_LinkLeavesNoRecoveryCodeAlone": func(t *testing.T, w *world) {
		for _, id := range []string{"u1", "u2"} {
			w.user(t, id)
			w.recovery(t, "old code of "+id, id, "CODE")
		}
		w.passkey(t, "old key", "u2")
		w.now = w.now.Add(time.Hour)
		for _, id := range []string{"u1", "u2"} {
			w.passkey(t, "new key of "+id, id)
			w.link(t, "link of "+id, id, "")
			ok(t, w.Repudiate(w.ctx, "link of "+id, w.now.Add(-time.Minute), w.now, storage.Trail{}))
		}
		w.wantFactors(t, "alone", "u1")
		w.wantFactors(t, "beside another", "u2", "old code of u2", "old key")
	},
	// T-17: the page of a link has to know the password that a stranger may know.
	"TestT17_LinkKeepsThePasswordThatItTookAway": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		for _, token := range []string{"first", "second", "never pressed"} {
			w.link(t, token, "u1", "")
		}
		w.link(t, "another's", "u2", "")
		want := func(what, token, hash string) {
			t.Helper()
			l, err := w.Link(w.ctx, token)
			ok(t, err)
			same(t, what, l.PasswordHash, hash)
		}
		want("before it was pressed", "first", "")
		for _, token := range []string{"first", "second"} {
			ok(t, w.Repudiate(w.ctx, token, time.Time{}, w.now, storage.Trail{}))
			want("pressed", token, "$argon2id$u1")
		}
		wantErr(t, "again", w.Repudiate(w.ctx, "first", time.Time{}, w.now, storage.Trail{}), storage.ErrConflict)
		want("not pressed", "never pressed", "")
		want("another's", "another's", "")
		ok(t, w.Renew(w.ctx, "first", "new", w.now, storage.Trail{}))
		want("finished", "first", "")
		ok(t, w.SetPassword(w.ctx, "u2", "", w.now, storage.Trail{}))
		w.link(t, "another's since", "u2", "")
		ok(t, w.Repudiate(w.ctx, "another's since", time.Time{}, w.now, storage.Trail{}))
		want("of who has no password", "another's since", "")
	},
	// Whoever copied a link before a password was set must not take that password away by it.
	"TestT17_LinksEndWithAnotherPassword": func(t *testing.T, w *world) {
		for what, set := range map[string]func(u login.User, left storage.Trail) error{
			"by a link": func(u login.User, left storage.Trail) error {
				return w.Renew(w.ctx, "finished of "+u.ID, "new", w.now, left)
			},
			"by support": func(u login.User, left storage.Trail) error { return w.SetPassword(w.ctx, u.ID, "new", w.now, left) },
			"taken away": func(u login.User, left storage.Trail) error { return w.SetPassword(w.ctx, u.ID, "", w.now, left) },
			"by the person": func(u login.User, left storage.Trail) error {
				s := session.Session{ID: "s of " + u.ID, UserID: u.ID, Created: w.now, LastUsed: w.now, Version: 1, Evidence: proofOf(u.Passwords, w.now)}
				ok(t, w.CreateSession(w.ctx, s, "cookie of "+u.ID, storage.Trail{}))
				return w.ChangePassword(w.ctx, login.NewPassword{Session: s, Cookie: "new cookie of " + u.ID, Old: u.Passwords, Hash: "new", At: w.now}, left)
			},
			"refused": func(u login.User, _ storage.Trail) error {
				ok(t, w.Record(w.ctx, storage.Trail{Links: []storage.Link{{Token: "new of " + u.ID, UserID: u.ID, At: w.now, Expires: w.now.Add(day)}}}))
				wantErr(t, "a link that was not pressed", w.Renew(w.ctx, "open of "+u.ID, "new", w.now, storage.Trail{}), storage.ErrConflict)
				return nil
			},
		} {
			for _, id := range []string{what, "not " + what} {
				w.user(t, id)
				for _, token := range []string{"open of ", "pressed of ", "finished of "} {
					w.link(t, token+id, id, "")
				}
				ok(t, w.Repudiate(w.ctx, "pressed of "+id, time.Time{}, w.now, storage.Trail{}))
				ok(t, w.Repudiate(w.ctx, "finished of "+id, time.Time{}, w.now, storage.Trail{}))
			}
			u, err := w.User(w.ctx, what)
			ok(t, err)
			w.now = w.now.Add(time.Minute)
			left := trail(storage.PasswordChanged, what)
			left.Links = []storage.Link{{Token: "new of " + what, UserID: what, At: w.now, Expires: w.now.Add(day)}}
			ok(t, set(u, left))
			has := func(token string) bool {
				_, err := w.Link(w.ctx, token)
				if err != nil {
					wantErr(t, token, err, storage.ErrNotFound)
				}
				return err == nil
			}
			for _, token := range []string{"open of ", "pressed of "} {
				same(t, token+what, has(token+what), what == "refused")
				same(t, token+"not "+what, has(token+"not "+what), true)
			}
			same(t, "finished of "+what, has("finished of "+what), what == "refused" || what == "by a link")
			same(t, "the link of the change itself, "+what, has("new of "+what), true)
		}
	},
	"TestT17_LinksAndCodesEndWithTheMailbox": func(t *testing.T, w *world) {
		for what, c := range map[string]struct {
			address        string
			verified, ends bool
		}{
			"the same": {"", true, false}, "another": {"new@example.com", true, true}, "unverified": {"", false, true},
		} {
			w.user(t, what)
			w.user(t, "not "+what)
			for _, id := range []string{what, "not " + what} {
				w.link(t, "finished of "+id, id, "")
				ok(t, w.Repudiate(w.ctx, "finished of "+id, time.Time{}, w.now, storage.Trail{}))
				ok(t, w.Renew(w.ctx, "finished of "+id, "new", w.now, storage.Trail{}))
				w.link(t, "open of "+id, id, "")
				w.link(t, "pressed of "+id, id, "")
				ok(t, w.Repudiate(w.ctx, "pressed of "+id, time.Time{}, w.now, storage.Trail{}))
				ok(t, w.KeepMailCode(w.ctx, id, "code of "+id, "111111", w.now, w.now.Add(time.Hour), func([]time.Time) error { return nil }))
			}
			w.moves(t, what, c.address, c.verified)
			gone := map[bool]error{true: storage.ErrNotFound}
			for id, ends := range map[string]bool{what: c.ends, "not " + what: false} {
				for _, token := range []string{"open of ", "pressed of "} {
					_, err := w.Link(w.ctx, token+id)
					wantErr(t, what+": "+token+id, err, gone[ends])
				}
				_, err := w.Link(w.ctx, "finished of "+id)
				wantErr(t, what+": finished of "+id, err, nil)
				wantErr(t, what+": code of "+id, w.BurnMailCode(w.ctx, id, "code of "+id, "111111", 5, w.now), gone[ends])
			}
		}
		u := w.user(t, "told")
		u.Email = "told.new@example.com"
		left := trail(storage.UserUpdated, "told")
		left.Links = []storage.Link{{Token: "of the change", UserID: "told", At: w.now, Expires: w.now.Add(day)}}
		ok(t, w.UpdateUser(w.ctx, u, left))
		_, err := w.Link(w.ctx, "of the change")
		wantErr(t, "the link of the change itself", err, nil)
	},
	"TestT12_LinkIsOfNoUseAfterItsTime": func(t *testing.T, w *world) {
		w.user(t, "u1")
		l := w.link(t, "token", "u1", "")
		wantErr(t, "pressed at its end", w.Repudiate(w.ctx, "token", time.Time{}, l.Expires, trail(storage.Repudiated, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.Repudiated, 0)
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		if u.PasswordHash == "" || !u.Since.IsZero() {
			t.Errorf("a link that was refused changed the person: %+v", u)
		}
		ok(t, w.Repudiate(w.ctx, "token", time.Time{}, l.Expires.Add(-time.Minute), storage.Trail{}))
		wantErr(t, "a password at its end", w.Renew(w.ctx, "token", "new", l.Expires, storage.Trail{}), storage.ErrConflict)
		ok(t, w.Renew(w.ctx, "token", "new", l.Expires.Add(-time.Second), storage.Trail{}))
	},
	"TestT17_PasswordByALinkIsNotedAndSetOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.closed(t, "u1")
		w.link(t, "token", "u1", "")
		renew := func(hash string) error {
			return w.Renew(w.ctx, "token", hash, w.now.Add(time.Minute), trail(storage.PasswordChanged, "u1"))
		}
		wantErr(t, "before it was pressed", renew("new"), storage.ErrConflict)
		wantErr(t, "unknown", w.Renew(w.ctx, "x", "new", w.now, storage.Trail{}), storage.ErrNotFound)
		ok(t, w.Repudiate(w.ctx, "token", time.Time{}, w.now, storage.Trail{}))
		w.wantEvents(t, storage.PasswordChanged, 0)
		hashes := make(map[string]bool)
		errs := race(contenders, func(i int) error { return renew(name("new %d", i)) })
		for i, err := range errs {
			if err == nil {
				hashes[name("new %d", i)] = true
			}
		}
		wantOneWinner(t, errs, storage.ErrConflict)
		w.wantEvents(t, storage.PasswordChanged, 1)
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		at := w.now.Add(time.Minute)
		if !hashes[u.PasswordHash] || !u.PasswordSet.Equal(at) || !u.PasswordMail.Equal(at) {
			t.Errorf("password %q, set %v, by mail %v", u.PasswordHash, u.PasswordSet, u.PasswordMail)
		}
		w.wantClosed(t, "another password", "u1", kindsBut("password", "email")...)
		l, err := w.Link(w.ctx, "token")
		ok(t, err)
		same(t, "finished", l.Finished, at)
		wantErr(t, "pressed again", w.Repudiate(w.ctx, "token", time.Time{}, at, storage.Trail{}), storage.ErrConflict)

		ok(t, w.SetPassword(w.ctx, "u1", "another", at, storage.Trail{}))
		u, err = w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "a password that came since is not by mail", u.PasswordMail, time.Time{})
	},
	"LinksEndWithThePerson": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.link(t, "token", "u1", "")
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		_, err := w.Link(w.ctx, "token")
		wantErr(t, "link", err, storage.ErrNotFound)
	},
}
