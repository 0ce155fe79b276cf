package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type orgMemberCmd struct {
	Add    orgMemberAddCmd    `cmd:"" help:"Make a person a member."`
	Remove orgMemberRemoveCmd `cmd:"" help:"End a membership. Apps that the person signed in to under it lose access when they next ask."`
	List   orgMemberListCmd   `cmd:"" help:"List the members by their ids."`
}

// membershipArgs name a membership.
type membershipArgs struct {
	Org    string `arg:"" help:"The id of the organization."`
	Person string `arg:"" name:"email" help:"The person's mail address or id."`
}

type orgMemberAddCmd struct {
	settings
	output
	membershipArgs
}

func (c *orgMemberAddCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, u, err := c.find(p, db)
		if err != nil {
			return err
		}
		m := login.Membership{UserID: u.ID, OrgID: org.ID, Created: p.now()}
		err = db.AddMember(p.ctx, m, p.left(storage.Event{Type: storage.MembershipChanged, UserID: u.ID, OrgID: org.ID}, "add"))
		if errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("%s is a member of %s already", personNamed(c.Person), orgNamed(org.ID))
		}
		if err != nil {
			return told(err, orgNamed(org.ID)+" any more, or no such person")
		}
		return c.output.membership(p, u, org, "is a member of", true)
	})
}

type orgMemberRemoveCmd struct {
	settings
	output
	membershipArgs
}

func (c *orgMemberRemoveCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, u, err := c.find(p, db)
		if err != nil {
			return err
		}
		err = db.RemoveMember(p.ctx, u.ID, org.ID, p.left(storage.Event{Type: storage.MembershipChanged, UserID: u.ID, OrgID: org.ID}, "remove"))
		if errors.Is(err, storage.ErrNotFound) {
			return fmt.Errorf("%s is no member of %s", personNamed(c.Person), orgNamed(org.ID))
		}
		if err != nil {
			return plainly(err)
		}
		return c.output.membership(p, u, org, "is no member any more of", false)
	})
}

// find reads both ends of a membership.
func (m membershipArgs) find(p *process, db *sqldb.DB) (login.Org, login.User, error) {
	org, err := db.Org(p.ctx, m.Org)
	if err != nil {
		return org, login.User{}, told(err, orgNamed(m.Org))
	}
	u, err := findPerson(p, db, m.Person)
	return org, u, err
}

// membership answers with what became of one.
func (o output) membership(p *process, u login.User, org login.Org, now string, member bool) error {
	document := struct {
		UserID string `json:"user_id"`
		OrgID  string `json:"org_id"`
		Member bool   `json:"member"`
	}{u.ID, org.ID, member}
	return o.print(p, document, func(w io.Writer) { row(w, u.Email+" "+now+" "+orgNamed(org.ID)+".") })
}

type orgMemberListCmd struct {
	settings
	output
	paging
	Org string `arg:"" help:"The id of the organization."`
}

func (c *orgMemberListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		// An unknown organization is no empty one.
		if _, err := db.Org(p.ctx, c.Org); err != nil {
			return told(err, orgNamed(c.Org))
		}
		members, err := db.Members(p.ctx, c.Org, page)
		if err != nil {
			return plainly(err)
		}
		return c.output.people(p, "members", members, c.paging)
	})
}
