package op

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// DefaultClientAge is how long a client's record is used before it is read again. A client
	// that is disabled can use the provider that much longer.
	DefaultClientAge = 3 * time.Second
	// maxClients bounds how many records are held. Above it the store is simply asked more often.
	maxClients = 4096
	// readTimeout bounds a read that several callers wait for, and that none of them may cancel.
	readTimeout = 10 * time.Second
)

// clientCache holds clients for a moment, so that what a machine asks a thousand times a second
// costs one read a moment. Who asks while a read is under way waits for that one. Nothing that was
// not found is held: a stranger cannot fill it.
type clientCache struct {
	source Clients
	age    time.Duration
	now    func() time.Time
	reads  singleflight.Group

	mu      sync.Mutex
	clients map[string]cached[Client]
	origins cached[[]string]
}

type cached[T any] struct {
	value T
	until time.Time
}

func newClientCache(source Clients, age time.Duration, now func() time.Time) *clientCache {
	return &clientCache{source: source, age: age, now: now, clients: map[string]cached[Client]{}}
}

// Client is Clients.Client, a moment old at most. What it returns is shared: nobody changes it.
func (c *clientCache) Client(ctx context.Context, id string) (Client, error) {
	now := c.now()
	c.mu.Lock()
	held, ok := c.clients[id]
	c.mu.Unlock()
	if ok && now.Before(held.until) {
		return held.value, nil
	}
	return shared(ctx, &c.reads, "client "+id, func(ctx context.Context) (Client, error) {
		client, err := c.source.Client(ctx, id)
		if err == nil {
			c.hold(client, now)
		}
		return client, err
	})
}

// hold keeps client until age after asked, the time before the read: a record is never used longer
// than age after it may have changed.
func (c *clientCache) hold(client Client, asked time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.clients) >= maxClients {
		clear(c.clients)
	}
	c.clients[client.ID] = cached[Client]{client, asked.Add(c.age)}
}

// Origin reports whether any client has registered the origin.
func (c *clientCache) Origin(ctx context.Context, origin string) (bool, error) {
	now := c.now()
	c.mu.Lock()
	held := c.origins
	c.mu.Unlock()
	if !now.Before(held.until) {
		origins, err := shared(ctx, &c.reads, "origins", c.source.ClientOrigins)
		if err != nil {
			return false, err
		}
		held = cached[[]string]{origins, now.Add(c.age)}
		c.mu.Lock()
		c.origins = held
		c.mu.Unlock()
	}
	return slices.Contains(held.value, origin), nil
}

// shared calls read once for all who ask for key at the same time. The call outlives the request
// that began it, so that one caller who hangs up does not fail the others.
func shared[T any](ctx context.Context, g *singleflight.Group, key string, read func(context.Context) (T, error)) (T, error) {
	results := g.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), readTimeout)
		defer cancel()
		return read(ctx)
	})
	select {
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	case r := <-results:
		value, _ := r.Val.(T)
		return value, r.Err
	}
}
