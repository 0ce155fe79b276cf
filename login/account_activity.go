package login

import (
	"github.com/vsee/vseeid/login/agent"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// activityShown is how many of the latest events a person gets to see.
const activityShown = 30

// toldEvents are those that say something to their person. The others are about the machinery, and whoever
// causes many of them must not push these off the page.
var toldEvents = []storage.EventType{
	storage.SignedIn, storage.SignInFailed, storage.Locked, storage.PasswordChanged, storage.Enrolled, storage.FactorRemoved,
	storage.FactorRenamed, storage.FactorSuspect, storage.DefaultChanged, storage.EnrollmentPutOff, storage.TicketCreated,
	storage.TicketUsed, storage.CodeSent, storage.Repudiated, storage.RecoveryUsed, storage.TokenReused, storage.SessionEnded,
	storage.UserCreated, storage.UserUpdated,
}

// activity is what happened, in plain words: the message keys activity.*. Of what an event says beside
// its type only values that are listed here choose the words, and none is repeated.
func activity(events []storage.Event) []templates.Activity {
	var out []templates.Activity
	for _, e := range events {
		key, odd := plain(e)
		if key == "" {
			continue
		}
		out = append(out, templates.Activity{
			What: templates.Text{Key: "activity." + key}, At: e.At, Odd: odd,
			Device: agent.Browser(e.Origin.UserAgent, e.Origin.Platform), Address: e.Origin.IP,
		})
		if len(out) == activityShown {
			break
		}
	}
	return out
}

// plain is the end of the message key of an event, empty for what says nothing to its person, and
// whether it is something to stumble at.
func plain(e storage.Event) (key string, odd bool) {
	support := e.Detail["actor"] != "" // done by who looks after the accounts
	switch e.Type {
	case storage.SignedIn:
		return choose(e.Detail["renewed"] != "", "confirmed", "signedin"), false
	case storage.SignInFailed:
		if e.Detail["factor"] == "password" {
			return "failed.password", true
		}
		return "failed.factor", true // by somebody who knows the password
	case storage.Locked:
		return "locked", true
	case storage.PasswordChanged:
		return choose(support, "password.support", "password"), true
	case storage.Enrolled:
		return "added" + kindOf(e), e.Detail["factor"] != "recovery"
	case storage.FactorRemoved:
		if support {
			return "reset", true
		}
		return "removed" + kindOf(e), true
	case storage.FactorRenamed:
		return "renamed", false
	case storage.FactorSuspect:
		return choose(e.Detail["refused"] == "false", "suspect.used", "suspect"), true
	case storage.DefaultChanged:
		return "default", false
	case storage.EnrollmentPutOff:
		return "putoff", false
	case storage.TicketCreated:
		return "ticket", true
	case storage.TicketUsed:
		return "ticket.used", true
	case storage.CodeSent:
		return "code", false
	case storage.Repudiated:
		return "repudiated", true
	case storage.DeviceLost:
		return "lost", true
	case storage.RecoveryUsed:
		return "recovery", true
	case storage.TokenReused:
		return "reused", true
	case storage.SessionEnded:
		if e.Detail["reason"] == "replaced" {
			return "", false
		}
		return choose(support, "ended.support", "ended"), false
	case storage.UserCreated:
		return "created", false
	case storage.UserUpdated:
		return "updated", true
	case storage.SignInUnmet, storage.TokenCreated, storage.TokenRevoked, storage.SessionCreated, storage.SessionRenewed, storage.SequenceFailed,
		storage.CeremonyFailed, storage.HelpShown, storage.UserDeleted, storage.OrgChanged, storage.MembershipChanged, storage.ClientChanged, storage.KeyCreated:
	}
	return "", false
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
