// Package browsertest drives a headless Chromium as a person would: it opens pages, types into
// fields by their name, presses what has a label, and reads what stands there.
//
// The browser is the one of VSEEID_TEST_CHROMIUM; a test that finds none skips and says so.
package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Patience bounds each thing that a Tab does. Nothing waits for it in a run that passes.
const Patience = 20 * time.Second

// Browser is one Chromium process. Close it when the test binary is done.
type Browser struct {
	ctx    context.Context
	cancel func()
}

// Start starts Chromium on a profile of its own, or skips the test.
func Start(t testing.TB) *Browser {
	t.Helper()
	path := os.Getenv("VSEEID_TEST_CHROMIUM")
	if path == "" {
		t.Skip("VSEEID_TEST_CHROMIUM is not set: make test finds or installs a browser")
	}
	if _, err := exec.LookPath(path); err != nil {
		t.Fatalf("VSEEID_TEST_CHROMIUM: %v", err)
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(),
		chromedp.ExecPath(path),
		chromedp.Headless,
		chromedp.NoSandbox, // the tests run as root in CI
		chromedp.DisableGPU,
		chromedp.NoFirstRun,
		chromedp.NoDefaultBrowserCheck,
		chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true),
		chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true),
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.Flag("hide-scrollbars", true),
	)
	ctx, cancel := chromedp.NewContext(alloc)
	if err := chromedp.Do(ctx); err != nil {
		cancel()
		stop()
		t.Fatalf("start Chromium: %v", err)
	}
	b := &Browser{ctx: ctx, cancel: func() { cancel(); stop() }}
	t.Cleanup(b.cancel)
	return b
}

// Device is what a person holds.
type Device struct {
	Width, Height int64
	Phone         bool
	Dark          bool
	NoScript      bool
	Agent         string // what the browser calls itself; empty: as it was
}

// The devices that pages are looked at on.
var (
	Desktop = Device{Width: 1280, Height: 800}
	Phone   = Device{Width: 390, Height: 844, Phone: true}
	Narrow  = Device{Width: 320, Height: 640, Phone: true}
)

// Person is one browser profile: its own cookies, any number of tabs.
type Person struct {
	t      testing.TB
	ctx    context.Context
	device Device
}

// Person opens a fresh profile.
func (b *Browser) Person(t testing.TB, d Device) *Person {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("open a profile: %v", err)
	}
	return &Person{t: t, ctx: ctx, device: d}
}

// Tab opens a tab.
func (p *Person) Tab() *Tab {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	// The first run makes the target, which lives as long as the context of that run.
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	tab := &Tab{t: p.t, ctx: ctx}
	if err := chromedp.Listen(ctx, tab.complaints.hear); err != nil {
		p.t.Fatalf("listen to the console: %v", err)
	}
	p.t.Cleanup(func() {
		for _, c := range tab.complaints.list() {
			p.t.Errorf("the browser complained: %s", c)
		}
	})
	tab.Hold(p.device)
	return tab
}

// Hold makes the tab one of another device: the page stays, and is laid out anew.
func (b *Tab) Hold(d Device) {
	b.t.Helper()
	scheme := "light"
	if d.Dark {
		scheme = "dark"
	}
	size := []chromedp.EmulateViewportOption{}
	if d.Phone {
		size = append(size, chromedp.EmulateMobile)
	}
	b.do("emulate the device", chromedp.EmulateViewport(d.Width, d.Height, size...),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		}),
		chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled,
				emulation.SetScriptExecutionDisabledParams{Value: d.NoScript})
			return err
		}))
	if d.Agent != "" {
		b.command("call the browser otherwise", func(ctx context.Context) error {
			_, err := chromedp.Call(ctx, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: d.Agent})
			return err
		})
	}
	if !d.NoScript {
		// Colours fade from one theme to the other.
		b.frames()
		Script[bool](b, "Promise.all(document.getAnimations().map((a) => a.finished)).then(() => true)")
	}
}

// Tab is one tab. Its methods fail the test with what stands on the page when they cannot do what
// they are told; so does, at the end, what the browser wrote to its console: an error of a script,
// something that the Content-Security-Policy stopped, a file that is not there.
type Tab struct {
	t          testing.TB
	ctx        context.Context
	complaints complaints
}

// Open goes to a page. A page that was on its way somewhere by itself (a form that posts itself, a
// reload) can stop that once: it is gone to a second time.
func (b *Tab) Open(url string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	_, err := chromedp.Run(ctx, chromedp.Navigate(url))
	if err != nil && strings.Contains(err.Error(), "net::ERR_ABORTED") {
		_, err = chromedp.Run(ctx, chromedp.Navigate(url))
	}
	if err != nil {
		b.t.Fatalf("could not open %s: %v\n%s", url, err, b.state())
	}
}

// Back presses the browser's back button.
func (b *Tab) Back() { b.t.Helper(); b.do("go back", chromedp.NavigateBack()) }

// Reload presses the browser's reload button.
func (b *Tab) Reload() { b.t.Helper(); b.do("reload", chromedp.Reload()) }

