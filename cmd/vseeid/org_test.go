package main

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestCLI_Org(t *testing.T) {
	c := newDeployment(t)
	created := c.document("org", "create", "riverside", "--name", "Riverside Clinic", "--preset", "strict")
	const now = "2026-03-04T05:06:07Z"
	policy := map[string]any{
		"mfa": "required", "factors": []any{"passkey", "totp", "recovery"}, "reuse": "12h",
		"trust_device": map[string]any{"offer": true, "remind_after": "14d"}, "enrollment": "open", "hardware_keys": "any", "no_downgrade": false,
		"session": map[string]any{"idle": "30m", "overall": "12h"},
	}
	want := map[string]any{"id": "riverside", "name": "Riverside Clinic", "created": now, "updated": now, "policy": policy}
	equal(t, want, created)
	equal(t, want, c.document("org", "show", "riverside"))
	want["name"] = "Riverside"
	equal(t, want, c.document("org", "rename", "riverside", "--name", "Riverside"))
	equal(t, "required", c.document("org", "create", "plain", "--name", "Plain")["policy"].(map[string]any)["mfa"])
	if out := c.ok("org", "list"); !strings.Contains(out, "Riverside") {
		t.Errorf("org list: %q", out)
	}

	for what, args := range map[string][]string{
		`organization id "Riverside"`:  {"create", "Riverside", "--name", "X"},
		`organization id "river_side"`: {"create", "river_side", "--name", "X"},
		`organization id "river-"`:     {"create", "river-", "--name", "X"},
		"missing flags: --name":        {"create", "x"},
		"--name has to be":             {"create", "x", "--name", " "},
		`--preset is "tight"`:          {"create", "x", "--name", "X", "--preset", "tight"},
	} {
		c.fails(2, what, append([]string{"org"}, args...)...)
	}
	c.fails(1, `organization "plain" exists already`, "org", "create", "plain", "--name", "Plain")
	for _, args := range [][]string{
		{"show", "nowhere"},
		{"rename", "nowhere", "--name", "X"},
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
		"privilege_permissions_changed create", "privilege_permissions_changed change name",
		"privilege_permissions_changed create", "privilege_permissions_changed delete",
	}, c.changes())
}

func TestCLI_OrgPolicy(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside")
	set := c.document("org", "policy", "set", "riverside", "--mfa", "required", "--from", "2026-12-01", "--grace-days", "14",
		"--factors", "totp,passkey,recovery", "--no-trust-device", "--remind-after", "30d", "--reuse", "5h",
		"--session-idle", "20m", "--session-overall", "10h", "--enrollment", "ticket", "--hardware-keys", "attested", "--no-downgrade",
		"--hold-for", "24h", "--hold-scope", "offline_access,rx:sign")
	want := map[string]any{
		"organization": "riverside", "mfa": "required", "from": "2026-12-01", "grace": map[string]any{"days": 14.0},
		"factors": []any{"totp", "passkey", "recovery"}, "reuse": "5h",
		"trust_device": map[string]any{"offer": false, "remind_after": "30d"}, "enrollment": "ticket", "hardware_keys": "attested", "no_downgrade": true,
		"session": map[string]any{"idle": "20m", "overall": "10h"},
		"hold":    map[string]any{"for": "1d", "scopes": []any{"offline_access", "rx:sign"}},
	}
	equal(t, want, set)
	equal(t, want, c.document("org", "policy", "show", "riverside"))

	// What show prints, set takes, for the organization that it is of.
	file := c.ok("org", "policy", "show", "riverside")
	c.ok("org", "policy", "set", "riverside", "--preset", "off")
	equal(t, "off", c.document("org", "policy", "show", "riverside")["mfa"])
	equal(t, want, c.documentWith(file, "org", "policy", "set", "riverside", "--file", "-"))
	equal(t, nil, c.document("org", "policy", "set", "riverside", "--hold-for", "0s")["hold"])
	c.ok("org", "create", "plain", "--name", "Plain")
	for what, text := range map[string]string{
		`of organization "riverside"`: file,
		`unknown field "factor"`:      "mfa: required\nfactor: [totp]\n",
		"already set":                 "mfa: required\nmfa: off\n", // twice
		`mfa is "maybe"`:              "mfa: maybe\n",
		"is not a duration":           "reuse: soon\n",
		`"tomorrow" is no date`:       "from: tomorrow\n",
		"no YAML":                     "mfa: [\n",
	} {
		c.failsWith(text, 2, what, "org", "policy", "set", "plain", "--file", "-")
	}
	for what, args := range map[string][]string{
		`mfa is "maybe"`:                  {"--mfa", "maybe"},
		`factors names "sms"`:             {"--factors", "sms"},
		"is longer than session overall":  {"--session-idle", "30d"},
		"is not a duration":               {"--reuse", "soon"},
		"it has to be between 1m and 365": {"--reuse", "1s"},
		"no flag says what to set":        {},
		`--preset is "tight"`:             {"--preset", "tight"},
		"not both":                        {"--preset", "off", "--file", "-"},
		"is no date":                      {"--from", "soon"},
		"hold names no scopes":            {"--hold-for", "1d"},
		"names the scope openid":          {"--hold-for", "1d", "--hold-scope", "openid"},
	} {
		c.fails(2, what, append([]string{"org", "policy", "set", "plain"}, args...)...)
	}
	c.fails(1, `there is no organization "nowhere"`, "org", "policy", "set", "nowhere", "--mfa", "off")
	c.fails(1, `there is no organization "nowhere"`, "org", "policy", "show", "nowhere")
}

