package login

import (
	"maps"
	"slices"
	"strings"

	"github.com/vsee/vseeid/login/agent"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// activityShown is how many of the latest events a person gets to see.
const activityShown = 30

// activity is what happened, in plain words: the message keys activity.*. Of what an event says beside
// its type only values that are listed here choose the words, and none is repeated.
func activity(events []storage.Event) []templates.Activity {
	var out []templates.Activity
	for _, e := range events {
		p, ok := told[e.Type]
		if !ok {
			continue
		}
		key := p.key
		if p.by != nil {
			key = p.by(e)
		}
		if key == "" {
			continue
		}
		out = append(out, templates.Activity{
			What: templates.Text{Key: "activity." + key}, At: e.At, Odd: p.odd && key != "added.recovery",
			Device: agent.Browser(e.Origin.UserAgent, e.Origin.Platform), Address: e.Origin.IP,
		})
		if len(out) == activityShown {
			break
		}
	}
	return out
}

// phrase is what an event is put into: the end of a message key, or what chooses it (empty: this one says nothing),
// and whether it is something to stumble at.
type phrase struct {
	key string
	by  func(storage.Event) string
	odd bool
}

// told are the events that say something to their person. The others are about the machinery, and whoever
// causes many of those must not push these off the page.
var told = map[storage.EventType]phrase{
	storage.SignedIn: {by: func(e storage.Event) string {
		if e.Detail["renewed"] != "" {
			return "confirmed"
		}
		return choose(e.Detail["weaker"] != "", "signedin.weaker", "signedin")
	}},
	storage.SignInFailed: {odd: true, by: func(e storage.Event) string {
		return choose(e.Detail["factor"] == "password", "failed.password", "failed.factor") // the latter by somebody who knows the password
	}},
	storage.Locked:           {key: "locked", odd: true},
	storage.PasswordChanged:  {odd: true, by: func(e storage.Event) string { return choose(bySupport(e), "password.support", "password") }},
	storage.Enrolled:         {odd: true, by: func(e storage.Event) string { return "added" + kindOf(e) }},
	storage.FactorRemoved:    {odd: true, by: func(e storage.Event) string { return choose(bySupport(e), "reset", "removed"+kindOf(e)) }},
	storage.FactorRenamed:    {key: "renamed"},
	storage.FactorSuspect:    {odd: true, by: func(e storage.Event) string { return choose(e.Detail["refused"] == "false", "suspect.used", "suspect") }},
	storage.DefaultChanged:   {key: "default"},
	storage.EnrollmentPutOff: {key: "putoff"},
	storage.TicketCreated:    {key: "ticket", odd: true},
	storage.TicketUsed:       {key: "ticket.used", odd: true},
	storage.CodeSent:         {key: "code"},
	storage.Repudiated:       {key: "repudiated", odd: true},
	storage.DeviceLost:       {key: "lost", odd: true},
	storage.RecoveryUsed:     {key: "recovery", odd: true},
	storage.TokenReused:      {key: "reused", odd: true},
	storage.SessionEnded: {by: func(e storage.Event) string {
		if e.Detail["reason"] == "replaced" {
			return ""
		}
		return choose(bySupport(e), "ended.support", "ended")
	}},
	storage.UserCreated: {key: "created"},
	storage.UserUpdated: {odd: true, by: updated},
}

// toldEvents are the keys of told, in a settled order.
func toldEvents() []storage.EventType { return slices.Sorted(maps.Keys(told)) }

// bySupport reports whether who looks after the accounts did it.
func bySupport(e storage.Event) bool { return e.Detail["actor"] != "" }

// updated is what was done to an account, as the end of a message key: who is told of a change of the name or
// the address that nobody made takes fright.
func updated(e storage.Event) string {
	fields := strings.Fields(e.Detail["fields"])
	switch change := e.Detail["change"]; {
	case change == "unlock":
		return choose(e.Detail["opened"] != "", "unlocked", "") // there may have been nothing that was locked
	case change == "disable":
		return "disabled"
	case change == "enable":
		return "enabled"
	case slices.Contains(fields, "name") || slices.Contains(fields, "email"):
		return "updated"
	case slices.Contains(fields, "email_verified"):
		return "updated.verified"
	case slices.Contains(fields, "locale"):
		return "updated.language"
	}
	return "updated.other"
}

// kindOf is the kind that an event is about, as the end of a message key.
func kindOf(e storage.Event) string {
	switch k := e.Detail["factor"]; k {
	case "totp", "passkey", "recovery":
		return "." + k
	}
	return ""
}

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}
