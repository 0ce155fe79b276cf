package templates_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vsee/vseeid/templates"
)

func TestServe(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/u/login/1", nil)
	page := templates.Password{Frame: templates.Frame{Brand: templates.Brand{Name: "VSee"}}, Action: "/u/login/1/password", Email: "charlotte@riverside.example"}
	if err := templates.Serve(w, r, http.StatusOK, page, "https://app.example"); err != nil {
		t.Fatal(err)
	}
	t.Log(w.Body.String())
}

func TestServeRefusesFormTarget(t *testing.T) {
	for _, target := range []string{"", "https://a.example; script-src *", "https://a.example 'unsafe-inline'", "*", "https://*.example", "a,b", "https://a.example\r\nX: y"} {
		w := httptest.NewRecorder()
		err := templates.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, templates.Identifier{}, target)
		if !errors.Is(err, templates.ErrFormTarget) {
			t.Errorf("form target %q: got error %v", target, err)
		}
		if len(w.Header()) > 0 || w.Body.Len() > 0 {
			t.Errorf("form target %q: something was written", target)
		}
	}
}
