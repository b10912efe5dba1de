package overview

import (
	"math"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// What a dead collector left behind is not shown as if it were of now.
func TestStale(t *testing.T) {
	h := newHost(t)
	quick, slow := every[reading.Memory](h, 10), every[reading.Load](h, 60)
	put(quick, 0, func(r *reading.Memory) { r.UsedPercent = 50 })
	put(slow, 0, func(r *reading.Load) { r.Avg1 = 1 })
	for _, tc := range []struct {
		at           int64
		memory, load float64
	}{
		{0, 50, 1},
		{9, 50, 1},
		{30, 50, 1},
		{31, math.NaN(), 1},
		{180, math.NaN(), 1},
		{181, math.NaN(), math.NaN()},
		{-5, 50, 1},
		{-30, math.NaN(), 1},
		{-100, math.NaN(), math.NaN()}, // the clock was set back
	} {
		o := h.at(tc.at, nil)
		number(t, "memory", o.Memory.Used, tc.memory)
		number(t, "load", o.CPU.Load[0], tc.load)
		if want := time.Unix(start, 0); tc.at >= 0 && !o.Time.Equal(want) {
			t.Errorf("at %d the newest sweep is of %s, want %s", tc.at, o.Time, want)
		}
		if tc.at < 0 && !o.Time.IsZero() {
			t.Errorf("at %d the newest sweep is of %s, in the future", tc.at, o.Time)
		}
	}
}

// A disk that is gone leaves the others.
func TestRowThatIsGone(t *testing.T) {
	h := newHost(t)
	w := every[reading.Disk](h, 10)
	sda := func(r *reading.Disk) { r.Device, r.Utilisation = "sda", 1 }
	sdb := func(r *reading.Disk) { r.Device, r.Utilisation = "sdb", 2 }
	put(w, 0, sda, sdb)
	for i := int64(1); i < 6; i++ {
		put(w, 10*i, sda)
		got := h.at(10*i+5, nil).Disks
		if want := 2; i < 3 && len(got) != want || i >= 3 && len(got) != 1 {
			t.Errorf("%d s after sdb left there are %d disks", 10*i, len(got))
		}
	}
}

// A clock that was set back leaves rows that lie ahead; what is measured since
// then counts.
func TestClockSetBack(t *testing.T) {
	h := newHost(t)
	w := every[reading.Disk](h, 10)
	sda := func(r *reading.Disk) { r.Device, r.Utilisation = "sda", 1 }
	put(w, 0, sda, func(r *reading.Disk) { r.Device = "gone" })
	for i := range int64(3) {
		tick := store.At(start + 10*(i+1))
		tick.Wall = tick.Wall.Add(-time.Hour)
		w.Begin(tick)
		r := metric.Blank[reading.Disk]()
		sda(&r)
		w.Put(&r)
		w.End()
	}
	o := h.at(30-3600, nil)
	if len(o.Disks) != 1 || o.Disks[0].Device != "sda" {
		t.Errorf("disks %+v, want sda only", o.Disks)
	}
	if want := time.Unix(start+30-3600, 0); !o.Time.Equal(want) {
		t.Errorf("newest sweep %s, want %s", o.Time, want)
	}
}

// Rates are true whatever was left out before.
func TestRates(t *testing.T) {
	const absent = math.MaxUint64
	for name, tc := range map[string]struct {
		slots map[int64]uint64 // second → sectors read
		at    int64
		want  float64 // bytes per second
	}{
		"two sweeps":            {map[int64]uint64{0: 0, 10: 20}, 10, 1024},
		"the first sweep":       {map[int64]uint64{10: 20}, 10, math.NaN()},
		"no change":             {map[int64]uint64{0: 7, 10: 7}, 10, 0},
		"two sweeps left out":   {map[int64]uint64{0: 0, 30: 60}, 30, 1024},
		"too many left out":     {map[int64]uint64{0: 0, 80: 160}, 80, math.NaN()},
		"the counter was reset": {map[int64]uint64{0: 1000, 10: 20}, 10, math.NaN()},
		"after a reset":         {map[int64]uint64{0: 1000, 10: 20, 20: 40}, 20, 1024},
		"absent now":            {map[int64]uint64{0: 0, 10: absent}, 10, math.NaN()},
		"absent before":         {map[int64]uint64{0: absent, 10: 20}, 10, math.NaN()},
		"new extent":            {map[int64]uint64{1190: 0, 1200: 20}, 1200, 1024},
		"in a later extent":     {map[int64]uint64{0: 0, 10: 20, 3600: 50, 3610: 70}, 3610, 1024},
		"near the limit":        {map[int64]uint64{0: 1 << 63, 10: 1<<63 + 20}, 10, 1024},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			w := every[reading.Disk](h, 10)
			for at := int64(0); at <= tc.at; at += 10 {
				if v, ok := tc.slots[at]; ok {
					put(w, at, func(r *reading.Disk) { r.Device, r.ReadBytes = "sda", metric.Count(v) })
				}
			}
			d := h.at(tc.at+5, nil).Disks
			if len(d) != 1 {
				t.Fatalf("%d disks", len(d))
			}
			number(t, "rate", d[0].Read, tc.want)
			number(t, "rate of what is never there", d[0].Write, math.NaN())
		})
	}
}

func TestUnknownNamesAreAbsent(t *testing.T) {
	h := newHost(t)
	put(every[reading.Memory](h, 10), 0, func(r *reading.Memory) { r.UsedPercent = 1 })
	src := source{h.st, time.Unix(start, 0)}
	number(t, "an unknown reading", src.single("nothing", "mem.used_percent"), math.NaN())
	number(t, "an unknown metric", src.single("memory", "mem.nothing"), math.NaN())
	r := src.rows("memory")[0]
	var m store.Matrix
	number(t, "the rate of an unknown metric", r.rates(&m).of("mem.nothing"), math.NaN())
	if l := r.label("nothing"); l != "" {
		t.Errorf("an unknown label is %q", l)
	}
}
