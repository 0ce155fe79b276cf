// Package api is the administration API: what those who look after accounts do for a person, under
// /api/v1, with its OpenAPI document beside it at /api/v1/openapi.yaml.
//
// openapi.yaml is the contract; server.gen.go is made of it. Authorization is inside, around every
// operation: an access token of ours for ourselves, of a client's own (client credentials), with the
// scope `admin`, whose client is still in use. Every failure is application/problem+json (RFC 9457).
package api

//go:generate go tool -modfile=../.ci/tools.mod oapi-codegen -config codegen.yaml openapi.yaml
