// Package storagetest holds every store to what its interfaces promise: Durable the databases of
// sqldb, and Short the keepers of what lives for minutes.
package storagetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// Durable runs the conformance suite of the durable store. open returns an empty, migrated store of
// its own for each call and closes it when the test ends.
func Durable(t *testing.T, open func(t *testing.T) *sqldb.DB) {
	for _, group := range []map[string]func(*testing.T, *world){
		peopleTests, orgTests, factorTests, passkeyTests, codeTests, linkTests, accountTests, sinceTests, sessionTests, attemptTests,
		clientTests, grantTests, keyTests, trailTests, pruneTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newWorld(t, open(t)))
			})
		}
	}
}

// world is a store, and a moment to begin at: one with microseconds, as times must survive.
type world struct {
	*sqldb.DB
	ctx context.Context
	now time.Time
}

var origin = storage.Origin{RequestID: "req-1", IP: "192.0.2.7", UserAgent: "Browser/1"}

func newWorld(t *testing.T, db *sqldb.DB) *world {
	return &world{
		DB: db, ctx: storage.WithOrigin(t.Context(), origin),
		now: time.Date(2026, 11, 24, 10, 20, 30, 123456000, time.UTC),
	}
}

// same fails unless got is want; a list that is empty is the same as none.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// ok fails the test at once on any error.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// trail is one event of a type, to be recognised by it.
func trail(e storage.EventType, userID string) storage.Trail {
	return storage.With(storage.Event{Type: e, UserID: userID})
}

// events counts the events of a type.
func (w *world) events(t *testing.T, e storage.EventType) int {
	t.Helper()
	list, err := w.Events(w.ctx, sqldb.EventFilter{Type: e}, storage.Page{Limit: storage.MaxPage})
	ok(t, err)
	return len(list)
}

// wantEvents fails unless there are n events of a type.
func (w *world) wantEvents(t *testing.T, e storage.EventType, n int) {
	t.Helper()
	if got := w.events(t, e); got != n {
		t.Errorf("%d events %s, want %d", got, e, n)
	}
}

func (w *world) user(t *testing.T, id string) login.User {
	t.Helper()
	u := login.User{
		ID: id, Email: strings.ToLower(id) + "@example.com", EmailVerified: true, Name: "Ann " + id, Locale: "en-GB",
		PasswordHash: "$argon2id$" + id, PasswordSet: w.now.Add(-time.Hour),
		Created: w.now.Add(-2 * time.Hour), Updated: w.now.Add(-time.Minute), Version: 1,
	}
	ok(t, w.CreateUser(w.ctx, u, trail(storage.UserCreated, id)))
	u.EmailSet = u.Created
	return u
}

func (w *world) org(t *testing.T, id string) login.Org {
	t.Helper()
	p, known := login.Preset("standard")
	if !known {
		t.Fatal("no preset standard")
	}
	o := login.Org{ID: id, Name: "The " + id, Policy: p, Created: w.now, Updated: w.now, Version: 1}
	ok(t, w.CreateOrg(w.ctx, o, storage.Trail{}))
	o.Policy.Epoch = 1
	return o
}

func (w *world) member(t *testing.T, userID, orgID string) {
	t.Helper()
	ok(t, w.AddMember(w.ctx, login.Membership{UserID: userID, OrgID: orgID, Created: w.now}, storage.Trail{}))
}

func (w *world) session(t *testing.T, id, userID string) session.Session {
	t.Helper()
	s := session.Session{
		ID: id, UserID: userID, Created: w.now, LastUsed: w.now, IP: "192.0.2.1", Agent: "Browser/1", Version: 1,
		Evidence: []factors.Evidence{{
			Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}, At: w.now,
		}},
	}
	ok(t, w.CreateSession(w.ctx, s, "cookie of "+id, trail(storage.SessionCreated, userID)))
	return s
}

func (w *world) client(t *testing.T, id string) op.Client {
	t.Helper()
	c := op.Client{ID: id, Name: "App " + id, AuthMethod: op.AuthNone, Created: w.now, Updated: w.now, Version: 1}
	ok(t, w.CreateClient(w.ctx, c, storage.Trail{}))
	return c
}

// on are the grounds of what is decided about a person now; the zero Grounds for nobody.
func (w *world) on(userID string) login.Grounds {
	u, err := w.User(w.ctx, userID)
	if err != nil {
		return login.Grounds{}
	}
	return u.Grounds()
}

