// Package totp proves that a person holds an authenticator app: RFC 6238 with the parameters that
// every app knows, SHA-1, six digits and steps of 30 seconds.
//
//	BeginEnroll ── seed, key, otpauth: URI ──> the app ── a code ──> FinishEnroll ──> Enrollment
//	                                           the app ── a code ──> Verify ─ BurnStep ─> Evidence
//
// A code is good in its own step and in the one after it (RFC 6238, 5.2: at most one step for the
// delay), and once: the step that it was of is burned before the evidence exists, and with it every
// older one. The code that set the app up is burned by the enrollment itself.
//
// A code of the next step is taken while an app is set up, and later from an app whose last code
// was of a step ahead of our clock as well. An app that keeps time never has a code in advance.
package totp

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

const (
	digits    = 6
	period    = 30 // seconds
	seedBytes = 20 // 160 bits, RFC 4226 section 4
	seedLeast = 10 // what old apps were given; anything shorter is damage, and could be computed
)

// Store keeps which codes have been used.
type Store interface {
	// BurnStep moves the enrollment's last step to step, and its last use to at, if the last
	// step is lower; otherwise ErrConflict: the code, or a younger one, has been used.
	// ErrNotFound: the enrollment has been removed. Of any number of callers with one step, one
	// gets nil.
	BurnStep(ctx context.Context, enrollmentID string, step int64, at time.Time) error
}

// Factor is the authenticator app.
type Factor struct {
	Issuer string // what the app shows above the account: the brand's name
	Store  Store
	Now    func() time.Time
}

var _ factors.Factor = Factor{}

// ceremony is the content of a State.
type ceremony struct {
	UserID string `json:"user"`
	// While an app is being set up: what it is known by from now on, so that an answer that comes
	// twice sets up one, and its seed.
	ID   string `json:"id,omitempty"`
	Seed []byte `json:"seed,omitempty"`
}

// BeginEnroll makes a seed and shows it.
func (f Factor) BeginEnroll(_ context.Context, u factors.User) (factors.Prompt, factors.State, error) {
	seed := make([]byte, seedBytes)
	rand.Read(seed)
	id, err := uuid.NewV7()
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	state, err := json.Marshal(ceremony{UserID: u.ID, ID: id.String(), Seed: seed})
	if err != nil {
		return factors.Prompt{}, nil, err
	}
	key := encode(seed)
	return factors.Prompt{Key: key, URI: uri(f.Issuer, cmp.Or(label(u.Email), label(u.Name), "account"), key)}, state, nil
}

// FinishEnroll checks the first code of the app. That code is used up: the enrollment's step says
// so to the store, whatever else becomes of the sign-in.
func (f Factor) FinishEnroll(_ context.Context, u factors.User, s factors.State, a factors.Answer) (factors.Enrollment, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Enrollment{}, err
	}
	if len(c.Seed) != seedBytes || c.ID == "" {
		return factors.Enrollment{}, fmt.Errorf("totp: no app is being set up: %w", factors.ErrState)
	}
	code, err := factors.Digits(a.Code, digits)
	if err != nil {
		return factors.Enrollment{}, err
	}
	now := f.Now()
	step, ok, err := match(c.Seed, code, stepOf(now), true)
	if err != nil {
		return factors.Enrollment{}, err
	}
	if !ok {
		return factors.Enrollment{}, factors.ErrWrong
	}
	return factors.Enrollment{
		ID: c.ID, UserID: u.ID, Kind: factors.TOTP, Name: "Authenticator app",
		Secret: c.Seed, Confirmed: now, Created: now, LastUsed: now,
		Step: step, Proved: evidence(c.ID, now),
	}, nil
}

// BeginChallenge has nothing to show: the app counts by itself.
func (f Factor) BeginChallenge(_ context.Context, u factors.User, enrolled []factors.Enrollment) (factors.Prompt, factors.State, error) {
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Prompt{}, nil, err
	}
	state, err := json.Marshal(ceremony{UserID: u.ID})
	return factors.Prompt{}, state, err
}

