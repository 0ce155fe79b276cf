package notice_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// These are the parts of production, from a change to a mailbox: the store and its outbox, the
// worker, SMTP over TCP. Only the clock is the test's.

// post is an outbox and a worker on it.
type post struct {
	*sqldb.DB
	t     *testing.T
	u     login.User
	noted chan string // ids of mails of which it was noted how a try went

	mu  sync.Mutex
	now time.Time
}

func newPost(t *testing.T) *post {
	t.Helper()
	keys, err := secret.Parse(secret.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	db, err := sqldb.Open(t.Context(), sqldb.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "outbox.db"), Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := &post{DB: db, t: t, noted: make(chan string, 100), now: time.Now().Truncate(time.Millisecond)}
	p.u = login.User{ID: uuid.Must(uuid.NewV7()).String(), Email: "charlotte@riverside.example", EmailVerified: true, Created: p.now, Updated: p.now}
	if err := db.CreateUser(t.Context(), p.u, storage.Trail{}); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *post) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.now
}

func (p *post) advance(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(d)
}

func (p *post) MailSent(ctx context.Context, id string, at time.Time) error {
	defer func() { p.noted <- id }()
	return p.DB.MailSent(ctx, id, at)
}

func (p *post) MailFailed(ctx context.Context, id string, retryAt time.Time, reason string) error {
	defer func() { p.noted <- id }()
	return p.DB.MailFailed(ctx, id, retryAt, reason)
}

// work sends by s until the test ends.
func (p *post) work(s notice.SMTP) {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.t.Context())
	done := make(chan error)
	go func() {
		done <- notice.Worker{Outbox: p, Sender: mailer(p.t, s), Now: p.clock, Every: time.Millisecond}.Run(ctx)
	}()
	p.t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			p.t.Errorf("Run: %v", err)
		}
	})
}

// challenge asks for a code, as a sign-in does, and returns the id of its mail and how to prove it.
func (p *post) challenge() (mail string, prove func(code string) error) {
	p.t.Helper()
	f := emailcode.Factor{Store: p.DB, Write: writer.Code, Now: p.clock}
	u := p.u.Factor()
	enrolled := []factors.Enrollment{{ID: u.Email, UserID: u.ID, Kind: factors.Email}}
	prompt, state, err := f.BeginChallenge(storage.WithOrigin(p.t.Context(), phone), u, enrolled)
	if err != nil {
		p.t.Fatal(err)
	}
	return prompt.Mail, func(code string) error {
		_, err := f.Verify(p.t.Context(), u, enrolled, state, factors.Answer{Code: code})
		return err
	}
}

// await waits until a try at the mail was noted, and requires what the page says then.
func (p *post) await(id string, want storage.MailState) {
	p.t.Helper()
	select {
	case got := <-p.noted:
		if got != id {
			p.t.Fatalf("a try at %s, want %s", got, id)
		}
	case <-time.After(20 * time.Second):
		p.t.Fatalf("nothing was tried while %s was awaited", want)
	}
	p.state(id, want)
}

func (p *post) state(id string, want storage.MailState) {
	p.t.Helper()
	if got, err := p.MailState(p.t.Context(), id); err != nil || got != want {
		p.t.Errorf("the mail is %q, %v, want %q", got, err, want)
	}
}

var (
	greylisted = &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "come back"}
	noMailbox  = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
)

func TestMailOfAChangeArrives(t *testing.T) {
	p, server := newPost(t), &mailServer{}
	m := writer.Changed(p.u.Factor(), notice.Change{What: notice.Added, Kind: factors.TOTP}, token, p.clock(), phone)
	m.ID = uuid.Must(uuid.NewV7()).String()
	if err := p.Record(t.Context(), storage.Trail{Mails: []storage.Mail{m}}); err != nil {
		t.Fatal(err)
	}
	p.state(m.ID, storage.MailWaiting)
	p.work(server.serve(t))
	p.await(m.ID, storage.MailSent)
	got := server.got()
	if len(got) != 1 || got[0].to != p.u.Email {
		t.Fatalf("received %+v", got)
	}
	if left, err := p.ClaimMails(t.Context(), 10, p.clock().Add(time.Hour), time.Minute); err != nil || len(left) != 0 {
		t.Errorf("still to be sent: %v, %v", left, err)
	}
}

