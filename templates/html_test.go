package templates_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/vsee/vseeid/templates"
)

// A node is an element of a parsed page.
type node struct{ *html.Node }

// parsed renders page and parses it as a browser would.
func parsed(t testing.TB, page templates.Pager) node {
	t.Helper()
	var b bytes.Buffer
	if err := page.Page().Render(t.Context(), &b); err != nil {
		t.Fatalf("render: %v", err)
	}
	doc, err := html.Parse(&b)
	if err != nil {
		t.Fatalf("parse: %v", err)
	}
	return node{doc}
}

// all lists the elements below n that have one of the tags; every element when there are none.
func (n node) all(tags ...string) []node {
	var found []node
	for d := range n.Descendants() {
		if d.Type == html.ElementNode && (len(tags) == 0 || slices.Contains(tags, d.Data)) {
			found = append(found, node{d})
		}
	}
	return found
}

// one is the only element with the tag.
func (n node) one(t testing.TB, tag string) node {
	t.Helper()
	found := n.all(tag)
	if len(found) != 1 {
		t.Fatalf("got %d of <%s>, want 1", len(found), tag)
	}
	return found[0]
}

// with is the first element below n whose attribute has the value.
func (n node) with(attr, value string) (node, bool) {
	for _, e := range n.all() {
		if v, ok := e.has(attr); ok && v == value {
			return e, true
		}
	}
	return node{}, false
}

func (n node) has(attr string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == attr {
			return a.Val, true
		}
	}
	return "", false
}

func (n node) attr(name string) string { v, _ := n.has(name); return v }

// text is what can be read in n, in one line.
func (n node) text() string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

func (n node) within(tag string) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if p.Type == html.ElementNode && p.Data == tag {
			return true
		}
	}
	return false
}

// TestU03_Structure checks what every page and state must have.
func TestU03_Structure(t *testing.T) {
	for _, s := range gallery(t) {
		t.Run(s.name, func(t *testing.T) {
			doc := parsed(t, s.page)
			root := doc.one(t, "html")
			if root.attr("lang") != "en" || root.attr("dir") != "ltr" {
				t.Errorf("html has lang %q and dir %q", root.attr("lang"), root.attr("dir"))
			}
			if h := doc.one(t, "h1"); h.text() == "" || !h.within("main") {
				t.Errorf("h1 %q is empty or outside of main", h.text())
			}
			doc.one(t, "main")
			if title := doc.one(t, "title").text(); !strings.Contains(title, " · ") {
				t.Errorf("title %q does not say page and brand", title)
			}
			checkReferences(t, doc)
			checkForms(t, doc)
			checkNothingInline(t, doc)
			checkProblem(t, doc)
		})
	}
}

// checkReferences finds ids that are used twice, and references to ids that are not there.
func checkReferences(t *testing.T, doc node) {
	t.Helper()
	ids := make(map[string]bool)
	for _, e := range doc.all() {
		if id, ok := e.has("id"); ok {
			if ids[id] || id == "" {
				t.Errorf("id %q is empty or there twice", id)
			}
			ids[id] = true
		}
	}
	for _, e := range doc.all() {
		for _, attr := range []string{"for", "aria-describedby", "aria-labelledby", "data-copy", "data-reveal"} {
			list, _ := e.has(attr)
			for _, id := range strings.Fields(list) {
				if !ids[id] {
					t.Errorf("%s of <%s> names %q, which is not there", attr, e.Data, id)
				}
			}
		}
	}
}

// checkForms: without a script, every form can be filled and sent.
func checkForms(t *testing.T, doc node) {
	t.Helper()
	for _, f := range doc.all("form") {
		if f.attr("method") != "post" || !strings.HasPrefix(f.attr("action"), "/") {
			t.Errorf("form has method %q and action %q", f.attr("method"), f.attr("action"))
		}
		submits := 0
		for _, b := range f.all("button") {
			if _, hidden := b.has("hidden"); b.attr("type") == "submit" && !hidden {
				submits++
			}
		}
		if submits == 0 {
			t.Errorf("form %q has no button to send it", f.attr("action"))
		}
	}
	for _, b := range doc.all("button") {
		_, hidden := b.has("hidden")
		switch {
		case b.attr("type") == "submit" && !b.within("form"):
			t.Errorf("button %q sends nothing", b.text())
		case b.attr("type") == "button" && !hidden:
			t.Errorf("button %q does nothing without a script, and is shown", b.text())
		}
	}
	for _, in := range doc.all("input") {
		if in.attr("type") == "hidden" || in.attr("aria-hidden") == "true" || in.within("label") {
			continue
		}
		if label, ok := doc.with("for", in.attr("id")); !ok || label.Data != "label" || label.text() == "" {
			t.Errorf("field %q has no label", in.attr("name"))
		}
	}
}

// checkNothingInline: nothing that a strict Content-Security-Policy would stop, nothing from elsewhere.
func checkNothingInline(t *testing.T, doc node) {
	t.Helper()
	for _, e := range doc.all("style", "iframe", "object", "embed", "base") {
		t.Errorf("there is <%s>", e.Data)
	}
	for _, e := range doc.all("script") {
		if e.text() != "" || !strings.HasPrefix(e.attr("src"), "/u/assets/") {
			t.Errorf("script %q is not the one file of ours", e.attr("src"))
		}
		if _, ok := e.has("nonce"); !ok {
			t.Error("script has no nonce")
		}
	}
	for _, e := range doc.all() {
		for _, a := range e.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "style" {
				t.Errorf("<%s> has %s", e.Data, a.Key)
			}
		}
	}
	for _, e := range doc.all("link", "img") {
		if address := e.attr("href") + e.attr("src"); !strings.HasPrefix(address, "/u/assets/") {
			t.Errorf("<%s> loads %q", e.Data, address)
		}
	}
}

// checkProblem: what is wrong is announced, and the field that it is about says so; or the button that it is about.
func checkProblem(t *testing.T, doc node) {
	t.Helper()
	alert, wrong := doc.with("role", "alert")
	for _, b := range doc.all("button") {
		if id, ok := b.has("aria-describedby"); ok && id == "problem" {
			if _, ok := b.has("autofocus"); !ok {
				t.Errorf("button %q did not do it and is not focused", b.text())
			}
			wrong = false
		}
	}
	fields, described := 0, false
	for _, in := range doc.all("input") {
		state, ok := in.has("aria-invalid")
		if !ok {
			continue
		}
		fields++
		about := wrong && alert.text() != "" && slices.Contains(strings.Fields(in.attr("aria-describedby")), alert.attr("id"))
		if want := map[bool]string{true: "true", false: "false"}[about]; state != want {
			t.Errorf("field %q has aria-invalid %q, want %q", in.attr("name"), state, want)
		}
		if _, ok := in.has("autofocus"); about && !ok {
			t.Errorf("field %q is wrong and not focused", in.attr("name"))
		}
		described = described || about
	}
	if wrong && fields > 0 && !described {
		t.Errorf("no field is described by the alert %q", alert.text())
	}
}
