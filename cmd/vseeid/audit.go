package main

import (
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type auditCmd struct {
	List auditListCmd `cmd:"" help:"List what happened, the newest first."`
}

type auditListCmd struct {
	settings
	output
	RequestID string `placeholder:"REFERENCE" help:"What a page showed as reference, in the last 30 days."`
	User      string `placeholder:"PERSON" help:"The mail address or the id of a person, also of one who was deleted."`
	Org       string `placeholder:"ID" help:"The organization that a sign-in was for."`
	Type      string `placeholder:"TYPE" help:"One type of event, such as authn_login_fail."`
	paging
}

// referenceAge is how long ago a page may have been shown that is asked about. What happened before is found
// by the person.
const referenceAge = 30 * 24 * time.Hour

func (c *auditListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		filter := sqldb.EventFilter{OrgID: c.Org, Type: storage.EventType(c.Type), RequestID: strings.TrimSpace(c.RequestID)}
		if filter.RequestID != "" {
			filter.Since = p.now().Add(-referenceAge)
		}
		switch {
		case uuid.Validate(c.User) == nil:
			filter.UserID = strings.ToLower(c.User)
		case c.User != "":
			u, err := findPerson(p, db, c.User)
			if err != nil {
				return err
			}
			filter.UserID = u.ID
		}
		events, err := db.Events(p.ctx, filter, page)
		if err != nil {
			return plainly(err)
		}
		return c.output.events(p, events, c.paging)
	})
}

// eventView is an audit event in documents.
type eventView struct {
	ID        string            `json:"id"`
	At        *time.Time        `json:"at"`
	Type      storage.EventType `json:"type"`
	UserID    string            `json:"user_id"`
	OrgID     string            `json:"org_id"`
	ClientID  string            `json:"client_id"`
	SessionID string            `json:"session_id"`
	Detail    map[string]string `json:"detail"`
	RequestID string            `json:"request_id"`
	IP        string            `json:"ip"`
	Agent     string            `json:"user_agent"`
}

func viewEvent(e storage.Event) eventView {
	v := eventView{
		ID: e.ID, At: moment(e.At), Type: e.Type, UserID: e.UserID, OrgID: e.OrgID, ClientID: e.ClientID, SessionID: e.SessionID,
		Detail: e.Detail, RequestID: e.Origin.RequestID, IP: e.Origin.IP, Agent: e.Origin.UserAgent,
	}
	if v.Detail == nil {
		v.Detail = map[string]string{}
	}
	return v
}

// details are what the event says beside its type, in the order of the names.
func (v eventView) details() []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(v.Detail)) {
		if v.Detail[name] != "" {
			out = append(out, name+"="+v.Detail[name])
		}
	}
	return out
}

// events answers with a page of events.
func (o output) events(p *process, events []storage.Event, g paging) error {
	var views []eventView
	var ids []string
	for _, e := range events {
		views, ids = append(views, viewEvent(e)), append(ids, e.ID)
	}
	next := g.next(ids)
	document := map[string]any{"events": listed(views), "next_after": next}
	return o.print(p, document, func(w io.Writer) {
		row(w, "AT", "TYPE", "PERSON", "ORGANIZATION", "CLIENT", "REFERENCE", "IP", "DETAIL")
		for _, v := range views {
			row(w, v.At, v.Type, v.UserID, v.OrgID, v.ClientID, v.RequestID, v.IP, v.details())
		}
		more(w, next)
	})
}
