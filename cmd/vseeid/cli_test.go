package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// terminal is somebody at a command line, with an SQLite file and a time of their own.
type terminal struct {
	t    *testing.T
	path string
	keys *secret.Keys
	now  time.Time
}

// newTerminal has settings in its environment, and no database yet.
func newTerminal(t *testing.T) *terminal {
	t.Helper()
	master := secret.NewKey()
	keys, err := secret.Parse(master)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vseeid.db")
	for name, value := range map[string]string{
		"VSEEID_DATABASE_URL": "sqlite:" + path, "VSEEID_DATABASE_URL_FILE": "", "VSEEID_DATABASE_CONNS": "4",
		"VSEEID_MASTER_KEYS": master, "VSEEID_MASTER_KEYS_FILE": "", "VSEEID_ISSUER": "", "VSEEID_SMTP_URL": "",
	} {
		t.Setenv(name, value)
	}
	return &terminal{t: t, path: path, keys: keys, now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
}

// newDeployment is a terminal with a database of the right schema.
func newDeployment(t *testing.T) *terminal {
	t.Helper()
	c := newTerminal(t)
	c.ok("migrate", "up")
	return c
}

// run types a command. Whatever it answers, no hash is in it.
func (c *terminal) run(in string, args ...string) (code int, out, errs string) {
	c.t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(process{
		ctx: c.t.Context(), in: strings.NewReader(in), out: &stdout, err: &stderr, now: func() time.Time { return c.now },
	}, args)
	for _, word := range []string{"argon2", `"hash"`, "password_hash"} {
		if strings.Contains(stdout.String()+stderr.String(), word) {
			c.t.Errorf("%q answers with %q", args, word)
		}
	}
	return code, stdout.String(), stderr.String()
}

// ok types a command that works, and returns what it answers.
func (c *terminal) ok(args ...string) string {
	c.t.Helper()
	return c.okWith("", args...)
}

func (c *terminal) okWith(in string, args ...string) string {
	c.t.Helper()
	code, out, errs := c.run(in, args...)
	if code != 0 || errs != "" || out == "" {
		c.t.Fatalf("%q: exit %d, out %q, err %q", args, code, out, errs)
	}
	return out
}

// document types a command that works, with --json.
func (c *terminal) document(args ...string) map[string]any {
	c.t.Helper()
	return c.documentWith("", args...)
}

func (c *terminal) documentWith(in string, args ...string) map[string]any {
	c.t.Helper()
	d := json.NewDecoder(strings.NewReader(c.okWith(in, append(args, "--json")...)))
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		c.t.Fatalf("%q: %v", args, err)
	}
	if d.More() {
		c.t.Fatalf("%q answers with more than one document", args)
	}
	return out
}

// fails types a command that exits with code, says what in one line, and answers nothing.
func (c *terminal) fails(code int, what string, args ...string) {
	c.t.Helper()
	c.failsWith("", code, what, args...)
}

func (c *terminal) failsWith(in string, code int, what string, args ...string) {
	c.t.Helper()
	got, out, errs := c.run(in, args...)
	if got != code || out != "" || strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "vseeid: ") || !strings.Contains(errs, what) {
		c.t.Errorf("%q: exit %d, out %q, err %q; want exit %d and %q", args, got, out, errs, code, what)
	}
}

// db opens the database beside the commands.
func (c *terminal) db() *sqldb.DB {
	c.t.Helper()
	db, err := sqldb.Open(c.t.Context(), sqldb.Config{DSN: "sqlite:" + c.path, Keys: c.keys})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		if err := db.Close(); err != nil {
			c.t.Error(err)
		}
	})
	return db
}

