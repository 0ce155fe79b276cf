package login

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// addFactor begins to set up another factor, by the pages of a sign-in.
func (s *Server) addFactor(w http.ResponseWriter, r *http.Request, v visit) error {
	kind := factors.Kind(r.PathValue("kind"))
	switch {
	case v.addable(kind):
		return s.beginHere(w, r, adds(kind, "added"))
	case slices.Contains(listed, kind) && len(v.of(kind)) >= MaxOfKind:
		return s.showAccount(w, r, v, http.StatusConflict, templates.Text{Key: "account.full"})
	}
	return s.noSuch(w, r)
}

// adds is a sign-in that sets up a factor and goes on to the account page, which says what was done.
func adds(k factors.Kind, done string) Transaction {
	tx := sudo(donePath(done))
	tx.Adds = k
	return tx
}

// askRecovery says what becomes of the recovery code when it is replaced, before a new one is shown. Who
// has none loses nothing.
func (s *Server) askRecovery(w http.ResponseWriter, r *http.Request, v visit) error {
	switch card := v.recoveryCard(); {
	case card.New == "":
		return s.noSuch(w, r)
	case !card.Has:
		return s.newRecovery(w, r, v)
	}
	return templates.Serve(w, r, http.StatusOK, templates.Confirm{
		Frame: s.frame(r, Demand{}), Title: templates.Text{Key: "account.recovery.new"},
		Body:   []templates.Text{{Key: "account.recovery.replace"}},
		Action: accountPath + "/recovery", Button: templates.Text{Key: "account.recovery.new"}, Back: accountPath,
	})
}

// newRecovery begins to make a recovery code, by the pages of a sign-in.
func (s *Server) newRecovery(w http.ResponseWriter, r *http.Request, v visit) error {
	if v.recoveryCard().New == "" {
		return s.noSuch(w, r)
	}
	return s.beginHere(w, r, adds(factors.Recovery, "recovery"))
}

// theirs is the factor that the path names, if it is one of the person's that have a page.
func (v visit) theirs(r *http.Request) (factors.Enrollment, bool) {
	i := slices.IndexFunc(v.enrolled, func(e factors.Enrollment) bool {
		return e.ID == r.PathValue("id") && slices.Contains(listed, e.Kind)
	})
	if i < 0 {
		return factors.Enrollment{}, false
	}
	return v.enrolled[i], true
}

func (s *Server) factorPage(w http.ResponseWriter, r *http.Request, v visit) error {
	e, ok := v.theirs(r)
	if !ok {
		return s.noSuch(w, r)
	}
	return s.showFactor(w, r, v, e, http.StatusOK, templates.Text{})
}

func (s *Server) showFactor(w http.ResponseWriter, r *http.Request, v visit, e factors.Enrollment, status int, problem templates.Text) error {
	card := s.card(v, e)
	return templates.Serve(w, r, status, templates.FactorPage{
		Frame: s.frame(r, Demand{}), Factor: card, Rename: card.Link, Remove: card.Link + "/remove",
		Last: v.last(e), Recovery: v.takesRecovery(e), Back: accountPath, Problem: problem,
	})
}

// keep are the kinds of which one has to be left when e is removed: none where the policy demands no
// second factor, or does not take e for one.
func (v visit) keep(e factors.Enrollment) []factors.Kind {
	if v.policy.MFA != Required || !v.policy.Allows(e.Kind) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(listed), func(k factors.Kind) bool { return !v.policy.Allows(k) })
}

// last reports whether e cannot be removed. The store asks again.
func (v visit) last(e factors.Enrollment) bool {
	keep := v.keep(e)
	return len(keep) > 0 && !slices.ContainsFunc(v.enrolled, func(other factors.Enrollment) bool {
		return other.ID != e.ID && slices.Contains(keep, other.Kind)
	})
}

func (s *Server) rename(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	e, ok := v.theirs(r)
	if !ok {
		return nil, s.noSuch(w, r)
	}
	name, problem := factorName(r.PostFormValue("name"))
	if problem != "" {
		return nil, s.showFactor(w, r, v, e, http.StatusUnprocessableEntity, templates.Text{Key: problem})
	}
	if name == e.Name {
		s.seeDone(w, r, "renamed")
		return nil, nil
	}
	return &deed{
		event: storage.Event{Type: storage.FactorRenamed, Detail: map[string]string{"factor": string(e.Kind)}},
		tell:  notice.Change{What: notice.Renamed, Kind: e.Kind},
		done:  "renamed",
		do: func(ctx context.Context, trail storage.Trail) error {
			return s.Additions.RenameEnrollment(ctx, v.user.ID, e.ID, name, trail)
		},
	}, nil
}

