// Package sqlite opens the SQLite file behind package db: it checks that the
// file may be written, is whole and is not newer than this program, applies
// the migrations and hands out one writing connection and a pool of at most
// two reading ones. What SQLite does differently from a server (types, DDL,
// pragmas, locks, damage) is known here and nowhere else.
//
// # The file
//
// The file and its -wal, -shm and .lock companions are readable by their
// owner only. The .lock file is held (flock) while the database is open, so
// that two agents never write one file. It carries an application id in its
// header; a SQLite file of another program is refused, not filled with our
// tables.
//
// # Durability
//
// WAL with synchronous NORMAL: a committed transaction survives the death of
// the process at any moment; a power loss may take the transactions since the
// last checkpoint, but never leaves the file inconsistent
// (https://www.sqlite.org/pragma.html#pragma_synchronous).
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"modernc.org/sqlite"
)

// Sizes. The page caches count against the 30 MB of the whole agent; a flush
// of 3,000 series dirties more than fits, which WAL mode writes early: measured,
// 512 KiB cost no more writing than 4 MiB. With 90 tables open, both caches
// full and one reader, SQLite's own memory came to about 5 MiB.
const (
	writerCache    = 512 // KiB
	readerCache    = 256 // KiB each
	maxReaders     = 2
	readerIdle     = time.Minute // then a reading connection is closed and its memory freed
	walPages       = 1000        // checkpoint when the WAL holds so many pages
	walKeep        = 8 << 20     // bytes: a WAL grown by a long reader shrinks to this
	busyTimeout    = 10 * time.Second
	quickCheckTime = 2 * time.Second
)

// applicationID marks our files in their header: "SyOp".
const applicationID = 0x53794f70

// DB is an open database file.
type DB struct {
	Writer  *sql.Conn // the only connection that writes
	Readers *sql.DB   // at most two connections, query only

	path  string
	write *sql.DB
	lock  *os.File
	dev   uint64
	ino   uint64
}

// ofd makes SQLite use locks that survive a close of another descriptor of
// the same file in this process. Where the kernel has none, POSIX locks stay,
// and they are safe as well: nothing here opens the file while it is in use.
var ofd = sync.OnceFunc(func() { _, _ = sqlite.OFDLocking(true) })

// Damage is what is already known about the file when it is opened.
type Damage uint8

// The degrees of damage.
const (
	Sound     Damage = iota // nothing: the check at open is short
	Suspect                 // it looked corrupt in use: the check runs to its end
	Condemned               // it is corrupt, whatever a check says
)

// Open opens path, creating what is missing, and brings it to the newest of
// the migrations. A corrupt file is moved aside (see [MoveAside]) and a fresh
// one begun. An error tells its kind by [FaultOf]; a file that is refused was
// not written to.
func Open(ctx context.Context, path string, migrations fs.FS, damage Damage) (*DB, error) {
	ofd()
	if err := prepare(path); err != nil {
		return nil, err
	}
	lock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	d := &DB{path: path, lock: lock}
	err = d.open(ctx, migrations, damage)
	if FaultOf(err) == Corrupt {
		_ = d.disconnect()
		if _, err = MoveAside(path, time.Now()); err == nil {
			err = d.open(ctx, migrations, Sound)
		}
	}
	if err != nil {
		_ = d.Close()
		return nil, Explain(path, err)
	}
	return d, nil
}

func (d *DB) open(ctx context.Context, migrations fs.FS, damage Damage) error {
	if err := inspect(ctx, d.path, newest(migrations), damage); err != nil {
		return err
	}
	if err := create(d.path); err != nil {
		return err
	}
	var err error
	if d.write, err = sql.Open("sqlite", dsn(d.path, "rw", writerPragmas...)); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	d.write.SetMaxOpenConns(1)
	if err := begin(ctx, d.write); err != nil {
		return err
	}
	if err := migrate(ctx, d.write, migrations); err != nil {
		return err
	}
	if d.Writer, err = d.write.Conn(ctx); err != nil {
		return fmt.Errorf("connect the writer: %w", err)
	}
	if d.Readers, err = sql.Open("sqlite", dsn(d.path, "ro", readerPragmas...)); err != nil {
		return fmt.Errorf("connect the readers: %w", err)
	}
	d.Readers.SetMaxOpenConns(maxReaders)
	d.Readers.SetConnMaxIdleTime(readerIdle)
	st, err := os.Lstat(d.path)
	if err != nil {
		return system(err, "look at "+d.path)
	}
	d.dev, d.ino = identity(st)
	return nil
}

var common = []string{
	"_busy_timeout=" + strconv.Itoa(int(busyTimeout.Milliseconds())),
	"_defensive=1", // SQL cannot damage the file
	"_pragma=trusted_schema(0)",
	"_pragma=cell_size_check(1)", // finds damage before it spreads
	"_pragma=mmap_size(0)",       // a read error is an error, not a SIGBUS
	"_pragma=temp_store(2)",      // no temporary files; statements here sort little
}

