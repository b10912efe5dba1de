package procfile

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
)

func TestLines(t *testing.T) {
	for name, tc := range map[string]struct {
		in   string
		want []string
		torn string
	}{
		"two":        {"a b\nc\n", []string{"1:a b", "2:c"}, ""},
		"empty line": {"a\n\nb\n", []string{"1:a", "2:", "3:b"}, ""},
		"torn":       {"a\nbcd", []string{"1:a"}, "f:2: the file ends within this line; the line is left out"},
		"only torn":  {"a", nil, "f:1: the file ends within this line; the line is left out"},
		"empty":      {"", nil, "f: the file is empty"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			l := Lines{Rest: []byte(tc.in)}
			for l.Next() {
				got = append(got, fmt.Sprintf("%d:%s", l.N, l.Line))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("lines %q, want %q", got, tc.want)
			}
			err := l.Torn("f")
			if (err == nil) != (tc.torn == "") || (err != nil && err.Error() != tc.torn) {
				t.Errorf("Torn: %v, want %q", err, tc.torn)
			}
			if pe := (*ParseError)(nil); err != nil && !errors.As(err, &pe) {
				t.Errorf("Torn: %T, want a *ParseError", err)
			}
		})
	}
}

func TestParseHex(t *testing.T) {
	for in, want := range map[string]uint64{
		"0": 0, "00000012": 0x12, "deadBEEF": 0xdeadbeef, "ffffffffffffffff": 1<<64 - 1,
	} {
		if v, ok := ParseHex([]byte(in)); !ok || v != want {
			t.Errorf("ParseHex(%q) = %d, %v; want %d", in, v, ok, want)
		}
	}
	for _, in := range []string{"", "g", "0x1", "-1", " 1", "10000000000000000", "1 2"} {
		if v, ok := ParseHex([]byte(in)); ok {
			t.Errorf("ParseHex(%q) = %d, want a refusal", in, v)
		}
	}
}

func FuzzParseHex(f *testing.F) {
	f.Add("0")
	f.Add("ffffFFFF")
	f.Add("10000000000000000")
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := ParseHex([]byte(s))
		want, err := strconv.ParseUint(s, 16, 64)
		if len(s) > 16 { // leading zeros: we refuse more than 16 digits
			err = strconv.ErrRange
		}
		if ok != (err == nil) || (ok && got != want) {
			t.Errorf("ParseHex(%q) = %d, %v; strconv says %d, %v", s, got, ok, want, err)
		}
	})
}
