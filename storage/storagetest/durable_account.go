package storagetest

import (
	"errors"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// app is an authenticator app that is not set up yet.
func (w *world) app(id, userID string) factors.Enrollment {
	return factors.Enrollment{
		ID: id, UserID: userID, Kind: factors.TOTP, Name: "App", Secret: []byte("seed of " + id), Confirmed: w.now, Created: w.now, Step: 1,
	}
}

// wantFactors fails unless these are the ids of the live enrollments, the oldest first.
func (w *world) wantFactors(t *testing.T, what, userID string, ids ...string) {
	t.Helper()
	list, err := w.Enrollments(w.ctx, userID)
	ok(t, err)
	var got []string
	for _, e := range list {
		got = append(got, e.ID)
	}
	same(t, what, got, ids)
}

// wantChanges fails unless do counts n changes of what can prove the person.
func (w *world) wantChanges(t *testing.T, what, userID string, n int64, do func()) {
	t.Helper()
	before := w.on(userID).Changes
	do()
	same(t, "changes by "+what, w.on(userID).Changes-before, n)
}

// proofOf is the proof of one of a person's passwords.
func proofOf(passwords int64, at time.Time) []factors.Evidence {
	return []factors.Evidence{{
		Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}, At: at, Generation: passwords,
	}}
}

