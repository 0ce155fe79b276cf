package notice_test

import (
	"errors"
	"mime"
	"slices"
	"strings"
	"testing"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

// Whatever a mail is made of, it has the headers that every mail has, each once, and one recipient.
func FuzzT47_NoHeaderIsInjected(f *testing.F) {
	for _, s := range []string{
		"plain", "VSee\r\nBcc: all@example.com", "é\nX-A: b", "=?utf-8?q?=0D=0ABcc:_a@b.example?=", "\x00", "a\u2028b", strings.Repeat("long ", 60),
		strings.Repeat("é", 300) + "\r\n.\r\n", `"a b"@example.com`, "a@b.example, c@d.example", "a@b.example\r\nRCPT TO:<c@d.example>", "<a@b.example>",
	} {
		f.Add("charlotte@riverside.example", s, s)
		f.Add(s, "subject", "text")
	}
	m, err := notice.SMTP{Host: "mail.example", From: "VSee ID <no-reply@vsee.example>"}.Mailer()
	if err != nil {
		f.Fatal(err)
	}
	want := []string{"Auto-Submitted", "Content-Transfer-Encoding", "Content-Type", "Date", "From", "Message-Id", "Mime-Version", "Subject", "To"}
	f.Fuzz(func(t *testing.T, to, subject, text string) {
		raw, err := notice.Compose(m, storage.Mail{ID: "019a", To: to, Subject: subject, Text: text, At: monday})
		if err != nil {
			if !errors.Is(err, notice.ErrRefused) {
				t.Errorf("an error that is not ErrRefused: %v", err)
			}
			return
		}
		got := read(t, raw)
		var have []string
		for name, values := range got.Header {
			have = append(have, name)
			if len(values) != 1 {
				t.Errorf("%s is there %d times", name, len(values))
			}
		}
		slices.Sort(have)
		if !slices.Equal(have, want) {
			t.Errorf("headers %v, want %v in:\n%s", have, want, raw)
		}
		if recipients, err := got.Header.AddressList("To"); err != nil || len(recipients) != 1 {
			t.Errorf("recipients %v, %v", recipients, err)
		}
	})
}

func decoded(t *testing.T, header string) string {
	t.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(header)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
