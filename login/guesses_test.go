package login_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage"
)

// TestT09_ParallelOTPGuesses has 100 sign-ins of one person guess codes at once, twice each. However
// they are spread, no more are verified than are free.
func TestT09_ParallelOTPGuesses(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		verified := &counter{}
		w := newWorld(t, dsn, func(c *login.Config) {
			c.Factors[factors.TOTP] = counted{c.Factors[factors.TOTP], verified}
		})
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		seed, _, _ := w.browser().setUp(u, login.Demand{})
		const signIns = 100
		browsers, pages := make([]*browser, signIns), make([]page, signIns)
		for i := range signIns {
			browsers[i] = w.browser()
			browsers[i].header.Set("X-Test-IP", fmt.Sprintf("198.51.100.%d", i))
			pages[i] = browsers[i].password(browsers[i].begin(login.Demand{}), u)
			pages[i].shows(t, http.StatusOK, "Verify Your Identity")
		}
		right := w.app(seed)
		answers := parallel(2*signIns, func(i int) page {
			return browsers[i%signIns].post(pages[i%signIns].on("challenge"), "code", other(right, i))
		})
		for _, a := range answers {
			if a.status != http.StatusUnprocessableEntity && a.status != http.StatusTooManyRequests {
				t.Fatalf("status %d: %s", a.status, tags.ReplaceAllString(a.body, ""))
			}
		}
		const free = 5
		if n := verified.value(); n > free {
			t.Errorf("%d guesses were verified", n)
		}
		if failed, locked := w.count(u.ID, storage.SignInFailed), w.count(u.ID, storage.Locked); failed != verified.value() || locked == 0 {
			t.Errorf("%d verified, %d noted, %d locked", verified.value(), failed, locked)
		}

		// Neither a new sign-in, nor the right password, nor the short-lived store's loss, nor
		// another method and back opens it.
		for _, p := range pages {
			w.lose(p)
		}
		b := w.browser()
		p := b.password(b.begin(login.Demand{}), u)
		p.shows(t, http.StatusOK, "too many tries")
		p = b.follow(b.post(p.on("method"), "method", "recovery"))
		p = b.follow(b.post(p.on("method"), "method", "totp"))
		before := verified.value()
		refused := b.post(p.on("challenge"), "code", right)
		refused.shows(t, http.StatusTooManyRequests, "too many tries", "Try another method")
		if refused.header.Get("Retry-After") == "" || verified.value() != before {
			t.Errorf("Retry-After %q, %d verified", refused.header.Get("Retry-After"), verified.value()-before)
		}
		// Waiting does.
		w.pass(time.Minute)
		b.follow(b.post(p.on("challenge"), "code", w.app(seed))).is(t, "user", u.ID)
		// And a right answer clears the count.
		b = w.browser()
		b.password(b.begin(login.Demand{}), u).shows(t, http.StatusOK, "Verify Your Identity")
	})
}

// other is a code that is not right.
func other(right string, i int) string {
	guess := fmt.Sprintf("%06d", 100000+i*4441%900000)
	if guess == right {
		return "999999"
	}
	return guess
}

type counter struct {
	mu sync.Mutex
	n  int
}

func (c *counter) add() { c.mu.Lock(); c.n++; c.mu.Unlock() }

func (c *counter) value() int { c.mu.Lock(); defer c.mu.Unlock(); return c.n }

// counted is a factor that counts how often it is asked.
type counted struct {
	factors.Factor
	asked *counter
}

func (c counted) Verify(ctx context.Context, u factors.User, e []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	c.asked.add()
	return c.Factor.Verify(ctx, u, e, s, a)
}

