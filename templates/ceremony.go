package templates

import (
	"slices"
	"strconv"
	"strings"

	"github.com/a-h/templ"
)

// attributes is what the script reads.
func (c Ceremony) attributes() templ.Attributes {
	kind := "get"
	if c.Create {
		kind = "create"
	}
	a := templ.Attributes{"data-ceremony": kind, "data-options": c.Options}
	if c.Auto {
		a["data-auto"] = true
	}
	if c.Expires > 0 {
		a["data-expires"] = strconv.Itoa(int(c.Expires.Seconds()))
	}
	return a
}

// absentKey is what is said where the ceremony cannot be.
func (c Ceremony) absentKey() string {
	if c.Alone {
		return "passkey.absent.alone"
	}
	return "passkey.absent"
}

// ofPasskey reports whether a problem is about a ceremony and not about the field of the page.
func ofPasskey(t Text) bool { return strings.HasPrefix(t.Key, "passkey.") }

// ofField is a problem of the field of a page that offers a passkey too.
func ofField(t Text) Text {
	if ofPasskey(t) {
		return Text{}
	}
	return t
}

// stopped reports whether a ceremony was stopped by the person, by the clock while the browser asked, or by the
// organization that takes none.
func stopped(t Text) bool {
	return slices.Contains([]string{"passkey.cancelled", "passkey.late", "passkey.policy"}, t.Key)
}

// describes makes a button name what went wrong when it was pressed.
func describes(problem Text) templ.Attributes {
	if !ofPasskey(problem) {
		return nil
	}
	return templ.Attributes{"aria-describedby": "problem"}
}