var writerPragmas = append([]string{
	"_auto_vacuum=INCREMENTAL", // takes effect in a new file only
	"_foreign_keys=1",
	"_synchronous=NORMAL",
	"_pragma=cache_size(-" + strconv.Itoa(writerCache) + ")",
	"_pragma=journal_size_limit(" + strconv.Itoa(walKeep) + ")",
	"_pragma=wal_autocheckpoint(" + strconv.Itoa(walPages) + ")",
}, common...)

var readerPragmas = append([]string{
	"_query_only=1",
	"_pragma=cache_size(-" + strconv.Itoa(readerCache) + ")",
}, common...)

func dsn(path, mode string, params ...string) string {
	s := (&url.URL{Scheme: "file", Path: path}).String() + "?mode=" + mode
	for _, p := range params {
		s += "&" + p
	}
	return s
}

// begin makes a new file ours and switches it to WAL, before any table.
func begin(ctx context.Context, db *sql.DB) error {
	var id int64
	if err := db.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id); err != nil {
		return fmt.Errorf("read the header: %w", err)
	}
	if id != applicationID {
		if _, err := db.ExecContext(ctx, "PRAGMA application_id="+strconv.Itoa(applicationID)); err != nil {
			return fmt.Errorf("write the header: %w", err)
		}
	}
	var mode string
	if err := db.QueryRowContext(ctx, "PRAGMA journal_mode=WAL").Scan(&mode); err != nil {
		return fmt.Errorf("switch to WAL: %w", err)
	}
	if mode != "wal" {
		return fault(IO, "put the database on a local file system", nil,
			"the file system cannot hold a write-ahead log (journal mode stayed %q)", mode)
	}
	return nil
}

// Close closes everything; the last one checkpoints the WAL. Readers must be
// done.
func (d *DB) Close() error { return errors.Join(d.disconnect(), d.lock.Close()) }

func (d *DB) disconnect() error {
	var err error
	keep := func(e error) {
		if err == nil {
			err = e
		}
	}
	if d.Readers != nil {
		keep(d.Readers.Close())
	}
	if d.Writer != nil {
		keep(d.Writer.Close())
	}
	if d.write != nil {
		keep(d.write.Close())
	}
	d.Readers, d.Writer, d.write = nil, nil, nil
	return err
}

// Replaced returns an error when the path no longer leads to the open file:
// it was deleted, or another was moved there. Writing on would fill a file
// that nobody can find.
func (d *DB) Replaced() error {
	st, err := os.Lstat(d.path)
	if errors.Is(err, os.ErrNotExist) {
		return fault(IO, "", nil, "the database %s was deleted while it was in use; what it held is lost", d.path)
	}
	if err != nil {
		return system(err, "look at the database file")
	}
	if dev, ino := identity(st); dev != d.dev || ino != d.ino {
		return fault(IO, "", nil, "the database %s was replaced by another file", d.path)
	}
	return nil
}

// LockedBy says that err, which ended a wait for the write lock, is the doing
// of another process, and of which.
func (d *DB) LockedBy(err error) error {
	return fault(Locked, "end the process that writes to the agent's database", err,
		"the database %s is locked by %s", d.path, holder(d.path))
}

// Size returns the bytes of the database file and of its write-ahead log.
func Size(path string) (file, wal int64) {
	if st, err := os.Lstat(path); err == nil {
		file = st.Size()
	}
	if st, err := os.Lstat(path + "-wal"); err == nil {
		wal = st.Size()
	}
	return file, wal
}

func identity(st os.FileInfo) (dev, ino uint64) {
	s := st.Sys().(*syscall.Stat_t)
	return s.Dev, s.Ino
}

// Explain turns an error of SQLite that is the fault of the database at path
// into an [Error] with a sentence and a hint; other errors stay as they are.
func Explain(path string, err error) error {
	if own := (*Error)(nil); errors.As(err, &own) {
		return err
	}
	f := FaultOf(err)
	if (f == IO || f == ReadOnly) && noSpace(path) {
		f = DiskFull // SQLite cannot tell a full disk everywhere
	}
	switch f {
	case None:
		return err
	case Locked:
		return fault(f, "", err, "the database %s is locked by %s", path, holder(path))
	case DiskFull:
		return fault(f, "free space on its file system; writing resumes by itself", err, "the disk that holds %s is full", path)
	case ReadOnly:
		return fault(f, "make the file and its file system writable", err, "the database %s is read-only", path)
	case Corrupt:
		return fault(f, "", err, "the database %s is corrupt", path)
	default:
		return fault(f, "see the kernel log for errors of the device", err, "the system refused to open, read or write %s", path)
	}
}

// noSpace asks the file system of path whether it has less than a few pages left.
func noSpace(path string) bool {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dirOf(path), &st); err != nil {
		return false
	}
	return st.Bavail*uint64(st.Bsize) < 64<<10 //nolint:gosec // a block size is positive
}
