package notice

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"slices"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/vsee/vseeid/storage"
)

// TLS is how the way to the mail server is protected.
type TLS string

const (
	StartTLS TLS = "starttls" // required, on port 587: the default
	Implicit TLS = "tls"      // from the first byte, on port 465
	Plain    TLS = "none"     // on port 25; for a mail server on this host or network
)

// SMTP is the mail server and how to talk to it.
type SMTP struct {
	Host     string
	Port     int    // 0: the usual one of TLS
	TLS      TLS    // empty: StartTLS
	Username string // empty: no authentication
	Password string
	From     string // "VSee ID <no-reply@vsee.example>"
	// HELO is the name of this host that the server gets to hear. Servers refuse one without a
	// dot, as containers have. Empty: the domain of From.
	HELO string
	// TLSConfig is for a server whose certificate the system does not know; nil: the system's.
	TLSConfig *tls.Config
}

// Mailer is an SMTP that has been checked. It is a Sender and safe for concurrent use.
type Mailer struct {
	dial    mail.DialContextFunc
	options []mail.Option
	host    string
	from    string
	domain  string
}

var _ Sender = (*Mailer)(nil)

// Mailer checks the settings. It does not connect: a mail server that is away is no reason not to
// start.
func (s SMTP) Mailer() (*Mailer, error) {
	if s.Host == "" {
		return nil, errors.New("the host of the mail server is not set")
	}
	from, err := netmail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("the sender of mails %q is not a mail address", s.From)
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	options := []mail.Option{
		mail.WithTimeout(sendTimeout),
		mail.WithHELO(cmp.Or(s.HELO, domain)),
	}
	config := s.TLSConfig
	if config == nil {
		config = &tls.Config{ServerName: s.Host, MinVersion: tls.VersionTLS12}
	}
	options = append(options, mail.WithTLSConfig(config))
	dial := new(net.Dialer).DialContext
	switch s.TLS {
	case StartTLS, "":
		options = append(options, mail.WithTLSPortPolicy(mail.TLSMandatory))
	case Implicit:
		options = append(options, mail.WithSSLPort(false))
		dial = (&tls.Dialer{Config: config}).DialContext
	case Plain:
		if s.Username != "" && !loopback(s.Host) {
			return nil, errors.New("a user name for the mail server needs TLS: the password would travel in clear")
		}
		options = append(options, mail.WithTLSPortPolicy(mail.NoTLS))
	default:
		return nil, fmt.Errorf("%q is no way to protect mail: use starttls, tls or none", s.TLS)
	}
	if s.Port != 0 {
		options = append(options, mail.WithPort(s.Port))
	}
	if s.Username != "" {
		// In this order, and not what the library discovers: it would pick XOAUTH2, for which
		// a password is no use.
		options = append(options,
			mail.WithUsername(s.Username), mail.WithPassword(s.Password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, mail.SMTPAuthPlain, mail.SMTPAuthLogin))
	}
	if _, err := mail.NewClient(s.Host, options...); err != nil {
		return nil, fmt.Errorf("the settings of the mail server: %w", err)
	}
	return &Mailer{dial: dial, options: options, host: s.Host, from: s.From, domain: domain}, nil
}

// Send sends one mail over a connection of its own: notices are rare, and a connection that has
// been idle is the usual way to lose one.
func (m *Mailer) Send(ctx context.Context, letter storage.Mail) error {
	msg, err := m.compose(letter)
	if err != nil {
		return err
	}
	// The library keeps to the context only until it is connected, and leaves a connection open
	// whose greeting failed. So the line is cut when the context ends, and when Send does.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	dial := func(within context.Context, network, address string) (net.Conn, error) {
		line, err := m.dial(within, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = line.Close() })
		}
		return line, err
	}
	client, err := mail.NewClient(m.host, append(slices.Clone(m.options), mail.WithDialContextFunc(dial))...)
	if err != nil {
		return err
	}
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("connect to the mail server: %w", err)
	}
	err = client.SendWithSMTPClient(conn, msg)
	// The server has taken the mail or refused it; a QUIT that goes wrong changes neither, and
	// must not have it sent twice.
	_ = client.CloseWithSMTPClient(conn)
	return plain(err)
}

// compose makes the message. Addresses are parsed, and headers encoded by the library, so that no
// value can begin another header; a value with a line break is refused all the same.
func (m *Mailer) compose(letter storage.Mail) (*mail.Msg, error) {
	to, err := netmail.ParseAddress(letter.To)
	if err != nil || to.Name != "" || strings.ContainsFunc(letter.To, control) {
		return nil, fmt.Errorf("%w: the recipient is not a mail address", ErrRefused)
	}
	if letter.Subject == "" || strings.ContainsFunc(letter.Subject, control) {
		return nil, fmt.Errorf("%w: the subject is not one line of text", ErrRefused)
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := msg.From(m.from); err != nil {
		return nil, fmt.Errorf("%w: the sender is not a mail address", ErrRefused)
	}
	if err := msg.To(to.Address); err != nil {
		return nil, fmt.Errorf("%w: the recipient is not a mail address", ErrRefused)
	}
	msg.Subject(letter.Subject)
	msg.SetDateWithValue(letter.At)
	// One id for all attempts at a mail, so that a copy is seen to be one.
	msg.SetMessageIDWithValue(letter.ID + "@" + m.domain)
	// RFC 3834: no out-of-office replies, please.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, letter.Text)
	return msg, nil
}

// plain turns the library's error, which names recipients, into one that does not.
func plain(err error) error {
	var sending *mail.SendError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &sending):
		return fmt.Errorf("send: %w", err)
	case sending.ErrorCode() >= 500 && !sending.IsTemp():
		return fmt.Errorf("%w: %s, code %d", ErrRefused, sending.Reason, sending.ErrorCode())
	}
	return fmt.Errorf("send: %s, code %d", sending.Reason, sending.ErrorCode())
}

func control(r rune) bool { return r < ' ' || r == 0x7f }

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
