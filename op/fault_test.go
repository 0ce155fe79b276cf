package op_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vsee/vseeid/storage"
)

// Whoever reads the page to somebody who can look into the log has something to tell.
func TestBadRequestHasAReference(t *testing.T) {
	w := newWorld(t)
	mux := http.NewServeMux()
	w.desk.provider.Mount(mux)
	r := httptest.NewRequest(http.MethodGet, "/authorize?client_id=nobody&redirect_uri=https://app.example/", nil)
	r = r.WithContext(storage.WithOrigin(r.Context(), storage.Origin{RequestID: "req-7"}))
	page := httptest.NewRecorder()
	mux.ServeHTTP(page, r)
	if page.Code != http.StatusBadRequest || !strings.Contains(page.Body.String(), ">req-7<") {
		t.Errorf("%d: %s", page.Code, page.Body)
	}
}
