package login

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"strings"

	"github.com/vsee/vseeid/templates"
)

// remembered is what a browser keeps for us of the people who sign in with it.
type remembered struct {
	Can    []Capability `json:"c,omitempty"`
	People []devicePart `json:"p,omitempty"` // the latest first
}

// devicePart is what it keeps of one person.
type devicePart struct {
	Who []byte `json:"w"` // the first bytes of the SHA-256 of the person's id
	Device
}

const (
	devicePurpose = "device cookie"
	devicePeople  = 8    // who share a browser
	deviceKnows   = 5    // passkeys of one person on one device
	deviceLimit   = 2400 // of the cookie's value: beside the resume cookie, a header that every proxy takes
)

func deviceWho(userID string) []byte {
	sum := sha256.Sum256([]byte(userID))
	return sum[:bookmarkIDSize]
}

// remembered is what the browser brings; nothing where the cookie is absent or does not open, for it
// is a convenience and no proof. What a form says now that the browser can goes before what one said.
func (s *Server) remembered(r *http.Request) remembered {
	var out remembered
	if !s.sealed(r, deviceCookie, devicePurpose, &out) {
		out = remembered{}
	}
	if r.PostForm.Has(templates.Can) {
		out.Can = heard(r.PostForm.Get(templates.Can), out.Can)
	}
	return out
}

// keepCan has the browser remember what a form says that it can: the next sign-in may begin on a page
// that nothing was posted to.
func (s *Server) keepCan(w http.ResponseWriter, r *http.Request) error {
	if !r.PostForm.Has(templates.Can) {
		return nil
	}
	var before remembered
	s.sealed(r, deviceCookie, devicePurpose, &before)
	m := s.remembered(r)
	if slices.Equal(before.Can, m.Can) {
		return nil
	}
	return s.keepRemembered(w, m)
}

// of is the part of a person, or -1.
func (m remembered) of(userID string) int {
	return slices.IndexFunc(m.People, func(p devicePart) bool { return bytes.Equal(p.Who, deviceWho(userID)) })
}

// device is what the browser remembers of a person; the zero Device of one whom it does not know.
func (s *Server) device(r *http.Request, userID string) Device {
	if userID == "" {
		return Device{}
	}
	m := s.remembered(r)
	if i := m.of(userID); i >= 0 {
		return m.People[i].Device
	}
	return Device{}
}

// keepDevice changes what the browser remembers of a person. can is what its script found that it
// can; nil where nothing was said.
func (s *Server) keepDevice(w http.ResponseWriter, r *http.Request, userID string, can []Capability, change func(*Device)) error {
	m := s.remembered(r)
	part := devicePart{Who: deviceWho(userID)}
	if i := m.of(userID); i >= 0 {
		part = m.People[i]
		m.People = slices.Delete(m.People, i, i+1)
	}
	change(&part.Device)
	if n := len(part.Knows) - deviceKnows; n > 0 {
		part.Knows = part.Knows[n:]
	}
	m.People = slices.Insert(m.People, 0, part)
	if can != nil {
		m.Can = can
	}
	return s.keepRemembered(w, m)
}

// keepRemembered has the browser keep m. Of many people the one who was here the longest time ago is forgotten.
func (s *Server) keepRemembered(w http.ResponseWriter, m remembered) error {
	for m.People = m.People[:min(len(m.People), devicePeople)]; ; m.People = m.People[:len(m.People)-1] {
		value, err := s.seal(devicePurpose, m)
		if err != nil {
			return err
		}
		if len(value) <= deviceLimit || len(m.People) == 0 {
			s.cookies.set(w, deviceCookie, value, browserAge)
			return nil
		}
	}
}

// knowsPasskey is a change of a Device: the passkey was made or used on it, later than any other.
func knowsPasskey(enrollmentID string) func(*Device) {
	return func(d *Device) {
		d.Knows = slices.DeleteFunc(d.Knows, func(id string) bool { return id == enrollmentID })
		d.Knows = append(d.Knows, enrollmentID)
	}
}

// heard is what a browser can, by what its script says and what was known before. Only known words count.
// A form that was sent before the script ran says nothing, and one that was sent while the script asked
// the browser says nothing of the device.
func heard(said string, before []Capability) []Capability {
	words := strings.Fields(said)
	if len(words) == 0 {
		return before
	}
	out := []Capability{}
	for _, c := range []Capability{CanPasskey, CanPlatform, CanSignal} {
		unknown := c == CanPlatform && slices.Contains(words, "asking")
		if slices.Contains(words, string(c)) || unknown && slices.Contains(before, c) {
			out = append(out, c)
		}
	}
	return out
}

// platformAttached reports whether the browser says that the passkey is on its own device.
func platformAttached(r *http.Request) bool { return r.PostFormValue("attachment") == "platform" }
