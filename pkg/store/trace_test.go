package store

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// hostTrace reads the recorded host: series of one value per 10 s slot, NaN
// where there was none, whether a series has decimals, and whether it moves.
type hostTrace struct {
	values  [][]float64
	grow    []float64 // of a counter, from its first value to its last: where it repeats, it goes on
	decimal []bool
	changes []int
	bar     int // changes of the series that move
}

func readTrace(t testing.TB) hostTrace {
	t.Helper()
	b, err := os.ReadFile("../../testdata/traces/host-trace-10s.tsv.zst")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		t.Fatal(err)
	}
	var tr hostTrace
	for line := range bytes.Lines(text.Bytes()) {
		if line[0] == '#' {
			continue
		}
		cells := bytes.Split(bytes.TrimRight(line, "\n"), []byte{'\t'})[1:]
		vals := make([]float64, len(cells))
		changes, dec := 0, false
		for i, c := range cells {
			vals[i] = math.NaN()
			if len(c) != 1 || c[0] != '-' {
				if vals[i], err = strconv.ParseFloat(string(c), 64); err != nil {
					t.Fatal(err)
				}
			}
			dec = dec || bytes.IndexByte(c, '.') >= 0
			if i > 0 && vals[i] != vals[i-1] {
				changes++
			}
		}
		tr.values = append(tr.values, vals)
		tr.grow = append(tr.grow, growth(vals))
		tr.decimal = append(tr.decimal, dec)
		tr.changes = append(tr.changes, changes)
	}
	// Seven in eight hardly move.
	sorted := slices.Clone(tr.changes)
	slices.Sort(sorted)
	tr.bar = sorted[len(sorted)*7/8]
	return tr
}

// growth is by how much values grow that never fall, else 0.
func growth(values []float64) float64 {
	var known []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) == 0 || !slices.IsSorted(known) {
		return 0
	}
	return known[len(known)-1] - known[0]
}

// at returns the value of a series in any slot; the recording is repeated.
func (tr hostTrace) at(series, slot int) float64 {
	v := tr.values[series]
	return v[slot%len(v)] + float64(slot/len(v))*tr.grow[series]
}

// pick returns the indices of n series, repeating the trace's; only moving
// ones when asked.
func (tr hostTrace) pick(n int, movingOnly, decimal bool) []int {
	var pool, out []int
	for i := range tr.values {
		if tr.decimal[i] == decimal && (!movingOnly || tr.changes[i] >= tr.bar) {
			pool = append(pool, i)
		}
	}
	for i := range n {
		out = append(out, pool[i%len(pool)])
	}
	return out
}
