package notice_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
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
	writer = notice.Writer{Product: "VSee", Base: "https://id.vsee.example", Support: "help@vsee.example"}
)

const token = "q0Yw3Zk9b1Vn5sT7uX2cD4eF6gH8jK0lM1nP3rS5tU7"

// changes are all that a mail may tell of, by what the file of its text is called.
func changes() map[string]notice.Change {
	out := map[string]notice.Change{
		"used":       {What: notice.Used, Kind: factors.Recovery},
		"password":   {What: notice.PasswordChanged},
		"sessions":   {What: notice.SessionsEnded},
		"address":    {What: notice.AddressChanged},
		"repudiated": {What: notice.Repudiated},
		"other":      {What: "of a version to come"},
		"closed":     {What: notice.PasswordClosed},
		"lost":       {What: notice.Lost, Left: []factors.Kind{factors.Passkey, factors.TOTP, factors.Recovery}},
		"lost-all":   {What: notice.Lost},
		"replaced":   {What: notice.Replaced, Kind: factors.TOTP},

		"removed-with-recovery": {What: notice.Removed, Kind: factors.TOTP, Recovery: true},
	}
	for what, kinds := range map[notice.What][]factors.Kind{
		notice.Added:          {factors.TOTP, factors.Passkey, factors.Recovery, ""},
		notice.Removed:        {factors.TOTP, factors.Passkey, ""},
		notice.Renamed:        {factors.TOTP, factors.Passkey, ""},
		notice.DefaultChanged: {factors.TOTP, factors.Passkey, factors.Email, ""},
	} {
		for _, kind := range kinds {
			out[strings.TrimSuffix(string(what)+"-"+string(kind), "-")] = notice.Change{What: what, Kind: kind}
		}
	}
	return out
}

func messenger() factors.User {
	u := charlotte
	u.App = "VSee Messenger"
	return u
}

// every returns each mail that there is, as w writes it.
func every(w notice.Writer, u factors.User, from storage.Origin) map[string]storage.Mail {
	out := map[string]storage.Mail{
		"reset": w.FactorsReset(u, monday),
		"code":  w.Code(u, "012345", monday, monday.Add(10*time.Minute), from),
	}
	for name, change := range changes() {
		out[name] = w.Changed(u, change, token, monday, from)
	}
	return out
}

var update = flag.Bool("update", false, "write the texts of the mails to testdata")

// The mails, word for word. Read them aloud after a change.
func TestN18_TextsOfMails(t *testing.T) {
	mails := every(writer, messenger(), phone)
	plain := notice.Writer{Product: "VSee", Base: writer.Base}
	mails["code-bare"] = plain.Code(charlotte, "012345", monday, monday.Add(10*time.Minute), storage.Origin{})
	mails["added-totp-bare"] = plain.Changed(charlotte, notice.Change{What: notice.Added, Kind: factors.TOTP}, "", monday, storage.Origin{})
	mails["password-bare"] = plain.Changed(charlotte, notice.Change{What: notice.PasswordChanged}, token, monday, storage.Origin{})
	for name, m := range mails {
		t.Run(name, func(t *testing.T) {
			if m.UserID != charlotte.ID || m.To != charlotte.Email {
				t.Errorf("it is of %q, to %s", m.UserID, m.To)
			}
			got := m.Subject + "\n\n" + m.Text
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Error(diff)
			}
			if m.To != charlotte.Email || !m.At.Equal(monday) || m.ID != "" {
				t.Errorf("to %q, of %v, id %q", m.To, m.At, m.ID)
			}
			if regexp.MustCompile(`\n\n\n|<no value>| \n|  [^ ]*  |\.\.|account[A-Z]`).MatchString(m.Text) {
				t.Errorf("holes in the text:\n%s", m.Text)
			}
		})
	}
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(mails) {
		t.Errorf("%d texts for %d mails", len(files), len(mails))
	}
}

func TestU05_CodeIsTheFirstWord(t *testing.T) {
	expires := monday.Add(10 * time.Minute)
	m := writer.Code(messenger(), "012345", monday, expires, phone)
	for what, s := range map[string]string{"subject": m.Subject, "first line": m.Text} {
		if !strings.HasPrefix(s, "012345 ") {
			t.Errorf("the %s begins with %.20q", what, s)
		}
	}
	if !m.Expires.Equal(expires) {
		t.Errorf("it is sent until %v", m.Expires)
	}
	if strings.Contains(m.Text, "://") {
		t.Error("there is a link beside a code")
	}
}

