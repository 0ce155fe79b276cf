package templates_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/boombuler/barcode/qr"

	"github.com/vsee/vseeid/templates"
	"github.com/vsee/vseeid/templates/browsertest"
)

const (
	charlotte = "charlotte@riverside.example"
	tx        = "/u/login/5KQ2VZ"
	key       = "H43SC3SMKFTC4YLLG5XWQV2LJNTVUTJZ"
	uri       = "otpauth://totp/VSee:" + charlotte + "?issuer=VSee&secret=" + key
)

var frame = templates.Frame{Brand: templates.Brand{Name: "VSee", Support: "help@vsee.example"}, App: "VSee Messenger", Locale: "en"}

// A shown is one page in one state, as a handler would fill it.
type shown struct {
	name string
	page templates.Pager
}

func text(key string) templates.Text { return templates.Text{Key: key} }

// gallery is every page in every state.
func gallery(t testing.TB) []shown {
	return slices.Concat(signIn(t), passkeys(), mailed(), setUp(t), account())
}

// signIn is what was there first: password, authenticator app and recovery code.
func signIn(t testing.TB) []shown {
	branded := frame
	branded.Brand = templates.Brand{Name: "Riverside Health", Accent: "#ffb000"}
	noApp := frame
	noApp.App = ""
	drawing := drawQR(t)
	enroll := templates.EnrollTOTP{
		Frame: frame, Action: tx + "/enroll", QR: drawing, Key: key, URI: uri, Toggle: tx + "?view=key", Email: charlotte, Cancel: tx + "/cancel",
	}
	manual := enroll
	manual.Manual, manual.Toggle = true, tx
	enrollWrong, manualWrong := enroll, manual
	enrollWrong.Problem, manualWrong.Problem = text("code.wrong"), text("code.format")
	recovery := templates.RecoveryCode{Frame: frame, Action: tx + "/recovery", Later: tx + "/later", After: 14 * 24 * time.Hour, Code: "WUVDS24HFGEXBKPVRDPVC8TD"}
	replaced := recovery
	replaced.Replaces, replaced.Later, replaced.Problem = true, "", text("recovery.confirm")
	totp := templates.Challenge{Frame: frame, Kind: "totp", Action: tx + "/challenge", Email: charlotte, Other: tx + "/method", Switch: tx + "/switch"}
	wrong, locked, closed := totp, totp, totp
	wrong.Problem = text("code.replayed")
	locked.Retry = 90 * time.Second
	closed.Closed = true
	closedAll := closed
	closedAll.Other, closedAll.Cancel, closedAll.Reference = "", tx+"/cancel", "0JMQW2T7ZK4E"
	lockedAlone := locked
	lockedAlone.Other = ""
	byCode := totp
	byCode.Kind = "recovery"
	byCodeWrong := byCode
	byCodeWrong.Problem = text("recovery.format")
	return []shown{
		{"identifier", templates.Identifier{Frame: frame, Action: tx + "/identifier"}},
		{"identifier-empty", templates.Identifier{Frame: noApp, Action: tx + "/identifier", Problem: text("identifier.empty")}},
		{"identifier-format", templates.Identifier{Frame: frame, Action: tx + "/identifier", Email: "charlotte", Problem: text("identifier.format")}},
		{"identifier-branded", templates.Identifier{Frame: branded, Action: tx + "/identifier", Email: charlotte}},
		{"password", templates.Password{Frame: frame, Action: tx + "/password", Edit: tx + "/switch", Email: charlotte}},
		{"password-wrong", templates.Password{Frame: frame, Action: tx + "/password", Edit: tx + "/switch", Email: charlotte, Problem: text("password.wrong")}},
		{"password-locked", templates.Password{Frame: frame, Action: tx + "/password", Edit: tx + "/switch", Email: "charlotte.konstantinopoulos-whittaker@riverside-health.example", Problem: text("attempt.wait"), Retry: 14 * time.Minute}},
		{"password-closed", templates.Password{Frame: frame, Action: tx + "/password", Edit: tx + "/switch", Email: charlotte, Closed: true, Cancel: tx + "/cancel", Reference: "0JMQW2T7ZK4E"}},
		{"enroll", enroll},
		{"enroll-wrong", enrollWrong},
		{"enroll-manual", manual},
		{"enroll-manual-wrong", manualWrong},
		{"recovery", recovery},
		{"recovery-replaced", replaced},
		{"challenge", totp},
		{"challenge-wrong", wrong},
		{"challenge-locked", locked},
		{"challenge-locked-alone", lockedAlone},
		{"challenge-closed", closed},
		{"challenge-closed-all", closedAll},
		{"challenge-recovery", byCode},
		{"challenge-recovery-wrong", byCodeWrong},
		{"methods", templates.Methods{Frame: frame, Action: tx + "/method", Kinds: []string{"totp", "recovery"}, Back: tx}},
		{"notice-lost", templates.Notice{
			Frame: frame, Title: text("notice.lost.title"), Body: []templates.Text{text("notice.lost.body")},
			Link: templates.Action{URL: "/authorize?client_id=messenger", Label: text("notice.again")},
		}},
		{"notice-error", templates.Notice{
			Frame: noApp, Title: text("notice.error.title"), Body: []templates.Text{text("notice.error.body"), text("notice.gone.norestart")}, Reference: "0JMQW2T7ZK4E",
		}},
		{"notice-notmember", templates.Notice{
			Frame: frame, Title: text("notice.notmember.title"), Body: []templates.Text{text("notice.notmember.body")},
			Button: templates.Action{URL: tx + "/switch", Label: text("notice.switch"), Fields: []templates.Field{{Name: "a", Value: "b"}}},
			Second: templates.Action{URL: tx + "/cancel", Label: text("notice.back"), Fields: []templates.Field{{Name: "c", Value: "d"}}},
		}},
		{"notice-logout", templates.Notice{
			Frame: noApp, Title: text("notice.logout.confirm.title"), Body: []templates.Text{text("notice.logout.confirm.body")},
			Button: templates.Action{URL: "/oidc/logout", Label: text("notice.logout.yes")},
		}},
		{"formpost", templates.FormPost{Frame: frame, Action: "/gallery/taken", Fields: []templates.Field{{Name: "code", Value: "c"}, {Name: "submit", Value: "s"}}}},
	}
}

