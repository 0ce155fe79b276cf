// Package agent puts into words which browser and which device a request came from. What a browser
// says of itself is what a stranger sent: only names that are listed here are ever repeated, and
// nothing is decided by them.
package agent

import (
	"strings"

	"github.com/mileusna/useragent"
)

// Unknown is a browser that is not listed here.
const Unknown = "an unknown browser"

// Browser names a browser and what it runs on: "Safari on an iPhone". platform is what the browser
// names by itself (Sec-CH-UA-Platform) and may be empty. Browser is empty for who sent neither.
func Browser(userAgent, platform string) string {
	if userAgent == "" && platform == "" {
		return ""
	}
	ua := useragent.Parse(userAgent)
	name, known := browsers[ua.Name]
	if !known {
		name = Unknown
	}
	d := deviceOf(ua, platform)
	if d == mac && ua.Name == useragent.Safari {
		return name + " on a Mac or an iPad" // which calls itself a Mac
	}
	if d == device {
		return name
	}
	return name + " on " + d.article()
}

// Device names a device as its owner would: "iPhone", or "device" where there is no telling. An
// iPad whose Safari calls itself a Mac is one here, too.
func Device(userAgent, platform string) string {
	return string(deviceOf(useragent.Parse(userAgent), platform))
}

// Handheld reports whether it is a phone or a tablet that says so.
func Handheld(userAgent string) bool {
	switch deviceOf(useragent.Parse(userAgent), "") {
	case iPhone, iPad, androidPhone, androidTablet:
		return true
	case mac, windows, chromebook, linux, device:
	}
	return false
}

// kind is a sort of device.
type kind string

const (
	iPhone        kind = "iPhone"
	iPad          kind = "iPad"
	androidPhone  kind = "Android phone"
	androidTablet kind = "Android tablet"
	mac           kind = "Mac"
	windows       kind = "Windows computer"
	chromebook    kind = "Chromebook"
	linux         kind = "Linux computer"
	device        kind = "device"
)

// article returns k after "a" or "an".
func (k kind) article() string {
	if strings.ContainsRune("AEIOUi", rune(k[0])) {
		return "an " + string(k)
	}
	return "a " + string(k)
}

// deviceOf goes by the platform where there is one: it is not frozen for the sake of old sites, as
// user agents are.
func deviceOf(ua useragent.UserAgent, platform string) kind {
	switch {
	case ua.OS == useragent.MacOS && strings.Contains(ua.String, "iOS/"):
		return iPad // Chrome and others there, when they ask for the pages of a computer
	case platform == "Android", platform == "" && ua.OS == useragent.Android:
		if strings.Contains(ua.String, "Mobile") {
			return androidPhone
		}
		return androidTablet
	case platform == "iOS", platform == "" && ua.OS == useragent.IOS:
		if ua.Device == string(iPad) {
			return iPad
		}
		return iPhone
	}
	if k, ok := platforms[platform]; ok {
		return k
	}
	if k, ok := systems[ua.OS]; ok {
		return k
	}
	return device
}

var browsers = map[string]string{
	useragent.Chrome:           "Chrome",
	useragent.HeadlessChrome:   "Chrome",
	useragent.Firefox:          "Firefox",
	useragent.Safari:           "Safari",
	useragent.MobileSafari:     "Safari",
	useragent.Edge:             "Edge",
	useragent.Opera:            "Opera",
	useragent.OperaMini:        "Opera",
	useragent.OperaTouch:       "Opera",
	useragent.Vivaldi:          "Vivaldi",
	useragent.InternetExplorer: "Internet Explorer",
	useragent.SamsungBrowser:   "Samsung Internet",
}

// platforms are the values of Sec-CH-UA-Platform (User-Agent Client Hints, 3.6) that say which
// device it is by themselves.
var platforms = map[string]kind{
	"Windows":     windows,
	"macOS":       mac,
	"Linux":       linux,
	"Chrome OS":   chromebook,
	"Chromium OS": chromebook,
}

// systems are what user agents say.
var systems = map[string]kind{
	useragent.Windows:  windows,
	useragent.MacOS:    mac,
	useragent.Linux:    linux,
	useragent.ChromeOS: chromebook,
}
