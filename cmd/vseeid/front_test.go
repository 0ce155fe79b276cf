package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestT32_ClientIP reads the client's address behind proxies, honest and not.
func TestT32_ClientIP(t *testing.T) {
	proxies, err := checkProxies([]string{"10.0.0.0/8", "2001:db8::/32", "127.0.0.1"})
	must(t, err)
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		want       string
	}{
		{"no proxy", "203.0.113.9:4711", nil, "203.0.113.9"},
		{"a stranger who claims to be another", "203.0.113.9:4711", []string{"198.51.100.1"}, "203.0.113.9"},
		{"one proxy", "10.0.0.1:80", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote itself", "10.0.0.1:80", []string{"1.2.3.4, 198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.1:80", []string{"1.2.3.4, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"several headers are one list", "10.0.0.1:80", []string{"1.2.3.4", "198.51.100.1", "10.0.0.2"}, "198.51.100.1"},
		{"proxies only", "10.0.0.1:80", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		{"a proxy that says nothing", "10.0.0.1:80", nil, "10.0.0.1"},
		{"nonsense ends at the last hop known", "10.0.0.1:80", []string{"198.51.100.1, unknown, 10.0.0.2"}, "10.0.0.2"},
		{"nonsense alone", "10.0.0.1:80", []string{"<script>"}, "10.0.0.1"},
		{"an empty element", "10.0.0.1:80", []string{"198.51.100.1,"}, "10.0.0.1"},
		{"with a port", "10.0.0.1:80", []string{"198.51.100.1:5555"}, "198.51.100.1"},
		{"IPv6 with a port", "[2001:db8::1]:80", []string{"[2a00::5]:5555"}, "2a00::5"},
		{"IPv6 in brackets", "[2001:db8::1]:80", []string{"[2a00::5]"}, "2a00::5"},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:80", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"a zone", "127.0.0.1:80", []string{"fe80::1%eth0"}, "fe80::1"},
		{"no peer", "@", []string{"198.51.100.1"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr = c.peer
			for _, f := range c.forwarded {
				r.Header.Add("X-Forwarded-For", f)
			}
			if got := clientIP(r, proxies); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// ask sends one request and reads the answer. It follows no redirect.
func ask(t testing.TB, method, address string, change func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	must(t, err)
	if change != nil {
		change(r)
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	must(t, err)
	defer func() { must(t, answer.Body.Close()) }()
	body, err := io.ReadAll(answer.Body)
	must(t, err)
	return answer, string(body)
}

// TestT32_Host asks under other names. Nothing is served for them, and no header of a proxy makes
// the provider call itself anything but what its settings say.
func TestT32_Host(t *testing.T) {
	s := startServer(t, on{})
	own := strings.TrimPrefix(s.issuer, "http://")
	_, port, _ := strings.Cut(own, ":")
	for host, want := range map[string]int{
		own:                       http.StatusOK,
		strings.ToUpper(own):      http.StatusOK,
		"evil.example":            http.StatusMisdirectedRequest,
		"localhost":               http.StatusMisdirectedRequest,
		"127.0.0.1:" + port:       http.StatusMisdirectedRequest,
		own + ".evil.example":     http.StatusMisdirectedRequest,
		"evil.example:" + port:    http.StatusMisdirectedRequest,
		"localhost.:" + port:      http.StatusMisdirectedRequest,
		"localhost:" + port + "0": http.StatusMisdirectedRequest,
	} {
		for _, path := range []string{"/.well-known/openid-configuration", "/authorize", "/u/login/x", "/nothing"} {
			answer, _ := ask(t, http.MethodGet, s.issuer+path, func(r *http.Request) { r.Host = host })
			if misdirected := answer.StatusCode == http.StatusMisdirectedRequest; misdirected != (want == http.StatusMisdirectedRequest) {
				t.Errorf("%s for host %q: %s", path, host, answer.Status)
			}
			if len(answer.Cookies()) > 0 && want != http.StatusOK {
				t.Errorf("%s for host %q: a cookie was set", path, host)
			}
		}
		for _, path := range []string{"/livez", "/readyz"} {
			if answer, body := ask(t, http.MethodGet, s.issuer+path, func(r *http.Request) { r.Host = host }); answer.StatusCode != http.StatusOK {
				t.Errorf("%s for host %q: %s %s", path, host, answer.Status, body)
			}
		}
	}

	spoof := func(r *http.Request) {
		for _, h := range []string{"X-Forwarded-Host", "X-Forwarded-Server", "X-Original-Host", "X-Host"} {
			r.Header.Set(h, "evil.example")
		}
		r.Header.Set("Forwarded", "host=evil.example;proto=https")
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Prefix", "/evil")
		r.Header.Set("X-Original-Url", "/evil")
		r.Header.Set("X-Rewrite-Url", "/evil")
		r.Header.Set("X-Http-Method-Override", "POST")
	}
	_, plain := ask(t, http.MethodGet, s.issuer+"/.well-known/openid-configuration", nil)
	_, spoofed := ask(t, http.MethodGet, s.issuer+"/.well-known/openid-configuration", spoof)
	if plain != spoofed || strings.Contains(spoofed, "evil") {
		t.Errorf("discovery listens to a proxy's headers: %s", spoofed)
	}
	answer, _ := ask(t, http.MethodGet, s.messengerApp(t).Begin().URL(), spoof)
	if to := answer.Header.Get("Location"); answer.StatusCode != http.StatusSeeOther || strings.Contains(to, "evil") || strings.Contains(to, "https") {
		t.Errorf("authorize listens to a proxy's headers: %s to %s", answer.Status, to)
	}
}

// TestDefaultHeaders looks at answers of every kind: whatever a handler forgets is there.
func TestDefaultHeaders(t *testing.T) {
	s := startServer(t, on{})
	for _, path := range []string{"/", "/authorize", "/u/login/x", "/u/assets/style.css", "/userinfo", "/.well-known/jwks.json", "/livez", "/u/login/x/y/z"} {
		for _, method := range []string{http.MethodGet, http.MethodPost, "BREW"} {
			answer, _ := ask(t, method, s.issuer+path, nil)
			h := answer.Header
			for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Cache-Control", "Permissions-Policy", "Cross-Origin-Opener-Policy", "X-Request-Id"} {
				if h.Get(name) == "" {
					t.Errorf("%s %s: %s is missing", method, path, name)
				}
			}
			if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors 'none'") || !strings.Contains(csp, "base-uri 'none'") || !strings.Contains(csp, "default-src 'none'") {
				t.Errorf("%s %s: policy %q", method, path, csp)
			}
			if h.Get("Strict-Transport-Security") != "" {
				t.Errorf("%s %s: HSTS over http", method, path)
			}
		}
	}
	secure, err := url.Parse("https://id.example.com")
	must(t, err)
	w := httptest.NewRecorder()
	withHeaders(secure, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Header().Get("Strict-Transport-Security") != strictTransport {
		t.Error("no HSTS over https")
	}
}

// TestUnmatched shows pages, with the reference of the log, where the mux would say so in bare text.
func TestUnmatched(t *testing.T) {
	s := startServer(t, on{})
	for _, c := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{http.MethodGet, "/nothing-here", http.StatusNotFound, ""},
		{http.MethodGet, "/u/login", http.StatusNotFound, ""},
		{http.MethodGet, "/index.html", http.StatusNotFound, ""},
		{http.MethodPost, "/", http.StatusMethodNotAllowed, "GET, HEAD"},
		{http.MethodPost, "/livez", http.StatusMethodNotAllowed, "GET, HEAD"},
		{http.MethodDelete, "/u/login/x", http.StatusMethodNotAllowed, "GET, HEAD"},
	} {
		answer, body := ask(t, c.method, s.issuer+c.path, nil)
		if answer.StatusCode != c.status || answer.Header.Get("Allow") != c.allow {
			t.Errorf("%s %s: %s, Allow %q", c.method, c.path, answer.Status, answer.Header.Get("Allow"))
		}
		if reference := answer.Header.Get("X-Request-Id"); !strings.Contains(body, "<html") || !strings.Contains(body, reference) {
			t.Errorf("%s %s: no page with the reference %s: %s", c.method, c.path, reference, body)
		}
	}
}

// TestRoot is for who opens the bare address: it is no app to sign in to, and says so.
func TestRoot(t *testing.T) {
	s := startServer(t, on{})
	answer, body := ask(t, http.MethodGet, s.issuer+"/", nil)
	if answer.StatusCode != http.StatusOK || answer.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%s, Cache-Control %q", answer.Status, answer.Header.Get("Cache-Control"))
	}
	if !strings.Contains(body, "sign-in service of VSee") || strings.Contains(body, answer.Header.Get("X-Request-Id")) {
		t.Errorf("the page: %s", body)
	}
}

// TestAccessLog asks once of each kind and reads the lines: routes and never paths.
func TestAccessLog(t *testing.T) {
	var log logBuffer
	mux := http.NewServeMux()
	mux.HandleFunc("GET /u/login/{tx}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "four") })
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /empty", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	clock := time.Unix(0, 0)
	now := func() time.Time { clock = clock.Add(37_476_999 * time.Nanosecond); return clock }
	handler := withOrigin(nil, withAccessLog(newLogger(&log, "json", slog.LevelInfo), now, mux))
	for _, c := range [][2]string{
		{http.MethodGet, "/u/login/the-id-of-a-sign-in?code=the-code"},
		{http.MethodGet, "/livez"},
		{http.MethodPost, "/empty"},
		{http.MethodGet, "/broken"},
		{http.MethodGet, "/unknown/the-secret"},
	} {
		r := httptest.NewRequest(c[0], c[1], nil)
		r.Header.Set("User-Agent", "line\n{\"level\":\"INFO\"}"+strings.Repeat("é", 200))
		r.Header.Set("X-Request-Id", "chosen-by-a-stranger")
		handler.ServeHTTP(httptest.NewRecorder(), r)
	}
	type line struct {
		Level, Msg, Method, Route, IP string
		RequestID                     string `json:"request_id"`
		UserAgent                     string `json:"user_agent"`
		Status, Bytes                 int
		Milliseconds                  float64 `json:"duration_ms"`
	}
	var got []line
	for d := json.NewDecoder(strings.NewReader(log.String())); ; {
		var l line
		err := d.Decode(&l)
		if errors.Is(err, io.EOF) {
			break
		}
		must(t, err)
		if l.RequestID == "" || l.RequestID == "chosen-by-a-stranger" || l.IP != "192.0.2.1" || l.Milliseconds != 37.476 || l.Msg != "request" || len(l.UserAgent) > userAgentBytes {
			t.Errorf("%+v", l)
		}
		l.RequestID, l.IP, l.Msg, l.UserAgent, l.Milliseconds = "", "", "", "", 0
		got = append(got, l)
	}
	want := []line{
		{Level: "INFO", Method: "GET", Route: "/u/login/{tx}", Status: 200, Bytes: 4},
		{Level: "INFO", Method: "POST", Route: "/empty", Status: 200},
		{Level: "ERROR", Method: "GET", Route: "/broken", Status: 502},
		{Level: "INFO", Method: "GET", Route: "-", Status: 404, Bytes: 19},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if strings.Contains(log.String(), "the-") {
		t.Errorf("a path or a query is in the log: %s", log.String())
	}
}

// TestPanicHalfWay cuts the connection when part of an answer is out, so that nobody takes it for
// the whole, and takes back what a broken handler was about to promise.
func TestPanicHalfWay(t *testing.T) {
	var log logBuffer
	logger := newLogger(&log, "json", slog.LevelInfo)
	page := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }
	serve := func(broken http.HandlerFunc) (w *httptest.ResponseRecorder, thrown any) {
		w = httptest.NewRecorder()
		defer func() { thrown = recover() }()
		withAccessLog(logger, time.Now, withRecovery(logger, page, broken)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w, nil
	}
	w, thrown := serve(func(w http.ResponseWriter, _ *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "session", Value: "made-before-the-panic"})
		panic("canary-of-a-request")
	})
	if thrown != nil || w.Code != http.StatusInternalServerError || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("before the answer: status %d, cookie %q, thrown %v", w.Code, w.Header().Get("Set-Cookie"), thrown)
	}
	if _, thrown = serve(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		panic("canary-of-a-request")
	}); thrown != http.ErrAbortHandler {
		t.Errorf("half an answer was left to be taken for a whole one: %v", thrown)
	}
	if strings.Contains(log.String(), "canary") || strings.Count(log.String(), `"msg":"panic"`) != 2 {
		t.Errorf("log: %s", log.String())
	}
}

// TestReady fails while anything that serving needs does not answer, says what, and logs why.
func TestReady(t *testing.T) {
	var logged []string
	broken := errors.New("connection refused")
	var database error
	h := &health{
		checks: []check{
			{"database", func(context.Context) error { return database }},
			{"signing keys", func(context.Context) error { return nil }},
		},
		failed: func(_ context.Context, what string, err error) { logged = append(logged, what+": "+err.Error()) },
	}
	mux := http.NewServeMux()
	h.mount(mux)
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	want := func(path string, status int, text string) {
		t.Helper()
		if gotStatus, got := get(path); gotStatus != status || got != text {
			t.Errorf("%s: %d %q, want %d %q", path, gotStatus, got, status, text)
		}
	}
	want("/readyz", http.StatusOK, "ready")
	database = broken
	want("/readyz", http.StatusServiceUnavailable, "database is not ready")
	want("/livez", http.StatusOK, "alive")
	if !slices.Equal(logged, []string{"database: connection refused"}) {
		t.Errorf("logged %q", logged)
	}
	database = nil
	h.stopping.Store(true)
	want("/readyz", http.StatusServiceUnavailable, "stopping")
	want("/livez", http.StatusOK, "alive")
}