// URL is where the tab is.
func (b *Tab) URL() string { b.t.Helper(); return run(b, "read the address", chromedp.Location()) }

// Text is what a person can read on the page.
func (b *Tab) Text() string {
	b.t.Helper()
	return await[string](b, "read the page", "document.body.innerText")
}

// See waits until a heading stands there.
func (b *Tab) See(heading string) {
	b.t.Helper()
	await[bool](b, "see "+heading, fmt.Sprintf("!!%s || null", visible(path(fmt.Sprintf(
		"//*[(self::h1 or self::h2) and normalize-space()=%s]", quote(heading))))))
}

// SeeText waits until a text stands somewhere on the page.
func (b *Tab) SeeText(text string) {
	b.t.Helper()
	await[bool](b, "see "+text, fmt.Sprintf("!!%s || null", visible(path(fmt.Sprintf(
		"//body//*[contains(normalize-space(), %s)][not(.//*[contains(normalize-space(), %[1]s)])]", quote(text))))))
}

// Type fills a field, given by its name, with a text, key by key.
func (b *Tab) Type(field, text string) {
	b.t.Helper()
	keys := text
	if keys == "" {
		keys = kb.Backspace
	}
	await[bool](b, "type into "+field, fmt.Sprintf(`((e) => {
		if (!e || !%s) return null;
		e.focus();
		e.select();
		return e === document.activeElement || null })(%s)`,
		drawn, visible(css(fmt.Sprintf("input[name=%q]:not([type=hidden])", field)))))
	b.do("type into "+field, chromedp.KeyEvent(keys))
}

// Paste puts a text into a field, given by its name, at once.
func (b *Tab) Paste(field, text string) {
	b.t.Helper()
	if !Script[bool](b, fmt.Sprintf(`(() => { const e = document.querySelector("input[name=%s]:not([type=hidden])");
		e.focus(); e.select(); return document.execCommand("insertText", false, %q) })()`, field, text)) {
		b.t.Fatalf("could not paste into %s\n%s", field, b.state())
	}
}

// Tick ticks the box of a name.
func (b *Tab) Tick(field string) {
	b.t.Helper()
	b.click("tick "+field, css(fmt.Sprintf("input[type=checkbox][name=%q]", field)))
}

// Press presses the button or link that has exactly this label. Where that leads to another page, what
// follows has to wait for something that only the other page has: this one still stands for a while.
func (b *Tab) Press(label string) {
	b.t.Helper()
	b.click("press "+label, path(fmt.Sprintf(
		"//*[(self::button or self::a or self::summary) and normalize-space()=%s]", quote(label))))
}

// click presses the mouse button in the middle of the first of some elements that can be seen, as
// soon as nothing else lies over it.
func (b *Tab) click(what, elements string) {
	b.t.Helper()
	at := await[[2]float64](b, what, fmt.Sprintf(`((e) => {
		if (!e || !%s) return null;
		e.scrollIntoViewIfNeeded();
		const box = e.getClientRects()[0], x = box.x + box.width / 2, y = box.y + box.height / 2;
		return e.contains(document.elementFromPoint(x, y)) ? [x, y] : null })(%s)`, drawn, visible(elements)))
	b.do(what, chromedp.MouseClickXY(at[0], at[1]))
}

// Keys presses keys, one after the other, on what has the focus: chromedp's kb constants or text.
func (b *Tab) Keys(keys string) {
	b.t.Helper()
	b.frames()
	b.do("press keys", chromedp.KeyEvent(keys))
}

// TabTo presses the Tab key until something has the focus: a field, given by its name, or what has
// exactly this label. What has the focus on the way and does not show it fails the test.
func (b *Tab) TabTo(what string) {
	b.t.Helper()
	b.frames()
	var passed []string
	for len(passed) < 40 {
		b.Keys(kb.Tab)
		at, shown := b.Focused()
		if !shown {
			b.t.Errorf("%q has the focus and does not show it", at)
		}
		if at == what {
			return
		}
		passed = append(passed, at)
	}
	b.t.Fatalf("the Tab key does not lead to %q but to %q\n%s", what, passed, b.state())
}

// Focused is what has the focus, and whether that is shown: the name of a field, the label of anything
// else, and nothing where it is the page itself.
func (b *Tab) Focused() (what string, shown bool) {
	b.t.Helper()
	what = Script[string](b, `(() => { const e = document.activeElement;
		return e === document.body ? "" : e.localName === "input" && e.name ? e.name : (e.getAttribute("aria-label") ?? e.textContent).trim() })()`)
	return what, Script[string](b, `getComputedStyle(document.activeElement.closest(".method, .thing:has(h3 a)") ?? document.activeElement).outlineStyle`) != "none"
}

// frames waits until the browser has drawn, which is when it obeys autofocus.
func (b *Tab) frames() {
	b.t.Helper()
	Script[bool](b, "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))")
}

