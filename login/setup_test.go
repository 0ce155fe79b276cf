package login_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
)

// passkeysOnly is a hospital where nothing else counts, but the recovery code.
func passkeysOnly(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey, factors.Recovery} }

// TestPolicy_Among: the first organization is the one that binds.
func TestPolicy_Among(t *testing.T) {
	const by, lets, proofs, strict = "open", "passkey,totp,email,recovery", "passkey,totp,email,recovery", "passkey,totp,email,recovery"
	for _, c := range []struct {
		name     string
		policies []string
		want     string // by, what may be set up, what counts for more, what counts where the person has none of it
	}{
		{"one", []string{"standard by:ticket"}, ""},
		{"two alike", []string{"standard", "standard"}, strings.Join([]string{by, lets, proofs, strict}, " ")},
		{"T-12 the other takes a ticket", []string{"standard", "standard by:ticket"}, "ticket passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"T-12 the other takes a mail", []string{"standard", "standard by:mail"}, "mail passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"T-12 a ticket before a mail", []string{"standard by:mail", "optional by:ticket"}, "ticket passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"T-12 this one takes more", []string{"standard by:ticket", "standard by:mail"}, "ticket passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"what nobody knows is the hardest", []string{"standard by:ticket", "standard by:gold"}, "gold passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"who wants no second factor has no say", []string{"standard", "off by:ticket"}, strings.Join([]string{by, lets, proofs, strict}, " ")},
		{"who wants one from a day on has", []string{"standard", "standard by:ticket from"}, "ticket passkey,totp,email,recovery passkey,totp,email,recovery passkey,totp,email,recovery"},
		{"T-13 what both allow", []string{"standard", "strict only:passkey,recovery"}, "open passkey,recovery passkey,recovery passkey,recovery"},
		{"T-13 what all allow", []string{"standard", "strict", "optional only:passkey,email,recovery"}, "open passkey,recovery passkey,totp,recovery passkey,totp,recovery"},
		{"in the order of the one that binds", []string{"standard only:totp,passkey", "standard"}, "open totp,passkey totp,passkey totp,passkey"},
		{"T-13 an app is more than a mailed code", []string{"standard only:passkey,email", "strict"}, "open passkey passkey,totp passkey,totp,recovery"},
		{"nothing that both allow", []string{"optional only:totp,recovery", "standard only:passkey,recovery"}, "open totp,recovery recovery,passkey passkey,recovery"},
		{"nothing at all", []string{"optional only:totp", "standard only:passkey"}, "open totp passkey passkey"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var orgs []login.Org
			for i, text := range c.policies {
				text, later := strings.CutSuffix(text, " from")
				p := policyOf(text)
				if later {
					p.From = noon.Add(time.Hour)
				}
				orgs = append(orgs, login.Org{ID: fmt.Sprint(i), Policy: p})
			}
			p := orgs[0].Policy.Among(orgs, noon)
			got := ""
			if s := p.SetUp; s != nil {
				got = strings.Join([]string{string(s.Enrollment), listed(s.Factors), listed(s.Proofs), listed(s.Strict)}, " ")
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func listed(kinds []factors.Kind) string {
	if len(kinds) == 0 {
		return "-"
	}
	var words []string
	for _, k := range kinds {
		words = append(words, string(k))
	}
	return strings.Join(words, ",")
}

// A sign-in that could be put off a number of times cannot where nothing would count them.
func TestPolicy_Among_LeaveThatNobodyCounts(t *testing.T) {
	times := preset("standard", func(p *login.Policy) { p.Grace.Skips = 3 })
	for _, c := range []struct {
		other string
		mfa   login.MFA
		skips int
	}{
		{"standard", login.Optional, 3},
		{"off by:ticket", login.Optional, 3},
		{"optional by:ticket", login.Required, 0},
		{"optional by:mail", login.Required, 0},
	} {
		orgs := []login.Org{{ID: "a", Policy: times}, {ID: "b", Policy: policyOf(c.other)}}
		if got := times.At(noon, noon, 0).Among(orgs, noon); got.MFA != c.mfa || got.Leave.Skips != c.skips {
			t.Errorf("beside %s: %s, %d times", c.other, got.MFA, got.Leave.Skips)
		}
	}
}

// TestT12_FirstFactorForAnotherOrganization: who knows the password alone sets nothing up for the one that
// asks for more, by naming the one that asks for less.
func TestT12_FirstFactorForAnotherOrganization(t *testing.T) {
	for _, c := range []struct {
		by   login.EnrollBy
		asks string
	}{{login.ByTicket, "ticket"}, {login.ByMail, "sent an email with your code"}} {
		t.Run(string(c.by), func(t *testing.T) {
			w := newWorld(t, sqlite(t))
			w.org("hospital", preset("standard", func(p *login.Policy) { p.Enrollment = c.by }))
			w.org("lakeside", optional())
			u := w.verified(w.person("anna", "hospital", "lakeside"))
			for _, d := range []login.Demand{{}, {Org: "hospital"}, {Org: "lakeside", ACR: []string{login.ACRMultiFactor}}} {
				b := w.browser()
				b.password(b.begin(d), u).shows(t, 200, c.asks)
				w.pass(time.Minute)
			}
			b := w.browser()
			b.password(b.begin(login.Demand{Org: "lakeside"}), u).is(t, "amr", "pwd")
			p := b.follow(b.get("/account/add/totp"))
			p.shows(t, 200, c.asks)
			if n := len(w.enrolled(u)); n != 0 {
				t.Errorf("%d are set up", n)
			}
		})
	}
}

// TestT12_FirstFactorForAllOrganizations: what one lets be set up is good for the other, so that nobody
// who knows the password shuts the person out of it.
func TestT12_FirstFactorForAllOrganizations(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("hospital", preset("strict", passkeysOnly))
	w.org("lakeside", preset("standard"))
	u := w.person("anna", "hospital", "lakeside")
	phone := w.phone()
	p := phone.password(phone.begin(login.Demand{Org: "lakeside"}), u)
	if p.has("authenticator app") {
		t.Errorf("an app: %s", tags.ReplaceAllString(p.body, ""))
	}
	p = phone.follow(phone.make(p))
	p = phone.follow(phone.use(p))
	p = phone.follow(phone.post(p.on("name"), "name", "phone"))
	p.shows(t, 200, "Almost There!")
	p = phone.follow(phone.post(p.on("recovery"), "confirmed", "true"))
	for p.answer == nil {
		p = phone.follow(phone.post(p.on("later")))
	}
	p.is(t, "org", "lakeside")
	phone.begin(login.Demand{Org: "hospital"}).is(t, "org", "hospital", "acr", login.ACRHardware)
}

// TestT13_MoreForAnotherOrganization: an app that one takes does not earn the passkey that the other takes.
func TestT13_MoreForAnotherOrganization(t *testing.T) {
	w := newWorld(t, sqlite(t))
	w.org("hospital", preset("strict", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Passkey} }))
	w.org("lakeside", preset("standard"))
	u := w.person("anna", "lakeside")
	seed, code := w.phone().trusts(u)
	must(t, w.db.AddMember(t.Context(), login.Membership{UserID: u.ID, OrgID: "hospital", Created: w.now()}, storage.Trail{}))
	for method, answer := range map[string]string{"totp": "", "recovery": code} {
		w.pass(time.Hour)
		if answer == "" {
			answer = w.app(seed)
		}
		thief := w.phone()
		p := thief.password(thief.begin(login.Demand{Org: "lakeside"}), u)
		p = thief.follow(thief.post(p.on("method"), "method", method))
		p = thief.follow(thief.post(p.on("challenge"), "code", answer))
		for range 3 {
			if p.answer != nil || !p.has("One Moment") {
				break
			}
			p = thief.follow(thief.post(p.on("signal")))
		}
		p.is(t, "org", "lakeside", "amr", "mfa otp pwd")
		p = thief.follow(thief.get("/account/add/passkey"))
		if strings.Contains(p.body, `data-ceremony="create"`) {
			t.Errorf("%s: a passkey may be added: %s", method, tags.ReplaceAllString(p.body, ""))
		}
	}
}

// TestT12_T13_Among: a person of two organizations, of which the first is named.
func TestT12_T13_Among(t *testing.T) {
	for _, c := range []struct {
		name, named, other string
		enrolled, proved   string
		can                string
		adds               factors.Kind
		want               string
	}{
		{"T-12 the other takes a ticket", "standard", "standard by:ticket", "", "pwd", "", "", "ticket"},
		{"T-12 with the ticket", "standard", "standard by:ticket", "", "pwd ticket", "", "", "enroll totp passkey"},
		{"T-12 the other takes a mail, and there is no mailbox", "standard", "standard by:mail", "", "pwd", "", "", unmet + " stuck"},
		{"T-12 a first one for the account", "optional", "standard by:ticket", "", "pwd", "", factors.TOTP, "ticket"},
		{"T-12 only what both allow", "standard", "strict only:passkey,recovery", "", "pwd", "", "", "enroll passkey"},
		{"T-12 what one allows, where they have nothing in common", "optional only:totp", "standard only:passkey", "", "pwd", "", factors.TOTP, "add totp"},
		{"off is nobody's word", "standard", "off by:ticket only:email", "", "pwd", "", "", "enroll totp passkey"},
		{"and sets nothing up", "off", "standard by:ticket", "", "pwd", "", factors.TOTP, "done"},
		{"what is asked at a sign-in stays", "standard", "strict only:passkey,recovery", "totp email passkey recovery", "pwd", "", "", "challenge totp email passkey recovery"},
		{"T-13 more, on what both take", "standard", "strict only:passkey,recovery", "totp email passkey recovery", "pwd totp", "", factors.Passkey, "challenge passkey recovery"},
		{"T-13 more, proved", "standard", "strict only:passkey,recovery", "totp email passkey recovery", "pwd totp key", "", factors.Passkey, "add passkey"},
		{"T-13 more, of what one does not allow", "standard", "strict only:passkey,recovery", "totp passkey recovery", "pwd key", "", factors.TOTP, "done"},
		{"T-13 more, with nothing that the strictest takes", "standard", "strict only:passkey", "totp recovery", "pwd totp", "", factors.Passkey, unmet + " stuck"},
		{"T-13 more, with nothing that both take but the strictest does", "standard", "optional only:passkey", "totp", "pwd totp", "", factors.Passkey, "add passkey"},
		{"T-13 the recovery code does not stand before an app that the strictest takes", "strict", "optional only:passkey,recovery", "totp recovery", "pwd", "", factors.Passkey, "challenge totp recovery"},
		{"T-13 no trust on what the other does not take", "standard", "strict only:passkey", "totp recovery", "pwd totp", "passkey platform", "", "done"},
		{"T-13 but on what it takes", "standard", "strict", "totp recovery", "pwd totp", "passkey platform", "", "offer trust"},
		{"T-13 no recovery code either", "standard", "strict only:passkey,recovery", "totp", "pwd totp", "", "", "done"},
		{"T-13 no replacement by a recovery code", "standard", "optional only:totp,passkey", "totp", "pwd recovery", "", "", "done"},
	} {
		t.Run(c.name, func(t *testing.T) {
			named, enrolled := policyOf(c.named), enrollments(c.enrolled)
			p := named.Among([]login.Org{{ID: "a", Policy: named}, {ID: "b", Policy: policyOf(c.other)}}, noon)
			tx := login.Transaction{
				Started: noon.Add(-15 * time.Minute), UserID: "anna", Identifier: "anna@example.com", Adds: c.adds, Proved: proofs(c.proved),
				Can: []login.Capability{login.CanPasskey}, Device: login.Device{Signaled: login.Signaled(enrolled, "")},
			}
			for _, word := range strings.Fields(c.can) {
				tx.Can = append(tx.Can, login.Capability(word))
			}
			if got := said(login.Next(tx, p, enrolled, noon)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// anyOrgs are one to three organizations of a person.
func anyOrgs(r *rand.Rand) []login.Org {
	var orgs []login.Org
	for _, id := range append(some(r, "b", "c"), "a") {
		o := login.Org{ID: id, Policy: anyPolicy(r), Joined: noon.Add(-one(r, 0, 48*time.Hour)), Skips: r.IntN(4)}
		o.Policy.Leave = login.Leave{}
		if o.Policy.MFA == login.Required {
			o.Policy.From = one(r, time.Time{}, noon, noon.Add(1))
			o.Policy.Grace = one(r, login.Grace{}, login.Grace{Days: 2}, login.Grace{Skips: 2})
		}
		orgs = append(orgs, o)
	}
	return orgs
}

var byStrength = []factors.Kind{factors.Email, factors.TOTP, factors.Passkey}

// TestWalk_T12_T13_NamingAnotherSetsNothingUp: whichever organization is named, what can be set up that
// the strictest takes is what it would have let be set up: on no less than it asks for a first one, and
// beside others on two factors that count there.
func TestWalk_T12_T13_NamingAnotherSetsNothingUp(t *testing.T) {
	r := dice(t)
	first, more := 0, 0
	for range walks * 2 {
		s, orgs := anyScene(r), anyOrgs(r)
		s.tx.UserID, s.tx.Identifier = "anna", "anna@example.com"
		named := one(r, orgs...)
		s.policy = named.Policy.At(noon, named.Joined, named.Skips).Among(orgs, noon)
		strictest, _ := login.Strictest(orgs, noon)
		step := s.next()
		var made []factors.Kind
		switch {
		case step.Kind == login.Enroll, step.Kind == login.Add, step.Offer == login.OfferEnroll:
			made = step.Methods
		case step.Offer == login.OfferTrust:
			made = []factors.Kind{factors.Passkey}
		case step.Offer == login.OfferRecovery:
			made = []factors.Kind{factors.Recovery}
		case step.Offer == login.OfferReplace:
			made = step.Methods
		}
		if strictest.Policy.MFA == login.Off || !slices.ContainsFunc(made, strictest.Policy.Allows) {
			continue // where nobody is asked for a second factor, it is nobody's to guard
		}
		owns := slices.ContainsFunc(s.enrolled, isOf(factors.TOTP, factors.Passkey, factors.Recovery))
		if step.Kind == login.Enroll || step.Offer == login.OfferEnroll || (step.Kind == login.Add && !owns) {
			first++
			for _, o := range orgs {
				ok := o.Policy.MFA == login.Off || o.Policy.Enrollment == login.Open || slices.ContainsFunc(s.tx.Proved, func(e factors.Evidence) bool {
					return e.Kind == factors.Ticket || (o.Policy.Enrollment == login.ByMail && e.Source == "mailbox:a@b.c" && e.Kind == factors.Email)
				})
				if !ok {
					t.Fatalf("%s in %s, without what %s takes: %+v\n%+v", said(step), named.ID, o.ID, orgs, s)
				}
			}
			continue
		}
		more++
		there := strictest.Policy // or what is as good as the least that it takes
		if len(orgs) == 1 {       // nobody else is to be guarded from what it takes until a day
			there = there.At(noon, strictest.Joined, strictest.Skips)
		}
		there.Reuse = s.policy.Reuse
		there.NoDowngrade = there.NoDowngrade && there.Allows(factors.Passkey)
		least := len(byStrength)
		for _, k := range there.Factors {
			if i := slices.Index(byStrength, k); i >= 0 {
				least = min(least, i)
			}
		}
		there.Factors = append(slices.Clone(there.Factors), byStrength[min(least, 2):]...)
		if ev := login.Counted(s.tx, there, s.enrolled, noon); !twoFactors(ev) {
			t.Fatalf("%s in %s, and in %s there is only %+v\n%+v\n%+v", said(step), named.ID, strictest.ID, ev, orgs, s)
		}
	}
	if first < walks/200 || more < walks/200 {
		t.Errorf("only %d and %d scenes set anything up", first, more)
	}
}
