package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/db/sqlite"
	"sysops-agent/pkg/state"
)

func init() {
	// hold opens the database like an agent and keeps it until told to end.
	children["hold"] = func(path string) error {
		d := Open(Options{Path: path, Host: "child"}, state.New())
		defer d.Close()
		if err := d.Wait(context.Background()); err != nil {
			return err
		}
		fmt.Println("open")
		_, err := io.ReadAll(os.Stdin)
		return err
	}
	// lock takes the write lock like a person with a SQL shell.
	children["lock"] = func(path string) error {
		db, err := sql.Open("sqlite", path)
		if err != nil {
			return err
		}
		defer db.Close()
		db.SetMaxOpenConns(1)
		if _, err := db.Exec("BEGIN IMMEDIATE"); err != nil {
			return err
		}
		fmt.Println("locked")
		if _, err := io.ReadAll(os.Stdin); err != nil {
			return err
		}
		_, err = db.Exec("ROLLBACK")
		return err
	}
}

func TestSecondAgentWaitsForTheFirst(t *testing.T) {
	path := t.TempDir() + "/test.db"
	c := startChild(t, "hold", path)
	c.line(t)
	d := start(t, Options{Path: path})
	st := d.until(t, state.Degraded, "locked")
	if want := fmt.Sprintf("pid %d", c.cmd.Process.Pid); !strings.Contains(st.Reason, want) {
		t.Errorf("reason %q does not name %s", st.Reason, want)
	}
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	c.end(t)
	d.until(t, state.Active)
	d.do(t, put("a", 60))
}

func TestLockedInUse(t *testing.T) {
	d := open(t, Options{Timeout: 300 * time.Millisecond, retry: time.Hour})
	c := startChild(t, "lock", d.path)
	c.line(t)
	err := d.Do(t.Context(), put("a", 60))
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), fmt.Sprintf("pid %d", c.cmd.Process.Pid)) {
		t.Errorf("Do: %v", err)
	}
	d.until(t, state.Degraded, "locked", "pid")
	called := false
	if err := d.Do(t.Context(), func(*Tx) error { called = true; return nil }); !errors.Is(err, ErrUnavailable) || called {
		t.Errorf("while writing pauses: %v, called %v", err, called)
	}
	if n := d.Stats().Refused; n != 1 {
		t.Errorf("%d calls were refused at once, want the second", n)
	}
	d.count(t, "host") // reading goes on
	c.end(t)
	d.mu.Lock()
	d.DB.until = time.Now()
	d.mu.Unlock()
	d.do(t, put("a", 60))
	d.until(t, state.Active)
}

