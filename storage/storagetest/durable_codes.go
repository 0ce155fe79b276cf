package storagetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

const (
	codeLifetime = 10 * time.Minute
	codeTries    = 5
)

func admitAll([]time.Time) error { return nil }

// mailCode keeps a code whose id is "id of " and the code, at w.now.
func (w *world) mailCode(t *testing.T, userID, code string) {
	t.Helper()
	ok(t, w.KeepMailCode(w.ctx, userID, "id of "+code, code, w.now, w.now.Add(codeLifetime), admitAll))
}

func (w *world) burnMailCode(ctx context.Context, userID, id, code string) error {
	return w.BurnMailCode(ctx, userID, "id of "+id, code, codeTries, w.now)
}

var codeTests = map[string]func(*testing.T, *world){
	"TestN07_MailCodeIsBurnedOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		ctx := storage.WithTrail(w.ctx, trail(storage.SignedIn, "u1"))
		wantOneWinner(t, race(contenders, func(int) error {
			return w.BurnMailCode(ctx, "u1", "id of 111111", "111111", contenders, w.now)
		}), storage.ErrNotFound)
		w.wantEvents(t, storage.SignedIn, 1)
	},
	"TestN07_MailCodeTakesSoManyTries": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		refused := 0
		for _, err := range race(contenders, func(int) error { return w.burnMailCode(w.ctx, "u1", "111111", "222222") }) {
			switch {
			case errors.Is(err, storage.ErrConflict):
				refused++
			case !errors.Is(err, storage.ErrNotFound):
				t.Errorf("a wrong code: %v", err)
			}
		}
		same(t, "wrong codes that were looked at", refused, codeTries)
		wantErr(t, "the right one after that", w.burnMailCode(w.ctx, "u1", "111111", "111111"), storage.ErrNotFound)
	},
	"TestN07_MailCodeIsGoodOnTheLastTry": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		for range codeTries - 1 {
			wantErr(t, "a wrong one", w.burnMailCode(w.ctx, "u1", "111111", "222222"), storage.ErrConflict)
		}
		ok(t, w.burnMailCode(w.ctx, "u1", "111111", "111111"))
	},
	"TestT11_MailOfAReplacedCodeIsNotSent": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		send := func(userID, id string) {
			t.Helper()
			m := storage.Mail{ID: "mail of " + id, To: "a@example.com", Subject: id, At: w.now, Expires: w.now.Add(codeLifetime)}
			ok(t, w.KeepMailCode(storage.WithTrail(w.ctx, storage.Trail{Mails: []storage.Mail{m}}), userID, id, "1", w.now, m.Expires, admitAll))
		}
		send("u1", "old")
		send("u2", "another person's")
		send("u1", "new")
		got, err := w.ClaimMails(w.ctx, 10, w.now, time.Minute)
		ok(t, err)
		var sent []string
		for _, m := range got {
			sent = append(sent, m.ID)
		}
		same(t, "mails to be sent", sent, []string{"mail of another person's", "mail of new"})
		w.wantMail(t, "mail of old", storage.MailRefused)
		send("u1", "newest") // while that of the code before is on the wire
		wantErr(t, "a failure of what was replaced", w.MailFailed(w.ctx, "mail of new", w.now.Add(time.Second), "421"), storage.ErrNotFound)
		ok(t, w.MailSent(w.ctx, "mail of new", w.now))
		w.wantMail(t, "mail of new", storage.MailSent)
	},
	"TestN07_OnlyTheNewestMailCodeIsGood": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.mailCode(t, "u1", "111111")
		w.mailCode(t, "u2", "333333")
		w.mailCode(t, "u1", "222222")
		wantErr(t, "the one before", w.burnMailCode(w.ctx, "u1", "111111", "111111"), storage.ErrNotFound)
		wantErr(t, "the newest in the place of the one before", w.burnMailCode(w.ctx, "u1", "111111", "222222"), storage.ErrNotFound)
		wantErr(t, "another person's", w.burnMailCode(w.ctx, "u1", "333333", "333333"), storage.ErrNotFound)
		wantErr(t, "unknown", w.burnMailCode(w.ctx, "u1", "444444", "444444"), storage.ErrNotFound)
		ok(t, w.burnMailCode(w.ctx, "u1", "222222", "222222"))
		ok(t, w.burnMailCode(w.ctx, "u2", "333333", "333333"))
		wantErr(t, "an id twice", w.KeepMailCode(w.ctx, "u1", "id of 222222", "5", w.now, w.now, admitAll), storage.ErrConflict)
		wantErr(t, "of nobody", w.KeepMailCode(w.ctx, "nobody", "x", "5", w.now, w.now, admitAll), storage.ErrNotFound)
	},
	"TestN07_MailCodeExpires": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		end := w.now.Add(codeLifetime)
		wantErr(t, "at its end", w.BurnMailCode(w.ctx, "u1", "id of 111111", "111111", codeTries, end), storage.ErrNotFound)
		ok(t, w.BurnMailCode(w.ctx, "u1", "id of 111111", "111111", codeTries, end.Add(-time.Microsecond)))
	},
	"TestN07_ANewMailCodeDoesNotForgetFailures": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.closed(t, "u1")
		w.mailCode(t, "u1", "111111")
		ok(t, w.burnMailCode(w.ctx, "u1", "111111", "111111"))
		w.wantClosed(t, "a code", "u1", login.AttemptKinds()...)
	},
	"TestN07_MailCodesOfADayAreToldToWhoAdmits": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		w.mailCode(t, "u2", "999999")
		keep := func(code string, at time.Time, want ...time.Time) {
			t.Helper()
			ok(t, w.KeepMailCode(w.ctx, "u1", "id of "+code, code, at, at.Add(codeLifetime), func(sent []time.Time) error {
				same(t, "codes before "+code, sent, want)
				return nil
			}))
		}
		second, third := w.now.Add(time.Minute), w.now.Add(23*time.Hour)
		keep("1", w.now)
		keep("2", second, w.now)
		ok(t, w.burnMailCode(w.ctx, "u1", "2", "2")) // a used one counts as any
		keep("3", third, w.now, second)
		keep("4", w.now.Add(day), second, third)
	},
	"TestN07_MailCodeThatIsNotAdmittedChangesNothing": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		code := trail(storage.CodeSent, "u1")
		code.Mails = []storage.Mail{{To: "u1@example.com", Subject: "222222"}}
		ctx, later := storage.WithTrail(w.ctx, code), factors.Later{At: w.now.Add(time.Hour)}
		err := w.KeepMailCode(ctx, "u1", "id of 222222", "222222", w.now, w.now.Add(codeLifetime), func([]time.Time) error { return later })
		if err != error(later) {
			t.Errorf("got error %v, want the one of who admits", err)
		}
		w.wantEvents(t, storage.CodeSent, 0)
		mails, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "mails", mails, []storage.Mail(nil))
		ok(t, w.burnMailCode(w.ctx, "u1", "111111", "111111"))

		ok(t, w.KeepMailCode(ctx, "u1", "id of 333333", "333333", w.now, w.now.Add(codeLifetime), admitAll))
		w.wantEvents(t, storage.CodeSent, 1)
		mails, err = w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "mails with a code", len(mails), 1)
	},
	"TestN07_MailCodesAtOnceAreCountedOneAfterTheOther": func(t *testing.T, w *world) {
		w.user(t, "u1")
		const most = 5
		full := errors.New("full")
		wins := 0
		for _, err := range race(contenders, func(i int) error {
			return w.KeepMailCode(w.ctx, "u1", name("c%d", i), "1", w.now, w.now.Add(codeLifetime), func(sent []time.Time) error {
				if len(sent) >= most {
					return full
				}
				return nil
			})
		}) {
			switch {
			case err == nil:
				wins++
			case !errors.Is(err, full):
				t.Errorf("a code that came too late: %v", err)
			}
		}
		same(t, "codes", wins, most)
		good := 0
		for i := range contenders {
			if w.BurnMailCode(w.ctx, "u1", name("c%d", i), "1", codeTries, w.now) == nil {
				good++
			}
		}
		same(t, "codes that are good", good, 1)
	},
	"TestT12_TicketIsBurnedOnce": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.user(t, "u2")
		end := w.now.Add(time.Hour)
		create := func(userID, code string) {
			t.Helper()
			ok(t, w.CreateTicket(w.ctx, userID, code, w.now, end, trail(storage.TicketCreated, userID)))
		}
		burn := func(userID, code string, at time.Time) error {
			return w.BurnTicket(w.ctx, userID, code, at, trail(storage.TicketUsed, userID))
		}
		wantErr(t, "none", burn("u1", "ONE", w.now), storage.ErrNotFound)
		create("u1", "ONE")
		create("u2", "OTHER")
		wantErr(t, "a wrong one", burn("u1", "TWO", w.now), storage.ErrNotFound)
		wantErr(t, "another person's", burn("u1", "OTHER", w.now), storage.ErrNotFound)
		wantErr(t, "at its end", burn("u1", "ONE", end), storage.ErrNotFound)
		w.wantEvents(t, storage.TicketUsed, 0)
		wantOneWinner(t, race(contenders, func(int) error { return burn("u1", "ONE", w.now) }), storage.ErrNotFound)
		w.wantEvents(t, storage.TicketUsed, 1)

		create("u1", "TWO")
		create("u1", "THREE")
		wantErr(t, "the replaced one", burn("u1", "TWO", w.now), storage.ErrNotFound)
		wantErr(t, "the used one", burn("u1", "ONE", w.now), storage.ErrNotFound)
		ok(t, burn("u1", "THREE", w.now))
		w.wantEvents(t, storage.TicketCreated, 4)
		wantErr(t, "for nobody", w.CreateTicket(w.ctx, "nobody", "X", w.now, end, storage.Trail{}), storage.ErrNotFound)
	},
	"TestT12_ANewTicketCanBeTried": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.closed(t, "u1")
		ok(t, w.CreateTicket(w.ctx, "u1", "ONE", w.now, w.now.Add(time.Hour), storage.Trail{}))
		w.wantClosed(t, "a ticket", "u1", kindsBut(factors.Ticket)...)
	},
}
