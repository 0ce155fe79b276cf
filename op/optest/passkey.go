package optest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// Authenticator makes and uses passkeys, as navigator.credentials does: JSON in and JSON out. An error
// is named as the DOMException is. passkeytest.Authenticator is one.
type Authenticator interface {
	Create(options []byte) ([]byte, error)
	Get(options []byte) ([]byte, error)
}

// AsPhone gives the browser a script and the authenticator of the device that it is on.
func (b *Browser) AsPhone(a Authenticator) {
	b.Passkeys, b.Can = a, "passkey platform"
}

// Ceremony is what the page would do with a passkey: "create", "get", or nothing.
func (p *Page) Ceremony() string {
	if f, ok := p.ceremony(); ok {
		return f.ceremony
	}
	return ""
}

func (p *Page) ceremony() (Form, bool) {
	for _, f := range p.Forms {
		if f.ceremony != "" {
			return f, true
		}
	}
	return Form{}, false
}

// Passkey presses the button of a passkey, and sends what the browser's authenticator makes of it.
func (p *Page) Passkey() *Page {
	p.browser.t.Helper()
	f, ok := p.ceremony()
	if !ok || p.browser.Passkeys == nil {
		p.browser.t.Fatalf("no passkey can be used on %s", p)
	}
	do := p.browser.Passkeys.Get
	if f.ceremony == "create" {
		do = p.browser.Passkeys.Create
	}
	fields := url.Values{}
	for name, values := range f.Fields {
		fields[name] = values
	}
	response, err := do([]byte(f.options))
	if err != nil {
		fields.Set("error", err.Error())
	} else {
		var made struct {
			Attachment string `json:"authenticatorAttachment"`
		}
		if err := json.Unmarshal(response, &made); err != nil {
			p.browser.t.Fatalf("answer of the authenticator: %v", err)
		}
		fields.Set("response", string(response))
		fields.Set("attachment", made.Attachment)
	}
	f.Fields = fields
	return p.send(f)
}

// Choose picks a kind of factor under "Try another method".
func (p *Page) Choose(kind string) *Page {
	p.browser.t.Helper()
	return p.Methods().Submit("method", kind)
}

// Methods is "Try another method" of the sign-in that the page belongs to.
func (p *Page) Methods() *Page {
	p.browser.t.Helper()
	parts := strings.Split(p.URL.Path, "/")
	if len(parts) < 4 || parts[2] != "login" {
		p.browser.t.Fatalf("no sign-in: %s", p)
	}
	return p.browser.Open(strings.Join(parts[:4], "/") + "/method")
}

var codeOfMail = regexp.MustCompile(`\b\d{6}\b`)

// MailedCode is the code of the newest mail to an address that has one, as the mailbox of a provider
// that is under development shows it.
func (b *Browser) MailedCode(to string) string {
	b.t.Helper()
	p := b.Open("/dev/mail.json")
	var mails []struct{ To, Subject string }
	if p.Status != http.StatusOK || json.Unmarshal([]byte(p.Body), &mails) != nil {
		b.t.Fatalf("no mailbox: %s", p)
	}
	for _, m := range mails {
		if code := codeOfMail.FindString(m.Subject); m.To == to && code != "" {
			return code
		}
	}
	b.t.Fatalf("no code among %d mails", len(mails))
	return ""
}
