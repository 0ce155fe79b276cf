package sqldb_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/session"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// TestLookupsHaveAnIndex asks PostgreSQL how it runs each statement that requests prepare, where there
// are many people. Each has to find its rows by an index, or it slows down with every person who comes.
func TestLookupsHaveAnIndex(t *testing.T) {
	var (
		mu    sync.Mutex
		texts []string
	)
	c := counter{parsed: func(query string) {
		mu.Lock()
		defer mu.Unlock()
		if !slices.Contains(texts, query) {
			texts = append(texts, query)
		}
	}}
	dsn := databases["PostgreSQL"](t)
	direct := migrated(t, sqldb.Config{DSN: dsn, MaxConns: 1})
	db := open(t, sqldb.Config{DSN: c.proxy(t, dsn), MaxConns: 1})
	crowd(t, direct)
	run(t, db)

	mu.Lock()
	defer mu.Unlock()
	if len(texts) < 40 {
		t.Fatalf("only %d statements were seen", len(texts))
	}
	conn, err := direct.SQL().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), "SET plan_cache_mode = force_generic_plan"); err != nil {
		t.Fatal(err)
	}
	for i, query := range texts {
		params := 0
		for strings.Contains(query, fmt.Sprintf("$%d", params+1)) {
			params++
		}
		statement := fmt.Sprintf("plan%d", i)
		execute := statement
		if params > 0 {
			execute += "(" + strings.TrimSuffix(strings.Repeat("NULL,", params), ",") + ")"
		}
		if _, err := conn.ExecContext(t.Context(), "PREPARE "+statement+" AS "+query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var text []byte
		if err := conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) EXECUTE "+execute).Scan(&text); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		var plans []struct{ Plan plan }
		if err := json.Unmarshal(text, &plans); err != nil {
			t.Fatal(err)
		}
		for _, p := range plans {
			for _, why := range p.Plan.scans() {
				t.Errorf("%s\n%s", why, query)
			}
		}
	}
}

// plan is a node of PostgreSQL's plan for a statement.
type plan struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Cond     string `json:"Index Cond"`
	Plans    []plan
}

// scans says what in a plan reads a whole table or a whole index.
func (p plan) scans() (out []string) {
	switch {
	case p.Type == "Seq Scan":
		out = append(out, "all of "+p.Relation+" is read by")
	case p.Index != "" && p.Cond == "":
		out = append(out, "all of the index "+p.Index+" is read by")
	}
	for _, child := range p.Plans {
		out = append(out, child.scans()...)
	}
	return out
}

