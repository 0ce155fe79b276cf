package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/vsee/vseeid/storage"
)

func TestCLI_AuditList(t *testing.T) {
	c := newDeployment(t)
	ann := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")
	id := ann["id"].(string)
	c.ok("user", "create", "ben@example.com", "--name", "Ben", "--no-password")
	db := c.db()
	err := db.Record(t.Context(), storage.With(storage.Event{
		At: c.now, Type: storage.HelpShown, UserID: id, OrgID: "riverside", Detail: map[string]string{"step": "challenge", "app": "Clinic\x1b[2J"},
		Origin: storage.Origin{RequestID: "N3WSEGA4GMPHFGCZ", IP: "192.0.2.7", UserAgent: "Browser"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	listed := c.document("audit", "list", "--request-id", "N3WSEGA4GMPHFGCZ")
	one := listed["events"].([]any)[0].(map[string]any)
	equal(t, map[string]any{
		"id": one["id"], "at": "2026-03-04T05:06:07Z", "type": "authn_help_shown", "user_id": id, "email": "ann@example.com", "org_id": "riverside", "client_id": "", "session_id": "",
		"detail": map[string]any{"step": "challenge", "app": "Clinic\x1b[2J"}, "request_id": "N3WSEGA4GMPHFGCZ", "ip": "192.0.2.7", "user_agent": "Browser",
	}, one)
	equal(t, 1, len(listed["events"].([]any)))
	for _, heard := range []string{"n3wsega4gmphfgcz", " N3WS EGA4 GMPH FGCZ "} {
		equal(t, listed, c.document("audit", "list", "--request-id", heard))
	}
	equal(t, "ABOI", reference("a b01"))
	equal(t, "Nothing found.\n", c.ok("audit", "list", "--request-id", "N3WSEGA4GMPHFGCA"))
	c.fails(2, `--type is "authn_fail": set it to one of authn_login_success, `, "audit", "list", "--type", "authn_fail")
	c.fails(1, `there is no organization "riverside"`, "audit", "list", "--org", "riverside", "--type", "authn_login_fail")
	for _, args := range [][]string{{"--user", "ann@example.com"}, {"--user", strings.ToUpper(id)}} {
		equal(t, 2, len(c.document(append([]string{"audit", "list"}, args...)...)["events"].([]any)))
	}
	equal(t, 1, len(c.document("audit", "list", "--org", "riverside", "--type", "authn_help_shown")["events"].([]any)))
	equal(t, []any{}, c.document("audit", "list", "--request-id", "X")["events"].([]any))
	page := c.document("audit", "list", "--limit", "2")
	equal(t, 1, len(c.document("audit", "list", "--limit", "2", "--after", page["next_after"].(string))["events"].([]any)))
	if out := c.ok("audit", "list"); !strings.Contains(out, "app=Clinic") || !strings.Contains(out, "N3WSEGA4GMPHFGCZ") || !strings.Contains(out, "ann@example.com "+id) || strings.Contains(out, "\x1b") {
		t.Errorf("audit list: %q", out)
	}
	c.fails(1, `there is no person "eve@example.com"`, "audit", "list", "--user", "eve@example.com")
	c.fails(2, "--limit", "audit", "list", "--limit", "0")
	c.ok("user", "delete", "ann@example.com")
	equal(t, 3, len(c.document("audit", "list", "--user", id)["events"].([]any)))
	if out := c.ok("audit", "list", "--user", id); !strings.Contains(out, "deleted "+id) {
		t.Errorf("of who is deleted: %q", out)
	}
}

// TestCLI_AuditTypes: every type that there is can be asked for.
func TestCLI_AuditTypes(t *testing.T) {
	source, err := os.ReadFile("../../storage/trail.go")
	if err != nil {
		t.Fatal(err)
	}
	var want []storage.EventType
	for _, m := range regexp.MustCompile(`EventType += "(\w+)"`).FindAllSubmatch(source, -1) {
		want = append(want, storage.EventType(m[1]))
	}
	equal(t, want, eventTypes)
	if out := newTerminal(t).ok("audit", "list", "--help"); !strings.Contains(strings.Join(strings.Fields(out), " "), eventTypesText()) {
		t.Errorf("help: %s", out)
	}
}
