package main

import (
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
		err := db.ClearAttempts(p.ctx, u.ID, p.left(storage.Event{Type: storage.UserUpdated, UserID: u.ID}, "unlock"))
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.personNow(p, db, u.ID)
	})
}

type userResetMFACmd struct {
	settings
	output
	person
	Reason    string `required:"" placeholder:"TEXT" help:"Why, and how you know that it is the person who asks. It is kept in the audit: name no illness and no password."`
	BrandName string `env:"VSEEID_BRAND_NAME" default:"VSee" placeholder:"TEXT" help:"The name that the mail to the person shows. Default ${default}."`
	Support   string `name:"support-address" env:"VSEEID_SUPPORT_ADDRESS" placeholder:"MAIL" help:"The mail address that the mail names for questions. Default: none is named."`
}

func (c *userResetMFACmd) Run(p *process) error {
	if strings.TrimSpace(c.Reason) == "" || len(c.Reason) > 500 {
		return badSetting("--reason has to be 1 to 500 bytes that tell an auditor why")
	}
	if err := checkSupport(c.Support); err != nil {
		return err
	}
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		trail := p.left(storage.Event{Type: storage.FactorRemoved, UserID: u.ID}, "reset mfa")
		trail.Events[0].Detail["reason"] = c.Reason
		trail.Mails = []storage.Mail{notice.Writer{Product: c.BrandName, Support: c.Support}.FactorsReset(u.Factor(), p.now())}
		removed, err := db.ResetFactors(p.ctx, u.ID, p.now(), trail)
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.done(p, map[string]any{"user_id": u.ID, "removed": removed},
			fmt.Sprintf("factors removed: %d. Every session is ended, every grant is revoked, nothing is locked, and a mail to the person is on its way.", removed))
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
