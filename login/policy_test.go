package login_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
)

func TestPolicy_Validate(t *testing.T) {
	for _, name := range []string{"off", "standard", "strict"} {
		if err := preset(name).Validate(); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
	if err := login.Personal().Validate(); err != nil {
		t.Errorf("personal: %v", err)
	}
	if _, ok := login.Preset("gold"); ok {
		t.Error("there is a preset gold")
	}
	for _, c := range []struct {
		name   string
		change func(*login.Policy)
		says   string
	}{
		{"unknown mfa", func(p *login.Policy) { p.MFA = "sometimes" }, "mfa"},
		{"no mfa", func(p *login.Policy) { p.MFA = "" }, "mfa"},
		{"unknown factor", func(p *login.Policy) { p.Factors = append(p.Factors, "sms") }, "sms"},
		{"password is no second factor", func(p *login.Policy) { p.Factors = append(p.Factors, factors.Password) }, "password"},
		{"twice", func(p *login.Policy) { p.Factors = append(p.Factors, factors.TOTP) }, "twice"},
		{"N-02 no passkey", func(p *login.Policy) { p.Factors = []factors.Kind{factors.TOTP, factors.Recovery} }, "has to allow passkey where mfa is required"},
		{"N-02 no passkey for who has one", func(p *login.Policy) {
			p.MFA, p.Factors = login.Optional, []factors.Kind{factors.TOTP, factors.Recovery}
		}, "has to allow passkey where mfa is optional"},
		{"from without a demand", func(p *login.Policy) { p.MFA, p.From = login.Optional, noon }, "from is for mfa that is required"},
		{"grace without a demand", func(p *login.Policy) { p.MFA, p.Grace.Days = login.Off, 3 }, "grace is for mfa that is required"},
		{"two graces", func(p *login.Policy) { p.Grace = login.Grace{Days: 3, Skips: 3} }, "one of them"},
		{"negative days", func(p *login.Policy) { p.Grace.Days = -1 }, "grace days"},
		{"a grace without end", func(p *login.Policy) { p.Grace.Days = 366 }, "grace days"},
		{"negative skips", func(p *login.Policy) { p.Grace.Skips = -1 }, "grace skips"},
		{"too many skips", func(p *login.Policy) { p.Grace.Skips = 101 }, "grace skips"},
		{"skips that nobody could use", func(p *login.Policy) { p.Grace.Skips, p.Enrollment = 3, login.ByTicket }, "give days"},
		{"unknown enrollment", func(p *login.Policy) { p.Enrollment = "fax" }, "open, mail or ticket"},
		{"no enrollment", func(p *login.Policy) { p.Enrollment = "" }, "open, mail or ticket"},
		{"unknown hardware", func(p *login.Policy) { p.HardwareKeys = "gold" }, "any or attested"},
		{"reminded at once", func(p *login.Policy) { p.Trust.RemindAfter = 0 }, "remind_after"},
		{"never reminded", func(p *login.Policy) { p.Trust.RemindAfter = login.Duration(366 * 24 * time.Hour) }, "remind_after"},
		{"no reuse", func(p *login.Policy) { p.Reuse = 0 }, "reuse"},
		{"endless reuse", func(p *login.Policy) { p.Reuse = login.Duration(366 * 24 * time.Hour) }, "reuse"},
		{"no idle", func(p *login.Policy) { p.Session.Idle = 0 }, "session idle"},
		{"negative overall", func(p *login.Policy) { p.Session.Overall = -1 }, "session overall"},
		{"idle beyond overall", func(p *login.Policy) { p.Session.Idle = p.Session.Overall + login.Duration(time.Minute) }, "longer"},
	} {
		p := preset("standard", c.change)
		if err := p.Validate(); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for name, p := range map[string]login.Policy{
		"off needs no factor":      preset("off", func(p *login.Policy) { p.Factors = nil }),
		"optional, by passkeys":    policyOf("optional only:passkey"),
		"a day and a grace":        preset("standard", func(p *login.Policy) { p.From, p.Grace.Days = noon, 365 }),
		"a number":                 preset("strict", func(p *login.Policy) { p.Grace.Skips = 100 }),
		"days before a ticket":     preset("standard", func(p *login.Policy) { p.Enrollment, p.Grace.Days = login.ByTicket, 14 }),
		"mail where it is no kind": policyOf("strict by:mail"),
		"attested":                 policyOf("strict attested"),
	} {
		if err := p.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestN02_MFAOffersAPasskey: who may demand a second factor has to let people answer by one that no
// forged page can take from them. A policy that was kept before the rule still binds.
func TestN02_MFAOffersAPasskey(t *testing.T) {
	for _, name := range []string{"standard", "strict"} {
		if p := preset(name); !p.Allows(factors.Passkey) || !p.Lets(factors.Passkey) {
			t.Errorf("preset %s does not offer passkeys", name)
		}
	}
	old := policyOf("standard only:totp,recovery")
	if old.Validate() == nil {
		t.Error("it can be written")
	}
	tx := login.Transaction{UserID: "anna", Proved: proofs("pwd"), Started: noon}
	if got := said(login.Next(tx, old, enrollments("totp"), noon)); got != "challenge totp" {
		t.Errorf("it does not bind: %s", got)
	}
}

func TestPolicy_At(t *testing.T) {
	const day = 24 * time.Hour
	joined := noon.Add(-10 * day)
	leave := func(until time.Time, skips int) login.Leave { return login.Leave{Until: until, Skips: skips} }
	for _, c := range []struct {
		name   string
		change func(*login.Policy)
		now    time.Time
		joined time.Time
		skips  int
		mfa    login.MFA
		leave  login.Leave
	}{
		{"nothing is put off", func(*login.Policy) {}, noon, noon, 0, login.Required, login.Leave{}},
		{"before the day", func(p *login.Policy) { p.From = noon }, noon.Add(-1), joined, 0, login.Optional, leave(noon, 0)},
		{"at the day", func(p *login.Policy) { p.From = noon }, noon, joined, 0, login.Required, login.Leave{}},
		{"days from joining", func(p *login.Policy) { p.Grace.Days = 14 }, noon, joined, 0, login.Optional, leave(joined.Add(14*day), 0)},
		{"to the last moment", func(p *login.Policy) { p.Grace.Days = 14 }, joined.Add(14*day - 1), joined, 0, login.Optional, leave(joined.Add(14*day), 0)},
		{"and no longer", func(p *login.Policy) { p.Grace.Days = 14 }, joined.Add(14 * day), joined, 0, login.Required, login.Leave{}},
		{"days from the day, for who was there", func(p *login.Policy) { p.From, p.Grace.Days = noon, 3 }, noon.Add(3*day - 1), joined, 0, login.Optional, leave(noon.Add(3*day), 0)},
		{"and no longer", func(p *login.Policy) { p.From, p.Grace.Days = noon, 3 }, noon.Add(3 * day), joined, 0, login.Required, login.Leave{}},
		{"days from joining, for who came later", func(p *login.Policy) { p.From, p.Grace.Days = joined.Add(-day), 14 }, noon, joined, 0, login.Optional, leave(joined.Add(14*day), 0)},
		{"before the day it is all of it", func(p *login.Policy) { p.From, p.Grace.Days = noon, 3 }, joined, joined, 0, login.Optional, leave(noon.Add(3*day), 0)},
		{"nobody knows when the person joined", func(p *login.Policy) { p.Grace.Days = 365 }, noon, time.Time{}, 0, login.Required, login.Leave{}},
		{"times", func(p *login.Policy) { p.Grace.Skips = 3 }, noon, joined, 0, login.Optional, leave(time.Time{}, 3)},
		{"the last time", func(p *login.Policy) { p.Grace.Skips = 3 }, noon, joined, 2, login.Optional, leave(time.Time{}, 1)},
		{"no more", func(p *login.Policy) { p.Grace.Skips = 3 }, noon, joined, 3, login.Required, login.Leave{}},
		{"more than there were", func(p *login.Policy) { p.Grace.Skips = 3 }, noon, joined, 9, login.Required, login.Leave{}},
		{"times are not counted before the day", func(p *login.Policy) { p.From, p.Grace.Skips = noon, 3 }, noon.Add(-1), joined, 0, login.Optional, leave(noon, 0)},
		{"but from then on", func(p *login.Policy) { p.From, p.Grace.Skips = noon, 3 }, noon, joined, 0, login.Optional, leave(time.Time{}, 3)},
		{"optional stays", func(p *login.Policy) { p.MFA, p.From, p.Leave.Skips = login.Optional, noon.Add(day), 7 }, noon, joined, 0, login.Optional, login.Leave{}},
		{"off stays", func(p *login.Policy) { p.MFA, p.Grace.Days = login.Off, 14 }, noon, noon, 0, login.Off, login.Leave{}},
	} {
		p := preset("standard", c.change)
		got := p.At(c.now, c.joined, c.skips)
		if got.MFA != c.mfa || !got.Leave.Until.Equal(c.leave.Until) || got.Leave.Skips != c.leave.Skips {
			t.Errorf("%s: %s, %+v, want %s, %+v", c.name, got.MFA, got.Leave, c.mfa, c.leave)
		}
		got.MFA, got.Leave = p.MFA, p.Leave
		if d := cmp.Diff(p, got); d != "" {
			t.Errorf("%s changes more than it should: %s", c.name, d)
		}
	}
}

func TestPolicy_JSON(t *testing.T) {
	for _, name := range []string{"off", "standard", "strict"} {
		want := preset(name)
		want.Epoch = 7
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got login.Policy
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	var p login.Policy
	if err := json.Unmarshal([]byte(`{"reuse":"soon"}`), &p); err == nil {
		t.Error("a duration that is none was taken")
	}
	if !cmp.Equal(p, login.Policy{}) {
		t.Errorf("what could not be read left %+v", p)
	}
}

// A row that was written before a field came says what was true then.
func TestPolicy_JSONOfBefore(t *testing.T) {
	const old = `{"mfa":"required","factors":["totp","recovery"],"reuse":"12h","session":{"idle":"1d","overall":"7d"},"epoch":4}`
	const fortnight = login.Duration(14 * 24 * time.Hour)
	for _, c := range []struct {
		text string
		want login.Trust
	}{
		{old, login.Trust{Offer: true, RemindAfter: fortnight}},
		{`{"trust_device":{"offer":false}}`, login.Trust{RemindAfter: fortnight}},
		{`{"trust_device":{"remind_after":"1d"}}`, login.Trust{Offer: true, RemindAfter: login.Duration(24 * time.Hour)}},
	} {
		p := preset("strict") // nothing of what was there before stays
		if err := json.Unmarshal([]byte(c.text), &p); err != nil {
			t.Fatal(err)
		}
		if p.Trust != c.want || p.Enrollment != login.Open || p.HardwareKeys != login.AnyHardware || !p.From.IsZero() || p.Grace != (login.Grace{}) {
			t.Errorf("%s is read %+v", c.text, p)
		}
	}
	p := preset("standard", func(p *login.Policy) {
		p.From, p.Grace.Skips, p.Enrollment, p.HardwareKeys = noon, 3, login.ByMail, login.Attested
		p.Leave.Skips = 2
	})
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var got login.Policy
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	p.Leave = login.Leave{} // is of a person, and is not kept
	if d := cmp.Diff(p, got); d != "" {
		t.Error(d)
	}
}

func TestStrictest(t *testing.T) {
	org := func(id string, p login.Policy) login.Org { return login.Org{ID: id, Policy: p} }
	with := func(name string, change func(*login.Policy)) login.Policy { return preset(name, change) }
	for _, c := range []struct {
		name string
		orgs []login.Org
		want string
	}{
		{"none", nil, ""},
		{"one", []login.Org{org("a", preset("off"))}, "a"},
		{"required before off", []login.Org{org("a", preset("off")), org("b", preset("standard"))}, "b"},
		{"optional before off", []login.Org{org("a", preset("off")), org("b", with("off", func(p *login.Policy) { p.MFA = login.Optional }))}, "b"},
		{"required before optional", []login.Org{org("a", with("strict", func(p *login.Policy) { p.MFA = login.Optional })), org("b", preset("standard"))}, "b"},
		{"fewer factors", []login.Org{org("a", preset("standard")), org("b", preset("strict"))}, "b"},
		{"shorter reuse", []login.Org{org("a", preset("standard")), org("b", with("standard", func(p *login.Policy) { p.Reuse-- }))}, "b"},
		{"shorter overall", []login.Org{org("a", preset("standard")), org("b", with("standard", func(p *login.Policy) { p.Session.Overall-- }))}, "b"},
		{"shorter idle", []login.Org{org("a", preset("standard")), org("b", with("standard", func(p *login.Policy) { p.Session.Idle-- }))}, "b"},
		{"a ticket before fewer factors", []login.Org{org("a", preset("strict")), org("b", policyOf("standard by:ticket"))}, "b"},
		{"a ticket before a mail", []login.Org{org("a", policyOf("standard by:mail")), org("b", policyOf("standard by:ticket"))}, "b"},
		{"a mail before nothing", []login.Org{org("a", preset("standard")), org("b", policyOf("standard by:mail"))}, "b"},
		{"attested keys before fewer factors", []login.Org{org("a", preset("strict")), org("b", policyOf("standard attested"))}, "b"},
		{"a word that nobody knows before attested keys", []login.Org{org("a", policyOf("standard attested")), org("b", with("standard", func(p *login.Policy) { p.HardwareKeys = "certified" }))}, "b"},
		{"required now before required tomorrow", []login.Org{org("a", with("strict", func(p *login.Policy) { p.From = noon.Add(1) })), org("b", preset("standard"))}, "b"},
		{"from today on", []login.Org{org("a", with("strict", func(p *login.Policy) { p.From = noon })), org("b", preset("standard"))}, "a"},
		{"asked for soon before never", []login.Org{org("a", policyOf("optional by:ticket")), org("b", with("standard", func(p *login.Policy) { p.From = noon.Add(1) }))}, "b"},
		{"put off too often", []login.Org{{ID: "a", Policy: with("strict", func(p *login.Policy) { p.Grace.Skips = 2 }), Skips: 1}, {ID: "b", Policy: with("standard", func(p *login.Policy) { p.Grace.Skips = 2 }), Skips: 2}}, "b"},
		{"joined long ago", []login.Org{{ID: "a", Policy: with("strict", func(p *login.Policy) { p.Grace.Days = 2 }), Joined: noon}, {ID: "b", Policy: with("standard", func(p *login.Policy) { p.Grace.Days = 2 }), Joined: noon.Add(-48 * time.Hour)}}, "b"},
		{"lower id", []login.Org{org("b", preset("standard")), org("a", preset("standard"))}, "a"},
	} {
		got, ok := login.Strictest(c.orgs, noon)
		if got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, got.ID, ok)
		}
	}
}

// TestStrictest_Properties: one organization, the same whatever their order, and none demands more of
// the person now.
func TestStrictest_Properties(t *testing.T) {
	r := dice(t)
	rank := map[login.MFA]int{login.Off: 0, login.Optional: 1, login.Required: 2}
	for range walks {
		var orgs []login.Org
		for _, id := range some(r, "a", "b", "c", "d") {
			o := login.Org{ID: id, Policy: anyPolicy(r), Joined: noon.Add(-one(r, 0, 48*time.Hour)), Skips: r.IntN(4)}
			if o.Policy.MFA == login.Required {
				o.Policy.From = one(r, time.Time{}, noon, noon.Add(1))
				o.Policy.Grace = one(r, login.Grace{}, login.Grace{Days: 2}, login.Grace{Skips: 2})
			}
			orgs = append(orgs, o)
		}
		got, ok := login.Strictest(orgs, noon)
		if ok != (len(orgs) > 0) {
			t.Fatalf("%v of %d", ok, len(orgs))
		}
		r.Shuffle(len(orgs), func(i, j int) { orgs[i], orgs[j] = orgs[j], orgs[i] })
		again, _ := login.Strictest(orgs, noon)
		if d := cmp.Diff(got, again); d != "" {
			t.Fatalf("it depends on the order: %s", d)
		}
		for _, o := range orgs {
			if rank[o.Policy.At(noon, o.Joined, o.Skips).MFA] > rank[got.Policy.At(noon, got.Joined, got.Skips).MFA] {
				t.Fatalf("%+v demands more than %+v", o, got)
			}
		}
		if ok && !slices.ContainsFunc(orgs, func(o login.Org) bool { return cmp.Equal(o, got) }) {
			t.Fatalf("%+v is none of them", got)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"45s": 45 * time.Second, "30m": 30 * time.Minute, "12h": 12 * time.Hour, "14d": 14 * 24 * time.Hour, " 1h ": time.Hour, "0s": 0,
	} {
		if got, err := login.ParseDuration(text); err != nil || time.Duration(got) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(got), err)
		}
	}
	for _, text := range []string{"", "12", "h", "-1h", "1.5h", "1h30m", "1w", "9999999s", "999999d", "106752d", "١h"} {
		if got, err := login.ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, time.Duration(got))
		}
	}
	for d, want := range map[time.Duration]string{
		0: "0s", time.Second: "1s", 90 * time.Second: "90s", time.Hour: "1h", 36 * time.Hour: "36h", 48 * time.Hour: "2d",
	} {
		if got := login.Duration(d).String(); got != want {
			t.Errorf("%v is written %q, want %q", d, got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"30m", "12h", "14d", "999999d", "0s", "1h30m", "-5s", " 7d\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := login.ParseDuration(s)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is negative: %d", s, d)
		}
		again, err := login.ParseDuration(d.String())
		if err != nil || again != d {
			t.Fatalf("%q is written %q and read %v, %v", s, d, again, err)
		}
	})
}

func TestAddress(t *testing.T) {
	for typed, want := range map[string]string{
		"Charlotte@Riverside.Example": "charlotte@riverside.example",
		"  a@b.example\t":             "a@b.example",
		"o'brien+x@b.example":         "o'brien+x@b.example",
		"JOSE\u0301@B.EXAMPLE":        "jos\u00e9@b.example",
		"":                            "", "a": "", "a@": "", "@b": "", "a@b@c": "", "a b@c.example": "",
		"Anna <a@b.example>":                       "",
		"a@b.example, c@d.example":                 "",
		"a@b.example\r\nBcc: x@y.z":                "",
		`"a"@b.example`:                            "",
		strings.Repeat("a", 250) + "@b.example":    "",
		"a@b.example\x00":                          "",
		"a@[127.0.0.1]":                            "",
		"a@b.example(comment)":                     "",
		"a@" + strings.Repeat("b", 60) + ".exampl": "a@" + strings.Repeat("b", 60) + ".exampl",
	} {
		got, ok := login.Address(typed)
		if got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v", typed, got, ok)
		}
	}
}
