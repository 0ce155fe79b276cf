package main

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
)

// newLogger returns the logger of the process: one line for each record, JSON in production.
func newLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	o := &slog.HandlerOptions{Level: level, ReplaceAttr: redact}
	if format == "text" {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}

const redacted = "[redacted]"

// secretWords are parts of the names of attributes whose values are nobody's business. Libraries
// log too, and they know no rule of ours.
var secretWords = []string{
	"password", "passwd", "secret", "token", "cookie", "authorization", "verifier", "assertion",
	"credential", "login_hint", "nonce", "hint",
}

// secretNames are such names by themselves; within longer ones they are harmless ("status_code").
var secretNames = map[string]bool{"code": true, "state": true, "query": true, "form": true, "body": true, "url": true, "uri": true}

var (
	queryString = regexp.MustCompile(`\?[^\s"']*=[^\s"']*`)
	compactJWS  = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]*)?`)
	userInfo    = regexp.MustCompile(`://[^/\s"'@]+@`)
	ours        = regexp.MustCompile(`\bvs[a-z]_[A-Za-z0-9_-]{16,}|\bvcs_[A-Za-z0-9_-]{16,}`) // codes, refresh tokens, client secrets
)

// redact is the last net, not the first: nothing of ours logs a secret, and what a library or an
// error text brings is cut down to what cannot be used.
func redact(_ []string, a slog.Attr) slog.Attr {
	name := strings.ToLower(a.Key)
	if secretNames[name] {
		return slog.String(a.Key, redacted)
	}
	for _, w := range secretWords {
		if strings.Contains(name, w) {
			return slog.String(a.Key, redacted)
		}
	}
	switch v := a.Value.Resolve(); v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, scrub(v.String()))
	case slog.KindAny:
		switch x := v.Any().(type) {
		case *slog.Source, slog.Level:
			return a
		case error:
			return slog.String(a.Key, scrub(x.Error()))
		default:
			return slog.String(a.Key, scrub(fmt.Sprint(x)))
		}
	}
	return a
}

// scrub takes query strings, tokens and passwords of URLs out of a text.
func scrub(s string) string {
	s = queryString.ReplaceAllString(s, "?"+redacted)
	s = compactJWS.ReplaceAllString(s, redacted)
	if strings.Contains(s, "vs") { // the others begin with what the engine looks for by itself
		s = ours.ReplaceAllString(s, redacted)
	}
	return userInfo.ReplaceAllString(s, "://"+redacted+"@")
}
