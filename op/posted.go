package op

import (
	"crypto/rand"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/storage"
)

// maxPosted bounds what is kept of a request. A real one is a fraction of it.
const maxPosted = 8 << 10

// postedLifetime is how long a request that came by POST may be read again.
const postedLifetime = 2 * time.Minute

// keepPosted answers a POST that may come from another site. The browser sends it without our
// cookies, which are SameSite=Lax, so nothing could be said about its person; it is kept, and the
// browser sent for it by GET, which brings them. Every POST goes this one way.
//
// The id in the new address says no more than the parameters of a GET would have.
func (p *Provider) keepPosted(w http.ResponseWriter, r *http.Request, path string, values url.Values) error {
	encoded := values.Encode()
	if len(encoded) > maxPosted {
		return errTooLarge
	}
	if p.admit != nil {
		wait, err := p.admit(r.Context())
		if err != nil {
			return storeFailed("ask the limits", err)
		}
		if wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			p.notice(w, r, http.StatusTooManyRequests, simpleNotice("notice.toomany"))
			return nil
		}
	}
	id := rand.Text()
	if err := p.codes.SaveRequest(r.Context(), id, []byte(encoded), p.now().Add(postedLifetime)); err != nil {
		return storeFailed("save posted request", err)
	}
	w.Header().Set("Location", path+"/posted/"+id)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// onValues is a handler of an address that takes its parameters as a GET or as a POST.
type onValues func(w http.ResponseWriter, r *http.Request, values url.Values) error

// posted answers the GET that keepPosted asked for, as h answers a GET with the same parameters, or
// by gone when it was kept too long ago.
func (p *Provider) posted(h onValues, gone func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		kept, err := p.codes.Request(r.Context(), r.PathValue("id"))
		switch {
		case errors.Is(err, storage.ErrNotFound):
			return gone(w, r)
		case err != nil:
			return storeFailed("read posted request", err)
		}
		return parsed(w, r, string(kept), h)
	}
}

// query answers a GET by h with the parameters of the address.
func query(h onValues) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error { return parsed(w, r, r.URL.RawQuery, h) }
}

func parsed(w http.ResponseWriter, r *http.Request, encoded string, h onValues) error {
	values, refused := request.ParseForm(encoded)
	if refused != nil {
		return refused
	}
	return h(w, r, values)
}
