// Package optest is the other side of the provider for tests: an app (App) that can do everything
// right, and each thing wrong, and a browser (Browser) without JavaScript that walks its pages.
//
// A test of a whole sign-in reads
//
//	b := optest.NewBrowser(t, issuer)
//	f := app.Begin(optest.With("prompt", "login"))
//	page := b.Open(f.URL())
//	page = page.Submit("email", "sam@lakeside.example")
//	page = page.Submit("password", "…")
//	answer := app.Redeem(f, f.Code(page))
//	claims := app.Verify(answer.IDToken, f.Nonce)
package optest

import (
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
)

// Browser keeps cookies and follows redirects, as long as they stay on the provider. It never calls
// an app, but for those at Apps: a redirect to one is where a walk ends.
type Browser struct {
	t    testing.TB
	base *url.URL
	HTTP *http.Client

	// Passkeys is the authenticator of the browser. Nil: it knows no WebAuthn.
	Passkeys Authenticator
	// Can is what a script would say that the browser can; empty: there is no script.
	Can string
	// Apps are hosts, with their ports, of apps that are really there.
	Apps []string
}

// NewBrowser is a browser without cookies. Issuer is where the provider is.
func NewBrowser(t testing.TB, issuer string) *Browser {
	t.Helper()
	base, err := url.Parse(issuer)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &Browser{t: t, base: base}
	b.HTTP = &http.Client{
		Jar:     jar,
		Timeout: 30 * time.Second,
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Host != base.Host && !slices.Contains(b.Apps, r.URL.Host) || len(via) > 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
	return b
}

// Open goes to an address of the provider; a path will do.
func (b *Browser) Open(address string) *Page {
	b.t.Helper()
	return b.send(http.MethodGet, address, nil, nil)
}

// Post sends a form to an address of the provider, as its own page would unless header says
// otherwise.
func (b *Browser) Post(address string, fields url.Values, header http.Header) *Page {
	b.t.Helper()
	return b.send(http.MethodPost, address, fields, header)
}

// Cookies are the cookies that the provider would get.
func (b *Browser) Cookies() []*http.Cookie { return b.HTTP.Jar.Cookies(b.base) }

func (b *Browser) send(method, address string, fields url.Values, header http.Header) *Page {
	b.t.Helper()
	target, err := b.base.Parse(address)
	if err != nil {
		b.t.Fatalf("address: %v", err)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), method, target.String(), strings.NewReader(fields.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", target.Scheme+"://"+target.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for name, values := range header {
		r.Header[name] = values
	}
	response, err := b.HTTP.Do(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, target.Path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, target.Path, err)
	}
	p := &Page{browser: b, URL: response.Request.URL, Status: response.StatusCode, Header: response.Header, Body: string(body)}
	if strings.HasPrefix(p.Header.Get("Content-Type"), "text/html") {
		p.read()
	}
	return p
}

// Page is where a walk has got to: a page, or a redirect to an app.
type Page struct {
	URL    *url.URL
	Status int
	Header http.Header
	Body   string
	Title  string
	Text   string // what a person reads, in one line
	Forms  []Form

	browser *Browser
}

// Form is a form of a page with what its fields hold.
type Form struct {
	Action string
	Method string
	Fields url.Values
	inputs map[string]bool // those that a person fills in

	ceremony, options string // of a passkey: "create" or "get", and what with
}

// Has reports whether the page has a field of that name to be filled in.
func (p *Page) Has(field string) bool {
	_, ok := p.form(field)
	return ok
}

// Submit fills in fields, given as name and value in turn, and sends the form that has the first
// of them.
func (p *Page) Submit(fields ...string) *Page {
	p.browser.t.Helper()
	if len(fields) == 0 || len(fields)%2 != 0 {
		p.browser.t.Fatal("Submit needs names and values")
	}
	f, ok := p.form(fields[0])
	if !ok {
		p.browser.t.Fatalf("no field %q on %s", fields[0], p)
	}
	for i := 0; i < len(fields); i += 2 {
		f.Fields.Set(fields[i], fields[i+1])
	}
	return p.send(f)
}

