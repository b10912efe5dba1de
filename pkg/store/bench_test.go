package store

import (
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/metric"
)

// whole and short are twelve-field rows of integers and of hundredths, to
// hold any series of a trace.
type whole struct {
	_  struct{} `reading:"whole" domain:"test" help:"Integers."`
	ID uint32   `label:"id"`
	twelveWhole
}

type twelveWhole struct {
	A float64 `metric:"w.a" min:"-inf" help:"X."`
	B float64 `metric:"w.b" min:"-inf" help:"X."`
	C float64 `metric:"w.c" min:"-inf" help:"X."`
	D float64 `metric:"w.d" min:"-inf" help:"X."`
	E float64 `metric:"w.e" min:"-inf" help:"X."`
	F float64 `metric:"w.f" min:"-inf" help:"X."`
	G float64 `metric:"w.g" min:"-inf" help:"X."`
	H float64 `metric:"w.h" min:"-inf" help:"X."`
	I float64 `metric:"w.i" min:"-inf" help:"X."`
	J float64 `metric:"w.j" min:"-inf" help:"X."`
	K float64 `metric:"w.k" min:"-inf" help:"X."`
	L float64 `metric:"w.l" min:"-inf" help:"X."`
}

func (r *whole) set(i int, v float64) {
	switch i {
	case 0:
		r.A = v
	case 1:
		r.B = v
	case 2:
		r.C = v
	case 3:
		r.D = v
	case 4:
		r.E = v
	case 5:
		r.F = v
	case 6:
		r.G = v
	case 7:
		r.H = v
	case 8:
		r.I = v
	case 9:
		r.J = v
	case 10:
		r.K = v
	case 11:
		r.L = v
	}
}

// replayDay writes a day at 10 s of 3,000 series taken from the trace, as 250
// rows of 12; hundredths are kept as integers of a hundredth.
func replayDay(tb testing.TB, tr hostTrace, moving bool, st *Store) {
	w := NewWriter[whole](st, ShardOptions{Step: 10 * time.Second})
	ints := tr.pick(2976, moving, false)
	decs := tr.pick(24, moving, true)
	series := append(ints, decs...)
	scale := func(i int) float64 {
		if i >= len(ints) {
			return 100
		}
		return 1
	}
	rows := make([]whole, len(series)/12)
	handles := make([]*Row, len(rows))
	for i := range rows {
		rows[i] = metric.Blank[whole]()
		rows[i].ID = uint32(i)
	}
	const start = 1_700_000_400 // a multiple of 1,200
	for slot := range 8640 {
		w.Begin(At(start + int64(slot)*10))
		for i := range rows {
			r := &rows[i]
			for f := range 12 {
				r.set(f, math.Round(tr.at(series[i*12+f], slot)*scale(i*12+f)))
			}
			if handles[i] == nil {
				handles[i] = w.Row(r)
			}
			w.Write(handles[i], r)
		}
		w.End()
	}
}

func heapNow() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// BenchmarkDay fills a day of 3,000 series and reports what it takes in
// memory, and how long one series' day takes to read.
func BenchmarkDay(b *testing.B) {
	tr := readTrace(b)
	for _, c := range []struct {
		name   string
		moving bool
	}{{"host", false}, {"moving", true}} {
		b.Run(c.name, func(b *testing.B) {
			before := heapNow()
			st := Open(Options{Schemas: []*metric.Schema{metric.Of[whole]()}})
			replayDay(b, tr, c.moving, st)
			after := heapNow()
			z := st.Size()
			row := st.Shard("whole").Rows()
			var p Points
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime()
			for i := range b.N {
				p.Reset()
				row[i%len(row)].Read(i%12, 0, forever, &p)
			}
			cpu = cpuTime() - cpu
			b.StopTimer()
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/1e3, "cpu-µs/read")
			b.ReportMetric(float64(after-before)/1e6, "MB-heap")
			b.ReportMetric(float64(z.BlockBytes)/1e6, "MB-blocks")
			b.ReportMetric(float64(z.BlockBytes)/float64(3000*8640), "B/sample")
			b.ReportMetric(float64(len(p.T)), "points")
			runtime.KeepAlive(st)
		})
	}
}

// BenchmarkWrite writes sweeps of 250 rows of 12 fields that all move, with
// everything that comes of it: new heads, sealing, merging, garbage.
func BenchmarkWrite(b *testing.B) {
	for _, c := range []struct {
		name    string
		handles bool
		dir     string
	}{{"handles", true, ""}, {"labels", false, ""}, {"handles and journal", true, fastDir(b)}} {
		b.Run(c.name, func(b *testing.B) {
			st := Open(Options{Dir: c.dir, Retention: 24 * time.Hour, Schemas: []*metric.Schema{metric.Of[whole]()}})
			w := NewWriter[whole](st, ShardOptions{Step: 10 * time.Second})
			const n = 250
			var rows [n]whole
			var handles [n]*Row
			slot := int64(1_700_000_400)
			w.Begin(At(slot))
			for i := range rows {
				rows[i].ID = uint32(i)
				handles[i] = w.Row(&rows[i])
			}
			w.End()
			b.ReportAllocs()
			b.ResetTimer()
			cpu := cpuTime()
			for i := 0; i < b.N; i += n * 12 {
				slot += 10
				w.Begin(At(slot))
				for j := range rows {
					r := &rows[j]
					r.A, r.F, r.L = float64(slot), float64(slot&0xffff), float64(j)
					if c.handles {
						w.Write(handles[j], r)
					} else {
						w.Put(r)
					}
				}
				w.End()
			}
			cpu = cpuTime() - cpu
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds()/1e6, "Mfields/s")
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N), "cpu-ns/field")
			if err := st.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// cpuTime is what all threads of the process took, user and system: unlike
// the clock it hardly depends on what else runs.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkEncode encodes and decodes columns of the moving series.
func BenchmarkEncode(b *testing.B) {
	tr := readTrace(b)
	c := newFieldCodec(metric.Gauge, 1)
	for _, slots := range []int{smallSlots, bigSlots} {
		var cols [][]uint64
		for i, v := range tr.values {
			if tr.changes[i] < tr.bar {
				continue
			}
			scale := 1.0
			if tr.decimal[i] {
				scale = 100
			}
			col := make([]uint64, 0, slots)
			for k := range bigSlots {
				if x := v[k%len(v)]; !math.IsNaN(x) {
					col = append(col, math.Float64bits(math.Round(x*scale)))
				}
				if len(col) == slots {
					cols = append(cols, col)
					col = make([]uint64, 0, slots)
				}
			}
		}
		var e encoder
		var encoded [][]byte
		size := 0
		for _, col := range cols {
			encoded = append(encoded, e.field(nil, &c, col))
			size += len(encoded[len(encoded)-1])
		}
		values := float64(len(cols) * slots)
		per := func(b *testing.B, f func(i int)) {
			cpu := cpuTime()
			for range b.N {
				for i := range cols {
					f(i)
				}
			}
			cpu = cpuTime() - cpu
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/values, "cpu-ns/value")
			b.ReportMetric(float64(size)/values, "B/value")
		}
		b.Run(fmt.Sprintf("encode %d", slots), func(b *testing.B) {
			var dst []byte
			per(b, func(i int) { dst = e.field(dst[:0], &c, cols[i]) })
		})
		b.Run(fmt.Sprintf("decode %d", slots), func(b *testing.B) {
			dst := make([]uint64, slots)
			per(b, func(i int) {
				cur := cursor{encoded[i]}
				cur.field(&c, dst)
			})
		})
	}
}
