package login_test

import (
	"encoding/json"
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
		{"nothing to set up", func(p *login.Policy) { p.Factors = []factors.Kind{factors.Recovery, factors.Email} }, "has to allow totp where mfa is required"},
		{"nothing to set up yet", func(p *login.Policy) {
			p.MFA, p.Factors = login.Optional, []factors.Kind{factors.Passkey, factors.Email}
		}, "in this release"},
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
	p := preset("off", func(p *login.Policy) { p.Factors = nil })
	if err := p.Validate(); err != nil {
		t.Errorf("off needs no factor: %v", err)
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
		{"lower id", []login.Org{org("b", preset("standard")), org("a", preset("standard"))}, "a"},
	} {
		got, ok := login.Strictest(c.orgs, noon)
		if got.ID != c.want || ok != (c.want != "") {
			t.Errorf("%s: %q, %v", c.name, got.ID, ok)
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