// Who gets a code that somebody else asked for can tell, and is told what to do.
func TestT11_CodeSaysWhatForWhenAndWhere(t *testing.T) {
	m := writer.Code(messenger(), "012345", monday, monday.Add(10*time.Minute), phone)
	for _, words := range []string{
		"\nApp:   VSee Messenger\n", "\nWhen:  Monday, 23 November 2026, 17:05 UTC\n", "\nWith:  Safari on an iPhone\n", "\nFrom:  the internet address 203.0.113.7\n",
		"never ask you for it", "somebody may know your password", "write to help@vsee.example at once", "10 minutes",
	} {
		if !strings.Contains(m.Text, words) {
			t.Errorf("%q is not in:\n%s", words, m.Text)
		}
	}
}

func TestN18_NotMe(t *testing.T) {
	days := fmt.Sprintf("works for %d days", login.LinkLifetime/(24*time.Hour))
	for name, change := range changes() {
		m := writer.Changed(charlotte, change, token, monday, phone)
		if !slices.Contains(strings.Split(m.Text, "\n"), writer.Base+login.LinkPath+token) {
			t.Errorf("%s: the link is not on a line of its own:\n%s", name, m.Text)
		}
		if strings.Count(m.Text, "://") != 1 {
			t.Errorf("%s: there are other links", name)
		}
		for _, words := range []string{days, "Just opening the page changes nothing", "signs you out", "Until Tuesday, 24 November 2026, 17:05 UTC, the button also removes", "added in the 24 hours before", "help@vsee.example"} {
			if !strings.Contains(m.Text, words) {
				t.Errorf("%s: %q is not in it", name, words)
			}
		}
		if without := writer.Changed(charlotte, change, "", monday, phone); strings.Contains(without.Text, "notice") || !strings.Contains(without.Text, "write to help@vsee.example at once") {
			t.Errorf("%s, without a link:\n%s", name, without.Text)
		}
	}
}

func TestN18_AddressChangeIsToldToBoth(t *testing.T) {
	before, after := charlotte, charlotte
	after.Email = "charlotte@harbor.example"
	change := notice.Change{What: notice.AddressChanged}
	old, fresh := writer.Changed(before, change, token, monday, phone), writer.Changed(after, change, token, monday, phone)
	if old.To != before.Email || fresh.To != after.Email {
		t.Errorf("told to %s and %s", old.To, fresh.To)
	}
	for _, m := range []storage.Mail{old, fresh} {
		if strings.Contains(m.Text, "charlotte@") {
			t.Errorf("one mailbox is told the other's address:\n%s", m.Text)
		}
	}
}

// Nothing in a mail says whose patient somebody is: not the person, nor, but for a code, what it is
// that the person signs in to.
func TestH06_MailsNameNobody(t *testing.T) {
	u := charlotte
	u.App = "Riverside Clinic"
	for name, m := range every(writer, u, phone) {
		words := []string{"Charlotte", "Brown", "riverside", "AppleWebKit"}
		if name != "code" {
			words = append(words, "Riverside", "Clinic")
		}
		for _, word := range words {
			if strings.Contains(m.Subject+m.Text, word) {
				t.Errorf("%s: %q is in it", name, word)
			}
		}
	}
	if m := writer.Code(charlotte, "012345", monday, monday.Add(10*time.Minute), phone); strings.Contains(m.Text, "App:") {
		t.Errorf("an app that has no name is named:\n%s", m.Text)
	}
}

func TestT47_NothingOfAStrangerIsRepeated(t *testing.T) {
	w := notice.Writer{Product: "VSee\r\nBcc: all@example.com", Base: writer.Base, Support: "help@vsee.example\nX: y"}
	u := charlotte
	u.App = "Messenger\r\n\r\nYour account is locked."
	for name, m := range every(w, u, storage.Origin{
		IP: "call +1 555 0100 now", UserAgent: "Visit-https://evil.example/ (Call us) Mozilla/5.0", Platform: "\"Call us\"\r\n",
	}) {
		if strings.ContainsAny(m.Subject, "\r\n") || strings.Contains(m.Text, "\r") {
			t.Errorf("%s: the subject has lines: %q", name, m.Subject)
		}
		for _, word := range []string{"evil", "555", "Call"} {
			if strings.Contains(m.Text, word) {
				t.Errorf("%s: %q of a stranger is in the mail:\n%s", name, word, m.Text)
			}
		}
		for _, line := range strings.Split(m.Text, "\n") {
			for _, begin := range []string{"Bcc", "X:", "Your account is locked"} {
				if strings.HasPrefix(line, begin) {
					t.Errorf("%s: a name has become a line:\n%s", name, m.Text)
				}
			}
		}
		if name != "reset" && !strings.Contains(m.Text, "With:  an unknown browser\n") {
			t.Errorf("%s: the browser is not named as unknown:\n%s", name, m.Text)
		}
	}
}
