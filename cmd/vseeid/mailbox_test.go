package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/vsee/vseeid/storage"
)

// letters is a store with these mails.
type letters []storage.Mail

func (l letters) Mails(context.Context, storage.Page) ([]storage.Mail, error) { return l, nil }

// In dev a link of a mail can be pressed, and only where it leads to us.
func TestMailboxLinks(t *testing.T) {
	mux := http.NewServeMux()
	mailbox{base: "http://id.localhost:8080", log: slog.New(slog.DiscardHandler), mails: letters{{
		Subject: "<b>", Text: "Open this:\n\nhttp://id.localhost:8080/u/notice/a_b-C9\n\n<i>& not http://id.localhost:8080.evil.example/u nor javascript:x",
	}}}.mount(mux)
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/dev/mail", nil))
	page := w.Body.String()
	for _, want := range []string{
		`Open this:` + "\n\n" + `<a href="http://id.localhost:8080/u/notice/a_b-C9">http://id.localhost:8080/u/notice/a_b-C9</a>` + "\n\n" + `&lt;i&gt;&amp; not`, "&lt;b&gt;",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in %s", want, page)
		}
	}
	if n := strings.Count(page, "<a "); n != 1 {
		t.Errorf("%d links", n)
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
}
