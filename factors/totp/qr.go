package totp

import (
	"errors"
	"strconv"

	"github.com/boombuler/barcode/qr"
)

// quietZone is the margin that ISO/IEC 18004 asks for on every side, in modules.
const quietZone = 4

// QR draws uri as a QR code: the data of one SVG path, a rectangle for each run of dark modules, on
// a grid of size by size modules with the quiet zone included. Error correction M: a screen is read
// from close by, and has no dirt on it.
func QR(uri string) (size int, path string, err error) {
	code, err := qr.Encode(uri, qr.M, qr.Auto)
	if err != nil {
		// The library's error quotes the URI, which has the seed.
		return 0, "", errors.New("totp: the URI does not fit a QR code")
	}
	modules := code.Bounds().Dx()
	dark := func(x, y int) bool {
		r, _, _, _ := code.At(x, y).RGBA()
		return r == 0
	}
	var out []byte
	for y := range modules {
		for x := 0; x < modules; x++ {
			if !dark(x, y) {
				continue
			}
			from := x
			for x < modules && dark(x, y) {
				x++
			}
			out = append(out, 'M')
			out = strconv.AppendInt(out, int64(from+quietZone), 10)
			out = append(out, ' ')
			out = strconv.AppendInt(out, int64(y+quietZone), 10)
			out = append(out, 'h')
			out = strconv.AppendInt(out, int64(x-from), 10)
			out = append(out, "v1h-"...)
			out = strconv.AppendInt(out, int64(x-from), 10)
			out = append(out, 'z')
		}
	}
	return modules + 2*quietZone, string(out), nil
}
