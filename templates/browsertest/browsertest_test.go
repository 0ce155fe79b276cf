package browsertest_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
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

// A page that has not all arrived is not there yet: what is waited for may stand in its first half, and
// what is read then in its second.
func TestHalfAPage(t *testing.T) {
	more := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		switch r.URL.Path {
		case "/half":
			// The browser asks for the rest when it has drawn the first half for a while.
			fmt.Fprint(w, `<!doctype html><html lang=en><title>Half</title><h1>First half</h1><input name=name value=old><script>
				let frames = 0;
				const draw = () => frames++ < 30 ? requestAnimationFrame(draw) : fetch("/more");
				draw() </script>`)
			w.(http.Flusher).Flush()
			select {
			case <-more:
				fmt.Fprint(w, `<p id=rest>Second half</p>`)
			case <-r.Context().Done():
			}
		case "/more":
			select {
			case more <- struct{}{}:
			case <-r.Context().Done():
			}
		default:
			fmt.Fprint(w, `<!doctype html><html lang=en><title>Hello</title><a href=/half>Go on</a>`)
		}
	}))
	defer server.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	for name, come := range map[string]func(){
		"wait":     func() { tab.Wait(`!!document.querySelector("h1")`) },
		"see":      func() { tab.See("First half") },
		"see text": func() { tab.SeeText("First half") },
		"type":     func() { tab.Type("name", "new") },
	} {
		tab.Open(server.URL)
		tab.Press("Go on")
		come()
		if !browsertest.Script[bool](tab, `!!document.querySelector("#rest")`) {
			t.Errorf("%s: there is half a page", name)
		}
	}
}

// A page is read while pages give way to one another.
func TestPassingPages(t *testing.T) {
	const pages = 60
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		n, _ := strconv.Atoi(r.URL.Path[1:])
		fmt.Fprintf(w, `<!doctype html><html lang=en><title>Hello</title><h1>Page %d</h1><p>Read me</p>`, n)
		if n < pages {
			fmt.Fprintf(w, `<script>addEventListener("load", () => requestAnimationFrame(() => setTimeout(() => location.replace("/%d"))))</script>`, n+1)
		}
	}))
	defer server.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	tab.Open(server.URL + "/1")
	for last := false; !last; last = tab.Value("h1") == fmt.Sprintf("Page %d", pages) {
		if text := tab.Text(); !strings.Contains(text, "Read me") {
			t.Fatalf("read %q", text)
		}
		tab.SeeText("Read me")
	}
}

// A field that asks for the focus gets it when the page is drawn, and does not take it from another one
// that is typed into.
func TestTypeBesideAutofocus(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, `<!doctype html><html lang=en><title>Hello</title><input name=first autofocus><input name=second><a href=/>Go on</a>`)
	}))
	defer server.Close()
	tab := browsertest.Start(t).Person(t, browsertest.Desktop).Tab()
	for range 10 {
		tab.Open(server.URL)
		tab.Type("second", "text")
		if first, second := tab.Value("[name=first]"), tab.Value("[name=second]"); first != "" || second != "text" {
			t.Errorf("the fields hold %q and %q", first, second)
		}
	}
}
