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
package resource
