package persist

import (
	"math"
	"slices"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// scratch is memory that one flush leaves to the next.
type scratch struct {
	m store.Matrix
	f fold
}

// minutes writes the full minutes that the database lacks, those of all
// readings together, oldest first.
func (p *Persister) minutes(w *writer) error {
	var jobs []*job
	for _, sh := range p.o.Store.Shards() {
		if j, ok := p.plan(sh); ok && !p.bad[sh.Schema().Name] {
			jobs = append(jobs, &j)
		}
	}
	for len(jobs) > 0 {
		j := slices.MinFunc(jobs, func(a, b *job) int { return int(a.from - b.from) })
		if err := p.window(w, j); err != nil {
			return err
		}
		jobs = slices.DeleteFunc(jobs, func(j *job) bool { return j.from >= j.to || p.bad[j.sh.Schema().Name] })
	}
	return w.commit()
}

// window collects the next minutes of a job, as many as one transaction may
// hold.
func (p *Persister) window(w *writer, j *job) error {
	sch := j.sh.Schema()
	live := len(j.sh.Rows())
	many := int64(max(1, p.rows/max(live, 1))) * max(60, j.sh.Step())
	to := min(floor(j.from+many, 60), j.to)
	pt := w.begin(sch, db.Minute, j.stored, j.from)
	some := false
	for _, g := range groups(j.sh, j.from, to) {
		rows := p.fold(w, sch, g.rows, j.from, to)
		if len(rows) == 0 {
			continue
		}
		some = true
		var err error
		if pt, err = w.add(pt, g.owner, rows); err != nil {
			return err
		}
	}
	if !some && to < j.to { // a long silence: do not go through it step by step
		to = p.next(j.sh, to, j.to)
	}
	j.from, j.stored = to, mark{to, true}
	return w.end(pt, to)
}

// group is all rows of the store that are one row in the database: a row
// that died and came back has two.
type group struct {
	owner
	rows []*store.Row
}

// groups returns the rows that may have samples of [from, to), live and
// departed.
func groups(sh *store.Shard, from, to int64) []group {
	var out []group
	at := map[string]int{}
	rows := append(sh.Departed(from, to), sh.Rows()...)
	for _, r := range rows {
		labels, attrs := texts(sh.Schema(), r.Labels())
		i, known := at[labels]
		if !known {
			i = len(out)
			at[labels] = i
			out = append(out, group{})
		}
		out[i].labels, out[i].attrs = labels, attrs // live rows come last: theirs stay
		out[i].rows = append(out[i].rows, r)
	}
	return out
}

// texts returns the identifying labels and the attributes as JSON.
func texts(s *metric.Schema, values []string) (labels, attrs string) {
	var names, texts [2][]string
	for i := range s.Labels {
		k := 0
		if s.Labels[i].Attr {
			k = 1
		}
		names[k], texts[k] = append(names[k], s.Labels[i].Name), append(texts[k], values[i])
	}
	return db.JSON(names[0], texts[0]), db.JSON(names[1], texts[1])
}

// fold makes the minutes of [from, to) of one group, ascending. Minutes
// without any value have no row.
func (p *Persister) fold(w *writer, s *metric.Schema, rows []*store.Row, from, to int64) []db.ReadingRow {
	var out []db.ReadingRow
	f, m := &p.scratch.f, &p.scratch.m
	for _, row := range rows {
		row.ReadAll(from, to, m)
		for lo := 0; lo < len(m.T); {
			minute, hi := floor(m.T[lo], 60), lo+1
			for hi < len(m.T) && m.T[hi] < minute+60 {
				hi++
			}
			f.begin(s.Fields)
			f.samples(m.V, lo, hi)
			lo = hi
			at, twice := slices.BinarySearchFunc(out, minute, func(r db.ReadingRow, t int64) int { return int(r.Time - t) })
			if twice { // the minute in which a row died and came back
				f.row(&out[at])
				f.into(&out[at])
				continue
			}
			r := w.row(len(s.Fields))
			if r.Time = minute; f.into(&r) {
				out = slices.Insert(out, at, r)
			}
		}
	}
	return out
}

// next returns the minute of the first sample of a shard in [from, to), or to.
func (p *Persister) next(sh *store.Shard, from, to int64) int64 {
	first := int64(math.MaxInt64)
	m := &p.scratch.m
	for _, r := range append(sh.Departed(from, to), sh.Rows()...) {
		row, end := r, min(to, first)
		row.ReadAll(from, end, m)
		if len(m.T) > 0 {
			first = min(first, m.T[0])
		}
	}
	return min(floor(first, 60), to)
}
