package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage"
)

// password takes the first proof. An address that nobody has, a person without a password and a
// disabled one cost and say the same as a wrong password; only who knows the right one is told
// that the account is disabled.
func (s *Server) password(w http.ResponseWriter, r *http.Request) error {
	v, ok, err := s.answer(w, r, Prove)
	if err != nil || !ok {
		return err
	}
	v.step.Methods = []factors.Kind{factors.Password} // the page that this is an answer to, in whatever order they are asked
	ctx, typed := r.Context(), r.PostFormValue("password")
	if typed == "" {
		return s.wrong(w, r, v, says("password.empty"))
	}
	u, err := s.claimed(ctx, v.tx)
	if err != nil {
		return err
	}
	key := AttemptKey(factors.Password, u.ID)
	if u.ID == "" {
		key = strangerKey(v.tx.Identifier)
	}
	right, upgraded, err := s.isPassword(ctx, key, u, typed, v.now)
	var l locked
	switch {
	case errors.As(err, &l):
		return s.wait(w, r, v, l)
	case errors.Is(err, password.ErrBusy):
		w.Header().Set("Retry-After", seconds(busyRetry))
		return s.show(w, r, v, http.StatusServiceUnavailable, says("busy.retry"))
	case err != nil:
		return fmt.Errorf("verify a password: %w", err)
	case !right:
		return s.wrong(w, r, v, says("password.wrong"))
	}
	if upgraded != "" {
		// A conflict is a password changed meanwhile: there is nothing to upgrade.
		if err := s.People.UpgradePassword(ctx, u.ID, u.PasswordHash, upgraded); err != nil && !errors.Is(err, storage.ErrConflict) {
			return storeFailed("upgrade a password", err)
		}
	}
	tx, err := s.proved(ctx, v.tx, u.ID, knows(u.Passwords, v.now))
	if err != nil {
		return err
	}
	return s.advance(w, r, tx)
}

// isPassword makes one attempt, counted under key, at the password of u. It returns the hash that is to
// be kept from now on, if it is another one.
func (s *Server) isPassword(ctx context.Context, key string, u User, typed string, now time.Time) (right bool, upgraded string, err error) {
	right, err = s.counted(ctx, factors.Password, key, u, now, func() (ok bool, err error) {
		ok, upgraded, err = s.Passwords.Verify(ctx, u.PasswordHash, typed)
		if errors.Is(err, password.ErrHash) { // ours to repair, and not for a stranger to learn of
			slog.ErrorContext(ctx, "password hash", "user_id", u.ID, "error", err)
			return false, nil
		}
		return ok && u.ID != "", err
	})
	return right, upgraded, err
}

// claimed is the person whom tx is about, or the zero User when there is none.
func (s *Server) claimed(ctx context.Context, tx Transaction) (User, error) {
	read, key := s.People.UserByEmail, tx.Identifier
	if tx.UserID != "" {
		read, key = s.People.User, tx.UserID
	}
	u, err := read(ctx, key)
	if errors.Is(err, storage.ErrNotFound) {
		return User{}, nil
	}
	if err != nil {
		return User{}, storeFailed("read the person", err)
	}
	return u, nil
}

// knows is what a right password proves: it was verified against the one that is User.Passwords.
func knows(passwords int64, at time.Time) factors.Evidence {
	return factors.Evidence{
		Kind: factors.Password, Source: passwordSource, Class: factors.Knows, AMR: []string{"pwd"}, At: at, Generation: passwords,
	}
}