// changes are the audit events, oldest first, as type and change. Each names its actor.
func (c *terminal) changes() []string {
	c.t.Helper()
	events, err := c.db().Events(c.t.Context(), sqldb.EventFilter{}, storage.Page{Limit: storage.MaxPage})
	if err != nil {
		c.t.Fatal(err)
	}
	var out []string
	for _, e := range slices.Backward(events) {
		if e.Detail["actor"] != "cli" || e.At.IsZero() {
			c.t.Errorf("event %s at %s names the actor %q", e.Type, e.At, e.Detail["actor"])
		}
		out = append(out, strings.TrimSpace(string(e.Type)+" "+e.Detail["change"]+" "+e.Detail["fields"]))
	}
	return out
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// fieldsOf are the names in a document.
func fieldsOf(document map[string]any) []string { return slices.Sorted(maps.Keys(document)) }

func TestCLI_Usage(t *testing.T) {
	c := newDeployment(t)
	for _, bare := range [][]string{{"client"}, {"org"}, {"user"}, {"keys"}, {"migrate"}, {"client", "show"}, {"user", "list", "--unknown"}, {"org", "member", "add", "riverside"}} {
		c.fails(2, "see --help", bare...)
	}
	c.fails(2, "--limit is 0", "user", "list", "--limit", "0")
	c.fails(2, "--limit is 201", "client", "list", "--limit", "201")
	for _, group := range []string{"client", "org", "user", "keys", "migrate"} {
		if out := c.ok(group, "--help"); !strings.Contains(out, "Usage: vseeid "+group) {
			t.Errorf("%s --help: %q", group, out)
		}
	}
}

func TestCLI_Version(t *testing.T) {
	if out := newTerminal(t).ok("--version"); !strings.HasPrefix(out, "vseeid ") || !strings.Contains(out, runtime.Version()) || strings.Count(out, "\n") != 1 {
		t.Errorf("--version: %q", out)
	}
	got := described(&debug.BuildInfo{GoVersion: "go1.26", Main: debug.Module{Version: "v1.2.3"}, Settings: []debug.BuildSetting{
		{Key: "vcs.revision", Value: "0123456789abcdef"}, {Key: "vcs.modified", Value: "true"},
	}})
	if want := "v1.2.3 (0123456789ab, changed since) go1.26"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCLI_Settings(t *testing.T) {
	c := newDeployment(t)
	t.Setenv("VSEEID_MASTER_KEYS", "")
	c.fails(2, "VSEEID_MASTER_KEYS is not set", "user", "list")
	t.Setenv("VSEEID_DATABASE_URL", "")
	c.fails(2, "VSEEID_DATABASE_URL is not set", "user", "list")

	// What `vseeid dev` uses, by its file.
	master := filepath.Join(t.TempDir(), "master.key")
	c.ok("keys", "new-master", "--file", master)
	t.Setenv("VSEEID_MASTER_KEYS_FILE", master)
	t.Setenv("VSEEID_DATABASE_URL", "sqlite:"+c.path)
	c.ok("user", "list")
}

func TestCLI_Schema(t *testing.T) {
	c := newTerminal(t)
	c.fails(1, "there is no database at "+c.path, "user", "list")
	c.fails(1, "there is no database at "+c.path, "migrate", "status")
	if _, err := os.Stat(c.path); err == nil {
		t.Error("a command that only looks has made a database")
	}

	c.db() // an empty file
	c.fails(1, `the database is empty; run "vseeid migrate up" first`, "user", "list")
	pending := c.document("migrate", "status")
	equal(t, []string{"fits", "migrations", "problem"}, fieldsOf(pending))
	if pending["fits"] != false || !strings.Contains(pending["problem"].(string), "migrate up") {
		t.Errorf("an empty database: %v", pending)
	}

	done := c.document("migrate", "up")
	if done["fits"] != true || done["problem"] != "" {
		t.Errorf("after migrate up: %v", done)
	}
	first := done["migrations"].([]any)[0].(map[string]any)
	equal(t, []string{"applied", "name", "version"}, fieldsOf(first))
	if first["applied"] == nil {
		t.Error("a step that was applied has no time")
	}
	equal(t, done, c.document("migrate", "up"))
	if out := c.ok("migrate", "status"); !strings.Contains(out, "The schema is the one that this program knows.") {
		t.Errorf("migrate status: %q", out)
	}

	raw, err := sql.Open("sqlite", c.path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := raw.ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)`); err != nil {
		t.Fatal(err)
	}
	if err := raw.Close(); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"user", "list"},
		{"client", "list"},
		{"org", "list"},
		{"keys", "list"},
		{"keys", "rotate"},
		{"migrate", "up"},
		{"org", "create", "riverside", "--name", "Riverside"},
		{"user", "create", "ann@example.com", "--name", "Ann", "--no-password"},
	} {
		c.fails(1, "run the newer program that migrated it", args...)
	}
	if ahead := c.document("migrate", "status"); ahead["fits"] != false {
		t.Errorf("a database that is ahead: %v", ahead)
	}
}

func TestCLI_Keys(t *testing.T) {
	c := newDeployment(t)
	equal(t, map[string]any{"keys": []any{}}, c.document("keys", "list"))
	c.ok("keys", "rotate")
	c.now = c.now.Add(time.Hour)
	rotated := c.document("keys", "rotate")
	states := map[string]int{}
	for _, k := range rotated["keys"].([]any) {
		k := k.(map[string]any)
		equal(t, []string{"active_from", "alg", "created", "expires", "generation", "kid", "state"}, fieldsOf(k))
		states[k["alg"].(string)+" "+k["state"].(string)]++
	}
	equal(t, map[string]int{"RS256 signing": 1, "RS256 next": 1, "ES256 signing": 1, "ES256 next": 1}, states)
	equal(t, rotated, c.document("keys", "list"))

	c.now = c.now.Add(time.Hour)
	if out := c.ok("keys", "list"); strings.Count(out, "retired") != 2 || strings.Count(out, "signing") != 2 {
		t.Errorf("an hour after a rotation:\n%s", out)
	}
	equal(t, slices.Repeat([]string{"signing_key_created rotate"}, 4), c.changes())

	t.Setenv("VSEEID_MASTER_KEYS", secret.NewKey())
	const wrong = "perhaps because VSEEID_MASTER_KEYS are not those of this database"
	c.fails(1, wrong, "keys", "list")
	c.fails(1, wrong, "keys", "rotate")
	c.fails(1, wrong, "client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")
	c.fails(1, `no client "portal"`, "client", "show", "portal")
}

func TestCLI_NewMaster(t *testing.T) {
	c := newTerminal(t)
	t.Setenv("VSEEID_DATABASE_URL", "")
	t.Setenv("VSEEID_MASTER_KEYS", "")
	one := strings.TrimSpace(c.ok("keys", "new-master"))
	other, _ := c.document("keys", "new-master")["master_key"].(string)
	if _, err := secret.Parse(one + "," + other); err != nil || one == other {
		t.Errorf("two master keys cannot be used: %v", err)
	}

	path := filepath.Join(t.TempDir(), "master.key")
	equal(t, map[string]any{"file": path, "created": true}, c.document("keys", "new-master", "--file", path))
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := secret.Parse(string(written)); err != nil {
		t.Error(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("the file: %v, %v", info.Mode(), err)
	}
	equal(t, map[string]any{"file": path, "created": false}, c.document("keys", "new-master", "--file", path))
	if out := c.ok("keys", "new-master", "--file", path); !strings.Contains(out, "kept as it is") || strings.Contains(out, strings.TrimSpace(string(written))) {
		t.Errorf("an existing file: %q", out)
	}
	if again, err := os.ReadFile(path); err != nil || !bytes.Equal(written, again) {
		t.Error("an existing master key was replaced")
	}
	c.fails(1, "no such file or directory", "keys", "new-master", "--file", filepath.Join(path+".d", "key"))
}

func TestCLI_ListsArePaged(t *testing.T) {
	c := newDeployment(t)
	for _, id := range []string{"a", "b", "c"} {
		c.ok("client", "create", id, "--name", id, "--public", "--redirect-uri", "https://app.example.com/cb")
		c.ok("org", "create", id, "--name", id)
		c.ok("user", "create", id+"@example.com", "--name", "Person", "--no-password")
		c.ok("org", "member", "add", "a", id+"@example.com")
	}
	for name, command := range map[string][]string{
		"clients": {"client", "list"}, "orgs": {"org", "list"}, "users": {"user", "list"}, "members": {"org", "member", "list", "a"},
	} {
		first := c.document(append(command, "--limit", "2")...)
		equal(t, slices.Sorted(slices.Values([]string{name, "next_after"})), fieldsOf(first))
		next, _ := first["next_after"].(string)
		last := c.document(append(command, "--limit", "2", "--after", next)...)
		if len(first[name].([]any)) != 2 || len(last[name].([]any)) != 1 || last["next_after"] != "" {
			t.Errorf("%s: %v, then %v", name, first, last)
		}
		if out := c.ok(append(command, "--limit", "2")...); !strings.Contains(out, "There may be more: --after "+next) {
			t.Errorf("%s: %q", name, out)
		}
	}
}