// Press sends the form whose action ends in suffix, as it is.
func (p *Page) Press(suffix string) *Page {
	p.browser.t.Helper()
	for _, f := range p.Forms {
		if strings.HasSuffix(f.Action, suffix) {
			return p.send(f)
		}
	}
	p.browser.t.Fatalf("no form to %q on %s", suffix, p)
	return nil
}

func (p *Page) send(f Form) *Page {
	p.browser.t.Helper()
	target, err := p.URL.Parse(f.Action)
	if err != nil {
		p.browser.t.Fatalf("form action: %v", err)
	}
	if f.Fields.Has("can") {
		f.Fields = maps.Clone(f.Fields)
		f.Fields.Set("can", p.browser.Can)
	}
	if f.Method == http.MethodGet {
		target.RawQuery = f.Fields.Encode()
		return p.browser.Open(target.String())
	}
	return p.browser.Post(target.String(), f.Fields, nil)
}

func (p *Page) form(field string) (Form, bool) {
	for _, f := range p.Forms {
		if f.inputs[field] {
			fields := url.Values{}
			for name, values := range f.Fields {
				fields[name] = append([]string(nil), values...)
			}
			f.Fields = fields
			return f, true
		}
	}
	return Form{}, false
}

// Response is the authorization response that the page hands to the app at redirectURI, by a
// redirect or by a form; nil when it hands over none.
func (p *Page) Response(redirectURI string) url.Values {
	if to := p.Header.Get("Location"); to != "" {
		if before, query, ok := strings.Cut(to, "?"); ok && (before == redirectURI || strings.HasPrefix(to, redirectURI+"&")) {
			values, err := url.ParseQuery(query)
			if err == nil {
				return values
			}
		}
		return nil
	}
	for _, f := range p.Forms {
		if f.Action == redirectURI {
			return f.Fields
		}
	}
	return nil
}

// String says where a walk has got to, without what is secret on the way.
func (p *Page) String() string {
	return "page " + p.URL.Path + " (" + http.StatusText(p.Status) + ", " + p.Title + "): " + p.Text
}

// read finds title, text and forms.
func (p *Page) read() {
	root, err := html.Parse(strings.NewReader(p.Body))
	if err != nil {
		p.browser.t.Fatalf("page %s: %v", p.URL.Path, err)
	}
	var text []string
	var form *Form
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			text = append(text, strings.Fields(n.Data)...)
		}
		if n.Type == html.ElementNode {
			switch n.Data {
			case "script", "style":
				return
			case "title":
				if n.FirstChild != nil {
					p.Title = strings.TrimSpace(n.FirstChild.Data)
				}
				return
			case "form":
				p.Forms = append(p.Forms, Form{
					Action: attribute(n, "action"), Method: strings.ToUpper(attribute(n, "method")),
					Fields: url.Values{}, inputs: map[string]bool{},
					ceremony: attribute(n, "data-ceremony"), options: attribute(n, "data-options"),
				})
				form = &p.Forms[len(p.Forms)-1]
				defer func() { form = nil }()
			case "input", "button":
				if form != nil {
					form.add(n)
				}
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	p.Text = strings.Join(text, " ")
}

func (f *Form) add(n *html.Node) {
	name := attribute(n, "name")
	kind := attribute(n, "type")
	switch {
	case name == "":
	case n.Data == "button" || kind == "submit", kind == "checkbox" || kind == "radio":
		f.inputs[name] = true // sent only when it is pressed or ticked
	case kind == "hidden":
		f.Fields.Add(name, attribute(n, "value"))
	default:
		f.inputs[name] = true
		f.Fields.Add(name, attribute(n, "value"))
	}
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
