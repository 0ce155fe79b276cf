package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// LinkPath is where the links of mails lead: the token follows it.
const LinkPath = "/u/notice/"

// linkRate is how often an address may come with a link. A token has 256 bits; this is for floods.
var linkRate = rate{"link", limit.Rate{Per: time.Second, Burst: 60}}

// mountLinks adds the pages of "this was not me":
//
//	GET ── not pressed ──> what it will do   POST: everything ends, the password is emptied ──┐
//	GET ── pressed ──> a form for a new password   POST: it is set  <─────────────────────────┘
//	GET ── finished, or too old ──> words
//
// A GET changes nothing, for mail programs look at links before people do. The link is no sign-in: at
// its end the person signs in like anybody else, with whatever second factor there is.
func (s *Server) mountLinks(mux *http.ServeMux) {
	mux.Handle("GET "+LinkPath+"{token}", s.handle(s.linkPage))
	mux.Handle("POST "+LinkPath+"{token}", s.handle(s.followLink))
}

// opened is a link that there is, and its person.
type opened struct {
	Link
	token string
	user  User
	now   time.Time
}

func (o opened) path() string { return LinkPath + o.token }

// dead is the message of why the link does nothing any more; empty while it does.
func (o opened) dead() string {
	switch {
	case !o.Finished.IsZero():
		return "link.finished"
	case !o.now.Before(o.Expires):
		return "link.expired"
	}
	return ""
}

// undo is the time since when pressing the link takes away what was set up, whatever its mail told of:
// who did that may have done more. It is zero for a link that is too old to take anything away.
func (o opened) undo() time.Time {
	if o.now.Sub(o.At) >= notice.Undo {
		return time.Time{}
	}
	return o.now.Add(-notice.Undo)
}

// removed are those of the person's factors that pressing the link takes away: what is new, and with it a
// recovery code that would be alone.
func (o opened) removed(enrolled []factors.Enrollment) []factors.Enrollment {
	undo := o.undo()
	if undo.IsZero() {
		return nil
	}
	old := func(e factors.Enrollment) bool { return !e.Created.After(undo) }
	if !slices.ContainsFunc(enrolled, func(e factors.Enrollment) bool { return old(e) && e.Kind != factors.Recovery }) {
		return enrolled
	}
	return slices.DeleteFunc(slices.Clone(enrolled), old)
}

// changedFirst reports whether what is asked first was changed as late, so that pressing the link undoes it.
func (s *Server) changedFirst(ctx context.Context, o opened) (bool, error) {
	undo := o.undo()
	if undo.IsZero() || o.user.Default == "" {
		return false, nil
	}
	events, err := s.History.EventsOf(ctx, o.UserID, []storage.EventType{storage.DefaultChanged}, 1)
	if err != nil {
		return false, storeFailed("read when the default was changed", err)
	}
	return len(events) > 0 && events[0].At.After(undo), nil
}

// openLink finds the link of the path. It returns false for one that there is not, or whose person is
// gone.
func (s *Server) openLink(r *http.Request) (opened, bool, error) {
	ctx := r.Context()
	o := opened{token: r.PathValue("token"), now: s.Now()}
	if err := s.admit(ctx, linkRate, o.now); err != nil {
		return o, false, err
	}
	if !isSecret(o.token) {
		return o, false, nil
	}
	var err error
	if o.Link, err = s.Links.Link(ctx, o.token); err == nil {
		o.user, err = s.People.User(ctx, o.UserID)
	}
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return o, false, nil
	case err != nil:
		return o, false, storeFailed("find a link", err)
	}
	return o, true, nil
}

// linkPage shows what a link is for, or what became of it.
func (s *Server) linkPage(w http.ResponseWriter, r *http.Request) error {
	o, ok, err := s.openLink(r)
	switch {
	case err != nil:
		return err
	case !ok:
		return s.linkNotice(w, r, http.StatusNotFound, "link.unknown", templates.Action{})
	case o.dead() == "link.finished":
		return s.linkFinished(w, r, o)
	case o.dead() != "":
		return s.linkNotice(w, r, http.StatusGone, o.dead(), signIn())
	case !o.Pressed.IsZero():
		return s.linkPassword(w, r, o, http.StatusOK, templates.Text{})
	}
	return s.linkAsk(w, r, o)
}

