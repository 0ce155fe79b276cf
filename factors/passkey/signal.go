package passkey

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"

	"github.com/vsee/vseeid/factors"
)

// Accepted is what PublicKeyCredential.signalAllAcceptedCredentials is told of a person: every live
// passkey, because one left out may be hidden from its owner for good. enrolled are all that the
// person has. It is empty for who never had a passkey.
func (f *Factor) Accepted(ctx context.Context, u factors.User, enrolled []factors.Enrollment) (json.RawMessage, error) {
	if err := factors.Own(u, enrolled); err != nil {
		return nil, err
	}
	had, err := f.Store.HasUserHandle(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	if !had {
		return nil, nil
	}
	handle, err := f.Store.UserHandle(ctx, u.ID)
	if err != nil {
		return nil, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	return json.Marshal(protocol.NewSignalAllAcceptedCredentials(f.RPID, accepted{handle, passkeys(enrolled)}))
}

// accepted is a person with passkeys as the library has it.
type accepted struct {
	handle   []byte
	passkeys []factors.Enrollment
}

func (a accepted) WebAuthnID() []byte { return a.handle }

func (a accepted) WebAuthnCredentialIDs() (ids [][]byte) {
	for _, e := range a.passkeys {
		ids = append(ids, e.Handle)
	}
	return ids
}
