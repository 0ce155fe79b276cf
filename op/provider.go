package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// Config is what a Provider is made of. Every field is required unless it says otherwise.
type Config struct {
	// Issuer is the provider's identifier and the beginning of its addresses: scheme and host,
	// without a path and without a slash at the end. http only for a loopback host.
	Issuer string

	// Clients is where clients are found. It may be slow: what it says is held for ClientAge.
	Clients Clients
	// ClientAge is how old a client's record may be when it is used. 0 means DefaultClientAge;
	// a negative one reads it anew each time.
	ClientAge time.Duration
	// Codes keeps authorization codes, and requests that arrived by POST, for minutes.
	Codes Codes
	// Grants keeps grants, durably.
	Grants Grants

	// People judges a grant whenever it is used, and says what /userinfo says.
	People People
	// Browser is the session of the browser, for logout.
	Browser Browser
	// Begin asks for a person. It answers the request, and later calls Finish or Fail with the
	// same request bytes; on an error it has not written anything.
	Begin func(w http.ResponseWriter, r *http.Request, d login.Demand, request []byte) error

	// Admit counts a request that is about to be kept for a stranger, and says how long the address
	// that ctx names has to wait; 0 is for none. login is it. Nil admits everybody.
	Admit func(ctx context.Context) (wait time.Duration, err error)

	// Keys signs tokens and verifies those that come back.
	Keys *keys.Ring
	// Secrets recognises client secrets and derives refresh tokens.
	Secrets Secrets

	// SupportedACR are the acr values that discovery lists.
	SupportedACR []string
	// Brand is how pages look.
	Brand templates.Brand
	// Now is the time. nil means time.Now.
	Now func() time.Time
}

// Provider is the protocol of one issuer. It is safe for concurrent use.
type Provider struct {
	issuer     string
	clients    *clientCache
	codes      Codes
	grants     Grants
	people     People
	browser    Browser
	begin      func(http.ResponseWriter, *http.Request, login.Demand, []byte) error
	admit      func(context.Context) (time.Duration, error)
	keys       *keys.Ring
	secrets    Secrets
	brand      templates.Brand
	now        func() time.Time
	discovery  []byte
	sameOrigin *http.CrossOriginProtection
}

// New returns a Provider. It fails on a Config that is not complete.
func New(c Config) (*Provider, error) {
	for name, missing := range map[string]bool{
		"Clients": c.Clients == nil, "Codes": c.Codes == nil, "Grants": c.Grants == nil, "People": c.People == nil,
		"Browser": c.Browser == nil, "Begin": c.Begin == nil, "Keys": c.Keys == nil, "Secrets": c.Secrets == nil,
		"SupportedACR": len(c.SupportedACR) == 0,
	} {
		if missing {
			return nil, errors.New("op: " + name + " is not set")
		}
	}
	if err := checkIssuer(c.Issuer); err != nil {
		return nil, err
	}
	discovery, err := json.Marshal(newDiscovery(c.Issuer, c.SupportedACR))
	if err != nil {
		return nil, fmt.Errorf("op: discovery: %w", err)
	}
	sameOrigin := http.NewCrossOriginProtection()
	if err := sameOrigin.AddTrustedOrigin(c.Issuer); err != nil {
		return nil, fmt.Errorf("op: issuer: %w", err)
	}
	p := &Provider{
		issuer: c.Issuer, codes: c.Codes, grants: c.Grants, people: c.People, browser: c.Browser, begin: c.Begin, admit: c.Admit,
		keys: c.Keys, secrets: c.Secrets, brand: c.Brand, now: c.Now, discovery: discovery, sameOrigin: sameOrigin,
	}
	if p.now == nil {
		p.now = time.Now
	}
	if c.ClientAge == 0 {
		c.ClientAge = DefaultClientAge
	}
	p.clients = newClientCache(c.Clients, c.ClientAge, p.now)
	return p, nil
}

// checkIssuer refuses an issuer that clients would compare, or browsers resolve, otherwise than we.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case err != nil || u.Host == "" || u.Scheme+"://"+u.Host != issuer || issuer != strings.ToLower(issuer):
		return fmt.Errorf("op: issuer %q has to be a scheme and a host in lower case, without a path", issuer)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && isLoopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("op: issuer %q has to be https", issuer)
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Mount adds the endpoints, each in the file of its name.
func (p *Provider) Mount(mux *http.ServeMux) {
	const get, post, options = http.MethodGet, http.MethodPost, http.MethodOptions
	pages := func(path string, m methods) { mux.Handle(path, m.with(p.wrongPageMethod)) }
	apis := func(path string, m methods) { mux.Handle(path, m.with(wrongMethod)) }

	pages(pathAuthorize, methods{get: p.page(query(p.authorize)), post: p.page(p.keepAuthorize)})
	pages(pathAuthorize+"/posted/{id}", methods{get: p.page(p.posted(p.authorize, p.authorizeGone))})

	apis(pathToken, methods{post: p.api(p.token), options: p.preflight("POST")})
	apis(pathUserinfo, methods{
		get: p.api(p.userinfo), post: p.api(p.userinfo), options: p.preflight("GET, POST"),
	})
	apis(pathRevoke, methods{post: p.api(p.revoke)})

	for _, path := range []string{pathLogout, pathLogoutV2} {
		pages(path, methods{get: p.page(query(p.logout)), post: p.page(p.keepLogout(path))})
		pages(path+"/posted/{id}", methods{get: p.page(p.posted(p.logout, p.logoutGone))})
	}
	pages(pathLogoutConfirm, methods{post: p.page(p.confirmLogout)})

	discovery := anyOrigin(p.api(document(discoveryAge, func() ([]byte, error) { return p.discovery, nil })))
	apis(pathDiscovery, methods{get: discovery})
	apis(pathMetadata, methods{get: discovery})
	apis(pathKeys, methods{get: anyOrigin(p.api(document(keys.CacheTime, p.keys.JWKS)))})
}

// client is a client that may be used. ErrNotFound: it is unknown or disabled.
func (p *Provider) client(ctx context.Context, id string) (Client, error) {
	c, err := p.clients.Client(ctx, id)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && !c.Disabled.IsZero():
		return Client{}, storage.ErrNotFound
	case err != nil:
		return Client{}, storeFailed("read client", err)
	}
	return c, nil
}
