package cpu

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/store"
)

// sweep collects at second at and fails on an error.
func sweep(t testing.TB, c *Collector, second int64) map[string]float64 {
	t.Helper()
	if err := c.Collect(context.Background(), store.At(second)); err != nil {
		t.Fatal(err)
	}
	return at(c.env.Store, second)
}

var nan = math.NaN()

// Two sockets of four CPUs, each its own NUMA node; what the second sweep
// adds is known to the tick.
func TestSharesBySocketAndNode(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	c := New(env)
	first := sweep(t, c, 1000)
	want(t, first, map[string]float64{
		"cpu.total_percent": nan, "cpu.core_usage_percent{0}": nan, "cpu.socket_usage_percent{0}": nan, // nothing to compare with
		"cpu.user_seconds": 14604.68, "cpu.guest_seconds": 24.96, "cpu.context_switches": 412998001, "cpu.forks": 1834221,
		"cpu.interrupts": 88123456, "cpu.softirqs": 40112233, "cpu.tasks_running": 5, "cpu.tasks_blocked": 1, "cpu.boot_time_seconds": 1760000000,
		"load.avg1": 3.72, "load.avg5": 2.10, "load.avg15": 1.55, "load.runnable": 5, "load.threads": 1320,
		"cpu.sockets": 2, "cpu.online_cpus": 8, "cpu.logical_cpus": 16, "cpu.physical_cores": 8, "cpu.threads_per_core": 1, "cpu.numa_nodes": 2, "cpu.dies": 2,
	})
	// Socket 0 is busy for 600 of 4,000 ticks, socket 1 idle for all of its
	// 2,000; two of its CPUs had no tick at all (tickless for the whole time).
	advance(t, env, map[int]ticks{
		0: {user: 300, guest: 200, idle: 700}, 1: {system: 200, nice: 50, idle: 750}, 2: {irq: 10, softirq: 30, steal: 10, iowait: 50, idle: 900}, 3: {idle: 1000},
		4: {idle: 1000}, 5: {idle: 1000},
	})
	want(t, sweep(t, c, 1010), map[string]float64{
		"cpu.total_percent": 10, "cpu.user_percent": 5, "cpu.nice_percent": 50. / 60, "cpu.system_percent": 200. / 60, "cpu.idle_percent": 5350. / 60,
		"cpu.iowait_percent": 50. / 60, "cpu.irq_percent": 10. / 60, "cpu.softirq_percent": 30. / 60, "cpu.steal_percent": 10. / 60, "cpu.guest_percent": 200. / 60,
		"cpu.core_usage_percent{0}": 30, "cpu.core_guest_percent{0}": 20, "cpu.core_usage_percent{1}": 25, "cpu.core_usage_percent{2}": 5, "cpu.core_usage_percent{3}": 0,
		"cpu.core_usage_percent{6}": nan, "cpu.core_usage_percent{7}": nan,
		"cpu.socket_usage_percent{0}": 15, "cpu.socket_usage_percent{1}": 0, "cpu.socket_user_percent{0}": 7.5,
		"cpu.node_usage_percent{0}": 15, "cpu.node_usage_percent{1}": 0, "cpu.node_idle_percent{0}": 3350. / 40,
	})
	// A socket without any tick has no sample (COL-23).
	advance(t, env, map[int]ticks{0: {user: 1000}})
	want(t, sweep(t, c, 1020), map[string]float64{
		"cpu.total_percent": 100, "cpu.socket_usage_percent{0}": 100, "cpu.socket_usage_percent{1}": nan, "cpu.node_usage_percent{1}": nan,
	})
}

// advance adds ticks to the CPUs of the host's /proc/stat; a CPU that is not
// there comes online with them.
func advance(t testing.TB, env collect.Env, add map[int]ticks) {
	t.Helper()
	s := stat{path: env.Proc + "/stat"}
	if err := s.parse([]byte(read(t, s.path))); err != nil {
		t.Fatal(err)
	}
	cores, order := map[int]ticks{}, []int{}
	for _, c := range s.cores {
		d := add[c.id]
		c.t.add(&d)
		cores[c.id] = c.t
		order = append(order, c.id)
	}
	write(t, s.path, statText(cores, order...))
}

// replace writes a /proc/stat with these CPUs online, 0 to n-1, all alike.
func replace(t testing.TB, env collect.Env, n int, line ticks) {
	t.Helper()
	cores, order := map[int]ticks{}, []int{}
	for id := range n {
		cores[id] = line
		order = append(order, id)
	}
	write(t, env.Proc+"/stat", statText(cores, order...))
	write(t, env.Sys+"/devices/system/cpu/online", fmt.Sprintf("0-%d\n", n-1))
}

