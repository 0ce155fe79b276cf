package main

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors/passkey/passkeytest"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/op"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

const solo = "solo@example.com"

// clinician is a person at a browser, who answers whatever a page asks for and remembers what that
// was.
type clinician struct {
	*testing.T
	*optest.Browser
	s     *testServer
	clock *clock
	email string
	seed  string        // of the authenticator app; empty: none is set up
	trust bool          // makes a passkey when it is offered
	slow  time.Duration // how long it takes to get at the second factor
	asked []string      // in the last walk
}

// stepUp is a provider with a clock that can be put forward, and a person in front of it.
// Codes by mail it has none: they would do for who has no other factor.
func stepUp(t *testing.T, email string) *clinician { return stepUpOn(t, email, on{}, 0) }

// stepUpOn is stepUp on something else, and some time ago.
func stepUpOn(t *testing.T, email string, o on, ago time.Duration) *clinician {
	t.Helper()
	clock := &clock{ahead: -ago}
	clock.hold()
	o.now = clock.now
	s := startServer(t, o)
	return &clinician{T: t, Browser: optest.NewBrowser(t, s.issuer), s: s, clock: clock, email: email}
}

// with puts the person at a phone, on which a passkey is made as soon as it is offered.
func (c *clinician) with(phone func(origin string) *passkeytest.Authenticator) *clinician {
	c.AsPhone(phone(c.s.issuer))
	c.trust = true
	return c
}

// walk answers pages until one asks for nothing.
func (c *clinician) walk(p *optest.Page) *optest.Page {
	c.Helper()
	c.asked = nil
	for range 12 {
		what, next := c.answer(p)
		if next == nil {
			return p
		}
		c.asked, p = append(c.asked, what), next
	}
	c.Fatalf("the sign-in has no end: asked for %v, then %s", c.asked, p)
	return nil
}

func (c *clinician) answer(p *optest.Page) (what string, next *optest.Page) {
	c.Helper()
	switch {
	case p.Has("password"):
		return "password", p.Submit("password", samplePassword)
	case p.Has("email"):
		return "email", p.Submit("email", c.email)
	case p.Has("confirmed"):
		return "record", p.Submit("confirmed", "true")
	case p.Has("name"):
		return "name", p.Submit("name", "Phone")
	case p.Has("code") && seedInPage.MatchString(html.UnescapeString(p.Body)):
		c.seed = seedOf(c, p)
		return "enroll", p.Submit("code", codeAt(c, c.seed, c.clock.now()))
	case p.Has("code"):
		c.clock.pass(max(c.slow, 30*time.Second)) // a code is good once
		return "code", p.Submit("code", codeAt(c, c.seed, c.clock.now()))
	case p.Ceremony() == "get":
		return "passkey", p.Passkey()
	case p.Ceremony() == "create" && strings.Contains(p.Body, `/later"`) && !c.trust:
		return "later", p.Press("/later")
	case p.Ceremony() == "create" && c.Passkeys != nil:
		return "make", p.Passkey()
	}
	return "", nil
}

// got is what an app has in the end.
type got struct {
	optest.Claims
	optest.Answer
}

// signIn walks from an app to its tokens.
func (c *clinician) signIn(a *optest.App, options ...optest.Option) got {
	c.Helper()
	f := a.Begin(options...)
	answer := wantStatus(c, "redeem", a.Redeem(f, f.Code(c.walk(c.Open(f.URL())))), http.StatusOK)
	return got{a.Verify(answer.IDToken, f.Nonce), answer}
}

// refused walks from an app to the error that it gets.
func (c *clinician) refused(a *optest.App, options ...optest.Option) string {
	c.Helper()
	f := a.Begin(options...)
	return f.Error(c.walk(c.Open(f.URL())))
}

// wants fails unless exactly this was asked for in the last walk.
func (c *clinician) wants(asked ...string) {
	c.Helper()
	if !slices.Equal(c.asked, asked) {
		c.Errorf("asked for %v, want %v", c.asked, asked)
	}
}

// proved fails unless tokens say this acr and this amr, all of them the same.
func (c *clinician) proved(g got, acr string, amr ...string) {
	c.Helper()
	if g.ACR != acr || !slices.Equal(g.AMR, amr) {
		c.Errorf("acr %q, amr %v; want %q, %v", g.ACR, g.AMR, acr, amr)
	}
	access := insideOf(c, g.AccessToken)
	if access["acr"] != g.ACR || access["auth_time"] != float64(g.AuthTime) || !slices.Equal(access["amr"].([]any), list(g.AMR)) {
		c.Errorf("the ID token says %+v, the access token %v", g.Claims, access)
	}
}

