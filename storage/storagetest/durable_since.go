package storagetest

import (
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

// sinceTests are about what was proved before everything was reset.
var sinceTests = map[string]func(*testing.T, *world){
	"TestN13_ResetForgetsWhatIsOpen": func(t *testing.T, w *world) {
		for _, id := range []string{"u1", "u2"} {
			w.user(t, id)
			w.passkey(t, "key of "+id, id)
			w.mailCode(t, id, "11111"+id[1:])
			ok(t, w.CreateTicket(w.ctx, id, "TICKET", w.now, w.now.Add(day), storage.Trail{}))
			w.link(t, "open of "+id, id, "")
			w.link(t, "pressed of "+id, id, "")
			ok(t, w.SetDefault(w.ctx, id, factors.Passkey, w.on(id), w.now, storage.Trail{}))
		}
		at := w.now.Add(time.Minute)
		reset := trail(storage.FactorRemoved, "u1")
		reset.Links = []storage.Link{{Token: "of the reset", UserID: "u1", At: at, Expires: at.Add(day)}}
		n, err := w.ResetFactors(w.ctx, "u1", at, reset)
		ok(t, err)
		same(t, "removed", n, login.Reset{Removed: 1, HasPassword: true})
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "since", u.Since, at)
		same(t, "changes", u.Changes, int64(2)) // a passkey came, and went
		same(t, "default", u.Default, factors.Kind(""))
		if u.PasswordHash == "" {
			t.Error("the password is gone")
		}
		wantErr(t, "mail code", w.burnMailCode(w.ctx, "u1", "111111", "111111"), storage.ErrNotFound)
		wantErr(t, "ticket", w.BurnTicket(w.ctx, "u1", "TICKET", w.now, storage.Trail{}), storage.ErrNotFound)
		_, err = w.Link(w.ctx, "open of u1")
		wantErr(t, "link", err, storage.ErrNotFound)
		_, err = w.Link(w.ctx, "of the reset")
		wantErr(t, "link of the reset itself", err, nil)
		_, err = w.Passkey(w.ctx, []byte("id of key of u1"))
		wantErr(t, "passkey", err, storage.ErrNotFound)

		// Nothing of it touches anybody else.
		ok(t, w.burnMailCode(w.ctx, "u2", "111112", "111112"))
		ok(t, w.BurnTicket(w.ctx, "u2", "TICKET", w.now, storage.Trail{}))
		_, err = w.Link(w.ctx, "open of u2")
		wantErr(t, "another person's link", err, nil)

		// Two clocks do not agree: what was made worthless stays so.
		_, err = w.ResetFactors(w.ctx, "u1", w.now, storage.Trail{})
		ok(t, err)
		u, err = w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "since after an earlier reset", u.Since, at)
	},
	// What may make a decision worthless, between the reading that it was made on and the write.
	"TestT50_NothingIsDoneOnOldGrounds": func(t *testing.T, w *world) {
		for what, end := range map[string]func(id string){
			"reset": func(id string) {
				_, err := w.ResetFactors(w.ctx, id, w.now, storage.Trail{})
				ok(t, err)
			},
			"not me": func(id string) {
				w.link(t, "link of "+id, id, "")
				ok(t, w.Repudiate(w.ctx, "link of "+id, time.Time{}, w.now, storage.Trail{}))
			},
			"another password": func(id string) { ok(t, w.SetPassword(w.ctx, id, "new", w.now, storage.Trail{})) },
			"disabled":         func(id string) { ok(t, w.DisableUser(w.ctx, id, w.now, storage.Trail{})) },
			"a factor came":    func(id string) { w.passkey(t, "new of "+id, id) },
			"a factor went":    func(id string) { ok(t, w.remove(id, "key of "+id, storage.Trail{})) },
			"a code came":      func(id string) { w.recovery(t, "code of "+id, id, "CODE") },
			"another address":  func(id string) { w.moves(t, id, "new of "+strings.ReplaceAll(id, " ", ".")+"@example.com", true) },
			"unverified":       func(id string) { w.moves(t, id, "", false) },
		} {
			w.user(t, what)
			w.passkey(t, "key of "+what, what)
			w.passkey(t, "other of "+what, what)
			on := w.on(what)
			end(what)
			before, err := w.Enrollments(w.ctx, what)
			ok(t, err)
			for did, err := range map[string]error{
				"a first factor":  w.EnrollFirst(w.ctx, w.app("a of "+what, what), on, trail(storage.FactorSuspect, what)),
				"another":         w.AddEnrollment(w.ctx, w.app("b of "+what, what), on, false, trail(storage.FactorSuspect, what)),
				"in their place":  w.AddEnrollment(w.ctx, w.newPasskey("c of "+what, what), on, true, trail(storage.FactorSuspect, what)),
				"a recovery code": w.ReplaceRecovery(w.ctx, w.newRecovery("d of "+what, what, "X"), on, trail(storage.FactorSuspect, what)),
				"a wish":          w.SetDefault(w.ctx, what, factors.TOTP, on, w.now, trail(storage.FactorSuspect, what)),
				"removed": w.RemoveEnrollment(w.ctx, login.Removal{UserID: what, EnrollmentID: "other of " + what, On: on, At: w.now},
					func(login.Removed) storage.Trail { return trail(storage.FactorSuspect, what) }),
			} {
				wantErr(t, what+": "+did, err, storage.ErrConflict)
			}
			gone := storage.ErrConflict
			if len(before) == 0 {
				gone = storage.ErrNotFound
			}
			wantErr(t, what+": renamed", w.RenameEnrollment(w.ctx, what, "other of "+what, "x", on, trail(storage.FactorSuspect, what)), gone)
			after, err := w.Enrollments(w.ctx, what)
			ok(t, err)
			same(t, "factors after "+what, after, before)
		}
		w.wantEvents(t, storage.FactorSuspect, 0)
	},
	// What a grant is judged anew by is counted, and nothing else is.
	"TestP39_ChangesAreCounted": func(t *testing.T, w *world) {
		w.user(t, "u1")
		for _, c := range []struct {
			what string
			n    int64
			do   func()
		}{
			{"a first factor", 1, func() { w.totp(t, "a1", "u1") }},
			{"one that is refused", 0, func() {
				wantErr(t, "refused", w.EnrollFirst(w.ctx, w.app("a2", "u1"), w.on("u1"), storage.Trail{}), storage.ErrConflict)
			}},
			{"another", 1, func() { w.passkey(t, "p1", "u1") }},
			{"one in its place", 1, func() { ok(t, w.add(w.app("a3", "u1"), true, storage.Trail{})) }},
			{"a recovery code", 1, func() { w.recovery(t, "r1", "u1", "CODE") }},
			{"its use", 0, func() {
				_, err := w.BurnRecovery(w.ctx, "u1", "CODE", w.now)
				ok(t, err)
			}},
			{"a step", 0, func() { ok(t, w.BurnStep(w.ctx, "a3", 500, w.now)) }},
			{"a name", 0, func() { ok(t, w.RenameEnrollment(w.ctx, "u1", "p1", "x", w.on("u1"), storage.Trail{})) }},
			{"a wish", 0, func() { ok(t, w.SetDefault(w.ctx, "u1", factors.TOTP, w.on("u1"), w.now, storage.Trail{})) }},
			{"a removal", 1, func() { ok(t, w.remove("u1", "p1", storage.Trail{})) }},
			{"the same address", 0, func() { w.moves(t, "u1", "", true) }},
			{"an address that is not verified", 1, func() { w.moves(t, "u1", "", false) }},
			{"another address", 1, func() { w.moves(t, "u1", "new@example.com", false) }},
			{"a reset", 1, func() {
				_, err := w.ResetFactors(w.ctx, "u1", w.now, storage.Trail{})
				ok(t, err)
			}},
		} {
			w.wantChanges(t, c.what, "u1", c.n, c.do)
		}
	},
	"TestT50_NoSessionRestsOnAnOldProof": func(t *testing.T, w *world) {
		w.user(t, "u1")
		_, err := w.ResetFactors(w.ctx, "u1", w.now, storage.Trail{})
		ok(t, err)
		at := func(times ...time.Time) (out []factors.Evidence) {
			for _, at := range times {
				out = append(out, factors.Evidence{Kind: factors.Password, Source: "password", At: at})
			}
			return out
		}
		before, created := w.now.Add(-time.Microsecond), trail(storage.SessionCreated, "u1")
		s := session.Session{ID: "s1", UserID: "u1", Created: w.now, LastUsed: w.now, Version: 1}
		for what, evidence := range map[string][]factors.Evidence{
			"an old one": at(before), "a new one and an old one": at(w.now, before), "none": nil,
		} {
			s.Evidence = evidence
			wantErr(t, "a session by "+what, w.CreateSession(w.ctx, s, "cookie", created), storage.ErrNotFound)
		}
		w.wantEvents(t, storage.SessionCreated, 0)
		s.Evidence = at(w.now)
		ok(t, w.CreateSession(w.ctx, s, "cookie", created))
		s.Evidence = at(w.now, before)
		wantErr(t, "renewed by an old one", w.RenewSession(w.ctx, s, "new", storage.Trail{}), storage.ErrNotFound)
		s.Evidence = at(w.now, w.now.Add(time.Second))
		ok(t, w.RenewSession(w.ctx, s, "new", storage.Trail{}))
		wantErr(t, "renewed by who was second", w.RenewSession(w.ctx, s, "newer", storage.Trail{}), storage.ErrConflict)
	},
	"TestT50_NoSessionRestsOnAnOldPassword": func(t *testing.T, w *world) {
		w.user(t, "u1")
		ok(t, w.SetPassword(w.ctx, "u1", "new", w.now.Add(-time.Hour), storage.Trail{}))
		s := session.Session{ID: "s1", UserID: "u1", Created: w.now, LastUsed: w.now, Version: 1}
		key := factors.Evidence{Kind: factors.Passkey, Source: "passkey:p1", At: w.now}
		created := trail(storage.SessionCreated, "u1")
		for what, evidence := range map[string][]factors.Evidence{
			"the old one": proofOf(0, w.now), "one that is to come": proofOf(2, w.now),
			"the old one and the new one": append(proofOf(0, w.now), proofOf(1, w.now)...),
			"the old one and a passkey":   append(proofOf(0, w.now), key),
		} {
			s.Evidence = evidence
			wantErr(t, "a session by "+what, w.CreateSession(w.ctx, s, "cookie", created), storage.ErrNotFound)
		}
		w.wantEvents(t, storage.SessionCreated, 0)
		s.Evidence = proofOf(1, w.now)
		ok(t, w.CreateSession(w.ctx, s, "cookie", created))
		s.Evidence = proofOf(0, w.now)
		wantErr(t, "renewed by the old one", w.RenewSession(w.ctx, s, "new", storage.Trail{}), storage.ErrNotFound)
		s.Evidence = append(proofOf(1, w.now), key)
		ok(t, w.RenewSession(w.ctx, s, "new", storage.Trail{}))
		s.ID, s.Evidence = "s2", []factors.Evidence{key}
		ok(t, w.CreateSession(w.ctx, s, "of no password", created))
	},
	"TestT50_SettingUpAgainstAReset": func(t *testing.T, w *world) {
		w.againstReset(t, func(userID string) error {
			return w.EnrollFirst(w.ctx, w.app("app of "+userID, userID), login.Grounds{}, storage.Trail{})
		}, storage.ErrConflict)
	},
	"TestT50_AddingAgainstAReset": func(t *testing.T, w *world) {
		w.againstReset(t, func(userID string) error {
			return w.AddEnrollment(w.ctx, w.newPasskey("key of "+userID, userID), login.Grounds{}, false, storage.Trail{})
		}, storage.ErrConflict)
	},
	"TestT50_SigningInAgainstAReset": func(t *testing.T, w *world) {
		w.againstReset(t, func(userID string) error {
			return w.CreateSession(w.ctx, session.Session{
				ID: "s of " + userID, UserID: userID, Created: w.now, LastUsed: w.now,
				Evidence: []factors.Evidence{{Kind: factors.Password, Source: "password", At: w.now}},
			}, "cookie of "+userID, storage.Trail{})
		}, storage.ErrNotFound)
	},
	"TestT50_RenewingAgainstAReset": func(t *testing.T, w *world) {
		sessions := map[string]session.Session{}
		for i := range resets {
			id := name("u%d", i)
			w.user(t, id)
			sessions[id] = w.session(t, "s of "+id, id)
		}
		w.racesReset(t, func(userID string) error {
			return w.RenewSession(w.ctx, sessions[userID], "new cookie of "+userID, storage.Trail{})
		}, storage.ErrNotFound)
	},
	"TestT50_AGrantAgainstAReset": func(t *testing.T, w *world) {
		w.client(t, "app")
		grants := map[string]op.Grant{}
		for i := range resets {
			id := name("u%d", i)
			w.user(t, id)
			w.session(t, "s of "+id, id)
			grants[id] = w.newGrant("g of "+id, "app", id, "s of "+id)
		}
		w.racesReset(t, func(userID string) error { return w.CreateGrant(w.ctx, grants[userID], storage.Trail{}) }, storage.ErrConflict)
		for id := range grants {
			if g, err := w.Grant(w.ctx, "g of "+id); err == nil && g.Revoked.IsZero() {
				t.Errorf("a grant of %s outlives the reset", id)
			}
		}
	},
}

