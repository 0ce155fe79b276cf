package passkey

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/vsee/vseeid/factors"
)

// Signals are what a browser is told of a person (WebAuthn Level 3, 5.1.10). accepted is for
// PublicKeyCredential.signalAllAcceptedCredentials: every live passkey, because one left out may be hidden
// from its owner for good. details is for signalCurrentUserDetails: what the person is called now.
// enrolled are all that the person has. Both are empty for who never had a passkey.
func (f *Factor) Signals(ctx context.Context, u factors.User, enrolled []factors.Enrollment) (accepted, details json.RawMessage, err error) {
	if err := factors.Own(u, enrolled); err != nil {
		return nil, nil, err
	}
	had, err := f.Store.HasUserHandle(ctx, u.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	if !had {
		return nil, nil, nil
	}
	handle, err := f.Store.UserHandle(ctx, u.ID)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	accepted, err = json.Marshal(protocol.NewSignalAllAcceptedCredentials(f.RPID, live{handle, passkeys(enrolled)}))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: what a browser is told: %w", err)
	}
	details, err = json.Marshal(protocol.NewSignalCurrentUserDetails(f.RPID, called(u, handle)))
	return accepted, details, err
}

// live is a person with passkeys as the library has it.
type live struct {
	handle   []byte
	passkeys []factors.Enrollment
}

func (l live) WebAuthnID() []byte { return l.handle }

func (l live) WebAuthnCredentialIDs() (ids [][]byte) {
	for _, e := range l.passkeys {
		ids = append(ids, e.Handle)
	}
	return ids
}
