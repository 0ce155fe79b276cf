package sqldb

import (
	"context"
	"database/sql"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

const clientColumns = `id, name, auth_method, secrets, native, redirect_uris, post_logout_redirect_uris, origins,
	grant_types, scopes, audiences, default_acr, default_max_age, acr_voluntary, pkce_optional, id_token_alg,
	refresh_idle, refresh_overall, initiate_login_uri, disabled, created, updated`

// secretDocument is how a client secret is kept. It is not op.Secret, whose fields may be renamed.
type secretDocument struct {
	Hash    []byte    `json:"hash"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero"`
}

func scanClient(r row) (op.Client, error) {
	var (
		c             op.Client
		secrets       []secretDocument
		maxAge        sql.NullInt64
		idle, overall int64
	)
	err := r.Scan(&c.ID, &c.Name, &c.AuthMethod, document{&secrets}, &c.Native,
		document{&c.RedirectURIs}, document{&c.PostLogoutRedirectURIs}, document{&c.Origins},
		document{&c.GrantTypes}, document{&c.Scopes}, document{&c.Audiences}, document{&c.DefaultACR},
		&maxAge, &c.ACRVoluntary, &c.PKCEOptional, &c.IDTokenAlg, &idle, &overall, &c.InitiateLoginURI,
		instant{&c.Disabled}, instant{&c.Created}, instant{&c.Updated}, &c.Version)
	for _, s := range secrets {
		c.Secrets = append(c.Secrets, op.Secret(s))
	}
	if maxAge.Valid {
		age := time.Duration(maxAge.Int64) * time.Second
		c.DefaultMaxAge = &age
	}
	c.RefreshIdle, c.RefreshOverall = time.Duration(idle)*time.Second, time.Duration(overall)*time.Second
	return c, err
}

func clientArgs(c op.Client) []any {
	var secrets []secretDocument
	for _, s := range c.Secrets {
		s.Created, s.Expires = s.Created.UTC().Truncate(time.Microsecond), s.Expires.UTC().Truncate(time.Microsecond)
		secrets = append(secrets, secretDocument(s))
	}
	var maxAge any
	if c.DefaultMaxAge != nil {
		maxAge = int64(*c.DefaultMaxAge / time.Second)
	}
	return []any{
		c.ID, c.Name, string(c.AuthMethod),
		document{secrets},
		c.Native,
		document{c.RedirectURIs},
		document{c.PostLogoutRedirectURIs},
		document{c.Origins},
		document{c.GrantTypes},
		document{c.Scopes},
		document{c.Audiences},
		document{c.DefaultACR},
		maxAge, c.ACRVoluntary, c.PKCEOptional, c.IDTokenAlg,
		int64(c.RefreshIdle / time.Second), int64(c.RefreshOverall / time.Second), c.InitiateLoginURI,
		when(c.Disabled), when(c.Created), when(c.Updated),
	}
}

// Client implements op.Clients.
func (d *DB) Client(ctx context.Context, id string) (op.Client, error) {
	c, err := one(ctx, d.reader, scanClient, `SELECT `+clientColumns+`, version FROM clients
		WHERE id = $1 AND deleted IS NULL`, id)
	return c, d.fail(err, "client")
}

// ClientOrigins implements op.Clients.
func (d *DB) ClientOrigins(ctx context.Context) ([]string, error) {
	lists, err := all(ctx, d.reader, func(r row) (list []string, err error) {
		err = r.Scan(document{&list})
		return list, err
	}, `SELECT origins FROM clients WHERE deleted IS NULL AND disabled IS NULL AND origins <> '[]'`)
	var out []string
	for _, list := range lists {
		out = append(out, list...)
	}
	return out, d.fail(err, "origins of clients")
}

// ListClients lists clients by id, disabled ones too.
func (d *DB) ListClients(ctx context.Context, page storage.Page) ([]op.Client, error) {
	out, err := all(ctx, d.reader, scanClient, `SELECT `+clientColumns+`, version FROM clients
		WHERE id > $1 AND deleted IS NULL ORDER BY id LIMIT $2`, page.After, page.Rows())
	return out, d.fail(err, "clients")
}

// CreateClient inserts c, whose Version is ignored. ErrConflict: the id was given before, also when
// that client is deleted.
func (d *DB) CreateClient(ctx context.Context, c op.Client, trail storage.Trail) error {
	args := clientArgs(c)
	_, err := d.change(ctx, trail, `INSERT INTO clients (`+clientColumns+`, version) VALUES `+
		in(1, len(args)+1), append(args, 1)...)
	return d.fail(err, "create client")
}

// UpdateClient replaces everything but Created of the client whose version is still c.Version, at
// c.Updated. ErrConflict: the version has changed since it was read. ErrNotFound: it is gone.
func (d *DB) UpdateClient(ctx context.Context, c op.Client, trail storage.Trail) error {
	args := clientArgs(c)
	changed, err := d.change(ctx, trail, `
		UPDATE clients SET name = $2, auth_method = $3, secrets = $4, native = $5, redirect_uris = $6,
			post_logout_redirect_uris = $7, origins = $8, grant_types = $9, scopes = $10, audiences = $11,
			default_acr = $12, default_max_age = $13, acr_voluntary = $14, pkce_optional = $15, id_token_alg = $16,
			refresh_idle = $17, refresh_overall = $18, initiate_login_uri = $19, disabled = $20,
			updated = $21, version = version + 1
		WHERE id = $1 AND version = $22 AND deleted IS NULL`,
		append(append(args[:20:20], args[21]), c.Version)...)
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM clients WHERE id = $1 AND deleted IS NULL`, c.ID)
	}
	return d.fail(err, "update client")
}

// DeleteClient ends a client and revokes its grants. Its id is never given again. ErrNotFound: it is
// gone.
func (d *DB) DeleteClient(ctx context.Context, id string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE clients SET deleted = $2, updated = $2, secrets = '[]', version = version + 1
			WHERE id = $1 AND deleted IS NULL`, id, when(at))
		if err := found(n > 0, err); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `UPDATE grants SET revoked = $2 WHERE client_id = $1 AND revoked IS NULL`, id, when(at)); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "delete client")
}
