package main

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

const goodPassword = "seven bright kites over the lake"

func TestCLI_UserCreate(t *testing.T) {
	c := newDeployment(t)
	created := c.documentWith(goodPassword+"\r\nnot this line\n", "user", "create", " Ann@Example.com", "--name", "Ann Lee", "--verified", "--locale", "de-ch", "--password-stdin")
	const now = "2026-03-04T05:06:07Z"
	equal(t, map[string]any{
		"id": created["id"], "email": "ann@example.com", "email_verified": true, "name": "Ann Lee", "locale": "de-CH",
		"has_password": true, "password_set": now, "disabled": nil, "created": now, "updated": now,
		"default_method": "", "enrollments": []any{}, "locks": []any{}, "orgs": []any{},
	}, created)
	equal(t, created, c.document("user", "show", "ANN@example.com"))
	equal(t, created, c.document("user", "show", strings.ToUpper(created["id"].(string))))
	c.verifies("ann@example.com", goodPassword)
	if without := c.document("user", "create", "ben@example.com", "--name", "Ben", "--no-password"); without["has_password"] != false || without["password_set"] != nil {
		t.Errorf("without a password: %v", without)
	}

	create := func(email string, more ...string) []string {
		return append([]string{"user", "create", email, "--name", "Eve Summerfield"}, more...)
	}
	for in, what := range map[string]string{
		"":                                 "holds no password",
		"\nsecond line\n":                  "holds no password",
		"too short\n":                      "use at least 15 characters",
		"passwordpassword\n":               "many people use",
		"evesummerfield2026\n":             "easy to guess here",
		strings.Repeat("x y", 2000) + "\n": "longer than 256 characters",
	} {
		c.failsWith(in, 2, what, create("eve@example.com", "--password-stdin")...)
	}
	c.fails(2, "one of --password-stdin and --no-password is missing", create("eve@example.com")...)
	c.fails(2, "can't be used together", create("eve@example.com", "--password-stdin", "--no-password")...)
	if usage, _, _ := strings.Cut(c.ok("user", "create", "--help"), "\n"); usage != "Usage: vseeid user create <email> [flags]" {
		t.Errorf("usage: %q", usage)
	}
	c.fails(2, "unknown flag --password", create("eve@example.com", "--password", goodPassword)...)
	c.fails(2, "is no mail address", create("eve", "--no-password")...)
	c.fails(2, "--locale", create("eve@example.com", "--no-password", "--locale", "!")...)
	c.fails(2, "--name is missing", "user", "create", "eve@example.com", "--no-password")
	c.fails(2, "--name has to be", "user", "create", "eve@example.com", "--no-password", "--name", " ")
	c.fails(1, `there is a person "ann@example.com" already`, create("Ann@example.com", "--no-password")...)
	equal(t, []string{"user_created create", "user_created create"}, c.changes())
}

// verifies fails unless text is the password of who has the mail address.
func (c *terminal) verifies(email, text string) {
	c.t.Helper()
	u, err := c.db().UserByEmail(c.t.Context(), email)
	if err != nil {
		c.t.Fatal(err)
	}
	h, err := password.New(password.Config{})
	if err != nil {
		c.t.Fatal(err)
	}
	if ok, _, err := h.Verify(c.t.Context(), u.PasswordHash, text); err != nil || !ok {
		c.t.Errorf("the password of %s: %v, %v", email, ok, err)
	}
}

