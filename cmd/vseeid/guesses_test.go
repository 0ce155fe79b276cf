package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/emailcode"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/login/limit"
	"github.com/vsee/vseeid/op/optest"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/sqldb"
)

// failedMailCodes is how many mailed codes were compared, and were wrong.
func (c *couple) failedMailCodes() (n int) {
	c.t.Helper()
	events, err := c.parts.durable.Events(c.t.Context(), sqldb.EventFilter{Type: storage.SignInFailed}, storage.Page{Limit: storage.MaxPage})
	must(c.t, err)
	for _, e := range events {
		if e.Detail["factor"] == string(factors.Email) {
			n++
		}
	}
	return n
}

// guess posts two wrong codes at once, one to each instance.
func (c *couple) guess(b *optest.Browser, p *optest.Page, i int) {
	c.t.Helper()
	right := c.who.mailed()
	for _, p := range c.post(b, 2, p.URL.Path+"/challenge", func(j int) url.Values {
		code := fmt.Sprintf("%06d", (i*2+j)*4441%1000000)
		if code == right {
			code = "999999"
		}
		return url.Values{"code": {code}}
	}) {
		if p.Status != http.StatusUnprocessableEntity && p.Status != http.StatusTooManyRequests && p.Status != http.StatusOK {
			c.t.Errorf("guess %d: %s", i, p)
		}
	}
}

// TestT09_MailCodeGuesses has somebody who knows the password guess mailed codes for two weeks, two
// hundred of them in a hundred sign-ins, at two instances: neither a new sign-in, nor another mail, nor
// the loss of Redis begins the count anew, and in the end no mailed code is taken at all.
func TestT09_MailCodeGuesses(t *testing.T) {
	c := marry(t)
	c.who.phone = nil
	_, f, p := c.signIn(asksNothing)
	f.Code(p)

	// As fast as it goes: one code has so many tries, whatever is done about it.
	c.clock.pass(time.Hour)
	b, _, p := c.signIn(asksApp)
	p = p.Choose("email")
	for i := range 10 {
		c.guess(b, p, i)
	}
	if n := c.failedMailCodes(); n > emailcode.Tries || n == 0 {
		t.Errorf("%d guesses at one code were compared", n)
	}
	if refused := c.twin(b, 0).Post(p.URL.Path+"/challenge", url.Values{"code": {c.who.mailed()}}, nil); refused.Status != http.StatusTooManyRequests {
		t.Errorf("the right code after all of them: %s", refused)
	}

	closed := false
	for i := range 100 {
		c.clock.pass(3 * time.Hour) // nobody is mailed more than ten codes a day
		if i == 15 {
			forgetKeys(t, os.Getenv("VSEEID_TEST_REDIS"), c.prefix)
		}
		b, _, p := c.signIn(asksApp)
		if p = p.Choose("email"); c.who.asked(p) != asksMailed {
			closed = true
			continue
		}
		if closed {
			t.Fatalf("it is open again: %s", p)
		}
		if i%5 == 4 {
			c.clock.pass(time.Minute)
			p = p.Press("/resend")
		}
		c.guess(b, p, i)
	}
	count, err := c.parts.durable.Attempt(t.Context(), login.AttemptKey(factors.Email, c.person(t, charlotte)))
	must(t, err)
	if n := c.failedMailCodes(); n > limit.FactorLadder.Close || !closed || !login.Ladder(factors.Email).Closed(count) {
		t.Errorf("%d guesses were compared; closed is %v; counted %+v", n, closed, count)
	}

	// Its owner has another way, which does not open this one.
	_, f, p = c.signIn(asksNothing)
	f.Code(p)
	c.clock.pass(time.Hour)
	if _, _, p = c.signIn(asksApp); c.who.asked(p.Choose("email")) == asksMailed {
		t.Error("another way opened it")
	}
	if strings.Contains(c.logs.String(), `"status":5`) {
		t.Error("an answer was broken")
	}
}
