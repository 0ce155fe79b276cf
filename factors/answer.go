package factors

import (
	"fmt"
	"strings"
)

// typedLimit is more than anybody types for a code, with all that may stand between its digits.
const typedLimit = 64

// Digits is a code of n digits as it was meant: what people put between digits, and what a page or a
// mail program adds as they copy them, is left out. Anything but n ASCII digits is ErrFormat.
func Digits(typed string, n int) (string, error) {
	if len(typed) > typedLimit {
		return "", ErrFormat
	}
	var out strings.Builder
	for _, r := range typed {
		switch {
		case '0' <= r && r <= '9':
			out.WriteRune(r)
		case strings.ContainsRune(Between, r):
		default:
			return "", ErrFormat
		}
	}
	if out.Len() != n {
		return "", ErrFormat
	}
	return out.String(), nil
}

// Base32 is a code of n characters of base32 as it was meant. Beside what Digits leaves out it forgives case,
// dots and underscores, and the digits that base32 leaves out because they look like a letter. Anything else is
// ErrFormat.
func Base32(typed string, n int) (string, error) {
	if len(typed) > 4*typedLimit {
		return "", ErrFormat
	}
	var out strings.Builder
	for _, r := range typed {
		switch {
		case 'A' <= r && r <= 'Z', '2' <= r && r <= '7':
			out.WriteRune(r)
		case 'a' <= r && r <= 'z':
			out.WriteRune(r - 'a' + 'A')
		case r == '0':
			out.WriteByte('O')
		case r == '1': // codes are shown in capitals, where it looks like I and not like L
			out.WriteByte('I')
		case r == '8':
			out.WriteByte('B')
		case strings.ContainsRune("_."+Between, r):
		default:
			return "", ErrFormat
		}
	}
	if out.Len() != n {
		return "", ErrFormat
	}
	return out.String(), nil
}

// Between is what may stand between the characters of a code.
const Between = " \t\r\n-\u00a0\u2009\u200b\u2010\u2011\u2013"

// Own is ErrState where one of the enrollments is another person's.
func Own(u User, enrolled []Enrollment) error {
	for _, e := range enrolled {
		if e.UserID != u.ID {
			return fmt.Errorf("an enrollment of another person: %w", ErrState)
		}
	}
	return nil
}
