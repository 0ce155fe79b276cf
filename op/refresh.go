package op

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/op/token"
	"github.com/vsee/vseeid/storage"
)

// refresh answers grant_type=refresh_token. The refresh token moves on with every use. The one
// before it returns, for a moment, the same successor, since the answer may have been lost on its
// way; an older one can only have been stolen, and ends its family.
func (p *Provider) refresh(ctx context.Context, client Client, req request.Token, now time.Time) (tokens, error) {
	id, generation, err := token.ParseRefresh(p.secrets.Hashes, req.RefreshToken)
	if err != nil {
		return tokens{}, refuse(request.InvalidGrant, "The refresh token is not one of ours.")
	}
	g, err := p.grants.Grant(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return tokens{}, errGrantEnded
	case err != nil:
		return tokens{}, storeFailed("read grant", err)
	case g.ClientID != client.ID:
		return tokens{}, refuse(request.InvalidGrant, "The refresh token belongs to another client.")
	case !g.Live(now):
		return tokens{}, errGrantEnded
	}
	// The scopes of a grant never change, so that they are judged once. What is wrong with those
	// asked for is said after an old token has ended its family, and before a good one moves on.
	scopes, refused := narrowed(g.Scopes, req.Scopes)
	// Twice at most: who loses the race to rotate finds the grant moved on.
	for range 2 {
		used := use(g, generation, now)
		switch {
		case used == stolen:
			return tokens{}, p.reused(ctx, g.Authorization, "refresh token", now)
		case refused != nil:
			return tokens{}, refused
		}
		withheld, err := p.recheck(ctx, client, g)
		if err != nil {
			return tokens{}, err
		}
		scopes := except(scopes, withheld)
		if used == repeated {
			return p.mint(client, g, scopes, "", now)
		}
		err = p.grants.RotateGrant(ctx, id, generation, now, idleUntil(client, g, now), storage.Trail{})
		switch {
		case err == nil:
			g.Generation++
			return p.mint(client, g, scopes, "", now)
		case errors.Is(err, storage.ErrNotFound):
			return tokens{}, errGrantEnded
		case !errors.Is(err, storage.ErrConflict):
			return tokens{}, storeFailed("rotate grant", err)
		}
		if g, err = p.grants.Grant(ctx, id); err != nil {
			return tokens{}, storeFailed("read grant again", err)
		}
		if !g.Live(now) {
			return tokens{}, errGrantEnded
		}
	}
	return tokens{}, storeFailed("rotate grant", storage.ErrConflict)
}

// errGrantEnded is for a grant that was revoked, has expired, or was pruned after either.
var errGrantEnded = refuse(request.InvalidGrant, "The refresh token has ended or expired.")

// usage is what the use of a refresh token amounts to.
type usage int

const (
	current  usage = iota // it is the one that is good now
	repeated              // the one before it, again, within the grace
	stolen                // any other that we made
)

func use(g Grant, generation int64, now time.Time) usage {
	switch {
	case generation == g.Generation:
		return current
	case generation == g.Generation-1 && now.Sub(g.Rotated) <= RefreshGrace:
		return repeated
	}
	return stolen
}

// narrowed are the scopes of one answer: those granted, or those of them that were asked for.
func narrowed(granted, asked []string) ([]string, *request.Error) {
	for _, s := range asked {
		if !slices.Contains(granted, s) {
			return nil, refuse(request.InvalidScope, "The scope is wider than what was granted.")
		}
	}
	if len(asked) == 0 {
		return granted, nil
	}
	return asked, nil
}
