package request

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// RedirectAllowed reports whether asked is one of the registered redirect URIs: the same string.
// Nothing is normalised, because every rule of what is "the same" is one that browsers read
// otherwise. The one exception is the port of a loopback address that a native app registered,
// which it cannot know beforehand (RFC 8252, 7.3).
func RedirectAllowed(registered []string, native bool, asked string) bool {
	return slices.ContainsFunc(registered, func(r string) bool {
		return r == asked || (native && sameButPort(r, asked))
	})
}

// loopbacks are the beginnings of addresses on the machine itself. localhost is a name, which the
// RFC advises against and many apps use.
var loopbacks = []string{"http://127.0.0.1", "http://[::1]", "http://localhost"}

// sameButPort reports whether both are the same loopback address but for a port.
func sameButPort(registered, asked string) bool {
	for _, host := range loopbacks {
		r, okR := afterPort(registered, host)
		a, okA := afterPort(asked, host)
		if okR && okA {
			return r == a
		}
	}
	return false
}

// afterPort is what follows host and the port, if there is one, in uri. It is a path, a query or
// nothing: an @ or a dot there would make the host another one.
func afterPort(uri, host string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, host)
	if !ok {
		return "", false
	}
	if port, isPort := strings.CutPrefix(rest, ":"); isPort {
		rest = strings.TrimLeft(port, "0123456789")
		n, err := strconv.ParseUint(port[:len(port)-len(rest)], 10, 16)
		if err != nil || n == 0 {
			return "", false
		}
	}
	return rest, rest == "" || rest[0] == '/' || rest[0] == '?'
}

// ValidRedirectURI says, in a sentence for who registers a client, why uri cannot be a redirect
// URI. The same holds for the addresses to return to after a logout.
func ValidRedirectURI(uri string, native bool) error {
	switch {
	case uri == "":
		return errors.New("a redirect URI is empty")
	case len(uri) > 2048:
		return errors.New("a redirect URI is longer than 2048 characters")
	case !visible(uri) || strings.ContainsAny(uri, "\\\"<>^`{|}"):
		return fmt.Errorf("redirect URI %q holds a character that has to be percent-encoded", uri)
	case strings.Contains(uri, "*"):
		return fmt.Errorf("redirect URI %q holds a wildcard: every address is registered in full", uri)
	case strings.Contains(uri, "#"):
		return fmt.Errorf("redirect URI %q has a fragment, which never reaches a server", uri)
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return fmt.Errorf("redirect URI %q is not an absolute URI", uri)
	}
	if u.User != nil {
		return fmt.Errorf("redirect URI %q has a user name before its host", uri)
	}
	switch u.Scheme {
	case "https":
		return validHost(uri, u)
	case "http":
		if err := validHost(uri, u); err != nil {
			return err
		}
		if !loopback(uri) {
			return fmt.Errorf("redirect URI %q is http: only https is safe, but for http://127.0.0.1, http://[::1] and http://localhost", uri)
		}
		return nil
	}
	switch {
	case !native:
		return fmt.Errorf("redirect URI %q has a scheme of its own, which only a native app may have", uri)
	case !strings.Contains(u.Scheme, "."):
		return fmt.Errorf("redirect URI %q: the scheme of a native app is a domain name in reverse, such as com.example.app", uri)
	case u.Opaque != "":
		return fmt.Errorf("redirect URI %q needs a slash after its scheme", uri)
	}
	return nil
}

// ValidOrigin says why origin cannot be the origin of a browser app: what the Origin header of its
// requests says, to the letter.
func ValidOrigin(origin string) error {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != origin {
		return fmt.Errorf("origin %q is not scheme://host or scheme://host:port", origin)
	}
	if origin != strings.ToLower(origin) || !visible(origin) || strings.ContainsAny(origin, "*\\") {
		return fmt.Errorf("origin %q is not written as browsers write it: lower case, without wildcards", origin)
	}
	if err := validHost(origin, u); err != nil {
		return err
	}
	switch {
	case u.Scheme == "https" && u.Port() != "443":
		return nil
	case u.Scheme == "http" && loopback(origin) && u.Port() != "80":
		return nil
	case u.Scheme == "https" || loopback(origin):
		return fmt.Errorf("origin %q names the port that browsers leave out", origin)
	}
	return fmt.Errorf("origin %q is not https", origin)
}

func validHost(uri string, u *url.URL) error {
	host := u.Hostname()
	if host == "" {
		return fmt.Errorf("%q has no host", uri)
	}
	if _, err := netip.ParseAddr(host); err != nil && !hostname(host) {
		return fmt.Errorf("%q has a host that is neither a name in ASCII nor an address", uri)
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return fmt.Errorf("%q has a port that does not exist", uri)
		}
	} else if strings.HasSuffix(u.Host, ":") {
		return fmt.Errorf("%q has a colon and no port", uri)
	}
	return nil
}

func hostname(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.' && r != '_'
	})
}

// loopback reports whether uri is an http address on the machine itself.
func loopback(uri string) bool {
	return slices.ContainsFunc(loopbacks, func(host string) bool {
		_, ok := afterPort(uri, host)
		return ok
	})
}

// AppendResponse adds the parameters of a response to the query of a redirect URI, and leaves the
// query that it has as it is.
func AppendResponse(redirectURI string, params url.Values) string {
	encoded := params.Encode()
	if encoded == "" {
		return redirectURI
	}
	separator := "?"
	if i := strings.IndexByte(redirectURI, '?'); i >= 0 {
		separator = "&"
		if last := redirectURI[len(redirectURI)-1]; last == '&' || i == len(redirectURI)-1 {
			separator = ""
		}
	}
	return redirectURI + separator + encoded
}