// A CPU that goes and comes back, with its counters restarted or far ahead,
// leaves no trace in any share.
func TestHotplug(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	c := New(env)
	line := func(n uint64) ticks { return ticks{user: 1000 + 100*n, idle: 50000 + 900*n} }
	replace(t, env, 8, line(0))
	sweep(t, c, 1000)
	replace(t, env, 8, line(1))
	want(t, sweep(t, c, 1010), map[string]float64{"cpu.total_percent": 10, "cpu.socket_usage_percent{1}": 10, "cpu.core_usage_percent{7}": 10})

	replace(t, env, 6, line(2)) // 6 and 7 go
	if err := os.RemoveAll(env.Sys + "/devices/system/cpu/cpu6/topology"); err != nil {
		t.Fatal(err)
	}
	want(t, sweep(t, c, 1020), map[string]float64{
		"cpu.total_percent": 10, "cpu.socket_usage_percent{1}": 10, "cpu.core_usage_percent{5}": 10, "cpu.core_usage_percent{7}": nan,
		"cpu.online_cpus": 6, "cpu.physical_cores": 6, "cpu.logical_cpus": 16, "cpu.sockets": 2,
	})
	if got := c.Topology().cpu(6); got.Online || got.Socket != unknown {
		t.Errorf("the offline CPU 6 is %+v", got)
	}

	replace(t, env, 8, line(3)) // both come back; one knows nothing, one a lot
	text := strings.Replace(read(t, env.Proc+"/stat"), "cpu6"+join(line(3)), "cpu6"+join(ticks{user: 3}), 1)
	write(t, env.Proc+"/stat", strings.Replace(text, "cpu7"+join(line(3)), "cpu7"+join(ticks{user: 9e9, idle: 9e9}), 1))
	want(t, sweep(t, c, 1030), map[string]float64{
		"cpu.total_percent": 10, "cpu.socket_usage_percent{1}": 10, "cpu.core_usage_percent{6}": nan, "cpu.core_usage_percent{7}": nan, "cpu.online_cpus": 8,
	})
	advance(t, env, map[int]ticks{0: {idle: 1000}, 6: {user: 1000}, 7: {user: 1000}})
	want(t, sweep(t, c, 1040), map[string]float64{
		"cpu.total_percent": 200. / 3, "cpu.core_usage_percent{6}": 100, "cpu.core_usage_percent{7}": 100, "cpu.core_usage_percent{1}": nan, "cpu.core_usage_percent{0}": 0,
	})
}

// A CPU whose counters restart without anybody seeing it offline.
func TestRestartedCounters(t *testing.T) {
	env := host(t, "small-vm")
	c := New(env)
	replace(t, env, 2, ticks{user: 1000, idle: 50000})
	sweep(t, c, 1000)
	write(t, env.Proc+"/stat", statText(map[int]ticks{0: {user: 1250, idle: 50750}, 1: {user: 20, idle: 80}}, 0, 1))
	want(t, sweep(t, c, 1010), map[string]float64{
		"cpu.total_percent": 25, "cpu.core_usage_percent{0}": 25, "cpu.core_usage_percent{1}": nan, "cpu.socket_usage_percent{0}": 25,
	})
}

// After missed sweeps, suspend or at the start there is nothing to compare.
func TestClockGaps(t *testing.T) {
	env := host(t, "small-vm")
	c := New(env)
	sweep(t, c, 1000)
	line := map[int]ticks{0: {user: 100, idle: 900}, 1: {user: 100, idle: 900}}
	for _, s := range []struct {
		name   string
		second int64
		usage  float64
	}{
		{"one interval", 1010, 10},
		{"the longest that is compared", 1080, 10},
		{"too many were missed", 1160, nan},
		{"and it goes on", 1170, 10},
		{"an hour of suspend", 4770, nan},
	} {
		advance(t, env, line)
		got := sweep(t, c, s.second)
		want(t, got, map[string]float64{"cpu.total_percent": s.usage, "cpu.core_usage_percent{1}": s.usage, "load.avg5": 0.19})
		if t.Failed() {
			t.Fatalf("at: %s", s.name)
		}
	}
}

// The offline CPUs of the four-node host, its memory-only and its memoryless
// node.
func TestFourNodes(t *testing.T) {
	env := host(t, "four-node")
	c := New(env)
	sweep(t, c, 1000)
	add := map[int]ticks{}
	for id := range 22 {
		add[id] = ticks{user: uint64(10 * id), idle: uint64(1000 - 10*id)}
	}
	advance(t, env, add)
	got := sweep(t, c, 1010)
	want(t, got, map[string]float64{
		"cpu.node_usage_percent{0}": 7, "cpu.node_usage_percent{1}": 10, "cpu.node_usage_percent{2}": 12.9, "cpu.node_usage_percent{3}": nan,
		"cpu.socket_usage_percent{0}": 8.5, "cpu.socket_usage_percent{1}": 12.9, "cpu.total_percent": 10.5,
		"cpu.numa_nodes": 4, "cpu.memory_only_nodes": 1, "cpu.threads_per_core": 2, "cpu.physical_cores": 12, "cpu.dies": 3,
	})
}

