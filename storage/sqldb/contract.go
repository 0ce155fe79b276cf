package sqldb

import (
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
)

// What the store is for.
var (
	_ login.People      = (*DB)(nil)
	_ login.Enrollments = (*DB)(nil)
	_ login.Sessions    = (*DB)(nil)
	_ login.Attempts    = (*DB)(nil)
	_ op.Clients        = (*DB)(nil)
	_ op.Grants         = (*DB)(nil)
	_ keys.Store        = (*DB)(nil)
)
