package main

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/vsee/vseeid/op/optest"
)

// secrets are what a run has produced that no store and no log may show, with what each of them is.
type secrets map[string]string

func (s secrets) add(what, value string) {
	if value != "" {
		s[value] = what
	}
}

// forms are how a secret could stand somewhere.
func forms(secret string) []string {
	b := []byte(secret)
	out := []string{secret, hex.EncodeToString(b), strings.ToUpper(hex.EncodeToString(b))}
	for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		out = append(out, e.EncodeToString(b))
	}
	if raw, err := base64.StdEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		out = append(out, string(raw), hex.EncodeToString(raw))
	}
	if raw, err := base64.RawURLEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		out = append(out, string(raw), hex.EncodeToString(raw))
	}
	if raw, err := base32.StdEncoding.DecodeString(secret); err == nil && len(raw) >= 16 {
		out = append(out, string(raw), hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw))
	}
	return out
}

var sixDigits = regexp.MustCompile(`^[0-9]{6}$`)

// foundIn fails for each secret that text has in any form.
func (s secrets) foundIn(t *testing.T, where, text string) {
	t.Helper()
	for secret, what := range s {
		if sixDigits.MatchString(secret) { // a part of a time or of a hash is no code
			if regexp.MustCompile(`(^|[^0-9A-Za-z.:])` + secret + `($|[^0-9A-Za-z])`).MatchString(text) {
				t.Errorf("%s shows %s", where, what)
			}
			continue
		}
		for i, form := range forms(secret) {
			if strings.Contains(text, form) {
				t.Errorf("%s shows %s (form %d)", where, what, i)
				break
			}
		}
	}
}

var byteaInJSON = regexp.MustCompile(`\\\\x([0-9a-f]*)`)

// tablesOf is every row of every table as text, and what stands in the columns of bytes once more as
// it is.
func tablesOf(t testing.TB, dsn string) (text string, decoded int) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, dsn)
	must(t, err)
	defer conn.Close(ctx)
	texts := func(query string) []string {
		rows, err := conn.Query(ctx, query)
		must(t, err)
		out, err := pgx.CollectRows(rows, pgx.RowTo[string])
		must(t, err)
		return out
	}
	var out strings.Builder
	for _, table := range texts(`SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`) {
		for _, row := range texts(`SELECT row_to_json(t)::text FROM ` + pgx.Identifier{table}.Sanitize() + ` t`) {
			fmt.Fprintln(&out, table, row)
			for _, m := range byteaInJSON.FindAllStringSubmatch(row, -1) {
				b, err := hex.DecodeString(m[1])
				must(t, err)
				fmt.Fprintf(&out, "%s\n", b)
				decoded++
			}
		}
	}
	return out.String(), decoded
}

// keysOf is every key that begins with prefix in Redis, with what stands there.
func keysOf(t testing.TB, addr, prefix string) string {
	t.Helper()
	ctx := t.Context()
	client := redis.NewClient(&redis.Options{Addr: addr})
	defer client.Close()
	var out strings.Builder
	keys, err := client.Keys(ctx, prefix+"*").Result()
	must(t, err)
	for _, key := range keys {
		raw, err := client.Dump(ctx, key).Result()
		if errors.Is(err, redis.Nil) {
			continue // it expired just now
		}
		must(t, err)
		fmt.Fprintf(&out, "%s\n%s\n", key, raw)
		if fields, err := client.HGetAll(ctx, key).Result(); err == nil {
			for name, value := range fields {
				fmt.Fprintf(&out, "%s %s\n", name, value)
			}
		} else if value, err := client.Get(ctx, key).Result(); err == nil {
			fmt.Fprintln(&out, value)
		}
	}
	return out.String()
}

