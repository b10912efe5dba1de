package store

import (
	"encoding/binary"
	"math/bits"
)

// bitWriter appends bits to b, most significant first.
type bitWriter struct {
	b   []byte
	acc uint64 // the low n bits wait
	n   uint
}

// write appends the low k bits of v, k ≤ 56.
func (w *bitWriter) write(v uint64, k uint) {
	w.acc = w.acc<<k | v&(1<<k-1)
	w.n += k
	for w.n >= 8 {
		w.n -= 8
		w.b = append(w.b, byte(w.acc>>w.n))
	}
}

// flush pads the last byte with zeros.
func (w *bitWriter) flush() []byte {
	if w.n > 0 {
		w.b = append(w.b, byte(w.acc<<(8-w.n)))
		w.n = 0
	}
	return w.b
}

// bitReader reads what bitWriter wrote. Behind the end it reads zeros.
type bitReader struct {
	b   []byte
	p   int
	acc uint64 // the top n bits are valid
	n   uint
}

func (r *bitReader) refill() {
	if r.p+8 <= len(r.b) {
		r.acc |= binary.BigEndian.Uint64(r.b[r.p:]) >> r.n
		r.p += int(63-r.n) >> 3
		r.n |= 56
		return
	}
	for r.n <= 56 {
		if r.p < len(r.b) {
			r.acc |= uint64(r.b[r.p]) << (56 - r.n)
			r.p++
		}
		r.n += 8
	}
}

// read returns the next k bits, k ≤ 48.
func (r *bitReader) read(k uint) uint64 {
	if r.n < k {
		r.refill()
	}
	v := r.acc >> (64 - k) // k = 0 shifts by 64: 0
	r.acc <<= k
	r.n -= k
	return v
}

// Rice coding (R. F. Rice, 1979): e is written as e>>k in unary and the low k
// bits. What would need more than riceEscape zeros is written in full behind
// that many zeros.
const (
	riceEscape = 20
	riceMaxK   = 40
	groupSlots = 15
)

func (w *bitWriter) rice(e uint64, k uint) {
	q := e >> k
	if q < riceEscape {
		w.write(1, uint(q)+1)
		w.write(e, k)
		return
	}
	w.write(1, riceEscape+1)
	w.write(e>>32, 32)
	w.write(e, 32)
}

// rice returns the next value; false when the bits are not of a rice code.
func (r *bitReader) rice(k uint) (uint64, bool) {
	if r.n < riceEscape+1+riceMaxK-8 {
		r.refill()
	}
	q := uint(bits.LeadingZeros64(r.acc))
	if q < riceEscape {
		r.acc <<= q + 1
		r.n -= q + 1
		return uint64(q)<<k | r.read(k), true
	}
	if q > riceEscape {
		return 0, false
	}
	r.acc <<= q + 1
	r.n -= q + 1
	hi := r.read(32)
	return hi<<32 | r.read(32), true
}

// riceCost returns the bits that rice takes for e.
func riceCost(e uint64, k uint) int {
	q := e >> k
	if q < riceEscape {
		return int(q) + 1 + int(k)
	}
	return riceEscape + 1 + 64
}

// bestRice returns the parameter with the least cost for es, and that cost in
// bits.
func bestRice(es []uint64) (k uint, cost int) {
	var sum uint64
	for _, e := range es {
		sum += min(e, 1<<50)
	}
	mean := sum / uint64(len(es))
	guess := uint(max(bits.Len64(mean), 1) - 1)
	lo, hi := guess-min(guess, 2), min(guess+1, riceMaxK)
	cost = -1
	for c := lo; c <= hi; c++ {
		n := 0
		for _, e := range es {
			n += riceCost(e, c)
		}
		if cost < 0 || n < cost {
			k, cost = c, n
		}
	}
	return k, cost
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func popcount(b []byte) int {
	n := 0
	for _, c := range b {
		n += bits.OnesCount8(c)
	}
	return n
}
