package store

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"sysops-agent/pkg/metric"
)

// layout is the list of fields that a block was written with. Blocks of the
// running binary share one; blocks read from disk may have an older one, whose
// fields are found by name and kind.
type layout struct {
	names  []string
	codecs []fieldCodec
	at     []int16 // current field index → index here, −1 where unknown then
	print  uint64  // see fingerprint; computed before the layout is shared
}

func layoutOf(s *metric.Schema) *layout {
	l := &layout{}
	for i := range s.Fields {
		f := &s.Fields[i]
		l.names = append(l.names, f.Name)
		l.codecs = append(l.codecs, newFieldCodec(f.Kind, f.Res))
		l.at = append(l.at, int16(i))
	}
	return l
}

// mapTo fills at for the current schema.
func (l *layout) mapTo(s *metric.Schema) {
	l.at = l.at[:0]
	for i := range s.Fields {
		f := &s.Fields[i]
		j := slices.Index(l.names, f.Name)
		if j >= 0 && l.codecs[j].counter != (f.Kind == metric.Counter) {
			j = -1
		}
		l.at = append(l.at, int16(j))
	}
}

// here returns the current field of the layout's field i, −1 where the reading
// no longer has it.
func (l *layout) here(i int) int {
	if i < len(l.at) && int(l.at[i]) == i { // the same layout: nearly always
		return i
	}
	return slices.Index(l.at, int16(i))
}

func (l *layout) equal(o *layout) bool {
	return slices.Equal(l.names, o.names) && slices.Equal(l.codecs, o.codecs)
}

// block is all rows of one shard over one extent. It is immutable, and but
// for a few words free of pointers.
type block struct {
	extent extent
	layout *layout
	ids    []uint32 // rows, ascending
	offs   []uint32 // offs[i] = where row i begins in data
	data   []byte
	gone   []byte // definitions of rows that left the catalogue, see rowdef.go
}

// bytes is what the block takes in memory.
func (b *block) bytes() int64 {
	const itself = 160 // the struct, its allocations' headers, its place in the chain
	return int64(8*len(b.ids)+len(b.data)+len(b.gone)) + itself
}

// Row encoding: one byte that says which slots of the extent are there, then
// the fields.
//
//	slotsAll        all extentSlots
//	slotsSpan a n   n slots from a
//	slotsBitmap …   15 bytes
const (
	slotsAll = iota
	slotsSpan
	slotsBitmap
)

func appendSlots(dst []byte, off []uint8) []byte {
	n := len(off)
	switch {
	case n == extentSlots:
		return append(dst, slotsAll)
	case int(off[n-1])-int(off[0]) == n-1:
		return append(dst, slotsSpan, off[0], byte(n))
	}
	dst = append(dst, slotsBitmap)
	at := len(dst)
	dst = append(dst, make([]byte, (extentSlots+7)/8)...)
	for _, o := range off {
		dst[at+int(o)/8] |= 1 << (o % 8)
	}
	return dst
}

// slots takes the slots of a row into dst and returns how many there are.
func (c *cursor) slots(dst *[extentSlots]uint8) (int, bool) {
	mode, ok := c.take(1)
	if !ok {
		return 0, false
	}
	switch mode[0] {
	case slotsAll:
		for i := range dst {
			dst[i] = uint8(i)
		}
		return extentSlots, true
	case slotsSpan:
		b, ok := c.take(2)
		if !ok || b[1] == 0 || int(b[0])+int(b[1]) > extentSlots {
			return 0, false
		}
		for i := range int(b[1]) {
			dst[i] = b[0] + uint8(i)
		}
		return int(b[1]), true
	case slotsBitmap:
		b, ok := c.take((extentSlots + 7) / 8)
		if !ok {
			return 0, false
		}
		n := 0
		for i := range extentSlots {
			if b[i/8]&(1<<(i%8)) != 0 {
				dst[n] = uint8(i)
				n++
			}
		}
		return n, n > 0
	}
	return 0, false
}

// row appends the encoding of a head's first n slots.
func (e *encoder) row(dst []byte, l *layout, h *head, n int) []byte {
	dst = appendSlots(dst, h.off[:n])
	nf := len(l.codecs)
	var col [extentSlots]uint64
	for f := range nf {
		for i := range n {
			col[i] = h.vals[i*nf+f]
		}
		dst = e.field(dst, l.codecs[f], col[:n])
	}
	return dst
}

// seal builds the block of ext from the heads of rows.
func (e *encoder) seal(ext extent, l *layout, rows, gone []*Row) *block {
	b := &block{extent: ext, layout: l}
	all := make([]*Row, 0, len(rows)+len(gone))
	all = append(append(all, rows...), gone...)
	slices.SortFunc(all, func(a, b *Row) int { return cmp.Compare(a.id, b.id) })
	for _, r := range all {
		h := r.head.Load()
		if h == nil || h.extent != ext {
			continue
		}
		n := int(h.n.Load())
		if n == 0 {
			continue
		}
		b.ids = append(b.ids, r.id)
		b.offs = append(b.offs, uint32(len(b.data)))
		b.data = e.row(b.data, l, h, n)
	}
	for _, r := range gone {
		b.gone = appendRowDef(b.gone, r)
	}
	b.ids, b.offs = slices.Clip(b.ids), slices.Clip(b.offs)
	b.data, b.gone = slices.Clone(b.data), slices.Clip(b.gone)
	return b
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
	if len(b.ids) != len(b.offs) || b.extent.step == 0 || b.extent.base < 0 ||
		b.extent.base%extentSlots != 0 || b.extent.base > math.MaxInt64/2/int64(b.extent.step) {
		return fmt.Errorf("%w: impossible header", errCorrupt)
	}
	for i := range b.ids {
		if b.offs[i] > uint32(len(b.data)) ||
			(i > 0 && (b.ids[i] <= b.ids[i-1] || b.offs[i] < b.offs[i-1])) {
			return fmt.Errorf("%w: directory out of order at row %d", errCorrupt, i)
		}
	}
	var slots [extentSlots]uint8
	var vals [extentSlots]uint64
	for i := range b.ids {
		c := cursor{b.rowBytes(i)}
		n, ok := c.slots(&slots)
		for f := 0; ok && f < len(b.layout.codecs); f++ {
			ok = c.field(b.layout.codecs[f], vals[:n])
		}
		if !ok || len(c.b) != 0 {
			return fmt.Errorf("%w: row %d does not decode", errCorrupt, b.ids[i])
		}
	}
	return eachRowDef(b.gone, func(rowDef) {})
}

// chain is the published list of a shard's blocks, oldest first.
type chain struct{ blocks []*block }

// newest returns the extent of the last block; ok is false when there is none.
func (c *chain) newest() (extent, bool) {
	if len(c.blocks) == 0 {
		return extent{}, false
	}
	return c.blocks[len(c.blocks)-1].extent, true
}

// holds reports whether ext is already in the chain.
func (c *chain) holds(ext extent) bool {
	last, ok := c.newest()
	return ok && (ext.epoch < last.epoch || ext.epoch == last.epoch && ext.base <= last.base)
}

// appendUint32s is the directory's form on disk.
func appendUint32s(dst []byte, v []uint32) []byte {
	for _, x := range v {
		dst = binary.LittleEndian.AppendUint32(dst, x)
	}
	return dst
}
