// Package request reads what apps send to the provider and says what is wrong with it.
//
// It is pure: parameters in, a request or an error out. It knows no client and no store; what
// depends on a registration is checked by the caller, with the functions here that take the
// registered values. One table for each endpoint (table.go) says which parameters there are, what
// each may look like, and what becomes of a request that breaks it.
package request

import "github.com/zitadel/oidc/v3/pkg/oidc"

// Error is an error response of OAuth 2.0. Description is printable ASCII without quotes and
// backslashes, says nothing that the request did not, and quotes nothing of it.
type Error struct {
	Code        string
	Description string
	// Page says that the error must not be sent to the redirect URI, because it is not known
	// to be the client's: it is shown on a page of our own.
	Page bool
}

// Error implements error.
func (e *Error) Error() string { return e.Code + ": " + e.Description }

// Error codes. The library has names for most.
const (
	InvalidRequest           = string(oidc.InvalidRequest)
	InvalidClient            = string(oidc.InvalidClient)
	InvalidGrant             = string(oidc.InvalidGrant)
	InvalidScope             = string(oidc.InvalidScope)
	UnauthorizedClient       = string(oidc.UnauthorizedClient)
	UnsupportedGrantType     = string(oidc.UnsupportedGrantType)
	UnsupportedResponseType  = "unsupported_response_type"
	RequestNotSupported      = string(oidc.RequestNotSupported)
	RequestURINotSupported   = "request_uri_not_supported"
	RegistrationNotSupported = "registration_not_supported"
)

func refuse(code, description string) *Error {
	return &Error{Code: code, Description: description}
}
