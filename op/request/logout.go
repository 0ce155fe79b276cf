package request

import (
	"net/url"
	"strings"
)

// Logout is a request to sign out (OpenID Connect RP-Initiated Logout 1.0). Everything in it is
// optional, and nothing in it is proved.
type Logout struct {
	IDTokenHint string
	ClientID    string
	RedirectURI string // post_logout_redirect_uri, or else returnTo, which Auth0 calls it
	State       string
	UILocales   []string
}

// ParseLogout reads a logout request. An error goes to a page.
func ParseLogout(values url.Values) (Logout, *Error) {
	p, err := read(values, logoutRules)
	if err != nil {
		err.Page = true
		return Logout{}, err
	}
	l := Logout{
		IDTokenHint: p["id_token_hint"],
		ClientID:    p["client_id"],
		RedirectURI: p["post_logout_redirect_uri"],
		State:       p["state"],
		UILocales:   usable(words(p["ui_locales"]), locale, maxLocales),
	}
	if l.RedirectURI == "" {
		l.RedirectURI = p["returnTo"]
	}
	return l, nil
}

// Values is the request in its canonical form: ParseLogout reads the same request from it.
func (l Logout) Values() url.Values {
	v := url.Values{}
	for name, value := range map[string]string{
		"id_token_hint": l.IDTokenHint, "client_id": l.ClientID, "post_logout_redirect_uri": l.RedirectURI,
		"state": l.State, "ui_locales": strings.Join(l.UILocales, " "),
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}
