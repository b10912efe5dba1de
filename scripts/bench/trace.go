package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"

	"github.com/klauspost/compress/zstd"
)

// trace is a recorded host: series of one value per 10 s slot, NaN where
// there was none.
type trace struct {
	values  [][]float64
	decimal []bool // has hundredths
	changes []int  // slots whose value differs from the one before
	bar     int    // changes from which a series counts as moving: an eighth does
}

func readTrace(path string) (*trace, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	z, err := zstd.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	tr := &trace{}
	for line := range bytes.Lines(text.Bytes()) {
		if line[0] == '#' {
			continue
		}
		cells := bytes.Split(bytes.TrimRight(line, "\n"), []byte{'\t'})[1:]
		vals := make([]float64, len(cells))
		changes := 0
		for i, c := range cells {
			vals[i] = math.NaN()
			if string(c) != "-" {
				if vals[i], err = strconv.ParseFloat(string(c), 64); err != nil {
					return nil, fmt.Errorf("%s: %w", path, err)
				}
			}
			if i > 0 && vals[i] != vals[i-1] {
				changes++
			}
		}
		tr.values = append(tr.values, vals)
		tr.decimal = append(tr.decimal, bytes.IndexByte(line, '.') >= 0)
		tr.changes = append(tr.changes, changes)
	}
	sorted := slices.Clone(tr.changes)
	slices.Sort(sorted)
	tr.bar = sorted[len(sorted)*7/8]
	return tr, nil
}

// pick returns n series of whole numbers, the trace's repeated; hundredths
// become whole. Only moving ones when asked.
func (tr *trace) pick(n int, moving bool) [][]float64 {
	var pool [][]float64
	for i, v := range tr.values {
		if moving && tr.changes[i] < tr.bar {
			continue
		}
		if tr.decimal[i] {
			v = slices.Clone(v)
			for j := range v {
				v[j] = math.Round(v[j] * 100)
			}
		}
		pool = append(pool, v)
	}
	out := make([][]float64, n)
	for i := range out {
		out[i] = pool[i%len(pool)]
	}
	return out
}
