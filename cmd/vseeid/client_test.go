package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
)

func TestCLI_ClientCreate(t *testing.T) {
	c := newDeployment(t)
	created := c.document("client", "create", "portal", "--name", "Patient Portal",
		"--redirect-uri", "https://app.example.com/cb?a=1,2", "--redirect-uri", "https://app.example.com/other",
		"--post-logout-redirect-uri", "https://app.example.com/bye", "--origin", "https://app.example.com",
		"--grant-type", "authorization_code,refresh_token", "--scope", "openid", "--scope", "offline_access", "--audience", "https://api.example.com",
		"--id-token-alg", "ES256", "--default-acr", login.ACRMultiFactor, "--default-max-age", "0s", "--acr-voluntary", "--pkce-optional",
		"--refresh-idle", "12h", "--refresh-overall", "30d", "--initiate-login-uri", "https://app.example.com/start")
	fresh, _ := created["client_secret"].(string)
	if !strings.HasPrefix(fresh, "vcs_") || len(fresh) != 4+43 {
		t.Errorf("the secret is no vcs_ with 256 bits: %d characters", len(fresh))
	}
	const now = "2026-03-04T05:06:07Z"
	want := map[string]any{
		"client_id": "portal", "client_name": "Patient Portal", "client_secret": fresh,
		"token_endpoint_auth_method": "client_secret_basic", "application_type": "web",
		"redirect_uris":             []any{"https://app.example.com/cb?a=1,2", "https://app.example.com/other"},
		"post_logout_redirect_uris": []any{"https://app.example.com/bye"}, "origins": []any{"https://app.example.com"},
		"grant_types": []any{"authorization_code", "refresh_token"}, "scopes": []any{"openid", "offline_access"},
		"audiences": []any{"https://api.example.com"}, "default_acr_values": []any{login.ACRMultiFactor}, "default_max_age": 0.0,
		"acr_voluntary": true, "pkce_optional": true, "id_token_signed_response_alg": "ES256",
		"refresh_idle": "12h", "refresh_overall": "30d", "initiate_login_uri": "https://app.example.com/start",
		"secrets":  []any{map[string]any{"created": now, "expires": nil}},
		"disabled": nil, "created": now, "updated": now,
	}
	equal(t, want, created)
	delete(want, "client_secret")
	equal(t, want, c.document("client", "show", "portal"))
	if out := c.ok("client", "show", "portal"); !strings.Contains(out, "Patient Portal") || strings.Contains(out, fresh) {
		t.Errorf("client show: %q", out)
	}

	for id, flags := range map[string][]string{
		"phone": {"--native", "--redirect-uri", "http://127.0.0.1/cb"},
		"spa":   {"--public", "--redirect-uri", "https://spa.example.com/cb"},
	} {
		public := c.document(append([]string{"client", "create", id, "--name", id}, flags...)...)
		if public["token_endpoint_auth_method"] != "none" || public["client_secret"] != nil || len(public["secrets"].([]any)) != 0 {
			t.Errorf("%s: %v", id, public)
		}
		equal(t, []any{"openid", "profile", "email"}, public["scopes"].([]any))
	}
	machine := c.document("client", "create", "machine", "--name", "Machine", "--grant-type", "client_credentials", "--auth-method", "client_secret_post")
	if machine["client_secret"] == nil || len(machine["scopes"].([]any)) != 0 {
		t.Errorf("machine: %v", fieldsOf(machine))
	}
	equal(t, slices.Repeat([]string{"client_changed create"}, 4), c.changes())
}

func TestCLI_ClientRefused(t *testing.T) {
	c := newDeployment(t)
	c.ok("client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")
	for what, flags := range map[string][]string{
		"--name is missing":        {"x", "--redirect-uri", "https://app.example.com/cb"},
		"needs at least one redir": {"x", "--name", "X"},
		"is http":                  {"x", "--name", "X", "--redirect-uri", "http://app.example.com/cb"},
		"which is not known":       {"x", "--name", "X", "--redirect-uri", "https://app.example.com/cb", "--default-acr", "gold"},
		"is not a duration":        {"x", "--name", "X", "--redirect-uri", "https://app.example.com/cb", "--refresh-idle", "soon"},
		"--default-max-age":        {"x", "--name", "X", "--redirect-uri", "https://app.example.com/cb", "--default-max-age", "1y"},
		"is a UUID":                {uuid.NewString(), "--name", "X", "--redirect-uri", "https://app.example.com/cb"},
		"can't be used together":   {"x", "--name", "X", "--public", "--auth-method", "client_secret_basic"},
		"has to use PKCE":          {"x", "--name", "X", "--public", "--pkce-optional", "--redirect-uri", "https://app.example.com/cb"},
	} {
		c.fails(2, what, append([]string{"client", "create"}, flags...)...)
	}
	c.fails(1, `client "portal" exists already`, "client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")
	c.fails(2, "no flag says what to change", "client", "change", "portal")
	c.fails(2, "needs at least one redir", "client", "change", "portal", "--redirect-uri=")
	for _, args := range [][]string{
		{"show", "nobody"},
		{"change", "nobody", "--name", "X"},
		{"delete", "nobody"},
		{"disable", "nobody"},
		{"enable", "nobody"},
		{"secret", "add", "nobody"},
		{"secret", "remove", "nobody"},
	} {
		c.fails(1, `there is no client "nobody"`, append([]string{"client"}, args...)...)
	}
	equal(t, []string{"client_changed create"}, c.changes())
}

