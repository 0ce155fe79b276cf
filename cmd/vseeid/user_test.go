package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
)

const goodPassword = "seven bright kites over the lake"

func TestCLI_UserCreate(t *testing.T) {
	c := newDeployment(t)
	created := c.documentWith(goodPassword+"\r\nnot this line\n", "user", "create", " Ann@Example.com", "--name", "Ann Lee", "--verified", "--locale", "de-ch", "--password-stdin")
	const now = "2026-03-04T05:06:07Z"
	equal(t, map[string]any{
		"id": created["id"], "email": "ann@example.com", "email_verified": true, "name": "Ann Lee", "locale": "de-CH",
		"has_password": true, "password_set": now, "disabled": nil, "created": now, "updated": now,
		"enrollments": []any{}, "orgs": []any{},
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
	c.fails(2, "--password-stdin or --no-password", create("eve@example.com")...)
	c.fails(2, "unknown flag --password", create("eve@example.com", "--password", goodPassword)...)
	c.fails(2, "is no mail address", create("eve", "--no-password")...)
	c.fails(2, "--locale", create("eve@example.com", "--no-password", "--locale", "!")...)
	c.fails(2, "--name has to be", "user", "create", "eve@example.com", "--no-password")
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
		{"show"}, {"change", "--name", "X"}, {"disable"}, {"enable"}, {"delete"}, {"sessions"}, {"end-sessions"}, {"password", "--password-stdin"},
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
	equal(t, map[string]any{"user_id": ann["id"], "password_set": true, "ended": 1.0},
		c.documentWith(goodPassword, "user", "password", "ann@example.com", "--password-stdin"))
	c.verifies("ann@example.com", goodPassword)
	equal(t, []string{
		"user_created create", "session_logout all sessions ended", "authn_password_change password", "session_logout all sessions ended",
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
