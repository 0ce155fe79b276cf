package main

import (
	"net/http"
	"net/url"
	"strings"
)

// defaultHeaders are what every response says unless its handler says otherwise: nothing is kept,
// nothing is framed, nothing runs, nothing is told to whoever comes next. Handlers override single
// ones: pages their policy, the key set its caching.
var defaultHeaders = [][2]string{
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Permissions-Policy", "publickey-credentials-get=(self), publickey-credentials-create=(self), " +
		"accelerometer=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), " +
		"magnetometer=(), microphone=(), midi=(), payment=(), usb=()"},
}

// strictTransport is sent by an https issuer: for two years, with its subdomains.
const strictTransport = "max-age=63072000; includeSubDomains"

func withHeaders(issuer *url.URL, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for _, kv := range defaultHeaders {
			h.Set(kv[0], kv[1])
		}
		if issuer.Scheme == "https" {
			h.Set("Strict-Transport-Security", strictTransport)
		}
		next.ServeHTTP(w, r)
	})
}

// withHost refuses requests that are not for the issuer's host, whatever any proxy header says:
// no link, cookie or redirect of ours is ever made from a host that a request named. The health
// checks answer on every host, since who asks for them knows only an address.
func withHost(issuer *url.URL, next http.Handler) http.Handler {
	want := hostPort(issuer.Scheme, issuer.Host)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isHealthCheck(r) && hostPort(issuer.Scheme, r.Host) != want {
			http.Error(w, "This server answers for "+issuer.String()+" only.", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostPort is host in lower case, without the default port of the scheme.
func hostPort(scheme, host string) string {
	host = strings.ToLower(host)
	if scheme == "https" {
		return strings.TrimSuffix(host, ":443")
	}
	return strings.TrimSuffix(host, ":80")
}
