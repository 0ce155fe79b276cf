package login_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

var errStore = errors.New("the store is away: password=hunter2")

// shaky is the durable store, of which one call fails: the one that is reached when left is 0.
type shaky struct {
	*sqldb.DB
	left *int
}

func (s shaky) fails() error {
	*s.left--
	if *s.left == -1 {
		return errStore
	}
	return nil
}

func (s shaky) UserByEmail(ctx context.Context, email string) (login.User, error) {
	if err := s.fails(); err != nil {
		return login.User{}, err
	}
	return s.DB.UserByEmail(ctx, email)
}

func (s shaky) Standing(ctx context.Context, userID, sessionID string) (login.Standing, error) {
	if err := s.fails(); err != nil {
		return login.Standing{}, err
	}
	return s.DB.Standing(ctx, userID, sessionID)
}

func (s shaky) Enrollments(ctx context.Context, userID string) ([]factors.Enrollment, error) {
	if err := s.fails(); err != nil {
		return nil, err
	}
	return s.DB.Enrollments(ctx, userID)
}

func (s shaky) EnrollFirst(ctx context.Context, e factors.Enrollment, on login.Grounds, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.EnrollFirst(ctx, e, on, trail)
}

func (s shaky) SessionByCookie(ctx context.Context, cookie string) (session.Session, error) {
	if err := s.fails(); err != nil {
		return session.Session{}, err
	}
	return s.DB.SessionByCookie(ctx, cookie)
}

func (s shaky) CreateSession(ctx context.Context, created session.Session, cookie string, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.CreateSession(ctx, created, cookie, trail)
}

func (s shaky) Attempt(ctx context.Context, key string) (limit.Attempt, error) {
	if err := s.fails(); err != nil {
		return limit.Attempt{}, err
	}
	return s.DB.Attempt(ctx, key)
}

func (s shaky) SwapAttempt(ctx context.Context, key string, old, next limit.Attempt, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.SwapAttempt(ctx, key, old, next, trail)
}

func (s shaky) Record(ctx context.Context, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.Record(ctx, trail)
}

// TestT49_EveryFailureStops lets the n-th call of the durable store fail, for every n of a sign-in.
// Whatever fails, nobody comes in with less than the organization demands, and the page says that
// something went wrong, that it is worth to come back, and nothing of what it was.
func TestT49_EveryFailureStops(t *testing.T) {
	const never = 1 << 30
	left := never
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		s := shaky{c.People.(*sqldb.DB), &left}
		c.People, c.Enrollments, c.Sessions, c.Attempts, c.Audit = s, s, s, s, s
	})
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	seed, _, _ := w.browser().setUp(u, login.Demand{})
	already := len(w.results())

	// walk signs in until something fails.
	walk := func() (failed page, ok bool) {
		for _, key := range []string{"password:" + u.ID, "totp:" + u.ID} { // what failed before
			count, err := w.db.Attempt(t.Context(), key)
			must(t, err)
			must(t, w.db.SwapAttempt(t.Context(), key, count, limit.Attempt{}, storage.Trail{}))
		}
		b := w.browser()
		p := b.begin(login.Demand{})
		for _, answer := range [][]string{{"identifier", "email", u.Email}, {"password", "password", "wrong"}, {"password", "password", secretWord}, {"challenge"}} {
			if p.status == http.StatusServiceUnavailable {
				break
			}
			if answer[0] == "challenge" {
				answer = append(answer, "code", w.app(seed))
			}
			p = b.follow(b.post(p.on(answer[0]), answer[1:]...))
		}
		if p.status == http.StatusServiceUnavailable {
			if b.cookie("vseeid-session") != "" {
				t.Error("a failure left a session")
			}
			return p, false
		}
		p.is(t, "user", u.ID, "amr", "mfa otp pwd")
		return p, true
	}
	failures, unnoticed := 0, 0
	for n := 0; ; n++ {
		left = n
		p, ok := walk()
		fired := left < 0
		left = never
		if ok && !fired {
			break
		}
		if ok { // a count that was not cleared
			unnoticed++
			already = len(w.results())
			continue
		}
		failures++
		text := tags.ReplaceAllString(p.body, "")
		if strings.Contains(p.body, "hunter2") || !strings.Contains(text, "Something Went Wrong") || !strings.Contains(text, "req-1") {
			t.Errorf("call %d: %s", n, text)
		}
		if got := len(w.results()); got != already {
			t.Fatalf("call %d failed and the client was answered", n)
		}
	}
	if failures < 15 || unnoticed != 2 {
		t.Errorf("%d failures stopped it, and %d did not", failures, unnoticed)
	}
}

