package op

import (
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
)

// machine answers grant_type=client_credentials: an access token for the client itself. Nothing of
// it is kept and no store is asked, so that who asks most costs least.
func (p *Provider) machine(client Client, req request.Token, now time.Time) (tokens, error) {
	if client.AuthMethod == AuthNone {
		return tokens{}, refuse(request.UnauthorizedClient, "A client without a secret cannot act on its own behalf.")
	}
	own := slices.DeleteFunc(slices.Clone(client.Scopes), aboutPeople)
	scopes, refused := narrowed(own, req.Scopes)
	if refused != nil {
		return tokens{}, refused
	}
	return p.access(token.Input{
		Issuer: p.issuer, ClientID: client.ID, Subject: client.ID,
		Scopes: scopes, Audiences: client.Audiences, Lifetime: TokenLifetime,
	}, now)
}

// aboutPeople reports whether a scope says something of a person, which a machine is not.
func aboutPeople(scope string) bool {
	switch scope {
	case oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess:
		return true
	}
	return false
}
