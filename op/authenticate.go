package op

import (
	"errors"
	"net/http"
	"time"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/storage"
)

// authenticate finds the client of a request and checks that it is the one, in the one way that it
// is registered for. A script of an origin of the client may read the answer, whatever it is.
func (p *Provider) authenticate(w http.ResponseWriter, r *http.Request, given request.Client, now time.Time) (Client, error) {
	c, err := p.client(r.Context(), given.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return Client{}, refuse(request.InvalidClient, "The client is unknown.")
	case err != nil:
		return Client{}, err
	}
	allowOrigin(w, r, c)
	switch {
	case string(given.Method) != string(c.AuthMethod):
		return Client{}, refuse(request.InvalidClient, "The client is registered for another way to authenticate.")
	case c.AuthMethod != AuthNone && !p.secretMatches(c, given.Secret, now):
		return Client{}, refuse(request.InvalidClient, "The client secret is wrong or has expired.")
	}
	return c, nil
}

// secretMatches compares a secret with every one that the client has, so that how long it takes
// says nothing.
func (p *Provider) secretMatches(c Client, secret string, now time.Time) bool {
	found := false
	for _, s := range c.Secrets {
		live := s.Expires.IsZero() || now.Before(s.Expires)
		if p.secrets.Matches(s.Hash, SecretPurpose, secret) && live {
			found = true
		}
	}
	return found
}
