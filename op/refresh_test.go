package op_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
)

func TestP36_T52_RefreshKeepsWhatWasProved(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, f, first := w.signIn(a)
	before := a.Verify(first.IDToken, f.Nonce)
	w.clock.pass(time.Hour)
	answer := a.Refresh(first.RefreshToken)
	w.status(answer, http.StatusOK)
	// The library verifies by the time of the machine; what it says of a token that is an hour
	// ahead is the same.
	after := a.Verify(answer.IDToken, "")
	before.Nonce, before.IssuedAt = "", after.IssuedAt
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("a refreshed ID token differs (-first +refreshed):\n%s", diff)
	}
}

func TestP37_RefreshScope(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, first := w.signIn(a)
	narrow := a.Refresh(first.RefreshToken, optest.With("scope", "openid"))
	w.status(narrow, http.StatusOK)
	if narrow.Scope != "openid" {
		t.Errorf("narrowed scope %q", narrow.Scope)
	}
	w.refused(a.Refresh(narrow.RefreshToken, optest.With("scope", "openid offline_access")), http.StatusBadRequest, "invalid_scope")
	again := a.Refresh(narrow.RefreshToken)
	if again.Scope != "openid profile email" {
		t.Errorf("the scope after a narrowed refresh is %q", again.Scope)
	}
	w.refused(w.clinic().Refresh(again.RefreshToken), http.StatusBadRequest, "invalid_grant")
	w.status(a.Refresh(again.RefreshToken), http.StatusOK) // another client's attempt changed nothing
	w.refused(a.Refresh("vsr_nonsense"), http.StatusBadRequest, "invalid_grant")
}

