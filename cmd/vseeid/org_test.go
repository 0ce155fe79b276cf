package main

import (
	"strings"
	"testing"
)

func TestCLI_Org(t *testing.T) {
	c := newDeployment(t)
	created := c.document("org", "create", "riverside", "--name", "Riverside Clinic", "--preset", "strict",
		"--factors", "totp,recovery", "--reuse", "5h", "--session-idle", "20m", "--session-overall", "10h")
	const now = "2026-03-04T05:06:07Z"
	want := map[string]any{
		"id": "riverside", "name": "Riverside Clinic", "created": now, "updated": now,
		"policy": map[string]any{
			"mfa": "required", "factors": []any{"totp", "recovery"}, "reuse": "5h",
			"session": map[string]any{"idle": "20m", "overall": "10h"},
		},
	}
	equal(t, want, created)
	equal(t, want, c.document("org", "show", "riverside"))

	changed := c.document("org", "change", "riverside", "--mfa", "optional")
	want["policy"].(map[string]any)["mfa"] = "optional"
	equal(t, want, changed)
	equal(t, "off", c.document("org", "change", "riverside", "--preset", "off")["policy"].(map[string]any)["mfa"])
	equal(t, "required", c.document("org", "create", "plain", "--name", "Plain")["policy"].(map[string]any)["mfa"])
	if out := c.ok("org", "list"); !strings.Contains(out, "Riverside Clinic") {
		t.Errorf("org list: %q", out)
	}

	for what, args := range map[string][]string{
		`organization id "Riverside"`:     {"create", "Riverside", "--name", "X"},
		`organization id "river_side"`:    {"create", "river_side", "--name", "X"},
		`organization id "river-"`:        {"create", "river-", "--name", "X"},
		"--name is missing":               {"create", "x"},
		"--name has to be":                {"create", "x", "--name", " "},
		`--preset is "tight"`:             {"create", "x", "--name", "X", "--preset", "tight"},
		`mfa is "maybe"`:                  {"create", "x", "--name", "X", "--mfa", "maybe"},
		`factors names "sms"`:             {"change", "riverside", "--factors", "sms"},
		"has to allow totp where mfa is":  {"change", "riverside", "--mfa", "required", "--factors", "email"},
		"any other in this release":       {"create", "pk", "--name", "X", "--mfa", "required", "--factors", "passkey,email"},
		"is longer than session overall":  {"change", "riverside", "--session-idle", "30d"},
		"is not a duration":               {"change", "riverside", "--reuse", "soon"},
		"no flag says what to change":     {"change", "riverside"},
		"it has to be between 1m and 365": {"change", "riverside", "--reuse", "1s"},
	} {
		c.fails(2, what, append([]string{"org"}, args...)...)
	}
	c.fails(1, `organization "plain" exists already`, "org", "create", "plain", "--name", "Plain")
	for _, args := range [][]string{
		{"show", "nowhere"},
		{"change", "nowhere", "--mfa", "off"},
		{"delete", "nowhere"},
		{"member", "add", "nowhere", "ann@example.com"},
		{"member", "remove", "nowhere", "ann@example.com"},
		{"member", "list", "nowhere"},
	} {
		c.fails(1, `there is no organization "nowhere"`, append([]string{"org"}, args...)...)
	}

	equal(t, map[string]any{"id": "plain", "deleted": true}, c.document("org", "delete", "plain"))
	c.fails(1, "an id is never given again", "org", "create", "plain", "--name", "Plain")
	equal(t, []string{
		"privilege_permissions_changed create", "privilege_permissions_changed change policy", "privilege_permissions_changed change policy",
		"privilege_permissions_changed create", "privilege_permissions_changed delete",
	}, c.changes())
}

func TestCLI_Members(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside Clinic")
	ann := c.document("user", "create", "ann@example.com", "--name", "Ann", "--no-password")
	epoch := func() int64 {
		o, err := c.db().Org(t.Context(), "riverside")
		if err != nil {
			t.Fatal(err)
		}
		return o.Policy.Epoch
	}
	before := epoch()
	equal(t, map[string]any{"user_id": ann["id"], "org_id": "riverside", "member": true}, c.document("org", "member", "add", "riverside", "Ann@Example.com"))
	if epoch() <= before {
		t.Error("who falls under the policy has changed, and its epoch has not")
	}
	c.fails(1, `is a member of organization "riverside" already`, "org", "member", "add", "riverside", ann["id"].(string))
	c.fails(1, `there is no person "ben@example.com"`, "org", "member", "add", "riverside", "ben@example.com")
	c.fails(2, `"ben" is no mail address`, "org", "member", "add", "riverside", "ben")
	if out := c.ok("org", "member", "list", "riverside"); !strings.Contains(out, "ann@example.com") {
		t.Errorf("members: %q", out)
	}
	equal(t, []any{map[string]any{"id": "riverside", "name": "Riverside Clinic"}}, c.document("user", "show", "ann@example.com")["orgs"].([]any))
	equal(t, map[string]any{"user_id": ann["id"], "org_id": "riverside", "member": false}, c.document("org", "member", "remove", "riverside", ann["id"].(string)))
	c.fails(1, `is no member of organization "riverside"`, "org", "member", "remove", "riverside", "ann@example.com")
	equal(t, []string{
		"privilege_permissions_changed create", "user_created create", "privilege_membership_changed add", "privilege_membership_changed remove",
	}, c.changes())
}
