package notice_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/login/notice"
	"github.com/vsee/vseeid/storage"
)

// outbox is a notice.Outbox in memory.
type outbox struct {
	mu      sync.Mutex
	waiting []waiting
	sent    []string
	given   map[string]string // id of a mail that was given up, and why
	broken  error             // what reading it gives
}

type waiting struct {
	storage.Mail
	due time.Time
}

func (o *outbox) put(mails ...storage.Mail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range mails {
		o.waiting = append(o.waiting, waiting{m, m.At})
	}
}

func (o *outbox) ClaimMails(_ context.Context, n int, now time.Time, lease time.Duration) ([]storage.Mail, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken != nil {
		return nil, o.broken
	}
	var out []storage.Mail
	for _, expires := range []bool{true, false} {
		for i := range o.waiting {
			if w := &o.waiting[i]; len(out) < n && !w.due.After(now) && w.Expires.IsZero() != expires {
				w.due = now.Add(lease)
				w.Tries++
				out = append(out, w.Mail)
			}
		}
	}
	return out, nil
}

func (o *outbox) MailSent(_ context.Context, id string, _ time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sent = append(o.sent, id)
	return o.remove(id)
}

func (o *outbox) MailFailed(_ context.Context, id string, retryAt time.Time, reason string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if retryAt.IsZero() {
		o.given[id] = reason
		return o.remove(id)
	}
	for i := range o.waiting {
		if o.waiting[i].ID == id {
			o.waiting[i].due = retryAt
			return nil
		}
	}
	return storage.ErrNotFound
}

func (o *outbox) remove(id string) error {
	for i := range o.waiting {
		if o.waiting[i].ID == id {
			o.waiting = append(o.waiting[:i], o.waiting[i+1:]...)
			return nil
		}
	}
	return storage.ErrNotFound
}

// sender is a Sender that is a function.
type sender func(context.Context, storage.Mail) error

func (s sender) Send(ctx context.Context, m storage.Mail) error { return s(ctx, m) }

// work runs a worker in a bubble of synctest for d and returns its log.
func work(t *testing.T, o *outbox, s notice.Sender, d time.Duration) string {
	t.Helper()
	var log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() {
		done <- notice.Worker{Outbox: o, Sender: s, Log: slog.New(slog.NewTextHandler(&log, nil))}.Run(ctx)
	}()
	time.Sleep(d) // of the bubble: no time passes
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run: %v", err)
	}
	return log.String()
}

func letter(id string, at time.Time) storage.Mail {
	return storage.Mail{ID: id, To: id + "@example.com", Subject: "subject of " + id, Text: "text of " + id, At: at}
}

// code is a letter that is of use for ten minutes.
func code(id string, at time.Time) storage.Mail {
	m := letter(id, at)
	m.Text, m.Expires = "012345", at.Add(10*time.Minute)
	return m
}

func TestWorkerSendsTheOldestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		const mails, atOnce = 23, 8
		for i := range mails {
			o.put(letter(fmt.Sprintf("m%02d", i), time.Now()))
		}
		start := time.Now()
		var mu sync.Mutex
		log := work(t, o, sender(func(_ context.Context, m storage.Mail) error {
			mu.Lock()
			var i int
			if _, err := fmt.Sscanf(m.ID, "m%d", &i); err != nil {
				t.Error(err)
			}
			if got, want := time.Since(start), time.Duration(i/atOnce)*time.Second; got != want {
				t.Errorf("%s went out after %v, want %v", m.ID, got, want)
			}
			mu.Unlock()
			time.Sleep(time.Second)
			return nil
		}), time.Minute)
		if len(o.sent) != mails {
			t.Errorf("%d were sent", len(o.sent))
		}
		if log != "" {
			t.Errorf("there was nothing to say: %s", log)
		}
	})
}

func TestWorkerTriesAgainEverLaterAndGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{given: map[string]string{}}
		start := time.Now()
		o.put(letter("m", start))
		var waits []time.Duration
		last := start
		log := work(t, o, sender(func(context.Context, storage.Mail) error {
			waits = append(waits, time.Since(last).Round(30*time.Second))
			last = time.Now()
			return errors.New("greylisted")
		}), 72*time.Hour)

		for i, want := range []time.Duration{
			0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
			16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour,
		} {
			if waits[i] != want {
				t.Errorf("attempt %d after %v more, want %v", i+1, waits[i], want)
			}
		}
		if d := last.Sub(start); d < 20*time.Hour || d > 28*time.Hour {
			t.Errorf("it was given up after %v and %d tries", d, len(waits))
		}
		if o.given["m"] != "greylisted" || len(o.waiting) != 0 {
			t.Errorf("given up: %v, still waiting: %v", o.given, o.waiting)
		}
		for _, word := range []string{"example.com", "subject of", "text of"} {
			if strings.Contains(log, word) {
				t.Errorf("the log has %q", word)
			}
		}
	})
}

func TestWorkerGivesUpWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{given: map[string]string{}}
		o.put(letter("bad", time.Now()), letter("good", time.Now()))
		attempts := 0
		work(t, o, sender(func(_ context.Context, m storage.Mail) error {
			if m.ID == "good" {
				return nil
			}
			attempts++
			return fmt.Errorf("%w: no such mailbox", notice.ErrRefused)
		}), time.Hour)
		if attempts != 1 || o.given["bad"] == "" {
			t.Errorf("%d attempts, given up: %v", attempts, o.given)
		}
		if diff := cmp.Diff([]string{"good"}, o.sent); diff != "" {
			t.Error(diff)
		}
	})
}

