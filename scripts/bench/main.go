// Command bench compares the agent's store with the head of Prometheus' tsdb
// on a recorded host, in one run, and prints the rows of the design's table.
//
//	go run . [-series 3000]      the table
//	go run . fill DIR            a data directory with a full day of history,
//	                             for measuring the agent that restores it
package main

import (
	"flag"
	"fmt"
	"math"
	"os"
	"runtime"
	"syscall"
	"time"
)

const (
	day   = 8640       // slots of 10 s
	start = 1700000400 // Unix seconds, a multiple of 1,200
)

func main() {
	series := flag.Int("series", 3000, "series, a multiple of 12")
	path := flag.String("trace", "../../testdata/traces/host-trace-10s.tsv.zst", "recorded host")
	flag.Parse()
	if err := run(*series, *path); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(series int, path string) error {
	tr, err := readTrace(path)
	if err != nil {
		return err
	}
	if flag.Arg(0) == "fill" {
		return fill(tr, flag.Arg(1), series)
	}
	fmt.Printf("%d series, 24 h at 10 s, GOGC 100, one writer; CPU time, not wall time\n\n", series)
	fmt.Printf("%-34s %14s %14s %8s\n", "", "store", "tsdb head", "ratio")
	for _, moving := range []bool{false, true} {
		name := "host trace"
		if moving {
			name = "every series moving"
		}
		o, p, err := measure(tr, series, moving)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", name)
		fmt.Printf("  %-32s %11.1f M/s %10.1f M/s %7.1fx\n", "write, published to readers", o.publish/1e6, p.write/1e6, o.publish/p.write)
		fmt.Printf("  %-32s %11.1f M/s %10.1f M/s %7.1fx\n", "write, compression included", o.write/1e6, p.write/1e6, o.write/p.write)
		fmt.Printf("  %-32s %12.1f MB %11.1f MB %7.2fx\n", "memory, heap in use", o.heap/1e6, p.heap/1e6, o.heap/p.heap)
		fmt.Printf("  %-32s %12.0f µs %11.0f µs %7.2fx\n", "read 24 h of one series", o.read*1e6, p.read*1e6, o.read/p.read)
	}
	return nil
}

// result is what one store costs.
type result struct{ publish, write, heap, read float64 }

type writer interface {
	writeSlot(unix int64, values []float64) error
	readDay(series int) (int, error)
	close() error
}

func (o *ours) writeSlot(unix int64, values []float64) error { o.write(unix, values); return nil }
func (o *ours) readDay(i int) (int, error)                   { return o.read(i, start, start+day*10), nil }
func (p *prom) writeSlot(unix int64, values []float64) error { return p.write(unix, values) }
func (p *prom) readDay(i int) (int, error)                   { return p.read(i, start, start+day*10) }

func measure(tr *trace, series int, moving bool) (o, p result, err error) {
	data := tr.pick(series, moving)
	if o, err = one(data, func() (writer, error) { return newOurs(series), nil }); err != nil {
		return o, p, err
	}
	p, err = one(data, func() (writer, error) { return newProm(series) })
	return o, p, err
}

func one(data []series, open func() (writer, error)) (r result, err error) {
	before := heap()
	w, err := open()
	if err != nil {
		return r, err
	}
	defer func() {
		if cerr := w.close(); err == nil {
			err = cerr
		}
	}()
	values := make([]float64, len(data))
	var busy time.Duration
	for slot := range day {
		for i := range data {
			values[i] = data[i].at(slot)
		}
		t := cpu()
		if err := w.writeSlot(int64(start+slot*10), values); err != nil {
			return r, err
		}
		busy += cpu() - t
	}
	r.write = float64(day*len(data)) / busy.Seconds()
	if o, ok := w.(*ours); ok {
		r.publish = float64(day*len(data)) / (busy - o.sealing).Seconds()
	}
	r.heap = heap() - before
	const reads = 240
	t, n := cpu(), 0
	for i := range reads {
		k, err := w.readDay(i * len(data) / reads)
		if err != nil {
			return r, err
		}
		n += k
	}
	r.read = (cpu() - t).Seconds() / reads
	if n < reads*day/2 {
		return r, fmt.Errorf("only %d points came back", n)
	}
	return r, nil
}

// cpu is the CPU time of this process: what others do beside it does not
// count, what its own garbage collector does, does.
func cpu() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heap() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// absentIfNaN keeps a gap a gap in a counter.
func absentIfNaN(v float64) uint64 {
	if math.IsNaN(v) || v < 0 {
		return math.MaxUint64
	}
	return uint64(v)
}
