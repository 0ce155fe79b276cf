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

func rightAnswer(t *testing.T, h Harness) {
	begun := h.Now()
	shown, e := h.setUp(t, h.User)
	if h.SetUp != nil {
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
	}
	got, err := h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err)
	if h.Once {
		return
	}
	h.Advance(h.Rest)
	got, err = h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err)
}

func wrongAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	for range 3 {
		got, err := h.verify(t, h.User, shown, h.Wrong)
		refused(t, "a wrong answer", got, err)
		if errors.Is(err, factors.ErrFormat) || errors.Is(err, factors.ErrReplayed) {
			t.Errorf("a wrong answer of the right form: %v", err)
		}
	}
	c := h.beginChallenge(t, h.User)
	got, err := h.answer(t, h.User, c, h.Wrong(t, shown, c.asked))
	refused(t, "a wrong answer", got, err)
	got, err = h.answer(t, h.User, c, h.Prove(t, shown, c.asked))
	h.accepted(t, e, got, err) // another may be given to the same challenge
}

func wrongSetUp(t *testing.T, h Harness) {
	if h.SetUp == nil {
		return
	}
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
	malformed := append(slices.Clone(h.Malformed), factors.Answer{}, factors.Answer{Code: strings.Repeat("2", 1<<20)},
		factors.Answer{Code: "\x00"}, factors.Answer{Code: "\xff\xfe"}, factors.Answer{Response: []byte("\xff\xfe")})
	for _, a := range malformed {
		got, err := h.verify(t, h.User, shown, same(a))
		what := "a malformed answer " + a.Code[:min(len(a.Code), 40)] + string(a.Response[:min(len(a.Response), 40)])
		refused(t, what, got, err)
		if !errors.Is(err, factors.ErrFormat) {
			t.Errorf("%q: %v, want ErrFormat", what, err)
		}
	}
	got, err := h.verify(t, h.User, shown, func(t *testing.T, shown, asked factors.Prompt) factors.Answer {
		a := h.Prove(t, shown, asked)
		return factors.Answer{Code: a.Code + "2", Response: append(a.Response, '2')}
	})
	refused(t, "a right answer and more", got, err)
	got, err = h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err)
}

func forgivenAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	for i, way := range h.Forgiven {
		if i > 0 && h.Once {
			shown, e = h.setUp(t, h.User)
		}
		got, err := h.verify(t, h.User, shown, func(t *testing.T, shown, asked factors.Prompt) factors.Answer {
			return way(h.Prove(t, shown, asked))
		})
		h.accepted(t, e, got, err)
		h.Advance(h.Rest)
	}
}

func replay(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	before := h.beginChallenge(t, h.User)
	stale := h.Enrolled(t, h.User)
	c := before
	if !h.Bound {
		c = h.beginChallenge(t, h.User)
	}
	answer := h.Prove(t, shown, c.asked)
	got, err := h.answer(t, h.User, c, answer)
	h.accepted(t, e, got, err)

	if !h.Again {
		got, err = h.answer(t, h.User, c, answer)
		refused(t, "in the same sign-in", got, err)
		got, err = h.Factor.Verify(t.Context(), h.User, stale, before.state, answer)
		refused(t, "in a sign-in that was under way, with what was read before", got, err)
		if !h.Once && !h.Bound && !errors.Is(err, factors.ErrReplayed) {
			t.Errorf("a replay: %v, want ErrReplayed", err)
		}
	}
	got, err = h.verify(t, h.User, shown, same(answer))
	refused(t, "in another sign-in", got, err)
	if !h.Once {
		h.Advance(h.Rest)
		got, err = h.verify(t, h.User, shown, same(answer))
		refused(t, "later", got, err)
		got, err = h.verify(t, h.User, shown, h.Prove)
		h.accepted(t, e, got, err)
	}
}

// The answer that set a factor up, where it is one that could be given again, is used up.
func replayOfTheSettingUp(t *testing.T, h Harness) {
	if h.SetUp == nil {
		return
	}
	shown, state := h.beginEnroll(t, h.User)
	answer := h.SetUp(t, shown)
	e, err := h.Factor.FinishEnroll(t.Context(), h.User, state, answer)
	if err != nil {
		t.Fatal(err)
	}
	h.Keep(t, e)
	got, err := h.verify(t, h.User, shown, same(answer))
	refused(t, "what set it up", got, err)
}

func answerOfAnotherTime(t *testing.T, h Harness) {
	if h.Rest == 0 || h.Bound {
		return // its answers know no time but that of their challenge
	}
	shown, e := h.setUp(t, h.User)
	prove := func() factors.Answer { return h.Prove(t, shown, factors.Prompt{}) }
	early := prove()
	h.Advance(3 * h.Rest)
	got, err := h.verify(t, h.User, shown, same(early))
	refused(t, "too late", got, err)
	late := prove()
	h.Advance(-2 * h.Rest)
	got, err = h.verify(t, h.User, shown, same(late))
	refused(t, "too early", got, err)
	h.Advance(2 * h.Rest)
	got, err = h.verify(t, h.User, shown, same(late))
	h.accepted(t, e, got, err)
}

