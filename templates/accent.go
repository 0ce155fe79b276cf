package templates

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// readable is the contrast that WCAG 2.2 demands of text (1.4.3, AA).
const readable = 4.5

// The colours of cards in style.css, which the accent must be read on.
var (
	lightCard = colour{0xff, 0xff, 0xff}
	darkCard  = colour{0x17, 0x22, 0x2a}
	white     = colour{0xff, 0xff, 0xff}
	black     = colour{0x00, 0x00, 0x00}
)

type colour [3]uint8

// parseColour reads six hexadecimal digits.
func parseColour(s string) (colour, bool) {
	n, err := strconv.ParseUint(s, 16, 24)
	if err != nil || len(s) != 6 {
		return colour{}, false
	}
	return colour{uint8(n >> 16), uint8(n >> 8), uint8(n)}, true
}

func (c colour) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

// luminance is the relative luminance of WCAG 2.2.
func (c colour) luminance() float64 {
	var l [3]float64
	for i, v := range c {
		s := float64(v) / 255
		if s <= 0.04045 {
			l[i] = s / 12.92
		} else {
			l[i] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	l, m := a.luminance(), b.luminance()
	return (max(l, m) + 0.05) / (min(l, m) + 0.05)
}

// mix is c with percent of d in it.
func (c colour) mix(d colour, percent int) colour {
	for i := range c {
		c[i] = uint8((int(c[i])*(100-percent) + int(d[i])*percent) / 100)
	}
	return c
}

// against is c moved towards d until it can be read on card.
func (c colour) against(card, d colour) colour {
	for percent := 0; percent <= 100; percent += 4 {
		if m := c.mix(d, percent); contrast(m, card) >= readable {
			return m
		}
	}
	return d
}

// on is the text that is read best on c.
func (c colour) on() colour {
	if contrast(c, white) >= readable {
		return white
	}
	return black
}

// accentSheet is the style sheet that puts a brand's accent in place of the default one, readable in both themes
// whatever the accent is.
func accentSheet(c colour) []byte {
	light, dark := c.against(lightCard, black), c.against(darkCard, white)
	return fmt.Appendf(nil, `:root{--accent:%s;--accent-hover:%s;--on-accent:%s;--link:%s}
@media (prefers-color-scheme:dark){:root{--accent:%s;--accent-hover:%s;--on-accent:%s;--link:%s}}
`, c, c.mix(c.on().inverse(), 12), c.on(), light, dark, dark.mix(dark.on().inverse(), 12), dark.on(), dark)
}

func (c colour) inverse() colour { return colour{0xff - c[0], 0xff - c[1], 0xff - c[2]} }

const accentName = "accent-"

// accentAsset is the asset accent-rrggbb.css. It is made from its name alone, so every organization may have its own.
func accentAsset(name string) (asset, bool) {
	hex, ok := strings.CutPrefix(name, accentName)
	if !ok {
		return asset{}, false
	}
	hex, ok = strings.CutSuffix(hex, ".css")
	if !ok {
		return asset{}, false
	}
	c, ok := parseColour(hex)
	if !ok {
		return asset{}, false
	}
	return newAsset(accentSheet(c)), true
}

// accentURL is the address of the style sheet of b's accent; empty when it has none, or none that is a colour.
func (b Brand) accentURL() string {
	hex, ok := strings.CutPrefix(b.Accent, "#")
	if !ok {
		return ""
	}
	name := accentName + strings.ToLower(hex) + ".css"
	a, ok := accentAsset(name)
	if !ok {
		return ""
	}
	return assetPath + name + "?v=" + a.version
}
