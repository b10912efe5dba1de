package memory

import (
	"os"
	"strings"
	"testing"

	"sysops-agent/pkg/collect"
)

func TestNUMA(t *testing.T) {
	env := host(t, "two-socket-smt-off")
	want(t, sweep(t, NewNUMA(env), env), map[string]float64{
		"numa.total_bytes{0}": 65536000 << 10, "numa.free_bytes{0}": 4480000 << 10, "numa.used_bytes{0}": 61056000 << 10, "numa.used_percent{0}": 100 * 61056. / 65536,
		"numa.free_bytes{1}": 16000000 << 10, "numa.cached_bytes{1}": 35584000 << 10, "numa.anon_bytes{1}": 13056000 << 10, "numa.swap_cached_bytes{1}": nan,
		"numa.hit_pages{0}": 500011223, "numa.miss_pages{0}": 40411, "numa.foreign_pages{1}": 40411, "numa.interleave_hit_pages{1}": 33105, "numa.local_pages{1}": 486212121, "numa.other_pages{1}": 3787879,
		"numa.hugepages{0,2048kB}": 256, "numa.hugepages_free{1,2048kB}": 64, "numa.hugepages_surplus{1,1048576kB}": 0,
	})
	env = host(t, "four-node")
	want(t, sweep(t, NewNUMA(env), env), map[string]float64{
		"numa.total_bytes{1}": 0, "numa.used_percent{1}": nan, "numa.hit_pages{1}": 0, // CPUs only
		"numa.total_bytes{3}": 66584576 << 10, "numa.other_pages{3}": 1040411, // memory only
		"numa.secondary_page_tables_bytes{0}": 1 << 20, "numa.hugepages{2,1048576kB}": 2,
	})
}

func TestNUMAOnThisHost(t *testing.T) {
	env := host(t, "")
	env.Sys = "/sys"
	if _, err := os.Stat("/sys/devices/system/node/online"); err != nil {
		t.Skipf("no NUMA nodes here: %v", err)
	}
	got := sweep(t, NewNUMA(env), env)
	lines := naive(read(t, "/sys/devices/system/node/node0/numastat"))
	if got["numa.total_bytes{0}"] <= 0 || got["numa.hit_pages{0}"] <= 0 || got["numa.hit_pages{0}"] > float64(lines["numa_hit"]) {
		t.Errorf("node 0: %v bytes, %v hits, now %d", got["numa.total_bytes{0}"], got["numa.hit_pages{0}"], lines["numa_hit"])
	}
}

func TestNUMANodesComeAndGo(t *testing.T) {
	env := host(t, "four-node")
	c := NewNUMA(env)
	sweep(t, c, env)
	dir := env.Sys + "/devices/system/node/"
	write(t, dir+"online", "0,2-3\n")
	must(t, os.RemoveAll(dir+"node1"))
	if got := sweepAt(t, c, env, 1010); got["numa.total_bytes{3}"] == 0 || len(c.nodes) != 3 {
		t.Errorf("%d nodes", len(c.nodes))
	}
	// A node that goes between the list and its files is a fault, not an end.
	must(t, os.RemoveAll(dir+"node2"))
	fails(t, c, collect.PartialOK, "node2/meminfo: no such file")
	must(t, os.RemoveAll(dir+"node0"))
	must(t, os.RemoveAll(dir+"node3"))
	fails(t, c, collect.Transient, "node0/meminfo: no such file")
}

func TestNUMAFaults(t *testing.T) {
	for name, c := range map[string]struct {
		path, text string // text "-": the file is removed
		class      collect.Class
		says       string
		wants      map[string]float64
	}{
		"no numastat":       {"node0/numastat", "-", collect.OK, "", map[string]float64{"numa.hit_pages{0}": nan, "numa.free_bytes{0}": 4480000 << 10}},
		"numastat garbage":  {"node0/numastat", "numa_hit -1\n", collect.PartialOK, "numastat:1: no number", map[string]float64{"numa.hit_pages{0}": nan, "numa.hit_pages{1}": 490000000}},
		"no meminfo":        {"node0/meminfo", "-", collect.PartialOK, "meminfo: no such file", map[string]float64{"numa.free_bytes{0}": nan, "numa.hit_pages{0}": 500011223}},
		"meminfo empty":     {"node0/meminfo", "", collect.PartialOK, "meminfo: the file is empty", map[string]float64{"numa.free_bytes{0}": nan, "numa.free_bytes{1}": 16000000 << 10}},
		"pool garbage":      {"node0/hugepages/hugepages-2048kB/free_hugepages", "x\n", collect.PartialOK, "is not a decimal number", map[string]float64{"numa.hugepages_free{0,2048kB}": nan, "numa.hugepages{0,2048kB}": 256}},
		"online is garbage": {"online", "0-\n", collect.Transient, "online:1:", nil},
		"online is empty":   {"online", "", collect.OK, "", map[string]float64{"numa.free_bytes{0}": nan}},
		"too many nodes":    {"online", "0-1024\n", collect.Transient, "1024 is not below 1024", nil},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, "two-socket-smt-off")
			path := env.Sys + "/devices/system/node/" + c.path
			if c.text == "-" {
				must(t, os.Remove(path))
			} else {
				write(t, path, c.text)
			}
			fails(t, NewNUMA(env), c.class, c.says)
			want(t, at(env.Store, 1000), c.wants)
		})
	}
}

func TestNUMAWeird(t *testing.T) {
	env := host(t, "weird")
	fails(t, NewNUMA(env), collect.PartialOK, "faults more")
	want(t, at(env.Store, 1000), map[string]float64{
		"numa.total_bytes{0}": nan, "numa.free_bytes{0}": 5 << 10, "numa.used_percent{0}": nan, "numa.local_pages{0}": 7, "numa.hit_pages{0}": nan,
		"numa.hugepages{0,2048kB}": 1, "numa.hugepages_free{0,2048kB}": nan,
	})
	if got := at(env.Store, 1000); strings.Contains(strings.Join(keys(got), " "), "{1}") {
		t.Errorf("node 1 has no files and yet values: %v", got)
	}
}
