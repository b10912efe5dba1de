package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// lockName is the file in the data directory whose lock one agent holds.
const lockName = "agent.lock"

// ErrLocked is wrapped when another agent uses the data directory.
var ErrLocked = errors.New("another agent uses this data directory")

// dataDir is the locked data directory. The lock goes with the process, so a
// killed agent leaves none behind.
type dataDir struct {
	path     string
	lock     *os.File
	readOnly bool // the disk can only be read: everything stays in memory
}

// lockDataDir creates the directory for its owner only and takes the lock. The
// configuration has checked the path; O_NOFOLLOW keeps a lock file that became
// a link meanwhile from leading elsewhere.
func lockDataDir(path string) (*dataDir, error) {
	err := os.MkdirAll(path, 0o700)
	if errors.Is(err, unix.EROFS) {
		return &dataDir{path: path, readOnly: true}, nil // not even there: nobody else can use it
	}
	if err != nil {
		return nil, fmt.Errorf("cannot create the data directory: %w; create it for the agent's user or choose another with --data-dir", err)
	}
	name := filepath.Join(path, lockName)
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	readOnly := errors.Is(err, unix.EROFS)
	if readOnly { // a disk that was remounted after an error; a lock needs no writing
		f, err = os.OpenFile(path, os.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot use the data directory: %w; check its owner and that the disk is writable", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		pid := readPID(f)
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w: %s is locked by process %s; stop that agent, or give this one its own with --data-dir", ErrLocked, path, pid)
		}
		return nil, fmt.Errorf("cannot lock %s: %w", name, err)
	}
	// The pid is for people who look; a full disk must not stop the agent.
	if !readOnly && f.Truncate(0) == nil {
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	return &dataDir{path: path, lock: f, readOnly: readOnly}, nil
}

func readPID(f *os.File) string {
	b, _ := io.ReadAll(io.LimitReader(f, 16))
	if pid := strings.TrimSpace(string(b)); pid != "" {
		if _, err := strconv.Atoi(pid); err == nil {
			return pid
		}
	}
	return "(unknown)"
}

func (d *dataDir) close() {
	if d.lock != nil {
		d.lock.Close()
	}
}
