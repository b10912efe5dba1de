package store

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
)

// TestClock says what is read after something happened to the clocks or the
// counter in the midst of a steady one: 10 sweeps of 10 s, each counting 5.
func TestClock(t *testing.T) {
	const half = 1_700_000_040
	for _, c := range []struct {
		name   string
		wall   time.Duration // by which the wall clock moves between the halves
		boot   time.Duration // the boot clock; both move in suspend
		count  int64         // what the counter jumps by
		epochs uint64
		gauges int   // samples of the gauge in all
		counts int   // of the counter
		jump   int64 // the increment at the second half's first slot, −1 = none
	}{
		{name: "nothing", gauges: 10, counts: 9, jump: 5},
		{name: "one hour forward", wall: time.Hour, epochs: 1, gauges: 10, counts: 8, jump: -1},
		{name: "one hour back", wall: -time.Hour, epochs: 1, gauges: 5, counts: 4, jump: -1},
		{name: "back by two slots", wall: -20 * time.Second, epochs: 1, gauges: 8, counts: 6, jump: -1},
		{name: "forward by less than half a slot", wall: 4 * time.Second, gauges: 10, counts: 9, jump: 5},
		{name: "back by less than half a slot", wall: -4 * time.Second, gauges: 10, counts: 9, jump: 5},
		{name: "suspend of an hour", wall: time.Hour, boot: time.Hour, gauges: 10, counts: 8, jump: -1},
		{name: "suspend of a minute", wall: time.Minute, boot: time.Minute, gauges: 10, counts: 9, jump: 5},
		{name: "suspend of seventy seconds", wall: 70 * time.Second, boot: 70 * time.Second, gauges: 10, counts: 8, jump: -1},
		{name: "suspend and the clock set back after it", wall: 0, boot: time.Hour, epochs: 1, gauges: 10, counts: 8, jump: -1},
		{name: "counter reset", count: -1_000_000, gauges: 10, counts: 8, jump: -1},
		{name: "counter jumps", count: 1 << 40, gauges: 10, counts: 9, jump: 5 + 1<<40},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told []string
			st := open(t, Options{ClockStepped: func(reading string, by time.Duration) { told = append(told, fmt.Sprint(reading, " ", by)) }})
			w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
			tick, count := At(half-50), int64(1<<41)
			tick.Wall = tick.Wall.Add(4 * time.Second) // collectors fire in mid-slot
			for i := range 10 {
				if i == 5 {
					tick.Wall, tick.Boot, count = tick.Wall.Add(c.wall), tick.Boot+c.boot, count+c.count
				}
				r := metric.Blank[sample]()
				r.Name, r.Size, r.Busy = "a", float64(i), metric.Count(count)
				w.Begin(tick)
				w.Put(&r)
				w.End()
				tick.Wall, tick.Boot, count = tick.Wall.Add(10*time.Second), tick.Boot+10*time.Second, count+5
			}
			sh := st.Shard("sample")
			var gauge, counter Points
			sh.Rows()[0].Read(fSize, 0, forever, &gauge)
			sh.Rows()[0].Read(fBusy, 0, forever, &counter)
			if len(gauge.T) != c.gauges || len(counter.T) != c.counts || !slices.IsSorted(gauge.T) {
				t.Errorf("%d samples of the gauge and %d of the counter: %v %v", len(gauge.T), len(counter.T), gauge.T, counter.T)
			}
			first := (half + 4 + int64(c.wall/time.Second)) / 10 * 10
			jump := int64(-1)
			for i, at := range counter.T {
				if at == first {
					jump = int64(counter.V[i]*1e6 + 0.5)
				} else if math.Abs(counter.V[i]-5e-6) > 1e-15 {
					t.Errorf("increment %g at %d", counter.V[i], at)
				}
			}
			if jump != c.jump {
				t.Errorf("increment over the event is %d, want %d", jump, c.jump)
			}
			if n := sh.Counts.Epochs.Load(); n != c.epochs || len(told) != int(c.epochs) {
				t.Errorf("%d epochs counted, want %d; told %v", n, c.epochs, told)
			}
		})
	}
}

// TestSlewing: NTP that slews the clock by a little in each slot never adds up
// to a step.
func TestSlewing(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	tick := At(1_700_000_005)
	for range 1000 {
		w.Begin(tick)
		w.Put(&sample{Name: "a", Size: 1})
		w.End()
		tick.Wall, tick.Boot = tick.Wall.Add(10*time.Second+5*time.Millisecond), tick.Boot+10*time.Second
	}
	if c := &st.Shard("sample").Counts; c.Epochs.Load() != 0 || c.LateSweeps.Load() != 0 {
		t.Errorf("%d epochs, %d late sweeps", c.Epochs.Load(), c.LateSweeps.Load())
	}
	if first, last, n := samplesOf(st.Shard("sample")); n != 1000 {
		t.Errorf("%d samples from %d to %d", n, first, last)
	}
}

// TestImpossibleTimes: a clock before 1970 or beyond 2242 drops sweeps and
// breaks nothing.
func TestImpossibleTimes(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	for i, at := range []int64{1_700_000_000, -1, -1 << 40, maxUnix + 1, 1 << 50, 1_700_000_010} {
		w.Begin(Tick{Wall: time.Unix(at, 0), Boot: time.Duration(i) * 10 * time.Second})
		w.Put(&sample{Name: "a", Size: 1})
		w.End()
	}
	if n := st.Shard("sample").Counts.LateSweeps.Load(); n != 4 {
		t.Errorf("%d sweeps dropped, want 4", n)
	}
	if _, last, _ := samplesOf(st.Shard("sample")); last != 1_700_000_010 {
		t.Errorf("the last sample is at %d", last)
	}
}

// TestNow: both clocks run.
func TestNow(t *testing.T) {
	a := Now()
	b := Now()
	if a.Boot <= 0 || b.Boot < a.Boot || b.Wall.Before(a.Wall) || time.Since(a.Wall) > time.Hour {
		t.Errorf("%+v, then %+v", a, b)
	}
}
