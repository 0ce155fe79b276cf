package main

import (
	"bytes"
	"io"
	"net"
	"net/mail"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/vsee/vseeid/login/notice"
)

// postOffice is a real SMTP server with the mailboxes of everybody.
type postOffice struct {
	t  testing.TB
	mu sync.Mutex
	// closed refuses every mail for good.
	closed  bool
	letters []*mail.Message
	bodies  []string
}

// startPostOffice starts one, and returns it with the sender that delivers to it.
func startPostOffice(t testing.TB) (*postOffice, notice.Sender) {
	t.Helper()
	p, addr := openPostOffice(t)
	port, err := strconv.Atoi(portOf(addr))
	must(t, err)
	sender, err := notice.SMTP{Host: "127.0.0.1", Port: port, TLS: notice.Plain, From: "VSee <no-reply@vsee.example>", HELO: "id.vsee.example"}.Mailer()
	must(t, err)
	return p, sender
}

// openPostOffice starts one, and returns it with its address.
func openPostOffice(t testing.TB) (p *postOffice, addr string) {
	t.Helper()
	p = &postOffice{t: t}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := smtp.NewServer(p)
	server.Domain, server.AllowInsecureAuth = "localhost", true
	var work sync.WaitGroup
	work.Go(func() { _ = server.Serve(listener) }) // ends with its listener, below
	t.Cleanup(func() {
		_ = listener.Close() // Close of a server that does not serve yet does not know it; afterwards it is closed twice
		_ = server.Close()
		work.Wait()
	})
	return p, listener.Addr().String()
}

// NewSession implements smtp.Backend.
func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &delivery{p}, nil }

type delivery struct{ office *postOffice }

func (d *delivery) Mail(string, *smtp.MailOptions) error { return nil }

func (d *delivery) Rcpt(string, *smtp.RcptOptions) error {
	d.office.mu.Lock()
	defer d.office.mu.Unlock()
	if d.office.closed {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

func (d *delivery) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	body, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	d.office.mu.Lock()
	defer d.office.mu.Unlock()
	d.office.letters = append(d.office.letters, m)
	d.office.bodies = append(d.office.bodies, strings.ReplaceAll(string(body), "=\r\n", ""))
	return nil
}

func (*delivery) Reset()        {}
func (*delivery) Logout() error { return nil }

func (p *postOffice) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// find waits for a letter whose subject the pattern matches, the n-th of them, and returns its
// subject and its text.
func (p *postOffice) find(pattern string, n int) (subject, text string) {
	p.t.Helper()
	match := regexp.MustCompile(pattern)
	deadline := time.Now().Add(20 * time.Second)
	for {
		p.mu.Lock()
		var subjects []string
		left := n
		for i, m := range p.letters {
			subject = m.Header.Get("Subject")
			subjects = append(subjects, subject)
			if match.MatchString(subject) {
				if left--; left == 0 {
					text = p.bodies[i]
					p.mu.Unlock()
					return subject, text
				}
			}
		}
		p.mu.Unlock()
		if time.Now().After(deadline) {
			p.t.Fatalf("no letter %d with %q among %q", n, pattern, subjects)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// code is what the n-th mail with a code brought.
func (p *postOffice) code(n int) string {
	p.t.Helper()
	subject, text := p.find(codeOfLetter.String(), n)
	code := codeOfLetter.FindString(subject)
	if !strings.HasPrefix(strings.TrimSpace(text), code) {
		p.t.Errorf("the first line of the mail is not about its code: %q", text)
	}
	return code
}
