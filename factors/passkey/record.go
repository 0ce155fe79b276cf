package passkey

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors"
)

const recordVersion = 1

// record is the Secret of a passkey: the credential record of WebAuthn Level 3, section 4. Of what is
// missing, the id is the enrollment's Handle and the signature counter its Step.
type record struct {
	Version    int                         `json:"v"`
	PublicKey  []byte                      `json:"public_key"` // COSE_Key
	AAGUID     []byte                      `json:"aaguid"`
	Flags      protocol.AuthenticatorFlags `json:"flags"` // as at the registration, but BS as of the last use
	Transports []string                    `json:"transports,omitempty"`
	Attachment string                      `json:"attachment,omitempty"`

	// What the maker said, kept whole so that it can be judged again by other roots.
	Attested   bool   `json:"attested,omitempty"` // it was judged, and believed
	Format     string `json:"format"`
	Type       string `json:"type,omitempty"`
	Object     []byte `json:"object"`      // attestationObject
	ClientData []byte `json:"client_data"` // clientDataJSON
}

func (r record) seal() ([]byte, error) {
	r.Version = recordVersion
	return json.Marshal(r)
}

// open reads the Secret of a passkey. What it cannot read is damage, and nobody's wrong answer.
func open(e factors.Enrollment) (record, error) {
	var r record
	if err := json.Unmarshal(e.Secret, &r); err != nil || r.Version != recordVersion || len(r.PublicKey) == 0 || len(e.Handle) == 0 {
		return record{}, fmt.Errorf("passkey: enrollment %s: %w", e.ID, errRecord)
	}
	return r, nil
}

var errRecord = errors.New("the record of the passkey cannot be read")

// descriptor names the credential of e to a browser.
func (r record) descriptor(e factors.Enrollment) protocol.CredentialDescriptor {
	out := protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: e.Handle}
	for _, t := range r.Transports {
		out.Transport = append(out.Transport, protocol.AuthenticatorTransport(t))
	}
	return out
}

// credential is the passkey of e as the library has it.
func (r record) credential(e factors.Enrollment) webauthn.Credential {
	return webauthn.Credential{
		ID: e.Handle, PublicKey: r.PublicKey, AttestationFormat: r.Format, AttestationType: r.Type,
		Flags:         webauthn.NewCredentialFlags(r.Flags),
		Authenticator: webauthn.Authenticator{AAGUID: r.AAGUID},
	}
}

// descriptors names every passkey among the enrollments: one that is left out could be set up a second
// time, or not be asked for.
func descriptors(enrolled []factors.Enrollment) (out []protocol.CredentialDescriptor, err error) {
	for _, e := range passkeys(enrolled) {
		r, err := open(e)
		if err != nil {
			return nil, err
		}
		out = append(out, r.descriptor(e))
	}
	return out, nil
}

func passkeys(enrolled []factors.Enrollment) (out []factors.Enrollment) {
	for _, e := range enrolled {
		if e.Kind == factors.Passkey {
			out = append(out, e)
		}
	}
	return out
}

func find(enrolled []factors.Enrollment, credentialID []byte) (factors.Enrollment, bool) {
	for _, e := range passkeys(enrolled) {
		if bytes.Equal(e.Handle, credentialID) {
			return e, true
		}
	}
	return factors.Enrollment{}, false
}

// place is where a new passkey lives. A phone that was reached over the air says cross-platform too,
// and that its passkey is inside it.
func (r record) place() factors.Place {
	inside := slices.Contains(r.Transports, string(protocol.Internal)) || slices.Contains(r.Transports, string(protocol.Hybrid))
	switch {
	case r.Flags.HasBackupEligible():
		return factors.Synced
	case r.Attachment == string(protocol.CrossPlatform) && !inside:
		return factors.OnKey
	}
	return factors.OnDevice
}

// evidence is what one use of e proved.
func (r record) evidence(e factors.Enrollment, flags protocol.AuthenticatorFlags) factors.Evidence {
	out := factors.Evidence{Kind: factors.Passkey, Source: e.Source(), Class: factors.Has, Attested: r.Attested}
	if flags.HasUserVerified() {
		out.Class |= factors.Is
	}
	if flags.HasBackupEligible() {
		out.AMR = append(out.AMR, "swk")
	} else {
		out.AMR = append(out.AMR, "hwk")
	}
	out.AMR = append(out.AMR, "pop")
	if flags.HasUserPresent() {
		out.AMR = append(out.AMR, "user")
	}
	return out
}
