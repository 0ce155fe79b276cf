package main

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
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
	Change orgChangeCmd `cmd:"" help:"Change what the given flags name, and nothing else. Another policy is in force at once, also for who is signed in."`
	Delete orgDeleteCmd `cmd:"" help:"Delete an organization, its memberships and what was granted under its policy. Its id is never given again."`
	Member orgMemberCmd `cmd:"" help:"Add, remove and list its members."`
}

// orgFlags are what an organization is, and what it demands. What was not given is nil.
type orgFlags struct {
	Name           *string         `placeholder:"TEXT" help:"What people read."`
	Preset         *string         `placeholder:"NAME" help:"A whole policy by name, which the other flags refine: off, standard or strict. At creation the default is standard."`
	MFA            *string         `name:"mfa" placeholder:"WORD" help:"off: nobody is asked for a second factor; optional: who has one is asked; required: everybody is, and who has none sets one up."`
	Factors        []string        `placeholder:"KIND" help:"The second factors that it allows, the preferred one first: passkey, totp, email, recovery."`
	Reuse          *login.Duration `placeholder:"TIME" help:"How old the proof of a session may be before it is asked for again: 12h."`
	SessionIdle    *login.Duration `placeholder:"TIME" help:"After how long unused a session ends: 30m."`
	SessionOverall *login.Duration `placeholder:"TIME" help:"After how long a session ends in any case: 12h."`
}

// apply writes what was given to o, which is valid afterwards.
func (f orgFlags) apply(o *login.Org) error {
	set(&o.Name, f.Name)
	if f.Preset != nil {
		preset, ok := login.Preset(*f.Preset)
		if !ok {
			return badSetting("--preset is %q: set it to off, standard or strict", *f.Preset)
		}
		preset.Epoch = o.Policy.Epoch
		o.Policy = preset
	}
	if f.MFA != nil {
		o.Policy.MFA = login.MFA(*f.MFA)
	}
	if f.Factors != nil {
		var names []string
		setList(&names, f.Factors)
		o.Policy.Factors = []factors.Kind{}
		for _, name := range names {
			o.Policy.Factors = append(o.Policy.Factors, factors.Kind(name))
		}
	}
	set(&o.Policy.Reuse, f.Reuse)
	set(&o.Policy.Session.Idle, f.SessionIdle)
	set(&o.Policy.Session.Overall, f.SessionOverall)
	if o.Name == "" && f.Name == nil {
		return badSetting("--name is missing: say what people know the organization by")
	}
	if strings.TrimSpace(o.Name) == "" || len(o.Name) > 255 {
		return badSetting("--name has to be 1 to 255 bytes that people know the organization by")
	}
	return invalid(o.Policy.Validate())
}

type orgCreateCmd struct {
	settings
	output
	ID string `arg:"" help:"What the organization parameter and the org_id claim say: lower-case letters, digits and dashes. It never changes."`
	orgFlags
}

func (c *orgCreateCmd) Run(p *process) error {
	if !request.ValidOrganization(c.ID) {
		return badSetting("organization id %q has to be 1 to 63 lower-case letters, digits and dashes, with no dash at either end", c.ID)
	}
	now := p.now()
	policy, ok := login.Preset("standard")
	if !ok {
		return errors.New("there is no preset standard")
	}
	org := login.Org{ID: c.ID, Policy: policy, Created: now, Updated: now}
	if err := c.apply(&org); err != nil {
		return err
	}
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
				row(w, v.ID, v.Name, v.Policy.MFA, v.Policy.factors())
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

type orgChangeCmd struct {
	settings
	output
	ID string `arg:""`
	orgFlags
}

func (c *orgChangeCmd) Run(p *process) error {
	if reflect.DeepEqual(c.orgFlags, orgFlags{}) {
		return badSetting("no flag says what to change")
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := db.Org(p.ctx, c.ID)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		before := viewOrg(org)
		if err := c.apply(&org); err != nil {
			return err
		}
		org.Updated = p.now()
		trail, err := p.edited(storage.Event{Type: storage.OrgChanged, OrgID: org.ID}, before, viewOrg(org))
		if err != nil {
			return err
		}
		err = db.UpdateOrg(p.ctx, org, trail)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		return c.output.org(p, org)
	})
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

// policyView is a policy without its epoch, which nobody but a store may count.
type policyView struct {
	MFA     login.MFA      `json:"mfa"`
	Factors []factors.Kind `json:"factors"`
	Reuse   login.Duration `json:"reuse"`
	Session login.Limits   `json:"session"`
}

func (v policyView) factors() []string {
	var out []string
	for _, k := range v.Factors {
		out = append(out, string(k))
	}
	return out
}

func viewOrg(o login.Org) orgView {
	return orgView{
		ID: o.ID, Name: o.Name, Created: moment(o.Created), Updated: moment(o.Updated),
		Policy: policyView{o.Policy.MFA, listed(o.Policy.Factors), o.Policy.Reuse, o.Policy.Session},
	}
}

// org answers with an organization.
func (o output) org(p *process, org login.Org) error {
	v := viewOrg(org)
	return o.print(p, v, func(w io.Writer) {
		record(w, "Organization", v.ID, "Name", v.Name, "MFA", v.Policy.MFA, "Factors", v.Policy.factors(),
			"Reuse", v.Policy.Reuse, "Session idle", v.Policy.Session.Idle, "Session overall", v.Policy.Session.Overall,
			"Created", v.Created, "Updated", v.Updated)
	})
}
