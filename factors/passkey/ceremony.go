package passkey

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors"
)

// purpose is what a ceremony is for. A state of one is good for no other.
type purpose string

const (
	enroll    purpose = "enroll"
	challenge purpose = "challenge"
	discover  purpose = "discover"
)

const stateVersion = 1

// answerMost is more than any answer needs: a chain of attestation certificates is a few kilobytes.
const answerMost = 64 << 10

// ceremony is the content of a State.
type ceremony struct {
	Version   int       `json:"v"`
	Purpose   purpose   `json:"for"`
	UserID    string    `json:"user,omitempty"` // empty while it is to be found out
	Challenge string    `json:"challenge"`
	Expires   time.Time `json:"expires"`
	Verified  bool      `json:"verified"`          // the user has to be
	Offered   []string  `json:"offered,omitempty"` // the ids of the enrollments that may answer
}

// begin is the State of a ceremony that starts now.
func (f *Factor) begin(c ceremony) (factors.State, error) {
	c.Version, c.Expires = stateVersion, f.Now().Add(lifetime)
	return json.Marshal(c)
}

// resume reads the State of a ceremony of userID that is for p.
func (f *Factor) resume(s factors.State, p purpose, userID string) (ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(s, &c); err != nil {
		return ceremony{}, fmt.Errorf("passkey: unreadable: %w", factors.ErrState)
	}
	if c.Version != stateVersion || c.Purpose != p || c.Challenge == "" {
		return ceremony{}, fmt.Errorf("passkey: of another ceremony: %w", factors.ErrState)
	}
	if c.UserID != userID || (userID == "") != (p == discover) {
		return ceremony{}, fmt.Errorf("passkey: of another person: %w", factors.ErrState)
	}
	return c, nil
}

// inTime says ErrExpired of a ceremony that took too long.
func (f *Factor) inTime(c ceremony) error {
	if !f.Now().Before(c.Expires) {
		return factors.ErrExpired
	}
	return nil
}

// session is the ceremony as the library has it. It is not asked to judge the user's verification,
// because it does not tell that refusal from others; nor the time, because its clock is the wall's.
func (c ceremony) session(handle []byte) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge: c.Challenge, UserID: handle, CredParams: algorithms(),
		UserVerification: protocol.VerificationPreferred,
	}
}

// person is a user as the library has it.
type person struct {
	handle      []byte
	name, shown string
	credentials []webauthn.Credential
}

// called is a person as browsers name their passkeys.
func called(u factors.User, handle []byte) person {
	name := cmp.Or(u.Email, u.Name, "account")
	return person{handle: handle, name: name, shown: cmp.Or(u.Name, name)}
}

func (p person) WebAuthnID() []byte                         { return p.handle }
func (p person) WebAuthnName() string                       { return p.name }
func (p person) WebAuthnDisplayName() string                { return p.shown }
func (p person) WebAuthnCredentials() []webauthn.Credential { return p.credentials }

// refused is the library's refusal in its fixed words: its errors may quote the answer, which is
// nobody's to log.
func refused(err error) error {
	word := "refused"
	var e *protocol.Error
	if errors.As(err, &e) {
		word = e.Type
		if e.Type == protocol.ErrVerification.Type {
			word = e.Details
		}
	}
	return fmt.Errorf("passkey: %s: %w", word, factors.ErrWrong)
}
