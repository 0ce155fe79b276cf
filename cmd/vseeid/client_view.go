package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
)

// clientView is a client in documents, in the words of dynamic registration where it has them. It
// never has a hash.
type clientView struct {
	ID                     string       `json:"client_id"`
	Name                   string       `json:"client_name"`
	Secret                 string       `json:"client_secret,omitempty"` // only when it was just made
	AuthMethod             string       `json:"token_endpoint_auth_method"`
	ApplicationType        string       `json:"application_type"`
	RedirectURIs           []string     `json:"redirect_uris"`
	PostLogoutRedirectURIs []string     `json:"post_logout_redirect_uris"`
	Origins                []string     `json:"origins"`
	GrantTypes             []string     `json:"grant_types"`
	Scopes                 []string     `json:"scopes"`
	Audiences              []string     `json:"audiences"`
	DefaultACR             []string     `json:"default_acr_values"`
	DefaultMaxAge          *int64       `json:"default_max_age"` // seconds
	ACRVoluntary           bool         `json:"acr_voluntary"`
	PKCEOptional           bool         `json:"pkce_optional"`
	IDTokenAlg             string       `json:"id_token_signed_response_alg"`
	RefreshIdle            string       `json:"refresh_idle"`
	RefreshOverall         string       `json:"refresh_overall"`
	InitiateLoginURI       string       `json:"initiate_login_uri"`
	Secrets                []secretView `json:"secrets"`
	Disabled               *time.Time   `json:"disabled"`
	Created                *time.Time   `json:"created"`
	Updated                *time.Time   `json:"updated"`
}

type secretView struct {
	Created *time.Time `json:"created"`
	Expires *time.Time `json:"expires"`
}

func viewClient(c op.Client) clientView {
	v := clientView{
		ID: c.ID, Name: c.Name, AuthMethod: string(c.AuthMethod), ApplicationType: "web",
		RedirectURIs: listed(c.RedirectURIs), PostLogoutRedirectURIs: listed(c.PostLogoutRedirectURIs),
		Origins: listed(c.Origins), GrantTypes: listed(c.GrantTypes), Scopes: listed(c.Scopes),
		Audiences: listed(c.Audiences), DefaultACR: listed(c.DefaultACR),
		ACRVoluntary: c.ACRVoluntary, PKCEOptional: c.PKCEOptional, IDTokenAlg: cmp.Or(c.IDTokenAlg, "RS256"),
		RefreshIdle:      login.Duration(cmp.Or(c.RefreshIdle, op.DefaultRefreshIdle)).String(),
		RefreshOverall:   login.Duration(cmp.Or(c.RefreshOverall, op.DefaultRefreshOverall)).String(),
		InitiateLoginURI: c.InitiateLoginURI, Secrets: []secretView{},
		Disabled: moment(c.Disabled), Created: moment(c.Created), Updated: moment(c.Updated),
	}
	if c.Native {
		v.ApplicationType = "native"
	}
	if c.DefaultMaxAge != nil {
		seconds := int64(*c.DefaultMaxAge / time.Second)
		v.DefaultMaxAge = &seconds
	}
	for _, s := range c.Secrets {
		v.Secrets = append(v.Secrets, secretView{moment(s.Created), moment(s.Expires)})
	}
	return v
}

// client answers with a client, and with its secret if that was just made.
func (o output) client(p *process, c op.Client, fresh string) error {
	v := viewClient(c)
	v.Secret = fresh
	return o.print(p, v, func(w io.Writer) {
		maxAge := ""
		if c.DefaultMaxAge != nil {
			maxAge = login.Duration(*c.DefaultMaxAge).String()
		}
		record(w,
			"Client", v.ID, "Name", v.Name, "Type", v.ApplicationType, "Disabled", v.Disabled,
			"Authenticates by", v.AuthMethod, "Secrets", strings.Join(secretTexts(v.Secrets), ", "),
			"Redirect URIs", v.RedirectURIs, "After sign-out", v.PostLogoutRedirectURIs, "Origins", v.Origins,
			"Grant types", v.GrantTypes, "Scopes", v.Scopes, "Audiences", v.Audiences,
			"Demands", v.DefaultACR, "Takes less", v.ACRVoluntary, "Sign-in at most", maxAge,
			"PKCE optional", v.PKCEOptional, "ID tokens", v.IDTokenAlg,
			"Refresh idle", v.RefreshIdle, "Refresh overall", v.RefreshOverall,
			"Start again at", v.InitiateLoginURI, "Created", v.Created, "Updated", v.Updated)
		if fresh != "" {
			record(w, "Secret", fresh)
			fmt.Fprintln(w, "Keep the secret now: it is not shown again.")
		}
	})
}

func secretTexts(secrets []secretView) []string {
	var out []string
	for _, s := range secrets {
		text := "of " + cell(s.Created)
		if s.Expires != nil {
			text += " until " + cell(s.Expires)
		}
		out = append(out, text)
	}
	return out
}
