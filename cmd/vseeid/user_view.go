package main

import (
	"fmt"
	"io"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage/sqldb"
)

// userView is a person in documents. It never has a hash.
type userView struct {
	ID            string     `json:"id"`
	Email         string     `json:"email"`
	EmailVerified bool       `json:"email_verified"`
	Name          string     `json:"name"`
	Locale        string     `json:"locale"`
	HasPassword   bool       `json:"has_password"`
	PasswordSet   *time.Time `json:"password_set"`
	Disabled      *time.Time `json:"disabled"`
	Created       *time.Time `json:"created"`
	Updated       *time.Time `json:"updated"`
}

func viewUser(u login.User) userView {
	return userView{
		ID: u.ID, Email: u.Email, EmailVerified: u.EmailVerified, Name: u.Name, Locale: u.Locale,
		HasPassword: u.PasswordHash != "", PasswordSet: moment(u.PasswordSet),
		Disabled: moment(u.Disabled), Created: moment(u.Created), Updated: moment(u.Updated),
	}
}

// enrollmentView is a factor that a person has set up. It never has a secret.
type enrollmentView struct {
	ID        string        `json:"id"`
	Kind      factors.Kind  `json:"kind"`
	Name      string        `json:"name"`
	Place     factors.Place `json:"place"` // of a passkey: device, synced, key; empty where it is not known
	Confirmed *time.Time    `json:"confirmed"`
	Created   *time.Time    `json:"created"`
	LastUsed  *time.Time    `json:"last_used"`
}

// named is something else's id and name.
type named struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// personNow reads a person again and answers with it.
func (o output) personNow(p *process, db *sqldb.DB, id string) error {
	u, err := db.User(p.ctx, id)
	if err != nil {
		return told(err, personNamed(id))
	}
	return o.person(p, db, u)
}

// person answers with a person, the factors, what is locked and the organizations.
func (o output) person(p *process, db *sqldb.DB, u login.User) error {
	enrolled, err := db.Enrollments(p.ctx, u.ID)
	if err != nil {
		return plainly(err)
	}
	standing, err := db.Standing(p.ctx, u.ID, "")
	if err != nil {
		return told(err, personNamed(u.ID))
	}
	locked, err := locks(p, db, u.ID)
	if err != nil {
		return err
	}
	var enrollments []enrollmentView
	for _, e := range enrolled {
		enrollments = append(enrollments, enrollmentView{
			ID: e.ID, Kind: e.Kind, Name: e.Name, Place: e.Place,
			Confirmed: moment(e.Confirmed), Created: moment(e.Created), LastUsed: moment(e.LastUsed),
		})
	}
	var orgs []named
	for _, org := range standing.Orgs {
		orgs = append(orgs, named{org.ID, org.Name})
	}
	document := struct {
		userView
		Default     factors.Kind     `json:"default_method"` // what is asked first; empty: what the policy prefers
		Enrollments []enrollmentView `json:"enrollments"`
		Locks       []lockView       `json:"locks"`
		Orgs        []named          `json:"orgs"`
	}{viewUser(u), u.Default, listed(enrollments), listed(locked), listed(orgs)}
	return o.print(p, document, func(w io.Writer) {
		v := document.userView
		record(w, "Person", v.ID, "Mail address", v.Email, "Verified", v.EmailVerified, "Name", v.Name, "Locale", v.Locale,
			"Password", v.HasPassword, "Password set", v.PasswordSet, "Asked first", document.Default, "Disabled", v.Disabled, "Created", v.Created, "Updated", v.Updated)
		for _, e := range enrollments {
			record(w, "Factor", e.what()+", set up "+cell(e.Created)+lastUsed(e.LastUsed))
		}
		for _, l := range locked {
			l.record(w)
		}
		for _, org := range orgs {
			record(w, "Organization", org.ID+", "+org.Name)
		}
	})
}

// what says which factor it is, by the name that its person gave it.
func (v enrollmentView) what() string {
	text := string(v.Kind)
	switch v.Place {
	case factors.OnDevice:
		text += " of one device"
	case factors.Synced:
		text += ", synced"
	case factors.OnKey:
		text += " in a security key"
	}
	if v.Name != "" {
		text += fmt.Sprintf(" %q", v.Name)
	}
	return text
}

func lastUsed(t *time.Time) string {
	if t == nil {
		return ", never used"
	}
	return ", last used " + cell(t)
}

// people answers with a page of people under the name that the document gives them.
func (o output) people(p *process, name string, people []login.User, g paging) error {
	var views []userView
	var ids []string
	for _, u := range people {
		views, ids = append(views, viewUser(u)), append(ids, u.ID)
	}
	next := g.next(ids)
	document := map[string]any{name: listed(views), "next_after": next}
	return o.print(p, document, func(w io.Writer) {
		row(w, "ID", "EMAIL", "NAME", "PASSWORD", "DISABLED")
		for _, v := range views {
			row(w, v.ID, v.Email, v.Name, v.HasPassword, v.Disabled)
		}
		more(w, next)
	})
}

// sessionView is a session in documents. Its id is published in tokens; it is no secret.
type sessionView struct {
	ID       string      `json:"id"`
	Created  *time.Time  `json:"created"`
	LastUsed *time.Time  `json:"last_used"`
	IP       string      `json:"ip"`
	Agent    string      `json:"user_agent"`
	Proofs   []proofView `json:"proofs"`
}

type proofView struct {
	Kind factors.Kind `json:"kind"`
	At   *time.Time   `json:"at"`
}

func viewSession(s session.Session) sessionView {
	v := sessionView{
		ID: s.ID, Created: moment(s.Created), LastUsed: moment(s.LastUsed), IP: s.IP, Agent: s.Agent,
		Proofs: []proofView{},
	}
	for _, e := range s.Evidence {
		v.Proofs = append(v.Proofs, proofView{e.Kind, moment(e.At)})
	}
	return v
}

func (v sessionView) kinds() []string {
	var out []string
	for _, e := range v.Proofs {
		out = append(out, string(e.Kind))
	}
	return out
}
