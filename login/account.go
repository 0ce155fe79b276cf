package login

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// accountPath is the page on which people look after what protects their account. Its pages are signed
// in to by the same pipeline as everything else:
//
//	GET  /account ── a session that the policy accepts ──> what there is
//	GET  /account/… ── proofs of the last minutes ──> a page that changes nothing
//	POST /account/… ── the same, asked again ──> the change, its event and its mail ──> GET /account
//
// Who has not proved enough is sent through a sign-in that comes back to the GET.
const accountPath = "/account"

// sudoAge is how old the proofs may be on which something about the account is changed.
const sudoAge = 5 * time.Minute

// mountAccount adds the account pages.
func (s *Server) mountAccount(mux *http.ServeMux) {
	const factor, session = accountPath + "/factors/{id}", accountPath + "/sessions/{id}"
	at := func(path string) func(*http.Request) string { return func(*http.Request) string { return path } }
	its := func(part string) func(*http.Request) string {
		return func(r *http.Request) string {
			return accountPath + "/" + part + "/" + url.PathEscape(r.PathValue("id"))
		}
	}
	mux.Handle("GET "+accountPath, s.resides(s.account))
	mux.Handle("GET "+accountPath+"/signout", s.handle(s.askSignOut))
	mux.Handle("POST "+accountPath+"/signout", s.handle(s.signOut))
	mux.Handle("POST "+accountPath+"/trust", s.resides(s.trustAgain))

	mux.Handle("GET "+accountPath+"/add/{kind}", s.shows(func(r *http.Request) string {
		return accountPath + "/add/" + url.PathEscape(r.PathValue("kind"))
	}, s.addFactor))
	mux.Handle("GET "+accountPath+"/recovery", s.shows(at(accountPath+"/recovery"), s.askRecovery))
	mux.Handle("POST "+accountPath+"/recovery", s.shows(at(accountPath+"/recovery"), s.newRecovery))

	for _, p := range []struct {
		path, form string
		page       func(*http.Request) string
		show       residentFunc
		does       deedFunc
	}{
		{factor, factor, its("factors"), s.factorPage, s.rename},
		{"", factor + "/remove", its("factors"), nil, s.remove},
		{accountPath + "/default", accountPath + "/default", at(accountPath + "/default"), s.defaultPage, s.setDefault},
		{accountPath + "/password", accountPath + "/password", at(accountPath + "/password"), s.passwordPage, s.changePassword},
		{accountPath + "/sessions/others", accountPath + "/sessions/others", at(accountPath + "/sessions/others"), s.othersPage, s.endOthers},
		{session, session, its("sessions"), s.sessionPage, s.endOne},
	} {
		if p.show != nil {
			mux.Handle("GET "+p.path, s.shows(p.page, p.show))
		}
		mux.Handle("POST "+p.form, s.changes(p.page, p.does))
	}
}

// residentFunc answers a person who is signed in.
type residentFunc func(w http.ResponseWriter, r *http.Request, v visit) error

// deedFunc says what a form of the account pages asks for. It returns nil when it has answered
// itself: there is nothing to be done. What is as it is asked for already is saved, and no change.
type deedFunc func(w http.ResponseWriter, r *http.Request, v visit) (*deed, error)

// deed is one change, with what it leaves behind. changes does it, so that none is made without its
// event and its mail.
type deed struct {
	event storage.Event // Type, Detail and, where it is about another than this one, SessionID
	tell  notice.Change
	done  string // what the account page says afterwards: a word of doneWords
	do    func(ctx context.Context, trail storage.Trail) error
	// failed answers for errors of do that are no fault of ours; nil, or false: there are none. Where it
	// does not, storage.ErrConflict says that what was asked for is to be decided anew.
	failed func(w http.ResponseWriter, r *http.Request, err error) (bool, error)
}

// doneWords are what the account page can be asked to say has been done.
var doneWords = []string{
	"added.totp", "added.passkey", "removed.totp", "removed.totp.recovery", "removed.passkey", "removed.passkey.recovery", "renamed",
	"default", "password", "ended", "others", "recovery", "trust",
}

// home is where a sign-in for a page of ours is begun again; empty for a client's.
func (tx Transaction) home() string {
	path, _, _ := strings.Cut(tx.Return, "?")
	return path
}

// resident is the person whom the browser is signed in as, if what the session lends meets the policy.
func (s *Server) resident(r *http.Request) (visit, bool, error) {
	v := visit{now: s.Now()}
	// An offer is no reason to keep anybody out.
	v.tx = Transaction{Started: v.now, Demand: Demand{Silent: true}}
	var err error
	if v.facts, err = s.seed(r, &v.tx, v.now); err != nil {
		return v, false, err
	}
	if v.tx.UserID == "" {
		return v, false, nil
	}
	v.step = v.facts.next(v.tx, v.now)
	return v, v.step.Kind == Done, nil
}

// resides is around what anybody may do who is signed in.
func (s *Server) resides(h residentFunc) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		v, ok, err := s.resident(r)
		if err != nil {
			return err
		}
		if !ok {
			to := accountPath
			if word := doneWord(r); word != "" { // what was proved may rest on what was just removed
				to = donePath(word)
			}
			return s.beginHere(w, r, Transaction{Return: to})
		}
		return h(w, r, v)
	})
}

