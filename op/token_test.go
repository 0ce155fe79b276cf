package op_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// together calls f n times at the same moment.
func together(n int, f func() optest.Answer) []optest.Answer {
	out := make([]optest.Answer, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range out {
		wg.Go(func() {
			<-start
			out[i] = f()
		})
	}
	close(start)
	wg.Wait()
	return out
}

// events are the types of the events in the audit log, oldest first.
func (w *world) events(t storage.EventType) int {
	w.Helper()
	all, err := w.db.Events(w.Context(), sqldb.EventFilter{}, storage.Page{Limit: storage.MaxPage})
	w.must(err)
	n := 0
	for _, e := range all {
		if e.Type == t {
			n++
		}
	}
	return n
}

func TestP10_ParallelRedeems(t *testing.T) {
	worlds(t, func(w *world) {
		a := w.messenger()
		f := a.Begin()
		code := f.Code(optest.NewBrowser(w, w.issuer).Open(f.URL()))
		var won []optest.Answer
		for _, answer := range together(50, func() optest.Answer { return a.Redeem(f, code) }) {
			if answer.Status == http.StatusOK {
				won = append(won, answer)
				continue
			}
			w.refused(answer, http.StatusBadRequest, "invalid_grant")
		}
		if len(won) != 1 {
			w.Fatalf("%d of 50 redeems got tokens, want 1", len(won))
		}
		// The others were a second use: what the first one got is dead.
		if answer, _ := a.Userinfo(won[0].AccessToken); answer.Status != http.StatusUnauthorized {
			w.Errorf("userinfo after the code came twice: %d", answer.Status)
		}
		w.refused(a.Refresh(won[0].RefreshToken), http.StatusBadRequest, "invalid_grant")
		if n := w.events(storage.TokenReused); n != 1 {
			w.Errorf("%d events of reuse, want 1", n)
		}
	})
}

func TestP10_CodeExpires(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	f := a.Begin()
	code := f.Code(optest.NewBrowser(t, w.issuer).Open(f.URL()))
	w.clock.pass(op.CodeLifetime)
	w.refused(a.Redeem(f, code), http.StatusBadRequest, "invalid_grant")
	w.refused(a.Redeem(f, "vsc_nonsense"), http.StatusBadRequest, "invalid_grant")
}

func TestP11_CodeReuse(t *testing.T) {
	for name, later := range map[string]time.Duration{"at once": 0, "after 30 s": 30 * time.Second, "after its lifetime": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			worlds(t, func(w *world) {
				a := w.messenger()
				f := a.Begin()
				code := f.Code(optest.NewBrowser(w, w.issuer).Open(f.URL()))
				first := a.Redeem(f, code)
				w.status(first, http.StatusOK)
				w.clock.pass(later)
				w.refused(a.Redeem(f, code), http.StatusBadRequest, "invalid_grant")
				if answer, _ := a.Userinfo(first.AccessToken); answer.Status != http.StatusUnauthorized {
					w.Errorf("the first access token gets %d", answer.Status)
				}
				w.refused(a.Refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
			})
		})
	}
}

// A short-lived store that fails over may forget that a code was redeemed. The durable one does not.
func TestT48_CodeForgotten(t *testing.T) {
	w := newWorld(t)
	w.codes.forgets = true
	a := w.messenger()
	f := a.Begin()
	code := f.Code(optest.NewBrowser(t, w.issuer).Open(f.URL()))
	first := a.Redeem(f, code)
	w.status(first, http.StatusOK)
	w.refused(a.Redeem(f, code), http.StatusBadRequest, "invalid_grant")
	w.refused(a.Refresh(first.RefreshToken), http.StatusBadRequest, "invalid_grant")
}

