// Package passkeytest is a browser and the authenticator behind it, in software: what
// navigator.credentials.create() and get() do with the options of a page, JSON in and JSON out.
//
//	phone := passkeytest.New("https://id.example.com")
//	created, err := phone.Create(prompt.Options)  // PublicKeyCredential.toJSON() of a registration
//	asserted, err := phone.Get(prompt.Options)    // and of a sign-in
//
// It is honest until it is told to lie: the fields of Authenticator say what it is and does, and
// those of Lies what it falsifies. A lie is told before anything is signed, so that what comes out
// is what an attacker with a real key could send; only Lies.Signature and Lies.Response are about
// what is told after.
//
// It is for tests, and its keys are nobody's: they live in memory.
package passkeytest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// The algorithms that it knows (RFC 9053).
const (
	ES256 = -7
	EdDSA = -8
	RS256 = -257
)

// Error is what the browser's promise is rejected with: the name of a DOMException.
type Error string

const (
	ErrNotAllowed   Error = "NotAllowedError"   // it has no such passkey, or its user would not
	ErrInvalidState Error = "InvalidStateError" // it has one of the excluded passkeys already
	ErrNotSupported Error = "NotSupportedError" // it knows none of the algorithms
	ErrSecurity     Error = "SecurityError"     // the page is of another place than the passkey
	ErrConstraint   Error = "ConstraintError"   // it cannot verify its user, and should
	ErrType         Error = "TypeError"         // the options are none
)

func (e Error) Error() string { return string(e) }

// Authenticator is one browser with one authenticator. Every field may be changed between two
// ceremonies. It is safe for concurrent use as long as no field is changed meanwhile.
type Authenticator struct {
	// Origin is of the page that asks.
	Origin string
	// CrossOrigin says that the page is in a frame of another site, TopOrigin which one that is.
	CrossOrigin bool
	TopOrigin   string

	// Absent leaves UP out of every answer, Unverified leaves UV out.
	Absent, Unverified bool
	// NoVerification says that it has no way to verify its user: it fails where that is required,
	// and leaves UV out elsewhere.
	NoVerification bool
	// Synced is BE of the passkeys that it makes from now on; BackedUp is BS of every answer with one
	// of them.
	Synced, BackedUp bool

	// Count is what each use adds to a passkey's counter: 1 as it is made by New; 0 leaves it where it
	// is, which is 0 for what was made meanwhile, as for every synced passkey; less goes back.
	Count int
	// Alg is the algorithm of new passkeys; 0 takes the first of the options that it knows.
	Alg int
	// AAGUID is its model.
	AAGUID [16]byte
	// Transports and Attachment are what it says of itself: {"internal"} and "platform" by New.
	Transports []string
	Attachment string
	// Attestation is how it vouches for new passkeys.
	Attestation Attestation

	// Lies are what it falsifies.
	Lies Lies

	mu   sync.Mutex
	keys []*Key
}

// Lies are what an Authenticator falsifies. The zero value is honest.
type Lies struct {
	Type         string // of the client data, instead of webauthn.create or webauthn.get
	Challenge    []byte // instead of the one of the options
	Origin       string // of the client data, where the page is really of Authenticator.Origin
	RPID         string // whose hash is in the authenticator data
	CredentialID []byte // instead of the passkey's own
	UserHandle   []byte // instead of the passkey's own; empty and not nil for none
	Alg          int    // that the public key claims to be for
	Signature    bool   // one bit of it is another
	// Flags changes the flags of the authenticator data: UP 1, UV 4, BE 8, BS 16, AT 64, ED 128.
	Flags func(flags byte) byte
	// Counter is the one of the authenticator data, where not nil. The passkey's own stays as it is.
	Counter *uint32
	// Client changes the client data before they are signed.
	Client func(client map[string]any)
	// Data changes the authenticator data before they are signed.
	Data func(data []byte) []byte
	// Response changes the answer after everything is signed.
	Response func(credential, response map[string]any)
}

// Key is a passkey in an Authenticator.
type Key struct {
	ID         []byte
	RPID       string
	UserHandle []byte
	UserName   string
	Alg        int
	Synced     bool
	Counter    uint32

	private crypto.Signer
}

// New is a phone or a computer that verifies its user, keeps its passkeys to itself and counts their
// uses, in front of a page of origin.
func New(origin string) *Authenticator {
	return &Authenticator{Origin: origin, Count: 1, Transports: []string{"internal"}, Attachment: "platform"}
}

// NewSynced is New with passkeys that an account carries to other devices. Such do not count.
func NewSynced(origin string) *Authenticator {
	a := New(origin)
	a.Synced, a.BackedUp, a.Count = true, true, 0
	a.Transports = []string{"internal", "hybrid"}
	return a
}

// NewKey is New as a security key that is carried around.
func NewKey(origin string) *Authenticator {
	a := New(origin)
	a.Transports, a.Attachment = []string{"usb", "nfc"}, "cross-platform"
	return a
}

// Keys are the passkeys that it has, oldest first. They are its own, not copies.
func (a *Authenticator) Keys() []*Key {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.keys)
}

// Forget removes every passkey, as who resets the device does.
func (a *Authenticator) Forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keys = nil
}

