package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/templates"
)

type devCmd struct {
	Port          int    `default:"8080" placeholder:"N" help:"Port of the provider. Default ${default}."`
	MessengerPort int    `default:"8081" placeholder:"N" help:"Port of the demo Messenger. Default ${default}."`
	ClinicPort    int    `default:"8082" placeholder:"N" help:"Port of the demo Clinic. Default ${default}."`
	Dir           string `default:".vseeid" placeholder:"DIR" help:"Where the data is kept between runs. Default ${default}."`
	Fresh         bool   `help:"Forget the data of earlier runs and start over."`
	LogLevel      string `default:"warn" placeholder:"LEVEL" help:"debug, info, warn or error; info shows every request. Default ${default}."`
}

// Run serves the provider and the two demo apps on loopback until it is interrupted.
func (c *devCmd) Run(p *process) error {
	level, err := checkLog(c.LogLevel, "text")
	if err != nil {
		return badSetting("--log-level is %q: set it to debug, info, warn or error", c.LogLevel)
	}
	log := newLogger(p.err, "text", level)
	slog.SetDefault(log)

	listeners, err := c.listen(p.ctx)
	if err != nil {
		return err
	}
	d, err := c.begin(p, listeners, log)
	if err != nil {
		closeAll(listeners)
		return err
	}
	defer closing(log, "database", d.durable.Close)
	d.announce(p.out)
	return d.serve(p.ctx, listeners)
}

// The three listeners, in this order.
const (
	providerAt = iota
	messengerAt
	clinicAt
)

// listen takes all three ports before anything is written, so that a port in use costs nothing.
func (c *devCmd) listen(ctx context.Context) ([]net.Listener, error) {
	var out []net.Listener
	for _, port := range []int{c.Port, c.MessengerPort, c.ClinicPort} {
		l, err := listen(ctx, fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			closeAll(out)
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		_ = l.Close() // nothing was served on it
	}
}

// development is a provider with sample data and the two apps beside it.
type development struct {
	sample
	durable  *sqldb.DB
	provider *provider
	demo     [2]http.Handler // Messenger, Clinic
	dir      string
	log      *slog.Logger
}

func (c *devCmd) begin(p *process, listeners []net.Listener, log *slog.Logger) (*development, error) {
	keys, err := c.data()
	if err != nil {
		return nil, err
	}
	durable, err := sqldb.Open(p.ctx, sqldb.Config{DSN: "sqlite:" + filepath.Join(c.Dir, devDatabase), Keys: keys, Now: p.now})
	if err != nil {
		return nil, fmt.Errorf("cannot open the data in %s (--fresh starts over): %w", c.Dir, err)
	}
	d := &development{durable: durable, dir: c.Dir, log: log, sample: sample{
		issuer:    "http://localhost:" + portOf(listeners[providerAt].Addr().String()),
		messenger: "http://localhost:" + portOf(listeners[messengerAt].Addr().String()),
		clinic:    "http://localhost:" + portOf(listeners[clinicAt].Addr().String()),
	}}
	if err := d.prepare(p, keys); err != nil {
		closing(log, "database", durable.Close)
		return nil, err
	}
	return d, nil
}

func (d *development) prepare(p *process, keys *secret.Keys) error {
	if err := d.durable.Migrate(p.ctx); err != nil {
		return fmt.Errorf("cannot use the data in %s (--fresh starts over): %w", d.dir, err)
	}
	hasher, err := password.New(password.Config{})
	if err != nil {
		return err
	}
	if err := d.plant(p.ctx, d.durable, keys, hasher, p.now()); err != nil {
		return fmt.Errorf("cannot write the sample data to %s: %w", d.dir, err)
	}
	issuer, err := url.Parse(d.issuer)
	if err != nil {
		return err
	}
	d.provider, err = build(p.ctx, parts{
		issuer: issuer, durable: d.durable, short: memory.New(memory.Config{Now: p.now}), secrets: keys, passwords: hasher,
		passkey: passkeyRules{rpID: issuer.Hostname()}, sender: nowhere{}, brand: templates.Brand{Name: "VSee"}, log: d.log, now: p.now, mailbox: true,
	})
	if err != nil {
		return err
	}
	d.demo = d.apps(d.log)
	return nil
}

// nowhere is the mail server of dev: a mail is sent when the mailbox page has it, and it always has.
type nowhere struct{}

func (nowhere) Send(context.Context, storage.Mail) error { return nil }

const (
	devDatabase = "vseeid.db"
	devKey      = "master.key"
)

// data makes the folder ready and returns the master key of what is in it.
func (c *devCmd) data() (*secret.Keys, error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data folder: %w", reason(err))
	}
	if c.Fresh {
		// What dev itself puts there, and nothing else: --dir may name a folder with more in it.
		for _, name := range []string{devDatabase, devDatabase + "-wal", devDatabase + "-shm", devDatabase + ".migrating", devKey} {
			if err := os.Remove(filepath.Join(c.Dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("cannot start over: %w", reason(err))
			}
		}
	}
	path := filepath.Join(c.Dir, devKey)
	spec, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(c.Dir, devDatabase)); err == nil {
			return nil, fmt.Errorf("%s has data but not the key to it (%s is missing): start over with --fresh", c.Dir, devKey)
		}
		spec = []byte(secret.NewKey() + "\n")
		err = os.WriteFile(path, spec, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the key of the data: %w", reason(err))
	}
	keys, err := secret.Parse(string(spec))
	if err != nil {
		return nil, fmt.Errorf("%s: %w: start over with --fresh", path, err)
	}
	return keys, nil
}

const devStop = 3 * time.Second

// serve serves all three until ctx is done or one of them fails.
func (d *development) serve(ctx context.Context, listeners []net.Listener) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	how := stopping{health: d.provider.health, timeout: devStop}
	serving := []func() error{
		func() error {
			return serveUntil(ctx, newHTTPServer(d.provider.handler, d.log, nil), listeners[providerAt], how, d.provider.workers...)
		},
	}
	for i, app := range d.demo {
		serving = append(serving, func() error {
			return serveUntil(ctx, newHTTPServer(app, d.log, nil), listeners[messengerAt+i], stopping{health: &health{}, timeout: devStop})
		})
	}
	errs := make([]error, len(serving))
	var all sync.WaitGroup
	for i, f := range serving {
		all.Go(func() {
			defer stop()
			errs[i] = f()
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// announce says what to open and whom to sign in as.
func (d *development) announce(w io.Writer) {
	fmt.Fprintf(w, `VSee ID is ready.

  demo Messenger   %s   start here
  demo Clinic      %s
  issuer           %s
  mailbox          %s/dev/mail

People, all with the password %s
`, d.messenger, d.clinic, d.issuer, d.issuer, samplePassword)
	for _, s := range samplePeople {
		fmt.Fprintf(w, "  %-28s %s\n", s.email, s.about)
	}
	fmt.Fprintf(w, "\nClients\n")
	for _, c := range d.clients() {
		fmt.Fprintf(w, "  %-10s %s\n", c.ID, c.about)
	}
	fmt.Fprintf(w, `
Data is kept in %s (--fresh starts over). The other commands reach it with
  export VSEEID_DATABASE_URL=sqlite:%s VSEEID_MASTER_KEYS_FILE=%s
Press Ctrl-C to stop.
`, d.dir, filepath.Join(d.dir, devDatabase), filepath.Join(d.dir, devKey))
}
