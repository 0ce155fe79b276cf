package op

import "errors"

// ErrCodeUsed says that an authorization code was redeemed before.
var ErrCodeUsed = errors.New("authorization code used before")