// TestT46_SecretsAtRestAndInLogs goes through everything that makes a secret, looks at both stores
// on the way and at the log in the end.
func TestT46_SecretsAtRestAndInLogs(t *testing.T) {
	d := deploy(t)
	instance := d.serve("VSEEID_LOG_LEVEL=debug")
	app, machine := d.clinicApp(t), d.reportsApp(t)
	s := secrets{}
	s.add("the password", samplePassword)
	s.add("a wrong password", "not-the-password-of-charlotte")
	s.add("the clinic's secret", clinicSecret)
	s.add("the reports' secret", reportsSecret)
	s.add("the administration's secret", adminSecret)
	s.add("the master key", d.keys)

	var redisText strings.Builder
	looks := 0
	look := func(p *optest.Page) *optest.Page {
		redisText.WriteString(keysOf(t, d.redis, d.prefix))
		looks++
		if strings.HasPrefix(p.URL.Path, "/u/login/") {
			s.add("the id of a sign-in", strings.Split(p.URL.Path, "/")[3])
		}
		return p
	}
	cookies := func(b *optest.Browser) {
		for _, c := range b.Cookies() {
			s.add("the cookie "+c.Name, c.Value)
		}
	}
	begin := func(b *optest.Browser) (*optest.Flow, *optest.Page) {
		f := app.Begin()
		s.add("a verifier", f.Verifier)
		s.add("a state", f.State)
		p := look(b.Open(f.URL()))
		p = look(p.Submit("email", charlotte))
		cookies(b)
		p = look(p.Submit("password", "not-the-password-of-charlotte"))
		return f, look(p.Submit("password", samplePassword))
	}
	end := func(b *optest.Browser, f *optest.Flow, p *optest.Page) optest.Answer {
		code := f.Code(look(p))
		s.add("an authorization code", code)
		cookies(b)
		a := wantStatus(t, "redeem", app.Redeem(f, code), http.StatusOK)
		look(p)
		for what, token := range map[string]string{"an access token": a.AccessToken, "a refresh token": a.RefreshToken, "an ID token": a.IDToken} {
			s.add(what, token)
		}
		return a
	}
	recovery := func(p *optest.Page) string {
		code := recoveryOf(t, p)
		s.add("a recovery code", code)
		s.add("a recovery code in one word", strings.ReplaceAll(code, "-", ""))
		return code
	}

	// The first sign-in sets up the app.
	b := optest.NewBrowser(t, d.issuer)
	f, p := begin(b)
	seed := seedOf(t, p)
	s.add("the key of the app", seed)
	raw, err := base32.StdEncoding.DecodeString(seed)
	must(t, err)
	s.add("the key of the app in bytes", string(raw))
	s.add("a code of the app", codeAt(t, seed, time.Now().Add(-30*time.Second)))
	_, p = enroll(t, p)
	code := recovery(look(p))
	first := end(b, f, p.Submit("confirmed", "true"))

	// The second one uses it.
	b = optest.NewBrowser(t, d.issuer)
	f, p = begin(b)
	p = look(p.Submit("code", "000000"))
	used := codeAt(t, seed, time.Now())
	s.add("another code of the app", used)
	end(b, f, p.Submit("code", used))

	// The third one has lost it.
	b = optest.NewBrowser(t, d.issuer)
	f, p = begin(b)
	p = b.Post(p.URL.Path+"/method", map[string][]string{"method": {"recovery"}}, nil)
	p = look(p.Submit("code", code))
	recovery(p)
	third := end(b, f, look(p.Submit("confirmed", "true")).Press("/later"))

	for _, refreshed := range []optest.Answer{app.Refresh(first.RefreshToken), app.Refresh(third.RefreshToken)} {
		wantStatus(t, "refresh", refreshed, http.StatusOK)
		s.add("the next refresh token", refreshed.RefreshToken)
		s.add("the next access token", refreshed.AccessToken)
		s.add("the next ID token", refreshed.IDToken)
	}
	app.Userinfo(first.AccessToken)
	s.add("the token of a machine", wantStatus(t, "client_credentials", machine.Token(optest.With("grant_type", "client_credentials")), http.StatusOK).AccessToken)

	hostile(t, d, app)
	look(b.Open("/oidc/logout?client_id=clinic&id_token_hint=" + third.IDToken))
	for _, p := range []string{"/livez", "/readyz"} {
		wantStatus(t, p, app.Do(http.MethodGet, p, nil, nil), http.StatusOK)
	}
	if code := instance.stop(); code != 0 {
		t.Errorf("exit %d", code)
	}

	if looks < 20 || len(s) < 40 {
		t.Fatalf("%d looks at Redis for %d secrets: the run is not what it was", looks, len(s))
	}
	tables, decoded := tablesOf(t, d.dsn)
	log := instance.stderr.String()
	if decoded < 10 || !strings.Contains(tables, "enrollments {") || !strings.Contains(tables, charlotte) || !strings.Contains(redisText.String(), d.prefix+"code:") || !strings.Contains(log, `"level":"DEBUG"`) {
		t.Fatal("a dump is empty")
	}
	s.foundIn(t, "PostgreSQL", tables)
	s.foundIn(t, "the log", log)
	s.add("a mail address", charlotte)
	s.foundIn(t, "Redis", redisText.String())
	wantWholeLog(t, log)
}

// forged is what somebody would like to see as a line of the log.
const forged = "\n" + `{"level":"ERROR","msg":"forged","password":"canary-7f2e"}` + "\r\n\x1b[2J"

// hostile sends it in every place that a stranger can write to.
func hostile(t *testing.T, d *deployment, app *optest.App) {
	t.Helper()
	b := optest.NewBrowser(t, d.issuer)
	f := app.Begin(optest.With("login_hint", forged), optest.With("ui_locales", forged))
	p := b.Open(f.URL())
	if p.Has("email") {
		p.Submit("email", forged)
		b.Post(p.URL.Path+"/password", map[string][]string{"password": {forged}}, nil)
	}
	b.Post(p.URL.Path+"/identifier", map[string][]string{"email": {forged}}, http.Header{"Origin": {"https://evil.example/?canary-7f2e=1"}})
	for _, option := range []optest.Option{
		optest.With("client_id", forged), optest.With("redirect_uri", forged), optest.With("scope", "openid "+forged),
		optest.With("organization", forged), optest.With("acr_values", forged), optest.With("id_token_hint", forged),
	} {
		b.Open(app.Begin(option).URL())
	}
	app.Token(optest.With("grant_type", forged))
	app.Refresh(forged)
	app.Refresh("canary-7f2e." + strings.Repeat("x", 4000))
	app.Call("/oauth/revoke", optest.With("token", forged))
	app.Userinfo("canary-7f2e")
	app.Do(http.MethodGet, "/canary-7f2e?canary-7f2e=canary-7f2e", http.Header{
		"User-Agent": {`"}` + strings.TrimSpace(strings.Map(printable, forged))}, "X-Request-Id": {"canary-7f2e"}, "X-Forwarded-For": {"canary-7f2e"},
	}, nil)
}

