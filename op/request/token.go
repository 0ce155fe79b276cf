package request

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Client is who a request says it is from, and how it would prove it. Nothing is proved yet.
type Client struct {
	ID     string
	Secret string          // empty for none
	Method oidc.AuthMethod // none, client_secret_basic or client_secret_post
}

// Token is a token request. Only the fields of its grant type are set.
type Token struct {
	Client       Client
	GrantType    oidc.GrantType
	Code         string   // authorization_code, as are the next two
	RedirectURI  string   //
	Verifier     string   // code_verifier; empty when none was sent
	RefreshToken string   // refresh_token
	Scopes       []string // refresh_token, client_credentials; empty when none was sent
}

// ParseToken reads a token request from its headers and its form body. The query is no part of
// it: what is secret does not belong into an address, which ends up in logs.
func ParseToken(header http.Header, form url.Values) (Token, *Error) {
	p, err := read(form, tokenRules)
	if err != nil {
		return Token{}, err
	}
	t := Token{GrantType: oidc.GrantType(p["grant_type"])}
	if t.Client, err = parseClient(header, p); err != nil {
		return Token{}, err
	}
	switch t.GrantType {
	case oidc.GrantTypeCode:
		t.Code, t.RedirectURI, t.Verifier = p["code"], p["redirect_uri"], p["code_verifier"]
		err = required(p, "code", "redirect_uri")
	case oidc.GrantTypeRefreshToken:
		t.RefreshToken, t.Scopes = p["refresh_token"], words(p["scope"])
		err = required(p, "refresh_token")
	case oidc.GrantTypeClientCredentials:
		t.Scopes = words(p["scope"])
	case "":
		err = required(p, "grant_type")
	default:
		err = refuse(UnsupportedGrantType, "grant_type is not supported.")
	}
	if err != nil {
		return Token{}, err
	}
	return t, nil
}

// Revoke is a revocation request (RFC 7009).
type Revoke struct {
	Client Client
	Token  string
	Hint   string // token_type_hint; it may be wrong
}

// ParseRevoke reads a revocation request from its headers and its form body.
func ParseRevoke(header http.Header, form url.Values) (Revoke, *Error) {
	p, err := read(form, revokeRules)
	if err != nil {
		return Revoke{}, err
	}
	v := Revoke{Token: p["token"], Hint: p["token_type_hint"]}
	if v.Client, err = parseClient(header, p); err != nil {
		return Revoke{}, err
	}
	if err = required(p, "token"); err != nil {
		return Revoke{}, err
	}
	return v, nil
}

// parseClient finds out how the client wants to authenticate. Two ways in one request are refused;
// client_id beside an Authorization header is not a second way as long as it says the same.
func parseClient(header http.Header, p map[string]string) (Client, *Error) {
	posted := Client{ID: p["client_id"], Secret: p["client_secret"], Method: oidc.AuthMethodNone}
	if posted.Secret != "" {
		posted.Method = oidc.AuthMethodPost
	}
	asserted := p["client_assertion"] != "" || p["client_assertion_type"] != ""
	sent := header.Values("Authorization")
	switch {
	case len(sent) > 1,
		len(sent) == 1 && (posted.Secret != "" || asserted),
		posted.Secret != "" && asserted:
		return Client{}, refuse(InvalidRequest, "The client authenticates in more than one way.")
	case asserted:
		return Client{}, refuse(InvalidClient, "Client assertions are not supported.")
	case len(sent) == 1:
		basic, ok := parseBasic(sent[0])
		if !ok {
			return Client{}, refuse(InvalidClient, "The Authorization header is not that of a client.")
		}
		if posted.ID != "" && posted.ID != basic.ID {
			return Client{}, refuse(InvalidRequest, "client_id is not that of the Authorization header.")
		}
		return basic, nil
	case posted.ID == "":
		return Client{}, refuse(InvalidClient, "The client does not say who it is.")
	}
	return posted, nil
}

// parseBasic reads client_secret_basic: id and secret are form-urlencoded before they are joined
// (RFC 6749, 2.3.1), so that both may hold any character.
func parseBasic(authorization string) (Client, bool) {
	scheme, encoded, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Basic") {
		return Client{}, false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimSpace(encoded))
	if err != nil {
		return Client{}, false
	}
	rawID, rawSecret, ok := strings.Cut(string(raw), ":")
	id, errID := url.QueryUnescape(rawID)
	secret, errSecret := url.QueryUnescape(rawSecret)
	c := Client{ID: id, Secret: secret, Method: oidc.AuthMethodBasic}
	for _, r := range clientRules {
		switch r.name {
		case "client_id":
			ok = ok && id != "" && r.keeps(id)
		case "client_secret":
			ok = ok && r.keeps(secret)
		}
	}
	return c, ok && errID == nil && errSecret == nil
}

func required(p map[string]string, names ...string) *Error {
	for _, name := range names {
		if p[name] == "" {
			return refuse(InvalidRequest, name+" is missing.")
		}
	}
	return nil
}
