package persist

import (
	"bytes"
	"context"
	"math"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"sysops-agent/pkg/db"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// dozen is a reading of twelve fields, to hold any series of a trace; of the
// trace's cumulative ones too, which are its counters.
type dozen struct {
	_  struct{}     `reading:"dozen" domain:"test" help:"Twelve series."`
	ID uint32       `label:"id"`
	A  float64      `metric:"dozen.a" res:"0.01" min:"-inf" help:"A."`
	B  float64      `metric:"dozen.b" res:"0.01" min:"-inf" help:"B."`
	C  float64      `metric:"dozen.c" res:"0.01" min:"-inf" help:"C."`
	D  float64      `metric:"dozen.d" res:"0.01" min:"-inf" help:"D."`
	E  float64      `metric:"dozen.e" res:"0.01" min:"-inf" help:"E."`
	F  float64      `metric:"dozen.f" res:"0.01" min:"-inf" help:"F."`
	G  metric.Count `metric:"dozen.g" help:"G."`
	H  metric.Count `metric:"dozen.h" help:"H."`
	I  metric.Count `metric:"dozen.i" help:"I."`
	J  metric.Count `metric:"dozen.j" help:"J."`
	K  metric.Count `metric:"dozen.k" help:"K."`
	L  metric.Count `metric:"dozen.l" help:"L."`
}

// rows250 of 12 fields are the design's host of 3,000 series.
const rows250 = 250

// trace is the recorded host: as many gauges as counters. Series that fall
// are gauges, those that only rise are counters, and those that never move,
// three in four, fill both up.
type trace struct{ gauges, counters [][]float64 }

func readTrace(tb testing.TB) trace {
	tb.Helper()
	file, err := os.ReadFile("../../testdata/traces/host-trace-10s.tsv.zst")
	if err != nil {
		tb.Fatal(err)
	}
	z, err := zstd.NewReader(bytes.NewReader(file))
	if err != nil {
		tb.Fatal(err)
	}
	defer z.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(z); err != nil {
		tb.Fatal(err)
	}
	var tr trace
	var still [][]float64
	for line := range strings.Lines(text.String()) {
		if line[0] == '#' {
			continue
		}
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")[1:]
		vals, falls, whole := make([]float64, len(cells)), false, true
		for i, c := range cells {
			v, err := strconv.ParseFloat(c, 64)
			if err != nil {
				v = math.NaN()
			}
			vals[i] = v
			whole = whole && v == math.Trunc(v) && v >= 0
			falls = falls || i > 0 && v < vals[i-1]
		}
		switch {
		case whole && !falls && vals[0] == vals[len(vals)-1]:
			still = append(still, vals)
		case whole && !falls:
			tr.counters = append(tr.counters, vals)
		default:
			tr.gauges = append(tr.gauges, vals)
		}
	}
	tb.Logf("the trace has %d gauges, %d counters and %d series that never move", len(tr.gauges), len(tr.counters), len(still))
	half := (len(still) + len(tr.gauges) + len(tr.counters)) / 2
	n := half - len(tr.gauges)
	tr.gauges, tr.counters = append(tr.gauges, still[:n]...), append(tr.counters, still[n:]...)
	return tr
}

// at is value number slot of series number i, the trace repeated: a gauge
// again and again, a counter from where it ended.
func at(all [][]float64, i, slot int, counter bool) float64 {
	s := all[i%len(all)]
	v := s[slot%len(s)]
	if counter {
		v += float64(slot/len(s)) * (s[len(s)-1] - s[0])
	}
	return v
}

func (tr trace) row(r *dozen, i, slot int) {
	for f, p := range []*float64{&r.A, &r.B, &r.C, &r.D, &r.E, &r.F} {
		*p = at(tr.gauges, i*6+f, slot, false)
	}
	for f, p := range []*metric.Count{&r.G, &r.H, &r.I, &r.J, &r.K, &r.L} {
		*p = metric.Count(at(tr.counters, i*6+f, slot, true))
	}
}

// BenchmarkHost lives a day of 3,000 series of the host trace and reports
// what the disk sees and what a flush takes. Goals: 60 KB/s handed to the
// kernel, 30 MB grown in a day.
func BenchmarkHost(b *testing.B) {
	tr := readTrace(b)
	const hours = 24
	for b.Loop() {
		schemas := []*metric.Schema{metric.Of[dozen]()}
		st := store.Open(store.Options{Schemas: schemas})
		w := store.NewWriter[dozen](st, store.ShardOptions{Step: 10 * time.Second})
		d := db.Open(db.Options{Path: b.TempDir() + "/bench.db", Host: "bench", Schemas: schemas}, state.New())
		defer d.Close()
		if err := d.Wait(context.Background()); err != nil {
			b.Fatal(err)
		}
		wall := midnight
		p := New(Options{Store: st, DB: d, Retention: Retention{MinuteDays: 30, HourlyDays: 90, DailyDays: 365}})
		p.now = func() store.Tick { return store.At(wall) }
		before, fileBefore := written(b), d.Stats().FileBytes
		var spent, most time.Duration
		for slot := range hours * 360 {
			wall = midnight + int64(slot)*10
			w.Begin(store.At(wall))
			for i := range rows250 {
				r := metric.Blank[dozen]()
				r.ID = uint32(i)
				tr.row(&r, i, slot)
				w.Put(&r)
			}
			w.End()
			if slot%6 != 5 {
				continue
			}
			wall += 15
			began := time.Now()
			if err := p.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
			spent += time.Since(began)
			most = max(most, time.Since(began))
		}
		kb := float64(written(b)-before) / 1000
		grown := float64(d.Stats().FileBytes-fileBefore) / 1e6
		b.ReportMetric(kb/(hours*3600), "KB/s-written")
		b.ReportMetric(grown*24/hours, "MB/day")
		b.ReportMetric(float64(spent.Milliseconds())/(hours*60), "ms/flush")
		b.ReportMetric(float64(most.Milliseconds()), "ms-slowest")
		if n := p.Stats().Rows; n < hours*60*rows250 {
			b.Fatalf("only %d rows", n)
		}
	}
}

// written returns the bytes this process gave to write(2) so far
// (/proc/self/io, wchar).
func written(tb testing.TB) uint64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		tb.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "wchar: "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(v), 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatal("no wchar in /proc/self/io")
	return 0
}
