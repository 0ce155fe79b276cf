package templates

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// ErrLink is wrapped by the error of a page with a link that must not be followed.
var ErrLink = errors.New("link cannot be shown")

// invalid is what a field says about itself: explicitly not invalid before it was tried, or screen readers take an
// empty required field for a mistake.
func invalid(problem Text) templ.Attributes {
	if problem.IsZero() {
		return templ.Attributes{"aria-invalid": "false"}
	}
	return templ.Attributes{"aria-invalid": "true", "aria-describedby": "problem"}
}

// closedKey is the message of a closed way: a mailbox nobody can set up again.
func (p Challenge) closedKey() string {
	if p.Kind == "email" {
		return "attempt.closed.email"
	}
	return "attempt.closed"
}

// waiting names the other way, where there is one.
func (p Challenge) waiting() Text {
	if p.Other != "" {
		return waiting(p.Problem, p.Retry, "attempt.wait.other")
	}
	return waiting(p.Problem, p.Retry, "attempt.wait")
}

// waiting names the other way, where there is one.
func (p Passkey) waiting() Text {
	if p.Other != "" {
		return waiting(p.Problem, p.Retry, "attempt.wait.other")
	}
	return waiting(p.Problem, p.Retry, "attempt.wait")
}

// waiting is about the ticket.
func (p Ticket) waiting() Text { return waiting(p.Problem, p.Retry, "attempt.wait") }

// alone reports whether the problem is about a passkey, of which the page takes none.
func (p Password) alone() bool { return ofPasskey(p.Problem) && p.Passkey.Options == "" }

// waiting says whom to ask, which is the same for an address that nobody has.
func (p Password) waiting() Text {
	return waiting(ofField(p.Problem), p.Retry, "attempt.wait.password")
}

// waiting is the problem to show while nothing is verified for as long as retry: in the words of key, unless it is
// about something else. It fills the gap that says how long.
func waiting(problem Text, retry time.Duration, key string) Text {
	if retry <= 0 {
		return problem
	}
	if problem.IsZero() || problem.Key == "attempt.wait" {
		problem.Key = key
	}
	if problem.Args["Wait"] == nil {
		args := map[string]any{"Wait": retry}
		for name, v := range problem.Args {
			args[name] = v
		}
		problem.Args = args
	}
	return problem
}

// groups shows a code in groups of four. The gaps between them are not text, so the code is selected, copied and read
// by a script without them; that is why it is written here: a template puts white space between its elements.
func groups(id, code string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for group := range slices.Chunk([]byte(code), 4) {
			if b.Len() > 0 {
				b.WriteString("<wbr>")
			}
			b.WriteString("<span>" + templ.EscapeString(string(group)) + "</span>")
		}
		class := "groups"
		if len(code)%12 == 0 {
			class += " threes" // whole lines of three groups, so larger
		}
		_, err := fmt.Fprintf(w, `<p class="%s"><code id="%s" translate="no">%s</code></p>`, class, templ.EscapeString(id), &b)
		return err
	})
}

// authenticator is the address that opens an authenticator app. templ would not let its scheme pass.
func authenticator(uri string) (templ.SafeURL, error) {
	if !strings.HasPrefix(uri, "otpauth://totp/") {
		return "", fmt.Errorf("%w: not otpauth", ErrLink) // Without the address: it holds the key.
	}
	return templ.SafeURL(uri), nil
}

