package emailcode_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// world is a person with a verified mailbox, a store, and a clock that stands.
type world struct {
	emailcode.Factor
	t   *testing.T
	db  *sqldb.DB
	u   factors.User
	now time.Time
}

func open(t *testing.T, dsn string) *sqldb.DB {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return db
}

func newWorld(t *testing.T, db *sqldb.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, now: time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	w.Factor = emailcode.Factor{Store: db, Now: func() time.Time { return w.now }, Write: write}
	w.u = w.person("charlotte")
	return w
}

// write is a mail with the code alone.
func write(to factors.User, code string, at, expires time.Time, from storage.Origin) storage.Mail {
	return storage.Mail{To: to.Email, Subject: "a code for " + from.IP, Text: code, At: at, Expires: expires}
}

// person is somebody whom the store did not know.
func (w *world) person(name string) factors.User {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	u := login.User{ID: id, Email: name + "-" + id + "@riverside.example", EmailVerified: true, Created: w.now, Updated: w.now}
	if err := w.db.CreateUser(w.t.Context(), u, storage.Trail{}); err != nil {
		w.t.Fatal(err)
	}
	return u.Factor()
}

func mailbox(u factors.User) []factors.Enrollment {
	return []factors.Enrollment{{ID: u.Email, UserID: u.ID, Kind: factors.Email}}
}

// ask begins a challenge, and reads the mail of it.
func (w *world) ask(u factors.User) (factors.State, string) {
	w.t.Helper()
	p, state, err := w.BeginChallenge(w.t.Context(), u, mailbox(u))
	if err != nil {
		w.t.Fatal(err)
	}
	return state, w.mail(p.Mail).Text
}

func (w *world) mail(id string) storage.Mail {
	w.t.Helper()
	mails, err := w.db.Mails(w.t.Context(), storage.Page{Limit: storage.MaxPage})
	if err != nil {
		w.t.Fatal(err)
	}
	i := slices.IndexFunc(mails, func(m storage.Mail) bool { return m.ID == id })
	if i < 0 {
		w.t.Fatalf("no mail %q", id)
	}
	return mails[i]
}

// sent is how many mails there are to u.
func (w *world) sent(u factors.User) (n int) {
	w.t.Helper()
	mails, err := w.db.Mails(w.t.Context(), storage.Page{Limit: storage.MaxPage})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, m := range mails {
		if m.To == u.Email {
			n++
		}
	}
	return n
}

func (w *world) prove(u factors.User, state factors.State, code string) error {
	w.t.Helper()
	e, err := w.Verify(w.t.Context(), u, mailbox(u), state, factors.Answer{Code: code})
	if err != nil && e.Kind != "" {
		w.t.Errorf("evidence beside %v", err)
	}
	return err
}

// another is a code that is not this one.
func another(code string) string { return string('0'+(code[0]-'0'+1)%10) + code[1:] }

// TestOnEveryStore is all that the factor promises, against the stores that it is used with.
func TestOnEveryStore(t *testing.T) {
	all := func(t *testing.T, db *sqldb.DB) {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) { test(t, newWorld(t, db)) })
		}
	}
	t.Run("SQLite", func(t *testing.T) { all(t, open(t, "sqlite:"+filepath.Join(t.TempDir(), "codes.db"))) })
	t.Run("PostgreSQL", func(t *testing.T) {
		admin := os.Getenv("VSEEID_TEST_POSTGRES")
		if admin == "" {
			t.Skip("VSEEID_TEST_POSTGRES is not set: make test starts one")
		}
		name := "emailcode_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		execute(t, t.Context(), admin, "CREATE DATABASE "+name)
		t.Cleanup(func() { execute(t, context.Background(), admin, "DROP DATABASE "+name+" WITH (FORCE)") })
		dsn, err := url.Parse(admin)
		if err != nil {
			t.Fatal(err)
		}
		dsn.Path = "/" + name
		all(t, open(t, dsn.String()))
	})
}

