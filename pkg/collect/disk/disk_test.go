package disk

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/procfs/blockdevice"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/collecttest"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

func newDisk(t testing.TB, env collect.Env, exclude ...string) *Disk {
	t.Helper()
	c, err := NewDisk(env, config.Disk{ExcludeDevices: exclude})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sweepDisk collects twice, at 1,000,000 and ten seconds later, with a change
// in between.
func sweepDisk(t testing.TB, dir string, between func()) (map[string]collecttest.Row, error) {
	t.Helper()
	env := collecttest.Env(t, dir)
	c := newDisk(t, env)
	_ = c.Collect(context.Background(), store.At(1_000_000))
	if between != nil {
		between()
	}
	at := store.At(1_000_010)
	err := c.Collect(context.Background(), at)
	return collecttest.Rows(t, env.Store, "disk", at), err
}

func TestDiskHosts(t *testing.T) {
	for host, want := range map[string]struct {
		rows    string // device, mapper and model
		partial string
	}{
		"two-socket-smt-off": {"dm-0,vg0-root,; loop0,,; md0,,; nvme0n1,,Fictional NVMe 1.6TB; sda,,EXEMPLAR HDD4T; sdb,,EXEMPLAR HDD4T; sr0,,", ""},
		"four-node":          {"cciss/c0d0,,; dm-0,luks-scratch,; md127,,; nvme0n1,,Fictional NVMe 7.68TB; nvme1n1,,Fictional NVMe 7.68TB", ""},
		"small-vm":           {"loop0,,; vda,,; zram0,,", ""},
		"weird":              {"sda,,; sd\ufffd\ufffde,,", "weird/proc/diskstats:2: no device number in"},
	} {
		t.Run(host, func(t *testing.T) {
			rows, err := sweepDisk(t, collecttest.Hosts(t)[host], nil)
			var got []string
			for _, r := range rows {
				got = append(got, strings.Join(r.Labels, ","))
			}
			less := cmpopts.SortSlices(func(a, b string) bool { return a < b })
			if d := cmp.Diff(strings.Split(want.rows, "; "), got, less); d != "" {
				t.Errorf("rows (-want +got):\n%s", d)
			}
			if (err == nil) != (want.partial == "") || (err != nil && !strings.Contains(err.Error(), want.partial)) {
				t.Errorf("error %v, want %q", err, want.partial)
			}
			if err != nil && collect.Classify(err) != collect.PartialOK {
				t.Errorf("%v is not partial", err)
			}
		})
	}
}

// oracle is what procfs reads in the columns of a device.
func oracle(s blockdevice.Diskstats) map[string]float64 {
	want := map[string]float64{
		"disk.reads": float64(s.ReadIOs), "disk.read_merges": float64(s.ReadMerges),
		"disk.read_bytes": float64(s.ReadSectors) * 512, "disk.read_time_seconds": float64(s.ReadTicks) * 1e-3,
		"disk.writes": float64(s.WriteIOs), "disk.write_merges": float64(s.WriteMerges),
		"disk.written_bytes": float64(s.WriteSectors) * 512, "disk.write_time_seconds": float64(s.WriteTicks) * 1e-3,
		"disk.io_in_progress": float64(s.IOsInProgress), "disk.busy_time_seconds": float64(s.IOsTotalTicks) * 1e-3,
		"disk.weighted_time_seconds": float64(s.WeightedIOTicks) * 1e-3,
	}
	if s.IoStatsCount >= 18 {
		want["disk.discards"], want["disk.discard_merges"] = float64(s.DiscardIOs), float64(s.DiscardMerges)
		want["disk.discarded_bytes"], want["disk.discard_time_seconds"] = float64(s.DiscardSectors)*512, float64(s.DiscardTicks)*1e-3
	}
	if s.IoStatsCount >= 20 {
		want["disk.flushes"], want["disk.flush_time_seconds"] = float64(s.FlushRequestsCompleted), float64(s.TimeSpentFlushing)*1e-3
	}
	return want
}

func TestDiskAgreesWithProcfs(t *testing.T) {
	hosts := collecttest.Hosts(t)
	delete(hosts, "weird") // procfs refuses the whole file
	hosts["this host"] = "/"
	for host, dir := range hosts {
		t.Run(host, func(t *testing.T) {
			fs, err := blockdevice.NewFS(dir+"/proc", dir+"/sys")
			if err != nil {
				t.Fatal(err)
			}
			rows, err := sweepDisk(t, dir, nil)
			if err != nil {
				t.Error(err)
			}
			stats, err := fs.ProcDiskstats()
			if err != nil {
				t.Fatal(err)
			}
			compared := 0
			for _, s := range stats {
				row, ok := rows[s.DeviceName]
				if !ok {
					continue
				}
				compared++
				for name, want := range oracle(s) {
					got, ok := row.Values[name]
					slack := 1e-9 * want
					if host == "this host" { // it goes on working between the two readings
						slack = 1 << 30
					}
					if !ok || math.Abs(got-want) > slack {
						t.Errorf("%s %s is %v, procfs says %v", s.DeviceName, name, got, want)
					}
				}
			}
			if compared == 0 || compared != len(rows) {
				t.Errorf("%d of %d rows are known to procfs", compared, len(rows))
			}
		})
	}
}

const vda = "proc/diskstats"

func diskTree(t testing.TB, lines string) string {
	return collecttest.Tree(t, map[string]string{vda: lines, "sys/block/vda/dev": "254:0\n"})
}

func TestDiskAverages(t *testing.T) {
	for name, tc := range map[string]struct {
		before, after string
		want          map[string]float64 // of the computed; others must be absent
	}{
		"busy": {
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			"254 0 vda 300 0 5000 1200 150 0 2800 1400 4 6000 3600",
			map[string]float64{
				"disk.util_percent": 50, "disk.read_await_seconds": 0.005, "disk.write_await_seconds": 0.01,
				"disk.queue_depth": 0.3, "disk.request_size_bytes": (4000 + 2000) * 512. / 300,
			},
		},
		"idle": {
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			map[string]float64{"disk.util_percent": 0, "disk.queue_depth": 0},
		},
		"more than busy is capped": {
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			"254 0 vda 101 0 1000 200 50 0 800 400 0 11080 600",
			map[string]float64{"disk.util_percent": 100, "disk.queue_depth": 0, "disk.read_await_seconds": 0, "disk.request_size_bytes": 0},
		},
		"replaced by one with smaller counters": {
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			"254 0 vda 7 0 56 2 3 0 24 1 0 3 3",
			map[string]float64{},
		},
		"one counter wrapped": {
			"254 0 vda 100 0 1000 200 50 0 800 4294967290 0 1000 600",
			"254 0 vda 200 0 2000 400 60 0 880 10 0 2000 1600",
			map[string]float64{"disk.util_percent": 10, "disk.read_await_seconds": 0.002, "disk.queue_depth": 0.1, "disk.request_size_bytes": (1000 + 80) * 512. / 110},
		},
		"another device of the name": {
			"254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600",
			"254 16 vda 300 0 5000 1200 150 0 2800 1400 4 6000 3600",
			map[string]float64{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := diskTree(t, tc.before+"\n")
			rows, err := sweepDisk(t, dir, func() { collecttest.Write(t, dir, vda, tc.after+"\n") })
			if err != nil {
				t.Error(err)
			}
			got := rows["vda"].Values
			for _, computed := range []string{
				"disk.util_percent", "disk.read_await_seconds", "disk.write_await_seconds", "disk.queue_depth", "disk.request_size_bytes",
			} {
				g, there := got[computed]
				w, wanted := tc.want[computed]
				if there != wanted || math.Abs(g-w) > 1e-9 {
					t.Errorf("%s is %v (present %v), want %v (present %v)", computed, g, there, w, wanted)
				}
			}
		})
	}
}

func TestDiskGapsAndReturns(t *testing.T) {
	dir := diskTree(t, "254 0 vda 100 0 1000 200 50 0 800 400 0 1000 600\n")
	env := collecttest.Env(t, dir)
	c := newDisk(t, env)
	step := func(seconds int64, content string) map[string]float64 {
		t.Helper()
		collecttest.Write(t, dir, vda, content)
		at := store.At(seconds)
		if err := c.Collect(context.Background(), at); err != nil {
			t.Error(err)
		}
		return collecttest.Rows(t, env.Store, "disk", at)["vda"].Values
	}
	has := func(v map[string]float64) bool { _, ok := v["disk.util_percent"]; return ok }
	if has(step(1000, "254 0 vda 1 0 1 1 1 0 1 1 0 1 1\n")) {
		t.Error("a percentage at the first sweep")
	}
	if !has(step(1010, "254 0 vda 2 0 2 2 2 0 2 2 0 2 2\n")) {
		t.Error("no percentage at the second sweep")
	}
	if has(step(1200, "254 0 vda 3 0 3 3 3 0 3 3 0 3 3\n")) {
		t.Error("a percentage across a gap of 190 s")
	}
	if v := step(1210, ""); v != nil {
		t.Errorf("a row of a device that is gone: %v", v)
	}
	if len(c.devices) != 0 {
		t.Errorf("%d devices are remembered that are gone", len(c.devices))
	}
	if v := step(1220, "254 0 vda 9 0 9 9 9 0 9 9 0 9 9\n"); has(v) || v["disk.reads"] != 9 {
		t.Errorf("the device came back with %v", v)
	}
}

func TestDiskExcludes(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["two-socket-smt-off"])
	c := newDisk(t, env, "loop*", "sr*", "sd?")
	if err := c.Collect(context.Background(), store.At(10)); err != nil {
		t.Fatal(err)
	}
	rows := collecttest.Rows(t, env.Store, "disk", store.At(10))
	if len(rows) != 3 {
		t.Errorf("%d rows, want dm-0, md0 and nvme0n1: %v", len(rows), rows)
	}
}