// anew does what was decided about a person, and decides it again while the grounds move under it.
func (w *world) anew(userID string, do func(on login.Grounds) error) error {
	for {
		on := w.on(userID)
		if err := do(on); !errors.Is(err, storage.ErrConflict) || w.on(userID) == on {
			return err
		}
	}
}

func (w *world) enrollFirst(e factors.Enrollment, left storage.Trail) error {
	return w.anew(e.UserID, func(on login.Grounds) error { return w.EnrollFirst(w.ctx, e, on, left) })
}

func (w *world) add(e factors.Enrollment, replace bool, left storage.Trail) error {
	return w.anew(e.UserID, func(on login.Grounds) error { return w.AddEnrollment(w.ctx, e, on, replace, left) })
}

func (w *world) replaceRecovery(e factors.Enrollment, left storage.Trail) error {
	return w.anew(e.UserID, func(on login.Grounds) error { return w.ReplaceRecovery(w.ctx, e, on, left) })
}

// remove takes a factor away that may be the last one or, with kinds, only if one of these is left.
func (w *world) remove(userID, id string, left storage.Trail, keep ...factors.Kind) error {
	return w.anew(userID, func(on login.Grounds) error {
		return w.RemoveEnrollment(w.ctx, login.Removal{
			UserID: userID, EnrollmentID: id, On: on, At: w.now, Keep: keep,
		}, func(login.Removed) storage.Trail { return left })
	})
}

func (w *world) totp(t *testing.T, id, userID string) factors.Enrollment {
	t.Helper()
	e := factors.Enrollment{
		ID: id, UserID: userID, Kind: factors.TOTP, Name: "Phone", Secret: []byte("seed of " + id),
		Confirmed: w.now, Created: w.now, LastUsed: w.now, Step: 100,
	}
	ok(t, w.enrollFirst(e, trail(storage.Enrolled, userID)))
	return e
}

// recovery gives a person a recovery code in the place of the last, with the trail of what was set up.
func (w *world) recovery(t *testing.T, id, userID, code string) factors.Enrollment {
	t.Helper()
	e := w.newRecovery(id, userID, code)
	ok(t, w.replaceRecovery(e, trail(storage.Enrolled, userID)))
	e.Secret = nil
	return e
}

func (w *world) newRecovery(id, userID, code string) factors.Enrollment {
	return factors.Enrollment{ID: id, UserID: userID, Kind: factors.Recovery, Secret: []byte(code), Confirmed: w.now, Created: w.now}
}

// grant creates a live one that rests on everything that the world has by these ids.
func (w *world) grant(t *testing.T, id, clientID, userID, sessionID string) op.Grant {
	t.Helper()
	g := w.newGrant(id, clientID, userID, sessionID)
	ok(t, w.CreateGrant(w.ctx, g, trail(storage.TokenCreated, userID)))
	return g
}

func (w *world) newGrant(id, clientID, userID, sessionID string) op.Grant {
	return op.Grant{
		Authorization: op.Authorization{
			GrantID: id, ClientID: clientID, UserID: userID, SessionID: sessionID,
			Scopes: []string{"openid", "profile"}, Audiences: []string{"https://api.example"},
			RedirectURI: "https://app.example/cb", Challenge: "c", Nonce: "n", AMR: []string{"otp", "pwd"}, ACR: "acr",
			AuthTime: w.now.Add(-time.Second), Proof: []byte("proof"), Recovered: true,
		},
		Generation: 1, Rotated: w.now, Created: w.now, IdleUntil: w.now.Add(time.Hour), Expires: w.now.Add(2 * time.Hour),
	}
}

// pages walks a list two rows at a time and fails unless it meets want, in order.
func pages[T any](t *testing.T, list func(storage.Page) ([]T, error), key func(T) string, want ...string) {
	t.Helper()
	var got []string
	page := storage.Page{Limit: 2}
	for range len(want) + 1 {
		rows, err := list(page)
		ok(t, err)
		if len(rows) == 0 {
			break
		}
		if len(rows) > 2 {
			t.Fatalf("a page of %d rows, want at most 2", len(rows))
		}
		for _, r := range rows {
			got = append(got, key(r))
		}
		page.After = got[len(got)-1]
	}
	same(t, "pages", got, want)
}

func name(format string, i int) string { return fmt.Sprintf(format, i) }
