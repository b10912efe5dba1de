package sqlite

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

func dirOf(path string) string { return filepath.Dir(path) }

// prepare checks the path and makes its directory. The suffix is demanded
// because a file that is no database is moved aside: a typing error in the
// configuration must not do that to /etc/hosts.
func prepare(path string) error {
	if !filepath.IsAbs(path) || !strings.HasSuffix(path, ".db") {
		return fault(Refused, "set a path like /var/lib/sysops-agent/sysops.db", nil,
			"the database path %q is not an absolute path that ends in .db", path)
	}
	if err := os.MkdirAll(dirOf(path), 0o700); err != nil {
		return system(err, "make the directory of the database")
	}
	return nil
}

// regular checks that path is absent or a plain file, and returns its info.
func regular(path string) (os.FileInfo, error) {
	st, err := os.Lstat(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil //nolint:nilnil // absent is a good answer
	}
	if err != nil {
		return nil, system(err, "look at the database file")
	}
	if !st.Mode().IsRegular() {
		return nil, fault(Refused, "move it away, or set the path to the file itself", nil,
			"the database %s is a %s, not a plain file: it is not opened", path, describe(st.Mode()))
	}
	return st, nil
}

func describe(m os.FileMode) string {
	switch {
	case m&os.ModeSymlink != 0:
		return "symbolic link"
	case m.IsDir():
		return "directory"
	}
	return "special file"
}

// create makes the file, owner only, before SQLite would with a wider mode.
// No descriptor of an existing file is opened while SQLite has it open.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return system(err, "open the database file for writing")
	}
	defer f.Close()
	if err := f.Chmod(0o600); err != nil {
		return system(err, "make the database file private")
	}
	return nil
}

// lockFile takes the lock that keeps a second agent off the database.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, system(err, "open the lock file of the database")
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, system(err, "lock the database")
		}
		return nil, fault(Locked, "stop the other agent, or give this one its own database", nil,
			"the database %s is locked by %s", path, holder(path))
	}
	return f, nil
}

// holder names the process that holds a lock on the database, as far as the
// kernel tells: a process in another container has no number here.
func holder(path string) string {
	locks, err := os.Open("/proc/locks")
	if err != nil {
		return "another process"
	}
	defer locks.Close()
	for _, p := range []string{path + ".lock", path, path + "-shm"} {
		st, err := os.Lstat(p)
		if err != nil {
			continue
		}
		if _, err := locks.Seek(0, io.SeekStart); err != nil {
			break
		}
		dev, ino := identity(st)
		if pid := lockHolder(locks, dev, ino, os.Getpid()); pid > 0 {
			return fmt.Sprintf("pid %d", pid)
		}
	}
	return "another process"
}

// lockHolder finds in /proc/locks (fs/locks.c, lock_get_status) a process
// other than self that holds a write lock on the inode:
//
//	1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 0 EOF
func lockHolder(r io.Reader, dev, ino uint64, self int) int {
	want := fmt.Sprintf("%02x:%02x:%d", unix.Major(dev), unix.Minor(dev), ino)
	for sc := bufio.NewScanner(io.LimitReader(r, 1<<20)); sc.Scan(); {
		f := strings.Fields(sc.Text())
		if len(f) < 6 || f[1] == "->" || f[3] != "WRITE" || f[5] != want {
			continue
		}
		if pid, err := strconv.Atoi(f[4]); err == nil && pid > 0 && pid != self {
			return pid
		}
	}
	return 0
}
