package main

import (
	"crypto/x509"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// passkeySettings are where passkeys of this provider can be used, and whose word is taken for them.
type passkeySettings struct {
	RPID             string   `group:"Passkeys" name:"rp-id" env:"VSEEID_RP_ID" placeholder:"HOST" help:"What passkeys are bound to: the host of the issuer, or a domain above it that you own (example.com for id.example.com), or the same of a --passkey-origins. To change it makes every passkey worthless. Default: the host of the issuer. An issuer by address (http://127.0.0.1) has no passkeys."`
	PasskeyOrigins   []string `group:"Passkeys" name:"passkey-origins" env:"VSEEID_PASSKEY_ORIGINS" placeholder:"ORIGIN" help:"Another address of this provider at which its passkeys are good, at most four: one that it moves to, or came from (https://id.example.org). Browsers ask for the list at /.well-known/webauthn of the host of --rp-id, which this program serves there."`
	AttestationRoots string   `group:"Passkeys" env:"VSEEID_ATTESTATION_ROOTS" placeholder:"FILE" help:"PEM certificates of the makers of security keys whose word is taken, for organizations whose policy says hardware_keys: attested. Default none: such an organization has no key that counts as hardware."`
}

// passkeyOriginsMost is how many domains browsers look at beside one (WebAuthn Level 3, 5.11.1: at least five
// in all).
const passkeyOriginsMost = 4

// passkeyRules is what check made of them.
type passkeyRules struct {
	rpID    string   // empty: no passkeys
	origins []string // where else than at the issuer they are good
	roots   *x509.CertPool
}

func (c passkeySettings) check(issuer *url.URL) (passkeyRules, error) {
	host := issuer.Hostname()
	r := passkeyRules{rpID: host}
	if _, err := netip.ParseAddr(host); err == nil {
		r.rpID = "" // WebAuthn Level 3, 5.1.3: a relying party is a domain
	}
	hosts := []string{host}
	for _, origin := range c.PasskeyOrigins {
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" || u.Host == "" || origin != "https://"+strings.ToLower(u.Host) || origin == issuer.String() || slices.Contains(r.origins, origin) {
			return r, badSetting("VSEEID_PASSKEY_ORIGINS has %q: set each to an https address of its own without a path, in small letters", origin)
		}
		r.origins, hosts = append(r.origins, origin), append(hosts, u.Hostname())
	}
	if len(r.origins) > passkeyOriginsMost {
		return r, badSetting("VSEEID_PASSKEY_ORIGINS has %d addresses: browsers look at %d beside the issuer's", len(r.origins), passkeyOriginsMost)
	}
	if c.RPID != "" {
		above := func(host string) bool {
			return c.RPID == host || strings.HasSuffix(host, "."+c.RPID) && strings.Contains(c.RPID, ".")
		}
		if r.rpID == "" || c.RPID != strings.ToLower(c.RPID) || !slices.ContainsFunc(hosts, above) {
			return r, badSetting("VSEEID_RP_ID is %q: set it to %s or a domain above it, in small letters, or name its address in VSEEID_PASSKEY_ORIGINS", c.RPID, host)
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
