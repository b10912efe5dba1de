package store

import "sysops-agent/pkg/metric"

// Matrix is all fields of one row over time. Its memory is reused from one
// [Row.ReadAll] to the next; the zero value is ready.
type Matrix struct {
	T []int64     // Unix seconds, ascending: the slots in which the row was written
	V [][]float64 // V[field][i] at T[i]: as [Row.Read] gives it, NaN where absent

	last []counterAt // per field
	raw  [extentSlots]uint64
	off  [extentSlots]uint8
}

// counterAt is the last raw value of a counter and where it was.
type counterAt struct {
	raw  uint64
	slot int64
}

// reset empties m for rows of nf fields.
func (m *Matrix) reset(nf int) {
	m.T = m.T[:0]
	for len(m.V) < nf {
		m.V = append(m.V, nil)
		m.last = append(m.last, counterAt{})
	}
	m.V = m.V[:nf]
	for i := range m.V {
		m.V[i] = m.V[i][:0]
	}
	m.forget()
}

// forget makes the next value of each counter a first one.
func (m *Matrix) forget() {
	for i := range m.last {
		m.last[i].raw = metric.AbsentBits
	}
}

// ReadAll replaces the content of m by all fields of the row within
// [from, to), Unix seconds: for each field exactly the samples that [Row.Read]
// gives, in one pass. It may run beside the writer; m belongs to one
// goroutine.
func (r *Row) ReadAll(from, to int64, m *Matrix) {
	h := r.head.Load() // the head first, then the chain: see the package comment
	failpoint("read.between")
	c := r.shard.chain.Load()
	fields := r.shard.schema.Fields
	m.reset(len(fields))
	a := all{fields: fields, from: from, to: to, m: m}
	for _, b := range c.blocks {
		if b.extent.end() > from-(MaxGap+1)*int64(b.extent.step) {
			a.block(b, r.id)
		}
	}
	if h != nil && !c.holds(h.extent) {
		a.head(h)
	}
}

// all collects the samples of every field of one row.
type all struct {
	fields   []metric.Field
	from, to int64
	m        *Matrix

	started bool
	extent  extent
}

// enter notes the extent that follows and returns which of its n slots lie in
// the range. A new epoch ends what the old one says of its time and later.
func (a *all) enter(e extent, off []uint8) (lo, hi int) {
	m := a.m
	if !a.started || a.extent.epoch != e.epoch || a.extent.step != e.step {
		m.forget()
		n := len(m.T)
		for n > 0 && m.T[n-1] >= (e.base+int64(off[0]))*int64(e.step) {
			n--
		}
		m.T = m.T[:n]
		for i := range m.V {
			m.V[i] = m.V[i][:n]
		}
	}
	a.started, a.extent = true, e
	for _, o := range off {
		t := (e.base + int64(o)) * int64(e.step)
		switch {
		case t >= a.to:
			return lo, hi
		case t >= a.from:
			m.T = append(m.T, t)
		default:
			lo++
		}
		hi++
	}
	return lo, hi
}

func (a *all) block(b *block, id uint32) {
	c, ok := b.rowAt(id)
	if !ok {
		return
	}
	n, ok := c.slots(&a.m.off)
	if !ok {
		return // cannot happen: blocks are checked before they are published
	}
	off := a.m.off[:n]
	lo, hi := a.enter(b.extent, off)
	if hi == 0 {
		return
	}
	// The block's own layout may differ from ours: its fields come in its
	// order, ours that it lacks are absent.
	for at := range b.layout.codecs {
		f := b.layout.here(at)
		if f < 0 {
			c.skip(n)
			continue
		}
		c.field(b.layout.codecs[at], a.m.raw[:n])
		a.field(f, b.extent.base, off, lo, hi)
	}
	for f := range a.fields {
		for len(a.m.V[f]) < len(a.m.T) {
			a.m.V[f] = append(a.m.V[f], metric.NaN)
		}
	}
}

func (a *all) head(h *head) {
	n := int(h.n.Load())
	if n == 0 {
		return
	}
	nf := len(a.fields)
	lo, hi := a.enter(h.extent, h.off[:n])
	for f := range a.fields {
		for i := range hi {
			a.m.raw[i] = h.vals[i*nf+f]
		}
		a.field(f, h.extent.base, h.off, lo, hi)
	}
}

// field takes m.raw[:hi] of field f, of which those from lo on lie in the
// range.
func (a *all) field(f int, base int64, off []uint8, lo, hi int) {
	v, fd := a.m.V[f], &a.fields[f]
	if fd.Kind == metric.Gauge {
		for _, raw := range a.m.raw[lo:hi] {
			v = append(v, fd.Value(raw))
		}
		a.m.V[f] = v
		return
	}
	last := a.m.last[f]
	for i, raw := range a.m.raw[:hi] {
		inc := metric.NaN
		if raw != metric.AbsentBits {
			slot := base + int64(off[i])
			if last.raw <= raw && last.raw != metric.AbsentBits && slot-last.slot <= MaxGap+1 {
				inc = float64(raw-last.raw) * fd.Scale
			}
			last = counterAt{raw, slot}
		}
		if i >= lo {
			v = append(v, inc)
		}
	}
	a.m.V[f], a.m.last[f] = v, last
}
