package cgroup

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/procfs"
)

func TestProcessPath(t *testing.T) {
	for name, c := range map[string]struct{ in, want string }{
		"v2":               {"0::/system.slice/cron.service\n", "/system.slice/cron.service"},
		"v2 root":          {"0::/\n", "/"},
		"hybrid":           {"9:name=systemd:/init.scope\n4:memory:/init.scope/x\n0::/init.scope/y\n", "/init.scope/y"},
		"hybrid, v2 empty": {"4:memory:/a\n9:name=systemd:/b\n0::/\n", "/b"},
		"memory only":      {"8:pids:/\n5:cpu,cpuacct:/c\n4:memory:/a\n0::/\n", "/a"},
		"anything":         {"8:pids:/\n5:cpu,cpuacct:/c\n", "/c"},
		"colon in path":    {"0::/a:b:c\n", "/a:b:c"},
		"deleted":          {"0::/gone.service (deleted)\n", "/gone.service"},
		"outside":          {"0::/../../system.slice/x.service\n", "/system.slice/x.service"},
		"outside root":     {"0::/../..\n", "/"},
		"no newline":       {"0::/a", "/a"},
		"empty":            {"", "/"},
		"garbage":          {"\x00\xff\nno colons\n:::\n0::/ok\n", "/ok"},
		"cut":              {"0:", "/"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := string(ProcessPath([]byte(c.in))); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestProcessPathOfThisHost finds the chosen path among those that procfs
// reads from the same file.
func TestProcessPathOfThisHost(t *testing.T) {
	procs, err := procfs.AllProcs()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, p := range procs {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(p.PID) + "/cgroup")
		groups, err2 := p.Cgroups()
		if err != nil || err2 != nil {
			continue // it ended
		}
		compared++
		got, found := string(ProcessPath(b)), false
		for _, g := range groups {
			found = found || got == g.Path
		}
		if !found {
			t.Errorf("pid %d: %s is not among %+v", p.PID, got, groups)
		}
	}
	if compared == 0 {
		t.Error("nothing compared")
	}
}

func TestCache(t *testing.T) {
	var c Cache
	path := []byte("/system.slice/cron.service")
	g := c.Group(path)
	if g.Path != string(path) || g.Unit != "cron.service" {
		t.Errorf("%+v", g)
	}
	if c.Group(path) != g {
		t.Error("the same path is another group")
	}
	if c.Known(string(path)) != g {
		t.Error("the same path as a string is another group")
	}
	if n := testing.AllocsPerRun(100, func() { c.Group(path) }); n > 0 {
		t.Errorf("a known path allocates %g times", n)
	}
	for i := range 3 * cacheSize {
		c.Known(string(strconv.AppendInt(path, int64(i), 10)))
		if len(c.groups) > cacheSize {
			t.Fatalf("%d groups, the bound is %d", len(c.groups), cacheSize)
		}
	}
	if got := c.Group(path); got.Unit != "cron.service" {
		t.Errorf("after the cache began anew: %+v", got)
	}
}

func FuzzProcessPath(f *testing.F) {
	f.Add([]byte("0::/a (deleted)\n"))
	f.Add([]byte("1:x:/../../..\n9:name=systemd:/\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := ProcessPath(b)
		if len(p) == 0 || bytes.HasPrefix(p, []byte("/../")) || bytes.IndexByte(p, '\n') >= 0 {
			t.Errorf("%q out of %q", p, b)
		}
		Parse(string(p))
	})
}

func TestShort(t *testing.T) {
	var c Cache
	long := "/system.slice/" + strings.Repeat("x", 600)
	fits := long[:MaxShort]
	if g := c.Short([]byte(fits)); g.Path != fits {
		t.Errorf("a path of %d bytes was cut to %d", len(fits), len(g.Path))
	}
	a, b := c.Short([]byte(long+"/a.service")), c.Short([]byte(long+"/b.service"))
	if len(a.Path) != MaxShort || !strings.HasPrefix(a.Path, long[:400]) || a.Path == b.Path {
		t.Errorf("two paths became %q and %q", a.Path, b.Path)
	}
	if a.Unit != "a.service" || b.Unit != "b.service" {
		t.Errorf("the units are %q and %q", a.Unit, b.Unit)
	}
	if c.Short([]byte(long+"/a.service")) != a || c.Known(a.Path) != a {
		t.Error("the same path is another group")
	}
}
