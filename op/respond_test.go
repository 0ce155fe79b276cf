package op

import "testing"

func TestOriginOf(t *testing.T) {
	for uri, want := range map[string]string{
		"https://app.example/cb?x=/y": "https://app.example",
		"https://app.example:8443/cb": "https://app.example:8443",
		"https://app.example":         "https://app.example",
		"https://app.example?x=1":     "https://app.example",
		"http://127.0.0.1:4000/cb":    "http://127.0.0.1:4000",
		"http://[::1]:4000/cb":        "http:", // a policy cannot name such a host
		"com.example.app:/cb":         "com.example.app:",
		"com.example.app://signin/cb": "com.example.app:",
	} {
		if got := originOf(uri); got != want {
			t.Errorf("originOf(%q) is %q, want %q", uri, got, want)
		}
	}
}
