package demo

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

// passedOn are parameters of /login that go to the provider as they are. They are here to play
// with: /login?prompt=login asks for everything again, /login?max_age=60 for what is older than a
// minute, /login?acr_values=… for a second factor. A real app sets what it needs itself.
var passedOn = []string{"prompt", "max_age", "acr_values", "claims", "organization", "login_hint", "ui_locales"}

// login sends the browser to the provider.
func (a *app) login(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	// The provider itself may send somebody here to begin (OpenID Connect Core 4), and says who
	// it is. We know only one.
	if iss := r.URL.Query().Get("iss"); iss != "" && iss != a.Issuer {
		return &failure{title: "The sign-in service is not one that we know"}
	}
	s := a.sessions.of(r)
	if s == nil {
		s = a.sessions.begin(w, r, nil)
	}
	asked := url.Values{}
	for _, name := range passedOn {
		if v := r.URL.Query().Get(name); v != "" {
			asked.Set(name, v)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	http.Redirect(w, r, s.ask(p, attempt{}, asked), http.StatusSeeOther)
	return nil
}

// ask begins a sign-in: it remembers, for this browser alone, what ties the answer to the question,
// and returns where the browser has to go. The lock of the session is held.
func (s *session) ask(p *provider, begun attempt, asked url.Values) string {
	state := rand.Text()
	begun.nonce, begun.verifier, begun.begun, begun.asked = rand.Text(), oauth2.GenerateVerifier(), time.Now(), asked
	s.remember(state, begun)
	options := []oauth2.AuthCodeOption{oidc.Nonce(begun.nonce), oauth2.S256ChallengeOption(begun.verifier)}
	for name := range asked {
		options = append(options, oauth2.SetAuthURLParam(name, asked.Get(name)))
	}
	return p.oauth.AuthCodeURL(state, options...)
}

// callback ends it: the answer must be to a question that this browser asked (state), from the
// provider that was asked (iss), and the ID token must be signed, for us, made for this very question
// (nonce), and say of the sign-in what was asked of it (acr, auth_time).
func (a *app) callback(w http.ResponseWriter, r *http.Request) error {
	p, err := a.discover(r.Context())
	if err != nil {
		return err
	}
	answer := r.URL.Query()
	s := a.sessions.of(r)
	if s == nil {
		return &failure{title: "This sign-in was not started here", body: "Your browser did not send the cookie it began with. Please sign in again."}
	}
	begun, ok := s.take(answer.Get("state"))
	if !ok {
		return &failure{title: "This sign-in is over", body: "It was finished before, or it took too long. Please sign in again."}
	}
	if iss := answer.Get("iss"); iss != a.Issuer && (iss != "" || p.saysIssuer) {
		return &failure{title: "The answer came from somewhere else", body: "Please sign in again."}
	}
	if code := answer.Get("error"); code != "" {
		return begun.explain(refusal(code))
	}
	who, err := a.redeem(r.Context(), p, answer.Get("code"), begun)
	if err != nil {
		return begun.explain(err)
	}
	if begun.prescription != "" {
		return a.steppedUp(w, r, begun, who)
	}
	a.sessions.begin(w, r, who)
	http.Redirect(w, r, "/", http.StatusSeeOther) // takes the code out of the address bar
	return nil
}

// redeem turns the code into tokens and believes the ID token only after it is verified.
func (a *app) redeem(ctx context.Context, p *provider, code string, begun attempt) (*person, error) {
	ctx = oidc.ClientContext(ctx, a.http)
	token, err := p.oauth.Exchange(ctx, code, oauth2.VerifierOption(begun.verifier))
	if err != nil {
		return nil, &failure{title: "The sign-in could not be completed", body: "Please sign in again.", err: err}
	}
	who, verified, err := a.verify(ctx, p, token)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare([]byte(verified.Nonce), []byte(begun.nonce)) != 1 {
		return nil, &failure{title: "The sign-in could not be completed", body: "Please sign in again.", err: errors.New("nonce does not match")}
	}
	if err := begun.met(verified); err != nil {
		return nil, err
	}
	// The ID token says who it is and how they signed in; their name and address are at the
	// userinfo endpoint (OpenID Connect Core 5.4).
	return who, who.ask(ctx, p)
}

// leeway is how far the provider's clock may be from ours.
const leeway = time.Minute

// met checks that the sign-in is what was asked for (OpenID Connect Core 3.1.3.7, items 12 and 13). The
// provider may take acr_values as a wish, and the person could take them, or max_age, out of the address
// on its way there.
func (begun attempt) met(idToken *oidc.IDToken) error {
	var said struct {
		ACR      string `json:"acr"`
		AuthTime int64  `json:"auth_time"`
	}
	if err := idToken.Claims(&said); err != nil {
		return err
	}
	if acr := strings.Fields(begun.asked.Get("acr_values")); len(acr) > 0 && !slices.Contains(acr, said.ACR) {
		return &failure{
			title: "A stronger sign-in is needed", body: "You signed in, but not in the way that was asked for. Please try again, or ask for help.",
			err: errors.New("acr is none of those that were asked for"),
		}
	}
	maxAge, err := strconv.ParseUint(begun.asked.Get("max_age"), 10, 31)
	if err != nil {
		return nil // not asked for
	}
	oldest := begun.begun.Add(-leeway - time.Duration(maxAge)*time.Second)
	if time.Unix(said.AuthTime, 0).Before(oldest) {
		return &failure{
			title: "A more recent sign-in is needed", body: "You were not asked again who you are. Please try again, or ask for help.",
			err: errors.New("auth_time is older than max_age"),
		}
	}
	return nil
}

// verify checks the ID token of a token response: its signature, issuer, audience and lifetime,
// and that it belongs to the access token beside it.
func (a *app) verify(ctx context.Context, p *provider, token *oauth2.Token) (*person, *oidc.IDToken, error) {
	raw, ok := token.Extra("id_token").(string)
	if !ok {
		return nil, nil, &failure{title: "The sign-in could not be completed", err: errors.New("no ID token in the response")}
	}
	idToken, err := p.verifier.Verify(ctx, raw)
	if err != nil {
		return nil, nil, &failure{title: "The sign-in could not be completed", err: err}
	}
	if idToken.AccessTokenHash != "" {
		if err := idToken.VerifyAccessToken(token.AccessToken); err != nil {
			return nil, nil, &failure{title: "The sign-in could not be completed", err: err}
		}
	}
	who := &person{token: token, idToken: raw}
	return who, idToken, idToken.Claims(&who.claims)
}

// refusal puts the provider's error code into words. The description that comes with it is for
// developers and is not shown.
func refusal(code string) error {
	f := &failure{code: code, err: errors.New("provider answered " + printable(code))}
	switch code {
	case "access_denied":
		f.title, f.body = "You did not sign in", "You left the sign-in, or were not allowed to go on."
	case "login_required", "interaction_required", "account_selection_required", "consent_required":
		f.title, f.body = "You need to sign in", "The app asked without showing a page, and a page is needed."
	case "unmet_authentication_requirements":
		f.title, f.body = "A stronger sign-in is needed", "This account cannot give the kind of sign-in that was asked for."
	case "temporarily_unavailable", "server_error":
		f.title, f.body = "The sign-in service is busy", "Please try again in a minute."
	default:
		f.title, f.body = "The sign-in did not work", "The sign-in service refused the request."
	}
	return f
}

// printable keeps of an error code what RFC 6749 allows to be in one.
func printable(code string) string {
	out := []byte{}
	for _, b := range []byte(code[:min(len(code), 60)]) {
		if b == '_' || (b >= 'a' && b <= 'z') {
			out = append(out, b)
		}
	}
	return string(out)
}
