package store

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"sysops-agent/pkg/metric"
)

// encoder holds the scratch space of whoever encodes.
type encoder struct {
	ints    [maxSlots]int64
	present [maxSlots]uint64
	a, b    [maxSlots]uint64
	params  [(maxSlots + groupSlots - 1) / groupSlots]uint8
	bw      bitWriter
	sparse  []byte
	data    []byte // of the block being built
}

// field appends the encoding of vals, one value per slot of the row.
func (e *encoder) field(dst []byte, c *fieldCodec, vals []uint64) []byte {
	if constant(vals) { // most are
		return appendConstant(dst, c, vals)
	}
	m := 0
	for _, v := range vals {
		if v != metric.AbsentBits {
			e.present[m] = v
			m++
		}
	}
	tagAt := len(dst)
	dst = append(dst, 0)
	if m < len(vals) {
		dst = appendBitmap(dst, vals)
	}
	dst, mode := e.values(dst, c, e.present[:m])
	dst[tagAt] = byte(mode)
	if m < len(vals) {
		dst[tagAt] |= flagAbsent
	}
	return dst
}

// constant reports whether all vals are the same.
func constant(vals []uint64) bool {
	first := vals[0]
	for _, v := range vals {
		if v != first {
			return false
		}
	}
	return true
}