func list(s []string) []any {
	var out []any
	for _, v := range s {
		out = append(out, v)
	}
	return out
}

// insideOf are the claims of a JWT, unverified.
func insideOf(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatal("not a JWT")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	claims := map[string]any{}
	must(t, json.Unmarshal(raw, &claims))
	return claims
}

// register changes what a client has registered, and lets the provider notice.
func (c *clinician) register(id string, change func(*op.Client)) {
	c.Helper()
	client, err := c.s.parts.durable.Client(c.Context(), id)
	must(c, err)
	change(&client)
	must(c, client.Validate())
	must(c, c.s.parts.durable.UpdateClient(c.Context(), client, storage.Trail{}))
	c.clock.pass(time.Minute)
}

// unmet is how often it is on record that somebody could not meet a demand.
func (c *clinician) unmet() int {
	c.Helper()
	events, err := c.s.parts.durable.Events(c.Context(), sqldb.EventFilter{Type: storage.SignInUnmet}, storage.Page{Limit: storage.MaxPage})
	must(c, err)
	return len(events)
}

func acr(values ...string) optest.Option {
	return optest.With("acr_values", strings.Join(values, " "))
}

// essential is the claims parameter that demands one of values.
func essential(values ...string) optest.Option {
	b, err := json.Marshal(map[string]any{"id_token": map[string]any{"acr": map[string]any{"essential": true, "values": values}}})
	if err != nil {
		panic(err)
	}
	return optest.With("claims", string(b))
}

var (
	silently   = optest.With("prompt", "none")
	afresh     = optest.With("prompt", "login")
	twoFactors = []string{"mfa", "otp", "pwd"}
)

func maxAge(seconds string) optest.Option { return optest.With("max_age", seconds) }

// TestA03_A04_TokensOfOtherMethods: what tokens say of a recovery code and of a code by mail, when an
// authenticator app is set up and was not at hand.
func TestA03_A04_TokensOfOtherMethods(t *testing.T) {
	c := stepUpOn(t, charlotte, on{sender: nowhere{}}, 0)
	app := c.s.messengerApp(t)
	f := app.Begin()
	page := c.Open(f.URL())
	for !page.Has("confirmed") {
		_, page = c.answer(page)
	}
	recovery := recoveryOf(t, page)
	f.Code(c.walk(page))
	c.clock.pass(time.Hour)

	// toCode begins again and goes to the page of another method.
	toCode := func(kind string) (*optest.Flow, *optest.Page) {
		t.Helper()
		f := app.Begin(afresh)
		return f, c.Open(f.URL()).Submit("password", samplePassword).Choose(kind)
	}
	ends := func(f *optest.Flow, p *optest.Page) got {
		t.Helper()
		answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(c.walk(p))), http.StatusOK)
		return got{app.Verify(answer.IDToken, f.Nonce), answer}
	}
	f, page = toCode("email")
	g := ends(f, page.Submit("code", c.MailedCode(charlotte)))
	c.proved(g, login.ACRMultiFactor, "mca", "mfa", "otp", "pwd") // and never AAL2
	if insideOf(t, g.IDToken)["recovery"] != nil || insideOf(t, g.AccessToken)["recovery"] != nil {
		t.Error("a code by mail is said to be a recovery code")
	}

	f, page = toCode("recovery")
	page = page.Submit("code", recovery)
	if !page.Has("confirmed") {
		t.Fatalf("the new recovery code is not shown: %s", page)
	}
	page = page.Submit("confirmed", "true")
	if page.Response(f.Params.Get("redirect_uri")) == nil { // the offer to set up anew what was lost
		page = page.Press("/later")
	}
	g = ends(f, page)
	c.proved(g, login.ACRAAL2, twoFactors...)
	refreshed := wantStatus(t, "refresh", app.Refresh(g.RefreshToken), http.StatusOK)
	silent := c.signIn(app, silently) // by the session, which rests on the same
	for name, token := range map[string]string{
		"ID token": g.IDToken, "access token": g.AccessToken, "refreshed ID token": refreshed.IDToken,
		"refreshed access token": refreshed.AccessToken, "ID token by single sign-on": silent.IDToken,
	} {
		if got := insideOf(t, token)["recovery"]; got != true {
			t.Errorf("%s: recovery is %v", name, got)
		}
	}
	if g := c.signIn(app, afresh); insideOf(t, g.IDToken)["recovery"] != nil {
		t.Error("a sign-in without the recovery code is said to be one with it")
	}
}

