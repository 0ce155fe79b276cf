package resource

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// ErrLive says that nobody knows whether the grant of a token still holds, as the provider does not
// say so.
var ErrLive = errors.New("the provider does not say whether the grant still holds")

const (
	// liveAge is how long a yes of the provider is good: it bounds both how long a grant that has
	// ended is still taken, and how often the provider is asked for one token.
	liveAge = 30 * time.Second
	// liveTimeout is how long an answer of the provider is waited for. A person waits with it.
	liveTimeout = 5 * time.Second
	// liveTokens is how many yeses each half of what is remembered has room for: about two megabytes
	// in all.
	liveTokens = 8192

	// scopeOpenID is what a token has to have for the provider to be asked about it.
	scopeOpenID = "openid"
)

// Live is Verify, and asks the provider whether the grant of the token still holds, as Require.Live
// does: for who has no http.Handler to protect. The error wraps ErrToken, ErrKeys or ErrLive.
func (s *Server) Live(ctx context.Context, raw string) (Token, error) {
	t, err := s.Verify(ctx, raw)
	if err != nil {
		return Token{}, err
	}
	if err := s.holds(ctx, raw, t); err != nil {
		return Token{}, err
	}
	return t, nil
}

// holds asks the provider, unless it said yes a moment ago. A yes counts from before the question
// was sent: whatever ended the grant since is known when the yes is over. A no is not remembered, and
// neither is no answer.
func (s *Server) holds(ctx context.Context, raw string, t Token) error {
	token, asked := sha256.Sum256([]byte(raw)), s.now()
	if s.confirmed.fresh(token, asked) {
		return nil
	}
	if err := s.keys.userinfo(ctx, raw, t.Subject); err != nil {
		return err
	}
	s.confirmed.remember(token, asked)
	return nil
}

// userinfo asks the userinfo endpoint of the provider (OpenID Connect Core 5.3), which knows the grant
// behind a token. Only the words invalid_token are a no: a proxy on the way that refuses everybody
// must not look like the end of everybody's grant.
func (k *keys) userinfo(ctx context.Context, raw, subject string) error {
	address := ""
	if h := k.held.Load(); h != nil {
		address = h.userinfo
	}
	if err := k.trusted("userinfo_endpoint", address); err != nil {
		return fmt.Errorf("%w: %w", ErrLive, err)
	}
	ctx, stop := context.WithTimeout(ctx, liveTimeout)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLive, err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Authorization", "Bearer "+raw)
	answer, err := k.http.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLive, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrLive, err)
	}
	switch {
	case answer.StatusCode == http.StatusUnauthorized && refusesToken(answer.Header):
		return invalid("its grant has ended")
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("%w: %s answers %s", ErrLive, address, answer.Status)
	}
	var person struct {
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(body, &person); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrLive, address, err)
	}
	if person.Subject != subject {
		return fmt.Errorf("%w: %s answers for another person", ErrLive, address)
	}
	return nil
}

// refusesToken reports whether a challenge says that the token is not good (RFC 6750, 3.1).
func refusesToken(h http.Header) bool {
	for _, value := range h.Values("WWW-Authenticate") {
		if len(value) > maxHeader {
			continue
		}
		for _, c := range challenges(value) {
			if c.scheme == "bearer" && c.params["error"] == errBadToken.Challenge.Code {
				return true
			}
		}
	}
	return false
}

// confirmed are the tokens, by their hashes, to which the provider said yes, and when it was asked.
// They are in two halves: when the recent one is full it becomes the older one, and what was the
// older one is forgotten. So there are never more than twice as many as half, nobody has to look for
// what is over, and to forget costs no more than to ask again.
type confirmed struct {
	half int

	mu            sync.Mutex
	recent, older map[[sha256.Size]byte]time.Time
}

func (c *confirmed) fresh(token [sha256.Size]byte, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, ok := c.recent[token]
	if !ok {
		at, ok = c.older[token]
	}
	age := now.Sub(at)
	return ok && age >= 0 && age < liveAge
}

func (c *confirmed) remember(token [sha256.Size]byte, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, there := c.recent[token]; !there && len(c.recent) >= c.half || c.recent == nil {
		c.recent, c.older = map[[sha256.Size]byte]time.Time{}, c.recent
	}
	c.recent[token] = at
}
