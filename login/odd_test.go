package login_test

import (
	"net/http"
	"testing"
)

// What is no text names nothing, whatever the database can hold.
func TestT49_PathsThatAreNoText(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		anna := w.resident("anna", "riverside")
		anna.header.Set("User-Agent", "x\xff\xfe")
		for _, id := range []string{"%00", "%ff", "a%00b", "%ed%a0%80"} {
			for _, path := range []string{"/account/sessions/" + id, "/account/factors/" + id, "/account/factors/" + id + "/remove", "/account/add/" + id} {
				p, q := anna.get(path), anna.post(path, "name", "\xff", "method", "\xff\x00")
				for _, got := range []page{p, q} {
					if got.status != http.StatusNotFound && got.status != http.StatusMethodNotAllowed {
						t.Errorf("%s: %d", path, got.status)
					}
				}
			}
			anna.get("/u/login/"+id).shows(t, http.StatusGone)
			anna.get("/u/notice/"+id).shows(t, http.StatusNotFound)
		}
	})
}