func TestDiskWithoutSysfs(t *testing.T) {
	dir := collecttest.Tree(t, map[string]string{vda: "254 0 vda 1 0 1 1 1 0 1 1 0 1 1\n254 1 vda1 1 0 1 1 1 0 1 1 0 1 1\n"})
	rows, err := sweepDisk(t, dir, nil) // the second sweep: the trouble lasts
	if len(rows) != 2 || err == nil || !strings.Contains(err.Error(), "cannot tell partitions from disks") {
		t.Errorf("%d rows and %v; want both rows, and the reason", len(rows), err)
	}
}

func TestDiskTooMany(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, "%d %d x%d 1 0 1 1 1 0 1 1 0 1 1\n", i>>8, i&255, i)
	}
	dir := diskTree(t, b.String())
	env := collecttest.Env(t, dir)
	c := newDisk(t, env)
	err := c.Collect(context.Background(), store.At(10))
	limit := len(env.Store.Shard("disk").Rows())
	if want := fmt.Sprintf("%d block devices are left out", 20_000-limit); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("with %d rows: %v, want %q", limit, err, want)
	}
	if len(c.devices) > maxNames {
		t.Errorf("%d names are remembered", len(c.devices))
	}
}

func TestDiskMissing(t *testing.T) {
	if _, err := sweepDisk(t, t.TempDir(), nil); collect.Classify(err) != collect.Permanent {
		t.Errorf("without the file: %v, want unsupported", err)
	}
	if rows, err := sweepDisk(t, diskTree(t, ""), nil); err != nil || len(rows) != 0 {
		t.Errorf("a host without disks: %v, %v", rows, err)
	}
}

