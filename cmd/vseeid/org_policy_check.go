package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
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
	deploymentSettings
	ID string `arg:""`
	policyFlags
	All bool `help:"List also those for whom nothing changes. They are counted in any case."`
}

// deploymentSettings are what serve is told of the factors that there are. The environment of serve says the same here.
type deploymentSettings struct {
	Issuer  string `group:"Deployment" env:"VSEEID_ISSUER" placeholder:"URL" help:"As for serve: one by address (http://127.0.0.1) has no passkeys. Not set: mails and passkeys are assumed, and the answer says so."`
	SMTPURL string `group:"Deployment" name:"smtp-url" env:"VSEEID_SMTP_URL" placeholder:"URL" help:"As for serve: without it there are no codes by mail. It is not connected to."`
	passkeySettings
}

// kinds are the factors that serve would have with these settings. Without an issuer these are not the settings
// of serve, and assumed says what is taken for granted.
func (d deploymentSettings) kinds() (kinds login.Kinds, assumed string, err error) {
	if d.Issuer == "" {
		return kindsOf(true, passkeyRules{rpID: "assumed"}), "mails are sent and passkeys can be used, for VSEEID_ISSUER is not set: give what serve is given", nil
	}
	issuer, err := checkIssuer(d.Issuer)
	if err != nil {
		return nil, "", err
	}
	passkeys, err := d.passkeySettings.check(issuer)
	return kindsOf(d.SMTPURL != "", passkeys), "", err
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
	Held    bool               `json:"held"`       // no factor of the person opens now what the policy holds
	HeldTo  *time.Time         `json:"held_until"` // null: not held, or nobody knows until when
	Changes bool               `json:"changes"`    // it is not so under the policy that is in force
}

// policyChange is one field of a policy that is not as it was.
type policyChange struct {
	Field  string `json:"field"`
	Now    string `json:"now"`
	Then   string `json:"then"`
	Weaker bool   `json:"weaker"`
}

// checked is the answer of check.
type checked struct {
	Policy   policyView               `json:"policy"`
	Kinds    []factors.Kind           `json:"deployment"` // the factors that there are
	Assumed  string                   `json:"assumed"`    // what was not said of the deployment; empty: it was
	Fields   []policyChange           `json:"fields"`
	Warnings []string                 `json:"warnings"`
	Members  int                      `json:"members"`
	Counts   map[login.EffectKind]int `json:"counts"`
	Changed  int                      `json:"changed"`
	Held     int                      `json:"held"`
	Listed   []memberEffect           `json:"listed"`
}

func (c *orgPolicyCheckCmd) Run(p *process) error {
	kinds, assumed, err := c.kinds()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := db.Org(p.ctx, c.ID)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		policy, err := c.apply(p.in, org.ID, org.Policy)
		if err != nil {
			return err
		}
		warnings, err := unasked(p, db, policy.Hold)
		if err != nil {
			return err
		}
		out := checked{
			Policy: viewPolicy(policy), Kinds: kinds, Assumed: assumed, Warnings: listed(warnings), Listed: []memberEffect{},
			Counts: map[login.EffectKind]int{login.EffectFine: 0, login.EffectAsked: 0, login.EffectSetUp: 0, login.EffectShut: 0},
		}
		out.Policy.Organization = org.ID
		for _, d := range org.Policy.Changes(policy, p.now()) {
			out.Fields = append(out.Fields, policyChange{d.Field, d.From, d.To, d.Weaker})
		}
		out.Fields = listed(out.Fields)
		err = eachMember(p, db, org.ID, func(u login.User) error {
			m, err := c.member(p, db, kinds, u, org, policy)
			if err != nil {
				return err
			}
			out.add(m, c.All)
			return nil
		})
		if err != nil {
			return err
		}
		return c.print(p, out, out.record)
	})
}

// add counts a member, and lists one of whom somebody wants to know.
func (c *checked) add(m memberEffect, all bool) {
	c.Members++
	c.Counts[m.Effect]++
	if m.Changes {
		c.Changed++
	}
	if m.Held {
		c.Held++
	}
	if all || m.Changes || m.Held || m.Effect == login.EffectShut || m.Effect == login.EffectSetUp {
		c.Listed = append(c.Listed, m)
	}
}