// TestA20_RequestRaises: what a client asks adds to the policy of the organization and to what the
// client has registered. It takes nothing away.
func TestA20_RequestRaises(t *testing.T) {
	t.Run("never lowers the organization's policy", func(t *testing.T) {
		c := stepUp(t, charlotte)
		app := c.s.messengerApp(t)
		c.proved(c.signIn(app, acr(login.ACRSingle)), login.ACRSingle, twoFactors...)
		c.wants("email", "password", "enroll", "record")
		c.clock.pass(13 * time.Hour) // the organization lets a proof be used for twelve
		c.proved(c.signIn(app, acr(login.ACRSingle), maxAge("999999999")), login.ACRSingle, twoFactors...)
		c.wants("password", "code")
		c.clock.pass(13 * time.Hour)
		if got := c.refused(app, acr(login.ACRSingle), maxAge("999999999"), silently); got != login.ErrorLoginRequired {
			t.Errorf("silently: %s", got)
		}
	})
	t.Run("never lowers what the client has registered", func(t *testing.T) {
		c := stepUp(t, solo)
		app := c.s.messengerApp(t)
		c.proved(c.signIn(app), login.ACRSingle, "pwd")
		c.register("messenger", func(c *op.Client) { c.DefaultACR = []string{login.ACRMultiFactor} })
		c.proved(c.signIn(app, acr(login.ACRSingle)), login.ACRSingle, twoFactors...)
		c.wants("enroll", "record")
		c.clock.pass(time.Hour)
		c.register("messenger", func(c *op.Client) { age := 30 * time.Minute; c.DefaultMaxAge = &age })
		c.proved(c.signIn(app), login.ACRMultiFactor, twoFactors...)
		c.wants("password", "code")
	})
	t.Run("raises both", func(t *testing.T) {
		c := stepUp(t, solo)
		app := c.s.messengerApp(t)
		c.signIn(app)
		c.wants("email", "password")
		c.proved(c.signIn(app, acr(login.ACRMultiFactor)), login.ACRMultiFactor, twoFactors...)
		c.wants("enroll", "record")
	})
}

// TestA20_RefreshUnderAHigherFloor: what a client registers later holds for the tokens of before.
func TestA20_RefreshUnderAHigherFloor(t *testing.T) {
	c := stepUp(t, charlotte)
	app := c.s.messengerApp(t)
	first := c.signIn(app)
	c.register("messenger", func(c *op.Client) { c.DefaultACR = []string{login.ACRPhishing} })
	if answer := app.Refresh(first.RefreshToken); answer.Status != http.StatusBadRequest || answer.Error != "invalid_grant" {
		t.Errorf("refresh: %d %s", answer.Status, answer.Error)
	}
	if answer, _ := app.Userinfo(first.AccessToken); answer.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", answer.Status)
	}
	c.register("messenger", func(c *op.Client) { c.DefaultACR = []string{login.ACRPhishing, login.ACRAAL2} })
	wantStatus(t, "refresh when one of the values is met", app.Refresh(first.RefreshToken), http.StatusOK)
}

