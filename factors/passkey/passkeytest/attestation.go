package passkeytest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// Attestation is how an authenticator vouches for its passkeys (WebAuthn, section 8).
type Attestation struct {
	// Form is the statement that it makes.
	Form Form
	// Maker signs where Form is ByMaker.
	Maker *Maker
	// Broken signs something else.
	Broken bool
	// Unasked sends the statement also where the page asked for none: no browser does.
	Unasked bool
}

// Form is a form of statement.
type Form string

const (
	None    Form = ""        // "none"
	Self    Form = "self"    // "packed", by the passkey itself
	ByMaker Form = "maker"   // "packed", by a key that the maker certified
	Foreign Form = "foreign" // in a format that nobody has heard of
)

// Maker is a maker of authenticators: a root certificate, and what it certifies for a model.
type Maker struct {
	Root *x509.Certificate

	key *ecdsa.PrivateKey
}

// NewMaker is a maker with a root of its own, which is good for ten years around now.
func NewMaker(name string) (*Maker, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("passkeytest: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name + " Root"},
		NotBefore: time.Now().AddDate(-5, 0, 0), NotAfter: time.Now().AddDate(5, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("passkeytest: %w", err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("passkeytest: %w", err)
	}
	return &Maker{Root: root, key: key}, nil
}

// Roots has the maker's root.
func (m *Maker) Roots() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(m.Root)
	return pool
}

// certify makes a key for a model, and its certificate as section 8.2.1 wants it.
func (m *Maker) certify(aaguid [16]byte) (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	model, err := asn1.Marshal(aaguid[:])
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject: pkix.Name{
			Country: []string{"US"}, Organization: []string{"Maker"}, OrganizationalUnit: []string{"Authenticator Attestation"},
			CommonName: "Batch",
		},
		NotBefore: m.Root.NotBefore, NotAfter: m.Root.NotAfter, BasicConstraintsValid: true,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 45724, 1, 1, 4}, Value: model}},
	}, m.Root, key.Public(), m.key)
	return key, der, err
}

// attest is the format and the statement of a passkey.
func (a *Authenticator) attest(k *Key, data, client []byte, conveyance string) (string, map[string]any, error) {
	how := a.Attestation
	if how.Form == None || (conveyance == "" || conveyance == "none") && !how.Unasked {
		return "none", map[string]any{}, nil
	}
	signer, statement := k.private, map[string]any{"alg": k.Alg}
	if how.Form == ByMaker {
		key, der, err := how.Maker.certify(a.AAGUID)
		if err != nil {
			return "", nil, err
		}
		signer, statement = key, map[string]any{"alg": ES256, "x5c": [][]byte{der}}
	}
	if how.Broken {
		client = append([]byte("not "), client...)
	}
	signature, err := sign(signer, data, client)
	if err != nil {
		return "", nil, err
	}
	statement["sig"] = signature
	if how.Form == Foreign {
		return "vseeid-test", statement, nil
	}
	return "packed", statement, nil
}
