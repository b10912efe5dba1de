package store

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"sysops-agent/pkg/metric"
)

// column draws the values of one field: how many, how they move, what is
// absent.
func drawColumn(t *rapid.T, c *fieldCodec) []uint64 {
	n := rapid.IntRange(1, maxSlots).Draw(t, "slots")
	shape := rapid.SampledFrom([]string{"const", "sparse", "steady", "noisy", "bursts", "wild"}).Draw(t, "shape")
	unit := rapid.SampledFrom([]int64{1, 3, 100, 4096, 1 << 40}).Draw(t, "unit")
	absent := rapid.SampledFrom([]float64{0, 0, 0.1, 0.9, 1}).Draw(t, "absent")
	rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	start := rapid.Int64().Draw(t, "start")
	if !c.counter && shape != "wild" {
		start %= 1 << 40
	}
	out := make([]uint64, n)
	v := start
	for i := range out {
		switch shape {
		case "sparse":
			if rnd.IntN(40) == 0 {
				v += unit * rnd.Int64N(9)
			}
		case "steady":
			v += unit
		case "noisy":
			v = start + unit*rnd.Int64N(1000)
		case "bursts":
			if i%50 < 10 {
				v += unit * rnd.Int64N(1<<20)
			}
		case "wild":
			v = int64(rnd.Uint64() >> rnd.IntN(64))
		}
		switch {
		case rnd.Float64() < absent:
			out[i] = metric.AbsentBits
		case c.counter:
			out[i] = uint64(v)
		case shape == "wild":
			f := math.Float64frombits(rnd.Uint64())
			if math.IsNaN(f) || math.IsInf(f, 0) {
				f = -0.5
			}
			out[i] = math.Float64bits(f)
		default:
			out[i] = math.Float64bits(float64(v) * c.res)
		}
	}
	return out
}

func drawCodec(t *rapid.T) fieldCodec {
	if rapid.Bool().Draw(t, "counter") {
		return newFieldCodec(metric.Counter, 1e-6)
	}
	return newFieldCodec(metric.Gauge, rapid.SampledFrom([]float64{1, 0.01, 0.1, 1e-6, 0.3, 0.7, 4096, 60, 1e-300, 1e300}).Draw(t, "res"))
}

// TestFieldRoundTrip: counters come back exactly, gauges within half their
// resolution, absent values absent; a second trip changes nothing; skipping
// passes exactly what decoding does.
func TestFieldRoundTrip(t *testing.T) {
	var e encoder
	rapid.Check(t, func(t *rapid.T) {
		c := drawCodec(t)
		vals := drawColumn(t, &c)
		const tail = "more"
		b := append(e.field(nil, &c, vals), tail...)
		got := make([]uint64, len(vals))
		cur := cursor{b}
		if !cur.field(&c, got) || string(cur.b) != tail {
			t.Fatalf("does not decode: %x", b)
		}
		if cur = (cursor{b}); !cur.skip(len(vals)) || string(cur.b) != tail {
			t.Fatalf("is not skipped: %x", b)
		}
		for i := range vals {
			if got[i] != c.round(vals[i]) {
				t.Fatalf("slot %d is %x, want %x", i, got[i], c.round(vals[i]))
			}
			if (vals[i] == metric.AbsentBits) != (got[i] == metric.AbsentBits) {
				t.Fatalf("slot %d: %x became %x", i, vals[i], got[i])
			}
			if c.counter || vals[i] == metric.AbsentBits {
				continue
			}
			v, g := math.Float64frombits(vals[i]), math.Float64frombits(got[i])
			if math.Abs(v-g) > c.res/2+math.Abs(v)*1e-15 {
				t.Fatalf("slot %d: %g became %g with resolution %g", i, v, g, c.res)
			}
		}
		if again := e.field(nil, &c, got); !bytes.Equal(again, b[:len(b)-len(tail)]) {
			back := make([]uint64, len(vals))
			cur = cursor{again}
			if !cur.field(&c, back) {
				t.Fatalf("second trip does not decode: %x", again)
			}
			for i := range back {
				if back[i] != got[i] {
					t.Fatalf("slot %d changes on the second trip: %x, %x", i, got[i], back[i])
				}
			}
		}
	})
}

// TestEveryModeIsUsed: for each mode there is a column that it suits best.
func TestEveryModeIsUsed(t *testing.T) {
	column := func(f func(i int) float64) []uint64 {
		vals := make([]uint64, smallSlots)
		for i := range vals {
			vals[i] = math.Float64bits(f(i))
		}
		return vals
	}
	noise := func(i int) float64 { return float64((i*i*7919 + i*i*i*104729) % 1021) }
	absent := make([]uint64, smallSlots)
	fill(absent, metric.AbsentBits)
	c := newFieldCodec(metric.Gauge, 1)
	var e encoder
	for name, tc := range map[string]struct {
		mode byte
		vals []uint64
	}{
		"nothing":          {modeAbsent, absent},
		"zeros":            {modeZero, column(func(int) float64 { return 0 })},
		"one value":        {modeConst, column(func(int) float64 { return 42 })},
		"a rare change":    {modeSparse, column(func(i int) float64 { return float64(i/25*1_000_003 + i/13*77_777_777) })},
		"noise on a level": {modeLevel, column(noise)},
		"noise on a ramp":  {modeDelta, column(func(i int) float64 { return float64(i)*100_000 + noise(i) })},
		"beyond integers":  {modeRaw, column(func(i int) float64 { return 1e300 * float64(i+1) })},
	} {
		b := e.field(nil, &c, tc.vals)
		got := make([]uint64, len(tc.vals))
		cur := cursor{b}
		if b[0]&modeMask != tc.mode || !cur.field(&c, got) || !slices.Equal(got, tc.vals) {
			t.Errorf("%s: mode %d, want %d; same values: %t", name, b[0]&modeMask, tc.mode, slices.Equal(got, tc.vals))
		}
	}
}

