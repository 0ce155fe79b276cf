// Package factortest is what every Factor must pass. It walks one through setting up and proving
// with right, wrong, malformed, replayed and borrowed answers, against the store that it is given.
package factortest

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
)

// Harness is a Factor over a store of its own, and somebody who knows how to answer it.
type Harness struct {
	Factor factors.Factor
	Kind   factors.Kind
	Class  factors.Class
	AMR    []string

	// User and Other are two people of the store who have set up nothing.
	User, Other factors.User

	// Now is the factor's clock and Advance moves it.
	Now     func() time.Time
	Advance func(time.Duration)
	// Rest is how long a person waits between two proofs with one enrollment, longer than which
	// no answer is good: a code has its time, and this is it.
	Rest time.Duration
	// Once says that an enrollment is used up by its first proof.
	Once bool

	// Keep stores what FinishEnroll returned, as its caller does.
	Keep func(*testing.T, factors.Enrollment)
	// Enrolled lists the live enrollments of a person as the store has them.
	Enrolled func(*testing.T, factors.User) []factors.Enrollment
	// Break makes every further use of the store fail.
	Break func(*testing.T)

	// SetUp answers the prompt of a setting up; WrongSetUp does so wrongly.
	SetUp, WrongSetUp func(*testing.T, factors.Prompt) factors.Answer
	// Prove answers a challenge as who was once shown shown; Wrong does so wrongly.
	Prove, Wrong func(t *testing.T, shown factors.Prompt) factors.Answer
	// Malformed are answers that cannot be one.
	Malformed []factors.Answer
	// Forgiven are other ways to write an answer.
	Forgiven []func(factors.Answer) factors.Answer
}

// Run holds the factor that fresh makes, a new one with a new store at each call, to its contract.
func Run(t *testing.T, fresh func(*testing.T) Harness) {
	for _, tc := range []struct {
		name string
		test func(*testing.T, Harness)
	}{
		{"RightAnswer", rightAnswer},
		{"WrongAnswer", wrongAnswer},
		{"WrongSetUp", wrongSetUp},
		{"MalformedAnswer", malformedAnswer},
		{"ForgivenAnswer", forgivenAnswer},
		{"Replay", replay},
		{"ReplayOfTheSettingUp", replayOfTheSettingUp},
		{"AnswerOfAnotherTime", answerOfAnotherTime},
		{"AnotherPersonsState", anotherPersonsState},
		{"AnotherPersonsEnrollment", anotherPersonsEnrollment},
		{"StateOfAnotherCeremony", stateOfAnotherCeremony},
		{"BegunTwice", begunTwice},
		{"NothingSetUp", nothingSetUp},
		{"RaceOfOneAnswer", raceOfOneAnswer},
		{"BrokenStore", brokenStore},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, fresh(t)) })
	}
}

// setUp sets the factor up for u and returns what u was shown, once the person has rested.
func (h Harness) setUp(t *testing.T, u factors.User) (shown factors.Prompt, e factors.Enrollment) {
	t.Helper()
	shown, state := h.beginEnroll(t, u)
	e, err := h.Factor.FinishEnroll(t.Context(), u, state, h.SetUp(t, shown))
	if err != nil {
		t.Fatalf("FinishEnroll: %v", err)
	}
	h.Keep(t, e)
	h.Advance(h.Rest)
	return shown, e
}

func (h Harness) beginEnroll(t *testing.T, u factors.User) (factors.Prompt, factors.State) {
	t.Helper()
	shown, state, err := h.Factor.BeginEnroll(t.Context(), u)
	if err != nil {
		t.Fatalf("BeginEnroll: %v", err)
	}
	return shown, state
}

func (h Harness) beginChallenge(t *testing.T, u factors.User) factors.State {
	t.Helper()
	_, state, err := h.Factor.BeginChallenge(t.Context(), u, h.Enrolled(t, u))
	if err != nil {
		t.Fatalf("BeginChallenge: %v", err)
	}
	return state
}

// verify answers a challenge of u that was begun for it.
func (h Harness) verify(t *testing.T, u factors.User, a factors.Answer) (factors.Evidence, error) {
	t.Helper()
	enrolled := h.Enrolled(t, u)
	_, state, err := h.Factor.BeginChallenge(t.Context(), u, enrolled)
	if err != nil {
		t.Fatalf("BeginChallenge: %v", err)
	}
	return h.Factor.Verify(t.Context(), u, enrolled, state, a)
}

