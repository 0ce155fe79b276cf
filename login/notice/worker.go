package notice

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/vsee/vseeid/storage"
)

// Outbox is where mails wait to be sent.
type Outbox interface {
	// ClaimMails returns up to n mails that are due at now, the oldest first, with this try counted
	// in Tries, and keeps them from every other caller until now+lease. Of any number of
	// instances one has a mail.
	ClaimMails(ctx context.Context, n int, now time.Time, lease time.Duration) ([]storage.Mail, error)
	// MailSent removes a mail.
	MailSent(ctx context.Context, id string, at time.Time) error
	// MailFailed notes why a mail was not sent, and makes it due again at retryAt. A zero retryAt
	// gives it up: it is never claimed again.
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
	batch       = 5                // mails claimed at once
	sendTimeout = 30 * time.Second // for one mail
	lease       = 5 * time.Minute  // more than a whole batch of time-outs
	firstRetry  = 30 * time.Second
	lastRetry   = time.Hour
	mostTries   = 30 // a day and a bit: a notice that comes still later only alarms
)

// Worker sends what the outbox holds. Any number of them may work on one outbox.
type Worker struct {
	Outbox Outbox
	Sender Sender
	Now    func() time.Time // time.Now where nil
	Every  time.Duration    // how often to look for new mails; 0: 2 s
	Log    *slog.Logger     // slog.Default where nil
}

// Run sends until ctx ends. It finishes the mail under way, which may take sendTimeout; what else
// it had claimed is due again, for any instance, when the lease ends. It returns nil: a failure is
// logged and tried again.
func (w Worker) Run(ctx context.Context) error {
	if w.Now == nil {
		w.Now = time.Now
	}
	if w.Log == nil {
		w.Log = slog.Default()
	}
	if w.Every == 0 {
		w.Every = 2 * time.Second
	}
	for ctx.Err() == nil {
		if w.round(ctx) {
			continue
		}
		timer := time.NewTimer(w.Every)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

// round claims and sends one batch, and reports whether there may be more to do at once.
func (w Worker) round(ctx context.Context) bool {
	mails, err := w.Outbox.ClaimMails(ctx, batch, w.Now(), lease)
	if err != nil {
		if ctx.Err() == nil {
			w.Log.ErrorContext(ctx, "mails could not be read from the outbox", "error", err)
		}
		return false
	}
	for _, m := range mails {
		if ctx.Err() != nil {
			return false
		}
		// What is on the wire is finished and noted even when the process is told to stop.
		w.deliver(context.WithoutCancel(ctx), m)
	}
	return len(mails) == batch
}

// deliver sends one mail and notes how it went. The log has the mail's id and never its address,
// subject or text.
func (w Worker) deliver(ctx context.Context, m storage.Mail) {
	sending, cancel := context.WithTimeout(ctx, sendTimeout)
	failure := w.Sender.Send(sending, m)
	cancel()
	now := w.Now()
	log := w.Log.With("mail", m.ID)

	noting, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	if failure == nil {
		if err := w.Outbox.MailSent(noting, m.ID, now); err != nil {
			log.ErrorContext(ctx, "a mail was sent and not noted; it will be sent again", "error", err)
		}
		return
	}

	var retryAt time.Time
	switch {
	case errors.Is(failure, ErrRefused):
		log.ErrorContext(ctx, "a mail was refused for good", "error", failure)
	case m.Tries >= mostTries:
		log.ErrorContext(ctx, "a mail was given up", "error", failure, "tries", m.Tries)
	default:
		retryAt = now.Add(retryAfter(m.Tries))
		log.WarnContext(ctx, "a mail was not sent; it will be tried again", "error", failure, "at", retryAt)
	}
	if err := w.Outbox.MailFailed(noting, m.ID, retryAt, failure.Error()); err != nil {
		log.ErrorContext(ctx, "the failure of a mail was not noted", "error", err)
	}
}

// retryAfter is how long a mail rests after so many tries: half a minute, then twice as long each
// time, an hour at most.
func retryAfter(tries int) time.Duration {
	return min(firstRetry<<min(max(tries-1, 0), 7), lastRetry)
}
