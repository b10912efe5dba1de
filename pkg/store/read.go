package store

import "sysops-agent/pkg/metric"

// Points are samples of one field in ascending time.
type Points struct {
	T []int64   // Unix seconds: the beginning of the slot
	V []float64 // value of a gauge, increment of a counter
}

// Reset empties p and keeps its memory.
func (p *Points) Reset() { p.T, p.V = p.T[:0], p.V[:0] }

// Read appends the samples of the row's field (an index into Schema.Fields)
// within [from, to), Unix seconds. Absent slots are left out. Of a counter the
// increment since its previous sample is given, at the slot in which it
// ended. Read waits for nobody and may run beside the writer.
func (r *Row) Read(field int, from, to int64, p *Points) {
	h := r.head.Load() // the head first, then the chain: see the package comment
	failpoint("read.between")
	c := r.shard.chain.Load()
	f := &r.shard.schema.Fields[field]
	d := series{field: f, from: from, to: to, p: p, first: len(p.T)}
	for _, b := range c.between(d.lookback(r.shard), to) {
		d.block(b, r.id, field)
	}
	if h != nil && !c.holds(h.extent) {
		d.head(h, field, len(r.shard.schema.Fields))
	}
}

// between returns the blocks from the first that may hold samples of
// [from, to) on. Epochs may overlap in time, so the chain is not searched but
// walked; it has some 72 blocks.
func (c *chain) between(from, to int64) []*block {
	for i, b := range c.blocks {
		if b.extent.end() > from && b.extent.start() < to {
			return c.blocks[i:]
		}
	}
	return nil
}

// series collects samples of one field of one row.
type series struct {
	field    *metric.Field
	from, to int64
	p        *Points
	first    int // p's length before this series

	started   bool
	epoch     uint32
	step      uint32
	prev      uint64 // last raw counter value
	prevSlot  int64
	slotsBuf  [extentSlots]uint8
	valuesBuf [extentSlots]uint64
}

// lookback is how far before from a counter's previous value may lie.
func (d *series) lookback(s *Shard) int64 {
	if d.field.Kind != metric.Counter {
		return d.from
	}
	step := int64(1)
	if cs := s.chain.Load().blocks; len(cs) > 0 {
		step = int64(cs[len(cs)-1].extent.step)
	}
	return d.from - (MaxGap+1)*step
}

// enter notes the extent that follows. A new epoch ends what the old one says
// of its time and later.
func (d *series) enter(e extent, firstSlot int64) {
	if d.started && d.epoch == e.epoch && d.step == e.step {
		return
	}
	if d.started && d.epoch != e.epoch {
		start := firstSlot * int64(e.step)
		n := len(d.p.T)
		for n > d.first && d.p.T[n-1] >= start {
			n--
		}
		d.p.T, d.p.V = d.p.T[:n], d.p.V[:n]
	}
	d.started, d.epoch, d.step = true, e.epoch, e.step
	d.prev = metric.AbsentBits
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
	n, ok := c.slots(&d.slotsBuf)
	for i := 0; ok && i < int(at); i++ {
		ok = c.skip(n)
	}
	if !ok || !c.field(b.layout.codecs[at], d.valuesBuf[:n]) {
		return // cannot happen: blocks are checked before they are published
	}
	d.enter(b.extent, b.extent.base+int64(d.slotsBuf[0]))
	if d.plain(b.extent, n) {
		return
	}
	for i := range n {
		d.add(b.extent, b.extent.base+int64(d.slotsBuf[i]), d.valuesBuf[i])
	}
}

// plain is the fast way for a gauge's block that lies wholly in the range.
func (d *series) plain(e extent, n int) bool {
	if d.field.Kind != metric.Gauge || e.start() < d.from || e.end() > d.to {
		return false
	}
	step := int64(e.step)
	for i := range n {
		if v := d.valuesBuf[i]; v != metric.AbsentBits {
			d.p.T = append(d.p.T, (e.base+int64(d.slotsBuf[i]))*step)
			d.p.V = append(d.p.V, d.field.Value(v))
		}
	}
	return true
}

func (d *series) head(h *head, field, nf int) {
	n := int(h.n.Load())
	if n == 0 {
		return
	}
	d.enter(h.extent, h.extent.base+int64(h.off[0]))
	for i := range n {
		d.add(h.extent, h.extent.base+int64(h.off[i]), h.vals[i*nf+field])
	}
}

// add takes one slot's raw value.
func (d *series) add(e extent, slot int64, raw uint64) {
	if raw == metric.AbsentBits {
		return
	}
	t := slot * int64(e.step)
	if t >= d.to {
		return
	}
	if d.field.Kind == metric.Gauge {
		if t >= d.from {
			d.p.T, d.p.V = append(d.p.T, t), append(d.p.V, d.field.Value(raw))
		}
		return
	}
	prev, gap := d.prev, slot-d.prevSlot
	d.prev, d.prevSlot = raw, slot
	if prev == metric.AbsentBits || raw < prev || gap > MaxGap+1 || t < d.from {
		return
	}
	d.p.T = append(d.p.T, t)
	d.p.V = append(d.p.V, float64(raw-prev)*d.field.Scale)
}

// Departed returns the rows that have left the catalogue but whose samples of
// [from, to) may still be in memory, newest definition of each. The rows are
// made for the caller.
func (s *Shard) Departed(from, to int64) []*Row {
	cat := s.cat.Load()
	out := append([]*Row(nil), cat.gone...)
	known := map[uint32]bool{}
	for _, r := range out {
		known[r.id] = true
	}
	for _, b := range s.chain.Load().blocks {
		_ = eachRowDef(b.gone, func(d rowDef) {
			if d.seen >= from && d.born < to && !known[d.id] {
				known[d.id] = true
				out = append(out, d.row(s))
			}
		})
	}
	return out
}
