package request_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/vsee/vseeid/op/request"
)

func TestParseLogout(t *testing.T) {
	got, err := request.ParseLogout(form(
		"id_token_hint", "a.b.c", "client_id", "messenger", "post_logout_redirect_uri", "https://app.example/bye",
		"state", "s&=", "ui_locales", "fr en", "logout_hint", "x", "extra", "1", "extra", "2",
	))
	want := request.Logout{
		IDTokenHint: "a.b.c", ClientID: "messenger", RedirectURI: "https://app.example/bye", State: "s&=", UILocales: []string{"fr", "en"},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if got, err = request.ParseLogout(form()); err != nil || !cmp.Equal(got, request.Logout{}) {
		t.Errorf("an empty request: %+v, %v", got, err)
	}
	// As apps that used Auth0 send it to /v2/logout.
	if got, err = request.ParseLogout(form("client_id", "m", "returnTo", "https://app.example/")); err != nil || got.RedirectURI != "https://app.example/" {
		t.Errorf("returnTo: %+v, %v", got, err)
	}
}

// TestP46_SuspectLogout: an error of a logout never goes to an address of the request.
func TestP46_SuspectLogout(t *testing.T) {
	for name, values := range map[string][]string{
		"hint twice":               {"id_token_hint", "a", "id_token_hint", "b"},
		"address twice":            {"post_logout_redirect_uri", "https://a.example", "post_logout_redirect_uri", "https://b.example"},
		"client twice":             {"client_id", "a", "client_id", "b"},
		"state twice":              {"state", "a", "state", "b"},
		"address with a line end":  {"post_logout_redirect_uri", "https://a.example/\r\nSet-Cookie: x"},
		"address that is too long": {"post_logout_redirect_uri", "https://a.example/" + strings.Repeat("a", 2048)},
		"state that is too long":   {"state", strings.Repeat("a", 2049)},
		"hint with a space":        {"id_token_hint", "a b"},
	} {
		got, err := request.ParseLogout(form(values...))
		if err == nil || err.Code != "invalid_request" || !err.Page || !printable.MatchString(err.Description) || got.RedirectURI != "" {
			t.Errorf("%s: %+v, %+v", name, got, err)
		}
	}
}

func FuzzParseLogout(f *testing.F) {
	f.Add("id_token_hint=a.b.c&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2F&state=x&ui_locales=en")
	f.Add("returnTo=%2F%2Fevil.example&client_id=m")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := request.ParseForm(query)
		if err != nil {
			return
		}
		got, err := request.ParseLogout(values)
		if err != nil {
			if !err.Page || !printable.MatchString(err.Description) {
				t.Errorf("%q: %+v", query, err)
			}
			return
		}
		again, err := request.ParseLogout(form(
			"id_token_hint", got.IDTokenHint, "client_id", got.ClientID, "post_logout_redirect_uri", got.RedirectURI,
			"state", got.State, "ui_locales", strings.Join(got.UILocales, " "),
		))
		if d := cmp.Diff(got, again); err != nil || d != "" {
			t.Errorf("%q: again %v (-first +again):\n%s", query, err, d)
		}
	})
}
