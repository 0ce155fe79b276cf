package main

import (
	"errors"
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
	RequestID string `placeholder:"REFERENCE" help:"What a page showed as reference, in the last 30 days. Small letters, spaces, and a 0 or 1 that was heard for O or I do no harm."`
	User      string `placeholder:"PERSON" help:"The mail address or the id of a person, also of one who was deleted."`
	Org       string `placeholder:"ID" help:"The organization that a sign-in was for."`
	Type      string `placeholder:"TYPE" help:"One type of event: ${event_types}."`
	paging
}

// referenceAge is how long ago a page may have been shown that is asked about. What happened before is found
// by the person.
const referenceAge = 30 * 24 * time.Hour

// eventTypes are the types that --type takes.
var eventTypes = []storage.EventType{
	storage.SignedIn, storage.SignInFailed, storage.SignInUnmet, storage.Locked, storage.PasswordChanged, storage.Enrolled,
	storage.FactorRemoved, storage.FactorRenamed, storage.FactorSuspect, storage.DefaultChanged, storage.EnrollmentPutOff,
	storage.TicketCreated, storage.TicketUsed, storage.CeremonyFailed, storage.DeviceLost, storage.HelpShown, storage.CodeSent,
	storage.Repudiated, storage.RecoveryUsed, storage.TokenCreated, storage.TokenRevoked, storage.TokenReused,
	storage.SessionCreated, storage.SessionRenewed, storage.SessionEnded, storage.SequenceFailed, storage.UserCreated,
	storage.UserUpdated, storage.UserDeleted, storage.OrgChanged, storage.MembershipChanged, storage.ClientChanged, storage.KeyCreated,
}

// eventTypesText lists them for the help and for who mistyped one.
func eventTypesText() string {
	texts := make([]string, len(eventTypes))
	for i, t := range eventTypes {
		texts[i] = string(t)
	}
	return strings.Join(texts, ", ")
}

// reference is a request id as somebody read it out: base32 has no 0 and no 1, so they were O and I.
func reference(said string) string {
	return strings.NewReplacer("0", "O", "1", "I").Replace(strings.ToUpper(strings.Join(strings.Fields(said), "")))
}

func (c *auditListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	kind := storage.EventType(c.Type)
	if kind != "" && !slices.Contains(eventTypes, kind) {
		return badSetting("--type is %q: set it to one of %s", c.Type, eventTypesText())
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		filter := sqldb.EventFilter{OrgID: c.Org, Type: kind, RequestID: reference(c.RequestID)}
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
		if c.Org != "" && len(events) == 0 { // of one that was deleted there are events
			if _, err := db.Org(p.ctx, c.Org); err != nil {
				return told(err, orgNamed(c.Org))
			}
		}
		return c.output.events(p, db, events, c.paging)
	})
}

// eventView is an audit event in documents.
type eventView struct {
	ID        string            `json:"id"`
	At        *time.Time        `json:"at"`
	Type      storage.EventType `json:"type"`
	UserID    string            `json:"user_id"`
	Email     string            `json:"email"` // of the person by now; empty when deleted
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

// person is who the event is about, by the name that people know.
func (v eventView) person() string {
	switch {
	case v.UserID == "":
		return ""
	case v.Email == "":
		return "deleted " + v.UserID
	}
	return v.Email + " " + v.UserID
}

// addresses are the mail addresses of those whom events are about, by their ids.
func addresses(p *process, db *sqldb.DB, events []storage.Event) (map[string]string, error) {
	out := map[string]string{"": ""}
	for _, e := range events {
		if _, known := out[e.UserID]; known {
			continue
		}
		u, err := db.User(p.ctx, e.UserID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return nil, plainly(err)
		}
		out[e.UserID] = u.Email
	}
	return out, nil
}

// events answers with a page of events.
func (o output) events(p *process, db *sqldb.DB, events []storage.Event, g paging) error {
	emails, err := addresses(p, db, events)
	if err != nil {
		return err
	}
	var views []eventView
	var ids []string
	for _, e := range events {
		v := viewEvent(e)
		v.Email = emails[e.UserID]
		views, ids = append(views, v), append(ids, e.ID)
	}
	next := g.next(ids)
	document := map[string]any{"events": listed(views), "next_after": next}
	return o.print(p, document, func(w io.Writer) {
		if len(views) == 0 {
			row(w, "Nothing found.")
			return
		}
		row(w, "AT", "TYPE", "PERSON", "ORGANIZATION", "CLIENT", "REFERENCE", "IP", "DETAIL")
		for _, v := range views {
			row(w, v.At, v.Type, v.person(), v.OrgID, v.ClientID, v.RequestID, v.IP, v.details())
		}
		more(w, next)
	})
}