// mount makes a file system of a few pages to fill and to make read-only.
func mount(t *testing.T, options string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, options); err != nil {
		t.Skipf("this test needs to mount a small tmpfs, which is not allowed here: %v", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

func remount(t *testing.T, dir, options string, flags uintptr) {
	t.Helper()
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT|flags, options); err != nil {
		t.Fatal(err)
	}
}

// fillUp writes minutes until one is refused and returns how many were not.
func (d *testDB) fillUp(t *testing.T) (minutes int, err error) {
	t.Helper()
	for ; minutes < 100_000; minutes++ {
		m := minutes
		err := d.Do(t.Context(), func(tx *Tx) error {
			for i := range 50 {
				if err := put(fmt.Sprint(i), int64(m)*60, 1.5, 2.5, 3.5)(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return minutes, err
		}
	}
	t.Fatal("the disk never filled up")
	return 0, nil
}

func TestDiskFullInUse(t *testing.T) {
	dir := mount(t, "size=1m")
	d := open(t, Options{Path: dir + "/test.db", retry: 50 * time.Millisecond})
	d.until(t, state.Active)
	minutes, err := d.fillUp(t)
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "is full") {
		t.Fatalf("got %v", err)
	}
	st := d.until(t, state.Degraded, "disk full")
	if st.EnableHint == "" {
		t.Error("no hint")
	}
	if n := d.count(t, "thing_minute"); n != minutes*50 {
		t.Errorf("%d rows, want the %d that were committed", n, minutes*50)
	}
	remount(t, dir, "size=8m", 0)
	d.persistently(t, put("after", 60))
	d.until(t, state.Active)
	if n := d.count(t, "thing_minute"); n != minutes*50+1 {
		t.Errorf("%d rows after it recovered, want %d", n, minutes*50+1)
	}
	d.Close()
}

func TestDiskFullFromTheStart(t *testing.T) {
	dir := mount(t, "size=1m")
	filler := dir + "/filler"
	f, err := os.Create(filler)
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 4096)
	for err == nil {
		_, err = f.Write(block)
	}
	_ = f.Close()
	d := start(t, Options{Path: dir + "/test.db"})
	d.until(t, state.Degraded, "disk full")
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	d.until(t, state.Active)
	d.do(t, put("a", 60))
	if names, _ := filepath.Glob(dir + "/*.corrupt*"); len(names) > 0 {
		t.Errorf("a full disk was taken for corruption: %v", names)
	}
	d.Close()
}

func TestReadOnlyFileSystem(t *testing.T) {
	dir := mount(t, "size=4m")
	d := open(t, Options{Path: dir + "/test.db"})
	d.do(t, put("a", 60))
	d.Close()
	remount(t, dir, "", unix.MS_RDONLY)
	d = start(t, Options{Path: dir + "/test.db"})
	d.until(t, state.Degraded, "read-only")
	remount(t, dir, "", 0)
	d.until(t, state.Active)
	d.do(t, put("a", 120))
	if n := d.count(t, "thing_minute"); n != 2 {
		t.Errorf("%d rows, want 2", n)
	}
	d.Close()
}

func TestFileDeletedOrReplacedInUse(t *testing.T) {
	for name, harm := range map[string]func(path string) error{
		"deleted": os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		},
		"directory deleted": func(path string) error { return os.RemoveAll(filepath.Dir(path)) },
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, Options{Path: t.TempDir() + "/sub/test.db"})
			d.do(t, put("a", 60))
			if err := harm(d.path); err != nil {
				t.Fatal(err)
			}
			if err := d.Do(t.Context(), put("a", 120)); !errors.Is(err, ErrUnavailable) {
				t.Fatalf("a write to a file that nobody can find: %v", err)
			}
			d.until(t, state.Degraded)
			d.await(t)
			if st := d.part.Get(); st.State != state.Degraded {
				t.Errorf("told as working before a write succeeded: %+v", st)
			}
			d.do(t, put("a", 180))
			d.until(t, state.Active)
			if n := d.count(t, "thing_minute"); n != 1 {
				t.Errorf("%d rows in the new file", n)
			}
			if d.Stats().Opens != 2 {
				t.Errorf("opened %d times", d.Stats().Opens)
			}
		})
	}
}

// damage overwrites the tables of readings in the file under the open
// database, and makes the readers read it.
func damage(t *testing.T, path string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, 4096)
	for i := range junk {
		junk[i] = 0xa5
	}
	for off := int64(4096); off < st.Size(); off += 4096 {
		if _, err := f.WriteAt(junk, off); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *testDB) checkpoint(t *testing.T) {
	t.Helper()
	// Not through Do: a checkpoint cannot run in a transaction.
	d.turn <- struct{}{}
	defer func() { <-d.turn }()
	var busy, pages, done int
	err := d.s.f.Writer.QueryRowContext(t.Context(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &pages, &done)
	if err != nil || busy != 0 {
		t.Fatalf("checkpoint: %v, busy %d", err, busy)
	}
}

func TestCorruptInUse(t *testing.T) {
	d := open(t, Options{})
	d.until(t, state.Active)
	for i := range 200 {
		d.do(t, put(fmt.Sprint(i), 60))
	}
	d.checkpoint(t)
	damage(t, d.path)
	err := d.Read(t.Context(), func(q *Querier) error {
		var n int
		return q.QueryRow("SELECT count(*) FROM reading_row, thing_minute", nil, &n)
	})
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "corrupt") {
		t.Fatalf("got %v", err)
	}
	st := d.until(t, state.Degraded, "moved to")
	aside := sqlite.Aside(d.path)
	if len(aside) != 1 || !strings.Contains(st.Reason, aside[0]) || st.EnableHint == "" {
		t.Errorf("files %v, state %+v", aside, st)
	}
	d.await(t)
	d.do(t, put("a", 60)) // with fresh ids and tables
	if n := d.count(t, "thing_minute"); n != 1 {
		t.Errorf("%d rows in the fresh file", n)
	}
	if st := d.part.Get(); st.State != state.Degraded {
		t.Errorf("a good write hid the corruption: %+v", st)
	}
	d.Close()

	d = open(t, Options{Path: d.path}) // and so does no restart
	d.until(t, state.Degraded, aside[0])
}

// SQLite once calling a file corrupt that its check finds whole costs nothing;
// twice, it is believed.
func TestSuspectedThenCondemned(t *testing.T) {
	d := open(t, Options{})
	d.do(t, put("a", 60))
	suspect := func(*Querier) error { return &sqlite.Error{Fault: sqlite.Corrupt, Text: "seen broken"} }
	for i, want := range []struct{ rows, aside int }{{1, 0}, {0, 1}} {
		if err := d.Read(t.Context(), suspect); !errors.Is(err, ErrUnavailable) {
			t.Fatal(err)
		}
		d.await(t)
		if n, aside := d.count(t, "thing_minute"), sqlite.Aside(d.path); n != want.rows || len(aside) != want.aside {
			t.Errorf("time %d: %d rows, moved aside %v", i+1, n, aside)
		}
	}
}

