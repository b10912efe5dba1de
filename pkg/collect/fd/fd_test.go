package fd

import (
	"context"
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// sweep collects once with a new collector.
func sweep(t testing.TB, dir string) (map[string]float64, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	at := store.At(1_000_000)
	err = c.Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "fd", at)[""].Values, err
}

func TestHosts(t *testing.T) {
	for host, want := range map[string]map[string]float64{
		"two-socket-smt-off": {
			"fd.system_used": 12640, "fd.system_allocated": 12640, "fd.system_max": 6553600, "fd.process_max": 1048576,
			"fd.system_used_percent": 100 * 12640. / 6553600, "fd.inodes_allocated": 402118, "fd.inodes_free": 98120,
		},
		"four-node": { // file-max without a limit
			"fd.system_used": 58912, "fd.system_allocated": 58912, "fd.system_max": math.MaxInt64, "fd.process_max": 1073741816,
			"fd.system_used_percent": 100 * 58912. / math.MaxInt64, "fd.inodes_allocated": 3910222, "fd.inodes_free": 1201771,
		},
		"weird": { // above the limit, as root can be; a short inode-nr; no nr_open
			"fd.system_used": 6000, "fd.system_allocated": 7000, "fd.system_max": 5000, "fd.system_used_percent": 100,
		},
	} {
		t.Run(host, func(t *testing.T) {
			got, err := sweep(t, collecttest.Hosts(t)[host])
			if p := (*collect.PartialError)(nil); (host == "weird") != errors.As(err, &p) {
				t.Errorf("error %v", err)
			}
			for name, v := range want {
				if got[name] != v {
					t.Errorf("%s is %v, want %v", name, got[name], v)
				}
			}
			if len(got) != len(want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestThisHost(t *testing.T) {
	got, err := sweep(t, "/")
	if err != nil {
		t.Fatal(err)
	}
	if used, limit := got["fd.system_used"], got["fd.system_max"]; !(used > 0 && used <= limit) {
		t.Errorf("%v open files of %v", used, limit)
	}
	if len(got) != len(metric.Of[reading.FD]().Fields) {
		t.Errorf("values are missing: %v", got)
	}
}

func TestGarbage(t *testing.T) {
	dir := collecttest.Copy(t, collecttest.Hosts(t)["small-vm"])
	for _, path := range collecttest.Files(t, dir, `^proc/sys/fs/`) {
		collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
			got, err := sweep(t, dir)
			main := filepath.Base(path) == "file-nr"
			if _, ok := got["fd.system_used"]; !ok && !main {
				t.Errorf("%s: lost the open files too: %v", v.Name, err)
			}
			if v.Cut && filepath.Base(path) != "nr_open" && err == nil {
				t.Errorf("%s: no error", v.Name)
			}
		})
	}
}

func TestMissing(t *testing.T) {
	_, err := sweep(t, t.TempDir())
	if collect.Classify(err) != collect.Permanent {
		t.Errorf("without the file: %v, want unsupported", err)
	}
}

func TestPermission(t *testing.T) {
	dir := collecttest.Tree(t, map[string]string{"proc/sys/fs/file-nr": "1\t0\t2\n"})
	if err := os.Chmod(filepath.Join(dir, "proc/sys/fs/file-nr"), 0); err != nil {
		t.Fatal(err)
	}
	collecttest.AsNobody(t, func() {
		if _, err := sweep(t, dir); collect.Classify(err) != collect.Refused {
			t.Errorf("unreadable file: %v, want permission denied", err)
		}
	})
}

func TestSteadyStateAllocates(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["small-vm"])
	c, err := New(env)
	if err != nil {
		t.Fatal(err)
	}
	at := int64(0)
	n := testing.AllocsPerRun(100, func() {
		at += 10
		if err := c.Collect(context.Background(), store.At(at)); err != nil {
			t.Fatal(err)
		}
	})
	if n > 10 { // opening three files costs a path each; the store's heads the rest
		t.Errorf("%v allocations per sweep", n)
	}
}

func FuzzFileNr(f *testing.F) {
	f.Add([]byte("1184\t0\t9223372036854775807\n"))
	f.Add([]byte("1 2 3\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := metric.Blank[reading.FD]()
		err := parseFileNr("f", b, &r)
		if err == nil && (r.Used < 0 || r.Used > r.Allocated || r.UsedPercent > 100) {
			t.Errorf("%q gives %+v", b, r)
		}
		if err != nil && r.Used == r.Used { //nolint:staticcheck // not NaN
			t.Errorf("%q gives both a value and %v", b, err)
		}
	})
}

func FuzzInodeNr(f *testing.F) {
	f.Add([]byte("61007\t4410\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := metric.Blank[reading.FD]()
		if err := parseInodeNr("f", b, &r); err == nil && r.InodesFree < 0 {
			t.Errorf("%q gives %+v", b, r)
		}
	})
}

func BenchmarkCollect(b *testing.B) {
	env := collecttest.Env(b, "/")
	c, err := New(env)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Collect(context.Background(), store.At(int64(i+1)*10)); err != nil {
			b.Fatal(err)
		}
	}
}