// TestA22_Preference: of the values in a request the first one counts that is met or that the person
// can prove. What is not known is passed over.
func TestA22_Preference(t *testing.T) {
	t.Run("with an authenticator app", func(t *testing.T) {
		c := stepUp(t, charlotte)
		app := c.s.messengerApp(t)
		c.signIn(app)
		for _, test := range []struct {
			asked []string
			want  string
		}{
			{[]string{login.ACRPhishing, login.ACRMultiFactor}, login.ACRMultiFactor},
			{[]string{login.ACRMultiFactor, login.ACRAAL2}, login.ACRMultiFactor},
			{[]string{login.ACRAAL2, login.ACRMultiFactor}, login.ACRAAL2},
			{[]string{"urn:nobody", login.ACRMultiFactor}, login.ACRMultiFactor},
			{[]string{"urn:nobody", "urn:neither"}, login.ACRAAL2}, // the highest, as if nothing was asked
			{nil, login.ACRAAL2},
		} {
			c.proved(c.signIn(app, acr(test.asked...)), test.want, twoFactors...)
			c.wants()
			c.proved(c.signIn(app, acr(test.asked...), silently), test.want, twoFactors...)
		}
	})
	t.Run("with a passkey too", func(t *testing.T) {
		c := stepUp(t, charlotte).with(passkeytest.NewSynced)
		app := c.s.messengerApp(t)
		c.signIn(app)
		c.wants("email", "password", "enroll", "record", "make", "name")
		c.proved(c.signIn(app, acr(login.ACRMultiFactor, login.ACRPhishing)), login.ACRMultiFactor, twoFactors...)
		c.wants()
		// Nobody can be asked: what is met comes before what is preferred.
		c.proved(c.signIn(app, acr(login.ACRPhishing, login.ACRMultiFactor), silently), login.ACRMultiFactor, twoFactors...)
		c.proved(c.signIn(app, acr(login.ACRPhishing, login.ACRMultiFactor)), login.ACRPhishing, "mfa", "otp", "pop", "pwd", "swk", "user")
		c.wants("passkey")
	})
}

// TestA23_OnlyByEnrollment: a level for which the person would have to set something up first.
func TestA23_OnlyByEnrollment(t *testing.T) {
	t.Run("which the policy lets the person do", func(t *testing.T) {
		c := stepUp(t, solo)
		app := c.s.messengerApp(t)
		c.signIn(app)
		if got := c.refused(app, acr(login.ACRMultiFactor), silently); got != login.ErrorInteractionRequired {
			t.Errorf("silently: %s", got)
		}
		c.proved(c.signIn(app, acr(login.ACRMultiFactor)), login.ACRMultiFactor, twoFactors...)
	})
	t.Run("which only a passkey reaches", func(t *testing.T) {
		c := stepUp(t, charlotte).with(passkeytest.NewSynced)
		c.proved(c.signIn(c.s.messengerApp(t), acr(login.ACRPhishing)), login.ACRPhishing, "mfa", "pop", "pwd", "swk", "user")
		c.wants("email", "password", "make", "passkey", "name", "record")
	})
	t.Run("which needs a fresh first proof", func(t *testing.T) {
		c := stepUp(t, solo)
		app := c.s.messengerApp(t)
		c.signIn(app)
		c.clock.pass(10 * time.Minute)
		c.signIn(app, acr(login.ACRMultiFactor))
		c.wants("password", "enroll", "record")
	})
	t.Run("which the policy does not", func(t *testing.T) {
		c := stepUp(t, sam)
		app := c.s.messengerApp(t)
		for _, options := range [][]optest.Option{{acr(login.ACRMultiFactor)}, {acr(login.ACRMultiFactor), silently}} {
			c.signIn(app)
			if got := c.refused(app, options...); got != login.ErrorUnmet {
				t.Errorf("%s", got)
			}
		}
		if n := c.unmet(); n != 2 {
			t.Errorf("on record %d times", n)
		}
	})
	t.Run("beside a factor that there is", func(t *testing.T) {
		c := stepUp(t, charlotte)
		app := c.s.messengerApp(t)
		c.signIn(app)
		for _, options := range [][]optest.Option{{acr(login.ACRPhishing)}, {acr(login.ACRPhishing), silently}, {acr(login.ACRHardware)}} {
			if got := c.refused(app, options...); got != login.ErrorUnmet {
				t.Errorf("%s", got)
			}
			c.wants()
		}
	})
}