// appendConstant appends a field that is the same in all slots.
func appendConstant(dst []byte, c *fieldCodec, vals []uint64) []byte {
	if vals[0] == metric.AbsentBits {
		return append(dst, modeAbsent)
	}
	switch i, ok := c.toInt(vals[0]); {
	case !ok:
		return appendRaw(append(dst, modeRaw), c, vals)
	case i == 0:
		return append(dst, modeZero)
	default:
		return binary.AppendUvarint(append(dst, modeConst), zigzag(i))
	}
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

// values appends the body for the values that are present, and returns its
// mode, with flags.
func (e *encoder) values(dst []byte, c *fieldCodec, present []uint64) ([]byte, int) {
	ints := e.ints[:len(present)]
	for i, raw := range present {
		v, ok := c.toInt(raw)
		if !ok {
			return appendRaw(dst, c, present), modeRaw
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
	mode := modeDelta
	es, centre, size := centred(e.a[:len(ints)-1], ints, unit, true)
	if size > 2*len(ints) { // else it cannot become much better
		if level, c, n := centred(e.b[:len(ints)-1], ints, unit, false); n < size {
			mode, es, centre = modeLevel, level, c
		}
	}
	best, ok := e.chooseParams(es)
	if !ok || best > 64*len(present) {
		return appendRaw(dst, c, present), modeRaw
	}
	if changes <= 1+best/16 {
		if e.sparseBody(ints); len(e.sparse)*8 < best {
			dst = binary.AppendUvarint(dst, uint64(len(e.sparse)))
			return append(dst, e.sparse...), modeSparse
		}
	}
	e.bw.b = binary.AppendUvarint(e.bw.b[:0], zigzag(ints[0]))
	if unit != 1 {
		mode |= flagUnit
		e.bw.b = binary.AppendUvarint(e.bw.b, unit)
	}
	if centre != 0 {
		mode |= flagCentre
		e.bw.b = binary.AppendUvarint(e.bw.b, zigzag(centre))
	}
	e.groups(es)
	body := e.bw.flush()
	dst = binary.AppendUvarint(dst, uint64(len(body)))
	return append(dst, body...), mode
}

func appendRaw(dst []byte, c *fieldCodec, vals []uint64) []byte {
	for _, raw := range vals {
		dst = binary.LittleEndian.AppendUint64(dst, c.round(raw))
	}
	return dst
}

// differences returns the greatest common divisor of the differences between
// neighbours and how many are not zero.
func differences(ints []int64) (unit uint64, changes int) {
	lo, hi := ints[0], ints[0]
	for i := 1; i < len(ints); i++ {
		d := ints[i] - ints[i-1]
		if d == 0 {
			continue
		}
		changes++
		lo, hi = min(lo, ints[i]), max(hi, ints[i])
		if unit != 1 {
			unit = gcd(unit, magnitude(d))
		}
	}
	// Where a difference does not fit, it wraps, and what wraps is no longer
	// a multiple.
	if unit == 0 || uint64(hi)-uint64(lo) > 1<<62 {
		unit = 1
	}
	return unit, changes
}

func magnitude(d int64) uint64 {
	if d < 0 {
		return -uint64(d)
	}
	return uint64(d)
}

// gcd returns the greatest common divisor of b, which is not 0, and a.
func gcd(a, b uint64) uint64 {
	if a != 0 && a&(a-1) == 0 { // a power of two, as most units are
		return min(a, b&-b)
	}
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// centred fills dst with what is coded: the differences between neighbours,
// or to the first value, in units, relative to their centre. size tells about
// how many bits they have.
func centred(dst []uint64, ints []int64, unit uint64, delta bool) (_ []uint64, centre int64, size int) {
	from := ints[0]
	for i, v := range ints[1:] {
		dst[i] = uint64(v - from)
		if delta {
			from = v
		}
	}
	divide(dst, unit)
	centre = middle(dst)
	for i := range dst {
		dst[i] = zigzag(int64(dst[i]) - centre)
		size += bits.Len64(dst[i])
	}
	return dst, centre, size
}

// divide divides differences by their unit, exactly.
func divide(ds []uint64, unit uint64) {
	switch {
	case unit == 1:
	case unit&(unit-1) == 0:
		shift := bits.TrailingZeros64(unit)
		for i, d := range ds {
			ds[i] = uint64(int64(d) >> shift)
		}
	default:
		for i, d := range ds {
			ds[i] = uint64(int64(d) / int64(unit))
		}
	}
}

// middle is about the median of differences: that of some of them.
func middle(ds []uint64) int64 {
	const most = 31
	var some [most]int64
	step := (len(ds) + most - 1) / most
	n := 0
	for i := step / 2; i < len(ds); i += step {
		some[n] = int64(ds[i])
		n++
	}
	for i := 1; i < n; i++ { // so few are sorted fastest like this
		v, j := some[i], i
		for ; j > 0 && some[j-1] > v; j-- {
			some[j] = some[j-1]
		}
		some[j] = v
	}
	return some[n/2]
}

// chooseParams chooses the parameter of each group and returns what es then
// take in bits; false when one is too great.
func (e *encoder) chooseParams(es []uint64) (n int, ok bool) {
	prev, i := firstParam, 0
	var all uint64
	for g := range slices.Chunk(es, groupSlots) {
		var cost int
		for _, v := range g {
			all |= v
		}
		prev, cost = param(g, prev)
		n += cost
		e.params[i] = uint8(prev)
		i++
	}
	return n, all < golombMax
}

// groups writes es with the parameters chosen.
func (e *encoder) groups(es []uint64) {
	prev, i := firstParam, 0
	for g := range slices.Chunk(es, groupSlots) {
		p := int(e.params[i])
		i++
		e.bw.golomb(zigzag(int64(p-prev)), 0)
		prev = p
		if p == 0 {
			continue
		}
		for _, v := range g {
			e.bw.golomb(v, uint(p-1))
		}
	}
}

// param chooses a group's parameter, given that of the group before: 0 when
// all are zero, else the order of their codes plus one. cost is in bits.
func param(es []uint64, prev int) (p, cost int) {
	var lens [65]uint8
	for _, e := range es {
		lens[bits.Len64(e)]++
	}
	if int(lens[0]) == len(es) {
		return 0, change(0, prev)
	}
	median, below := 0, int(lens[0])
	for below <= len(es)/2 {
		median++
		below += int(lens[median])
	}
	p, cost = prev, 1<<30
	for _, q := range [...]int{median - 1, median, median + 1, prev} {
		if q < 1 || q > 56 {
			continue
		}
		if c := change(q, prev) + codesCost(es, uint(q-1)); c < cost {
			p, cost = q, c
		}
	}
	return p, cost
}

// codesCost is what es take with codes of order k.
func codesCost(es []uint64, k uint) (cost int) {
	for _, e := range es {
		cost += bits.Len64(e + 1<<k)
	}
	return 2*cost - len(es)*(1+int(k))
}

// change is the cost of a group's own parameter.
func change(p, prev int) int { return golombCost(zigzag(int64(p-prev)), 0) }

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
