package store

import (
	"math"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
)

// sample is a reading for tests: a gauge of hundredths, one of bytes, one
// signed, and a counter in microseconds.
type sample struct {
	_     struct{}     `reading:"sample" domain:"test" help:"A test reading."`
	Name  string       `label:"name"`
	Note  string       `attr:"note"`
	Ratio float64      `metric:"sample.ratio" res:"0.01" help:"Hundredths."`
	Size  float64      `metric:"sample.size_bytes" unit:"bytes" help:"Bytes."`
	Temp  float64      `metric:"sample.temp_celsius" unit:"celsius" res:"0.1" min:"-inf" help:"Signed."`
	Busy  metric.Count `metric:"sample.busy_seconds" unit:"seconds" scale:"1e-6" help:"Microseconds."`
}

const (
	fRatio = iota
	fSize
	fTemp
	fBusy
)

const forever = math.MaxInt64 / 4

func open(t testing.TB, o Options) *Store {
	t.Helper()
	o.Schemas = []*metric.Schema{metric.Of[sample]()}
	s := Open(o)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestWriteAndRead(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	const n = 500
	for i := range int64(n) {
		w.Begin(At(1000 + 10*i))
		r := metric.Blank[sample]()
		r.Name = "a"
		r.Ratio = float64(i%7) / 100
		r.Size = float64(i * 4096)
		r.Busy = metric.Count(i * i)
		if i%5 == 0 {
			r.Ratio = math.NaN()
		}
		w.Put(&r)
		w.End()
	}
	row := st.Shard("sample").Rows()[0]
	var p Points
	row.Read(fSize, 0, forever, &p)
	if len(p.T) != n || p.T[0] != 1000 || p.V[n-1] != (n-1)*4096 {
		t.Fatalf("size: %d points, first %d, last %g", len(p.T), p.T[0], p.V[len(p.V)-1])
	}
	p.Reset()
	row.Read(fRatio, 0, forever, &p)
	if len(p.T) != n*4/5 || p.T[0] != 1010 || p.V[0] != 0.01 {
		t.Fatalf("ratio: %d points, first %d %g", len(p.T), p.T[0], p.V[0])
	}
	p.Reset()
	row.Read(fBusy, 0, forever, &p)
	if len(p.T) != n-1 {
		t.Fatalf("busy: %d points", len(p.T))
	}
	for i, v := range p.V {
		if want := float64(2*i+1) * 1e-6; v != want {
			t.Fatalf("busy[%d] = %g, want %g", i, v, want)
		}
	}
	p.Reset()
	row.Read(fTemp, 0, forever, &p)
	if len(p.T) != 0 {
		t.Fatalf("temp: %d points of an absent field", len(p.T))
	}
}
