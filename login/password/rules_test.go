package password_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/vsee/vseeid/login/password"
)

func TestN04_WhatMayBeSet(t *testing.T) {
	sole, beside := password.Rules{}, password.Rules{Min: password.MinBesideFactor}
	about := []string{"VSee ID", "VSee", "Charlotte Brown", "charlotte.brown@riverside.example"}
	for name, tc := range map[string]struct {
		rules    password.Rules
		password string
		want     error
	}{
		"the sample people's":             {sole, "demo-password-for-vsee-id", nil},
		"a passphrase":                    {sole, "marble teapot window", nil},
		"no composition is asked":         {sole, "onlylowercaseletters", nil},
		"64 emoji":                        {sole, emoji(64), nil},
		"256 emoji":                       {sole, emoji(256), nil},
		"257 emoji":                       {sole, emoji(257), password.ErrLong},
		"another script":                  {sole, "правильная лошадь", nil},
		"15 code points":                  {sole, "marbleteapotwin", nil},
		"14 code points":                  {sole, "marbleteapotwi", password.ErrShort},
		"14 code points as 17 typed":      {sole, "mu\u0308u\u0308u\u0308bleteapotw", password.ErrShort},
		"8 beside a factor":               {beside, "mbl-tpt4", nil},
		"7 beside a factor":               {beside, "mbl-tpt", password.ErrShort},
		"never less than 8":               {password.Rules{Min: 1}, "mbl-tpt", password.ErrShort},
		"empty":                           {sole, "", password.ErrShort},
		"not text":                        {sole, "marble teapot \xff window", password.ErrText},
		"a common one":                    {beside, "sunshine", password.ErrCommon},
		"a common one in capitals":        {beside, "SunShine", password.ErrCommon},
		"a common one in full width":      {beside, "ｓｕｎｓｈｉｎｅ", password.ErrCommon},
		"a common one with digits":        {sole, "Password1234567!", password.ErrCommon},
		"a common one twice":              {sole, "passwordpassword", password.ErrCommon},
		"one letter":                      {sole, "aaaaaaaaaaaaaaaaaaa", password.ErrCommon},
		"a pattern":                       {sole, "abcabcabcabcabcab", password.ErrCommon},
		"a row of keys":                   {sole, "qwertyuiopasdfgh", password.ErrCommon},
		"digits in order":                 {sole, "123456789012345", password.ErrCommon},
		"the alphabet from behind":        {sole, "zyxwvutsrqponmlk", password.ErrCommon},
		"a famous long one":               {sole, "correcthorsebatterystaple", password.ErrCommon},
		"the name and a year":             {sole, "CharlotteBrown2026", password.ErrContext},
		"the address":                     {sole, "charlotte.brown@riverside.example", password.ErrContext},
		"product and a common one":        {sole, "vsee-password-2026", password.ErrContext},
		"the name among much else":        {sole, "charlotte has a marble teapot", nil},
		"a common word among others":      {sole, "dragon teapot window", nil},
		"common words beside other words": {beside, "password for teapots", nil},
	} {
		t.Run(name, func(t *testing.T) {
			err := tc.rules.Check(tc.password, about...)
			if !errors.Is(err, tc.want) {
				t.Fatalf("Check = %v, want %v", err, tc.want)
			}
			if tc.want != nil && !errors.Is(err, password.ErrWeak) {
				t.Errorf("%v does not wrap ErrWeak", err)
			}
			if err != nil && len(tc.password) > 4 && strings.Contains(err.Error(), tc.password) {
				t.Errorf("the reason quotes the password: %v", err)
			}
		})
	}
}

// emoji is n of them that are not one pattern.
func emoji(n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteRune(rune(0x1F400 + (i*i)%61))
	}
	return s.String()
}

// What may be set is what can be verified.
func TestN04_WhatMayBeSetIsVerified(t *testing.T) {
	h := cheap(t)
	for _, pw := range []string{emoji(256), strings.Repeat("ab cd ef gh ", 21), "  spaces around are kept  "} {
		if err := (password.Rules{}).Check(pw); err != nil {
			t.Errorf("%v", err)
			continue
		}
		if ok, _ := verify(t, h, hashOf(t, h, pw), pw); !ok {
			t.Errorf("%q was accepted and is not verified", pw)
		}
	}
}

func FuzzCheckNeverPanics(f *testing.F) {
	f.Add("password", "charlotte@riverside.example")
	f.Add("ffi\xff", "ﬃ")
	f.Fuzz(func(t *testing.T, pw, context string) {
		if err := (password.Rules{}).Check(pw, context); err != nil && !errors.Is(err, password.ErrWeak) {
			t.Errorf("%v does not wrap ErrWeak", err)
		}
	})
}