// nameLimit is how many code points the name of a factor may have.
const nameLimit = 64

// factorName brings what a person calls a factor into one line, or says what is wrong with it.
func factorName(typed string) (name, problem string) {
	if !utf8.ValidString(typed) {
		return "", "name.empty"
	}
	typed = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, norm.NFC.String(typed))
	switch name = strings.Join(strings.Fields(typed), " "); {
	case name == "":
		return "", "name.empty"
	case utf8.RuneCountInString(name) > nameLimit:
		return "", "name.long"
	}
	return name, ""
}

// remove takes a factor away, and with it whatever rests on it; on wish every other session ends too.
func (s *Server) remove(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	e, ok := v.theirs(r)
	if !ok {
		return nil, s.noSuch(w, r)
	}
	last := func() error {
		return s.showFactor(w, r, v, e, http.StatusConflict, templates.Text{Key: "account.last"})
	}
	if v.last(e) {
		return nil, last()
	}
	others := r.PostFormValue("others") != ""
	return &deed{
		event: storage.Event{Type: storage.FactorRemoved, Detail: map[string]string{"factor": string(e.Kind)}},
		tell:  notice.Change{What: notice.Removed, Kind: e.Kind, Recovery: v.takesRecovery(e)},
		done:  v.removedWord(e),
		do: func(ctx context.Context, trail storage.Trail) error {
			if err := s.Removals.RemoveEnrollment(ctx, v.user.ID, e.ID, v.now, v.keep(e), trail); err != nil {
				return err
			}
			if err := s.removeRecovery(ctx, v, e); err != nil || !others {
				return err
			}
			_, err := s.History.EndOthers(ctx, v.user.ID, v.session.ID, v.now, v.ended(""))
			return err
		},
		failed: func(_ http.ResponseWriter, _ *http.Request, err error) (bool, error) {
			if errors.Is(err, storage.ErrConflict) { // another tab removed the other one
				return true, last()
			}
			return false, nil
		},
	}, nil
}

// takesRecovery reports whether the recovery code goes with e: removeRecovery.
func (v visit) takesRecovery(e factors.Enrollment) bool {
	return len(v.of(factors.Recovery)) > 0 && !slices.ContainsFunc(v.enrolled, func(other factors.Enrollment) bool {
		return other.ID != e.ID && slices.Contains(listed, other.Kind)
	})
}

// removedWord is what the account page says when e is removed.
func (v visit) removedWord(e factors.Enrollment) string {
	if v.takesRecovery(e) {
		return "removed.recovery"
	}
	return "removed"
}

// removeRecovery takes the recovery code away with the last factor that it stood in for: alone it would
// be asked for, and used up, before another could be set up.
func (s *Server) removeRecovery(ctx context.Context, v visit, removed factors.Enrollment) error {
	for _, e := range v.enrolled {
		if e.ID != removed.ID && slices.Contains(listed, e.Kind) {
			return nil
		}
	}
	for _, e := range v.of(factors.Recovery) {
		err := s.Removals.RemoveEnrollment(ctx, v.user.ID, e.ID, v.now, nil, storage.With(storage.Event{
			At: v.now, Type: storage.FactorRemoved, UserID: v.user.ID, OrgID: v.org.ID, SessionID: v.session.ID,
			Detail: map[string]string{"factor": string(e.Kind)},
		}))
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
	}
	return nil
}

// ended is what ending a session, or every other one, leaves behind.
func (v visit) ended(sessionID string) storage.Trail {
	return storage.With(storage.Event{
		At: v.now, Type: storage.SessionEnded, UserID: v.user.ID, OrgID: v.org.ID, SessionID: sessionID,
		Detail: map[string]string{"reason": "account"},
	})
}

func (s *Server) defaultPage(w http.ResponseWriter, r *http.Request, v visit) error {
	return templates.Serve(w, r, http.StatusOK, templates.DefaultPage{
		Frame: s.frame(r, Demand{}), Action: accountPath + "/default", Choices: words(v.choices()),
		Default: string(v.user.Default), Back: accountPath,
	})
}