func takesTooLong(t *testing.T, h Harness) {
	if h.Lifetime == 0 {
		return
	}
	shown, e := h.setUp(t, h.User)
	c := h.beginChallenge(t, h.User)
	answer := h.Prove(t, shown, c.asked)
	h.Advance(h.Lifetime)
	got, err := h.answer(t, h.User, c, answer)
	refused(t, "too late", got, err)
	if !errors.Is(err, factors.ErrExpired) {
		t.Errorf("too late: %v, want ErrExpired", err)
	}
	c = h.beginChallenge(t, h.User)
	h.Advance(h.Lifetime - time.Second)
	got, err = h.answer(t, h.User, c, h.Prove(t, shown, c.asked))
	h.accepted(t, e, got, err)

	if h.SetUp == nil {
		return
	}
	shown, state := h.beginEnroll(t, h.Other)
	answer = h.SetUp(t, shown)
	h.Advance(h.Lifetime)
	if e, err := h.Factor.FinishEnroll(t.Context(), h.Other, state, answer); !errors.Is(err, factors.ErrExpired) || e.ID != "" {
		t.Errorf("set up too late: %q, %v, want ErrExpired", e.ID, err)
	}
}

func anotherPersonsState(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	_, _ = h.setUp(t, h.Other)
	theirs := h.beginChallenge(t, h.Other)
	got, err := h.answer(t, h.User, theirs, h.Prove(t, shown, theirs.asked))
	fatal(t, "a challenge of another person", got, err, factors.ErrState)
	got, err = h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err) // nothing was burned

	if h.SetUp == nil {
		return
	}
	shown, state := h.beginEnroll(t, h.Other)
	taken, err := h.Factor.FinishEnroll(t.Context(), h.User, state, h.SetUp(t, shown))
	fatal(t, "a setting up of another person", factors.Evidence{}, err, factors.ErrState)
	if taken.ID != "" {
		t.Errorf("it set up %s", taken.ID)
	}
}

func anotherPersonsEnrollment(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	_, _ = h.setUp(t, h.Other)
	theirs := h.beginChallenge(t, h.Other)
	got, err := h.Factor.Verify(t.Context(), h.Other, h.Enrolled(t, h.User), theirs.state, h.Prove(t, shown, theirs.asked))
	fatal(t, "another person's enrollment", got, err, factors.ErrState)
	if _, _, err := h.Factor.BeginChallenge(t.Context(), h.Other, h.Enrolled(t, h.User)); !errors.Is(err, factors.ErrState) {
		t.Errorf("a challenge of another person's enrollment: %v, want ErrState", err)
	}
	got, err = h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err)
}

// What User holds and knows opens nothing of Other's.
func anotherPersonsAnswer(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	_, _ = h.setUp(t, h.Other)
	mine, theirs := h.beginChallenge(t, h.User), h.beginChallenge(t, h.Other)
	got, err := h.answer(t, h.Other, theirs, h.Prove(t, shown, mine.asked))
	refused(t, "an answer to another person's challenge", got, err)
	if h.SetUp != nil { // what was set up elsewhere is in nobody's hands: whoever reads a mail can type it
		got, err = h.answer(t, h.Other, theirs, h.Prove(t, shown, theirs.asked))
		refused(t, "another person's answer", got, err)
	}
	got, err = h.verify(t, h.User, shown, h.Prove)
	h.accepted(t, e, got, err)
}

func stateOfAnotherCeremony(t *testing.T, h Harness) {
	shown, e := h.setUp(t, h.User)
	c := h.beginChallenge(t, h.User)
	answer := h.Prove(t, shown, c.asked)
	setUp := func() factors.Answer {
		if h.SetUp == nil {
			return answer
		}
		return h.SetUp(t, shown)
	}
	for what, state := range map[string]factors.State{
		"no state": nil, "an empty state": {}, "an empty object": factors.State("{}"), "noise": factors.State("\x00\xff"),
		"half a state": c.state[:len(c.state)/2], "null": factors.State("null"),
	} {
		got, err := h.answer(t, h.User, challenge{state: state}, answer)
		fatal(t, what, got, err, factors.ErrState)
		if _, err := h.Factor.FinishEnroll(t.Context(), h.User, state, setUp()); !errors.Is(err, factors.ErrState) {
			t.Errorf("%s, to set up: %v, want ErrState", what, err)
		}
	}
	if _, err := h.Factor.FinishEnroll(t.Context(), h.User, c.state, setUp()); !errors.Is(err, factors.ErrState) {
		t.Errorf("a challenge, to set up: %v, want ErrState", err)
	}
	got, err := h.answer(t, h.User, c, answer)
	h.accepted(t, e, got, err)
	if !json.Valid(c.state) {
		t.Error("a state is not JSON, which is what the transaction is kept as")
	}

	if h.SetUp == nil {
		return
	}
	_, setting := h.beginEnroll(t, h.User)
	got, err = h.answer(t, h.User, challenge{state: setting}, answer)
	fatal(t, "a setting up, to prove", got, err, factors.ErrState)
	if !json.Valid(setting) {
		t.Error("a state is not JSON, which is what the transaction is kept as")
	}
}

