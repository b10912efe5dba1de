package query

import (
	"math"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// gather makes points of values that come in ascending time.
type gather struct {
	step   int64
	points []Point

	at            int64 // of the point that is being made
	weight, total float64
	lo, hi        float64
}

// add takes a value that stands for the time from t on.
func (g *gather) add(t int64, v, weight, lo, hi float64) {
	if at := floor(t, g.step); g.weight == 0 || at != g.at {
		g.close()
		g.at, g.lo, g.hi = at, lo, hi
	}
	g.total += v * weight
	g.weight += weight
	g.lo, g.hi = min(g.lo, lo), max(g.hi, hi)
}

// close ends the point that is being made.
func (g *gather) close() {
	if g.weight > 0 {
		mean := max(g.lo, min(g.total/g.weight, g.hi)) // rounding must not move it out
		g.points = append(g.points, Point{Time: g.at, Value: mean, Min: g.lo, Max: g.hi})
	}
	g.total, g.weight = 0, 0
}

// take returns the points and begins anew; they take no more room than they
// need.
func (g *gather) take() []Point {
	g.close()
	p := make([]Point, len(g.points))
	copy(p, g.points)
	g.points = g.points[:0]
	return p
}

// memory adds the samples from number i on of p, which is of a field of that
// kind on a grid of step seconds.
func (g *gather) memory(p *store.Points, i int, kind metric.Kind, step int64) {
	for ; i < len(p.T); i++ {
		v := p.V[i]
		if kind == metric.Gauge {
			g.add(p.T[i], v, 1, v, v)
			continue
		}
		took := float64(took(p.T, i, step))
		g.add(p.T[i], v/took, took, v/took, v/took)
	}
}

// took is the time, in seconds, of increment i: since the one before, unless
// the counter was not followed in between. The grid's step may have been
// another once; then increments come as regularly as that.
func took(t []int64, i int, step int64) int64 {
	if i == 0 {
		return step
	}
	d := t[i] - t[i-1]
	if d <= (store.MaxGap+1)*step || i > 1 && d == t[i-1]-t[i-2] {
		return d
	}
	return step
}

// finite reports whether JSON can carry v.
func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
