package op_test

import (
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/op"
)

func TestP06_Registration(t *testing.T) {
	good := op.Client{
		ID: "app", Name: "App", AuthMethod: op.AuthBasic, RedirectURIs: []string{"https://app.example/cb"},
		GrantTypes: []string{op.GrantCode, op.GrantRefresh}, Scopes: []string{"openid"},
	}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	negative := -time.Second
	for want, edit := range map[string]func(*op.Client){
		"client id":                   func(c *op.Client) { c.ID = "a b" },
		"is a UUID":                   func(c *op.Client) { c.ID = newID() },
		"needs a name":                func(c *op.Client) { c.Name = " " },
		"token_endpoint_auth_method":  func(c *op.Client) { c.AuthMethod = "client_secret_jwt" },
		"has no secret":               func(c *op.Client) { c.AuthMethod, c.Secrets = op.AuthNone, make([]op.Secret, 1) },
		"has to use PKCE":             func(c *op.Client) { c.AuthMethod, c.PKCEOptional = op.AuthNone, true },
		"two secrets at most":         func(c *op.Client) { c.Secrets = make([]op.Secret, 3) },
		"at least one grant type":     func(c *op.Client) { c.GrantTypes = nil },
		"grant type \"password\"":     func(c *op.Client) { c.GrantTypes = []string{"password"} },
		"without authorization_code":  func(c *op.Client) { c.GrantTypes = []string{op.GrantRefresh} },
		"client with a secret":        func(c *op.Client) { c.AuthMethod, c.GrantTypes = op.AuthNone, []string{op.GrantClientCredentials} },
		"at least one redirect URI":   func(c *op.Client) { c.RedirectURIs = nil },
		"has a fragment":              func(c *op.Client) { c.RedirectURIs = []string{"https://app.example/cb#x"} },
		"only https is safe":          func(c *op.Client) { c.RedirectURIs = []string{"http://app.example/cb"} },
		"only a native app may have":  func(c *op.Client) { c.RedirectURIs = []string{"com.example.app:/cb"} },
		"domain name in reverse":      func(c *op.Client) { c.Native, c.RedirectURIs = true, []string{"app:/cb"} },
		"has a fragment, which":       func(c *op.Client) { c.PostLogoutRedirectURIs = []string{"https://app.example/#x"} },
		"is not scheme://host":        func(c *op.Client) { c.Origins = []string{"https://app.example/"} },
		"initiate_login_uri":          func(c *op.Client) { c.InitiateLoginURI = "http://app.example/start" },
		"scope":                       func(c *op.Client) { c.Scopes = []string{"a b"} },
		"default_acr_values":          func(c *op.Client) { c.DefaultACR = []string{"loa9"} },
		"id_token_signed_response":    func(c *op.Client) { c.IDTokenAlg = "none" },
		"longer than overall":         func(c *op.Client) { c.RefreshIdle = 100 * 24 * time.Hour },
		"refresh lifetimes":           func(c *op.Client) { c.RefreshIdle = time.Second },
		"default_max_age is negative": func(c *op.Client) { c.DefaultMaxAge = &negative },
	} {
		c := good
		edit(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error that says %q, got %v", want, err)
		}
	}
}
