package sqldb

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op/keys"
)

// What Prune leaves alone, and for how long. Events are kept for Config.KeepEvents.
const (
	keepSessions = 30 * 24 * time.Hour // since the end of a session
	// No policy lets a session live longer than 365 days: an older one is dead, though nothing
	// ended it.
	longestSession = 366 * 24 * time.Hour
	keepGrants     = 7 * 24 * time.Hour         // since a grant was revoked or came to its end
	keepMails      = 30 * 24 * time.Hour        // since a mail was written, unless it is still to be sent
	keepMailCodes  = 25 * time.Hour             // since one was made: they are counted for a day
	keepTickets    = 7 * 24 * time.Hour         // since the end of a ticket
	keepLinks      = 30 * 24 * time.Hour        // since the end of a link: its page still says that it is too late
	keepAttempts   = 90 * 24 * time.Hour        // since the last attempt: see Prune
	keepKeys       = keys.Retain + 24*time.Hour // since a successor began to sign
	pruneBatch     = 1000                       // rows a statement, so that none holds its locks for long
)

// Prune deletes what has served its time, and says how many rows that were. It may be stopped at any
// moment and run by several instances at once. A table that fails keeps no other from being pruned; the
// error tells of all that did.
//
// Counts of failures at a second factor stay, however old, until they are cleared or their person is
// deleted: whoever comes back when they are forgotten never runs out of guesses (NIST SP 800-63B-4,
// 3.2.2). Those at a password stay once they have closed it. Below that they may go, and those of people
// just as those of addresses that nobody has: what is kept longer for the one would tell who has an
// account. A password alone is not all there is to guess.
func (d *DB) Prune(ctx context.Context, now time.Time) (int64, error) {
	var total int64
	var failed []error
	for _, p := range []struct {
		table, key, condition string
		args                  []any
	}{
		{"grants", "id", "expires < $1 OR revoked < $1", []any{when(now.Add(-keepGrants))}},
		{"sessions", "id", "ended < $1 OR created < $2", []any{when(now.Add(-keepSessions)), when(now.Add(-longestSession))}},
		{"mails", "id", "created < $1 AND (sent IS NOT NULL OR given_up IS NOT NULL)", []any{when(now.Add(-keepMails))}},
		{"mail_codes", "id", "created < $1", []any{when(now.Add(-keepMailCodes))}},
		{"tickets", "user_id", "expires < $1", []any{when(now.Add(-keepTickets))}},
		{"links", "token", "expires < $1", []any{when(now.Add(-keepLinks))}},
		{
			"attempts", "key", "updated < $1 AND (failures = 0 OR (key LIKE $2 AND failures < $3))",
			[]any{when(now.Add(-keepAttempts)), login.AttemptKey(factors.Password, "%"), limit.PasswordLadder.Close},
		},
		{"signing_keys", "id", `EXISTS (SELECT 1 FROM signing_keys later WHERE later.algorithm = signing_keys.algorithm
			AND later.active_from > signing_keys.active_from AND later.active_from < $1)`, []any{when(now.Add(-keepKeys))}},
		{"events", "id", "at < $1", []any{when(now.Add(-d.keepEvents))}},
	} {
		for {
			var n int64
			err := d.retry(ctx, func() (err error) {
				n, err = exec(ctx, d.writer, `WITH old AS MATERIALIZED (
						SELECT `+p.key+` FROM `+p.table+` WHERE `+p.condition+` LIMIT `+strconv.Itoa(pruneBatch)+d.dialect.skip+`)
					DELETE FROM `+p.table+` WHERE `+p.key+` IN (SELECT `+p.key+` FROM old)`, p.args...)
				return err
			})
			total += n
			if err != nil {
				failed = append(failed, d.fail(err, "prune %s", p.table))
				if ctx.Err() != nil {
					return total, errors.Join(failed...)
				}
			}
			if err != nil || n < pruneBatch {
				break
			}
		}
	}
	return total, errors.Join(failed...)
}
