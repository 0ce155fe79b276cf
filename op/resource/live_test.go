package resource_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vsee/vseeid/op/resource"
)

// live is an operation that wants to know of the provider whether the grant still holds.
var live = resource.Require{Live: true}

// wants fails unless an operation is answered so; a refusal has to say what an app can go by.
func wants(t *testing.T, what string, got *httptest.ResponseRecorder, status int) {
	t.Helper()
	challenge := got.Header().Get("WWW-Authenticate")
	if got.Code != status {
		t.Errorf("%s: %d %s %s, want %d", what, got.Code, challenge, got.Body, status)
	}
	switch got.Code {
	case http.StatusUnauthorized:
		if challenge != `Bearer error="invalid_token", error_description="The access token is not valid or has expired."` {
			t.Errorf("%s: %s", what, challenge)
		}
	case http.StatusServiceUnavailable:
		if got.Header().Get("Retry-After") == "" || challenge != "" || strings.Contains(got.Body.String(), "127.0.0.1") {
			t.Errorf("%s: %v %s", what, got.Header(), got.Body)
		}
	}
}

// TestLive: a token whose grant has ended is good by itself, and is refused where the provider is asked.
func TestLive(t *testing.T) {
	p := newProvider(t)
	s, token := p.server(t), p.token(nil)
	wants(t, "a grant that holds", call(s, live, "Bearer "+token), http.StatusOK)
	ended := p.token(claims{"sub": "019-ended"})
	p.set(func() { p.ended["019-ended"] = true })
	for range 2 { // a no is no yes the second time
		wants(t, "one that has ended", call(s, live, "Bearer "+ended), http.StatusUnauthorized)
	}
	wants(t, "one that has ended, where nobody asks", call(s, resource.Require{}, "Bearer "+ended), http.StatusOK)

	if got, err := s.Live(t.Context(), token); err != nil || got.Subject != "019-charlotte" {
		t.Errorf("%v %v", got.Subject, err)
	}
	if got, err := s.Live(t.Context(), ended); !errors.Is(err, resource.ErrToken) || got.Subject != "" {
		t.Errorf("%v %v", got.Subject, err)
	}
	if _, err := s.Live(t.Context(), "nonsense"); !errors.Is(err, resource.ErrToken) {
		t.Error(err)
	}
}

// TestLiveRemembers: a yes is good for 30 seconds from when it was asked for, and for that very token.
func TestLiveRemembers(t *testing.T) {
	p := newProvider(t)
	s, token := p.server(t), p.token(nil)
	is := func(what string, status, asked int) {
		t.Helper()
		wants(t, what, call(s, live, "Bearer "+token), status)
		if got := p.confirmed(); got != asked {
			t.Errorf("%s: the provider was asked %d times, want %d", what, got, asked)
		}
	}
	is("first", http.StatusOK, 1)
	p.clock.pass(30*time.Second - time.Nanosecond)
	is("within 30 seconds", http.StatusOK, 1)
	p.clock.pass(time.Nanosecond)
	is("after 30 seconds", http.StatusOK, 2)
	p.set(func() { p.ended["019-charlotte"] = true })
	wants(t, "another token of the grant", call(s, live, "Bearer "+p.token(claims{"jti": "2"})), http.StatusUnauthorized)
	is("ended a moment ago", http.StatusOK, 3)
	p.clock.pass(30 * time.Second)
	is("ended 30 seconds ago", http.StatusUnauthorized, 4)
	p.set(func() { clear(p.ended) })
	is("it was a mistake", http.StatusOK, 5)
	p.clock.pass(-time.Second)
	is("a clock that was set back", http.StatusOK, 6)

	// The clock runs while the provider thinks: a yes is as old as the question.
	p.clock.pass(time.Minute)
	p.set(func() {
		p.otherwise = func(w http.ResponseWriter, _ *http.Request) {
			p.clock.pass(20 * time.Second)
			fmt.Fprint(w, `{"sub":"019-charlotte"}`)
		}
	})
	is("a slow answer", http.StatusOK, 7)
	p.clock.pass(10 * time.Second)
	is("30 seconds after the question", http.StatusOK, 8)
}