// TestA24_Essential: an essential acr that is not met is a sign-in that failed: no code, and it is on
// record.
func TestA24_Essential(t *testing.T) {
	c := stepUp(t, charlotte)
	app := c.s.messengerApp(t)
	c.signIn(app)
	c.register("messenger", func(c *op.Client) { c.ACRVoluntary = true }) // which changes nothing here
	for name, o := range map[string]optest.Option{
		"of a passkey that there is not": essential(login.ACRPhishing),
		"of several, all out of reach":   essential(login.ACRHardware, login.ACRPhishing),
		"that nobody knows":              essential("urn:nobody"),
		"as one value":                   optest.With("claims", `{"id_token":{"acr":{"essential":true,"value":"phr"}}}`),
	} {
		for _, prompt := range []optest.Option{silently, optest.Without("prompt"), afresh} {
			before := c.unmet()
			if got := c.refused(app, o, prompt); got != login.ErrorUnmet {
				t.Errorf("%s: %s", name, got)
			}
			if got := c.unmet(); got != before+1 {
				t.Errorf("%s: on record %d times, want %d", name, got, before+1)
			}
		}
	}
	// Beside an essential claim acr_values do not count.
	if got := c.refused(app, essential(login.ACRPhishing), acr(login.ACRMultiFactor)); got != login.ErrorUnmet {
		t.Errorf("with acr_values: %s", got)
	}
	c.proved(c.signIn(app, essential(login.ACRPhishing, login.ACRMultiFactor)), login.ACRMultiFactor, twoFactors...)
	c.proved(c.signIn(app, essential(login.ACRMultiFactor), acr(login.ACRPhishing)), login.ACRMultiFactor, twoFactors...)
	c.proved(c.signIn(app, optest.With("claims", `{"id_token":{"acr":{"essential":true}}}`)), login.ACRAAL2, twoFactors...)
	c.proved(c.signIn(app, optest.With("claims", `{"id_token":{"acr":{"essential":false,"values":["phr"]}}}`)), login.ACRAAL2, twoFactors...)
}

// TestA25_ACROfTokens: the ID token, the access token and what is refreshed say the same value, the one
// that was asked for.
func TestA25_ACROfTokens(t *testing.T) {
	c := stepUp(t, charlotte).with(passkeytest.New)
	app := c.s.clinicApp(t)
	c.signIn(app)
	for _, asked := range []string{login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2, login.ACRPhishing, login.ACRHardware, "urn:nobody"} {
		g := c.signIn(app, acr(asked))
		want := asked
		if asked == "urn:nobody" {
			want = login.ACRHardware
		}
		if g.ACR != want || insideOf(t, g.AccessToken)["acr"] != want {
			t.Errorf("asked for %s: ID token %s, access token %v", asked, g.ACR, insideOf(t, g.AccessToken)["acr"])
		}
		refreshed := wantStatus(t, "refresh", app.Refresh(g.RefreshToken), http.StatusOK)
		if after := app.Verify(refreshed.IDToken, ""); after.ACR != want || insideOf(t, refreshed.AccessToken)["acr"] != want {
			t.Errorf("asked for %s: refreshed %s", asked, after.ACR)
		}
	}
}

// TestA26_Voluntary: a value that cannot be met is an error, but for a client that says it takes less.
func TestA26_Voluntary(t *testing.T) {
	c := stepUp(t, charlotte)
	app := c.s.messengerApp(t)
	c.signIn(app)
	if got := c.refused(app, acr(login.ACRPhishing)); got != login.ErrorUnmet {
		t.Errorf("%s", got)
	}
	c.register("messenger", func(c *op.Client) { c.ACRVoluntary = true })
	for _, prompt := range []optest.Option{optest.Without("prompt"), silently} {
		c.proved(c.signIn(app, acr(login.ACRPhishing), prompt), login.ACRAAL2, twoFactors...)
	}
	c.proved(c.signIn(app, acr(login.ACRPhishing, login.ACRMultiFactor)), login.ACRMultiFactor, twoFactors...)
}

// TestA27_AuthTime: auth_time is that of the oldest proof, and max_age asks again for each that is
// older, and for no other.
func TestA27_AuthTime(t *testing.T) {
	c := stepUp(t, charlotte)
	app := c.s.messengerApp(t)
	c.signIn(app)
	c.clock.pass(time.Hour)

	c.slow = 4 * time.Minute // to get at the phone
	start := c.clock.now()
	g := c.signIn(app, maxAge("600"))
	c.wants("password", "code")
	if g.AuthTime != start.Unix() {
		t.Errorf("auth_time %d, want that of the password, %d", g.AuthTime, start.Unix())
	}
	c.slow = 0
	code := c.clock.now()

	c.clock.pass(2 * time.Minute)
	g = c.signIn(app, maxAge("300")) // the password is six minutes old, the code two
	c.wants("password")
	if g.AuthTime != code.Unix() {
		t.Errorf("auth_time %d, want that of the code, %d", g.AuthTime, code.Unix())
	}
	c.proved(g, login.ACRAAL2, twoFactors...)
	c.signIn(app, maxAge("300"))
	c.wants()
	c.clock.pass(4 * time.Minute)
	c.signIn(app, maxAge("300")) // now the code is six minutes old, the password four
	c.wants("code")

	start = c.clock.now()
	g = c.signIn(app, maxAge("0"))
	c.wants("password", "code")
	if g.AuthTime != start.Unix() {
		t.Errorf("auth_time %d after max_age=0, want %d", g.AuthTime, start.Unix())
	}
	c.clock.pass(time.Minute)
	if got := c.refused(app, maxAge("30"), silently); got != login.ErrorLoginRequired {
		t.Errorf("silently: %s", got)
	}
	if g := c.signIn(app, maxAge("300"), silently); g.AuthTime != start.Unix() {
		t.Errorf("auth_time %d by single sign-on, want %d", g.AuthTime, start.Unix())
	}
}

