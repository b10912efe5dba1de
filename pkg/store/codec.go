package store

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"sysops-agent/pkg/metric"
)

// # Encoding of one field of one row over one extent
//
// The values that are present become integers: a counter is its raw value, a
// gauge is rounded to its resolution. Host metrics are nearly all integers or
// short decimals, so that integer differences beat XOR of floats by two to
// four times. A field is
//
//	tag        mode in the low bits, flagAbsent when a bitmap follows
//	[bitmap]   one bit per slot of the row, set = present
//	body       by mode
//
//	modeAbsent  no value at all
//	modeZero    every value 0
//	modeConst   uvarint zigzag(value)
//	modeSparse  uvarint length, uvarint zigzag(first), then per change
//	            uvarint slots since the last change, uvarint zigzag(step)
//	modeLevel   values around a centre      } uvarint length, uvarint unit,
//	modeDelta   first value, differences    } uvarint zigzag(first), uvarint
//	                                          zigzag(centre), groups of bits
//	modeRaw     8 bytes per value, little endian: numbers beyond 2^53 units
//
// A group is up to groupSlots values: six bits of k, then their Rice codes;
// load comes in bursts, so one k for the whole extent costs a quarter more.
// unit is the greatest common divisor of the differences: pages of 4096
// bytes, steps of 100. The cheapest mode is taken. Every mode tells its own
// length, so a reader of one field skips the others without decoding them.
const (
	modeAbsent = iota
	modeZero
	modeConst
	modeSparse
	modeLevel
	modeDelta
	modeRaw
	modeMask   = 0x0f
	flagAbsent = 0x80
)

// errCorrupt is what every decoding error wraps.
var errCorrupt = errors.New("corrupt block")

// fieldCodec converts between a field's raw bits and integers.
type fieldCodec struct {
	counter bool
	res     float64
	inv     float64 // 1/res where that is the exact way (res < 1)
}

func newFieldCodec(kind metric.Kind, res float64) fieldCodec {
	c := fieldCodec{counter: kind == metric.Counter, res: res}
	if res < 1 {
		c.inv = math.Round(1 / res)
	}
	return c
}

// toInt quantises; false when the value has no exact integer form.
func (c *fieldCodec) toInt(raw uint64) (int64, bool) {
	if c.counter {
		return int64(raw), true
	}
	v := math.Float64frombits(raw)
	if c.inv != 0 {
		v *= c.inv
	} else {
		v /= c.res
	}
	if !(v > -1<<53 && v < 1<<53) { //nolint:staticcheck // NaN too
		return 0, false
	}
	return int64(math.RoundToEven(v)), true
}

func (c *fieldCodec) fromInt(i int64) uint64 {
	switch {
	case c.counter:
		return uint64(i)
	case c.inv != 0:
		return math.Float64bits(float64(i) / c.inv)
	default:
		return math.Float64bits(float64(i) * c.res)
	}
}

// encoder holds the scratch space of a shard's writer.
type encoder struct {
	ints    [extentSlots]int64
	present [extentSlots]uint64
	a, b    [extentSlots]uint64
	sorted  [extentSlots]int64
	bw      bitWriter
	sparse  []byte
}

// field appends the encoding of vals, one value per slot of the row.
func (e *encoder) field(dst []byte, c fieldCodec, vals []uint64) []byte {
	m := 0
	for _, v := range vals {
		if v != metric.AbsentBits {
			e.present[m] = v
			m++
		}
	}
	if m == 0 {
		return append(dst, modeAbsent)
	}
	tagAt := len(dst)
	dst = append(dst, 0)
	if m < len(vals) {
		dst = appendBitmap(dst, vals)
	}
	dst, mode := e.values(dst, c, m)
	dst[tagAt] = byte(mode)
	if m < len(vals) {
		dst[tagAt] |= flagAbsent
	}
	return dst
}

func appendBitmap(dst []byte, vals []uint64) []byte {
	at := len(dst)
	dst = append(dst, make([]byte, (len(vals)+7)/8)...)
	for i, v := range vals {
		if v != metric.AbsentBits {
			dst[at+i/8] |= 1 << (i % 8)
		}
	}
	return dst
}