// crowd fills the tables that grow with the people, so that it is worth looking things up.
func crowd(t *testing.T, db *sqldb.DB) {
	t.Helper()
	const people = ` FROM generate_series(1, 5000) i`
	for _, query := range []string{
		`INSERT INTO users (id, email, email_verified, name, locale, password_hash, created, updated, version)
			SELECT 'p' || i, 'p' || i || '@example.com', true, '', '', '', now(), now(), 1` + people,
		`INSERT INTO orgs (id, name, policy, epoch, created, updated, version) SELECT 'o' || i, '', '{}', 1, now(), now(), 1` + people,
		`INSERT INTO memberships (user_id, org_id, created) SELECT 'p' || i, 'o' || i, now()` + people,
		`INSERT INTO enrollments (id, user_id, kind, name, handle, step, created, ip, agent)
			SELECT 'k' || i, 'p' || i, 'passkey', '', decode(md5('k' || i), 'hex'), 0, now(), '', ''` + people,
		`INSERT INTO enrollments (id, user_id, kind, name, code, step, created, ip, agent)
			SELECT 'r' || i, 'p' || i, 'recovery', '', '', 0, now(), '', ''` + people,
		`INSERT INTO user_handles (user_id, handle) SELECT 'p' || i, decode(md5('u' || i), 'hex')` + people,
		`INSERT INTO mail_codes (id, user_id, code, tries, created, expires) SELECT 'c' || i, 'p' || i, '', 0, now(), now()` + people,
		`INSERT INTO tickets (user_id, code, created, expires) SELECT 'p' || i, '', now(), now()` + people,
		`INSERT INTO links (token, user_id, at, expires) SELECT decode(md5('l' || i), 'hex'), 'p' || i, now(), now()` + people,
		`INSERT INTO sessions (id, user_id, cookie, evidence, created, last_used, ip, agent, version)
			SELECT 'session ' || i, 'p' || i, decode(md5('s' || i), 'hex'), '[]', now(), now(), '', '', 1` + people,
		`INSERT INTO clients (id, name, auth_method, secrets, native, redirect_uris, post_logout_redirect_uris, origins, grant_types,
			scopes, audiences, default_acr, acr_voluntary, pkce_optional, id_token_alg, refresh_idle, refresh_overall, initiate_login_uri,
			created, updated, version)
			SELECT 'app ' || i, '', 'none', '[]', false, '[]', '[]', '[]', '[]', '[]', '[]', '', false, false, '', 1, 1, '', now(), now(), 1` + people,
		`INSERT INTO grants (id, client_id, user_id, revoked, scopes, audiences, redirect_uri, challenge, nonce, amr, acr, offline, generation,
			created, idle_until, expires) SELECT 'grant ' || i, 'app ' || i, 'p' || i, CASE i % 2 WHEN 0 THEN now() END, '[]', '[]', '', '', '', '[]', '',
			false, 0, now(), now(), now()` + people,
		`INSERT INTO events (id, at, type, user_id, detail, request_id, ip, agent) SELECT 'e' || i, now(), 'x', 'p' || i, '{}', 'r' || i, '', ''` + people,
		`INSERT INTO mails (id, user_id, recipient, subject, body, created, due, tries, reason, sent)
			SELECT 'mail ' || i, 'p' || i, 'p' || i || '@example.com', '', '', now(), now(), 1, '', now()` + people,
		`INSERT INTO attempts (key, failures, updated) SELECT 'totp:p' || i, 1, now()` + people,
		`ANALYZE`,
	} {
		if _, err := db.SQL().ExecContext(t.Context(), query); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
}

// run calls what looks something up, found or not.
func run(t *testing.T, db *sqldb.DB) {
	t.Helper()
	f := newFixture(t, db)
	ctx, now := context.WithoutCancel(t.Context()), f.now
	none, on := storage.Trail{}, login.Grounds{Changes: 2}
	removal := login.Removal{
		UserID: "u1", EnrollmentID: "e1", On: on, At: now, Keep: []factors.Kind{factors.TOTP, factors.Passkey}, Others: true, SessionID: "s1",
	}
	e := factors.Enrollment{ID: "e3", UserID: "u1", Kind: factors.Passkey, Handle: []byte("credential"), Created: now}
	second := func(_ any, err error) error { return err }
	for name, err := range map[string]error{
		"Standing":         second(db.Standing(ctx, "u1", "s1")),
		"Enrollments":      second(db.Enrollments(ctx, "u1")),
		"a handle taken":   db.AddEnrollment(ctx, e, on, false, none),
		"replaced":         db.AddEnrollment(ctx, factors.Enrollment{ID: "e4", UserID: "u1", Kind: factors.TOTP, Created: now}, on, true, none),
		"renamed":          db.RenameEnrollment(ctx, "u1", "e9", "name", on, none),
		"Passkey":          second(db.Passkey(ctx, []byte("none"))),
		"UsePasskey":       db.UsePasskey(ctx, "e9", 0, 1, nil, now),
		"UserHandle":       second(db.UserHandle(ctx, "u1")),
		"HasUserHandle":    second(db.HasUserHandle(ctx, "u1")),
		"KeepMailCode":     db.KeepMailCode(ctx, "u1", "c1", "1", now, now.Add(time.Hour), func([]time.Time) error { return nil }),
		"BurnMailCode":     db.BurnMailCode(ctx, "u1", "c1", "1", 5, now),
		"CreateTicket":     db.CreateTicket(ctx, "u1", "T", now, now.Add(time.Hour), none),
		"BurnTicket":       db.BurnTicket(ctx, "u1", "T", now, none),
		"Repudiate":        db.Repudiate(ctx, "token", now, now, none),
		"Renew":            db.Renew(ctx, "token", "hash", now, none),
		"Link":             second(db.Link(ctx, "none")),
		"MailState":        second(db.MailState(ctx, "none")),
		"ClaimMails":       second(db.ClaimMails(ctx, 10, now, time.Minute)),
		"MailFailed":       db.MailFailed(ctx, "none", now, ""),
		"SetDefault":       db.SetDefault(ctx, "u1", factors.TOTP, on, now, none),
		"ChangePassword":   db.ChangePassword(ctx, login.NewPassword{Hash: "y", At: now, Session: session.Session{ID: "s1", UserID: "u1", Version: 1}}, none),
		"EndOthers":        second(db.EndOthers(ctx, "u1", "s1", now, none)),
		"SessionsOf":       second(db.SessionsOf(ctx, "u1")),
		"EventsOf":         second(db.EventsOf(ctx, "u1", []storage.EventType{storage.SignedIn, storage.Enrolled}, 20)),
		"a reference":      second(db.Events(ctx, sqldb.EventFilter{RequestID: "r1", Since: now}, storage.Page{Limit: 20})),
		"PutOff":           db.PutOff(ctx, "u1", "o1", "by", 0, none),
		"RemoveEnrollment": db.RemoveEnrollment(ctx, removal, func(login.Removed) storage.Trail { return none }),
		"ResetFactors":     second(db.ResetFactors(ctx, "u1", now, none)),
		"SetPassword":      db.SetPassword(ctx, "u1", "hash", now, none),
	} {
		for _, expected := range []error{nil, storage.ErrNotFound, storage.ErrConflict, factors.ErrTaken} {
			if errors.Is(err, expected) {
				err = nil
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