// linkAsk says what pressing the link does, and which factors it takes away.
func (s *Server) linkAsk(w http.ResponseWriter, r *http.Request, o opened) error {
	enrolled, err := s.Enrollments.Enrollments(r.Context(), o.UserID)
	if err != nil {
		return storeFailed("read the person's factors", err)
	}
	page := templates.Notice{
		Frame:  s.frame(r, Demand{}),
		Button: templates.Action{URL: o.path(), Label: templates.Text{Key: "link.press"}},
		Things: things(o.removed(enrolled)), Danger: true,
	}
	page.Title, page.Body = said("link.ask")
	page.Body = append(page.Body, templates.Text{Key: "link.ask.otherwise"})
	first, err := s.changedFirst(r.Context(), o)
	if err != nil {
		return err
	}
	if first {
		page.Body = append(page.Body, templates.Text{Key: "link.ask.default"})
	}
	switch {
	case len(page.Things) > 0:
		page.Body = append(page.Body, templates.Text{Key: "link.ask.removes"})
	case o.EnrollmentID != "" && o.undo().IsZero():
		page.Body = append(page.Body, templates.Text{Key: "link.ask.late"})
	}
	return templates.Serve(w, r, http.StatusOK, page)
}

// things are factors to look at.
func things(enrolled []factors.Enrollment) []templates.Factor {
	var out []templates.Factor
	for _, e := range enrolled {
		out = append(out, templates.Factor{
			Kind: string(e.Kind), Name: e.Name, Place: string(e.Place), Created: e.Created, LastUsed: e.LastUsed,
		})
	}
	return out
}

func signIn() templates.Action {
	return templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.signin"}}
}

func (s *Server) linkNotice(w http.ResponseWriter, r *http.Request, status int, key string, next templates.Action) error {
	page := templates.Notice{Frame: s.frame(r, Demand{}), Link: next}
	page.Title, page.Body = said(key)
	return templates.Serve(w, r, status, page)
}

// linkFinished says what was undone, and what to do when the new password is set. What is left may be the
// stranger's.
func (s *Server) linkFinished(w http.ResponseWriter, r *http.Request, o opened) error {
	enrolled, err := s.Enrollments.Enrollments(r.Context(), o.UserID)
	if err != nil {
		return storeFailed("read the person's factors", err)
	}
	page := templates.Notice{Frame: s.frame(r, Demand{}), Link: signIn(), Things: things(enrolled)}
	page.Title, page.Body = said("link.finished")
	undone, err := s.undone(r.Context(), o)
	if err != nil {
		return err
	}
	page.Body = append(page.Body, undone...)
	if len(page.Things) > 0 {
		page.Body = append(page.Body, templates.Text{Key: "link.finished.left"})
	}
	return templates.Serve(w, r, http.StatusOK, page)
}

// undone says what pressing the link took away: what was noted of it at that moment.
func (s *Server) undone(ctx context.Context, o opened) ([]templates.Text, error) {
	events, err := s.History.EventsOf(ctx, o.UserID, []storage.EventType{storage.Repudiated, storage.DefaultChanged}, activityShown)
	if err != nil {
		return nil, storeFailed("read what was undone", err)
	}
	var out []templates.Text
	for _, e := range events {
		if !e.At.Equal(o.Pressed) {
			continue
		}
		if e.Type == storage.DefaultChanged {
			out = append(out, templates.Text{Key: "link.finished.default"})
		}
		for _, k := range append(slices.Clone(listed), factors.Recovery) {
			if slices.Contains(strings.Fields(e.Detail["kinds"]), string(k)) {
				out = append(out, templates.Text{Key: "link.finished.removed." + string(k)})
			}
		}
	}
	return out, nil
}

func (s *Server) linkPassword(w http.ResponseWriter, r *http.Request, o opened, status int, problem templates.Text) error {
	return templates.Serve(w, r, status, templates.PasswordPage{
		Frame: s.frame(r, Demand{}), Action: o.path(), Email: o.user.Email, Min: s.Rules.Least(), ByLink: true, Problem: problem,
	})
}

