package session_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/session"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func TestLive(t *testing.T) {
	const idle, overall = time.Hour, 10 * time.Hour
	for _, c := range []struct {
		name          string
		created, used time.Duration // ago
		ended         bool
		want          bool
	}{
		{"new", 0, 0, false, true},
		{"used within the hour", 5 * time.Hour, time.Hour, false, true},
		{"idle", 5 * time.Hour, time.Hour + 1, false, false},
		{"at the end", 10 * time.Hour, 0, false, true},
		{"too old, however lately used", 10*time.Hour + 1, 0, false, false},
		{"ended", 0, 0, true, false},
		{"by a clock that is ahead", -time.Minute, -time.Minute, false, true},
	} {
		s := session.Session{Created: noon.Add(-c.created), LastUsed: noon.Add(-c.used)}
		if c.ended {
			s.Ended = noon
		}
		if got := s.Live(noon, idle, overall); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestMerge(t *testing.T) {
	e := func(k factors.Kind, source string, at int) factors.Evidence {
		return factors.Evidence{Kind: k, Source: source, At: noon.Add(time.Duration(at) * time.Minute)}
	}
	old := []factors.Evidence{e(factors.Password, "password", 0), e(factors.TOTP, "totp:1", 0)}
	got := session.Merge(old, []factors.Evidence{
		e(factors.Password, "password", 5), e(factors.TOTP, "totp:1", -5), e(factors.TOTP, "totp:2", 1),
	})
	want := []factors.Evidence{e(factors.TOTP, "totp:1", 0), e(factors.Password, "password", 5), e(factors.TOTP, "totp:2", 1)}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]factors.Evidence{e(factors.Password, "password", 0), e(factors.TOTP, "totp:1", 0)}, old); d != "" {
		t.Errorf("what was merged into has changed: %s", d)
	}
}

// TestT40_MergeReplacesTheOldPassword: a later password takes the place of an earlier one, and never the
// other way round, whatever two clocks say of when they were given.
func TestT40_MergeReplacesTheOldPassword(t *testing.T) {
	e := func(generation int64, at int) factors.Evidence {
		return factors.Evidence{Kind: factors.Password, Source: "password", At: noon.Add(time.Duration(at) * time.Minute), Generation: generation}
	}
	fresh := []factors.Evidence{e(1, 0)}
	for _, old := range []factors.Evidence{e(0, -1), e(0, 0), e(0, 1)} {
		if d := cmp.Diff(fresh, session.Merge([]factors.Evidence{old}, fresh)); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(fresh, session.Merge(fresh, []factors.Evidence{old})); d != "" {
			t.Error(d)
		}
	}
}

// A passkey that did not verify its user this time leaves what it proved before.
func TestMerge_KeepsWhatWasMore(t *testing.T) {
	e := func(class factors.Class, at int) factors.Evidence {
		return factors.Evidence{Kind: factors.Passkey, Source: "passkey:1", Class: class, At: noon.Add(time.Duration(at) * time.Minute)}
	}
	verified, held := e(factors.Has|factors.Is, 0), e(factors.Has, 1)
	if d := cmp.Diff([]factors.Evidence{verified, held}, session.Merge([]factors.Evidence{verified}, []factors.Evidence{held})); d != "" {
		t.Error(d)
	}
	again := e(factors.Has|factors.Is, 2)
	if d := cmp.Diff([]factors.Evidence{again}, session.Merge([]factors.Evidence{verified, held}, []factors.Evidence{again})); d != "" {
		t.Error(d)
	}
}
