package main

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"strings"
)

// passkeySettings are where passkeys of this provider can be used, and whose word is taken for them.
type passkeySettings struct {
	RPID             string `group:"Passkeys" name:"rp-id" env:"VSEEID_RP_ID" placeholder:"HOST" help:"What passkeys are bound to: the host of the issuer, or a domain above it that you own (example.com for id.example.com). To change it makes every passkey worthless. Default: the host of the issuer. An issuer by address (http://127.0.0.1) has no passkeys."`
	AttestationRoots string `group:"Passkeys" env:"VSEEID_ATTESTATION_ROOTS" placeholder:"FILE" help:"PEM certificates of the makers of security keys whose word is taken, for organizations whose policy says hardware_keys: attested. Default none: such an organization has no key that counts as hardware."`
}

// passkeyRules is what check made of them.
type passkeyRules struct {
	rpID  string // empty: no passkeys
	roots *x509.CertPool
}

func (c passkeySettings) check(issuer *url.URL) (passkeyRules, error) {
	host := issuer.Hostname()
	r := passkeyRules{rpID: host}
	if _, err := netip.ParseAddr(host); err == nil {
		r.rpID = "" // WebAuthn Level 3, 5.1.3: a relying party is a domain
	}
	if c.RPID != "" {
		if r.rpID == "" || c.RPID != strings.ToLower(c.RPID) || (c.RPID != host && (!strings.HasSuffix(host, "."+c.RPID) || !strings.Contains(c.RPID, "."))) {
			return r, badSetting("VSEEID_RP_ID is %q: set it to %s or a domain above it, in small letters", c.RPID, host)
		}
		r.rpID = c.RPID
	}
	if c.AttestationRoots == "" {
		return r, nil
	}
	pem, err := os.ReadFile(c.AttestationRoots)
	if err != nil {
		return r, badSetting("VSEEID_ATTESTATION_ROOTS cannot be read: %v", reason(err))
	}
	r.roots = x509.NewCertPool()
	if !r.roots.AppendCertsFromPEM(pem) {
		return r, badSetting("VSEEID_ATTESTATION_ROOTS has no PEM certificate in it")
	}
	return r, nil
}
