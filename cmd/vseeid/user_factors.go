package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// This file is how an operator helps who cannot sign in any more.

type userUnlockCmd struct {
	settings
	output
	person
}

func (c *userUnlockCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		locked, err := locks(p, db, u.ID)
		if err != nil {
			return err
		}
		opened := []factors.Kind{}
		for _, l := range locked {
			opened = append(opened, l.Kind)
		}
		trail := p.left(storage.Event{Type: storage.UserUpdated, UserID: u.ID}, "unlock")
		trail.Events[0].Detail["opened"] = words(opened, " ")
		if err := db.ClearAttempts(p.ctx, u.ID, trail); err != nil {
			return told(err, personNamed(c.Person))
		}
		text := "nothing was locked; the failures so far are forgotten."
		if len(opened) > 0 {
			text = "open again: " + words(opened, ", ") + "."
		}
		return c.output.done(p, map[string]any{"user_id": u.ID, "opened": opened}, text)
	})
}

// wording is how a mail to a person looks.
type wording struct {
	BrandName string `env:"VSEEID_BRAND_NAME" default:"VSee" placeholder:"TEXT" help:"The name that the mail to the person shows. Default ${default}."`
	Support   string `name:"support-address" env:"VSEEID_SUPPORT_ADDRESS" placeholder:"MAIL" help:"The mail address that the mail names for questions. Default: none is named."`
}

// writer writes mails without a "this was not me": what it tells of was done by who looks after the
// account, and to be asked back about.
func (w wording) writer() (notice.Writer, error) {
	return notice.Writer{Product: w.BrandName, Support: w.Support}, checkSupport(w.Support)
}

// helps is what support does from the command line.
func helps(p *process, db *sqldb.DB, w notice.Writer) login.Support {
	return login.Support{Store: db, Notices: w, Now: p.now}
}

// because is why, as the audit has it.
type because struct {
	Reason string `required:"" placeholder:"TEXT" help:"Why, and how you know that it is the person who asks. It is kept in the audit: name no illness and no password."`
}

func (b because) why() login.Why { return login.Why{Actor: "cli", Reason: b.Reason} }

// refused is an error of login.Support in the words of the command line.
func refused(err error, who person) error {
	if errors.Is(err, login.ErrReason) || errors.Is(err, login.ErrLifetime) {
		return invalid(err)
	}
	return told(err, personNamed(who.Person))
}

type userResetMFACmd struct {
	settings
	output
	person
	because
	wording
}

func (c *userResetMFACmd) Run(p *process) error {
	w, err := c.writer()
	if err != nil {
		return err
	}
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		reset, err := helps(p, db, w).ResetMFA(p.ctx, u.ID, c.why())
		if err != nil {
			return refused(err, c.person)
		}
		text := fmt.Sprintf("factors removed: %d. Every session is ended, every grant is revoked, nothing is locked, and a mail to the person is on its way.", reset.Removed)
		if !reset.HasPassword {
			text += fmt.Sprintf(" The person has no password: set one with \"vseeid user password --password-stdin %s\".", u.ID)
		}
		return c.output.done(p, map[string]any{"user_id": u.ID, "removed": reset.Removed, "has_password": reset.HasPassword}, text)
	})
}

type userTicketCmd struct {
	settings
	output
	person
	because
	Valid login.Duration `default:"1h" placeholder:"TIME" help:"How long it is good: 1m to 24h. Default ${default}."`
}

func (c *userTicketCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		code, expires, err := helps(p, db, notice.Writer{}).Ticket(p.ctx, u.ID, time.Duration(c.Valid), c.why())
		if err != nil {
			return refused(err, c.person)
		}
		document := map[string]any{"user_id": u.ID, "ticket": code, "expires": moment(expires)}
		return c.print(p, document, func(w io.Writer) {
			record(w, "Ticket", strings.Join([]string{code[:4], code[4:8], code[8:]}, " "), "Good until", moment(expires))
			row(w, "Tell it to the person on the telephone or in person, not by mail. It is good once.")
		})
	})
}

// lockView is a kind of proof of which nothing is verified for now, or until it is set up again.
type lockView struct {
	Kind     factors.Kind `json:"kind"`
	Failures int          `json:"failures"`
	Closed   bool         `json:"closed"`
	Until    *time.Time   `json:"until"` // null when it is closed
}

// locks are what a person cannot prove with at now.
func locks(p *process, db *sqldb.DB, userID string) ([]lockView, error) {
	now := p.now()
	var out []lockView
	for _, k := range login.AttemptKinds() {
		a, err := db.Attempt(p.ctx, login.AttemptKey(k, userID))
		if err != nil {
			return nil, plainly(err)
		}
		switch ladder := login.Ladder(k); {
		case ladder.Closed(a):
			out = append(out, lockView{Kind: k, Failures: a.Failures, Closed: true})
		case ladder.Wait(a, now) > 0:
			out = append(out, lockView{Kind: k, Failures: a.Failures, Until: moment(a.OpenAt)})
		}
	}
	return out, nil
}

func (v lockView) record(w io.Writer) {
	if v.Closed {
		record(w, "Closed", fmt.Sprintf("%s, after %d failures, until it is set up again or unlocked", v.Kind, v.Failures))
		return
	}
	record(w, "Locked", fmt.Sprintf("%s, after %d failures, until %s", v.Kind, v.Failures, cell(v.Until)))
}
