package sqlite

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCorruptFilesAreMovedAside(t *testing.T) {
	const page = 4096
	overwrite := func(off int64, junk []byte) func(path string, size int64) error {
		return func(path string, size int64) error {
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			if off < 0 {
				off += size
			}
			_, err = f.WriteAt(junk, off)
			return err
		}
	}
	junk := []byte(strings.Repeat("\xa5\x5a\xff", page)[:page])
	for name, harm := range map[string]func(path string, size int64) error{
		"header garbage": overwrite(0, junk[:100]),
		"magic":          overwrite(0, []byte("SQLite format 4\x00")),
		"all garbage": func(path string, size int64) error {
			return os.WriteFile(path, []byte(strings.Repeat("x", int(size))), 0o600)
		},
		"first page":       overwrite(100, junk[:page-100]),
		"a middle page":    overwrite(10*page, junk),
		"the last page":    overwrite(-page, junk),
		"zeroed page":      overwrite(10*page, make([]byte, page)),
		"cut in the page":  func(path string, size int64) error { return os.Truncate(path, size/2+123) },
		"cut at a page":    func(path string, _ int64) error { return os.Truncate(path, 5*page) },
		"cut in the first": func(path string, _ int64) error { return os.Truncate(path, 1000) },
		"cut in the magic": func(path string, _ int64) error { return os.Truncate(path, 7) },
		"two bytes":        func(path string, _ int64) error { return os.WriteFile(path, []byte{0, 0}, 0o600) },
		"page size":        overwrite(16, []byte{0x12, 0x34}),
		"format from future": func(path string, size int64) error {
			return errors.Join(overwrite(18, []byte{9, 9})(path, size))
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := filled(t)
			st, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := harm(path, st.Size()); err != nil {
				t.Fatal(err)
			}
			before := sum(t, path)
			d := mustOpen(t, path, 2)
			if n := d.number(t, "SELECT count(*) FROM one"); n != 0 {
				t.Errorf("%d rows in a fresh file", n)
			}
			d.mustExec(t, "INSERT INTO one VALUES (1, 'new')")
			aside := Aside(path)
			if len(aside) != 1 || sum(t, aside[0]) != before {
				t.Fatalf("the corrupt file is not kept as it was: %v", aside)
			}
			if at, ok := AsideTime(aside[0]); !ok || time.Since(at).Abs() > time.Hour {
				t.Errorf("moved aside at %v, %v", at, ok)
			}
		})
	}
}

func TestNotCorrupt(t *testing.T) {
	t.Run("no bytes", func(t *testing.T) {
		path := t.TempDir() + "/test.db"
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d := mustOpen(t, path, 2)
		if n := d.number(t, "SELECT a FROM two"); n != 2 {
			t.Errorf("got %d", n)
		}
		if got := Aside(path); len(got) > 0 {
			t.Errorf("moved aside: %v", got)
		}
	})
	t.Run("garbage in the log", func(t *testing.T) {
		path := filled(t)
		if err := os.WriteFile(path+"-wal", []byte(strings.Repeat("junk", 10_000)), 0o600); err != nil {
			t.Fatal(err)
		}
		d := mustOpen(t, path, 2)
		if n := d.number(t, "SELECT count(*) FROM one"); n != 5000 {
			t.Errorf("%d rows", n)
		}
	})
	t.Run("suspect but whole", func(t *testing.T) {
		path := filled(t)
		d, err := Open(t.Context(), path, steps(2), Suspect)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if n := d.number(t, "SELECT count(*) FROM one"); n != 5000 || len(Aside(path)) > 0 {
			t.Errorf("%d rows, aside %v", n, Aside(path))
		}
	})
}

// A torn or flipped log loses at most the transactions in it, never the file.
func TestDamagedLog(t *testing.T) {
	for name, harm := range map[string]func(log []byte) []byte{
		"torn":         func(log []byte) []byte { return log[:len(log)/2+77] },
		"flipped byte": func(log []byte) []byte { log[len(log)/2] ^= 0xff; return log },
		"zero tail":    func(log []byte) []byte { clear(log[len(log)/2:]); return log },
		"huge frame":   func(log []byte) []byte { binary.BigEndian.PutUint32(log[32:], 1<<31); return log },
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir() + "/test.db"
			d := mustOpen(t, path, 2)
			for i := range 50 {
				d.mustExec(t, "INSERT INTO one VALUES ($1, $2)", i, strings.Repeat("x", 500))
			}
			crashed := t.TempDir() + "/test.db"
			file, err1 := os.ReadFile(path)
			log, err2 := os.ReadFile(path + "-wal")
			err := errors.Join(err1, err2, os.WriteFile(crashed, file, 0o600), os.WriteFile(crashed+"-wal", harm(log), 0o600))
			if err != nil {
				t.Fatal(err)
			}
			c := mustOpen(t, crashed, 2)
			n, top := c.number(t, "SELECT count(*) FROM one"), c.number(t, "SELECT coalesce(max(a), -1) FROM one")
			if n > 50 || top != n-1 {
				t.Errorf("%d rows up to %d: not a prefix of what was committed", n, top)
			}
		})
	}
}

func TestCondemnedWhateverTheCheckSays(t *testing.T) {
	path := filled(t)
	before := sum(t, path)
	d, err := Open(t.Context(), path, steps(2), Condemned)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if aside := Aside(path); len(aside) != 1 || sum(t, aside[0]) != before {
		t.Errorf("aside: %v", aside)
	}
}

func TestMoveAsideTakesTheLogAlong(t *testing.T) {
	path := t.TempDir() + "/test.db"
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("x", 3600))
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.WriteFile(path+suffix, []byte("of"+suffix), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to, err := MoveAside(path, now)
	if err != nil || to != path+".corrupt-20260102T020405Z" {
		t.Fatalf("%s, %v", to, err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if text, err := os.ReadFile(to + suffix); err != nil || string(text) != "of"+suffix {
			t.Errorf("%s: %q, %v", suffix, text, err)
		}
	}
	if got := files(t, path); len(got) != 3 {
		t.Errorf("files %v", got)
	}
	if got := Aside(path); len(got) != 1 || got[0] != to {
		t.Errorf("listed: %v", got)
	}
}

func TestMoveAsideNeverOverwritesAndIsBounded(t *testing.T) {
	path := t.TempDir() + "/test.db"
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for i := range MaxAside {
		write(fmt.Sprint(i))
		at := now.Add(time.Duration(i) * time.Second)
		if _, err := MoveAside(path, at); err != nil {
			t.Fatal(err)
		}
		write("next")
		if _, err := MoveAside(path, at); err == nil {
			t.Fatal("it went over one of the same second")
		}
	}
	if _, err := MoveAside(path, now.Add(time.Hour)); !errors.Is(err, ErrTooManyAside) {
		t.Errorf("one more: %v", err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "next" {
		t.Errorf("the last one: %q, %v", text, err)
	}
	for i, name := range Aside(path) {
		if text, _ := os.ReadFile(name); string(text) != fmt.Sprint(i) {
			t.Errorf("%s holds %q", filepath.Base(name), text)
		}
	}
}

func FuzzAsideTime(f *testing.F) {
	f.Add("/x.db.corrupt-20260102T020405Z")
	f.Add(".corrupt-")
	f.Add("x.corrupt-99999999T999999Z")
	f.Fuzz(func(t *testing.T, name string) {
		at, ok := AsideTime(name)
		if ok && !strings.HasSuffix(name, at.Format(asideTime)) {
			t.Errorf("%q gives %v", name, at)
		}
	})
}
