package passkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
)

// authority is a certificate with its key.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate by a, or one by itself where a is zero.
func (a authority) issue(t *testing.T, ca bool, extensions ...pkix.Extension) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: ca, BasicConstraintsValid: true, ExtraExtensions: extensions,
	}
	if ca {
		template.KeyUsage, template.Subject = x509.KeyUsageCertSign, pkix.Name{CommonName: key.X.String()}
	}
	parent, signer := template, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key}
}

func TestBelieves(t *testing.T) {
	root := authority{}.issue(t, true)
	between := root.issue(t, true)
	leaf := between.issue(t, false)
	// The name of a TPM: a critical extension with a directory name, which crypto/x509 does not read.
	name, err := asn1.Marshal(struct {
		Name pkix.RDNSequence `asn1:"tag:4,explicit"`
	}{pkix.Name{CommonName: "id:49465800"}.ToRDNSequence()})
	if err != nil {
		t.Fatal(err)
	}
	tpm := root.issue(t, false, pkix.Extension{Id: alternativeName, Critical: true, Value: name})
	odd := root.issue(t, false, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})
	noCA := root.issue(t, false)
	under := noCA.issue(t, false)
	alone := authority{}.issue(t, false)

	roots := x509.NewCertPool()
	roots.AddCert(root.cert)
	chain := func(of ...authority) any {
		var out []any
		for _, a := range of {
			out = append(out, a.cert.Raw)
		}
		return out
	}
	for _, tc := range []struct {
		what string
		kind metadata.AuthenticatorAttestationType
		x5c  any
		want bool
	}{
		{"through a certificate in between", metadata.BasicFull, chain(leaf, between), true},
		{"by a privacy authority", metadata.AttCA, chain(leaf, between), true},
		{"by an anonymous authority", metadata.AnonCA, chain(leaf, between), true},
		{"of a TPM", metadata.AttCA, chain(tpm), true},
		{"with the root in it", metadata.BasicFull, chain(leaf, between, root), true},
		{"that says itself it is by the key", metadata.BasicSurrogate, chain(leaf, between), false},
		{"that says itself it is none", metadata.None, chain(leaf, between), false},
		{"of no type", "", chain(leaf, between), false},
		{"whose link is missing", metadata.BasicFull, chain(leaf), false},
		{"by who may not certify", metadata.BasicFull, chain(under, noCA), false},
		{"by itself", metadata.BasicFull, chain(alone), false},
		{"that demands what nobody knows", metadata.BasicFull, chain(odd), false},
		{"without certificates", metadata.BasicFull, nil, false},
		{"with an empty list", metadata.BasicFull, []any{}, false},
		{"with noise for one", metadata.BasicFull, []any{leaf.cert.Raw, []byte("noise")}, false},
		{"with a text for one", metadata.BasicFull, []any{"leaf"}, false},
		{"with a text for the list", metadata.BasicFull, "x5c", false},
	} {
		object := protocol.AttestationObject{Type: string(tc.kind), AttStatement: map[string]any{"x5c": tc.x5c}}
		f := &Factor{Config: Config{Roots: roots, Now: time.Now}}
		if got := f.believes(object); got != tc.want {
			t.Errorf("a statement %s: believed %v", tc.what, got)
		}
		f.Roots = nil
		if f.believes(object) {
			t.Errorf("a statement %s is believed by who knows no maker", tc.what)
		}
	}
}
