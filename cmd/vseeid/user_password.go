package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

type userPasswordCmd struct {
	settings
	output
	person
	PasswordStdin bool `required:"" help:"Read the password from the first line of standard input. There is no other way to give one: arguments are seen by everybody on the machine."`
	wording
}

func (c *userPasswordCmd) Run(p *process) error {
	w, err := c.writer()
	if err != nil {
		return err
	}
	return c.on(p, &c.settings, func(db *sqldb.DB, u login.User) error {
		hash, err := chosen(p, u)
		if err != nil {
			return err
		}
		trail := p.left(storage.Event{Type: storage.PasswordChanged, UserID: u.ID}, "password")
		trail.Mails = []storage.Mail{w.Changed(u.Factor(), notice.Change{What: notice.PasswordChanged}, "", p.now(), storage.Origin{})}
		err = db.SetPassword(p.ctx, u.ID, hash, p.now(), trail)
		if err != nil {
			return told(err, personNamed(c.Person))
		}
		return c.output.done(p, map[string]any{"user_id": u.ID, "password_set": true},
			"the password is set; every session has ended.")
	})
}

// chosen reads the password that was chosen for u and returns its hash, if it may be set.
func chosen(p *process, u login.User) (hash string, err error) {
	text, err := firstLine(p.in)
	if err != nil {
		return "", err
	}
	if err := (password.Rules{}).Check(text, "VSee ID", u.Email, u.Name); err != nil {
		return "", invalid(err)
	}
	// A cost that the server is told otherwise is brought about at the first sign-in.
	hasher, err := password.New(password.Config{})
	if err != nil {
		return "", err
	}
	return hasher.Hash(p.ctx, text)
}

// firstLine reads up to the first end of line. A space at the end belongs to the password.
func firstLine(in io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(in, password.MaxBytes+2)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the password from standard input: %w", err)
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", badSetting("standard input holds no password in its first line")
	}
	return line, nil
}
