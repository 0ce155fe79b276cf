package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// problem is an answer of application/problem+json (RFC 9457).
type problem struct {
	status        int
	title, detail string
}

func (p problem) Error() string { return p.title }

// unauthorized asks for an access token; with a code, for a better one (RFC 6750, 3).
type unauthorized struct{ code string }

func (unauthorized) Error() string { return "no good access token" }

// forbidden says that the access token is good, and not for this.
type forbidden struct{}

func (forbidden) Error() string { return "insufficient scope" }

// bodyLimit is more than any of our bodies has.
const bodyLimit = 16 << 10

// read reads the body: one JSON object with fields that the operation knows.
func read(w http.ResponseWriter, r *http.Request, body any) error {
	if t, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return problem{http.StatusUnsupportedMediaType, "The body has to be application/json", "Set Content-Type to application/json."}
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyLimit))
	d.DisallowUnknownFields()
	err := d.Decode(body)
	if err == nil {
		if _, next := d.Token(); !errors.Is(next, io.EOF) {
			err = errors.New("more than one value")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return problem{http.StatusRequestEntityTooLarge, "The body is too large", "It may have 16 KiB."}
	case err != nil: // whose text may quote the body
		return problem{http.StatusBadRequest, "The body cannot be read", "It has to be one JSON object with the fields of /api/v1/openapi.yaml and no others."}
	}
	return nil
}

// explain answers with what went wrong.
func (s *Server) explain(w http.ResponseWriter, r *http.Request, err error) {
	var (
		p  problem
		un unauthorized
	)
	switch {
	case errors.As(err, &p):
	case errors.As(err, &un):
		challenge := "Bearer"
		if un.code != "" {
			challenge += ` error="` + un.code + `", error_description="The access token is not valid or has ended."`
		}
		w.Header().Set("WWW-Authenticate", challenge)
		p = problem{http.StatusUnauthorized, "An access token is needed", "Get one with a client_credentials grant and the scope " + Scope + "."}
	case errors.As(err, &forbidden{}):
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", error_description="The access token is not for this.", scope="`+Scope+`"`)
		p = problem{http.StatusForbidden, "The access token is not for this", "It has to be of a client_credentials grant with the scope " + Scope + "."}
	case errors.Is(err, storage.ErrNotFound):
		p = problem{http.StatusNotFound, "There is no such person", "The id is the sub of the person's tokens."}
	case errors.Is(err, login.ErrReason), errors.Is(err, login.ErrLifetime):
		p = problem{http.StatusBadRequest, "A value cannot be taken", err.Error()}
	default:
		level := slog.LevelError
		p = problem{http.StatusServiceUnavailable, "It did not work", "Try again in a moment. Nothing was changed by halves."}
		if errors.Is(r.Context().Err(), context.Canceled) { // nobody waits for the answer any more
			level = slog.LevelInfo
		}
		w.Header().Set("Retry-After", "5")
		slog.Log(r.Context(), level, "api failed", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
	}
	body := Problem{Type: "about:blank", Title: p.title, Status: p.status, Detail: &p.detail}
	if id := storage.OriginOf(r.Context()).RequestID; id != "" {
		body.Instance = &id
	}
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings and a number
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(p.status)
	_, _ = w.Write(append(b, '\n')) // when it fails the other side has gone
}