var accountTests = map[string]func(*testing.T, *world){
	"FactorsAreAddedRenamedAndReplaced": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.totp(t, "other", "u2")
		w.closed(t, "u1")
		add := func(e factors.Enrollment, replace bool) error {
			return w.add(e, replace, trail(storage.Enrolled, e.UserID))
		}
		ok(t, add(w.app("a1", "u1"), false))
		w.wantClosed(t, "an app", "u1", kindsBut(factors.TOTP)...)
		ok(t, add(w.app("a2", "u1"), false))
		w.passkey(t, "p1", "u1")
		wantErr(t, "an id twice", add(w.app("a1", "u1"), false), storage.ErrConflict)
		wantErr(t, "of nobody", add(w.app("a9", "nobody"), false), storage.ErrNotFound)
		w.wantFactors(t, "added", "u1", "a1", "a2", "p1")

		ok(t, w.RenameEnrollment(w.ctx, "u1", "a2", "New phone", w.on("u1"), trail(storage.FactorRenamed, "u1")))
		wantErr(t, "another person's", w.RenameEnrollment(w.ctx, "u1", "other", "Mine", w.on("u1"), trail(storage.FactorRenamed, "u1")), storage.ErrNotFound)
		wantErr(t, "unknown", w.RenameEnrollment(w.ctx, "u1", "x", "Mine", w.on("u1"), trail(storage.FactorRenamed, "u1")), storage.ErrNotFound)
		w.wantEvents(t, storage.FactorRenamed, 1)
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "name", list[1].Name, "New phone")

		ok(t, add(w.app("a3", "u1"), true))
		w.wantFactors(t, "replaced", "u1", "a3", "p1")
		w.wantFactors(t, "another person's", "u2", "other")
		wantErr(t, "renaming a replaced one", w.RenameEnrollment(w.ctx, "u1", "a2", "x", w.on("u1"), storage.Trail{}), storage.ErrNotFound)
		wantErr(t, "burning a step of a replaced one", w.BurnStep(w.ctx, "a2", 100, w.now), storage.ErrNotFound)
	},
	"APersonHasSoManyFactorsOfAKind": func(t *testing.T, w *world) {
		w.user(t, "u1")
		wins := 0
		for _, err := range race(login.MaxOfKind+contenders, func(i int) error {
			return w.add(w.app(name("a%d", i), "u1"), false, trail(storage.Enrolled, "u1"))
		}) {
			switch {
			case err == nil:
				wins++
			case !errors.Is(err, storage.ErrConflict):
				t.Error(err)
			}
		}
		same(t, "apps", wins, login.MaxOfKind)
		w.wantEvents(t, storage.Enrolled, login.MaxOfKind)
		w.passkey(t, "p1", "u1") // another kind has its own room
		ok(t, w.add(w.app("last", "u1"), true, storage.Trail{}))
		w.wantFactors(t, "replaced", "u1", "last", "p1")
	},
	"TestN13_RemovedPasskeyLeavesATombstone": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.passkey(t, "p1", "u1")
		w.recovery(t, "r1", "u1", "CODE")
		ok(t, w.remove("u1", "p1", trail(storage.FactorRemoved, "u1")))
		wantErr(t, "its id again", w.add(w.newPasskey("p1", "u1"), false, storage.Trail{}), storage.ErrConflict)
	},
	"TestT13_LastFactorIsKept": func(t *testing.T, w *world) {
		w.user(t, "u1")
		keep := []factors.Kind{factors.TOTP, factors.Passkey}
		remove := func(id string, keep ...factors.Kind) error {
			return w.remove("u1", id, trail(storage.FactorRemoved, "u1"), keep...)
		}
		w.totp(t, "a1", "u1")
		recovery := w.recovery(t, "r1", "u1", "CODE")
		wantErr(t, "the last but the recovery code", remove("a1", keep...), storage.ErrConflict)
		wantErr(t, "unknown", remove("x", keep...), storage.ErrNotFound)
		ok(t, w.BurnStep(w.ctx, "a1", 500, w.now)) // it is as good as before
		w.wantEvents(t, storage.FactorRemoved, 0)
		w.passkey(t, "p1", "u1")
		wantErr(t, "the last of what has to stay", remove("p1", factors.Passkey), storage.ErrConflict)
		ok(t, remove("a1", keep...))
		ok(t, remove(recovery.ID, keep...))
		ok(t, remove("p1"))
		w.wantFactors(t, "left", "u1")
		w.wantEvents(t, storage.FactorRemoved, 3)
	},
	"TestT50_TwoTabsRemoveTheTwoLastFactors": func(t *testing.T, w *world) {
		for i := range 10 {
			id := name("u%d", i)
			w.user(t, id)
			ids := []string{"a of " + id, "b of " + id}
			for _, e := range ids {
				ok(t, w.add(w.app(e, id), false, storage.Trail{}))
			}
			wantOneWinner(t, race(len(ids), func(i int) error {
				return w.remove(id, ids[i], storage.Trail{}, factors.TOTP)
			}), storage.ErrConflict)
			list, err := w.Enrollments(w.ctx, id)
			ok(t, err)
			same(t, "factors left", len(list), 1)
		}
	},
	"TestT13_RemovingDoesAllAtOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.client(t, "app")
		w.totp(t, "a1", "u1")
		w.passkey(t, "p1", "u1")
		w.recovery(t, "r1", "u1", "CODE")
		for _, id := range []string{"here", "there"} {
			w.session(t, id, "u1")
			w.grant(t, "of "+id, "app", "u1", id)
		}
		remove := func(id string, others bool, want login.Removed) {
			t.Helper()
			ok(t, w.RemoveEnrollment(w.ctx, login.Removal{
				UserID: "u1", EnrollmentID: id, On: w.on("u1"), At: w.now, Others: others, SessionID: "here",
			}, func(got login.Removed) storage.Trail {
				same(t, "what removing "+id+" did", got, want)
				return trail(storage.FactorRemoved, "u1")
			}))
		}
		remove("a1", false, login.Removed{})
		w.wantFactors(t, "the code stands in for the other", "u1", "p1", "r1")
		w.wantAlive(t, "u1", "there", "here")
		remove("p1", true, login.Removed{Recovery: true, Others: true})
		w.wantFactors(t, "nothing is left alone", "u1")
		w.wantAlive(t, "u1", "here")
		w.wantRevoked(t, map[string]bool{"of here": false, "of there": true})
		w.wantEvents(t, storage.FactorRemoved, 2)
		w.totp(t, "a2", "u1")
		remove("a2", true, login.Removed{})
	},
	"TestT50_NoRecoveryCodeIsLeftAlone": func(t *testing.T, w *world) {
		for i := range 10 {
			id := name("u%d", i)
			w.user(t, id)
			w.totp(t, "a of "+id, id)
			w.passkey(t, "p of "+id, id)
			for _, err := range race(3, func(i int) error {
				switch i {
				case 0:
					return w.remove(id, "a of "+id, storage.Trail{})
				case 1:
					return w.remove(id, "p of "+id, storage.Trail{})
				}
				on := w.on(id)
				list, err := w.Enrollments(w.ctx, id)
				if err != nil || len(list) == 0 { // login gives none to who has nothing else
					return err
				}
				err = w.ReplaceRecovery(w.ctx, w.newRecovery("r of "+id, id, "CODE"), on, storage.Trail{})
				if errors.Is(err, storage.ErrConflict) {
					return nil
				}
				return err
			}) {
				ok(t, err)
			}
			w.wantFactors(t, "left", id)
		}
	},
	"DefaultMethod": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		ok(t, w.SetDefault(w.ctx, "u1", factors.TOTP, w.on("u1"), w.now, trail(storage.DefaultChanged, "u1")))
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		u.Default, u.Updated, u.Version = factors.TOTP, w.now, 2
		same(t, "person", got, u)
		st, err := w.Standing(w.ctx, "u1", "")
		ok(t, err)
		same(t, "standing", st.User, u)
		ok(t, w.SetDefault(w.ctx, "u1", "", w.on("u1"), w.now, trail(storage.DefaultChanged, "u1")))
		got, err = w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "no wish", got.Default, factors.Kind(""))
		w.wantEvents(t, storage.DefaultChanged, 2)
		wantErr(t, "of nobody", w.SetDefault(w.ctx, "nobody", factors.TOTP, w.on("nobody"), w.now, storage.Trail{}), storage.ErrNotFound)
	},
	"UpdateUserLeavesWhatHasMethodsOfItsOwn": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.totp(t, "a1", "u1")
		w.link(t, "token", "u1", "a1")
		ok(t, w.Repudiate(w.ctx, "token", w.now.Add(-time.Hour), w.now, storage.Trail{}))
		ok(t, w.Renew(w.ctx, "token", "hash", w.now, storage.Trail{}))
		ok(t, w.SetDefault(w.ctx, "u1", factors.Passkey, w.on("u1"), w.now, storage.Trail{}))
		want, err := w.User(w.ctx, "u1")
		ok(t, err)
		if want.Since.IsZero() || want.Changes == 0 || want.PasswordMail.IsZero() || want.Default == "" {
			t.Fatalf("the person to update: %+v", want)
		}
		careless := login.User{ID: "u1", Email: "new@example.com", Name: "New", Updated: w.now, Version: want.Version}
		ok(t, w.UpdateUser(w.ctx, careless, storage.Trail{}))
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		want.Email, want.EmailVerified, want.Name, want.Locale = "new@example.com", false, "New", ""
		want.Version, want.Changes, want.EmailSet = want.Version+1, want.Changes+1, w.now
		same(t, "updated", got, want)
	},
	"TestT40_ChangingThePasswordKeepsThisSession": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		w.user(t, "u2")
		w.client(t, "app")
		w.closed(t, "u1")
		for _, id := range []string{"here", "there"} {
			w.session(t, id, "u1")
			w.grant(t, "online "+id, "app", "u1", id)
			offline := w.newGrant("offline "+id, "app", "u1", id)
			offline.Offline = true
			ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		}
		w.session(t, "other", "u2")
		at := w.now.Add(time.Minute)
		changed := func(hash string) login.NewPassword {
			t.Helper()
			s, err := w.Session(w.ctx, "here")
			ok(t, err)
			u, err := w.User(w.ctx, "u1")
			ok(t, err)
			s.Evidence, s.LastUsed = proofOf(u.Passwords+1, at), at
			return login.NewPassword{Old: u.Passwords, Hash: hash, At: at, Session: s, Cookie: "cookie of " + hash}
		}
		first := changed("")
		wantOneWinner(t, race(contenders, func(i int) error {
			p := first
			p.Hash = name("new %d", i)
			return w.ChangePassword(w.ctx, p, trail(storage.PasswordChanged, "u1"))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.PasswordChanged, 1)
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "set at", got.PasswordSet, at)
		same(t, "which it is", got.Passwords, u.Passwords+1)
		w.wantClosed(t, "another password", "u1", kindsBut(factors.Password, factors.Email)...)
		w.wantAlive(t, "u1", "here")
		w.wantAlive(t, "u2", "other")
		w.wantRevoked(t, map[string]bool{"online here": true, "offline here": true, "online there": true, "offline there": true})
		_, err = w.SessionByCookie(w.ctx, "cookie of here")
		wantErr(t, "the old cookie", err, storage.ErrNotFound)
		s, err := w.SessionByCookie(w.ctx, first.Cookie)
		ok(t, err)
		first.Session.Version++
		same(t, "the session that asked", s, first.Session)

		second := changed("by mail")
		second.Mail = w.now
		for what, p := range map[string]login.NewPassword{
			"the password was changed": {Old: second.Old - 1, Hash: "x", At: at, Session: second.Session, Cookie: "x"},
			"another version":          {Old: second.Old, Hash: "x", At: at, Session: first.Session, Cookie: "x"},
			"another person's session": {Old: 0, Hash: "x", At: at, Session: session.Session{ID: "other", UserID: "u1", Version: 1}, Cookie: "x"},
			"of nobody":                {Hash: "x", At: at, Session: session.Session{ID: "here", UserID: "nobody", Version: 2}, Cookie: "x"},
		} {
			if what == "another version" {
				p.Session.Version--
			}
			wantErr(t, what, w.ChangePassword(w.ctx, p, trail(storage.PasswordChanged, "u1")), storage.ErrConflict)
		}
		w.wantEvents(t, storage.PasswordChanged, 1)
		ok(t, w.ChangePassword(w.ctx, second, storage.Trail{}))
		got, err = w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "rests on the mailbox since", got.PasswordMail, w.now)

		third := changed("third")
		ok(t, w.DisableUser(w.ctx, "u1", at, storage.Trail{}))
		wantErr(t, "disabled", w.ChangePassword(w.ctx, third, storage.Trail{}), storage.ErrConflict)
		ok(t, w.EnableUser(w.ctx, "u1", at, storage.Trail{}))
		wantErr(t, "the session has ended", w.ChangePassword(w.ctx, third, storage.Trail{}), storage.ErrConflict)
	},
	// T-40: which password it is goes up with every one that comes, or goes, and with nothing else.
	"TestT40_PasswordsAreCounted": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		want := func(what string, n int64) {
			t.Helper()
			got, err := w.User(w.ctx, "u1")
			ok(t, err)
			same(t, what, got.Passwords, n)
			st, err := w.Standing(w.ctx, "u1", "")
			ok(t, err)
			same(t, what+", standing", st.User.Passwords, n)
		}
		want("created", 0)
		ok(t, w.UpgradePassword(w.ctx, "u1", u.PasswordHash, "upgraded"))
		want("upgraded", 0)
		ok(t, w.SetPassword(w.ctx, "u1", "set", w.now, storage.Trail{}))
		want("set", 1)
		ok(t, w.SetPassword(w.ctx, "u1", "", w.now, storage.Trail{}))
		want("taken away", 2)
		w.link(t, "token", "u1", "")
		ok(t, w.Repudiate(w.ctx, "token", time.Time{}, w.now, storage.Trail{}))
		want("repudiated", 3)
		ok(t, w.Renew(w.ctx, "token", "by link", w.now, storage.Trail{}))
		want("set by a link", 4)
	},
	"TestT40_OthersAreEnded": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.client(t, "app")
		for _, id := range []string{"s1", "s2", "s3"} {
			w.session(t, id, "u1")
			offline := w.newGrant("g of "+id, "app", "u1", id)
			offline.Offline = true
			ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		}
		w.grant(t, "of no session", "app", "u1", "")
		w.session(t, "other", "u2")
		on := w.on("u1")
		n, err := w.EndOthers(w.ctx, "u1", "s2", w.now, trail(storage.SessionEnded, "u1"))
		ok(t, err)
		same(t, "ended", n, 2)
		w.wantEvents(t, storage.SessionEnded, 1)
		w.wantShutOut(t, "u1", w.now, "s2")
		w.wantShutOut(t, "u2", time.Time{}, "")
		wantErr(t, "a factor on what was before", w.EnrollFirst(w.ctx, w.app("a1", "u1"), on, storage.Trail{}), storage.ErrConflict)
		w.wantAlive(t, "u1", "s2")
		w.wantAlive(t, "u2", "other")
		w.wantRevoked(t, map[string]bool{"g of s1": true, "g of s2": false, "g of s3": true, "of no session": true})
		n, err = w.EndOthers(w.ctx, "u1", "s2", w.now, trail(storage.SessionEnded, "u1"))
		ok(t, err)
		same(t, "ended again", n, 0)
		w.wantEvents(t, storage.SessionEnded, 1) // of what happened
		_, err = w.EndOthers(w.ctx, "u1", "s2", w.now.Add(-time.Hour), storage.Trail{})
		ok(t, err)
		w.wantShutOut(t, "u1", w.now, "s2") // by a clock that is behind
		w.grant(t, "later", "app", "u1", "")
		_, err = w.EndOthers(w.ctx, "u1", "s2", w.now, trail(storage.SessionEnded, "u1"))
		ok(t, err)
		w.wantEvents(t, storage.SessionEnded, 2)
		_, err = w.EndOthers(w.ctx, "u2", "", w.now, trail(storage.SessionEnded, "u2"))
		ok(t, err)
		_, err = w.EndOthers(w.ctx, "u2", "", w.now, trail(storage.SessionEnded, "u2"))
		ok(t, err)
		w.wantEvents(t, storage.SessionEnded, 4) // support asked for it
	},
	// T-40: a sign-in that was half done when the others were ended makes no session of it.
	"TestT40_NoSessionOfWhoWasShutOut": func(t *testing.T, w *world) {
		w.user(t, "u1")
		kept := w.session(t, "s1", "u1")
		at := w.now.Add(time.Minute)
		_, err := w.EndOthers(w.ctx, "u1", "s1", at, storage.Trail{})
		ok(t, err)
		s := session.Session{ID: "s2", UserID: "u1", Created: at, LastUsed: at, Version: 1, Evidence: proofOf(0, at.Add(-time.Microsecond))}
		wantErr(t, "by a proof of before", w.CreateSession(w.ctx, s, "cookie", storage.Trail{}), storage.ErrNotFound)
		s.Evidence = proofOf(0, at)
		ok(t, w.CreateSession(w.ctx, s, "cookie", storage.Trail{}))
		s.Evidence = proofOf(0, at.Add(-time.Microsecond))
		wantErr(t, "renewed by a proof of before", w.RenewSession(w.ctx, s, "new", storage.Trail{}), storage.ErrNotFound)
		ok(t, w.RenewSession(w.ctx, kept, "new cookie of s1", storage.Trail{}))
	},
	"TestT40_AllOfADeviceEnds": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.client(t, "app")
		for _, id := range []string{"out", "ended", "other"} {
			w.session(t, id, "u1")
			w.grant(t, "online "+id, "app", "u1", id)
			offline := w.newGrant("offline "+id, "app", "u1", id)
			offline.Offline = true
			ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		}
		ok(t, w.EndSession(w.ctx, "ended", false, w.now, trail(storage.SessionEnded, "u1")))
		w.wantRevoked(t, map[string]bool{"online ended": true, "offline ended": false})
		for range 2 { // the second time there is nothing left, and nothing to be told
			ok(t, w.EndSession(w.ctx, "out", true, w.now, trail(storage.SessionEnded, "u1")))
			ok(t, w.EndSession(w.ctx, "ended", true, w.now, trail(storage.SessionEnded, "u1")))
		}
		w.wantRevoked(t, map[string]bool{
			"online out": true, "offline out": true, "offline ended": true, "online other": false, "offline other": false,
		})
		w.wantEvents(t, storage.SessionEnded, 3)
	},
	"EventsOfAPersonAreTheLatest": func(t *testing.T, w *world) {
		for i := range 5 {
			ok(t, w.Record(w.ctx, storage.With(storage.Event{ID: name("%d", i), Type: storage.SignedIn, UserID: "u1"})))
		}
		ok(t, w.Record(w.ctx, storage.With(storage.Event{ID: "9", Type: storage.SignedIn, UserID: "u2"})))
		ok(t, w.Record(w.ctx, storage.Trail{Events: []storage.Event{
			{ID: "8", Type: storage.SequenceFailed, UserID: "u1"}, {ID: "7", Type: storage.Locked, UserID: "u1"},
		}}))
		told := []storage.EventType{storage.SignedIn, storage.Locked}
		for n, want := range map[int][]string{0: nil, 2: {"7", "4"}, 100: {"7", "4", "3", "2", "1", "0"}} {
			list, err := w.EventsOf(w.ctx, "u1", told, n)
			ok(t, err)
			var got []string
			for _, e := range list {
				got = append(got, e.ID)
			}
			same(t, name("the latest %d", n), got, want)
		}
		list, err := w.EventsOf(w.ctx, "", told, 10)
		ok(t, err)
		same(t, "of nobody", list, []storage.Event(nil))
		list, err = w.EventsOf(w.ctx, "u1", nil, 10)
		ok(t, err)
		same(t, "of no type", list, []storage.Event(nil))
	},
	"PuttingOffIsCountedOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.org(t, "o1")
		w.org(t, "o2")
		w.member(t, "u1", "o1")
		w.member(t, "u1", "o2")
		put := func(orgID, by string, used int) error {
			return w.PutOff(w.ctx, "u1", orgID, by, used, trail(storage.EnrollmentPutOff, "u1"))
		}
		wantOneWinner(t, race(contenders, func(i int) error { return put("o2", name("t%d", i), 0) }), storage.ErrConflict)
		for _, err := range race(contenders, func(int) error { return put("o2", "one sign-in", 1) }) {
			ok(t, err)
		}
		for _, err := range race(contenders, func(i int) error { return put("o2", "one sign-in", i%3) }) {
			ok(t, err)
		}
		w.wantEvents(t, storage.EnrollmentPutOff, 2)
		wantErr(t, "no member", put("o3", "t", 0), storage.ErrConflict)
		st, err := w.Standing(w.ctx, "u1", "")
		ok(t, err)
		for i, skips := range []int{0, 2} {
			same(t, "skips in "+st.Orgs[i].ID, st.Orgs[i].Skips, skips)
			same(t, "joined "+st.Orgs[i].ID, st.Orgs[i].Joined, w.now)
		}
	},
}

// wantShutOut fails unless that is when everybody but a session was shut out last.
func (w *world) wantShutOut(t *testing.T, userID string, at time.Time, kept string) {
	t.Helper()
	st, err := w.Standing(w.ctx, userID, "")
	ok(t, err)
	same(t, "shut out at", st.User.ShutOut, at)
	same(t, "kept", st.User.Kept, kept)
}

// wantAlive fails unless these are the sessions of a person.
func (w *world) wantAlive(t *testing.T, userID string, ids ...string) {
	t.Helper()
	list, err := w.SessionsOf(w.ctx, userID)
	ok(t, err)
	var got []string
	for _, s := range list {
		got = append(got, s.ID)
	}
	same(t, "sessions of "+userID, got, ids)
}

func (w *world) wantRevoked(t *testing.T, want map[string]bool) {
	t.Helper()
	for id, revoked := range want {
		g, err := w.Grant(w.ctx, id)
		ok(t, err)
		same(t, "grant "+id+" revoked", !g.Revoked.IsZero(), revoked)
	}
}