// accepted requires that the evidence is what a proof with e gives.
func (h Harness) accepted(t *testing.T, e factors.Enrollment, got factors.Evidence, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("the right answer: %v", err)
	}
	if !got.At.Equal(h.Now()) {
		t.Errorf("the evidence is of %v, and it is %v", got.At, h.Now())
	}
	if !strings.HasSuffix(got.Source, ":"+e.ID) {
		t.Errorf("the evidence rests on %q, which does not name the enrollment %s", got.Source, e.ID)
	}
	want := factors.Evidence{Kind: h.Kind, Class: h.Class, AMR: h.AMR, Source: got.Source, At: got.At}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the evidence: %s", diff)
	}
	if slices.Contains(got.AMR, "mfa") {
		t.Error("amr has mfa, which is for who has all the evidence to say")
	}
}

// refused requires that nothing was proved and that another answer may be given.
func refused(t *testing.T, what string, got factors.Evidence, err error) {
	t.Helper()
	if !errors.Is(err, factors.ErrWrong) {
		t.Errorf("%s: error %v, want one that wraps ErrWrong", what, err)
	}
	nothing(t, what, got)
}

// fatal requires that nothing was proved and that it was no matter of the answer.
func fatal(t *testing.T, what string, got factors.Evidence, err, want error) {
	t.Helper()
	if err == nil || errors.Is(err, factors.ErrWrong) || want != nil && !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v and none that wraps ErrWrong", what, err, want)
	}
	nothing(t, what, got)
}

func nothing(t *testing.T, what string, got factors.Evidence) {
	t.Helper()
	if diff := cmp.Diff(factors.Evidence{}, got); diff != "" {
		t.Errorf("%s: evidence beside an error: %s", what, diff)
	}
}

func rightAnswer(t *testing.T, h Harness) {
	begun := h.Now()
	shown, e := h.setUp(t, h.User)
	if e.ID == "" || e.UserID != h.User.ID || e.Kind != h.Kind || !e.Confirmed.Equal(begun) {
		t.Errorf("the enrollment is %q of %q, a %s, confirmed %v", e.ID, e.UserID, e.Kind, e.Confirmed)
	}
	if e.Proved.Kind != "" {
		later := h
		later.Now = func() time.Time { return begun }
		later.accepted(t, e, e.Proved, nil)
	}
	enrolled := h.Enrolled(t, h.User)
	if len(enrolled) != 1 || enrolled[0].ID != e.ID || enrolled[0].Confirmed.IsZero() {
		t.Fatalf("the store has %v", enrolled)
	}
	got, err := h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err)
	if h.Once {
		return
	}
	h.Advance(h.Rest)
	got, err = h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err)
}

func wrongAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	for range 3 {
		got, err := h.verify(t, h.User, h.Wrong(t, shown))
		refused(t, "a wrong answer", got, err)
		if errors.Is(err, factors.ErrFormat) || errors.Is(err, factors.ErrReplayed) {
			t.Errorf("a wrong answer of the right form: %v", err)
		}
	}
	got, err := h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err)
}

func wrongSetUp(t *testing.T, h Harness) {
	shown, state := h.beginEnroll(t, h.User)
	e, err := h.Factor.FinishEnroll(t.Context(), h.User, state, h.WrongSetUp(t, shown))
	if !errors.Is(err, factors.ErrWrong) {
		t.Errorf("a wrong answer: %v, want one that wraps ErrWrong", err)
	}
	if e.ID != "" {
		t.Errorf("it set up %s", e.ID)
	}
	e, err = h.Factor.FinishEnroll(t.Context(), h.User, state, h.SetUp(t, shown))
	if err != nil || e.ID == "" {
		t.Errorf("the right answer after a wrong one: %q, %v", e.ID, err)
	}
}

func malformedAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	for _, a := range append(slices.Clone(h.Malformed), factors.Answer{}, factors.Answer{Code: strings.Repeat("2", 1<<20)},
		factors.Answer{Code: "\x00"}, factors.Answer{Code: "\xff\xfe"}, factors.Answer{Code: h.Prove(t, shown).Code + "2"}) {
		got, err := h.verify(t, h.User, a)
		what := "a malformed answer " + a.Code[:min(len(a.Code), 40)]
		refused(t, what, got, err)
		if !errors.Is(err, factors.ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", what, err)
		}
	}
	got, err := h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err)
}

func forgivenAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	for i, way := range h.Forgiven {
		if i > 0 && h.Once {
			shown, e = h.setUp(t, h.User)
		}
		got, err := h.verify(t, h.User, way(h.Prove(t, shown)))
		h.accepted(t, e, got, err)
		h.Advance(h.Rest)
	}
}

func replay(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	before := h.beginChallenge(t, h.User)
	stale := h.Enrolled(t, h.User)
	answer := h.Prove(t, shown)
	got, err := h.verify(t, h.User, answer)
	h.accepted(t, e, got, err)

	got, err = h.verify(t, h.User, answer)
	refused(t, "in another sign-in", got, err)
	got, err = h.Factor.Verify(t.Context(), h.User, stale, before, answer)
	refused(t, "in a sign-in that was under way, with what was read before", got, err)
	if !h.Once {
		if !errors.Is(err, factors.ErrReplayed) {
			t.Errorf("a replay: %v, want ErrReplayed", err)
		}
		h.Advance(h.Rest)
		got, err = h.verify(t, h.User, answer)
		refused(t, "later", got, err)
		got, err = h.verify(t, h.User, h.Prove(t, shown))
		h.accepted(t, e, got, err)
	}
}

// The answer that set a factor up, where it is one that could be given again, is used up.
func replayOfTheSettingUp(t *testing.T, h Harness) {
	shown, state := h.beginEnroll(t, h.User)
	answer := h.SetUp(t, shown)
	e, err := h.Factor.FinishEnroll(t.Context(), h.User, state, answer)
	if err != nil {
		t.Fatal(err)
	}
	h.Keep(t, e)
	got, err := h.verify(t, h.User, answer)
	refused(t, "what set it up", got, err)
}

func answerOfAnotherTime(t *testing.T, h Harness) {
	if h.Rest == 0 {
		return // its answers know no time
	}
	shown, e := h.setUp(t, h.User)
	early := h.Prove(t, shown)
	h.Advance(3 * h.Rest)
	got, err := h.verify(t, h.User, early)
	refused(t, "too late", got, err)
	late := h.Prove(t, shown)
	h.Advance(-2 * h.Rest)
	got, err = h.verify(t, h.User, late)
	refused(t, "too early", got, err)
	h.Advance(2 * h.Rest)
	got, err = h.verify(t, h.User, late)
	h.accepted(t, e, got, err)
}

func anotherPersonsState(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	_, _ = h.setUp(t, h.Other)
	got, err := h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), h.beginChallenge(t, h.Other), h.Prove(t, shown))
	fatal(t, "a challenge of another person", got, err, factors.ErrState)
	got, err = h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err) // nothing was burned

	theirs, state := h.beginEnroll(t, h.Other)
	taken, err := h.Factor.FinishEnroll(t.Context(), h.User, state, h.SetUp(t, theirs))
	fatal(t, "a setting up of another person", factors.Evidence{}, err, factors.ErrState)
	if taken.ID != "" {
		t.Errorf("it set up %s", taken.ID)
	}
}

func anotherPersonsEnrollment(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	state := h.beginChallenge(t, h.Other)
	got, err := h.Factor.Verify(t.Context(), h.Other, h.Enrolled(t, h.User), state, h.Prove(t, shown))
	fatal(t, "another person's enrollment", got, err, factors.ErrState)
	if _, _, err := h.Factor.BeginChallenge(t.Context(), h.Other, h.Enrolled(t, h.User)); !errors.Is(err, factors.ErrState) {
		t.Errorf("a challenge of another person's enrollment: %v, want ErrState", err)
	}
	_, _ = h.setUp(t, h.Other)
	got, err = h.verify(t, h.Other, h.Prove(t, shown))
	refused(t, "another person's answer", got, err)
	got, err = h.verify(t, h.User, h.Prove(t, shown))
	h.accepted(t, e, got, err)
}