func TestP37_RefreshLifetimes(t *testing.T) {
	w := newWorld(t)
	w.change("messenger", func(c *op.Client) { c.RefreshIdle, c.RefreshOverall = time.Hour, 2*time.Hour })
	a := w.messenger()
	_, _, answer := w.signIn(a)
	w.clock.pass(time.Hour)
	w.refused(a.Refresh(answer.RefreshToken), http.StatusBadRequest, "invalid_grant")

	_, _, answer = w.signIn(a)
	for range 2 {
		w.clock.pass(50 * time.Minute)
		answer = a.Refresh(answer.RefreshToken)
		w.status(answer, http.StatusOK)
	}
	w.clock.pass(20 * time.Minute)
	w.refused(a.Refresh(answer.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

func TestP38_ParallelRefreshes(t *testing.T) {
	worlds(t, func(w *world) {
		a := w.messenger()
		_, _, first := w.signIn(a)
		successors := map[string]bool{}
		for _, answer := range together(20, func() optest.Answer { return a.Refresh(first.RefreshToken) }) {
			w.status(answer, http.StatusOK)
			successors[answer.RefreshToken] = true
		}
		if len(successors) != 1 {
			w.Fatalf("%d successors, want 1", len(successors))
		}
		w.clock.pass(op.RefreshGrace - time.Second)
		last := a.Refresh(first.RefreshToken)
		w.status(last, http.StatusOK)

		w.clock.pass(time.Minute)
		w.refused(a.Refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
		w.refused(a.Refresh(last.RefreshToken), http.StatusBadRequest, "invalid_grant")
		if answer, _ := a.Userinfo(last.AccessToken); answer.Status != http.StatusUnauthorized {
			w.Errorf("userinfo after reuse: %d", answer.Status)
		}
		if n := w.events(storage.TokenReused); n != 1 {
			w.Errorf("%d events of reuse, want 1", n)
		}
	})
}

func TestP38_AncestorIsReuse(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, first := w.signIn(a)
	second := a.Refresh(first.RefreshToken)
	third := a.Refresh(second.RefreshToken)
	w.status(third, http.StatusOK)
	// The grace is for the token before; one older was answered long ago.
	w.refused(a.Refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
	w.refused(a.Refresh(third.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

// TestP38_ReuseUnderAnyScope uses an old token for more than was granted: that it is old comes first.
func TestP38_ReuseUnderAnyScope(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, first := w.signIn(a)
	wider := optest.With("scope", "openid admin")
	w.refused(a.Refresh(first.RefreshToken, wider), http.StatusBadRequest, "invalid_scope")
	second := a.Refresh(first.RefreshToken) // which the mistake did not move on
	w.status(second, http.StatusOK)
	w.refused(a.Refresh(first.RefreshToken, wider), http.StatusBadRequest, "invalid_scope") // within the grace
	w.clock.pass(op.RefreshGrace + time.Second)
	w.refused(a.Refresh(first.RefreshToken, wider), http.StatusBadRequest, "invalid_grant")
	w.refused(a.Refresh(second.RefreshToken), http.StatusBadRequest, "invalid_grant")
	if n := w.events(storage.TokenReused); n != 1 {
		t.Errorf("%d events of reuse, want 1", n)
	}
}

func TestP39_RefreshRechecks(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, answer := w.signIn(a)
	w.desk.denied = errors.Join(errors.New("the policy has changed"), login.ErrDenied)
	w.refused(a.Refresh(answer.RefreshToken), http.StatusBadRequest, "invalid_grant")
	if answer, _ := a.Userinfo(answer.AccessToken); answer.Status != http.StatusUnauthorized {
		t.Errorf("userinfo of who is denied: %d", answer.Status)
	}
	f := a.Begin()
	w.refused(a.Redeem(f, f.Code(b.Open(f.URL()))), http.StatusBadRequest, "invalid_grant")

	w.desk.denied = nil
	answer = a.Refresh(answer.RefreshToken)
	w.status(answer, http.StatusOK)
	w.change("messenger", func(c *op.Client) { c.Disabled = w.clock.Now() })
	w.refused(a.Refresh(answer.RefreshToken), http.StatusUnauthorized, "invalid_client")
}

// TestA03_P36_Recovery: that a recovery code was used is in every token of the grant, for as long as
// it lives, and in no other's.
func TestA03_P36_Recovery(t *testing.T) {
	worlds(t, func(w *world) {
		a := w.messenger()
		w.desk.lost = true
		b, _, first := w.signIn(a)
		w.desk.lost = false
		f := a.Begin() // of the same session, and yet a grant of its own
		other := a.Redeem(f, f.Code(b.Open(f.URL())))
		w.status(other, http.StatusOK)
		w.clock.pass(time.Hour)
		second := a.Refresh(first.RefreshToken)
		w.status(second, http.StatusOK)
		for name, token := range map[string]string{
			"ID token": first.IDToken, "access token": first.AccessToken,
			"refreshed ID token": second.IDToken, "refreshed access token": second.AccessToken,
		} {
			if got := claimsOf(w.T, token)["recovery"]; got != true {
				w.Errorf("%s: recovery is %v", name, got)
			}
		}
		for _, token := range []string{other.IDToken, other.AccessToken} {
			if got, there := claimsOf(w.T, token)["recovery"]; there {
				w.Errorf("another grant: recovery is %v", got)
			}
		}
	})
}

// TestA20_RefreshUnderAHigherFloor: what a client's registration demands holds for its grants too, old
// ones and those under way.
func TestA20_RefreshUnderAHigherFloor(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, first := w.signIn(a)
	f := a.Begin()
	code := f.Code(b.Open(f.URL()))
	w.change("messenger", func(c *op.Client) { c.DefaultACR = []string{login.ACRHardware, login.ACRPhishing} })
	w.refused(a.Redeem(f, code), http.StatusBadRequest, "invalid_grant")
	w.refused(a.Refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
	if answer, _ := a.Userinfo(first.AccessToken); answer.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", answer.Status)
	}
	if diff := cmp.Diff([]string{login.ACRHardware, login.ACRPhishing}, w.desk.floor); diff != "" {
		t.Errorf("Recheck was told: %s", diff)
	}
	// Nothing is lost by the attempt.
	w.change("messenger", func(c *op.Client) { c.DefaultACR = []string{login.ACRAAL2} })
	w.status(a.Refresh(first.RefreshToken), http.StatusOK)
}

// T-12: what the policy of the person's organization withholds is not granted, and the client is told so
// (RFC 6749, 5.1); a refresh does not bring it back.
func TestT12_WithheldScopes(t *testing.T) {
	w := newWorld(t)
	w.desk.held = []string{"email", "prescriptions"}
	a := w.messenger()
	_, _, first := w.signIn(a)
	if first.Scope != "openid profile" {
		t.Errorf("granted %q", first.Scope)
	}
	w.desk.held = nil
	w.refused(a.Refresh(first.RefreshToken, optest.With("scope", "openid email")), http.StatusBadRequest, "invalid_scope")
	again := a.Refresh(first.RefreshToken)
	if again.Scope != "openid profile" {
		t.Errorf("after a refresh %q", again.Scope)
	}

	// What is withheld since is not granted while it is.
	w.desk.held = []string{"profile"}
	if again = a.Refresh(again.RefreshToken); again.Scope != "openid" {
		t.Errorf("withheld since the sign-in, and granted %q", again.Scope)
	}
	w.desk.held = nil
	if again = a.Refresh(again.RefreshToken); again.Scope != "openid profile" {
		t.Errorf("withheld no more, and granted %q", again.Scope)
	}
}
