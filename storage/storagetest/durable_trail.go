package storagetest

import (
	"context"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

var trailTests = map[string]func(*testing.T, *world){
	"EventsAreRead": func(t *testing.T, w *world) {
		full := storage.Event{
			ID: "e1", At: w.now, Type: storage.SignedIn, UserID: "u1", OrgID: "o1", ClientID: "c1", SessionID: "s1",
			Detail: map[string]string{"a": "b", "c": "\"<&>\n"},
			Origin: storage.Origin{RequestID: "r", IP: "192.0.2.9", UserAgent: "other"},
		}
		bare := storage.Event{ID: "e2", At: w.now, Type: storage.SequenceFailed}
		ok(t, w.Record(w.ctx, storage.Trail{Events: []storage.Event{full, bare}}))
		bare.Origin = origin // of the context
		got, err := w.Events(w.ctx, sqldb.EventFilter{}, storage.Page{})
		ok(t, err)
		same(t, "the newest first", got, []storage.Event{bare, full})

		ok(t, w.Record(w.ctx, storage.With(storage.Event{Type: storage.Locked})))
		got, err = w.Events(w.ctx, sqldb.EventFilter{Type: storage.Locked}, storage.Page{})
		ok(t, err)
		if len(got) != 1 || got[0].ID == "" || got[0].At.IsZero() {
			t.Errorf("an event without id and time became %+v", got)
		}
		wantErr(t, "an id twice", w.Record(w.ctx, storage.With(full)), storage.ErrConflict)
	},
	"EventsAreKeptWhateverTheyHold": func(t *testing.T, w *world) {
		const broken = "a\x00b\xffc\u0000"
		ok(t, w.Record(w.ctx, storage.With(storage.Event{
			ID: "e1", At: w.now, Type: storage.SignInFailed, UserID: broken, OrgID: broken, ClientID: broken, SessionID: broken,
			Detail: map[string]string{broken: broken, "plain": "é"},
			Origin: storage.Origin{RequestID: broken, IP: broken, UserAgent: broken},
		})))
		const kept = "ab\ufffdc"
		got, err := w.Events(w.ctx, sqldb.EventFilter{}, storage.Page{})
		ok(t, err)
		same(t, "what was not text", got, []storage.Event{{
			ID: "e1", At: w.now, Type: storage.SignInFailed, UserID: kept, OrgID: kept, ClientID: kept, SessionID: kept,
			Detail: map[string]string{kept: kept, "plain": "é"},
			Origin: storage.Origin{RequestID: kept, IP: kept, UserAgent: kept},
		}})
	},
	"EventsAreFilteredAndPaged": func(t *testing.T, w *world) {
		for _, e := range []storage.Event{
			{ID: "1", Type: storage.SignedIn, UserID: "u1"},
			{ID: "2", Type: storage.SignedIn, UserID: "u2", OrgID: "o1"},
			{ID: "3", Type: storage.SessionEnded, UserID: "u1", OrgID: "o1", Origin: storage.Origin{RequestID: "r3"}},
			{ID: "4", Type: storage.SignedIn, UserID: "u1"},
			{ID: "5", Type: storage.SignedIn, UserID: "u1"},
		} {
			ok(t, w.Record(w.ctx, storage.With(e)))
		}
		for _, c := range []struct {
			filter sqldb.EventFilter
			want   []string
		}{
			{sqldb.EventFilter{}, []string{"5", "4", "3", "2", "1"}},
			{sqldb.EventFilter{UserID: "u1"}, []string{"5", "4", "3", "1"}},
			{sqldb.EventFilter{UserID: "u1", Type: storage.SignedIn}, []string{"5", "4", "1"}},
			{sqldb.EventFilter{Type: storage.SessionEnded}, []string{"3"}},
			{sqldb.EventFilter{OrgID: "o1"}, []string{"3", "2"}},
			{sqldb.EventFilter{RequestID: "r3"}, []string{"3"}},
			{sqldb.EventFilter{RequestID: "r3", UserID: "u2"}, nil},
			{sqldb.EventFilter{UserID: "nobody"}, nil},
		} {
			pages(t, func(p storage.Page) ([]storage.Event, error) { return w.Events(w.ctx, c.filter, p) },
				func(e storage.Event) string { return e.ID }, c.want...)
		}
	},
	"NeitherChangeNorTrailWithoutTheOther": func(t *testing.T, w *world) {
		w.user(t, "u1")
		taken := storage.Event{ID: "e1", Type: storage.SignedIn}
		ok(t, w.Record(w.ctx, storage.With(taken)))
		broken := storage.Trail{Events: []storage.Event{taken}, Mails: []storage.Mail{{To: "u1@example.com"}}}
		wantErr(t, "one statement", w.SetPassword(w.ctx, "u1", "new", w.now, broken), storage.ErrConflict)
		wantErr(t, "several", w.DisableUser(w.ctx, "u1", w.now, broken), storage.ErrConflict)
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		if u.PasswordHash == "new" || !u.Disabled.IsZero() {
			t.Errorf("changed without a trail: %+v", u)
		}
		mails, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "mails", mails, []storage.Mail(nil))
	},
	"TestT49_CancelledWriteChangesNothing": func(t *testing.T, w *world) {
		w.user(t, "u1")
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		if err := w.SetPassword(ctx, "u1", "new", w.now, trail(storage.PasswordChanged, "u1")); err == nil {
			t.Error("a cancelled write succeeded")
		}
		if _, err := w.Enrollments(ctx, "u1"); err == nil {
			t.Error("a cancelled read found no enrollments, and no error")
		}
		if _, err := w.Attempt(ctx, "k"); err == nil {
			t.Error("a cancelled read found no attempts, and no error")
		}
		u, err := w.User(w.ctx, "u1")
		ok(t, err)
		if u.PasswordHash == "new" {
			t.Error("the password changed")
		}
	},
	"MailsAreClaimedAndSent": func(t *testing.T, w *world) {
		first := storage.Mail{ID: "m1", To: "a@example.com", Subject: "One", Text: "Text one\nÄ", At: w.now}
		second := storage.Mail{ID: "m2", To: "b@example.com", Subject: "Two", Text: "", At: w.now.Add(time.Second)}
		ok(t, w.Record(w.ctx, storage.Trail{Mails: []storage.Mail{second, first}}))
		got, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "the newest first", got, []storage.Mail{second, first})
		claim := func(now time.Time, want ...storage.Mail) {
			t.Helper()
			got, err := w.ClaimMails(w.ctx, 10, now, time.Minute)
			ok(t, err)
			same(t, "claimed", got, want)
		}
		claim(w.now.Add(-time.Microsecond))
		first.Tries = 1
		claim(w.now, first)
		claim(w.now)
		first.Tries = 2
		claim(w.now.Add(time.Minute), first, withTries(second, 1)) // the lease is over
		ok(t, w.MailSent(w.ctx, "m1", w.now))
		wantErr(t, "sent twice", w.MailSent(w.ctx, "m1", w.now), storage.ErrNotFound)
		retry := w.now.Add(time.Hour)
		ok(t, w.MailFailed(w.ctx, "m2", retry, "421 try later"))
		claim(retry.Add(-time.Microsecond))
		claim(retry, withTries(second, 2))
		ok(t, w.MailFailed(w.ctx, "m2", time.Time{}, "550 no such mailbox"))
		claim(retry.Add(1000 * time.Hour))
		wantErr(t, "failed unknown", w.MailFailed(w.ctx, "x", retry, ""), storage.ErrNotFound)
		wantErr(t, "failed after sent", w.MailFailed(w.ctx, "m1", retry, ""), storage.ErrNotFound)
		pages(t, func(p storage.Page) ([]storage.Mail, error) { return w.Mails(w.ctx, p) },
			func(m storage.Mail) string { return m.ID }, "m2", "m1")
	},
	"TestN07_MailIsNotSentAfterItsEnd": func(t *testing.T, w *world) {
		end := w.now.Add(10 * time.Minute)
		code := storage.Mail{ID: "m1", To: "a@example.com", Subject: "123456", Text: "x", At: w.now, Expires: end}
		other := storage.Mail{ID: "m2", To: "a@example.com", Subject: "y", Text: "y", At: w.now.Add(-time.Minute)}
		ok(t, w.Record(w.ctx, storage.Trail{Mails: []storage.Mail{code, other}}))
		list, err := w.Mails(w.ctx, storage.Page{})
		ok(t, err)
		same(t, "mails", list, []storage.Mail{other, code})
		got, err := w.ClaimMails(w.ctx, 10, end.Add(-time.Second), time.Second)
		ok(t, err)
		same(t, "before its end", got, []storage.Mail{withTries(code, 1), withTries(other, 1)})
		got, err = w.ClaimMails(w.ctx, 10, end, time.Minute)
		ok(t, err)
		same(t, "at its end", got, []storage.Mail{withTries(other, 2)})
		w.wantMail(t, "m1", storage.MailRefused)
		got, err = w.ClaimMails(w.ctx, 10, end.Add(day), time.Minute)
		ok(t, err)
		same(t, "later", got, []storage.Mail{withTries(other, 3)})
	},
	"MailsSayHowFarTheyHaveCome": func(t *testing.T, w *world) {
		end := w.now.Add(10 * time.Minute)
		var mails []storage.Mail
		for _, id := range []string{"waiting", "sent", "delayed", "refused", "too late", "sent after all"} {
			mails = append(mails, storage.Mail{ID: id, To: "a@example.com", At: w.now, Expires: end})
		}
		ok(t, w.Record(w.ctx, storage.Trail{Mails: mails}))
		for _, m := range mails {
			w.wantMail(t, m.ID, storage.MailWaiting)
		}
		claimed, err := w.ClaimMails(w.ctx, len(mails), w.now, time.Minute)
		ok(t, err)
		same(t, "claimed", len(claimed), len(mails))
		ok(t, w.MailSent(w.ctx, "sent", w.now))
		ok(t, w.MailFailed(w.ctx, "delayed", end.Add(-time.Second), "421"))
		ok(t, w.MailFailed(w.ctx, "refused", time.Time{}, "550"))
		ok(t, w.MailFailed(w.ctx, "too late", end, "421")) // there is no time for another try
		ok(t, w.MailFailed(w.ctx, "sent after all", end.Add(-time.Second), "421"))
		ok(t, w.MailSent(w.ctx, "sent after all", w.now))
		for id, want := range map[string]storage.MailState{
			"waiting": storage.MailWaiting, "sent": storage.MailSent, "delayed": storage.MailDelayed,
			"refused": storage.MailRefused, "too late": storage.MailRefused, "sent after all": storage.MailSent,
		} {
			w.wantMail(t, id, want)
		}
		_, err = w.MailState(w.ctx, "unknown")
		wantErr(t, "unknown", err, storage.ErrNotFound)
	},
	"MailsAreClaimedByOneWorker": func(t *testing.T, w *world) {
		var all storage.Trail
		for i := range contenders {
			all.Mails = append(all.Mails, storage.Mail{ID: name("m%02d", i), To: "a@example.com", At: w.now})
		}
		ok(t, w.Record(w.ctx, all))
		claimed := make([][]storage.Mail, 10)
		for _, err := range race(len(claimed), func(i int) (err error) {
			for {
				got, err := w.ClaimMails(w.ctx, 3, w.now, time.Hour)
				if err != nil || len(got) == 0 {
					return err
				}
				if len(got) > 3 {
					t.Errorf("claimed %d, want at most 3", len(got))
				}
				claimed[i] = append(claimed[i], got...)
			}
		}) {
			ok(t, err)
		}
		times := map[string]int{}
		for _, mails := range claimed {
			for _, m := range mails {
				times[m.ID]++
			}
		}
		// A worker may find nothing while another holds what is left: that one gets it.
		for i := range contenders {
			if id := name("m%02d", i); times[id] != 1 {
				t.Errorf("mail %s was claimed %d times", id, times[id])
			}
		}
	},
}

