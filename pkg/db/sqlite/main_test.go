package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps are the migrations of these tests.
func steps(n int) fstest.MapFS {
	all := fstest.MapFS{}
	for i, text := range []string{
		"CREATE TABLE one (a INTEGER, b TEXT);",
		"CREATE TABLE two (a INTEGER);\nINSERT INTO two VALUES (2);",
		"ALTER TABLE two ADD COLUMN b TEXT;",
	}[:n] {
		name := string(rune('1'+i)) + "_step.sql"
		all[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return all
}

func mustOpen(t *testing.T, path string, n int) *DB {
	t.Helper()
	d, err := Open(t.Context(), path, steps(n), Sound)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if d.write != nil {
			_ = d.Close()
		}
	})
	return d
}

func mustClose(t *testing.T, d *DB) {
	t.Helper()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) mustExec(t *testing.T, query string, args ...any) {
	t.Helper()
	if _, err := d.Writer.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatal(err)
	}
}

func (d *DB) number(t *testing.T, query string) (n int64) {
	t.Helper()
	if err := d.Readers.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// filled makes a closed database of many pages.
func filled(t *testing.T) (path string) {
	t.Helper()
	path = t.TempDir() + "/test.db"
	d := mustOpen(t, path, 2)
	d.mustExec(t, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO one SELECT i, 'text of row ' || i FROM n`)
	d.mustExec(t, "CREATE INDEX one_b ON one (b)")
	mustClose(t, d)
	return path
}

// foreign makes a database of another program.
func foreign(t *testing.T, statements ...string) (path string) {
	t.Helper()
	path = t.TempDir() + "/test.db"
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, s := range statements {
		if _, err := db.ExecContext(context.Background(), s); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func sum(t *testing.T, path string) [32]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}

func files(t *testing.T, path string) (names []string) {
	t.Helper()
	all, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range all {
		names = append(names, filepath.Base(n))
	}
	return names
}

// hint returns what an error tells a person to do.
func hint(err error) string {
	if own := (*Error)(nil); errors.As(err, &own) {
		return own.Hint
	}
	return ""
}
