package login_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// Who used the recovery code sets up again what was lost, and what was lost is good no more.
func TestReplaceAfterRecovery(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	old, code, _ := w.browser().setUp(u, login.Demand{})
	lost := w.enrollment(u, factors.TOTP)
	w.pass(time.Hour)
	b := w.browser()
	p := b.follow(b.post(b.password(b.begin(login.Demand{}), u).on("method"), "method", "recovery"))
	p = b.follow(b.post(p.on("challenge"), "code", code))
	p.shows(t, http.StatusOK, "Almost There!", "does not work any more")
	p = b.follow(b.post(p.on("recovery"), "confirmed", "true"))
	p.shows(t, http.StatusOK, "Did You Lose Your Phone?", "Authenticator app")
	p = b.follow(b.post(p.on("replace")))
	p.shows(t, http.StatusOK, "takes the place")
	seed := p.seed(t)
	b.post(p.on("enroll"), "code", other(w.app(seed), 1)).shows(t, http.StatusUnprocessableEntity, "is not right")
	if w.enrollment(u, factors.TOTP).ID != lost.ID {
		t.Error("the old one went before the new one came")
	}
	b.follow(b.post(p.on("enroll"), "code", w.app(seed))).is(t, "user", u.ID, "amr", "mfa otp pwd")
	if e := w.enrollment(u, factors.TOTP); e.ID == lost.ID || len(w.enrolled(u)) != 2 {
		t.Errorf("%+v", w.enrolled(u))
	}
	c := w.browser()
	p = c.password(c.begin(login.Demand{}), u)
	c.post(p.on("challenge"), "code", w.app(old)).shows(t, http.StatusUnprocessableEntity, "is not right")
	c.follow(c.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
}

func TestNamesOfPasskeys(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	for i, c := range []struct {
		name, agent, want string
		keys              *passkeytest.Authenticator
	}{
		{"Charlotte May Lee", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36", "Charlotte's Windows computer", passkeytest.New(origin)},
		{"", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1", "My iPhone", passkeytest.NewSynced(origin)},
		{"Bert", "", "Bert's security key", passkeytest.NewKey(origin)},
	} {
		u := w.person(fmt.Sprintf("person%d", i), "riverside")
		have := w.user(u)
		have.Name, have.Updated = c.name, w.now()
		must(t, w.db.UpdateUser(t.Context(), have, storage.Trail{}))
		d := w.device(c.keys)
		d.header.Set("User-Agent", c.agent)
		p := d.password(d.begin(login.Demand{}), u)
		p = d.follow(d.post(p.on("method"), "method", "passkey"))
		p = d.follow(d.make(p))
		d.follow(d.use(p)).shows(t, http.StatusOK, "Device registration successful")
		if e := w.enrollment(u, factors.Passkey); e.Name != c.want {
			t.Errorf("%q, want %q", e.Name, c.want)
		}
	}
}
