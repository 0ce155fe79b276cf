package resource

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Refusal is the answer to a request whose access token is missing, not good, or not enough.
type Refusal struct {
	Status    int
	Challenge Challenge
}

func (r *Refusal) Error() string {
	if r.Challenge.Code == "" {
		return "no access token"
	}
	return r.Challenge.Code + ": " + r.Challenge.Description
}

var (
	errNoToken = &Refusal{Status: http.StatusUnauthorized}
	// errBadToken is the same for whatever is wrong with a token.
	errBadToken = &Refusal{http.StatusUnauthorized, Challenge{Code: "invalid_token", Description: "The access token is not valid or has expired."}}
)

// refuse answers a request that may not pass: who has to do something about it gets a challenge.
// Without the provider's keys, or its word where that is needed, nobody passes, and the token is not to
// blame.
func refuse(w http.ResponseWriter, err error) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	body := struct {
		Code        string `json:"error,omitempty"`
		Description string `json:"error_description,omitempty"`
	}{"temporarily_unavailable", "Access tokens cannot be verified at the moment."}
	status := http.StatusServiceUnavailable
	var refused *Refusal
	if errors.As(err, &refused) {
		status, body.Code, body.Description = refused.Status, refused.Challenge.Code, refused.Challenge.Description
		h.Set("WWW-Authenticate", refused.Challenge.String())
	} else {
		h.Set("Retry-After", "5")
	}
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // two strings encode; a caller that has gone needs no answer
}