func printable(r rune) rune {
	if r < ' ' {
		return '~'
	}
	return r
}

// wantWholeLog fails unless every line is one record of ours, and none has what a stranger sent but
// in the user agent.
func wantWholeLog(t *testing.T, log string) {
	t.Helper()
	requests := 0
	for line := range strings.Lines(log) {
		record := map[string]any{}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("no JSON: %s", line)
			continue
		}
		if record["msg"] == "forged" || record["level"] == nil || record["time"] == nil {
			t.Errorf("forged: %s", line)
		}
		delete(record, "user_agent")
		rest, err := json.Marshal(record)
		must(t, err)
		for _, never := range []string{"canary-7f2e", "code_challenge", "client_secret", "state=", "nonce", "?", "evil.example"} {
			if strings.Contains(string(rest), never) {
				t.Errorf("the log has %q: %s", never, line)
			}
		}
		if record["msg"] == "request" {
			requests++
		}
	}
	if requests < 50 {
		t.Errorf("%d lines of requests", requests)
	}
}

// panics throws what it was given.
type panics struct{}

func (panics) Verify(_ context.Context, hash, typed string) (bool, string, error) {
	panic(fmt.Errorf("verify %q against %q", typed, hash))
}

func (panics) Hash(context.Context, string) (string, error) { panic("no hash") }

// handled is a transport that asks a handler, without a network.
type handled struct{ http.Handler }

func (h handled) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	r.RequestURI = r.URL.RequestURI()
	r.RemoteAddr = "192.0.2.7:4711"
	if r.Host == "" {
		r.Host = r.URL.Host
	}
	h.ServeHTTP(w, r)
	out := w.Result()
	out.Request = r
	return out, nil
}

var referenceInPage = regexp.MustCompile(`\b[A-Z2-7]{16}\b`)

// TestT46_Panic lets the part that has the password in its hands panic with it.
func TestT46_Panic(t *testing.T) {
	s := startServer(t, on{})
	broken := s.parts
	broken.passwords = panics{}
	provider, err := build(t.Context(), broken)
	must(t, err)
	b := optest.NewBrowser(t, s.issuer)
	b.HTTP.Transport = handled{provider.handler}
	f := s.messengerApp(t).Begin()
	p := toFactor(t, b.Open(f.URL()), sam)
	if p.Status != http.StatusInternalServerError || !strings.Contains(p.Text, "Something Went Wrong") {
		t.Errorf("page: %s", p)
	}
	reference := referenceInPage.FindString(p.Text)
	if reference == "" || p.Header.Get("X-Request-Id") != reference {
		t.Errorf("reference %q, request id %q", reference, p.Header.Get("X-Request-Id"))
	}
	log := s.logs.String()
	if !strings.Contains(log, `"msg":"panic","request_id":"`+reference) || !strings.Contains(log, "secrets_test.go") {
		t.Errorf("the log does not know the reference or the place: %s", log)
	}
	for where, text := range map[string]string{"the log": log, "the page": p.Body} {
		secrets{samplePassword: "the password", "argon2id": "the hash"}.foundIn(t, where, text)
		if where == "the page" && (strings.Contains(text, ".go") || strings.Contains(text, "goroutine")) {
			t.Error("the page shows a stack")
		}
	}
}

// TestT46_LastNet: what a library would log.
func TestT46_LastNet(t *testing.T) {
	var out logBuffer
	log := newLogger(&out, "json", slog.LevelDebug)
	for _, name := range []string{"password", "client_secret", "Authorization", "refresh_token", "code", "code_verifier", "id_token_hint", "url", "Cookie"} {
		log.Info("library", name, "canary-7f2e")
		log.WithGroup("g").With(name, "canary-7f2e").Info("library")
	}
	token := "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJjYW5hcnktN2YyZSJ9.c2lnbmF0dXJl"
	log.Info("library", "text", "GET /callback?code=canary-7f2e&state=canary-7f2e failed")
	log.Info("library", "error", fmt.Errorf("parse %s", token))
	log.Info("library", "any", struct{ U string }{"postgres://user:canary-7f2e@host/db"})
	log.Info("library", slog.Group("g", slog.String("password", "canary-7f2e")))
	for _, never := range []string{"canary-7f2e", token} {
		if strings.Contains(out.String(), never) {
			t.Errorf("the log has it: %s", out.String())
		}
	}
}
