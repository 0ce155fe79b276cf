package sqldb

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

const orgColumns = `o.id, o.name, o.policy, o.epoch, o.created, o.updated, o.version`

func scanOrg(r row) (o login.Org, err error) {
	err = r.Scan(&o.ID, &o.Name, document{&o.Policy}, &o.Policy.Epoch, instant{&o.Created}, instant{&o.Updated}, &o.Version)
	return o, err
}

// policyText is a policy without its epoch, which is a column of its own.
func policyText(p login.Policy) document {
	p.Epoch = 0
	return document{p}
}

// Org reads one. ErrNotFound: unknown or deleted.
func (d *DB) Org(ctx context.Context, id string) (login.Org, error) {
	o, err := one(ctx, d.reader, scanOrg, `SELECT `+orgColumns+` FROM orgs o WHERE o.id = $1 AND o.deleted IS NULL`, id)
	return o, d.fail(err, "organization")
}

// ListOrgs lists organizations by id.
func (d *DB) ListOrgs(ctx context.Context, page storage.Page) ([]login.Org, error) {
	out, err := all(ctx, d.reader, scanOrg, `SELECT `+orgColumns+` FROM orgs o
		WHERE o.id > $1 AND o.deleted IS NULL ORDER BY o.id LIMIT $2`, page.After, page.Rows())
	return out, d.fail(err, "organizations")
}

// CreateOrg inserts o, whose Version and epoch are ignored. ErrConflict: the id was given before,
// also when that organization is deleted.
func (d *DB) CreateOrg(ctx context.Context, o login.Org, trail storage.Trail) error {
	_, err := d.change(ctx, trail, `
		INSERT INTO orgs (id, name, policy, epoch, created, updated, version) VALUES ($1, $2, $3, 1, $4, $5, 1)`,
		o.ID, o.Name, policyText(o.Policy), when(o.Created), when(o.Updated))
	return d.fail(err, "create organization")
}

// UpdateOrg replaces name and policy of the organization whose version is still o.Version, at
// o.Updated. The epoch rises if the policy is another. ErrConflict: the version has changed since it was
// read. ErrNotFound: it is gone.
func (d *DB) UpdateOrg(ctx context.Context, o login.Org, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `
		UPDATE orgs SET name = $3, policy = $4, epoch = epoch + CASE WHEN policy = $4 THEN 0 ELSE 1 END,
			updated = $5, version = version + 1
		WHERE id = $1 AND version = $2 AND deleted IS NULL`,
		o.ID, o.Version, o.Name, policyText(o.Policy), when(o.Updated))
	if err == nil && !changed {
		err = d.lost(ctx, `SELECT count(*) FROM orgs WHERE id = $1 AND deleted IS NULL`, o.ID)
	}
	return d.fail(err, "update organization")
}

// DeleteOrg ends an organization, its memberships and the grants that were given under its policy.
// Its id is never given again. ErrNotFound: it is gone.
func (d *DB) DeleteOrg(ctx context.Context, id string, at time.Time, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		n, err := exec(ctx, tx, `UPDATE orgs SET deleted = $2, updated = $2, epoch = epoch + 1, version = version + 1
			WHERE id = $1 AND deleted IS NULL`, id, when(at))
		if err := found(n > 0, err); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `UPDATE grants SET revoked = $2 WHERE org_id = $1 AND revoked IS NULL`, id, when(at)); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `DELETE FROM memberships WHERE org_id = $1`, id); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "delete organization")
}

// bumpEpoch says that who falls under the policy of a live organization changes. It locks the row
// until the commit.
func bumpEpoch(ctx context.Context, tx *sql.Tx, orgID string) error {
	n, err := exec(ctx, tx, `UPDATE orgs SET epoch = epoch + 1 WHERE id = $1 AND deleted IS NULL`, orgID)
	return found(n > 0, err)
}

// AddMember makes a person a member of an organization; its epoch rises. ErrConflict: the person is
// one already. ErrNotFound: the person or the organization is gone.
func (d *DB) AddMember(ctx context.Context, m login.Membership, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// The person before the organization: in the order of DeleteUser, against deadlocks.
		if _, err := one(ctx, tx, text, `SELECT id FROM users WHERE id = $1 AND deleted IS NULL`+d.dialect.share, m.UserID); err != nil {
			return err
		}
		if err := bumpEpoch(ctx, tx, m.OrgID); err != nil {
			return err
		}
		if _, err := exec(ctx, tx, `INSERT INTO memberships (user_id, org_id, created) VALUES ($1, $2, $3)`,
			m.UserID, m.OrgID, when(m.Created)); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "add member")
}

// RemoveMember ends a membership; the organization's epoch rises. ErrNotFound: there is none.
func (d *DB) RemoveMember(ctx context.Context, userID, orgID string, trail storage.Trail) error {
	trail = d.complete(ctx, trail)
	err := d.transact(ctx, func(ctx context.Context, tx *sql.Tx) error {
		if err := bumpEpoch(ctx, tx, orgID); err != nil {
			return err
		}
		n, err := exec(ctx, tx, `DELETE FROM memberships WHERE user_id = $1 AND org_id = $2`, userID, orgID)
		if err := found(n > 0, err); err != nil {
			return err
		}
		return d.leave(ctx, tx, trail)
	})
	return d.fail(err, "remove member")
}

// PutOff implements login.Leaves.
func (d *DB) PutOff(ctx context.Context, userID, orgID, by string, used int, trail storage.Trail) error {
	changed, err := d.change(ctx, trail, `UPDATE memberships SET skips = skips + 1, skipped_by = $4
		WHERE user_id = $1 AND org_id = $2 AND skips = $3 AND skipped_by <> $4`, userID, orgID, used, by)
	if err != nil || changed {
		return d.fail(err, "put off")
	}
	last, err := one(ctx, d.writer, text, `SELECT skipped_by FROM memberships WHERE user_id = $1 AND org_id = $2`, userID, orgID)
	if errors.Is(err, storage.ErrNotFound) || (err == nil && last != by) {
		err = storage.ErrConflict
	}
	return d.fail(err, "put off")
}

// Members lists the people of an organization, by their ids.
func (d *DB) Members(ctx context.Context, orgID string, page storage.Page) ([]login.User, error) {
	out, err := all(ctx, d.reader, scanUser, `SELECT `+userColumns+`
		FROM memberships m JOIN users u ON u.id = m.user_id AND u.deleted IS NULL
		WHERE m.org_id = $1 AND m.user_id > $2 ORDER BY m.user_id LIMIT $3`, orgID, page.After, page.Rows())
	return out, d.fail(err, "members")
}