// sudo lets go on who has proved, in the last minutes, what it takes to change something about the
// account: two factors where the person has a second one that an organization takes, and no mail code
// beside it, for whoever reads the mailbox must not be able to take the better one away (see
// Policy.changing). It reports false, having sent the browser to prove it and to come back to page, for
// everybody else.
func (s *Server) sudo(w http.ResponseWriter, r *http.Request, page string) (visit, bool, error) {
	v, _, err := s.resident(r)
	if err != nil {
		return v, false, err
	}
	own := toChange(page)
	if v.tx.UserID == "" { // the page asks again, once it is known whom
		return v, false, s.beginHere(w, r, Transaction{Return: page})
	}
	v.tx.Changes, v.tx.Demand = own.Changes, own.Demand
	v.tx.Demand.Silent = true
	if v.step = v.facts.next(v.tx, v.now); v.step.Kind == Done {
		return v, true, nil
	}
	return v, false, s.beginHere(w, r, own)
}

// toChange is a sign-in that goes on to a page that changes the account.
func toChange(page string) Transaction {
	age := sudoAge
	return Transaction{Return: page, Changes: true, Demand: Demand{MaxAge: &age}}
}

// shows is around what only those may see, or begin, who may also change it. It changes nothing.
func (s *Server) shows(page func(*http.Request) string, h residentFunc) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		v, ok, err := s.sudo(w, r, page(r))
		if err != nil || !ok {
			return err
		}
		return h(w, r, v)
	})
}

// changes is around every change of the account: it asks for the proofs, does what the form says
// together with its event and its mail, and says on the account page that it is done. There are only so
// many in an hour: nobody's mailbox is to be flooded.
func (s *Server) changes(page func(*http.Request) string, h deedFunc) http.Handler {
	return s.handle(func(w http.ResponseWriter, r *http.Request) error {
		for try := range raceLimit {
			v, ok, err := s.sudo(w, r, page(r))
			if err != nil || !ok {
				return err
			}
			d, err := h(w, r, v)
			if err != nil || d == nil {
				return err
			}
			if try == 0 {
				if ok, err := s.mayChange(w, r, v, changeRate); err != nil || !ok {
					return err
				}
			}
			if anew, err := s.perform(w, r, v, d); err != nil || !anew {
				return err
			}
		}
		return errBusy
	})
}

// perform does what was decided, and answers. It returns true, without an answer, when something that
// was decided on has changed at this very moment.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, v visit, d *deed) (anew bool, err error) {
	event := d.event
	event.At, event.UserID, event.OrgID = v.now, v.user.ID, v.org.ID
	if event.SessionID == "" {
		event.SessionID = v.session.ID
	}
	trail := storage.With(event)
	s.notify(&trail, v.user, d.tell, "", v.now, storage.OriginOf(r.Context()))
	failure := d.do(r.Context(), trail)
	if failure == nil {
		s.seeDone(w, r, d.done)
		return false, nil
	}
	if d.failed != nil {
		if answered, err := d.failed(w, r, failure); answered || err != nil {
			return false, err
		}
	}
	switch {
	case errors.Is(failure, storage.ErrConflict):
		return true, nil
	case errors.Is(failure, storage.ErrNotFound):
		return false, s.noSuch(w, r)
	}
	return false, storeFailed("change the account", failure)
}

// seeDone goes to the account page, which says what was done.
func (s *Server) seeDone(w http.ResponseWriter, r *http.Request, word string) {
	http.Redirect(w, r, donePath(word), http.StatusSeeOther)
}

func donePath(word string) string { return accountPath + "?done=" + word }

// doneWord is what a request asks the account page to say was done; empty for nothing.
func doneWord(r *http.Request) string {
	if word := r.URL.Query().Get("done"); slices.Contains(doneWords, word) {
		return word
	}
	return ""
}

// mayChange counts one more change of the person at a rate. It returns false, having answered, where there are
// too many.
func (s *Server) mayChange(w http.ResponseWriter, r *http.Request, v visit, at rate) (bool, error) {
	var many tooMany
	err := s.allow(r.Context(), at, v.user.ID, v.now)
	if errors.As(err, &many) {
		return false, s.tooManyChanges(w, r, many.wait)
	}
	return err == nil, err
}

// tooManyChanges is the page for who changes the account all the time.
func (s *Server) tooManyChanges(w http.ResponseWriter, r *http.Request, wait time.Duration) error {
	w.Header().Set("Retry-After", seconds(wait))
	page := templates.Notice{Frame: s.frame(r, Demand{}), Title: templates.Text{Key: "account.many.title"}}
	page.Body = []templates.Text{{Key: "account.many.body", Args: map[string]any{"Wait": wait}}}
	page.Link = templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.account"}}
	return templates.Serve(w, r, http.StatusTooManyRequests, page)
}

// noSuch is the page for what is gone, or is another person's: which of the two is not said.
func (s *Server) noSuch(w http.ResponseWriter, r *http.Request) error {
	page := templates.Notice{Frame: s.frame(r, Demand{})}
	page.Title, page.Body = said("account.gone")
	page.Link = templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.account"}}
	return templates.Serve(w, r, http.StatusNotFound, page)
}
