package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// What can go wrong with a request of a person, beside what is our fault.
var (
	errLost         = errors.New("no such sign-in")
	errFinished     = errors.New("the sign-in is finished")
	errOtherBrowser = errors.New("the sign-in began in another browser")
	errCrossOrigin  = errors.New("the form was posted from another origin")
	errMediaType    = errors.New("the form is not urlencoded")
	errForm         = errors.New("the form cannot be read")
	errTooLarge     = errors.New("the form is too large")
	errBusy         = errors.New("too many are waiting")
	errNoMail       = errors.New("no mail is under way")
)

// tooMany says that an address has to wait.
type tooMany struct{ wait time.Duration }

func (tooMany) Error() string { return "too many requests" }

// unavailable is what a store said that is neither of storage's two words: it could not answer. The
// person is told to come back in a moment; the log is told why.
type unavailable struct{ err error }

func (u unavailable) Error() string { return u.err.Error() }
func (u unavailable) Unwrap() error { return u.err }

func storeFailed(doing string, err error) error {
	return unavailable{fmt.Errorf("%s: %w", doing, err)}
}

// otherBrowser is errOtherBrowser about a sign-in.
type otherBrowser struct{ tx Transaction }

func (otherBrowser) Error() string { return errOtherBrowser.Error() }
func (otherBrowser) Unwrap() error { return errOtherBrowser }

// formLimit is more than any of our forms has.
const formLimit = 64 << 10

type handlerFunc func(w http.ResponseWriter, r *http.Request) error

// handle is around every page: what a form must be, and what becomes of an error.
func (s *Server) handle(h handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := s.form(w, r)
		if err == nil {
			err = h(w, r)
		}
		if err == nil {
			return
		}
		if err := s.explain(w, r, err); err != nil {
			// The page itself cannot be shown, or nobody is there to read it.
			slog.ErrorContext(r.Context(), "error page", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
			http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		}
	})
}

// form checks and reads the form of a POST: from a page of ours, and of an address that does not
// flood us.
func (s *Server) form(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	// Every browser of these years says where a form comes from. One that does not is held by nothing but
	// SameSite.
	if silent := r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""; silent || s.origins.Check(r) != nil {
		return errCrossOrigin
	}
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/x-www-form-urlencoded" {
		return errMediaType
	}
	if err := s.admit(r.Context(), answerRate, s.Now()); err != nil {
		return err
	}
	r.Body = http.MaxBytesReader(w, r.Body, formLimit)
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return errTooLarge
		}
		return errForm
	}
	return s.keepCan(w, r)
}

// explain shows the page of an error.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, err error) error {
	var (
		many  tooMany
		down  unavailable
		title = "notice.error"
		code  = http.StatusInternalServerError
		page  = templates.Notice{Frame: s.frame(r, Demand{})}
	)
	switch {
	case errors.Is(err, errLost), errors.Is(err, errFinished), errors.Is(err, errOtherBrowser):
		return s.restart(w, r, err)
	case errors.As(err, &many):
		title, code = "notice.toomany", http.StatusTooManyRequests
		w.Header().Set("Retry-After", seconds(many.wait))
	case errors.Is(err, errBusy):
		title, code = "notice.toomany", http.StatusServiceUnavailable
		w.Header().Set("Retry-After", seconds(busyRetry))
	case errors.Is(err, errCrossOrigin):
		title, code = "notice.csrf", http.StatusForbidden
	case errors.Is(err, errMediaType):
		title, code = "notice.method", http.StatusUnsupportedMediaType
	case errors.Is(err, errTooLarge):
		title, code = "notice.method", http.StatusRequestEntityTooLarge
	case errors.Is(err, errForm):
		title, code = "notice.method", http.StatusBadRequest
	case errors.Is(err, errNoMail):
		title, code = "notice.notfound", http.StatusNotFound
	default:
		if errors.As(err, &down) {
			code = http.StatusServiceUnavailable
			w.Header().Set("Retry-After", seconds(busyRetry))
		}
		page.Reference = storage.OriginOf(r.Context()).RequestID
		level := slog.LevelError
		if errors.Is(r.Context().Err(), context.Canceled) { // nobody waits for the answer any more
			level, code = slog.LevelInfo, http.StatusBadRequest
		}
		slog.Log(r.Context(), level, "sign-in failed", "request_id", page.Reference, "error", err)
	}
	page.Title, page.Body = said(title)
	if errors.Is(err, errBusy) {
		page.Body = []templates.Text{{Key: "busy.retry"}}
	}
	return templates.Serve(w, r, code, page)
}

// restart is the page for a sign-in that cannot go on. It leads back into a new one for the same
// app where that is known: by the request of old, which the app still waits for, or through the app
// when it does not, or never did from this browser.
func (s *Server) restart(w http.ResponseWriter, r *http.Request, err error) error {
	mark, known := s.bookmarkOf(r, r.PathValue("tx"))
	title, code := "notice.lost", http.StatusGone
	page := templates.Notice{Frame: s.frame(r, Demand{})}
	var (
		foreign otherBrowser
		app     string
	)
	switch {
	case errors.As(err, &foreign):
		title, code = "notice.otherbrowser", http.StatusForbidden
		if !known {
			page.App = foreign.tx.Demand.App.Name
			app = s.atApp(r, foreign.tx.Request)
		}
	case errors.Is(err, errFinished), known && mark.Done:
		title = "notice.finished"
		if known {
			app = s.atApp(r, mark.Request)
		}
	case known && s.Now().Sub(mark.Started) >= TransactionIdle:
		title = "notice.expired"
	}
	page.Title, page.Body = said(title)
	switch {
	case known && mark.Return != "":
		page.Link = templates.Action{URL: mark.Return, Label: templates.Text{Key: "notice.again"}}
	case !known && foreign.tx.Return != "":
		page.Link = templates.Action{URL: accountPath, Label: templates.Text{Key: "notice.again"}}
	case app != "" && !known:
		page.Link = templates.Action{URL: app, Label: templates.Text{Key: "notice.back"}}
	case app != "":
		page.Link = templates.Action{URL: app, Label: templates.Text{Key: "notice.again"}}
	case foreign.tx.ID != "" && !known:
		page.Link = templates.Action{URL: s.StartElsewhere(foreign.tx.Request), Label: templates.Text{Key: "notice.again"}}
	case known:
		page.Link = templates.Action{URL: s.StartAgain(mark.Request), Label: templates.Text{Key: "notice.again"}}
	default:
		page.Body = append(page.Body, templates.Text{Key: "notice.gone.norestart"})
	}
	return templates.Serve(w, r, code, page)
}

// atApp is AtApp for a page that can do without.
func (s *Server) atApp(r *http.Request, request []byte) string {
	if s.AtApp == nil || len(request) == 0 {
		return ""
	}
	address, err := s.AtApp(r.Context(), request)
	if err != nil {
		slog.WarnContext(r.Context(), "the app's address", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
		return ""
	}
	return address
}

// said is the heading and the text of a notice.
func said(key string) (templates.Text, []templates.Text) {
	return templates.Text{Key: key + ".title"}, []templates.Text{{Key: key + ".body"}}
}

// busyRetry is when to come back to a provider whose processors are all at work.
const busyRetry = 5 * time.Second

// seconds writes a Retry-After: whole seconds, rounded up, at least one.
func seconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}

// frame is what is around every page of a demand.
func (s *Server) frame(r *http.Request, d Demand) templates.Frame {
	return templates.Frame{
		Brand: s.Brand, App: d.App.Name, Locale: templates.Locale(d.Locales, r.Header.Get("Accept-Language")),
	}
}
