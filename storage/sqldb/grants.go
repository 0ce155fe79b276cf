package sqldb

import (
	"context"
	"time"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/storage"
)

const grantColumns = `id, client_id, user_id, org_id, session_id, scopes, audiences, redirect_uri, challenge, nonce,
	amr, acr, auth_time, proof, offline, generation, rotated, created, idle_until, expires, recovered`

func scanGrant(r row) (g op.Grant, err error) {
	err = r.Scan(&g.GrantID, optional{&g.ClientID}, optional{&g.UserID}, optional{&g.OrgID}, optional{&g.SessionID},
		document{&g.Scopes}, document{&g.Audiences}, &g.RedirectURI, &g.Challenge, &g.Nonce,
		document{&g.AMR}, &g.ACR, instant{&g.AuthTime}, &g.Proof, &g.Offline, &g.Generation, instant{&g.Rotated},
		instant{&g.Created}, instant{&g.IdleUntil}, instant{&g.Expires}, &g.Recovered, instant{&g.Revoked})
	return g, err
}

// CreateGrant implements op.Grants. ErrConflict says as well that the session which the grant rests
// on has ended, or that the client is gone, since they were last read: whoever ends a session either
// finds the grant and revokes it, or is found by it.
func (d *DB) CreateGrant(ctx context.Context, g op.Grant, trail storage.Trail) error {
	var proof any
	if g.Proof != nil {
		proof = g.Proof
	}
	changed, err := d.change(ctx, trail, `
		INSERT INTO grants (`+grantColumns+`)
		SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21
		WHERE EXISTS (SELECT 1 FROM clients WHERE id = $2 AND deleted IS NULL AND disabled IS NULL`+d.dialect.share+`)
		AND (CAST($5 AS text) IS NULL OR EXISTS (
			SELECT 1 FROM sessions WHERE id = $5 AND user_id = $3 AND ended IS NULL`+d.dialect.share+`))
		ON CONFLICT (id) DO NOTHING`,
		g.GrantID, maybe(g.ClientID), maybe(g.UserID), maybe(g.OrgID), maybe(g.SessionID),
		document{g.Scopes}, document{g.Audiences}, g.RedirectURI, g.Challenge, g.Nonce,
		document{g.AMR}, g.ACR, when(g.AuthTime), proof, g.Offline, g.Generation, when(g.Rotated),
		when(g.Created), when(g.IdleUntil), when(g.Expires), g.Recovered)
	if err == nil && !changed {
		err = storage.ErrConflict
	}
	return d.fail(err, "create grant")
}

// Grant implements op.Grants. Of one that was revoked before it was created only id and times are set.
func (d *DB) Grant(ctx context.Context, id string) (op.Grant, error) {
	g, err := one(ctx, d.reader, scanGrant, `SELECT `+grantColumns+`, revoked FROM grants WHERE id = $1`, id)
	return g, d.fail(err, "grant")
}

// RotateGrant implements op.Grants. A grant past its idle end or its end is gone.
func (d *DB) RotateGrant(ctx context.Context, id string, generation int64, now, idleUntil time.Time, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `
		UPDATE grants SET generation = generation + 1, rotated = $3, idle_until = $4
		WHERE id = $1 AND generation = $2 AND revoked IS NULL AND expires > $3 AND idle_until > $3`,
		id, generation, when(now), when(idleUntil))
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM grants
			WHERE id = $1 AND revoked IS NULL AND expires > $2 AND idle_until > $2`, id, when(now))
	}
	return d.fail(err, "rotate grant")
}

// RevokeGrant implements op.Grants. A grant that is still to be created is remembered as revoked for
// longer than its code is.
func (d *DB) RevokeGrant(ctx context.Context, id string, now time.Time, trail storage.Trail) error {
	_, err := d.change(ctx, trail, `
		INSERT INTO grants (id, scopes, audiences, redirect_uri, challenge, nonce, amr, acr, offline, generation,
			created, idle_until, expires, revoked)
		VALUES ($1, '[]', '[]', '', '', '', '[]', '', false, 0, $2, $3, $3, $2)
		ON CONFLICT (id) DO UPDATE SET revoked = excluded.revoked WHERE grants.revoked IS NULL`,
		id, when(now), when(now.Add(2*op.CodeMemory)))
	return d.fail(err, "revoke grant")
}
