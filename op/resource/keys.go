package resource

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keyAge is how long keys are used without a look whether the provider still publishes them.
	keyAge = 10 * time.Minute
	// keyLimit is how long they are used while the provider does not answer. Afterwards nobody
	// passes.
	keyLimit = time.Hour
	// keyPause is how long the provider is left alone after it answered, whatever it said, or did not
	// in time: tokens with invented keys must not become requests to it, and callers who waited for
	// an answer that did not come must not each wait for another.
	keyPause = 10 * time.Second

	// keyTimeout is how long an answer of the provider is waited for.
	keyTimeout = 10 * time.Second

	maxDocument = 1 << 20
)

// keys are the public keys of the provider, asked for when they are needed, and where else it can be
// asked.
type keys struct {
	issuer string
	http   *http.Client
	now    func() time.Time
	held   atomic.Pointer[held]
	asking chan struct{} // holds one value while somebody asks, who then owns asked
	asked  time.Time     // when the provider last answered, or was given up
}

// held is what the provider published.
type held struct {
	keys     []jose.JSONWebKey
	userinfo string // its userinfo_endpoint; empty where there is none
	at       time.Time
}

// newKeys follows no redirect, whatever client does: an address that was https could lead to one that is
// not, and then whoever is on the wire says which keys are good.
func newKeys(issuer string, client *http.Client, now func() time.Time) *keys {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &keys{issuer: issuer, http: &own, now: now, asking: make(chan struct{}, 1)}
}

// named are the keys of that id.
func (h *held) named(id string) []jose.JSONWebKey {
	var out []jose.JSONWebKey
	for _, k := range h.keys {
		if k.KeyID == id {
			out = append(out, k)
		}
	}
	return out
}

// usable are the keys of that id, if what is held is no older than limit.
func (k *keys) usable(id string, limit time.Duration) []jose.JSONWebKey {
	h := k.held.Load()
	if h == nil || k.now().Sub(h.at) > limit {
		return nil
	}
	return h.named(id)
}

// find are the keys of that id. ErrToken: the provider has none. ErrKeys: nobody knows.
func (k *keys) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	if found := k.usable(id, keyAge); len(found) > 0 {
		return found, nil
	}
	select {
	case k.asking <- struct{}{}:
		defer func() { <-k.asking }()
	default:
		// Somebody asks already. Only who has no key at all has to wait for the answer.
		if found := k.usable(id, keyLimit); len(found) > 0 {
			return found, nil
		}
		select {
		case k.asking <- struct{}{}:
			defer func() { <-k.asking }()
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", ErrKeys, ctx.Err())
		}
	}
	if found := k.usable(id, keyAge); len(found) > 0 {
		return found, nil
	}
	var failed error
	if now := k.now(); now.Sub(k.asked) >= keyPause || now.Before(k.asked) {
		// Whoever asks asks for all: that this caller may have gone does not matter.
		asking, stop := context.WithTimeout(context.WithoutCancel(ctx), keyTimeout)
		published, err := k.fetch(asking)
		stop()
		k.asked = k.now()
		if err == nil {
			published.at = now
			k.held.Store(published)
		}
		failed = err
	}
	if found := k.usable(id, keyLimit); len(found) > 0 {
		return found, nil
	}
	switch h := k.held.Load(); {
	case failed != nil:
		return nil, fmt.Errorf("%w: %w", ErrKeys, failed)
	case h == nil || k.now().Sub(h.at) > keyLimit:
		return nil, fmt.Errorf("%w: it did not answer a moment ago", ErrKeys)
	}
	return nil, invalid("it is not signed by a key of the provider")
}

// fetch reads the provider's keys, from where its metadata says that they are.
func (k *keys) fetch(ctx context.Context) (*held, error) {
	var metadata struct {
		Issuer   string `json:"issuer"`
		Keys     string `json:"jwks_uri"`
		Userinfo string `json:"userinfo_endpoint"`
	}
	if err := k.document(ctx, strings.TrimSuffix(k.issuer, "/")+"/.well-known/openid-configuration", &metadata); err != nil {
		return nil, err
	}
	if metadata.Issuer != k.issuer {
		return nil, errors.New("the metadata is of another issuer")
	}
	if err := k.trusted("jwks_uri", metadata.Keys); err != nil {
		return nil, err
	}
	var published struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := k.document(ctx, metadata.Keys, &published); err != nil {
		return nil, err
	}
	out := &held{userinfo: metadata.Userinfo}
	for _, raw := range published.Keys {
		var key jose.JSONWebKey
		// One of a kind that is not known yet is no reason to refuse the others.
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() && (key.Use == "" || key.Use == "sig") {
			out.keys = append(out.keys, key)
		}
	}
	if len(out.keys) == 0 {
		return nil, errors.New("no key is published")
	}
	return out, nil
}

// trusted refuses an address in the metadata that is easier to forge, or to listen to, than the issuer's.
func (k *keys) trusted(name, address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && !(u.Scheme == "http" && strings.HasPrefix(k.issuer, "http:")) {
		return fmt.Errorf("%s is not an address to trust", name)
	}
	return nil
}

func (k *keys) document(ctx context.Context, address string, v any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	r.Header.Set("Accept", "application/json")
	answer, err := k.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, answer.Status)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxDocument))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w", address, err)
	}
	return nil
}
