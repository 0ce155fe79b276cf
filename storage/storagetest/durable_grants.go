package storagetest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

var clientTests = map[string]func(*testing.T, *world){
	"ClientsAreRead": func(t *testing.T, w *world) {
		age := time.Hour
		want := op.Client{
			ID: "c1", Name: "Clinic", AuthMethod: op.AuthBasic, Native: true,
			Secrets:      []op.Secret{{Hash: []byte{1, 2}, Created: w.now, Expires: w.now.Add(time.Hour)}, {Hash: []byte{3}, Created: w.now}},
			RedirectURIs: []string{"https://a.example/cb?x=1&y=<2>"}, PostLogoutRedirectURIs: []string{"https://a.example/bye"},
			Origins: []string{"https://a.example"}, GrantTypes: []string{op.GrantCode, op.GrantRefresh},
			Scopes: []string{"openid"}, Audiences: []string{"https://api.example"}, DefaultACR: []string{"phr"},
			DefaultMaxAge: &age, ACRVoluntary: true, PKCEOptional: true, IDTokenAlg: "ES256",
			RefreshIdle: time.Hour, RefreshOverall: 24 * time.Hour, InitiateLoginURI: "https://a.example/login",
			Disabled: w.now, Created: w.now, Updated: w.now, Version: 1,
		}
		ok(t, w.CreateClient(w.ctx, want, trail(storage.ClientChanged, "")))
		got, err := w.Client(w.ctx, "c1")
		ok(t, err)
		same(t, "full", got, want)
		plain := w.client(t, "c2")
		got, err = w.Client(w.ctx, "c2")
		ok(t, err)
		same(t, "plain", got, plain)
		_, err = w.Client(w.ctx, "c3")
		wantErr(t, "unknown", err, storage.ErrNotFound)
		wantErr(t, "an id twice", w.CreateClient(w.ctx, want, trail(storage.ClientChanged, "")), storage.ErrConflict)
		w.wantEvents(t, storage.ClientChanged, 1)
	},
	"UpdateClientIsCompareAndSet": func(t *testing.T, w *world) {
		c := w.client(t, "c1")
		c.Name, c.RedirectURIs, c.Disabled, c.Updated = "New", []string{"https://a.example"}, w.now, w.now.Add(time.Second)
		ok(t, w.UpdateClient(w.ctx, c, trail(storage.ClientChanged, "")))
		wantErr(t, "stale version", w.UpdateClient(w.ctx, c, trail(storage.ClientChanged, "")), storage.ErrConflict)
		w.wantEvents(t, storage.ClientChanged, 1)
		c.Version++
		got, err := w.Client(w.ctx, "c1")
		ok(t, err)
		same(t, "updated", got, c)
		wantErr(t, "unknown", w.UpdateClient(w.ctx, op.Client{ID: "x", AuthMethod: op.AuthNone, Version: 1}, storage.Trail{}), storage.ErrNotFound)
		wantOneWinner(t, race(contenders, func(i int) error {
			mine := c
			mine.Name = name("name %d", i)
			return w.UpdateClient(w.ctx, mine, storage.Trail{})
		}), storage.ErrConflict)
	},
	"DeletingAClientTakesItsGrants": func(t *testing.T, w *world) {
		c := w.client(t, "c1")
		w.user(t, "u1")
		w.session(t, "s1", "u1")
		w.grant(t, "g1", "c1", "u1", "s1")
		ok(t, w.DeleteClient(w.ctx, "c1", w.now, trail(storage.ClientChanged, "")))
		wantErr(t, "twice", w.DeleteClient(w.ctx, "c1", w.now, trail(storage.ClientChanged, "")), storage.ErrNotFound)
		w.wantEvents(t, storage.ClientChanged, 1)
		_, err := w.Client(w.ctx, "c1")
		wantErr(t, "deleted", err, storage.ErrNotFound)
		wantErr(t, "update", w.UpdateClient(w.ctx, c, storage.Trail{}), storage.ErrNotFound)
		wantErr(t, "its id again", w.CreateClient(w.ctx, c, storage.Trail{}), storage.ErrConflict)
		g, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		same(t, "grant revoked at", g.Revoked, w.now)
		wantErr(t, "a new grant", w.CreateGrant(w.ctx, w.newGrant("g2", "c1", "u1", "s1"), storage.Trail{}), storage.ErrConflict)
	},
	"ClientsArePaged": func(t *testing.T, w *world) {
		for _, id := range []string{"b", "a-1", "a1", "c"} {
			w.client(t, id)
		}
		ok(t, w.DeleteClient(w.ctx, "c", w.now, storage.Trail{}))
		pages(t, func(p storage.Page) ([]op.Client, error) { return w.ListClients(w.ctx, p) },
			func(c op.Client) string { return c.ID }, "a-1", "a1", "b")
	},
	"OriginsOfClients": func(t *testing.T, w *world) {
		for i, c := range []op.Client{
			{ID: "a", Origins: []string{"https://a.example", "https://b.example"}},
			{ID: "b"},
			{ID: "c", Origins: []string{"https://c.example"}, Disabled: w.now},
			{ID: "d", Origins: []string{"https://d.example"}},
			{ID: "e", Origins: []string{"https://e.example"}},
		} {
			c.AuthMethod, c.Created, c.Updated = op.AuthNone, w.now, w.now.Add(time.Duration(i))
			ok(t, w.CreateClient(w.ctx, c, storage.Trail{}))
		}
		ok(t, w.DeleteClient(w.ctx, "d", w.now, storage.Trail{}))
		got, err := w.ClientOrigins(w.ctx)
		ok(t, err)
		slices.Sort(got)
		same(t, "origins", got, []string{"https://a.example", "https://b.example", "https://e.example"})
	},
}

