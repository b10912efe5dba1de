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
	series  []series
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
		tr.series = append(tr.series, series{vals, growth(vals)})
		tr.decimal = append(tr.decimal, bytes.IndexByte(line, '.') >= 0)
		tr.changes = append(tr.changes, changes)
	}
	sorted := slices.Clone(tr.changes)
	slices.Sort(sorted)
	tr.bar = sorted[len(sorted)*7/8]
	return tr, nil
}

// series is a recording that is repeated for as long as it takes. A counter
// goes on from where it was: hosts do not set theirs back twice an hour.
type series struct {
	values []float64
	grow   float64 // of a counter, from its first value to its last
}

func (s *series) at(slot int) float64 {
	return s.values[slot%len(s.values)] + float64(slot/len(s.values))*s.grow
}

// growth is by how much values grow that never fall, else 0.
func growth(values []float64) float64 {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(known) == 0 || !slices.IsSorted(known) {
		return 0
	}
	return known[len(known)-1] - known[0]
}

// pick returns n series of whole numbers, the trace's repeated; hundredths
// become whole. Only moving ones when asked.
func (tr *trace) pick(n int, moving bool) []series {
	var pool []series
	for i, s := range tr.series {
		if moving && tr.changes[i] < tr.bar {
			continue
		}
		if tr.decimal[i] {
			s.values = slices.Clone(s.values)
			for j, v := range s.values {
				s.values[j] = math.Round(v * 100)
			}
			s.grow = math.Round(s.grow * 100)
		}
		pool = append(pool, s)
	}
	out := make([]series, n)
	for i := range out {
		out[i] = pool[i%len(pool)]
	}
	return out
}
