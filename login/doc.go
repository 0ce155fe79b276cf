// Package login finds out who a person is, as surely as the client and the person's organization ask
// for, and says how it was done. It knows no client and no token; what asks (op) knows no page and
// no factor.
//
//	op ── Begin(Demand, request) ──> facts ── Next ──> Done ──> Finish(Result) ──> op
//	                                   ^        │
//	                                   │        ├── Fail ──> Fail(request, error) ──> op
//	                               an answer    │
//	                                   │        v
//	                                   └──── a page: Identify, Prove, Enroll, Challenge, Offer
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
// The routes, all of one transaction and one browser:
//
//	GET  /u/login/{tx}             the page of whatever is next; loading it again changes nothing
//	GET  /u/login/{tx}/method      the other ways to prove a second time
//	POST /u/login/{tx}/identifier  the mail address
//	POST /u/login/{tx}/password    the first proof
//	POST /u/login/{tx}/enroll      the first code of a factor that is being set up
//	POST /u/login/{tx}/challenge   a code of one that was
//	POST /u/login/{tx}/method      the choice of another way
//	POST /u/login/{tx}/recovery    the word that the recovery code is recorded
//	POST /u/login/{tx}/later       not now
//	POST /u/login/{tx}/switch      another account
//	POST /u/login/{tx}/cancel      back to the app
//
// An answer to a step that is not open changes nothing and leads to the one that is. A transaction
// that is lost, too old, finished, or another browser's leads to a page that starts again.
package login
