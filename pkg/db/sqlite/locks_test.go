package sqlite

import (
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const someLocks = `1: POSIX  ADVISORY  WRITE 3568 fd:00:2531452 0 EOF
1: -> POSIX  ADVISORY  WRITE 7777 fd:00:2531452 0 EOF
2: FLOCK  ADVISORY  WRITE 3517 fd:00:2531448 0 EOF
3: OFDLCK ADVISORY  WRITE -1 fd:00:11 0 EOF
4: POSIX  ADVISORY  READ 3548 fd:00:2531442 0 EOF
5: POSIX  ADVISORY  WRITE 0 fd:00:12 0 EOF
6: LEASE  ACTIVE    WRITE 10 fd:00:13 0 EOF
7: POSIX  ADVISORY  WRITE 20 <none>:0 0 EOF
8: POSIX
9: POSIX  ADVISORY  WRITE abc fd:00:14 0 EOF
10: POSIX  ADVISORY  WRITE 31 fd:00:15 0 EOF
11: POSIX  ADVISORY  WRITE 32 fd:00:15 0 EOF
`

func TestLockHolder(t *testing.T) {
	dev := unix.Mkdev(0xfd, 0)
	for name, c := range map[string]struct {
		dev, ino uint64
		want     int
	}{
		"held":            {dev, 2531452, 3568},
		"flock":           {dev, 2531448, 3517},
		"no owner known":  {dev, 11, 0},
		"reader":          {dev, 2531442, 0},
		"other namespace": {dev, 12, 0},
		"no number":       {dev, 14, 0},
		"not us":          {dev, 15, 32},
		"other device":    {unix.Mkdev(8, 1), 2531452, 0},
		"not held":        {dev, 99, 0},
	} {
		if got := lockHolder(strings.NewReader(someLocks), c.dev, c.ino, 31); got != c.want {
			t.Errorf("%s: pid %d, want %d", name, got, c.want)
		}
	}
}

func FuzzLockHolder(f *testing.F) {
	f.Add(someLocks, uint64(2531452))
	f.Add("1: POSIX ADVISORY WRITE 99999999999999999999 fd:00:1 0 EOF", uint64(1))
	f.Add(strings.Repeat("x ", 100), uint64(1))
	f.Fuzz(func(t *testing.T, text string, ino uint64) {
		pid := lockHolder(strings.NewReader(text), unix.Mkdev(0xfd, 0), ino, 31)
		if pid < 0 || pid == 31 {
			t.Errorf("pid %d", pid)
		}
	})
}
