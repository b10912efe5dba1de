package store

import "sysops-agent/pkg/metric"

// Matrix is all fields of one row over time. Its memory is reused from one
// [Row.ReadAll] to the next; the zero value is ready.
type Matrix struct {
	T []int64     // Unix seconds, ascending: the slots in which the row was written
	V [][]float64 // V[field][i] at T[i]: as [Row.Read] gives it, NaN where absent

	last []counterAt // per field
	raw  [maxSlots]uint64
	off  [maxSlots]uint8
}

// reset empties m for rows of nf fields.
func (m *Matrix) reset(nf int) {
	for len(m.V) < nf {
		m.V = append(m.V, nil)
		m.last = append(m.last, counterAt{})
	}
	m.T, m.V = m.T[:0], m.V[:nf]
	for i := range m.V {
		m.V[i], m.last[i] = m.V[i][:0], counterAt{}
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
	m.reset(len(r.shard.schema.Fields))
	a := all{fields: r.shard.schema.Fields, from: from, to: to, m: m}
	for _, b := range c.blocks {
		if wants(b.extent, b.end(), from, to) {
			a.block(b, r.id)
		}
	}
	if h != nil && !c.holds(h.extent) && wants(h.extent, h.extent.end(), from, to) {
		a.head(h, r.shard.layout)
	}
}

// all collects the samples of every field of one row.
type all struct {
	fields   []metric.Field
	from, to int64
	m        *Matrix
}

// times appends the times of the slots within the range and before until;
// those are slots lo to hi.
func (a *all) times(e extent, off []uint8, until int64) (lo, hi int) {
	until = min(until, a.to)
	for _, o := range off {
		t := e.time(o)
		switch {
		case t >= until:
			return lo, hi
		case t >= a.from:
			a.m.T = append(a.m.T, t)
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
	n, ok := c.slots(&a.m.off, int(b.extent.slots))
	if !ok {
		return // cannot happen: blocks are checked before they are published
	}
	off, raw := a.m.off[:n], a.m.raw[:n]
	lo, hi := a.times(b.extent, off, b.until)
	// The block's own layout may differ from ours: its fields come in its
	// order, ours that it lacks are absent.
	for at := range b.layout.codecs {
		f := b.layout.here(at)
		if f < 0 {
			c.skip(n)
			continue
		}
		c.field(&b.layout.codecs[at], raw)
		a.field(f, b.extent, off[:hi], raw, lo)
	}
	for f := range a.fields {
		for len(a.m.V[f]) < len(a.m.T) {
			a.m.V[f] = append(a.m.V[f], metric.NaN)
		}
	}
}

func (a *all) head(h *head, l *layout) {
	n, nf := int(h.n.Load()), len(a.fields)
	lo, hi := a.times(h.extent, h.off[:n], never)
	for f := range a.fields {
		for i := range hi {
			a.m.raw[i] = l.codecs[f].round(h.vals[i*nf+f])
		}
		a.field(f, h.extent, h.off[:hi], a.m.raw[:hi], lo)
	}
}

// field takes the raw values of field f at the slots off, of which those from
// lo on lie in the range.
func (a *all) field(f int, e extent, off []uint8, raw []uint64, lo int) {
	v, fd := a.m.V[f], &a.fields[f]
	if fd.Kind == metric.Gauge {
		for _, bits := range raw[lo:len(off)] {
			v = append(v, fd.Value(bits))
		}
		a.m.V[f] = v
		return
	}
	for i, o := range off {
		value := metric.NaN
		if bits := raw[i]; bits != metric.AbsentBits {
			if inc, ok := a.m.last[f].next(e, e.base+int64(o), bits); ok {
				value = float64(inc) * fd.Scale
			}
		}
		if i >= lo {
			v = append(v, value)
		}
	}
	a.m.V[f] = v
}
