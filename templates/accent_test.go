package templates

import (
	"fmt"
	"regexp"
	"testing"
)

// Whatever accent a brand has, what is written on it and in it can be read in both themes.
func TestAccentIsReadable(t *testing.T) {
	pattern := regexp.MustCompile(`--accent:#(\w+);--accent-hover:#(\w+);--on-accent:#(\w+);--link:#(\w+)`)
	steps := []uint8{0x00, 0x33, 0x66, 0x99, 0xcc, 0xff}
	for _, r := range steps {
		for _, g := range steps {
			for _, b := range steps {
				c := colour{r, g, b}
				themes := pattern.FindAllSubmatch(accentSheet(c), -1)
				if len(themes) != 2 {
					t.Fatalf("%v: %d themes", c, len(themes))
				}
				for i, card := range []colour{lightCard, darkCard} {
					var named [4]colour
					for j := range named {
						named[j], _ = parseColour(string(themes[i][j+1]))
					}
					accent, hover, on, link := named[0], named[1], named[2], named[3]
					for what, ratio := range map[string]float64{
						"text on the button": contrast(on, accent), "text on the button under the pointer": contrast(on, hover), "a link": contrast(link, card),
					} {
						if ratio < readable {
							t.Errorf("accent %v, theme %d: %s has a contrast of %.2f", c, i, what, ratio)
						}
					}
				}
			}
		}
	}
}

// The two places that know the colours of cards must agree.
func TestCardColours(t *testing.T) {
	cards := regexp.MustCompile(`--card: (#[0-9a-f]{6});`).FindAllSubmatch(assets["style.css"].body, -1)
	got := fmt.Sprintf("%s %s", cards[0][1], cards[1][1])
	if want := fmt.Sprintf("%v %v", lightCard, darkCard); got != want {
		t.Errorf("style.css has the cards %s, accent.go %s", got, want)
	}
}

func TestContrast(t *testing.T) {
	if got := contrast(white, black); got < 20.99 || got > 21.01 {
		t.Errorf("white on black has %v", got)
	}
	if got := contrast(colour{0x77, 0x77, 0x77}, white); got < 4.47 || got > 4.49 { // WCAG's well-known near miss
		t.Errorf("#777 on white has %v", got)
	}
}
