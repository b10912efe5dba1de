package memory

import (
	"math"
	"os"
	"testing"

	"github.com/prometheus/procfs"

	"sysops-agent/pkg/collect"
)

func TestMemory(t *testing.T) {
	for name, wants := range map[string]map[string]float64{
		"two-socket-smt-off": {
			"mem.total_bytes": 131072000 << 10, "mem.available_bytes": 98304000 << 10, "mem.used_bytes": 32768000 << 10, "mem.used_percent": 25,
			"mem.hardware_corrupted_bytes": 4096, "mem.cma_free_bytes": 61440 << 10, "mem.active_anon_bytes": 24576000 << 10,
			"swap.total_bytes": 8388604 << 10, "swap.used_bytes": 262144 << 10, "swap.used_percent": 100 * 262144. / 8388604,
			"hugepages.pool": 512, "hugepages.free": 128, "hugepages.reserved": 16, "hugepages.page_bytes": 2 << 20, "hugepages.pool_bytes": 1 << 30,
			"swap.zswap_bytes": nan, "mem.secondary_page_tables_bytes": nan, // not in 5.4
		},
		"four-node": {
			"swap.total_bytes": 0, "swap.used_bytes": 0, "swap.used_percent": nan, // no swap: no share of it
			"swap.zswap_bytes": 0, "mem.secondary_page_tables_bytes": 4 << 20, "mem.file_huge_bytes": 4 << 20, "mem.cma_bytes": nan,
		},
		"small-vm": {"mem.total_bytes": 8224768 << 10, "mem.hardware_corrupted_bytes": nan, "hugepages.pool": 0},
	} {
		t.Run(name, func(t *testing.T) {
			env := host(t, name)
			want(t, sweep(t, New(env), env), wants)
		})
	}
}

func TestMemoryAgreesWithProcfs(t *testing.T) {
	for _, name := range append([]string{""}, goodHosts...) {
		t.Run("host "+name, func(t *testing.T) {
			env := host(t, name)
			if name == "" {
				write(t, env.Proc+"/meminfo", read(t, "/proc/meminfo"))
			}
			fs, err := procfs.NewFS(env.Proc)
			must(t, err)
			o, err := fs.Meminfo()
			must(t, err)
			got := sweep(t, New(env), env)
			for field, v := range map[string]*uint64{
				"mem.total_bytes": o.MemTotalBytes, "mem.free_bytes": o.MemFreeBytes, "mem.available_bytes": o.MemAvailableBytes,
				"mem.buffers_bytes": o.BuffersBytes, "mem.cached_bytes": o.CachedBytes, "mem.swap_cached_bytes": o.SwapCachedBytes,
				"mem.active_bytes": o.ActiveBytes, "mem.inactive_bytes": o.InactiveBytes, "mem.active_anon_bytes": o.ActiveAnonBytes,
				"mem.inactive_anon_bytes": o.InactiveAnonBytes, "mem.active_file_bytes": o.ActiveFileBytes, "mem.inactive_file_bytes": o.InactiveFileBytes,
				"mem.unevictable_bytes": o.UnevictableBytes, "mem.mlocked_bytes": o.MlockedBytes, "swap.total_bytes": o.SwapTotalBytes, "swap.free_bytes": o.SwapFreeBytes,
				"mem.dirty_bytes": o.DirtyBytes, "mem.writeback_bytes": o.WritebackBytes, "mem.anon_bytes": o.AnonPagesBytes, "mem.mapped_bytes": o.MappedBytes,
				"mem.shmem_bytes": o.ShmemBytes, "mem.slab_bytes": o.SlabBytes, "mem.slab_reclaimable_bytes": o.SReclaimableBytes, "mem.slab_unreclaimable_bytes": o.SUnreclaimBytes,
				"mem.kernel_stack_bytes": o.KernelStackBytes, "mem.page_tables_bytes": o.PageTablesBytes, "mem.commit_limit_bytes": o.CommitLimitBytes, "mem.committed_bytes": o.CommittedASBytes,
				"mem.vmalloc_bytes": o.VmallocUsedBytes, "mem.percpu_bytes": o.PercpuBytes, "mem.hardware_corrupted_bytes": o.HardwareCorruptedBytes,
				"mem.anon_huge_bytes": o.AnonHugePagesBytes, "mem.shmem_huge_bytes": o.ShmemHugePagesBytes, "mem.cma_bytes": o.CmaTotalBytes, "mem.cma_free_bytes": o.CmaFreeBytes,
				"hugepages.pool": o.HugePagesTotal, "hugepages.free": o.HugePagesFree, "hugepages.reserved": o.HugePagesRsvd, "hugepages.surplus": o.HugePagesSurp, "hugepages.page_bytes": o.HugepagesizeBytes,
			} {
				w := nan
				if v != nil {
					w = float64(*v)
				}
				want(t, got, map[string]float64{field: w})
			}
		})
	}
}

// Every bad line of the weird host costs its own value only.
func TestMemoryBadLines(t *testing.T) {
	env := host(t, "weird")
	fails(t, New(env), collect.PartialOK, "meminfo:2: no number after the colon (and 4 faults more)")
	want(t, at(env.Store, 1000), map[string]float64{
		"mem.total_bytes": 1000000 << 10, "mem.available_bytes": 400000 << 10, "mem.used_percent": 60,
		"mem.free_bytes": nan, "mem.buffers_bytes": nan, "mem.cached_bytes": nan, "mem.slab_bytes": nan, "mem.shmem_bytes": nan,
		"swap.total_bytes": 1000 << 10, "swap.free_bytes": 2000 << 10, "swap.used_bytes": nan, "swap.used_percent": nan, // more free than there is
		"mem.dirty_bytes": math.MaxUint64 * 1024.,
	})
}

func TestMemoryWithoutAvailable(t *testing.T) {
	env := host(t, "")
	write(t, env.Proc+"/meminfo", "MemTotal: 1000 kB\nMemFree: 100 kB\nCached: 500 kB\n")
	want(t, sweep(t, New(env), env), map[string]float64{"mem.total_bytes": 1000 << 10, "mem.used_bytes": nan, "mem.used_percent": nan})
}

// Each collector whose main file is not there is off, with a hint; one that
// may not read it says so.
func TestMissing(t *testing.T) {
	env := host(t, "")
	for name, says := range map[string]string{
		"memory": "meminfo: no such file", "vmstat": "vmstat: no such file", "numa": "node/online: no such file",
		"psi": "pressure/cpu: no such file", "edac": "edac/mc/: no such file",
	} {
		fails(t, all(env)[name], collect.Permanent, says)
	}
	if got := at(env.Store, 1000); len(got) > 0 {
		t.Errorf("values out of nothing: %v", got)
	}
}

func TestMainFileUnusable(t *testing.T) {
	for name, c := range map[string]struct{ path, says string }{
		"memory": {"/meminfo", "meminfo"}, "vmstat": {"/vmstat", "vmstat"},
	} {
		for kind, text := range map[string]string{"empty": "", "binary": "\x00\x01\xff\n", "other file": "a b c\nd e f\n", "cut in the first line": "MemTo"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				env := host(t, "small-vm")
				write(t, env.Proc+c.path, text)
				fails(t, all(env)[name], collect.Transient, c.says)
			})
		}
		t.Run(name+" directory", func(t *testing.T) {
			env := host(t, "small-vm")
			must(t, os.Remove(env.Proc+c.path))
			must(t, os.Mkdir(env.Proc+c.path, 0o755))
			fails(t, all(env)[name], collect.Transient, "is a directory")
		})
	}
}
