package query

import (
	"math"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// seam returns the second from which on the memory answers for a series whose
// first sample in the range is p's number first: a full minute, or the end of
// the range. The package comment says which.
func (a *ask) seam(q *db.Querier, s *series, p *store.Points, first int) (int64, error) {
	last := min(a.marks[0], a.to)
	if first == len(p.T) {
		return last, nil
	}
	t := p.T[first]
	minute := floor(t, 60)
	if t < a.from+a.native || minute < a.from {
		return a.from, nil
	}
	if q == nil || s.stored == 0 || minute == t || minute >= last {
		return min(ceil(t, 60), last), nil
	}
	more, err := a.knowsMore(q, s, p, minute)
	if err != nil || !more {
		return minute, err
	}
	return min(minute+60, last), nil
}

// knowsMore reports whether the database's row of a minute counts samples
// that the memory lacks.
func (a *ask) knowsMore(q *db.Querier, s *series, p *store.Points, minute int64) (more bool, err error) {
	slots := int64(0)
	for _, r := range s.rows {
		r.ReadAll(minute, minute+60, &a.slots)
		slots += int64(len(a.slots.T))
	}
	increase := 0.0
	for i, t := range p.T {
		if t >= minute && t < minute+60 {
			increase += p.V[i]
		}
	}
	err = q.Readings(db.Selection{
		Schema: a.schema, Tier: db.Minute, Fields: []int{a.field}, Rows: []int64{s.stored}, From: minute, To: minute + 60,
	}, func(r *db.ReadingRow) error {
		v := r.Val[0]
		more = !math.IsNaN(v) && (r.N > slots ||
			a.schema.Fields[a.field].Kind == metric.Counter && v > increase*(1+1e-9)) // sums are rounded
		return nil
	})
	return more, err
}
