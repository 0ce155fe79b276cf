package main

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/vsee/vseeid"

// house says of every package which others it may import: ours by their folder ("login/*" is all
// below login), those of other modules by the beginning of their path. The standard library is
// everybody's. A package that is not listed may not exist.
//
//	cmd → op → login → factors; the stores point inward; storage and templates are leaves
var house = map[string]struct{ ours, others []string }{
	"cmd/vseeid": {ours: []string{"*"}, others: []string{
		"github.com/alecthomas/kong", "github.com/google/uuid", "golang.org/x/term", "golang.org/x/text",
		"sigs.k8s.io/yaml",
	}},
	"cmd/vseeid/demo": {ours: []string{"op/resource"}, others: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2"}},

	"op": {ours: []string{"login", "op/keys", "op/request", "op/token", "storage", "templates"}, others: []string{
		"github.com/zitadel/oidc/v3", "github.com/google/uuid", "golang.org/x/sync",
	}},
	"op/request": {others: []string{"github.com/zitadel/oidc/v3"}},
	"op/token": {ours: []string{"op/keys"}, others: []string{
		"github.com/zitadel/oidc/v3", "github.com/go-jose/go-jose/v4", "github.com/google/uuid",
	}},
	"op/keys":     {ours: []string{"storage"}, others: []string{"github.com/go-jose/go-jose/v4"}},
	"op/resource": {others: []string{"github.com/go-jose/go-jose/v4"}},
	"op/optest":   {ours: []string{"op"}, others: []string{"github.com/coreos/go-oidc/v3", "golang.org/x/oauth2", "golang.org/x/net"}},

	"login": {ours: []string{"factors", "login/*", "storage", "templates"}, others: []string{
		"github.com/google/uuid", "golang.org/x/text",
	}},
	"login/password": {others: []string{"github.com/go-crypt/crypt", "golang.org/x/crypto", "golang.org/x/text"}},
	"login/session":  {ours: []string{"factors", "storage"}},
	"login/limit":    {},
	"login/agent":    {others: []string{"github.com/mileusna/useragent"}},
	"login/notice": {ours: []string{"factors", "login/agent", "storage", "templates"}, others: []string{
		"github.com/wneessen/go-mail",
	}},

	"api": {ours: []string{"op", "op/keys", "op/token", "login", "login/*", "factors", "storage", "templates"}, others: []string{"github.com/oapi-codegen/runtime"}},

	"factors": {},
	"factors/totp": {ours: []string{"factors", "storage"}, others: []string{
		"github.com/pquerna/otp", "github.com/boombuler/barcode", "github.com/google/uuid",
	}},
	"factors/passkey": {ours: []string{"factors", "storage"}, others: []string{
		"github.com/go-webauthn/webauthn", "github.com/google/uuid",
	}},
	"factors/passkey/passkeytest": {others: []string{"github.com/go-webauthn/webauthn", "github.com/fxamacher/cbor/v2"}},
	"factors/emailcode":           {ours: []string{"factors", "storage"}, others: []string{"github.com/google/uuid"}},
	"factors/recovery":            {ours: []string{"factors", "storage"}, others: []string{"github.com/google/uuid"}},
	"factors/factortest":          {ours: []string{"factors"}, others: []string{"github.com/google/go-cmp"}},

	"storage":        {},
	"storage/secret": {others: []string{"github.com/tink-crypto/tink-go/v2"}},
	"storage/sqldb": {ours: []string{"storage", "storage/secret", "op", "op/keys", "login", "login/*", "factors"}, others: []string{
		"github.com/jackc/pgx/v5", "modernc.org/sqlite", "github.com/pressly/goose/v3", "github.com/google/uuid",
	}},
	"storage/redisdb": {ours: []string{"storage", "storage/secret", "op", "login", "login/*", "factors"}, others: []string{
		"github.com/redis/go-redis/v9",
	}},
	"storage/memory": {ours: []string{"storage", "op", "login", "login/*", "factors"}},
	"storage/storagetest": {ours: []string{"storage", "storage/*", "op", "op/keys", "login", "login/*", "factors"}, others: []string{
		"github.com/google/go-cmp", "github.com/jackc/pgx/v5",
	}},

	"templates": {others: []string{
		"github.com/a-h/templ", "github.com/nicksnyder/go-i18n/v2", "golang.org/x/text",
	}},
	"templates/browsertest": {others: []string{"github.com/chromedp/chromedp", "github.com/chromedp/cdproto"}},
}

// emptyNames say nothing of what a package is for.
var emptyNames = []string{"util", "utils", "pkg", "common", "models", "services", "helpers", "helper", "mocks", "internal", "misc", "base"}

// TestImports holds every package to the table.
func TestImports(t *testing.T) {
	found := imports(t)
	for name, imported := range found {
		may, listed := house[name]
		if !listed {
			t.Errorf("%s is in no line of the table: say there what it may import", name)
			continue
		}
		for _, i := range imported {
			ours, isOurs := strings.CutPrefix(i, module+"/")
			switch {
			case isOurs && !slices.ContainsFunc(may.ours, func(p string) bool { return covers(p, ours) }):
				t.Errorf("%s imports %s, which is not its to know", name, ours)
			case !isOurs && !standard(i) && !slices.ContainsFunc(may.others, func(p string) bool { return i == p || strings.HasPrefix(i, p+"/") }):
				t.Errorf("%s imports %s, which is not in its line of the table", name, i)
			}
		}
	}
	for name := range house {
		if _, ok := found[name]; !ok {
			t.Errorf("%s is in the table and does not exist", name)
		}
	}
}

// TestPackageNames refuses names that would let a package become a drawer.
func TestPackageNames(t *testing.T) {
	for name := range imports(t) {
		for _, part := range strings.Split(name, "/") {
			if slices.Contains(emptyNames, part) {
				t.Errorf("%s: %q says nothing of what it is for", name, part)
			}
		}
	}
}

func covers(pattern, name string) bool {
	below, ok := strings.CutSuffix(pattern, "*")
	return pattern == name || ok && strings.HasPrefix(name, below)
}

// standard reports whether an import path is of the standard library: its first part has no dot.
func standard(i string) bool {
	first, _, _ := strings.Cut(i, "/")
	return !strings.Contains(first, ".")
}

// imports asks the go command what every package of the module imports, tests left out.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip("there is no go command on the path to ask for imports")
	}
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"/...").Output()
	must(t, err)
	found := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else {
			must(t, err)
		}
		found[strings.TrimPrefix(p.ImportPath, module+"/")] = p.Imports
	}
	if !slices.Contains(slices.Collect(maps.Keys(found)), path.Join("cmd", "vseeid")) {
		t.Fatal("the go command did not list this package")
	}
	return found
}