// lastMoment runs something between the last answer and what comes of it.
type lastMoment struct {
	login.Transactions
	run func()
}

func (l lastMoment) TakeTransaction(ctx context.Context, id string, version int64) error {
	err := l.Transactions.TakeTransaction(ctx, id, version)
	if err == nil {
		l.run()
	}
	return err
}

func TestT25_T50_AtTheLastMoment(t *testing.T) {
	for _, c := range []struct {
		name  string
		run   func(w *world, u login.User)
		shows []any
	}{
		{"policy", func(w *world, _ login.User) { w.setPolicy("lakeside", preset("standard")) }, []any{http.StatusOK, "Secure Your Account"}},
		{"membership", func(w *world, u login.User) {
			must(w.t, w.db.RemoveMember(w.t.Context(), u.ID, "lakeside", storage.Trail{}))
		}, []any{http.StatusForbidden, "You Are Not a Member"}},
		{"disabled", func(w *world, u login.User) {
			must(w.t, w.db.DisableUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
		}, []any{http.StatusForbidden, "This Account Is Disabled"}},
		{"deleted", func(w *world, u login.User) {
			must(w.t, w.db.DeleteUser(w.t.Context(), u.ID, w.now(), storage.Trail{}))
		}, []any{http.StatusForbidden, "This Account Is Disabled"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			run := func() {}
			w := newWorld(t, sqlite(t), func(c *login.Config) {
				c.Transactions = lastMoment{c.Transactions, func() { run() }}
			})
			w.org("lakeside", preset("off"))
			u := w.person("anna", "lakeside")
			run = func() { c.run(w, u) }
			b := w.browser()
			p := b.password(b.begin(login.Demand{Org: "lakeside"}), u)
			p.shows(t, c.shows[0].(int), c.shows[1].(string))
			if len(w.results()) != 0 || b.cookie("vseeid-session") != "" {
				t.Error("somebody came in")
			}
		})
	}
}

// race loses every compare-and-set of a transaction once to another request that changed nothing.
type race struct {
	login.Transactions
	lost map[string]bool
}

func (r race) SwapTransaction(ctx context.Context, tx login.Transaction) error {
	if key := fmt.Sprint(tx.ID, tx.Version); !r.lost[key] {
		r.lost[key], r.lost[fmt.Sprint(tx.ID, tx.Version+1)] = true, true
		other, err := r.Transactions.Transaction(ctx, tx.ID)
		if err != nil {
			return err
		}
		if err := r.Transactions.SwapTransaction(ctx, other); err != nil {
			return err
		}
	}
	return r.Transactions.SwapTransaction(ctx, tx)
}

func TestLostSwapsAreDecidedAnew(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		c.Transactions = race{c.Transactions, map[string]bool{}}
	})
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	_, _, answer := b.setUp(u, login.Demand{})
	answer.is(t, "user", u.ID, "amr", "mfa otp pwd")
}

func (s shaky) AddEnrollment(ctx context.Context, e factors.Enrollment, on login.Grounds, replace bool, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.AddEnrollment(ctx, e, on, replace, trail)
}

func (s shaky) RenameEnrollment(ctx context.Context, userID, enrollmentID, name string, on login.Grounds, trail storage.Trail) error {
	if err := s.fails(); err != nil {
		return err
	}
	return s.DB.RenameEnrollment(ctx, userID, enrollmentID, name, on, trail)
}

