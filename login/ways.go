package login

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// standing is how a kind stands with a person: how long it waits, and whether it is closed.
func (s *Server) standing(ctx context.Context, k factors.Kind, v visit) (wait time.Duration, closed bool, err error) {
	count, err := s.Attempts.Attempt(ctx, AttemptKey(k, v.user.ID))
	if err != nil {
		return 0, false, storeFailed("read the failures", err)
	}
	return Ladder(k).Wait(count, v.now), Ladder(k).Closed(count), nil
}

// ways are what a page of one method says of the others, and of itself.
type ways struct {
	other, cancel string
	lost          string // where the page leads to no list
	reference     string // where the page leads to nobody else
	retry         time.Duration
	closed        bool
}

// waysOf finds out whether there is another way than kind, and how kind stands.
func (s *Server) waysOf(r *http.Request, v visit, kind factors.Kind, p problem) (ways, error) {
	open, closed, err := s.openMethods(r.Context(), v)
	if err != nil {
		return ways{}, err
	}
	w := ways{retry: p.retry}
	switch {
	case slices.ContainsFunc(open, func(k factors.Kind) bool { return k != kind }),
		len(open) > 0 && len(s.missing(v, closed)) > 0:
		w.other = v.tx.path("method")
	default:
		w.cancel, w.lost = v.tx.path("cancel"), v.report()
	}
	var wait time.Duration
	if wait, w.closed, err = s.standing(r.Context(), kind, v); err != nil {
		return ways{}, err
	}
	if !w.closed && p.text.Key == "" {
		w.retry = wait
	}
	if w.other == "" && (w.closed || !p.later.IsZero()) { // nothing can be answered here
		if w.reference, err = s.reference(r, v); err != nil {
			return ways{}, err
		}
	}
	return w, nil
}

// openMethods are those of the open step that are not closed by too many failures, and those that are.
func (s *Server) openMethods(ctx context.Context, v visit) (open, closed []factors.Kind, err error) {
	for _, k := range v.step.Methods {
		_, shut, err := s.standing(ctx, k, v)
		switch {
		case err != nil:
			return nil, nil, err
		case shut:
			closed = append(closed, k)
		default:
			open = append(open, k)
		}
	}
	return open, closed, nil
}

// again is why somebody whom the browser's session knows is asked once more, and the way back.
func (v visit) again() templates.Again {
	if v.session.ID == "" {
		return templates.Again{}
	}
	out := templates.Again{Why: templates.Text{Key: "again.app"}, Cancel: v.tx.path("cancel")}
	switch {
	case v.tx.Changes:
		out.Why.Key = "again.change"
	case v.tx.Return != "":
		out.Why.Key = "again.account"
	}
	return out
}

// reference is what a person tells support, by which they find who it was: it is noted, at noteRate. Empty: not
// this time, for it could not be found.
func (s *Server) reference(r *http.Request, v visit) (string, error) {
	ctx := r.Context()
	id := storage.OriginOf(ctx).RequestID
	var many tooMany
	if err := s.admitTo(ctx, noteRate, v.tx.ID+":help:", v.now); errors.As(err, &many) {
		return "", nil
	} else if err != nil {
		return "", err
	}
	return id, s.record(ctx, storage.With(storage.Event{
		At: v.now, Type: storage.HelpShown, UserID: v.tx.UserID, OrgID: v.org.ID,
		Detail: map[string]string{"app": v.tx.Demand.App.Name, "step": string(v.step.Kind)},
	}))
}
