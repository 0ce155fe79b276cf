package op

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/op/request"
)

// Validate says, in a sentence for who registers the client, what is wrong with it. What it lets
// pass is what the endpoints rely on.
func (c Client) Validate() error {
	return errors.Join(
		c.validateIdentity(),
		c.validateGrants(),
		c.validateAddresses(),
		c.validateTokens(),
	)
}

func (c Client) validateIdentity() error {
	switch {
	case c.ID == "" || len(c.ID) > 255 || strings.ContainsFunc(c.ID, notVisible):
		return fmt.Errorf("client id %q has to be 1 to 255 visible ASCII characters", c.ID)
	case uuid.Validate(c.ID) == nil:
		// The id is the `sub` of the client's own tokens, and people's ids are UUIDs.
		return fmt.Errorf("client id %q is a UUID, as only ids of people may be", c.ID)
	case strings.TrimSpace(c.Name) == "" || len(c.Name) > 255:
		return errors.New("a client needs a name, of 255 bytes at most, that people know the app by")
	}
	switch c.AuthMethod {
	case AuthNone, AuthBasic, AuthPost:
	default:
		return fmt.Errorf("token_endpoint_auth_method %q has to be none, client_secret_basic or client_secret_post", c.AuthMethod)
	}
	switch {
	case c.AuthMethod == AuthNone && len(c.Secrets) > 0:
		return errors.New("a client that authenticates by none has no secret")
	case c.AuthMethod == AuthNone && c.PKCEOptional:
		return errors.New("a client without a secret has to use PKCE")
	case len(c.Secrets) > 2:
		return errors.New("a client has two secrets at most: expire one first")
	}
	return nil
}

func (c Client) validateGrants() error {
	if len(c.GrantTypes) == 0 {
		return errors.New("a client needs at least one grant type")
	}
	for _, g := range c.GrantTypes {
		switch g {
		case GrantCode, GrantRefresh, GrantClientCredentials:
		default:
			return fmt.Errorf("grant type %q has to be authorization_code, refresh_token or client_credentials", g)
		}
	}
	code := slices.Contains(c.GrantTypes, GrantCode)
	switch {
	case slices.Contains(c.GrantTypes, GrantRefresh) && !code:
		return errors.New("refresh_token is of no use without authorization_code")
	case slices.Contains(c.GrantTypes, GrantClientCredentials) && c.AuthMethod == AuthNone:
		return errors.New("client_credentials needs a client with a secret")
	case code && len(c.RedirectURIs) == 0:
		return errors.New("authorization_code needs at least one redirect URI")
	}
	return nil
}

func (c Client) validateAddresses() error {
	var errs []error
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		errs = append(errs, request.ValidRedirectURI(uri, c.Native))
	}
	for _, origin := range c.Origins {
		errs = append(errs, request.ValidOrigin(origin))
	}
	if c.InitiateLoginURI != "" {
		u, err := url.Parse(c.InitiateLoginURI)
		if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())) {
			errs = append(errs, fmt.Errorf("initiate_login_uri %q has to be https", c.InitiateLoginURI))
		}
	}
	return errors.Join(errs...)
}

func (c Client) validateTokens() error {
	for _, s := range c.Scopes {
		if s == "" || strings.ContainsFunc(s, notVisible) || strings.ContainsAny(s, `"\`) {
			return fmt.Errorf("scope %q has to be visible ASCII without quotes and backslashes", s)
		}
	}
	for _, acr := range c.DefaultACR {
		if !login.KnownACR(acr) {
			return fmt.Errorf("default_acr_values names %q, which is not known", acr)
		}
	}
	switch c.IDTokenAlg {
	case "", keys.RS256, keys.ES256:
	default:
		return fmt.Errorf("id_token_signed_response_alg %q has to be RS256 or ES256", c.IDTokenAlg)
	}
	switch idle, overall := orDefault(c.RefreshIdle, DefaultRefreshIdle), orDefault(c.RefreshOverall, DefaultRefreshOverall); {
	case idle < TokenLifetime || overall < TokenLifetime:
		return fmt.Errorf("refresh lifetimes have to be %s at least", TokenLifetime)
	case idle > overall:
		return fmt.Errorf("the refresh lifetime when idle (%s) is longer than overall (%s)", idle, overall)
	case c.DefaultMaxAge != nil && *c.DefaultMaxAge < 0:
		return errors.New("default_max_age is negative")
	}
	return nil
}

func notVisible(r rune) bool { return r <= ' ' || r >= 0x7f }
