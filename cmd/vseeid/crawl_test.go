package main

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

var pagePolicy = regexp.MustCompile(`^default-src 'none'; script-src 'nonce-[A-Za-z0-9]{26}'; style-src 'self'; img-src 'self' data:; ` +
	`connect-src 'self'; font-src 'self'; form-action 'self'( http://localhost:[0-9]+)*; frame-ancestors 'none'; base-uri 'none'$`)

// TestP07_T30_T31_T59_Crawl holds every answer to what no answer may forget.
//
//	T-30, T-31  nobody frames it, nobody keeps a handle on its window
//	T-59        nothing is kept by caches but keys, discovery and assets; no code in an address of ours
//	P-07        after a POST a redirect is a 303
//	P-09        no script of another site reads a page
func TestP07_T30_T31_T59_Crawl(t *testing.T) {
	seen := crawl(t)
	all, statuses := seen.all, map[int]int{}
	for _, res := range all {
		statuses[res.StatusCode]++
		wantDefaults(t, res)
		wantRedirect(t, res)
		wantNoCORS(t, res)
		for _, c := range res.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-vseeid-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("%s: cookie %s", of(res), c.Name)
			}
		}
		if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			wantPage(t, res)
		}
	}
	t.Logf("%d answers: %v", len(all), statuses)
	for _, status := range []int{200, 201, 204, 303, 400, 401, 403, 404, 405, 410, 415, 421, 422, 429} {
		if statuses[status] == 0 {
			t.Errorf("the crawl met no %d", status)
		}
	}
	wantEveryRoute(t, seen.log())
	wantNoCookies(t, seen)
}

// wantEveryRoute fails for a route of ours that was not asked for, or is none.
func wantEveryRoute(t *testing.T, log string) {
	t.Helper()
	routes := []string{
		"GET /authorize", "POST /authorize", "POST /oauth/token", "GET /userinfo", "POST /oauth/revoke", "GET /oidc/logout", "POST /oidc/logout", "GET /v2/logout",
		"GET /u/login/{tx}", "GET /u/login/{tx}/method", "GET /u/login/{tx}/mail", "GET /u/login/{tx}/{step}", "GET /u/notice/{token}", "POST /u/notice/{token}",
		"GET /account", "GET /account/signout", "POST /account/signout", "POST /account/trust", "GET /account/add/{kind}",
		"GET /account/factors/{id}", "POST /account/factors/{id}", "POST /account/factors/{id}/remove",
		"POST /api/v1/users/{id}/mfa/reset", "POST /api/v1/users/{id}/enrollment-tickets", "GET /livez", "GET /readyz",
	}
	for _, step := range steps {
		routes = append(routes, "POST /u/login/{tx}/"+step)
	}
	for _, page := range []string{"recovery", "default", "password", "sessions/others", "sessions/{id}"} {
		routes = append(routes, "GET /account/"+page, "POST /account/"+page)
	}
	for _, route := range routes {
		method, path, _ := strings.Cut(route, " ")
		if !strings.Contains(log, `"method":"`+method+`","route":"`+path+`"`) {
			t.Errorf("the crawl did not meet %s", route)
		}
	}
}

// wantNoCookies: what a cookie holds is in no page and in no address.
func wantNoCookies(t *testing.T, seen *answers) {
	t.Helper()
	cookies := map[string]string{}
	for _, res := range seen.all {
		for _, c := range res.Cookies() {
			if c.Value != "" {
				cookies[c.Value] = c.Name
			}
		}
	}
	names := map[string]int{}
	for value, name := range cookies {
		names[name]++
		for i, res := range seen.all {
			if strings.Contains(seen.bodies[i], value) || strings.Contains(res.Header.Get("Location"), value) {
				t.Errorf("%s shows the cookie %s", of(res), name)
			}
		}
	}
	for _, name := range []string{"__Host-vseeid-browser", "__Host-vseeid-session", "__Host-vseeid-device", "__Host-vseeid-resume"} {
		if names[name] == 0 {
			t.Errorf("the crawl was given no %s", name)
		}
	}
}

// of says which answer it is.
func of(res *http.Response) string {
	return res.Request.Method + " " + res.Request.URL.Path + " (" + res.Status + ")"
}

func wantDefaults(t *testing.T, res *http.Response) {
	t.Helper()
	h, path := res.Header, res.Request.URL.Path
	for name, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": strictTransport,
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %s is %q", of(res), name, got)
		}
	}
	if len(h.Values("X-Request-Id")) != 1 || len(h.Values("Permissions-Policy")) != 1 || h.Get("Server") != "" || h.Get("X-Powered-By") != "" {
		t.Errorf("%s: headers %v", of(res), h)
	}
	if csp := h.Values("Content-Security-Policy"); len(csp) != 1 || !strings.Contains(csp[0], "frame-ancestors 'none'") || strings.Contains(csp[0], "unsafe") {
		t.Errorf("%s: policy %q", of(res), csp)
	}
	public := strings.HasPrefix(path, "/.well-known/") || strings.HasPrefix(path, "/u/assets/")
	if got := h.Get("Cache-Control"); got != "no-store" && (!public || res.StatusCode != http.StatusOK) {
		t.Errorf("%s: Cache-Control %q", of(res), got)
	}
	if h.Get("Content-Type") == "" && res.StatusCode == http.StatusOK && res.Request.Method != http.MethodHead {
		t.Errorf("%s: no Content-Type", of(res))
	}
}

func wantRedirect(t *testing.T, res *http.Response) {
	t.Helper()
	to := res.Header.Get("Location")
	if to == "" {
		return
	}
	if res.StatusCode != http.StatusSeeOther && (res.Request.Method == http.MethodPost || res.StatusCode == http.StatusTemporaryRedirect) {
		t.Errorf("%s: redirects to %s", of(res), to)
	}
	u, err := res.Request.URL.Parse(to)
	must(t, err)
	if u.Host == res.Request.URL.Host {
		for _, name := range []string{"code", "password", "access_token", "id_token", "refresh_token"} {
			if u.Query().Has(name) {
				t.Errorf("%s: %s in an address of ours", of(res), name)
			}
		}
	} else if u.Hostname() != "localhost" || u.Fragment != "" {
		t.Errorf("%s: redirects to %s", of(res), u.Host)
	}
}

// wantNoCORS: only what apps' scripts call may answer them, and never with cookies.
func wantNoCORS(t *testing.T, res *http.Response) {
	t.Helper()
	path := res.Request.URL.Path
	for name := range res.Header {
		if strings.HasPrefix(name, "Access-Control-Allow-") && !strings.HasPrefix(path, "/.well-known/") && path != "/oauth/token" && path != "/userinfo" {
			t.Errorf("%s: %s", of(res), name)
		}
	}
	if res.Header.Get("Access-Control-Allow-Credentials") != "" || res.Header.Get("Access-Control-Allow-Origin") == "https://evil.example" {
		t.Errorf("%s: lets another site in", of(res))
	}
}

func wantPage(t *testing.T, res *http.Response) {
	t.Helper()
	csp := res.Header.Get("Content-Security-Policy")
	if res.Request.URL.Path == "/dev/mail" {
		return // it has no form and no script at all
	}
	if res.StatusCode/100 == 3 { // a line with a link, which nobody sees
		if csp != defaultHeaders[1][1] {
			t.Errorf("%s: policy of a redirect: %q", of(res), csp)
		}
		return
	}
	if !pagePolicy.MatchString(csp) {
		t.Errorf("%s: policy of a page: %q", of(res), csp)
	}
}
