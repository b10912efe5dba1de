package procfile

import (
	"bytes"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// numbers draws what may stand where a number should.
func numbers() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[0-9]{1,21}`),
		rapid.StringMatching(`-?[0-9]{1,20}(\.[0-9]{0,21})?`),
		rapid.StringMatching(`[-+.0-9eExX_ ]{0,8}`),
		rapid.Map(rapid.Uint64(), func(v uint64) string { return strconv.FormatUint(v, 10) }),
		rapid.SampledFrom([]string{"", "18446744073709551615", "18446744073709551616", "99999999999999999999", "00000000000000000000", "inf", "nan", "0x1p-2"}),
		rapid.String(),
	)
}

// checkUint compares with strconv, which takes the same digits and any number
// of leading zeros.
func checkUint(t interface{ Errorf(string, ...any) }, s string) {
	got, ok := ParseUint([]byte(s))
	want, err := strconv.ParseUint(s, 10, 64)
	if len(s) > 20 {
		want, err = 0, strconv.ErrRange
	}
	if err != nil {
		want = 0
	}
	if ok != (err == nil) || got != want {
		t.Errorf("ParseUint(%q) = %d, %v; strconv says %d, %v", s, got, ok, want, err)
	}
}

// plainDecimal is what ParseFloat takes: strconv takes much more.
func plainDecimal(s string) bool {
	whole, frac, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	_, ok := ParseUint([]byte(whole))
	if dotted && ok {
		_, ok = ParseUint([]byte(frac))
	}
	return ok
}

func checkFloat(t interface{ Errorf(string, ...any) }, s string) {
	got, ok := ParseFloat([]byte(s))
	if ok != plainDecimal(s) {
		t.Errorf("ParseFloat(%q) = %g, %v", s, got, ok)
	}
	if !ok {
		if got != 0 {
			t.Errorf("ParseFloat(%q) = %g with a refusal", s, got)
		}
		return
	}
	want, err := strconv.ParseFloat(s, 64)
	if err != nil || math.Abs(got-want) > 1e-15*math.Abs(want) {
		t.Errorf("ParseFloat(%q) = %g; strconv says %g, %v", s, got, want, err)
	}
}

func TestNumbersAgainstStrconv(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := numbers().Draw(t, "s")
		checkUint(t, s)
		checkFloat(t, s)
	})
}

func TestParseFloat(t *testing.T) {
	for in, want := range map[string]float64{"0.25": 0.25, "-12": -12, "0": 0, "100.00": 100, "3.1": 3.1, "0.01": 0.01, "1234567.891": 1234567.891} {
		if got, ok := ParseFloat([]byte(in)); !ok || got != want {
			t.Errorf("ParseFloat(%q) = %v, %v; want %v", in, got, ok, want)
		}
	}
	for _, in := range []string{"", "-", ".", ".5", "5.", "-.5", "--1", "+1", "1e3", "inf", "NaN", "1.2.3", "1.-2", " 1", "1 ", "0x1", "1_0", "1.000000000000000000000"} {
		if got, ok := ParseFloat([]byte(in)); ok {
			t.Errorf("ParseFloat(%q) = %v, want a refusal", in, got)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string][2]string{
		"": {"", ""}, "\n": {"", ""}, "a": {"a", ""}, "a\n": {"a", ""}, "a\nb\nc": {"a", "b\nc"}, "\n\n": {"", "\n"},
	} {
		line, rest := Line([]byte(in))
		if string(line) != want[0] || string(rest) != want[1] {
			t.Errorf("Line(%q) = %q, %q; want %q", in, line, rest, want)
		}
	}
}

func TestField(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, " \t ": nil, "a": {"a"}, "  a\tb  c ": {"a", "b", "c"}, "a\nb": {"a\nb"}, "\u00a0": {"\u00a0"}, "\x00 \xff": {"\x00", "\xff"},
	} {
		var got []string
		for f, rest := Field([]byte(in)); len(f) > 0; f, rest = Field(rest) {
			got = append(got, string(f))
		}
		if !slices.Equal(got, want) {
			t.Errorf("fields of %q: %q, want %q", in, got, want)
		}
	}
}

func TestUints(t *testing.T) {
	for in, want := range map[string][]uint64{
		"":                        {},
		"1 2":                     {1, 2},
		" 1\t2  3 ":               {1, 2, 3},
		"1 2 3 4":                 {1, 2, 3},
		"1 x 3":                   {1},
		"-1 2":                    {},
		"18446744073709551616 2":  {},
		"18446744073709551615 2x": {1<<64 - 1},
	} {
		dst := []uint64{99, 99, 99}
		n := Uints([]byte(in), dst)
		if !slices.Equal(dst[:n], want) {
			t.Errorf("Uints(%q): %v, want %v", in, dst[:n], want)
		}
		for _, v := range dst[n:] {
			if v != 99 {
				t.Errorf("Uints(%q) wrote %v, beyond what it found", in, dst)
			}
		}
	}
	if n := Uints([]byte("1 2"), nil); n != 0 {
		t.Errorf("Uints into nothing found %d", n)
	}
}

func TestParsingAllocatesNothing(t *testing.T) {
	stat := []byte("  184467440737 2 3\t4 5\nsome avg10=0.25\n")
	dst := make([]uint64, 8)
	n := testing.AllocsPerRun(100, func() {
		line, rest := Line(stat)
		Uints(line, dst)
		Field(rest)
		ParseFloat([]byte("-123.456"))
		ParseUint(stat[2:14])
	})
	if n != 0 {
		t.Errorf("%g allocations", n)
	}
}

// FuzzParse checks that the parsers agree with the standard library on
// anything, and neither lose nor add a byte.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "0.25", "18446744073709551616", "a b\tc\nd", "1 2 3\n", "\x00\xff\n", "-0.0", "1e5"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		checkUint(t, string(b))
		checkFloat(t, string(b))
		line, rest := Line(b)
		if joined := slices.Concat(line, []byte("\n"), rest); !bytes.Equal(joined, b) && !bytes.Equal(line, b) {
			t.Errorf("Line(%q) = %q, %q", b, line, rest)
		}
		blank := func(r rune) bool { return r == ' ' || r == '\t' }
		var got [][]byte
		for field, rest := Field(b); len(field) > 0; field, rest = Field(rest) {
			got = append(got, field)
		}
		if want := bytes.FieldsFunc(b, blank); !slices.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("fields of %q: %q, want %q", b, got, want)
		}
		var dst [4]uint64
		for i, v := range dst[:Uints(b, dst[:])] {
			if want, ok := ParseUint(got[i]); !ok || v != want {
				t.Errorf("Uints(%q)[%d] = %d, want %d, %v", b, i, v, want, ok)
			}
		}
		if !bytes.Equal(b, before) {
			t.Errorf("%q was changed to %q", before, b)
		}
	})
}
