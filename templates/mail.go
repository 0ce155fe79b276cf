package templates

import (
	"embed"
	"strings"
	"text/template"
)

// A mail is plain text and says nothing that could be health information: no clinic, no app, no
// name. It has no links either, so that nobody learns to follow one from a mail about security.

// FactorAddedMail tells a person that a factor was set up.
type FactorAddedMail struct {
	Product string // whose account it is: the brand's name
	Factor  string // "totp", "recovery"; anything else is "a new way to sign in"
	Circumstances
}

// RecoveryUsedMail tells a person that the recovery code was used.
type RecoveryUsedMail struct {
	Product string
	Circumstances
}

// FactorsResetMail tells a person that an operator took all factors away.
type FactorsResetMail struct {
	Product string
	Circumstances
}

// Circumstances say when and where from something was done, in words, and whom to tell that it
// was somebody else. What is empty is left out.
type Circumstances struct {
	When    string
	Browser string // "Safari on an iPhone"
	Address string
	Support string // a mail address; empty: the people who gave the account
}

// Render returns the subject, which is one line, and the text.
func (m FactorAddedMail) Render() (subject, text string) { return render("factor-added", m) }

// Render returns the subject, which is one line, and the text.
func (m RecoveryUsedMail) Render() (subject, text string) { return render("recovery-used", m) }

// Render returns the subject, which is one line, and the text.
func (m FactorsResetMail) Render() (subject, text string) { return render("factors-reset", m) }

//go:embed mail/*.txt
var mailFiles embed.FS

var mails = map[string]*template.Template{
	"factor-added":  parseMail("factor-added"),
	"factors-reset": parseMail("factors-reset"),
	"recovery-used": parseMail("recovery-used"),
}

func parseMail(name string) *template.Template {
	return template.Must(template.New(name).Option("missingkey=error").
		ParseFS(mailFiles, "mail/parts.txt", "mail/"+name+".txt"))
}

// render cannot fail on props of this file, each of which a test renders: it panics on an error, so
// that no mail is ever silently left out of the change that it tells of.
func render(name string, props any) (subject, text string) {
	var s, t strings.Builder
	if err := mails[name].ExecuteTemplate(&s, "subject", props); err != nil {
		panic(err)
	}
	if err := mails[name].ExecuteTemplate(&t, "text", props); err != nil {
		panic(err)
	}
	return strings.Join(strings.Fields(s.String()), " "), unwrapped(t.String())
}

// unwrapped makes one line of each paragraph but of those that are lists ("When:  …"). A line that is
// broken here is broken a second time where it is read on a phone, and in the middle.
func unwrapped(text string) string {
	paragraphs := strings.Split(strings.TrimSpace(text), "\n\n")
	for i, p := range paragraphs {
		if first, _, _ := strings.Cut(p, "\n"); !strings.Contains(first, ":  ") {
			paragraphs[i] = strings.ReplaceAll(p, "\n", " ")
		}
	}
	return strings.Join(paragraphs, "\n\n") + "\n"
}
