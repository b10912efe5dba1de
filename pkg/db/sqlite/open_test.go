package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMigrations(t *testing.T) {
	path := t.TempDir() + "/test.db"
	mustClose(t, mustOpen(t, path, 1))
	d := mustOpen(t, path, 1) // twice
	d.mustExec(t, "INSERT INTO one VALUES (1, 'kept')")
	mustClose(t, d)

	d = mustOpen(t, path, 3) // two more
	if n := d.number(t, "SELECT count(*) FROM one"); n != 1 {
		t.Errorf("%d rows, want the one that was there", n)
	}
	if n := d.number(t, "SELECT sum(a) FROM two WHERE b IS NULL"); n != 2 {
		t.Errorf("the later migrations gave %d", n)
	}
	if n := d.number(t, "SELECT count(*) FROM goose_db_version WHERE version_id > 0"); n != 3 {
		t.Errorf("%d migrations are noted", n)
	}
	mustClose(t, d)
	if diff := cmp.Diff([]string{"test.db", "test.db.lock"}, files(t, path)); diff != "" {
		t.Errorf("files after closing: %s", diff)
	}
}

func TestBrokenMigrationLeavesTheVersionBefore(t *testing.T) {
	path := t.TempDir() + "/test.db"
	bad := steps(2)
	bad["2_step.sql"].Data = []byte("-- +goose Up\nCREATE TABLE two (a INTEGER);\nINSERT INTO nowhere VALUES (1);")
	if _, err := Open(t.Context(), path, bad, Sound); err == nil || FaultOf(err) != None {
		t.Fatalf("got %v", err)
	}
	d := mustOpen(t, path, 2)
	if n := d.number(t, "SELECT count(*) FROM two"); n != 1 {
		t.Errorf("%d rows after the mended migration", n)
	}
}

func TestRefusedFilesAreNotTouched(t *testing.T) {
	newer := func(t *testing.T) string {
		path := t.TempDir() + "/test.db"
		mustClose(t, mustOpen(t, path, 3))
		return path
	}
	for name, c := range map[string]struct {
		path func(t *testing.T) string
		want Fault
		text string
	}{
		"newer version":             {newer, Newer, "has version 3, made by a newer agent; this one knows versions up to 2"},
		"another program's":         {func(t *testing.T) string { return foreign(t, "PRAGMA application_id=7", "CREATE TABLE x (y)") }, Foreign, "another program"},
		"another program's, no id":  {func(t *testing.T) string { return foreign(t, "CREATE TABLE x (y)") }, Foreign, "another program"},
		"another program's, in WAL": {func(t *testing.T) string { return foreign(t, "PRAGMA journal_mode=WAL", "CREATE TABLE x (y)") }, Foreign, "another program"},
	} {
		t.Run(name, func(t *testing.T) {
			path := c.path(t)
			before := sum(t, path)
			for range 2 {
				_, err := Open(t.Context(), path, steps(2), Sound)
				if FaultOf(err) != c.want || !strings.Contains(err.Error(), c.text) || hint(err) == "" {
					t.Fatalf("fault %v: %v (%s)", FaultOf(err), err, hint(err))
				}
			}
			if sum(t, path) != before {
				t.Error("the file changed")
			}
			if diff := cmp.Diff([]string{"test.db", "test.db.lock"}, files(t, path)); diff != "" {
				t.Errorf("files: %s", diff)
			}
		})
	}
}

