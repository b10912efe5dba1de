package disk

import (
	"context"
	"errors"
	"math"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// newFilesystem returns a collector on a tree whose filesystems f stands for;
// nil is the kernel itself.
func newFilesystem(t testing.TB, env collect.Env, f *fakeFS, cfg config.Filesystem) *Filesystem {
	t.Helper()
	c, err := NewFilesystem(env, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if f != nil {
		c.prober.statfs = f.statfs
	}
	return c
}

func sweepFilesystem(t testing.TB, dir string, f *fakeFS) (map[string]collecttest.Row, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	at := store.At(1_000_000)
	err := newFilesystem(t, env, f, config.Filesystem{}).Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "filesystem", at), err
}

// The answer of fakeFS.
var fake = map[string]float64{
	"filesystem.size_bytes": 1024000, "filesystem.free_bytes": 409600, "filesystem.available_bytes": 307200,
	"filesystem.used_percent": 100 * 600. / 900, "filesystem.inodes": 200, "filesystem.inodes_free": 50,
	"filesystem.inodes_used_percent": 75, "filesystem.read_only": 0, "filesystem.stuck": 0,
}

func TestFilesystemHosts(t *testing.T) {
	for host, want := range map[string][]string{
		"two-socket-smt-off": {
			"/|/dev/mapper/vg0-root|xfs", "/boot|/dev/sda1|ext4", "/dev/shm|tmpfs|tmpfs", "/home|filer.example:/export/home|nfs4",
			"/run|tmpfs|tmpfs", "/srv/data|/dev/nvme0n1p1|ext4",
		},
		"small-vm": {"/|/dev/vda1|ext4", "/dev/shm||tmpfs"},
		"weird":    {"/mnt/a\ufffdb\ufffdc\\d |/dev/sdb1|xfs", "/mnt/dav|https://host.example/dir|fuse.davfs", "/mnt/\ufffd\ufffd\ufffd[31m|/dev/sdb2|xfs", "/|/dev/sda1|ext4"},
	} {
		t.Run(host, func(t *testing.T) {
			rows, err := sweepFilesystem(t, collecttest.Hosts(t)[host], newFakeFS())
			if (host == "weird") != (collect.Classify(err) == collect.PartialOK) {
				t.Errorf("error %v", err)
			}
			for _, key := range want {
				row, ok := rows[key]
				expect := fake
				if row.Values["filesystem.read_only"] == 1 { // one of the weird
					expect = map[string]float64{}
					for k, v := range fake {
						expect[k] = v
					}
					expect["filesystem.read_only"] = 1
				}
				if d := cmp.Diff(expect, row.Values); d != "" || !ok {
					t.Errorf("%q (-want +got)\n%s", key, d)
				}
			}
			if len(rows) != len(want) {
				t.Errorf("rows %q, want %q", keys(rows), want)
			}
		})
	}
}

func keys(rows map[string]collecttest.Row) (list []string) {
	for k := range rows {
		list = append(list, k)
	}
	return list
}

func TestFilesystemReadOnly(t *testing.T) {
	rows, _ := sweepFilesystem(t, collecttest.Hosts(t)["four-node"], newFakeFS())
	for key, want := range map[string]float64{"/scratch|/dev/nvme2n1|ext4": 1, "/|/dev/nvme0n1p2|btrfs": 0} {
		if got := rows[key].Values["filesystem.read_only"]; got != want {
			t.Errorf("%s: read-only %v, want %v", key, got, want)
		}
	}
}

func TestFilesystemStuckAndBack(t *testing.T) {
	const home = "/home|filer.example:/export/home|nfs4"
	env := collecttest.Env(t, collecttest.Hosts(t)["two-socket-smt-off"])
	synctest.Test(t, func(t *testing.T) {
		f := newFakeFS()
		c := newFilesystem(t, env, f, config.Filesystem{})
		f.hang("/home")
		for i := range int64(3) {
			at := store.At(1000 + 60*i)
			err := c.Collect(t.Context(), at)
			if err == nil || collect.Classify(err) != collect.PartialOK || !strings.Contains(err.Error(), `"/home" (nfs4 from "filer.example:/export/home") does not answer`) {
				t.Errorf("error %v", err)
			}
			rows := collecttest.Rows(t, env.Store, "filesystem", at)
			if d := cmp.Diff(map[string]float64{"filesystem.stuck": 1, "filesystem.read_only": 0}, rows[home].Values); d != "" {
				t.Errorf("stuck (-want +got)\n%s", d)
			}
			if d := cmp.Diff(fake, rows["/|/dev/mapper/vg0-root|xfs"].Values); d != "" || len(rows) != 6 {
				t.Errorf("%d rows, the root: (-want +got)\n%s", len(rows), d)
			}
		}
		f.release("/home")
		synctest.Wait()
		at := store.At(1180)
		if err := c.Collect(t.Context(), at); err != nil {
			t.Error(err)
		}
		if d := cmp.Diff(fake, collecttest.Rows(t, env.Store, "filesystem", at)[home].Values); d != "" {
			t.Errorf("back (-want +got)\n%s", d)
		}
	})
}

func TestFilesystemErrors(t *testing.T) {
	const home, root = "/home|filer.example:/export/home|nfs4", "/|/dev/mapper/vg0-root|xfs"
	for name, tc := range map[string]struct {
		path, key string
		err       error
		row       bool
		reason    string
	}{
		"stale handle":         {"/home", home, unix.ESTALE, true, `at "/home" cannot be asked for its size: stale file handle`},
		"unmounted meanwhile":  {"/home", home, unix.ENOENT, false, ""},
		"private remote mount": {"/home", home, unix.EACCES, false, ""},
		"local refusal":        {"/", root, unix.EACCES, true, "permission denied"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeFS()
			f.fails[tc.path] = tc.err
			rows, err := sweepFilesystem(t, collecttest.Hosts(t)["two-socket-smt-off"], f)
			row, ok := rows[tc.key]
			if ok != tc.row || len(row.Values) > 2 {
				t.Errorf("row %v", row)
			}
			if (err == nil) != (tc.reason == "") || (err != nil && !strings.Contains(err.Error(), tc.reason)) {
				t.Errorf("error %v, want %q", err, tc.reason)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	nan := metric.NaN
	for name, tc := range map[string]struct {
		st   unix.Statfs_t
		want []float64 // size, free, available, used %, inodes, free, used %; nil: nothing to measure
	}{
		"no blocks":          {unix.Statfs_t{Bsize: 4096}, nil},
		"block size only":    {unix.Statfs_t{Bsize: 4096, Blocks: 10, Bfree: 5, Bavail: 5}, []float64{40960, 20480, 20480, 50, nan, nan, nan}},
		"full for users":     {unix.Statfs_t{Frsize: 1, Blocks: 100, Bfree: 5, Bavail: 0}, []float64{100, 5, 0, 100, nan, nan, nan}},
		"all reserved":       {unix.Statfs_t{Frsize: 1, Blocks: 100, Bfree: 100, Bavail: 0}, []float64{100, 100, 0, nan, nan, nan, nan}},
		"more free than all": {unix.Statfs_t{Frsize: 1, Blocks: 100, Bfree: 101, Bavail: 0, Files: 1, Ffree: 2}, []float64{nan, nan, nan, nan, nan, nan, nan}},
		"negative available": {unix.Statfs_t{Frsize: 1, Blocks: 100, Bfree: 1, Bavail: 1<<64 - 5, Files: 4, Ffree: 1}, []float64{nan, nan, nan, nan, 4, 1, 75}},
		"no block size":      {unix.Statfs_t{Bsize: -1, Blocks: 100, Files: 4, Ffree: 4}, []float64{nan, nan, nan, nan, 4, 4, 0}},
		"huge":               {unix.Statfs_t{Frsize: 1 << 62, Blocks: 1 << 63, Bfree: 1 << 62, Bavail: 1 << 62}, []float64{0x1p125, 0x1p124, 0x1p124, 50, nan, nan, nan}},
	} {
		t.Run(name, func(t *testing.T) {
			r := metric.Blank[reading.Filesystem]()
			ok := sizes(&r, &tc.st)
			if ok != (tc.want != nil) {
				t.Fatalf("sizes says %v", ok)
			}
			got := []float64{r.Size, r.Free, r.Available, r.Used, r.Inodes, r.InodesFree, r.InodesUsed}
			for i, w := range tc.want {
				if got[i] != w && !(math.IsNaN(got[i]) && math.IsNaN(w)) {
					t.Errorf("value %d is %v, want %v", i, got[i], w)
				}
			}
		})
	}
}

// The mounts are parsed again when they change, and not otherwise.
func TestFilesystemFollowsMounts(t *testing.T) {
	dir := collecttest.Tree(t, map[string]string{
		"proc/self/mountinfo": "1 0 8:1 / / rw - ext4 a rw\n", "proc/1/mountinfo": "1 0 8:1 / / rw - ext4 a rw\n", "proc/filesystems": "\text4\n",
	})
	env := collecttest.Env(t, dir)
	c := newFilesystem(t, env, newFakeFS(), config.Filesystem{})
	at := int64(0)
	sweep := func(want int) *target {
		t.Helper()
		at += 60
		if err := c.Collect(context.Background(), store.At(at)); err != nil {
			t.Error(err)
		}
		if n := len(collecttest.Rows(t, env.Store, "filesystem", store.At(at))); n != want {
			t.Errorf("%d rows, want %d", n, want)
		}
		return c.targets[0]
	}
	first := sweep(1)
	if sweep(1) != first {
		t.Error("parsed again without need")
	}
	collecttest.Write(t, dir, "proc/self/mountinfo", "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /b rw - ext4 b rw\n")
	sweep(2)
	collecttest.Write(t, dir, "proc/self/mountinfo", "1 0 8:1 / / rw - ext4 a rw\n")
	sweep(1)
}

func TestFilesystemView(t *testing.T) {
	const own, host = "50 0 8:1 / / ro - ext4 a rw\n", "1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /home rw - ext4 b rw\n"
	for name, tc := range map[string]struct {
		files  map[string]string
		rows   int
		root   string
		reason string
	}{
		"no sandbox":              {map[string]string{"proc/1/mountinfo": own}, 1, "", ""},
		"sandbox, way open":       {map[string]string{"proc/1/mountinfo": host, "proc/1/root": "->/"}, 2, "/proc/1/root", ""},
		"sandbox, no way through": {map[string]string{"proc/1/mountinfo": host}, 1, "", "the mounts that the agent sees, not the host's, are measured"},
		"process 1 is hidden":     {nil, 1, "", "the mounts that the agent sees, not the host's, are measured"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := collecttest.Tree(t, tc.files)
			collecttest.Write(t, dir, "proc/self/mountinfo", own)
			collecttest.Write(t, dir, "proc/filesystems", "\text4\n")
			env := collecttest.Env(t, dir)
			f := newFakeFS()
			c := newFilesystem(t, env, f, config.Filesystem{})
			err := c.Collect(context.Background(), store.At(60))
			if (err == nil) != (tc.reason == "") || (err != nil && !strings.Contains(err.Error(), tc.reason)) {
				t.Errorf("error %v, want %q", err, tc.reason)
			}
			var p *collect.PartialError
			if errors.As(err, &p) && !strings.Contains(p.Hint, "CAP_SYS_PTRACE") {
				t.Errorf("hint %q", p.Hint)
			}
			rows := collecttest.Rows(t, env.Store, "filesystem", store.At(60))
			root := tc.root
			if root != "" {
				root = dir + root
			}
			if len(rows) != tc.rows || f.count(root+"/") != 1 {
				t.Errorf("%d rows, calls %v", len(rows), f.calls)
			}
			if ro := rows["/|a|ext4"].Values["filesystem.read_only"]; (ro == 1) != (tc.root == "") {
				t.Errorf("read-only %v through %q", ro, tc.root)
			}
		})
	}
}

func TestFilesystemMissing(t *testing.T) {
	if _, err := sweepFilesystem(t, t.TempDir(), nil); collect.Classify(err) != collect.Permanent {
		t.Errorf("without procfs: %v, want unsupported", err)
	}
}

func TestFilesystemGarbage(t *testing.T) {
	for _, host := range []string{"two-socket-smt-off", "four-node"} {
		dir := collecttest.Copy(t, collecttest.Hosts(t)[host])
		for _, path := range []string{"proc/self/mountinfo", "proc/1/mountinfo", "proc/filesystems"} {
			collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
				rows, err := sweepFilesystem(t, dir, newFakeFS())
				if len(rows) == 0 && err == nil && path != "proc/filesystems" {
					t.Errorf("%s: neither rows nor an error", v.Name)
				}
				for key, r := range rows {
					if v.Cut && r.Values["filesystem.used_percent"] != fake["filesystem.used_percent"] {
						t.Errorf("%s: %s has %v", v.Name, key, r.Values)
					}
				}
			})
		}
	}
}

// df(1) is the oracle for this very host.
func TestFilesystemAgreesWithDF(t *testing.T) {
	rows, err := sweepFilesystem(t, "/", nil)
	if err != nil {
		t.Error(err)
	}
	out, err := exec.Command("df", "--block-size=1", "--output=size,used,avail,itotal,iavail", "/").Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	var df []float64
	for _, f := range strings.Fields(lines[len(lines)-1]) {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil {
			t.Fatal(err)
		}
		df = append(df, v)
	}
	var root collecttest.Row
	for key, r := range rows {
		if strings.HasPrefix(key, "/|") {
			root = r
		}
	}
	for i, want := range []struct {
		name  string
		value float64
		slack float64 // others write meanwhile
	}{
		{"filesystem.size_bytes", df[0], 0},
		{"filesystem.available_bytes", df[2], 1 << 30},
		{"filesystem.used_percent", 100 * df[1] / (df[1] + df[2]), 5},
		{"filesystem.inodes", df[3], 0},
		{"filesystem.inodes_free", df[4], 1e5},
	} {
		if got, ok := root.Values[want.name]; !ok || math.Abs(got-want.value) > want.slack {
			t.Errorf("%d: %s is %v, df says %v", i, want.name, got, want.value)
		}
	}
}

func BenchmarkFilesystem(b *testing.B) {
	env := collecttest.Env(b, "/")
	c := newFilesystem(b, env, nil, config.Filesystem{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Collect(context.Background(), store.At(int64(i+1)*10)); err != nil {
			b.Fatal(err)
		}
	}
}
