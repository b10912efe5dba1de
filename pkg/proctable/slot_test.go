package proctable

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestCPUEncoding(t *testing.T) {
	for in, want := range map[float64]float64{
		0: 0, 0.01: 0.01, 0.004: 0, 99.99: 99.99, 327.67: 327.67, 327.674: 327.67, 327.68: 328, 327.676: 328,
		328.4: 328, 12800: 12800, 32766: 32766, 32767: 32766, 1e9: 32766, math.Inf(1): 32766,
	} {
		if got := unpackCPU(packCPU(in)); got != want {
			t.Errorf("%g %% is kept as %g, want %g", in, got, want)
		}
	}
	for _, in := range []float64{math.NaN(), -1, math.Inf(-1)} {
		if got := unpackCPU(packCPU(in)); !math.IsNaN(got) {
			t.Errorf("%g %% is kept as %g, want unknown", in, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.Float64Range(0, 32766).Draw(t, "percent")
		allowed := 0.00501
		if in > 327.67 {
			allowed = 0.501
		}
		if got := unpackCPU(packCPU(in)); math.Abs(got-in) > allowed {
			t.Fatalf("%g %% is kept as %g", in, got)
		}
	})
}

func TestSaturation(t *testing.T) {
	for in, want := range map[uint64]float64{0: 0, 4095: 0, 4096: 4096, 1 << 40: 1 << 40, math.MaxUint64: (1<<32 - 2) * 4096} {
		if got := unpackRSS(packRSS(in)); got != want {
			t.Errorf("RSS of %d bytes is kept as %g, want %g", in, got, want)
		}
	}
	r := unknown
	s := Sample{Parts: HasFDs, FDs: math.MaxUint32}
	s.Threads = math.MaxUint32
	r.put(&s)
	if unpack32(r.fds) != math.MaxUint32-1 || unpack16(r.threads) != math.MaxUint16-1 {
		t.Errorf("saturated: %d fds, %d threads", r.fds, r.threads)
	}
}

func TestMinuteKeepsThePeak(t *testing.T) {
	h := newHost(t, Options{})
	s := h.add(1, 0, "peaky")
	for _, rss := range []uint64{10 << 20, 90 << 20, 20 << 20} {
		s.RSS = rss
		s.FDs = uint32(rss >> 20)
		s.CPUUser += 5_000_000
		h.sweep(20 * time.Second)
	}
	s.Parts = 0 // the next look has no fds
	h.sweep(20 * time.Second)
	pts := h.table.History(nil, s.ID)
	if len(pts) != 2 {
		t.Fatalf("%d minutes, want 2: %+v", len(pts), pts)
	}
	if p := pts[0]; p.RSS != 90<<20 || p.FDs != 90 || p.Threads != 1 || p.CPUPercent != 25 {
		t.Errorf("first minute %+v", p)
	}
	if p := pts[1]; p.RSS != 20<<20 || p.CPUPercent != 12.5 { // 5 s of 40: since the last look of the minute before
		t.Errorf("second minute %+v", p)
	}
}

func TestHistoryAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tab := New(Options{})
		boot := time.Duration(rapid.IntRange(0, 7200).Draw(t, "boot")) * time.Second
		model := map[int64]float64{} // minute → greatest RSS
		id := ID{PID: 5}
		for range rapid.IntRange(1, 300).Draw(t, "sweeps") {
			boot += time.Duration(rapid.IntRange(1, 200).Draw(t, "step")) * time.Second
			if rapid.IntRange(0, 40).Draw(t, "sleep") == 0 {
				boot += 2 * time.Hour
			}
			s := Sample{ID: id}
			s.RSS = uint64(rapid.IntRange(0, 1000).Draw(t, "rss")) * rssUnit
			tab.Begin(epoch.Add(boot), boot)
			tab.Observe(&s)
			tab.End()
			m := int64(boot / time.Minute)
			model[m] = max(model[m], float64(s.RSS))
		}
		last := int64(boot / time.Minute)
		got := tab.History(nil, id)
		n := 0
		for m := max(0, last-minutes+1); m <= last; m++ {
			want, ok := model[m]
			if !ok {
				continue
			}
			if n >= len(got) || got[n].RSS != want || !got[n].Time.Equal(epoch.Add(time.Duration(m)*time.Minute)) {
				t.Fatalf("minute %d: want %g, history %+v", m, want, got)
			}
			n++
		}
		if n != len(got) {
			t.Fatalf("%d minutes, want %d", len(got), n)
		}
	})
}

func TestClockStepMovesTheTimesOnly(t *testing.T) {
	h := newHost(t, Options{})
	s := h.add(1, time.Hour, "steady")
	h.sweep(0)
	s.CPUUser += 3_000_000
	h.boot += 30 * time.Second
	stepped := epoch.Add(h.boot - 24*time.Hour)
	h.table.Begin(stepped, h.boot)
	h.table.Observe(s)
	h.table.End()
	p := h.get(s)
	if p.CPUPercent != 10 || !p.Seen.Equal(stepped) || p.Uptime() != 30*time.Second {
		t.Errorf("after the wall clock was set back a day: %+v", p)
	}
	if pts := h.table.History(nil, s.ID); len(pts) != 1 {
		t.Errorf("history %+v", pts)
	}
}
