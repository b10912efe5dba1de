package procfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func openDir(t *testing.T, path string) int {
	t.Helper()
	fd, err := OpenAt(unix.AT_FDCWD, append([]byte(path), 0), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) })
	return fd
}

func TestReadAt(t *testing.T) {
	dir := t.TempDir()
	long := bytes.Repeat([]byte("0123456789abcdef"), 1<<13)
	for name, content := range map[string][]byte{"short": []byte("7\n"), "empty": {}, "long": long} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
		var r Reader
		got, err := r.ReadAt(openDir(t, dir), name)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
	var r Reader
	fd := openDir(t, dir)
	if _, err := r.ReadAt(fd, "none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	if _, err := r.ReadAt(fd, "."); !errors.Is(err, unix.EISDIR) {
		t.Errorf("a directory: %v", err)
	}
	if _, err := r.ReadAt(fd, strings.Repeat("x", 5000)); !errors.Is(err, unix.ENAMETOOLONG) {
		t.Errorf("a name of 5,000 bytes: %v", err)
	}
	if n := testing.AllocsPerRun(100, func() {
		_, _ = r.ReadAt(fd, "short")
		_, _ = r.ReadAt(fd, "none")
	}); n > 0 {
		t.Errorf("reading allocates %g times", n)
	}
}

func TestOpenAtWantsTheNUL(t *testing.T) {
	for _, path := range [][]byte{nil, {}, []byte("/tmp")} {
		if _, err := OpenAt(unix.AT_FDCWD, path, unix.O_RDONLY); !errors.Is(err, unix.EINVAL) {
			t.Errorf("%q: %v", path, err)
		}
	}
}

func TestEntries(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "sub"), 0o755), os.WriteFile(filepath.Join(dir, "file"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := unix.Getdents(openDir(t, dir), buf)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for b := buf[:n]; len(b) > 0; {
		var name []byte
		var kind byte
		name, kind, b = Entry(b)
		names = append(names, string(name))
		if string(name) == "sub" && kind != unix.DT_DIR && kind != unix.DT_UNKNOWN {
			t.Errorf("sub is of kind %d", kind)
		}
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{".", "..", "file", "sub"}) {
		t.Errorf("%q", names)
	}
}

func FuzzEntry(f *testing.F) {
	f.Add(make([]byte, 24))
	f.Add([]byte("0123456789abcdef\x18\x00\x04name\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			before := len(b)
			if _, _, b = Entry(b); len(b) >= before {
				t.Fatal("no progress")
			}
		}
	})
}
