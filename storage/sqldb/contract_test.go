package sqldb_test

import (
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/recovery"
	"github.com/vsee/vseeid/factors/totp"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage/sqldb"
)

// Whose interfaces the store keeps.
var (
	_ login.People       = (*sqldb.DB)(nil)
	_ login.Enrollments  = (*sqldb.DB)(nil)
	_ login.Additions    = (*sqldb.DB)(nil)
	_ login.Removals     = (*sqldb.DB)(nil)
	_ login.History      = (*sqldb.DB)(nil)
	_ login.Tickets      = (*sqldb.DB)(nil)
	_ login.Leaves       = (*sqldb.DB)(nil)
	_ login.Outbox       = (*sqldb.DB)(nil)
	_ login.Links        = (*sqldb.DB)(nil)
	_ login.SupportStore = (*sqldb.DB)(nil)
	_ login.Sessions     = (*sqldb.DB)(nil)
	_ login.Attempts     = (*sqldb.DB)(nil)
	_ notice.Outbox      = (*sqldb.DB)(nil)
	_ op.Clients         = (*sqldb.DB)(nil)
	_ op.Grants          = (*sqldb.DB)(nil)
	_ keys.Store         = (*sqldb.DB)(nil)
	_ totp.Store         = (*sqldb.DB)(nil)
	_ recovery.Store     = (*sqldb.DB)(nil)
	_ passkey.Store      = (*sqldb.DB)(nil)
	_ emailcode.Store    = (*sqldb.DB)(nil)
)
