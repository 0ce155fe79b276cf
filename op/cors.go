package op

import (
	"net/http"
	"slices"
)

// anyOrigin lets every site read what is public anyway: the discovery document and the keys.
func anyOrigin(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.ServeHTTP(w, r)
	})
}

// preflight answers a browser that asks whether a script of another origin may call an endpoint.
// The question names no client, so it is enough that some client has registered the origin; the
// answer to the call itself can be read only where its own client has (allowOrigin).
// Credentials are never allowed: no cookie plays a part at these endpoints.
func (p *Provider) preflight(methods string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := p.allowKnownOrigin(w, r); err != nil {
			p.apiError(w, r, err)
			return
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			w.Header().Set("Access-Control-Allow-Methods", methods)
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// allowKnownOrigin lets a script of an origin that any client has registered read the answer. It is
// for answers that say nothing of anybody: to a preflight, and to a token that is no token.
func (p *Provider) allowKnownOrigin(w http.ResponseWriter, r *http.Request) error {
	w.Header().Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if origin == "" {
		return nil
	}
	known, err := p.clients.Origin(r.Context(), origin)
	if err != nil {
		return storeFailed("read origins", err)
	}
	if known {
		allow(w, origin)
	}
	return nil
}

// allowOrigin lets a script of an origin that the client has registered read the answer.
func allowOrigin(w http.ResponseWriter, r *http.Request, c Client) {
	w.Header().Add("Vary", "Origin")
	if origin := r.Header.Get("Origin"); origin != "" && slices.Contains(c.Origins, origin) {
		allow(w, origin)
	}
}

func allow(w http.ResponseWriter, origin string) {
	w.Header().Set("Access-Control-Allow-Origin", origin)
	w.Header().Set("Access-Control-Expose-Headers", "WWW-Authenticate, Retry-After")
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin")
}