func TestCLI_UserChange(t *testing.T) {
	c := newDeployment(t)
	ann := c.document("user", "create", "ann@example.com", "--name", "Ann", "--verified", "--no-password")
	c.ok("user", "create", "ben@example.com", "--name", "Ben", "--no-password")
	c.now = c.now.Add(time.Hour)

	ann["name"], ann["updated"] = "Ann Lee", "2026-03-04T06:06:07Z"
	equal(t, ann, c.document("user", "change", "ann@example.com", "--name", "Ann Lee"))
	ann["email"], ann["email_verified"] = "lee@example.com", false
	equal(t, ann, c.document("user", "change", "ann@example.com", "--email", "Lee@example.com"))
	ann["email"], ann["email_verified"], ann["locale"] = "ann@example.com", true, "en"
	equal(t, ann, c.document("user", "change", "lee@example.com", "--email", "ann@example.com", "--verified", "--locale", "en"))
	equal(t, false, c.document("user", "change", "ann@example.com", "--no-verified")["email_verified"])

	c.fails(1, `another person has the mail address "ben@example.com"`, "user", "change", "ann@example.com", "--email", "ben@example.com")
	c.fails(2, "is no mail address", "user", "change", "ann@example.com", "--email", "ben")
	c.fails(2, "no flag says what to change", "user", "change", "ann@example.com")
	for _, args := range [][]string{
		{"show"}, {"change", "--name", "X"}, {"disable"}, {"enable"}, {"delete"}, {"sessions"}, {"end-sessions"}, {"password", "--password-stdin"}, {"unlock"}, {"reset-mfa", "--reason", "x"}, {"ticket", "--reason", "x"},
	} {
		c.failsWith(goodPassword, 1, `there is no person "eve@example.com"`, append([]string{"user", args[0], "eve@example.com"}, args[1:]...)...)
	}

	equal(t, "2026-03-04T06:06:07Z", c.document("user", "disable", "ann@example.com")["disabled"])
	c.ok("user", "disable", "ann@example.com")
	equal(t, nil, c.document("user", "enable", "ann@example.com")["disabled"])
	c.ok("user", "enable", "ann@example.com")
	equal(t, map[string]any{"id": ann["id"], "deleted": true}, c.document("user", "delete", "ann@example.com"))
	c.fails(1, "there is no person", "user", "show", ann["id"].(string))
	if out := c.ok("user", "list"); strings.Contains(out, "Ann") || !strings.Contains(out, "Ben") {
		t.Errorf("user list: %q", out)
	}
	equal(t, []string{
		"user_created create", "user_created create", "user_updated change name", "user_updated change email email_verified",
		"user_updated change email email_verified locale", "user_updated change email_verified",
		"user_updated disable", "user_updated enable", "user_deleted delete",
	}, c.changes())
}

func TestCLI_UserSessions(t *testing.T) {
	c := newDeployment(t)
	ann := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")
	c.browse(ann["id"].(string))
	const now = "2026-03-04T05:06:07Z"
	listed := c.document("user", "sessions", "ann@example.com")
	one := listed["sessions"].([]any)[0].(map[string]any)
	equal(t, map[string]any{
		"id": one["id"], "created": now, "last_used": now, "ip": "192.0.2.7", "user_agent": "Browser\x1b[2J",
		"proofs": []any{map[string]any{"kind": "password", "at": now}},
	}, one)
	equal(t, ann["id"], listed["user_id"])
	if out := c.ok("user", "sessions", "ann@example.com"); !strings.Contains(out, "192.0.2.7") || strings.Contains(out, "\x1b") {
		t.Errorf("user sessions: %q", out)
	}
	equal(t, map[string]any{"user_id": ann["id"], "ended": 1.0}, c.document("user", "end-sessions", "ann@example.com"))
	equal(t, []any{}, c.document("user", "sessions", "ann@example.com")["sessions"].([]any))

	c.browse(ann["id"].(string))
	c.failsWith("short\n", 2, "at least 15", "user", "password", "ann@example.com", "--password-stdin")
	c.fails(2, "--password-stdin", "user", "password", "ann@example.com")
	equal(t, map[string]any{"user_id": ann["id"], "password_set": true},
		c.documentWith(goodPassword, "user", "password", "ann@example.com", "--password-stdin"))
	c.verifies("ann@example.com", goodPassword)
	equal(t, []any{}, c.document("user", "sessions", "ann@example.com")["sessions"].([]any))
	equal(t, []string{
		"user_created create", "session_logout all sessions ended", "authn_password_change password",
	}, c.changes())
}

// browse gives a person a session, with a browser that calls itself what it should not.
func (c *terminal) browse(userID string) {
	c.t.Helper()
	err := c.db().CreateSession(c.t.Context(), session.Session{
		ID: uuid.Must(uuid.NewV7()).String(), UserID: userID, Created: c.now, LastUsed: c.now, IP: "192.0.2.7", Agent: "Browser\x1b[2J",
		Evidence: []factors.Evidence{{Kind: factors.Password, Source: "password", Class: factors.Knows, AMR: []string{"pwd"}, At: c.now}},
	}, uuid.NewString(), storage.Trail{})
	if err != nil {
		c.t.Fatal(err)
	}
}

// count sets the failures of a person at a kind, of which nothing is verified for a minute.
func (c *terminal) count(userID string, k factors.Kind, failures int) {
	c.t.Helper()
	err := c.db().SwapAttempt(c.t.Context(), login.AttemptKey(k, userID), limit.Attempt{},
		limit.Attempt{Failures: failures, OpenAt: c.now.Add(time.Minute)}, storage.Trail{})
	if err != nil {
		c.t.Fatal(err)
	}
}

