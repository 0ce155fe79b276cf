package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"strings"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

const (
	// maxBody bounds every form that this package reads.
	maxBody = 64 << 10
	// retryAfter is what a caller is told, in seconds, when a store does not answer.
	retryAfter = "2"
)

// unavailable is what a store said that is neither of storage's two words: it could not answer.
// The caller is told to come back; the log is told why.
type unavailable struct{ err error }

func (u unavailable) Error() string { return u.err.Error() }
func (u unavailable) Unwrap() error { return u.err }

func storeFailed(doing string, err error) error {
	return unavailable{fmt.Errorf("%s: %w", doing, err)}
}

// refuse is an error of the protocol.
func refuse(code, description string) *request.Error {
	return &request.Error{Code: code, Description: description}
}

// fault is what becomes of an error that is none of the protocol: the status, the OAuth error and a
// sentence with the reference that the log has too. It never shows the error.
func fault(ctx context.Context, err error) (status int, shown *request.Error) {
	reference := storage.OriginOf(ctx).RequestID
	var down unavailable
	switch {
	case errors.As(err, &down):
		status, shown = http.StatusServiceUnavailable, &request.Error{
			Code: "temporarily_unavailable", Description: "Please try again in a moment.",
		}
	default:
		status, shown = http.StatusInternalServerError, &request.Error{
			Code: "server_error", Description: "Something went wrong on our side.",
		}
	}
	if reference != "" {
		shown.Description += " Reference: " + reference
	}
	level := slog.LevelError
	if errors.Is(ctx.Err(), context.Canceled) { // nobody is there to be told, and the error is likely just that
		level, status = slog.LevelInfo, http.StatusBadRequest
	}
	slog.Log(ctx, level, "request failed", "request_id", reference, "error", err)
	return status, shown
}

// api is the face of the endpoints that programs call: JSON in every case, never cached.
func (p *Provider) api(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
			p.apiError(w, r, err)
		}
	})
}

func (p *Provider) apiError(w http.ResponseWriter, r *http.Request, err error) {
	var bearer *bearerError
	if errors.As(err, &bearer) {
		bearer.write(w)
		return
	}
	var shown *request.Error
	status := http.StatusBadRequest
	if errors.As(err, &shown) {
		status = refusedStatus(shown)
	} else {
		status, shown = fault(r.Context(), err)
	}
	switch {
	case shown.Code == "invalid_client":
		status = http.StatusUnauthorized
		if strings.HasPrefix(strings.ToLower(r.Header.Get("Authorization")), "basic ") {
			w.Header().Set("WWW-Authenticate", `Basic realm="`+p.issuer+`", charset="UTF-8"`)
		}
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", retryAfter)
	}
	writeError(w, status, shown.Code, shown.Description)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	write(w, body)
	return nil
}

// writeError writes an OAuth error (RFC 6749 section 5.2); an empty object without a code.
func writeError(w http.ResponseWriter, status int, code, description string) {
	_ = writeJSON(w, status, struct { // two strings always encode
		Code        string `json:"error,omitempty"`
		Description string `json:"error_description,omitempty"`
	}{code, description})
}

// write sends the body of an answer. When it fails the other side has gone, and there is nobody to
// tell.
func write(w http.ResponseWriter, body []byte) { _, _ = w.Write(body) }

// page is the face of the endpoints that people's browsers open: a page in every case.
func (p *Provider) page(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
			p.pageError(w, r, err)
		}
	})
}

func (p *Provider) pageError(w http.ResponseWriter, r *http.Request, err error) {
	var shown *request.Error
	if errors.As(err, &shown) {
		p.notice(w, r, refusedStatus(shown), templates.Notice{
			Title: templates.Text{Key: "notice.badrequest.title"},
			Body: []templates.Text{{
				Key: "notice.badrequest.body", Args: map[string]any{"Reason": shown.Description},
			}},
			Reference: storage.OriginOf(r.Context()).RequestID,
		})
		return
	}
	status, _ := fault(r.Context(), err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", retryAfter)
	}
	p.notice(w, r, status, simpleNotice("notice.error"))
}

func refusedStatus(e *request.Error) int {
	switch e {
	case errNotForm:
		return http.StatusUnsupportedMediaType
	case errTooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

func simpleNotice(key string) templates.Notice {
	return templates.Notice{
		Title: templates.Text{Key: key + ".title"}, Body: []templates.Text{{Key: key + ".body"}},
	}
}

// wrongMethod and wrongPageMethod answer a method that a path has no use for.
func wrongMethod(w http.ResponseWriter, _ *http.Request) {
	writeError(w, http.StatusMethodNotAllowed, request.InvalidRequest, "The method is not one of this endpoint.")
}

func (p *Provider) wrongPageMethod(w http.ResponseWriter, r *http.Request) {
	p.notice(w, r, http.StatusMethodNotAllowed, simpleNotice("notice.method"))
}

// notice shows a page that says what happened, with the reference that the log has too when it is
// about a fault of ours.
func (p *Provider) notice(w http.ResponseWriter, r *http.Request, status int, n templates.Notice) {
	n.Frame = p.frame(r, n.App, nil)
	if status >= 500 {
		n.Reference = storage.OriginOf(r.Context()).RequestID
	}
	if err := templates.Serve(w, r, status, n); err != nil {
		slog.ErrorContext(r.Context(), "page failed", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
	}
}

// What is wrong with a body that is not even looked at.
var (
	errNotForm  = &request.Error{Code: request.InvalidRequest, Description: "The body has to be application/x-www-form-urlencoded."}
	errTooLarge = &request.Error{Code: request.InvalidRequest, Description: "The body is too large or did not arrive."}
)

// form reads the body of a POST. Parameters in the query are no part of it: credentials and codes
// do not belong into URLs, which end up in logs.
func form(r *http.Request) (url.Values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errNotForm
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, errTooLarge
	}
	values, refused := request.ParseForm(string(body))
	if refused != nil {
		return nil, refused
	}
	return values, nil
}
