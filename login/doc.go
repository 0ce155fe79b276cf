// Package login finds out who a person is, as surely as the client and the person's organization ask
// for, and says how it was done. It knows no client and no token; what asks (op) knows no page and
// no factor.
//
//	op ── Begin(Demand, request) ──> facts ── Next ──> Done ──> Finish(Result) ──> op
//	                                   ^        │
//	account ── Return, Adds ───────────┤        ├── Fail ──> Fail(request, error) ──> op
//	                               an answer    │
//	                                   │        v
//	                                   └──── a page: Identify, Prove, Challenge, Ticket, Enroll, Add, Offer
//
// Every request is the same three moves: read the facts (the transaction, the person, the
// organizations, the factors, the session; an error of reading stops), ask Next, do what it says.
// Next is pure, so what a sign-in needs is one table of tests. A handler only ever adds evidence to
// the transaction by compare-and-set; no step leads to another, and nothing is ever marked as passed.
//
// What was proved is Evidence: kept in the transaction while it is under way, and in the browser's
// session once it is done. amr, acr and auth_time are derived from it. The session's cookie is made
// anew whenever something was proved, and only then.
//
// A page that needs a ceremony (a key to show, a code to mail, options for a passkey) begins it once
// and keeps it in the transaction as Pending. The answer of a passkey takes it out before it is looked
// at; a mailed code is parked when its person looks at another method.
//
// The routes of a sign-in, all of one transaction and one browser:
//
//	GET  /u/login/{tx}             the page of whatever is next; loading it again changes nothing
//	GET  /u/login/{tx}/method      the other ways, and why a way that the person has is none of them
//	GET  /u/login/{tx}/lost        what it does to say that a device is lost; POST does it
//	GET  /u/login/{tx}/mail        how far the mail with the code is, in one word
//	GET  /u/login/{tx}/{step}      back to the page: what the browser shows after a form, loaded again
//	POST /u/login/{tx}/identifier  the mail address
//	POST /u/login/{tx}/password    the first proof
//	POST /u/login/{tx}/passkey     what the browser made of a passkey: any, the person's, or a new one
//	POST /u/login/{tx}/challenge   a code of a second factor
//	POST /u/login/{tx}/resend      another mail
//	POST /u/login/{tx}/method      the choice of another way
//	POST /u/login/{tx}/ticket      the word of support that a first factor may be set up
//	POST /u/login/{tx}/enroll      the first code of an authenticator app that is being set up
//	POST /u/login/{tx}/recovery    the word that the recovery code is recorded
//	POST /u/login/{tx}/name        what the new passkey is called
//	POST /u/login/{tx}/replace     an authenticator app or a passkey in the place of what is lost
//	POST /u/login/{tx}/signal      the browser was told which passkeys there are
//	POST /u/login/{tx}/later       not now
//	POST /u/login/{tx}/never       not on this device
//	POST /u/login/{tx}/switch      another account
//	POST /u/login/{tx}/cancel      back to where the person came from
//
// An answer to a step that is not open changes nothing and leads to the one that is. A transaction
// that is lost, too old, finished, or another browser's leads to a page that starts again.
//
// The account, of who is signed in; what changes something asks for proofs of minutes ago, by a
// transaction that returns to the page:
//
//	GET  /account                         what protects it, where it is signed in, what happened
//	GET  /account/add/{kind}              to a transaction that adds a factor
//	GET  /account/factors/{id}            one factor; POST names it
//	POST /account/factors/{id}/remove     takes it away
//	GET  /account/recovery                what a new recovery code does to the old; POST makes it
//	GET  /account/default                 what is asked for first; POST keeps it
//	GET  /account/password                a new password; POST keeps it
//	GET  /account/sessions/{id}           one session; POST ends it
//	GET  /account/sessions/others         all but this one; POST ends them
//	GET  /account/signout                 asks; POST signs out here
//	POST /account/trust                   takes "Not on this device" back
//
// And the "this was not me" of a mail, which looking at does not press:
//
//	GET  /u/notice/{token}         what it does; POST does it, and then takes a new password
package login
