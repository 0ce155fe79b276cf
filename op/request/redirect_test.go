package request_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/vsee/vseeid/op/request"
)

// TestP03_RedirectCorpus (and T-35): what looks like the registered address and is not.
func TestP03_RedirectCorpus(t *testing.T) {
	const cb = "https://app.example/cb"
	for _, asked := range []string{
		cb + "/", cb + "/x", cb + "/..", cb + "/.", cb + "/../evil", "https://app.example/./cb", "https://app.example/x/../cb",
		"https://app.example//cb", "https://app.example/%63b", "https://app.example/cb%2f", "https://app.example/%2e/cb",
		"https://app.example/cb%2e", cb + "%00", cb + "%0d%0a", cb + "\x00", cb + "\n", cb + " ", " " + cb, cb + "\t",
		cb + "?", cb + "?x=1", cb + "#", cb + "#frag", cb + "#/evil", cb + ";x", cb + "&x", cb + "\\", `https:\\app.example\cb`,
		`https://app.example\cb`, `https://app.example\@evil.example/cb`, "https://app.example@evil.example/cb",
		"https://evil.example@app.example/cb", "https://app.example:pw@app.example/cb", "https://app.example/cb@evil.example",
		"https://app.example:443/cb", "https://app.example:8443/cb", "https://app.example:/cb", "https://app.example./cb",
		"http://app.example/cb", "HTTPS://app.example/cb", "https://APP.example/cb", "https://app.example/CB",
		"https:/app.example/cb", "https:app.example/cb", "//app.example/cb", "/cb", "cb", "", "https://app.example",
		"https://app.example.evil.example/cb", "https://evilapp.example/cb", "https://sub.app.example/cb", "https://app-example/cb",
		"https://аpp.example/cb", "https://app。example/cb", "https://xn--pp-example/cb", "https://app.example\u2044cb",
		"https://app.examplе/cb", "https://evil.example/?https://app.example/cb", "https://evil.example/#https://app.example/cb",
		"javascript:alert(1)//https://app.example/cb", "data:text/html,x", "file:///cb", "blob:https://app.example/cb",
		"https://[::1]/cb", "https://0x7f.1/cb", "https://app.example/c*", "https://*.example/cb", "https://app%2eexample/cb",
		cb + "," + cb, cb + " " + cb,
	} {
		for _, native := range []bool{false, true} {
			if request.RedirectAllowed([]string{"https://other.example/cb", cb}, native, asked) {
				t.Errorf("native %v: %q passes for %q", native, asked, cb)
			}
		}
	}
	for _, registered := range []string{cb, "https://app.example/cb?tenant=a&x=%2F", "com.example.app:/cb", "http://localhost:8081/callback"} {
		if !request.RedirectAllowed([]string{"https://other.example/", registered}, false, registered) {
			t.Errorf("%q is registered and refused", registered)
		}
	}
	if request.RedirectAllowed(nil, true, "") || request.RedirectAllowed(nil, true, cb) {
		t.Error("nothing is registered and something is allowed")
	}
}

func TestP03_LoopbackPorts(t *testing.T) {
	for _, tc := range []struct {
		registered, asked string
		want              bool
	}{
		{"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", true},
		{"http://127.0.0.1:1234/cb", "http://127.0.0.1:51004/cb", true},
		{"http://127.0.0.1:1234/cb", "http://127.0.0.1/cb", true},
		{"http://127.0.0.1", "http://127.0.0.1:51004", true},
		{"http://127.0.0.1?a=b", "http://127.0.0.1:65535?a=b", true},
		{"http://[::1]/cb?x=1", "http://[::1]:1/cb?x=1", true},
		{"http://localhost/cb", "http://localhost:8000/cb", true},

		{"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb/", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x=1", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:51004/CB", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:51004", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:0/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:-1/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:80a/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:1:2/cb", false},
		{"http://127.0.0.1/cb", "https://127.0.0.1:51004/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.2:51004/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.10:51004/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1@evil.example/cb", false},
		{"http://127.0.0.1/cb", "http://127.0.0.1:80\\@evil.example/cb", false},
		{"http://127.0.0.1/cb", "http://localhost:51004/cb", false},
		{"http://localhost/cb", "http://127.0.0.1:51004/cb", false},
		{"http://localhost/cb", "http://localhost.evil.example/cb", false},
		{"http://localhost/cb", "http://localhosts/cb", false},
		{"http://localhost/cb", "http://LOCALHOST/cb", false},
		{"http://[::1]/cb", "http://[::1]evil.example/cb", false},
		{"http://[::1]/cb", "http://[0:0:0:0:0:0:0:1]:1/cb", false},
		{"http://192.168.1.4/cb", "http://192.168.1.4:8080/cb", false},
		{"https://app.example/cb", "https://app.example:8443/cb", false},
		{"https://localhost/cb", "https://localhost:8443/cb", false},
	} {
		if got := request.RedirectAllowed([]string{tc.registered}, true, tc.asked); got != tc.want {
			t.Errorf("native, registered %q, asked %q: %v", tc.registered, tc.asked, got)
		}
		if request.RedirectAllowed([]string{tc.registered}, false, tc.asked) {
			t.Errorf("a web app, registered %q, asked %q: allowed", tc.registered, tc.asked)
		}
	}
}