func TestNoSysfs(t *testing.T) {
	env := host(t, "small-vm")
	env.Sys += "/nowhere"
	c := New(env)
	sweep(t, c, 1000)
	advance(t, env, map[int]ticks{0: {user: 500, idle: 500}, 1: {idle: 1000}})
	want(t, sweep(t, c, 1010), map[string]float64{
		"cpu.total_percent": 25, "cpu.socket_usage_percent{0}": 25, "cpu.sockets": 1, "cpu.numa_nodes": 0, "cpu.online_cpus": 2, "cpu.node_usage_percent{0}": nan,
	})
	if !c.Topology().Assumed {
		t.Error("the topology does not say that it is assumed")
	}
}

func TestUnusableStat(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, path string)
		class collect.Class
		says  string
	}{
		"missing":   {func(t *testing.T, path string) { must(t, os.Remove(path)) }, collect.Permanent, "cannot read CPU times"},
		"empty":     {func(t *testing.T, path string) { write(t, path, "") }, collect.Transient, "stat: the file is empty"},
		"binary":    {func(t *testing.T, path string) { write(t, path, "\x7fELF\x00\n\x00") }, collect.Transient, "stat:1: starts with"},
		"directory": {func(t *testing.T, path string) { must(t, os.Remove(path)); must(t, os.Mkdir(path, 0o755)) }, collect.Transient, "is a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, "small-vm")
			c.spoil(t, env.Proc+"/stat")
			err := New(env).Collect(context.Background(), store.At(1000))
			if collect.Classify(err) != c.class || !strings.Contains(err.Error(), c.says) {
				t.Errorf("class %d, %v; want class %d and %q", collect.Classify(err), err, c.class, c.says)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Garbage in any one file costs what hangs on that file and is said; the
// other numbers stay.
func TestGarbageInAnyFile(t *testing.T) {
	for _, name := range goodHosts {
		pristine := host(t, name)
		whole := New(pristine)
		all := sweep(t, whole, 1000)
		for _, path := range files(t, pristine.Proc, pristine.Sys) {
			if strings.Contains(path, "cpufreq") || strings.HasSuffix(path, "numastat") || strings.Contains(path, "hugepages") {
				continue // not read by this collector
			}
			text := read(t, path)
			for kind, garbage := range map[string]string{
				"empty": "", "binary": "\x00\xff\xfe\n\x01", "words": "all work and no play\n", "huge": strings.Repeat("9", 400) + "\n",
				"half": text[:len(text)/2], "negative": "-5\n", "long": strings.Repeat("x 1\n", 5000),
			} {
				write(t, path, garbage)
				env := pristine
				env.Store = store.Open(store.Options{})
				err := New(env).Collect(context.Background(), store.At(1000))
				got := at(env.Store, 1000)
				if strings.HasSuffix(path, "proc/stat") {
					if kind != "half" && collect.Classify(err) != collect.Transient {
						t.Errorf("%s %s: %v", kind, path, err)
					}
					continue
				}
				for metric, v := range all {
					if strings.HasPrefix(metric, "cpu.") && strings.Contains(path, "/sys/") && !strings.HasSuffix(metric, "seconds") {
						continue // may hang on the file
					}
					if strings.HasPrefix(metric, "load.") && strings.HasSuffix(path, "loadavg") {
						continue
					}
					if got[metric] != v {
						t.Errorf("%s %s: %s = %v, was %v", kind, path, metric, got[metric], v)
					}
				}
				var p *collect.PartialError
				if err != nil && !errors.As(err, &p) {
					t.Errorf("%s %s: %v is more than partial", kind, path, err)
				}
			}
			write(t, path, text)
		}
	}
}

func TestWeirdHost(t *testing.T) {
	c := New(host(t, "weird"))
	err := c.Collect(context.Background(), store.At(1000))
	var p *collect.PartialError
	if !errors.As(err, &p) || !strings.Contains(p.Reason, "faults more") {
		t.Fatalf("got %v", err)
	}
	want(t, at(c.env.Store, 1000), map[string]float64{
		"cpu.user_seconds": 4, "cpu.tasks_blocked": 2, "cpu.context_switches": nan, "load.avg1": 0.5, "load.avg5": 0.4, "load.avg15": nan,
		"cpu.online_cpus": 6, "cpu.numa_nodes": 2,
	})
}

// The live kernel satisfies all rules at once.
func TestThisHost(t *testing.T) {
	env := host(t, "")
	env.Proc, env.Sys = "/proc", "/sys"
	c := New(env)
	got := sweep(t, c, 1000)
	for _, name := range []string{"cpu.user_seconds", "cpu.context_switches", "load.avg1", "cpu.online_cpus", "cpu.sockets"} {
		if _, ok := got[name]; !ok {
			t.Errorf("no %s on this host", name)
		}
	}
}
