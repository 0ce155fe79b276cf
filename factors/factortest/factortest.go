// Package factortest is what every Factor must pass. It walks one through setting up and proving
// with right, wrong, malformed, late, replayed and borrowed answers, against the store that it is given.
package factortest

import (
	"errors"
	"slices"
	"strings"
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
	// Pace is how long a person waits before each challenge, where challenges are limited.
	Pace time.Duration
	// Lifetime is how long a ceremony may take. Zero: the factor leaves that to its caller.
	Lifetime time.Duration
	// Once says that an enrollment is used up by its first proof.
	Once bool
	// Bound says that an answer is one to its own challenge, and to no other.
	Bound bool
	// Again says that the same answer to the same state is good a second time. A passkey that does
	// not count its uses leaves nothing behind that could tell the second from the first: what holds
	// it is that its state is taken out of its transaction before it is verified, by a compare-and-set,
	// and is held there to the same race. It must be Bound: of any other state it is refused.
	Again bool

	// Keep stores what FinishEnroll returned, as its caller does.
	Keep func(*testing.T, factors.Enrollment)
	// Enrolled lists the live enrollments of a person as the store has them.
	Enrolled func(*testing.T, factors.User) []factors.Enrollment
	// Break makes every further use of the store fail.
	Break func(*testing.T)

	// SetUp answers the prompt of a setting up; WrongSetUp does so wrongly. Nil: it is set up
	// elsewhere, Enrolled has it from the beginning, and the factor refuses.
	SetUp, WrongSetUp func(*testing.T, factors.Prompt) factors.Answer
	// Prove answers the challenge that asked, as who was once shown shown; Wrong does so wrongly.
	Prove, Wrong func(t *testing.T, shown, asked factors.Prompt) factors.Answer
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
		{"TakesTooLong", takesTooLong},
		{"AnotherPersonsState", anotherPersonsState},
		{"AnotherPersonsEnrollment", anotherPersonsEnrollment},
		{"AnotherPersonsAnswer", anotherPersonsAnswer},
		{"StateOfAnotherCeremony", stateOfAnotherCeremony},
		{"BegunTwice", begunTwice},
		{"NothingSetUp", nothingSetUp},
		{"SetUpElsewhere", setUpElsewhere},
		{"RaceOfOneAnswer", raceOfOneAnswer},
		{"BrokenStore", brokenStore},
	} {
		t.Run(tc.name, func(t *testing.T) { tc.test(t, fresh(t)) })
	}
}

// setUp sets the factor up for u and returns what u was shown, once the person has rested.
func (h Harness) setUp(t *testing.T, u factors.User) (shown factors.Prompt, e factors.Enrollment) {
	t.Helper()
	if h.SetUp == nil {
		return factors.Prompt{}, h.Enrolled(t, u)[0]
	}
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

// challenge is one that was begun.
type challenge struct {
	asked factors.Prompt
	state factors.State
}

func (h Harness) beginChallenge(t *testing.T, u factors.User) challenge {
	t.Helper()
	h.Advance(h.Pace)
	asked, state, err := h.Factor.BeginChallenge(t.Context(), u, h.Enrolled(t, u))
	if err != nil {
		t.Fatalf("BeginChallenge: %v", err)
	}
	return challenge{asked, state}
}

// answer gives u's answer to a challenge.
func (h Harness) answer(t *testing.T, u factors.User, c challenge, a factors.Answer) (factors.Evidence, error) {
	t.Helper()
	return h.Factor.Verify(t.Context(), u, h.Enrolled(t, u), c.state, a)
}

// verify begins a challenge of u and answers it as how does, who was shown shown.
func (h Harness) verify(t *testing.T, u factors.User, shown factors.Prompt, how func(*testing.T, factors.Prompt, factors.Prompt) factors.Answer) (factors.Evidence, error) {
	t.Helper()
	c := h.beginChallenge(t, u)
	return h.answer(t, u, c, how(t, shown, c.asked))
}

// same answers every challenge with a.
func same(a factors.Answer) func(*testing.T, factors.Prompt, factors.Prompt) factors.Answer {
	return func(*testing.T, factors.Prompt, factors.Prompt) factors.Answer { return a }
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
