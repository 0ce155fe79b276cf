package main

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5"

	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/storagetest"
)

// TestEveryRequestGoesToTheOtherInstance signs in, with the set-up of an authenticator app, with a
// code, and by the session, where no two requests in a row reach one process.
func TestEveryRequestGoesToTheOtherInstance(t *testing.T) {
	d := deploy(t)
	one, two := d.serve(), d.serve()
	app := d.messengerApp(t)

	b := optest.NewBrowser(t, d.issuer)
	f := app.Begin()
	page := toFactor(t, b.Open(f.URL()), charlotte)
	seed, page := enroll(t, page)
	recoveryOf(t, page)
	first := wantStatus(t, "redeem", app.Redeem(f, f.Code(page.Submit("confirmed", "true"))), http.StatusOK)
	claims := app.Verify(first.IDToken, f.Nonce)
	if !slices.Equal(claims.AMR, []string{"mfa", "otp", "pwd"}) || claims.Org != "riverside" {
		t.Errorf("amr %v, org %q", claims.AMR, claims.Org)
	}

	f = app.Begin()
	page = toFactor(t, optest.NewBrowser(t, d.issuer).Open(f.URL()), charlotte)
	second := wantStatus(t, "redeem", app.Redeem(f, f.Code(page.Submit("code", codeAt(t, seed, time.Now())))), http.StatusOK)
	app.Verify(second.IDToken, f.Nonce)

	f = app.Begin()
	wantStatus(t, "redeem after single sign-on", app.Redeem(f, f.Code(b.Open(f.URL()))), http.StatusOK)

	shares := d.front.shares()
	a, z := shares[one.address()], shares[two.address()]
	if a < 10 || z < 10 || a-z > 1 || z-a > 1 {
		t.Errorf("%d requests went to one instance and %d to the other", a, z)
	}
	t.Logf("%d and %d requests", a, z)

	// The audit knows the address of the browser, which only the proxy has seen.
	if !strings.Contains(one.stderr.String(), `"ip":"127.0.0.1"`) {
		t.Error("no request has the address of the browser")
	}
	for _, p := range []*child{one, two} {
		if code := p.stop(); code != 0 {
			t.Errorf("exit %d", code)
		}
		if s := p.stderr.String(); strings.Contains(s, `"level":"ERROR"`) || strings.Contains(s, "DATA RACE") {
			t.Errorf("log: %s", s)
		}
	}
}

func TestSignInGoesOnWhenAnInstanceStops(t *testing.T) {
	d := deploy(t)
	one := d.serve()
	app := d.messengerApp(t)
	b := optest.NewBrowser(t, d.issuer)
	f := app.Begin()
	page := toFactor(t, b.Open(f.URL()), charlotte)

	two := d.serve()
	d.front.remove(one.address())
	if code := one.stop(); code != 0 {
		t.Errorf("exit %d: %s", code, one.stderr)
	}
	_, page = enroll(t, page)
	code := f.Code(page.Submit("confirmed", "true"))

	three := d.serve()
	d.front.remove(two.address())
	two.stop()
	answer := wantStatus(t, "redeem", app.Redeem(f, code), http.StatusOK)
	app.Verify(answer.IDToken, f.Nonce)
	if three.stop() != 0 || d.front.other.Load() != 0 {
		t.Error("a request was lost")
	}
}

// grantOf signs Sam in and redeems the code.
func grantOf(t *testing.T, app *optest.App, b *optest.Browser) optest.Answer {
	t.Helper()
	f := app.Begin()
	page := b.Open(f.URL())
	if page.Has("email") {
		page = toFactor(t, page, sam)
	}
	return wantStatus(t, "redeem", app.Redeem(f, f.Code(page)), http.StatusOK)
}