func begunTwice(t *testing.T, h Harness) {
	shown, e := factors.Prompt{}, factors.Enrollment{}
	if h.SetUp == nil {
		shown, e = h.setUp(t, h.User)
	} else {
		var firstState, secondState factors.State
		var first factors.Prompt
		first, firstState = h.beginEnroll(t, h.User)
		shown, secondState = h.beginEnroll(t, h.User)
		if cmp.Equal(first, shown) {
			t.Fatal("two settings up show the same secret")
		}
		answer := h.SetUp(t, shown)
		if bound := !cmp.Equal(answer, h.SetUp(t, first)); bound { // and no mere word that it is recorded
			if e, err := h.Factor.FinishEnroll(t.Context(), h.User, firstState, answer); err == nil {
				t.Errorf("what the second showed finished the first: %s", e.ID)
			}
		}
		var err error
		e, err = h.Factor.FinishEnroll(t.Context(), h.User, secondState, h.SetUp(t, shown))
		if err != nil {
			t.Fatalf("the second: %v", err)
		}
		h.Keep(t, e)
		h.Advance(h.Rest)
	}

	one, two := h.beginChallenge(t, h.User), h.beginChallenge(t, h.User)
	answer := h.Prove(t, shown, two.asked)
	got, err := h.answer(t, h.User, two, answer)
	h.accepted(t, e, got, err)
	got, err = h.answer(t, h.User, one, answer)
	refused(t, "the first of two challenges", got, err)
}

// Who has set up nothing is not asked, or is asked in vain.
func nothingSetUp(t *testing.T, h Harness) {
	shown, _ := h.setUp(t, h.Other)
	_, state, err := h.Factor.BeginChallenge(t.Context(), h.User, nil)
	if errors.Is(err, factors.ErrState) && state == nil {
		return
	}
	if err != nil {
		t.Fatalf("BeginChallenge: %v, want ErrState or none", err)
	}
	for _, a := range []factors.Answer{h.Prove(t, shown, factors.Prompt{}), h.Wrong(t, shown, factors.Prompt{})} {
		got, err := h.Factor.Verify(t.Context(), h.User, nil, state, a)
		refused(t, "a person who has set up nothing", got, err)
	}
}

func setUpElsewhere(t *testing.T, h Harness) {
	if h.SetUp != nil {
		return
	}
	if p, state, err := h.Factor.BeginEnroll(t.Context(), h.User); !errors.Is(err, factors.ErrState) || state != nil || !cmp.Equal(p, factors.Prompt{}) {
		t.Errorf("BeginEnroll: %v, want ErrState", err)
	}
	c := h.beginChallenge(t, h.User)
	if e, err := h.Factor.FinishEnroll(t.Context(), h.User, c.state, h.Prove(t, factors.Prompt{}, c.asked)); !errors.Is(err, factors.ErrState) || e.ID != "" {
		t.Errorf("FinishEnroll: %q, %v, want ErrState", e.ID, err)
	}
}

func raceOfOneAnswer(t *testing.T, h Harness) {
	if h.Again {
		return
	}
	const racers = 50
	shown, e := h.setUp(t, h.User)
	var challenges [racers]challenge
	for i := range challenges {
		if i > 0 && h.Bound {
			challenges[i] = challenges[0]
			continue
		}
		challenges[i] = h.beginChallenge(t, h.User)
	}
	answer := h.Prove(t, shown, challenges[0].asked)
	enrolled := h.Enrolled(t, h.User)
	var (
		got     [racers]factors.Evidence
		errs    [racers]error
		all     sync.WaitGroup
		barrier = make(chan struct{})
	)
	for i := range racers {
		all.Go(func() {
			<-barrier
			got[i], errs[i] = h.Factor.Verify(t.Context(), h.User, enrolled, challenges[i].state, answer)
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
	c, enrolled := h.beginChallenge(t, h.User), h.Enrolled(t, h.User)
	answer := h.Prove(t, shown, c.asked)
	h.Break(t)
	got, err := h.Factor.Verify(t.Context(), h.User, enrolled, c.state, answer)
	fatal(t, "a store that fails", got, err, nil)
}
