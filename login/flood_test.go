package login_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/password"
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

// TestT43_StrangersStayLockedUnderANewKey guesses at an address that nobody has before and after
// the master key is another: a person would be locked still.
func TestT43_StrangersStayLockedUnderANewKey(t *testing.T) {
	dsn := sqlite(t)
	guess := func(w *world) page {
		b := w.browser()
		p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", "nobody@example.com"))
		return b.post(p.on("password"), "password", "wrong")
	}
	before := newWorld(t, dsn)
	for guess(before).status != http.StatusTooManyRequests {
	}
	guess(newWorld(t, dsn)).shows(t, http.StatusTooManyRequests)
}

// hangsUp verifies a password when whoever sent it has gone.
type hangsUp struct{ hangUp context.CancelFunc }

func (hangsUp) Hash(context.Context, string) (string, error) { return "", password.ErrBusy }

func (h hangsUp) Verify(ctx context.Context, _, _ string) (bool, string, error) {
	h.hangUp()
	<-ctx.Done()
	return false, "", nil
}

// TestT40_HangingUpHidesNoGuess sends a wrong password and goes before the answer.
func TestT40_HangingUpHidesNoGuess(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		ctx, hangUp := context.WithCancel(t.Context())
		w := newWorld(t, dsn, func(c *login.Config) { c.Passwords = hangsUp{hangUp} })
		u := w.person("anna")
		b := w.browser()
		p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", u.Email))
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+p.on("password"), strings.NewReader("password=wrong"))
		must(t, err)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if answer, err := b.client.Do(r); err == nil {
			must(t, answer.Body.Close())
			t.Fatal("there was an answer")
		}
		w.close() // the request is through
		if n := w.count(u.ID, storage.SignInFailed); n != 1 {
			t.Errorf("%d guesses noted, want 1", n)
		}
	})
}
