package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/alecthomas/kong"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/login"
	"github.com/vsee/vseeid/storage"
	"github.com/vsee/vseeid/storage/secret"
	"github.com/vsee/vseeid/storage/sqldb"
)

// This file is what the commands on the durable store share: how they reach it, what they leave in
// the audit, how they answer and how they say what went wrong.

// use opens the durable store for work, of which the schema has to be the one that this program
// knows.
func (s *settings) use(p *process, work func(*sqldb.DB, *secret.Keys) error) error {
	return s.reach(p, func(db *sqldb.DB, keys *secret.Keys) error {
		if err := db.CheckSchema(p.ctx); err != nil {
			return plainly(err)
		}
		return work(db, keys)
	})
}

// reach is use whatever the schema. It makes no SQLite file: who mistypes a path is told so.
func (s *settings) reach(p *process, work func(*sqldb.DB, *secret.Keys) error) error {
	keys, err := s.check()
	if err != nil {
		return err
	}
	if path, ok := strings.CutPrefix(s.DatabaseURL, "sqlite:"); ok {
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("there is no database at %s: run \"vseeid migrate up\" first, or set VSEEID_DATABASE_URL to where it is", path)
		}
	}
	return s.open(p, keys, work)
}

// open is reach that makes an SQLite file where there is none.
func (s *settings) open(p *process, keys *secret.Keys, work func(*sqldb.DB, *secret.Keys) error) (err error) {
	db, err := openDurable(p, *s, keys)
	if err != nil {
		return plainly(err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return work(db, keys)
}

// fits refuses master keys that are not those of the database, before anything is written under
// them: a secret hashed under a wrong key would never be recognised.
func fits(p *process, db *sqldb.DB) error {
	if _, err := db.SigningKeys(p.ctx); err != nil {
		return fmt.Errorf("the signing keys cannot be opened, perhaps because VSEEID_MASTER_KEYS are not those of this database: %w", plainly(err))
	}
	return nil
}

// plainly is err in one line and without the name of the package that says it.
func plainly(err error) error {
	if err == nil {
		return nil
	}
	return errors.New(oneSentence.Replace(err.Error()))
}

var oneSentence = strings.NewReplacer(":\n\t", ": ", "\n\t", "; ", "\n", "; ", "sqldb: ", "")

// invalid is an argument or a flag that cannot be used, as its Validate says.
func invalid(err error) error {
	if err == nil {
		return nil
	}
	return badSetting("%v", plainly(err))
}

// told says what a store's two words mean for thing, which is one such as `client "portal"`. Any
// other error is passed on in one line.
func told(err error, thing string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, storage.ErrNotFound):
		return fmt.Errorf("there is no %s", thing)
	case errors.Is(err, storage.ErrConflict):
		return fmt.Errorf("somebody else changed %s meanwhile: look at it again, and repeat the command if it is still what you want", thing)
	}
	return plainly(err)
}

// durationFlag reads a login.Duration, also one that begins with a dash, of which Kong says "expected value value".
func durationFlag(ctx *kong.DecodeContext, target reflect.Value) error {
	if target.Kind() == reflect.Pointer {
		target = target.Elem()
	}
	text := ""
	if t := ctx.Scan.Pop(); !t.IsEOL() {
		text = t.String()
	}
	d, err := login.ParseDuration(text)
	if err != nil {
		return err
	}
	target.Set(reflect.ValueOf(d))
	return nil
}

// left is the trail of a change that somebody at a command line made.
func (p *process) left(e storage.Event, change string) storage.Trail {
	e.At = p.now()
	e.Detail = map[string]string{"actor": "cli", "change": change}
	return storage.With(e)
}

// errSame says that a change would change nothing, and so is none.
var errSame = errors.New("nothing to change")