// moves changes the mail address of a person, where one is given, and whether it is verified.
func (w *world) moves(t *testing.T, userID, email string, verified bool) {
	t.Helper()
	u, err := w.User(w.ctx, userID)
	ok(t, err)
	if email != "" {
		u.Email = email
	}
	u.EmailVerified, u.Updated = verified, w.now
	ok(t, w.UpdateUser(w.ctx, u, storage.Trail{}))
}

// resets is how often a race against a reset is run: either side has to be first now and then.
const resets = 20

// againstReset is racesReset for people who have nothing yet.
func (w *world) againstReset(t *testing.T, do func(userID string) error, refused error) {
	t.Helper()
	for i := range resets {
		w.user(t, name("u%d", i))
	}
	w.racesReset(t, do, refused)
}

// racesReset resets each person while do sets something up for the same person by an older proof. Either
// that was refused, or it was removed: nothing of it is left.
func (w *world) racesReset(t *testing.T, do func(userID string) error, refused error) {
	t.Helper()
	at := w.now.Add(time.Minute)
	for i := range resets {
		id := name("u%d", i)
		errs := race(2, func(i int) error {
			if i == 0 {
				return do(id)
			}
			_, err := w.ResetFactors(w.ctx, id, at, storage.Trail{})
			return err
		})
		ok(t, errs[1])
		if errs[0] != nil {
			wantErr(t, "after the reset", errs[0], refused)
		}
		w.wantFactors(t, "factors of "+id, id)
		w.wantAlive(t, id)
	}
}
