package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type orgPolicyCmd struct {
	Show  orgPolicyShowCmd  `cmd:"" help:"Print the policy as a file that \"set --file\" takes."`
	Set   orgPolicySetCmd   `cmd:"" help:"Change the policy. It is in force at once, also for who is signed in: look at \"check\" first."`
	Check orgPolicyCheckCmd `cmd:"" help:"Say what a policy would mean for each member at the next sign-in, without setting it: who sets something up, who could not sign in, and why. Without a flag it checks the policy that is in force."`
}

// policyFlags make one policy of another. What was not given is nil.
type policyFlags struct {
	File           string          `placeholder:"FILE" help:"Take the whole policy from a file (YAML or JSON, as \"show\" prints it; - is standard input). What it does not say is as in the preset standard. The other flags refine it."`
	Preset         *string         `placeholder:"NAME" help:"Take the whole policy by name: off, standard or strict. The other flags refine it."`
	MFA            *string         `name:"mfa" placeholder:"WORD" help:"off: nobody is asked for a second factor; optional: who has one is asked; required: everybody is, and who has none sets one up."`
	From           *string         `placeholder:"DATE" help:"With required: from when on (2027-01-31, or a time in RFC 3339). Until then it is optional, and people are told. Empty: at once."`
	GraceDays      *int            `placeholder:"N" help:"With required: for how many days, from then or from joining, a member may put off setting up. 0: none."`
	GraceSkips     *int            `placeholder:"N" help:"With required: how many times. 0: none."`
	Factors        []string        `placeholder:"KIND" help:"The second factors that it allows, the preferred one first, separated by commas: passkey,totp,email,recovery. This replaces the list; \"show\" prints the one in force."`
	TrustDevice    *bool           `negatable:"" help:"Offer to trust a device, by making a passkey on it."`
	RemindAfter    *login.Duration `placeholder:"TIME" help:"How long \"Remind me later\" is: 14d."`
	Reuse          *login.Duration `placeholder:"TIME" help:"How old the proof of a session may be before it is asked for again: 12h."`
	SessionIdle    *login.Duration `placeholder:"TIME" help:"After how long unused a session ends: 30m."`
	SessionOverall *login.Duration `placeholder:"TIME" help:"After how long a session ends in any case: 12h."`
	Enrollment     *string         `placeholder:"WORD" help:"What a member shows to set up a first factor beside the password. open: nothing; mail: a code sent to the verified address; ticket: a one-time ticket of yours (vseeid user ticket)."`
	HardwareKeys   *string         `placeholder:"WORD" help:"When a passkey counts as hardware. any: it says that it cannot be copied; attested: its maker vouches for it, and --attestation-roots of serve bears it out."`
	HoldFor        *login.Duration `placeholder:"TIME" help:"How long a factor is new, and does not open the scopes of --hold-scope, which goes with it: 24h. 0s takes both back."`
	HoldScope      []string        `placeholder:"SCOPE" help:"What a sign-in by a factor that is new does not open: scopes of OAuth, separated by commas. The app is granted the rest."`
	NoDowngrade    *bool           `help:"Ask who has a passkey for it and for no weaker factor; the recovery code stays. --no-downgrade=false takes it back."`
}

// given reports whether any of them was.
func (f policyFlags) given() bool {
	b, err := json.Marshal(f)
	none, _ := json.Marshal(policyFlags{})
	return err != nil || !bytes.Equal(b, none)
}

// apply is the policy that they make of p, valid.
func (f policyFlags) apply(in io.Reader, orgID string, p login.Policy) (login.Policy, error) {
	epoch := p.Epoch
	if f.File != "" && f.Preset != nil {
		return p, badSetting("give --file or --preset, not both")
	}
	if f.File != "" {
		var err error
		if p, err = policyFile(in, f.File, orgID); err != nil {
			return p, err
		}
	}
	if f.Preset != nil {
		var err error
		if p, err = preset(*f.Preset); err != nil {
			return p, err
		}
	}
	p.Epoch = epoch
	if f.MFA != nil {
		p.MFA = login.MFA(*f.MFA)
	}
	if f.From != nil {
		at, err := day(*f.From)
		if err != nil {
			return p, err
		}
		p.From = at
	}
	set(&p.Grace.Days, f.GraceDays)
	set(&p.Grace.Skips, f.GraceSkips)
	if f.Factors != nil {
		var names []string
		setList(&names, f.Factors)
		p.Factors = []factors.Kind{}
		for _, name := range names {
			p.Factors = append(p.Factors, factors.Kind(name))
		}
	}
	set(&p.Trust.Offer, f.TrustDevice)
	set(&p.Trust.RemindAfter, f.RemindAfter)
	set(&p.Reuse, f.Reuse)
	set(&p.Session.Idle, f.SessionIdle)
	set(&p.Session.Overall, f.SessionOverall)
	if f.Enrollment != nil {
		p.Enrollment = login.EnrollBy(*f.Enrollment)
	}
	if f.HardwareKeys != nil {
		p.HardwareKeys = login.HardwareKeys(*f.HardwareKeys)
	}
	set(&p.NoDowngrade, f.NoDowngrade)
	set(&p.Hold.For, f.HoldFor)
	setList(&p.Hold.Scopes, f.HoldScope)
	if f.HoldFor != nil && *f.HoldFor == 0 {
		p.Hold = login.Hold{}
	}
	if p.Hold.For == 0 && len(p.Hold.Scopes) > 0 {
		return p, badSetting("--hold-scope says what a new factor does not open: give --hold-for too, how long it is new")
	}
	return p, invalid(p.Validate())
}

