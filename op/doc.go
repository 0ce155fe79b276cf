// Package op is the protocol: OAuth 2.0 and OpenID Connect as an app sees them. It knows no page of
// a sign-in and no factor; it asks for a person by Config.Begin and is handed one by Finish.
//
//	browser                     op                              login                    stores
//	   │  GET|POST /authorize    │                                │                        │
//	   ├────────────────────────►│ client, request.ParseAuthorize │                        │
//	   │                         ├── Begin(Demand, request) ─────►│                        │
//	   │◄──────────── the pages of the sign-in ──────────────────►│                        │
//	   │                         │◄── Finish(Result, request) ────┤                        │
//	   │                         │    (or Fail(request, error))   │                        │
//	   │                         ├── SaveCode(code, Authorization) ───────────────────────►│
//	   │◄─ 303 redirect_uri?code ┤                                │                        │
//	   ▼                         │                                │                        │
//	  app  POST /oauth/token ───►├── TakeCode, once; Recheck; CreateGrant ────────────────►│
//	   │◄─ access, ID, refresh ──┤                                                         │
//	   │   POST /oauth/token ───►├── Grant; Recheck; RotateGrant by compare-and-set ──────►│
//	   │   GET  /userinfo ──────►├── Grant; Recheck; Claims ──────────────────────────────►│
//
// An Authorization is what was granted and how the person proved it; it is frozen when the code is
// made. A Grant is an Authorization in use, one row however often it is refreshed. Every token says
// what its grant says, and every use of a grant asks login again whether it still holds.
//
// The routes, each in the file of its name:
//
//	GET, POST /authorize                        authorize.go  and finish.go for the way back
//	GET       /authorize/posted/{id}            posted.go     a request that came by POST
//	POST      /oauth/token                      token.go      grants in code.go, refresh.go, machine.go
//	GET, POST /userinfo                         userinfo.go
//	POST      /oauth/revoke                     revoke.go
//	GET, POST /oidc/logout, /v2/logout          logout.go
//	GET       …/posted/{id}                     posted.go
//	POST      /oidc/logout/confirm              logout.go     the person said yes
//	GET       /.well-known/openid-configuration discovery.go
//	GET       /.well-known/oauth-authorization-server
//	GET       /.well-known/jwks.json            discovery.go
//
// Its subpackages are pure: request reads and judges what arrives, token turns an Authorization
// into tokens and back, keys is the ring they are signed with. resource is the other end: what an API
// of an integrator verifies access tokens with. It knows nothing of the others.
package op
