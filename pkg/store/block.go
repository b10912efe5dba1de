package store

import (
	"cmp"
	"fmt"
	"slices"
)

// block is all rows of one shard over one extent. It is immutable, and but
// for a few words free of pointers.
type block struct {
	extent extent
	until  int64 // Unix second from which a later epoch speaks; never = none
	layout *layout
	ids    []uint32 // rows, ascending
	offs   []uint32 // offs[i] = where row i begins in data
	data   []byte
	gone   []byte // definitions of rows that left the catalogue, see rowdef.go
}

// end is the Unix second at which what may be read of the block ends.
func (b *block) end() int64 { return min(b.until, b.extent.end()) }

// bytes is what the block takes in memory.
func (b *block) bytes() int64 {
	const itself = 208 // the struct, its allocations' headers, its place in the chain
	return int64(8*len(b.ids)+len(b.data)+len(b.gone)) + itself
}

// Row encoding: one byte that says which slots of the extent are there, then
// the fields.
//
//	slotsAll        all of them
//	slotsSpan a n   n slots from a
//	slotsBitmap …   a bit per slot
const (
	slotsAll = iota
	slotsSpan
	slotsBitmap
)

func appendSlots(dst []byte, off []uint8, size int) []byte {
	n := len(off)
	switch {
	case n == size:
		return append(dst, slotsAll)
	case int(off[n-1])-int(off[0]) == n-1:
		return append(dst, slotsSpan, off[0], byte(n))
	}
	dst = append(dst, slotsBitmap)
	at := len(dst)
	dst = append(dst, make([]byte, (size+7)/8)...)
	for _, o := range off {
		dst[at+int(o)/8] |= 1 << (o % 8)
	}
	return dst
}

// slots takes the slots of a row of an extent of size slots into dst and
// returns how many there are.
func (c *cursor) slots(dst *[maxSlots]uint8, size int) (int, bool) {
	mode, ok := c.take(1)
	if !ok {
		return 0, false
	}
	first, n := 0, size
	switch mode[0] {
	case slotsAll:
	case slotsSpan:
		b, ok := c.take(2)
		if !ok || b[1] == 0 || int(b[0])+int(b[1]) > size {
			return 0, false
		}
		first, n = int(b[0]), int(b[1])
	case slotsBitmap:
		b, ok := c.take((size + 7) / 8)
		if !ok {
			return 0, false
		}
		n = 0
		for i := range size {
			if b[i/8]&(1<<(i%8)) != 0 {
				dst[n] = uint8(i)
				n++
			}
		}
		return n, n > 0
	default:
		return 0, false
	}
	for i := range dst[:n] {
		dst[i] = uint8(first + i)
	}
	return n, true
}

// keepData is up to how many bytes of scratch space are kept between blocks.
const keepData = 64 << 10

// seal builds the block of ext from those heads that are of it, in any order.
func (e *encoder) seal(ext extent, l *layout, hs []rowHead, gone []*Row) *block {
	b := &block{extent: ext, until: never, layout: l}
	slices.SortFunc(hs, func(a, b rowHead) int { return cmp.Compare(a.id, b.id) })
	for _, r := range hs {
		if r.h.extent == ext {
			b.ids = append(b.ids, r.id)
			b.offs = append(b.offs, uint32(len(e.data)))
			e.data = e.row(e.data, l, r)
		}
	}
	for _, r := range gone {
		b.gone = r.def().append(b.gone)
	}
	return e.done(b)
}

// done gives the block its data and memory of its own size.
func (e *encoder) done(b *block) *block {
	b.data, e.data = slices.Clone(e.data), e.data[:0]
	if cap(e.data) > keepData {
		e.data = nil
	}
	b.ids, b.offs, b.gone = slices.Clone(b.ids), slices.Clone(b.offs), slices.Clone(b.gone)
	return b
}

// row appends the encoding of a head.
func (e *encoder) row(dst []byte, l *layout, r rowHead) []byte {
	dst = appendSlots(dst, r.h.off[:r.n], smallSlots)
	nf := len(l.codecs)
	var col [smallSlots]uint64
	for f := range nf {
		for i := range r.n {
			col[i] = r.h.vals[i*nf+f]
		}
		dst = e.field(dst, &l.codecs[f], col[:r.n])
	}
	return dst
}

// rowAt returns a cursor at the row's encoding, or false.
func (b *block) rowAt(id uint32) (cursor, bool) {
	i, ok := slices.BinarySearch(b.ids, id)
	if !ok {
		return cursor{}, false
	}
	return cursor{b.rowBytes(i)}, true
}

func (b *block) rowBytes(i int) []byte {
	end := uint32(len(b.data))
	if i+1 < len(b.offs) {
		end = b.offs[i+1]
	}
	return b.data[b.offs[i]:end]
}

// check decodes everything once, so that what was read from disk can be
// trusted afterwards.
func (b *block) check() error {
	if len(b.ids) != len(b.offs) {
		return fmt.Errorf("%w: impossible directory", errCorrupt)
	}
	for i := range b.ids {
		if b.offs[i] > uint32(len(b.data)) ||
			(i > 0 && (b.ids[i] <= b.ids[i-1] || b.offs[i] < b.offs[i-1])) {
			return fmt.Errorf("%w: directory out of order at row %d", errCorrupt, i)
		}
	}
	var slots [maxSlots]uint8
	var vals [maxSlots]uint64
	for i := range b.ids {
		c := cursor{b.rowBytes(i)}
		n, ok := c.slots(&slots, int(b.extent.slots))
		for f := 0; ok && f < len(b.layout.codecs); f++ {
			ok = c.field(&b.layout.codecs[f], vals[:n])
		}
		if !ok || len(c.b) != 0 {
			return fmt.Errorf("%w: row %d does not decode", errCorrupt, b.ids[i])
		}
	}
	return eachRowDef(b.gone, len(b.layout.labels), func(rowDef) {})
}
