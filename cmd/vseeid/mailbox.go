package main

import (
	"context"
	"encoding/json"
	"html/template"
	"log/slog"
	"net/http"
	"regexp"
	"time"

	"github.com/vsee/vseeid/storage"
)

// mailbox shows every mail to everybody: it is for dev, where the people are made up.
//
//	GET /dev/mail       a page, newest first
//	GET /dev/mail.json  [{"to","subject","text","at"}], newest first
type mailbox struct {
	mails interface {
		Mails(ctx context.Context, page storage.Page) ([]storage.Mail, error)
	}
	base string // the issuer: what begins with it is a link
	log  *slog.Logger
}

func (m mailbox) mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /dev/mail", m.page)
	mux.HandleFunc("GET /dev/mail.json", m.json)
	mux.HandleFunc("GET /dev/mail.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write([]byte(mailboxStyle)) // who asked may be gone
	})
}

// letter is a mail as scripts read it.
type letter struct {
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"`
	At      time.Time `json:"at"`
}

func (m mailbox) letters(w http.ResponseWriter, r *http.Request) ([]letter, bool) {
	mails, err := m.mails.Mails(r.Context(), storage.Page{Limit: storage.MaxPage})
	if err != nil {
		m.log.ErrorContext(r.Context(), "mailbox", "request_id", storage.OriginOf(r.Context()).RequestID, "error", err)
		http.Error(w, "The mailbox cannot be read; the log says why.", http.StatusInternalServerError)
		return nil, false
	}
	out := []letter{}
	for _, x := range mails {
		out = append(out, letter{x.To, x.Subject, x.Text, x.At.UTC()})
	}
	return out, true
}

func (m mailbox) json(w http.ResponseWriter, r *http.Request) {
	out, ok := m.letters(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(out); err != nil {
		m.log.DebugContext(r.Context(), "mailbox: who asked is gone", "error", err)
	}
}

func (m mailbox) page(w http.ResponseWriter, r *http.Request) {
	out, ok := m.letters(w, r)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	if err := mailboxPage.Execute(w, m.pieces(out)); err != nil {
		m.log.DebugContext(r.Context(), "mailbox: who asked is gone", "error", err)
	}
}

// piece is a part of a mail's text: an address of ours, or what is between two.
type piece struct {
	Text string
	Link bool
}

// linked is a mail as the page shows it.
type linked struct {
	letter
	Pieces []piece
}

// pieces makes links of what is an address of ours, and of nothing else.
func (m mailbox) pieces(letters []letter) []linked {
	ours := regexp.MustCompile(regexp.QuoteMeta(m.base) + `/[A-Za-z0-9/_-]+`)
	var out []linked
	for _, l := range letters {
		page, done := linked{letter: l}, 0
		for _, at := range ours.FindAllStringIndex(l.Text, -1) {
			page.Pieces = append(page.Pieces, piece{Text: l.Text[done:at[0]]}, piece{Text: l.Text[at[0]:at[1]], Link: true})
			done = at[1]
		}
		page.Pieces = append(page.Pieces, piece{Text: l.Text[done:]})
		out = append(out, page)
	}
	return out
}

var mailboxPage = template.Must(template.New("mailbox").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mailbox</title><link rel="stylesheet" href="/dev/mail.css"></head>
<body><main><h1>Mailbox</h1>
{{range .}}<article><h2>{{.Subject}}</h2>
<p>To {{.To}}, <time datetime="{{.At.Format "2006-01-02T15:04:05Z07:00"}}">{{.At.Format "2 January 2006, 15:04:05"}} UTC</time></p>
<pre>{{range .Pieces}}{{if .Link}}<a href="{{.Text}}">{{.Text}}</a>{{else}}{{.Text}}{{end}}{{end}}</pre></article>
{{else}}<p>No mail was sent yet.</p>{{end}}</main></body></html>
`))

const mailboxStyle = `:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0; padding: 1.5rem 1rem; }
main { max-width: 42rem; margin: 0 auto; }
article { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: .5rem; padding: 1rem 1.25rem; margin: 1rem 0; }
h2 { font-size: 1.1rem; margin: 0; }
article p { margin: .25rem 0 0; opacity: .75; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: .75rem 0 0; }
a { color: inherit; }
`
