package storagetest

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
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
			ok(t, w.SetDefault(w.ctx, id, factors.Passkey, w.now, storage.Trail{}))
		}
		at := w.now.Add(time.Minute)
		reset := trail(storage.FactorRemoved, "u1")
		reset.Links = []storage.Link{{Token: "of the reset", UserID: "u1", At: at, Expires: at.Add(day)}}
		n, err := w.ResetFactors(w.ctx, "u1", at, reset)
		ok(t, err)
		same(t, "removed", n, 1)
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "since", u.Since, at)
		same(t, "removals", u.Removals, int64(1))
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
	"TestT50_NothingIsSetUpByAnOldProof": func(t *testing.T, w *world) {
		w.user(t, "u1")
		_, err := w.ResetFactors(w.ctx, "u1", w.now, storage.Trail{})
		ok(t, err)
		before := w.now.Add(-time.Microsecond)
		enrolled := trail(storage.Enrolled, "u1")
		wantErr(t, "a first factor", w.EnrollFirst(w.ctx, w.app("a1", "u1"), before, enrolled), storage.ErrConflict)
		wantErr(t, "a first factor by no proof", w.EnrollFirst(w.ctx, w.app("a1", "u1"), time.Time{}, enrolled), storage.ErrConflict)
		wantErr(t, "another", w.AddEnrollment(w.ctx, w.app("a1", "u1"), before, false, enrolled), storage.ErrConflict)
		wantErr(t, "a recovery code", w.ReplaceRecovery(w.ctx, w.newRecovery("r1", "u1", "CODE"), before, enrolled), storage.ErrConflict)
		w.wantEvents(t, storage.Enrolled, 0)
		ok(t, w.EnrollFirst(w.ctx, w.app("a1", "u1"), w.now, enrolled))
		ok(t, w.ReplaceRecovery(w.ctx, w.newRecovery("r1", "u1", "CODE"), w.now, enrolled))
		ok(t, w.AddEnrollment(w.ctx, w.app("a2", "u1"), w.now, false, enrolled))
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
			return w.EnrollFirst(w.ctx, w.app("app of "+userID, userID), w.now, storage.Trail{})
		}, storage.ErrConflict)
	},
	"TestT50_AddingAgainstAReset": func(t *testing.T, w *world) {
		w.againstReset(t, func(userID string) error {
			return w.AddEnrollment(w.ctx, w.newPasskey("key of "+userID, userID), w.now, false, storage.Trail{})
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
