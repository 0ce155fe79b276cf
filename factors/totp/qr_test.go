package totp_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/boombuler/barcode/qr"

	"github.com/vsee/vseeid/factors"
	"github.com/vsee/vseeid/factors/totp"
)

var pathForm = regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-(\d+)z`)

// The path, drawn on a grid, is the code that the library made, module by module, in its quiet zone.
func TestQRIsTheCode(t *testing.T) {
	shown, _, err := totp.Factor{Issuer: "VSee"}.BeginEnroll(t.Context(), factors.User{ID: "u", Email: "charlotte@riverside.example"})
	if err != nil {
		t.Fatal(err)
	}
	for _, uri := range []string{shown.URI, "otpauth://totp/a?secret=b", strings.Repeat("long ", 100)} {
		size, path, err := totp.QR(uri)
		if err != nil {
			t.Fatal(err)
		}
		if left := pathForm.ReplaceAllString(path, ""); left != "" {
			t.Fatalf("there is more in the path: %q", left)
		}
		drawn := map[string]bool{}
		for _, m := range pathForm.FindAllStringSubmatch(path, -1) {
			x, y, w := number(t, m[1]), number(t, m[2]), number(t, m[3])
			if m[3] != m[4] {
				t.Fatalf("a run that does not come back: %s", m[0])
			}
			for i := range w {
				drawn[fmt.Sprint(x+i, y)] = true
			}
		}
		want, err := qr.Encode(uri, qr.M, qr.Auto)
		if err != nil {
			t.Fatal(err)
		}
		if size != want.Bounds().Dx()+8 {
			t.Errorf("size %d for %d modules", size, want.Bounds().Dx())
		}
		for y := range size {
			for x := range size {
				dark := false
				if i, j := x-4, y-4; i >= 0 && j >= 0 && i < size-8 && j < size-8 {
					r, _, _, _ := want.At(i, j).RGBA()
					dark = r == 0
				}
				if drawn[fmt.Sprint(x, y)] != dark {
					t.Fatalf("module %d,%d is drawn %v", x, y, !dark)
				}
			}
		}
	}
}

func TestQRTooLong(t *testing.T) {
	if _, _, err := totp.QR(strings.Repeat("x", 10_000)); err == nil || strings.Contains(err.Error(), "xxxx") {
		t.Errorf("got %v, want an error that does not quote the URI", err)
	}
}

func number(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
