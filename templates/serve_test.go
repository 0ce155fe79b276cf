package templates_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vsee/vseeid/templates"
)

func serve(t *testing.T, method string, status int, page templates.Pager, targets ...string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := templates.Serve(w, httptest.NewRequest(method, "/u/login/1", nil), status, page, targets...); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestW14_ContentSecurityPolicy(t *testing.T) {
	w := serve(t, http.MethodGet, http.StatusUnprocessableEntity, state(t, "password-wrong"), "https://app.example", "com.vsee.messenger:")
	if w.Code != http.StatusUnprocessableEntity || w.Header().Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("got %d %s", w.Code, w.Header().Get("Content-Type"))
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	doc, err := html.Parse(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	nonce := node{doc}.one(t, "script").attr("nonce")
	if len(nonce) < 22 { // 128 bits
		t.Errorf("nonce %q is short", nonce)
	}
	want := "default-src 'none'; script-src 'nonce-" + nonce + "'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
		"font-src 'self'; form-action 'self' https://app.example com.vsee.messenger:; frame-ancestors 'none'; base-uri 'none'"
	if got := w.Header().Get("Content-Security-Policy"); got != want {
		t.Errorf("policy\n%s\nwant\n%s", got, want)
	}
	again := serve(t, http.MethodGet, http.StatusOK, state(t, "password"))
	if strings.Contains(again.Body.String(), nonce) {
		t.Error("two responses have one nonce")
	}
}

func TestServeHead(t *testing.T) {
	get := serve(t, http.MethodGet, http.StatusOK, state(t, "challenge"))
	head := serve(t, http.MethodHead, http.StatusOK, state(t, "challenge"))
	if head.Body.Len() > 0 {
		t.Error("HEAD has a body")
	}
	if l := strconv.Itoa(get.Body.Len()); head.Header().Get("Content-Length") != l || get.Header().Get("Content-Length") != l {
		t.Errorf("lengths %q and %q of %s", head.Header().Get("Content-Length"), get.Header().Get("Content-Length"), l)
	}
}

// Half a page with status 200 would be worse than none.
func TestServeLeavesNothingBehindAnError(t *testing.T) {
	for name, page := range map[string]templates.Pager{
		"unknown message": templates.Identifier{Frame: frame, Problem: text("no.such.message")},
		"unfilled gap":    templates.Notice{Frame: frame, Title: text("notice.badrequest.body")},
		"unknown kind":    templates.Challenge{Frame: frame, Kind: "sms"},
	} {
		w := httptest.NewRecorder()
		err := templates.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, page)
		if !errors.Is(err, templates.ErrMessage) {
			t.Errorf("%s: got error %v", name, err)
		}
		if len(w.Header()) > 0 || w.Body.Len() > 0 {
			t.Errorf("%s: something was written", name)
		}
	}
}

func TestServeRefusesFormTarget(t *testing.T) {
	for _, target := range []string{"", "https://a.example; script-src *", "https://a.example 'unsafe-inline'", "*", "https://*.example", "a,b", "https://a.example\r\nX: y"} {
		w := httptest.NewRecorder()
		err := templates.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), http.StatusOK, state(t, "identifier"), target)
		if !errors.Is(err, templates.ErrFormTarget) {
			t.Errorf("form target %q: got error %v", target, err)
		}
		if len(w.Header()) > 0 || w.Body.Len() > 0 {
			t.Errorf("form target %q: something was written", target)
		}
	}
}

func TestAssets(t *testing.T) {
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		if len(header) == 2 {
			r.Header.Set(header[0], header[1])
		}
		w := httptest.NewRecorder()
		templates.Assets().ServeHTTP(w, r)
		return w
	}
	own := frame
	own.Brand.Accent = "#ffb000"
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
	asked := 0
	for _, e := range parsed(t, templates.Identifier{Frame: own}).all("link", "script") {
		address := e.attr("href") + e.attr("src")
		path, _, versioned := strings.Cut(address, "?v=")
		if !versioned {
			t.Errorf("%s has no version", address)
		}
		asked++
		w := get(address)
		if w.Code != http.StatusOK || w.Body.Len() == 0 {
			t.Errorf("%s: %d with %d bytes", address, w.Code, w.Body.Len())
		}
		if got := w.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", address, got)
		}
		if got, want := w.Header().Get("Content-Type"), types[path[strings.LastIndex(path, "."):]]; got != want {
			t.Errorf("%s: Content-Type %q, want %q", address, got, want)
		}
		if got := get(address, "If-None-Match", w.Header().Get("ETag")).Code; got != http.StatusNotModified {
			t.Errorf("%s: %d for what the browser already has", address, got)
		}
		for _, other := range []string{path, path + "?v=0000000000000000"} {
			if w := get(other); w.Code != http.StatusOK || w.Header().Get("Cache-Control") != "no-cache" {
				t.Errorf("%s: %d, Cache-Control %q", other, w.Code, w.Header().Get("Cache-Control"))
			}
		}
	}
	if asked != 4 { // the sheet, the accent, the script, the icon
		t.Errorf("a page asks for %d files, want 4", asked)
	}
	for _, path := range []string{"/u/assets/", "/u/assets/none.css", "/u/assets/../serve.go", "/u/assets/accent-red.css", "/u/assets/accent-12345.css", "/u/assets/accent-+12345.css", "/u/assets/accent-1234567.css", "/u/assets/accent-0x1234.css", "/other"} {
		if got := get(path).Code; got != http.StatusNotFound {
			t.Errorf("%s: %d", path, got)
		}
	}
}
