package sqldb

import (
	"context"
	"slices"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

// Standing implements login.People. It is one query: a row for each organization of the person, or
// one without, and the session in each of them.
func (d *DB) Standing(ctx context.Context, userID, sessionID string) (login.Standing, error) {
	rows, err := all(ctx, d.reader, scanStanding, `
		SELECT `+userColumns+`,
			o.id, coalesce(o.name, ''), coalesce(o.policy, '{}'), coalesce(o.epoch, 0), o.created, o.updated, coalesce(o.version, 0),
			m.created, coalesce(m.skips, 0),
			s.id, coalesce(s.evidence, '[]'), s.created, s.last_used, coalesce(s.ip, ''), coalesce(s.agent, ''), coalesce(s.version, 0)
		FROM users u
		LEFT JOIN sessions s ON s.id = $2 AND s.user_id = u.id AND s.ended IS NULL
		LEFT JOIN memberships m ON m.user_id = u.id
		LEFT JOIN orgs o ON o.id = m.org_id AND o.deleted IS NULL
		WHERE u.id = $1 AND u.deleted IS NULL
		ORDER BY o.id`, userID, sessionID)
	if err == nil && len(rows) == 0 {
		err = storage.ErrNotFound
	}
	if err != nil {
		return login.Standing{}, d.fail(err, "standing")
	}
	out := rows[0]
	for _, r := range rows[1:] {
		out.Orgs = append(out.Orgs, r.Orgs...)
	}
	out.Orgs = slices.Clip(out.Orgs)
	return out, nil
}

// scanStanding reads a row of Standing, with at most one organization.
func scanStanding(r row) (login.Standing, error) {
	var (
		out login.Standing
		o   login.Org
		s   session.Session
	)
	err := r.Scan(append(userTargets(&out.User),
		optional{&o.ID}, &o.Name, document{&o.Policy}, &o.Policy.Epoch, instant{&o.Created}, instant{&o.Updated}, &o.Version,
		instant{&o.Joined}, &o.Skips,
		optional{&s.ID}, document{&s.Evidence}, instant{&s.Created}, instant{&s.LastUsed}, &s.IP, &s.Agent, &s.Version,
	)...)
	if o.ID != "" {
		out.Orgs = []login.Org{o}
	}
	if s.ID != "" {
		s.UserID = out.User.ID
		out.Session = s
	}
	return out, err
}
