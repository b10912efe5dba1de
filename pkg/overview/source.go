package overview

import (
	"slices"
	"strings"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/store"
)

// source is a store, looked at at one moment.
type source struct {
	st  *store.Store
	now time.Time
}

// fresh is a row with its newest slot.
type fresh struct {
	row *store.Row
	sch *metric.Schema
	at  time.Time
	raw []uint64
}

// steps is how many steps old a slot may be: a sweep may be late or left out
// once before its row counts as gone.
const steps = 3

// fresh says whether a slot of a shard is of now. One that lies ahead was
// written before the clock was set back.
func (s source) fresh(at time.Time, sh *store.Shard) bool {
	step := time.Duration(sh.Step()) * time.Second
	return s.now.Sub(at) <= steps*step && at.Sub(s.now) <= step
}

// newest is the time of the newest sweep, also when it is no longer fresh.
func (s source) newest() time.Time {
	var t time.Time
	for _, sh := range s.st.Shards() {
		for _, r := range sh.Rows() {
			if at, _, ok := r.Latest(); ok && at.After(t) && !at.After(s.now) {
				t = at
			}
		}
	}
	return t
}

// rows returns the fresh rows of a reading.
func (s source) rows(reading string) []fresh {
	sh := s.st.Shard(reading)
	if sh == nil {
		return nil
	}
	var out []fresh
	for _, r := range sh.Rows() {
		if at, raw, ok := r.Latest(); ok && s.fresh(at, sh) {
			out = append(out, fresh{r, sh.Schema(), at, raw})
		}
	}
	return out
}

func (s source) single(reading, name string) Number {
	if r := s.rows(reading); len(r) > 0 {
		return r[0].value(name)
	}
	return Number{}
}

func (f fresh) label(name string) string {
	for i := range f.sch.Labels {
		if f.sch.Labels[i].Name == name {
			return f.row.Labels()[i]
		}
	}
	return ""
}

func (f fresh) value(name string) Number {
	i := f.sch.Field(name)
	if i < 0 {
		return Number{}
	}
	return Of(f.sch.Fields[i].Value(f.raw[i]))
}

// rates are the increments of counters in the newest slot of one row, per
// second.
type rates struct {
	fresh
	m    *store.Matrix
	secs float64 // since the slot before; 0 when there is none
}

// rates reads the end of the row into m.
func (f fresh) rates(m *store.Matrix) rates {
	at, step := f.at.Unix(), f.row.Shard().Step()
	f.row.ReadAll(at-(store.MaxGap+1)*step, at+1, m)
	r := rates{f, m, 0}
	if n := len(m.T); n > 1 && m.T[n-1] == at {
		r.secs = float64(at - m.T[n-2])
	}
	return r
}

func (r rates) of(name string) Number {
	i := r.sch.Field(name)
	if i < 0 || r.secs == 0 {
		return Number{}
	}
	return Of(r.m.V[i][len(r.m.T)-1] / r.secs)
}

// groups are the rows of a reading whose one label is a number, by number.
func (s source) groups(reading, usage string) []Group {
	out := []Group{}
	for _, r := range s.rows(reading) {
		out = append(out, Group{ID: r.row.Labels()[0], CPU: r.value(usage)})
	}
	slices.SortFunc(out, natural)
	return out
}

// natural orders numbers by size: "2" before "10".
func natural(a, b Group) int {
	if len(a.ID) != len(b.ID) {
		return len(a.ID) - len(b.ID)
	}
	return strings.Compare(a.ID, b.ID)
}

// nodes are the memory nodes: most have processors, some have none.
func (s source) nodes() []Group {
	out := s.groups("cpu_node", "cpu.node_usage_percent")
	for _, r := range s.rows("numa") {
		id := r.label("node")
		i := slices.IndexFunc(out, func(g Group) bool { return g.ID == id })
		if i < 0 {
			out = append(out, Group{ID: id})
			i = len(out) - 1
		}
		out[i].Memory = r.value("numa.used_percent")
	}
	slices.SortFunc(out, natural)
	return out
}
