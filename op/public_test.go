package op_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
)

func TestP43_Discovery(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	var bodies []string
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		answer := a.Do(http.MethodGet, path, nil, nil)
		if answer.Status != http.StatusOK || answer.Header.Get("Content-Type") != "application/json" ||
			answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, answer.Status, answer.Header)
		}
		bodies = append(bodies, answer.Body)
		if head := a.Do(http.MethodHead, path, nil, nil); head.Status != http.StatusOK || head.Body != "" {
			t.Errorf("HEAD %s: %d", path, head.Status)
		}
	}
	if bodies[0] != bodies[1] {
		t.Error("the two documents differ")
	}
	var doc map[string]any
	w.must(json.Unmarshal([]byte(bodies[0]), &doc))
	for name, want := range map[string]string{
		"issuer": w.issuer, "authorization_endpoint": w.issuer + "/authorize", "token_endpoint": w.issuer + "/oauth/token",
		"userinfo_endpoint": w.issuer + "/userinfo", "revocation_endpoint": w.issuer + "/oauth/revoke",
		"end_session_endpoint": w.issuer + "/oidc/logout", "jwks_uri": w.issuer + "/.well-known/jwks.json",
		"response_types_supported":                       "[code]",
		"response_modes_supported":                       "[query form_post]",
		"grant_types_supported":                          "[authorization_code refresh_token client_credentials]",
		"subject_types_supported":                        "[public]",
		"id_token_signing_alg_values_supported":          "[RS256 ES256]",
		"token_endpoint_auth_methods_supported":          "[none client_secret_basic client_secret_post]",
		"revocation_endpoint_auth_methods_supported":     "[none client_secret_basic client_secret_post]",
		"code_challenge_methods_supported":               "[S256]",
		"prompt_values_supported":                        "[none login select_account]",
		"authorization_response_iss_parameter_supported": "true",
		"request_parameter_supported":                    "false",
		"request_uri_parameter_supported":                "false",
		"claims_parameter_supported":                     "true",
		"scopes_supported":                               "[openid profile email offline_access]",
	} {
		if got := fmt.Sprint(doc[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if acr := fmt.Sprint(doc["acr_values_supported"]); !strings.Contains(acr, "multi-factor") || strings.Contains(acr, "phr") {
		t.Errorf("acr_values_supported %s", acr)
	}
}

func TestP44_JWKS(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	answer := a.Do(http.MethodGet, "/.well-known/jwks.json", nil, nil)
	if got := answer.Header.Get("Cache-Control"); answer.Status != http.StatusOK || !strings.HasPrefix(got, "public, max-age=") {
		t.Errorf("status %d, Cache-Control %q", answer.Status, got)
	}
	var set struct{ Keys []map[string]any }
	w.must(json.Unmarshal([]byte(answer.Body), &set))
	if len(set.Keys) != 2 {
		t.Errorf("%d keys", len(set.Keys))
	}
	for _, k := range set.Keys {
		if k["use"] != "sig" || k["kid"] == "" || k["d"] != nil || k["p"] != nil {
			t.Errorf("key %v", k)
		}
	}
	tag := answer.Header.Get("ETag")
	again := a.Do(http.MethodGet, "/.well-known/jwks.json", http.Header{"If-None-Match": {`"x", W/` + tag}}, nil)
	if tag == "" || again.Status != http.StatusNotModified || again.Body != "" {
		t.Errorf("ETag %q, asked again: %d", tag, again.Status)
	}
	w.must(w.ring.Rotate(t.Context()))
	if changed := a.Do(http.MethodGet, "/.well-known/jwks.json", http.Header{"If-None-Match": {tag}}, nil); changed.Status != http.StatusOK {
		t.Errorf("after a rotation: %d", changed.Status)
	}
}

func TestP09_CORS(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, answer := w.signIn(a)
	const mine, evil = "http://127.0.0.1:9", "https://evil.example"
	w.change("clinic", func(c *op.Client) { c.Origins = []string{"https://clinic.example"} })

	preflight := func(path, origin string) optest.Answer {
		return a.Do(http.MethodOptions, path, http.Header{
			"Origin": {origin}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"authorization"},
		}, nil)
	}
	for _, path := range []string{"/userinfo", "/oauth/token"} {
		got := preflight(path, mine)
		if got.Header.Get("Access-Control-Allow-Origin") != mine || got.Header.Get("Access-Control-Allow-Credentials") != "" ||
			!strings.Contains(got.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("%s: %v", path, got.Header)
		}
		for _, origin := range []string{evil, "null", mine + ".evil.example"} {
			if got := preflight(path, origin); got.Header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s from %s: %v", path, origin, got.Header)
			}
		}
	}
	for _, path := range []string{"/authorize", "/oidc/logout", "/v2/logout", "/oidc/logout/confirm"} {
		got := preflight(path, mine)
		if got.Status != http.StatusMethodNotAllowed || got.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: %d %v", path, got.Status, got.Header)
		}
	}
	for origin, want := range map[string]string{mine: mine, evil: "", "https://clinic.example": ""} {
		info := a.Do(http.MethodGet, "/userinfo", http.Header{"Origin": {origin}, "Authorization": {"Bearer " + answer.AccessToken}}, nil)
		if got := info.Header.Get("Access-Control-Allow-Origin"); got != want || !slices.Contains(info.Header.Values("Vary"), "Origin") {
			t.Errorf("userinfo from %s: %q", origin, got)
		}
		header := formHeader()
		header.Set("Origin", origin)
		token := a.Do(http.MethodPost, "/oauth/token", header, map[string][]string{
			"client_id": {"messenger"}, "grant_type": {"refresh_token"}, "refresh_token": {"vsr_x"},
		})
		if got := token.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("token from %s: %q", origin, got)
		}
	}
	// A script learns that its token has ended, instead of nothing.
	info := a.Do(http.MethodGet, "/userinfo", http.Header{"Origin": {mine}, "Authorization": {"Bearer x"}}, nil)
	if info.Status != http.StatusUnauthorized || info.Header.Get("Access-Control-Allow-Origin") != mine {
		t.Errorf("a bad token: %d %v", info.Status, info.Header)
	}
}
