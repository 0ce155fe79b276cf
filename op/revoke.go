package op

import (
	"errors"
	"net/http"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

// revoke ends the grant that a token belongs to, with all of its tokens (RFC 7009). A token that is
// not ours, has ended or belongs to another client needs no revoking, and gets the same answer.
// What kind of token it is can be seen; token_type_hint is not needed.
func (p *Provider) revoke(w http.ResponseWriter, r *http.Request) error {
	values, err := form(r)
	if err != nil {
		return err
	}
	req, refused := request.ParseRevoke(r.Header, values)
	if refused != nil {
		return refused
	}
	now := p.now()
	client, err := p.authenticate(w, r, req.Client, now)
	if err != nil {
		return err
	}
	id := p.grantOf(req.Token)
	if id == "" {
		return nil
	}
	g, err := p.grants.Grant(r.Context(), id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil
	case err != nil:
		return storeFailed("read grant", err)
	case g.ClientID != client.ID || !g.Revoked.IsZero():
		return nil
	}
	err = p.grants.RevokeGrant(r.Context(), id, now, storage.With(event(storage.TokenRevoked, g.Authorization, now)))
	if err != nil {
		return storeFailed("revoke grant", err)
	}
	return nil
}

// grantOf is the grant that a token names, be it a refresh token or an access token; empty when it
// is neither. A token of a machine has no grant: it ends by itself, within minutes.
func (p *Provider) grantOf(given string) string {
	if id, _, err := token.ParseRefresh(p.secrets.Hashes, given); err == nil {
		return id
	}
	if claims, err := token.ParseAccess(p.keys, given, p.issuer, p.now()); err == nil {
		return claims.GrantID
	}
	return ""
}
