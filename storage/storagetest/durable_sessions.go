package storagetest

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

var sessionTests = map[string]func(*testing.T, *world){
	"SessionsAreRead": func(t *testing.T, w *world) {
		w.user(t, "u1")
		s := w.session(t, "s1", "u1")
		got, err := w.Session(w.ctx, "s1")
		ok(t, err)
		same(t, "by id", got, s)
		got, err = w.SessionByCookie(w.ctx, "cookie of s1")
		ok(t, err)
		same(t, "by cookie", got, s)
		for what, cookie := range map[string]string{"another": "cookie of s2", "none": "", "the id": "s1"} {
			_, err = w.SessionByCookie(w.ctx, cookie)
			wantErr(t, what, err, storage.ErrNotFound)
		}
		_, err = w.Session(w.ctx, "s2")
		wantErr(t, "unknown", err, storage.ErrNotFound)
		s.ID = "s2"
		wantErr(t, "a cookie twice", w.CreateSession(w.ctx, s, "cookie of s1", trail(storage.SessionCreated, "u1")), storage.ErrConflict)
		s.UserID = "nobody"
		wantErr(t, "of nobody", w.CreateSession(w.ctx, s, "c", trail(storage.SessionCreated, "u1")), storage.ErrNotFound)
		w.wantEvents(t, storage.SessionCreated, 1)
	},
	"TestT02_RenewingRotatesTheCookie": func(t *testing.T, w *world) {
		w.user(t, "u1")
		s := w.session(t, "s1", "u1")
		s.Evidence = append(s.Evidence, factors.Evidence{
			Kind: factors.TOTP, Source: "totp:1", Class: factors.Has, AMR: []string{"otp"}, At: w.now.Add(time.Second),
		})
		s.LastUsed, s.IP, s.Agent = w.now.Add(time.Second), "192.0.2.2", "Browser/2"
		ok(t, w.RenewSession(w.ctx, s, "new cookie", trail(storage.SessionRenewed, "u1")))
		_, err := w.SessionByCookie(w.ctx, "cookie of s1")
		wantErr(t, "the old cookie", err, storage.ErrNotFound)
		wantErr(t, "stale version", w.RenewSession(w.ctx, s, "newer", trail(storage.SessionRenewed, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.SessionRenewed, 1)
		s.Version++
		got, err := w.SessionByCookie(w.ctx, "new cookie")
		ok(t, err)
		same(t, "renewed", got, s)

		other := s
		other.UserID = "u2"
		wantErr(t, "for another person", w.RenewSession(w.ctx, other, "c", storage.Trail{}), storage.ErrNotFound)
		ok(t, w.EndSession(w.ctx, "s1", false, w.now, storage.Trail{}))
		wantErr(t, "ended", w.RenewSession(w.ctx, s, "c", storage.Trail{}), storage.ErrNotFound)
	},
	"RenewOneWinner": func(t *testing.T, w *world) {
		w.user(t, "u1")
		s := w.session(t, "s1", "u1")
		wantOneWinner(t, race(contenders, func(i int) error {
			return w.RenewSession(w.ctx, s, name("cookie %d", i), trail(storage.SessionRenewed, "u1"))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.SessionRenewed, 1)
		alive := 0
		for i := range contenders {
			if _, err := w.SessionByCookie(w.ctx, name("cookie %d", i)); err == nil {
				alive++
			}
		}
		if alive != 1 {
			t.Errorf("%d cookies are good, want 1", alive)
		}
	},
	"TouchNeverMovesBack": func(t *testing.T, w *world) {
		w.user(t, "u1")
		s := w.session(t, "s1", "u1")
		touch := func(at, want time.Time) {
			t.Helper()
			ok(t, w.TouchSession(w.ctx, "s1", at))
			got, err := w.Session(w.ctx, "s1")
			ok(t, err)
			same(t, "last use", got.LastUsed, want)
			same(t, "version", got.Version, s.Version)
		}
		// Each of these is another number of digits as text.
		half, more := w.now.Truncate(time.Second).Add(time.Second+500*time.Millisecond), w.now.Truncate(time.Second).Add(1510*time.Millisecond)
		touch(half, half)
		touch(more, more)
		touch(half, more)
		touch(half.Truncate(time.Second), more)
		whole := more.Truncate(time.Second).Add(time.Second)
		touch(whole, whole)
		touch(whole.Add(time.Microsecond), whole.Add(time.Microsecond))
		touch(whole, whole.Add(time.Microsecond))
		ok(t, w.TouchSession(w.ctx, "unknown", w.now))
		ok(t, w.EndSession(w.ctx, "s1", false, w.now, storage.Trail{}))
		ok(t, w.TouchSession(w.ctx, "s1", w.now.Add(time.Hour)))
	},
	"EndingTakesItsGrants": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.client(t, "app")
		w.session(t, "s1", "u1")
		w.session(t, "s2", "u1")
		w.grant(t, "online", "app", "u1", "s1")
		offline := w.newGrant("offline", "app", "u1", "s1")
		offline.Offline = true
		ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		w.grant(t, "other", "app", "u1", "s2")
		ok(t, w.EndSession(w.ctx, "s1", false, w.now, trail(storage.SessionEnded, "u1")))
		ok(t, w.EndSession(w.ctx, "s1", false, w.now.Add(time.Hour), trail(storage.SessionEnded, "u1")))
		ok(t, w.EndSession(w.ctx, "unknown", false, w.now, trail(storage.SessionEnded, "u1")))
		w.wantEvents(t, storage.SessionEnded, 1)
		_, err := w.Session(w.ctx, "s1")
		wantErr(t, "by id", err, storage.ErrNotFound)
		_, err = w.SessionByCookie(w.ctx, "cookie of s1")
		wantErr(t, "by cookie", err, storage.ErrNotFound)
		for id, want := range map[string]time.Time{"online": w.now, "offline": {}, "other": {}} {
			g, err := w.Grant(w.ctx, id)
			ok(t, err)
			same(t, id+" revoked at", g.Revoked, want)
		}
	},
	"TestT40_SessionsOfAPersonAreListedAndEnded": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.client(t, "app")
		var want []session.Session
		for _, id := range []string{"s3", "s2", "s1"} {
			want = append(want, w.session(t, id, "u1"))
		}
		w.session(t, "s4", "u2")
		w.grant(t, "g1", "app", "u1", "s1")
		offline := w.newGrant("g2", "app", "u1", "s1")
		offline.Offline = true
		ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		got, err := w.SessionsOf(w.ctx, "u1")
		ok(t, err)
		same(t, "sessions", got, want)
		ok(t, w.EndSession(w.ctx, "s2", false, w.now, storage.Trail{}))
		n, err := w.EndOthers(w.ctx, "u1", "", w.now, trail(storage.SessionEnded, "u1"))
		ok(t, err)
		same(t, "ended", n, 2)
		w.wantEvents(t, storage.SessionEnded, 1)
		got, err = w.SessionsOf(w.ctx, "u1")
		ok(t, err)
		same(t, "sessions after", got, []session.Session(nil))
		for _, id := range []string{"g1", "g2"} {
			g, err := w.Grant(w.ctx, id)
			ok(t, err)
			same(t, "grant "+id+" revoked at", g.Revoked, w.now)
		}
		_, err = w.Session(w.ctx, "s4")
		wantErr(t, "another person's", err, nil)
	},
}
