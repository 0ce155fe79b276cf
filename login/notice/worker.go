package notice

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/vsee/vseeid/storage"
)

// Outbox is where mails wait to be sent.
type Outbox interface {
	// ClaimMails returns up to n mails that are due at now: those with an Expires first, since
	// somebody is waiting for them, then the others; each oldest first. This try is counted in
	// Tries, and they are kept from every other caller until now+lease: of any number of instances
	// one has a mail. Mails may come beside an error, which then is about others.
	ClaimMails(ctx context.Context, n int, now time.Time, lease time.Duration) ([]storage.Mail, error)
	// MailSent notes that a mail went out: it is never claimed again.
	MailSent(ctx context.Context, id string, at time.Time) error
	// MailFailed notes why a mail was not sent, and makes it due again at retryAt. A zero retryAt
	// gives it up: it is never claimed again. ErrNotFound: it was given up meanwhile.
	MailFailed(ctx context.Context, id string, retryAt time.Time, reason string) error
}

// Sender sends one mail. An error that wraps ErrRefused is for good; after any other the mail is
// sent again later.
type Sender interface {
	Send(ctx context.Context, m storage.Mail) error
}

// ErrRefused says that a mail can never be sent: its address is none, or its server said so.
var ErrRefused = errors.New("mail refused")

const (
	atOnce      = 8                      // mails on the wire: one that hangs does not hold up a code
	sendTimeout = 30 * time.Second       // for one mail
	noteTimeout = 30 * time.Second       // for the outbox to take what became of it
	lease       = 90 * time.Second       // more than both
	every       = 500 * time.Millisecond // somebody waits for a code in front of a page
	mostTries   = 30                     // a day and a bit: a notice that comes still later only alarms
)

// Worker sends what the outbox holds. Any number of them may work on one outbox.
type Worker struct {
	Outbox Outbox
	Sender Sender
	Now    func() time.Time // time.Now where nil
	Every  time.Duration    // how often to look for new mails; 0: twice a second
	Log    *slog.Logger     // slog.Default where nil
}

// Run sends until ctx ends. It finishes what is on the wire, which may take sendTimeout, and claims
// no more than it can send at once. It returns nil: a failure is logged and tried again.
func (w Worker) Run(ctx context.Context) error {
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	if w.Every == 0 {
		w.Every = every
	}
	var (
		wire sync.WaitGroup
		busy = make(chan struct{}, atOnce) // a token for each mail on the wire
	)
	defer wire.Wait()
	for {
		select { // until there is room
		case <-ctx.Done():
			return nil
		case busy <- struct{}{}:
			<-busy
		}
		room := atOnce - len(busy) // only this loop takes any
		rest := w.Every
		mails, err := w.Outbox.ClaimMails(ctx, room, w.Now(), lease)
		if err != nil && ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "mails could not be read from the outbox", "error", err)
			rest *= 10
		}
		for _, m := range mails {
			busy <- struct{}{}
			wire.Go(func() {
				defer func() { <-busy }()
				// What is on the wire is finished and noted even when the process is told to stop.
				w.deliver(context.WithoutCancel(ctx), m)
			})
		}
		if len(mails) == room {
			continue // there may be more
		}
		timer := time.NewTimer(rest)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// deliver sends one mail and notes how it went. The log has the mail's id and never its address,
// subject or text.
func (w Worker) deliver(ctx context.Context, m storage.Mail) {
	failure := w.send(ctx, m)
	now := w.Now()
	log := w.Log.With("mail", m.ID)

	noting, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	if failure == nil {
		if err := w.Outbox.MailSent(noting, m.ID, now); err != nil {
			log.ErrorContext(ctx, "a mail was sent and not noted; it will be sent again", "error", err)
		}
		return
	}

	var retryAt time.Time
	if errors.Is(failure, ErrRefused) {
		log.ErrorContext(ctx, "a mail was refused for good", "error", failure)
	} else if retryAt = again(m, now); retryAt.IsZero() {
		log.ErrorContext(ctx, "a mail was given up", "error", failure, "tries", m.Tries)
	} else {
		log.WarnContext(ctx, "a mail was not sent; it will be tried again", "error", failure, "at", retryAt)
	}
	err := w.Outbox.MailFailed(noting, m.ID, retryAt, failure.Error())
	if err != nil && !errors.Is(err, storage.ErrNotFound) { // given up meanwhile: a newer code took its place
		log.ErrorContext(ctx, "the failure of a mail was not noted", "error", err)
	}
}

// errLate is why a mail is given up that nobody can use any more.
var errLate = errors.New("too late to be of use")

// send sends m while it is of use.
func (w Worker) send(ctx context.Context, m storage.Mail) error {
	within := sendTimeout
	if !m.Expires.IsZero() {
		within = min(within, m.Expires.Sub(w.Now()))
	}
	if within <= 0 {
		return errLate
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return w.Sender.Send(ctx, m)
}

// again is when a mail is tried again that could not be sent at now; zero: never. A notice can wait:
// half a minute, then twice as long each time, an hour at most. Who waits for a code does so for
// minutes: it is tried again within seconds, and given up when the next try would come too late.
func again(m storage.Mail, now time.Time) time.Time {
	if m.Expires.IsZero() {
		if m.Tries >= mostTries {
			return time.Time{}
		}
		return now.Add(doubled(30*time.Second, time.Hour, m.Tries))
	}
	if at := now.Add(doubled(2*time.Second, 30*time.Second, m.Tries)); at.Before(m.Expires) {
		return at
	}
	return time.Time{}
}

// doubled is first after one try, and twice as long after each more, up to most.
func doubled(first, most time.Duration, tries int) time.Duration {
	return min(first<<min(max(tries-1, 0), 16), most)
}