func TestT09_PasswordGuesses(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	guess := func(email string) page {
		b := w.browser()
		p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", email))
		return b.post(p.on("password"), "password", "wrong")
	}
	for _, email := range []string{u.Email, strings.ToUpper(u.Email), " " + u.Email, u.Email, "Anna@Example.com"} {
		guess(email).shows(t, http.StatusUnprocessableEntity, "is not right")
	}
	guess(u.Email).shows(t, http.StatusTooManyRequests, "too many tries")
	guess(strings.ToUpper(u.Email)).shows(t, http.StatusTooManyRequests)
	if n := w.count(u.ID, storage.SignInFailed); n != 5 {
		t.Errorf("%d failures noted", n)
	}
	// Also the right one waits, and then is right.
	b := w.browser()
	p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", u.Email))
	b.post(p.on("password"), "password", secretWord).shows(t, http.StatusTooManyRequests)
	w.pass(2 * time.Second)
	b.follow(b.post(p.on("password"), "password", secretWord)).is(t, "user", u.ID)
}

func TestT09_ClosedKindLeavesTheOtherOpen(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	seed, code, _ := w.browser().setUp(u, login.Demand{})
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	for range 50 {
		b.post(p.on("challenge"), "code", other(w.app(seed), 1))
		w.pass(2 * time.Hour)
		p = b.password(b.begin(login.Demand{Fresh: true, Select: true}), u)
	}
	p.shows(t, http.StatusOK, "closed for your account", "Try another method")
	b.post(p.on("challenge"), "code", w.app(seed)).shows(t, http.StatusTooManyRequests, "closed for your account")
	list := b.get(p.on("method"))
	list.shows(t, http.StatusOK, "Recovery code")
	if strings.Contains(list.body, `value="totp"`) {
		t.Error("a closed method is offered")
	}
	list.shows(t, http.StatusOK, "closed after too many wrong tries")
	p = b.follow(b.post(p.on("method"), "method", "recovery"))
	b.follow(b.post(p.on("challenge"), "code", code)).shows(t, http.StatusOK, "Almost There!")
}

// TestN10_FailuresCloseTheKind fails at every kind of code, each time in another sign-in and with all the
// time between: neither starts the count again, and no more than the last one closes the kind.
func TestN10_FailuresCloseTheKind(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	for kind, c := range map[factors.Kind]struct{ title, wrong, closed string }{
		factors.TOTP:     {"Verify Your Identity", "000000", "is closed for your account"},
		factors.Recovery: {"Verify Your Identity", "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA", "is closed for your account"},
		factors.Email:    {"Verify Your Identity", "000000", "change your password"},
	} {
		u := w.verified(w.person("anna-"+string(kind), "riverside"))
		seed, code, _ := w.browser().setUp(u, login.Demand{})
		right := map[factors.Kind]func() string{
			factors.TOTP: func() string { return w.app(seed) }, factors.Recovery: func() string { return code }, factors.Email: func() string { return w.mailed(u) },
		}[kind]
		reach := func() (*browser, page) {
			b := w.browser()
			p := b.password(b.begin(login.Demand{}), u)
			return b, b.follow(b.post(p.on("method"), "method", string(kind)))
		}
		for i := range limit.FactorLadder.Close {
			b, p := reach()
			p.shows(t, http.StatusOK, c.title)
			if p.has("closed for your account") {
				t.Fatalf("%s: closed after %d", kind, i)
			}
			b.post(p.on("challenge"), "code", c.wrong).shows(t, http.StatusUnprocessableEntity)
			w.pass(3 * time.Hour)
		}
		b, p := reach()
		b.post(p.on("challenge"), "code", right()).shows(t, http.StatusTooManyRequests, c.closed)
		w.pass(300 * 24 * time.Hour) // which opens nothing
		b, p = reach()
		if list := b.get(p.on("method")); list.has(`value="` + string(kind) + `"`) {
			t.Errorf("%s: a closed method is offered", kind)
		}
	}
}

