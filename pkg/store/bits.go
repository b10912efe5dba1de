package store

import (
	"encoding/binary"
	"math/bits"
)

// bitWriter appends bits to b, most significant first.
type bitWriter struct {
	b   []byte
	acc uint64 // the top n bits wait
	n   uint   // below 64
}

// write appends the low k bits of v, which has no others; 1 ≤ k ≤ 57.
func (w *bitWriter) write(v uint64, k uint) {
	if free := 64 - w.n; k >= free {
		w.b = binary.BigEndian.AppendUint64(w.b, w.acc|v>>(k-free))
		w.acc, w.n = v<<(64-(k-free)), k-free // nothing left shifts by 64: 0
		return
	}
	w.acc |= v << (64 - w.n - k)
	w.n += k
}

// flush appends what waits, its last byte padded with zeros.
func (w *bitWriter) flush() []byte {
	for ; w.n > 0; w.n -= min(w.n, 8) {
		w.b = append(w.b, byte(w.acc>>56))
		w.acc <<= 8
	}
	w.acc = 0
	return w.b
}

// bitReader reads what bitWriter wrote. Behind the end it reads zeros.
type bitReader struct {
	b   []byte
	p   int
	acc uint64 // the top n bits are valid, further ones are right or zero
	n   uint
}

// refill makes at least 56 bits valid.
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

// Exponential Golomb codes of order k (J. Teuhola, 1978): e + 2^k is written
// in binary behind as many zeros as it has bits more than k+1. An outlier
// costs twice its length and not, as in a Rice code, a unary flood: host
// metrics come in bursts.
const golombMax = 1 << 55 // values must be below, and k at most 55

func (w *bitWriter) golomb(e uint64, k uint) {
	m := e + 1<<k
	n := uint(bits.Len64(m))
	if zeros := n - 1 - k; zeros+n <= 57 {
		w.write(m, zeros+n)
	} else {
		w.write(0, zeros)
		w.write(m, n)
	}
}

// golombCost returns the bits that golomb takes.
func golombCost(e uint64, k uint) int { return 2*bits.Len64(e+1<<k) - 1 - int(k) }

// golomb returns the next value, k ≤ 55; false when the bits are not of such
// a code.
func (r *bitReader) golomb(k uint) (uint64, bool) {
	if r.n < 56 {
		r.refill()
	}
	zeros := uint(bits.LeadingZeros64(r.acc))
	if n := 2*zeros + 1 + k; n <= 56 {
		m := r.acc >> (64 - n)
		r.acc <<= n
		r.n -= n
		return m - 1<<k, true
	}
	n := zeros + 1 + k
	if n > 56 {
		return 0, false
	}
	r.acc <<= zeros
	r.n -= zeros
	r.refill()
	m := r.acc >> (64 - n)
	r.acc <<= n
	r.n -= n
	return m - 1<<k, true
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
