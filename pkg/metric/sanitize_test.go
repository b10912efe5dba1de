package metric

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestLabelValue(t *testing.T) {
	long := strings.Repeat("x", MaxLabelValue)
	for name, tc := range map[string]struct{ in, want string }{
		"empty":            {"", ""},
		"plain":            {"/dev/sda1 (boot)", "/dev/sda1 (boot)"},
		"UTF-8":            {"Größe 大小 🙂", "Größe 大小 🙂"},
		"own replacement":  {"a\ufffdb", "a\ufffdb"},
		"newline":          {"a\nb", "a\ufffdb"},
		"NUL":              {"a\x00b", "a\ufffdb"},
		"escape sequence":  {"\x1b[31mred", "\ufffd[31mred"},
		"delete":           {"a\x7f", "a\ufffd"},
		"C1 control":       {"a\u009b31m", "a\ufffd31m"},
		"bidi override":    {"exe\u202egpj", "exe\ufffdgpj"},
		"bidi isolate":     {"\u2066a\u2069", "\ufffda\ufffd"},
		"zero width":       {"a\u200bb\ufeff", "a\ufffdb\ufffd"},
		"line separator":   {"a\u2028b", "a\ufffdb"},
		"tag characters":   {"a\U000e0041", "a\ufffd"},
		"private use":      {"\ue000", "\ufffd"},
		"no-break space":   {"a\u00a0b", "a\ufffdb"},
		"not UTF-8":        {"a\xff\xfeb", "a\ufffd\ufffdb"},
		"half a character": {"a\xe5\xa4", "a\ufffd\ufffd"},
		"surrogate":        {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
		"greatest length":  {long, long},
	} {
		t.Run(name, func(t *testing.T) {
			got, changed := LabelValue(tc.in)
			if got != tc.want || changed != (got != tc.in) {
				t.Errorf("LabelValue(%q) = %q, changed %v; want %q", tc.in, got, changed, tc.want)
			}
		})
	}
}

// Long values keep their beginning and stay apart.
func TestLongLabelValues(t *testing.T) {
	seen := map[string]string{}
	add := func(name, in string) {
		got, changed := LabelValue(in)
		if !changed || len(got) > MaxLabelValue || len(got) < MaxLabelValue/2 {
			t.Errorf("%s: %d bytes became %d, changed %v", name, len(in), len(got), changed)
		}
		if other, dup := seen[got]; dup {
			t.Errorf("%s and %s became one", name, other)
		}
		if !utf8.ValidString(got) || strings.Count(got, "\ufffd") > 85 {
			t.Errorf("%s: %q", name, got)
		}
		seen[got] = name
	}
	for _, n := range []int{MaxLabelValue + 1, 1000, 10_000, 1 << 20} {
		for _, unit := range []string{"x", "ä", "大", "🙂", "\xff", "\u202e", "\U000f0000"} {
			in := strings.Repeat(unit, n/len(unit)+1)
			add(fmt.Sprintf("%d of %q", n, unit), in)
			add(fmt.Sprintf("%d of %q and a", n, unit), in+"a")
			add(fmt.Sprintf("%d of %q and b", n, unit), in+"b")
		}
	}
	// Short enough, but its replacement characters are longer than what they
	// stand for.
	add("controls", strings.Repeat("\x01", 200))
	add("other controls", strings.Repeat("\x02", 200))
	// Too long, but its replacement characters are shorter.
	add("private characters", strings.Repeat("\U000f0000", 70))
	add("other private characters", strings.Repeat("\U000f0001", 70))

	got, _ := LabelValue(strings.Repeat("大", 100))
	if !strings.HasPrefix(got, strings.Repeat("大", 79)+"~") {
		t.Errorf("the beginning is lost: %q", got)
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]bool{"": true, " ~az09": true, "a\tb": false, "a\x7f": false, "ä": false, "\xff": false, "\x00": false} {
		if got := Plain([]byte(in)); got != want {
			t.Errorf("Plain(%q) = %v", in, got)
		}
	}
}

// checkLabelValue checks what holds for every value.
func checkLabelValue(t interface{ Errorf(string, ...any) }, v string) {
	got, changed := LabelValue(v)
	if changed != (got != v) {
		t.Errorf("LabelValue(%q) = %q, but changed is %v", v, got, changed)
	}
	if len(got) > MaxLabelValue || !utf8.ValidString(got) {
		t.Errorf("LabelValue(%q) = %q: %d bytes, valid %v", v, got, len(got), utf8.ValidString(got))
	}
	for _, r := range got {
		if !unicode.IsPrint(r) {
			t.Errorf("LabelValue(%q) = %q: %U is left", v, got, r)
		}
	}
	if again, changed := LabelValue(got); again != got || changed {
		t.Errorf("LabelValue(%q) = %q, and that becomes %q", v, got, again)
	}
	if Plain([]byte(v)) && len(v) <= MaxLabelValue && changed {
		t.Errorf("LabelValue changed the plain %q to %q", v, got)
	}
}

func TestLabelValueAllocatesOnlyForChanges(t *testing.T) {
	for _, v := range []string{"eth0", "Größe", strings.Repeat("x", MaxLabelValue)} {
		if n := testing.AllocsPerRun(100, func() { LabelValue(v) }); n != 0 {
			t.Errorf("LabelValue(%q): %g allocations", v, n)
		}
	}
}

func TestLabelValueProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		checkLabelValue(t, rapid.OneOf(rapid.String(), rapid.StringN(200, 400, -1), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 600), func(b []byte) string {
			return string(b)
		})).Draw(t, "v"))
	})
}

func FuzzLabelValue(f *testing.F) {
	f.Add("eth0")
	f.Add("a\nb\x1b[2J\u202e\xff")
	f.Add(strings.Repeat("\U000f0000", 70))
	f.Add(strings.Repeat("ä", 128) + "\xc3")
	f.Fuzz(func(t *testing.T, v string) { checkLabelValue(t, v) })
}