// values appends the body for the first m values of e.present.
func (e *encoder) values(dst []byte, c fieldCodec, m int) ([]byte, int) {
	ints := e.ints[:m]
	for i, raw := range e.present[:m] {
		v, ok := c.toInt(raw)
		if !ok {
			for _, raw := range e.present[:m] {
				dst = binary.LittleEndian.AppendUint64(dst, raw)
			}
			return dst, modeRaw
		}
		ints[i] = v
	}
	unit, changes := differences(ints)
	switch {
	case changes == 0 && ints[0] == 0:
		return dst, modeZero
	case changes == 0:
		return binary.AppendUvarint(dst, zigzag(ints[0])), modeConst
	}
	delta, deltaCentre := e.centred(e.a[:0], ints, unit, true)
	level, levelCentre := e.centred(e.b[:0], ints, unit, false)
	mode, es, centre, best := modeDelta, delta, deltaCentre, groupsCost(delta)
	if cost := groupsCost(level); cost < best {
		mode, es, centre, best = modeLevel, level, levelCentre, cost
	}
	if changes <= 1+best/16 {
		if e.sparseBody(ints); len(e.sparse)*8 < best {
			dst = binary.AppendUvarint(dst, uint64(len(e.sparse)))
			return append(dst, e.sparse...), modeSparse
		}
	}
	if best > m*64 {
		for _, raw := range e.present[:m] {
			dst = binary.LittleEndian.AppendUint64(dst, raw)
		}
		return dst, modeRaw
	}
	e.bw.b = binary.AppendUvarint(e.bw.b[:0], unit)
	e.bw.b = binary.AppendUvarint(e.bw.b, zigzag(ints[0]))
	e.bw.b = binary.AppendUvarint(e.bw.b, zigzag(centre))
	for g := range slices.Chunk(es, groupSlots) {
		k, _ := bestRice(g)
		e.bw.write(uint64(k), 6)
		for _, v := range g {
			e.bw.rice(v, k)
		}
	}
	body := e.bw.flush()
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...), mode
}

// differences returns the greatest common divisor of the differences between
// neighbours (wrapping) and how many are not zero.
func differences(ints []int64) (unit uint64, changes int) {
	for i := 1; i < len(ints); i++ {
		d := ints[i] - ints[i-1]
		if d == 0 {
			continue
		}
		changes++
		if unit != 1 {
			unit = gcd(unit, magnitude(d))
		}
	}
	if unit == 0 || unit > 1<<62 { // so large that it divides nothing else
		unit = 1
	}
	return unit, changes
}

// groupsCost is what es take in bits.
func groupsCost(es []uint64) int {
	n := 0
	for g := range slices.Chunk(es, groupSlots) {
		_, c := bestRice(g)
		n += 6 + c
	}
	return n
}

