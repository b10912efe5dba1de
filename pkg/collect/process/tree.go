package process

import (
	"errors"
	"io/fs"
	"math"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/procfile"
)

// tree reads the files of processes relative to an open /proc, without
// allocating: on a host with 2,000 processes one sweep opens some 2,000 files,
// and the strings that os.Open wants would be most of the garbage of the agent.
type tree struct {
	root string
	fd   int // of /proc, open during a sweep
	// Whether stat of /proc/PID/fd tells the number of open fds (Linux 6.2).
	sized  bool
	reader procfile.Reader
	path   []byte // NUL-terminated scratch
	stx    unix.Statx_t
	buf    []byte // content of the last stat, entries of the last directory
}

// maxFDs bounds the counting of fds by their directory entries; the kernel's
// own default limit of fds of a process (fs.nr_open) is the same number.
const maxFDs = 1 << 20

// open opens the root and finds out how fds are counted.
func (t *tree) open() error {
	fd, err := unix.Open(t.root, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return &fs.PathError{Op: "open", Path: t.root, Err: err}
	}
	if t.buf == nil {
		t.buf = make([]byte, 32<<10)
	}
	t.fd = fd
	t.sized = t.probe()
	return nil
}

func (t *tree) close() { _ = unix.Close(t.fd) }

// probe asks for the agent's own fds, of which there is at least the one of
// the root. Other file systems give a directory's size in bytes there.
func (t *tree) probe() bool {
	var sfs unix.Statfs_t
	if err := unix.Fstatfs(t.fd, &sfs); err != nil || sfs.Type != unix.PROC_SUPER_MAGIC {
		return false
	}
	n, err := t.size(t.file("self/fd"))
	return err == nil && n > 0
}

// name makes "PID" or "PID/file" the scratch path.
func (t *tree) name(pid uint32, file string) []byte {
	t.path = strconv.AppendUint(t.path[:0], uint64(pid), 10)
	if file != "" {
		t.path = append(t.path, '/')
		t.path = append(t.path, file...)
	}
	t.path = append(t.path, 0)
	return t.path
}

func (t *tree) file(name string) []byte {
	t.path = append(append(t.path[:0], name...), 0)
	return t.path
}

// stat reads PID/stat, which the kernel gives in one piece.
func (t *tree) stat(pid uint32) ([]byte, error) {
	fd, err := procfile.OpenAt(t.fd, t.name(pid, "stat"), unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n, err := read(fd, t.buf)
	return t.buf[:n], err
}

func read(fd int, b []byte) (int, error) {
	for {
		n, err := unix.Read(fd, b)
		if !errors.Is(err, unix.EINTR) {
			return max(n, 0), err
		}
	}
}

// dir opens the directory of a process. As long as it is open it stands for
// that process and no other: when the process is gone, so are the files in it,
// even when its pid was given again.
func (t *tree) dir(pid uint32) (int, error) {
	return procfile.OpenAt(t.fd, t.name(pid, ""), unix.O_PATH|unix.O_DIRECTORY)
}

// read reads a whole file of a directory.
func (t *tree) read(dir int, file string) ([]byte, error) { return t.reader.ReadAt(dir, file) }

// fdSize returns the number of open fds as the size of PID/fd.
func (t *tree) fdSize(pid uint32) (uint32, error) { return t.size(t.name(pid, "fd")) }

func (t *tree) size(path []byte) (uint32, error) {
	for {
		//nolint:gosec // path and the result live in the tree, which outlives the call
		_, _, e := unix.Syscall6(unix.SYS_STATX, uintptr(t.fd), uintptr(unsafe.Pointer(&path[0])), 0, unix.STATX_SIZE,
			uintptr(unsafe.Pointer(&t.stx)), 0)
		switch e {
		case 0:
			return uint32(min(t.stx.Size, math.MaxUint32)), nil
		case unix.EINTR:
		default:
			return 0, e
		}
	}
}

// fdEntries counts the entries of the directory fd, up to maxFDs.
func (t *tree) fdEntries(dir int) (uint32, error) {
	fd, err := procfile.OpenAt(dir, t.file("fd"), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	count := uint32(0)
	for count < maxFDs {
		n, err := unix.Getdents(fd, t.buf)
		if err != nil || n <= 0 {
			return count, err
		}
		for b := t.buf[:n]; len(b) > 0; {
			var name []byte
			if name, _, b = procfile.Entry(b); len(name) > 0 && name[0] != '.' {
				count++
			}
		}
	}
	return count, nil
}

// pids appends the processes to dst, in the order of the directory: by pid.
func (t *tree) pids(dst []uint32) ([]uint32, error) {
	for {
		n, err := unix.Getdents(t.fd, t.buf)
		if err != nil {
			return dst, &fs.PathError{Op: "read", Path: t.root, Err: err}
		}
		if n <= 0 {
			return dst, nil
		}
		for b := t.buf[:n]; len(b) > 0; {
			var name []byte
			name, _, b = procfile.Entry(b)
			if pid, ok := pidOf(name); ok {
				dst = append(dst, pid)
			}
		}
	}
}

func pidOf(name []byte) (uint32, bool) {
	if len(name) == 0 || len(name) > 10 || name[0] == '0' {
		return 0, false
	}
	v := uint64(0)
	for _, c := range name {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + uint64(c-'0')
	}
	return uint32(v), v <= 1<<31-1
}