// Value is what stands in the first element of a CSS selector: the value of a field, the text of
// anything else.
func (b *Tab) Value(selector string) string {
	b.t.Helper()
	return await[string](b, "read "+selector, fmt.Sprintf(
		`((e) => e ? (e.value ?? e.textContent).trim() : "")(document.querySelector(%q))`, selector))
}

// Script evaluates an expression in the page, into a value that JSON knows.
func Script[T any](b *Tab, expression string) T {
	b.t.Helper()
	return run(b, "evaluate", chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// BeforeScripts runs a script in every page that is opened from now on, before the page's own.
func (b *Tab) BeforeScripts(script string) {
	b.t.Helper()
	b.command("run a script in every page", func(ctx context.Context) error {
		_, err := chromedp.Call(ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: script})
		return err
	})
}

// Wait waits until an expression is true in the page, whichever page that is by then.
func (b *Tab) Wait(expression string) {
	b.t.Helper()
	await[bool](b, "wait for "+expression, "("+expression+") || null")
}

// Screenshot writes name.png of the whole page into the directory of VSEEID_SCREENSHOTS; without
// one it does nothing.
func (b *Tab) Screenshot(name string) {
	b.t.Helper()
	dir := os.Getenv("VSEEID_SCREENSHOTS")
	if dir == "" {
		return
	}
	png := run(b, "take a picture", chromedp.FullScreenshot(100))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// Axe fails the test for every violation that axe-core (VSEEID_TEST_AXE) finds on the page by the
// rules of WCAG 2.2 A and AA and its best practices. Without axe-core it does nothing but say so.
func (b *Tab) Axe(state string) {
	b.t.Helper()
	path := os.Getenv("VSEEID_TEST_AXE")
	if path == "" {
		b.t.Log("VSEEID_TEST_AXE is not set: accessibility was not checked")
		return
	}
	source, err := os.ReadFile(path)
	if err != nil {
		b.t.Fatal(err)
	}
	run(b, "load axe-core", chromedp.Evaluate[bool](string(source)+"; true"))
	out := run(b, "run axe-core", chromedp.Evaluate[string](`axe.run(document, {runOnly: [
		"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}).then(r => JSON.stringify(
		r.violations.map(v => v.id + ": " + v.help + " at " + v.nodes.map(n => n.target.join(" ")).join(", "))))`,
		chromedp.EvalAwaitPromise))
	var violations []string
	if err := json.Unmarshal([]byte(out), &violations); err != nil {
		b.t.Fatalf("axe-core answered %q: %v", out, err)
	}
	for _, v := range violations {
		b.t.Errorf("%s: %s", state, v)
	}
}

func (b *Tab) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	run(b, what, chromedp.Steps(steps...))
}

func run[T any](b *Tab, what string, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, Patience)
	defer cancel()
	out, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatalf("could not %s: %v\n%s", what, err, b.state())
	}
	return out
}

// await asks for the value of an expression until that is not null, on a page that has all arrived,
// whichever page that is by then.
//
// What a Tab reads, it reads like this, and not from chromedp's copy of the nodes: a node of that is
// gone as soon as its page gives way to the next, which is an error and not a reason to look again.
func await[T any](b *Tab, what, expression string) T {
	b.t.Helper()
	return run(b, what, func(ctx context.Context, _ *chromedp.Target) (T, error) {
		return ask[T](ctx, `document.readyState === "complete" ? `+expression+` : null`)
	})
}

// ask asks for the value of an expression until that is not null.
func ask[T any](ctx context.Context, expression string) (T, error) {
	for {
		// While one page gives way to the next there is nothing to ask.
		if value, err := chromedp.Run(ctx, chromedp.Evaluate[*T](expression)); err == nil && value != nil {
			return *value, nil
		}
		select {
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// drawn is an expression for whether the page was drawn: until then Chromium drops what is pressed,
// and it has yet to give the focus to the field that asks for it.
const drawn = `performance.getEntriesByType("paint").length`

// visible is an expression for the first of some elements that can be seen.
func visible(elements string) string {
	return fmt.Sprintf(`%s.find((e) => e.checkVisibility({visibilityProperty: true}))`, elements)
}

// css is an expression for the elements of a CSS selector.
func css(selector string) string { return fmt.Sprintf(`[...document.querySelectorAll(%q)]`, selector) }

// path is an expression for the elements of an XPath.
func path(xpath string) string {
	return fmt.Sprintf(`((all) => Array.from({length: all.snapshotLength}, (_, i) => all.snapshotItem(i)))(
		document.evaluate(%q, document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE))`, xpath)
}

// state says where a tab stands, for a failure.
func (b *Tab) state() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	stands, err := ask[[2]string](ctx, "[location.href, document.body.innerText]")
	if err != nil {
		return "at a page that does not answer"
	}
	return fmt.Sprintf("at %s, where it says:\n%s", stands[0], strings.TrimSpace(stands[1]))
}

// quote makes an XPath string literal.
func quote(s string) string {
	if !strings.Contains(s, "'") {
		return "'" + s + "'"
	}
	return `"` + s + `"`
}
