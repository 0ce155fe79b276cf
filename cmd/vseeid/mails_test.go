package main

import (
	"io"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// letterBox takes every mail, as an SMTP server, and keeps none: what is in them is read where they
// wait.
type letterBox struct{}

// mailed are the settings of an instance that sends mails, to a letterBox.
func mailed(t testing.TB) []string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := smtp.NewServer(letterBox{})
	s.Domain = "localhost"
	var work sync.WaitGroup
	work.Go(func() { _ = s.Serve(l) }) // ends by Close, below
	t.Cleanup(func() {
		must(t, s.Close())
		work.Wait()
	})
	return []string{"VSEEID_SMTP_URL=smtp-plain://" + l.Addr().String(), "VSEEID_MAIL_FROM=no-reply@vsee.example"}
}

func (letterBox) NewSession(*smtp.Conn) (smtp.Session, error) { return letterBox{}, nil }
func (letterBox) Mail(string, *smtp.MailOptions) error        { return nil }
func (letterBox) Rcpt(string, *smtp.RcptOptions) error        { return nil }
func (letterBox) Reset()                                      {}
func (letterBox) Logout() error                               { return nil }
func (letterBox) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}

// lettersTo are the mails to an address, the newest first.
func lettersTo(t testing.TB, db *sqldb.DB, address string) []storage.Mail {
	t.Helper()
	all, err := db.Mails(t.Context(), storage.Page{Limit: storage.MaxPage})
	must(t, err)
	var out []storage.Mail
	for _, m := range all {
		if m.To == address {
			out = append(out, m)
		}
	}
	return out
}

// letterTo is the newest mail to an address whose subject says that.
func letterTo(t testing.TB, db *sqldb.DB, address, says string) storage.Mail {
	t.Helper()
	var subjects []string
	for _, m := range lettersTo(t, db, address) {
		if strings.Contains(m.Subject, says) {
			return m
		}
		subjects = append(subjects, m.Subject)
	}
	t.Fatalf("no mail to %s says %q: %q", address, says, subjects)
	return storage.Mail{}
}

var codeOfLetter = regexp.MustCompile(`^\d{6}\b`)

// codeTo is the code of the newest mail that brought one.
func codeTo(t testing.TB, db *sqldb.DB, address string) string {
	t.Helper()
	return codeOfLetter.FindString(letterTo(t, db, address, " code").Subject)
}

var linkOfLetter = regexp.MustCompile(`/u/notice/[A-Za-z0-9_-]{43}`)

// wantSent waits until a mail went out.
func wantSent(t testing.TB, db *sqldb.DB, m storage.Mail) {
	t.Helper()
	for late := time.Now().Add(patience); time.Now().Before(late); <-time.After(20 * time.Millisecond) {
		state, err := db.MailState(t.Context(), m.ID)
		must(t, err)
		if state == storage.MailSent {
			return
		}
	}
	t.Errorf("%q was not sent", m.Subject)
}
