package login

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/login/password"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/templates"
)

// Config is everything that a Server rests on. Every field is required unless it says otherwise.
type Config struct {
	// Issuer is the provider's own address. Its origin is the only one that forms may come from,
	// and https makes the cookies Secure, host-bound ones.
	Issuer *url.URL

	Transactions Transactions // short-lived
	People       People       // durable, as are the rest
	Enrollments  Enrollments
	Additions    Additions
	Removals     Removals
	History      History
	Tickets      Tickets
	Leaves       Leaves
	Outbox       Outbox
	Links        Links
	Sessions     Sessions
	Attempts     Attempts
	Audit        Audit

	// Limits slows down addresses, before anything expensive is done for them.
	Limits limit.Source

	// Factors are the ways to prove a second time that this deployment knows. A kind that a
	// policy allows and that is not here is never asked for.
	Factors map[factors.Kind]factors.Factor

	// Passkeys signs in who has not said who it is, and knows what browsers are told of passkeys.
	// Nil: this deployment has no passkeys, and no page mentions them.
	Passkeys Passkeys

	// Keeper names the account that carries a synced passkey to other devices ("iCloud Keychain"), for
	// the account page; empty where that is not known. Nil knows none.
	Keeper func(factors.Enrollment) string

	Passwords Passwords
	Rules     password.Rules // which passwords a person may choose
	Keys      Keys

	Notices Notices

	// QR draws the code of an otpauth URI: the path of an SVG on a grid of size by size.
	QR func(uri string) (size int, path string, err error)

	// Brand is how the pages look.
	Brand templates.Brand

	// Finish answers the client with what a sign-in proved.
	Finish func(w http.ResponseWriter, r *http.Request, result Result) error
	// Fail answers the client with an OAuth error.
	Fail func(w http.ResponseWriter, r *http.Request, request []byte, oauthError string) error
	// StartAgain is the path and query on our own host that begins a request anew.
	StartAgain func(request []byte) string
	// StartElsewhere is StartAgain for a browser that is not known to be the one that asked: it says
	// nothing of the person whom the request is about.
	StartElsewhere func(request []byte) string
	// AtApp is where the client of a request begins a sign-in itself; empty where it has said
	// nothing of the kind. It is for what StartAgain cannot do: a client takes the answer to a
	// request once, and from the browser that asked. Nil says nothing for every client.
	AtApp func(ctx context.Context, request []byte) (string, error)

	// Now is the clock; time.Now where nil.
	Now func() time.Time
}

// Passwords verifies and hashes passwords. password.Hasher is it.
type Passwords interface {
	// Verify reports whether password is the one that hash was made of, and returns a hash to
	// keep instead where the old one should be replaced. An empty hash costs the same and is
	// never right. password.ErrBusy: nothing was verified, because too many others are waiting.
	Verify(ctx context.Context, hash, password string) (ok bool, upgraded string, err error)
	// Hash makes the hash of a password that a person chose. password.ErrBusy: too many others are
	// waiting.
	Hash(ctx context.Context, password string) (string, error)
}

// Passkeys is what only passkeys can do. passkey.Factor is it.
type Passkeys interface {
	// BeginDiscover begins a sign-in by any passkey that the browser has for us: nobody is named,
	// and the options list none (WebAuthn Level 3, 14.6.3).
	BeginDiscover(context.Context) (factors.Prompt, factors.State, error)
	// Discover finds out whose passkey answered. Its user was verified: otherwise
	// factors.ErrUnverified. The errors are those of Factor.Verify; with factors.ErrCloned the
	// enrollment is told all the same.
	Discover(context.Context, factors.State, factors.Answer) (factors.Enrollment, factors.Evidence, error)
	// Signals are the arguments of PublicKeyCredential.signalAllAcceptedCredentials for a person, every
	// live passkey, for one left out may be hidden from its owner for good; and of
	// signalCurrentUserDetails, what the person is called. They are empty for who never had one.
	Signals(ctx context.Context, u factors.User, enrolled []factors.Enrollment) (accepted, details json.RawMessage, err error)
}