// drawQR draws the QR code of uri as login does: one path over the dark modules, with a quiet zone of four.
func drawQR(t testing.TB) templates.QR {
	t.Helper()
	code, err := qr.Encode(uri, qr.M, qr.Auto)
	if err != nil {
		t.Fatal(err)
	}
	var path strings.Builder
	size := code.Bounds().Dx()
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+4, y+4)
			}
		}
	}
	return templates.QR{Size: size + 8, Path: path.String()}
}

// galleryServer serves the pages under /gallery/{name}, as the real server would.
func galleryServer(t testing.TB, pages []shown) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("GET /u/assets/", templates.Assets())
	mux.HandleFunc("POST /gallery/taken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for _, s := range pages {
		mux.HandleFunc("GET /gallery/"+s.name, func(w http.ResponseWriter, r *http.Request) {
			if err := templates.Serve(w, r, http.StatusOK, s.page); err != nil {
				t.Errorf("serve %s: %v", s.name, err)
			}
		})
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

// TestU03_Gallery looks at every page and state on every device in both themes: nothing that axe-core objects to, and
// nothing that is wider than the screen. It leaves pictures where VSEEID_SCREENSHOTS says.
func TestU03_Gallery(t *testing.T) {
	browser := browsertest.Start(t)
	pages := gallery(t)
	server := galleryServer(t, pages)
	devices := []struct {
		name   string
		device browsertest.Device
	}{{"desktop", browsertest.Desktop}, {"phone", browsertest.Phone}, {"narrow", browsertest.Narrow}}
	url := browsertest.Localhost(server.URL) + "/gallery/"
	for _, d := range devices {
		for _, dark := range []bool{false, true} {
			// axe-core takes most of the time: both layouts and both themes, but not each with each.
			full := dark == (d.name == "narrow") && d.name != "phone"
			name := d.name + map[bool]string{false: "-light", true: "-dark"}[dark]
			t.Run(name, func(t *testing.T) {
				device := d.device
				device.Dark = dark
				tab := browser.Person(t, device).Tab()
				for _, s := range pages {
					if !full && strings.HasPrefix(s.name, "passkey-ended-") { // which differ by their words alone
						continue
					}
					tab.Open(url + s.name)
					tab.Screenshot(s.name + "-" + name)
					if full {
						tab.Axe(s.name)
					}
					if over := browsertest.Script[int64](tab, "document.documentElement.scrollWidth") - d.device.Width; over > 0 {
						t.Errorf("%s is %d pixels wider than the screen", s.name, over)
					}
					small := browsertest.Script[[]string](tab, smallTargets)
					for _, e := range small {
						t.Errorf("%s: hard to hit: %s", s.name, e)
					}
				}
			})
		}
	}
}

// smallTargets lists what can be pressed and is lower or narrower than a finger needs.
const smallTargets = `[...document.querySelectorAll("a, button, input:not(.unseen):not([type=hidden])")].flatMap((e) => {
	e = e.closest(".method, .check, .thing:has(h3 a)") ?? e;
	const r = e.getBoundingClientRect();
	return r.width === 0 || (r.height >= 44 && r.width >= 44) ? [] : [e.outerHTML.slice(0, 80) + " " + r.width + "x" + r.height];
})`
