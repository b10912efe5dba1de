package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	lib "modernc.org/sqlite/lib"
)

func TestFaultOfCode(t *testing.T) {
	for code, want := range map[int]Fault{
		lib.SQLITE_ERROR: None, lib.SQLITE_CONSTRAINT: None, lib.SQLITE_NOMEM: None, lib.SQLITE_INTERRUPT: None,
		lib.SQLITE_TOOBIG: None, lib.SQLITE_SCHEMA: None,
		lib.SQLITE_BUSY: Locked, lib.SQLITE_BUSY_RECOVERY: Locked, lib.SQLITE_LOCKED: Locked, lib.SQLITE_PROTOCOL: Locked,
		lib.SQLITE_FULL: DiskFull, lib.SQLITE_IOERR_SHMSIZE: DiskFull,
		lib.SQLITE_READONLY: ReadOnly, lib.SQLITE_READONLY_DIRECTORY: ReadOnly, lib.SQLITE_READONLY_DBMOVED: IO,
		lib.SQLITE_IOERR: IO, lib.SQLITE_IOERR_READ: IO, lib.SQLITE_IOERR_FSYNC: IO, lib.SQLITE_CANTOPEN: IO, lib.SQLITE_PERM: IO,
		lib.SQLITE_CORRUPT: Corrupt, lib.SQLITE_CORRUPT_INDEX: Corrupt, lib.SQLITE_NOTADB: Corrupt,
		lib.SQLITE_IOERR_CORRUPTFS: Corrupt, lib.SQLITE_IOERR_DATA: Corrupt,
	} {
		if got := faultOfCode(code); got != want {
			t.Errorf("code %d: %v, want %v", code, got, want)
		}
	}
}

func TestFaultOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want Fault
	}{
		"nil":      {nil, None},
		"any":      {errors.New("x"), None},
		"deadline": {context.DeadlineExceeded, None},
		"own":      {fmt.Errorf("x: %w", fault(Newer, "", nil, "y")), Newer},
		"full":     {&os.PathError{Op: "write", Path: "/x", Err: syscall.ENOSPC}, DiskFull},
		"quota":    {fmt.Errorf("x: %w", syscall.EDQUOT), DiskFull},
		"rofs":     {&os.PathError{Op: "open", Path: "/x", Err: syscall.EROFS}, ReadOnly},
		"device":   {syscall.EIO, IO},
	} {
		if got := FaultOf(c.err); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestErrorsAreSentences(t *testing.T) {
	err := system(&os.PathError{Op: "open", Path: "/x/y.db", Err: syscall.EACCES}, "open the database file for writing")
	want := "open the database file for writing failed: open /x/y.db: permission denied"
	if err.Error() != want || !strings.Contains(hint(err), "agent's user") || !errors.Is(err, os.ErrPermission) {
		t.Errorf("%q, hint %q", err, hint(err))
	}
	for f := None; f <= Refused; f++ {
		if f.String() == "" {
			t.Errorf("fault %d has no name", f)
		}
	}
	if e := Explain("/x.db", errors.New("syntax error")); e.Error() != "syntax error" {
		t.Errorf("a plain error became %v", e)
	}
	full := Explain("/tmp/x.db", fmt.Errorf("commit: %w", syscall.ENOSPC))
	if FaultOf(full) != DiskFull || hint(full) == "" || !strings.Contains(full.Error(), "/tmp/x.db is full: commit") {
		t.Errorf("%v", full)
	}
	if again := Explain("/tmp/x.db", full); again.Error() != full.Error() {
		t.Errorf("explained twice: %v", again)
	}
}

func TestRollsBack(t *testing.T) {
	path := t.TempDir() + "/test.db"
	d := mustOpen(t, path, 1)
	_, syntax := d.Writer.ExecContext(t.Context(), "SELEC")
	_, readonly := d.Readers.ExecContext(t.Context(), "DELETE FROM one")
	if syntax == nil || RollsBack(syntax) {
		t.Errorf("syntax error: %v", syntax)
	}
	if readonly == nil || !RollsBack(readonly) || FaultOf(readonly) != ReadOnly {
		t.Errorf("write through a reader: %v", readonly)
	}
}
