package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

func (s *Server) passwordPage(w http.ResponseWriter, r *http.Request, v visit) error {
	if v.user.PasswordHash == "" {
		return s.noSuch(w, r)
	}
	var problem templates.Text
	if r.URL.Query().Has(missed) {
		problem.Key = "newpassword.missed"
	}
	return s.showPassword(w, r, v.user, http.StatusOK, templates.Text{}, problem)
}

// missed in the query of the page says that the password was not changed, because it was at this moment.
const missed = "missed"

func (s *Server) showPassword(w http.ResponseWriter, r *http.Request, u User, status int, current, problem templates.Text) error {
	return templates.Serve(w, r, status, templates.PasswordPage{
		Frame: s.frame(r, Demand{}), Action: accountPath + "/password", Email: u.Email,
		Min: s.Rules.Least(), Back: accountPath, Current: current, Problem: problem,
	})
}

// currentPassword asks for the password that there is, as a sign-in does and by the same count. It
// reports false, having answered, for one that is not right.
func (s *Server) currentPassword(w http.ResponseWriter, r *http.Request, v visit) (bool, error) {
	refuse := func(status int, key string) error {
		return s.showPassword(w, r, v.user, status, templates.Text{Key: key}, templates.Text{})
	}
	typed := r.PostFormValue("current")
	if typed == "" {
		return false, refuse(http.StatusUnprocessableEntity, "newpassword.current.empty")
	}
	right, _, err := s.isPassword(r.Context(), AttemptKey(factors.Password, v.user.ID), v.user, typed, v.now)
	var l locked
	switch {
	case errors.As(err, &l) && l.closed:
		return false, refuse(http.StatusTooManyRequests, "newpassword.current.closed")
	case errors.As(err, &l):
		w.Header().Set("Retry-After", seconds(l.wait))
		return false, s.showPassword(w, r, v.user, http.StatusTooManyRequests, saysWait("attempt.wait", l.wait).text, templates.Text{})
	case errors.Is(err, password.ErrBusy):
		w.Header().Set("Retry-After", seconds(busyRetry))
		return false, refuse(http.StatusServiceUnavailable, "busy.retry")
	case err != nil:
		return false, fmt.Errorf("verify a password: %w", err)
	case !right:
		return false, refuse(http.StatusUnprocessableEntity, "newpassword.current.wrong")
	}
	return true, nil
}

// changePassword sets a new password, for who knows the current one: that comes first, or what is said
// of a new one would tell. Every other session ends: whoever knew the old one may be in one of them.
// This one goes on under a new cookie.
func (s *Server) changePassword(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	if v.user.PasswordHash == "" {
		return nil, s.noSuch(w, r)
	}
	if right, err := s.currentPassword(w, r, v); err != nil || !right {
		return nil, err
	}
	hash, refusal, err := s.newPassword(r, v.user)
	if err != nil {
		return nil, err
	}
	if !refusal.IsZero() {
		return nil, s.refusePassword(w, refusal, func(status int) error {
			return s.showPassword(w, r, v.user, status, templates.Text{}, refusal)
		})
	}
	// What the mailbox alone stands behind is not washed by being changed on its own word.
	mail := v.user.PasswordMail
	if multiFactor(v.evidence(v.tx, v.now)) {
		mail = time.Time{}
	}
	return &deed{
		event: storage.Event{Type: storage.PasswordChanged},
		tell:  notice.Change{What: notice.PasswordChanged},
		done:  "password",
		do: func(ctx context.Context, trail storage.Trail) error {
			trail.Events = append(trail.Events, storage.Event{
				At: v.now, Type: storage.SessionRenewed, UserID: v.user.ID, OrgID: v.org.ID, SessionID: v.session.ID,
			})
			cookie := newSecret()
			err := s.Removals.ChangePassword(ctx, NewPassword{
				Old: v.user.Passwords, Hash: hash, Mail: mail, At: v.now, Session: v.knowing(), Cookie: cookie,
			}, trail)
			if err == nil {
				s.cookies.set(w, sessionCookie, cookie, time.Duration(v.policy.Session.Overall))
			}
			return err
		},
		failed: func(w http.ResponseWriter, r *http.Request, err error) (bool, error) {
			if errors.Is(err, storage.ErrConflict) { // it was changed meanwhile, and this one may not be what is wanted
				http.Redirect(w, r, accountPath+"/password?"+missed, http.StatusSeeOther)
				return true, nil
			}
			return false, nil
		},
	}, nil
}

// refusePassword shows the form again.
func (s *Server) refusePassword(w http.ResponseWriter, refusal templates.Text, show func(status int) error) error {
	if refusal.Key == "busy.retry" {
		w.Header().Set("Retry-After", seconds(busyRetry))
		return show(http.StatusServiceUnavailable)
	}
	return show(http.StatusUnprocessableEntity)
}

// newPassword is the hash of the password that u has chosen, or what is wrong with it.
func (s *Server) newPassword(r *http.Request, u User) (hash string, refusal templates.Text, err error) {
	ctx, typed := r.Context(), r.PostFormValue("password")
	if typed == "" {
		return "", templates.Text{Key: "newpassword.empty"}, nil
	}
	if err := s.Rules.Check(typed, s.Brand.Name, u.Name, u.Email); err != nil {
		return "", s.weak(err), nil
	}
	if u.PasswordHash != "" {
		same, _, err := s.Passwords.Verify(ctx, u.PasswordHash, typed)
		switch {
		case errors.Is(err, password.ErrBusy):
			return "", templates.Text{Key: "busy.retry"}, nil
		case err != nil && !errors.Is(err, password.ErrHash): // what nothing can be verified with is good to be replaced
			return "", templates.Text{}, fmt.Errorf("compare with the old password: %w", err)
		case same:
			return "", templates.Text{Key: "newpassword.same"}, nil
		}
	}
	hash, err = s.Passwords.Hash(ctx, typed)
	if errors.Is(err, password.ErrBusy) {
		return "", templates.Text{Key: "busy.retry"}, nil
	}
	if err != nil {
		return "", templates.Text{}, fmt.Errorf("hash a new password: %w", err)
	}
	return hash, templates.Text{}, nil
}

// weak says why a password may not be set.
func (s *Server) weak(err error) templates.Text {
	problem := templates.Text{Key: "newpassword.common", Args: map[string]any{"Min": s.Rules.Least()}}
	for _, known := range []struct {
		err error
		key string
	}{
		{password.ErrShort, "newpassword.short"},
		{password.ErrLong, "newpassword.long"},
		{password.ErrText, "newpassword.text"},
		{password.ErrContext, "newpassword.context"},
	} {
		if errors.Is(err, known.err) {
			problem.Key = known.key
		}
	}
	return problem
}

// knowing is the session that asked, resting on the password that takes the place of the one that was
// typed now: what was proved of that one counts nowhere any more.
func (v visit) knowing() session.Session {
	out := v.session
	out.Evidence = append(without(out.Evidence, factors.Password), knows(v.user.Passwords+1, v.now))
	out.LastUsed = v.now
	return out
}
