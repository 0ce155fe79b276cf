package templates

import (
	"embed"
	"strings"
	"text/template"
)

// A mail is plain text and says nothing that could be health information: no clinic, no name of a
// person, and no name that a person gave to something. What a person is signing in to is in the mail
// of a code only, where it tells a person from a stranger who asks for the code.
//
// One link is in a mail, on a line of its own: "this was not me". Opening it changes nothing, so
// neither does a program that looks at the mail first.

// CodeMail brings a code to sign in with. The code is the first word of the subject and of the text,
// where a phone shows it without opening the mail.
type CodeMail struct {
	Product string // whose account it is: the brand's name
	Code    string
	Minutes int    // for which it is good
	App     string // what the person is signing in to; empty: left out
	Circumstances
}

// ChangedMail tells a person what was changed about signing in.
type ChangedMail struct {
	Product string
	// What is "added", "replaced", "removed", "renamed", "used" (the recovery code), "default", "password",
	// "sessions", "address", "repudiated", "lost" or "closed" (the password, by wrong tries); anything else is "something".
	What string
	Kind string // with the first four and "default": "totp", "passkey", "recovery", "email"
	// Recovery says, with "removed", that the recovery code was removed too.
	Recovery bool
	Left     []string // with "lost": the kinds that there are to sign in with, the code of an email among them
	Until    string   // with Link: until when its button also removes what was added, in words as When
	Link     string   // "this was not me"; empty: the mail says whom to tell
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
func (m CodeMail) Render() (subject, text string) { return render(codeMail, m) }

// Render returns the subject, which is one line, and the text.
func (m ChangedMail) Render() (subject, text string) {
	if mail, ok := changedMails[m.What]; ok {
		return render(mail, m)
	}
	return render(otherMail, m)
}

// Render returns the subject, which is one line, and the text.
func (m FactorsResetMail) Render() (subject, text string) { return render(resetMail, m) }

//go:embed mail/*.txt
var mailFiles embed.FS

var (
	codeMail  = parseMail("code")
	resetMail = parseMail("reset")
	otherMail = parseMail("other")

	changedMails = parseMails("added", "replaced", "removed", "renamed", "used", "default", "password", "sessions", "address", "repudiated", "lost", "closed")
)

func parseMails(names ...string) map[string]*template.Template {
	out := make(map[string]*template.Template)
	for _, name := range names {
		out[name] = parseMail(name)
	}
	return out
}

// parseMail reads the text of a mail over the parts that mails share, each of which it may replace.
func parseMail(name string) *template.Template {
	return template.Must(template.New(name).Option("missingkey=error").
		ParseFS(mailFiles, "mail/parts.txt", "mail/"+name+".txt"))
}

// render cannot fail on props of this file, each of which a test renders: it panics on an error, so
// that no mail is ever silently left out of the change that it tells of.
func render(mail *template.Template, props any) (subject, text string) {
	var s, t strings.Builder
	if err := mail.ExecuteTemplate(&s, "subject", props); err != nil {
		panic(err)
	}
	if err := mail.ExecuteTemplate(&t, "text", props); err != nil {
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
