package storagetest

import (
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

var peopleTests = map[string]func(*testing.T, *world){
	"PeopleAreRead": func(t *testing.T, w *world) {
		want := w.user(t, "u1")
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "by id", got, want)
		got, err = w.UserByEmail(w.ctx, want.Email)
		ok(t, err)
		same(t, "by mail address", got, want)
		w.wantEvents(t, storage.UserCreated, 1)

		_, err = w.User(w.ctx, "nobody")
		wantErr(t, "unknown id", err, storage.ErrNotFound)
		_, err = w.UserByEmail(w.ctx, "nobody@example.com")
		wantErr(t, "unknown address", err, storage.ErrNotFound)
		_, err = w.UserByEmail(w.ctx, "")
		wantErr(t, "empty address", err, storage.ErrNotFound)
	},
	"MailAddressIsUniqueAmongLivePeople": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		other := login.User{ID: "u2", Email: u.Email, Created: w.now, Updated: w.now}
		wantErr(t, "second of an address", w.CreateUser(w.ctx, other, trail(storage.UserCreated, "u2")), storage.ErrConflict)
		w.wantEvents(t, storage.UserCreated, 1) // the second left none

		other.Email = "other@example.com"
		ok(t, w.CreateUser(w.ctx, other, storage.Trail{}))
		other.Email, other.Version = u.Email, 1
		wantErr(t, "taking an address", w.UpdateUser(w.ctx, other, storage.Trail{}), storage.ErrConflict)

		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		ok(t, w.UpdateUser(w.ctx, other, storage.Trail{})) // free again
		u.Email = "again@example.com"
		wantErr(t, "id of a deleted person", w.CreateUser(w.ctx, u, storage.Trail{}), storage.ErrConflict)
	},
	"MailAddressIsRefusedUnlessInLowerCase": func(t *testing.T, w *world) {
		for _, email := range []string{"", "A@example.com", " a@example.com"} {
			if err := w.CreateUser(w.ctx, login.User{ID: "u1", Email: email, Created: w.now, Updated: w.now}, storage.Trail{}); err == nil {
				t.Errorf("%q was taken", email)
			}
		}
	},
	"CreateUserOneWinner": func(t *testing.T, w *world) {
		wantOneWinner(t, race(contenders, func(i int) error {
			return w.CreateUser(w.ctx, login.User{
				ID: name("u%d", i), Email: "same@example.com", Created: w.now, Updated: w.now,
			}, trail(storage.UserCreated, ""))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.UserCreated, 1)
	},
	"UpdateUserIsCompareAndSet": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		u.Email, u.EmailVerified, u.Name, u.Locale, u.Updated = "new@example.com", false, "New", "de", w.now.Add(time.Second)
		ok(t, w.UpdateUser(w.ctx, u, trail(storage.UserUpdated, "u1")))
		wantErr(t, "stale version", w.UpdateUser(w.ctx, u, trail(storage.UserUpdated, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.UserUpdated, 1)
		u.Version, u.Changes, u.EmailSet = 2, 1, u.Updated
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "updated", got, u)
		wantErr(t, "unknown", w.UpdateUser(w.ctx, login.User{ID: "x", Email: "x@example.com", Version: 1}, storage.Trail{}), storage.ErrNotFound)
	},
	// A mailbox is as old as its address and what is known of it, however old the account is.
	"TestT12_MailboxIsAsOldAsItsAddress": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		want := u.Created
		for _, c := range []struct {
			what   string
			change func()
			moves  bool
		}{
			{"another name", func() { u.Name = "Another" }, false},
			{"another address", func() { u.Email = "new@example.com" }, true},
			{"not verified", func() { u.EmailVerified = false }, true},
			{"verified", func() { u.EmailVerified = true }, true},
			{"a date that the caller made up", func() { u.EmailSet = w.now.Add(-day) }, false},
		} {
			w.now = w.now.Add(time.Minute)
			c.change()
			u.Updated = w.now
			ok(t, w.UpdateUser(w.ctx, u, storage.Trail{}))
			if c.moves {
				want = w.now
			}
			st, err := w.Standing(w.ctx, "u1", "")
			ok(t, err)
			u = st.User
			same(t, c.what, u.EmailSet, want)
		}
	},
	// What was written to an address that is the person's no more goes too: it would still be sent.
	"DeleteUserTakesMailsToTheAddressOfBefore": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		other := w.user(t, "u2")
		told := trail(storage.UserUpdated, "u1")
		told.Mails = []storage.Mail{{UserID: "u1", To: u.Email, Subject: "old"}, {UserID: "u1", To: "new@example.com", Subject: "new"}}
		u.Email = "new@example.com"
		ok(t, w.UpdateUser(w.ctx, u, told))
		ok(t, w.RenameEnrollment(w.ctx, "u1", w.passkey(t, "e1", "u1").ID, "Key", w.on("u1"), storage.Trail{
			Mails: []storage.Mail{{UserID: "u1", To: "u1@example.com", Subject: "of one statement"}},
		}))
		ok(t, w.Record(w.ctx, storage.Trail{Mails: []storage.Mail{
			{To: u.Email, Subject: "by the release before"}, {UserID: "u2", To: other.Email, Subject: "of another"},
		}}))
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		left, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		if len(left) != 1 || left[0].Subject != "of another" || left[0].UserID != "u2" {
			t.Errorf("left: %+v", left)
		}
	},
	"UpdateUserOneWinner": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		wantOneWinner(t, race(contenders, func(i int) error {
			mine := u
			mine.Name = name("name %d", i)
			return w.UpdateUser(w.ctx, mine, storage.Trail{})
		}), storage.ErrConflict)
	},
	"Passwords": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		ok(t, w.UpgradePassword(w.ctx, "u1", u.PasswordHash, "better"))
		wantErr(t, "upgrade of another hash", w.UpgradePassword(w.ctx, "u1", u.PasswordHash, "worse"), storage.ErrConflict)
		got, err := w.User(w.ctx, "u1")
		ok(t, err)
		if got.PasswordHash != "better" || !got.PasswordSet.Equal(u.PasswordSet) {
			t.Errorf("after an upgrade: %q set at %v", got.PasswordHash, got.PasswordSet)
		}
		ok(t, w.SetPassword(w.ctx, "u1", "new", w.now, trail(storage.PasswordChanged, "u1")))
		wantErr(t, "upgrade after a change", w.UpgradePassword(w.ctx, "u1", "better", "stale"), storage.ErrConflict)
		got, err = w.User(w.ctx, "u1")
		ok(t, err)
		if got.PasswordHash != "new" || !got.PasswordSet.Equal(w.now) {
			t.Errorf("after a change: %q set at %v", got.PasswordHash, got.PasswordSet)
		}
		w.wantEvents(t, storage.PasswordChanged, 1)
		wantErr(t, "unknown", w.SetPassword(w.ctx, "x", "new", w.now, storage.Trail{}), storage.ErrNotFound)
	},
	"TestT40_DisablingEndsEverything": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.client(t, "app")
		w.session(t, "s1", "u1")
		w.session(t, "s2", "u2")
		w.grant(t, "g1", "app", "u1", "s1")
		offline := w.newGrant("g2", "app", "u1", "s1")
		offline.Offline = true
		ok(t, w.CreateGrant(w.ctx, offline, storage.Trail{}))
		w.grant(t, "g3", "app", "u2", "s2")

		ok(t, w.DisableUser(w.ctx, "u1", w.now, trail(storage.UserUpdated, "u1")))
		ok(t, w.DisableUser(w.ctx, "u1", w.now.Add(time.Hour), trail(storage.UserUpdated, "u1")))
		w.wantEvents(t, storage.UserUpdated, 1)
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		same(t, "disabled at", u.Disabled, w.now)
		_, err = w.Session(w.ctx, "s1")
		wantErr(t, "session", err, storage.ErrNotFound)
		for id, revoked := range map[string]bool{"g1": true, "g2": true, "g3": false} {
			g, err := w.Grant(w.ctx, id)
			ok(t, err)
			if g.Revoked.IsZero() == revoked {
				t.Errorf("grant %s: revoked at %v", id, g.Revoked)
			}
		}
		_, err = w.Session(w.ctx, "s2")
		wantErr(t, "another person's session", err, nil)
		s := session.Session{ID: "s3", UserID: "u1", Created: w.now, LastUsed: w.now, Evidence: proofOf(0, w.now)}
		wantErr(t, "a session of a disabled person", w.CreateSession(w.ctx, s, "c", storage.Trail{}), storage.ErrNotFound)

		ok(t, w.EnableUser(w.ctx, "u1", w.now, trail(storage.UserUpdated, "u1")))
		ok(t, w.EnableUser(w.ctx, "u1", w.now, trail(storage.UserUpdated, "u1")))
		w.wantEvents(t, storage.UserUpdated, 2)
		ok(t, w.CreateSession(w.ctx, s, "c", storage.Trail{}))
		wantErr(t, "disable unknown", w.DisableUser(w.ctx, "x", w.now, storage.Trail{}), storage.ErrNotFound)
		wantErr(t, "enable unknown", w.EnableUser(w.ctx, "x", w.now, storage.Trail{}), storage.ErrNotFound)
	},
	"DeletingErases": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		w.org(t, "o1")
		w.member(t, "u1", "o1")
		w.client(t, "app")
		w.session(t, "s1", "u1")
		w.grant(t, "g1", "app", "u1", "s1")
		e := w.totp(t, "e1", "u1")
		w.passkey(t, "p1", "u1")
		w.mailCode(t, "u1", "111111")
		ok(t, w.CreateTicket(w.ctx, "u1", "TICKET", w.now, w.now.Add(day), storage.Trail{}))
		ok(t, w.Record(w.ctx, storage.Trail{Mails: []storage.Mail{{To: u.Email, Subject: "before", Text: "x"}}}))
		goodbye := trail(storage.UserDeleted, "u1")
		goodbye.Mails = []storage.Mail{{To: u.Email, Subject: "goodbye", Text: "x"}}
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, goodbye))

		_, err := w.User(w.ctx, "u1")
		wantErr(t, "person", err, storage.ErrNotFound)
		_, err = w.UserByEmail(w.ctx, u.Email)
		wantErr(t, "by address", err, storage.ErrNotFound)
		_, err = w.Standing(w.ctx, "u1", "s1")
		wantErr(t, "standing", err, storage.ErrNotFound)
		_, err = w.SessionByCookie(w.ctx, "cookie of s1")
		wantErr(t, "session", err, storage.ErrNotFound)
		g, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		if g.Revoked.IsZero() || len(g.Proof) > 0 {
			t.Errorf("grant after the person's end: revoked at %v, proof of %d bytes", g.Revoked, len(g.Proof))
		}
		list, err := w.Enrollments(w.ctx, "u1")
		ok(t, err)
		same(t, "enrollments", list, []factors.Enrollment(nil))
		wantErr(t, "burning a mail code", w.burnMailCode(w.ctx, "u1", "111111", "111111"), storage.ErrNotFound)
		wantErr(t, "burning a ticket", w.BurnTicket(w.ctx, "u1", "TICKET", w.now, storage.Trail{}), storage.ErrNotFound)
		wantErr(t, "burning a step", w.BurnStep(w.ctx, e.ID, 200, w.now), storage.ErrNotFound)
		wantErr(t, "enrolling", w.enrollFirst(factors.Enrollment{ID: "e2", UserID: "u1", Kind: factors.TOTP, Created: w.now}, storage.Trail{}), storage.ErrNotFound)
		members, err := w.Members(w.ctx, "o1", storage.Page{})
		ok(t, err)
		same(t, "members", members, []login.User(nil))
		mails, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		if len(mails) != 1 || mails[0].Subject != "goodbye" {
			t.Errorf("mails left: %v", mails)
		}
		w.wantEvents(t, storage.UserCreated, 1) // the audit log stays
		w.wantEvents(t, storage.UserDeleted, 1)
		wantErr(t, "twice", w.DeleteUser(w.ctx, "u1", w.now, trail(storage.UserDeleted, "u1")), storage.ErrNotFound)
		w.wantEvents(t, storage.UserDeleted, 1)
	},
	"PeopleArePaged": func(t *testing.T, w *world) {
		for _, id := range []string{"b", "a-1", "a1", "Z", "c"} {
			w.user(t, "u"+id)
		}
		ok(t, w.DeleteUser(w.ctx, "uc", w.now, storage.Trail{}))
		// Byte order, on every database and in every locale.
		pages(t, func(p storage.Page) ([]login.User, error) { return w.ListUsers(w.ctx, p) },
			func(u login.User) string { return u.ID }, "uZ", "ua-1", "ua1", "ub")
	},
	"StandingIsAllThatAGrantIsJudgedBy": func(t *testing.T, w *world) {
		u := w.user(t, "u1")
		got, err := w.Standing(w.ctx, "u1", "")
		ok(t, err)
		same(t, "alone", got, login.Standing{User: u})

		var orgs []login.Org
		for _, id := range []string{"a-1", "a1", "b"} {
			o := w.org(t, id)
			w.member(t, "u1", id)
			o.Policy.Epoch, o.Joined = 2, w.now
			orgs = append(orgs, o)
		}
		s := w.session(t, "s1", "u1")
		w.user(t, "u2")
		w.session(t, "s2", "u2")
		got, err = w.Standing(w.ctx, "u1", "s1")
		ok(t, err)
		same(t, "with all", got, login.Standing{User: u, Orgs: orgs, Session: s})
		got, err = w.Standing(w.ctx, "u1", "s2")
		ok(t, err)
		same(t, "with another person's session", got.Session, session.Session{})

		ok(t, w.EndSession(w.ctx, "s1", false, w.now, storage.Trail{}))
		ok(t, w.DeleteOrg(w.ctx, "b", w.now, storage.Trail{}))
		got, err = w.Standing(w.ctx, "u1", "s1")
		ok(t, err)
		same(t, "with an ended session and a deleted organization", got, login.Standing{User: u, Orgs: orgs[:2]})
		_, err = w.Standing(w.ctx, "nobody", "")
		wantErr(t, "unknown", err, storage.ErrNotFound)
	},
}