// TestCLI_OrgPolicyCheck says whom a policy would affect, and sets nothing.
func TestCLI_OrgPolicyCheck(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside", "--preset", "off")
	people := map[string]string{}
	for _, name := range []string{"app", "new", "none", "shut", "key"} {
		args := []string{"user", "create", name + "@example.com", "--name", name, "--verified"}
		if name == "none" {
			people[name] = c.document(append(args, "--no-password")...)["id"].(string)
		} else {
			people[name] = c.documentWith("a long pass phrase of its own\n", append(args, "--password-stdin")...)["id"].(string)
		}
		c.ok("org", "member", "add", "riverside", name+"@example.com")
	}
	c.ok("user", "disable", "shut@example.com")
	for name, e := range map[string]factors.Enrollment{
		"app": {Kind: factors.TOTP, Secret: []byte("seed")},
		"key": {Kind: factors.Passkey, Secret: []byte("{}"), Handle: []byte("id"), Place: factors.Synced},
	} {
		e.ID, e.UserID, e.Created, e.Confirmed = uuid.NewString(), people[name], c.now, c.now
		if err := c.db().EnrollFirst(t.Context(), e, login.Grounds{}, storage.Trail{}); err != nil {
			t.Fatal(err)
		}
	}
	effects := func(document map[string]any) map[string]string {
		out := map[string]string{}
		for _, m := range document["listed"].([]any) {
			m := m.(map[string]any)
			why, _ := m["why"].(string)
			out[m["email"].(string)] = m["effect"].(string) + " " + why
		}
		return out
	}
	now := c.document("org", "policy", "check", "riverside", "--all")
	equal(t, map[string]string{
		"app@example.com": "fine ", "new@example.com": "fine ", "key@example.com": "fine ",
		"none@example.com": "shut nopassword", "shut@example.com": "shut disabled",
	}, effects(now))
	equal(t, 0.0, now["changed"])

	strict := c.document("org", "policy", "check", "riverside", "--preset", "standard", "--factors", "passkey,recovery", "--enrollment", "ticket", "--grace-days", "14", "--all")
	equal(t, map[string]string{
		"app@example.com": "shut notallowed", "new@example.com": "setup ", "key@example.com": "asked ",
		"none@example.com": "shut nopassword", "shut@example.com": "shut disabled",
	}, effects(strict))
	equal(t, map[string]any{"fine": 0.0, "asked": 1.0, "setup": 1.0, "shut": 3.0}, strict["counts"])
	equal(t, 3.0, strict["changed"])
	equal(t, "off", c.document("org", "policy", "show", "riverside")["mfa"]) // nothing was set

	out := c.ok("org", "policy", "check", "riverside", "--preset", "standard", "--enrollment", "mail", "--from", "2026-12-01")
	for _, want := range []string{"Could not sign in:", "new@example.com", "sets up totp or passkey, after a code by mail, can put it off until 2026-12-01", "asked for totp"} {
		if !strings.Contains(out, want) {
			t.Errorf("check does not say %q:\n%s", want, out)
		}
	}
	c.ok("org", "policy", "set", "riverside", "--preset", "standard")
	equal(t, 1.0, c.document("org", "policy", "check", "riverside", "--grace-days", "14")["changed"]) // who may put it off now
	c.fails(1, `there is no organization "nowhere"`, "org", "policy", "check", "nowhere")
	c.fails(2, "it has to be", "org", "policy", "check", "riverside", "--mfa", "maybe")
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