// TestLiveFailsClosed: without a plain answer nobody passes, and nobody is told to sign in again.
func TestLiveFailsClosed(t *testing.T) {
	says := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i+1 < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	p := newProvider(t)
	for name, otherwise := range map[string]http.HandlerFunc{
		"an error":                    says(http.StatusInternalServerError, "{}"),
		"too many":                    says(http.StatusTooManyRequests, "{}"),
		"a proxy's own sign-in":       says(http.StatusUnauthorized, "{}", "WWW-Authenticate", `Basic realm="proxy"`),
		"a refusal without a word":    says(http.StatusUnauthorized, "{}"),
		"of another scheme":           says(http.StatusUnauthorized, "{}", "WWW-Authenticate", `DPoP error="invalid_token"`),
		"forbidden":                   says(http.StatusForbidden, "{}", "WWW-Authenticate", `Bearer error="insufficient_scope"`),
		"somewhere else":              says(http.StatusFound, "", "Location", p.URL+"/elsewhere"),
		"a page":                      says(http.StatusOK, "<!doctype html>", "Content-Type", "text/html"),
		"nothing":                     says(http.StatusNoContent, ""),
		"nobody":                      says(http.StatusOK, "{}"),
		"another person":              says(http.StatusOK, `{"sub":"019-sam"}`),
		"half an answer":              says(http.StatusOK, `{"sub":"019-charlotte"`),
		"an answer that breaks off":   func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"longer than anybody's claim": says(http.StatusOK, `{"sub":"019-charlotte","x":"`+strings.Repeat("x", 2<<20)+`"}`),
	} {
		s := p.server(t)
		p.set(func() { p.otherwise = otherwise })
		wants(t, name, call(s, live, "Bearer "+p.token(nil)), http.StatusServiceUnavailable)
		if _, err := s.Live(t.Context(), p.token(nil)); !errors.Is(err, resource.ErrLive) || errors.Is(err, resource.ErrToken) {
			t.Errorf("%s: %v", name, err)
		}
		p.set(func() { p.otherwise = nil })
		wants(t, "after "+name, call(s, live, "Bearer "+p.token(nil)), http.StatusOK) // no answer is not remembered
	}
	for name, endpoint := range map[string]any{"no endpoint": nil, "no address": "/userinfo", "another scheme": "ftp://id.example/userinfo"} {
		p.set(func() { p.metadata["userinfo_endpoint"] = endpoint })
		s := p.server(t)
		wants(t, name, call(s, live, "Bearer "+p.token(nil)), http.StatusServiceUnavailable)
		wants(t, name+", where nobody asks", call(s, resource.Require{}, "Bearer "+p.token(nil)), http.StatusOK)
	}
}

// TestLiveProviderIsAway: keys are used for an hour without the provider, a yes for 30 seconds.
func TestLiveProviderIsAway(t *testing.T) {
	p := newProvider(t)
	s, token := p.server(t), p.token(nil)
	wants(t, "before", call(s, live, "Bearer "+token), http.StatusOK)
	p.Close()
	wants(t, "a moment later", call(s, live, "Bearer "+token), http.StatusOK)
	p.clock.pass(30 * time.Second)
	wants(t, "afterwards", call(s, live, "Bearer "+token), http.StatusServiceUnavailable)
	wants(t, "where nobody asks", call(s, resource.Require{}, "Bearer "+token), http.StatusOK)
}