// TestP16_A27_PromptLogin: at every level all that the sign-in rests on is asked for again, and a visit
// of the pages alone is no sign-in.
func TestP16_A27_PromptLogin(t *testing.T) {
	for name, test := range map[string]struct {
		c     *clinician
		asked []string
		acr   string
		amr   []string
	}{
		"a password":                 {stepUp(t, sam), []string{"password"}, login.ACRSingle, []string{"pwd"}},
		"a password and a code":      {stepUp(t, charlotte), []string{"password", "code"}, login.ACRAAL2, twoFactors},
		"a passkey of this device":   {stepUp(t, charlotte).with(passkeytest.New), []string{"passkey"}, login.ACRHardware, []string{"hwk", "mfa", "pop", "user"}},
		"a passkey of an account":    {stepUp(t, charlotte).with(passkeytest.NewSynced), []string{"passkey"}, login.ACRPhishing, []string{"mfa", "pop", "swk", "user"}},
		"a passkey without its user": {stepUp(t, charlotte).with(passkeytest.New), nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := test.c
			c.T = t
			app := c.s.messengerApp(t)
			first := c.signIn(app)
			if name == "a passkey without its user" {
				c.unverifiedPasskey(app)
				return
			}
			c.clock.pass(time.Minute)

			f := app.Begin(afresh)
			page := c.Open(f.URL())
			for range 3 { // to look at the page, or to begin anew, changes nothing
				if page.Response(f.Params.Get("redirect_uri")) != nil || page.Status != http.StatusOK {
					t.Fatalf("signed in by a visit: %s", page)
				}
				page = c.Open(page.URL.Path)
			}
			before := c.clock.now()
			walked := c.walk(page)
			c.wants(test.asked...)
			answer := wantStatus(t, "redeem", app.Redeem(f, f.Code(walked)), http.StatusOK)
			g := got{app.Verify(answer.IDToken, f.Nonce), answer}
			c.proved(g, test.acr, test.amr...)
			if g.AuthTime < before.Unix() || g.AuthTime <= first.AuthTime {
				t.Errorf("auth_time %d, was %d, asked at %d", g.AuthTime, first.AuthTime, before.Unix())
			}
			if g.Session != first.Session {
				t.Error("the session is another one")
			}
		})
	}
}

// unverifiedPasskey signs in again with a key that does not verify its user: one factor, beside which
// the password is asked for.
func (c *clinician) unverifiedPasskey(app *optest.App) {
	c.Helper()
	c.Passkeys.(*passkeytest.Authenticator).Unverified = true
	f := app.Begin(afresh)
	page := c.Open(f.URL()).Passkey()
	if page.Response(f.Params.Get("redirect_uri")) != nil || page.Status != http.StatusUnprocessableEntity {
		c.Fatalf("a passkey without its user is enough: %s", page)
	}
	page = page.Choose("password").Submit("password", samplePassword)
	if page.Ceremony() != "get" {
		c.Fatalf("beside a password the passkey is not asked for: %s", page)
	}
	answer := wantStatus(c, "redeem", app.Redeem(f, f.Code(page.Passkey())), http.StatusOK)
	c.proved(got{app.Verify(answer.IDToken, f.Nonce), answer}, login.ACRHardware, "hwk", "mfa", "pop", "pwd", "user")
}

