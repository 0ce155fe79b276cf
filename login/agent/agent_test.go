package agent_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vsee/vseeid/login/agent"
)

// What browsers send.
const (
	safariPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	safariPad     = "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
	safariMac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
	chromePhone   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Mobile Safari/537.36"
	chromeTablet  = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	chromeOnPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0.7339.101 Mobile/15E148 Safari/604.1"
	chromeOnPad   = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140 Version/11.1.1 Safari/605.1.15"
	chromeWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	chromeMac     = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	chromebook    = "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	chromeLinux   = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
	headless      = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/140.0.0.0 Safari/537.36"
	edgeWindows   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"
	edgeOnPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 EdgiOS/140.0.3485.54 Mobile/15E148 Safari/604.1"
	firefoxPhone  = "Mozilla/5.0 (Android 14; Mobile; rv:142.0) Gecko/142.0 Firefox/142.0"
	firefoxTablet = "Mozilla/5.0 (Android 14; Tablet; rv:142.0) Gecko/142.0 Firefox/142.0"
	firefoxLinux  = "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:142.0) Gecko/20100101 Firefox/142.0"
	firefoxOniOS  = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/142.0 Mobile/15E148 Safari/605.1.15"
	samsung       = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36"
	inApp         = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
)

func TestBrowserAndDevice(t *testing.T) {
	for _, tc := range []struct {
		name, userAgent, platform, browser, device string
	}{
		{"Safari, iPhone", safariPhone, "", "Safari on an iPhone", "iPhone"},
		{"Safari, iPad", safariPad, "", "Safari on an iPad", "iPad"},
		{"Safari, Mac", safariMac, "", "Safari on a Mac or an iPad", "Mac"},
		{"Chrome, Android phone", chromePhone, "Android", "Chrome on an Android phone", "Android phone"},
		{"Chrome, Android phone, no hint", chromePhone, "", "Chrome on an Android phone", "Android phone"},
		{"Chrome, Android tablet", chromeTablet, "Android", "Chrome on an Android tablet", "Android tablet"},
		{"Chrome, iPhone", chromeOnPhone, "", "Chrome on an iPhone", "iPhone"},
		{"Chrome, iPad that asks for the pages of a computer", chromeOnPad, "", "Chrome on an iPad", "iPad"},
		{"Chrome, Windows", chromeWindows, "Windows", "Chrome on a Windows computer", "Windows computer"},
		{"Chrome, Mac", chromeMac, "macOS", "Chrome on a Mac", "Mac"},
		{"Chrome, Mac, no hint", chromeMac, "", "Chrome on a Mac", "Mac"},
		{"Chrome, Chromebook", chromebook, "Chrome OS", "Chrome on a Chromebook", "Chromebook"},
		{"Chrome, Chromebook, no hint", chromebook, "", "Chrome on a Chromebook", "Chromebook"},
		{"Chrome, Linux", chromeLinux, "Linux", "Chrome on a Linux computer", "Linux computer"},
		{"Chrome, Linux, a Chromebook by its hint", chromeLinux, "Chromium OS", "Chrome on a Chromebook", "Chromebook"},
		{"Chrome without a window", headless, "", "Chrome on a Linux computer", "Linux computer"},
		{"Edge, Windows", edgeWindows, "Windows", "Edge on a Windows computer", "Windows computer"},
		{"Edge, iPhone", edgeOnPhone, "", "Edge on an iPhone", "iPhone"},
		{"Firefox, Android phone", firefoxPhone, "", "Firefox on an Android phone", "Android phone"},
		{"Firefox, Android tablet", firefoxTablet, "", "Firefox on an Android tablet", "Android tablet"},
		{"Firefox, Linux", firefoxLinux, "", "Firefox on a Linux computer", "Linux computer"},
		{"Firefox, iPhone", firefoxOniOS, "", "Firefox on an iPhone", "iPhone"},
		{"Samsung Internet", samsung, "Android", "Samsung Internet on an Android phone", "Android phone"},
		{"inside an app", inApp, "", "an unknown browser on an iPhone", "iPhone"},
		{"a hint that is none of the list", chromeWindows, "Unknown", "Chrome on a Windows computer", "Windows computer"},
		{"a hint alone", "", "macOS", "an unknown browser on a Mac", "Mac"},
		{"a tool", "curl/8.5.0", "", "an unknown browser", "device"},
		{"nothing", "", "", "", "device"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := agent.Browser(tc.userAgent, tc.platform); got != tc.browser {
				t.Errorf("Browser: %q, want %q", got, tc.browser)
			}
			if got := agent.Device(tc.userAgent, tc.platform); got != tc.device {
				t.Errorf("Device: %q, want %q", got, tc.device)
			}
			held := regexp.MustCompile("^(iP|Android)").MatchString(tc.device)
			if got := agent.Handheld(tc.userAgent); tc.platform == "" && got != held {
				t.Errorf("Handheld: %v, want %v", got, held)
			}
		})
	}
}

// Every word that comes out is one of ours, whatever comes in.
func FuzzT47_NothingOfAStrangerIsRepeated(f *testing.F) {
	f.Add(safariPhone, "")
	f.Add(chromePhone, "Android")
	f.Add("Visit-https://evil.example/ (Call us) Mozilla/5.0", `"Call +1 555 0100"`)
	f.Add("Mozilla/5.0 (Macintosh; iOS/\r\nBcc: a@b.example)", "\x00")
	known := map[string]bool{}
	for _, w := range strings.Fields("Chrome Firefox Safari Edge Opera Vivaldi Internet Explorer Samsung an unknown browser on a or " +
		"iPhone iPad Android phone tablet Mac Windows computer Chromebook Linux device") {
		known[w] = true
	}
	f.Fuzz(func(t *testing.T, userAgent, platform string) {
		for _, said := range []string{agent.Browser(userAgent, platform), agent.Device(userAgent, platform)} {
			for _, w := range strings.Split(said, " ") {
				if said != "" && !known[w] {
					t.Errorf("%q is repeated of %q, %q", w, userAgent, platform)
				}
			}
		}
	})
}
