package main

import (
	"cmp"
	"context"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/vsee/vseeid/api"
	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/factors/passkey"
	"github.com/vsee/vseeid/factors/recovery"
	"github.com/vsee/vseeid/factors/totp"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/keys"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
	"github.com/vsee/vseeid/templates"
)

// parts is what a provider is made of. serve, dev and the tests fill it, and differ in nothing else.
type parts struct {
	issuer    *url.URL
	proxies   []netip.Prefix // whose X-Forwarded-For is believed
	durable   *sqldb.DB
	short     shortLived
	secrets   *secret.Keys
	passwords login.Passwords
	sender    notice.Sender // nil: mails wait in the outbox
	brand     templates.Brand
	logo      image  // empty: the brand's name in letters
	support   string // the mail address that pages and mails name; empty for none
	passkey   passkeyRules
	log       *slog.Logger
	now       func() time.Time
	timeout   time.Duration // of one request; requestTimeout where 0
	mailbox   bool          // dev: /dev/mail shows every mail to everybody
}

// shortLived is the store of what lives for minutes: redisdb or memory.
type shortLived interface {
	login.Transactions
	op.Codes
	limit.Source
	Ping(ctx context.Context) error
}

// provider is the running whole: what answers requests, and what works beside them.
type provider struct {
	handler http.Handler
	health  *health
	ring    *keys.Ring
	workers []func(context.Context)
}

// build puts a provider together. It reads the signing keys, and makes them where there are none.
func build(ctx context.Context, p parts) (*provider, error) {
	if len(p.logo.bytes) > 0 {
		p.brand.Logo = logoPath
	}
	p.brand.Support = p.support
	ring := keys.New(keys.Config{Store: p.durable, Now: p.now, Log: p.log})
	if err := ring.Load(ctx); err != nil {
		return nil, err
	}
	writer := notice.Writer{Product: p.brand.Name, Support: p.support, Base: p.issuer.String()}
	has := kindsOf(p.sender != nil, p.passkey)
	kinds := map[factors.Kind]factors.Factor{
		factors.TOTP:     totp.Factor{Issuer: p.brand.Name, Store: p.durable, Now: p.now},
		factors.Recovery: recovery.Factor{Store: p.durable, Now: p.now},
	}
	if slices.Contains(has, factors.Email) {
		kinds[factors.Email] = emailcode.Factor{Store: p.durable, Write: writer.Code, Now: p.now}
	}
	var passkeys login.Passkeys
	var related http.Handler // nil: passkeys are good at the issuer's address only
	if slices.Contains(has, factors.Passkey) {
		f, err := passkey.New(passkey.Config{
			RPID: p.passkey.rpID, RPName: p.brand.Name, Origins: append([]string{p.issuer.String()}, p.passkey.origins...), Roots: p.passkey.roots,
			Store: p.durable, Now: p.now,
		})
		if err != nil {
			return nil, err
		}
		kinds[factors.Passkey], passkeys, related = f, f, f.RelatedOrigins()
	}

	// The two halves know each other by three functions: login begins when op asks, and op
	// finishes, fails or begins again when login says so.
	var protocol *op.Provider
	signIn, err := login.New(login.Config{
		Issuer:       p.issuer,
		Transactions: p.short,
		People:       p.durable,
		Enrollments:  p.durable,
		Additions:    p.durable,
		Removals:     p.durable,
		History:      p.durable,
		Tickets:      p.durable,
		Leaves:       p.durable,
		Outbox:       p.durable,
		Links:        p.durable,
		Sessions:     p.durable,
		Attempts:     p.durable,
		Audit:        p.durable,
		Limits:       p.short,
		Factors:      kinds,
		Passkeys:     passkeys,
		Passwords:    p.passwords,
		Keys:         p.secrets,
		Notices:      writer,
		QR:           totp.QR,
		Keeper:       passkey.Provider,
		Brand:        p.brand,
		Now:          p.now,
		Finish: func(w http.ResponseWriter, r *http.Request, res login.Result) error {
			return protocol.Finish(w, r, res)
		},
		Fail: func(w http.ResponseWriter, r *http.Request, request []byte, code string) error {
			return protocol.Fail(w, r, request, code)
		},
		StartAgain:     func(request []byte) string { return protocol.StartAgain(request) },
		StartElsewhere: func(request []byte) string { return protocol.StartElsewhere(request) },
		AtApp: func(ctx context.Context, request []byte) (string, error) {
			return protocol.InitiateLogin(ctx, request)
		},
	})
	if err != nil {
		return nil, err
	}
	protocol, err = op.New(op.Config{
		Issuer:       p.issuer.String(),
		Clients:      p.durable,
		Codes:        p.short,
		Grants:       p.durable,
		People:       signIn,
		Browser:      signIn,
		Begin:        signIn.Begin,
		Admit:        signIn.Admit,
		Keys:         ring,
		Secrets:      p.secrets,
		SupportedACR: login.SupportedACR(slices.Collect(maps.Keys(kinds))...),
		Brand:        p.brand,
		Now:          p.now,
	})
	if err != nil {
		return nil, err
	}

	admin, err := api.New(api.Config{
		Issuer:  p.issuer.String(),
		Keys:    ring,
		Clients: p.durable,
		Support: login.Support{Store: p.durable, Notices: writer, Now: p.now},
		Now:     p.now,
	})
	if err != nil {
		return nil, err
	}

	// Everything that answers, on one page.
	mux := http.NewServeMux()
	protocol.Mount(mux)                              // /authorize /oauth/* /userinfo /oidc/logout /v2/logout /.well-known/*
	signIn.Mount(mux)                                // /u/login/{tx} /u/notice/{token} /account
	admin.Mount(mux)                                 // /api/v1
	mux.Handle("GET /u/assets/", templates.Assets()) // stylesheet, script
	if related != nil {
		mux.Handle("GET /.well-known/webauthn", related)
	}
	p.logo.mount(mux)        // /u/brand/logo, when there is one
	health := p.health(ring) // /livez /readyz
	health.mount(mux)
	if p.mailbox {
		mailbox{mails: p.durable, base: p.issuer.String(), log: p.log}.mount(mux) // /dev/mail /dev/mail.json
	}

	pages := notices{frame: templates.Frame{Brand: p.brand}, log: p.log}
	mux.HandleFunc("GET /{$}", pages.root) // what this is, for who opens the bare address
	handler := pages.withPages(mux)
	handler = withHost(p.issuer, handler)
	handler = withHeaders(p.issuer, handler)
	handler = withRecovery(p.log, pages.unexpected, handler)
	handler = withAccessLog(p.log, p.now, handler)
	handler = withOrigin(p.proxies, handler)
	handler = withDeadline(cmp.Or(p.timeout, requestTimeout), handler)
	return &provider{handler: handler, health: health, ring: ring, workers: p.workers(ring)}, nil
}

