package store

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sysops-agent/pkg/metric"
)

// TestReadersBesideWriters runs two writers, the journal and readers of
// everything at once, for the race detector; the readers check that they see
// whole slots in ascending time.
func TestReadersBesideWriters(t *testing.T) {
	st := Open(Options{
		Dir: fastDir(t), MaxBytes: 40 << 10,
		Schemas: []*metric.Schema{metric.Of[sample](), metric.Of[whole]()},
	})
	const start = 1_700_000_000
	var running atomic.Bool
	running.Store(true)
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		w := NewWriter[sample](st, ShardOptions{Step: 10 * time.Second})
		for i := range int64(15_000) {
			w.Begin(At(start + 10*i))
			for k := range 4 {
				r := metric.Blank[sample]()
				r.Name = fmt.Sprint(k, i/200%2*int64(k)) // some leave and come back
				r.Size, r.Ratio = float64(start+10*i), float64((start+10*i)%1000)
				w.Put(&r)
			}
			w.End()
		}
	})
	writers.Go(func() {
		w := NewWriter[whole](st, ShardOptions{Step: time.Second, MaxBytes: 20 << 10})
		for i := range int64(40_000) {
			w.Begin(At(start + i))
			r := metric.Blank[whole]()
			r.A, r.L = float64(start+i), float64(i*i%1000)
			w.Put(&r)
			w.End()
		}
	})
	for n := range 4 {
		readers.Go(func() {
			rnd := rand.New(rand.NewPCG(uint64(n), 1))
			var p Points
			var m Matrix
			for running.Load() {
				for _, sh := range st.Shards() {
					readSome(t, sh, rnd, &p, &m)
				}
				st.Size()
			}
		})
	}
	writers.Wait()
	running.Store(false)
	readers.Wait()
	if err := st.Close(); err != nil {
		t.Error(err)
	}
}

func readSome(t *testing.T, sh *Shard, rnd *rand.Rand, p *Points, m *Matrix) {
	oldest, newest := sh.Oldest(), sh.Newest()
	if newest > 0 && oldest > newest+sh.Step() {
		t.Fatalf("from %d to %d by %d", oldest, newest, sh.Step())
	}
	field := 0
	if sh.schema.Name == "sample" {
		field = fSize
	}
	for _, r := range slices.Concat(sh.Rows(), sh.Departed(0, forever)) {
		if len(r.Labels()) != len(sh.schema.Labels) {
			t.Fatalf("row %d has labels %q", r.ID(), r.Labels())
		}
		if at, raw, ok := r.Latest(); ok && float64(at.Unix()) != sh.schema.Fields[field].Value(raw[field]) {
			t.Fatalf("row %d: latest of %d says %g", r.ID(), at.Unix(), sh.schema.Fields[field].Value(raw[field]))
		}
		from := newest - rnd.Int64N(20_000)
		p.Reset()
		r.Read(field, from, from+rnd.Int64N(20_000), p)
		for i, at := range p.T {
			if p.V[i] != float64(at) || i > 0 && p.T[i-1] >= at {
				t.Fatalf("row %d: %g at %d, sample %d", r.ID(), p.V[i], at, i)
			}
		}
		r.ReadAll(from, forever, m)
		for i, at := range m.T {
			if m.V[field][i] != float64(at) {
				t.Fatalf("row %d: %g at %d in ReadAll", r.ID(), m.V[field][i], at)
			}
		}
	}
}