func TestT09_CLI_UserUnlock(t *testing.T) {
	c := newDeployment(t)
	id := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")["id"].(string)
	locks := func() []any { t.Helper(); return c.document("user", "show", id)["locks"].([]any) }
	c.count(id, factors.Password, 100)
	c.count(id, factors.TOTP, 7)
	closed := map[string]any{"kind": "password", "failures": 100.0, "closed": true, "until": nil}
	waits := map[string]any{"kind": "totp", "failures": 7.0, "closed": false, "until": "2026-03-04T05:07:07Z"}
	equal(t, []any{closed, waits}, locks())
	out := c.ok("user", "show", id)
	for _, line := range []string{"password, after 100 failures, until it is set up again", "totp, after 7 failures, until 2026-03-04 05:07:07 UTC"} {
		if !strings.Contains(out, line) {
			t.Errorf("user show has no %q: %q", line, out)
		}
	}
	c.documentWith(goodPassword, "user", "password", id, "--password-stdin") // another password is open
	equal(t, []any{waits}, locks())
	c.count(id, factors.Password, 100)
	equal(t, map[string]any{"user_id": id, "opened": []any{"password", "totp"}}, c.document("user", "unlock", "ann@example.com"))
	equal(t, []any{}, locks())
	equal(t, "Nothing was locked; the failures so far are forgotten.\n", c.ok("user", "unlock", id))
	c.count(id, factors.TOTP, 7)
	equal(t, "Open again: totp.\n", c.ok("user", "unlock", id))
	c.now = c.now.Add(time.Hour)
	equal(t, []any{}, locks())
	equal(t, []string{
		"user_created create", "authn_password_change password", "user_updated unlock", "user_updated unlock", "user_updated unlock",
	}, c.changes())
}

// TestCLI_UserShow says what support is asked for on the telephone: which factor, where it is, when it was used.
func TestCLI_UserShow(t *testing.T) {
	c := newDeployment(t)
	id := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")["id"].(string)
	add := func(e factors.Enrollment) {
		t.Helper()
		e.ID, e.UserID, e.Secret, e.Created, e.Confirmed = uuid.Must(uuid.NewV7()).String(), id, []byte("{}"), c.now, c.now
		u, err := c.db().User(t.Context(), id)
		must(t, err)
		if e.Kind == factors.TOTP {
			must(t, c.db().EnrollFirst(t.Context(), e, u.Grounds(), storage.Trail{}))
			return
		}
		must(t, c.db().AddEnrollment(t.Context(), e, u.Grounds(), false, storage.Trail{}))
	}
	add(factors.Enrollment{Kind: factors.TOTP})
	add(factors.Enrollment{Kind: factors.Passkey, Handle: []byte("a"), Name: "Work laptop", Place: factors.OnDevice, LastUsed: c.now.Add(time.Hour)})
	add(factors.Enrollment{Kind: factors.Passkey, Handle: []byte("b"), Place: factors.Synced})
	add(factors.Enrollment{Kind: factors.Passkey, Handle: []byte("c"), Name: "Blue key", Place: factors.OnKey})
	u, err := c.db().User(t.Context(), id)
	must(t, err)
	must(t, c.db().SetDefault(t.Context(), id, factors.TOTP, u.Grounds(), c.now, storage.Trail{}))
	out := strings.Join(strings.Fields(c.ok("user", "show", id)), " ")
	for _, want := range []string{
		"Asked first: totp",
		"Factor: totp, set up 2026-03-04 05:06:07 UTC, never used",
		`Factor: passkey of one device "Work laptop", set up 2026-03-04 05:06:07 UTC`,
		"Factor: passkey, synced, set up",
		`Factor: passkey in a security key "Blue key", set up`,
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in %s", want, out)
		}
	}
	shown := c.document("user", "show", id)
	equal(t, "totp", shown["default_method"])
	equal(t, "device", shown["enrollments"].([]any)[1].(map[string]any)["place"])
}

