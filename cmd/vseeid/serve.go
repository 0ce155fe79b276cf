package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage/memory"
	"github.com/vsee/vseeid/storage/redisdb"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/templates"
)

type serveCmd struct {
	config
}

// Run serves until the process is told to stop.
func (c *serveCmd) Run(p *process) error {
	r, err := c.check()
	if err != nil {
		return err
	}
	log := newLogger(p.err, c.LogFormat, r.level)
	slog.SetDefault(log) // libraries log too
	redisdb.LogTo(log)

	durable, err := openDurable(p, c.settings, r.keys)
	if err != nil {
		return err
	}
	defer closing(log, "database", durable.Close)
	if err := durable.CheckSchema(p.ctx); err != nil {
		return plainly(err)
	}
	if err := fits(p, durable); err != nil {
		return err
	}
	short, closeShort, err := c.openShort(p, r)
	if err != nil {
		return err
	}
	defer closing(log, "short-lived store", closeShort)
	passwords, err := password.New(password.Config{Memory: c.ArgonMemory, Time: c.ArgonTime})
	if err != nil {
		return err
	}
	if r.issuer.Scheme == "https" {
		if err := refuseSample(p.ctx, durable, r.keys, passwords); err != nil {
			return err
		}
	}
	sender, err := c.sender(r.issuer)
	if err != nil {
		return err
	}
	if sender == nil {
		log.Warn("VSEEID_SMTP_URL is not set: mails wait in the outbox")
	}
	running, err := build(p.ctx, parts{
		issuer: r.issuer, proxies: r.proxies, durable: durable, short: short, secrets: r.keys, passwords: passwords,
		sender: sender, brand: templates.Brand{Name: c.BrandName, Accent: c.BrandAccent}, logo: r.logo,
		support: c.Support, passkey: r.passkey, log: log, now: p.now,
	})
	if err != nil {
		return err
	}
	l, err := listen(p.ctx, c.Listen)
	if err != nil {
		return err
	}
	log.Info("serving", "issuer", r.issuer.String(), "address", l.Addr().String())
	err = serveUntil(p.ctx, newHTTPServer(running.handler, log, r.tls), l,
		stopping{health: running.health, drain: c.DrainDelay, timeout: c.ShutdownTimeout}, running.workers...)
	if err == nil {
		log.Info("stopped")
	}
	return err
}

// openShort opens the short-lived store that the settings name.
func (c *config) openShort(p *process, r resolved) (shortLived, func() error, error) {
	if c.RedisURL == memoryURL {
		return memory.New(memory.Config{Now: p.now}), func() error { return nil }, nil
	}
	rc, err := redisdb.ParseURL(c.RedisURL)
	if err != nil {
		return nil, nil, err
	}
	rc.Prefix, rc.Keys, rc.Now = c.RedisPrefix, r.keys, p.now
	db, err := redisdb.Open(p.ctx, rc)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot reach Redis: %w", err)
	}
	return db, db.Close, nil
}

// sender is the mail server of the settings; nil without one.
func (c *config) sender(issuer *url.URL) (notice.Sender, error) {
	if c.SMTPURL == "" {
		return nil, nil //nolint:nilnil // to have none is a valid setting
	}
	u, err := url.Parse(c.SMTPURL)
	if err != nil {
		return nil, badSetting("VSEEID_SMTP_URL cannot be read")
	}
	s := notice.SMTP{
		Host: u.Hostname(), TLS: smtpSchemes[u.Scheme], Username: u.User.Username(), Password: c.SMTPPassword,
		From: c.MailFrom, HELO: c.SMTPHelo,
	}
	if s.HELO == "" {
		s.HELO = issuer.Hostname()
	}
	if u.Port() != "" {
		if s.Port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, badSetting("VSEEID_SMTP_URL has no port that is a number")
		}
	}
	return s.Mailer()
}

// openDurable opens the durable store that the settings name.
func openDurable(p *process, s settings, keys *secret.Keys) (*sqldb.DB, error) {
	durable, err := sqldb.Open(p.ctx, sqldb.Config{DSN: s.DatabaseURL, Keys: keys, MaxConns: s.DatabaseConns, Now: p.now})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", plainly(err))
	}
	return durable, nil
}

func closing(log *slog.Logger, what string, f func() error) {
	if err := f(); err != nil {
		log.Warn("close", "what", what, "error", err)
	}
}

const logoPath = "/u/brand/logo"

// mount serves the logo. It is an image of the operator's own, and is served as nothing else.
func (i image) mount(mux *http.ServeMux) {
	if len(i.bytes) == 0 {
		return
	}
	mux.HandleFunc("GET "+logoPath, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", i.kind)
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Content-Length", strconv.Itoa(len(i.bytes)))
		_, _ = w.Write(i.bytes) // who asked may be gone
	})
}
