package login_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

func TestN20_Cookies(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Issuer = &url.URL{Scheme: "https", Host: "id.example"} })
	u := w.person("anna")
	mux := http.NewServeMux()
	w.signIn.Mount(mux)
	jar := map[string]*http.Cookie{}
	do := func(method, path string, form url.Values) *http.Response {
		t.Helper()
		r := httptest.NewRequest(method, "https://id.example"+path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", "https://id.example")
		for _, c := range jar {
			r.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		rw := httptest.NewRecorder()
		if path == "/begin" {
			must(t, w.signIn.Begin(rw, r, login.Demand{App: login.App{Name: "Messenger", Origins: []string{"https://app.example"}}}, []byte("request")))
		} else {
			mux.ServeHTTP(rw, r)
		}
		res := rw.Result()
		for _, c := range res.Cookies() {
			jar[c.Name] = c
		}
		return res
	}
	at := do(http.MethodGet, "/begin", nil).Header.Get("Location")
	if jar["__Host-vseeid-session"] != nil {
		t.Error("there is a session before anything was proved")
	}
	page := do(http.MethodGet, at, nil)
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example;") {
		t.Errorf("policy: %s", csp)
	}
	do(http.MethodPost, at+"/identifier", url.Values{"email": {u.Email}})
	do(http.MethodPost, at+"/password", url.Values{"password": {secretWord}})
	for _, name := range []string{"__Host-vseeid-browser", "__Host-vseeid-session", "__Host-vseeid-resume"} {
		c := jar[name]
		if c == nil {
			t.Errorf("no cookie %s", name)
			continue
		}
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.MaxAge <= 0 {
			t.Errorf("%s: %+v", name, c)
		}
	}
	if len(jar) != 3 {
		t.Errorf("%d cookies", len(jar))
	}
}

func TestT08_N08_TOTPReplay(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		seed, _, _ := w.browser().setUp(u, login.Demand{})
		const n = 4 // fewer than are free
		browsers, pages := make([]*browser, n), make([]page, n)
		for i := range n {
			browsers[i] = w.browser()
			pages[i] = browsers[i].password(browsers[i].begin(login.Demand{}), u)
		}
		code, won := w.app(seed), 0
		for _, p := range parallel(n, func(i int) page { return browsers[i].post(pages[i].on("challenge"), "code", code) }) {
			if p.answer != nil {
				won++
				continue
			}
			p.shows(t, http.StatusUnprocessableEntity, "already used")
		}
		if won != 1 {
			t.Errorf("%d sign-ins by one code", won)
		}
		if n := w.count(u.ID, storage.SignedIn); n != 2 {
			t.Errorf("%d sign-ins noted", n)
		}
	})
}

func TestNew_SaysWhatIsMissing(t *testing.T) {
	if _, err := login.New(login.Config{}); err == nil || !strings.Contains(err.Error(), "is not set") {
		t.Errorf("%v", err)
	}
}
