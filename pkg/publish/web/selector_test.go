package web

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/query"
)

func TestParseSelector(t *testing.T) {
	m := func(l string, op query.Op, v string) query.Matcher { return query.Matcher{Label: l, Op: op, Value: v} }
	tests := []struct {
		name, text, metric string
		want               []query.Matcher
	}{
		{"a name", "cpu.total_percent", "cpu.total_percent", nil},
		{"a page name", " sysops_load ", "sysops_load", nil},
		{"no conditions", "a.b{ }", "a.b", nil},
		{"all operators", `a.b{c="1",d!="2",e=~"3.*",f!~"4|5"}`, "a.b", []query.Matcher{m("c", "=", "1"), m("d", "!=", "2"), m("e", "=~", "3.*"), m("f", "!~", "4|5")}},
		{"blanks and a last comma", "a.b { c = '1' , }", "a.b", []query.Matcher{m("c", "=", "1")}},
		{"escapes", `a.b{c="\"\\\n\t\'"}`, "a.b", []query.Matcher{m("c", "=", "\"\\\n\t'")}},
		{"braces and commas in quotes", `a.b{c="},{"}`, "a.b", []query.Matcher{m("c", "=", "},{")}},
		{"without quotes", `a.b{core=1,mount!=/var/lib}`, "a.b", []query.Matcher{m("core", "=", "1"), m("mount", "!=", "/var/lib")}},
		{"empty value", `a.b{c=""}`, "a.b", []query.Matcher{m("c", "=", "")}},
		{"utf-8", `a.b{c="日本"}`, "a.b", []query.Matcher{m("c", "=", "日本")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			metric, got, err := ParseSelector(tt.text)
			if err != nil || metric != tt.metric {
				t.Fatalf("%q, %v", metric, err)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestBadSelectors(t *testing.T) {
	for text, want := range map[string]string{
		"":             "name is missing",
		"{a=1}":        "name is missing",
		"a.b{":         "label's name is missing",
		"a.b{c":        "must be followed by",
		"a.b{c=":       "value is missing",
		"a.b{c=1":      "comma or }",
		"a.b{c=1 d=2}": "comma or }",
		"a.b{c=1}}":    "nothing may follow",
		"a.b x":        "nothing may follow",
		`a.b{c="1}`:    "closing quote",
		`a.b{c="\d"}`:  `written \\`,
		`a.b{c="\`:     `after \`,
		"a.b{1c=1}":    "label's name",
		"a.b{c==1}":    "value is missing",
		"a.b{" + strings.Repeat("c=1,", 21) + "}": "at most 20",
		strings.Repeat("a", 5000):                 "at most 4096",
	} {
		_, _, err := ParseSelector(text)
		if err == nil || !strings.Contains(err.Error(), want) || !errors.Is(err, query.ErrBadRequest) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestParseMatcher(t *testing.T) {
	for text, want := range map[string]query.Matcher{
		"core=1":          {Label: "core", Op: "=", Value: "1"},
		"name=a, b} c":    {Label: "name", Op: "=", Value: "a, b} c"},
		`name="a b"`:      {Label: "name", Op: "=", Value: "a b"},
		"dev=~sd.*":       {Label: "dev", Op: "=~", Value: "sd.*"},
		`dev!~ 'a|b'`:     {Label: "dev", Op: "!~", Value: "a|b"},
		"dev!=":           {Label: "dev", Op: "!=", Value: ""},
		`path=C:\windows`: {Label: "path", Op: "=", Value: `C:\windows`},
	} {
		if got, err := ParseMatcher(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "core", "=1", `a="b" c`, `a="b`, "é=1"} {
		if m, err := ParseMatcher(text); !errors.Is(err, query.ErrBadRequest) {
			t.Errorf("%q: %+v, %v", text, m, err)
		}
	}
}

func FuzzSelector(f *testing.F) {
	for _, s := range []string{`a.b{c="1",d!~'x|y'}`, `a.b{c="\"\\"}`, "a{", `x{y=z,}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		metric, matchers, err := ParseSelector(text)
		if _, merr := ParseMatcher(text); merr != nil && !errors.Is(merr, query.ErrBadRequest) {
			t.Errorf("%q: %v", text, merr)
		}
		if err != nil {
			if !errors.Is(err, query.ErrBadRequest) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		// What was understood is understood again when written out in full.
		m2, again, err := ParseSelector(written(metric, matchers))
		if err != nil || m2 != metric || !cmp.Equal(matchers, again) && len(matchers)+len(again) > 0 {
			if len(written(metric, matchers)) <= maxSelector {
				t.Errorf("%q: %q %v, again %q %v, %v", text, metric, matchers, m2, again, err)
			}
		}
	})
}

func written(metric string, matchers []query.Matcher) string {
	esc := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	s := metric + "{"
	for _, m := range matchers {
		s += m.Label + string(m.Op) + `"` + esc.Replace(m.Value) + `",`
	}
	return s + "}"
}

var clock = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"now":                       clock,
		"2m":                        clock.Add(-2 * time.Minute),
		"1h30m":                     clock.Add(-90 * time.Minute),
		"7d ago":                    clock.AddDate(0, 0, -7),
		"1.5h":                      clock.Add(-90 * time.Minute),
		"2026-11-21T10:00:00Z":      clock.Add(-2 * time.Hour),
		"2026-11-21T12:00:00+02:00": clock.Add(-2 * time.Hour),
		"1800000000":                time.Unix(1800000000, 0),
		"1800000000.5":              time.Unix(1800000000, 5e8),
	} {
		if got, err := ParseTime(text, clock); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "90", "-5", "NaN", "inf", "1e300", "yesterday", "5x", "2m2", "-2m", "1h 30m", "ago", "9999999999d", "2026-13-01T00:00:00Z", "0x10"} {
		if got, err := ParseTime(text, clock); !errors.Is(err, query.ErrBadRequest) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2m", "1h30m", "1800000000.25", "2026-11-21T10:00:00Z", "3w2d", "9999999999999999999999w"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseTime(text, clock); err != nil && !errors.Is(err, query.ErrBadRequest) {
			t.Errorf("%q: %v", text, err)
		}
		if d, err := ParseDuration(text); err == nil && (d < 0 || d > maxDuration) {
			t.Errorf("%q is %v", text, d)
		}
	})
}
