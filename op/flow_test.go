package op_test

import (
	"net/http"
	"testing"

	"github.com/vsee/vseeid/op/optest"
)

func TestSignIn(t *testing.T) {
	worlds(t, func(w *world) {
		a := w.messenger()
		_, f, answer := w.signIn(a)
		claims := a.Verify(answer.IDToken, f.Nonce)
		if claims.Subject != w.people[0] {
			t.Errorf("sub is %q", claims.Subject)
		}
		_, info := a.Userinfo(answer.AccessToken)
		if info["sub"] != w.people[0] || info["email"] != "charlotte@example.com" {
			t.Errorf("userinfo %v", info)
		}
		next := a.Refresh(answer.RefreshToken)
		w.status(next, http.StatusOK)
		a.Verify(next.IDToken, "")
		machine := w.reports().Token(optest.With("grant_type", "client_credentials"))
		w.status(machine, http.StatusOK)
	})
}
