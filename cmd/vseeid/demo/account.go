package demo

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// home shows who is signed in.
func (a *app) home(w http.ResponseWriter, r *http.Request) error {
	s := a.sessions.of(r)
	if s == nil {
		a.render(w, http.StatusOK, page{})
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.person == nil {
		a.render(w, http.StatusOK, page{})
		return nil
	}
	shown := signedIn(s.person)
	s.person.note = ""
	a.render(w, http.StatusOK, shown)
	return nil
}

// refresh gets new tokens. The provider may give a new refresh token each time, so whatever came
// last is kept, and two requests of one person must not refresh at once: the lock is held on
// purpose while the provider answers.
func (a *app) refresh(w http.ResponseWriter, r *http.Request) error {
	return a.withPerson(w, r, func(p *provider, s *session) (string, error) {
		if err := a.renew(r.Context(), p, s); err != nil {
			return "", err
		}
		s.person.note = "New tokens have arrived."
		return "/", nil
	})
}

// renew gets new tokens for who is signed in.
func (a *app) renew(ctx context.Context, p *provider, s *session) error {
	old := s.person
	ctx = oidc.ClientContext(ctx, a.http)
	// A token source refreshes when the access token has run out; one without access token does so
	// now.
	token, err := p.oauth.TokenSource(ctx, &oauth2.Token{RefreshToken: old.token.RefreshToken}).Token()
	var refused *oauth2.RetrieveError
	switch {
	case old.token.RefreshToken == "", errors.As(err, &refused) && refused.ErrorCode == "invalid_grant":
		return s.signedOut("The sign-in service gives no new tokens for this sign-in any more.", err)
	case err != nil: // which says nothing of the sign-in
		return &failure{title: "The sign-in service gave no new tokens", body: "Wait a moment, then try again.", again: "/", err: err}
	}
	fresh, _, err := a.verify(ctx, p, token)
	if err != nil {
		return err
	}
	if fresh.claims["sub"] != old.claims["sub"] {
		return &failure{title: "The sign-in service answered for somebody else"}
	}
	// A refreshed ID token says the same of the sign-in: when and how are the old facts.
	fresh.userinfo, fresh.signatures = old.userinfo, old.signatures
	s.person = fresh
	return nil
}

// userinfo asks the provider what it says of the person today.
func (a *app) userinfo(w http.ResponseWriter, r *http.Request) error {
	return a.withPerson(w, r, func(p *provider, s *session) (string, error) {
		if err := s.person.ask(oidc.ClientContext(r.Context(), a.http), p); err != nil {
			return "", err
		}
		s.person.note = "Userinfo has answered."
		return "/", nil
	})
}

// ask gets the claims of the userinfo endpoint. The answer is believed only for the person whom
// the ID token named.
func (who *person) ask(ctx context.Context, p *provider) error {
	info, err := p.oidc.UserInfo(ctx, oauth2.StaticTokenSource(who.token))
	var away *url.Error
	switch {
	case errors.As(err, &away):
		return &failure{title: "The sign-in service did not answer", body: "Wait a moment, then try again.", err: err}
	case err != nil: // it answered, and not with what was asked for
		return &failure{title: "Your sign-in may have ended", body: "The sign-in service does not take the access token any more. Refresh it, or sign in again.", err: err}
	}
	if info.Subject != who.claims["sub"] {
		return &failure{title: "The sign-in service answered for somebody else"}
	}
	claims := map[string]any{}
	if err := info.Claims(&claims); err != nil {
		return err
	}
	who.userinfo = claims
	return nil
}

// errSignedOut is for a button of a page that was left open.
var errSignedOut = &failure{title: "You are not signed in", ended: true}

// signedOut ends the sign-in to the app, because the one at the provider has ended: to go on with what
// is remembered of it would show somebody as signed in for whom nothing works. Sign-ins under way in
// other tabs go on. The lock of the session is held.
func (s *session) signedOut(why string, err error) error {
	s.person = nil
	return &failure{title: "You have been signed out", body: why + " Please sign in again.", ended: true, err: err}
}

// withPerson runs f under the lock of the session, and goes where it says.
func (a *app) withPerson(w http.ResponseWriter, r *http.Request, f func(*provider, *session) (to string, err error)) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	s := a.sessions.of(r)
	if s == nil {
		return errSignedOut
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.person == nil {
		return errSignedOut
	}
	to, err := f(p, s)
	if err != nil {
		return err
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return nil
}

// logout ends the app's own session, and then the provider's: without the second the next sign-in
// would need no password. The ID token is the hint that makes the provider do it without asking.
func (a *app) logout(w http.ResponseWriter, r *http.Request) error {
	hint := ""
	if s := a.sessions.of(r); s != nil {
		s.mu.Lock()
		if s.person != nil {
			hint = s.person.idToken
		}
		s.mu.Unlock()
	}
	a.sessions.end(w, r)
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	if p.endSession == "" || hint == "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return nil
	}
	target, err := url.Parse(p.endSession)
	if err != nil {
		return err
	}
	q := target.Query()
	q.Set("client_id", a.ClientID)
	q.Set("id_token_hint", hint)
	q.Set("post_logout_redirect_uri", a.BaseURL+"/")
	target.RawQuery = q.Encode()
	http.Redirect(w, r, target.String(), http.StatusSeeOther)
	return nil
}
