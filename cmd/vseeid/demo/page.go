package demo

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

//go:embed style.css
var styleText []byte

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what page.html shows.
type page struct {
	App      Config
	Problem  string // something went wrong: what, and what to do
	Advice   string
	Again    string // a link
	Ended    bool   // it is to sign in
	Person   string // who is signed in; empty: nobody
	Note     string
	Sentence string // how the person signed in, in words
	Claims   []claim
	Raw      string // the claims of the ID token, as JSON
	Userinfo []claim
	Scope    string
	Expires  string
	Refresh  bool // there is a refresh token

	Prescription *prescription // what the page is about; nil: the person
	Signature    *signature    // of it; nil: it has none
}

// Account is where the person sees and changes how to sign in: the provider's page.
func (p page) Account() string { return p.App.Issuer + "/account" }

// claim is one line of a list: a name, its value as a person reads it, and what it means.
type claim struct{ Name, Value, Meaning string }

// meanings say what the claims are for, in the order in which they are shown.
var meanings = []struct{ name, meaning string }{
	{"amr", "how the person signed in (RFC 8176)"},
	{"acr", "the level that this amounts to"},
	{"recovery", "a recovery code was among them: ask to set up again what was lost"},
	{"auth_time", "when the oldest of these proofs was given"},
	{"sub", "who it is: the only key to store an account under"},
	{"name", "what to call them"},
	{"email", "may change: not a key"},
	{"email_verified", ""},
	{"org_id", "the organization whose rules were met"},
	{"sid", "the session at the sign-in service"},
	{"iss", "who says so"},
	{"aud", "for whom"},
	{"iat", "when this token was made"},
	{"exp", "when it runs out"},
}

func signedIn(p *person) page {
	raw, err := json.MarshalIndent(p.claims, "", "  ")
	if err != nil {
		raw = nil // decoded from JSON a moment ago
	}
	out := page{
		Person:   firstOf("somebody", p.userinfo["name"], p.userinfo["email"]),
		Note:     p.note,
		Sentence: sentence(p.claims),
		Claims:   list(p.claims),
		Raw:      string(raw),
		Expires:  p.token.Expiry.UTC().Format("15:04:05 MST"),
		Refresh:  p.token.RefreshToken != "",
	}
	out.Scope, _ = p.token.Extra("scope").(string)
	if p.userinfo != nil {
		out.Userinfo = list(p.userinfo)
	}
	return out
}

// firstOf is the first of the claims that is there.
func firstOf(otherwise string, claims ...any) string {
	for _, c := range claims {
		if s, ok := c.(string); ok && s != "" {
			return s
		}
	}
	return otherwise
}

// sentence says what amr says. An app that needs a second factor checks for "mfa" in amr, or
// better asks for it by acr_values and checks acr.
func sentence(claims map[string]any) string {
	amr, _ := claims["amr"].([]any)
	says := func(v string) bool { return slices.Contains(amr, any(v)) }
	var how []string
	for _, w := range []struct {
		words string
		said  bool
	}{
		{"a password", says("pwd")},
		{"a passkey", says("hwk") || says("swk")},
		{"a code by mail", says("mca")},
		{"a one-time code", says("otp") && !says("mca")}, // of a code by mail both are said
	} {
		if w.said {
			how = append(how, w.words)
		}
	}
	if len(how) == 0 {
		return ""
	}
	if says("mfa") {
		return "Signed in with " + strings.Join(how, " and ") + ": two factors."
	}
	return "Signed in with " + strings.Join(how, " and ") + ": one factor."
}

// list puts claims into lines: those that we know first, then the others by name.
func list(claims map[string]any) []claim {
	var out []claim
	known := map[string]bool{}
	for _, m := range meanings {
		known[m.name] = true
		if v, ok := claims[m.name]; ok {
			out = append(out, claim{m.name, text(m.name, v), m.meaning})
		}
	}
	var rest []string
	for name := range claims {
		if !known[name] {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		out = append(out, claim{name, text(name, claims[name]), ""})
	}
	return out
}

func text(name string, v any) string {
	switch x := v.(type) {
	case string:
		return x
	case float64:
		if slices.Contains([]string{"auth_time", "iat", "exp", "nbf", "updated_at"}, name) {
			return moment(time.Unix(int64(x), 0))
		}
	case []any:
		parts := make([]string, len(x))
		for i, e := range x {
			parts[i] = fmt.Sprint(e)
		}
		return strings.Join(parts, " ")
	}
	return fmt.Sprint(v)
}

// moment is a time as people read it. The app does not know where they are, and so says of which zone
// the time is.
func moment(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 MST") }

// render writes the page; into memory first, so that an error cannot leave half of one.
func (a *app) render(w http.ResponseWriter, status int, p page) {
	p.App = a.Config
	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, p); err != nil {
		a.Log.Error("demo app: page", "error", err)
		http.Error(w, "Something went wrong.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the browser has gone away: nobody is left to tell
}

func serveStyle(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "max-age=60")
	_, _ = w.Write(styleText)
}
