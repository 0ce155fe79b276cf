package templates

import (
	"fmt"
	"slices"
	"time"
)

// of are the factors of one kind.
func (p Account) of(kind string) []Factor {
	var found []Factor
	for _, x := range p.Factors {
		if x.Kind == kind {
			found = append(found, x)
		}
	}
	return found
}

// orgText says what the organization has to do with it.
func (p Account) orgText() Text {
	key := "account.org"
	if p.Off {
		key = "account.org.off"
	}
	return Text{Key: key, Args: map[string]any{"Org": p.Org}}
}

func (x Factor) icon() string {
	switch {
	case x.Place == "key", x.Kind == "recovery":
		return "key"
	case x.Kind == "passkey":
		return "passkey"
	}
	return "phone"
}

func (d Device) icon() string {
	if d.Phone {
		return "phone"
	}
	return "screen"
}

// named is what a person calls a factor; one without a name is called by its kind.
func (f Frame) named(x Factor) (string, error) {
	if x.Name != "" {
		return x.Name, nil
	}
	return f.t("method." + x.Kind)
}

// calledByKind reports whether the name of a factor says no more than its kind.
func (f Frame) calledByKind(x Factor) bool {
	kind, err := f.t("method." + x.Kind)
	return err == nil && x.Name == kind
}

// place is the message for where a passkey is. Of a passkey on another device, "this device" would be wrong.
func (x Factor) place() string {
	if x.Place == "device" && x.Here {
		return "place.device.here"
	}
	return "place." + x.Place
}

// circumstances are from where something was done, as far as it is known.
func (a Activity) circumstances() []string {
	return slices.DeleteFunc([]string{a.Device, a.Address}, func(s string) bool { return s == "" })
}

// words say how long a set-up can be put off.
func (l Leave) words() []Text {
	var said []Text
	if l.Org != "" {
		said = append(said, Text{Key: "enroll.leave.org", Args: map[string]any{"Org": l.Org}})
	}
	if !l.Until.IsZero() {
		said = append(said, Text{Key: "enroll.leave.until", Args: map[string]any{"Until": l.Until}})
	}
	if l.Skips > 0 {
		said = append(said, Text{Key: "enroll.leave.skips", Args: map[string]any{Count: l.Skips}})
	}
	return said
}

// machine is a time as a script reads it.
func machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// date is a day in words: that of UTC.
func (f Frame) date(t time.Time) (string, error) {
	return f.text(Text{Key: "date", Args: map[string]any{"Date": t}})
}

// clock is a day and a time of day, and says of which time zone.
func (f Frame) clock(t time.Time) (string, error) {
	return f.text(Text{Key: "date.clock", Args: map[string]any{"Date": t, "Clock": fmt.Sprintf("%02d:%02d", t.UTC().Hour(), t.UTC().Minute())}})
}
