package passkey_test

import (
	"errors"
	"testing"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
)

// Whatever is sent as an answer is refused as one, without a panic and without being quoted.
func FuzzAnswers(f *testing.F) {
	w, phone := newWorld(f), passkeytest.New(origin)
	w.setUp(f, w.charlotte, phone)
	registration, challenge, discovery := w.beginEnroll(f, w.bob), w.beginChallenge(f, w.charlotte), w.beginDiscover(f)
	enrolled := w.enrolled(f, w.charlotte)
	for _, tc := range assertionLies {
		liar := phone.Clone()
		tc.tell(liar)
		f.Add(used(f, liar, challenge.options).Response)
		liar = passkeytest.New(origin)
		tc.tell(liar)
		f.Add(created(f, liar, registration.options).Response)
	}
	f.Add([]byte(nil))
	f.Add([]byte("{}"))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))

	right := func(t *testing.T, what string, err error, proved bool) {
		if err == nil != proved {
			t.Errorf("%s: %v, and something was proved: %v", what, err, proved)
		}
		if err != nil && !errors.Is(err, factors.ErrWrong) {
			t.Errorf("%s: %v, want one that wraps ErrWrong", what, err)
		}
	}
	f.Fuzz(func(t *testing.T, response []byte) {
		answer := factors.Answer{Response: response}
		e, err := w.FinishEnroll(t.Context(), w.bob, registration.state, answer)
		right(t, "FinishEnroll", err, e.ID != "")
		silent(t, err, answer)
		proved, err := w.Verify(t.Context(), w.charlotte, enrolled, challenge.state, answer)
		right(t, "Verify", err, proved.Kind != "")
		silent(t, err, answer)
		found, proved, err := w.Discover(t.Context(), discovery.state, answer)
		right(t, "Discover", err, found.ID != "" && proved.Kind != "")
		silent(t, err, answer)
	})
}

// A state is sealed and only ever ours; a damaged one is refused all the same.
func FuzzStates(f *testing.F) {
	w, phone := newWorld(f), passkeytest.New(origin)
	w.setUp(f, w.charlotte, phone)
	challenge := w.beginChallenge(f, w.charlotte)
	answer, enrolled := used(f, phone, challenge.options), w.enrolled(f, w.charlotte)
	f.Add([]byte(challenge.state))
	f.Add([]byte(w.beginDiscover(f).state))
	f.Add([]byte(w.beginEnroll(f, w.charlotte).state))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, state []byte) {
		got, err := w.Verify(t.Context(), w.bob, nil, state, answer)
		if err == nil || got.Kind != "" {
			t.Errorf("another person: %+v, %v", got, err)
		}
		if _, err := w.Verify(t.Context(), w.charlotte, enrolled, state, answer); err != nil && !errors.Is(err, factors.ErrWrong) && !errors.Is(err, factors.ErrState) {
			t.Errorf("%v", err)
		}
	})
}
