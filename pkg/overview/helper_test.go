package overview

import (
	"bytes"
	"flag"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

var update = flag.Bool("update", false, "write the golden files again")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was (if it should change, run the test with -update):\n%s", path, cmp.Diff(string(want), string(got)))
	}
}

// start is on the grid of all steps that are used here.
const start = 1_800_000_000

// host is a store that is filled as collectors would.
type host struct {
	t  *testing.T
	st *store.Store
}

func newHost(t *testing.T) *host {
	t.Helper()
	st := store.Open(store.Options{Schemas: reading.All()})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return &host{t, st}
}

// every returns a writer with a step of that many seconds.
func every[T any](h *host, seconds int) *store.Writer[T] {
	return store.NewWriter[T](h.st, store.ShardOptions{Step: time.Duration(seconds) * time.Second})
}

// put writes one sweep, secs after start, of rows that fill sets up.
func put[T any](w *store.Writer[T], secs int64, fill ...func(*T)) {
	w.Begin(store.At(start + secs))
	for _, f := range fill {
		r := metric.Blank[T]()
		f(&r)
		w.Put(&r)
	}
	w.End()
}

// at builds the overview as it is secs after start, in UTC.
func (h *host) at(secs int64, procs *proctable.Table) Overview {
	o := build(source{h.st, time.Unix(start+secs, 0)}, procs, "web01")
	o.Time = o.Time.UTC()
	return o
}

// number compares numbers, absent ones too.
func number(t *testing.T, what string, got Number, want float64) {
	t.Helper()
	w := Of(want)
	if (got.v == nil) != (w.v == nil) || got.v != nil && *got.v != *w.v {
		t.Errorf("%s is %g, want %g", what, got.Value(), want)
	}
}
