package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type orgPolicyCheckCmd struct {
	settings
	output
	ID string `arg:""`
	policyFlags
	All bool `help:"List also those for whom nothing changes. They are counted in any case."`
}

// memberEffect is what a policy means for one member.
type memberEffect struct {
	UserID  string             `json:"user_id"`
	Email   string             `json:"email"`
	Effect  login.EffectKind   `json:"effect"` // fine, asked, setup, shut
	Methods []factors.Kind     `json:"methods"`
	Until   *time.Time         `json:"until"` // setup: can be put off until then
	Skips   int                `json:"skips"` // setup: how often it can be put off
	Confirm login.EnrollBy     `json:"confirm,omitempty"`
	Why     login.EffectReason `json:"why,omitempty"`
	Changes bool               `json:"changes"` // it is not so under the policy that is in force
}

// checked is the answer of check.
type checked struct {
	Policy  policyView               `json:"policy"`
	Members int                      `json:"members"`
	Counts  map[login.EffectKind]int `json:"counts"`
	Changed int                      `json:"changed"`
	Listed  []memberEffect           `json:"listed"`
}

func (c *orgPolicyCheckCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := db.Org(p.ctx, c.ID)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		policy, err := c.apply(p.in, org.ID, org.Policy)
		if err != nil {
			return err
		}
		out := checked{
			Policy: viewPolicy(policy), Listed: []memberEffect{},
			Counts: map[login.EffectKind]int{login.EffectFine: 0, login.EffectAsked: 0, login.EffectSetUp: 0, login.EffectShut: 0},
		}
		out.Policy.Organization = org.ID
		err = eachMember(p, db, org.ID, func(u login.User) error {
			m, err := c.member(p, db, u, org, policy)
			if err != nil {
				return err
			}
			out.Members++
			out.Counts[m.Effect]++
			if m.Changes {
				out.Changed++
			}
			if c.All || m.Changes || m.Effect == login.EffectShut || m.Effect == login.EffectSetUp {
				out.Listed = append(out.Listed, m)
			}
			return nil
		})
		if err != nil {
			return err
		}
		return c.print(p, out, out.record)
	})
}

func eachMember(p *process, db *sqldb.DB, orgID string, do func(login.User) error) error {
	page := storage.Page{Limit: storage.MaxPage}
	for {
		people, err := db.Members(p.ctx, orgID, page)
		if err != nil {
			return plainly(err)
		}
		for _, u := range people {
			if err := do(u); err != nil {
				return err
			}
		}
		if len(people) < page.Limit {
			return nil
		}
		page.After = people[len(people)-1].ID
	}
}

// member says what policy means for a member when an app names the organization.
func (c *orgPolicyCheckCmd) member(p *process, db *sqldb.DB, u login.User, org login.Org, policy login.Policy) (memberEffect, error) {
	standing, err := db.Standing(p.ctx, u.ID, "")
	if err != nil {
		return memberEffect{}, told(err, personNamed(u.ID))
	}
	i := slices.IndexFunc(standing.Orgs, func(o login.Org) bool { return o.ID == org.ID })
	if i < 0 {
		return memberEffect{}, fmt.Errorf("%s left while the policy was being checked: check again", personNamed(u.ID))
	}
	enrolled, err := db.Enrollments(p.ctx, u.ID)
	if err != nil {
		return memberEffect{}, plainly(err)
	}
	if box, ok := login.Mailbox(u); ok {
		enrolled = append(enrolled, box)
	}
	here, others := standing.Orgs[i], slices.Delete(slices.Clone(standing.Orgs), i, i+1)
	effect := login.Impact(policy, u, here, others, enrolled, p.now())
	before := login.Impact(org.Policy, u, here, others, enrolled, p.now())
	return memberEffect{
		UserID: u.ID, Email: u.Email, Effect: effect.Kind, Methods: listed(effect.Methods), Until: moment(effect.Leave.Until),
		Skips: effect.Leave.Skips, Confirm: effect.Confirm, Why: effect.Why,
		Changes: effect.Kind != before.Kind || effect.Why != before.Why || effect.Confirm != before.Confirm ||
			effect.Leave != before.Leave || !slices.Equal(effect.Methods, before.Methods),
	}, nil
}

func (c checked) record(w io.Writer) {
	record(w, "Members", c.Members, "Nothing is asked", c.Counts[login.EffectFine], "Asked for what they have", c.Counts[login.EffectAsked],
		"Have to set up a factor", c.Counts[login.EffectSetUp], "Could not sign in", c.Counts[login.EffectShut],
		"Not as it is now", c.Changed)
	if len(c.Listed) == 0 {
		return
	}
	fmt.Fprintln(w) // the error comes with Flush
	row(w, "EMAIL", "AT THE NEXT SIGN-IN", "CHANGES")
	for _, m := range c.Listed {
		row(w, m.Email, m.words(), m.Changes)
	}
}

// words say what a member notices.
func (m memberEffect) words() string {
	choice := words(m.Methods, " or ")
	switch m.Effect {
	case login.EffectFine:
		return "nothing more than the first proof"
	case login.EffectAsked:
		return "asked for " + choice
	case login.EffectSetUp:
		text := "sets up " + choice
		switch m.Confirm {
		case login.ByMail:
			text += ", after a code by mail"
		case login.ByTicket:
			text += ", with a ticket (vseeid user ticket)"
		case login.Open:
		}
		if m.Until != nil {
			text += ", can put it off until " + cell(m.Until)
		}
		if m.Skips > 0 {
			text += fmt.Sprintf(", can put it off %d times", m.Skips)
		}
		return text
	case login.EffectShut:
		return "CANNOT SIGN IN: " + shut[m.Why]
	}
	return string(m.Effect)
}

// shut is why somebody could not sign in, and what to do about it.
var shut = map[login.EffectReason]string{
	login.ShutDisabled:   "the account is disabled, whatever the policy says",
	login.ShutNoPassword: "there is no password and no passkey that it allows; set a password",
	login.ShutNotAllowed: "what the person has set up is not allowed; allow it, or reset the person's factors",
	login.ShutNoMailbox:  "setting a factor up takes a code by mail, and the mail address is not verified",
}
