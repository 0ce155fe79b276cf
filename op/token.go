package op

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
)

// tokens is the answer of the token endpoint (RFC 6749 section 5.1, OpenID Connect Core 3.1.3.3).
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

// token is the token endpoint: who is it, may it, and then one function for each grant.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) error {
	w.Header().Set("Pragma", "no-cache") // RFC 6749 section 5.1 still wants it
	values, err := form(r)
	if err != nil {
		return err
	}
	req, refused := request.ParseToken(r.Header, values)
	if refused != nil {
		return refused
	}
	now := p.now()
	client, err := p.authenticate(w, r, req.Client, now)
	if err != nil {
		return err
	}
	if !slices.Contains(client.GrantTypes, string(req.GrantType)) {
		return refuse(request.UnauthorizedClient, "The client is not registered for this grant type.")
	}
	var out tokens
	switch req.GrantType {
	case oidc.GrantTypeCode:
		out, err = p.redeem(r.Context(), client, req, now)
	case oidc.GrantTypeRefreshToken:
		out, err = p.refresh(r.Context(), client, req, now)
	case oidc.GrantTypeClientCredentials:
		out, err = p.machine(client, req, now)
	default:
		err = refuse(request.UnsupportedGrantType, "grant_type is not supported.")
	}
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, out)
}

// mint makes the tokens that one answer carries of a grant: with scopes, which may be narrower than
// the grant's, and the nonce of the request that began it, or none.
func (p *Provider) mint(client Client, g Grant, scopes []string, nonce string, now time.Time) (tokens, error) {
	in := token.Input{
		Issuer: p.issuer, ClientID: client.ID, Subject: g.UserID,
		GrantID: g.GrantID, SessionID: g.SessionID, OrgID: g.OrgID,
		Scopes: scopes, Audiences: g.Audiences, Nonce: nonce,
		AMR: g.AMR, ACR: g.ACR, AuthTime: g.AuthTime, Recovered: g.Recovered,
		Lifetime: TokenLifetime, IDAlg: client.IDTokenAlg,
	}
	out, err := p.access(in, now)
	if err != nil {
		return tokens{}, err
	}
	if slices.Contains(scopes, oidc.ScopeOpenID) {
		if out.IDToken, err = token.ID(p.keys, in, out.AccessToken, now); err != nil {
			return tokens{}, err
		}
	}
	if g.Generation > 0 {
		if out.RefreshToken, err = token.Refresh(p.secrets.Hash, g.GrantID, g.Generation); err != nil {
			return tokens{}, err
		}
	}
	return out, nil
}

// access is an answer with an access token alone.
func (p *Provider) access(in token.Input, now time.Time) (tokens, error) {
	access, err := token.Access(p.keys, in, now)
	if err != nil {
		return tokens{}, err
	}
	return tokens{
		AccessToken: access, TokenType: oidc.BearerToken,
		ExpiresIn: int64(in.Lifetime / time.Second), Scope: strings.Join(in.Scopes, " "),
	}, nil
}
