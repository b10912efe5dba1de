package metric

import (
	"math"
	"testing"
	"unsafe"
)

func TestValue(t *testing.T) {
	gauge := Field{Kind: Gauge, Scale: 1}
	ticks := Field{Kind: Counter, Scale: 0.01}
	for name, tc := range map[string]struct {
		f    Field
		raw  uint64
		want float64
	}{
		"gauge":               {gauge, math.Float64bits(1.5), 1.5},
		"negative gauge":      {gauge, math.Float64bits(-1.5), -1.5},
		"absent gauge":        {gauge, AbsentBits, NaN},
		"gauge of a blank":    {gauge, math.Float64bits(NaN), NaN},
		"counter":             {ticks, 250, 2.5},
		"counter at zero":     {ticks, 0, 0},
		"absent counter":      {ticks, uint64(NoCount), NaN},
		"greatest counter":    {Field{Kind: Counter, Scale: 1}, math.MaxUint64 - 1, math.MaxUint64},
		"counter above 1 PB":  {Field{Kind: Counter, Scale: 512}, 1 << 50, 512 << 50}, // K19: nothing is clamped
		"counter of a zero f": {Field{Kind: Counter}, 7, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got := tc.f.Value(tc.raw)
			if got != tc.want && !(math.IsNaN(got) && math.IsNaN(tc.want)) {
				t.Errorf("Value(%d) = %g, want %g", tc.raw, got, tc.want)
			}
		})
	}
}

// The stored form of an absent value is a NaN for whoever reads it as a gauge.
func TestAbsentIsNaN(t *testing.T) {
	if v := math.Float64frombits(AbsentBits); !math.IsNaN(v) {
		t.Errorf("the absent bits read as %g", v)
	}
}

func TestPageFactor(t *testing.T) {
	for unit, want := range map[Unit]float64{Percent: 0.01, None: 1, Bytes: 1, Seconds: 1, BytesPS: 1} {
		if got := (&Field{Unit: unit}).PageFactor(); got != want {
			t.Errorf("unit %q: factor %g, want %g", unit, got, want)
		}
	}
}

func TestLabelAppend(t *testing.T) {
	s := Of[whole]()
	w := whole{Name: "näme\n", Small: math.MaxUint32, Big: math.MaxUint64}
	buf := make([]byte, 0, 64)
	for i, want := range []string{"näme\n", "4294967295", "18446744073709551615"} {
		if got := string(s.Labels[i].Append(append(buf, "x="...), unsafe.Pointer(&w))); got != "x="+want {
			t.Errorf("label %s: %q, want %q", s.Labels[i].Name, got, "x="+want)
		}
		n := testing.AllocsPerRun(100, func() { s.Labels[i].Append(buf, unsafe.Pointer(&w)) })
		if n != 0 {
			t.Errorf("label %s: %g allocations", s.Labels[i].Name, n)
		}
	}
}

func TestReference(t *testing.T) {
	ref := Reference([]*Schema{Of[whole](), Of[raced]()})
	if len(ref) != 2 || ref[0].Reading != "whole" || ref[1].Reading != "raced" {
		t.Fatalf("readings: %+v", ref)
	}
	if l := ref[1].Labels; l == nil || len(l) != 0 {
		t.Errorf("labels of a reading without any: %#v, want an empty list, which is [] in JSON", l)
	}
	d := ref[0]
	if len(d.Labels) != 3 || d.Labels[0] != (LabelDoc{"name", false, "A text."}) || !d.Labels[2].Attr {
		t.Errorf("labels: %+v", d.Labels)
	}
	want := FieldDoc{"x.busy_seconds", "x_busy_seconds", "sysops_x_time_seconds_total", "counter", "seconds", 1e-6, "Busy."}
	if n := len(d.Metrics); n != 8 || d.Metrics[n-1] != want {
		t.Errorf("metrics: %+v", d.Metrics)
	}
	if d.Metrics[0].Kind != "gauge" {
		t.Errorf("kind of a gauge: %q", d.Metrics[0].Kind)
	}
}
