package sqlite

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Fault says what is wrong with the database itself, as opposed to a
// statement that was wrong.
type Fault uint8

// The faults.
const (
	None     Fault = iota // not the database's fault
	Locked                // another process holds it
	DiskFull              // no space, or a quota
	ReadOnly              // the file or its file system cannot be written
	IO                    // the system refused to open, read or write
	Corrupt               // the file is damaged or is no database
	Newer                 // a newer version of the agent made it
	Foreign               // it belongs to another program
	Refused               // the path is not one we would write to
)

func (f Fault) String() string {
	return [...]string{
		"no fault", "locked", "disk full", "read-only", "input/output error", "corrupt",
		"newer version", "another program's", "refused",
	}[f]
}

// Error is a failure whose fault was found by this package.
type Error struct {
	Fault Fault
	Text  string // a sentence without full stop
	Hint  string // what a person can do; may be empty
	Err   error  // may be nil
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Text + ": " + e.Err.Error()
	}
	return e.Text
}

func (e *Error) Unwrap() error { return e.Err }

func fault(f Fault, hint string, err error, format string, args ...any) *Error {
	return &Error{Fault: f, Hint: hint, Err: err, Text: fmt.Sprintf(format, args...)}
}

// FaultOf returns the fault that an error of this package, of SQLite or of
// the operating system tells of, or None.
func FaultOf(err error) Fault {
	if err == nil {
		return None
	}
	if own := (*Error)(nil); errors.As(err, &own) {
		return own.Fault
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		return faultOfCode(e.Code())
	}
	if no := syscall.Errno(0); errors.As(err, &no) {
		return faultOfErrno(no)
	}
	return None
}

// faultOfCode maps the result codes of https://www.sqlite.org/rescode.html.
func faultOfCode(code int) Fault {
	switch code {
	case lib.SQLITE_IOERR_SHMSIZE: // the -shm file could not grow
		return DiskFull
	case lib.SQLITE_IOERR_CORRUPTFS, lib.SQLITE_IOERR_DATA:
		return Corrupt
	case lib.SQLITE_READONLY_DBMOVED:
		return IO
	}
	switch code & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_PROTOCOL:
		return Locked
	case lib.SQLITE_FULL:
		return DiskFull
	case lib.SQLITE_READONLY:
		return ReadOnly
	case lib.SQLITE_IOERR, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_NOLFS:
		return IO
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		return Corrupt
	}
	return None
}

// RollsBack tells whether SQLite may have ended the transaction in which the
// error happened (https://www.sqlite.org/lang_transaction.html, "Response To
// Errors Within A Transaction").
func RollsBack(err error) bool {
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		switch e.Code() & 0xff {
		case lib.SQLITE_NOMEM, lib.SQLITE_INTERRUPT, lib.SQLITE_ABORT:
			return true
		}
	}
	return FaultOf(err) != None
}

func faultOfErrno(no syscall.Errno) Fault {
	switch no {
	case syscall.ENOSPC, syscall.EDQUOT:
		return DiskFull
	case syscall.EROFS:
		return ReadOnly
	}
	return IO
}

// system wraps an error of the operating system about a path.
func system(err error, doing string) error {
	f := IO
	if no := syscall.Errno(0); errors.As(err, &no) {
		f = faultOfErrno(no)
	}
	hint := ""
	if errors.Is(err, os.ErrPermission) {
		hint = "let the agent's user read and write the directory and the file, or choose another path"
	}
	return fault(f, hint, err, "%s failed", doing)
}
