package notice_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/notice"
)

// mailServer is a real SMTP server that keeps what it gets.
type mailServer struct {
	password string
	secured  bool // authentication, and only over TLS

	withoutTLS bool
	slow       chan struct{} // the text of a mail is not taken before this is closed; nil: at once

	mu       sync.Mutex
	refuse   error // of every recipient
	received []received
}

func (s *mailServer) refuses(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

func (s *mailServer) got() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

type received struct {
	from, to, user, helo string
	overTLS              bool
	body                 string
}

type connection struct {
	server *mailServer
	conn   *smtp.Conn
	got    received
}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &connection{server: s, conn: c}, nil
}

func (c *connection) AuthMechanisms() []string { return []string{sasl.Plain, "XOAUTH2"} }

func (c *connection) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != c.server.password {
			return smtp.ErrAuthFailed
		}
		c.got.user = user
		return nil
	}), nil
}

func (c *connection) Mail(from string, _ *smtp.MailOptions) error {
	if c.server.secured && c.got.user == "" {
		return smtp.ErrAuthRequired
	}
	c.got.from = from
	return nil
}

func (c *connection) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.got.to += to
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	return c.server.refuse
}

func (c *connection) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if c.server.slow != nil {
		<-c.server.slow
	}
	_, c.got.overTLS = c.conn.TLSConnectionState()
	c.got.helo = c.conn.Hostname()
	c.got.body = string(body)
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.received = append(c.server.received, c.got)
	return nil
}

func (*connection) Reset()        {}
func (*connection) Logout() error { return nil }

// serve starts s and returns how to reach it.
func (s *mailServer) serve(t *testing.T) notice.SMTP {
	t.Helper()
	return s.serveOn(t, "127.0.0.1:0", startTLS)
}

// startTLS leaves a connection as it is, for the client to ask for TLS.
func startTLS(l net.Listener, _ *tls.Config) net.Listener { return l }

func (s *mailServer) serveOn(t *testing.T, address string, wrap func(net.Listener, *tls.Config) net.Listener) notice.SMTP {
	t.Helper()
	settings, serve := s.announce(t)
	settings.Port = serve(address, wrap)
	return settings
}

// announce returns how to reach s but for the port, and what starts it.
func (s *mailServer) announce(t *testing.T) (notice.SMTP, func(address string, wrap func(net.Listener, *tls.Config) net.Listener) (port int)) {
	t.Helper()
	server := smtp.NewServer(s)
	server.Domain = "mail.example"
	certificate, roots := selfSigned(t)
	server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}}
	if s.withoutTLS {
		server.TLSConfig = nil
	}
	settings := notice.SMTP{
		Host:      "127.0.0.1",
		From:      `"VSee ID" <no-reply@vsee.example>`,
		TLSConfig: &tls.Config{RootCAs: roots, ServerName: "mail.example"},
	}
	return settings, func(address string, wrap func(net.Listener, *tls.Config) net.Listener) int {
		listener, err := net.Listen("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		var running sync.WaitGroup
		running.Go(func() {
			if err := server.Serve(wrap(listener, server.TLSConfig)); err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("the mail server: %v", err)
			}
		})
		t.Cleanup(func() {
			_ = listener.Close() // Close of a server that does not serve yet does not know it; afterwards it is closed twice
			_ = server.Close()
			running.Wait()
		})
		return listener.Addr().(*net.TCPAddr).Port
	}
}

