package limit_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/vsee/vseeid/login/limit"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// TestT09_Ladder walks failures one after the other, each made as soon as it may be.
func TestT09_Ladder(t *testing.T) {
	wantWait := func(n int) time.Duration { // before the attempt n, the first being 1
		switch {
		case n <= 5:
			return 0
		case n < 18:
			return time.Second << (n - 6) // 1 s before the sixth, 2048 s before the seventeenth
		}
		return time.Hour
	}
	for name, ladder := range map[string]limit.Ladder{"password": limit.PasswordLadder, "factor": limit.FactorLadder} {
		t.Run(name, func(t *testing.T) {
			var a limit.Attempt
			now := noon
			for n := 1; n <= ladder.Close; n++ {
				if ladder.Closed(a) {
					t.Fatalf("closed after %d failures, want %d", a.Failures, ladder.Close)
				}
				wait := ladder.Wait(a, now)
				if wait != wantWait(n) {
					t.Fatalf("attempt %d has to wait %v, want %v", n, wait, wantWait(n))
				}
				if wait > 0 {
					if early, ok := ladder.Spend(a, now.Add(wait-1)); ok || early != a {
						t.Fatalf("attempt %d was let through early: %+v, %v", n, early, ok)
					}
				}
				now = now.Add(wait)
				next, ok := ladder.Spend(a, now)
				if !ok || next.Failures != n {
					t.Fatalf("attempt %d: got %+v, %v", n, next, ok)
				}
				a = next
			}
			if !ladder.Closed(a) {
				t.Errorf("open after %d failures", a.Failures)
			}
			if again, ok := ladder.Spend(a, now.Add(1000*time.Hour)); ok || again != a {
				t.Errorf("an attempt was let through a closed ladder: %+v", again)
			}
			if ladder.Closed(limit.Attempt{}) || ladder.Wait(limit.Attempt{}, now) != 0 {
				t.Error("a cleared count is not open")
			}
		})
	}
}

func TestLadder(t *testing.T) {
	for _, test := range []struct {
		name   string
		ladder limit.Ladder
		a      limit.Attempt
		want   limit.Attempt
		ok     bool
	}{
		{"a first one", limit.Ladder{Free: 2, Longest: time.Hour}, limit.Attempt{}, limit.Attempt{Failures: 1}, true},
		{"the last free one", limit.Ladder{Free: 2, Longest: time.Hour}, limit.Attempt{Failures: 1}, limit.Attempt{Failures: 2, OpenAt: noon.Add(time.Second)}, true},
		{"none free", limit.Ladder{Longest: time.Hour}, limit.Attempt{}, limit.Attempt{Failures: 1, OpenAt: noon.Add(2 * time.Second)}, true},
		{"at the moment it opens", limit.Ladder{Free: 1, Longest: time.Hour}, limit.Attempt{Failures: 3, OpenAt: noon}, limit.Attempt{Failures: 4, OpenAt: noon.Add(8 * time.Second)}, true},
		{"just before", limit.Ladder{Free: 1, Longest: time.Hour}, limit.Attempt{Failures: 3, OpenAt: noon.Add(1)}, limit.Attempt{Failures: 3, OpenAt: noon.Add(1)}, false},
		{"never closed", limit.Ladder{Free: 1, Longest: time.Minute}, limit.Attempt{Failures: 1 << 40}, limit.Attempt{Failures: 1<<40 + 1, OpenAt: noon.Add(time.Minute)}, true},
		{"a long ladder", limit.Ladder{Longest: 24 * time.Hour}, limit.Attempt{Failures: 14}, limit.Attempt{Failures: 15, OpenAt: noon.Add(32768 * time.Second)}, true},
		{"closed", limit.Ladder{Longest: time.Hour, Close: 3}, limit.Attempt{Failures: 3}, limit.Attempt{Failures: 3}, false},
		{"closed beyond", limit.Ladder{Longest: time.Hour, Close: 3}, limit.Attempt{Failures: 9}, limit.Attempt{Failures: 9}, false},
		{"the one that closes", limit.Ladder{Free: 9, Longest: time.Hour, Close: 3}, limit.Attempt{Failures: 2}, limit.Attempt{Failures: 3}, true},
	} {
		got, ok := test.ladder.Spend(test.a, noon)
		if got != test.want || ok != test.ok {
			t.Errorf("%s: got %+v, %v; want %+v, %v", test.name, got, ok, test.want, test.ok)
		}
	}
}

// TestT09_NoSequenceBeatsTheLadder tries at random moments, a clock set back among them: whatever
// the sequence, in no stretch of time is more verified than the waits allow, and never more than
// Close in all.
func TestT09_NoSequenceBeatsTheLadder(t *testing.T) {
	const seed = 20261124
	random := rand.New(rand.NewPCG(seed, seed))
	for range 200 {
		ladder := limit.Ladder{Free: 1 + random.IntN(6), Longest: time.Duration(1+random.IntN(3600)) * time.Second, Close: 10 + random.IntN(40)}
		var a limit.Attempt
		now, last, verified := noon, noon, 0
		for range 500 {
			now = now.Add(time.Duration(random.ExpFloat64() * float64(ladder.Longest) / 4))
			if random.IntN(20) == 0 {
				now = now.Add(-time.Minute)
			}
			next, ok := ladder.Spend(a, now)
			if !ok {
				if next != a {
					t.Fatalf("%+v: a refused attempt was counted: %+v, then %+v", ladder, a, next)
				}
				continue
			}
			verified++
			if over := verified - 1 - ladder.Free; over >= 0 {
				if wait := min(ladder.Longest, time.Second<<min(over, 20)); now.Sub(last) < wait {
					t.Fatalf("%+v: attempt %d came %v after the one before, want at least %v", ladder, verified, now.Sub(last), wait)
				}
			}
			if next.Failures != a.Failures+1 || ladder.Wait(next, now) > ladder.Longest {
				t.Fatalf("%+v: %+v became %+v", ladder, a, next)
			}
			a, last = next, now
		}
		if verified > ladder.Close {
			t.Fatalf("%+v: %d attempts were verified", ladder, verified)
		}
	}
}

// A passkey cannot be guessed: who sends wrong answers waits, a minute at most, and closes nothing.
func TestPasskeyLadder(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var a limit.Attempt
	for i := range 2000 {
		next, ok := limit.PasskeyLadder.Spend(a, now)
		if !ok {
			t.Fatalf("attempt %d is not taken after the wait", i+1)
		}
		a = next
		if wait := limit.PasskeyLadder.Wait(a, now); wait > time.Minute || (i < 4 && wait != 0) || (i == 4 && wait != time.Second) {
			t.Fatalf("after %d attempts %v", i+1, wait)
		}
		now = now.Add(time.Minute)
	}
	if limit.PasskeyLadder.Closed(a) {
		t.Error("it is closed")
	}
}