// TestRacesAcrossInstances sends what may happen once to two instances at once.
func TestRacesAcrossInstances(t *testing.T) {
	d := deploy(t)
	one, two := d.serve(), d.serve()
	app := d.messengerApp(t)

	// at sends n times what f asks for, all at once, every other one to the other instance.
	at := func(n int, f func() optest.Answer) []optest.Answer {
		out := make([]optest.Answer, n)
		var wait sync.WaitGroup
		for i := range n {
			wait.Go(func() { out[i] = f() })
		}
		wait.Wait()
		return out
	}
	ended := func(a optest.Answer) bool { return a.Status == http.StatusBadRequest && a.Error == "invalid_grant" }

	t.Run("refresh", func(t *testing.T) {
		granted := grantOf(t, app, optest.NewBrowser(t, d.issuer))
		next := map[string]bool{}
		for _, a := range at(8, func() optest.Answer { return app.Refresh(granted.RefreshToken) }) {
			wantStatus(t, "refresh", a, http.StatusOK) // parallel tabs of one app are no theft
			next[a.RefreshToken] = true
		}
		if len(next) != 1 {
			t.Errorf("%d different refresh tokens came of one", len(next))
		}
	})

	t.Run("redeem", func(t *testing.T) {
		f := app.Begin()
		code := f.Code(toFactor(t, optest.NewBrowser(t, d.issuer).Open(f.URL()), sam))
		won := 0
		for _, a := range at(8, func() optest.Answer { return app.Redeem(f, code) }) {
			switch {
			case a.Status == http.StatusOK:
				won++
			case !ended(a):
				t.Errorf("%d %s", a.Status, a.Error)
			}
		}
		if won > 1 {
			t.Errorf("one code was redeemed %d times", won)
		}
	})

	t.Run("revoke while refreshing", func(t *testing.T) {
		granted := grantOf(t, app, optest.NewBrowser(t, d.issuer))
		var turn atomic.Int64
		last := []string{granted.RefreshToken}
		for _, a := range at(8, func() optest.Answer {
			if turn.Add(1) == 3 {
				return app.Call("/oauth/revoke", optest.With("token", granted.RefreshToken))
			}
			return app.Refresh(granted.RefreshToken)
		}) {
			switch {
			case a.RefreshToken != "":
				last = append(last, a.RefreshToken)
			case a.Status != http.StatusOK && !ended(a):
				t.Errorf("%d %s", a.Status, a.Error)
			}
		}
		for _, token := range last {
			for range 2 { // one for each instance
				if a := app.Refresh(token); !ended(a) {
					t.Errorf("after the revocation a token still refreshes: %d %s", a.Status, a.Error)
				}
			}
		}
	})

	t.Run("logout while refreshing", func(t *testing.T) {
		online := d.messengerApp(t)
		online.Scopes = "openid" // what the session carries ends with it
		b := optest.NewBrowser(t, d.issuer)
		granted := grantOf(t, online, b)
		var turn atomic.Int64
		if granted.RefreshToken == "" {
			t.Fatal("no refresh token")
		}
		last := []string{granted.RefreshToken}
		for _, a := range at(8, func() optest.Answer {
			if turn.Add(1) == 3 {
				page := b.Open("/oidc/logout?client_id=messenger&id_token_hint=" + granted.IDToken)
				return optest.Answer{Status: page.Status}
			}
			return online.Refresh(granted.RefreshToken)
		}) {
			switch {
			case a.RefreshToken != "":
				last = append(last, a.RefreshToken)
			case a.Status != http.StatusOK && !ended(a):
				t.Errorf("%d %s", a.Status, a.Error)
			}
		}
		for _, token := range last {
			for range 2 {
				if a := online.Refresh(token); !ended(a) {
					t.Errorf("after the logout a token still refreshes: %d %s", a.Status, a.Error)
				}
			}
		}
	})

	t.Run("a session ends everywhere", func(t *testing.T) {
		b := optest.NewBrowser(t, d.issuer)
		granted := grantOf(t, app, b)
		page := b.Open("/oidc/logout?client_id=messenger&id_token_hint=" + granted.IDToken)
		if page.Status != http.StatusOK {
			t.Fatalf("logout: %s", page)
		}
		for range 2 { // one request for each instance
			f := app.Begin(optest.With("prompt", "none"))
			if got := f.Error(b.Open(f.URL())); got != "login_required" {
				t.Errorf("after the logout: %q", got)
			}
		}
	})

	t.Run("tokens of one verify with the keys of the other", func(t *testing.T) {
		var sets []jose.JSONWebKeySet
		for _, p := range []*child{one, two} {
			a := app.Do(http.MethodGet, "/.well-known/jwks.json", http.Header{pickHeader: {p.address()}}, nil)
			wantStatus(t, "keys", a, http.StatusOK)
			var set jose.JSONWebKeySet
			must(t, json.Unmarshal([]byte(a.Body), &set))
			sets = append(sets, set)
		}
		machine, person := d.reportsApp(t), grantOf(t, app, optest.NewBrowser(t, d.issuer))
		for range 2 {
			a := wantStatus(t, "client_credentials", machine.Token(optest.With("grant_type", "client_credentials")), http.StatusOK)
			b := wantStatus(t, "refresh", app.Refresh(person.RefreshToken), http.StatusOK)
			person = b
			for _, token := range []string{a.AccessToken, b.AccessToken, b.IDToken} {
				signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.ES256, jose.RS256})
				must(t, err)
				for i, set := range sets {
					if _, err := signed.Verify(set); err != nil {
						t.Errorf("the keys of instance %d: %v", i, err)
					}
				}
			}
		}
	})
	for _, p := range []*child{one, two} {
		if code := p.stop(); code != 0 || strings.Contains(p.stderr.String(), "DATA RACE") {
			t.Errorf("exit %d: %s", code, p.stderr)
		}
	}
}

