package prometheus

import (
	"math"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// minFresh is how long a row is shown at least after it was last written,
// however short its step is.
const minFresh = time.Minute

// values is one fresh row as it stood when its shard was begun, so that all
// fields on the page are of one slot.
type values struct {
	labels []string
	raw    []uint64
}

// rows writes every fresh row of every shard, family by family, because the
// formats want a family's samples together.
func (s *scrape) rows(st *store.Store, now time.Time) {
	for _, sh := range st.Shards() {
		if s.out.err != nil {
			return
		}
		s.gather(sh, now)
		for i := range sh.Schema().Fields {
			s.field(sh.Schema(), i)
		}
		clear(s.vals) // lets go of heads and labels of rows that die
	}
}

// gather remembers the fresh rows of a shard.
func (s *scrape) gather(sh *store.Shard, now time.Time) {
	s.vals = s.vals[:0]
	step := time.Duration(sh.Step()) * time.Second
	for _, r := range sh.Rows() {
		at, raw, ok := r.Latest()
		if ok && fresh(at, now, step) {
			s.vals = append(s.vals, values{r.Labels(), raw})
		}
	}
}

// fresh reports whether a slot that began at at is still news. A slot in the
// future is not: the clock was set back, and nothing was written since.
func fresh(at, now time.Time, step time.Duration) bool {
	age := now.Sub(at)
	return age >= -step && age <= max(3*step, minFresh)
}

// field writes one family: field i of all rows gathered.
func (s *scrape) field(sch *metric.Schema, i int) {
	f := &sch.Fields[i]
	o := &s.out
	o.family(familyOf(f))
	// Dividing by 100 gives the nearest float to the ratio, and so the short
	// text; multiplying by 0.01 does not.
	div := 1 / f.PageFactor()
	for _, r := range s.vals {
		v := f.Value(r.raw[i]) / div
		if math.IsNaN(v) || math.IsInf(v, 0) {
			continue
		}
		o.sample()
		for l := range sch.Labels {
			o.label(sch.Labels[l].Name, r.labels[l])
		}
		o.value(v)
	}
}

func familyOf(f *metric.Field) family {
	fam := family{name: f.Page, unit: string(f.Unit), help: f.Help}
	if f.Kind == metric.Counter {
		fam.kind = counter
	}
	if f.Unit == metric.Percent {
		fam.unit = "ratio"
	}
	return fam
}
