package procfile

import (
	"encoding/binary"
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// OpenAt opens path, which must end in a NUL, relative to the directory dir
// (or unix.AT_FDCWD) and without allocating. Its error is a bare unix.Errno:
// whoever opens thousands of files, many of which are gone, makes a sentence
// of it only when somebody is to read it.
func OpenAt(dir int, path []byte, flags int) (int, error) {
	if len(path) == 0 || path[len(path)-1] != 0 {
		return -1, unix.EINVAL
	}
	for {
		//nolint:gosec // path outlives the call
		fd, _, e := unix.Syscall6(unix.SYS_OPENAT, uintptr(dir), uintptr(unsafe.Pointer(&path[0])), uintptr(flags|unix.O_CLOEXEC), 0, 0, 0)
		switch e {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, e
		}
	}
}

// ReadAt is Read of a file in the open directory dir, with errors like those
// of [OpenAt].
func (r *Reader) ReadAt(dir int, name string) ([]byte, error) {
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	if len(name) >= len(r.buf) {
		return nil, unix.ENAMETOOLONG
	}
	n := copy(r.buf, name) // the name lies where the content will
	r.buf[n] = 0
	fd, err := OpenAt(dir, r.buf[:n+1], unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	n = 0
	for {
		m, err := unix.Read(fd, r.buf[n:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, err
		case m <= 0:
			return r.buf[:n], nil
		}
		if n += m; n == len(r.buf) {
			if n > maxFile {
				r.buf = nil
				return nil, unix.EFBIG
			}
			r.buf = append(r.buf, make([]byte, min(n, maxFile+1-n))...)
		}
	}
}

// direntHeader is what lies before the name in a struct linux_dirent64: inode
// (8 bytes), offset (8), length (2), type (1).
const direntHeader = 19

// Entry cuts the first directory entry off what unix.Getdents filled in. kind
// is unix.DT_DIR and the like. An empty name means that there is none.
func Entry(b []byte) (name []byte, kind byte, rest []byte) {
	if len(b) < direntHeader {
		return nil, 0, nil
	}
	size := int(binary.NativeEndian.Uint16(b[16:]))
	if size < direntHeader || size > len(b) {
		return nil, 0, nil
	}
	name = b[direntHeader:size]
	for i, c := range name {
		if c == 0 {
			name = name[:i]
			break
		}
	}
	return name, b[direntHeader-1], b[size:]
}
