package password

import (
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// ErrWeak says that a password may not be set. What wraps it says why, in words for the person who
// chose it.
var ErrWeak = errors.New("this password cannot be used")

// The reasons. Each wraps ErrWeak.
var (
	ErrShort   = fmt.Errorf("%w: it is too short", ErrWeak)
	ErrLong    = fmt.Errorf("%w: it is longer than %d characters", ErrWeak, MaxCodePoints)
	ErrText    = fmt.Errorf("%w: it is not text", ErrWeak)
	ErrCommon  = fmt.Errorf("%w: it is one that many people use, or a simple pattern", ErrWeak)
	ErrContext = fmt.Errorf("%w: it is little more than a name that is easy to guess here", ErrWeak)
)

// MinCodePoints is the shortest password where it may be the only proof (NIST SP 800-63B-4, 3.1.1.2).
const MinCodePoints = 15

// MinBesideFactor is the shortest where every sign-in needs a second factor too.
const MinBesideFactor = 8

// Rules say which passwords may be set: long enough, no longer than what is verified, not among
// those that are tried first. There are no rules of composition and none of age, which make people
// choose worse ones.
type Rules struct {
	Min int // code points; 0: MinCodePoints; never less than MinBesideFactor
}

// Least is how many code points a password has to have.
func (r Rules) Least() int {
	if r.Min == 0 {
		return MinCodePoints
	}
	return max(r.Min, MinBesideFactor)
}

// Check returns nil, or an error that wraps ErrWeak. context is what an attacker who knows the
// person would try: the name of the product, the person's name and mail address.
func (r Rules) Check(password string, context ...string) error {
	if !utf8.ValidString(password) {
		return ErrText
	}
	input, ok := normalize(password)
	if !ok {
		return ErrLong
	}
	least := r.Least()
	if utf8.RuneCount(input) < least {
		return fmt.Errorf("%w: use at least %d characters", ErrShort, least)
	}
	folded := fold(password)
	switch {
	case repeated(folded), row(folded), commonWords()[core(folded)]:
		return ErrCommon
	case guessable(folded, context):
		return ErrContext
	}
	return nil
}

// fold makes alike what people take for the same when they choose a password.
func fold(s string) string { return strings.ToLower(norm.NFKC.String(s)) }

// core strips the digits and marks that are put around a word.
func core(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return !unicode.IsLetter(r) })
}

// repeated reports whether s is one short or common thing again and again, the last time perhaps
// cut short: aaaaaaaa, abcabcabc, passwordpassword.
func repeated(s string) bool {
	runes := []rune(s)
	for unit := 1; unit <= len(runes)/2; unit++ {
		if unit > 4 && !commonWords()[core(string(runes[:unit]))] {
			continue
		}
		again := true
		for i := unit; i < len(runes) && again; i++ {
			again = runes[i] == runes[i-unit]
		}
		if again {
			return true
		}
	}
	return false
}

// rows are what fingers run along.
var rows = []string{
	"01234567890123456789012345678901234567890",
	"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
	"1234567890qwertyuiopasdfghjklzxcvbnm1234567890qwertyuiop",
	"qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfghjklzxcvbnm",
	"qwertzuiopasdfghjklyxcvbnmqwertzuiopasdfghjklyxcvbnm",
	"azertyuiopqsdfghjklmwxcvbnazertyuiopqsdfghjklmwxcvbn",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
	"qazwsxedcrfvtgbyhnujmikolp",
}

// row reports whether s is a piece of a row, from either end.
func row(s string) bool {
	for _, r := range rows {
		if strings.Contains(r, s) || strings.Contains(r, reverse(s)) {
			return true
		}
	}
	return false
}

func reverse(s string) string {
	runes := []rune(s)
	for i, j := 0, len(runes)-1; i < j; i, j = i+1, j-1 {
		runes[i], runes[j] = runes[j], runes[i]
	}
	return string(runes)
}

// guessable reports whether s is words of the context with too little besides.
func guessable(s string, context []string) bool {
	rest := s
	for _, c := range context {
		for _, word := range strings.FieldsFunc(fold(c), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(word) >= 3 {
				rest = strings.ReplaceAll(rest, word, "")
			}
		}
	}
	return rest != s && (utf8.RuneCountInString(core(rest)) < 6 || commonWords()[core(rest)])
}

//go:embed common.txt
var common string

// commonWords are read once, at the first password that is set.
var commonWords = sync.OnceValue(func() map[string]bool {
	words := map[string]bool{}
	for line := range strings.Lines(common) {
		if w := strings.TrimSpace(line); w != "" && !strings.HasPrefix(w, "#") {
			words[w] = true
		}
	}
	return words
})
