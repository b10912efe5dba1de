package store

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"sysops-agent/pkg/metric"
)

// sameAsRead checks that ReadAll gives for every field what Read gives.
func sameAsRead(t rapid.TB, r *Row, from, to int64, m *Matrix) {
	t.Helper()
	r.ReadAll(from, to, m)
	var p Points
	for f := range r.shard.schema.Fields {
		p.Reset()
		r.Read(f, from, to, &p)
		if len(m.V[f]) != len(m.T) {
			t.Fatalf("field %d has %d values at %d times", f, len(m.V[f]), len(m.T))
		}
		k := 0
		for i, v := range m.V[f] {
			if math.IsNaN(v) {
				continue
			}
			if k >= len(p.T) || p.T[k] != m.T[i] || p.V[k] != v {
				t.Fatalf("field %d: ReadAll has %d %g, Read differs at %d of %d", f, m.T[i], v, k, len(p.T))
			}
			k++
		}
		if k != len(p.T) {
			t.Fatalf("field %d: ReadAll gives %d samples, Read %d", f, k, len(p.T))
		}
	}
}

func TestReadAllAgreesWithRead(t *testing.T) {
	st := open(t, Options{})
	w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
	for i := range int64(500) {
		if i%50 > 40 { // gaps longer than MaxGap
			continue
		}
		at := At(1000 + 10*i)
		if i > 300 { // the clock goes back by ten minutes
			at.Wall = at.Wall.Add(-10 * time.Minute)
		}
		w.Begin(at)
		r := metric.Blank[sample]()
		r.Name = "a"
		r.Size = float64(i)
		if i%3 != 0 {
			r.Busy = metric.Count(i % 97 * 10)
		}
		w.Put(&r)
		w.End()
	}
	sh := st.Shard("sample")
	if sh.Step() != 10 || sh.Oldest() != 1000 || sh.Newest() != 1000+10*490-600 {
		t.Fatalf("step %d, oldest %d, newest %d", sh.Step(), sh.Oldest(), sh.Newest())
	}
	row := sh.Rows()[0]
	var m Matrix
	for from := int64(900); from < 6000; from += 170 {
		for to := from; to < 6500; to += 430 {
			sameAsRead(t, row, from, to, &m)
		}
	}
	row.ReadAll(0, forever, &m)
	if n := testing.AllocsPerRun(10, func() { row.ReadAll(0, forever, &m) }); n != 0 {
		t.Errorf("ReadAll allocates %g times", n)
	}
}