func TestCLI_ClientChange(t *testing.T) {
	c := newDeployment(t)
	before := c.document("client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb", "--origin", "https://app.example.com")
	delete(before, "client_secret")
	c.now = c.now.Add(time.Hour)
	after := c.document("client", "change", "portal", "--origin=", "--acr-voluntary", "--default-max-age", "12h")
	before["origins"], before["acr_voluntary"], before["default_max_age"], before["updated"] = []any{}, true, 43200.0, "2026-03-04T06:06:07Z"
	equal(t, before, after)
	after = c.document("client", "change", "portal", "--no-acr-voluntary", "--default-max-age", "none")
	before["acr_voluntary"], before["default_max_age"] = false, nil
	equal(t, before, after)

	public := c.document("client", "change", "portal", "--public")
	if len(public["secrets"].([]any)) != 0 || public["client_secret"] != nil {
		t.Error("a public client has a secret")
	}
	private := c.document("client", "change", "portal", "--auth-method", "client_secret_post")
	if len(private["secrets"].([]any)) != 1 || private["client_secret"] == nil {
		t.Error("a client that is to authenticate got no secret")
	}

	c.ok("client", "disable", "portal")
	if c.document("client", "disable", "portal")["disabled"] != "2026-03-04T06:06:07Z" {
		t.Error("the client is not disabled")
	}
	if out := c.ok("client", "list"); !strings.Contains(out, "2026-03-04 06:06:07 UTC") {
		t.Errorf("client list: %q", out)
	}
	c.ok("client", "enable", "portal")
	if c.document("client", "enable", "portal")["disabled"] != nil {
		t.Error("the client is still disabled")
	}

	equal(t, map[string]any{"client_id": "portal", "deleted": true}, c.document("client", "delete", "portal"))
	c.fails(1, "an id is never given again", "client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")
	equal(t, []string{
		"client_changed create", "client_changed change acr_voluntary default_max_age origins",
		"client_changed change acr_voluntary default_max_age", "client_changed change secrets token_endpoint_auth_method",
		"client_changed change secrets token_endpoint_auth_method", "client_changed disable disabled", "client_changed enable disabled",
		"client_changed delete",
	}, c.changes())
}

func TestCLI_ClientSecretRotation(t *testing.T) {
	c := newDeployment(t)
	older, _ := c.document("client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")["client_secret"].(string)
	c.fails(1, "no secret besides the one that it needs", "client", "secret", "remove", "portal")
	c.fails(2, "--expires", "client", "secret", "add", "portal", "--expires", "soon")
	good := func(secret string) bool {
		client, err := c.db().Client(t.Context(), "portal")
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(client.Secrets, func(s op.Secret) bool {
			return c.keys.Matches(s.Hash, op.SecretPurpose, secret) && !expired(s, c.now)
		})
	}

	c.now = c.now.Add(time.Hour)
	added := c.document("client", "secret", "add", "portal", "--expires", "30d")
	newer, _ := added["client_secret"].(string)
	if !good(older) || !good(newer) || older == newer {
		t.Error("both secrets have to be good")
	}
	equal(t, "2026-04-03T06:06:07Z", added["secrets"].([]any)[1].(map[string]any)["expires"])
	c.fails(1, "has two secrets already", "client", "secret", "add", "portal")

	c.ok("client", "secret", "remove", "portal")
	if good(older) || !good(newer) {
		t.Error("the older secret has to be gone, and no other")
	}
	c.fails(1, "no secret besides the one that it needs", "client", "secret", "remove", "portal")

	// An expired one is no secret: it makes room, and goes first.
	c.now = c.now.Add(31 * 24 * time.Hour)
	third, _ := c.document("client", "secret", "add", "portal")["client_secret"].(string)
	c.ok("client", "secret", "add", "portal", "--expires", "1d")
	c.now = c.now.Add(25 * time.Hour)
	left := c.document("client", "secret", "remove", "portal")
	if len(left["secrets"].([]any)) != 1 || !good(third) {
		t.Errorf("of a good and an expired secret stay %v", left["secrets"])
	}

	c.ok("client", "create", "spa", "--name", "SPA", "--public", "--redirect-uri", "https://spa.example.com/cb")
	c.fails(1, "does not authenticate", "client", "secret", "add", "spa")
}

func TestCLI_ChangedMeanwhile(t *testing.T) {
	c := newDeployment(t)
	c.ok("client", "create", "portal", "--name", "Portal", "--redirect-uri", "https://app.example.com/cb")
	p := &process{ctx: t.Context(), now: func() time.Time { return c.now }}
	_, err := changeClient(p, c.db(), "portal", "change", func(client *op.Client) error {
		c.ok("client", "change", "portal", "--name", "First")
		client.Name = "Second"
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), `somebody else changed client "portal" meanwhile`) {
		t.Errorf("a lost change: %v", err)
	}
	equal(t, "First", c.document("client", "show", "portal")["client_name"])
}