// Verify accepts a code of any of the person's apps, and burns it.
func (f Factor) Verify(ctx context.Context, u factors.User, enrolled []factors.Enrollment, s factors.State, a factors.Answer) (factors.Evidence, error) {
	c, err := read(s, u)
	if err != nil {
		return factors.Evidence{}, err
	}
	if c.Seed != nil {
		return factors.Evidence{}, fmt.Errorf("totp: an app is being set up: %w", factors.ErrState)
	}
	if err := factors.Own(u, enrolled); err != nil {
		return factors.Evidence{}, err
	}
	code, err := factors.Digits(a.Code, digits)
	if err != nil {
		return factors.Evidence{}, err
	}
	now := f.Now()
	refusal := factors.ErrWrong
	for _, e := range enrolled {
		if e.Kind != factors.TOTP {
			continue
		}
		step, ok, err := match(e.Secret, code, stepOf(now), ahead(e))
		if err != nil {
			return factors.Evidence{}, fmt.Errorf("totp: enrollment %s: %w", e.ID, err)
		}
		if !ok {
			continue
		}
		err = f.Store.BurnStep(ctx, e.ID, step, now)
		switch {
		case err == nil:
			return evidence(e.ID, now), nil
		case errors.Is(err, storage.ErrConflict):
			refusal = factors.ErrReplayed
		case errors.Is(err, storage.ErrNotFound): // removed since it was read
		default:
			return factors.Evidence{}, fmt.Errorf("totp: burn a step of %s: %w", e.ID, err)
		}
	}
	return factors.Evidence{}, refusal
}

func evidence(enrollmentID string, at time.Time) factors.Evidence {
	return factors.Evidence{
		Kind: factors.TOTP, Source: factors.Enrollment{Kind: factors.TOTP, ID: enrollmentID}.Source(), Class: factors.Has,
		AMR: []string{"otp"}, At: at,
	}
}

// match returns the step that code is of: the current one, the one before, or, where the app may be
// ahead, the next.
func match(seed []byte, code string, current int64, ahead bool) (step int64, ok bool, err error) {
	if len(seed) < seedLeast {
		return 0, false, errors.New("the seed is too short to be one")
	}
	steps := []int64{current, current - 1}
	if ahead {
		steps = append(steps, current+1)
	}
	secret := encode(seed)
	for _, s := range steps {
		want, err := hotp.GenerateCodeCustom(secret, uint64(s), hotp.ValidateOpts{
			Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1,
		})
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			return s, true, nil
		}
	}
	return 0, false, nil
}

// ahead reports whether the app's last code was of a step that had not begun when it was used. A
// clock that runs ahead shows itself that way at the setting up, and goes on showing itself.
func ahead(e factors.Enrollment) bool {
	return !e.LastUsed.IsZero() && e.Step > stepOf(e.LastUsed)
}

func stepOf(t time.Time) int64 { return t.Unix() / period }

// uri is the otpauth: URI of a key. The library's own leaves "&" in a name as it is, which ends the
// name for the app; and an app may show "+" for a space.
func uri(issuer, account, key string) string {
	issuer = label(issuer)
	query := url.Values{
		"secret": {key}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {strconv.Itoa(period)},
	}
	u := url.URL{
		Scheme: "otpauth", Host: "totp", Path: "/" + issuer + ":" + account,
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"),
	}
	return u.String()
}

func encode(seed []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
}

// label makes s fit for an otpauth: label, whose parts are separated by a colon that some apps look
// for only after decoding (so that "a:b" would name an issuer).
func label(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == ':':
			return ' '
		case r < ' ' || r == 0x7f:
			return -1
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func read(s factors.State, u factors.User) (ceremony, error) {
	var c ceremony
	if err := json.Unmarshal(s, &c); err != nil {
		return ceremony{}, fmt.Errorf("totp: unreadable: %w", factors.ErrState)
	}
	if c.UserID == "" || c.UserID != u.ID {
		return ceremony{}, fmt.Errorf("totp: of another person: %w", factors.ErrState)
	}
	return c, nil
}
