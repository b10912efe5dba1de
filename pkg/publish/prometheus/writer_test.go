package prometheus

import (
	"bytes"
	"math"
	"strconv"
	"testing"

	"sysops-agent/pkg/metric"
)

func TestNumbers(t *testing.T) {
	tests := map[float64]string{
		0: "0", math.Copysign(0, -1): "0", 1: "1", -12: "-12", 0.1234: "0.1234", 1e-9: "1e-09",
		1 << 40: "1099511627776", 1<<53 - 1: "9007199254740991", 1 << 63: "9.223372036854776e+18",
		math.MaxFloat64: "1.7976931348623157e+308", -2.5: "-2.5",
	}
	for v, want := range tests {
		got := string(appendNumber(nil, v))
		if got != want {
			t.Errorf("%v is written %s, want %s", v, got, want)
		}
		if back, err := strconv.ParseFloat(got, 64); err != nil || back != v {
			t.Errorf("%s reads back as %v, %v", got, back, err)
		}
	}
}

func TestHelpIsEscaped(t *testing.T) {
	for f, want := range map[Format]string{
		Text:        "# HELP sysops_x a\\\\b\\n\"c\"\n# TYPE sysops_x gauge\nsysops_x 1\n",
		OpenMetrics: "# HELP sysops_x a\\\\b\\n\\\"c\\\"\n# TYPE sysops_x gauge\nsysops_x 1\n# EOF\n",
	} {
		var b bytes.Buffer
		var o writer
		o.reset(&b, f)
		o.family(family{name: "sysops_x", help: "a\\b\n\"c\""})
		o.sample()
		o.value(1)
		if err := o.close(); err != nil || b.String() != want {
			t.Errorf("%v, %q, want %q", err, b.String(), want)
		}
	}
}

func FuzzLabel(f *testing.F) {
	for _, v := range hostile {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		var b bytes.Buffer
		var o writer
		o.reset(&b, Text)
		o.family(family{name: "sysops_x", help: "X."})
		o.sample()
		o.label("k", clean(v))
		o.value(1)
		if err := o.close(); err != nil {
			t.Fatal(err)
		}
		want := "k=" + clean(v) + ";"
		if v == "" {
			want = ""
		}
		if got := samples(t, parse(t, b.String()), "sysops_x"); got[want] != 1 || len(got) != 1 {
			t.Errorf("%q is read back as %v", v, got)
		}
		if s, changed := metric.LabelValue(clean(v)); changed {
			t.Errorf("%q was not clean: %q", v, s)
		}
	})
}