// A newer agent that was killed leaves its log; the version may be only there.
func TestNewerVersionInTheLog(t *testing.T) {
	path := t.TempDir() + "/test.db"
	d := mustOpen(t, path, 2)
	d.mustExec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9, 1)")
	crashed := t.TempDir() + "/test.db"
	for _, suffix := range []string{"", "-wal"} { // as a kill leaves them
		text, err := os.ReadFile(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(crashed+suffix, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file, log := sum(t, crashed), sum(t, crashed+"-wal")
	if _, err := Open(t.Context(), crashed, steps(2), Sound); FaultOf(err) != Newer {
		t.Fatalf("got %v", err)
	}
	if sum(t, crashed) != file || sum(t, crashed+"-wal") != log {
		t.Error("the file or its log changed")
	}
}

func TestPaths(t *testing.T) {
	dir := t.TempDir()
	plain := filepath.Join(dir, "plain.db")
	mustClose(t, mustOpen(t, plain, 1))
	link := filepath.Join(dir, "link.db")
	dangling := filepath.Join(dir, "dangling.db")
	folder := filepath.Join(dir, "folder.db")
	err := errors.Join(os.Symlink(plain, link), os.Symlink(dir+"/none", dangling), os.Mkdir(folder, 0o700),
		os.WriteFile(dir+"/file", nil, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		path string
		want Fault
		text string
	}{
		"link":             {link, Refused, "symbolic link"},
		"dangling link":    {dangling, Refused, "symbolic link"},
		"directory":        {folder, Refused, "directory"},
		"device":           {"/dev/null", Refused, "ends in .db"},
		"relative":         {"test.db", Refused, "absolute"},
		"no suffix":        {"/etc/hosts", Refused, "ends in .db"},
		"empty":            {"", Refused, "absolute"},
		"file on the way":  {dir + "/file/test.db", IO, "make the directory"},
		"nothing possible": {"/proc/x/test.db", IO, "make the directory"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Open(t.Context(), c.path, steps(1), Sound)
			if err == nil {
				mustClose(t, d)
			}
			if FaultOf(err) != c.want || !strings.Contains(err.Error(), c.text) {
				t.Errorf("fault %v: %v", FaultOf(err), err)
			}
		})
	}
}

// Whatever a directory is called, the file is made in it and nowhere else.
func TestStrangePaths(t *testing.T) {
	for _, name := range []string{"a b", "a?mode=memory", "a#b", "a%41", "a&b=c", "ä", "a'b\"c", "[x]*", `back\slash`} {
		path := filepath.Join(t.TempDir(), name, name+".db")
		d := mustOpen(t, path, 1)
		d.mustExec(t, "INSERT INTO one VALUES (1, '')")
		if n := d.number(t, "SELECT count(*) FROM one"); n != 1 {
			t.Errorf("%q: %d rows", name, n)
		}
		mustClose(t, d)
		if err := os.WriteFile(path, []byte(strings.Repeat("junk", 1000)), 0o600); err != nil {
			t.Fatalf("%q: not there: %v", name, err)
		}
		mustClose(t, mustOpen(t, path, 1))
		if got := Aside(path); len(got) != 1 {
			t.Errorf("%q: moved aside: %v", name, got)
		}
	}
}

func TestWiderModesAreNarrowed(t *testing.T) {
	path := t.TempDir() + "/test.db"
	mustClose(t, mustOpen(t, path, 1))
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path, 1)
	if st, err := os.Stat(path); err != nil || st.Mode() != 0o600 {
		t.Errorf("mode %v, %v", st.Mode(), err)
	}
}

func TestOneOpenAtATime(t *testing.T) {
	path := t.TempDir() + "/test.db"
	d := mustOpen(t, path, 1)
	_, err := Open(t.Context(), path, steps(1), Condemned)
	if FaultOf(err) != Locked || hint(err) == "" {
		t.Fatalf("got %v", err)
	}
	if got := Aside(path); len(got) > 0 {
		t.Fatalf("a file in use was moved: %v", got)
	}
	mustClose(t, d)
	mustOpen(t, path, 1)
}

func TestReplaced(t *testing.T) {
	path := t.TempDir() + "/test.db"
	d := mustOpen(t, path, 1)
	if err := d.Replaced(); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path, path+".moved"); err != nil {
		t.Fatal(err)
	}
	if err := d.Replaced(); FaultOf(err) != IO || !strings.Contains(err.Error(), "deleted") {
		t.Errorf("moved away: %v", err)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Replaced(); FaultOf(err) != IO || !strings.Contains(err.Error(), "replaced") {
		t.Errorf("replaced: %v", err)
	}
}

func TestOpenEndsWithItsContext(t *testing.T) {
	path := filled(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, path, steps(2), Suspect); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	mustOpen(t, path, 2)
	if got := Aside(path); len(got) > 0 {
		t.Errorf("moved aside: %v", got)
	}
}

func TestSize(t *testing.T) {
	path := t.TempDir() + "/test.db"
	if f, w := Size(path); f != 0 || w != 0 {
		t.Errorf("nothing has %d and %d bytes", f, w)
	}
	mustOpen(t, path, 1)
	if f, w := Size(path); f == 0 || w == 0 {
		t.Errorf("%d and %d bytes", f, w)
	}
}
