package sqldb_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// A mail that does not open keeps none of the others back, and is given up in the end.
func TestUnreadableMail(t *testing.T) {
	onEach(t, func(t *testing.T, fresh func(testing.TB) string) {
		ctx, now := t.Context(), time.Now().Truncate(time.Second)
		db := migrated(t, sqldb.Config{DSN: fresh(t), Now: func() time.Time { return now }})
		var trail storage.Trail
		for i := range 4 {
			trail.Mails = append(trail.Mails, storage.Mail{
				ID: fmt.Sprint("m", i), To: "ann@example.com", Subject: "s", Text: "t", At: now.Add(time.Duration(i) * time.Second),
			})
		}
		if err := db.Record(ctx, trail); err != nil {
			t.Fatal(err)
		}
		if _, err := db.SQL().ExecContext(ctx, `UPDATE mails SET body = sealed_subject WHERE id = 'm0'`); err != nil {
			t.Fatal(err)
		}
		now = now.Add(time.Minute)
		got, err := db.ClaimMails(ctx, 8, now, 90*time.Second)
		if err == nil || !strings.Contains(err.Error(), "m0") {
			t.Errorf("the error does not tell of it: %v", err)
		}
		if len(got) != 3 {
			t.Errorf("of three good mails beside it %d are to be sent", len(got))
		}
		for _, m := range got {
			if err := db.MailSent(ctx, m.ID, now); err != nil {
				t.Error(err)
			}
		}
		if got, err := db.ClaimMails(ctx, 8, now.Add(2*time.Minute), 90*time.Second); err != nil || len(got) > 0 {
			t.Errorf("before its rest is over: %v, %v", got, err)
		}
		looks := 1
		for ; looks < 1000; looks++ {
			now = now.Add(11 * time.Minute)
			if _, err := db.ClaimMails(ctx, 8, now, 90*time.Second); err == nil {
				break
			}
		}
		state, err := db.MailState(ctx, "m0")
		if err != nil || state != storage.MailRefused || looks != 150 {
			t.Errorf("after %d looks it is %s, %v", looks, state, err)
		}
	})
}