func magnitude(d int64) uint64 {
	if d < 0 {
		return -uint64(d)
	}
	return uint64(d)
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// centred appends what is rice-coded: the differences between neighbours, or
// to the first value, in units, relative to their median.
func (e *encoder) centred(dst []uint64, ints []int64, unit uint64, delta bool) ([]uint64, int64) {
	s := e.sorted[:0]
	for i := 1; i < len(ints); i++ {
		from := ints[0]
		if delta {
			from = ints[i-1]
		}
		d := ints[i] - from
		if unit > 1 {
			d = divide(d, unit)
		}
		s = append(s, d)
	}
	for _, d := range s {
		dst = append(dst, uint64(d)) // unsorted copy, recoded below
	}
	slices.Sort(s)
	centre := s[len(s)/2]
	for i := range dst {
		dst[i] = zigzag(int64(dst[i]) - centre)
	}
	return dst, centre
}

func divide(d int64, unit uint64) int64 {
	if d < 0 {
		return -int64(magnitude(d) / unit)
	}
	return int64(uint64(d) / unit)
}

func (e *encoder) sparseBody(ints []int64) {
	e.sparse = binary.AppendUvarint(e.sparse[:0], zigzag(ints[0]))
	last := 0
	for i := 1; i < len(ints); i++ {
		if d := ints[i] - ints[i-1]; d != 0 {
			e.sparse = binary.AppendUvarint(e.sparse, uint64(i-last))
			e.sparse = binary.AppendUvarint(e.sparse, zigzag(d))
			last = i
		}
	}
}

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

func (c *cursor) take(n int) ([]byte, bool) {
	if n < 0 || n > len(c.b) {
		return nil, false
	}
	b := c.b[:n]
	c.b = c.b[n:]
	return b, true
}

// open takes the tag and the bitmap of a field of a row with n slots; m is the
// number of present values.
func (c *cursor) open(n int) (mode int, bitmap []byte, m int, ok bool) {
	tag, ok := c.take(1)
	if !ok {
		return 0, nil, 0, false
	}
	m = n
	if tag[0]&flagAbsent != 0 {
		if bitmap, ok = c.take((n + 7) / 8); !ok {
			return 0, nil, 0, false
		}
		m = popcount(bitmap)
		if m == 0 || m >= n {
			return 0, nil, 0, false
		}
	}
	return int(tag[0] & modeMask), bitmap, m, true
}

// skip passes one field.
func (c *cursor) skip(n int) bool {
	mode, _, m, ok := c.open(n)
	if !ok {
		return false
	}
	switch mode {
	case modeAbsent, modeZero:
		return true
	case modeConst:
		_, ok = c.uvarint()
	case modeSparse, modeLevel, modeDelta:
		var l uint64
		if l, ok = c.uvarint(); ok {
			_, ok = c.take(int(min(l, math.MaxInt32)))
		}
	case modeRaw:
		_, ok = c.take(8 * m)
	default:
		ok = false
	}
	return ok
}

// field decodes one field into dst, one raw value per slot of the row.
func (c *cursor) field(fc fieldCodec, dst []uint64) bool {
	mode, bitmap, m, ok := c.open(len(dst))
	if !ok {
		return false
	}
	if mode == modeAbsent {
		fill(dst, metric.AbsentBits)
		return bitmap == nil
	}
	if !c.body(mode, fc, dst[:m]) {
		return false
	}
	if bitmap != nil {
		spread(dst, bitmap, m)
	}
	return true
}

// spread moves the m values at the front of dst to the slots that the bitmap
// has set, from the back so that none is overwritten before it is moved.
func spread(dst []uint64, bitmap []byte, m int) {
	for i := len(dst) - 1; i >= 0; i-- {
		if bitmap[i/8]&(1<<(i%8)) == 0 {
			dst[i] = metric.AbsentBits
			continue
		}
		m--
		if m < 0 { // bits behind the last slot were set
			return
		}
		dst[i] = dst[m]
	}
}

func (c *cursor) body(mode int, fc fieldCodec, dst []uint64) bool {
	switch mode {
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
		l, ok := c.uvarint()
		if !ok || l > math.MaxInt32 {
			return false
		}
		b, ok := c.take(int(l))
		if !ok {
			return false
		}
		if mode == modeSparse {
			return decodeSparse(b, fc, dst)
		}
		return decodeRice(b, fc, dst, mode == modeDelta)
	}
	return false
}

func decodeSparse(b []byte, fc fieldCodec, dst []uint64) bool {
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

func decodeRice(b []byte, fc fieldCodec, dst []uint64, delta bool) bool {
	c := cursor{b}
	unit, ok1 := c.uvarint()
	first, ok2 := c.uvarint()
	zc, ok3 := c.uvarint()
	if !(ok1 && ok2 && ok3) || len(dst) == 0 {
		return false
	}
	centre := unzigzag(zc)
	r := bitReader{b: c.b}
	var k uint
	start := unzigzag(first)
	v := start
	dst[0] = fc.fromInt(v)
	for i := 1; i < len(dst); i++ {
		if (i-1)%groupSlots == 0 {
			if k = uint(r.read(6)); k > riceMaxK {
				return false
			}
		}
		e, ok := r.rice(k)
		if !ok {
			return false
		}
		d := (unzigzag(e) + centre) * int64(unit)
		if delta {
			v += d
		} else {
			v = start + d
		}
		dst[i] = fc.fromInt(v)
	}
	return true
}

func fill(dst []uint64, v uint64) {
	for i := range dst {
		dst[i] = v
	}
}
