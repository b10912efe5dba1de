package store

import (
	"slices"

	"sysops-agent/pkg/metric"
)

// merger puts the columns of one row together again.
type merger struct {
	off  [maxSlots]uint8
	n    int // slots so far
	cols [][maxSlots]uint64
	ids  []uint32
}

// mergeBlocks builds the block of the big extent from its small ones, oldest
// first, which may have other layouts.
func (z *sealer) mergeBlocks(big extent, l *layout, parts []*block) *block {
	m, e := &z.merge, &z.enc
	m.size(len(l.codecs))
	b := &block{extent: big, until: never, layout: l}
	m.ids = m.ids[:0]
	for _, p := range parts {
		b.until = min(b.until, p.until)
		b.gone = append(b.gone, p.gone...)
		m.ids = append(m.ids, p.ids...)
	}
	slices.Sort(m.ids)
	m.ids = slices.Compact(m.ids)
	for _, id := range m.ids {
		m.n = 0
		for _, p := range parts {
			m.add(p, id, big.base)
		}
		b.ids = append(b.ids, id)
		b.offs = append(b.offs, uint32(len(e.data)))
		e.data = appendSlots(e.data, m.off[:m.n], bigSlots)
		for f := range l.codecs {
			e.data = e.field(e.data, &l.codecs[f], m.cols[f][:m.n])
		}
	}
	return e.done(b)
}

// size makes room for that many fields.
func (m *merger) size(fields int) {
	for len(m.cols) < fields {
		m.cols = append(m.cols, [maxSlots]uint64{})
	}
}

// add appends the row's slots in p, a small block of the big extent that
// begins at base.
func (m *merger) add(p *block, id uint32, base int64) {
	c, ok := p.rowAt(id)
	if !ok {
		return
	}
	var off [maxSlots]uint8
	n, _ := c.slots(&off, smallSlots) // it was checked, or is our own
	for i, o := range off[:n] {
		m.off[m.n+i] = o + uint8(p.extent.base-base)
	}
	for f := range p.layout.at {
		if p.layout.at[f] < 0 {
			fill(m.cols[f][m.n:m.n+n], metric.AbsentBits)
		}
	}
	for i := range p.layout.codecs {
		if f := p.layout.here(i); f >= 0 {
			c.field(&p.layout.codecs[i], m.cols[f][m.n:m.n+n])
		} else {
			c.skip(n)
		}
	}
	m.n += n
}
