package store

import (
	"bytes"
	"slices"

	"sysops-agent/pkg/metric"
)

// merger puts the columns of one row together again.
type merger struct {
	off  [maxSlots]uint8
	n    int // slots so far
	cols []mergedColumn
	ids  []uint32
}

// mergedColumn is one field: its values, or, as long as all are the same, what
// encodes them however many they are. Most fields hardly ever change.
type mergedColumn struct {
	same []byte // refers to a block; nil = vals counts
	vals [maxSlots]uint64
}

// mergeBlocks builds the block of the big extent from its small ones, oldest
// first, which may have other layouts.
func (z *sealer) mergeBlocks(big extent, l *layout, parts []*block) *block {
	m, e := &z.merge, &z.enc
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
		m.begin(len(l.codecs))
		for _, p := range parts {
			m.add(p, id, big.base, l)
		}
		b.ids = append(b.ids, id)
		b.offs = append(b.offs, uint32(len(e.data)))
		e.data = appendSlots(e.data, m.off[:m.n], bigSlots)
		for f := range l.codecs {
			if same := m.cols[f].same; same != nil {
				e.data = append(e.data, same...)
			} else {
				e.data = e.field(e.data, &l.codecs[f], m.cols[f].vals[:m.n])
			}
		}
	}
	return e.done(b)
}

// begin starts a row of that many fields.
func (m *merger) begin(fields int) {
	m.n = 0
	for len(m.cols) < fields {
		m.cols = append(m.cols, mergedColumn{})
	}
}

// add appends the row's slots in p, a small block of the big extent that
// begins at base, as rows of layout l.
func (m *merger) add(p *block, id uint32, base int64, l *layout) {
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
			m.values(f, n, &l.codecs[f], func(vals []uint64) { fill(vals, metric.AbsentBits) })
		}
	}
	for i := range p.layout.codecs {
		enc := c.b
		if !c.skip(n) {
			return
		}
		f := p.layout.here(i)
		if f < 0 {
			continue
		}
		enc = enc[:len(enc)-len(c.b)]
		col := &m.cols[f]
		switch {
		case enc[0] > modeConst || p.layout != l:
		case m.n == 0:
			col.same = enc
			continue
		case bytes.Equal(col.same, enc):
			continue
		}
		m.values(f, n, &l.codecs[f], func(vals []uint64) {
			(&cursor{enc}).field(&p.layout.codecs[i], vals)
		})
	}
	m.n += n
}

// values lets set fill in the next n values of a field.
func (m *merger) values(f, n int, c *fieldCodec, set func([]uint64)) {
	col := m.column(f, c)
	set(col[m.n : m.n+n])
}

// column returns the values of a field so far, with room for all, and from
// then on they count.
func (m *merger) column(f int, c *fieldCodec) []uint64 {
	col := &m.cols[f]
	if col.same != nil && m.n > 0 {
		(&cursor{col.same}).field(c, col.vals[:m.n])
	}
	col.same = nil
	return col.vals[:]
}