func TestGolomb(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vals := rapid.SliceOfN(rapid.Uint64Max(golombMax-1), 1, 60).Draw(t, "values")
		ks := rapid.SliceOfN(rapid.UintRange(0, 55), len(vals), len(vals)).Draw(t, "orders")
		var w bitWriter
		want := 0
		for i, v := range vals {
			v >>= vals[0] % 55 // small ones too
			vals[i] = v
			w.golomb(v, ks[i])
			want += golombCost(v, ks[i])
		}
		b := w.flush()
		if len(b) != (want+7)/8 {
			t.Fatalf("%d bytes, cost said %d bits", len(b), want)
		}
		r := bitReader{b: b}
		for i, v := range vals {
			if got, ok := r.golomb(ks[i]); !ok || got != v {
				t.Fatalf("value %d of order %d is %d %v, want %d", i, ks[i], got, ok, v)
			}
		}
	})
}

// TestWrapAround: counters that pass 2^64 or jump across the whole range.
func TestWrapAround(t *testing.T) {
	c := newFieldCodec(metric.Counter, 1)
	const top = math.MaxUint64 - 1
	for name, vals := range map[string][]uint64{
		"over the top":    {top - 20, top - 10, top, 9, 19, 29},
		"over the middle": {1<<63 - 10, 1<<63 - 1, 1 << 63, 1<<63 + 9},
		"to and fro":      {0, top, 0, top, 1, top - 1},
		"thirds":          {0, top / 3, top / 3 * 2, top, top / 3},
		"one value":       {top},
		"steps of 3":      {1, 1 << 62, 1<<63 + 1, 7, top - 2},
	} {
		t.Run(name, func(t *testing.T) {
			var e encoder
			got := make([]uint64, len(vals))
			cur := cursor{e.field(nil, &c, vals)}
			if !cur.field(&c, got) {
				t.Fatal("does not decode")
			}
			for i := range vals {
				if got[i] != vals[i] {
					t.Errorf("slot %d is %d, want %d", i, got[i], vals[i])
				}
			}
		})
	}
}

func TestSlotsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.SampledFrom([]int{smallSlots, bigSlots}).Draw(t, "size")
		keep := rapid.IntRange(1, 10).Draw(t, "tenths")
		rnd := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		var off []uint8
		for i := range size {
			if rnd.IntN(10) < keep {
				off = append(off, uint8(i))
			}
		}
		if len(off) == 0 {
			off = []uint8{uint8(rnd.IntN(size))}
		}
		var got [maxSlots]uint8
		cur := cursor{appendSlots(nil, off, size)}
		n, ok := cur.slots(&got, size)
		if !ok || len(cur.b) != 0 || !bytes.Equal(got[:n], off) {
			t.Fatalf("%v became %v %v", off, got[:n], ok)
		}
	})
}

// FuzzField feeds garbage to the decoder of a field: no panic, and what it
// accepts it also skips alike.
func FuzzField(f *testing.F) {
	var e encoder
	c := newFieldCodec(metric.Gauge, 0.01)
	vals := make([]uint64, 100)
	for i := range vals {
		vals[i] = math.Float64bits(float64(i*i%17) / 10)
	}
	f.Add(e.field(nil, &c, vals), uint8(100), false)
	vals[3], vals[50] = metric.AbsentBits, metric.AbsentBits
	f.Add(e.field(nil, &c, vals), uint8(100), true)
	for m := range byte(16) {
		f.Add([]byte{m, 3, 1, 2, 3, 4, 5, 6, 7}, uint8(5), false)
		f.Add([]byte{m | flagAbsent, 0x15, 3, 1, 2, 3, 4, 5, 6, 7}, uint8(5), true)
	}
	f.Fuzz(func(t *testing.T, b []byte, slots uint8, counter bool) {
		c := newFieldCodec(metric.Gauge, 0.01)
		if counter {
			c = newFieldCodec(metric.Counter, 1)
		}
		dst := make([]uint64, int(slots)%maxSlots+1)
		cur := cursor{b}
		if !cur.field(&c, dst) {
			return
		}
		other := cursor{b}
		if !other.skip(len(dst)) || len(other.b) != len(cur.b) {
			t.Fatalf("decoded %d bytes, skipped %d", len(b)-len(cur.b), len(b)-len(other.b))
		}
	})
}