func TestP12_T34_PKCE(t *testing.T) {
	w := newWorld(t)
	w.change("clinic", func(c *op.Client) { c.PKCEOptional = true })
	redeem := func(a *optest.App, begin, exchange []optest.Option) optest.Answer {
		f := a.Begin(begin...)
		return a.Redeem(f, f.Code(optest.NewBrowser(t, w.issuer).Open(f.URL())), exchange...)
	}
	other := strings.Repeat("v", 43)
	plain := []optest.Option{optest.Without("code_challenge", "code_challenge_method")}
	for name, c := range map[string]struct {
		app             *optest.App
		begin, exchange []optest.Option
		want            string
	}{
		"right":                      {w.messenger(), nil, nil, ""},
		"wrong verifier":             {w.messenger(), nil, []optest.Option{optest.With("code_verifier", other)}, "invalid_grant"},
		"no verifier":                {w.messenger(), nil, []optest.Option{optest.Without("code_verifier")}, "invalid_grant"},
		"no verifier, confidential":  {w.clinic(), nil, []optest.Option{optest.Without("code_verifier")}, "invalid_grant"},
		"short verifier":             {w.messenger(), nil, []optest.Option{optest.With("code_verifier", "short")}, "invalid_request"},
		"verifier without challenge": {w.clinic(), plain, nil, "invalid_grant"},
		"optional":                   {w.clinic(), plain, []optest.Option{optest.Without("code_verifier")}, ""},
	} {
		answer := redeem(c.app, c.begin, c.exchange)
		if answer.Error != c.want {
			t.Errorf("%s: %q, want %q", name, answer.Error, c.want)
		}
	}
	for name, begin := range map[string][]optest.Option{
		"plain":                   {optest.With("code_challenge_method", "plain")},
		"no method":               {optest.Without("code_challenge_method")},
		"short challenge":         {optest.With("code_challenge", "abc")},
		"none of a public client": plain,
	} {
		f := w.messenger().Begin(begin...)
		if got := f.Error(optest.NewBrowser(t, w.issuer).Open(f.URL())); got != "invalid_request" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestT33_CodeOfAnotherFlow(t *testing.T) {
	w := newWorld(t)
	b := optest.NewBrowser(t, w.issuer)
	mine, theirs := w.messenger().Begin(), w.messenger().Begin()
	w.refused(w.messenger().Redeem(mine, theirs.Code(b.Open(theirs.URL()))), http.StatusBadRequest, "invalid_grant")

	f := w.messenger().Begin()
	code := f.Code(b.Open(f.URL()))
	w.refused(w.clinic().Redeem(f, code), http.StatusBadRequest, "invalid_grant")

	f = w.messenger().Begin()
	code = f.Code(b.Open(f.URL()))
	w.refused(w.messenger().Redeem(f, code, optest.With("redirect_uri", callback+"/")), http.StatusBadRequest, "invalid_grant")
}

func TestP30_TokenResponse(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	_, _, answer := w.signIn(a)
	if got := answer.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if got := answer.Header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if answer.TokenType != "Bearer" || answer.ExpiresIn != 300 {
		t.Errorf("token_type %q, expires_in %d", answer.TokenType, answer.ExpiresIn)
	}
	for _, token := range []string{answer.AccessToken, answer.RefreshToken, answer.IDToken} {
		if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) || token == "" {
			t.Errorf("token %q", token)
		}
	}
	fields := url.Values{"grant_type": {"client_credentials"}, "client_id": {"reports"}, "client_secret": {reportsSecret}}
	for name, c := range map[string]struct {
		answer optest.Answer
		status int
		code   string
	}{
		"unknown grant type": {a.Token(optest.With("grant_type", "password")), 400, "unsupported_grant_type"},
		"no grant type":      {a.Token(), 400, "invalid_request"},
		"not this client's":  {a.Token(optest.With("grant_type", "client_credentials")), 400, "unauthorized_client"},
		"JSON":               {a.Do(http.MethodPost, "/oauth/token", http.Header{"Content-Type": {"application/json"}}, fields), 415, "invalid_request"},
		"too large":          {a.Token(optest.With("grant_type", "x"), optest.With("pad", strings.Repeat("x", 70<<10))), 413, "invalid_request"},
		"in the address":     {a.Do(http.MethodPost, "/oauth/token?"+fields.Encode(), formHeader(), nil), 401, "invalid_client"},
		"repeated":           {a.Do(http.MethodPost, "/oauth/token", formHeader(), url.Values{"grant_type": {"a", "b"}}), 400, "invalid_request"},
	} {
		if c.answer.Status != c.status || c.answer.Error != c.code {
			t.Errorf("%s: %d %q, want %d %q", name, c.answer.Status, c.answer.Error, c.status, c.code)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
		answer := a.Do(method, "/oauth/token?"+fields.Encode(), nil, nil)
		if answer.Status != http.StatusMethodNotAllowed || answer.Header.Get("Allow") != "OPTIONS, POST" {
			t.Errorf("%s: %d, Allow %q", method, answer.Status, answer.Header.Get("Allow"))
		}
	}
}

func TestP31_ClientAuthentication(t *testing.T) {
	w := newWorld(t)
	machine := optest.With("grant_type", "client_credentials")
	w.change("clinic", func(c *op.Client) { c.GrantTypes = append(c.GrantTypes, op.GrantClientCredentials) })
	w.status(w.clinic().Token(machine), http.StatusOK) // the secret has : % + & =
	w.status(w.reports().Token(machine), http.StatusOK)

	wrong, inBody, basic, none := w.clinic(), w.clinic(), w.reports(), w.clinic()
	wrong.Secret, inBody.InBody, basic.InBody, none.Secret = "wrong", true, false, ""
	for name, a := range map[string]*optest.App{
		"wrong secret": wrong, "post of a basic client": inBody, "basic of a post client": basic, "no secret": none,
	} {
		answer := a.Token(machine)
		w.refused(answer, http.StatusUnauthorized, "invalid_client")
		byBasic := a.Secret != "" && !a.InBody
		if challenged := strings.HasPrefix(answer.Header.Get("WWW-Authenticate"), "Basic "); challenged != byBasic {
			t.Errorf("%s: WWW-Authenticate %q", name, answer.Header.Get("WWW-Authenticate"))
		}
	}
	both := w.clinic().Token(machine, optest.With("client_id", "clinic"), optest.With("client_secret", clinicSecret))
	w.refused(both, http.StatusBadRequest, "invalid_request")
	unknown := w.clinic()
	unknown.ID = "nobody"
	w.refused(unknown.Token(machine), http.StatusUnauthorized, "invalid_client")
	w.change("reports", func(c *op.Client) { c.Disabled = w.clock.Now() })
	w.refused(w.reports().Token(machine), http.StatusUnauthorized, "invalid_client")
}

func TestP32_SecretsRotate(t *testing.T) {
	w := newWorld(t)
	machine := optest.With("grant_type", "client_credentials")
	w.change("reports", func(c *op.Client) {
		c.Secrets[0].Expires = w.clock.Now().Add(time.Hour)
		c.Secrets = append(c.Secrets, op.Secret{Hash: w.secrets.Hash(op.SecretPurpose, "the next one"), Created: w.clock.Now()})
	})
	next := w.reports()
	next.Secret = "the next one"
	w.status(next.Token(machine), http.StatusOK)
	w.status(w.reports().Token(machine), http.StatusOK)
	w.clock.pass(time.Hour)
	w.refused(w.reports().Token(machine), http.StatusUnauthorized, "invalid_client")
	w.status(next.Token(machine), http.StatusOK)
}

// claimsOf reads the claims of a token without checking anything.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT")
	}
	out := map[string]any{}
	for _, part := range parts[:2] {
		raw, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestP34_IDToken(t *testing.T) {
	w := newWorld(t)
	w.must(w.db.CreateOrg(t.Context(), login.Org{
		ID: "riverside", Name: "Riverside", Policy: login.Personal(), Created: w.clock.Now(), Updated: w.clock.Now(),
	}, noTrail))
	w.desk.org = "riverside"
	for _, c := range []struct {
		app *optest.App
		alg string
	}{{w.messenger(), "RS256"}, {w.clinic(), "ES256"}} {
		_, f, answer := w.signIn(c.app)
		got := c.app.Verify(answer.IDToken, f.Nonce)
		now := w.clock.Now().Unix()
		if got.Issuer != w.issuer || got.IssuedAt != now || got.AuthTime != now || got.Session == "" || got.Org != "riverside" ||
			got.ACR != login.ACRAAL2 || !slices.Equal(got.AMR, []string{"mfa", "otp", "pwd"}) {
			t.Errorf("claims %+v", got)
		}
		raw := claimsOf(t, answer.IDToken)
		if raw["alg"] != c.alg || raw["kid"] == nil || raw["at_hash"] == nil || raw["aud"] != c.app.ID {
			t.Errorf("ID token %v", raw)
		}
		for _, personal := range []string{"email", "name"} {
			if raw[personal] != nil {
				t.Errorf("%s is in the ID token", personal)
			}
		}
	}
}

func TestP35_AccessToken(t *testing.T) {
	w := newWorld(t)
	_, _, answer := w.signIn(w.clinic())
	got := claimsOf(t, answer.AccessToken)
	if got["typ"] != "at+jwt" || got["alg"] != "ES256" || got["iss"] != w.issuer || got["sub"] != w.people[0] ||
		got["client_id"] != "clinic" || got["scope"] != "openid email" || got["jti"] == nil || got["acr"] != login.ACRAAL2 ||
		got["exp"].(float64)-got["iat"].(float64) != 300 {
		t.Errorf("access token %v", got)
	}
	if diff := cmp.Diff([]any{"https://api.clinic.example", w.issuer}, got["aud"]); diff != "" {
		t.Errorf("aud %s", diff)
	}
}

// A store that does not answer is no refusal: the client may try again.
func TestT49_StoreDown(t *testing.T) {
	w := newWorld(t)
	a := w.messenger()
	b, _, answer := w.signIn(a)
	w.desk.denied = errors.New("connection refused")
	for range 2 {
		down := a.Refresh(answer.RefreshToken)
		w.refused(down, http.StatusServiceUnavailable, "temporarily_unavailable")
		if down.Header.Get("Retry-After") == "" || strings.Contains(down.Body, "connection") {
			t.Errorf("headers %v, body %s", down.Header, down.Body)
		}
	}
	w.desk.denied = nil
	w.status(a.Refresh(answer.RefreshToken), http.StatusOK)

	w.codes.down = errors.New("connection refused")
	f := a.Begin()
	if got := f.Error(b.Open(f.URL())); got != "temporarily_unavailable" {
		t.Errorf("a code that cannot be kept gets %q", got)
	}
	w.must(w.db.Close())
	w.refused(a.Refresh(answer.RefreshToken), http.StatusServiceUnavailable, "temporarily_unavailable")
	if page := b.Open(a.Begin().URL()); page.Status != http.StatusServiceUnavailable || page.Header.Get("Location") != "" {
		t.Errorf("an authorization request gets %s", page)
	}
}

func TestP52_Machines(t *testing.T) {
	w := newWorld(t)
	machine := optest.With("grant_type", "client_credentials")
	answer := w.reports().Token(machine, optest.With("scope", "reports:read"))
	w.status(answer, http.StatusOK)
	if answer.RefreshToken != "" || answer.IDToken != "" || answer.Scope != "reports:read" {
		t.Errorf("answer %+v", answer)
	}
	got := claimsOf(t, answer.AccessToken)
	if got["sub"] != "reports" || got["sid"] != nil || got["amr"] != nil {
		t.Errorf("access token %v", got)
	}
	if answer := w.reports().Token(machine); answer.Scope != "reports:read reports:write" {
		t.Errorf("without a scope: %q", answer.Scope)
	}
	w.change("reports", func(c *op.Client) { c.Scopes = append(c.Scopes, "openid") })
	for _, scope := range []string{"reports:delete", "openid", "reports:read openid"} {
		w.refused(w.reports().Token(machine, optest.With("scope", scope)), http.StatusBadRequest, "invalid_scope")
	}
	if answer, _ := w.reports().Userinfo(answer.AccessToken); answer.Status != http.StatusForbidden {
		t.Errorf("userinfo of a machine: %d", answer.Status)
	}
	for _, grant := range []string{"password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"} {
		w.refused(w.reports().Token(optest.With("grant_type", grant)), http.StatusBadRequest, "unsupported_grant_type")
	}
}
