package main

import (
	"strings"
	"testing"
	"time"

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
	c.ok("client", "create", "clinic", "--name", "Clinic", "--redirect-uri", "https://clinic.example.com/cb", "--scope", "openid,offline_access,rx:sign",
		"--grant-type", "authorization_code,refresh_token")
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
		`of organization "riverside": to take it for plain, remove its line organization`: file,
		`unknown field "factor"`: "mfa: required\nfactor: [totp]\n",
		"already set":            "mfa: required\nmfa: off\n", // twice
		`mfa is "maybe"`:         "mfa: maybe\n",
		"is not a duration":      "reuse: soon\n",
		`"tomorrow" is no date`:  "from: tomorrow\n",
		"no YAML":                "mfa: [\n",
	} {
		c.failsWith(text, 2, what, "org", "policy", "set", "plain", "--file", "-")
	}
	for what, args := range map[string][]string{
		`mfa is "maybe"`:                   {"--mfa", "maybe"},
		`factors names "sms"`:              {"--factors", "sms"},
		"is longer than session overall":   {"--session-idle", "30d"},
		"is not a duration":                {"--reuse", "soon"},
		"it has to be between 1m and 365":  {"--reuse", "1s"},
		"no flag says what to set":         {},
		`--preset is "tight"`:              {"--preset", "tight"},
		"not both":                         {"--preset", "off", "--file", "-"},
		"is no date":                       {"--from", "soon"},
		"hold names no scopes":             {"--hold-for", "1d"},
		"give --hold-for too":              {"--hold-scope", "rx:sign"},
		`--hold-for: "-3h" is not a`:       {"--hold-for", "-3h", "--hold-scope", "rx:sign"},
		`"--hold-scope" is not a duration`: {"--hold-for", "--hold-scope", "rx:sign"},
		`--hold-for: "" is not a duration`: {"--hold-for"},
		"names the scope openid":           {"--hold-for", "1d", "--hold-scope", "openid"},
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

// TestCLI_OrgPolicyCheck_OfTheDeployment judges for what serve would have, and says what it takes for granted.
func TestCLI_OrgPolicyCheck_OfTheDeployment(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside", "--preset", "off")
	c.okWith("a long pass phrase of its own\n", "user", "create", "new@example.com", "--name", "New", "--verified", "--password-stdin")
	c.ok("org", "member", "add", "riverside", "new@example.com")
	check := []string{"org", "policy", "check", "riverside", "--preset", "standard", "--enrollment", "mail"}
	says := func(more []string, lines ...string) {
		t.Helper()
		out := c.ok(append(check, more...)...)
		for _, line := range lines {
			if !strings.Contains(out, line) {
				t.Errorf("%q does not say %q:\n%s", more, line, out)
			}
		}
	}
	says(nil, "Assumed: mails are sent and passkeys can be used, for VSEEID_ISSUER is not set",
		"Factors of this deployment: totp, recovery, email, passkey.", "sets up totp or passkey, after a code by mail")
	says([]string{"--issuer", "https://id.example.com", "--smtp-url", "smtp://mail.example.com"}, "sets up totp or passkey, after a code by mail")
	says([]string{"--issuer", "https://id.example.com"}, "CANNOT SIGN IN: setting a factor up takes a code by mail, and this deployment sends no mails")
	says([]string{"--issuer", "http://127.0.0.1:8080", "--enrollment", "open"}, "Factors of this deployment: totp, recovery.", "sets up totp  ")
	t.Setenv("VSEEID_ISSUER", "https://id.example.com")
	document := c.document(check...)
	equal(t, []any{"totp", "recovery", "passkey"}, document["deployment"].([]any))
	equal(t, "", document["assumed"])
	equal(t, 1.0, document["counts"].(map[string]any)["shut"])
	c.fails(2, "VSEEID_ISSUER", append(check, "--issuer", "id.example.com")...)
	c.fails(2, "VSEEID_RP_ID", append(check, "--rp-id", "example.org")...)
}

// TestT12_CLI_OrgPolicyCheck_SaysWhatChanges: also what nobody notices at the next sign-in.
func TestT12_CLI_OrgPolicyCheck_SaysWhatChanges(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside")
	id := c.documentWith("a long pass phrase of its own\n", "user", "create", "app@example.com", "--name", "App", "--password-stdin")["id"].(string)
	c.ok("org", "member", "add", "riverside", "app@example.com")
	e := factors.Enrollment{ID: uuid.NewString(), UserID: id, Kind: factors.TOTP, Secret: []byte("seed"), Created: c.now, Confirmed: c.now}
	if err := c.db().EnrollFirst(t.Context(), e, login.Grounds{}, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	check := []string{"org", "policy", "check", "riverside"}
	lines := func(more ...string) string {
		t.Helper()
		var out []string
		for line := range strings.Lines(c.ok(append(check, more...)...)) {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
		return strings.Join(out, "\n") + "\n"
	}
	if out := lines(); !strings.Contains(out, "The policy is the one that is in force.\n") {
		t.Errorf("without a flag:\n%s", out)
	}
	out := lines("--preset", "strict", "--no-downgrade", "--enrollment", "ticket", "--from", "2027-01-15")
	for _, line := range []string{
		"POLICY NOW THEN", "from - 2027-01-15 WEAKER", "factors passkey totp email recovery passkey totp recovery", "session.idle 1d 30m",
		"enrollment open ticket", "no_downgrade false true", "Sign in otherwise than now: 0",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no %q in:\n%s", line, out)
		}
	}
	hold := []string{"--hold-for", "24h", "--hold-scope", "rx:sign"}
	const unasked = "no registered client may ask for the scope rx:sign, which the policy holds"
	out = lines(hold...)
	for _, line := range []string{
		"hold - 1d: rx:sign", "Warning: " + unasked + ".", "Kept from rx:sign: 1",
		"app@example.com asked for totp; held until 2026-03-05 05:06:07 UTC yes",
	} {
		if !strings.Contains(out, line+"\n") {
			t.Errorf("no %q in:\n%s", line, out)
		}
	}
	document := c.document(append(check, hold...)...)
	equal(t, []any{map[string]any{"field": "hold", "now": "", "then": "1d: rx:sign", "weaker": false}}, document["fields"].([]any))
	equal(t, []any{unasked}, document["warnings"].([]any))
	equal(t, "2026-03-05T05:06:07Z", document["listed"].([]any)[0].(map[string]any)["held_until"])
	if code, _, errs := c.run("", append([]string{"org", "policy", "set", "riverside"}, hold...)...); code != 0 || errs != "Warning: "+unasked+".\n" {
		t.Errorf("set: exit %d, %q", code, errs)
	}
	c.ok("client", "create", "clinic", "--name", "Clinic", "--redirect-uri", "https://clinic.example.com/cb", "--scope", "openid,rx:sign")
	equal(t, []any{}, c.document(append(check, hold...)...)["warnings"].([]any))
	c.now = c.now.Add(24 * time.Hour)
	equal(t, 0.0, c.document(append(check, hold...)...)["held"])
}

// TestCLI_OrgPolicySet_LeavesWhatChanged: an audit that only says that something changed answers nothing.
func TestCLI_OrgPolicySet_LeavesWhatChanged(t *testing.T) {
	c := newDeployment(t)
	c.ok("org", "create", "riverside", "--name", "Riverside")
	epoch := func() int64 {
		o, err := c.db().Org(t.Context(), "riverside")
		if err != nil {
			t.Fatal(err)
		}
		return o.Policy.Epoch
	}
	before := epoch()
	c.now = c.now.Add(time.Hour)
	c.ok("org", "policy", "set", "riverside", "--mfa", "required", "--factors", "passkey,totp,email,recovery")
	equal(t, "2026-03-04T05:06:07Z", c.document("org", "rename", "riverside", "--name", "Riverside")["updated"])
	if now := epoch(); now != before {
		t.Errorf("nothing changed, and the epoch went from %d to %d", before, now)
	}
	c.ok("org", "policy", "set", "riverside", "--mfa", "optional", "--factors", "passkey,totp", "--reuse", "5h")
	c.ok("org", "rename", "riverside", "--name", "River")
	equal(t, []string{"privilege_permissions_changed create", "privilege_permissions_changed change policy", "privilege_permissions_changed change name"}, c.changes())
	if out := c.ok("audit", "list"); !strings.Contains(out, "policy=mfa: required→optional; factors: passkey totp email recovery→passkey totp; reuse: 12h→5h") {
		t.Errorf("audit list: %s", out)
	}
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