func TestP06_ValidRedirectURI(t *testing.T) {
	for _, tc := range []struct {
		uri         string
		web, native bool
	}{
		{"https://app.example/cb", true, true},
		{"https://app.example", true, true},
		{"https://app.example:8443/cb?tenant=a", true, true},
		{"https://[2001:db8::1]/cb", true, true},
		{"http://localhost:8081/callback", true, true},
		{"http://127.0.0.1/cb", true, true},
		{"http://[::1]:9/cb", true, true},
		{"com.example.app:/cb", false, true},
		{"com.example.app://cb/path", false, true},

		{"http://app.example/cb", false, false},
		{"http://127.0.0.2/cb", false, false},
		{"http://localhost.evil.example/cb", false, false},
		{"http://10.0.0.1/cb", false, false},
		{"myapp://cb", false, false},
		{"com.example.app:cb", false, false},
		{"javascript:alert(1)", false, false},
		{"data:text/html,x", false, false},
		{"file:///etc/passwd", false, false},
		{"https://app.example/cb#", false, false},
		{"https://app.example/cb#frag", false, false},
		{"https://user@app.example/cb", false, false},
		{"https://user:pw@app.example/cb", false, false},
		{"http://user@localhost/cb", false, false},
		{"https://*.app.example/cb", false, false},
		{"https://app.example/*", false, false},
		{"https://app.example/c b", false, false},
		{"https://app.example\\cb", false, false},
		{"https://app.example/\r\nx", false, false},
		{"https://app.example/cb\x00", false, false},
		{"https://äpp.example/cb", false, false},
		{"https:///cb", false, false},
		{"https:app.example", false, false},
		{"https://app.example:/cb", false, false},
		{"https://app.example:0/cb", false, false},
		{"https://app.example:99999/cb", false, false},
		{"https://app.example/%zz", false, false},
		{"//app.example/cb", false, false},
		{"/cb", false, false},
		{"app.example/cb", false, false},
		{"", false, false},
		{"https://app.example/" + strings.Repeat("a", 2048), false, false},
	} {
		for _, native := range []bool{false, true} {
			want := tc.web
			if native {
				want = tc.native
			}
			err := request.ValidRedirectURI(tc.uri, native)
			if (err == nil) != want {
				t.Errorf("native %v, %q: %v, want valid %v", native, tc.uri, err, want)
			}
		}
	}
}

func TestValidOrigin(t *testing.T) {
	for origin, want := range map[string]bool{
		"https://app.example":          true,
		"https://app.example:8443":     true,
		"http://localhost:8081":        true,
		"http://127.0.0.1:3000":        true,
		"http://[::1]:3000":            true,
		"https://app.example/":         false,
		"https://app.example/x":        false,
		"https://app.example?x":        false,
		"https://app.example#x":        false,
		"https://app.example:443":      false,
		"http://localhost:80":          false,
		"https://App.example":          false,
		"https://*.example":            false,
		"https://user@app.example":     false,
		"https://äpp.example":          false,
		"https://app.example:":         false,
		"https://app.example:0":        false,
		"http://app.example":           false,
		"http://localhost.example":     false,
		"ftp://app.example":            false,
		"com.example.app://x":          false,
		"null":                         false,
		"*":                            false,
		"":                             false,
		"https://":                     false,
		"app.example":                  false,
		"https://a.example,b.example":  false,
		"https://a.example b.example":  false,
		"https://a.example\\.evil.com": false,
	} {
		if err := request.ValidOrigin(origin); (err == nil) != want {
			t.Errorf("%q: %v, want valid %v", origin, err, want)
		}
	}
}

