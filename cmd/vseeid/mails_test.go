package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// mailing are the settings of an instance that sends mails.
func mailing(t testing.TB) []string {
	t.Helper()
	_, addr := openPostOffice(t)
	return []string{"VSEEID_SMTP_URL=smtp-plain://" + addr, "VSEEID_MAIL_FROM=no-reply@vsee.example"}
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

// codeOfLetter is the code in the subject of a mail that brings one: no other begins with it.
var codeOfLetter = regexp.MustCompile(`^\d{6}\b`)

// codeTo is the code of the newest mail that brought one.
func codeTo(t testing.TB, db *sqldb.DB, address string) string {
	t.Helper()
	var subjects []string
	for _, m := range lettersTo(t, db, address) {
		if code := codeOfLetter.FindString(m.Subject); code != "" {
			return code
		}
		subjects = append(subjects, m.Subject)
	}
	t.Fatalf("no mail to %s brought a code: %q", address, subjects)
	return ""
}

var linkOfLetter = regexp.MustCompile(`/u/notice/[A-Za-z0-9_-]{43}`)

// wantSent waits until the outbox has it that a mail went out.
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