func TestFiveMigrationsAtOnce(t *testing.T) {
	env := []string{"VSEEID_DATABASE_URL=" + storagetest.Postgres(t), "VSEEID_MASTER_KEYS=" + secret.NewKey()}
	var wait sync.WaitGroup
	for range 5 {
		p := startChild(t, env, "migrate", "up")
		wait.Go(func() {
			if code := p.wait(); code != 0 {
				t.Errorf("exit %d: %s", code, p.stderr)
			}
		})
	}
	wait.Wait()
	if code, out, stderr := runChild(t, env, "migrate", "status"); code != 0 || !strings.Contains(out, "is the one that this program knows") {
		t.Errorf("status: exit %d: %s%s", code, out, stderr)
	}
}

// TestServeRefusesAnotherSchema: an empty database, and one of a program of tomorrow.
func TestServeRefusesAnotherSchema(t *testing.T) {
	redis := os.Getenv("VSEEID_TEST_REDIS")
	if redis == "" {
		t.Skip("VSEEID_TEST_REDIS is not set: make test starts one")
	}
	dsn := storagetest.Postgres(t)
	env := []string{
		"VSEEID_ISSUER=https://id.example.com", "VSEEID_LISTEN=127.0.0.1:0", "VSEEID_DATABASE_URL=" + dsn,
		"VSEEID_MASTER_KEYS=" + secret.NewKey(), "VSEEID_REDIS_URL=redis://" + redis,
	}
	refuses := func(says string) {
		t.Helper()
		code, _, stderr := runChild(t, env, "serve")
		if code != exitFailed || !strings.Contains(stderr, says) || strings.Count(strings.TrimSpace(stderr), "\n") != 0 {
			t.Errorf("exit %d, want %d and one line that says %q: %s", code, exitFailed, says, stderr)
		}
	}
	refuses(`the database is empty; run "vseeid migrate up" first`)
	if code, _, stderr := runChild(t, env, "migrate", "up"); code != 0 {
		t.Fatalf("migrate up: %s", stderr)
	}
	conn, err := pgx.Connect(t.Context(), dsn)
	must(t, err)
	defer conn.Close(t.Context())
	_, err = conn.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`)
	must(t, err)
	refuses("9999")
}
