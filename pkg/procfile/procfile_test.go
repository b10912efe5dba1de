package procfile

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func write(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// One Reader reads files of all sizes, in any order.
func TestRead(t *testing.T) {
	var r Reader
	for _, n := range []int{0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 1 << 20, 100, 0, maxFile} {
		want := bytes.Repeat([]byte("0123456789\n"), n/11+1)[:n]
		got, err := r.Read(write(t, want))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes: got %d, %v", n, len(got), err)
		}
	}
}

func TestReadTooLong(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, maxFile+1); err != nil { // a hole: no disk is used
		t.Fatal(err)
	}
	var r Reader
	_, err := r.Read(path)
	want := "read " + path + ": longer than 16777216 bytes"
	if err == nil || err.Error() != want {
		t.Fatalf("error %v, want %s", err, want)
	}
	if r.buf != nil {
		t.Errorf("the reader keeps %d bytes", cap(r.buf))
	}
	if got, err := r.Read(write(t, []byte("1\n"))); err != nil || string(got) != "1\n" {
		t.Errorf("afterwards: %q, %v", got, err)
	}
}

// What comes piece by piece is read to its end.
func TestReadPieces(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	wrote := make(chan error, 1)
	go func() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		for i := 0; err == nil && i < 3; i++ {
			_, err = f.WriteString(strings.Repeat("x", 3000))
		}
		wrote <- errors.Join(err, f.Close())
	}()
	var r Reader
	got, err := r.Read(path)
	if err != nil || len(got) != 9000 {
		t.Errorf("%d bytes, %v; want 9000", len(got), err)
	}
	if err := <-wrote; err != nil {
		t.Error(err)
	}
}

func TestReadErrors(t *testing.T) {
	file := write(t, []byte("1\n"))
	for name, tc := range map[string]struct {
		path, op string
		is       error
	}{
		"missing":              {filepath.Join(t.TempDir(), "none"), "open", fs.ErrNotExist},
		"directory":            {t.TempDir(), "read", unix.EISDIR},
		"file as directory":    {filepath.Join(file, "x"), "open", unix.ENOTDIR},
		"NUL in the name":      {"a\x00b", "open", unix.EINVAL},
		"empty name":           {"", "open", fs.ErrNotExist},
		"a process that ended": {"/proc/0/stat", "open", fs.ErrNotExist},
		"refused when read":    {"/proc/self/mem", "read", unix.EIO},
		"name too long":        {strings.Repeat("x", 5000), "open", unix.ENAMETOOLONG},
	} {
		t.Run(name, func(t *testing.T) {
			var r Reader
			b, err := r.Read(tc.path)
			var pe *fs.PathError
			if b != nil || !errors.Is(err, tc.is) || !errors.As(err, &pe) || pe.Op != tc.op || pe.Path != tc.path {
				t.Errorf("%q, %v; want a *fs.PathError of %s with %v", b, err, tc.op, tc.is)
			}
			if _, err := r.Uint(tc.path); !errors.Is(err, tc.is) {
				t.Errorf("Uint: %v, want %v", err, tc.is)
			}
		})
	}
}

func TestReadPermission(t *testing.T) {
	path := write(t, []byte("1\n"))
	if err := os.Chmod(path, 0); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		// Root may read everything; this thread becomes nobody for files.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := unix.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := unix.Setfsuid(0); err != nil {
				t.Error(err)
			}
		}()
	}
	var r Reader
	if _, err := r.Read(path); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v, want %v", err, fs.ErrPermission)
	}
}

// A file descriptor is never left open.
func TestReadClosesTheFile(t *testing.T) {
	path := write(t, []byte("1\n"))
	fds := func() int {
		dir, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(dir)
	}
	var r Reader
	before := fds()
	for range 100 {
		for _, p := range []string{path, filepath.Dir(path), path + "none", "/proc/self/mem"} {
			_, _ = r.Read(p)
		}
	}
	if after := fds(); after > before+10 {
		t.Errorf("%d descriptors, before it were %d", after, before)
	}
}

func TestReadAllocates(t *testing.T) {
	var r Reader
	path := write(t, make([]byte, 10_000))
	n := testing.AllocsPerRun(100, func() {
		if _, err := r.Read(path); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 { // the path as the kernel wants it
		t.Errorf("%g allocations per read, want 1 at most", n)
	}
}

func TestUint(t *testing.T) {
	var r Reader
	for content, want := range map[string]uint64{"0\n": 0, "42": 42, " 7 \n": 7, "18446744073709551615\n": 1<<64 - 1} {
		if got, err := r.Uint(write(t, []byte(content))); err != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", content, got, err, want)
		}
	}
	for _, content := range []string{"", "\n", "max\n", "-1\n", "0x10\n", "1 2\n", "18446744073709551616\n", "\x00\xff", strings.Repeat("9", 5000)} {
		path := write(t, []byte(content))
		v, err := r.Uint(path)
		var pe *ParseError
		if !errors.As(err, &pe) || pe.Path != path || pe.Line != 1 || len(pe.Error()) > len(path)+250 {
			t.Errorf("%.20q: %d, %v; want a short *ParseError of line 1", content, v, err)
		}
	}
}

func TestParseErrorText(t *testing.T) {
	for want, e := range map[string]*ParseError{
		"/proc/stat:3: too few fields":  {"/proc/stat", 3, "too few fields"},
		"/proc/stat: the file is empty": {"/proc/stat", 0, "the file is empty"},
	} {
		if e.Error() != want {
			t.Errorf("%q, want %q", e.Error(), want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	var r Reader
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.Read("/proc/self/stat"); err != nil {
			b.Fatal(err)
		}
	}
}
