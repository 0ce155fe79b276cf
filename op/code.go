package op

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/storage"
)

// redeem answers grant_type=authorization_code. The code is taken before anything of it is looked
// at: whoever fails afterwards has spent it. A second use of it ends what the first one gave, also
// when the first is still under way.
func (p *Provider) redeem(ctx context.Context, client Client, req request.Token, now time.Time) (tokens, error) {
	a, err := p.codes.TakeCode(ctx, req.Code, now)
	switch {
	case errors.Is(err, ErrCodeUsed):
		return tokens{}, p.codeReused(ctx, a.GrantID, client, now)
	case errors.Is(err, storage.ErrNotFound):
		return tokens{}, refuse(request.InvalidGrant, "The code is unknown or has expired.")
	case err != nil:
		return tokens{}, storeFailed("take code", err)
	}
	if err := bound(a, client, req); err != nil {
		return tokens{}, err
	}
	g := newGrant(a, client, now)
	withheld, err := p.recheck(ctx, client, g)
	if err != nil {
		return tokens{}, err
	}
	if err := p.create(ctx, g, now); err != nil {
		return tokens{}, err
	}
	return p.mint(client, g, except(g.Scopes, withheld), g.Nonce, now)
}

// create keeps a new grant. When the code was used a second time meanwhile, the grant is revoked
// already; the first use is answered all the same, with tokens that are dead. When there is a grant
// made of this code, the short-lived store has forgotten that it was redeemed.
func (p *Provider) create(ctx context.Context, g Grant, now time.Time) error {
	err := p.grants.CreateGrant(ctx, g, storage.With(event(storage.TokenCreated, g.Authorization, now)))
	if !errors.Is(err, storage.ErrConflict) {
		if err != nil {
			return storeFailed("create grant", err)
		}
		return nil
	}
	there, err := p.grants.Grant(ctx, g.GrantID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return refuse(request.InvalidGrant, "The person has signed out.")
	case err != nil:
		return storeFailed("read grant", err)
	case there.ClientID != "":
		return p.reused(ctx, there.Authorization, "code", now)
	}
	return nil
}

// bound checks that the code is redeemed by whom, for where and with the secret that it was made.
// It says the same of each: who does not know should not learn which one it was.
func bound(a Authorization, client Client, req request.Token) error {
	proved := a.Challenge == "" && req.Verifier == ""
	if a.Challenge != "" && req.Verifier != "" {
		proved = oidc.VerifyCodeChallenge(
			&oidc.CodeChallenge{Challenge: a.Challenge, Method: oidc.CodeChallengeMethodS256}, req.Verifier)
	}
	if a.ClientID != client.ID || a.RedirectURI != req.RedirectURI || !proved {
		return refuse(request.InvalidGrant, "The code does not belong to this client, redirect_uri and code_verifier.")
	}
	return nil
}

// newGrant is the grant of a redeemed code. One without a refresh token lives as long as its
// access token; nothing can be asked of it afterwards.
func newGrant(a Authorization, client Client, now time.Time) Grant {
	g := Grant{Authorization: a, Created: now, Rotated: now}
	if !slices.Contains(client.GrantTypes, GrantRefresh) {
		g.IdleUntil = now.Add(TokenLifetime)
		g.Expires = g.IdleUntil
		return g
	}
	g.Offline = slices.Contains(a.Scopes, oidc.ScopeOfflineAccess)
	g.Generation = 1
	g.Expires = now.Add(orDefault(client.RefreshOverall, DefaultRefreshOverall))
	g.IdleUntil = idleUntil(client, g, now)
	return g
}

// idleUntil is when a grant that is used now has been idle for too long.
func idleUntil(client Client, g Grant, now time.Time) time.Time {
	until := now.Add(orDefault(client.RefreshIdle, DefaultRefreshIdle))
	if until.After(g.Expires) {
		return g.Expires
	}
	return until
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d == 0 {
		return fallback
	}
	return d
}

// recheck asks login whether the grant still holds, also by what the client's registration demands now, and
// which of its scopes are good for nothing now.
func (p *Provider) recheck(ctx context.Context, client Client, g Grant) (withheld []string, err error) {
	withheld, err = p.people.Recheck(ctx, login.Result{
		UserID: g.UserID, OrgID: g.OrgID, SessionID: g.SessionID,
		AMR: g.AMR, ACR: g.ACR, AuthTime: g.AuthTime, Recovered: g.Recovered, Proof: g.Proof,
	}, client.DefaultACR, g.Offline)
	switch {
	case errors.Is(err, login.ErrDenied):
		slog.InfoContext(ctx, "grant refused",
			"request_id", storage.OriginOf(ctx).RequestID, "grant", g.GrantID, "reason", err)
		return nil, denied{err}
	case err != nil:
		return nil, storeFailed("recheck grant", err)
	}
	return withheld, nil
}

// except are the scopes that are not withheld.
func except(scopes, withheld []string) []string {
	return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return slices.Contains(withheld, s) })
}

// denied says that a grant does not hold any more. A client hears of an invalid grant; why is for
// the log.
type denied struct{ error }

func (d denied) Unwrap() []error {
	return []error{d.error, refuse(request.InvalidGrant, "The person has to sign in again.")}
}

// codeReused ends the grant of a code that came twice. That may be before the grant is made, by
// whoever came first, and then nothing but its id is known.
func (p *Provider) codeReused(ctx context.Context, grantID string, client Client, now time.Time) error {
	a := Authorization{GrantID: grantID, ClientID: client.ID}
	g, err := p.grants.Grant(ctx, grantID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return storeFailed("read grant", err)
	}
	if g.ClientID != "" {
		a = g.Authorization
	}
	return p.reused(ctx, a, "code", now)
}

// reused ends a grant of which a single-use secret came twice. The caller is told what anybody
// with a bad code or token is told.
func (p *Provider) reused(ctx context.Context, a Authorization, what string, now time.Time) error {
	e := event(storage.TokenReused, a, now)
	e.Detail["what"] = what
	if err := p.grants.RevokeGrant(ctx, a.GrantID, now, storage.With(e)); err != nil {
		return storeFailed("revoke grant", err)
	}
	return refuse(request.InvalidGrant, "The "+what+" was used before.")
}

// event is an event about an authorization.
func event(t storage.EventType, a Authorization, now time.Time) storage.Event {
	return storage.Event{
		At: now, Type: t, UserID: a.UserID, OrgID: a.OrgID, ClientID: a.ClientID, SessionID: a.SessionID,
		Detail: map[string]string{"grant": a.GrantID},
	}
}