// TestLiveHangs: a provider that does not answer holds nobody whose caller has gone.
func TestLiveHangs(t *testing.T) {
	p := newProvider(t)
	s, token := p.server(t), p.token(nil)
	wants(t, "before", call(s, resource.Require{}, "Bearer "+token), http.StatusOK)
	ctx, gone := context.WithCancel(t.Context())
	p.set(func() {
		p.otherwise = func(_ http.ResponseWriter, r *http.Request) {
			gone()
			<-r.Context().Done()
		}
	})
	if _, err := s.Live(ctx, token); !errors.Is(err, resource.ErrLive) || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestLiveIsAskedLast: the provider hears only of tokens that would do if it said yes.
func TestLiveIsAskedLast(t *testing.T) {
	p := newProvider(t)
	s := p.server(t)
	need := resource.Require{ACR: []string{resource.ACRPhishing}, Scopes: []string{"sign"}, Live: true}
	for name, c := range map[string]struct {
		claims    claims
		status    int
		challenge string
	}{
		"too weak":             {nil, http.StatusUnauthorized, resource.InsufficientAuthentication},
		"for another API":      {claims{"aud": other}, http.StatusUnauthorized, "invalid_token"},
		"over":                 {claims{"exp": noon.Unix()}, http.StatusUnauthorized, "invalid_token"},
		"without openid":       {claims{"acr": "phr", "scope": "sign"}, http.StatusForbidden, `scope="openid sign"`},
		"a client's own token": {claims{"sub": "clinic", "scope": "sign", "acr": nil}, http.StatusForbidden, `scope="openid sign"`},
	} {
		got := call(s, need, "Bearer "+p.token(c.claims))
		if got.Code != c.status || !strings.Contains(got.Header().Get("WWW-Authenticate"), c.challenge) {
			t.Errorf("%s: %d %s", name, got.Code, got.Header().Get("WWW-Authenticate"))
		}
	}
	if n := p.confirmed(); n != 0 {
		t.Errorf("the provider was asked %d times", n)
	}
}

// TestLiveIsBounded: whoever brings many tokens makes the provider be asked, and no memory run out.
func TestLiveIsBounded(t *testing.T) {
	p := newProvider(t)
	s := p.server(t)
	s.RememberAtMost(8)
	most := 0
	for i := range 100 {
		wants(t, "one of many", call(s, live, "Bearer "+p.token(claims{"jti": fmt.Sprint(i)})), http.StatusOK)
		most = max(most, s.Remembered())
	}
	if most != 16 {
		t.Errorf("%d were remembered", most)
	}
	// The same token again and again takes one place.
	s = p.server(t)
	s.RememberAtMost(8)
	token := p.token(nil)
	for range 100 {
		wants(t, "one again and again", call(s, live, "Bearer "+token), http.StatusOK)
		p.clock.pass(time.Second)
	}
	if n := s.Remembered(); n != 1 {
		t.Errorf("%d were remembered of one token", n)
	}
}

// TestLiveAtOnce: many callers with few tokens, while grants end: whoever asks after the yes of before is
// over is refused.
func TestLiveAtOnce(t *testing.T) {
	p := newProvider(t)
	s := p.server(t)
	s.RememberAtMost(2)
	tokens := make([]string, 6)
	for i := range tokens {
		tokens[i] = p.token(claims{"jti": fmt.Sprint(i)})
	}
	all := func(check func(*httptest.ResponseRecorder)) {
		var callers sync.WaitGroup
		for i := range 60 {
			callers.Go(func() { check(call(s, live, "Bearer "+tokens[i%len(tokens)])) })
		}
		callers.Wait()
	}
	all(func(got *httptest.ResponseRecorder) { wants(t, "at once", got, http.StatusOK) })
	p.set(func() { p.ended["019-charlotte"] = true })
	all(func(got *httptest.ResponseRecorder) {
		if got.Code != http.StatusOK && got.Code != http.StatusUnauthorized {
			t.Errorf("%d %s", got.Code, got.Body)
		}
	})
	p.clock.pass(30 * time.Second)
	all(func(got *httptest.ResponseRecorder) { wants(t, "30 seconds later", got, http.StatusUnauthorized) })
}