// unasked warns of what a policy holds and no client may ask for: it may be a slip of the pen, and then
// nothing is held at all.
func unasked(p *process, db *sqldb.DB, hold login.Hold) ([]string, error) {
	missing := slices.Clone(hold.Scopes)
	for page := (storage.Page{Limit: storage.MaxPage}); len(missing) > 0; {
		clients, err := db.ListClients(p.ctx, page)
		if err != nil {
			return nil, plainly(err)
		}
		for _, client := range clients {
			missing = slices.DeleteFunc(missing, func(s string) bool { return client.Disabled.IsZero() && slices.Contains(client.Scopes, s) })
		}
		if len(clients) < page.Limit {
			break
		}
		page.After = clients[len(clients)-1].ID
	}
	var out []string
	for _, s := range missing {
		out = append(out, fmt.Sprintf("no registered client may ask for the scope %s, which the policy holds", s))
	}
	return out, nil
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
func (c *orgPolicyCheckCmd) member(p *process, db *sqldb.DB, kinds login.Kinds, u login.User, org login.Org, policy login.Policy) (memberEffect, error) {
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
	enrolled = kinds.WithMailbox(u, enrolled)
	here, others := standing.Orgs[i], slices.Delete(slices.Clone(standing.Orgs), i, i+1)
	effect := kinds.Impact(policy, u, here, others, enrolled, p.now())
	before := kinds.Impact(org.Policy, u, here, others, enrolled, p.now())
	until, held := kinds.Held(policy, u, enrolled, p.now())
	_, heldBefore := kinds.Held(org.Policy, u, enrolled, p.now())
	return memberEffect{
		UserID: u.ID, Email: u.Email, Held: held, HeldTo: moment(until), Effect: effect.Kind, Methods: listed(effect.Methods), Until: moment(effect.Leave.Until),
		Skips: effect.Leave.Skips, Confirm: effect.Confirm, Why: effect.Why,
		Changes: held != heldBefore || effect.Kind != before.Kind || effect.Why != before.Why || effect.Confirm != before.Confirm ||
			effect.Leave != before.Leave || !slices.Equal(effect.Methods, before.Methods),
	}, nil
}

func (c checked) record(w io.Writer) {
	// Every error comes with Flush.
	if c.Assumed != "" {
		fmt.Fprintf(w, "Assumed: %s.\n", c.Assumed)
	}
	fmt.Fprintf(w, "Factors of this deployment: %s.\n\n", words(c.Kinds, ", "))
	if len(c.Fields) == 0 {
		fmt.Fprintln(w, "The policy is the one that is in force.")
	} else {
		row(w, "POLICY", "NOW", "THEN", "")
	}
	for _, f := range c.Fields {
		weaker := ""
		if f.Weaker {
			weaker = "WEAKER"
		}
		row(w, f.Field, cmp.Or(f.Now, "-"), cmp.Or(f.Then, "-"), weaker)
	}
	for _, warning := range c.Warnings {
		fmt.Fprintf(w, "Warning: %s.\n", cell(warning))
	}
	fmt.Fprintln(w)
	record(w, "Members", c.Members, "Nothing is asked", c.Counts[login.EffectFine], "Asked for what they have", c.Counts[login.EffectAsked],
		"Have to set up a factor", c.Counts[login.EffectSetUp], "Could not sign in", c.Counts[login.EffectShut],
		"Sign in otherwise than now", c.Changed)
	if c.Policy.Hold != nil {
		record(w, "Kept from "+strings.Join(c.Policy.Hold.Scopes, " "), c.Held)
	}
	if len(c.Listed) == 0 {
		return
	}
	fmt.Fprintln(w)
	row(w, "EMAIL", "AT THE NEXT SIGN-IN", "CHANGES")
	for _, m := range c.Listed {
		row(w, m.Email, m.words(), m.Changes)
	}
}

// words say what a member notices.
func (m memberEffect) words() string {
	switch {
	case !m.Held || m.Effect == login.EffectShut:
		return m.asked()
	case m.HeldTo != nil:
		return m.asked() + "; held until " + cell(m.HeldTo)
	}
	return m.asked() + "; held until a factor is old enough"
}

// asked is what a member has to show.
func (m memberEffect) asked() string {
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
	login.ShutNoMail:     "setting a factor up takes a code by mail, and this deployment sends no mails (VSEEID_SMTP_URL)",
}
