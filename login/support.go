package login

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/storage"
)

// Support is what those who look after accounts do for a person who cannot help themselves. The
// command line and the administration API are both on it.
type Support struct {
	Store   SupportStore
	Notices SupportNotices
	Now     func() time.Time
}

// SupportStore keeps what support does.
type SupportStore interface {
	User(ctx context.Context, id string) (User, error)
	// ResetFactors takes every factor from a person, ends every session, revokes every grant, makes
	// worthless what was proved before at (User.Since), and forgets every failure, ticket, mail code
	// and link. ErrNotFound: the person is gone.
	ResetFactors(ctx context.Context, userID string, at time.Time, trail storage.Trail) (Reset, error)
	// CreateTicket keeps an enrollment ticket; the one before it is worthless from then on.
	// ErrNotFound: the person is gone.
	CreateTicket(ctx context.Context, userID, code string, at, expires time.Time, trail storage.Trail) error
}

// Reset is what a reset of a person's factors found.
type Reset struct {
	Removed int // how many factors there were
	// HasPassword is false for who has nothing left to sign in with until one is set: a "this was not
	// me" that was pressed took the password away, and the reset the link that would set another.
	HasPassword bool
}

// SupportNotices writes what the person is told. notice.Writer is it.
type SupportNotices interface {
	FactorsReset(u factors.User, at time.Time) storage.Mail
}

// Why is who did something for somebody else, and why. It is kept in the audit log.
type Why struct {
	Actor    string // "cli", "api"
	ClientID string // with "api": whose token it was
	Reason   string
}

// ErrReason says that a reason is none: an auditor has to find one.
var ErrReason = errors.New("the reason has to be 1 to 500 characters of text that tell an auditor why")

// ErrLifetime says that a ticket would live too short or too long.
var ErrLifetime = fmt.Errorf("a ticket has to be good for %s to %s", Duration(ticketShortest), Duration(ticketLongest))

const (
	// TicketLifetime is how long an enrollment ticket is good when nobody says otherwise.
	TicketLifetime = time.Hour

	ticketShortest, ticketLongest = time.Minute, 24 * time.Hour

	// ticketLength is how many characters of base32 a ticket has: 60 random bits, which are tried
	// only beside the right password and a handful of times.
	ticketLength = 12

	reasonLimit = 500
)

func (w Why) check() error {
	if strings.TrimSpace(w.Reason) == "" || !utf8.ValidString(w.Reason) || utf8.RuneCountInString(w.Reason) > reasonLimit {
		return ErrReason
	}
	return nil
}

func (w Why) event(t storage.EventType, userID, change string, at time.Time) storage.Event {
	return storage.Event{
		At: at, Type: t, UserID: userID, ClientID: w.ClientID,
		Detail: map[string]string{"actor": w.Actor, "change": change, "reason": w.Reason},
	}
}

// ResetMFA takes every factor from a person, signs the person out everywhere and tells the person.
// The next sign-in sets up anew what the policy demands. ErrReason; storage.ErrNotFound: no such person.
func (s Support) ResetMFA(ctx context.Context, userID string, why Why) (Reset, error) {
	if err := why.check(); err != nil {
		return Reset{}, err
	}
	u, err := s.Store.User(ctx, userID)
	if err != nil {
		return Reset{}, err
	}
	now := s.Now()
	trail := storage.With(why.event(storage.FactorRemoved, u.ID, "reset mfa", now))
	trail.Mails = []storage.Mail{s.Notices.FactorsReset(u.Factor(), now)}
	return s.Store.ResetFactors(ctx, u.ID, now, trail)
}

// Ticket gives a person the one-time code that a policy may demand before a first factor is set up.
// It is to be told to the person, whom support has recognized, and not by mail. ErrReason,
// ErrLifetime; storage.ErrNotFound: no such person.
func (s Support) Ticket(ctx context.Context, userID string, valid time.Duration, why Why) (code string, expires time.Time, err error) {
	if err := why.check(); err != nil {
		return "", time.Time{}, err
	}
	if valid < ticketShortest || valid > ticketLongest {
		return "", time.Time{}, ErrLifetime
	}
	now := s.Now()
	code, expires = rand.Text()[:ticketLength], now.Add(valid)
	err = s.Store.CreateTicket(ctx, userID, code, now, expires, storage.With(why.event(storage.TicketCreated, userID, "ticket", now)))
	if err != nil {
		return "", time.Time{}, err
	}
	return code, expires, nil
}
