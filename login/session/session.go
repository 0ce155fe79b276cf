// Package session is the browser session: what a browser proved, kept for single sign-on.
//
// A session is created, and its cookie rotated, only when a sign-in is done. Its public id is
// published in every token as `sid`, so it proves nothing on its own; the cookie is 256 random
// bits, and the store has a keyed hash of it.
package session

import (
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
)

// Session is one person in one browser.
type Session struct {
	ID       string // UUIDv7; the `sid` of tokens
	UserID   string
	Evidence []factors.Evidence // none of which replaces another
	Created  time.Time
	LastUsed time.Time
	Ended    time.Time // zero while it lives
	IP       string    // where it was last proved
	Agent    string    // the browser's user agent then
	Version  int64
}

// Live reports whether the session may still be used at now under limits. Expiry counts as gone,
// whether or not anything has ended the session yet.
func (s Session) Live(now time.Time, idle, overall time.Duration) bool {
	return s.Ended.IsZero() && now.Sub(s.LastUsed) <= idle && now.Sub(s.Created) <= overall
}

// Merge returns the evidence with proved added, without what something later replaces.
func Merge(evidence, proved []factors.Evidence) []factors.Evidence {
	out := slices.Clone(evidence)
	for _, e := range proved {
		if slices.ContainsFunc(out, func(o factors.Evidence) bool { return o.Replaces(e) }) {
			continue
		}
		out = slices.DeleteFunc(out, e.Replaces)
		out = append(out, e)
	}
	return out
}
