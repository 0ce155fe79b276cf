package factortest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	otp "github.com/pquerna/otp/totp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/factors/factortest"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/factors/recovery"
	"github.com/vsee/vseeid/factors/totp"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

func TestTOTP(t *testing.T) {
	onEveryStore(t, func(t *testing.T, dsn string) {
		factortest.Run(t, func(t *testing.T) factortest.Harness {
			h, db := harness(t, dsn)
			code := func(t *testing.T, shown factors.Prompt, at time.Time) factors.Answer {
				t.Helper()
				c, err := otp.GenerateCode(shown.Key, at)
				if err != nil {
					t.Fatal(err)
				}
				return factors.Answer{Code: c}
			}
			right := func(t *testing.T, shown factors.Prompt) factors.Answer { return code(t, shown, h.Now()) }
			wrong := func(t *testing.T, shown factors.Prompt) factors.Answer {
				return code(t, shown, h.Now().Add(10*time.Minute))
			}
			unasked := func(answer func(*testing.T, factors.Prompt) factors.Answer) func(t *testing.T, shown, _ factors.Prompt) factors.Answer {
				return func(t *testing.T, shown, _ factors.Prompt) factors.Answer { return answer(t, shown) }
			}
			h.Factor = totp.Factor{Issuer: "VSee", Store: db, Now: h.Now}
			h.Kind, h.Class, h.AMR = factors.TOTP, factors.Has, []string{"otp"}
			h.Rest = 30 * time.Second
			h.SetUp, h.Prove, h.WrongSetUp, h.Wrong = right, unasked(right), wrong, unasked(wrong)
			h.Keep = func(t *testing.T, e factors.Enrollment) {
				t.Helper()
				if err := db.EnrollFirst(t.Context(), e, grounds(t, db, e.UserID), storage.Trail{}); err != nil {
					t.Fatal(err)
				}
			}
			h.Malformed = answers("12345", "1234567", "12345a", "١٢٣٤٥٦", "１２３４５６", "123456;", "-1", "+12345", "0x1234")
			for _, between := range []string{" ", "-", "\u00a0", "\u2009", "\t"} {
				h.Forgiven = append(h.Forgiven, func(a factors.Answer) factors.Answer {
					return factors.Answer{Code: " " + a.Code[:3] + between + a.Code[3:] + "\n"}
				})
			}
			return h
		})
	})
}

func TestRecovery(t *testing.T) {
	onEveryStore(t, func(t *testing.T, dsn string) {
		factortest.Run(t, func(t *testing.T) factortest.Harness {
			h, db := harness(t, dsn)
			right := func(_ *testing.T, shown, _ factors.Prompt) factors.Answer { return factors.Answer{Code: shown.Code} }
			h.Factor = recovery.Factor{Store: db, Now: h.Now}
			h.Kind, h.Class, h.AMR = factors.Recovery, factors.Has, []string{"otp"}
			h.Once = true
			h.SetUp = func(*testing.T, factors.Prompt) factors.Answer { return factors.Answer{Confirmed: true} }
			h.WrongSetUp = func(*testing.T, factors.Prompt) factors.Answer { return factors.Answer{} }
			h.Prove = right
			h.Wrong = func(_ *testing.T, shown, _ factors.Prompt) factors.Answer {
				last := shown.Code[len(shown.Code)-1:]
				return factors.Answer{Code: shown.Code[:len(shown.Code)-1] + string("AB"[strings.Count(last, "A")])}
			}
			h.Keep = func(t *testing.T, e factors.Enrollment) {
				t.Helper()
				if err := db.ReplaceRecovery(t.Context(), e, grounds(t, db, e.UserID), storage.Trail{}); err != nil {
					t.Fatal(err)
				}
			}
			h.Malformed = answers("ABCD", "ABCDEFGHIJKLMNOPQRSTUVW", "ABCDEFGHIJKLMNOPQRSTUVW9", "ÄBCDEFGHIJKLMNOPQRSTUVWX", "ABCDEFGHIJKLMNOPQRSTUVW'")
			h.Forgiven = []func(factors.Answer) factors.Answer{
				func(a factors.Answer) factors.Answer { return factors.Answer{Code: strings.ToLower(a.Code)} },
				func(a factors.Answer) factors.Answer {
					return factors.Answer{Code: " " + grouped(a.Code, "-") + "\r\n"}
				},
				func(a factors.Answer) factors.Answer { return factors.Answer{Code: grouped(a.Code, " ")} },
				func(a factors.Answer) factors.Answer {
					return factors.Answer{Code: strings.NewReplacer("O", "0", "I", "1", "B", "8").Replace(a.Code)}
				},
			}
			return h
		})
	})
}

