package notice_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

var (
	charlotte = factors.User{ID: "019", Email: "charlotte@riverside.example", Name: "Charlotte Brown"}
	monday    = time.Date(2026, 11, 23, 9, 5, 0, 0, time.FixedZone("PST", -8*3600))
	phone     = storage.Origin{
		RequestID: "r1", IP: "203.0.113.7",
		UserAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
	}
)

func TestN18_FactorAdded(t *testing.T) {
	got := notice.Writer{Product: "VSee", Support: "help@vsee.example"}.FactorAdded(charlotte, factors.TOTP, monday, phone)
	want := storage.Mail{
		To:      "charlotte@riverside.example",
		Subject: "An authenticator app was added to your VSee account",
		At:      monday,
		Text: `Hello,

an authenticator app was added to your VSee account. From now on you can be asked for its code when you sign in.

When:  Monday, 23 November 2026, 17:05 UTC
With:  Safari on an iPhone
From:  the internet address 203.0.113.7

If this was you, there is nothing to do.

If it was not you, somebody else knows your password and may be able to get into your account. Please write to help@vsee.example at once, so that the account can be secured. Do not send them your password or any code: nobody who helps you needs them.
`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestN18_RecoveryUsed(t *testing.T) {
	got := notice.Writer{Product: "VSee"}.RecoveryUsed(charlotte, monday, storage.Origin{})
	want := storage.Mail{
		To:      "charlotte@riverside.example",
		Subject: "Your recovery code was used to sign in to VSee",
		At:      monday,
		Text: `Hello,

the recovery code of your VSee account was used to sign in. A recovery code works once, so this one does not work any more. You are offered a new one when you sign in.

When:  Monday, 23 November 2026, 17:05 UTC

If this was you, there is nothing to do.

If it was not you, somebody else has your password and had your recovery code. Please tell the people who gave you this account at once, so that the account can be secured. Do not send them your password or any code: nobody who helps you needs them.
`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestN18_FactorsReset(t *testing.T) {
	got := notice.Writer{Product: "VSee", Support: "help@vsee.example"}.FactorsReset(charlotte, monday)
	want := storage.Mail{
		To:      "charlotte@riverside.example",
		Subject: "The second step of your VSee account was reset",
		At:      monday,
		Text: `Hello,

the second step of your VSee account was reset by somebody who looks after the accounts. An authenticator app or a recovery code that you had does not work any more, and you are signed out everywhere. When you sign in, you may be asked to set up a new one.

When:  Monday, 23 November 2026, 17:05 UTC

If you asked for this, there is nothing to do.

If you did not ask for it, somebody may be trying to get into your account. Please write to help@vsee.example at once, so that the account can be secured. Do not send them your password or any code: nobody who helps you needs them.
`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFactorsAreNamed(t *testing.T) {
	w := notice.Writer{Product: "VSee"}
	for kind, subject := range map[factors.Kind]string{
		factors.TOTP:     "An authenticator app was added to your VSee account",
		factors.Recovery: "Your VSee account has a new recovery code",
		factors.Passkey:  "A new way to sign in was added to your VSee account",
	} {
		m := w.FactorAdded(charlotte, kind, monday, phone)
		if m.Subject != subject {
			t.Errorf("%s: subject %q", kind, m.Subject)
		}
		if strings.Contains(m.Text, "\n\n\n") || strings.Contains(m.Text, "<no value>") {
			t.Errorf("%s: holes in the text:\n%s", kind, m.Text)
		}
	}
}

func TestH06_MailsNameNobody(t *testing.T) {
	w := notice.Writer{Product: "VSee"}
	for _, m := range []storage.Mail{w.FactorAdded(charlotte, factors.TOTP, monday, phone), w.RecoveryUsed(charlotte, monday, phone), w.FactorsReset(charlotte, monday)} {
		for _, word := range []string{"Charlotte", "Brown", "riverside", "Riverside", "http", "AppleWebKit"} {
			if strings.Contains(m.Subject+m.Text, word) {
				t.Errorf("%q is in %q", word, m.Subject)
			}
		}
	}
}

func TestT47_NothingOfAStrangerIsRepeated(t *testing.T) {
	w := notice.Writer{Product: "VSee\r\nBcc: all@example.com", Support: "help@vsee.example\nX: y"}
	m := w.FactorAdded(charlotte, factors.TOTP, monday, storage.Origin{
		IP:        "call +1 555 0100 now",
		UserAgent: "Visit-https://evil.example/ (Call us) Mozilla/5.0",
	})
	if strings.ContainsAny(m.Subject, "\r\n") {
		t.Errorf("the subject has lines: %q", m.Subject)
	}
	for _, word := range []string{"evil", "555", "Call"} {
		if strings.Contains(m.Text, word) {
			t.Errorf("%q of a stranger is in the mail:\n%s", word, m.Text)
		}
	}
	if !strings.Contains(m.Text, "With:  an unknown browser\n") {
		t.Errorf("the browser is not named as unknown:\n%s", m.Text)
	}
}