// The code that arrives is the one that proves.
func TestN07_CodeArrives(t *testing.T) {
	p, server := newPost(t), &mailServer{}
	p.work(server.serve(t))
	id, prove := p.challenge()
	p.await(id, storage.MailSent)
	got := server.got()
	if len(got) != 1 || got[0].to != p.u.Email {
		t.Fatalf("received %+v", got)
	}
	m := read(t, got[0].body)
	code, words, _ := strings.Cut(decoded(t, m.Header.Get("Subject")), " ")
	if words != "is your VSee code" {
		t.Errorf("the subject goes on %q", words)
	}
	if !strings.Contains(got[0].body, "\r\n\r\n"+code+" is your code to sign in.") {
		t.Errorf("the text does not begin with the code:\n%s", got[0].body)
	}
	if err := prove(code); err != nil {
		t.Errorf("what arrived: %v", err)
	}
}

func TestN07_ServerRefusesAndThenTakes(t *testing.T) {
	p, server := newPost(t), &mailServer{refuse: greylisted}
	p.work(server.serve(t))
	id, _ := p.challenge()
	p.await(id, storage.MailDelayed)
	server.refuses(nil)
	p.advance(2 * time.Second)
	p.await(id, storage.MailSent)
}

func TestN07_ServerRefusesForGood(t *testing.T) {
	p, server := newPost(t), &mailServer{refuse: noMailbox}
	p.work(server.serve(t))
	id, _ := p.challenge()
	p.await(id, storage.MailRefused)
	server.refuses(nil)
	p.advance(time.Minute) // another is sent all the same
	next, _ := p.challenge()
	p.await(next, storage.MailSent)
	p.state(id, storage.MailRefused)
}

func TestN07_ServerIsDownAndComesBack(t *testing.T) {
	p, server := newPost(t), &mailServer{}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	// Its name is known, and its certificate, before it is there.
	settings, comeBack := server.announce(t)
	settings.Port = address.Port
	p.work(settings)
	id, prove := p.challenge()
	p.await(id, storage.MailDelayed)
	p.advance(2 * time.Second)
	p.await(id, storage.MailDelayed)
	comeBack(address.String(), startTLS)
	p.advance(4 * time.Second)
	p.await(id, storage.MailSent)
	code, _, _ := strings.Cut(decoded(t, read(t, server.got()[0].body).Header.Get("Subject")), " ")
	if err := prove(code); err != nil {
		t.Errorf("the code that came late: %v", err)
	}
}

func TestN07_ServerIsDownForTooLong(t *testing.T) {
	p, server := newPost(t), &mailServer{refuse: greylisted}
	p.work(server.serve(t))
	id, _ := p.challenge()
	p.await(id, storage.MailDelayed)
	p.advance(9*time.Minute + 57*time.Second)
	p.await(id, storage.MailRefused) // the next try would be too late
	server.refuses(nil)
	p.advance(time.Hour)
	next, _ := p.challenge()
	p.await(next, storage.MailSent)
	if n := len(server.got()); n != 1 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestN07_ServerIsSlow(t *testing.T) {
	p, server := newPost(t), &mailServer{slow: make(chan struct{})}
	p.work(server.serve(t))
	id, _ := p.challenge()
	next := uuid.Must(uuid.NewV7()).String() // of which the end comes while the server thinks
	if err := p.Record(t.Context(), storage.Trail{Mails: []storage.Mail{{
		ID: next, To: p.u.Email, Subject: "012345", Text: "012345", At: p.clock(), Expires: p.clock().Add(200 * time.Millisecond),
	}}}); err != nil {
		t.Fatal(err)
	}
	p.await(next, storage.MailRefused)
	p.state(id, storage.MailWaiting)
	close(server.slow)
	p.await(id, storage.MailSent)
}
