package op

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"

	"github.com/vsee/vseeid/op/request"
	"github.com/vsee/vseeid/templates"
)

// respond sends an authorization response to the client by the response mode that it asked for. It
// may be called only with a redirect URI that the client has registered. Every response says who
// sent it (RFC 9207) and returns the state as it came.
func (p *Provider) respond(w http.ResponseWriter, r *http.Request, a request.Authorize, client Client, params url.Values) error {
	if a.State != "" {
		params.Set("state", a.State)
	}
	params.Set("iss", p.issuer)
	w.Header().Set("Cache-Control", "no-store")
	if a.ResponseMode == oidc.ResponseModeFormPost && isWeb(a.RedirectURI) {
		page := templates.FormPost{Frame: p.frame(r, client.Name, a.UILocales), Action: a.RedirectURI}
		for _, name := range slices.Sorted(maps.Keys(params)) {
			page.Fields = append(page.Fields, templates.Field{Name: name, Value: params.Get(name)})
		}
		return templates.Serve(w, r, http.StatusOK, page, originOf(a.RedirectURI))
	}
	w.Header().Set("Location", request.AppendResponse(a.RedirectURI, params))
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// respondError sends the client an error of the protocol.
func (p *Provider) respondError(w http.ResponseWriter, r *http.Request, a request.Authorize, client Client, e *request.Error) error {
	params := url.Values{"error": {e.Code}}
	if e.Description != "" {
		params.Set("error_description", e.Description)
	}
	return p.respond(w, r, a, client, params)
}

// isWeb reports whether a browser can post to a registered URI: not to the scheme of an app, which
// gets its response in the address all the same.
func isWeb(uri string) bool {
	return strings.HasPrefix(uri, "https://") || strings.HasPrefix(uri, "http://")
}

// originOf is the source expression of a content security policy for a registered URI: its origin,
// or its scheme where it has no origin that a policy can name (an app's own scheme, or an IPv6
// address, for which the policy's grammar has no room).
func originOf(uri string) string {
	scheme, rest, _ := strings.Cut(uri, ":")
	if !isWeb(uri) || strings.HasPrefix(rest, "//[") {
		return scheme + ":"
	}
	host, _, _ := strings.Cut(strings.TrimPrefix(rest, "//"), "/")
	host, _, _ = strings.Cut(host, "?")
	return scheme + "://" + host
}

// frame is what a page of ours has around its content.
func (p *Provider) frame(r *http.Request, app string, locales []string) templates.Frame {
	return templates.Frame{
		Brand: p.brand, App: app,
		Locale: templates.Locale(locales, r.Header.Get("Accept-Language")),
	}
}