// grounds is a world with what a grant rests on.
func (w *world) grounds(t *testing.T) {
	t.Helper()
	w.user(t, "u1")
	w.client(t, "app")
	w.session(t, "s1", "u1")
}

var grantTests = map[string]func(*testing.T, *world){
	"GrantsAreRead": func(t *testing.T, w *world) {
		w.grounds(t)
		w.org(t, "o1")
		want := w.newGrant("g1", "app", "u1", "s1")
		want.OrgID, want.Offline = "o1", true
		ok(t, w.CreateGrant(w.ctx, want, trail(storage.TokenCreated, "u1")))
		got, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		same(t, "full", got, want)
		plain := op.Grant{
			Authorization: op.Authorization{GrantID: "g2", ClientID: "app"},
			Created:       w.now, IdleUntil: w.now.Add(time.Hour), Expires: w.now.Add(time.Hour),
		}
		ok(t, w.CreateGrant(w.ctx, plain, trail(storage.TokenCreated, "")))
		got, err = w.Grant(w.ctx, "g2")
		ok(t, err)
		same(t, "of a client alone", got, plain)
		_, err = w.Grant(w.ctx, "g3")
		wantErr(t, "unknown", err, storage.ErrNotFound)
		wantErr(t, "an id twice", w.CreateGrant(w.ctx, want, trail(storage.TokenCreated, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.TokenCreated, 2)
	},
	"TestP10_OneGrantOfACode": func(t *testing.T, w *world) {
		w.grounds(t)
		wantOneWinner(t, race(contenders, func(int) error {
			return w.CreateGrant(w.ctx, w.newGrant("g1", "app", "u1", "s1"), trail(storage.TokenCreated, "u1"))
		}), storage.ErrConflict)
		w.wantEvents(t, storage.TokenCreated, 1)
	},
	"TestP11_GrantRevokedBeforeItIsCreated": func(t *testing.T, w *world) {
		w.grounds(t)
		ok(t, w.RevokeGrant(w.ctx, "g1", w.now, trail(storage.TokenReused, "u1")))
		wantErr(t, "create", w.CreateGrant(w.ctx, w.newGrant("g1", "app", "u1", "s1"), trail(storage.TokenCreated, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.TokenReused, 1)
		w.wantEvents(t, storage.TokenCreated, 0)
		g, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		same(t, "revoked at", g.Revoked, w.now)
		wantErr(t, "rotate", w.RotateGrant(w.ctx, "g1", 0, w.now, w.now.Add(time.Hour), storage.Trail{}), storage.ErrNotFound)
	},
	"TestP11_CreateAgainstRevokeLeavesNoLiveGrant": func(t *testing.T, w *world) {
		w.grounds(t)
		for i := range contenders {
			id := name("g%d", i)
			errs := race(2, func(i int) error {
				if i == 0 {
					return w.RevokeGrant(w.ctx, id, w.now, storage.Trail{})
				}
				return w.CreateGrant(w.ctx, w.newGrant(id, "app", "u1", "s1"), storage.Trail{})
			})
			wantErr(t, "revoke", errs[0], nil)
			if errs[1] != nil {
				wantErr(t, "create", errs[1], storage.ErrConflict)
			}
			g, err := w.Grant(w.ctx, id)
			ok(t, err)
			if g.Live(w.now) {
				t.Fatalf("grant %s is live after it was revoked", id)
			}
		}
	},
	"RevokingIsOnce": func(t *testing.T, w *world) {
		w.grounds(t)
		w.grant(t, "g1", "app", "u1", "s1")
		ok(t, w.RevokeGrant(w.ctx, "g1", w.now, trail(storage.TokenRevoked, "u1")))
		ok(t, w.RevokeGrant(w.ctx, "g1", w.now.Add(time.Second), trail(storage.TokenRevoked, "u1")))
		g, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		same(t, "revoked at", g.Revoked, w.now)
		w.wantEvents(t, storage.TokenRevoked, 1)
		for _, err := range race(contenders, func(int) error {
			return w.RevokeGrant(w.ctx, "g2", w.now, trail(storage.TokenRevoked, "u1"))
		}) {
			ok(t, err)
		}
		w.wantEvents(t, storage.TokenRevoked, 2)
	},
	"TestP38_RotationIsOnce": func(t *testing.T, w *world) {
		w.grounds(t)
		w.grant(t, "g1", "app", "u1", "s1")
		now, idle := w.now.Add(time.Minute), w.now.Add(90*time.Minute)
		rotate := func(generation int64) error {
			return w.RotateGrant(w.ctx, "g1", generation, now, idle, trail(storage.TokenCreated, "u1"))
		}
		wantErr(t, "a generation to come", rotate(2), storage.ErrConflict)
		wantOneWinner(t, race(contenders, func(int) error { return rotate(1) }), storage.ErrConflict)
		w.wantEvents(t, storage.TokenCreated, 2) // of its creation and of one rotation
		g, err := w.Grant(w.ctx, "g1")
		ok(t, err)
		if g.Generation != 2 || !g.Rotated.Equal(now) || !g.IdleUntil.Equal(idle) {
			t.Errorf("generation %d, rotated %v, idle until %v", g.Generation, g.Rotated, g.IdleUntil)
		}
		ok(t, w.RevokeGrant(w.ctx, "g1", now, storage.Trail{}))
		wantErr(t, "revoked", rotate(2), storage.ErrNotFound)
		wantErr(t, "unknown", w.RotateGrant(w.ctx, "x", 1, now, idle, storage.Trail{}), storage.ErrNotFound)
	},
	"TestP37_ExpiredGrantIsNotRotated": func(t *testing.T, w *world) {
		w.grounds(t)
		g := w.grant(t, "g1", "app", "u1", "s1")
		rotate := func(now time.Time) error {
			return w.RotateGrant(w.ctx, "g1", 1, now, now.Add(time.Hour), storage.Trail{})
		}
		wantErr(t, "at its idle end", rotate(g.IdleUntil), storage.ErrNotFound)
		ok(t, rotate(g.IdleUntil.Add(-time.Microsecond)))
		wantErr(t, "at its end", w.RotateGrant(w.ctx, "g1", 2, g.Expires, g.Expires.Add(time.Hour), storage.Trail{}), storage.ErrNotFound)
	},
	"TestT39_LogoutAgainstRefreshLeavesNoLiveGrant": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.client(t, "app")
		for i := range contenders {
			sid, gid := name("s%d", i), name("g%d", i)
			w.session(t, sid, "u1")
			w.grant(t, gid, "app", "u1", sid)
			errs := race(2, func(i int) error {
				if i == 0 {
					return w.EndSession(w.ctx, sid, false, w.now, storage.Trail{})
				}
				return w.RotateGrant(w.ctx, gid, 1, w.now, w.now.Add(time.Hour), storage.Trail{})
			})
			wantErr(t, "end", errs[0], nil)
			if errs[1] != nil {
				wantErr(t, "rotate", errs[1], storage.ErrNotFound)
			}
			g, err := w.Grant(w.ctx, gid)
			ok(t, err)
			if g.Live(w.now) {
				t.Fatalf("grant %s is live after its session ended", gid)
			}
		}
	},
	"TestT50_EndedSessionGivesNoGrant": func(t *testing.T, w *world) {
		w.grounds(t)
		w.user(t, "u2")
		wantErr(t, "another person's session", w.CreateGrant(w.ctx, w.newGrant("g0", "app", "u2", "s1"), storage.Trail{}), storage.ErrConflict)
		ok(t, w.EndSession(w.ctx, "s1", false, w.now, storage.Trail{}))
		wantErr(t, "ended session", w.CreateGrant(w.ctx, w.newGrant("g1", "app", "u1", "s1"), trail(storage.TokenCreated, "u1")), storage.ErrConflict)
		w.wantEvents(t, storage.TokenCreated, 0)
		for i := range contenders {
			sid, gid := name("t%d", i), name("h%d", i)
			w.session(t, sid, "u1")
			errs := race(2, func(i int) error {
				if i == 0 {
					return w.EndSession(w.ctx, sid, false, w.now, storage.Trail{})
				}
				return w.CreateGrant(w.ctx, w.newGrant(gid, "app", "u1", sid), storage.Trail{})
			})
			wantErr(t, "end", errs[0], nil)
			g, err := w.Grant(w.ctx, gid)
			switch {
			case errors.Is(err, storage.ErrNotFound):
				wantErr(t, "create", errs[1], storage.ErrConflict)
			case err != nil:
				t.Fatal(err)
			case g.Live(w.now):
				t.Fatalf("grant %s is live after its session ended", gid)
			}
		}
	},
}