// Somebody waits for a code: it is tried again within seconds, as long as it is good, and not after.
func TestN07_CodeIsTriedAgainWhileItIsGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{given: map[string]string{}}
		start := time.Now()
		o.put(code("m", start))
		var waits []time.Duration
		last := start
		log := work(t, o, sender(func(context.Context, storage.Mail) error {
			waits = append(waits, time.Since(last).Round(time.Second))
			last = time.Now()
			return errors.New("the mail server is down")
		}), time.Hour)
		want := []time.Duration{0, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 30 * time.Second, 30 * time.Second}
		if diff := cmp.Diff(want, waits[:len(want)]); diff != "" {
			t.Error(diff)
		}
		if d := last.Sub(start); d < 9*time.Minute || d >= 10*time.Minute {
			t.Errorf("the last try was after %v, and the code is good for 10 minutes", d)
		}
		if o.given["m"] != "the mail server is down" {
			t.Errorf("given up: %q", o.given)
		}
		if strings.Contains(log, "012345") {
			t.Errorf("the log has a code: %s", log)
		}
	})
}

func TestN07_CodeThatIsTooOldIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{given: map[string]string{}}
		o.put(code("old", time.Now().Add(-10*time.Minute)), letter("notice", time.Now().Add(-20*time.Hour)))
		work(t, o, sender(func(context.Context, storage.Mail) error { return nil }), time.Minute)
		if diff := cmp.Diff([]string{"notice"}, o.sent); diff != "" {
			t.Error(diff)
		}
		if o.given["old"] == "" {
			t.Errorf("given up: %q", o.given)
		}
	})
}

func TestN07_CodeIsNotSentPastItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{given: map[string]string{}}
		m := code("slow", time.Now())
		o.put(m)
		work(t, o, sender(func(ctx context.Context, _ storage.Mail) error {
			if time.Until(m.Expires) > 20*time.Second {
				return errors.New("the mail server is down")
			}
			<-ctx.Done()
			if time.Now().After(m.Expires) {
				t.Errorf("it was on the wire %v after its end", time.Since(m.Expires))
			}
			return ctx.Err()
		}), time.Hour)
		if len(o.sent) != 0 || o.given["slow"] == "" {
			t.Errorf("sent %v, given up %q", o.sent, o.given)
		}
	})
}

func TestWorkerFinishesWhatIsOnTheWire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		for i := range 20 {
			o.put(letter(fmt.Sprintf("m%02d", i), time.Now()))
		}
		work(t, o, sender(func(ctx context.Context, m storage.Mail) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(10 * time.Second):
				return nil
			}
		}), 15*time.Second) // the second eight are on the wire when it is told to stop
		if len(o.sent) != 16 {
			t.Errorf("%d were sent", len(o.sent))
		}
		for _, w := range o.waiting {
			if w.Tries != 0 {
				t.Errorf("%s was claimed, and not sent", w.ID)
			}
		}
	})
}

func TestWorkerEndsAMailThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		start := time.Now()
		for i := range 7 {
			o.put(letter(fmt.Sprintf("hangs%d", i), start))
		}
		ends := map[time.Duration]int{}
		var mu sync.Mutex
		work(t, o, sender(func(ctx context.Context, m storage.Mail) error {
			if strings.HasPrefix(m.ID, "hangs") {
				<-ctx.Done()
				mu.Lock()
				defer mu.Unlock()
				ends[time.Since(start)]++
				return ctx.Err()
			}
			return nil
		}), 35*time.Second)
		if diff := cmp.Diff(map[time.Duration]int{30 * time.Second: 7}, ends); diff != "" {
			t.Error(diff)
		}
	})
}

// A code is with the mail server within a second of its commit, whatever else hangs.
func TestN07_CodeIsSentAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		for i := range 7 {
			o.put(letter(fmt.Sprintf("hangs%d", i), time.Now()))
		}
		time.AfterFunc(10*time.Second+time.Millisecond, func() { o.put(code("code", time.Now())) })
		work(t, o, sender(func(ctx context.Context, m storage.Mail) error {
			if m.ID != "code" {
				<-ctx.Done()
				return ctx.Err()
			}
			if d := time.Since(m.At); d > time.Second {
				t.Errorf("the code went out after %v", d)
			}
			return nil
		}), 20*time.Second)
		if diff := cmp.Diff([]string{"code"}, o.sent); diff != "" {
			t.Error(diff)
		}
	})
}

func TestWorkerOutlivesAStoreThatIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{broken: errors.New("no connection")}
		o.put(letter("m", time.Now()))
		time.AfterFunc(time.Minute, func() {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.broken = nil
		})
		log := work(t, o, sender(func(context.Context, storage.Mail) error { return nil }), 2*time.Minute)
		if diff := cmp.Diff([]string{"m"}, o.sent); diff != "" {
			t.Error(diff)
		}
		if n := strings.Count(log, "no connection"); n == 0 || n > 20 {
			t.Errorf("it was said %d times in a minute", n)
		}
	})
}

func TestOfTwoWorkersOneSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox{}
		for i := range 20 {
			o.put(letter(fmt.Sprintf("m%02d", i), time.Now()))
		}
		var mu sync.Mutex
		seen := map[string]int{}
		s := sender(func(_ context.Context, m storage.Mail) error {
			mu.Lock()
			defer mu.Unlock()
			seen[m.ID]++
			return nil
		})
		ctx, cancel := context.WithCancel(t.Context())
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() {
				if err := (notice.Worker{Outbox: o, Sender: s}).Run(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(time.Hour)
		cancel()
		workers.Wait()
		if len(seen) != 20 {
			t.Errorf("%d of 20 were sent", len(seen))
		}
		for id, n := range seen {
			if n != 1 {
				t.Errorf("%s was sent %d times", id, n)
			}
		}
	})
}
