package login

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

// raceLimit is how often a compare-and-set that another request won is decided anew. Every loss is
// somebody's gain, and what they race for (a count, a transaction) closes after a few.
const raceLimit = 50

// noteTimeout is how long a store may take to note a wrong answer, whoever still waits.
const noteTimeout = 5 * time.Second

// answerTimeout is how long an answer may take to be judged and kept, whoever still waits.
const answerTimeout = 15 * time.Second

// What an address may do before it has to slow down. A hospital is one address: the numbers are
// for floods, and guessing is held by the counts of each person.
var (
	beginRate  = rate{"begin", limit.Rate{Per: 50 * time.Millisecond, Burst: 1200}}
	answerRate = rate{"answer", limit.Rate{Per: 100 * time.Millisecond, Burst: 600}}
	// changeRate is how often a person may change something about the account, each of which is told
	// by a mail. It is counted for the person, whatever the address.
	changeRate = rate{"change", limit.Rate{Per: 2 * time.Minute, Burst: 30}}
	// lostRate is how often a loss can be reported on the first proof alone. It is none of the changes,
	// which whoever has the password must not use up.
	lostRate = rate{"lost", limit.Rate{Per: time.Hour, Burst: 2}}
	// postedRate is for what op keeps of a form that another site posted.
	postedRate = rate{"posted", limit.Rate{Per: 200 * time.Millisecond, Burst: 300}}
	// noteRate is how often something odd about one sign-in is noted for one address. It costs
	// nothing to ask again, and whoever reads the audit log learns nothing more from it.
	noteRate = rate{"note", limit.Rate{Per: time.Minute, Burst: 15}}
)

type rate struct {
	name string
	limit.Rate
}

// counted makes one attempt at a proof of k: it is counted, then verified, then cleared or noted as
// failed. If verify returns an error nothing was learned about the answer, and the attempt is not
// counted, even if the client has hung up.
func (s *Server) counted(ctx context.Context, k factors.Kind, key string, u User, now time.Time, verify func() (ok bool, err error)) (bool, error) {
	before, after, err := s.spend(ctx, k, key, now)
	if err != nil {
		return false, err
	}
	ok, err := verify()
	switch {
	case err != nil:
		return false, errors.Join(err, s.refund(ctx, key, before, after))
	case !ok:
		return false, s.failed(ctx, k, after, u, now)
	}
	s.forgive(ctx, k, key, after, u)
	return true, nil
}

// forgive forgets the failures at k after a right answer. What was proved may be good once, and is not lost
// over a count that could not be cleared.
func (s *Server) forgive(ctx context.Context, k factors.Kind, key string, after limit.Attempt, u User) {
	if err := s.cleared(ctx, key, after); err != nil {
		slog.ErrorContext(ctx, "failures stay counted after a right answer", "user_id", u.ID, "factor", k, "error", err)
	}
}

// heldOn is r for an answer that is good once: whoever hangs up before it is kept does not lose it.
func heldOn(r *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), answerTimeout)
	return r.WithContext(ctx), cancel
}

// admit counts a request of the address that ctx names.
func (s *Server) admit(ctx context.Context, r rate, now time.Time) error {
	return s.admitTo(ctx, r, "", now)
}

// admitTo is admit for a thing that the address is counted at by itself.
func (s *Server) admitTo(ctx context.Context, r rate, thing string, now time.Time) error {
	return s.allow(ctx, r, thing+network(storage.OriginOf(ctx).IP), now)
}

// allow counts one more of r at key.
func (s *Server) allow(ctx context.Context, r rate, key string, now time.Time) error {
	d, err := s.Limits.Allow(ctx, "login:"+r.name+":"+key, r.Rate, now)
	if err != nil {
		return storeFailed("ask the limits", err)
	}
	if !d.Allowed {
		return tooMany{d.RetryIn}
	}
	return nil
}

// Admit counts a form of another site that is about to be kept, and says how long the address that
// ctx names has to wait; 0 is for none.
func (s *Server) Admit(ctx context.Context) (wait time.Duration, err error) {
	var many tooMany
	if err := s.admit(ctx, postedRate, s.Now()); !errors.As(err, &many) {
		return 0, err
	}
	return many.wait, nil
}

// network is what counts as one address: an IPv6 customer has at least a /64 of them.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Unmap().Is4() {
		return ip
	}
	p, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}

// Ladder is how failures of a kind turn into waiting.
func Ladder(k factors.Kind) limit.Ladder {
	switch k {
	case factors.Password:
		return limit.PasswordLadder
	case factors.Passkey:
		return limit.PasskeyLadder
	case factors.TOTP, factors.Email, factors.Recovery, factors.Ticket, factors.Federated:
	}
	return limit.FactorLadder
}

