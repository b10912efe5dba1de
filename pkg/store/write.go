package store

import (
	"math"
	"unsafe"

	"sysops-agent/pkg/metric"
)

// column is what writing a field needs to know, packed for the cache.
type column struct {
	offset   uintptr // in the reading
	gauge    bool
	min, max float64 // of a gauge, finite
}

func columnsOf(s *metric.Schema) []column {
	cs := make([]column, len(s.Fields))
	for i := range cs {
		f := &s.Fields[i]
		cs[i] = column{
			offset: f.Offset, gauge: f.Kind == metric.Gauge,
			min: max(f.Min, -math.MaxFloat64), max: min(f.Max, math.MaxFloat64),
		}
	}
	return cs
}

// write appends one slot to a row's head and publishes it.
func (s *Shard) write(r *Row, p unsafe.Pointer) {
	if r.left {
		if r = s.find(p); r == nil {
			return
		}
	}
	if r.last == s.slot {
		s.Counts.DoubleWrites.Add(1)
		return
	}
	h := r.head.Load()
	if h == nil || h.turn != s.turn || h.n.Load() == h.room {
		h = s.room(h)
		r.head.Store(h)
		failpoint("write.head")
	}
	n, nf := h.n.Load(), len(s.columns)
	vals := h.vals[int(n)*nf:][:nf]
	s.fill(vals, p)
	h.off[n] = s.off
	failpoint("write.filled")
	h.n.Store(n + 1) // publishes the slot
	failpoint("write.published")
	r.last = s.slot
	r.heard = s.swept
	if s.frame.on {
		s.frame.row(r, vals)
	}
}

// room returns the head in which the next slot of a row goes, given the one
// that has no place for it. A row that lived through an extent is likely to
// live through the next.
func (s *Shard) room(h *head) *head {
	if s.newEpoch {
		s.store.mu.Lock()
		s.cut()
		s.store.mu.Unlock()
	}
	nf := len(s.columns)
	switch {
	case h == nil:
		return newHead(s.cur, s.turn, firstHead, nf)
	case h.turn != s.turn:
		return newHead(s.cur, s.turn, int(h.room), nf)
	}
	return h.grown(nf)
}

// fill copies the fields of the reading at p, leaving out what is absent, not
// finite or outside the metric's range.
func (s *Shard) fill(dst []uint64, p unsafe.Pointer) {
	cols := s.columns[:len(dst)]
	for i := range cols {
		c := &cols[i]
		bits := *(*uint64)(unsafe.Add(p, c.offset))
		if c.gauge {
			v := math.Float64frombits(bits)
			if !(v >= c.min && v <= c.max) { //nolint:staticcheck // also true for NaN
				bits = metric.AbsentBits
				if v == v { //nolint:staticcheck // not NaN: present but impossible
					s.Counts.OutOfRange.Add(1)
				}
			}
		}
		dst[i] = bits
	}
}
