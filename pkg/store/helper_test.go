package store

import (
	"os"
	"testing"
	"testing/synctest"
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
