package login_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestT41_T40_EndOfASession(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	result := w.results()[0]
	must(t, w.signIn.Recheck(t.Context(), result, nil, false))
	if got := b.post("/logout"); got.status != http.StatusOK || b.cookie("vseeid-session") != "" {
		t.Errorf("%d, cookie %q", got.status, b.cookie("vseeid-session"))
	}
	if got := b.post("/logout"); got.status != http.StatusOK {
		t.Errorf("a second time: %d", got.status)
	}
	denied(t, w.signIn.Recheck(t.Context(), result, nil, false))
	must(t, w.signIn.Recheck(t.Context(), result, nil, true))
	b.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorLoginRequired)
	if n := w.count(u.ID, storage.SessionEnded); n != 1 {
		t.Errorf("%d ends noted", n)
	}
}

func denied(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, login.ErrDenied) {
		t.Errorf("not denied: %v", err)
	}
}

// A new password ends what the old one proved, also for an app that is offline.
func TestT40_NewPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	result := w.results()[0]
	must(t, w.signIn.Recheck(t.Context(), result, nil, true))
	must(t, w.db.SetPassword(t.Context(), u.ID, "another hash", w.now().Add(time.Second), storage.Trail{}))
	denied(t, w.signIn.Recheck(t.Context(), result, nil, true))
	denied(t, w.signIn.Recheck(t.Context(), result, nil, false))
}

func TestRecheck(t *testing.T) {
	w := newWorld(t, sqlite(t))
	ctx := t.Context()
	w.org("lakeside", preset("off"))
	u := w.person("anna", "lakeside")
	b := w.browser()
	b.password(b.begin(login.Demand{}), u)
	single := w.results()[0]
	must(t, w.signIn.Recheck(ctx, single, nil, false))

	// A new epoch under which the proof is still good.
	w.setPolicy("lakeside", preset("off", func(p *login.Policy) { p.Reuse /= 2 }))
	must(t, w.signIn.Recheck(ctx, single, nil, false))
	// One that asks for more.
	w.setPolicy("lakeside", preset("standard"))
	denied(t, w.signIn.Recheck(ctx, single, nil, false))
	denied(t, w.signIn.Recheck(ctx, single, nil, true))
	// Optional asks only who has something.
	w.setPolicy("lakeside", preset("standard", func(p *login.Policy) { p.MFA = login.Optional }))
	must(t, w.signIn.Recheck(ctx, single, nil, true))

	w.setPolicy("lakeside", preset("standard"))
	w.browser().setUp(u, login.Demand{})
	double := w.results()[1]
	must(t, w.signIn.Recheck(ctx, double, nil, true))
	w.setPolicy("lakeside", preset("standard", func(p *login.Policy) { p.MFA = login.Optional }))
	denied(t, w.signIn.Recheck(ctx, single, nil, true))
	must(t, w.signIn.Recheck(ctx, double, nil, true))
	// The factor is not allowed any more.
	w.setPolicy("lakeside", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }))
	denied(t, w.signIn.Recheck(ctx, double, nil, true))
	w.setPolicy("lakeside", preset("standard"))
	must(t, w.signIn.Recheck(ctx, double, nil, true))

	// A stricter organization that the person joined binds a grant that named none.
	w.org("keys", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }))
	must(t, w.db.AddMember(ctx, login.Membership{UserID: u.ID, OrgID: "keys", Created: w.now()}, storage.Trail{}))
	denied(t, w.signIn.Recheck(ctx, double, nil, true))
	must(t, w.db.RemoveMember(ctx, u.ID, "keys", storage.Trail{}))
	must(t, w.signIn.Recheck(ctx, double, nil, true))

	// P-39: out of the organization, disabled, gone.
	must(t, w.db.RemoveMember(ctx, u.ID, "lakeside", storage.Trail{}))
	denied(t, w.signIn.Recheck(ctx, double, nil, true))
	must(t, w.db.AddMember(ctx, login.Membership{UserID: u.ID, OrgID: "lakeside", Created: w.now()}, storage.Trail{}))
	must(t, w.signIn.Recheck(ctx, double, nil, true))
	must(t, w.db.DisableUser(ctx, u.ID, w.now(), storage.Trail{}))
	denied(t, w.signIn.Recheck(ctx, double, nil, true))
	_, err := w.signIn.Claims(ctx, u.ID)
	denied(t, err)
	must(t, w.db.EnableUser(ctx, u.ID, w.now(), storage.Trail{}))
	claims, err := w.signIn.Claims(ctx, u.ID)
	must(t, err)
	if claims.Email != u.Email || claims.Name != u.Name {
		t.Errorf("claims: %+v", claims)
	}
	must(t, w.db.DeleteUser(ctx, u.ID, w.now(), storage.Trail{}))
	denied(t, w.signIn.Recheck(ctx, double, nil, true))
	_, err = w.signIn.Claims(ctx, u.ID)
	denied(t, err)
	if err := w.signIn.Recheck(ctx, login.Result{UserID: u.ID}, nil, true); err == nil {
		t.Error("a grant without a proof is good")
	}
}

func TestRecheck_SessionLimits(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("strict"))
	u := w.person("anna", "riverside")
	b := w.browser()
	b.setUp(u, login.Demand{})
	r := w.results()[0]
	w.pass(30 * time.Minute)
	must(t, w.signIn.Recheck(t.Context(), r, nil, false))
	w.pass(time.Second)
	denied(t, w.signIn.Recheck(t.Context(), r, nil, false))
	b.begin(login.Demand{Silent: true}).is(t, "failed", login.ErrorLoginRequired)
}
