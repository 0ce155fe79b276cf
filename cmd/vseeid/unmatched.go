package main

import (
	"log/slog"
	"net/http"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// notices are the pages of what no other handler answers: the bare address, an unknown one, a method
// that an address does not take, a panic.
type notices struct {
	frame templates.Frame
	log   *slog.Logger
}

// serve shows a notice whose texts are notice.<name>.title and .body, and the reference of the log.
func (n notices) serve(w http.ResponseWriter, r *http.Request, status int, name string) {
	n.show(w, r, status, name, storage.OriginOf(r.Context()).RequestID, templates.Action{})
}

// root is what the bare address says: there is nothing wrong, so there is no reference.
func (n notices) root(w http.ResponseWriter, r *http.Request) {
	n.show(w, r, http.StatusOK, "root", "", templates.Action{URL: "/account", Label: templates.Text{Key: "notice.account"}})
}

func (n notices) show(w http.ResponseWriter, r *http.Request, status int, name, reference string, link templates.Action) {
	err := templates.Serve(w, r, status, templates.Notice{
		Frame:     n.frame,
		Title:     templates.Text{Key: "notice." + name + ".title"},
		Body:      []templates.Text{{Key: "notice." + name + ".body"}},
		Reference: reference,
		Link:      link,
	})
	if err != nil {
		n.log.ErrorContext(r.Context(), "page of a notice", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
	}
}

func (n notices) unexpected(w http.ResponseWriter, r *http.Request) {
	n.serve(w, r, http.StatusInternalServerError, "error")
}

// withPages serves mux, and a page where it would say in plain text that nothing is there. The mux
// itself tells which of the two it is, and for a wrong method what is allowed.
func (n notices) withPages(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		said := verdict{header: http.Header{}}
		h.ServeHTTP(&said, r)
		if said.status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", said.header.Get("Allow"))
			n.serve(w, r, http.StatusMethodNotAllowed, "method")
			return
		}
		n.serve(w, r, http.StatusNotFound, "notfound")
	})
}

// verdict is a ResponseWriter that keeps the status and the header and drops the rest.
type verdict struct {
	header http.Header
	status int
}

func (v *verdict) Header() http.Header         { return v.header }
func (v *verdict) WriteHeader(status int)      { v.status = status }
func (v *verdict) Write(b []byte) (int, error) { return len(b), nil }
