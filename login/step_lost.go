package login

import (
	"context"
	"net/http"
	"slices"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// mayReport reports whether the person can say here that a device is lost: the first proof is there, and
// something that was set up is asked for. One factor is enough, for it takes nothing but sessions.
func (v visit) mayReport() bool {
	stuck := v.step.Kind == Fail && v.step.Stuck && !v.gone && !v.notMember
	return (v.step.Kind == Challenge || stuck) && owns(v.enrolled) && slices.ContainsFunc(v.evidence(v.tx, v.now), primary)
}

// report is where it is said; empty where it cannot be.
func (v visit) report() string {
	if !v.mayReport() {
		return ""
	}
	return v.tx.path("lost")
}

// askLost says what reporting a lost device does.
func (s *Server) askLost(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	if !v.mayReport() {
		s.see(w, r, v.tx)
		return nil
	}
	left, err := s.left(r.Context(), v)
	if err != nil {
		return err
	}
	page := templates.Confirm{
		Frame: s.frame(r, v.tx.Demand), Action: v.tx.path("lost"), Button: templates.Text{Key: "lost.press"}, Danger: true, Back: v.tx.path(""),
	}
	page.Title, page.Body = said("lost.ask")
	page.Body = append(page.Body, templates.Text{Key: "lost.ask.otherwise"})
	page.Body, page.Ways = remaining(page.Body, left)
	return templates.Serve(w, r, http.StatusOK, page, v.tx.Demand.App.Origins...)
}

// left are the kinds by which the person may still sign in, here or in another browser. Which of them is lost
// only the person knows, and the password is all that was proved: there are none here that the list of methods
// does not tell of.
func (s *Server) left(ctx context.Context, v visit) ([]factors.Kind, error) {
	if v.step.Kind != Challenge {
		return nil, nil
	}
	open, closed, err := s.openMethods(ctx, v)
	if err != nil {
		return nil, err
	}
	for _, m := range Missing(v.known(v.tx, v.now), v.policy, v.enrolled, v.now) {
		if m.Reason == MissingBrowser && !slices.Contains(closed, m.Kind) {
			open = append([]factors.Kind{m.Kind}, open...)
		}
	}
	return open, nil
}

// remaining adds to the words of a page how the person gets in again, and says which ways it has to list. Of one
// kind alone there may be one thing or more, which the page must not tell.
func remaining(body []templates.Text, left []factors.Kind) ([]templates.Text, []string) {
	none := templates.Text{Key: "lost.none"}
	switch {
	case len(left) == 0:
		return append(body, none), nil
	case len(left) == 1 && slices.Contains(selfEnrolled, left[0]):
		return append(body, templates.Text{Key: "lost.left." + string(left[0])}, none), nil
	}
	return append(body, templates.Text{Key: "lost.left.none"}, templates.Text{Key: "lost.left"}), words(left)
}

// lost signs the person out everywhere and tells the person, on the word of who knows the password: whoever
// has the device may be signed in with it. No factor is taken away, or the password alone would do that.
func (s *Server) lost(w http.ResponseWriter, r *http.Request) error {
	v, err := s.open(r)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if !v.mayReport() {
		if err := s.outOfStep(ctx, v.tx, "lost"); err != nil {
			return err
		}
		s.see(w, r, v.tx)
		return nil
	}
	if ok, err := s.mayChange(w, r, v, lostRate); err != nil || !ok {
		return err
	}
	left, err := s.left(ctx, v)
	if err != nil {
		return err
	}
	trail := storage.With(storage.Event{
		At: v.now, Type: storage.DeviceLost, UserID: v.user.ID, OrgID: v.org.ID, Detail: map[string]string{"app": v.tx.Demand.App.Name},
	})
	s.notify(&trail, v.user, notice.Change{What: notice.Lost, Left: left}, "", v.now, storage.OriginOf(ctx))
	if _, err := s.History.EndOthers(ctx, v.user.ID, "", v.now, trail); err != nil {
		return storeFailed("sign a person out everywhere", err)
	}
	current, err := s.session(r)
	if err != nil {
		return err
	}
	if current.ID == "" { // what was there has ended
		s.cookies.clear(w, sessionCookie)
	}
	reference, err := s.reference(r, v)
	if err != nil {
		return err
	}
	page := templates.Notice{
		Frame: s.frame(r, v.tx.Demand), Reference: reference,
		Button: templates.Action{URL: v.tx.path("cancel"), Label: templates.Text{Key: "notice.back"}},
	}
	page.Title, page.Body = said("lost.done")
	page.Body, page.Ways = remaining(page.Body, left)
	return templates.Serve(w, r, http.StatusOK, page, v.tx.Demand.App.Origins...)
}