// edited is left with the names of what differs between two documents, or errSame. The values are not named:
// some of them are people's.
func (p *process) edited(e storage.Event, before, after any) (storage.Trail, error) {
	var fields [2]map[string]json.RawMessage
	for i, document := range []any{before, after} {
		b, err := json.Marshal(document)
		if err != nil {
			return storage.Trail{}, err
		}
		if err := json.Unmarshal(b, &fields[i]); err != nil {
			return storage.Trail{}, err
		}
	}
	var names []string
	for name, value := range fields[1] {
		if name != "updated" && !bytes.Equal(value, fields[0][name]) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return storage.Trail{}, errSame
	}
	slices.Sort(names)
	trail := p.left(e, "change")
	trail.Events[0].Detail["fields"] = strings.Join(names, " ")
	return trail, nil
}

// output is how a command answers.
type output struct {
	JSON bool `help:"Print one JSON document."`
}

// print writes document as JSON, or what text writes, which has its columns aligned by tabs.
func (o output) print(p *process, document any, text func(io.Writer)) error {
	if o.JSON {
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(document)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	text(w)
	return w.Flush()
}

// done answers that something was done, of which nothing is left to be shown.
func (o output) done(p *process, document map[string]any, sentence string) error {
	return o.print(p, document, func(w io.Writer) { row(w, capital(sentence)) })
}

// capital begins a sentence, which begins with an ASCII letter.
func capital(sentence string) string { return strings.ToUpper(sentence[:1]) + sentence[1:] }

// row writes the cells of one line.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = cell(c)
	}
	fmt.Fprintln(w, strings.TrimRight(strings.Join(texts, "\t"), "\t")) // the error comes with Flush
}

// record writes a name and its value in each line: field, value, field, value. What is not set is
// left out.
func record(w io.Writer, fields ...any) {
	for i := 0; i+1 < len(fields); i += 2 {
		if text := cell(fields[i+1]); text != "" {
			fmt.Fprintf(w, "%s:\t%s\n", fields[i], text)
		}
	}
}

// cell is a value as a person reads it. Browsers and people choose some of the texts, and nothing
// that they choose may move a cursor.
func cell(v any) string {
	switch v := v.(type) {
	case *time.Time:
		if v == nil {
			return ""
		}
		return v.Format("2006-01-02 15:04:05 UTC")
	case bool:
		if v {
			return "yes"
		}
		return ""
	case []string:
		return cell(strings.Join(v, " "))
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, fmt.Sprint(v))
}

// moment is t in a document: UTC to the second, or null where it is not set.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

// listed is s in a document: a list also where it is empty.
func listed[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// words are kinds in a text.
func words(kinds []factors.Kind, between string) string {
	texts := make([]string, len(kinds))
	for i, k := range kinds {
		texts[i] = string(k)
	}
	return strings.Join(texts, between)
}

// paging is what every list that may be long is asked for.
type paging struct {
	After string `placeholder:"ID" help:"Go on after this one: the id that the list before ended with."`
	Limit int    `default:"50" placeholder:"N" help:"How many to list, 1 to 200. Default ${default}."`
}

func (g paging) page() (storage.Page, error) {
	if g.Limit < 1 || g.Limit > storage.MaxPage {
		return storage.Page{}, badSetting("--limit is %d: set it to a number from 1 to %d", g.Limit, storage.MaxPage)
	}
	return storage.Page{After: g.After, Limit: g.Limit}, nil
}

// next is what to go on after: the last of the ids when the page is full, and empty at the end.
func (g paging) next(ids []string) string {
	if len(ids) < g.Limit {
		return ""
	}
	return ids[len(ids)-1]
}

// more says below a table that the list goes on.
func more(w io.Writer, next string) {
	if next != "" {
		fmt.Fprintf(w, "There may be more: --after %s\n", cell(next))
	}
}

// set writes what a flag was given, if it was.
func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

// setList is set for a flag that may be given again and again. One that is given without a value
// empties the list.
func setList(to *[]string, from []string) {
	if from == nil {
		return
	}
	*to = nil
	for _, s := range from {
		if s = strings.TrimSpace(s); s != "" {
			*to = append(*to, s)
		}
	}
}
