package passkeytest

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"

	"github.com/go-webauthn/webauthn/protocol/webauthncbor"
)

// The flags of authenticator data (WebAuthn, 6.1).
const (
	flagUP = 1 << 0
	flagUV = 1 << 2
	flagBE = 1 << 3
	flagBS = 1 << 4
	flagAT = 1 << 6
)

// register is the answer of a new passkey.
func (a *Authenticator) register(k *Key, challenge []byte, conveyance string) ([]byte, error) {
	client, err := a.clientData("webauthn.create", challenge)
	if err != nil {
		return nil, err
	}
	public, err := k.cose(cmp.Or(a.Lies.Alg, k.Alg))
	if err != nil {
		return nil, err
	}
	id := k.ID
	if a.Lies.CredentialID != nil {
		id = a.Lies.CredentialID
	}
	attested := append([]byte{}, a.AAGUID[:]...)
	attested = binary.BigEndian.AppendUint16(attested, uint16(len(id)))
	attested = append(append(attested, id...), public...)
	data := a.data(k, flagAT, attested)
	format, statement, err := a.attest(k, data, client, conveyance)
	if err != nil {
		return nil, err
	}
	object, err := webauthncbor.Marshal(map[string]any{"fmt": format, "attStmt": statement, "authData": data})
	if err != nil {
		return nil, err
	}
	spki, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		return nil, err
	}
	return a.credential(id, map[string]any{
		"clientDataJSON":     encode(client),
		"attestationObject":  encode(object),
		"authenticatorData":  encode(data),
		"publicKey":          encode(spki),
		"publicKeyAlgorithm": cmp.Or(a.Lies.Alg, k.Alg),
		"transports":         append([]string{}, a.Transports...),
	})
}

// assert is the answer of a passkey that is used.
func (a *Authenticator) assert(k *Key, challenge []byte) ([]byte, error) {
	client, err := a.clientData("webauthn.get", challenge)
	if err != nil {
		return nil, err
	}
	k.Counter += uint32(a.Count)
	data := a.data(k, 0, nil)
	signature, err := k.sign(data, client)
	if err != nil {
		return nil, err
	}
	if a.Lies.Signature {
		signature[len(signature)-1] ^= 1
	}
	id, handle := k.ID, k.UserHandle
	if a.Lies.CredentialID != nil {
		id = a.Lies.CredentialID
	}
	if a.Lies.UserHandle != nil {
		handle = a.Lies.UserHandle
	}
	response := map[string]any{
		"clientDataJSON":    encode(client),
		"authenticatorData": encode(data),
		"signature":         encode(signature),
	}
	if len(handle) > 0 {
		response["userHandle"] = encode(handle)
	}
	return a.credential(id, response)
}

// credential is PublicKeyCredential.toJSON().
func (a *Authenticator) credential(id []byte, response map[string]any) ([]byte, error) {
	out := map[string]any{
		"id": encode(id), "rawId": encode(id), "type": "public-key",
		"response": response, "clientExtensionResults": map[string]any{},
	}
	if a.Attachment != "" {
		out["authenticatorAttachment"] = a.Attachment
	}
	if a.Lies.Response != nil {
		a.Lies.Response(out, response)
	}
	return json.Marshal(out)
}

func (a *Authenticator) clientData(kind string, challenge []byte) ([]byte, error) {
	if a.Lies.Challenge != nil {
		challenge = a.Lies.Challenge
	}
	out := map[string]any{
		"type":        cmp.Or(a.Lies.Type, kind),
		"challenge":   encode(challenge),
		"origin":      cmp.Or(a.Lies.Origin, a.Origin),
		"crossOrigin": a.CrossOrigin,
	}
	if a.TopOrigin != "" {
		out["topOrigin"] = a.TopOrigin
	}
	if a.Lies.Client != nil {
		a.Lies.Client(out)
	}
	return json.Marshal(out)
}

// data are the authenticator data (WebAuthn, 6.1).
func (a *Authenticator) data(k *Key, flags byte, attested []byte) []byte {
	if !a.Absent {
		flags |= flagUP
	}
	if !a.Unverified && !a.NoVerification {
		flags |= flagUV
	}
	if k.Synced {
		flags |= flagBE
		if a.BackedUp {
			flags |= flagBS
		}
	}
	if a.Lies.Flags != nil {
		flags = a.Lies.Flags(flags)
	}
	counter := k.Counter
	if a.Lies.Counter != nil {
		counter = *a.Lies.Counter
	}
	hash := sha256.Sum256([]byte(cmp.Or(a.Lies.RPID, k.RPID)))
	out := append(hash[:], flags)
	out = binary.BigEndian.AppendUint32(out, counter)
	out = append(out, attested...)
	if a.Lies.Data != nil {
		out = a.Lies.Data(out)
	}
	return out
}

// sign signs the authenticator data and the hash of the client data.
func (k *Key) sign(data, client []byte) ([]byte, error) {
	return sign(k.private, data, client)
}

func sign(private crypto.Signer, data, client []byte) ([]byte, error) {
	hash := sha256.Sum256(client)
	message := append(append([]byte{}, data...), hash[:]...)
	if _, ok := private.(ed25519.PrivateKey); ok {
		return private.Sign(rand.Reader, message, crypto.Hash(0))
	}
	digest := sha256.Sum256(message)
	return private.Sign(rand.Reader, digest[:], crypto.SHA256)
}

// cose is the public key as a COSE_Key (RFC 9052, section 7) that is said to be for alg.
func (k *Key) cose(alg int) ([]byte, error) {
	switch public := k.private.Public().(type) {
	case *ecdsa.PublicKey:
		point, err := public.Bytes()
		if err != nil {
			return nil, err
		}
		return webauthncbor.Marshal(map[int]any{1: 2, 3: alg, -1: 1, -2: point[1:33], -3: point[33:]})
	case ed25519.PublicKey:
		return webauthncbor.Marshal(map[int]any{1: 1, 3: alg, -1: 6, -2: []byte(public)})
	case *rsa.PublicKey:
		return webauthncbor.Marshal(map[int]any{1: 3, 3: alg, -1: public.N.Bytes(), -2: []byte{1, 0, 1}})
	}
	return nil, errors.New("passkeytest: a key of no kind")
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