// An I/O error has the file reopened; nothing of it is lost or moved.
func TestReopenedAfterAnIOError(t *testing.T) {
	d := open(t, Options{})
	d.do(t, put("a", 60))
	err := d.Do(t.Context(), func(tx *Tx) error {
		return errors.Join(put("b", 60)(tx), &sqlite.Error{Fault: sqlite.IO, Text: "the device is gone", Err: unix.EIO})
	})
	if !errors.Is(err, ErrUnavailable) || !errors.Is(err, unix.EIO) {
		t.Fatal(err)
	}
	d.until(t, state.Degraded, "input/output error", "the device is gone")
	d.await(t)
	d.do(t, put("c", 60))
	d.until(t, state.Active)
	if n := d.count(t, "thing_minute"); n != 2 || d.Stats().Opens != 2 || len(sqlite.Aside(d.path)) > 0 {
		t.Errorf("%d rows, %+v", n, d.Stats())
	}
}

func TestCorruptNoteEndsAfterADay(t *testing.T) {
	path := t.TempDir() + "/test.db"
	old := path + ".corrupt-20240229T235959Z"
	if err := os.WriteFile(old, []byte("evidence"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, Options{Path: path})
	d.until(t, state.Active)
	if text, err := os.ReadFile(old); err != nil || string(text) != "evidence" {
		t.Errorf("the old file: %q, %v", text, err)
	}
}

func TestTooManyCorruptFiles(t *testing.T) {
	path := t.TempDir() + "/test.db"
	for i := range sqlite.MaxAside {
		if err := os.WriteFile(fmt.Sprintf("%s.corrupt-2024010%dT000000Z", path, i+1), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	garbage := []byte(strings.Repeat("this is no database\n", 1000))
	if err := os.WriteFile(path, garbage, 0o600); err != nil {
		t.Fatal(err)
	}
	d := start(t, Options{Path: path})
	st := d.until(t, state.Off, "corrupt")
	if !st.Fault || st.EnableHint == "" {
		t.Errorf("state %+v", st)
	}
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != string(garbage) {
		t.Errorf("the fourth corrupt file was touched: %v", err)
	}
	if err := os.Remove(path + ".corrupt-20240101T000000Z"); err != nil {
		t.Fatal(err)
	}
	d.until(t, state.Degraded, "moved to") // by itself, when a person has made room
}

func TestNewerVersionIsNotTouched(t *testing.T) {
	d := open(t, Options{})
	d.do(t, func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)")
		return err
	})
	d.Close()
	before := fileSum(t, d.path)
	d = start(t, Options{Path: d.path})
	st := d.until(t, state.Off, "version 99", "does not touch")
	if st.EnableHint == "" || !st.Fault {
		t.Errorf("state %+v", st)
	}
	if err := d.Do(t.Context(), put("a", 60)); !errors.Is(err, ErrUnavailable) {
		t.Errorf("Do: %v", err)
	}
	d.Close()
	if fileSum(t, d.path) != before {
		t.Error("the file changed")
	}
	if names, _ := filepath.Glob(d.path + "*"); len(names) != 2 { // itself and .lock
		t.Errorf("files %v", names)
	}
}

func fileSum(t *testing.T, path string) [32]byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(text)
}

func TestFilesAreTheOwnersOnly(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	d := open(t, Options{Path: t.TempDir() + "/made/test.db"})
	d.do(t, put("a", 60))
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		st, err := os.Lstat(d.path + suffix)
		if err != nil {
			t.Error(err)
		} else if st.Mode() != 0o600 {
			t.Errorf("%s has mode %v", suffix, st.Mode())
		}
	}
	if st, err := os.Stat(filepath.Dir(d.path)); err != nil || st.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v, %v", st.Mode(), err)
	}
}

// The database must be one that everybody's tools can read.
func TestSQLiteShellReadsIt(t *testing.T) {
	shell, err := exec.LookPath("sqlite3")
	if err != nil {
		t.Skip("the sqlite3 shell is not installed")
	}
	d := open(t, Options{})
	d.do(t, put("a", 60))
	out, err := exec.CommandContext(t.Context(), shell, "-readonly", d.path, "SELECT count(*) FROM thing_minute").CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "1" {
		t.Errorf("%q, %v", out, err)
	}
}
