package api

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

// Scope is what an access token has to be for.
const Scope = "admin"

// Config is everything that a Server rests on. Every field is required.
type Config struct {
	Issuer  string
	Keys    *keys.Ring
	Clients Clients
	Support login.Support
	Now     func() time.Time
}

// Clients finds out whether a client is still in use.
type Clients interface {
	Client(ctx context.Context, id string) (op.Client, error)
}

// Server is the API. It is safe for concurrent use.
type Server struct{ Config }

// New returns a Server.
func New(c Config) (*Server, error) {
	if c.Issuer == "" || c.Keys == nil || c.Clients == nil || c.Support.Store == nil || c.Support.Notices == nil || c.Support.Now == nil || c.Now == nil {
		return nil, errors.New("api: the configuration is not complete")
	}
	return &Server{c}, nil
}

//go:embed openapi.yaml
var document []byte

// Mount adds the operations, their document, and an answer to everything else below /api/.
func (s *Server) Mount(mux *http.ServeMux) {
	HandlerWithOptions(operations{s}, StdHTTPServerOptions{
		BaseURL: "/api/v1", BaseRouter: mux,
		ErrorHandlerFunc: func(w http.ResponseWriter, r *http.Request, _ error) {
			s.explain(w, r, problem{http.StatusBadRequest, "The address cannot be read", "Look at /api/v1/openapi.yaml."})
		},
	})
	mux.HandleFunc("GET /api/v1/openapi.yaml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = w.Write(document) // when it fails the other side has gone
	})
	mux.Handle("/api/", s.handle(func(http.ResponseWriter, *http.Request, caller) error {
		return problem{http.StatusNotFound, "There is no such operation", "Look at /api/v1/openapi.yaml."}
	}))
}

// caller is the client that asks.
type caller struct{ clientID string }

type handlerFunc func(w http.ResponseWriter, r *http.Request, by caller) error

// handle is around every operation: who may ask, and what becomes of an error.
func (s *Server) handle(h handlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		by, err := s.authorize(r)
		if err == nil {
			err = h(w, r, by)
		}
		if err != nil {
			s.explain(w, r, err)
		}
	})
}

// authorize finds out which client asks, and whether it may.
func (s *Server) authorize(r *http.Request) (caller, error) {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	given = strings.TrimSpace(given)
	if !strings.EqualFold(scheme, "Bearer") || given == "" {
		return caller{}, unauthorized{}
	}
	claims, err := token.ParseAccess(s.Keys, given, s.Issuer, s.Now())
	switch {
	case err != nil, !slices.Contains(claims.Audience, s.Issuer):
		return caller{}, unauthorized{code: "invalid_token"}
	case !slices.Contains(claims.Scopes(), Scope), claims.GrantID != "", claims.Subject != claims.ClientID:
		// A person's token has no place here, whatever it may ask for: what a person may
		// administer is not a matter of scopes.
		return caller{}, forbidden{}
	}
	// The token outlives what is done to its client by five minutes. This is no place to wait.
	c, err := s.Clients.Client(r.Context(), claims.ClientID)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && !c.Disabled.IsZero():
		return caller{}, unauthorized{code: "invalid_token"}
	case err != nil:
		return caller{}, err
	case !slices.Contains(c.Scopes, Scope):
		return caller{}, forbidden{}
	}
	return caller{clientID: c.ID}, nil
}

// operations is what the generated router calls.
type operations struct{ *Server }

var _ ServerInterface = operations{}

// ResetMFA implements ServerInterface.
func (o operations) ResetMFA(w http.ResponseWriter, r *http.Request, id UserID) {
	o.handle(func(w http.ResponseWriter, r *http.Request, by caller) error {
		var body Reset
		if err := read(w, r, &body); err != nil {
			return err
		}
		reset, err := o.Support.ResetMFA(r.Context(), id, by.why(body.Reason))
		if err != nil {
			return err
		}
		return write(w, http.StatusOK, ResetDone{UserId: id, Removed: reset.Removed, HasPassword: reset.HasPassword})
	}).ServeHTTP(w, r)
}

// CreateEnrollmentTicket implements ServerInterface.
func (o operations) CreateEnrollmentTicket(w http.ResponseWriter, r *http.Request, id UserID) {
	o.handle(func(w http.ResponseWriter, r *http.Request, by caller) error {
		var body TicketRequest
		if err := read(w, r, &body); err != nil {
			return err
		}
		valid := login.TicketLifetime
		if body.ValidSeconds != nil {
			const most = int(24 * time.Hour / time.Second) // login says so too; this one keeps the product in range
			valid = time.Duration(min(*body.ValidSeconds, most+1)) * time.Second
		}
		code, expires, err := o.Support.Ticket(r.Context(), id, valid, by.why(body.Reason))
		if err != nil {
			return err
		}
		return write(w, http.StatusCreated, Ticket{UserId: id, Ticket: code, Expires: expires.UTC()})
	}).ServeHTTP(w, r)
}

func (c caller) why(reason string) login.Why {
	return login.Why{Actor: "api", ClientID: c.clientID, Reason: reason}
}

func write(w http.ResponseWriter, status int, body any) error {
	b, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // when it fails the other side has gone
	return nil
}