func TestCLI_UserResetMFA(t *testing.T) {
	c := newDeployment(t)
	id := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")["id"].(string)
	enrolled := factors.Enrollment{ID: uuid.NewString(), UserID: id, Kind: factors.TOTP, Secret: []byte("seed"), Created: c.now}
	if err := c.db().EnrollFirst(t.Context(), enrolled, login.Grounds{}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	code := factors.Enrollment{ID: uuid.NewString(), UserID: id, Kind: factors.Recovery, Secret: []byte("CODE"), Created: c.now}
	if err := c.db().ReplaceRecovery(t.Context(), code, login.Grounds{Changes: 1}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	c.browse(id)
	c.count(id, factors.TOTP, 50)
	t.Setenv("VSEEID_BRAND_NAME", "Riverside ID")
	t.Setenv("VSEEID_SUPPORT_ADDRESS", "nobody")
	c.fails(2, "--reason", "user", "reset-mfa", id)
	c.fails(2, "VSEEID_SUPPORT_ADDRESS", "user", "reset-mfa", id, "--reason", "x")
	t.Setenv("VSEEID_SUPPORT_ADDRESS", "help@vsee.example")
	c.fails(2, "reason has to be", "user", "reset-mfa", id, "--reason", " ")
	const reason = "lost the phone; called back on the number on file"
	equal(t, map[string]any{"user_id": id, "removed": 2.0, "has_password": false}, c.document("user", "reset-mfa", "ann@example.com", "--reason", reason))

	if text := c.ok("user", "reset-mfa", id, "--reason", reason); !strings.Contains(text, `has no password: set one with "vseeid user password`) {
		t.Errorf("of who has no password: %s", text)
	}
	c.okWith("mauve tractor lantern sixteen\n", "user", "password", id, "--password-stdin")
	if text := c.ok("user", "reset-mfa", id, "--reason", reason); strings.Contains(text, "no password") {
		t.Errorf("of who has a password: %s", text)
	}

	shown := c.document("user", "show", id)
	equal(t, []any{}, shown["enrollments"].([]any))
	equal(t, []any{}, shown["locks"].([]any))
	equal(t, []any{}, c.document("user", "sessions", id)["sessions"].([]any))
	events, err := c.db().Events(t.Context(), sqldb.EventFilter{Type: storage.FactorRemoved}, storage.Page{})
	if err != nil || len(events) != 3 {
		t.Fatalf("events %v, %v", events, err)
	}
	equal(t, map[string]string{"actor": "cli", "change": "reset mfa", "reason": reason}, events[0].Detail)
	mails, err := c.db().Mails(t.Context(), storage.Page{})
	if err != nil || len(mails) != 4 { // of each reset, and of the password
		t.Fatalf("mails %v, %v", mails, err)
	}
	if m := mails[len(mails)-1]; m.To != "ann@example.com" || !strings.Contains(m.Subject, "Riverside ID") || !strings.Contains(m.Text, "help@vsee.example") || strings.Contains(m.Text, "phone;") {
		t.Errorf("mail %+v", m)
	}
	enrolled.ID = uuid.NewString()
	now, err := c.db().User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.db().EnrollFirst(t.Context(), enrolled, now.Grounds(), storage.Trail{}); err != nil {
		t.Errorf("enrolling anew: %v", err)
	}
}

func TestCLI_UserTicket(t *testing.T) {
	c := newDeployment(t)
	id := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")["id"].(string)
	first := c.document("user", "ticket", "ann@example.com", "--reason", "new colleague; met in person")
	equal(t, "2026-03-04T06:06:07Z", first["expires"])
	second := c.document("user", "ticket", id, "--reason", "lost the first", "--valid", "10m")
	equal(t, "2026-03-04T05:16:07Z", second["expires"])
	burn := func(code any) error { return c.db().BurnTicket(t.Context(), id, code.(string), c.now, storage.Trail{}) }
	if err := burn(first["ticket"]); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("the replaced one: %v", err)
	}
	if err := burn(second["ticket"]); err != nil {
		t.Errorf("the new one: %v", err)
	}
	c.fails(2, "reason has to be", "user", "ticket", id, "--reason", " ")
	for _, valid := range []string{"30s", "25h"} {
		c.fails(2, "has to be good for 1m to 1d", "user", "ticket", id, "--reason", "x", "--valid", valid)
	}
	if out := c.ok("user", "ticket", id, "--reason", "by telephone"); !strings.Contains(out, "Ticket:") || !strings.Contains(out, "not by mail") {
		t.Errorf("ticket: %q", out)
	}
	events, err := c.db().Events(t.Context(), sqldb.EventFilter{Type: storage.TicketCreated}, storage.Page{})
	if err != nil || len(events) != 3 || events[2].Detail["reason"] != "new colleague; met in person" {
		t.Errorf("events %v, %v", events, err)
	}
}

// TestT16_AddressChangedByAnOperator tells the old and the new address, and trusts neither the new one
// nor what was verified of the old one.
func TestT16_AddressChangedByAnOperator(t *testing.T) {
	c := newDeployment(t)
	id := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password", "--verified")["id"].(string)
	changed := c.document("user", "change", id, "--email", "ann@new.example")
	if changed["email"] != "ann@new.example" || changed["email_verified"] != false {
		t.Errorf("changed: %v", changed)
	}
	c.okWith("a long pass phrase of its own\n", "user", "password", id, "--password-stdin")
	mails, err := c.db().Mails(t.Context(), storage.Page{})
	must(t, err)
	var told []string
	for _, m := range slices.Backward(mails) {
		told = append(told, m.To+": "+m.Subject)
	}
	equal(t, []string{
		"ann@example.com: The email address of your VSee account was changed",
		"ann@new.example: The email address of your VSee account was changed",
		"ann@new.example: The password of your VSee account was changed",
	}, told)
	u, err := c.db().User(t.Context(), id)
	must(t, err)
	if _, ok := login.Mailbox(u); ok {
		t.Error("codes would be mailed to an address that nobody verified")
	}
}