func (s shaky) MailState(ctx context.Context, id string) (storage.MailState, error) {
	if err := s.fails(); err != nil {
		return "", err
	}
	return s.DB.MailState(ctx, id)
}

func (s shaky) User(ctx context.Context, id string) (login.User, error) {
	if err := s.fails(); err != nil {
		return login.User{}, err
	}
	return s.DB.User(ctx, id)
}

// TestT49_EveryFailureOfPasskeysAndMail is TestT49_EveryFailureStops for a mailed code, and for a
// passkey that is made, named and used by who has said nothing.
func TestT49_EveryFailureOfPasskeysAndMail(t *testing.T) {
	const never = 1 << 30
	left := never
	w := newWorld(t, sqlite(t), func(c *login.Config) {
		s := shaky{c.People.(*sqldb.DB), &left}
		c.People, c.Enrollments, c.Additions, c.Sessions, c.Attempts, c.Audit, c.Outbox = s, s, s, s, s, s, s
	})
	w.org("riverside", preset("standard"))
	u := w.verified(w.person("anna", "riverside"))
	seed, _, _ := w.browser().setUp(u, login.Demand{})

	walks := map[string]func(d *device, ok func(page) bool) page{
		"mail": func(d *device, ok func(page) bool) page {
			d.can = ""
			p := d.begin(login.Demand{})
			for _, answer := range [][]string{{"identifier", "email", u.Email}, {"password", "password", secretWord}, {"method", "method", "email"}, {"mail"}, {"challenge"}} {
				switch {
				case !ok(p):
					return p
				case answer[0] == "mail":
					if word := d.get(p.on("mail")); !ok(word) {
						return word
					}
					continue
				case answer[0] == "challenge":
					answer = append(answer, "code", w.mailed(u))
				}
				p = d.follow(d.post(p.on(answer[0]), answer[1:]...))
			}
			return p
		},
		"passkey": func(d *device, ok func(page) bool) page {
			p := d.begin(login.Demand{})
			for _, answer := range [][]string{{"identifier", "email", u.Email}, {"password", "password", secretWord}, {"challenge"}, {"make"}, {"name", "name", "phone"}, {"again"}, {"use"}} {
				switch {
				case !ok(p):
					return p
				case answer[0] == "challenge":
					answer = append(answer, "code", w.app(seed))
				case answer[0] == "make":
					p = d.follow(d.make(p))
					continue
				case answer[0] == "again":
					p = d.begin(login.Demand{Fresh: true, Select: true})
					continue
				case answer[0] == "use":
					p = d.follow(d.use(p))
					continue
				}
				p = d.follow(d.post(p.on(answer[0]), answer[1:]...))
			}
			return p
		},
	}
	for name, walk := range walks {
		failures, unnoticed := 0, 0
		for n := 0; ; n++ {
			w.forgive(u)
			w.pass(3 * time.Hour) // for another mail
			for _, e := range w.enrolled(u) {
				if e.Kind == factors.Passkey {
					w.removes(u, e.ID)
				}
			}
			already, d := len(w.results()), w.phone()
			left = n
			p := walk(d, func(p page) bool { return p.status < 500 && !strings.Contains(p.body, "Something Went Wrong") })
			fired := left < 0
			left = never
			if p.answer != nil {
				p.is(t, "user", u.ID)
				if !fired {
					break
				}
				unnoticed++ // a count that was not cleared
				continue
			}
			failures++
			text := tags.ReplaceAllString(p.body, "")
			if strings.HasPrefix(p.path, "/begin") { // an error of Begin is the caller's to show
				continue
			}
			if p.status != http.StatusServiceUnavailable || strings.Contains(p.body, "hunter2") || !strings.Contains(text, "req-1") {
				t.Errorf("%s, call %d: %d %s", name, n, p.status, text)
			}
			if got := len(w.results()); got > already+1 || (name == "mail" && got != already) {
				t.Fatalf("%s: call %d failed and the client was answered", name, n)
			}
		}
		if failures < 15 || unnoticed != 2 {
			t.Errorf("%s: %d failures stopped it, and %d did not", name, failures, unnoticed)
		}
	}
}
