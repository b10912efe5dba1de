package store

import (
	"math"
	"slices"

	"sysops-agent/pkg/metric"
)

// Points are samples of one field in ascending time.
type Points struct {
	T []int64   // Unix seconds: the beginning of the slot
	V []float64 // value of a gauge, increment of a counter
}

// Reset empties p and keeps its memory.
func (p *Points) Reset() { p.T, p.V = p.T[:0], p.V[:0] }

// Read appends the samples of the row's field (an index into Schema.Fields)
// within [from, to), Unix seconds. Absent slots are left out. A gauge has its
// resolution. Of a counter the increment since its previous sample is given,
// at the slot in which it ended. Read waits for nobody and may run beside the
// writer; p belongs to one goroutine.
func (r *Row) Read(field int, from, to int64, p *Points) {
	h := r.head.Load() // the head first, then the chain: see the package comment
	failpoint("read.between")
	c := r.shard.chain.Load()
	d := series{field: &r.shard.schema.Fields[field], codec: &r.shard.layout.codecs[field], from: from, to: to, p: p}
	for _, b := range c.blocks {
		if d.wants(b.extent, b.end()) {
			d.block(b, r.id, field)
		}
	}
	if h != nil && !c.holds(h.extent) && d.wants(h.extent, h.extent.end()) {
		d.head(h, field, len(r.shard.schema.Fields))
	}
}

// series collects samples of one field of one row.
type series struct {
	field    *metric.Field
	codec    *fieldCodec // of the running binary
	from, to int64
	p        *Points
	last     counterAt

	off [maxSlots]uint8
	raw [maxSlots]uint64
}

// wants reports whether samples of an extent that ends at end matter. Before
// the range lie the values that its first increments start from.
func (d *series) wants(e extent, end int64) bool { return wants(e, end, d.from, d.to) }

func wants(e extent, end, from, to int64) bool {
	return end > from-(MaxGap+1)*int64(e.step) && e.start() < to
}

func (d *series) block(b *block, id uint32, field int) {
	at := b.layout.at[field]
	if at < 0 {
		return
	}
	c, ok := b.rowAt(id)
	if !ok {
		return
	}
	n, ok := c.slots(&d.off, int(b.extent.slots))
	for i := 0; ok && i < int(at); i++ {
		ok = c.skip(n)
	}
	raw := d.raw[:n]
	if !ok || !c.field(&b.layout.codecs[at], raw) {
		return // cannot happen: blocks are checked before they are published
	}
	d.add(b.extent, d.off[:n], raw, min(d.to, b.until))
}

func (d *series) head(h *head, field, nf int) {
	n := int(h.n.Load())
	for i := range n {
		d.raw[i] = d.codec.round(h.vals[i*nf+field])
	}
	d.add(h.extent, h.off[:n], d.raw[:n], d.to)
}

// add takes the raw values of some slots, those before to.
func (d *series) add(e extent, off []uint8, raw []uint64, to int64) {
	if d.field.Kind == metric.Counter {
		d.increments(e, off, raw, to)
		return
	}
	n := len(d.p.T)
	ts := slices.Grow(d.p.T, len(raw))[:n+len(raw)]
	vs := slices.Grow(d.p.V, len(raw))[:n+len(raw)]
	first, step := e.time(0), int64(e.step)
	off = off[:len(raw)]
	for i, v := range raw {
		t := first + int64(off[i])*step
		ts[n], vs[n] = t, math.Float64frombits(v)
		if v != metric.AbsentBits && t >= d.from && t < to {
			n++
		}
	}
	d.p.T, d.p.V = ts[:n], vs[:n]
}

func (d *series) increments(e extent, off []uint8, raw []uint64, to int64) {
	for i, v := range raw {
		t := e.time(off[i])
		if v == metric.AbsentBits || t >= to {
			continue
		}
		if inc, ok := d.last.next(e, e.base+int64(off[i]), v); ok && t >= d.from {
			d.p.T = append(d.p.T, t)
			d.p.V = append(d.p.V, float64(inc)*d.field.Scale)
		}
	}
}

// counterAt is the last raw value of a counter and where it was; epoch 0 is
// nowhere.
type counterAt struct {
	raw   uint64
	slot  int64
	epoch uint32
}

// next moves to a further value and returns the increment, if there is one.
func (c *counterAt) next(e extent, slot int64, raw uint64) (inc uint64, ok bool) {
	prev := *c
	*c = counterAt{raw, slot, e.epoch}
	return raw - prev.raw, prev.epoch == e.epoch && raw >= prev.raw && slot-prev.slot <= MaxGap+1
}

// Departed returns the rows that have left the catalogue but whose samples of
// [from, to) may still be in memory, newest definition of each. The rows are
// made for the caller.
func (s *Shard) Departed(from, to int64) []*Row {
	cat := s.cat.Load() // before the chain: definitions move from here to there
	failpoint("departed.between")
	var out []*Row
	known := map[uint32]bool{}
	for _, r := range cat.gone {
		known[r.id] = true
		if r.seen() >= from && r.born.Load() < to {
			out = append(out, r)
		}
	}
	bs := s.chain.Load().blocks
	for i := len(bs) - 1; i >= 0; i-- {
		_ = eachRowDef(bs[i].gone, len(s.schema.Labels), func(d rowDef) {
			if !known[d.id] && d.seen >= from && d.born < to {
				out = append(out, d.row(s))
			}
			known[d.id] = true
		})
	}
	return out
}
