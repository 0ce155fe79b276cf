package op

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/vsee/vseeid/storage"
)

// registry counts what it is asked. It knows every client whose id begins with c.
type registry struct {
	reads   atomic.Int32
	takes   time.Duration
	origins []string
	down    error
}

func (s *registry) Client(ctx context.Context, id string) (Client, error) {
	s.reads.Add(1)
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		return Client{}, ctx.Err()
	}
	if s.down != nil {
		return Client{}, s.down
	}
	if id[0] != 'c' {
		return Client{}, storage.ErrNotFound
	}
	return Client{ID: id}, nil
}

func (s *registry) ClientOrigins(context.Context) ([]string, error) {
	s.reads.Add(1)
	return s.origins, s.down
}

func TestClientCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &registry{takes: time.Millisecond}
		c := newClientCache(source, 3*time.Second, time.Now)
		read := func(id string, want error) {
			t.Helper()
			got, err := c.Client(t.Context(), id)
			if !errors.Is(err, want) || (want == nil && got.ID != id) {
				t.Fatalf("client %q: %q, %v", id, got.ID, err)
			}
		}
		reads := func(want int32) {
			t.Helper()
			if got := source.reads.Swap(0); got != want {
				t.Fatalf("%d reads, want %d", got, want)
			}
		}
		read("c1", nil)
		read("c1", nil)
		reads(1)
		time.Sleep(3 * time.Second)
		read("c1", nil)
		reads(1)

		read("unknown", storage.ErrNotFound)
		read("unknown", storage.ErrNotFound)
		reads(2)

		time.Sleep(3 * time.Second)
		source.down = errors.New("down")
		read("c1", source.down) // what is held is not stretched while the store is away
		reads(1)
		source.down = nil
		read("c1", nil)
		reads(1)

		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() { read("c2", nil) })
		}
		wg.Wait()
		reads(1)

		// Who hangs up does not fail the one who waits for the same read.
		ctx, cancel := context.WithCancel(t.Context())
		source.takes = time.Second
		var hungUp error
		wg.Go(func() { _, hungUp = c.Client(ctx, "c3") })
		synctest.Wait()
		wg.Go(func() { read("c3", nil) })
		synctest.Wait()
		cancel()
		wg.Wait()
		reads(1)
		if !errors.Is(hungUp, context.Canceled) {
			t.Errorf("who hung up got %v", hungUp)
		}
		source.takes = 0
		for i := range 2 * maxClients {
			read(fmt.Sprint("c", i), nil)
		}
		if n := len(c.clients); n > maxClients {
			t.Errorf("%d clients are held, want %d at most", n, maxClients)
		}
	})
}

func TestOriginCache(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := &registry{origins: []string{"https://a.example"}}
		c := newClientCache(source, time.Second, time.Now)
		for i := range 100 {
			known, err := c.Origin(t.Context(), fmt.Sprintf("https://%d.example", i))
			if known || err != nil {
				t.Fatal(known, err)
			}
		}
		if known, err := c.Origin(t.Context(), "https://a.example"); !known || err != nil {
			t.Error(known, err)
		}
		if got := source.reads.Load(); got != 1 {
			t.Errorf("%d reads, want 1", got)
		}
		source.origins = nil
		time.Sleep(time.Second)
		if known, err := c.Origin(t.Context(), "https://a.example"); known || err != nil {
			t.Error(known, err)
		}
	})
}