// ours is an address that a notice may lead to: a path of this host, a web page, or an app by its private-use scheme,
// which has a dot in it (RFC 8252, 7.1) and so is none that a browser would run.
func ours(address string) (templ.SafeURL, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", fmt.Errorf("%w: not an address", ErrLink)
	}
	switch {
	case u.Scheme == "http", u.Scheme == "https", strings.Contains(u.Scheme, "."):
		return templ.SafeURL(address), nil
	case u.Scheme == "" && u.Host == "" && strings.HasPrefix(address, "/") && !strings.HasPrefix(address, `/\`):
		return templ.SafeURL(address), nil
	}
	return "", fmt.Errorf("%w: scheme %q", ErrLink, u.Scheme)
}

// titleKey tells the two views apart in the list of the browser's tabs.
func (p EnrollTOTP) titleKey() string {
	if p.Manual {
		return "enroll.title.manual"
	}
	return p.headingKey()
}

// headingKey says what the set-up is for.
func (p EnrollTOTP) headingKey() string {
	switch {
	case p.Replace:
		return "enroll.heading.replace"
	case p.Adding:
		return "enroll.heading.adding"
	}
	return "enroll.heading"
}

// titleKey is the heading too.
func (p EnrollPasskey) titleKey() string {
	if p.Adding {
		return "passkey.enroll.adding"
	}
	return "passkey.enroll.title"
}

// ended says how the ceremony ended: who came for one more cannot go on without.
func (p EnrollPasskey) ended() Text {
	if p.Adding && p.Problem.Key == "passkey.already" {
		return Text{Key: "passkey.already.adding"}
	}
	return p.Problem
}

// titleKey is the heading too: who came for a code alone is not almost there.
func (p RecoveryCode) titleKey() string {
	if p.Adding {
		return "recovery.title.new"
	}
	return "recovery.title"
}

// autocomplete lets the browser offer passkeys beside addresses where one may be used.
func (p Identifier) autocomplete() string {
	if p.Passkey.Auto {
		return "username webauthn"
	}
	return "username"
}

// key is the message for what the methods are for.
func (p Methods) key(name string) string {
	if p.Enroll {
		return "method.enroll." + name
	}
	return "method." + name
}

func (p Methods) hint(kind string) string {
	if p.Enroll {
		return "method." + kind + ".enroll"
	}
	return "method." + kind + ".hint"
}

// back is where to go back to, where the page does not lead there already.
func (a Again) back(led bool) string {
	if led {
		return ""
	}
	return a.Cancel
}

// cancelKey is what leads away from a set-up: out of the sign-in, back to the account page, or on to the app.
func cancelKey(adding, aside bool) string {
	switch {
	case aside:
		return "replace.later"
	case adding:
		return "enroll.cancel.account"
	}
	return "enroll.cancel"
}

// has reports whether something of the kind is set up.
func (p Replace) has(kind string) bool {
	return slices.ContainsFunc(p.Lost, func(x Factor) bool { return x.Kind == kind })
}

// offers reports whether another of the kind can be set up here.
func (p Replace) offers(kind string) bool { return slices.Contains(p.Kinds, kind) }

func methodIcon(kind string) string {
	switch kind {
	case "passkey":
		return "passkey"
	case "email":
		return "mail"
	case "recovery":
		return "key"
	case "password":
		return "lock"
	}
	return "phone"
}

// unsent reports whether there is no mail whose code could be entered.
func (p Challenge) unsent() bool { return p.Kind == "email" && p.Mail.Address == "" }

// label is what the field for the code is called.
func (p Challenge) label() string {
	if p.Kind == "email" {
		return "code.label.email"
	}
	return "code.label"
}

// lead says what became of the mail.
func (m Mailed) lead() Text {
	key := "challenge.email.lead"
	if m.Resent {
		key = "challenge.email.resent"
	}
	if m.State == "delayed" || m.State == "refused" {
		key = "challenge.email." + m.State
	}
	return Text{Key: key, Args: map[string]any{"Address": m.Address}}
}

// watch is what the script reads to see what becomes of the mail.
func (m Mailed) watch() templ.Attributes {
	if m.Watch == "" {
		return nil
	}
	return templ.Attributes{"data-watch": m.Watch, "data-state": m.State}
}

// attributes is what the script reads to count down.
func (m Mailed) attributes() templ.Attributes {
	if m.Wait <= 0 {
		return nil
	}
	return templ.Attributes{"data-wait": strconv.Itoa(int((m.Wait + time.Second - 1) / time.Second))}
}

// described is what the field says of itself: the rules, and what was wrong.
func (p PasswordPage) described() templ.Attributes {
	a := invalid(p.Problem)
	if p.Problem.IsZero() {
		a["aria-describedby"] = "rules"
	} else {
		a["aria-describedby"] = "problem rules"
	}
	return a
}

// key is the message for this kind of factor.
func (p Challenge) key(name string) string { return "challenge." + p.Kind + "." + name }
