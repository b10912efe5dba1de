package cpu

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
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
		for _, sub := range []string{"proc/stat", "proc/loadavg", "sys/devices/system/cpu", "sys/devices/system/node"} {
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
// label value as in "cpu.core_usage_percent{3}". Absent values are left out.
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

// statText writes a /proc/stat of the given cpu lines: number and columns.
func statText(cores map[int]ticks, order ...int) string {
	var total ticks
	var b strings.Builder
	for _, id := range order {
		c := cores[id]
		total.add(&c)
		fmt.Fprintf(&b, "cpu%d%s\n", id, join(c))
	}
	return "cpu " + join(total) + "\n" + b.String()
}

func join(c ticks) string {
	var b strings.Builder
	for _, v := range c {
		fmt.Fprintf(&b, " %d", v)
	}
	return b.String()
}