// Who has closed every way is told whom to ask, and can go back to the app.
func TestT09_EveryKindClosed(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	w.browser().setUp(u, login.Demand{})
	for _, k := range []factors.Kind{factors.TOTP, factors.Recovery} {
		must(t, w.db.SwapAttempt(t.Context(), string(k)+":"+u.ID, limit.Attempt{}, limit.Attempt{Failures: 50}, storage.Trail{}))
	}
	b := w.browser()
	p := b.password(b.begin(login.Demand{}), u)
	for range 2 {
		p.shows(t, http.StatusOK, "ask the administrator", "req-1", "Back to Messenger")
		if strings.Contains(p.body, "Try another method") {
			t.Error("it leads in circles")
		}
		p = b.follow(b.get(p.on("method")))
	}
	b.post(p.on("cancel")).is(t, "failed", login.ErrorAccessDenied)
}

// An address whose password is closed gets no form and whom to ask, also one that nobody has.
func TestT43_ClosedPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u := w.person("anna")
	closing := func(email string) string {
		b := w.browser()
		p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", email))
		for range 100 {
			b.post(p.on("password"), "password", "wrong")
			w.pass(2 * time.Hour)
			p = b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", email))
		}
		closed := b.post(p.on("password"), "password", secretWord)
		closed.shows(t, http.StatusTooManyRequests, "the administrator", "req-1", "Back to Messenger")
		if strings.Contains(closed.body, `name="password"`) {
			t.Error("there is a field that nobody reads")
		}
		seen := anonymous(closed, email)
		b.post(p.on("cancel")).is(t, "failed", login.ErrorAccessDenied)
		return seen
	}
	if d := cmp.Diff(closing("nobody@example.com"), closing(u.Email)); d != "" {
		t.Error(d)
	}
}

func TestEditKeepsTheAddress(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	u := w.person("anna", "riverside")
	b := w.browser()
	p := b.follow(b.post(b.begin(login.Demand{LoginHint: "hint@example.com"}).on("identifier"), "email", "ana@example.com"))
	p = b.follow(b.post(p.on("switch")))
	if p.shows(t, http.StatusOK, "SIGN IN"); !strings.Contains(p.body, `value="ana@example.com"`) {
		t.Errorf("what was typed is gone: %s", p.body)
	}
	b.password(p, u).shows(t, http.StatusOK, "Secure Your Account")
	// Another account is another address.
	p = b.follow(b.post(p.on("switch")))
	if strings.Contains(p.body, u.Email) || strings.Contains(p.body, "ana@") {
		t.Errorf("another account is the same: %s", p.body)
	}
}

func TestT20_N06_RecoveryCodeOnce(t *testing.T) {
	everyDatabase(t, func(t *testing.T, dsn string) {
		w := newWorld(t, dsn)
		w.org("riverside", preset("standard"))
		u := w.person("anna", "riverside")
		_, code, _ := w.browser().setUp(u, login.Demand{})
		const n = 4 // fewer than are free
		browsers, pages := make([]*browser, n), make([]page, n)
		for i := range n {
			b := w.browser()
			p := b.password(b.begin(login.Demand{}), u)
			browsers[i], pages[i] = b, b.follow(b.post(p.on("method"), "method", "recovery"))
		}
		answers := parallel(n, func(i int) page { return browsers[i].post(pages[i].on("challenge"), "code", code) })
		won := 0
		for i, a := range answers {
			if strings.Contains(browsers[i].follow(a).body, "Almost There!") {
				won++
			}
		}
		if won != 1 || w.count(u.ID, storage.RecoveryUsed) != 1 {
			t.Errorf("%d won, %d noted", won, w.count(u.ID, storage.RecoveryUsed))
		}
	})
}

