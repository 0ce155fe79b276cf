package passkey

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

const (
	credentialIDMost = 1023 // WebAuthn Level 3, 7.1 step 25
	transportsMost   = 8    // there are six, and each has a short name
	transportMost    = 32
)

// algorithms are what a passkey may sign with, the preferred first: every browser knows ES256, Windows
// Hello may know RS256 only.
func algorithms() []protocol.CredentialParameter {
	var out []protocol.CredentialParameter
	for _, alg := range []webauthncose.COSEAlgorithmIdentifier{webauthncose.AlgES256, webauthncose.AlgRS256, webauthncose.AlgEdDSA} {
		out = append(out, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: alg})
	}
	return out
}

// BeginEnroll asks for a passkey that names its user by itself and verifies them. Where the person was
// offered to trust the device at hand (User.Here) it has to be in that device; otherwise the browser
// lets them choose.
func (f *Factor) BeginEnroll(ctx context.Context, u factors.User) (factors.Prompt, factors.State, error) {
	if u.ID == "" {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: of nobody: %w", factors.ErrState)
	}
	handle, err := f.Store.UserHandle(ctx, u.ID)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	enrolled, err := f.Store.Enrollments(ctx, u.ID)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: the enrollments of %s: %w", u.ID, err)
	}
	exclude, err := descriptors(enrolled)
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	selection := protocol.AuthenticatorSelection{
		ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(),
		UserVerification: protocol.VerificationRequired,
	}
	var hints []protocol.PublicKeyCredentialHints
	if u.Here {
		selection.AuthenticatorAttachment = protocol.Platform
		hints = append(hints, protocol.PublicKeyCredentialHintClientDevice)
	}
	attestation := protocol.PreferNoAttestation
	if u.Attest && f.Roots != nil {
		attestation = protocol.PreferDirectAttestation
	}
	asked, session, err := f.party.BeginRegistration(
		called(u, handle),
		webauthn.WithCredentialParameters(algorithms()),
		webauthn.WithAuthenticatorSelection(selection),
		webauthn.WithConveyancePreference(attestation),
		webauthn.WithExclusions(exclude),
		webauthn.WithPublicKeyCredentialHints(hints),
	)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: creation options: %w", err)
	}
	options, err := json.Marshal(asked.Response)
	if err != nil {
		return factors.Prompt{}, nil, fmt.Errorf("passkey: creation options: %w", err)
	}
	state, err := f.begin(ceremony{Purpose: enroll, UserID: u.ID, Challenge: session.Challenge, Verified: true})
	return factors.Prompt{Options: options}, state, err
}

// FinishEnroll checks what a browser says of a new passkey (WebAuthn Level 3, 7.1). ErrTaken: it is
// set up already.
func (f *Factor) FinishEnroll(ctx context.Context, u factors.User, s factors.State, a factors.Answer) (factors.Enrollment, error) {
	c, err := f.resume(s, enroll, u.ID)
	if err != nil {
		return factors.Enrollment{}, err
	}
	if err := f.inTime(c); err != nil {
		return factors.Enrollment{}, err
	}
	if len(a.Response) > answerMost {
		return factors.Enrollment{}, factors.ErrFormat
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(a.Response)
	if err != nil {
		return factors.Enrollment{}, factors.ErrFormat
	}
	handle, err := f.Store.UserHandle(ctx, u.ID)
	if err != nil {
		return factors.Enrollment{}, fmt.Errorf("passkey: the user handle of %s: %w", u.ID, err)
	}
	statement := readable(parsed)
	made, err := f.party.CreateCredential(person{handle: handle}, c.session(handle), parsed)
	if err != nil {
		return factors.Enrollment{}, refused(err)
	}
	if _, err := webauthncose.ParsePublicKey(made.PublicKey); err != nil {
		return factors.Enrollment{}, fmt.Errorf("passkey: the key is none of its algorithm: %w", factors.ErrWrong)
	}
	data := parsed.Response.AttestationObject.AuthData
	switch {
	case c.Verified && !data.Flags.HasUserVerified():
		return factors.Enrollment{}, factors.ErrUnverified
	case len(made.ID) > credentialIDMost:
		return factors.Enrollment{}, factors.ErrFormat
	}
	if err := f.unknown(ctx, made.ID); err != nil {
		return factors.Enrollment{}, err
	}
	r := record{
		PublicKey: made.PublicKey, AAGUID: data.AttData.AAGUID, Flags: data.Flags,
		Transports: transports(parsed.Response.Transports), Attachment: string(parsed.AuthenticatorAttachment),
		Attested: f.believes(parsed.Response.AttestationObject),
		Format:   statement, Type: made.AttestationType,
		Object: parsed.Raw.AttestationResponse.AttestationObject, ClientData: parsed.Raw.AttestationResponse.ClientDataJSON,
	}
	return f.enrollment(u, made.ID, r, int64(data.Counter))
}

// unknown says ErrTaken of a credential that anybody has set up. The store is who decides between two
// at once.
func (f *Factor) unknown(ctx context.Context, credentialID []byte) error {
	_, err := f.Store.Passkey(ctx, credentialID)
	switch {
	case err == nil:
		return factors.ErrTaken
	case errors.Is(err, storage.ErrNotFound):
		return nil
	}
	return fmt.Errorf("passkey: look a credential up: %w", err)
}

func (f *Factor) enrollment(u factors.User, credentialID []byte, r record, counter int64) (factors.Enrollment, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return factors.Enrollment{}, err
	}
	secret, err := r.seal()
	if err != nil {
		return factors.Enrollment{}, err
	}
	now := f.Now()
	return factors.Enrollment{
		ID: id.String(), UserID: u.ID, Kind: factors.Passkey, Name: cmp.Or(provider(r.AAGUID), "Passkey"),
		Secret: secret, Handle: credentialID, Place: r.place(), Confirmed: now, Created: now, Step: counter,
	}, nil
}

// transports are what a browser says of how to reach a passkey, for it to be told again: any string
// may be one (5.8.4), but not any number of them or of any length.
func transports(said []protocol.AuthenticatorTransport) (out []string) {
	for _, t := range said {
		if t != "" && len(t) <= transportMost && len(out) < transportsMost {
			out = append(out, string(t))
		}
	}
	return out
}
