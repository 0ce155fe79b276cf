package request

import "net/url"

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