// TestA29_P36_StepUpInASession: the session goes on under a new cookie, and the tokens of other clients
// stay as they are.
func TestA29_P36_StepUpInASession(t *testing.T) {
	c := stepUp(t, charlotte).with(passkeytest.New)
	messenger, clinic := c.s.messengerApp(t), c.s.clinicApp(t)
	first := c.signIn(messenger)
	c.clock.pass(20 * time.Minute)
	old := c.session()

	stepped := c.signIn(clinic, acr(login.ACRPhishing), maxAge("300"))
	c.wants("passkey")
	// The password and the code of before count for the session, but are too old for this client.
	c.proved(stepped, login.ACRPhishing, "hwk", "mfa", "pop", "user")
	if stepped.Session != first.Session {
		t.Error("the step-up made another session")
	}
	if c.session() == old {
		t.Error("the session kept its cookie")
	}

	// The old cookie is nobody's.
	thief := optest.NewBrowser(t, c.s.issuer)
	issuer, err := url.Parse(c.s.issuer)
	must(t, err)
	thief.HTTP.Jar.SetCookies(issuer, []*http.Cookie{{Name: "vseeid-session", Value: old, Path: "/"}})
	f := messenger.Begin(silently)
	if got := f.Error(thief.Open(f.URL())); got != login.ErrorLoginRequired {
		t.Errorf("the cookie of before: %s", got)
	}

	// What messenger has says what it said.
	refreshed := wantStatus(t, "refresh", messenger.Refresh(first.RefreshToken), http.StatusOK)
	after, before := messenger.Verify(refreshed.IDToken, ""), first.Claims
	before.Nonce, before.IssuedAt = "", after.IssuedAt
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("the step-up of another client changed the tokens (-before +after):\n%s", diff)
	}
	if got := insideOf(t, refreshed.AccessToken); got["acr"] != first.ACR || got["auth_time"] != float64(first.AuthTime) {
		t.Errorf("access token: %v", got)
	}
	// And a new sign-in to messenger, by the session, says what is proved by now.
	if g := c.signIn(messenger, silently); g.ACR != login.ACRHardware {
		t.Errorf("by single sign-on: %s", g.ACR)
	}
}

// session is the cookie of the provider's session.
func (c *clinician) session() string {
	c.Helper()
	for _, cookie := range c.Cookies() {
		if cookie.Name == "vseeid-session" {
			return cookie.Value
		}
	}
	c.Fatal("no session")
	return ""
}

// TestA28_SignAPrescription signs one at the demo Clinic: its API demands a step-up, the app asks the
// provider for it, and comes back to sign.
func TestA28_SignAPrescription(t *testing.T) {
	for name, test := range map[string]struct {
		phone bool
		asked []string
		proof string
	}{
		"with a code":    {false, []string{"password", "code"}, "Signed with a fresh code"},
		"with a passkey": {true, []string{"passkey"}, "Signed with a passkey"},
	} {
		t.Run(name, func(t *testing.T) {
			c := stepUpOn(t, charlotte, on{}, 20*time.Minute)
			if test.phone {
				c.with(passkeytest.NewSynced)
			}
			c.reach(c.s.messengerApp(t))
			c.clock.pass(time.Since(c.clock.now())) // the Clinic goes by the clock of the machine
			c.Apps = []string{strings.TrimPrefix(c.s.clinic, "http://")}
			page := c.Open(c.s.clinic + "/login")
			if !strings.Contains(page.Text, "Welcome, Charlotte Jones") {
				t.Fatalf("not signed in by the session: %s", page)
			}
			page = c.walk(c.Open(c.s.clinic + "/prescription").Press("/prescription/sign"))
			c.wants(test.asked...)
			if page.URL.Path != "/prescription" || !strings.Contains(page.Text, test.proof) {
				t.Fatalf("not signed: %s", page)
			}
			page = c.walk(page.Press("/prescription/sign"))
			if c.wants(); !strings.Contains(page.Text, test.proof) || !strings.Contains(page.Text, "so nothing was asked. It asks again from") {
				t.Errorf("asked again, or not told why not: %s", page)
			}
			if test.phone { // a second code would put the provider too far ahead
				page = c.walk(page.Press("/prescription/step-up"))
				if c.wants(test.asked...); !strings.Contains(page.Text, test.proof) || strings.Contains(page.Text, "nothing was asked") {
					t.Errorf("not asked when told to: %s", page)
				}
			}
		})
	}
	t.Run("by who cannot", func(t *testing.T) {
		c := stepUp(t, sam)
		c.Apps = []string{strings.TrimPrefix(c.s.clinic, "http://")}
		c.walk(c.Open(c.s.clinic + "/login"))
		page := c.walk(c.Open(c.s.clinic + "/prescription").Press("/prescription/sign"))
		c.wants()
		if page.Status != http.StatusBadRequest || !strings.Contains(page.Text, "The prescription was not signed. Signing needs a passkey or an authenticator app.") {
			t.Errorf("%s", page)
		}
	})
}

