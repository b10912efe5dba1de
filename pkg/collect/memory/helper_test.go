package memory

import (
	"context"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

const hostsDir = "../../../testdata/hosts/"

var goodHosts = []string{"two-socket-smt-off", "four-node", "small-vm"}

// host copies a fixture host to where the test may change it; "" is a host
// without any file.
func host(t testing.TB, name string) collect.Env {
	t.Helper()
	dir := t.TempDir()
	if name != "" {
		for _, sub := range []string{"proc/meminfo", "proc/vmstat", "proc/pressure", "sys/devices/system/node", "sys/devices/system/edac"} {
			copyTree(t, filepath.Join(hostsDir, name, sub), filepath.Join(dir, sub))
		}
	}
	st := store.Open(store.Options{})
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return collect.Env{Proc: dir + "/proc", Sys: dir + "/sys", Store: st, Interval: 10 * time.Second}
}

func copyTree(t testing.TB, from, to string) {
	t.Helper()
	if _, err := os.Stat(from); os.IsNotExist(err) {
		return // this host has none: a VM has no EDAC
	}
	err := filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		write(t, to+strings.TrimPrefix(path, from), string(b))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// files lists all files below the directories.
func files(t testing.TB, dirs ...string) (paths []string) {
	t.Helper()
	for _, dir := range dirs {
		err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// at returns the values written for second at: by metric name, or by name and
// label value as in "numa.free_bytes{3}". Absent values are left out.
func at(st *store.Store, at int64) map[string]float64 {
	got := map[string]float64{}
	for _, sh := range st.Shards() {
		for _, row := range sh.Rows() {
			when, raw, ok := row.Latest()
			if !ok || when.Unix() != at {
				continue
			}
			for i := range raw {
				f := &sh.Schema().Fields[i]
				name := f.Name
				if l := row.Labels(); len(l) > 0 {
					name += "{" + strings.Join(l, ",") + "}"
				}
				if v := f.Value(raw[i]); !math.IsNaN(v) {
					got[name] = v
				}
			}
		}
	}
	return got
}

// collector is what all constructors of this package return.
type collector interface {
	Collect(ctx context.Context, t store.Tick) error
}

// all makes every collector of the package.
func all(env collect.Env) map[string]collector {
	return map[string]collector{
		"memory": New(env), "vmstat": NewVMStat(env), "numa": NewNUMA(env), "psi": NewPressure(env), "edac": NewEDAC(env),
	}
}

// sweep collects at second 1000 and fails on an error.
func sweep(t testing.TB, c collector, env collect.Env) map[string]float64 {
	t.Helper()
	if err := c.Collect(context.Background(), store.At(1000)); err != nil {
		t.Fatal(err)
	}
	return at(env.Store, 1000)
}

// fails collects and checks how it failed.
func fails(t testing.TB, c collector, class collect.Class, says string) {
	t.Helper()
	err := c.Collect(context.Background(), store.At(1000))
	if collect.Classify(err) != class || err != nil && !strings.Contains(err.Error(), says) {
		t.Errorf("class %d, %v; want class %d and %q", collect.Classify(err), err, class, says)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var nan = math.NaN()

// want checks some values, to a millionth; NaN wants an absent one.
func want(t testing.TB, got, wants map[string]float64) {
	t.Helper()
	for name, w := range wants {
		g, ok := got[name]
		switch {
		case math.IsNaN(w) && ok:
			t.Errorf("%s = %v, want it absent", name, g)
		case !math.IsNaN(w) && (!ok || math.Abs(g-w) > 1e-6*math.Max(1, math.Abs(w))):
			t.Errorf("%s = %v (there: %v), want %v", name, g, ok, w)
		}
	}
}

// sweepAt is sweep at another second.
func sweepAt(t testing.TB, c collector, env collect.Env, second int64) map[string]float64 {
	t.Helper()
	must(t, c.Collect(context.Background(), store.At(second)))
	return at(env.Store, second)
}

func keys(m map[string]float64) []string { return slices.Sorted(maps.Keys(m)) }