func TestT43_StrangersLookLikePeople(t *testing.T) {
	w := newWorld(t, sqlite(t))
	u, disabled := w.person("anna"), w.person("dora")
	must(t, w.db.DisableUser(t.Context(), disabled.ID, w.now(), storage.Trail{}))
	noPassword := w.person("nora")
	must(t, w.db.SetPassword(t.Context(), noPassword.ID, "", w.now(), storage.Trail{}))
	walk := func(email string) []string {
		b := w.browser()
		var seen []string
		look := func(p page) page {
			seen = append(seen, anonymous(p, email))
			return p
		}
		p := look(b.begin(login.Demand{LoginHint: email}))
		look(b.post(p.on("identifier"), "email", email))
		look(b.get(p.on("")))
		for range 7 { // also where it locks
			look(b.post(p.on("password"), "password", "wrong"))
		}
		return seen
	}
	want := walk("nobody@example.com")
	if !strings.Contains(want[len(want)-1], "429") {
		t.Errorf("a stranger is not locked: %s", want[len(want)-1])
	}
	for _, known := range []login.User{u, disabled, noPassword} {
		if d := cmp.Diff(want, walk(known.Email)); d != "" {
			t.Errorf("%s: %s", known.Email, d)
		}
	}
}

var (
	nonces  = regexp.MustCompile(`nonce[-=]"?[A-Z2-7]+"?`)
	cookies = regexp.MustCompile(`=[A-Za-z0-9_-]{43,}`)
	// challenges are those of passkey ceremonies.
	challenges = regexp.MustCompile(`challenge&#34;:&#34;[A-Za-z0-9_-]{43}&#34;`)
)

// anonymous is all that a page says, without what is random and without the address.
func anonymous(p page, email string) string {
	p.header.Del("Date")
	p.header.Del("Content-Length") // told by the body
	text := fmt.Sprint(p.status, p.header, p.body)
	text = nonces.ReplaceAllString(text, "nonce")
	text = cookies.ReplaceAllString(text, "=secret")
	text = challenges.ReplaceAllString(text, "challenge")
	text = strings.ReplaceAll(text, strings.Split(p.on(""), "/")[len(strings.Split(p.on(""), "/"))-1], "TX")
	return strings.ReplaceAll(text, email, "ADDRESS")
}

func TestT44_BusyHasher(t *testing.T) {
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Passwords = busy{} })
	u := w.person("anna")
	b := w.browser()
	p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", u.Email))
	for range 10 { // none of them counts
		got := b.post(p.on("password"), "password", secretWord)
		got.shows(t, http.StatusServiceUnavailable, "Many people are signing in")
		if got.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	b.get(p.on("")).shows(t, http.StatusOK, "Enter Your Password")
}

type busy struct{}

func (busy) Hash(context.Context, string) (string, error) { return "", password.ErrBusy }

func (busy) Verify(context.Context, string, string) (bool, string, error) {
	return false, "", password.ErrBusy
}

func TestT44_Flood(t *testing.T) {
	w := newWorld(t, sqlite(t))
	b := w.browser()
	p := b.begin(login.Demand{})
	limited := 0
	for range 700 {
		if got := b.post(p.on("later")); got.status == http.StatusTooManyRequests {
			limited++
			if got.header.Get("Retry-After") == "" {
				t.Fatal("no Retry-After")
			}
		}
	}
	if limited != 100 {
		t.Errorf("%d of 700 requests were refused", limited)
	}
	b.header.Set("X-Test-IP", "192.0.2.2")
	if got := b.post(p.on("later")); got.status != http.StatusSeeOther {
		t.Errorf("another address: %d", got.status)
	}
	for range 600 {
		b.header.Set("X-Test-IP", "2001:db8::1")
		b.post(p.on("later"))
	}
	for ip, want := range map[string]int{
		"2001:db8::1": http.StatusTooManyRequests, "2001:db8::ffff:2": http.StatusTooManyRequests, "2001:db8:0:1::1": http.StatusSeeOther,
	} {
		b.header.Set("X-Test-IP", ip)
		if got := b.post(p.on("later")); got.status != want {
			t.Errorf("%s: %d, want %d", ip, got.status, want)
		}
	}
}

