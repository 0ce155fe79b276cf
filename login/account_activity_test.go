package login_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/vsee/vseeid/storage"
)

// What support did to an account is told as what it was. A message of a change that nobody made alarms.
func TestActivity_TellsWhatSupportDidAsWhatItWas(t *testing.T) {
	const by = "by those who look after"
	for _, c := range []struct {
		name   string
		detail map[string]string
		says   string // empty: nothing
	}{
		{"name", map[string]string{"change": "change", "fields": "name"}, "Your name or email address was changed " + by},
		{"address", map[string]string{"change": "change", "fields": "email email_verified"}, "Your name or email address was changed " + by},
		{"language", map[string]string{"change": "change", "fields": "locale"}, "Your language was changed " + by},
		{"confirmed", map[string]string{"change": "change", "fields": "email_verified locale"}, "Whether your email address counts as confirmed was changed " + by},
		{"unlock", map[string]string{"change": "unlock", "opened": "password totp"}, "Your sign-in was unlocked " + by},
		{"unlock of nothing", map[string]string{"change": "unlock"}, ""},
		{"disable", map[string]string{"change": "disable"}, "Your account was switched off " + by},
		{"enable", map[string]string{"change": "enable"}, "Your account was switched on again " + by},
		{"of a later release", map[string]string{"change": "merge"}, "Your account was changed " + by},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("lakeside", optional())
			anna := w.resident("anna", "lakeside")
			c.detail["actor"] = "cli"
			must(t, w.db.Record(t.Context(), storage.With(storage.Event{At: w.now(), Type: storage.UserUpdated, UserID: anna.user.ID, Detail: c.detail})))
			p := anna.get("/account")
			p.shows(t, http.StatusOK, c.says)
			for _, other := range []string{"Your name or email address was changed", "Your account was changed", "unlocked"} {
				if p.has(other) && !strings.Contains(c.says, other) {
					t.Errorf("it also says %q", other)
				}
			}
		})
	}
}