var orgTests = map[string]func(*testing.T, *world){
	"OrgsAreRead": func(t *testing.T, w *world) {
		want := w.org(t, "o1")
		got, err := w.Org(w.ctx, "o1")
		ok(t, err)
		same(t, "organization", got, want)
		_, err = w.Org(w.ctx, "o2")
		wantErr(t, "unknown", err, storage.ErrNotFound)
	},
	"TestT25_PolicyEpochRisesWithPolicyAndMembers": func(t *testing.T, w *world) {
		o := w.org(t, "o1")
		w.user(t, "u1")
		epoch := func(want int64) {
			t.Helper()
			got, err := w.Org(w.ctx, "o1")
			ok(t, err)
			if got.Policy.Epoch != want {
				t.Errorf("epoch %d, want %d", got.Policy.Epoch, want)
			}
			o = got
		}
		o.Name = "Other"
		ok(t, w.UpdateOrg(w.ctx, o, trail(storage.OrgChanged, "")))
		epoch(1) // the policy is the same
		o.Policy.MFA = login.Optional
		ok(t, w.UpdateOrg(w.ctx, o, trail(storage.OrgChanged, "")))
		epoch(2)
		wantErr(t, "stale version", w.UpdateOrg(w.ctx, login.Org{ID: "o1", Version: 1}, trail(storage.OrgChanged, "")), storage.ErrConflict)
		epoch(2)
		w.member(t, "u1", "o1")
		epoch(3)
		m := login.Membership{UserID: "u1", OrgID: "o1", Created: w.now}
		wantErr(t, "member twice", w.AddMember(w.ctx, m, trail(storage.MembershipChanged, "")), storage.ErrConflict)
		epoch(3)
		ok(t, w.RemoveMember(w.ctx, "u1", "o1", trail(storage.MembershipChanged, "")))
		epoch(4)
		wantErr(t, "no member", w.RemoveMember(w.ctx, "u1", "o1", trail(storage.MembershipChanged, "")), storage.ErrNotFound)
		epoch(4)
		w.wantEvents(t, storage.OrgChanged, 2)
		w.wantEvents(t, storage.MembershipChanged, 1)
		wantErr(t, "update unknown", w.UpdateOrg(w.ctx, login.Org{ID: "x", Version: 1}, storage.Trail{}), storage.ErrNotFound)
	},
	"UpdateOrgOneWinner": func(t *testing.T, w *world) {
		o := w.org(t, "o1")
		wantOneWinner(t, race(contenders, func(i int) error {
			mine := o
			mine.Name = name("name %d", i)
			return w.UpdateOrg(w.ctx, mine, storage.Trail{})
		}), storage.ErrConflict)
	},
	"AddMemberOneWinner": func(t *testing.T, w *world) {
		w.org(t, "o1")
		w.user(t, "u1")
		wantOneWinner(t, race(contenders, func(int) error {
			return w.AddMember(w.ctx, login.Membership{UserID: "u1", OrgID: "o1", Created: w.now}, storage.Trail{})
		}), storage.ErrConflict)
	},
	"MembersOfWhatIsGoneAreRefused": func(t *testing.T, w *world) {
		w.org(t, "o1")
		w.user(t, "u1")
		add := func(userID, orgID string) error {
			return w.AddMember(w.ctx, login.Membership{UserID: userID, OrgID: orgID, Created: w.now}, storage.Trail{})
		}
		wantErr(t, "unknown person", add("x", "o1"), storage.ErrNotFound)
		wantErr(t, "unknown organization", add("u1", "x"), storage.ErrNotFound)
		ok(t, w.DeleteOrg(w.ctx, "o1", w.now, storage.Trail{}))
		wantErr(t, "deleted organization", add("u1", "o1"), storage.ErrNotFound)
		w.org(t, "o2")
		ok(t, w.DeleteUser(w.ctx, "u1", w.now, storage.Trail{}))
		wantErr(t, "deleted person", add("u1", "o2"), storage.ErrNotFound)
	},
	"DeletedOrgIDIsNeverReused": func(t *testing.T, w *world) {
		o := w.org(t, "o1")
		w.user(t, "u1")
		w.member(t, "u1", "o1")
		w.client(t, "app")
		w.session(t, "s1", "u1")
		g := w.newGrant("g1", "app", "u1", "s1")
		g.OrgID = "o1"
		ok(t, w.CreateGrant(w.ctx, g, storage.Trail{}))
		ok(t, w.DeleteOrg(w.ctx, "o1", w.now, trail(storage.OrgChanged, "")))
		_, err := w.Org(w.ctx, "o1")
		wantErr(t, "deleted", err, storage.ErrNotFound)
		wantErr(t, "twice", w.DeleteOrg(w.ctx, "o1", w.now, trail(storage.OrgChanged, "")), storage.ErrNotFound)
		wantErr(t, "same id", w.CreateOrg(w.ctx, o, storage.Trail{}), storage.ErrConflict)
		wantErr(t, "update", w.UpdateOrg(w.ctx, o, storage.Trail{}), storage.ErrNotFound)
		w.wantEvents(t, storage.OrgChanged, 1)
		got, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		same(t, "its grant was revoked at", got.Revoked, w.now)
	},
	"OrgsAndMembersArePaged": func(t *testing.T, w *world) {
		for _, id := range []string{"b", "a-1", "a1"} {
			w.org(t, id)
			w.user(t, "u"+id)
			w.member(t, "u"+id, id)
			if id != "b" {
				w.member(t, "u"+id, "b")
			}
		}
		pages(t, func(p storage.Page) ([]login.Org, error) { return w.ListOrgs(w.ctx, p) },
			func(o login.Org) string { return o.ID }, "a-1", "a1", "b")
		pages(t, func(p storage.Page) ([]login.User, error) { return w.Members(w.ctx, "b", p) },
			func(u login.User) string { return u.ID }, "ua-1", "ua1", "ub")
	},
}