func selfSigned(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mail.example"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

func mailer(t *testing.T, s notice.SMTP) *notice.Mailer {
	t.Helper()
	m, err := s.Mailer()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestSMTP_OverTLSWithAPassword(t *testing.T) {
	server := &mailServer{password: "hunter2", secured: true}
	settings := server.serve(t)
	settings.Username, settings.Password = "vseeid", "hunter2"
	sent := notice.Writer{Product: "VSeé"}.Changed(charlotte, notice.Change{What: notice.Used, Kind: factors.Recovery}, "", monday, phone)
	sent.ID = "019a"
	if err := mailer(t, settings).Send(t.Context(), sent); err != nil {
		t.Fatal(err)
	}
	if len(server.received) != 1 {
		t.Fatalf("%d mails arrived", len(server.received))
	}
	got := server.received[0]
	if !got.overTLS || got.user != "vseeid" || got.helo != "vsee.example" ||
		got.from != "no-reply@vsee.example" || got.to != "charlotte@riverside.example" {
		t.Errorf("TLS %v, user %q, HELO %q, from %q, to %q", got.overTLS, got.user, got.helo, got.from, got.to)
	}
	m := read(t, got.body)
	for header, want := range map[string]string{
		"To":             "<charlotte@riverside.example>",
		"From":           `"VSee ID" <no-reply@vsee.example>`,
		"Message-Id":     "<019a@vsee.example>",
		"Auto-Submitted": "auto-generated",
		"Subject":        "Your recovery code was used to sign in to VSeé",
	} {
		if h := decoded(t, m.Header.Get(header)); h != want {
			t.Errorf("%s: %q, want %q", header, h, want)
		}
	}
	if d, err := m.Header.Date(); err != nil || !d.Equal(monday) {
		t.Errorf("Date: %v, %v", d, err)
	}
}

func TestSMTP_ImplicitTLS(t *testing.T) {
	server := &mailServer{password: "hunter2", secured: true}
	settings := server.serveOn(t, "127.0.0.1:0", tls.NewListener)
	settings.TLS, settings.Username, settings.Password = notice.Implicit, "vseeid", "hunter2"
	if err := mailer(t, settings).Send(t.Context(), letter("m", monday)); err != nil {
		t.Fatal(err)
	}
	if len(server.received) != 1 || !server.received[0].overTLS || server.received[0].user != "vseeid" {
		t.Errorf("received %+v", server.received)
	}
}

func TestSMTP_RefusesToSpeakInClear(t *testing.T) {
	server := &mailServer{}
	settings := server.serve(t)
	settings.TLSConfig = nil // the system does not know the certificate
	if err := mailer(t, settings).Send(t.Context(), letter("m", monday)); err == nil {
		t.Error("a mail went to a server that nobody vouches for")
	}
	if len(server.received) != 0 {
		t.Error("it arrived")
	}
	old := &mailServer{withoutTLS: true}
	if err := mailer(t, old.serve(t)).Send(t.Context(), letter("m", monday)); err == nil || len(old.received) != 0 {
		t.Errorf("a server without STARTTLS got the mail: %v", err)
	}
	settings.TLS = notice.Plain
	if err := mailer(t, settings).Send(t.Context(), letter("m", monday)); err != nil {
		t.Errorf("where it is asked for, in clear: %v", err)
	}
	if len(server.received) != 1 || server.received[0].overTLS {
		t.Errorf("received %+v", server.received)
	}
}

func TestSMTP_WhatIsForGoodAndWhatIsNot(t *testing.T) {
	for name, tc := range map[string]struct {
		answer  *smtp.SMTPError
		forGood bool
	}{
		"no such mailbox": {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "charlotte@riverside.example is unknown"}, true},
		"greylisted":      {&smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "try later, charlotte@riverside.example"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := &mailServer{refuse: tc.answer}
			m := letter("m", monday)
			m.To = "charlotte@riverside.example"
			err := mailer(t, server.serve(t)).Send(t.Context(), m)
			if err == nil || errors.Is(err, notice.ErrRefused) != tc.forGood {
				t.Fatalf("error %v, for good: want %v", err, tc.forGood)
			}
			if strings.Contains(err.Error(), "charlotte") {
				t.Errorf("the error names the recipient: %v", err)
			}
		})
	}
}

func TestSMTP_WrongPasswordIsTriedAgain(t *testing.T) {
	settings := (&mailServer{password: "hunter2", secured: true}).serve(t)
	settings.Username, settings.Password = "vseeid", "hunter3"
	err := mailer(t, settings).Send(t.Context(), letter("m", monday))
	if err == nil || errors.Is(err, notice.ErrRefused) || strings.Contains(err.Error(), "hunter3") {
		t.Errorf("got %v, want an error that is not for good and does not tell the password", err)
	}
}

func TestSMTP_ServerThatSaysNothing(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	settings := notice.SMTP{Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "no-reply@vsee.example"}
	if err := mailer(t, settings).Send(ctx, letter("m", monday)); err == nil || errors.Is(err, notice.ErrRefused) {
		t.Errorf("got %v, want an error that is not for good", err)
	}
}

func TestSMTP_Settings(t *testing.T) {
	good := notice.SMTP{Host: "mail.example", From: "no-reply@vsee.example"}
	if _, err := good.Mailer(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*notice.SMTP){
		"no host":             func(s *notice.SMTP) { s.Host = "" },
		"no sender":           func(s *notice.SMTP) { s.From = "" },
		"two senders":         func(s *notice.SMTP) { s.From = "a@b.example, c@d.example" },
		"a header":            func(s *notice.SMTP) { s.From = "a@b.example\r\nBcc: c@d.example" },
		"another protection":  func(s *notice.SMTP) { s.TLS = "ssl" },
		"a password in clear": func(s *notice.SMTP) { s.TLS, s.Username = notice.Plain, "vseeid" },
		"a port past the end": func(s *notice.SMTP) { s.Port = 70000 },
	} {
		s := good
		change(&s)
		if _, err := s.Mailer(); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// read parses a mail as any reader would.
func read(t *testing.T, raw string) *netmail.Message {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, raw)
	}
	return m
}
