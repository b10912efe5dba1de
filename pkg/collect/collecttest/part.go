package collecttest

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

// Part returns an environment with an empty store and the given files and
// directories of a fixture host, to be changed; no host is one without any
// file. What optional names may be missing from the host.
func Part(t testing.TB, host string, parts []string, optional ...string) collect.Env {
	t.Helper()
	dir := t.TempDir()
	if host != "" {
		from := Hosts(t)[host]
		if from == "" {
			t.Fatalf("no fixture host %q", host)
		}
		for _, p := range parts {
			copyTree(t, filepath.Join(from, p), filepath.Join(dir, p))
		}
		for _, p := range optional {
			if _, err := os.Stat(filepath.Join(from, p)); err == nil {
				copyTree(t, filepath.Join(from, p), filepath.Join(dir, p))
			}
		}
	}
	return Env(t, dir)
}

// copyTree copies a file, or a directory with all below it.
func copyTree(t testing.TB, from, to string) {
	t.Helper()
	fi, err := os.Stat(from)
	switch {
	case err != nil:
	case fi.IsDir():
		err = os.CopyFS(to, os.DirFS(from))
	default:
		WriteFile(t, to, ReadFile(t, from))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// WriteFile creates or replaces a file, with the directories above it.
func WriteFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// ReadFile returns the content of a file.
func ReadFile(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Below lists all files below the directories.
func Below(t testing.TB, dirs ...string) (paths []string) {
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

// At returns the values written for second at: by metric name, or by name and
// label value as in "cpu.core_usage_percent{3}". Absent values are left out.
func At(st *store.Store, at int64) map[string]float64 {
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

// Want checks some values, to a millionth; NaN wants an absent one.
func Want(t testing.TB, got, wants map[string]float64) {
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
