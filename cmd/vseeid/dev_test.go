package main

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vsee/vseeid/op/optest"
)

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o600))
}

// devOn runs `vseeid dev` on free ports, and returns it when it says that it is ready.
func devOn(t testing.TB, dir string, args ...string) (*child, sample) {
	t.Helper()
	p := startChild(t, nil, append([]string{"dev", "--port=0", "--messenger-port=0", "--clinic-port=0", "--dir=" + dir}, args...)...)
	at := func(name string) string {
		return p.stdout.find(t, regexp.MustCompile(`(?m)^  `+name+` +(http://localhost:[0-9]+)\b`))
	}
	s := sample{issuer: at("issuer"), messenger: at("demo Messenger"), clinic: at("demo Clinic")}
	p.stdout.find(t, regexp.MustCompile(`(Press Ctrl-C to stop)`))
	return p, s
}

// TestDev walks through what a newcomer meets: what is printed, what is served, what is kept.
func TestDev(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	p, s := devOn(t, dir)
	printed := p.stdout.String()
	for _, want := range []string{
		s.issuer + "/dev/mail", samplePassword, "charlotte@riverside.example", "sam@lakeside.example", "solo@example.com",
		"messenger", "clinic", clinicSecret, "reports", reportsSecret, "admin", adminSecret, "--fresh",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%q is not printed in:\n%s", want, printed)
		}
	}
	for _, address := range []string{s.issuer + "/readyz", s.issuer + "/.well-known/openid-configuration", s.messenger + "/", s.clinic + "/", s.issuer + "/dev/mail"} {
		if answer, body := ask(t, http.MethodGet, address, nil); answer.StatusCode != http.StatusOK {
			t.Errorf("%s: %s %s", address, answer.Status, body)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, devKey)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the master key: %v %v", info.Mode(), err)
	}

	// Charlotte sets up an authenticator app, so that there is something to keep and a mail.
	f := s.messengerApp(t).Begin()
	seed, _ := enroll(t, toFactor(t, optest.NewBrowser(t, s.issuer).Open(f.URL()), charlotte))
	if letters := mailOf(t, s); len(letters) != 1 || letters[0].To != charlotte || letters[0].Subject == "" || letters[0].Text == "" || letters[0].At.IsZero() {
		t.Errorf("mailbox: %+v", letters)
	}
	if _, page := ask(t, http.MethodGet, s.issuer+"/dev/mail", nil); !strings.Contains(page, charlotte) {
		t.Errorf("mailbox page: %s", page)
	}
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d: %s", code, p.stderr)
	}

	// A second run knows her, at other ports.
	p, again := devOn(t, dir)
	f = again.messengerApp(t).Begin()
	page := toFactor(t, optest.NewBrowser(t, again.issuer).Open(f.URL()), charlotte)
	if strings.Contains(page.Body, "Secure Your Account") || !page.Has("code") {
		t.Errorf("the second run does not know what the first one set up (%s): %s", seed[:4], page)
	}
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d: %s", code, p.stderr)
	}

	// --fresh does not, and leaves alone what is not its own.
	writeFile(t, filepath.Join(dir, "notes.txt"), "mine")
	before, err := os.ReadFile(filepath.Join(dir, devKey))
	must(t, err)
	p, fresh := devOn(t, dir, "--fresh")
	f = fresh.messengerApp(t).Begin()
	page = toFactor(t, optest.NewBrowser(t, fresh.issuer).Open(f.URL()), charlotte)
	if seedOf(t, page) == seed {
		t.Error("--fresh kept the authenticator app")
	}
	if letters := mailOf(t, fresh); len(letters) != 0 {
		t.Errorf("--fresh kept mails: %+v", letters)
	}
	if after, err := os.ReadFile(filepath.Join(dir, devKey)); err != nil || slices.Equal(before, after) {
		t.Errorf("--fresh kept the master key, or none is there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "notes.txt")); err != nil {
		t.Errorf("--fresh removed what was not its own: %v", err)
	}
	if code := p.stop(); code != 0 {
		t.Fatalf("exit %d: %s", code, p.stderr)
	}
}

func mailOf(t testing.TB, s sample) []letter {
	t.Helper()
	_, body := ask(t, http.MethodGet, s.issuer+"/dev/mail.json", nil)
	var letters []letter
	must(t, json.Unmarshal([]byte(body), &letters))
	return letters
}

// TestDevRefuses: one sentence, no trace, and nothing written.
func TestDevRefuses(t *testing.T) {
	occupied, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { must(t, occupied.Close()) })
	port := portOf(occupied.Addr().String())
	file := filepath.Join(t.TempDir(), "file")
	writeFile(t, file, "")
	keyless := t.TempDir()
	writeFile(t, filepath.Join(keyless, devDatabase), "")
	broken := t.TempDir()
	writeFile(t, filepath.Join(broken, devKey), "not a key")

	for _, c := range []struct {
		name   string
		flags  map[string]string
		code   int
		says   string
		absent string
	}{
		{"the provider's port is in use", map[string]string{"port": port}, exitFailed, "port " + port + " is in use", ".vseeid"},
		{"an app's port is in use", map[string]string{"port": "0", "messenger-port": "0", "clinic-port": port}, exitFailed, "port " + port + " is in use", ".vseeid"},
		{"no folder", map[string]string{"dir": filepath.Join(file, "x")}, exitFailed, "cannot make the data folder", ""},
		{"the key is gone", map[string]string{"dir": keyless}, exitFailed, "start over with --fresh", filepath.Join(keyless, devKey)},
		{"the key is broken", map[string]string{"dir": broken}, exitFailed, "start over with --fresh", ""},
		{"a log level", map[string]string{"log-level": "loud"}, exitUsage, "debug, info, warn or error", ".vseeid"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, name := range []string{"port", "messenger-port", "clinic-port"} {
				if c.flags[name] == "" {
					c.flags[name] = "0"
				}
			}
			code, stdout, stderr := runWith(t, "dev", c.flags)
			if code != c.code || stdout != "" || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) {
				t.Errorf("exit %d, printed %q, said %q", code, stdout, stderr)
			}
			if c.absent != "" {
				if _, err := os.Stat(c.absent); err == nil {
					t.Errorf("%s was written", c.absent)
				}
			}
		})
	}
}
