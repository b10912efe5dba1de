package store

import (
	"os"
	"testing"
	"testing/synctest"
	"time"
)

// killed returns a copy of what the store has on disk once it has written all
// that it was given: what a kill -9 would leave. It must be called in a bubble.
func killed(t testing.TB, st *Store) string {
	t.Helper()
	synctest.Wait()
	dir := fastDir(t)
	if err := os.CopyFS(dir, os.DirFS(st.opt.Dir)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// bubble runs a test in which synctest.Wait waits for the journal.
func bubble(t *testing.T, name string, f func(t *testing.T)) {
	t.Run(name, func(t *testing.T) { synctest.Test(t, f) })
}

// writeOld writes a file of that size and age.
func writeOld(path string, at time.Time, size int) error {
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		return err
	}
	return os.Chtimes(path, at, at)
}

func listDir(t testing.TB, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
