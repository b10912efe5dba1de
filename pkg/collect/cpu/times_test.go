package cpu

import (
	"math"
	"testing"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

func TestSince(t *testing.T) {
	prev := ticks{user: 100, nice: 10, system: 50, idle: 9000, iowait: 400, irq: 1, softirq: 2, steal: 30, guest: 20}
	for name, c := range map[string]struct {
		change map[int]int64 // by column, against prev
		want   map[int]uint64
		ok     bool
	}{
		"nothing passed":                     {nil, nil, true},
		"all rise":                           {map[int]int64{user: 5, idle: 90, iowait: 3, guest: 2}, map[int]uint64{user: 5, idle: 90, iowait: 3, guest: 2}, true},
		"iowait booked as idle":              {map[int]int64{idle: 500, iowait: -400, user: 10}, map[int]uint64{idle: 100, user: 10}, true},
		"idle booked as iowait":              {map[int]int64{idle: -50, iowait: 150}, map[int]uint64{iowait: 100}, true},
		"rounding of a busy CPU":             {map[int]int64{user: 100, iowait: -1}, map[int]uint64{user: 100}, true},
		"restarted after offline":            {map[int]int64{idle: -8900, user: 10}, nil, false},
		"everything restarted":               {map[int]int64{user: -90, system: -40, idle: -8900, iowait: -400}, nil, false},
		"steal fell after a migration":       {map[int]int64{steal: -30, user: 40, idle: 60}, map[int]uint64{user: 40, idle: 60}, true},
		"steal jumped":                       {map[int]int64{steal: 1 << 50, user: 40}, nil, false},
		"idle jumped when it came online":    {map[int]int64{idle: 500_000}, nil, false},
		"modes together more than the limit": {map[int]int64{user: 900, idle: 900, system: 900}, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			cur := prev
			for i, v := range c.change {
				cur[i] = uint64(int64(cur[i]) + v)
			}
			var want ticks
			for i, v := range c.want {
				want[i] = v
			}
			if d, ok := cur.since(&prev, 2100); d != want || ok != c.ok {
				t.Errorf("got %v, %v; want %v, %v", d, ok, want, c.ok)
			}
		})
	}
}

// Sums must not wrap into something plausible.
func TestSinceHugeNumbers(t *testing.T) {
	top := ticks{math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64, math.MaxUint64}
	if d, ok := top.since(&ticks{}, 2100); ok {
		t.Errorf("a CPU of %v ticks in one sweep was believed: %v", top, d)
	}
	if d, ok := (&ticks{}).since(&top, 2100); ok {
		t.Errorf("a CPU that fell to nothing was believed: %v", d)
	}
}

func TestShares(t *testing.T) {
	d := ticks{user: 300, nice: 100, system: 50, idle: 400, iowait: 100, irq: 10, softirq: 20, steal: 20, guest: 250, guestNice: 50}
	usage, r, ok := d.shares(columns)
	want := reading.CPUTimes{User: 30, Nice: 10, System: 5, Idle: 40, IOWait: 10, IRQ: 1, SoftIRQ: 2, Steal: 2, Guest: 30}
	if !ok || usage != 50 || r != want {
		t.Errorf("usage %v, %+v; want 50, %+v", usage, r, want)
	}
	if sum := r.User + r.Nice + r.System + r.Idle + r.IOWait + r.IRQ + r.SoftIRQ + r.Steal; sum != 100 {
		t.Errorf("the modes add up to %v", sum)
	}
	if _, r, _ := d.shares(8); !math.IsNaN(r.Guest) {
		t.Errorf("guest is %v on a kernel that does not count it", r.Guest)
	}
	if _, _, ok := new(ticks).shares(columns); ok {
		t.Error("no tick passed and yet there are shares (COL-23)")
	}
}

func TestSeconds(t *testing.T) {
	c := ticks{user: 12345, nice: 1, system: 1<<64 - 1, idle: 7, steal: 5, guest: 40, guestNice: 2}
	for name, tc := range map[string]struct {
		hz   uint64
		cols int
		want reading.CPUSeconds
	}{
		"100 ticks a second": {100, columns, reading.CPUSeconds{UserSeconds: 123_450_000, NiceSeconds: 10_000, SystemSeconds: metric.NoCount, IdleSeconds: 70_000, StealSeconds: 50_000, GuestSeconds: 420_000}},
		"1024 ticks":         {1024, columns, reading.CPUSeconds{UserSeconds: 12_055_664, NiceSeconds: 976, SystemSeconds: metric.NoCount, IdleSeconds: 6835, StealSeconds: 4882, GuestSeconds: 39_062 + 1953}},
		"old kernel":         {100, minColumns, reading.CPUSeconds{UserSeconds: 123_450_000, NiceSeconds: 10_000, SystemSeconds: metric.NoCount, IdleSeconds: 70_000, StealSeconds: 0, GuestSeconds: metric.NoCount}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := c.seconds(tc.cols, tc.hz); got != tc.want {
				t.Errorf("got  %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

// Whatever two lines say, shares lie within 0 and 100 and add up to 100.
func FuzzSince(f *testing.F) {
	f.Add(uint64(1), uint64(2), uint64(3), uint64(4), uint64(5), uint64(6), uint64(7), uint64(8))
	f.Add(uint64(100), uint64(0), uint64(50), uint64(4000), uint64(3000), uint64(9), uint64(4010), uint64(2995))
	f.Fuzz(func(t *testing.T, u0, i0, w0, g0, u1, i1, w1, g1 uint64) {
		prev := ticks{user: u0, idle: i0, iowait: w0, guest: g0}
		cur := ticks{user: u1, idle: i1, iowait: w1, guest: g1}
		const limit = 2100
		d, ok := cur.since(&prev, limit)
		if !ok {
			return
		}
		if sum := d[user] + d[idle] + d[iowait]; sum > limit {
			t.Fatalf("%d ticks in a sweep of at most %d", sum, limit)
		}
		usage, r, ok := d.shares(columns)
		if !ok {
			return
		}
		sum := 0.0
		for _, v := range []float64{r.User, r.Nice, r.System, r.Idle, r.IOWait, r.IRQ, r.SoftIRQ, r.Steal} {
			if v < 0 || v > 100 {
				t.Fatalf("a share of %v: %+v", v, r)
			}
			sum += v
		}
		if math.Abs(sum-100) > 1e-9 || usage < 0 || usage > 100 || r.Guest < 0 || r.Guest > 100 {
			t.Fatalf("usage %v, sum %v, %+v", usage, sum, r)
		}
	})
}