func (w *world) wantMail(t *testing.T, id string, want storage.MailState) {
	t.Helper()
	got, err := w.MailState(w.ctx, id)
	ok(t, err)
	same(t, "mail "+id, got, want)
}

func withTries(m storage.Mail, n int) storage.Mail {
	m.Tries = n
	return m
}

const day = 24 * time.Hour

var pruneTests = map[string]func(*testing.T, *world){
	"Prune": func(t *testing.T, w *world) {
		w.grounds(t)
		w.session(t, "s2", "u1")
		w.grant(t, "live", "app", "u1", "s1")
		long := w.newGrant("long", "app", "u1", "s1")
		long.IdleUntil, long.Expires = w.now.Add(1000*day), w.now.Add(1000*day)
		ok(t, w.CreateGrant(w.ctx, long, storage.Trail{}))
		ok(t, w.RevokeGrant(w.ctx, "tombstone", w.now, storage.Trail{}))
		ok(t, w.EndSession(w.ctx, "s2", false, w.now, storage.Trail{}))
		ok(t, w.Record(w.ctx, storage.Trail{
			Mails: []storage.Mail{{ID: "sent", To: "a@b", At: w.now}, {ID: "waiting", To: "a@b", At: w.now}},
		}))
		ok(t, w.MailSent(w.ctx, "sent", w.now))
		for i := range 3 {
			from := w.now.Add(time.Duration(i) * 90 * day)
			ok(t, w.AddSigningKey(w.ctx, keys.Key{
				ID: name("k%d", i), Algorithm: "ES256", Private: []byte("x"), Generation: int64(i + 1),
				Created: w.now, ActiveFrom: from, Expires: from.Add(90 * day),
			}, storage.Trail{}))
		}
		exists := func(what string, err error, want bool) {
			t.Helper()
			if want {
				wantErr(t, what, err, nil)
			} else {
				wantErr(t, what, err, storage.ErrNotFound)
			}
		}
		check := func(at time.Time, grants, sessions, mails, keyCount, events int) {
			t.Helper()
			if _, err := w.Prune(w.ctx, at); err != nil {
				t.Fatal(err)
			}
			n := 0
			for _, id := range []string{"live", "long", "tombstone"} {
				if _, err := w.Grant(w.ctx, id); err == nil {
					n++
				}
			}
			same(t, "grants", n, grants)
			_, err := w.Session(w.ctx, "s1")
			exists("session", err, sessions > 0)
			left, err := w.Mails(w.ctx, storage.Page{})
			ok(t, err)
			same(t, "mails", len(left), mails)
			ks, err := w.SigningKeys(w.ctx)
			ok(t, err)
			same(t, "keys", len(ks), keyCount)
			es, err := w.Events(w.ctx, sqldb.EventFilter{}, storage.Page{})
			ok(t, err)
			if (len(es) > 0) != (events > 0) {
				t.Errorf("%d events", len(es))
			}
		}
		check(w.now, 3, 1, 2, 3, 1)
		check(w.now.Add(7*day), 3, 1, 2, 3, 1)
		check(w.now.Add(8*day), 1, 1, 2, 3, 1)
		check(w.now.Add(31*day), 1, 1, 1, 3, 1)
		check(w.now.Add(98*day), 1, 1, 1, 3, 1)
		check(w.now.Add(100*day), 1, 1, 1, 2, 1)
		check(w.now.Add(367*day), 1, 0, 1, 1, 1)
		check(w.now.Add(7*366*day), 0, 0, 1, 1, 0)
	},
	// N-10: who guesses a few times and comes back after a while meets the count of before.
	"TestN10_PruneForgetsNoFailures": func(t *testing.T, w *world) {
		w.user(t, "u1")
		const few = 1
		closed, later := limit.PasswordLadder.Close, w.now.Add(10*366*day)
		count := func(key string, failures int) {
			t.Helper()
			ok(t, w.SwapAttempt(w.ctx, key, limit.Attempt{}, limit.Attempt{Failures: failures}, storage.Trail{}))
		}
		want := func(what, key string, failures int) {
			t.Helper()
			a, err := w.Attempt(w.ctx, key)
			ok(t, err)
			same(t, what, a.Failures, failures)
		}
		for _, k := range login.AttemptKinds() {
			count(login.AttemptKey(k, "u1"), few)
		}
		// A person and a stranger look alike, as long as nothing is closed and when it is.
		for _, who := range []string{"u2", "?5f"} {
			count(login.AttemptKey(factors.Password, who), closed-1)
		}
		for _, who := range []string{"u3", "?6e"} {
			count(login.AttemptKey(factors.Password, who), closed)
		}
		count(login.AttemptKey(factors.TOTP, "u2"), 0)
		_, err := w.Prune(w.ctx, w.now)
		ok(t, err)
		want("not old yet", login.AttemptKey(factors.Password, "u1"), few)
		n, err := w.Prune(w.ctx, later)
		ok(t, err)
		same(t, "forgotten", n, int64(5)) // three passwords, what was cleared, and the event that u1 was created
		for _, k := range login.AttemptKinds() {
			left := few
			if k == factors.Password {
				left = 0
			}
			want(string(k), login.AttemptKey(k, "u1"), left)
		}
		for who, left := range map[string]int{"u2": 0, "?5f": 0, "u3": closed, "?6e": closed} {
			want("the password of "+who, login.AttemptKey(factors.Password, who), left)
		}
		ok(t, w.DeleteUser(w.ctx, "u1", later, storage.Trail{}))
		w.wantClosed(t, "of who is gone", "u1")
	},
	"PruneOfWhatIsShort": func(t *testing.T, w *world) {
		w.user(t, "u1")
		w.mailCode(t, "u1", "111111")
		ok(t, w.CreateTicket(w.ctx, "u1", "TICKET", w.now, w.now.Add(day), storage.Trail{}))
		w.link(t, "token", "u1", "")
		prune := func(at time.Time, want int64) {
			t.Helper()
			n, err := w.Prune(w.ctx, at)
			ok(t, err)
			same(t, "pruned", n, want)
		}
		prune(w.now.Add(day), 0)
		ok(t, w.KeepMailCode(w.ctx, "u1", "c", "2", w.now.Add(day-1), w.now.Add(day), func(sent []time.Time) error {
			same(t, "codes that count", len(sent), 1)
			return nil
		}))
		prune(w.now.Add(26*time.Hour), 1)
		prune(w.now.Add(7*day), 1)
		prune(w.now.Add(9*day), 1)
		wantErr(t, "ticket", w.BurnTicket(w.ctx, "u1", "TICKET", w.now, storage.Trail{}), storage.ErrNotFound)
		prune(w.now.Add(36*day), 0)
		_, err := w.Link(w.ctx, "token")
		wantErr(t, "link", err, nil)
		prune(w.now.Add(38*day), 1)
		_, err = w.Link(w.ctx, "token")
		wantErr(t, "link", err, storage.ErrNotFound)
	},
	"PruneIsByBatches": func(t *testing.T, w *world) {
		var many storage.Trail
		for i := range 2500 {
			many.Events = append(many.Events, storage.Event{ID: name("e%d", i), At: w.now, Type: storage.SignedIn})
		}
		ok(t, w.Record(w.ctx, many))
		n, err := w.Prune(w.ctx, w.now.Add(7*366*day))
		ok(t, err)
		same(t, "pruned", n, int64(2500))
	},
}