func TestDiskGarbage(t *testing.T) {
	for _, host := range []string{"two-socket-smt-off", "four-node"} {
		dir := collecttest.Copy(t, collecttest.Hosts(t)[host])
		full, _ := sweepDisk(t, dir, nil)
		collecttest.Spoil(t, dir, vda, func(v collecttest.Variant) {
			rows, err := sweepDisk(t, dir, nil)
			if v.Cut {
				collecttest.Same(t, v.Name, rows, full)
			}
			if len(rows) < len(full) && err == nil && !strings.HasSuffix(v.Name, "empty") && !strings.Contains(v.Name, "cut after") {
				t.Errorf("%s: %d of %d rows and no error", v.Name, len(rows), len(full))
			}
		})
		for _, path := range collecttest.Files(t, dir, `^sys/block/.*/(name|model)$`) {
			collecttest.Spoil(t, dir, path, func(v collecttest.Variant) {
				rows, err := sweepDisk(t, dir, nil)
				if err != nil {
					t.Errorf("%s: %v", v.Name, err)
				}
				collecttest.Same(t, v.Name, rows, full)
			})
		}
	}
}

func TestDiskSteadyState(t *testing.T) {
	env := collecttest.Env(t, collecttest.Hosts(t)["two-socket-smt-off"])
	c := newDisk(t, env)
	at := int64(0)
	collectNext := func() {
		at += 10
		if err := c.Collect(context.Background(), store.At(at)); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		collectNext()
	}
	// What is left is the path of the open and, now and then, a store block.
	if n := testing.AllocsPerRun(100, collectNext); n > 4 {
		t.Errorf("%v allocations in a sweep of 7 devices", n)
	}
}

func FuzzDiskstats(f *testing.F) {
	f.Add([]byte("8 0 sda 1 2 3 4 5 6 7 8 9 10 11\n"))
	f.Add([]byte("8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n"))
	f.Add([]byte("8 0 sda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19\n8 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var bad trouble.List
		for _, s := range parseDiskstats("f", b, nil, &bad) {
			if len(s.name) == 0 || (s.n != 11 && s.n != 15 && s.n != 17) {
				t.Errorf("%q gives %+v", b, s)
			}
			r := metric.Blank[reading.Disk]()
			counts(&r, &s)
			averages(&r, new([columns]uint64), &s.v, 10)
			if r.Utilisation < 0 || r.Utilisation > 100 || r.ReadAwait < 0 || r.QueueDepth < 0 {
				t.Errorf("%q gives %+v", b, r)
			}
		}
	})
}

func BenchmarkDisk(b *testing.B) {
	env := collecttest.Env(b, "/")
	c := newDisk(b, env, "loop*")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if err := c.Collect(context.Background(), store.At(int64(i+1)*10)); err != nil {
			b.Fatal(err)
		}
	}
}