// Clone is a second authenticator with copies of the same passkeys.
func (a *Authenticator) Clone() *Authenticator {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := &Authenticator{
		Origin: a.Origin, CrossOrigin: a.CrossOrigin, TopOrigin: a.TopOrigin,
		Absent: a.Absent, Unverified: a.Unverified, NoVerification: a.NoVerification,
		Synced: a.Synced, BackedUp: a.BackedUp, Count: a.Count, Alg: a.Alg, AAGUID: a.AAGUID,
		Transports: slices.Clone(a.Transports), Attachment: a.Attachment, Attestation: a.Attestation, Lies: a.Lies,
	}
	for _, k := range a.keys {
		same := *k
		out.keys = append(out.keys, &same)
	}
	return out
}

// Create makes a passkey: options are PublicKeyCredentialCreationOptionsJSON, and the result is
// RegistrationResponseJSON.
func (a *Authenticator) Create(options []byte) ([]byte, error) {
	var o creation
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, ErrType
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.within(o.RP.ID) {
		return nil, ErrSecurity
	}
	if want := o.Selection.Attachment; want != "" && want != a.Attachment {
		return nil, ErrNotAllowed
	}
	if o.Selection.UserVerification == "required" && a.NoVerification {
		return nil, ErrConstraint
	}
	for _, d := range o.Exclude {
		if a.find(o.RP.ID, d.ID) != nil {
			return nil, ErrInvalidState
		}
	}
	alg := a.Alg
	for _, p := range o.Params {
		if alg == 0 && slices.Contains([]int{ES256, EdDSA, RS256}, p.Alg) {
			alg = p.Alg
		}
	}
	k, err := newKey(alg)
	if err != nil {
		return nil, err
	}
	k.RPID, k.UserHandle, k.UserName, k.Synced, k.Counter = o.RP.ID, o.User.ID, o.User.Name, a.Synced, uint32(max(a.Count, 0))
	response, err := a.register(k, o.Challenge, o.Attestation)
	if err != nil {
		return nil, err
	}
	// One passkey for one person of one place: the newer one replaces the older (WebAuthn, 6.3.2 step 7).
	a.keys = slices.DeleteFunc(a.keys, func(old *Key) bool {
		return old.RPID == k.RPID && bytes.Equal(old.UserHandle, k.UserHandle)
	})
	a.keys = append(a.keys, k)
	return response, nil
}

// Get uses a passkey: options are PublicKeyCredentialRequestOptionsJSON, and the result is
// AuthenticationResponseJSON. Where the options list none, the youngest passkey of the place answers.
func (a *Authenticator) Get(options []byte) ([]byte, error) {
	var o request
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, ErrType
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.within(o.RPID) {
		return nil, ErrSecurity
	}
	if o.UserVerification == "required" && a.NoVerification {
		return nil, ErrNotAllowed
	}
	var k *Key
	for _, d := range o.Allow {
		if k == nil {
			k = a.find(o.RPID, d.ID)
		}
	}
	if len(o.Allow) == 0 {
		for _, of := range a.keys {
			if of.RPID == o.RPID {
				k = of
			}
		}
	}
	if k == nil {
		return nil, ErrNotAllowed
	}
	return a.assert(k, o.Challenge)
}

// Use answers with k, whatever the options allow.
func (a *Authenticator) Use(k *Key, options []byte) ([]byte, error) {
	var o request
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, ErrType
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.assert(k, o.Challenge)
}

// within reports whether a page of the origin may ask for passkeys of rpID: the browser's own check.
func (a *Authenticator) within(rpID string) bool {
	u, err := url.Parse(a.Origin)
	if err != nil || rpID == "" {
		return false
	}
	return u.Hostname() == rpID || strings.HasSuffix(u.Hostname(), "."+rpID)
}

func (a *Authenticator) find(rpID string, id []byte) *Key {
	for _, k := range a.keys {
		if k.RPID == rpID && bytes.Equal(k.ID, id) {
			return k
		}
	}
	return nil
}

func newKey(alg int) (*Key, error) {
	k := &Key{ID: make([]byte, 32), Alg: alg}
	rand.Read(k.ID)
	var err error
	switch alg {
	case ES256:
		k.private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case EdDSA:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	case RS256:
		k.private, err = rsa.GenerateKey(rand.Reader, 2048)
	default:
		return nil, ErrNotSupported
	}
	if err != nil {
		return nil, fmt.Errorf("passkeytest: %w", err)
	}
	return k, nil
}

type descriptor struct {
	ID base64url `json:"id"`
}

type creation struct {
	RP struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID   base64url `json:"id"`
		Name string    `json:"name"`
	} `json:"user"`
	Challenge base64url `json:"challenge"`
	Params    []struct {
		Alg int `json:"alg"`
	} `json:"pubKeyCredParams"`
	Exclude   []descriptor `json:"excludeCredentials"`
	Selection struct {
		Attachment       string `json:"authenticatorAttachment"`
		UserVerification string `json:"userVerification"`
	} `json:"authenticatorSelection"`
	Attestation string `json:"attestation"`
}

type request struct {
	RPID             string       `json:"rpId"`
	Challenge        base64url    `json:"challenge"`
	Allow            []descriptor `json:"allowCredentials"`
	UserVerification string       `json:"userVerification"`
}

// base64url is Base64URLString of WebAuthn: no padding.
type base64url []byte

func (b *base64url) UnmarshalText(text []byte) error {
	out, err := base64.RawURLEncoding.DecodeString(string(text))
	*b = out
	return err
}

func (b base64url) MarshalText() ([]byte, error) {
	return base64.RawURLEncoding.AppendEncode(nil, b), nil
}