func TestPasskey(t *testing.T) {
	for name, fresh := range map[string]func(string) *passkeytest.Authenticator{"Counting": passkeytest.NewKey, "Synced": passkeytest.NewSynced} {
		t.Run(name, func(t *testing.T) {
			onEveryStore(t, func(t *testing.T, dsn string) {
				factortest.Run(t, func(t *testing.T) factortest.Harness { return passkeys(t, dsn, fresh) })
			})
		})
	}
}

// passkeys has an authenticator for each setting up, and finds it again by what was shown.
func passkeys(t *testing.T, dsn string, fresh func(string) *passkeytest.Authenticator) factortest.Harness {
	t.Helper()
	const origin = "https://id.vsee.example"
	h, db := harness(t, dsn)
	factor, err := passkey.New(passkey.Config{RPID: "vsee.example", RPName: "VSee", Origins: []string{origin}, Store: db, Now: h.Now})
	if err != nil {
		t.Fatal(err)
	}
	made := map[string]*passkeytest.Authenticator{}
	setUp := func(lies passkeytest.Lies) func(*testing.T, factors.Prompt) factors.Answer {
		return func(t *testing.T, shown factors.Prompt) factors.Answer {
			t.Helper()
			a := fresh(origin)
			a.Lies = lies
			response, err := a.Create(shown.Options)
			if err != nil {
				t.Fatalf("create: %v", err)
			}
			made[string(shown.Options)] = a
			return factors.Answer{Response: response}
		}
	}
	prove := func(lies passkeytest.Lies) func(t *testing.T, shown, asked factors.Prompt) factors.Answer {
		return func(t *testing.T, shown, asked factors.Prompt) factors.Answer {
			t.Helper()
			a := made[string(shown.Options)]
			a.Lies = lies
			response, err := a.Use(a.Keys()[0], asked.Options)
			if err != nil {
				t.Fatalf("use: %v", err)
			}
			return factors.Answer{Response: response}
		}
	}
	h.Factor = factor
	h.Kind, h.Class, h.AMR = factors.Passkey, factors.Has|factors.Is, []string{"hwk", "pop", "user"}
	h.Bound, h.Lifetime = true, 5*time.Minute
	if fresh(origin).Synced {
		h.AMR[0], h.Again = "swk", true
	}
	h.SetUp, h.WrongSetUp = setUp(passkeytest.Lies{}), setUp(passkeytest.Lies{RPID: "elsewhere.example"})
	h.Prove, h.Wrong = prove(passkeytest.Lies{}), prove(passkeytest.Lies{Signature: true})
	h.Keep = func(t *testing.T, e factors.Enrollment) {
		t.Helper()
		if err := db.AddEnrollment(t.Context(), e, grounds(t, db, e.UserID), false, storage.Trail{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, response := range []string{"", "{}", "null", "[]", "7", `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`, strings.Repeat("{", 100_000)} {
		h.Malformed = append(h.Malformed, factors.Answer{Response: []byte(response)})
	}
	h.Forgiven = []func(factors.Answer) factors.Answer{
		func(a factors.Answer) factors.Answer {
			return factors.Answer{Response: append([]byte(" \n"), a.Response...)}
		},
	}
	return h
}

func TestEmailCode(t *testing.T) {
	onEveryStore(t, func(t *testing.T, dsn string) {
		factortest.Run(t, func(t *testing.T) factortest.Harness {
			h, db := harness(t, dsn)
			box := &mailbox{sent: map[string]string{}}
			box.Factor = emailcode.Factor{Store: db, Write: box.write, Now: h.Now}
			h.Factor = box
			h.Kind, h.Class, h.AMR = factors.Email, factors.Has, []string{"otp", "mca"}
			h.Bound, h.Lifetime = true, emailcode.Lifetime
			h.Pace = 150 * time.Minute // slower than any limit
			h.Enrolled = func(_ *testing.T, u factors.User) []factors.Enrollment {
				return []factors.Enrollment{{ID: u.Email, UserID: u.ID, Kind: factors.Email, Confirmed: h.Now()}}
			}
			h.Prove = func(_ *testing.T, _, asked factors.Prompt) factors.Answer {
				return factors.Answer{Code: box.sent[asked.Mail]}
			}
			h.Wrong = func(t *testing.T, _, asked factors.Prompt) factors.Answer {
				n, err := strconv.Atoi(box.sent[asked.Mail])
				if err != nil {
					t.Fatal(err)
				}
				return factors.Answer{Code: fmt.Sprintf("%06d", (n+1)%1_000_000)}
			}
			h.Malformed = answers("12345", "1234567", "12345a", "١٢٣٤٥٦", "１２３４５６", "123456;", "-1", "+12345", "0x1234")
			h.Forgiven = []func(factors.Answer) factors.Answer{
				func(a factors.Answer) factors.Answer { return factors.Answer{Code: " " + a.Code + "\n"} },
				func(a factors.Answer) factors.Answer { return factors.Answer{Code: a.Code[:3] + " " + a.Code[3:]} },
				func(a factors.Answer) factors.Answer { return factors.Answer{Code: a.Code[:3] + "-" + a.Code[3:]} },
			}
			return h
		})
	})
}

// mailbox is the factor, and who reads its mails: by their ids, which the challenge tells.
type mailbox struct {
	emailcode.Factor
	last string
	sent map[string]string
}

func (m *mailbox) write(to factors.User, code string, _, _ time.Time, _ storage.Origin) storage.Mail {
	m.last = code
	return storage.Mail{To: to.Email, Subject: code, Text: code}
}

func (m *mailbox) BeginChallenge(ctx context.Context, u factors.User, enrolled []factors.Enrollment) (factors.Prompt, factors.State, error) {
	asked, state, err := m.Factor.BeginChallenge(ctx, u, enrolled)
	if err == nil {
		m.sent[asked.Mail] = m.last
	}
	return asked, state, err
}

// harness is a store with two people, and a clock that stands.
func harness(t *testing.T, dsn string) (factortest.Harness, *sqldb.DB) {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	if dsn == "sqlite" {
		dsn = "sqlite:" + filepath.Join(t.TempDir(), "factors.db")
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: dsn, Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	open := true
	end := func(t *testing.T) {
		if open {
			open = false
			if err := db.Close(); err != nil {
				t.Errorf("close the store: %v", err)
			}
		}
	}
	t.Cleanup(func() { end(t) })
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 9, 0, 5, 0, time.UTC)
	return factortest.Harness{
		User: person(t, db, now), Other: person(t, db, now),
		Now:     func() time.Time { return now },
		Advance: func(d time.Duration) { now = now.Add(d) },
		Enrolled: func(t *testing.T, u factors.User) []factors.Enrollment {
			t.Helper()
			out, err := db.Enrollments(t.Context(), u.ID)
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
		Break: end,
	}, db
}

func person(t *testing.T, db *sqldb.DB, now time.Time) factors.User {
	t.Helper()
	id := uuid.Must(uuid.NewV7()).String()
	u := login.User{ID: id, Email: id + "@example.com", Created: now, Updated: now}
	if err := db.CreateUser(t.Context(), u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return u.Factor()
}

// onEveryStore runs test on SQLite, and on a PostgreSQL database of its own where there is one.
func onEveryStore(t *testing.T, test func(t *testing.T, dsn string)) {
	t.Run("SQLite", func(t *testing.T) { test(t, "sqlite") })
	t.Run("PostgreSQL", func(t *testing.T) {
		admin := os.Getenv("VSEEID_TEST_POSTGRES")
		if admin == "" {
			t.Skip("VSEEID_TEST_POSTGRES is not set: make test starts one")
		}
		name := "factortest_" + strings.ReplaceAll(uuid.NewString(), "-", "")
		execute(t, t.Context(), admin, "CREATE DATABASE "+name)
		t.Cleanup(func() { execute(t, context.Background(), admin, "DROP DATABASE "+name+" WITH (FORCE)") })
		dsn, err := url.Parse(admin)
		if err != nil {
			t.Fatal(err)
		}
		dsn.Path = "/" + name
		test(t, dsn.String())
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

func answers(codes ...string) []factors.Answer {
	var out []factors.Answer
	for _, c := range codes {
		out = append(out, factors.Answer{Code: c})
	}
	return out
}

func grouped(s, between string) string {
	var groups []string
	for len(s) > 4 {
		groups = append(groups, s[:4])
		s = s[4:]
	}
	return strings.Join(append(groups, s), between)
}

// grounds are those of what is decided about a person now.
func grounds(t *testing.T, db *sqldb.DB, userID string) login.Grounds {
	t.Helper()
	u, err := db.User(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	return u.Grounds()
}
