package login_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// TestT40_SilentIsNeverAPage asks too often with prompt=none: in a hidden frame, the answer is the
// client's to hear.
func TestT40_SilentIsNeverAPage(t *testing.T) {
	w := newWorld(t, sqlite(t))
	b := w.browser()
	path := beginPath(t, login.Demand{Silent: true})
	var last page
	for range 1201 {
		last = b.get(path)
	}
	last.is(t, "failed", "temporarily_unavailable")
	b.begin(login.Demand{}).shows(t, http.StatusTooManyRequests)
}

// TestT40_NoFloodOfEvents asks for the pages of a sign-in of another browser, over and over. Some of
// it is noted; nobody fills the audit log.
func TestT40_NoFloodOfEvents(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	victim := w.browser()
	p := victim.password(victim.begin(login.Demand{}), u)
	thief := w.browser()
	slowed := 0
	for range 700 {
		switch got := thief.get(p.on("")); got.status {
		case http.StatusForbidden:
		case http.StatusTooManyRequests:
			slowed++
		default:
			t.Fatalf("a stranger gets %d", got.status)
		}
	}
	if n := w.count(u.ID, storage.SequenceFailed); n == 0 || n > 20 {
		t.Errorf("%d events of one browser", n)
	}
	if slowed == 0 {
		t.Error("a stranger may ask for ever")
	}
	for i := range 3 { // another network is noted all the same
		thief.header.Set("X-Test-IP", fmt.Sprintf("198.51.100.%d", i))
		before := w.count(u.ID, storage.SequenceFailed)
		thief.get(p.on("")).shows(t, http.StatusForbidden)
		if w.count(u.ID, storage.SequenceFailed) != before+1 {
			t.Error("another network is not noted")
		}
	}
}