// kindsOf are the factors of a deployment that sends mails or not, and has such passkeys.
func kindsOf(mails bool, passkeys passkeyRules) login.Kinds {
	has := login.Kinds{factors.TOTP, factors.Recovery}
	if mails { // a code that nobody sends is no way in
		has = append(has, factors.Email)
	}
	if passkeys.rpID != "" {
		has = append(has, factors.Passkey)
	}
	return has
}

// health asks the stores and the keys.
func (p parts) health(ring *keys.Ring) *health {
	return &health{
		checks: []check{
			{"database", p.durable.Ping},
			{"schema", p.durable.CheckSchema},
			{"short-lived store", p.short.Ping},
			{"signing keys", func(context.Context) error { _, err := ring.JWKS(); return err }},
		},
		failed: func(ctx context.Context, what string, err error) {
			p.log.ErrorContext(ctx, "not ready", "check", what, "error", err)
		},
	}
}

const pruneEvery = 10 * time.Minute

// workers work beside the requests until their context ends.
func (p parts) workers(ring *keys.Ring) []func(context.Context) {
	out := []func(context.Context){ring.Run, p.prune}
	if p.sender != nil {
		worker := notice.Worker{Outbox: p.durable, Sender: p.sender, Now: p.now, Log: p.log}
		out = append(out, func(ctx context.Context) {
			if err := worker.Run(ctx); err != nil {
				p.log.ErrorContext(ctx, "outbox worker stopped", "error", err)
			}
		})
	}
	return out
}

// prune drops what nobody needs any more. Every instance does; batches of theirs do not collide.
func (p parts) prune(ctx context.Context) {
	regularly(ctx, pruneEvery, func() {
		n, err := p.durable.Prune(ctx, p.now())
		switch {
		case ctx.Err() != nil:
		case err != nil:
			p.log.ErrorContext(ctx, "prune", "error", err, "rows", n)
		case n > 0:
			p.log.InfoContext(ctx, "pruned", "rows", n)
		}
	})
}

// regularly calls do until ctx ends, every so often and for the first time well before: an instance that is
// replaced sooner does its part too. When exactly is by chance, so that those that start together do not
// work together.
func regularly(ctx context.Context, every time.Duration, do func()) {
	soon := every / 20
	timer := time.NewTimer(soon + rand.N(soon))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		do()
		timer.Reset(every)
	}
}