func TestAppendResponse(t *testing.T) {
	params := url.Values{"code": {"vsc_1"}, "state": {"a b&c=d#e"}, "iss": {"https://id.example"}}
	const encoded = "code=vsc_1&iss=https%3A%2F%2Fid.example&state=a+b%26c%3Dd%23e"
	for uri, want := range map[string]string{
		"https://app.example/cb":              "https://app.example/cb?" + encoded,
		"https://app.example":                 "https://app.example?" + encoded,
		"https://app.example/cb?":             "https://app.example/cb?" + encoded,
		"https://app.example/cb?a=%2f&b":      "https://app.example/cb?a=%2f&b&" + encoded,
		"https://app.example/cb?a=%2f&":       "https://app.example/cb?a=%2f&" + encoded,
		"https://app.example/cb?next=x?y=z":   "https://app.example/cb?next=x?y=z&" + encoded,
		"https://app.example/cb?ends=with?":   "https://app.example/cb?ends=with?&" + encoded,
		"https://app.example/cb&not-a-query&": "https://app.example/cb&not-a-query&?" + encoded,
		"com.example.app:/cb":                 "com.example.app:/cb?" + encoded,
	} {
		if got := request.AppendResponse(uri, params); got != want {
			t.Errorf("%q: %q, want %q", uri, got, want)
		}
	}
	if got := request.AppendResponse("https://app.example/cb?x=1", nil); got != "https://app.example/cb?x=1" {
		t.Errorf("without parameters: %q", got)
	}
}

// FuzzRedirectAllowed: whatever is asked, the browser ends up at a registered host, and at the
// registered path and query.
func FuzzRedirectAllowed(f *testing.F) {
	registered := []string{"https://app.example/cb", "http://127.0.0.1/cb", "http://[::1]/cb?x", "http://localhost:8081/callback", "com.example.app:/cb"}
	for _, r := range registered {
		f.Add(r)
	}
	f.Add("http://127.0.0.1:8080/cb")
	f.Add("http://127.0.0.1:8080@evil.example/cb")
	f.Add("http://localhost:/callback")
	f.Fuzz(func(t *testing.T, asked string) {
		if !request.RedirectAllowed(registered, true, asked) {
			return
		}
		u, err := url.Parse(asked)
		if err != nil {
			t.Fatalf("%q is allowed and is no URI: %v", asked, err)
		}
		for _, r := range registered {
			want, err := url.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			if u.Scheme == want.Scheme && u.Hostname() == want.Hostname() && u.RequestURI() == want.RequestURI() && u.User == nil && u.Fragment == "" {
				return
			}
		}
		t.Errorf("%q is allowed", asked)
	})
}

func FuzzValidRedirectURI(f *testing.F) {
	f.Add("https://app.example/cb", false)
	f.Add("com.example.app:/cb", true)
	f.Add("http://[::1]:1/?x=%41", true)
	f.Fuzz(func(t *testing.T, uri string, native bool) {
		if request.ValidRedirectURI(uri, native) != nil {
			return
		}
		if !request.RedirectAllowed([]string{uri}, native, uri) {
			t.Errorf("%q is valid and not allowed", uri)
		}
		// A response arrives beside the query that was registered, and changes nothing else.
		before, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		after, err := url.Parse(request.AppendResponse(uri, url.Values{"code": {"vsc_1"}}))
		if err != nil {
			t.Fatal(err)
		}
		if after.Scheme != before.Scheme || after.Host != before.Host || after.EscapedPath() != before.EscapedPath() ||
			after.Query().Get("code") == "" || !strings.HasPrefix(after.RawQuery, before.RawQuery) || after.Fragment != "" {
			t.Errorf("%q becomes %q", uri, after)
		}
	})
}
