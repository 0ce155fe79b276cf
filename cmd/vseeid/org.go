package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type orgCmd struct {
	Create orgCreateCmd `cmd:"" help:"Create an organization."`
	List   orgListCmd   `cmd:"" help:"List organizations by id."`
	Show   orgShowCmd   `cmd:"" help:"Show an organization and its policy."`
	Rename orgRenameCmd `cmd:"" help:"Give an organization another name. Its id stays."`
	Policy orgPolicyCmd `cmd:"" help:"What an organization demands of its members: show it, set it, check beforehand whom that would affect."`
	Delete orgDeleteCmd `cmd:"" help:"Delete an organization, its memberships and what was granted under its policy. Its id is never given again."`
	Member orgMemberCmd `cmd:"" help:"Add, remove and list its members."`
}

type orgCreateCmd struct {
	settings
	output
	ID     string `arg:"" help:"What the organization parameter and the org_id claim say: lower-case letters, digits and dashes. It never changes."`
	Name   string `required:"" placeholder:"TEXT" help:"What people read."`
	Preset string `default:"standard" placeholder:"NAME" help:"Its policy: off, standard or strict. Default ${default}. \"vseeid org policy set\" refines it."`
}

func (c *orgCreateCmd) Run(p *process) error {
	if !request.ValidOrganization(c.ID) {
		return badSetting("organization id %q has to be 1 to 63 lower-case letters, digits and dashes, with no dash at either end", c.ID)
	}
	if err := checkOrgName(c.Name); err != nil {
		return err
	}
	policy, err := preset(c.Preset)
	if err != nil {
		return err
	}
	now := p.now()
	org := login.Org{ID: c.ID, Name: c.Name, Policy: policy, Created: now, Updated: now}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		err := db.CreateOrg(p.ctx, org, p.left(storage.Event{Type: storage.OrgChanged, OrgID: org.ID}, "create"))
		if errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("%s exists already, or did once: an id is never given again", orgNamed(c.ID))
		}
		if err != nil {
			return plainly(err)
		}
		return c.output.org(p, org)
	})
}

type orgListCmd struct {
	settings
	output
	paging
}

func (c *orgListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		orgs, err := db.ListOrgs(p.ctx, page)
		if err != nil {
			return plainly(err)
		}
		var views []orgView
		var ids []string
		for _, o := range orgs {
			views, ids = append(views, viewOrg(o)), append(ids, o.ID)
		}
		document := struct {
			Orgs  []orgView `json:"orgs"`
			After string    `json:"next_after"`
		}{listed(views), c.next(ids)}
		return c.print(p, document, func(w io.Writer) {
			row(w, "ID", "NAME", "MFA", "FACTORS")
			for _, v := range views {
				row(w, v.ID, v.Name, v.Policy.MFA, words(v.Policy.Factors, " "))
			}
			more(w, document.After)
		})
	})
}

type orgShowCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *orgShowCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := db.Org(p.ctx, c.ID)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		return c.output.org(p, org)
	})
}

type orgRenameCmd struct {
	settings
	output
	ID   string `arg:""`
	Name string `required:"" placeholder:"TEXT" help:"What people read."`
}

func (c *orgRenameCmd) Run(p *process) error {
	if err := checkOrgName(c.Name); err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := changeOrg(p, db, c.ID, func(o *login.Org) error { o.Name = c.Name; return nil })
		if err != nil {
			return err
		}
		return c.output.org(p, org)
	})
}

// changeOrg keeps what change makes of an organization, with a trail of what differs. Nothing does: nothing is
// written, and no grant is judged anew for it.
func changeOrg(p *process, db *sqldb.DB, id string, change func(*login.Org) error) (login.Org, error) {
	before, err := db.Org(p.ctx, id)
	if err != nil {
		return login.Org{}, told(err, orgNamed(id))
	}
	org := before
	if err := change(&org); err != nil {
		return login.Org{}, err
	}
	org.Updated = p.now()
	trail, err := p.edited(storage.Event{Type: storage.OrgChanged, OrgID: org.ID}, viewOrg(before), viewOrg(org))
	if errors.Is(err, errSame) {
		return before, nil
	}
	if err != nil {
		return login.Org{}, err
	}
	if text := policyTrail(before.Policy.Changes(org.Policy, p.now())); text != "" {
		trail.Events[0].Detail["policy"] = text
	}
	if err := db.UpdateOrg(p.ctx, org, trail); err != nil {
		return login.Org{}, told(err, orgNamed(id))
	}
	return org, nil
}

// policyTrail is what the audit says of a changed policy. There is no secret in one.
func policyTrail(differences []login.Difference) string {
	var out []string
	for _, d := range differences {
		out = append(out, fmt.Sprintf("%s: %s→%s", d.Field, cmp.Or(d.From, "none"), cmp.Or(d.To, "none")))
	}
	return strings.Join(out, "; ")
}

func checkOrgName(name string) error {
	if strings.TrimSpace(name) == "" || len(name) > 255 {
		return badSetting("--name has to be 1 to 255 bytes that people know the organization by")
	}
	return nil
}

type orgDeleteCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *orgDeleteCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		err := db.DeleteOrg(p.ctx, c.ID, p.now(), p.left(storage.Event{Type: storage.OrgChanged, OrgID: c.ID}, "delete"))
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		return c.output.done(p, map[string]any{"id": c.ID, "deleted": true}, orgNamed(c.ID)+" is deleted.")
	})
}

func orgNamed(id string) string { return fmt.Sprintf("organization %q", id) }

// orgView is an organization in documents.
type orgView struct {
	ID      string     `json:"id"`
	Name    string     `json:"name"`
	Policy  policyView `json:"policy"`
	Created *time.Time `json:"created"`
	Updated *time.Time `json:"updated"`
}

func viewOrg(o login.Org) orgView {
	return orgView{ID: o.ID, Name: o.Name, Created: moment(o.Created), Updated: moment(o.Updated), Policy: viewPolicy(o.Policy)}
}

// org answers with an organization.
func (o output) org(p *process, org login.Org) error {
	v := viewOrg(org)
	return o.print(p, v, func(w io.Writer) {
		record(w, "Organization", v.ID, "Name", v.Name)
		v.Policy.record(w)
		record(w, "Created", v.Created, "Updated", v.Updated)
	})
}
