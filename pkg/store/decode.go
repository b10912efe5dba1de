package store

import (
	"encoding/binary"
	"math"

	"sysops-agent/pkg/metric"
)

// cursor walks over the encoded fields of one row.
type cursor struct{ b []byte }

func (c *cursor) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(c.b)
	if n <= 0 {
		return 0, false
	}
	c.b = c.b[n:]
	return v, true
}

func (c *cursor) varint() (int64, bool) {
	v, n := binary.Varint(c.b)
	if n <= 0 {
		return 0, false
	}
	c.b = c.b[n:]
	return v, true
}

func (c *cursor) take(n int) ([]byte, bool) {
	if n < 0 || n > len(c.b) {
		return nil, false
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b, true
}

// bytes takes a length and as many bytes.
func (c *cursor) bytes() ([]byte, bool) {
	n, ok := c.uvarint()
	if !ok || n > uint64(len(c.b)) {
		return nil, false
	}
	return c.take(int(n))
}

// open takes the tag and the bitmap of a field of a row with n slots; m is the
// number of present values.
func (c *cursor) open(n int) (tag byte, bitmap []byte, m int, ok bool) {
	t, ok := c.take(1)
	if !ok {
		return 0, nil, 0, false
	}
	m = n
	if t[0]&flagAbsent != 0 {
		if bitmap, ok = c.take((n + 7) / 8); !ok {
			return 0, nil, 0, false
		}
		m = popcount(bitmap)
		if m == 0 || m >= n {
			return 0, nil, 0, false
		}
	}
	return t[0], bitmap, m, true
}

// skip passes one field.
func (c *cursor) skip(n int) bool {
	tag, _, m, ok := c.open(n)
	if !ok {
		return false
	}
	switch tag & modeMask {
	case modeAbsent, modeZero:
		return true
	case modeConst:
		_, ok = c.uvarint()
	case modeSparse, modeLevel, modeDelta:
		_, ok = c.bytes()
	case modeRaw:
		_, ok = c.take(8 * m)
	default:
		ok = false
	}
	return ok
}

// field decodes one field into dst, one raw value per slot of the row, of
// which there is at least one and at most maxSlots.
func (c *cursor) field(fc *fieldCodec, dst []uint64) bool {
	tag, bitmap, m, ok := c.open(len(dst))
	if !ok {
		return false
	}
	if tag&modeMask == modeAbsent {
		fill(dst, metric.AbsentBits)
		return bitmap == nil
	}
	if !c.body(tag, fc, dst[:m]) {
		return false
	}
	return bitmap == nil || spread(dst, bitmap, m)
}

// spread moves the m values at the front of dst to the slots that the bitmap
// has set, from the back so that none is overwritten before it is moved. It
// is false when bits behind the last slot are set.
func spread(dst []uint64, bitmap []byte, m int) bool {
	for i := len(dst) - 1; i >= 0; i-- {
		if bitmap[i/8]&(1<<(i%8)) == 0 {
			dst[i] = metric.AbsentBits
			continue
		}
		m--
		dst[i] = dst[m]
	}
	return m == 0
}

func (c *cursor) body(tag byte, fc *fieldCodec, dst []uint64) bool {
	switch tag & modeMask {
	case modeZero:
		fill(dst, fc.fromInt(0))
		return true
	case modeConst:
		u, ok := c.uvarint()
		fill(dst, fc.fromInt(unzigzag(u)))
		return ok
	case modeRaw:
		b, ok := c.take(8 * len(dst))
		if !ok {
			return false
		}
		for i := range dst {
			dst[i] = binary.LittleEndian.Uint64(b[8*i:])
		}
		return true
	case modeSparse, modeLevel, modeDelta:
		b, ok := c.bytes()
		if !ok {
			return false
		}
		if tag&modeMask == modeSparse {
			return decodeSparse(b, fc, dst)
		}
		return decodeGroups(b, tag, fc, dst)
	}
	return false
}

func decodeSparse(b []byte, fc *fieldCodec, dst []uint64) bool {
	c := cursor{b}
	first, ok := c.uvarint()
	if !ok {
		return false
	}
	v := unzigzag(first)
	i := 0
	for len(c.b) > 0 {
		gap, ok := c.uvarint()
		if !ok || gap > uint64(len(dst)-1-i) {
			return false
		}
		step, ok := c.uvarint()
		if !ok {
			return false
		}
		next := i + int(gap)
		fill(dst[i:next], fc.fromInt(v))
		i = next
		v += unzigzag(step)
	}
	fill(dst[i:], fc.fromInt(v))
	return true
}

func decodeGroups(b []byte, tag byte, fc *fieldCodec, dst []uint64) bool {
	c := cursor{b}
	first, ok := c.uvarint()
	unit, centre := uint64(1), uint64(0)
	if ok && tag&flagUnit != 0 {
		unit, ok = c.uvarint()
	}
	if ok && tag&flagCentre != 0 {
		centre, ok = c.uvarint()
	}
	if !ok || unit > math.MaxInt64 {
		return false
	}
	var buf [maxSlots]int64
	ints := buf[:len(dst)]
	ints[0] = unzigzag(first)
	if !differencesOf(c.b, ints[1:]) {
		return false
	}
	sum(ints, unzigzag(centre), int64(unit), tag&modeMask == modeDelta)
	fc.fromInts(dst, ints)
	return true
}

// differencesOf decodes the groups in b into ds.
func differencesOf(b []byte, ds []int64) bool {
	r := bitReader{b: b}
	p := firstParam
	for len(ds) > 0 {
		g := ds[:min(groupSlots, len(ds))]
		ds = ds[len(g):]
		d, ok := r.golomb(0)
		if !ok || d > 256 {
			return false
		}
		p += int(unzigzag(d))
		if p < 0 || p > 56 {
			return false
		}
		if p == 0 {
			clear(g)
			continue
		}
		for i := range g {
			e, ok := r.golomb(uint(p - 1))
			if !ok {
				return false
			}
			g[i] = unzigzag(e)
		}
	}
	return true
}

// sum turns the differences behind ints[0] into values.
func sum(ints []int64, centre, unit int64, delta bool) {
	v := ints[0]
	ds := ints[1:]
	if !delta {
		for i, d := range ds {
			ds[i] = v + (d+centre)*unit
		}
		return
	}
	for i, d := range ds {
		v += (d + centre) * unit
		ds[i] = v
	}
}

func fill(dst []uint64, v uint64) {
	for i := range dst {
		dst[i] = v
	}
}