func execute(t *testing.T, ctx context.Context, dsn, statement string) {
	t.Helper()
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Error(err)
	}
	if err := conn.Close(ctx); err != nil {
		t.Error(err)
	}
}

var tests = map[string]func(*testing.T, *world){
	"TestN07_CodeProvesTheMailbox": func(t *testing.T, w *world) {
		ctx := storage.WithOrigin(t.Context(), storage.Origin{RequestID: "r1", IP: "203.0.113.7"})
		ctx = storage.WithTrail(ctx, storage.With(storage.Event{Type: storage.Locked, UserID: w.u.ID}))
		p, state, err := w.BeginChallenge(ctx, w.u, mailbox(w.u))
		if err != nil {
			t.Fatal(err)
		}
		m := w.mail(p.Mail)
		if m.To != w.u.Email || m.Subject != "a code for 203.0.113.7" || !m.At.Equal(w.now) || !m.Expires.Equal(w.now.Add(10*time.Minute)) {
			t.Errorf("the mail: to %s, %q, of %v until %v", m.To, m.Subject, m.At, m.Expires)
		}
		if p.Address != "char*****@rive****" || !p.Again.Equal(w.now.Add(30*time.Second)) {
			t.Errorf("address %q, again at %v", p.Address, p.Again)
		}
		events, err := w.db.Events(ctx, sqldb.EventFilter{UserID: w.u.ID}, storage.Page{})
		if err != nil {
			t.Fatal(err)
		}
		noted := map[storage.EventType]int{}
		for _, e := range events {
			if noted[e.Type]++; e.Origin.IP != "203.0.113.7" {
				t.Errorf("%s is from %q", e.Type, e.Origin.IP)
			}
		}
		if len(events) != 2 || noted[storage.CodeSent] != 1 || noted[storage.Locked] != 1 {
			t.Errorf("noted: %v", noted)
		}

		w.now = w.now.Add(time.Minute)
		e, err := w.Verify(ctx, w.u, mailbox(w.u), state, factors.Answer{Code: m.Text})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprint(e.Kind, e.Source, e.Class, e.AMR, e.At.Equal(w.now)),
			fmt.Sprint(factors.Email, "mailbox:"+w.u.Email, factors.Has, []string{"otp", "mca"}, true); got != want {
			t.Errorf("evidence %s, want %s", got, want)
		}
		if err := w.prove(w.u, state, m.Text); !errors.Is(err, factors.ErrExpired) {
			t.Errorf("a second time: %v", err)
		}
	},

	"TestN07_CodeIsSixDigits": func(t *testing.T, w *world) {
		first := map[byte]int{}
		w.Write = func(to factors.User, code string, at, expires time.Time, from storage.Origin) storage.Mail {
			if len(code) != 6 || strings.Trim(code, "0123456789") != "" {
				t.Fatalf("%d characters", len(code))
			}
			first[code[0]]++
			return write(to, code, at, expires, from)
		}
		for range 60 {
			u := w.person("anybody")
			if _, _, err := w.BeginChallenge(t.Context(), u, mailbox(u)); err != nil {
				t.Fatal(err)
			}
		}
		if len(first) < 8 { // 1 in 10^7 by chance
			t.Errorf("the first digits of 60 codes: %v", first)
		}
	},

	"TestT11_NewestOnly": func(t *testing.T, w *world) {
		other := w.person("other")
		theirs, theirCode := w.ask(other)
		oldState, oldCode := w.ask(w.u)
		w.now = w.now.Add(30 * time.Second)
		state, code := w.ask(w.u)
		for what, tc := range map[string]struct {
			state factors.State
			code  string
			want  error
		}{
			"the old code where it was asked for": {oldState, oldCode, factors.ErrExpired},
			"the new code where the old was":      {oldState, code, factors.ErrExpired},
		} {
			if err := w.prove(w.u, tc.state, tc.code); !errors.Is(err, tc.want) {
				t.Errorf("%s: %v, want %v", what, err, tc.want)
			}
		}
		if oldCode != code {
			if err := w.prove(w.u, state, oldCode); !errors.Is(err, factors.ErrWrong) {
				t.Errorf("the old code in the new place: %v", err)
			}
		}
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("the newest: %v", err)
		}
		if err := w.prove(other, theirs, theirCode); err != nil {
			t.Errorf("what another person was sent before: %v", err)
		}
	},

	// A code is of one sign-in: the state of another, and of another person, is no use with it.
	"TestT11_CodeOfAnotherSignIn": func(t *testing.T, w *world) {
		mallory := w.person("mallory")
		state, code := w.ask(w.u)
		theirs, theirCode := w.ask(mallory)
		if err := w.prove(w.u, theirs, code); !errors.Is(err, factors.ErrState) {
			t.Errorf("in another's sign-in: %v", err)
		}
		if err := w.prove(mallory, state, code); !errors.Is(err, factors.ErrState) {
			t.Errorf("for another person: %v", err)
		}
		if code != theirCode {
			if err := w.prove(mallory, theirs, code); !errors.Is(err, factors.ErrWrong) {
				t.Errorf("another's code: %v", err)
			}
		}
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("nothing of that used it up: %v", err)
		}
	},

	"TestN07_FiveTriesEach": func(t *testing.T, w *world) {
		state, code := w.ask(w.u)
		for range emailcode.Tries - 1 {
			if err := w.prove(w.u, state, another(code)); !errors.Is(err, factors.ErrWrong) || errors.Is(err, factors.ErrExpired) {
				t.Fatalf("a wrong code: %v", err)
			}
		}
		for _, malformed := range []string{"", "12345", "1234567", "12345a"} {
			if err := w.prove(w.u, state, malformed); !errors.Is(err, factors.ErrFormat) {
				t.Errorf("%q: %v", malformed, err)
			}
		}
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("the fifth, which is right: %v", err)
		}

		w.now = w.now.Add(time.Minute)
		state, code = w.ask(w.u)
		for range emailcode.Tries {
			if err := w.prove(w.u, state, another(code)); !errors.Is(err, factors.ErrWrong) {
				t.Fatalf("a wrong code: %v", err)
			}
		}
		if err := w.prove(w.u, state, code); !errors.Is(err, factors.ErrExpired) {
			t.Errorf("the sixth, though it is right: %v", err)
		}
	},

	"TestN07_TenMinutes": func(t *testing.T, w *world) {
		state, code := w.ask(w.u)
		begun := w.now
		w.now = begun.Add(10 * time.Minute)
		if err := w.prove(w.u, state, code); !errors.Is(err, factors.ErrExpired) {
			t.Errorf("after ten minutes: %v", err)
		}
		w.now = begun.Add(10*time.Minute - time.Millisecond)
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("just before: %v", err)
		}
	},

	"TestN07_OnceInARace": func(t *testing.T, w *world) {
		const racers = 20
		state, code := w.ask(w.u)
		var (
			errs  [racers]error
			all   sync.WaitGroup
			start = make(chan struct{})
		)
		for i := range racers {
			all.Go(func() {
				<-start
				_, errs[i] = w.Verify(t.Context(), w.u, mailbox(w.u), state, factors.Answer{Code: code})
			})
		}
		close(start)
		all.Wait()
		won := 0
		for _, err := range errs {
			switch {
			case err == nil:
				won++
			case !errors.Is(err, factors.ErrWrong):
				t.Errorf("a loser: %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of %d got evidence", won, racers)
		}
	},

	// Twenty tabs that ask for a code at once get one mail.
	"TestN07_OneMailOfARace": func(t *testing.T, w *world) {
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				_, _, err := w.BeginChallenge(t.Context(), w.u, mailbox(w.u))
				if later := new(factors.Later); err != nil && !errors.As(err, later) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if n := w.sent(w.u); n != 1 {
			t.Errorf("%d mails", n)
		}
	},

	"TestN07_Limits": func(t *testing.T, w *world) {
		start := w.now
		other := w.person("other")
		for _, tc := range []struct {
			name  string
			after time.Duration // since the first
			later time.Duration // 0: it is sent
		}{
			{"the first", 0, 0},
			{"at once", 0, 30 * time.Second},
			{"too soon", 29 * time.Second, 30 * time.Second},
			{"after half a minute", 30 * time.Second, 0},
			{"the third", time.Minute, 0},
			{"the fourth", 2 * time.Minute, 0},
			{"the fifth", 3 * time.Minute, 0},
			{"the sixth of an hour", 4 * time.Minute, time.Hour},
			{"still", 59 * time.Minute, time.Hour},
			{"after an hour", time.Hour, 0},
			{"and too soon", time.Hour + time.Second, time.Hour + 30*time.Second},
			{"when the second is an hour ago", time.Hour + 30*time.Second, 0},
			{"the eighth", 3 * time.Hour, 0},
			{"the ninth", 4 * time.Hour, 0},
			{"the tenth", 5 * time.Hour, 0},
			{"the eleventh of a day", 10 * time.Hour, 24 * time.Hour},
			{"after a day", 24 * time.Hour, 0},
			{"when the second is a day ago", 24*time.Hour + 30*time.Second, 0},
			{"and one too many again", 24*time.Hour + 59*time.Second, 24*time.Hour + time.Minute},
		} {
			w.now = start.Add(tc.after)
			before := w.sent(w.u)
			_, _, err := w.BeginChallenge(t.Context(), w.u, mailbox(w.u))
			var later factors.Later
			switch {
			case tc.later == 0 && err != nil:
				t.Errorf("%s: %v", tc.name, err)
			case tc.later == 0 && w.sent(w.u) != before+1:
				t.Errorf("%s: no mail", tc.name)
			case tc.later != 0 && (!errors.As(err, &later) || !later.At.Equal(start.Add(tc.later))):
				t.Errorf("%s: %v, at %v, want %v", tc.name, err, later.At, start.Add(tc.later))
			case tc.later != 0 && w.sent(w.u) != before:
				t.Errorf("%s: a mail all the same", tc.name)
			}
		}
		if _, _, err := w.BeginChallenge(t.Context(), other, mailbox(other)); err != nil {
			t.Errorf("another person: %v", err)
		}
	},

	// What the page says about the next mail is true.
	"TestN07_AgainIsWhenThereIsAnother": func(t *testing.T, w *world) {
		start := w.now
		for i, want := range []time.Duration{
			30 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute, time.Hour, time.Hour + 30*time.Second,
		} {
			p, _, err := w.BeginChallenge(t.Context(), w.u, mailbox(w.u))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Again.Sub(start); got != want {
				t.Errorf("after mail %d: again at %v, want %v", i+1, got, want)
			}
			w.now = p.Again
		}
	},

	// A refused mail does not put an end to the code of the one before.
	"TestN07_LimitLeavesTheCode": func(t *testing.T, w *world) {
		state, code := w.ask(w.u)
		var later factors.Later
		if _, _, err := w.BeginChallenge(t.Context(), w.u, mailbox(w.u)); !errors.As(err, &later) {
			t.Fatalf("a second at once: %v", err)
		}
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("the code of the first: %v", err)
		}
	},

	"TestH06_CodeIsInTheMailAlone": func(t *testing.T, w *world) {
		p, state, err := w.BeginChallenge(t.Context(), w.u, mailbox(w.u))
		if err != nil {
			t.Fatal(err)
		}
		code := w.mail(p.Mail).Text
		if strings.Contains(fmt.Sprintf("%+v", p), code) || strings.Contains(string(state), code) {
			t.Error("the prompt or the state has the code")
		}
		err = w.prove(w.u, state, another(code))
		if err == nil || strings.Contains(err.Error(), code) || strings.Contains(err.Error(), another(code)) {
			t.Errorf("the refusal: %v", err)
		}
		events, err := w.db.Events(t.Context(), sqldb.EventFilter{UserID: w.u.ID}, storage.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if s := fmt.Sprintf("%+v", events); strings.Contains(s, code) || strings.Contains(s, "@") {
			t.Error("the audit log has the code or the address")
		}
	},

	// Only to an address that is verified, and only for the person whose it is.
	"TestN07_VerifiedMailboxOnly": func(t *testing.T, w *world) {
		other := w.person("other")
		for what, enrolled := range map[string][]factors.Enrollment{
			"nothing": nil, "another address": {{ID: "old@riverside.example", UserID: w.u.ID, Kind: factors.Email}},
			"another kind": {{ID: w.u.Email, UserID: w.u.ID, Kind: factors.TOTP}}, "another person's": mailbox(other),
		} {
			if _, _, err := w.BeginChallenge(t.Context(), w.u, enrolled); !errors.Is(err, factors.ErrState) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if n := w.sent(w.u); n != 0 {
			t.Fatalf("%d mails", n)
		}

		state, code := w.ask(w.u)
		moved := w.u
		moved.Email = "charlotte@harbor.example"
		if err := w.prove(moved, state, code); !errors.Is(err, factors.ErrExpired) {
			t.Errorf("the address was changed meanwhile: %v", err)
		}
		_, err := w.Verify(t.Context(), w.u, nil, state, factors.Answer{Code: code})
		if !errors.Is(err, factors.ErrExpired) {
			t.Errorf("the address is not verified any more: %v", err)
		}
		if err := w.prove(w.u, state, code); err != nil {
			t.Errorf("nothing of that used it up: %v", err)
		}
	},
}

func TestNothingToEnroll(t *testing.T) {
	if _, _, err := (emailcode.Factor{}).BeginEnroll(t.Context(), factors.User{}); !errors.Is(err, factors.ErrState) {
		t.Errorf("begin: %v", err)
	}
	if _, err := (emailcode.Factor{}).FinishEnroll(t.Context(), factors.User{}, nil, factors.Answer{}); !errors.Is(err, factors.ErrState) {
		t.Errorf("finish: %v", err)
	}
}

func TestMask(t *testing.T) {
	for address, want := range map[string]string{
		"charlotte@riverside.example": "char*****@rive****",
		"c@riverside.example":         "*****@rive****",
		"al@b.co":                     "*****@b****",
		"bob@gmail.com":               "b*****@gmai****",
		"anna@a.co":                   "a*****@a****",
		"david@vsee.com":              "da*****@vse****",
		"čeněk@příklad.example":       "če*****@přík****",
		"李小龙@例子.测试":                   "李*****@例子****",
		"\xff\xfe\xfd@a.example":      "\ufffd*****@a.ex****",
		`"a@b"@c.example`:             `"a*****@c.ex****`,
		"no address":                  "no a*****@****",
		"":                            "*****@****",
		"@":                           "*****@****",
	} {
		if got := emailcode.Mask(address); got != want {
			t.Errorf("Mask(%q) = %q, want %q", address, got, want)
		}
	}
}

// The whole of no part is ever shown.
func FuzzMask(f *testing.F) {
	f.Add("charlotte@riverside.example")
	f.Add("a@b")
	f.Fuzz(func(t *testing.T, address string) {
		local, domain, ok := strings.Cut(emailcode.Mask(address), "*****@")
		if !ok || !strings.HasSuffix(domain, "****") {
			t.Fatalf("%q is masked as %q", address, emailcode.Mask(address))
		}
		domain = strings.TrimSuffix(domain, "****")
		whole := []string{address, ""}
		if at := strings.LastIndexByte(address, '@'); at >= 0 {
			whole = []string{address[:at], address[at+1:]}
		}
		for i, shown := range []string{local, domain} {
			part := whole[i]
			if n := len([]rune(shown)); n > 4 || n > 0 && 2*n >= len([]rune(part)) {
				t.Errorf("%q is shown of %q", shown, part)
			}
		}
	})
}
