package process

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

const (
	hosts = "../../../testdata/hosts/"
	step  = 30
	t0    = 1_800_000_000
)

// rig is a collector on some /proc, with its table and store.
type rig struct {
	t     testing.TB
	proc  string
	store *store.Store
	table *proctable.Table
	c     *Collector
	now   int64
	err   error // of the last sweep
}

func newRig(t testing.TB, proc string, o Options) *rig {
	t.Helper()
	st := store.Open(store.Options{})
	tab := proctable.New(proctable.Options{})
	env := collect.Env{Proc: proc, Store: st, Interval: step * time.Second, Log: zerolog.Nop()}
	return &rig{t: t, proc: proc, store: st, table: tab, c: New(env, tab, o), now: t0}
}

func (r *rig) sweep() {
	r.now += step
	r.err = r.c.Collect(context.Background(), store.At(r.now))
}

// value returns a metric of the newest slot of the row whose label or
// attribute is as given; NaN when absent, false when there is no such row.
func (r *rig) value(reading, metricName, label, want string) (float64, bool) {
	r.t.Helper()
	sh := r.store.Shard(reading)
	i := sh.Schema().Field(metricName)
	if i < 0 {
		r.t.Fatalf("no metric %s in %s", metricName, reading)
	}
	for _, row := range sh.Rows() {
		for j, l := range sh.Schema().Labels {
			if l.Name != label || row.Labels()[j] != want {
				continue
			}
			if at, raw, ok := row.Latest(); ok && at.Unix() == r.now/step*step {
				return sh.Schema().Fields[i].Value(raw[i]), true
			}
		}
	}
	return math.NaN(), false
}

func (r *rig) want(pid int, values map[string]float64) {
	r.t.Helper()
	for name, want := range values {
		got, ok := r.value("process", name, "pid", strconv.Itoa(pid))
		if !ok {
			r.t.Errorf("pid %d has no row", pid)
			return
		}
		if math.Abs(got-want) > 1e-9*math.Abs(want) && !(math.IsNaN(got) && math.IsNaN(want)) || math.IsNaN(got) != math.IsNaN(want) {
			r.t.Errorf("pid %d: %s is %v, want %v", pid, name, got, want)
		}
	}
}

func (r *rig) total(name string) float64 {
	r.t.Helper()
	sh := r.store.Shard("processes")
	rows := sh.Rows()
	if len(rows) != 1 {
		r.t.Fatalf("%d rows of totals", len(rows))
	}
	_, raw, ok := rows[0].Latest()
	i := sh.Schema().Field(name)
	if !ok || i < 0 {
		r.t.Fatalf("no value of %s", name)
	}
	return sh.Schema().Fields[i].Value(raw[i])
}

// partial returns the reason of a partial outcome, "" when there is none.
func (r *rig) partial() string {
	r.t.Helper()
	var p *collect.PartialError
	if r.err != nil && !errors.As(r.err, &p) {
		r.t.Fatalf("the sweep failed: %v", r.err)
	}
	if p == nil {
		return ""
	}
	if p.Hint == "" {
		r.t.Errorf("%q has no hint", p.Reason)
	}
	return p.Reason
}

func (r *rig) live(pid uint32) proctable.Process {
	r.t.Helper()
	p, ok := r.table.Live(pid)
	if !ok {
		r.t.Fatalf("pid %d is not in the table", pid)
	}
	return p
}

// copyHost makes a fixture writable.
func copyHost(t testing.TB, host string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(hosts, host, "proc"))); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}