// Keys seals what browsers keep for us. secret.Keys is it.
type Keys interface {
	Seal(plain []byte, associated string) ([]byte, error)
	Open(sealed []byte, associated string) ([]byte, error)
}

// Notices writes the mails that a change can give rise to. They are kept in the transaction of what
// they are about, and sent later. notice.Writer is it.
type Notices interface {
	// Changed tells a person what was changed about signing in, and how to say that it was
	// somebody else: token goes into the link.
	Changed(u factors.User, what notice.Change, token string, at time.Time, from storage.Origin) storage.Mail
}

// Server signs people in. It is safe for concurrent use.
type Server struct {
	Config
	kinds   Kinds // of Factors
	origins *http.CrossOriginProtection
	cookies cookies
}

// New returns a Server. It fails on a Config that is not complete.
func New(c Config) (*Server, error) {
	missing := map[string]bool{
		"Factors": c.Factors == nil,
		"Issuer":  c.Issuer == nil, "Transactions": c.Transactions == nil, "People": c.People == nil,
		"Enrollments": c.Enrollments == nil, "Additions": c.Additions == nil, "Removals": c.Removals == nil,
		"History": c.History == nil, "Tickets": c.Tickets == nil, "Leaves": c.Leaves == nil, "Outbox": c.Outbox == nil,
		"Links": c.Links == nil, "Sessions": c.Sessions == nil, "Attempts": c.Attempts == nil, "Audit": c.Audit == nil,
		"Limits": c.Limits == nil, "Passwords": c.Passwords == nil, "Keys": c.Keys == nil,
		"Notices": c.Notices == nil, "QR": c.QR == nil,
		"Finish": c.Finish == nil, "Fail": c.Fail == nil, "StartAgain": c.StartAgain == nil,
		"StartElsewhere": c.StartElsewhere == nil,
	}
	for _, name := range slices.Sorted(maps.Keys(missing)) {
		if missing[name] {
			return nil, errors.New("login: " + name + " is not set")
		}
	}
	if (c.Passkeys == nil) != (c.Factors[factors.Passkey] == nil) {
		return nil, errors.New("login: Passkeys and the passkey among Factors go together")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s := &Server{
		Config:  c,
		kinds:   slices.Collect(maps.Keys(c.Factors)),
		origins: http.NewCrossOriginProtection(),
		cookies: cookies{secure: c.Issuer.Scheme == "https"},
	}
	if err := s.origins.AddTrustedOrigin(c.Issuer.Scheme + "://" + c.Issuer.Host); err != nil {
		return nil, err
	}
	return s, nil
}

// Mount adds the pages of a sign-in, of the account and of the links of mails.
func (s *Server) Mount(mux *http.ServeMux) {
	mux.Handle("GET /u/login/{tx}", s.handle(s.page))
	mux.Handle("GET /u/login/{tx}/method", s.handle(s.methods))
	mux.Handle("GET /u/login/{tx}/mail", s.handle(s.mail))
	mux.Handle("GET /u/login/{tx}/lost", s.handle(s.askLost))
	mux.Handle("GET /u/login/{tx}/{step}", s.handle(s.back))
	for step, handler := range map[string]handlerFunc{
		"identifier": s.identifier,
		"password":   s.password,
		"enroll":     s.enroll,
		"challenge":  s.challenge,
		"passkey":    s.passkey,
		"resend":     s.resend,
		"method":     s.choose,
		"recovery":   s.recovery,
		"ticket":     s.ticket,
		"later":      s.later,
		"never":      s.never,
		"name":       s.name,
		"replace":    s.replace,
		"lost":       s.lost,
		"signal":     s.signal,
		"switch":     s.switchAccount,
		"cancel":     s.cancel,
	} {
		mux.Handle("POST /u/login/{tx}/"+step, s.handle(handler))
	}
	s.mountAccount(mux)
	s.mountLinks(mux)
}
