package passkey

import (
	"strings"
	"testing"

	"github.com/google/uuid"
)

func TestW11_Providers(t *testing.T) {
	id := func(s string) []byte {
		u := uuid.MustParse(s)
		return u[:]
	}
	for what, tc := range map[string]struct {
		aaguid []byte
		want   string
	}{
		"an account":      {id("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4"), "Google Password Manager"},
		"a computer":      {id("08987058-cadc-4b81-b6e1-30de50dcbe96"), "Windows Hello"},
		"a security key":  {id("ee882879-721c-4913-9775-3dfcce97072a"), "YubiKey 5 Series"},
		"none said":       {id("00000000-0000-0000-0000-000000000000"), ""},
		"nobody knows it": {id("01020304-0506-0708-090a-0b0c0d0e0f10"), ""},
		"nothing":         {nil, ""},
		"too short":       {[]byte{1, 2, 3}, ""},
	} {
		if got := provider(tc.aaguid); got != tc.want {
			t.Errorf("%s: %q, want %q", what, got, tc.want)
		}
	}
}

// The list may be emptied by its keepers.
func TestW11_EmptyList(t *testing.T) {
	google := uuid.MustParse("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4")
	for _, list := range []string{"{}", "", "null", "[]", "<html>"} {
		if got := named(names([]byte(list)), google[:]); got != "" {
			t.Errorf("%q names %q", list, got)
		}
	}
}

// What is in the list is fit to be shown.
func TestW11_List(t *testing.T) {
	list := providers()
	if len(list) < 300 {
		t.Fatalf("it has %d names", len(list))
	}
	for id, name := range list {
		u, err := uuid.Parse(id)
		if err != nil || u.String() != id || u == uuid.Nil {
			t.Errorf("%q is no AAGUID as they are looked up", id)
		}
		if name == "" || name != strings.TrimSpace(name) || len(name) > 80 || strings.ContainsAny(name, "<>\n\t") {
			t.Errorf("%s is called %q", id, name)
		}
	}
}
