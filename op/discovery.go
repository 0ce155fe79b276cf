package op

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
)

// Where things are. The paths are those that apps which now use Auth0 know.
const (
	pathAuthorize     = "/authorize"
	pathToken         = "/oauth/token"
	pathUserinfo      = "/userinfo"
	pathRevoke        = "/oauth/revoke"
	pathLogout        = "/oidc/logout"
	pathLogoutConfirm = "/oidc/logout/confirm"
	pathLogoutV2      = "/v2/logout"
	pathKeys          = "/.well-known/jwks.json"
	pathDiscovery     = oidc.DiscoveryEndpoint
	pathMetadata      = "/.well-known/oauth-authorization-server"
)

// discoveryDocument is what clients are told of the provider: OpenID Connect Discovery 1.0 and
// RFC 8414, and the members that the library's type does not have.
type discoveryDocument struct {
	oidc.DiscoveryConfiguration
	PromptValuesSupported  []string `json:"prompt_values_supported"`                        // Initiating User Registration 1.0
	IssParameterSupported  bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	RequestObjectSupported bool     `json:"request_parameter_supported"`                    // the library leaves out a false
}

// newDiscovery says what the provider does, and nothing that it does not do.
func newDiscovery(issuer string, acr []string) discoveryDocument {
	methods := []oidc.AuthMethod{oidc.AuthMethodNone, oidc.AuthMethodBasic, oidc.AuthMethodPost}
	return discoveryDocument{
		DiscoveryConfiguration: oidc.DiscoveryConfiguration{
			Issuer:                                 issuer,
			AuthorizationEndpoint:                  issuer + pathAuthorize,
			TokenEndpoint:                          issuer + pathToken,
			UserinfoEndpoint:                       issuer + pathUserinfo,
			RevocationEndpoint:                     issuer + pathRevoke,
			EndSessionEndpoint:                     issuer + pathLogout,
			JwksURI:                                issuer + pathKeys,
			ScopesSupported:                        []string{oidc.ScopeOpenID, oidc.ScopeProfile, oidc.ScopeEmail, oidc.ScopeOfflineAccess},
			ResponseTypesSupported:                 []string{string(oidc.ResponseTypeCode)},
			ResponseModesSupported:                 []string{string(oidc.ResponseModeQuery), string(oidc.ResponseModeFormPost)},
			GrantTypesSupported:                    []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeRefreshToken, oidc.GrantTypeClientCredentials},
			ACRValuesSupported:                     acr,
			SubjectTypesSupported:                  []string{"public"},
			IDTokenSigningAlgValuesSupported:       []string{"RS256", "ES256"},
			TokenEndpointAuthMethodsSupported:      methods,
			RevocationEndpointAuthMethodsSupported: methods,
			ClaimTypesSupported:                    []string{"normal"},
			ClaimsSupported: []string{
				"iss", "sub", "aud", "exp", "iat", "nonce", "auth_time", "acr", "amr", "at_hash", "sid", "org_id", "recovery",
				"name", "locale", "updated_at", "email", "email_verified",
			},
			ClaimsParameterSupported:      true, // id_token: acr and sub are enforced
			CodeChallengeMethodsSupported: []oidc.CodeChallengeMethod{oidc.CodeChallengeMethodS256},
		},
		PromptValuesSupported: []string{"none", "login", "select_account"},
		IssParameterSupported: true,
	}
}

// discoveryAge is how long clients may hold the discovery document.
const discoveryAge = time.Minute

// document serves JSON that changes rarely: cacheable, and cheap to ask for again.
func document(age time.Duration, body func() ([]byte, error)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		b, err := body()
		if err != nil {
			return err
		}
		sum := sha256.Sum256(b)
		tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Cache-Control", "public, max-age="+strconv.Itoa(int(age.Seconds())))
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
		write(w, b)
		return nil
	}
}

// matches reports whether an If-None-Match header names the tag.
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
		if candidate == tag || candidate == "*" {
			return true
		}
	}
	return false
}
