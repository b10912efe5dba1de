package procfile

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestParseList(t *testing.T) {
	for in, c := range map[string]struct {
		want []int
		ok   bool
	}{
		"":                       {nil, true}, // a node without CPUs
		"\n":                     {nil, true},
		"0\n":                    {[]int{0}, true},
		"0-3,8,10-11":            {[]int{0, 1, 2, 3, 8, 10, 11}, true},
		"63":                     {[]int{63}, true},
		"64":                     {nil, false},
		"0-18446744073709551615": {nil, false},
		"3-1":                    {nil, false},
		"1,1":                    {nil, false},
		"5,2":                    {nil, false},
		"1,,2":                   {nil, false},
		"1-":                     {nil, false},
		"-1":                     {nil, false},
		"a":                      {nil, false},
		"0,3 4":                  {nil, false},
	} {
		if got, err := ParseList([]byte(in), 64); !slices.Equal(got, c.want) || (err == nil) != c.ok {
			t.Errorf("%q: %v, %v; want %v, %v", in, got, err, c.want, c.ok)
		}
	}
}

func FuzzParseList(f *testing.F) {
	for _, s := range []string{"", "0", "0-3,8", "7-3", "0-4294967295", "1,2,"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		ids, err := ParseList(b, 8192)
		if err != nil {
			return
		}
		if len(ids) > 8192 || !slices.IsSorted(ids) {
			t.Fatalf("%q gave %d ids: %v", b, len(ids), ids)
		}
		parts := make([]string, len(ids))
		for i, id := range ids {
			parts[i] = strconv.Itoa(id)
		}
		if again, err := ParseList([]byte(strings.Join(parts, ",")), 8192); err != nil || !slices.Equal(again, ids) {
			t.Fatalf("%q: written out and read again: %v, %v", b, again, err)
		}
	})
}
