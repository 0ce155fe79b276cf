// Package templates is what a person sees: the pages, their words, their style sheet and their one small script.
//
// A handler fills one of the props of props.go and serves it:
//
//	templates.Serve(w, r, http.StatusOK, templates.Password{Frame: frame, Action: …})
//
// The pages know nothing of users, factors or clients and do no I/O. They hold these promises:
//
//   - Every step works as a plain form but passkeys, which no browser can use without a script; where one is asked for,
//     words say so. Beside them the script only adds comfort: show the password, copy a code, no second submit by a
//     double click, the response of form_post sent by itself, a wait counted down, times of the person's own clock.
//   - Nothing is inline and nothing comes from elsewhere, so the Content-Security-Policy that Serve sets can be strict.
//   - Whatever is not a message of ours (addresses, names of apps and organizations, values of a client) is escaped.
//   - Headings and labels are the ones that the people who sign in know; see the messages of identifier, enroll,
//     recovery and challenge.
//
// Words live in messages, one file for each language. Adding a file adds the language.
//
// The *_templ.go files are made by `go tool templ generate` and committed, so that a build needs nothing but Go.
package templates

//go:generate go tool templ generate