func preset(name string) (login.Policy, error) {
	p, ok := login.Preset(name)
	if !ok {
		return p, badSetting("--preset is %q: set it to off, standard or strict", name)
	}
	return p, nil
}

// day reads a date, which begins at midnight UTC, or a time. Empty is none.
func day(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(form, s); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, badSetting("%q is no date: write 2027-01-31 or 2027-01-31T08:00:00Z", s)
}

// policyView is a policy in documents and files, without its epoch, which nobody but a store may count.
type policyView struct {
	Organization string             `json:"organization,omitempty"` // in a file: whose it is
	MFA          login.MFA          `json:"mfa"`
	From         string             `json:"from,omitempty"`
	Grace        *login.Grace       `json:"grace,omitempty"`
	Factors      []factors.Kind     `json:"factors"`
	Trust        login.Trust        `json:"trust_device"`
	Reuse        login.Duration     `json:"reuse"`
	Session      login.Limits       `json:"session"`
	Enrollment   login.EnrollBy     `json:"enrollment"`
	HardwareKeys login.HardwareKeys `json:"hardware_keys"`
	NoDowngrade  bool               `json:"no_downgrade"`
	Hold         *login.Hold        `json:"hold,omitempty"`
}

func viewPolicy(p login.Policy) policyView {
	v := policyView{
		MFA: p.MFA, From: login.DateText(p.From), Factors: listed(p.Factors), Trust: p.Trust, Reuse: p.Reuse, Session: p.Session,
		Enrollment: p.Enrollment, HardwareKeys: p.HardwareKeys, NoDowngrade: p.NoDowngrade,
	}
	if p.Grace != (login.Grace{}) {
		v.Grace = &p.Grace
	}
	if p.Hold.For != 0 {
		v.Hold = &p.Hold
	}
	return v
}

func (v policyView) record(w io.Writer) {
	grace, hold := "", ""
	if v.Grace != nil {
		grace = v.Grace.String()
	}
	if v.Hold != nil {
		hold = v.Hold.String()
	}
	record(w, "MFA", v.MFA, "From", v.From, "Grace", grace, "Factors", words(v.Factors, " "), "Trusted device", v.Trust, "Reuse", v.Reuse,
		"Session idle", v.Session.Idle, "Session overall", v.Session.Overall, "Enrollment", v.Enrollment, "Hardware keys", v.HardwareKeys, "No downgrade", v.NoDowngrade, "Hold", hold)
}

const policyFileLimit = 64 << 10

// policyFile reads a policy of organization orgID. A field that it does not know is refused, for it
// may be one that somebody relies on.
func policyFile(in io.Reader, path, orgID string) (login.Policy, error) {
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return login.Policy{}, badSetting("--file cannot be read: %v", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, policyFileLimit+1))
	if err != nil || len(text) > policyFileLimit {
		return login.Policy{}, badSetting("the policy file cannot be read, or is longer than 64 KiB")
	}
	document, err := yaml.YAMLToJSONStrict(text)
	if err != nil {
		return login.Policy{}, badSetting("the policy file is no YAML: %s", strings.Join(strings.Fields(err.Error()), " "))
	}
	standard, err := preset("standard")
	if err != nil {
		return login.Policy{}, err
	}
	v := viewPolicy(standard)
	d := json.NewDecoder(bytes.NewReader(document))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return login.Policy{}, badSetting("the policy file cannot be taken: %v", err)
	}
	if v.Organization != "" && v.Organization != orgID {
		return login.Policy{}, badSetting("the policy file is of organization %q: to take it for %s, remove its line organization", v.Organization, orgID)
	}
	from, err := day(v.From)
	if err != nil {
		return login.Policy{}, err
	}
	p := login.Policy{
		MFA: v.MFA, From: from, Factors: v.Factors, Trust: v.Trust, Reuse: v.Reuse, Session: v.Session,
		Enrollment: v.Enrollment, HardwareKeys: v.HardwareKeys, NoDowngrade: v.NoDowngrade,
	}
	if v.Grace != nil {
		p.Grace = *v.Grace
	}
	if v.Hold != nil {
		p.Hold = *v.Hold
	}
	return p, nil
}

type orgPolicyShowCmd struct {
	settings
	output
	ID string `arg:""`
}

func (c *orgPolicyShowCmd) Run(p *process) error {
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := db.Org(p.ctx, c.ID)
		if err != nil {
			return told(err, orgNamed(c.ID))
		}
		return c.output.policy(p, org)
	})
}

// policy answers with the policy of an organization, in the form of a file.
func (o output) policy(p *process, org login.Org) error {
	v := viewPolicy(org.Policy)
	v.Organization = org.ID
	text, err := yaml.Marshal(v)
	if err != nil {
		return err
	}
	return o.print(p, v, func(w io.Writer) { fmt.Fprintf(w, "%s", text) }) // the error comes with Flush
}

type orgPolicySetCmd struct {
	settings
	output
	ID string `arg:""`
	policyFlags
}

func (c *orgPolicySetCmd) Run(p *process) error {
	if !c.given() {
		return badSetting("no flag says what to set")
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		org, err := changeOrg(p, db, c.ID, func(o *login.Org) (err error) {
			o.Policy, err = c.apply(p.in, o.ID, o.Policy)
			return err
		})
		if err != nil {
			return err
		}
		warnings, err := unasked(p, db, org.Policy.Hold)
		if err != nil {
			return err
		}
		for _, warning := range warnings {
			fmt.Fprintf(p.err, "Warning: %s.\n", warning) // it is set all the same
		}
		return c.output.policy(p, org)
	})
}
