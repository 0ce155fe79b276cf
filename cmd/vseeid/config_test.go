package main

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"

	"github.com/vsee/vseeid/storage/secret"
)

// goodSettings are flags that serve would start with, were there a database.
func goodSettings(t testing.TB) map[string]string {
	return map[string]string{
		"issuer":       "https://id.example.com",
		"listen":       "127.0.0.1:0",
		"database-url": "sqlite:" + filepath.Join(t.TempDir(), "vseeid.db"),
		"master-keys":  secret.NewKey(),
		"redis-url":    "memory:",
	}
}

// runWith runs the program in this process, with flags from a map; an empty value leaves one out.
func runWith(t testing.TB, command string, flags map[string]string) (code int, stdout, stderr string) {
	t.Helper()
	args := strings.Fields(command)
	for name, value := range flags {
		if value != "" {
			args = append(args, "--"+name+"="+value)
		}
	}
	var out, errs bytes.Buffer
	code = run(process{ctx: t.Context(), in: strings.NewReader(""), out: &out, err: &errs, now: time.Now}, args)
	return code, out.String(), errs.String()
}

// TestBadSettings gives serve one bad setting after the other. Each ends the program, before
// anything is opened, with one sentence that names the setting and says what to set.
func TestBadSettings(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	empty, text := file("empty", "\n"), file("text.txt", "text")
	big := file("big.png", strings.Repeat("x", logoBytes+1))
	zeros := base64.StdEncoding.EncodeToString(make([]byte, secret.KeyBytes))
	words := base64.StdEncoding.EncodeToString([]byte("a passphrase is not a random key"))

	for _, c := range []struct{ flag, value, names, says string }{
		{"rp-id", "other.example", "VSEEID_RP_ID", "set it to id.example.com or a domain above it"},
		{"rp-id", "com", "VSEEID_RP_ID", "a domain above it"},
		{"rp-id", "ample.com", "VSEEID_RP_ID", "a domain above it"},
		{"rp-id", "Example.com", "VSEEID_RP_ID", "in small letters"},
		{"passkey-origins", "id.example.org", "VSEEID_PASSKEY_ORIGINS", "an https address"},
		{"passkey-origins", "http://id.example.org", "VSEEID_PASSKEY_ORIGINS", "an https address"},
		{"passkey-origins", "https://id.example.org/", "VSEEID_PASSKEY_ORIGINS", "without a path"},
		{"passkey-origins", "https://ID.example.org", "VSEEID_PASSKEY_ORIGINS", "in small letters"},
		{"passkey-origins", "https://id.example.com", "VSEEID_PASSKEY_ORIGINS", "of its own"},
		{"passkey-origins", "https://a.org,https://b.org,https://c.org,https://d.org,https://e.org", "VSEEID_PASSKEY_ORIGINS", "browsers look at 4"},
		{"attestation-roots", filepath.Join(dir, "none"), "VSEEID_ATTESTATION_ROOTS", "cannot be read"},
		{"attestation-roots", text, "VSEEID_ATTESTATION_ROOTS", "no PEM certificate"},
		{"issuer", "", "VSEEID_ISSUER", "is not set: set it to the https://"},
		{"issuer", "id.example.com", "VSEEID_ISSUER", "set it to one like https://"},
		{"issuer", "ftp://id.example.com", "VSEEID_ISSUER", "set it to one like https://"},
		{"issuer", "https://", "VSEEID_ISSUER", "set it to one like https://"},
		{"issuer", "https://:443", "VSEEID_ISSUER", "set it to one like https://"},
		{"issuer", "http://id.example.com", "VSEEID_ISSUER", "http is for localhost only"},
		{"issuer", "http://localhost.example.com", "VSEEID_ISSUER", "http is for localhost only"},
		{"issuer", "http://0.0.0.0:8080", "VSEEID_ISSUER", "http is for localhost only"},
		{"issuer", "https://id.example.com/", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com/tenant", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com?x=1", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com?", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com#x", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com#", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://user@id.example.com", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://ID.example.com", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"issuer", "https://id.example.com:443", "VSEEID_ISSUER", "set it to https://id.example.com"},
		{"listen", "8080", "VSEEID_LISTEN", "set it to host:port"},
		{"listen", ":99999", "VSEEID_LISTEN", "set it to host:port"},
		{"tls-cert", text, "VSEEID_TLS_CERT", "set both or none"},
		{"trusted-proxies", "10.0.0.0/33", "VSEEID_TRUSTED_PROXIES", "set it to addresses or CIDRs"},
		{"trusted-proxies", "10.0.0.1,0.0.0.0/0", "VSEEID_TRUSTED_PROXIES", "name the proxies"},
		{"trusted-proxies", "::/0", "VSEEID_TRUSTED_PROXIES", "name the proxies"},
		{"database-url", "", "VSEEID_DATABASE_URL", "set it to postgres://"},
		{"database-url", "mysql://host/name", "VSEEID_DATABASE_URL", "postgres:// or sqlite:"},
		{"database-url", "sqlite::memory:", "VSEEID_DATABASE_URL", "set it to sqlite:PATH"},
		{"database-url-file", text, "VSEEID_DATABASE_URL", "set one of them"},
		{"database-conns", "0", "VSEEID_DATABASE_CONNS", "from 1 to 1000"},
		{"master-keys", "", "VSEEID_MASTER_KEYS", "keys new-master"},
		{"master-keys", "c2hvcnQ=", "VSEEID_MASTER_KEYS", "keys new-master"},
		{"master-keys", zeros, "VSEEID_MASTER_KEYS", "not drawn at random"},
		{"master-keys", words, "VSEEID_MASTER_KEYS", "not drawn at random"},
		{"redis-url", "", "VSEEID_REDIS_URL", "set it to redis://"},
		{"redis-url", "localhost:6379", "VSEEID_REDIS_URL", "redis://"},
		{"redis-url", "http://localhost:6379", "VSEEID_REDIS_URL", "redis://"},
		{"redis-url-file", filepath.Join(dir, "missing"), "VSEEID_REDIS_URL", "set one of them"},
		{"redis-prefix", "a{b}", "VSEEID_REDIS_PREFIX", "without spaces and braces"},
		{"brand-name", strings.Repeat("x", 61), "VSEEID_BRAND_NAME", "1 to 60"},
		{"brand-logo", filepath.Join(dir, "missing.svg"), "VSEEID_BRAND_LOGO", "no such file"},
		{"brand-logo", text, "VSEEID_BRAND_LOGO", ".svg, .png or .webp"},
		{"brand-logo", big, "VSEEID_BRAND_LOGO", "256 KiB at most"},
		{"brand-accent", "blue", "VSEEID_BRAND_ACCENT", "a colour like #"},
		{"support-address", "help", "VSEEID_SUPPORT_ADDRESS", "a plain mail address"},
		{"smtp-url", "mail.example.com:587", "VSEEID_SMTP_URL", "set it to smtp://"},
		{"smtp-url", "smtp://mail.example.com", "VSEEID_MAIL_FROM", "set it to the sender"},
		{"argon2-memory", "1024", "VSEEID_ARGON2_MEMORY", "from 19456 to"},
		{"argon2-time", "1", "VSEEID_ARGON2_TIME", "from 2 to"},
		{"shutdown-timeout", "1h", "VSEEID_SHUTDOWN_TIMEOUT", "from 1s to 10m"},
		{"drain-delay", "2m", "VSEEID_DRAIN_DELAY", "from 0s to 1m"},
		{"log-level", "loud", "VSEEID_LOG_LEVEL", "debug, info, warn or error"},
		{"log-format", "xml", "VSEEID_LOG_FORMAT", "json or text"},
	} {
		t.Run(c.flag+"="+truncate(c.value, 40), func(t *testing.T) {
			flags := goodSettings(t)
			flags[c.flag] = c.value
			code, stdout, stderr := runWith(t, "serve", flags)
			if code != exitUsage || stdout != "" {
				t.Errorf("exit %d, printed %q: want exit %d and nothing printed", code, stdout, exitUsage)
			}
			if strings.Count(stderr, "\n") != 1 || !strings.HasPrefix(stderr, "vseeid: ") {
				t.Errorf("not one line: %q", stderr)
			}
			if !strings.Contains(stderr, c.names) || !strings.Contains(stderr, c.says) {
				t.Errorf("%q does not name %s and say %q", stderr, c.names, c.says)
			}
			if k := flags["master-keys"]; k != "" && strings.Contains(stderr, k) {
				t.Errorf("the master keys are in %q", stderr)
			}
			if _, err := os.Stat(strings.TrimPrefix(flags["database-url"], "sqlite:")); err == nil {
				t.Error("a database was opened before all settings were checked")
			}
		})
	}
	code, _, stderr := runWith(t, "serve", map[string]string{"master-keys": zeros, "master-keys-file": empty, "issuer": "https://id.example.com", "database-url": "sqlite:x"})
	if code != exitUsage || !strings.Contains(stderr, "set one of them") {
		t.Errorf("a setting given twice: exit %d, %q", code, stderr)
	}
}

// TestSecretsFromFiles reads each secret from a file, as orchestrators mount them.
func TestSecretsFromFiles(t *testing.T) {
	key := secret.NewKey()
	write := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	c := &config{
		Issuer: "https://id.example.com", Listen: ":8080", RedisPrefix: "vseeid:", BrandName: "VSee",
		SMTPURL: "smtps://id@mail.example.com", MailFrom: "VSee ID <no-reply@example.com>",
		ArgonMemory: 19456, ArgonTime: 2, ShutdownTimeout: time.Second, LogLevel: "info", LogFormat: "json",
		TrustedProxies: []string{"10.0.0.7", " 192.168.0.0/16 "},
		settings: settings{
			DatabaseURLFile: write("db", "postgres://vseeid:secret@db/vseeid\n"), DatabaseConns: 4,
			MasterKeysFile: write("keys", key+"\n"+secret.NewKey()+"\n"),
		},
		RedisURLFile:     write("redis", "rediss://:secret@redis:6380/1\n"),
		SMTPPasswordFile: write("smtp", "secret\n"),
	}
	r, err := c.check()
	must(t, err)
	if c.DatabaseURL != "postgres://vseeid:secret@db/vseeid" || c.RedisURL != "rediss://:secret@redis:6380/1" || c.SMTPPassword != "secret" {
		t.Errorf("not what the files hold: %q %q %q", c.DatabaseURL, c.RedisURL, c.SMTPPassword)
	}
	one, err := secret.Parse(key)
	must(t, err)
	if !one.Matches(r.keys.Hash("test", "x"), "test", "x") {
		t.Error("the first key of the file is not the one that hashes")
	}
	if len(r.proxies) != 2 || r.proxies[0].String() != "10.0.0.7/32" || r.proxies[1].String() != "192.168.0.0/16" {
		t.Errorf("trusted proxies: %v", r.proxies)
	}
	if strings.Contains(c.String(), "secret") {
		t.Errorf("a config prints its secrets: %s", c)
	}
	for name, c := range map[string]*config{
		"a file that is missing": {settings: settings{DatabaseURLFile: filepath.Join(t.TempDir(), "none")}},
		"a file that is empty":   {settings: settings{DatabaseURLFile: write("empty", " \n")}},
	} {
		if _, err := c.settings.check(); err == nil || !strings.Contains(err.Error(), "VSEEID_DATABASE_URL_FILE") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServeHelp holds the manual to what it promises: every setting has a flag, a variable of the
// same name and a text; secrets have a file too.
func TestServeHelp(t *testing.T) {
	code, manual, stderr := runWith(t, "serve", map[string]string{"help": "true"})
	if code != 0 || stderr != "" {
		t.Fatalf("exit %d: %s", code, stderr)
	}
	var c commands
	k, err := kong.New(&c, kong.Vars{"redis_forms": redisForms, "smtp_forms": smtpForms, "event_types": eventTypesText()})
	must(t, err)
	seen := map[string]bool{}
	for _, node := range k.Model.Children {
		if node.Name != "serve" {
			continue
		}
		for _, f := range node.Flags {
			seen[f.Name] = true
			want := "VSEEID_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
			if len(f.Envs) != 1 || f.Envs[0] != want {
				t.Errorf("--%s has the variables %v, want %s", f.Name, f.Envs, want)
			}
			if len(f.Help) < 20 || f.Group == nil {
				t.Errorf("--%s is not explained, or is in no group", f.Name)
			}
			if !strings.Contains(manual, "--"+f.Name) || !strings.Contains(manual, want) {
				t.Errorf("--%s or %s is not in the manual", f.Name, want)
			}
		}
	}
	for _, name := range []string{"master-keys", "database-url", "redis-url", "smtp-password"} {
		if !seen[name] || !seen[name+"-file"] {
			t.Errorf("--%s or --%s-file is missing", name, name)
		}
	}
}

// W-09: a provider that moves to another domain keeps its passkeys. They are bound to the host of before, which
// tells browsers of the new one.
func TestW09_PasskeysOfAnotherDomain(t *testing.T) {
	before, err := url.Parse("https://id.old.example")
	must(t, err)
	after, err := url.Parse("https://id.new.example")
	must(t, err)
	if _, err := (passkeySettings{RPID: "id.old.example"}).check(after); err == nil {
		t.Error("passkeys of a domain that nobody named are taken")
	}
	moved, err := (passkeySettings{RPID: "id.old.example", PasskeyOrigins: []string{before.String()}}).check(after)
	must(t, err)
	if moved.rpID != "id.old.example" {
		t.Errorf("bound to %q", moved.rpID)
	}
	stays, err := (passkeySettings{PasskeyOrigins: []string{after.String()}}).check(before)
	must(t, err)

	s := startServer(t, on{})
	list := func(p parts) (int, string) {
		t.Helper()
		provider, err := build(t.Context(), p)
		must(t, err)
		r, w := httptest.NewRequest(http.MethodGet, p.issuer.String()+"/.well-known/webauthn", nil), httptest.NewRecorder()
		provider.handler.ServeHTTP(w, r)
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	if code, body := list(s.parts); code != http.StatusNotFound {
		t.Errorf("a provider of one address says %d %s", code, body)
	}
	p := s.parts
	p.issuer, p.passkey = before, stays
	if code, body := list(p); code != http.StatusOK || body != `{"origins":["https://id.old.example","https://id.new.example"]}` {
		t.Errorf("the host of before says %d %s", code, body)
	}
	p.issuer, p.passkey = after, moved
	if code, _ := list(p); code != http.StatusOK {
		t.Errorf("the host of now does not take them: %d", code)
	}
}
