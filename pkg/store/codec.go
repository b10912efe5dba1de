package store

import (
	"errors"
	"math"

	"sysops-agent/pkg/metric"
)

// # Encoding of one field of one row over one extent
//
// The values that are present become integers: a counter is its raw value, a
// gauge is rounded to its resolution. Host metrics are nearly all integers or
// short decimals, so that integer differences beat XOR of floats by two to
// four times. A field is
//
//	tag        mode in the low bits, and flags
//	[bitmap]   with flagAbsent: one bit per slot of the row, set = present
//	body       by mode
//
//	modeAbsent  no value at all
//	modeZero    every value 0
//	modeConst   uvarint zigzag(value)
//	modeSparse  uvarint length, uvarint zigzag(first), then per change
//	            uvarint slots since the last change, uvarint zigzag(step)
//	modeLevel   differences to the first    } uvarint length, uvarint
//	modeDelta   differences to the previous } zigzag(first), with flagUnit
//	                                          uvarint unit, with flagCentre
//	                                          uvarint zigzag(centre), groups
//	modeRaw     8 bytes per value, little endian: numbers beyond 2^50 units,
//	            differences beyond 2^54
//
// A group is up to groupSlots differences, less the centre, in units: load
// comes in bursts, so one parameter for a whole extent costs a tenth more. It
// begins with the zigzagged change of its parameter as a Golomb code of order
// 0: 0 says that all are zero, k+1 that Golomb codes of order k follow. unit
// is the greatest common divisor of the differences: pages of 4096 bytes,
// steps of 100. The cheapest mode is taken. Every mode tells its own length,
// so a reader of one field skips the others without decoding them.
const (
	modeAbsent = iota
	modeZero
	modeConst
	modeSparse
	modeLevel
	modeDelta
	modeRaw
	modeMask   = 0x0f
	flagUnit   = 0x20 // else 1
	flagCentre = 0x40 // else 0
	flagAbsent = 0x80
)

const (
	groupSlots = 16
	firstParam = 4 // what the first group's parameter is a change of
)

// errCorrupt is what every decoding error wraps.
var errCorrupt = errors.New("corrupt block")

// fieldCodec converts between a field's raw bits and integers.
type fieldCodec struct {
	counter bool
	res     float64
	inv     float64 // 1/res where res is one part of a whole number, else 0
	limit   float64 // integers are below: there a value survives the way there and back
}

func newFieldCodec(kind metric.Kind, res float64) fieldCodec {
	c := fieldCodec{counter: kind == metric.Counter, res: res, limit: 1 << 50}
	if frac, _ := math.Frexp(res); frac == 0.5 { // a power of two: exact
		c.limit = 1 << 53
	}
	if inv := math.Round(1 / res); res < 1 && inv < 1<<53 && math.Abs(inv*res-1) < 1e-9 {
		c.inv = inv // v × 100 is exact where v / 0.01 is not
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
	if !(v > -c.limit && v < c.limit) { //nolint:staticcheck // NaN too
		return 0, false
	}
	i := int64(v)
	if float64(i) != v { // seldom, and much slower
		i = int64(math.RoundToEven(v))
	}
	return i, true
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

// round gives a raw value the resolution that it will have in a block.
func (c *fieldCodec) round(raw uint64) uint64 {
	if c.counter || raw == metric.AbsentBits {
		return raw
	}
	if i, ok := c.toInt(raw); ok {
		return c.fromInt(i)
	}
	return raw
}

// fromInts is fromInt for many.
func (c *fieldCodec) fromInts(dst []uint64, ints []int64) {
	dst = dst[:len(ints)]
	switch {
	case c.counter:
		for i, v := range ints {
			dst[i] = uint64(v)
		}
	case c.inv != 0:
		for i, v := range ints {
			dst[i] = math.Float64bits(float64(v) / c.inv)
		}
	default:
		for i, v := range ints {
			dst[i] = math.Float64bits(float64(v) * c.res)
		}
	}
}
