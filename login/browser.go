package login

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// Current is the session of the browser and its person, for ending it. storage.ErrNotFound: the
// browser has none. It asks no policy: a session that is too old to sign in with can be ended.
func (s *Server) Current(r *http.Request) (sessionID, userID string, err error) {
	current, err := s.session(r)
	if err != nil {
		return "", "", err
	}
	if current.ID == "" {
		return "", "", storage.ErrNotFound
	}
	return current.ID, current.UserID, nil
}

// End ends a session, with the grants that rest on it, and removes its cookie from the browser.
// Ending one that has ended is no error. The cookie of another session stays.
func (s *Server) End(w http.ResponseWriter, r *http.Request, sessionID string) error {
	ctx := r.Context()
	current, err := s.session(r)
	if err != nil {
		return err
	}
	switch ended, err := s.Sessions.Session(ctx, sessionID); {
	case errors.Is(err, storage.ErrNotFound):
	case err != nil:
		return storeFailed("find the session to end", err)
	default:
		if err := s.endSession(ctx, ended, "logout", s.Now()); err != nil {
			return err
		}
	}
	if current.ID == "" || current.ID == sessionID {
		s.cookies.clear(w, sessionCookie)
	}
	return nil
}

// session is the live session of the browser's cookie, or the zero Session.
func (s *Server) session(r *http.Request) (session.Session, error) {
	cookie := s.cookies.value(r, sessionCookie)
	if !isSecret(cookie) {
		return session.Session{}, nil
	}
	found, err := s.Sessions.SessionByCookie(r.Context(), cookie)
	if errors.Is(err, storage.ErrNotFound) {
		return session.Session{}, nil
	}
	if err != nil {
		return session.Session{}, storeFailed("find the browser's session", err)
	}
	return found, nil
}

func (s *Server) endSession(ctx context.Context, ended session.Session, reason string, now time.Time) error {
	err := s.Sessions.EndSession(ctx, ended.ID, false, now, storage.With(storage.Event{
		At: now, Type: storage.SessionEnded, UserID: ended.UserID, SessionID: ended.ID,
		Detail: map[string]string{"reason": reason},
	}))
	if err != nil {
		return storeFailed("end a session", err)
	}
	return nil
}

// settle makes the browser's session say what tx proved, under a new cookie, and returns its id.
// The person's own session goes on; one that has run out, or is another person's, is ended.
func (s *Server) settle(w http.ResponseWriter, r *http.Request, f facts, tx Transaction, evidence []factors.Evidence, now time.Time) (string, error) {
	ctx := r.Context()
	current, err := s.session(r)
	if err != nil {
		return "", err
	}
	if current.ID != "" && (current.UserID != tx.UserID || !f.policy.live(current, now)) {
		if err := s.endSession(ctx, current, "replaced", now); err != nil {
			return "", err
		}
		current = session.Session{}
	}
	cookie, origin, overall := newSecret(), storage.OriginOf(ctx), time.Duration(f.policy.Session.Overall)
	if current.ID != "" {
		id, err := s.renew(ctx, current.ID, f, tx, cookie, evidence, now)
		switch {
		case err == nil:
			s.cookies.set(w, sessionCookie, cookie, overall)
			return id, nil
		case !errors.Is(err, storage.ErrNotFound): // it ended meanwhile: the proof still counts
			return "", err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	created := session.Session{
		ID: id.String(), UserID: tx.UserID, Evidence: evidence, Created: now, LastUsed: now,
		IP: origin.IP, Agent: origin.UserAgent,
	}
	trail := signedIn(f, tx, created.ID, storage.SessionCreated, evidence, now)
	if err := s.Sessions.CreateSession(ctx, created, cookie, trail); err != nil {
		return "", storeFailed("create a session", err)
	}
	s.cookies.set(w, sessionCookie, cookie, overall)
	return created.ID, nil
}

// renew gives a live session a new cookie and what was proved. Two tabs may do so at once.
func (s *Server) renew(ctx context.Context, id string, f facts, tx Transaction, cookie string, evidence []factors.Evidence, now time.Time) (string, error) {
	for range raceLimit {
		current, err := s.Sessions.Session(ctx, id)
		if err != nil {
			return "", storeFailed("read the session to renew", err)
		}
		current.Evidence = session.Merge(current.Evidence, evidence)
		current.LastUsed = now
		current.IP, current.Agent = storage.OriginOf(ctx).IP, storage.OriginOf(ctx).UserAgent
		err = s.Sessions.RenewSession(ctx, current, cookie, signedIn(f, tx, id, storage.SessionRenewed, evidence, now))
		if errors.Is(err, storage.ErrConflict) {
			continue
		}
		if err != nil {
			return "", storeFailed("renew a session", err)
		}
		return id, nil
	}
	return "", fmt.Errorf("renew a session: %w", storage.ErrConflict)
}

// signedIn is what a sign-in leaves in the audit log.
func signedIn(f facts, tx Transaction, sessionID string, change storage.EventType, evidence []factors.Evidence, now time.Time) storage.Trail {
	event := storage.Event{At: now, UserID: f.user.ID, OrgID: f.org.ID, SessionID: sessionID}
	session, done := event, event
	session.Type = change
	done.Type = storage.SignedIn
	done.Detail = map[string]string{"amr": spaced(AMR(evidence))}
	if change == storage.SessionRenewed { // who was signed in showed it once more
		done.Detail["renewed"] = "true"
	}
	if recovered(evidence) {
		done.Detail["recovery"] = "true"
	}
	if held := Withheld(f.orgs, evidence, f.enrolled, now); len(held) > 0 {
		done.Detail["withheld"] = spaced(held)
	}
	if f.passedOver(tx, evidence) {
		done.Detail["weaker"] = "true"
	}
	return storage.Trail{Events: []storage.Event{session, done}}
}

// passedOver reports whether the person had a passkey when tx began, which the policy takes, and used
// something weaker. Its owner may wonder.
func (f facts) passedOver(tx Transaction, evidence []factors.Evidence) bool {
	return f.policy.Allows(factors.Passkey) && !slices.ContainsFunc(evidence, func(e factors.Evidence) bool { return e.Kind == factors.Passkey }) &&
		slices.ContainsFunc(f.of(factors.Passkey), func(e factors.Enrollment) bool { return e.Created.Before(tx.Started) })
}
