// Package notice writes the mails that bring a person a code, or tell what changed about signing in,
// and sends what the outbox holds.
//
//	a change ── its transaction ──> outbox ── Worker: claim, send, note ──> SMTP
//
// A mail is written when the change is made and kept in its transaction, so neither exists without
// the other; sending is for later and no request waits for it. A mail may arrive twice, when an
// instance dies between sending and noting; it does not get lost.
package notice

import (
	"net/netip"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/agent"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// Writer writes mails. Its methods are pure.
type Writer struct {
	Product string // whose accounts these are: the brand's name
	Base    string // what the path of a link is appended to: the issuer, without a slash at the end
	Support string // the mail address of who helps; empty: "the people who gave you this account"
}

// Undo is for how long "this was not me" also takes away what was set up, and how far back.
const Undo = 24 * time.Hour

// What is a sort of change.
type What string

const (
	Added           What = "added"    // a factor was set up
	Replaced        What = "replaced" // one was set up in the place of all others of its kind
	Removed         What = "removed"  // a factor was taken away by its owner
	Renamed         What = "renamed"  // a factor has another name
	Used            What = "used"     // the recovery code was used
	DefaultChanged  What = "default"  // what is asked for first
	PasswordChanged What = "password" // by its owner, or by who looks after the accounts
	SessionsEnded   What = "sessions" // one or more
	AddressChanged  What = "address"  // the mail address; told to the old and to the new one
	PasswordClosed  What = "closed"   // by too many wrong tries, until there is a new one
	Repudiated      What = "repudiated"
	Lost            What = "lost" // somebody said at a sign-in that a device is lost, and everybody is signed out
)

// Change is what a mail tells of. What a person calls a factor is not in it: a name may be of a
// clinic, or a message to whom the account was taken from.
type Change struct {
	What What
	Kind factors.Kind // Added, Replaced, Removed, Renamed, DefaultChanged
	// Recovery says, of what was Removed, that the recovery code went with it.
	Recovery bool
	Left     []factors.Kind // with Lost: what there is to sign in with, of which some may be lost
}

// Code brings u a code to sign in with, which is good until expires.
func (w Writer) Code(u factors.User, code string, at, expires time.Time, from storage.Origin) storage.Mail {
	subject, text := templates.CodeMail{
		Product: oneLine(w.Product), Code: code, App: oneLine(u.App),
		Minutes: int(expires.Sub(at) / time.Minute), Circumstances: w.circumstances(at, from),
	}.Render()
	return storage.Mail{UserID: u.ID, To: u.Email, Subject: subject, Text: text, At: at, Expires: expires}
}

// Changed tells u what was changed, and how to say that it was somebody else: token goes into the
// link. Without one, the mail says whom to tell.
func (w Writer) Changed(u factors.User, what Change, token string, at time.Time, from storage.Origin) storage.Mail {
	m := templates.ChangedMail{
		Product: oneLine(w.Product), What: string(what.What), Kind: string(what.Kind), Recovery: what.Recovery, Circumstances: w.circumstances(at, from),
	}
	for _, k := range what.Left {
		m.Left = append(m.Left, string(k))
	}
	if token != "" {
		m.Link, m.Until = w.Base+"/u/notice/"+token, inWords(at.Add(Undo))
	}
	subject, text := m.Render()
	return storage.Mail{UserID: u.ID, To: u.Email, Subject: subject, Text: text, At: at}
}

// FactorsReset tells u that an operator took all factors away.
func (w Writer) FactorsReset(u factors.User, at time.Time) storage.Mail {
	subject, text := templates.FactorsResetMail{
		Product: oneLine(w.Product), Circumstances: w.circumstances(at, storage.Origin{}),
	}.Render()
	return storage.Mail{UserID: u.ID, To: u.Email, Subject: subject, Text: text, At: at}
}

func (w Writer) circumstances(at time.Time, from storage.Origin) templates.Circumstances {
	c := templates.Circumstances{
		When:    inWords(at),
		Browser: agent.Browser(from.UserAgent, from.Platform),
		Support: oneLine(w.Support),
	}
	if a, err := netip.ParseAddr(from.IP); err == nil {
		c.Address = a.WithZone("").String()
	}
	return c
}

func inWords(at time.Time) string { return at.UTC().Format("Monday, 2 January 2006, 15:04 UTC") }

// oneLine makes s fit for a line of its own, a header's above all.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' || r == '\u0085' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
