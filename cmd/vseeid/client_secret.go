package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type clientSecretCmd struct {
	Add    clientSecretAddCmd    `cmd:"" help:"Add a secret beside the one that is in use, and print it, once. Both are good."`
	Remove clientSecretRemoveCmd `cmd:"" help:"Remove the older of two secrets, or one that has expired. The last good one stays."`
}

type clientSecretAddCmd struct {
	settings
	output
	ID      string `arg:""`
	Expires string `placeholder:"TIME" help:"How long the new secret is good: 30d. Default: until it is removed."`
}

func (c *clientSecretAddCmd) Run(p *process) error {
	now := p.now()
	var expires time.Time
	if c.Expires != "" {
		d, err := flagTime("--expires", c.Expires)
		if err != nil {
			return err
		}
		if d > 0 {
			expires = now.Add(d)
		}
	}
	return c.use(p, func(db *sqldb.DB, keys *secret.Keys) error {
		fresh := ""
		client, err := changeClient(p, db, c.ID, "secret added", func(client *op.Client) (err error) {
			if client.AuthMethod == op.AuthNone {
				return fmt.Errorf("%s does not authenticate, so it has no secret: change its --auth-method first", clientNamed(c.ID))
			}
			client.Secrets = slices.DeleteFunc(client.Secrets, func(s op.Secret) bool { return expired(s, now) })
			if len(client.Secrets) >= 2 {
				return fmt.Errorf("%s has two secrets already: remove the older one first", clientNamed(c.ID))
			}
			fresh, err = addSecret(p, db, keys, client, expires)
			return err
		})
		if err != nil {
			return err
		}
		return c.output.client(p, client, fresh)
	})
}

type clientSecretRemoveCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *clientSecretRemoveCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		client, err := changeClient(p, db, c.ID, "secret removed", func(client *op.Client) error {
			kept, ok := withoutOne(client.Secrets, p.now())
			if !ok {
				return fmt.Errorf("%s has no secret besides the one that it needs: add the new one first", clientNamed(c.ID))
			}
			client.Secrets = kept
			return nil
		})
		if err != nil {
			return err
		}
		return c.output.client(p, client, "")
	})
}

// withoutOne is secrets without those that have expired; if none has, without the older one. It is
// false where no good one would be left that was there before.
func withoutOne(secrets []op.Secret, now time.Time) (kept []op.Secret, ok bool) {
	kept = slices.DeleteFunc(slices.Clone(secrets), func(s op.Secret) bool { return expired(s, now) })
	switch {
	case len(kept) < len(secrets):
		return kept, true
	case len(kept) < 2:
		return nil, false
	}
	slices.SortStableFunc(kept, func(a, b op.Secret) int { return a.Created.Compare(b.Created) })
	return kept[1:], true
}

func expired(s op.Secret, now time.Time) bool { return !s.Expires.IsZero() && !now.Before(s.Expires) }
