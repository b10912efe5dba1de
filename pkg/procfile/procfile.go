// Package procfile reads the small text files of /proc and /sys cheaply: into
// a buffer that is reused, without stat, and parses them in place without
// allocating.
//
// All parsers here are total: on input that is not what they expect they say
// so and never panic, because a truncated file, a dying process or a strange
// kernel must cost at most that one value.
package procfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"

	"golang.org/x/sys/unix"
)

// maxFile bounds what is read of one file; /proc/stat of a host with 8,192
// CPUs has about 1 MiB, /proc/net/* of busy hosts less than 8.
const maxFile = 16 << 20

// Reader reads whole files into one buffer. The zero value is ready. A Reader
// belongs to one goroutine.
type Reader struct {
	buf []byte
}

// Read returns the content of path, valid until the next Read. It allocates
// nothing but the path for the kernel once the buffer is large enough. An error
// is an *fs.PathError, so errors.Is works with fs.ErrNotExist,
// fs.ErrPermission and unix errors; a file of more than 16 MiB is one, and then
// the buffer is given up, too.
func (r *Reader) Read(path string) ([]byte, error) {
	fd, err := open(path)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	defer unix.Close(fd)
	if r.buf == nil {
		r.buf = make([]byte, 4096)
	}
	n := 0
	for {
		m, err := unix.Read(fd, r.buf[n:])
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return nil, &fs.PathError{Op: "read", Path: path, Err: err}
		case m == 0:
			return r.buf[:n], nil
		}
		n += m
		if n == len(r.buf) {
			if n > maxFile {
				r.buf = nil
				return nil, &fs.PathError{Op: "read", Path: path, Err: fmt.Errorf("longer than %d bytes", maxFile)}
			}
			r.buf = append(r.buf, make([]byte, min(n, maxFile+1-n))...)
		}
	}
}

func open(path string) (int, error) {
	for {
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if !errors.Is(err, unix.EINTR) {
			return fd, err
		}
	}
}

// Uint reads a file that holds one decimal number, as many in /sys do.
func (r *Reader) Uint(path string) (uint64, error) {
	b, err := r.Read(path)
	if err != nil {
		return 0, err
	}
	v, ok := ParseUint(bytes.TrimSpace(b))
	if !ok {
		return 0, &ParseError{Path: path, Line: 1, Reason: fmt.Sprintf("%.40q is not a decimal number", b)}
	}
	return v, nil
}

// ParseError says where a file is not what its format demands.
type ParseError struct {
	Path   string
	Line   int // from 1; 0 = the file as a whole
	Reason string
}

func (e *ParseError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.Path, e.Line, e.Reason)
}

// ParseUint parses decimal digits only, 20 at most; false on anything else or
// overflow.
func ParseUint(b []byte) (uint64, bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	var v uint64
	for _, c := range b {
		d := uint64(c - '0')
		if d > 9 || v > (math.MaxUint64-d)/10 {
			return 0, false
		}
		v = v*10 + d
	}
	return v, true
}

// ParseFloat parses a plain decimal such as "0.25" or "-12"; false on
// anything else, such as an exponent, or more digits than a uint64 has on
// either side of the point. It is for the few fractions in /proc (loadavg,
// pressure), exact to about 15 digits.
func ParseFloat(b []byte) (float64, bool) {
	neg := len(b) > 0 && b[0] == '-'
	if neg {
		b = b[1:]
	}
	whole, frac, dotted := bytes.Cut(b, []byte{'.'})
	w, ok := ParseUint(whole)
	if !ok {
		return 0, false
	}
	v := float64(w)
	if dotted {
		f, ok := ParseUint(frac)
		if !ok {
			return 0, false
		}
		v += float64(f) / math.Pow10(len(frac))
	}
	if neg {
		v = -v
	}
	return v, true
}

// Line cuts the first line off b.
func Line(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return b[:i], b[i+1:]
	}
	return b, nil
}

// Field cuts the first field off b, fields being separated by spaces and
// tabs and nothing else; an empty field means there is none.
func Field(b []byte) (field, rest []byte) {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	j := i
	for j < len(b) && b[j] != ' ' && b[j] != '\t' {
		j++
	}
	return b[i:j], b[j:]
}

// Uints parses up to len(dst) fields of b as decimal numbers and returns how
// many it found before the end or the first field that is none.
func Uints(b []byte, dst []uint64) int {
	for i := range dst {
		var f []byte
		f, b = Field(b)
		v, ok := ParseUint(f)
		if !ok {
			return i
		}
		dst[i] = v
	}
	return len(dst)
}
