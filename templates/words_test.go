package templates

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// gaps are what the packages that ask for a message fill. Brand and App are always there.
var gaps = map[string][]string{
	"method.missing.mailbox": {"Until"},
	"attempt.wait":           {"Wait"}, "email.limit": {"Wait"}, "newpassword.short": {"Min"}, "notice.badrequest.body": {"Reason"},
}

// asked are the messages that other packages ask for, whatever they put their keys together from.
var asked = slices.Concat(
	under("identifier.", "empty", "format"), under("password.", "empty", "wrong"), under("code.", "empty", "format", "wrong", "replayed"),
	under("recovery.", "format", "wrong", "confirm"), under("attempt.", "wait", "closed"), under("busy.", "retry"),
	under("email.", "limit", "unsent", "expired", "empty", "format", "wrong"), under("ticket.", "wrong", "format", "empty"), under("name.", "empty", "long"),
	under("passkey.", "cancelled", "late", "elsewhere", "already", "unsupported", "nolock", "failed",
		"wrong", "unverified", "unknown", "expired", "taken", "cloned", "policy"),
	under("method.", "unlisted", "missing.policy", "missing.weak", "missing.weak.change", "missing.closed", "missing.closed.email", "missing.browser", "missing.unverified", "missing.mailbox", "missing.lesser", "missing.device"),
	under("newpassword.", "empty", "short", "long", "text", "common", "context", "same"),
	under("account.", "last", "full"),
	under("account.done.", "added.totp", "added.passkey", "removed.totp", "removed.totp.recovery", "removed.passkey", "removed.passkey.recovery", "renamed", "default", "password", "ended", "others", "recovery", "trust"),
	under("activity.", "signedin", "signedin.weaker", "confirmed", "failed.password", "failed.factor", "locked", "password", "password.support",
		"added", "added.totp", "added.passkey", "added.recovery", "removed", "removed.totp", "removed.passkey", "removed.recovery",
		"reset", "renamed", "suspect", "suspect.used", "default", "putoff", "ticket", "ticket.used", "code", "repudiated", "recovery", "lost", "reused",
		"ended", "ended.support", "created", "updated", "updated.verified", "updated.language", "updated.other", "unlocked", "disabled", "enabled"),
	under("lost.left.", "totp", "passkey"), under("link.finished.removed.", "passkey", "totp", "recovery"), under("notice.", "again", "gone.norestart", "back", "switch", "logout.yes"),
	both("notice.", "lost", "expired", "finished", "otherbrowser", "error", "badrequest", "disabled", "notmember", "unmet", "noenroll",
		"loggedout", "logout.confirm", "csrf", "root", "notfound", "method", "toomany", "stuck"),
)

// composed are the messages whose keys the pages put together from a kind, a state or a month.
var composed = slices.Concat(
	both("challenge.", "totp", "recovery", "email"), under("challenge.email.", "resent", "delayed", "refused"),
	under("method.", "totp", "passkey", "email", "recovery", "password"),
	under("method.", "totp.hint", "passkey.hint", "email.hint", "recovery.hint", "password.hint"),
	under("method.", "totp.enroll", "passkey.enroll", "email.enroll", "recovery.enroll", "password.enroll"),
	under("method.", "title", "lead", "enroll.title", "enroll.lead"),
	under("place.", "device", "synced", "key"), under("factor.remove.", "totp", "passkey"), under("replace.button.", "totp", "passkey"),
	under("date.month.", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"),
)

func under(prefix string, names ...string) []string {
	keys := make([]string, 0, len(names))
	for _, n := range names {
		keys = append(keys, prefix+n)
	}
	return keys
}

// both are a title and what stands below it.
func both(prefix string, names ...string) []string {
	var keys []string
	for _, n := range names {
		below := ".body"
		if prefix == "challenge." {
			below = ".lead"
		}
		keys = append(keys, prefix+n+".title", prefix+n+below)
	}
	return keys
}

// keysOf reads the keys of one message file.
func keysOf(t *testing.T, name string) []string {
	t.Helper()
	raw, err := messageFiles.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var messages map[string]any
	if err := json.Unmarshal(raw, &messages); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for k := range messages {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Every language says everything that English says, and nothing else.
func TestEveryLanguageIsWhole(t *testing.T) {
	names, err := fs.Glob(messageFiles, "messages/*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("message files %v: %v", names, err)
	}
	english := keysOf(t, "messages/en.json")
	for _, name := range names {
		if keys := keysOf(t, name); !slices.Equal(keys, english) {
			t.Errorf("%s has other keys than English", path.Base(name))
		}
	}
}

// Every key that is asked for is there, with the gaps that are filled, and no key is there that nobody asks for.
func TestEveryKeyIsSaidAndUsed(t *testing.T) {
	english := keysOf(t, "messages/en.json")
	for _, key := range asked {
		args := make(map[string]any)
		for _, g := range gaps[key] {
			args[g] = "filled"
		}
		said, err := Frame{Locale: "en"}.text(Text{Key: key, Args: args})
		if err != nil || said == "" {
			t.Errorf("%s: %q, %v", key, said, err)
		}
		if got := strings.Contains(said, "filled"); got != (len(gaps[key]) > 0) {
			t.Errorf("%s fills its gaps %v to %q", key, gaps[key], said)
		}
	}
	for _, key := range composed {
		if !slices.Contains(english, key) {
			t.Errorf("%s is missing", key)
		}
	}
	used := slices.Concat(asked, composed, literals(t, "."))
	for _, dir := range askers {
		used = append(used, literals(t, dir)...)
	}
	for _, key := range english {
		whole := strings.TrimSuffix(strings.TrimSuffix(key, ".title"), ".body")
		if !slices.Contains(used, key) && !slices.Contains(used, whole) {
			t.Errorf("nobody uses %s", key)
		}
	}
}

// askers are the packages that fill the pages.
var askers = []string{"../login", "../op", "../cmd/vseeid"}

// The packages that fill the pages ask for no message that does not exist.
func TestOtherPackagesAskForKnownKeys(t *testing.T) {
	english := keysOf(t, "messages/en.json")
	family := regexp.MustCompile(`^(identifier|password|code|recovery|method|attempt|busy|notice|passkey|email|ticket|name|newpassword|account|activity|link)(\.[a-z]+)+$`)
	for _, dir := range askers {
		for _, s := range literals(t, dir) {
			known := func(key string) bool { return slices.Contains(english, key) }
			if family.MatchString(s) && !known(s) && !known(s+".title") && !known("activity."+s) {
				t.Errorf("%s asks for %s", dir, s)
			}
		}
	}
}

// literals lists the string literals of a folder's Go files.
func literals(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if s, err := strconv.Unquote(lit.Value); err == nil {
					found = append(found, s)
				}
			}
			return true
		})
	}
	return found
}

func TestDurationsInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                              "1 second",
		time.Second:                    "1 second",
		1200 * time.Millisecond:        "2 seconds",
		time.Minute:                    "60 seconds",
		time.Minute + time.Millisecond: "2 minutes",
		14*time.Minute + time.Second:   "15 minutes",
		2 * time.Hour:                  "120 minutes",
		2*time.Hour + time.Second:      "3 hours",
		24 * time.Hour:                 "24 hours",
		48 * time.Hour:                 "48 hours",
		48*time.Hour + time.Second:     "3 days",
		14 * 24 * time.Hour:            "14 days",
	} {
		said, err := words.text("en", Text{Key: "attempt.wait", Args: map[string]any{"Wait": d}})
		if err != nil || !strings.Contains(said, "Wait "+want+",") {
			t.Errorf("%v is said as %q, %v; want %q", d, said, err, want)
		}
	}
}

func TestLocale(t *testing.T) {
	for _, test := range []struct {
		ui     []string
		accept string
		want   string
	}{
		{nil, "", "en"},
		{[]string{"en-GB"}, "", "en"},
		{[]string{"xx", "not a language", ""}, "de;q=0.9", "en"},
		{nil, strings.Repeat("-", 4000), "en"},
		{nil, "\x00;;;", "en"},
	} {
		if got := Locale(test.ui, test.accept); got != test.want {
			t.Errorf("Locale(%q, %.20q) = %q, want %q", test.ui, test.accept, got, test.want)
		}
	}
}

// A file more is a language more.
func TestAddedLanguage(t *testing.T) {
	c, err := newCatalog(fstest.MapFS{
		"messages/en.json":    {Data: []byte(`{"continue": "Continue", "back": "Back"}`)},
		"messages/ar.json":    {Data: []byte(`{"continue": "متابعة"}`)},
		"messages/pt-BR.json": {Data: []byte(`{"continue": "Continuar"}`)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ui     []string
		accept string
		want   string
	}{
		{[]string{"ar"}, "pt-BR", "ar"},
		{[]string{"fr", "pt"}, "ar", "pt-BR"},
		{nil, "fr-CH, pt;q=0.8, en;q=0.7", "pt-BR"},
		{nil, "ar-EG", "ar"},
		{nil, "fr", "en"},
	} {
		if got := c.locale(test.ui, test.accept); got != test.want {
			t.Errorf("locale(%q, %q) = %q, want %q", test.ui, test.accept, got, test.want)
		}
	}
	if said, err := c.text("ar", Text{Key: "continue"}); err != nil || said != "متابعة" {
		t.Errorf("said %q, %v", said, err)
	}
	if said, err := c.text("xx", Text{Key: "continue"}); err != nil || said != "Continue" {
		t.Errorf("an unknown language says %q, %v", said, err)
	}
	if got := direction("ar"); got != "rtl" {
		t.Errorf("Arabic is written %s", got)
	}
	if got := direction("pt-BR"); got != "ltr" {
		t.Errorf("Portuguese is written %s", got)
	}
}

func TestBrokenMessageFiles(t *testing.T) {
	for name, content := range map[string]string{"messages/en.json": "{", "messages/notalanguage.json": "{}"} {
		if _, err := newCatalog(fstest.MapFS{name: {Data: []byte(content)}}); err == nil {
			t.Errorf("%s with %q is taken", name, content)
		}
	}
}

// A day is said in UTC, and what is counted in singular or plural.
func TestDaysAndNumbersInWords(t *testing.T) {
	east := time.FixedZone("east", 3*60*60)
	for _, test := range []struct {
		leave Leave
		want  []string
	}{
		{Leave{}, nil},
		{Leave{Until: time.Date(2026, time.December, 4, 1, 0, 0, 0, east)}, []string{"You can do this until 3 December 2026."}},
		{Leave{Skips: 1, Org: "Riverside"}, []string{"Riverside asks everyone for a second step at sign-in.", "You can put this off 1 more time."}},
		{Leave{Skips: 2}, []string{"You can put this off 2 more times."}},
	} {
		var said []string
		for _, w := range test.leave.words() {
			s, err := Frame{Locale: "en"}.text(w)
			if err != nil {
				t.Fatal(err)
			}
			said = append(said, s)
		}
		if !slices.Equal(said, test.want) {
			t.Errorf("%+v is said as %q, want %q", test.leave, said, test.want)
		}
	}
	if got, err := (Frame{}).clock(time.Date(2026, time.January, 2, 1, 4, 0, 0, east)); err != nil || got != "1 January 2026, 22:04 UTC" {
		t.Errorf("a moment is said as %q, %v", got, err)
	}
}
