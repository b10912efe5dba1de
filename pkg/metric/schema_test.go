package metric

import (
	"math"
	"reflect"
	"sync"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// times are shared fields, as CPUTimes are in package reading.
type times struct {
	User float64 `metric:"user_percent" unit:"percent" col:"cpu_user" help:"User."`
	Idle float64 `metric:"idle_percent" unit:"percent" max:"1000" res:"0.5" help:"Idle."`
}

type inner struct {
	times `prefix:"b_"`
}

// whole uses every part of the grammar.
type whole struct {
	_     struct{} `reading:"whole" domain:"test" help:"Everything that tags can say."`
	Name  string   `label:"name" help:"A text."`
	Small uint32   `label:"small"`
	Big   uint64   `attr:"big"`
	inner `prefix:"a."`
	Load  float64 `metric:"load.avg1" col:"load_1" res:"0.01" help:"Load."`
	Temp  float64 `metric:"x.temp_celsius" unit:"celsius" res:"0.1" min:"-inf" max:"inf" help:"Signed."`
	Open  float64 `metric:"x.fd_count" unit:"count" page:"x_open_fds" help:"Open."`
	Share float64 `metric:"x.share_percent" unit:"percent" page:"x_part_ratio" help:"Share."`
	Read  Count   `metric:"x.read_bytes" unit:"bytes" scale:"512" help:"Read."`
	Busy  Count   `metric:"x.busy_seconds" unit:"seconds" scale:"1e-6" page:"x_time_seconds_total" help:"Busy."`
}

func TestSchema(t *testing.T) {
	s, err := parse(reflect.TypeFor[whole]())
	if err != nil {
		t.Fatal(err)
	}
	var w whole
	base := uintptr(unsafe.Pointer(&w))
	at := func(p unsafe.Pointer) uintptr { return uintptr(p) - base }
	most := math.MaxFloat64
	want := []Field{
		{"a.b_user_percent", "cpu_user", "sysops_a_b_user_ratio", "User.", Gauge, Percent, 0.01, 1, 0, 100, at(unsafe.Pointer(&w.User))},
		{"a.b_idle_percent", "a_b_idle_percent", "sysops_a_b_idle_ratio", "Idle.", Gauge, Percent, 0.5, 1, 0, 1000, at(unsafe.Pointer(&w.Idle))},
		{"load.avg1", "load_1", "sysops_load_avg1", "Load.", Gauge, None, 0.01, 1, 0, most, at(unsafe.Pointer(&w.Load))},
		{"x.temp_celsius", "x_temp_celsius", "sysops_x_temp_celsius", "Signed.", Gauge, Celsius, 0.1, 1, -most, most, at(unsafe.Pointer(&w.Temp))},
		{"x.fd_count", "x_fd_count", "sysops_x_open_fds", "Open.", Gauge, Count1, 1, 1, 0, most, at(unsafe.Pointer(&w.Open))},
		{"x.share_percent", "x_share_percent", "sysops_x_part_ratio", "Share.", Gauge, Percent, 0.01, 1, 0, 100, at(unsafe.Pointer(&w.Share))},
		{"x.read_bytes", "x_read_bytes", "sysops_x_read_bytes_total", "Read.", Counter, Bytes, 512, 512, 0, most, at(unsafe.Pointer(&w.Read))},
		{"x.busy_seconds", "x_busy_seconds", "sysops_x_time_seconds_total", "Busy.", Counter, Seconds, 1e-6, 1e-6, 0, most, at(unsafe.Pointer(&w.Busy))},
	}
	if d := cmp.Diff(want, s.Fields); d != "" {
		t.Errorf("fields (-want +got):\n%s", d)
	}
	labels := []Label{{Name: "name", Help: "A text."}, {Name: "small"}, {Name: "big", Attr: true}}
	if d := cmp.Diff(labels, s.Labels, cmpopts.IgnoreUnexported(Label{})); d != "" {
		t.Errorf("labels (-want +got):\n%s", d)
	}
	if s.Name != "whole" || s.Domain != "test" || s.Help != "Everything that tags can say." {
		t.Errorf("reading %q of domain %q: %q", s.Name, s.Domain, s.Help)
	}
	for i, f := range want {
		if got := s.Field(f.Name); got != i {
			t.Errorf("Field(%q) = %d, want %d", f.Name, got, i)
		}
	}
	for _, n := range []string{"", "load_1", "sysops_load_avg1", "name"} {
		if got := s.Field(n); got != -1 {
			t.Errorf("Field(%q) = %d, want -1: only the dotted name is the identity", n, got)
		}
	}
}

func TestBlank(t *testing.T) {
	w := Blank[whole]()
	if w.Name != "" || w.Small != 0 || w.Big != 0 || w.Read != NoCount || w.Busy != NoCount {
		t.Errorf("blank: %+v", w)
	}
	for name, v := range map[string]float64{"User": w.User, "Idle": w.Idle, "Load": w.Load, "Temp": w.Temp, "Open": w.Open, "Share": w.Share} {
		if !math.IsNaN(v) {
			t.Errorf("%s of a blank reading is %g, want NaN", name, v)
		}
	}
	w.Load, w.Name = 1, "changed"
	if again := Blank[whole](); !math.IsNaN(again.Load) || again.Name != "" {
		t.Error("a change of one blank reading shows in the next")
	}
}

func TestClearKeepsLabels(t *testing.T) {
	w := whole{Name: "n", Small: 1, Big: 2, Load: 3, Read: 4}
	w.User = 5
	Of[whole]().Clear(unsafe.Pointer(&w))
	if w.Name != "n" || w.Small != 1 || w.Big != 2 {
		t.Errorf("labels changed: %+v", w)
	}
	if !math.IsNaN(w.Load) || !math.IsNaN(w.User) || w.Read != NoCount || w.Busy != NoCount {
		t.Errorf("measurements stayed: %+v", w)
	}
}

// raced is read by no other test, so that all goroutines come to it first.
type raced struct {
	_ struct{} `reading:"raced" domain:"test" help:"Read by many at once."`
	V float64  `metric:"raced.v" help:"A value."`
}

func TestOfConcurrently(t *testing.T) {
	const n = 16
	var wg sync.WaitGroup
	got := make([]*Schema, n)
	for i := range n {
		wg.Go(func() {
			got[i] = Of[raced]()
			if b := Blank[raced](); !math.IsNaN(b.V) {
				t.Errorf("blank value %g", b.V)
			}
		})
	}
	wg.Wait()
	for i := range got {
		if got[i] != got[0] {
			t.Fatal("two goroutines got different schemas of one type")
		}
	}
}

func BenchmarkBlank(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		w := Blank[whole]()
		w.Load = 1
	}
}
