package overview

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/reading"
)

func TestMost(t *testing.T) {
	nan := math.NaN()
	for name, tc := range map[string]struct{ in, want []float64 }{
		"empty":       {nil, nil},
		"descending":  {[]float64{1, 3, 2}, []float64{3, 2, 1}},
		"absent last": {[]float64{nan, 1, nan, 2}, []float64{2, 1, nan, nan}},
		"only absent": {[]float64{nan, nan}, []float64{nan, nan}},
		"infinite":    {[]float64{5, math.Inf(1)}, []float64{math.Inf(1), 5}},
		"bounded":     {[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, []float64{10, 9, 8, 7, 6, 5, 4, 3}},
	} {
		t.Run(name, func(t *testing.T) {
			got := most(tc.in, func(v float64) float64 { return v })
			if fmt.Sprint(got) != fmt.Sprint(tc.want) {
				t.Errorf("%v, want %v", got, tc.want)
			}
		})
	}
	type named struct {
		name string
		v    float64
	}
	got := most([]named{{"a", 1}, {"b", 1}, {"c", 1}}, func(n named) float64 { return n.v })
	if fmt.Sprint(got) != "[{a 1} {b 1} {c 1}]" {
		t.Errorf("equals changed their order: %v", got)
	}
}

func TestGreater(t *testing.T) {
	nan := math.NaN()
	for _, tc := range [][3]float64{{1, 2, 2}, {2, 1, 2}, {nan, 1, 1}, {1, nan, 1}, {nan, nan, nan}, {-1, nan, -1}, {0, 0, 0}} {
		number(t, fmt.Sprintf("the greater of %g and %g", tc[0], tc[1]), greater(Of(tc[0]), Of(tc[1])), tc[2])
	}
}

// A disk without I/O waited for nothing: that is absent, not zero.
func TestAwait(t *testing.T) {
	nan := math.NaN()
	h := newHost(t)
	cases := map[string][3]float64{"read": {0.5, nan, 0.5}, "write": {nan, 0.25, 0.25}, "both": {1, 2, 2}, "idle": {nan, nan, nan}}
	var rows []func(*reading.Disk)
	for name, c := range cases {
		rows = append(rows, func(r *reading.Disk) { r.Device, r.ReadAwait, r.WriteAwait = name, c[0], c[1] })
	}
	put(every[reading.Disk](h, 10), 0, rows...)
	disks := h.at(5, nil).Disks
	if len(disks) != len(cases) {
		t.Fatalf("%d disks, want %d", len(disks), len(cases))
	}
	for _, d := range disks {
		number(t, d.Device, d.Await, cases[d.Device][2])
	}
}

// A filesystem that does not answer has no numbers and yet comes first.
func TestStuckFilesystemComesFirst(t *testing.T) {
	h := newHost(t)
	rows := []func(*reading.Filesystem){}
	for i := range 20 {
		rows = append(rows, func(r *reading.Filesystem) { r.Mount, r.Used, r.Stuck = fmt.Sprint("/m", i), float64(i), 0 })
	}
	rows = append(rows, func(r *reading.Filesystem) { r.Mount, r.Stuck = "/dead", 1 })
	put(every[reading.Filesystem](h, 60), 0, rows...)
	got := h.at(0, nil).Full
	if len(got) != listed || got[0].Mount != "/dead" || !got[0].Stuck || got[1].Mount != "/m19" || got[1].Stuck {
		t.Errorf("filesystems %+v", got)
	}
}

// After the first sweep nobody's CPU use is known: nobody is the busiest.
func TestUnknownCPUIsNotBusy(t *testing.T) {
	procs := proctable.New(proctable.Options{})
	procs.Begin(time.Unix(start, 0), time.Hour)
	procs.Observe(&proctable.Sample{ID: proctable.ID{PID: 1, Start: 1}, Basic: proctable.Basic{RSS: 4096}})
	procs.End()
	o := newHost(t).at(0, procs)
	if len(o.ByCPU) != 0 || o.ByCPU == nil || len(o.ByRSS) != 1 || o.ByRSS[0].PID != 1 {
		t.Errorf("by CPU %+v, by RSS %+v", o.ByCPU, o.ByRSS)
	}
	number(t, "CPU use", o.ByRSS[0].CPU, math.NaN())
}

// Names from devices and mounts come clean out of the store.
func TestHostileLabels(t *testing.T) {
	h := newHost(t)
	evil := "\x1b[31m\n" + strings.Repeat("x", 10_000)
	put(every[reading.Filesystem](h, 60), 0, func(r *reading.Filesystem) { r.Mount, r.Used = evil, 1 })
	put(every[reading.Network](h, 10), 0, func(r *reading.Network) { r.Interface = evil })
	put(every[reading.Disk](h, 10), 0, func(r *reading.Disk) { r.Device = evil })
	o := h.at(5, nil)
	if len(o.Full) != 1 || len(o.Net) != 1 || len(o.Disks) != 1 {
		t.Fatalf("%+v", o)
	}
	for what, s := range map[string]string{"mount": o.Full[0].Mount, "interface": o.Net[0].Interface, "disk": o.Disks[0].Device} {
		if !strings.HasPrefix(s, "\ufffd[31m\ufffdxxx") || len(s) > 256 {
			t.Errorf("%s %q of %d bytes", what, s, len(s))
		}
	}
}