func stateOfAnotherCeremony(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	challenge := h.beginChallenge(t, h.User)
	answer := h.Prove(t, shown)
	for what, state := range map[string]factors.State{
		"no state": nil, "an empty state": {}, "an empty object": factors.State("{}"), "noise": factors.State("\x00\xff"),
		"half a state": challenge[:len(challenge)/2], "null": factors.State("null"),
	} {
		got, err := h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), state, answer)
		fatal(t, what, got, err, factors.ErrState)
		if _, err := h.Factor.FinishEnroll(t.Context(), h.User, state, h.SetUp(t, shown)); !errors.Is(err, factors.ErrState) {
			t.Errorf("%s, to set up: %v, want ErrState", what, err)
		}
	}
	if _, err := h.Factor.FinishEnroll(t.Context(), h.User, challenge, h.SetUp(t, shown)); !errors.Is(err, factors.ErrState) {
		t.Errorf("a challenge, to set up: %v, want ErrState", err)
	}
	got, err := h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), challenge, answer)
	h.accepted(t, e, got, err)

	_, setting := h.beginEnroll(t, h.User)
	got, err = h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), setting, answer)
	fatal(t, "a setting up, to prove", got, err, factors.ErrState)
	if !json.Valid(setting) {
		t.Error("a state is not JSON, which is what the transaction is kept as")
	}
}

func begunTwice(t *testing.T, h Harness) {
	first, firstState := h.beginEnroll(t, h.User)
	second, secondState := h.beginEnroll(t, h.User)
	if cmp.Equal(first, second) {
		t.Fatal("two settings up show the same secret")
	}
	if e, err := h.Factor.FinishEnroll(t.Context(), h.User, firstState, h.SetUp(t, second)); err == nil {
		t.Errorf("what the second showed finished the first: %s", e.ID)
	}
	e, err := h.Factor.FinishEnroll(t.Context(), h.User, secondState, h.SetUp(t, second))
	if err != nil {
		t.Fatalf("the second: %v", err)
	}
	h.Keep(t, e)
	h.Advance(h.Rest)

	one, two := h.beginChallenge(t, h.User), h.beginChallenge(t, h.User)
	answer := h.Prove(t, second)
	got, err := h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), two, answer)
	h.accepted(t, e, got, err)
	got, err = h.Factor.Verify(t.Context(), h.User, h.Enrolled(t, h.User), one, answer)
	refused(t, "the first of two challenges", got, err)
}

func nothingSetUp(t *testing.T, h Harness) {
	shown, _ := h.setUp(t, h.Other)
	for _, a := range []factors.Answer{h.Prove(t, shown), h.Wrong(t, shown)} {
		got, err := h.verify(t, h.User, a)
		refused(t, "a person who has set up nothing", got, err)
	}
}

func raceOfOneAnswer(t *testing.T, h Harness) {
	const racers = 50
	shown, e := h.setUp(t, h.User)
	answer := h.Prove(t, shown)
	enrolled := h.Enrolled(t, h.User)
	var states [racers]factors.State
	for i := range states {
		states[i] = h.beginChallenge(t, h.User)
	}
	var (
		got     [racers]factors.Evidence
		errs    [racers]error
		all     sync.WaitGroup
		barrier = make(chan struct{})
	)
	for i := range racers {
		all.Go(func() {
			<-barrier
			got[i], errs[i] = h.Factor.Verify(t.Context(), h.User, enrolled, states[i], answer)
		})
	}
	close(barrier)
	all.Wait()
	winners := 0
	for i := range racers {
		if errs[i] == nil {
			winners++
			h.accepted(t, e, got[i], nil)
			continue
		}
		refused(t, "a loser of the race", got[i], errs[i])
	}
	if winners != 1 {
		t.Errorf("%d of %d got evidence, want 1", winners, racers)
	}
}

// A store that fails is no wrong answer, and above all no right one.
func brokenStore(t *testing.T, h Harness) {
	shown, _ := h.setUp(t, h.User)
	state, enrolled := h.beginChallenge(t, h.User), h.Enrolled(t, h.User)
	h.Break(t)
	got, err := h.Factor.Verify(t.Context(), h.User, enrolled, state, h.Prove(t, shown))
	fatal(t, "a store that fails", got, err, nil)
}
