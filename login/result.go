package login

import (
	"errors"
	"time"
)

// ErrDenied says that a grant may not be used any more: the person, the membership or the session
// is gone, or what was proved no longer meets the policy. What wraps it says which, for the log.
var ErrDenied = errors.New("denied")

// Claims are the standard claims that the provider has of a person (OpenID Connect Core 5.1).
type Claims struct {
	Name          string
	Email         string
	EmailVerified bool
	Locale        string
	Updated       time.Time
}