// followLink presses a link, or sets a new password by one that was pressed. What another tab has done
// already is not done again: the page that follows says where things are.
func (s *Server) followLink(w http.ResponseWriter, r *http.Request) error {
	o, ok, err := s.openLink(r)
	if err != nil {
		return err
	}
	switch {
	case !ok:
		return s.linkNotice(w, r, http.StatusNotFound, "link.unknown", templates.Action{})
	case o.dead() != "": // which is what the page says
	case o.Pressed.IsZero():
		err = s.pressLink(w, r, o)
	case r.PostForm.Has("password"):
		var answered bool
		if answered, err = s.renewByLink(w, r, o); answered {
			return err
		}
	}
	if err != nil && !errors.Is(err, storage.ErrConflict) {
		return storeFailed("follow a link", err)
	}
	http.Redirect(w, r, o.path(), http.StatusSeeOther)
	return nil
}

// pressLink ends whatever a stranger may have of the account.
func (s *Server) pressLink(w http.ResponseWriter, r *http.Request, o opened) error {
	ctx := r.Context()
	current, err := s.session(r)
	if err != nil {
		return err
	}
	enrolled, err := s.Enrollments.Enrollments(ctx, o.UserID)
	if err != nil {
		return err
	}
	first, err := s.changedFirst(ctx, o)
	if err != nil {
		return err
	}
	event := storage.Event{At: o.now, Type: storage.Repudiated, UserID: o.UserID}
	if removed := o.removed(enrolled); len(removed) > 0 {
		var ids, kinds []string
		for _, e := range removed {
			ids, kinds = append(ids, e.ID), append(kinds, string(e.Kind))
		}
		event.Detail = map[string]string{"removed": spaced(ids), "kinds": spaced(kinds)}
	}
	trail := storage.With(event)
	trail.Mails = append(trail.Mails, s.Notices.Changed(o.user.Factor(), notice.Change{What: notice.Repudiated}, "", o.now, storage.OriginOf(ctx)))
	if err := s.Links.Repudiate(ctx, o.token, o.undo(), o.now, trail); err != nil {
		return err
	}
	if current.UserID == o.UserID {
		s.cookies.clear(w, sessionCookie)
	}
	if first {
		return s.usualFirst(ctx, o)
	}
	return nil
}

// usualFirst has the usual order again. It comes after all else, which must not wait for a preference.
func (s *Server) usualFirst(ctx context.Context, o opened) error {
	trail := storage.With(storage.Event{
		At: o.now, Type: storage.DefaultChanged, UserID: o.UserID, Detail: map[string]string{"factor": "", "by": "link"},
	})
	for range raceLimit {
		u, err := s.People.User(ctx, o.UserID)
		if err == nil {
			err = s.Removals.SetDefault(ctx, u.ID, "", u.Grounds(), o.now, trail)
		}
		if !errors.Is(err, storage.ErrConflict) {
			return err
		}
	}
	return errBusy
}

// renewByLink sets the password that the person chose, which is not the one that a stranger may know. It
// returns true when it has answered.
func (s *Server) renewByLink(w http.ResponseWriter, r *http.Request, o opened) (bool, error) {
	u := o.user
	u.PasswordHash = cmp.Or(o.PasswordHash, u.PasswordHash)
	hash, refusal, err := s.newPassword(r, u)
	if err != nil {
		return true, err
	}
	if !refusal.IsZero() {
		return true, s.refusePassword(w, refusal, func(status int) error { return s.linkPassword(w, r, o, status, refusal) })
	}
	trail := storage.With(storage.Event{
		At: o.now, Type: storage.PasswordChanged, UserID: o.UserID, Detail: map[string]string{"by": "link"},
	})
	s.notify(&trail, o.user, notice.Change{What: notice.PasswordChanged}, "", o.now, storage.OriginOf(r.Context()))
	return false, s.Links.Renew(r.Context(), o.token, hash, o.now, trail)
}
