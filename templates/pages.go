package templates

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
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

// waiting names the other way, where there is one.
func (p Challenge) waiting() Text {
	if p.Other != "" {
		return waiting(p.Problem, p.Retry, "attempt.wait.other")
	}
	return waiting(p.Problem, p.Retry, "attempt.wait")
}

// waiting says whom to ask, which is the same for an address that nobody has.
func (p Password) waiting() Text { return waiting(p.Problem, p.Retry, "attempt.wait.password") }

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
	return "enroll.title"
}

// key is the message for this kind of factor.
func (p Challenge) key(name string) string { return "challenge." + p.Kind + "." + name }
