package demo

import (
	"crypto/rand"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"
)

const (
	attemptLifetime = 30 * time.Minute
	sessionLifetime = 12 * time.Hour
	mostAttempts    = 8    // tabs of one browser that may be signing in at once
	mostSessions    = 1000 // of this demo; a real app keeps them in a store
)

// session is what the app knows of one browser.
type session struct {
	mu       sync.Mutex
	attempts map[string]attempt // sign-ins under way, by state
	person   *person            // nil: nobody is signed in
	created  time.Time
}

// attempt is a sign-in under way. It lives here, bound to the browser by the cookie, so that
// nobody can finish in this browser what was begun in another.
type attempt struct {
	nonce    string
	verifier string // PKCE
	begun    time.Time
	asked    url.Values // what the provider was asked for besides

	prescription string // what is to be signed when it is done; empty: nothing
	subject      string // by whom
}

// person is who signed in.
type person struct {
	token    *oauth2.Token
	idToken  string // as it came: the hint for signing out
	claims   map[string]any
	userinfo map[string]any // what the userinfo endpoint said last
	note     string         // what the last button did; shown once

	signatures map[string]signature // of prescriptions, by their ids
}

// sessions are in memory: a restart of the demo forgets them, and the provider signs people in
// again without asking.
type sessions struct {
	cookie string
	secure bool

	mu   sync.Mutex
	byID map[string]*session
}

// newSessions names the cookie after the client: cookies do not tell the ports of localhost
// apart, and both demo apps live there.
func newSessions(clientID, baseURL string) *sessions {
	s := &sessions{cookie: "demo-" + clientID, byID: map[string]*session{}}
	if strings.HasPrefix(baseURL, "https://") {
		s.cookie, s.secure = "__Host-"+s.cookie, true
	}
	return s
}

// of is the session of the browser, or nil.
func (s *sessions) of(r *http.Request) *session {
	c, err := r.Cookie(s.cookie)
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byID[c.Value]
	if found == nil || time.Since(found.created) > sessionLifetime {
		return nil
	}
	return found
}

// begin gives the browser a new session under a new id. It is called for a browser without one,
// and again when somebody has signed in: an id that was known before must not become theirs.
// Sign-ins under way in other tabs go on.
func (s *sessions) begin(w http.ResponseWriter, r *http.Request, p *person) *session {
	fresh := &session{attempts: map[string]attempt{}, person: p, created: time.Now()}
	if old := s.of(r); old != nil {
		old.mu.Lock()
		fresh.attempts = maps.Clone(old.attempts)
		old.mu.Unlock()
	}
	s.forget(r)
	id := rand.Text() + rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	for old, o := range s.byID {
		if len(s.byID) >= mostSessions || time.Since(o.created) > sessionLifetime {
			delete(s.byID, old)
		}
	}
	s.byID[id] = fresh
	http.SetCookie(w, &http.Cookie{
		Name: s.cookie, Value: id, Path: "/", Secure: s.secure, HttpOnly: true,
		SameSite: http.SameSiteLaxMode, // sent when the provider redirects here; not on other sites' requests
		MaxAge:   int(sessionLifetime.Seconds()),
	})
	return fresh
}

// forget makes the session of the browser unknown. The browser may keep the cookie: it is good for
// nothing.
func (s *sessions) forget(r *http.Request) {
	if c, err := r.Cookie(s.cookie); err == nil {
		s.mu.Lock()
		delete(s.byID, c.Value)
		s.mu.Unlock()
	}
}

// end forgets the session of the browser and removes the cookie.
func (s *sessions) end(w http.ResponseWriter, r *http.Request) {
	s.forget(r)
	http.SetCookie(w, &http.Cookie{Name: s.cookie, Path: "/", Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode, MaxAge: -1})
}

// remember keeps a sign-in under way, and drops old ones. The lock of the session is held.
func (s *session) remember(state string, a attempt) {
	for k, old := range s.attempts {
		if len(s.attempts) >= mostAttempts || time.Since(old.begun) > attemptLifetime {
			delete(s.attempts, k)
		}
	}
	s.attempts[state] = a
}

// take returns the sign-in of a state, once.
func (s *session) take(state string) (attempt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.attempts[state]
	delete(s.attempts, state)
	return a, ok && time.Since(a.begun) <= attemptLifetime
}
