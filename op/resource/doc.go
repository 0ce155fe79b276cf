// Package resource protects an API with access tokens of an OpenID Provider, and lets it ask for a
// stronger or more recent sign-in (step-up, RFC 9470). It is for the APIs of integrators: it knows
// nothing of the rest of this module, and needs the provider's address and nothing else.
//
// In the API:
//
//	api, err := resource.New(resource.Config{Issuer: "https://id.example", Audience: "https://api.clinic.example"})
//	…
//	mux.Handle("POST /prescriptions/{id}/signature", api.Protect(resource.Require{
//		ACR:    resource.Implying(resource.ACRPhishing, resource.ACRMultiFactor),
//		MaxAge: 5 * time.Minute,
//	}, sign))
//
// sign finds who it is with From. Everybody else is answered
//
//	no token                   401  WWW-Authenticate: Bearer
//	a bad one                  401  … error="invalid_token"
//	too few scopes             403  … error="insufficient_scope", scope="…"
//	too weak or too old        401  … error="insufficient_user_authentication", acr_values="…", max_age="300"
//	no keys of the provider    503  Retry-After: 5
//	Live, and no word of it    503  Retry-After: 5
//
// In the app that calls it:
//
//	if c, ok := resource.ParseChallenge(answer.Header); ok {
//		// c.Params() go into a new authorization request. Its state leads back to here; when the
//		// API says the same of the new token, say so to the person: never go round again.
//	}
//
// A single-page app of another origin can read the challenge only if the API says so with
// Access-Control-Expose-Headers: WWW-Authenticate.
//
// Tokens are verified without asking the provider: it is asked for its keys every ten minutes, and
// when a token names one that is not known, but no more often than every ten seconds. While it does
// not answer, the keys that are known are used for an hour; then, and without any, nobody passes.
//
// # Live
//
// A token that is verified so is good until it expires, which is five minutes with VSee ID, whatever
// becomes of the sign-in behind it: the person signs out, loses the phone, and support removes the
// passkey that it was proved with. Where that is too long, for what cannot be undone, say
//
//	api.Protect(resource.Require{ACR: …, MaxAge: 5 * time.Minute, Live: true}, sign)
//
// Then, after everything else was judged, the provider's userinfo endpoint is asked with the token
// itself (OpenID Connect Core 5.3), which knows the grant behind it:
//
//	yes              the operation goes on. It is remembered for this token for 30 seconds from when
//	                 the question was sent, and for some 16000 tokens at most
//	no               401  … error="invalid_token". It is not remembered. An app that gets it ends its
//	                 own session: a new sign-in is needed
//	anything else    503  Retry-After: 5. Nobody passes: an answer that is not understood, a redirect,
//	                 none within five seconds. The app keeps its session
//
// The promise: 30 seconds after a grant has ended no operation with Live begins by its tokens. One that
// has begun is not stopped.
//
// The token has to have the scope openid, and is refused with insufficient_scope without it; with it
// VSee ID makes its tokens good for userinfo beside the API. A client's own token (client_credentials)
// has no person and no grant: it never passes.
//
// Who does not use Protect calls Server.Live in the place of Server.Verify. Its errors wrap ErrToken
// (no), ErrKeys and ErrLive (nobody knows).
package resource
