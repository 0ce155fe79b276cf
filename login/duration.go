package login

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var durationForm = regexp.MustCompile(`^(\d{1,6})(s|m|h|d)$`)

var durationUnits = map[string]time.Duration{
	"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour,
}

// ParseDuration reads a whole number and one unit: s, m, h or d.
func ParseDuration(s string) (Duration, error) {
	m := durationForm.FindStringSubmatch(strings.TrimSpace(s))
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration: write 30m, 12h or 14d", s)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, err
	}
	unit := durationUnits[m[2]]
	if n > int64(math.MaxInt64/unit) {
		return 0, fmt.Errorf("%q is longer than can be counted", s)
	}
	return Duration(time.Duration(n) * unit), nil
}

// String writes d in its largest whole unit.
func (d Duration) String() string {
	for _, unit := range []string{"d", "h", "m"} {
		if u := Duration(durationUnits[unit]); d != 0 && d%u == 0 {
			return strconv.FormatInt(int64(d/u), 10) + unit
		}
	}
	return strconv.FormatInt(int64(d/Duration(time.Second)), 10) + "s"
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(b []byte) error {
	parsed, err := ParseDuration(string(b))
	if err != nil {
		return err
	}
	*d = parsed
	return nil
}
