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
		return s.beginAdding(w, r, v, kind, "added."+string(kind))
	case slices.Contains(listed, kind) && len(v.of(kind)) >= MaxOfKind:
		return s.showAccount(w, r, v, http.StatusConflict, templates.Text{Key: "account.full"})
	}
	return s.noSuch(w, r)
}

// beginAdding begins a sign-in that sets up a factor and goes on to the account page, which says what was
// done. It is a change like any other, and there are only so many in an hour.
func (s *Server) beginAdding(w http.ResponseWriter, r *http.Request, v visit, k factors.Kind, done string) error {
	if ok, err := s.mayChange(w, r, v, changeRate); err != nil || !ok {
		return err
	}
	tx := toChange(donePath(done))
	tx.Adds = k
	return s.beginHere(w, r, tx)
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
	return s.beginAdding(w, r, v, factors.Recovery, "recovery")
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
		Last: v.last(e), Recovery: v.takesRecovery(e), Alone: v.leavesPassword(e), Back: accountPath, Problem: problem,
	})
}

// keep are the kinds of which one has to be left when e is removed: those that every organization takes
// which demands a second factor and takes e for one. None where no organization does.
func (v visit) keep(e factors.Enrollment) []factors.Kind {
	keep, demanded := listed, false
	for _, o := range v.orgs {
		if p := o.policyAt(v.now, o.Skips); p.MFA == Required && p.Allows(e.Kind) {
			keep, demanded = common(keep, p.Factors), true
		}
	}
	if !demanded {
		return nil
	}
	return keep
}

// last reports whether e cannot be removed. The store asks again.
func (v visit) last(e factors.Enrollment) bool {
	keep := v.keep(e)
	return len(keep) > 0 && !slices.ContainsFunc(v.enrolled, func(other factors.Enrollment) bool {
		return other.ID != e.ID && slices.Contains(keep, other.Kind)
	})
}

// leavesPassword reports whether the password alone opens the account when e is removed.
func (v visit) leavesPassword(e factors.Enrollment) bool {
	return v.user.PasswordHash != "" &&
		!slices.ContainsFunc(v.orgs, func(o Org) bool { return o.policyAt(v.now, o.Skips).MFA == Required }) &&
		!slices.ContainsFunc(v.enrolled, func(other factors.Enrollment) bool {
			return other.ID != e.ID && slices.Contains(listed, other.Kind)
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
			return s.Additions.RenameEnrollment(ctx, v.user.ID, e.ID, name, v.user.Grounds(), trail)
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

// remove takes a factor away, and with it a recovery code that would be alone; on wish every other session
// ends too.
func (s *Server) remove(w http.ResponseWriter, r *http.Request, v visit) (*deed, error) {
	e, ok := v.theirs(r)
	if !ok {
		return nil, s.noSuch(w, r)
	}
	if v.last(e) {
		return nil, s.showFactor(w, r, v, e, http.StatusConflict, templates.Text{Key: "account.last"})
	}
	removal := Removal{
		UserID: v.user.ID, EnrollmentID: e.ID, On: v.user.Grounds(), At: v.now, Keep: v.keep(e),
		Others: r.PostFormValue("others") != "", SessionID: v.session.ID,
	}
	return &deed{
		event: storage.Event{Type: storage.FactorRemoved, Detail: map[string]string{"factor": string(e.Kind)}},
		tell:  notice.Change{What: notice.Removed, Kind: e.Kind, Recovery: v.takesRecovery(e)},
		done:  v.removedWord(e),
		do: func(ctx context.Context, trail storage.Trail) error {
			return s.Removals.RemoveEnrollment(ctx, removal, func(done Removed) storage.Trail { return v.besides(trail, done) })
		},
	}, nil
}

// takesRecovery reports whether the recovery code goes with e, as it would be alone.
func (v visit) takesRecovery(e factors.Enrollment) bool {
	return len(v.of(factors.Recovery)) > 0 && !slices.ContainsFunc(v.enrolled, func(other factors.Enrollment) bool {
		return other.ID != e.ID && slices.Contains(listed, other.Kind)
	})
}

// removedWord is what the account page says when e is removed.
func (v visit) removedWord(e factors.Enrollment) string {
	word := "removed." + string(e.Kind)
	if v.takesRecovery(e) {
		word += ".recovery"
	}
	return word
}

// besides is trail with what removing a factor did besides.
func (v visit) besides(trail storage.Trail, done Removed) storage.Trail {
	trail.Events = slices.Clip(trail.Events) // this may be asked again
	event := storage.Event{At: v.now, UserID: v.user.ID, OrgID: v.org.ID, SessionID: v.session.ID}
	if done.Recovery {
		event.Type, event.Detail = storage.FactorRemoved, map[string]string{"factor": string(factors.Recovery)}
		trail.Events = append(trail.Events, event)
	}
	if done.Others {
		event.Type, event.SessionID, event.Detail = storage.SessionEnded, "", map[string]string{"reason": "account"}
		trail.Events = append(trail.Events, event)
	}
	return trail
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
			return s.Removals.SetDefault(ctx, v.user.ID, kind, v.user.Grounds(), v.now, trail)
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
			return s.Sessions.EndSession(ctx, one.ID, true, v.now, trail) // the page says that the device has to sign in again
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
