package db

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
)

// The benchmarks write what a host of 3,000 series writes: 30 readings of 10
// rows and 10 fields. As on the measured host, 84 % of the fields do not
// move; the others are averages of six samples with two decimals.
const (
	benchReadings = 30
	benchRows     = 10
	benchFields   = 10
	benchMoving   = 0.16
)

func benchSchemas() []*metric.Schema {
	var all []*metric.Schema
	for r := range benchReadings {
		s := &metric.Schema{Name: fmt.Sprintf("bench%02d", r), Domain: "bench", Help: "Bench."}
		for f := range benchFields {
			fd := metric.Field{Name: fmt.Sprintf("bench%02d.field_%d", r, f), Column: fmt.Sprintf("bench%02d_field_number_%d", r, f)}
			switch f % 3 {
			case 0:
				fd.Res = 0.01 // a percentage
			case 1:
				fd.Res = 1 // bytes
			case 2:
				fd.Kind = metric.Counter
			}
			s.Fields = append(s.Fields, fd)
		}
		all = append(all, s)
	}
	return all
}

// benchHost writes minute after minute.
type benchHost struct {
	d       *DB
	schemas []*metric.Schema
	rng     *rand.Rand
	moving  [benchReadings][benchRows][benchFields]bool
	rows    []ReadingRow
	minute  int64
}

func newBenchHost(tb testing.TB, path string) *benchHost {
	tb.Helper()
	h := &benchHost{schemas: benchSchemas(), rng: rand.New(rand.NewPCG(1, 2))}
	h.d = Open(Options{Path: path, Host: "bench", Schemas: h.schemas}, state.New())
	tb.Cleanup(h.d.Close)
	if err := h.d.Wait(context.Background()); err != nil {
		tb.Fatal(err)
	}
	for r := range h.moving {
		for i := range h.moving[r] {
			for f := range h.moving[r][i] {
				h.moving[r][i][f] = h.rng.Float64() < benchMoving
			}
		}
	}
	h.rows = make([]ReadingRow, benchRows)
	for i := range h.rows {
		h.rows[i] = ReadingRow{N: 6, Val: make([]float64, benchFields), Min: make([]float64, benchFields), Max: make([]float64, benchFields)}
	}
	return h
}

func (h *benchHost) write(tb testing.TB) {
	h.minute += 60
	err := h.d.Do(context.Background(), func(tx *Tx) error {
		for r, s := range h.schemas {
			for i := range h.rows {
				id, err := tx.RowID(s.Name, `{"row":"`+strconv.Itoa(i)+`"}`, "{}", h.minute)
				if err != nil {
					return err
				}
				h.rows[i].Row, h.rows[i].Time = id, h.minute
				h.fill(&h.rows[i], &h.moving[r][i])
			}
			if err := tx.UpsertReadings(s, Minute, h.rows); err != nil {
				return err
			}
			if err := tx.SetMark(s.Name, Minute, h.minute+60); err != nil {
				return err
			}
		}
		return tx.Beat(Heartbeat{Time: h.minute})
	})
	if err != nil {
		tb.Fatal(err)
	}
}

// fill makes up one minute of a row: counters that do not move add nothing.
func (h *benchHost) fill(r *ReadingRow, moving *[benchFields]bool) {
	for f := range r.Val {
		var v, spread float64
		switch f % 3 {
		case 0: // percent
			v, spread = float64(f*10), 1
			if moving[f] {
				v = float64(h.rng.IntN(10000))/100 + 0.01/6
			}
		case 1: // bytes
			v, spread = float64(f*f)*1e8, 4096
			if moving[f] {
				v = float64(h.rng.IntN(1e9)) + 1.0/6
			}
		case 2: // counter
			if moving[f] {
				v = float64(h.rng.IntN(1e6))
			}
		}
		r.Val[f], r.Min[f], r.Max[f] = v, v, v
		if moving[f] {
			r.Min[f], r.Max[f] = math.Floor(v-spread), math.Ceil(v+spread)
		}
	}
}

// BenchmarkFlush writes one minute of 3,000 series per operation.
func BenchmarkFlush(b *testing.B) {
	h := newBenchHost(b, b.TempDir()+"/bench.db")
	h.write(b)
	b.ReportAllocs()
	for b.Loop() {
		h.write(b)
	}
	b.ReportMetric(float64(b.N)*benchReadings*benchRows/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkDay writes a whole day of minutes and reports what the disk sees:
// KB/s handed to the kernel (write-ahead log and checkpoints) and MB the file
// has grown. The goals are 60 KB/s and 30 MB.
func BenchmarkDay(b *testing.B) {
	h := newBenchHost(b, b.TempDir()+"/bench.db")
	const minutes = 1440
	for b.Loop() {
		before, _ := written()
		start := h.d.Stats()
		for range minutes {
			h.write(b)
		}
		after, _ := written()
		end := h.d.Stats()
		b.ReportMetric(float64(after-before)/1000/(minutes*60), "KB/s-written")
		b.ReportMetric(float64(end.FileBytes-start.FileBytes)/1e6, "MB-grown")
		b.ReportMetric(float64(end.WALBytes)/1e6, "MB-log")
		b.ReportMetric(float64(rss())/1e6, "MB-rss")
	}
}

// written returns the bytes this process gave to write(2) so far.
func written() (uint64, error) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "wchar: "); ok {
			return strconv.ParseUint(strings.TrimSpace(v), 10, 64)
		}
	}
	return 0, fmt.Errorf("no wchar in /proc/self/io")
}

// rss returns the resident bytes of this process.
func rss() uint64 {
	text, _ := os.ReadFile("/proc/self/statm")
	f := strings.Fields(string(text))
	if len(f) < 2 {
		return 0
	}
	n, _ := strconv.ParseUint(f[1], 10, 64)
	return n * uint64(os.Getpagesize())
}
