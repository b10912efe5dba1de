package persist

import (
	"math"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
)

// fold sums samples, or rows of a finer tier, up to one row.
type fold struct {
	fields []metric.Field
	n      int64
	acc    []sum // per field
}

// sum is what is known of one field.
type sum struct {
	total  float64 // of a gauge the weighted sum, of a counter the increase
	weight float64 // 0: nothing present
	lo, hi float64
}

func (f *fold) begin(fields []metric.Field) {
	f.fields, f.n = fields, 0
	if cap(f.acc) < len(fields) {
		f.acc = make([]sum, len(fields))
	}
	f.acc = f.acc[:len(fields)]
	for i := range f.acc {
		f.acc[i] = sum{lo: math.Inf(1), hi: math.Inf(-1)}
	}
}

// samples adds the samples lo to hi of a row, v[field][sample].
func (f *fold) samples(v [][]float64, lo, hi int) {
	f.n += int64(hi - lo)
	for i := range f.acc {
		for _, x := range v[i][lo:hi] {
			f.acc[i].add(x, 1, x, x)
		}
	}
}

// row adds a row of a finer tier. Counters add up; weight only says that
// there is a value.
func (f *fold) row(r *db.ReadingRow) {
	f.n += r.N
	for i := range f.acc {
		if f.fields[i].Kind == metric.Counter {
			f.acc[i].add(r.Val[i], 1, 0, 0)
			continue
		}
		lo, hi := r.Val[i], r.Val[i]
		if r.Min != nil && !math.IsNaN(r.Min[i]) {
			lo = r.Min[i]
		}
		if r.Max != nil && !math.IsNaN(r.Max[i]) {
			hi = r.Max[i]
		}
		n := float64(max(r.N, 1))
		f.acc[i].add(r.Val[i]*n, n, lo, hi)
	}
}

func (s *sum) add(x, weight, lo, hi float64) {
	if math.IsNaN(x) {
		return
	}
	s.total += x
	s.weight += weight
	s.lo, s.hi = min(s.lo, lo), max(s.hi, hi)
}

// into fills a row whose slices are as long as the fields. It is false when
// no field has a value.
func (f *fold) into(r *db.ReadingRow) bool {
	r.N = f.n
	some := false
	for i := range f.acc {
		a := &f.acc[i]
		r.Val[i], r.Min[i], r.Max[i] = metric.NaN, metric.NaN, metric.NaN
		if a.weight == 0 {
			continue
		}
		some = true
		if f.fields[i].Kind == metric.Counter {
			r.Val[i] = a.total
			continue
		}
		// A mean lies between its extremes; rounding must not move it out, so
		// that a constant stays itself and takes no room for extremes.
		r.Val[i] = max(a.lo, min(a.total/a.weight, a.hi))
		r.Min[i], r.Max[i] = a.lo, a.hi
	}
	return some
}
