package query

import (
	"errors"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/store"
)

func TestMatch(t *testing.T) {
	row := []string{"eth0", "physical\nport"}
	for _, c := range []struct {
		name string
		m    []Matcher
		want bool
	}{
		{"no condition", nil, true},
		{"equal", []Matcher{{"name", Equal, "eth0"}}, true},
		{"equal to a part", []Matcher{{"name", Equal, "eth"}}, false},
		{"not equal", []Matcher{{"name", NotEqual, "lo"}}, true},
		{"expression", []Matcher{{"name", Match, "eth[0-9]+"}}, true},
		{"expression is anchored", []Matcher{{"name", Match, "th"}}, false},
		{"alternatives are anchored too", []Matcher{{"name", Match, "eth|0"}}, false},
		{"no match", []Matcher{{"name", NoMatch, "lo|veth.*"}}, true},
		{"attribute over lines", []Matcher{{"kind", Match, "phys.*"}}, true},
		{"both", []Matcher{{"name", Equal, "eth0"}, {"kind", Equal, "x"}}, false},
		{"empty", []Matcher{{"name", Equal, ""}}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			all, err := compile(probes, c.m)
			if err != nil {
				t.Fatal(err)
			}
			if got := all.match(row); got != c.want {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestBadMatchers(t *testing.T) {
	for want, m := range map[string][]Matcher{
		`has no label "color"; it has name, kind`: {{"color", Equal, "x"}},
		"missing closing )":                       {{"name", Match, "("}},
		"at most 256 are allowed":                 {{"name", NoMatch, strings.Repeat("a", 257)}},
		"unexpected )":                            {{"name", Match, "a)|(b"}},
		"allowed are = != =~ !~":                  {{"name", "<", "1"}},
		"at most 20 are allowed":                  make([]Matcher, 21),
		"invalid repeat count":                    {{"name", Match, "a{1000000}"}},
	} {
		if _, err := compile(probes, m); !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	if _, err := compile(tides, []Matcher{{"x", Equal, ""}}); err == nil || !strings.Contains(err.Error(), "it has none") {
		t.Error(err)
	}
}

func TestWindow(t *testing.T) {
	for _, c := range []struct {
		name           string
		from, to, step int64
		native         int64
		wantFrom       int64
		wantTo         int64
		wantStep       int64
	}{
		{"two minutes of ten seconds", 1005, 1125, 0, 10, 1000, 1130, 10},
		{"a day of ten seconds", 0, 86400, 0, 10, 0, 86400, 10},
		{"a day of one second", 0, 86400, 0, 1, 0, 86400, 10},
		{"two days of ten seconds", 0, 2 * 86400, 0, 10, 0, 2 * 86400, 20},
		{"a month", 0, 30 * 86400, 0, 10, 0, 30 * 86400, 300},
		{"a year", 0, 365 * 86400, 0, 10, 0, 365 * 86400, 3600},
		{"a millennium", 0, 365_000 * 86400, 0, 10, 0, 365_024 * 86400, 34 * 86400},
		{"an hour of five minutes", 100, 3700, 0, 300, 0, 3900, 300},
		{"seconds that are asked for", 7, 20, 5, 10, 5, 20, 5},
		{"a step longer than the time", 4000, 4001, 3600, 10, 3600, 7200, 3600},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := request("", c.from, c.to, c.step)
			from, to, step, err := r.window(c.native)
			if err != nil || from != c.wantFrom || to != c.wantTo || step != c.wantStep {
				t.Errorf("%d to %d by %d, %v; want %d to %d by %d", from, to, step, err, c.wantFrom, c.wantTo, c.wantStep)
			}
			if (to-from)/step > MaxPoints+1 {
				t.Errorf("%d points", (to-from)/step)
			}
		})
	}
}

func TestBadWindow(t *testing.T) {
	for want, r := range map[string]Request{
		"is empty":                    request("", 100, 100, 0),
		"to 1970-01-01T00:01:39Z":     request("", 100, 99, 0),
		"1970 to 9999":                request("", -1, 99, 0),
		"not within the years":        request("", 0, latest+1, 0),
		"whole seconds":               {From: time.Unix(0, 0), To: time.Unix(9, 0), Step: 1500 * time.Millisecond},
		"a step of -1s":               request("", 0, 9, -1),
		"allowed, as with a step of ": request("", 0, 86400, 1),
	} {
		if _, _, _, err := r.window(10); !errors.Is(err, ErrBadRequest) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
	}
	// The step that the error names is allowed.
	r := request("", 3, 86400, 1)
	_, _, _, err := r.window(10)
	text := err.Error()
	step, perr := time.ParseDuration(text[strings.LastIndexByte(text, ' ')+1:])
	if r.Step = step; perr != nil {
		t.Fatal(perr)
	}
	if _, _, _, err := r.window(10); err != nil {
		t.Error(err)
	}
}

func TestTook(t *testing.T) {
	for _, c := range []struct {
		name string
		t    []int64
		i    int
		step int64
		want int64
	}{
		{"the first", []int64{100}, 0, 10, 10},
		{"regular", []int64{100, 110}, 1, 10, 10},
		{"two missing", []int64{100, 130}, 1, 10, 30},
		{"after a break", []int64{100, 110, 200}, 2, 10, 10},
		{"when the step was longer", []int64{0, 300, 600}, 2, 10, 300},
	} {
		if got := took(c.t, c.i, c.step); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	if store.MaxGap != 6 {
		t.Error("the numbers above suppose a MaxGap of 6")
	}
}
