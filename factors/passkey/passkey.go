// Package passkey proves that a person holds a passkey: a key pair in a phone, a computer, a security
// key or an account that carries it along, which signs for our origin alone (WebAuthn Level 3).
//
//	BeginEnroll ────── creation options ──> browser ── attestation ──> FinishEnroll ──> Enrollment
//	BeginChallenge ─── request options ───> browser ── assertion ────> Verify ─ UsePasskey ─> Evidence
//	BeginDiscover ──── request options ───> browser ── assertion ────> Discover ─ UsePasskey ─> whose, Evidence
//
// What a ceremony proved is read from its own answer: whether the user was verified from the flags of
// this signature, never from what an earlier one said. Whether a key can leave its device is told
// when it is made (BE) and cannot change.
//
// Setting a passkey up proves nothing, because what a browser says of a new key is signed by nobody
// that we know: the enrollment has no Proved. Where the maker vouches for a key and we know the maker
// (Config.Roots), the enrollment remembers it, and the evidence of that key says Attested.
//
// An answer is good for the challenge of its own state, and for five minutes. That it is given once
// is its keeper's to see to: a state is taken out of its transaction before it is verified. A key that
// counts its uses refuses the same answer besides; most do not count.
package passkey

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/vsee/vseeid/factors"
)

// lifetime is how long a ceremony may take, by our own clock; the browser is told the same.
const lifetime = 5 * time.Minute

// Config is everything that a Factor rests on.
type Config struct {
	// RPID is the domain that passkeys are for: the host of one of the origins or a parent of it. Every
	// passkey is lost with it, so it is chosen once.
	RPID string
	// RPName is what people read where passkeys are listed: the brand's name.
	RPName string
	// Origins are those that answers may come from, the provider's own first. Where there are more,
	// browsers look them up with RelatedOrigins.
	Origins []string
	// Roots are the certificates of makers whose word is believed. Nil: nobody's is, and none is
	// asked for.
	Roots *x509.CertPool
	Store Store
	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Store keeps passkeys, and what they are known by.
type Store interface {
	Handles

	// Enrollments lists what a person has set up and not removed.
	Enrollments(ctx context.Context, userID string) ([]factors.Enrollment, error)
	// Passkey finds the live enrollment of a credential id, whosever it is. storage.ErrNotFound:
	// there is none.
	Passkey(ctx context.Context, credentialID []byte) (factors.Enrollment, error)
	// UsePasskey moves an enrollment's Step from step to next, and its secret and last use with it,
	// if the Step is still step; otherwise storage.ErrConflict. storage.ErrNotFound: the
	// enrollment has been removed.
	UsePasskey(ctx context.Context, enrollmentID string, step, next int64, secret []byte, at time.Time) error
}

// Handles keeps the random bytes by which authenticators know people (WebAuthn Level 3, 14.6.1).
type Handles interface {
	// UserHandle is a person's, and is made when it is first asked for. storage.ErrNotFound: the
	// person is gone.
	UserHandle(ctx context.Context, userID string) ([]byte, error)
	// HasUserHandle reports whether it was ever asked for: whether the person may have had a passkey.
	HasUserHandle(ctx context.Context, userID string) (bool, error)
}

// Factor is the passkey. It is safe for concurrent use.
type Factor struct {
	Config
	party   *webauthn.WebAuthn
	related *protocol.RelatedOrigins // nil: there is one origin
}

var _ factors.Factor = (*Factor)(nil)

// New returns a Factor. It fails on a Config that is not complete, on a domain that no browser would
// have passkeys for (an IP address, or that of no origin), and on more origins than browsers look up.
func New(c Config) (*Factor, error) {
	if c.RPID == "" || c.RPName == "" || c.Store == nil {
		return nil, fmt.Errorf("passkey: RPID, RPName and Store have to be set")
	}
	if !slices.ContainsFunc(c.Origins, func(origin string) bool { return within(origin, c.RPID) }) {
		return nil, fmt.Errorf("passkey: one of the origins has to be of the domain %q", c.RPID)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	timeout := webauthn.TimeoutConfig{Timeout: lifetime, TimeoutUVD: lifetime}
	party, err := webauthn.New(&webauthn.Config{
		RPID: c.RPID, RPDisplayName: c.RPName, RPOrigins: c.Origins,
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Browsers and password managers add outputs that nobody asked for; none is read here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	f := &Factor{Config: c, party: party}
	if len(c.Origins) > 1 {
		f.related, err = party.RelatedOrigins()
		if err != nil {
			return nil, fmt.Errorf("passkey: %w", err)
		}
	}
	return f, nil
}

// within reports whether an origin may use passkeys of domain without asking (WebAuthn Level 3, 5.1.3
// step 8).
func within(origin, domain string) bool {
	u, err := url.Parse(origin)
	return err == nil && (u.Hostname() == domain || strings.HasSuffix(u.Hostname(), "."+domain))
}

// RelatedOrigins is what to serve at /.well-known/webauthn of the RPID, so that browsers let the
// other origins use its passkeys (WebAuthn Level 3, 5.11). It is nil where there is one origin.
func (f *Factor) RelatedOrigins() http.Handler {
	if f.related == nil {
		return nil
	}
	return f.related
}
