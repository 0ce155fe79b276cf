package templates

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

// ErrMessage is wrapped by the error of a page that asks for a message that does not exist, or leaves a gap of it unfilled.
var ErrMessage = errors.New("message cannot be shown")

//go:embed messages/*.json
var messageFiles embed.FS

// catalog is every language that there is a message file for, English first.
type catalog struct {
	tags       []language.Tag
	matcher    language.Matcher
	localizers map[string]*i18n.Localizer // by tag
}

// words is read once from files that are part of the program, and never changes.
var words = mustCatalog(messageFiles)

func mustCatalog(files fs.FS) *catalog {
	c, err := newCatalog(files)
	if err != nil {
		panic(err) // A broken file in the binary: no page could be shown.
	}
	return c
}

func newCatalog(files fs.FS) (*catalog, error) {
	bundle := i18n.NewBundle(language.English)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	names, err := fs.Glob(files, "messages/*.json")
	if err != nil {
		return nil, fmt.Errorf("list message files: %w", err)
	}
	c := &catalog{tags: []language.Tag{language.English}, localizers: make(map[string]*i18n.Localizer)}
	for _, name := range names {
		if _, err := bundle.LoadMessageFileFS(files, name); err != nil {
			return nil, fmt.Errorf("read message file %s: %w", name, err)
		}
		tag, err := language.Parse(strings.TrimSuffix(path.Base(name), ".json"))
		if err != nil {
			return nil, fmt.Errorf("language of message file %s: %w", name, err)
		}
		if tag != language.English {
			c.tags = append(c.tags, tag)
		}
	}
	for _, tag := range c.tags {
		c.localizers[tag.String()] = i18n.NewLocalizer(bundle, tag.String())
	}
	c.matcher = language.NewMatcher(c.tags)
	return c, nil
}

// locale is the language of ours that suits best: what the client asked for first, then what the browser prefers.
func (c *catalog) locale(uiLocales []string, acceptLanguage string) string {
	var wanted []language.Tag
	for _, l := range uiLocales {
		if tag, err := language.Parse(l); err == nil { // OpenID Connect Core 3.1.2.1: an unknown one is no error.
			wanted = append(wanted, tag)
		}
	}
	if tags, _, err := language.ParseAcceptLanguage(acceptLanguage); err == nil {
		wanted = append(wanted, tags...)
	}
	_, i, _ := c.matcher.Match(wanted...)
	return c.tags[i].String()
}

// Locale picks the language of the pages from the ui_locales of the request and the Accept-Language of the browser.
// It always returns a language that there are messages for.
func Locale(uiLocales []string, acceptLanguage string) string {
	return words.locale(uiLocales, acceptLanguage)
}

// Count is the argument of a Text that decides between singular and plural.
const Count = "Count"

// text says t in the language of locale. A time.Duration or a day among the arguments is put in words.
func (c *catalog) text(locale string, t Text) (string, error) {
	l, ok := c.localizers[locale]
	if !ok {
		l = c.localizers[language.English.String()]
	}
	args := maps.Clone(t.Args)
	for name, v := range args {
		s, err := "", error(nil)
		switch v := v.(type) {
		case time.Duration:
			s, err = inWords(l, v)
		case time.Time:
			s, err = day(l, v)
		default:
			continue
		}
		if err != nil {
			return "", err
		}
		args[name] = s
	}
	return localize(l, &i18n.LocalizeConfig{
		MessageID:      t.Key,
		TemplateData:   args,
		PluralCount:    args[Count],
		TemplateParser: &template.TextParser{Option: "missingkey=error"},
	})
}

// day says the day of t in UTC.
func day(l *i18n.Localizer, t time.Time) (string, error) {
	t = t.UTC()
	month, err := localize(l, &i18n.LocalizeConfig{MessageID: fmt.Sprintf("date.month.%d", t.Month())})
	if err != nil {
		return "", err
	}
	return localize(l, &i18n.LocalizeConfig{
		MessageID:    "date.day",
		TemplateData: map[string]any{"Day": t.Day(), "Month": month, "Year": t.Year()},
	})
}

func localize(l *i18n.Localizer, c *i18n.LocalizeConfig) (string, error) {
	s, err := l.Localize(c)
	if err != nil {
		return "", fmt.Errorf("%w: %s: %w", ErrMessage, c.MessageID, err)
	}
	return s, nil
}

// inWords says how long to wait, rounded up: who comes back then is not refused again.
func inWords(l *i18n.Localizer, d time.Duration) (string, error) {
	key, n := "duration.hours", int((d+time.Hour-1)/time.Hour)
	switch {
	case d > 48*time.Hour:
		key, n = "duration.days", int((d+24*time.Hour-1)/(24*time.Hour))
	case d <= time.Minute:
		key, n = "duration.seconds", max(1, int((d+time.Second-1)/time.Second))
	case d <= 2*time.Hour:
		key, n = "duration.minutes", int((d+time.Minute-1)/time.Minute)
	}
	return localize(l, &i18n.LocalizeConfig{MessageID: key, PluralCount: n})
}

// text says t with the names that every message may use: App (empty for none) and Brand.
func (f Frame) text(t Text) (string, error) {
	args := map[string]any{"App": f.App, "Brand": f.Brand.Name}
	maps.Copy(args, t.Args)
	return words.text(f.Locale, Text{Key: t.Key, Args: args})
}

// t says the message of key, which has no gaps of its own.
func (f Frame) t(key string) (string, error) { return f.text(Text{Key: key}) }

// lang is the language that the words of the page are really in.
func (f Frame) lang() string {
	if _, ok := words.localizers[f.Locale]; ok {
		return f.Locale
	}
	return language.English.String()
}

func (f Frame) dir() string { return direction(f.lang()) }

// direction is how the script of a language is written.
func direction(lang string) string {
	script, _ := language.Make(lang).Script()
	switch script.String() {
	case "Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Samr", "Syrc", "Thaa":
		return "rtl"
	}
	return "ltr"
}