// setDefault keeps what the person wants to be asked for first. What is not among the choices was not
// on the page.
func (s *Server) setDefault(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	kind := factors.Kind(r.PostFormValue("method"))
	if kind != "" && !slices.Contains(v.choices(), kind) {
		http.Redirect(w, r, accountPath+"/default", http.StatusSeeOther)
		return nil, nil
	}
	if kind == v.user.Default {
		s.seeDone(w, r, "default")
		return nil, nil
	}
	return &deed{
		event: storage.Event{Type: storage.DefaultChanged, Detail: map[string]string{"factor": string(kind)}},
		tell:  notice.Change{What: notice.DefaultChanged, Kind: kind},
		done:  "default",
		do: func(ctx context.Context, trail storage.Trail) error {
			return s.Removals.SetDefault(ctx, v.user.ID, kind, v.now, trail)
		},
	}, nil
}

// theirSession is the one that the path names, if it is the person's and lives. It is not the one
// that is asking: signing out is for that.
func (s *Server) theirSession(r *http.Request, v visit) (session.Session, bool, error) {
	found, err := s.Sessions.Session(r.Context(), r.PathValue("id"))
	if errors.Is(err, storage.ErrNotFound) {
		return session.Session{}, false, nil
	}
	if err != nil {
		return session.Session{}, false, storeFailed("find the session to end", err)
	}
	return found, found.UserID == v.user.ID && found.ID != v.session.ID, nil
}

func (s *Server) sessionPage(w http.ResponseWriter, r *http.Request, v visit) error {
	one, ok, err := s.theirSession(r, v)
	if err != nil {
		return err
	}
	if !ok {
		return s.noSuch(w, r)
	}
	return templates.Serve(w, r, http.StatusOK, templates.Confirm{
		Frame: s.frame(r, Demand{}), Title: templates.Text{Key: "account.end.title"},
		Body: []templates.Text{{Key: "account.end.body"}}, Device: device(one),
		Action: accountPath + "/sessions/" + one.ID, Button: templates.Text{Key: "account.devices.end"}, Danger: true, Back: accountPath,
	})
}

func (s *Server) endOne(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	one, ok, err := s.theirSession(r, v)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, s.noSuch(w, r)
	}
	return &deed{
		event: storage.Event{Type: storage.SessionEnded, SessionID: one.ID, Detail: map[string]string{"reason": "account"}},
		tell:  notice.Change{What: notice.SessionsEnded},
		done:  "ended",
		do: func(ctx context.Context, trail storage.Trail) error {
			return s.Sessions.EndSession(ctx, one.ID, v.now, trail)
		},
	}, nil
}

func (s *Server) othersPage(w http.ResponseWriter, r *http.Request, _ visit) error {
	return templates.Serve(w, r, http.StatusOK, templates.Confirm{
		Frame: s.frame(r, Demand{}), Title: templates.Text{Key: "account.others.title"},
		Body:   []templates.Text{{Key: "account.others.body"}},
		Action: accountPath + "/sessions/others", Button: templates.Text{Key: "account.devices.others"}, Danger: true, Back: accountPath,
	})
}

func (s *Server) endOthers(_ http.ResponseWriter, _ *http.Request, v visit) (*deed, error) {
	return &deed{
		event: storage.Event{Type: storage.SessionEnded, Detail: map[string]string{"reason": "account", "which": "others"}},
		tell:  notice.Change{What: notice.SessionsEnded},
		done:  "others",
		do: func(ctx context.Context, trail storage.Trail) error {
			_, err := s.History.EndOthers(ctx, v.user.ID, v.session.ID, v.now, trail)
			return err
		},
	}, nil
}

// askSignOut is for who opens the address of the form.
func (s *Server) askSignOut(w http.ResponseWriter, r *http.Request) error {
	page := templates.Confirm{
		Frame: s.frame(r, Demand{}), Action: accountPath + "/signout", Button: templates.Text{Key: "account.signout"}, Back: accountPath,
	}
	page.Title, page.Body = said("notice.logout.confirm")
	return templates.Serve(w, r, http.StatusOK, page)
}

// signOut ends the session of this browser, however old. It takes no proof: to be signed out is never
// worse.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request) error {
	current, err := s.session(r)
	if err != nil {
		return err
	}
	if current.ID != "" {
		if err := s.endSession(r.Context(), current, "logout", s.Now()); err != nil {
			return err
		}
	}
	s.cookies.clear(w, sessionCookie)
	page := templates.Notice{Frame: s.frame(r, Demand{}), Link: signIn()}
	page.Title, page.Body = said("notice.loggedout")
	return templates.Serve(w, r, http.StatusOK, page)
}