// interrupted is a verification during which its client hangs up, as it can in the queue for the hasher.
type interrupted struct {
	login.Passwords
	hangUp *context.CancelFunc
}

func (i interrupted) Verify(ctx context.Context, hash, typed string) (bool, string, error) {
	if *i.hangUp == nil {
		return i.Passwords.Verify(ctx, hash, typed)
	}
	(*i.hangUp)()
	<-ctx.Done()
	return false, "", ctx.Err()
}

// T-10: whoever hangs up while the password waits to be verified has not guessed: nothing was learned.
func TestT10_HangingUpIsNoFailure(t *testing.T) {
	var hangUp context.CancelFunc
	w := newWorld(t, sqlite(t), func(c *login.Config) { c.Passwords = interrupted{c.Passwords, &hangUp} })
	w.org("riverside", preset("off"))
	u, b := w.person("anna", "riverside"), w.browser()
	p := b.follow(b.post(b.begin(login.Demand{}).on("identifier"), "email", u.Email))
	at, err := url.Parse(w.url)
	must(t, err)
	mux := http.NewServeMux()
	w.signIn.Mount(mux)
	for range limit.PasswordLadder.Close {
		ctx, cancel := context.WithCancel(t.Context())
		hangUp = cancel
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, p.on("password"), strings.NewReader("password=whatever"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		for _, c := range b.client.Jar.Cookies(at) {
			r.AddCookie(c)
		}
		mux.ServeHTTP(httptest.NewRecorder(), r)
	}
	hangUp = nil
	if count, err := w.db.Attempt(t.Context(), login.AttemptKey(factors.Password, u.ID)); err != nil || count != (limit.Attempt{}) {
		t.Errorf("counted: %+v, %v", count, err)
	}
	b.follow(b.post(p.on("password"), "password", secretWord)).is(t, "user", u.ID)
}

// T-10: a stranger can close the password, and its owner opens it again by the mail that says so.
func TestT10_OwnerOpensAClosedPassword(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("riverside", preset("standard"))
	anna, stranger := w.resident("anna", "riverside"), w.browser()
	w.pass(25 * time.Hour)
	key := login.AttemptKey(factors.Password, anna.user.ID)
	must(t, w.db.SwapAttempt(t.Context(), key, limit.Attempt{}, limit.Attempt{Failures: limit.PasswordLadder.Close - 2}, storage.Trail{}))
	guess := func() page {
		p := stranger.follow(stranger.post(stranger.begin(login.Demand{}).on("identifier"), "email", anna.user.Email))
		return stranger.post(p.on("password"), "password", "a guess of a stranger")
	}
	before := len(w.mails(anna.user))
	guess()
	if n := len(w.mails(anna.user)) - before; n != 0 {
		t.Errorf("%d mails of a wrong password", n)
	}
	w.pass(time.Hour)
	guess()
	guess().shows(t, http.StatusTooManyRequests)
	guess().shows(t, http.StatusTooManyRequests)
	if n := len(w.mails(anna.user)) - before; n != 1 {
		t.Fatalf("%d mails of a closed password", n)
	}
	mail, link := w.lastMail(anna.user)
	if !strings.Contains(mail.Text, "Too many wrong passwords") {
		t.Errorf("the mail says %q", mail.Text)
	}
	owner := w.browser()
	owner.follow(owner.post(link)).shows(t, http.StatusOK, "Choose a New Password")
	owner.follow(owner.post(link, "password", newWord)).shows(t, http.StatusOK, "New Password Is Set")
	p := owner.follow(owner.post(owner.begin(login.Demand{}).on("identifier"), "email", anna.user.Email))
	p = owner.follow(owner.post(p.on("password"), "password", newWord))
	owner.follow(owner.post(p.on("challenge"), "code", w.app(anna.seed))).is(t, "user", anna.user.ID, "amr", "mfa otp pwd")
}
