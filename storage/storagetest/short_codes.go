package storagetest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

func codeRoundTrip(t *testing.T, s short) {
	full := filled[op.Authorization](s.now())
	for name, a := range map[string]op.Authorization{
		"full": full, "nil": {GrantID: "g"}, "empty": emptied(op.Authorization{}),
	} {
		code := rand.Text()
		must(t, "save", s.SaveCode(t.Context(), code, a, s.now()))
		got, err := s.TakeCode(t.Context(), code, s.now())
		must(t, "take", err)
		wantSame(t, name+" authorization", got, a)
	}

	code := rand.Text()
	mine := filled[op.Authorization](s.now())
	must(t, "save", s.SaveCode(t.Context(), code, mine, s.now()))
	want := mine.GrantID
	scribble(reflect.ValueOf(&mine).Elem())
	got, err := s.TakeCode(t.Context(), code, s.now())
	must(t, "take", err)
	if got.GrantID != want || len(got.Proof) == 0 || got.Proof[0] == 0 || got.Scopes[0] == "" {
		t.Errorf("the authorization changed with its caller's: %+v", got)
	}

	_, err = s.TakeCode(t.Context(), rand.Text(), s.now())
	wantErr(t, "take of an unknown code", err, storage.ErrNotFound)
	_, err = s.TakeCode(t.Context(), "", s.now())
	wantErr(t, "take of no code", err, storage.ErrNotFound)
}

// codeOnce: a second use is noticed, names the grant to be ended and gives nothing else away.
func codeOnce(t *testing.T, s short) {
	code, a := rand.Text(), filled[op.Authorization](s.now())
	must(t, "save", s.SaveCode(t.Context(), code, a, s.now()))
	wantErr(t, "save of a code that is taken", s.SaveCode(t.Context(), code, a, s.now()), storage.ErrConflict)

	s.pass(op.CodeLifetime - time.Millisecond)
	_, err := s.TakeCode(t.Context(), code, s.now())
	must(t, "take at the last moment", err)

	for _, later := range []time.Duration{0, 10 * time.Second, time.Minute, op.CodeMemory - time.Millisecond} {
		got, err := s.TakeCode(t.Context(), code, s.now().Add(later))
		wantErr(t, fmt.Sprintf("use %v after the first", later), err, op.ErrCodeUsed)
		wantSame(t, "what a second use gets", got, op.Authorization{GrantID: a.GrantID})
	}
	wantErr(t, "save of a redeemed code", s.SaveCode(t.Context(), code, a, s.now()), storage.ErrConflict)

	got, err := s.TakeCode(t.Context(), code, s.now().Add(op.CodeMemory))
	wantErr(t, "use after the memory", err, storage.ErrNotFound)
	wantSame(t, "what it gets", got, op.Authorization{})
}

func codeExpiry(t *testing.T, s short) {
	code := rand.Text()
	must(t, "save", s.SaveCode(t.Context(), code, filled[op.Authorization](s.now()), s.now()))
	got, err := s.TakeCode(t.Context(), code, s.now().Add(op.CodeLifetime))
	wantErr(t, "take of an expired code", err, storage.ErrNotFound)
	wantSame(t, "what it gets", got, op.Authorization{})
}

func codeRace(t *testing.T, s short) {
	code, a := rand.Text(), filled[op.Authorization](s.now())
	must(t, "save", s.SaveCode(t.Context(), code, a, s.now()))
	wantOneWinner(t, race(contenders, func(int) error {
		got, err := s.TakeCode(t.Context(), code, s.now())
		if got.GrantID != a.GrantID {
			return fmt.Errorf("got grant %q beside %w", got.GrantID, err)
		}
		if errors.Is(err, op.ErrCodeUsed) && got.ClientID != "" {
			return errors.New("a second use got the authorization")
		}
		return err
	}), op.ErrCodeUsed)
}

func request(t *testing.T, s short) {
	for name, want := range map[string][]byte{"bytes": {0, 255, '\n'}, "empty": {}, "long": make([]byte, 64<<10)} {
		id, given := rand.Text(), append([]byte{}, want...)
		must(t, "save", s.SaveRequest(t.Context(), id, given, s.now().Add(time.Minute)))
		clear(given)
		for range 2 { // it may be read again
			got, err := s.Request(t.Context(), id)
			must(t, "read", err)
			wantSame(t, name, got, want)
			clear(got)
		}
		wantErr(t, "save with an id that is taken", s.SaveRequest(t.Context(), id, want, s.now().Add(time.Minute)), storage.ErrConflict)
	}
	got, err := s.Request(t.Context(), rand.Text())
	wantErr(t, "read of an unknown request", err, storage.ErrNotFound)
	if got != nil {
		t.Errorf("an unknown request has bytes %q", got)
	}
}

func requestExpiry(t *testing.T, s short) {
	id := rand.Text()
	must(t, "save", s.SaveRequest(t.Context(), id, []byte("r"), s.now().Add(time.Minute)))
	s.pass(time.Minute - time.Millisecond)
	_, err := s.Request(t.Context(), id)
	must(t, "read at the last moment", err)
	s.pass(time.Millisecond)
	_, err = s.Request(t.Context(), id)
	wantErr(t, "read of an expired request", err, storage.ErrNotFound)
}

// kindsApart: an id of one kind is no id of another.
func kindsApart(t *testing.T, s short) {
	tx := s.newTransaction()
	must(t, "create", s.CreateTransaction(t.Context(), tx))
	_, err := s.TakeCode(t.Context(), tx.ID, s.now())
	wantErr(t, "a transaction as code", err, storage.ErrNotFound)
	_, err = s.Request(t.Context(), tx.ID)
	wantErr(t, "a transaction as request", err, storage.ErrNotFound)

	code := rand.Text()
	must(t, "save", s.SaveCode(t.Context(), code, filled[op.Authorization](s.now()), s.now()))
	_, err = s.Transaction(t.Context(), code)
	wantErr(t, "a code as transaction", err, storage.ErrNotFound)
	wantErr(t, "a code taken as transaction", s.TakeTransaction(t.Context(), code, 0), storage.ErrNotFound)
	_, err = s.Request(t.Context(), code)
	wantErr(t, "a code as request", err, storage.ErrNotFound)

	must(t, "save under an id of another kind", s.SaveRequest(t.Context(), code, []byte("r"), s.now().Add(time.Minute)))
	_, err = s.TakeCode(t.Context(), code, s.now())
	must(t, "take of the code of the same id", err)
}