// AttemptKinds are the kinds of proof whose failures are counted.
func AttemptKinds() []factors.Kind {
	return []factors.Kind{factors.Password, factors.Passkey, factors.TOTP, factors.Email, factors.Recovery, factors.Ticket}
}

// AttemptKey is what a person's failures at a kind are counted under: never the transaction, the
// browser or the address. A store clears the count in the transaction that sets the kind up again.
func AttemptKey(k factors.Kind, userID string) string { return string(k) + ":" + userID }

// strangerKey counts the failures of a mail address that nobody has, so that it locks like any
// other. The store keeps no addresses of strangers but their hashes. These have no key: a count that
// a new master key lost, while that of a person stayed, would tell who has an account. Whoever reads
// the store can try addresses on them, and learns no more than that one was typed here once.
func strangerKey(email string) string {
	sum := sha256.Sum256([]byte("attempt:" + email))
	return string(factors.Password) + ":?" + hex.EncodeToString(sum[:16])
}

// locked says that an attempt was not made, because too many failed before it.
type locked struct {
	wait   time.Duration
	closed bool
}

func (l locked) Error() string { return "locked after too many failures" }

// spend counts an attempt, durably and before it is verified, so that parallel guesses cannot
// outrun the count. It returns the counts before and after, or locked.
func (s *Server) spend(ctx context.Context, k factors.Kind, key string, now time.Time) (before, after limit.Attempt, err error) {
	l := Ladder(k)
	for range raceLimit {
		before, err = s.Attempts.Attempt(ctx, key)
		if err != nil {
			return before, after, storeFailed("read the failures", err)
		}
		var ok bool
		if after, ok = l.Spend(before, now); !ok {
			return before, after, locked{wait: l.Wait(before, now), closed: l.Closed(before)}
		}
		err = s.Attempts.SwapAttempt(ctx, key, before, after, storage.Trail{})
		if err == nil {
			return before, after, nil
		}
		if !errors.Is(err, storage.ErrConflict) {
			return before, after, storeFailed("count an attempt", err)
		}
	}
	return before, after, errBusy
}

// refund takes back an attempt of which nothing was verified. Who counted in between keeps the count.
func (s *Server) refund(ctx context.Context, key string, before, after limit.Attempt) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	err := s.Attempts.SwapAttempt(ctx, key, after, before, storage.Trail{})
	if errors.Is(err, storage.ErrConflict) {
		return nil
	}
	return err
}

// cleared forgets the failures, for the proof was right.
func (s *Server) cleared(ctx context.Context, key string, after limit.Attempt) error {
	for range raceLimit {
		err := s.Attempts.SwapAttempt(ctx, key, after, limit.Attempt{}, storage.Trail{})
		if err == nil {
			return nil
		}
		if !errors.Is(err, storage.ErrConflict) {
			return storeFailed("clear the failures", err)
		}
		if after, err = s.Attempts.Attempt(ctx, key); err != nil {
			return storeFailed("read the failures", err)
		}
		if after == (limit.Attempt{}) {
			return nil
		}
	}
	return errBusy
}

// failed notes a wrong answer that was counted as after, and whether it locked the kind.
func (s *Server) failed(ctx context.Context, k factors.Kind, after limit.Attempt, u User, now time.Time) error {
	event := storage.Event{At: now, Type: storage.SignInFailed, UserID: u.ID, Detail: map[string]string{"factor": string(k)}}
	if k != factors.Password && k != factors.Passkey { // which can come first
		event.Detail["after"] = string(factors.Password) // somebody knows it
	}
	trail := storage.With(event)
	if Ladder(k).Closed(after) || after.OpenAt.After(now) {
		event.Type = storage.Locked
		trail.Events = append(trail.Events, event)
	}
	if k == factors.Password && Ladder(k).Closed(after) && u.ID != "" { // whoever guessed, its owner opens it again
		s.notify(&trail, u, notice.Change{What: notice.PasswordClosed}, "", now, storage.OriginOf(ctx))
	}
	// The guess was made. Who hangs up before the answer does not take it out of the audit log.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTimeout)
	defer cancel()
	return s.record(ctx, trail)
}

// record writes a trail that belongs to no change.
func (s *Server) record(ctx context.Context, trail storage.Trail) error {
	if err := s.Audit.Record(ctx, trail); err != nil {
		return storeFailed("record what happened", err)
	}
	return nil
}
