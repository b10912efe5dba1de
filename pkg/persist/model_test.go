package persist

import (
	"math"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// model computes the tables from the list of all samples, the plain way.
type model struct {
	samples map[string][]sample
}

type sample struct {
	t int64
	r probe
}

func (m *model) put(t int64, r probe) {
	if m.samples == nil {
		m.samples = map[string][]sample{}
	}
	m.samples[r.Name] = append(m.samples[r.Name], sample{t, r})
}

// cell is a sum in progress.
type cell struct {
	n int64
	f [4]struct {
		sum, weight, lo, hi float64
	}
}

func (c *cell) add(f int, sum, weight, lo, hi float64) {
	if math.IsNaN(sum) {
		return
	}
	x := &c.f[f]
	if x.weight == 0 {
		x.lo, x.hi = lo, hi
	}
	x.sum += sum
	x.weight += weight
	x.lo, x.hi = math.Min(x.lo, lo), math.Max(x.hi, hi)
}

func (c *cell) line() (line, bool) {
	l, some := line{n: c.n}, false
	for f := range c.f {
		x := c.f[f]
		l.val[f], l.min[f], l.max[f] = math.NaN(), math.NaN(), math.NaN()
		if x.weight == 0 {
			continue
		}
		some = true
		if f >= 2 {
			l.val[f], l.min[f], l.max[f] = x.sum, x.sum, x.sum
		} else {
			l.val[f], l.min[f], l.max[f] = x.sum/x.weight, x.lo, x.hi
		}
	}
	return l, some
}

// minutes returns the minute tier before end.
func (m *model) minutes(end int64) map[key]line {
	cells := map[key]*cell{}
	for name, all := range m.samples {
		var last [2]struct {
			v  metric.Count
			at int64
			ok bool
		}
		for _, s := range all {
			k := key{name, s.t - s.t%60}
			if cells[k] == nil {
				cells[k] = &cell{}
			}
			c := cells[k]
			c.n++
			c.add(0, s.r.Load, 1, s.r.Load, s.r.Load)
			c.add(1, s.r.Size, 1, s.r.Size, s.r.Size)
			for i, v := range []metric.Count{s.r.Ops, s.r.Busy} {
				if v == metric.NoCount {
					continue
				}
				p := &last[i]
				if p.ok && v >= p.v && s.t-p.at <= (store.MaxGap+1)*10 {
					c.add(2+i, float64(v-p.v)*[]float64{1, 1e-6}[i], 1, 0, 0)
				}
				p.v, p.at, p.ok = v, s.t, true
			}
		}
	}
	return lines(cells, end)
}

func lines(cells map[key]*cell, end int64) map[key]line {
	out := map[key]line{}
	for k, c := range cells {
		if l, some := c.line(); some && k.t < end {
			out[k] = l
		}
	}
	return out
}

// rollUp returns the next tier of fine before end.
func rollUp(fine map[key]line, tier db.Tier, end int64) map[key]line {
	cells := map[key]*cell{}
	for k, l := range fine {
		k.t -= k.t % tier.Step()
		if cells[k] == nil {
			cells[k] = &cell{}
		}
		c := cells[k]
		c.n += l.n
		for f := range 2 {
			c.add(f, l.val[f]*float64(l.n), float64(l.n), l.min[f], l.max[f])
			c.add(2+f, l.val[2+f], 1, 0, 0)
		}
	}
	return lines(cells, end)
}

// same compares two tiers; sums may differ by rounding.
func same(t fataler, what string, got, want map[key]line) {
	t.Helper()
	for k, w := range want {
		g, ok := got[k]
		if !ok {
			t.Fatalf("%s: the row of %s at %d is missing", what, k.name, k.t)
		}
		if g.n != w.n {
			t.Fatalf("%s: %s at %d has n %d, want %d", what, k.name, k.t, g.n, w.n)
		}
		for f := range w.val {
			if !near(g.val[f], w.val[f]) || !near(g.min[f], w.min[f]) || !near(g.max[f], w.max[f]) {
				t.Fatalf("%s: %s at %d field %d is %g (%g to %g), want %g (%g to %g)", what, k.name, k.t, f,
					g.val[f], g.min[f], g.max[f], w.val[f], w.min[f], w.max[f])
			}
		}
	}
	for k := range got {
		if _, ok := want[k]; !ok {
			t.Fatalf("%s: there is a row of %s at %d that should not be", what, k.name, k.t)
		}
	}
}

func near(a, b float64) bool {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.IsNaN(a) && math.IsNaN(b)
	}
	return math.Abs(a-b) <= 1e-9*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}
