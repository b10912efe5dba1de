package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const (
	v2Mounts = "24 1 0:22 / /sys rw - sysfs sysfs rw\n" +
		"30 24 0:26 / /sys/fs/cgroup rw,nosuid shared:4 master:1 - cgroup2 cgroup2 rw,nsdelegate\n"
	v1Mounts = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n" +
		"32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n" +
		"35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory,release_agent=/x\n" +
		"40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
	hybrid = v1Mounts + "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
)

func TestLayouts(t *testing.T) {
	for name, c := range map[string]struct {
		in, mode string
		dirs     map[string]string // controller → directory of /a.service
	}{
		"unified": {v2Mounts, "unified", map[string]string{"memory": "/S/fs/cgroup/a.service", "name=systemd": "/S/fs/cgroup/a.service"}},
		"legacy":  {v1Mounts, "legacy", map[string]string{"memory": "/S/fs/cgroup/memory/a.service", "cpuacct": "/S/fs/cgroup/cpu,cpuacct/a.service", "pids": ""}},
		"hybrid":  {hybrid, "hybrid", map[string]string{"memory": "/S/fs/cgroup/memory/a.service", "pids": "/S/fs/cgroup/unified/a.service", "name=systemd": "/S/fs/cgroup/systemd/a.service"}},
		"elsewhere": {
			"1 0 0:1 / /run/my\\040groups rw - cgroup2 none rw\n", "unified",
			map[string]string{"memory": "/run/my groups/a.service"},
		},
		"root better than part": {
			"1 0 0:1 /b /mnt/part rw - cgroup2 none rw\n" + v2Mounts + "9 0 0:1 /c /mnt/other rw - cgroup2 none rw\n", "unified",
			map[string]string{"memory": "/S/fs/cgroup/a.service"},
		},
		"part that lacks the group": {"1 0 0:1 /docker/x /sys/fs/cgroup rw - cgroup2 none rw\n", "unified", map[string]string{"memory": ""}},
		"part that has the group":   {"1 0 0:1 /a.service /sys/fs/cgroup rw - cgroup2 none rw\n", "unified", map[string]string{"memory": "/S/fs/cgroup"}},
		"part with like name":       {"1 0 0:1 /a.serv /sys/fs/cgroup rw - cgroup2 none rw\n", "unified", map[string]string{"memory": ""}},
		"broken lines":              {"- cgroup2\n1 2 - cgroup\n\x00\n" + v2Mounts, "unified", map[string]string{"memory": "/S/fs/cgroup/a.service"}},
	} {
		t.Run(name, func(t *testing.T) {
			l := parseMounts([]byte(c.in), "/S")
			if l.Mode() != c.mode {
				t.Errorf("mode %s, want %s", l.Mode(), c.mode)
			}
			for ctl, want := range c.dirs {
				if got, ok := l.Dir(ctl, "/a.service"); got != want || ok != (want != "") {
					t.Errorf("%s: %q, want %q", ctl, got, want)
				}
			}
			if got, ok := l.Dir("memory", "/../../etc"); ok {
				t.Errorf("a path that climbs out leads to %s", got)
			}
		})
	}
}

func TestV1Controllers(t *testing.T) {
	l := parseMounts([]byte(hybrid), "/sys")
	for c, want := range map[string]bool{"cpu": true, "cpuacct": true, "memory": true, "xattr": false, "release_agent=/x": false, "rw": false, "pids": false} {
		if l.V1(c) != want {
			t.Errorf("%s as a hierarchy of its own: %v, want %v", c, l.V1(c), want)
		}
	}
	if _, ok := parseMounts([]byte(v1Mounts), "/sys").UnifiedDir("/"); ok {
		t.Error("a legacy host has a unified hierarchy")
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	if _, err := Find(dir, "/sys"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without mountinfo: %v", err)
	}
	write := func(s string) {
		if err := errors.Join(os.MkdirAll(filepath.Join(dir, "self"), 0o755), os.WriteFile(filepath.Join(dir, "self/mountinfo"), []byte(s), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("1 0 0:1 / / rw - ext4 /dev/sda rw\n")
	if _, err := Find(dir, "/sys"); !errors.Is(err, ErrNone) {
		t.Errorf("without a hierarchy: %v", err)
	}
	write(hybrid)
	if l, err := Find(dir, "/sys"); err != nil || l.Mode() != "hybrid" {
		t.Errorf("%+v, %v", l, err)
	}
}

// TestFindOnThisHost takes the directory of the memory controller (or v2) and
// looks for the file that every group has.
func TestFindOnThisHost(t *testing.T) {
	l, err := Find("/proc", "/sys")
	if errors.Is(err, ErrNone) {
		t.Skip("this host has no cgroup hierarchy mounted")
	}
	if err != nil {
		t.Fatal(err)
	}
	dir, ok := l.Dir("memory", "/")
	if !ok {
		t.Fatalf("mode %s has no place for memory", l.Mode())
	}
	if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err != nil {
		t.Error(err)
	}
}

func FuzzMounts(f *testing.F) {
	f.Add([]byte(hybrid))
	f.Add([]byte("1 0 0:1 /\\04 /\\1234\\ rw - cgroup2 none rw"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		l := parseMounts(b, "/sys")
		l.Mode()
		l.Dir("memory", "/a/b")
		l.UnifiedDir("")
	})
}
