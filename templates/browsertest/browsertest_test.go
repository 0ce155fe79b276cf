package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/vsee/vseeid/templates/browsertest"
)

// The harness itself: what a person does works with and without JavaScript, and two people share
// no cookie.
func TestPerson(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := "nobody"
		if c, err := r.Cookie("name"); err == nil {
			name = c.Value
		}
		if r.Method == http.MethodPost {
			http.SetCookie(w, &http.Cookie{Name: "name", Value: r.FormValue("name")})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><html lang=en><title>Hello</title><main><h1>Hello, %s</h1>
			<form method=post><label>Name <input name=name value=old></label><label><input type=checkbox name=box> Box</label>
			<button>Go on</button></form></main><script>document.querySelector("h1").title = "script ran"</script>`, name)
	}))
	defer server.Close()
	browser := browsertest.Start(t)
	for _, d := range []browsertest.Device{browsertest.Desktop, {Width: 390, Height: 844, Phone: true, NoScript: true}} {
		tab := browser.Person(t, d).Tab()
		tab.Open(server.URL)
		tab.See("Hello, nobody")
		tab.Type("name", "Charlotte")
		tab.Tick("box")
		tab.Press("Go on")
		tab.See("Hello, Charlotte")
		ran := browsertest.Script[string](tab, `document.querySelector("h1").title`) != ""
		if ran == d.NoScript {
			t.Errorf("NoScript is %v, and the page's script ran: %v", d.NoScript, ran)
		}
	}
}

// A field is typed into again and again, as often as a race needs to show itself.
func TestType(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang=en><title>Hello</title><input type=hidden name=code value=no><input name=code>`)
	}))
	defer server.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	for range 5 {
		tab.Open(server.URL)
		for _, text := range []string{"123456", "7", "", "a b", "x", "yz", "q", "w"} {
			tab.Type("code", text)
			if got := browsertest.Script[string](tab, `document.querySelectorAll("[name=code]")[1].value`); got != text {
				t.Fatalf("the field holds %q, want %q", got, text)
			}
		}
	}
}