// TestT27_ResetThenTheClinicSignsNothing: who was signed in to the Clinic by a passkey when support took it away
// signs nothing there any more, with an access token that has minutes to go, and is told so.
func TestT27_ResetThenTheClinicSignsNothing(t *testing.T) {
	c := stepUp(t, charlotte).with(passkeytest.NewSynced)
	c.reach(c.s.messengerApp(t))
	c.Apps = []string{strings.TrimPrefix(c.s.clinic, "http://")}
	page := c.walk(c.Open(c.s.clinic + "/login?prompt=login"))
	if c.wants("passkey"); !strings.Contains(page.Text, "Welcome, Charlotte Jones") {
		t.Fatalf("not signed in: %s", page)
	}
	prescription := c.Open(c.s.clinic + "/prescription")
	c.isReset()
	page = prescription.Press("/prescription/sign")
	if page.Status != http.StatusBadRequest || !strings.Contains(page.Text, "You have been signed out") || strings.Contains(page.Text, "Try again") {
		t.Fatalf("signed, or not told: %s", page)
	}
	if page := c.Open(c.s.clinic); strings.Contains(page.Text, "Welcome") || !strings.Contains(page.Text, "Sign in") {
		t.Errorf("still welcome: %s", page)
	}
	if page := prescription.Press("/prescription/sign"); !strings.Contains(page.Text, "You are not signed in") {
		t.Errorf("the button of a page that was left open: %s", page)
	}
	// To go on everything is set up anew, by the pages of the provider.
	if page := c.Open(c.s.clinic + "/login"); !page.Has("email") && !page.Has("password") {
		t.Errorf("signed in by what was before: %s", page)
	}
}

// reach walks to a code and leaves it: by the clock of the machine its tokens would be old.
func (c *clinician) reach(a *optest.App) {
	c.Helper()
	f := a.Begin()
	f.Code(c.walk(c.Open(f.URL())))
}

// TestP35_A28_ClinicAPI: the access tokens of the clinic are for its API; those of another app are not,
// and neither is an ID token.
func TestP35_A28_ClinicAPI(t *testing.T) {
	c := stepUp(t, charlotte)
	messenger, clinic := c.signIn(c.s.messengerApp(t)), c.signIn(c.s.clinicApp(t))
	sign := func(token string) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.s.clinicAPI()+"/prescriptions/rx-1042/signature", nil)
		must(t, err)
		r.Header.Set("Authorization", "Bearer "+token)
		answer, err := http.DefaultClient.Do(r)
		must(t, err)
		must(t, answer.Body.Close())
		return answer.StatusCode
	}
	if got := sign(clinic.AccessToken); got != http.StatusOK {
		t.Errorf("the clinic's access token: %d", got)
	}
	machine := wantStatus(t, "client_credentials", c.s.reportsApp(t).Token(optest.With("grant_type", "client_credentials")), http.StatusOK)
	for name, token := range map[string]string{
		"the clinic's ID token": clinic.IDToken, "the clinic's refresh token": clinic.RefreshToken,
		"another app's access token": messenger.AccessToken, "a machine's": machine.AccessToken, "nothing": "",
	} {
		if got := sign(token); got != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, got)
		}
	}
}

// TestA22_Discovery: discovery lists every value that can be reached, as a careful app asks for no other.
func TestA22_Discovery(t *testing.T) {
	c := stepUp(t, charlotte)
	_, body := ask(t, http.MethodGet, c.s.issuer+"/.well-known/openid-configuration", nil)
	var metadata struct {
		ACR    []string `json:"acr_values_supported"`
		Claims bool     `json:"claims_parameter_supported"`
	}
	must(t, json.Unmarshal([]byte(body), &metadata))
	want := []string{login.ACRSingle, login.ACRMultiFactor, login.ACRAAL2, login.ACRPhishing, login.ACRHardware}
	if !metadata.Claims || !slices.Equal(metadata.ACR, want) {
		t.Errorf("discovery lists %v, want %v", metadata.ACR, want)
	}
}
