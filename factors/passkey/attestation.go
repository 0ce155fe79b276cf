package passkey

import (
	"crypto/x509"
	"encoding/asn1"
	"slices"

	"github.com/go-webauthn/webauthn/metadata"
	"github.com/go-webauthn/webauthn/protocol"
)

// readable returns the format of a statement, and takes the statement out where nobody here can read
// it: it is as good as none, and no reason to refuse the key.
func readable(parsed *protocol.ParsedCredentialCreationData) (format string) {
	object := &parsed.Response.AttestationObject
	format = object.Format
	if !protocol.IsAttestationFormatString(format) {
		object.Format, object.AttStatement = string(protocol.AttestationFormatNone), nil
	}
	return format
}

// believes reports whether a maker that we know vouches for the key. The statement's own signature has
// been verified; what is left is whose certificate it is by (7.1 step 24). That a key signed for itself
// says nothing.
func (f *Factor) believes(object protocol.AttestationObject) bool {
	switch metadata.AuthenticatorAttestationType(object.Type) {
	case metadata.BasicFull, metadata.AttCA, metadata.AnonCA:
	default:
		return false
	}
	chain := certificates(object.AttStatement["x5c"])
	if f.Roots == nil || len(chain) == 0 {
		return false
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	// A certificate of a TPM has its name in this extension alone, where the standard library does not
	// look (Trusted Computing Group, Credential Profiles 3.2). The statement's verifier has read it.
	leaf := chain[0]
	leaf.UnhandledCriticalExtensions = slices.DeleteFunc(leaf.UnhandledCriticalExtensions, alternativeName.Equal)
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: f.Roots, Intermediates: between, CurrentTime: f.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	return err == nil
}

var alternativeName = asn1.ObjectIdentifier{2, 5, 29, 17}

// certificates are those of an x5c, or none where one of them is no certificate.
func certificates(x5c any) (out []*x509.Certificate) {
	list, ok := x5c.([]any)
	if !ok {
		return nil
	}
	for _, der := range list {
		raw, ok := der.([]byte)
		if !ok {
			return nil
		}
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil
		}
		out = append(out, c)
	}
	return out
}
