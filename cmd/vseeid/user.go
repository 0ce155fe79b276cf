package main

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

type userCmd struct {
	Create      userCreateCmd      `cmd:"" help:"Create a person."`
	List        userListCmd        `cmd:"" help:"List people by id."`
	Show        userShowCmd        `cmd:"" help:"Show a person, the factors and the organizations."`
	Change      userChangeCmd      `cmd:"" help:"Change what the given flags name, and nothing else."`
	Password    userPasswordCmd    `cmd:"" help:"Set the password of a person, open it where it was locked or closed, and end all sessions."`
	Unlock      userUnlockCmd      `cmd:"" help:"Forget the failures of a person, so that no kind of proof is locked or closed. Whoever was guessing may go on guessing."`
	ResetMFA    userResetMFACmd    `cmd:"" name:"reset-mfa" help:"Take every second factor and the recovery code from a person who lost them, end all sessions, revoke every grant, and tell the person by mail. Whoever signs in next with the password sets up a new one: make sure first who asks."`
	Ticket      userTicketCmd      `cmd:"" help:"Give a person the one-time ticket that sets up a first factor, where the policy of the organization asks for one (enrollment: ticket)."`
	Disable     userDisableCmd     `cmd:"" help:"Keep a person from signing in, end all sessions and revoke every grant."`
	Enable      userEnableCmd      `cmd:"" help:"Let a disabled person sign in again."`
	Delete      userDeleteCmd      `cmd:"" help:"Erase a person: name, mail address, secrets, memberships. The id is never given again, and the audit events stay."`
	Sessions    userSessionsCmd    `cmd:"" help:"List the sessions that have not ended, the newest first."`
	EndSessions userEndSessionsCmd `cmd:"" help:"Sign a person out of every browser."`
}

// person is the argument that names a person.
type person struct {
	Person string `arg:"" name:"email" help:"The mail address or the id."`
}

// findPerson reads the person that an argument names by mail address or id.
func findPerson(p *process, db *sqldb.DB, arg string) (login.User, error) {
	if uuid.Validate(arg) == nil {
		u, err := db.User(p.ctx, strings.ToLower(arg))
		return u, told(err, personNamed(arg))
	}
	email, err := address(arg)
	if err != nil {
		return login.User{}, err
	}
	u, err := db.UserByEmail(p.ctx, email)
	return u, told(err, personNamed(email))
}

func personNamed(arg string) string { return fmt.Sprintf("person %q", arg) }

func address(arg string) (string, error) {
	email, ok := login.Address(arg)
	if !ok {
		return "", badSetting("%q is no mail address", arg)
	}
	return email, nil
}

// on finds a person and does work on it.
func (c person) on(p *process, s *settings, work func(*sqldb.DB, login.User) error) error {
	return s.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		u, err := findPerson(p, db, c.Person)
		if err != nil {
			return err
		}
		return work(db, u)
	})
}

// userFlags are what is known of a person. What was not given is nil.
type userFlags struct {
	Name     *string `placeholder:"TEXT" help:"What the person is called."`
	Verified *bool   `negatable:"" help:"The mail address is known to be the person's."`
	Locale   *string `placeholder:"TAG" help:"The language of the person, such as en or de-CH."`
}

// apply writes what was given to u, which is valid afterwards.
func (f userFlags) apply(u *login.User) error {
	set(&u.Name, f.Name)
	set(&u.EmailVerified, f.Verified)
	if u.Name == "" && f.Name == nil {
		return badSetting("--name is missing: say what the person is called")
	}
	if strings.TrimSpace(u.Name) == "" || len(u.Name) > 255 {
		return badSetting("--name has to be 1 to 255 bytes that the person is called by")
	}
	if f.Locale == nil {
		return nil
	}
	u.Locale = ""
	if *f.Locale != "" {
		tag, err := language.Parse(*f.Locale)
		if err != nil {
			return badSetting("--locale is %q: set it to a language such as en or de-CH", *f.Locale)
		}
		u.Locale = tag.String()
	}
	return nil
}

type userCreateCmd struct {
	settings
	output
	Email string `arg:"" help:"The mail address, which the person signs in with."`
	userFlags
	// Kong's usage would list both as required, so Run asks for one of them.
	PasswordStdin bool `xor:"password" help:"Read the password from the first line of standard input. One of this and --no-password is required."`
	NoPassword    bool `xor:"password" help:"Give the person no password for now: nobody can sign in until there is one."`
}

func (c *userCreateCmd) Run(p *process) error {
	email, err := address(c.Email)
	if err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	now := p.now()
	u := login.User{ID: id.String(), Email: email, Created: now, Updated: now}
	if err := c.apply(&u); err != nil {
		return err
	}
	if !c.PasswordStdin && !c.NoPassword {
		return badSetting("one of --password-stdin and --no-password is missing")
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		if c.PasswordStdin {
			if u.PasswordHash, err = chosen(p, u); err != nil {
				return err
			}
			u.PasswordSet = now
		}
		err := db.CreateUser(p.ctx, u, p.left(storage.Event{Type: storage.UserCreated, UserID: u.ID}, "create"))
		if errors.Is(err, storage.ErrConflict) {
			return fmt.Errorf("there is a person %q already", email)
		}
		if err != nil {
			return plainly(err)
		}
		return c.output.person(p, db, u)
	})
}

