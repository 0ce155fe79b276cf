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

// asked are the messages that other packages ask for, with the gaps that they fill. Brand and App are always there.
var asked = map[string][]string{
	"identifier.empty": nil, "identifier.format": nil,
	"password.empty": nil, "password.wrong": nil,
	"code.empty": nil, "code.format": nil, "code.wrong": nil, "code.replayed": nil,
	"recovery.format": nil, "recovery.wrong": nil, "recovery.confirm": nil,
	"attempt.wait": {"Wait"}, "attempt.closed": nil, "busy.retry": nil, "method.unlisted": nil,
	"notice.lost.title": nil, "notice.lost.body": nil,
	"notice.expired.title": nil, "notice.expired.body": nil,
	"notice.finished.title": nil, "notice.finished.body": nil,
	"notice.otherbrowser.title": nil, "notice.otherbrowser.body": nil,
	"notice.again": nil, "notice.gone.norestart": nil, "notice.back": nil, "notice.switch": nil,
	"notice.error.title": nil, "notice.error.body": nil,
	"notice.badrequest.title": nil, "notice.badrequest.body": {"Reason"},
	"notice.disabled.title": nil, "notice.disabled.body": nil,
	"notice.notmember.title": nil, "notice.notmember.body": nil,
	"notice.unmet.title": nil, "notice.unmet.body": nil,
	"notice.noenroll.title": nil, "notice.noenroll.body": nil,
	"notice.loggedout.title": nil, "notice.loggedout.body": nil,
	"notice.logout.confirm.title": nil, "notice.logout.confirm.body": nil, "notice.logout.yes": nil,
	"notice.csrf.title": nil, "notice.csrf.body": nil,
	"notice.root.title": nil, "notice.root.body": nil,
	"notice.notfound.title": nil, "notice.notfound.body": nil,
	"notice.method.title": nil, "notice.method.body": nil,
	"notice.toomany.title": nil, "notice.toomany.body": nil,
}

// composed are the messages whose keys the pages put together from the kind of a factor.
var composed = []string{
	"challenge.totp.title", "challenge.totp.lead", "challenge.recovery.title", "challenge.recovery.lead",
	"method.totp", "method.totp.hint", "method.recovery", "method.recovery.hint",
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
	for key, gaps := range asked {
		args := make(map[string]any)
		for _, g := range gaps {
			args[g] = "filled"
		}
		said, err := Frame{Locale: "en"}.text(Text{Key: key, Args: args})
		if err != nil || said == "" {
			t.Errorf("%s: %q, %v", key, said, err)
		}
		if got := strings.Contains(said, "filled"); got != (len(gaps) > 0) {
			t.Errorf("%s fills its gaps %v to %q", key, gaps, said)
		}
	}
	used := slices.Concat(composed, literals(t, "."))
	for _, key := range english {
		if _, ok := asked[key]; !ok && !slices.Contains(used, key) {
			t.Errorf("nobody uses %s", key)
		}
	}
	for _, key := range composed {
		if !slices.Contains(english, key) {
			t.Errorf("%s is missing", key)
		}
	}
}

// The packages that fill the pages ask for no message that does not exist.
func TestOtherPackagesAskForKnownKeys(t *testing.T) {
	english := keysOf(t, "messages/en.json")
	notice := regexp.MustCompile(`^notice\.[a-z.]*[a-z]$`)
	for _, dir := range []string{"../login", "../op", "../cmd/vseeid"} {
		for _, s := range literals(t, dir) {
			if notice.MatchString(s) && !slices.Contains(english, s) && !slices.Contains(english, s+".title") {
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
