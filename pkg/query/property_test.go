package query

import (
	"testing"

	"pgregory.net/rapid"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// TestAllTiersAreOne asks random questions over three days, of which the
// store has the newest part, the database minutes, hours and days up to
// random marks, and the retention took the oldest minutes and hours; the
// answer is what a loop over all raw samples gives.
func TestAllTiersAreOne(t *testing.T) {
	const begin, end = midnight - 5000, midnight + 3*86400
	w := newWorld(t)
	// One row is measured without a break, one comes and goes.
	w.raw["steady"] = steady(floor(begin, 10), (end-begin)/10)
	seed := uint32(1)
	for i, s := range w.raw["steady"] {
		seed = seed*1664525 + 1013904223
		s.load = float64(seed>>16) / 100
		w.raw["steady"][i].load = s.load
		if i/700%3 != 1 && seed>>28 > 2 {
			s.ops = metric.Count(i)
			w.raw["gappy"] = append(w.raw["gappy"], s)
		}
	}
	all := map[db.Tier]int64{db.Minute: end, db.Hourly: end, db.Daily: end}
	w.keep(all)
	for _, c := range []struct {
		name string
		cut  func()
		unit int64 // what is left serves multiples of it
	}{
		{"everything kept", func() {}, 60},
		{"old minutes deleted", func() { w.cut(db.Minute, midnight+86400+1260) }, 3600},
		{"old hours deleted", func() { w.cut(db.Hourly, midnight+86400-2*3600) }, 86400},
	} {
		c.cut()
		for _, begun := range []int64{begin, midnight + 2*86400 + 8*3600 + 1230, end - 600, end} {
			w.forget()
			w.remember(begun, end)
			t.Run(c.name, func(t *testing.T) { rapid.Check(t, func(rt *rapid.T) { one(rt, w, c.unit, begun, end) }) })
		}
	}
}

// one asks one question.
func one(t *rapid.T, w *world, unit, begun, end int64) {
	minutes := floor(rapid.Int64Range(ceil(begun, 60), end).Draw(t, "minute mark"), 60)
	hours := max(0, floor(minutes, 3600)-3600*rapid.Int64Range(0, 3).Draw(t, "hours behind"))
	w.mark(map[db.Tier]int64{
		db.Minute: minutes, db.Hourly: hours,
		db.Daily: floor(hours, 86400) - 86400*rapid.Int64Range(0, 1).Draw(t, "days behind"),
	})
	step := unit * rapid.SampledFrom([]int64{1, 1, 2, 5, 7, 30, 60, 1440}).Draw(t, "steps")
	first := rapid.Int64Range(midnight-4000, end-60).Draw(t, "from")
	last := rapid.Int64Range(first+1, end).Draw(t, "to")
	if (last-first)/step >= MaxPoints {
		step = ceil(ceil(last-first, MaxPoints)/MaxPoints, unit)
	}
	from, to := floor(first, step), ceil(last, step)

	for _, s := range w.ask(t, "probe.load_percent", first, last, step).Series {
		want := fold(within(w.raw[s.Labels["name"]], from, to), step)
		if len(s.Points) != len(want) {
			t.Fatalf("%s: %d points, want %d", s.Labels["name"], len(s.Points), len(want))
		}
		for _, p := range s.Points {
			c := want[p.Time]
			if c == nil || !near(p.Value, c.sum/float64(c.n)) || p.Min != c.lo || p.Max != c.hi {
				t.Fatalf("%s at %d: %+v, want %+v", s.Labels["name"], p.Time, p, c)
			}
		}
	}
	rates := w.ask(t, "test.probe_ops", first, last, step, Matcher{"name", Equal, "steady"}).Series
	if len(rates) != 1 {
		t.Fatalf("%d series", len(rates))
	}
	for i, p := range rates[0].Points {
		if partial := i == 0 && p.Time <= w.raw["steady"][0].t; !partial && !near(p.Value, 1) {
			t.Fatalf("ops rise by 1 a second, at %d by %g", p.Time, p.Value)
		}
	}
}

func within(all []sample, from, to int64) []sample {
	var out []sample
	for _, s := range all {
		if s.t >= from && s.t < to {
			out = append(out, s)
		}
	}
	return out
}