type userListCmd struct {
	settings
	output
	paging
}

func (c *userListCmd) Run(p *process) error {
	page, err := c.page()
	if err != nil {
		return err
	}
	return c.use(p, func(db *sqldb.DB, _ *secret.Keys) error {
		people, err := db.ListUsers(p.ctx, page)
		if err != nil {
			return plainly(err)
		}
		return c.output.people(p, "users", people, c.paging)
	})
}

type userShowCmd struct {
	settings
	output
	person
}

func (c *userShowCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error { return c.output.person(p, db, u) })
}

type userChangeCmd struct {
	settings
	output
	person
	Email *string `placeholder:"MAIL" help:"Another mail address. It is not verified unless --verified says so. The person is told at the old and at the new one."`
	userFlags
	wording
}

func (c *userChangeCmd) Run(p *process) error {
	if c.Email == nil && reflect.DeepEqual(c.userFlags, userFlags{}) {
		return badSetting("no flag says what to change")
	}
	w, err := c.writer()
	if err != nil {
		return err
	}
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		before, old := viewUser(u), u
		if c.Email != nil {
			email, err := address(*c.Email)
			if err != nil {
				return err
			}
			if email != u.Email {
				u.Email, u.EmailVerified = email, false
			}
		}
		if err := c.apply(&u); err != nil {
			return err
		}
		u.Updated = p.now()
		trail, err := p.edited(storage.Event{Type: storage.UserUpdated, UserID: u.ID}, before, viewUser(u))
		if errors.Is(err, errSame) {
			return c.output.person(p, db, old)
		}
		if err != nil {
			return err
		}
		if u.Email != old.Email {
			change := notice.Change{What: notice.AddressChanged}
			trail.Mails = append(trail.Mails,
				w.Changed(old.Factor(), change, "", p.now(), storage.Origin{}), w.Changed(u.Factor(), change, "", p.now(), storage.Origin{}))
		}
		err = db.UpdateUser(p.ctx, u, trail)
		if errors.Is(err, storage.ErrConflict) && c.Email != nil {
			if other, findErr := db.UserByEmail(p.ctx, u.Email); findErr == nil && other.ID != u.ID {
				return fmt.Errorf("another person has the mail address %q", u.Email)
			}
		}
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.person(p, db, u)
	})
}

type userDisableCmd struct {
	settings
	output
	person
}

func (c *userDisableCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		err := db.DisableUser(p.ctx, u.ID, p.now(), p.left(storage.Event{Type: storage.UserUpdated, UserID: u.ID}, "disable"))
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.personNow(p, db, u.ID)
	})
}

type userEnableCmd struct {
	settings
	output
	person
}

func (c *userEnableCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		err := db.EnableUser(p.ctx, u.ID, p.now(), p.left(storage.Event{Type: storage.UserUpdated, UserID: u.ID}, "enable"))
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.personNow(p, db, u.ID)
	})
}

type userDeleteCmd struct {
	settings
	output
	person
}

func (c *userDeleteCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		err := db.DeleteUser(p.ctx, u.ID, p.now(), p.left(storage.Event{Type: storage.UserDeleted, UserID: u.ID}, "delete"))
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.done(p, map[string]any{"id": u.ID, "deleted": true}, personNamed(c.Person)+" is deleted.")
	})
}

type userSessionsCmd struct {
	settings
	output
	person
}

func (c *userSessionsCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		sessions, err := db.SessionsOf(p.ctx, u.ID)
		if err != nil {
			return plainly(err)
		}
		var views []sessionView
		for _, s := range sessions {
			views = append(views, viewSession(s))
		}
		document := struct {
			UserID   string        `json:"user_id"`
			Sessions []sessionView `json:"sessions"`
		}{u.ID, listed(views)}
		return c.print(p, document, func(w io.Writer) {
			row(w, "ID", "CREATED", "LAST USED", "PROVED BY", "IP", "BROWSER")
			for _, v := range views {
				row(w, v.ID, v.Created, v.LastUsed, v.kinds(), v.IP, v.Agent)
			}
		})
	})
}

type userEndSessionsCmd struct {
	settings
	output
	person
}

func (c *userEndSessionsCmd) Run(p *process) error {
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		ended, err := endSessions(p, db, u)
		if err != nil {
			return err
		}
		return c.output.done(p, map[string]any{"user_id": u.ID, "ended": ended},
			fmt.Sprintf("sessions ended: %d.", ended))
	})
}

func endSessions(p *process, db *sqldb.DB, u login.User) (int, error) {
	ended, err := db.EndOthers(p.ctx, u.ID, "", p.now(), p.left(storage.Event{Type: storage.SessionEnded, UserID: u.ID}, "all sessions ended"))
	return ended, plainly(err)
}
