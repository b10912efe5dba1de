package memory

import (
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/reading"
)

// kinds are the lines that /proc/meminfo and node*/meminfo share.
var kinds = gauges[reading.MemoryKinds]{
	"MemTotal":       func(k *reading.MemoryKinds) *float64 { return &k.Total },
	"MemFree":        func(k *reading.MemoryKinds) *float64 { return &k.Free },
	"SwapCached":     func(k *reading.MemoryKinds) *float64 { return &k.SwapCached },
	"Active":         func(k *reading.MemoryKinds) *float64 { return &k.Active },
	"Inactive":       func(k *reading.MemoryKinds) *float64 { return &k.Inactive },
	"Active(anon)":   func(k *reading.MemoryKinds) *float64 { return &k.ActiveAnon },
	"Inactive(anon)": func(k *reading.MemoryKinds) *float64 { return &k.InactiveAnon },
	"Active(file)":   func(k *reading.MemoryKinds) *float64 { return &k.ActiveFile },
	"Inactive(file)": func(k *reading.MemoryKinds) *float64 { return &k.InactiveFile },
	"Unevictable":    func(k *reading.MemoryKinds) *float64 { return &k.Unevictable },
	"Mlocked":        func(k *reading.MemoryKinds) *float64 { return &k.Mlocked },
	"Dirty":          func(k *reading.MemoryKinds) *float64 { return &k.Dirty },
	"Writeback":      func(k *reading.MemoryKinds) *float64 { return &k.Writeback },
	"AnonPages":      func(k *reading.MemoryKinds) *float64 { return &k.Anon },
	"Mapped":         func(k *reading.MemoryKinds) *float64 { return &k.Mapped },
	"Shmem":          func(k *reading.MemoryKinds) *float64 { return &k.Shmem },
	"Slab":           func(k *reading.MemoryKinds) *float64 { return &k.Slab },
	"SReclaimable":   func(k *reading.MemoryKinds) *float64 { return &k.SlabReclaimable },
	"SUnreclaim":     func(k *reading.MemoryKinds) *float64 { return &k.SlabUnreclaimable },
	"KReclaimable":   func(k *reading.MemoryKinds) *float64 { return &k.KReclaimable }, // since 4.20
	"KernelStack":    func(k *reading.MemoryKinds) *float64 { return &k.KernelStack },
	"PageTables":     func(k *reading.MemoryKinds) *float64 { return &k.PageTables },
	"SecPageTables":  func(k *reading.MemoryKinds) *float64 { return &k.SecPageTables }, // since 6.1
	"AnonHugePages":  func(k *reading.MemoryKinds) *float64 { return &k.AnonHuge },
	"ShmemHugePages": func(k *reading.MemoryKinds) *float64 { return &k.ShmemHuge },
	"FileHugePages":  func(k *reading.MemoryKinds) *float64 { return &k.FileHuge }, // since 5.4
}

// hostOnly are the lines of /proc/meminfo alone.
var hostOnly = gauges[reading.Memory]{
	"MemAvailable":      func(m *reading.Memory) *float64 { return &m.Available }, // since 3.14
	"Buffers":           func(m *reading.Memory) *float64 { return &m.Buffers },
	"Cached":            func(m *reading.Memory) *float64 { return &m.Cached },
	"CommitLimit":       func(m *reading.Memory) *float64 { return &m.CommitLimit },
	"Committed_AS":      func(m *reading.Memory) *float64 { return &m.Committed },
	"VmallocUsed":       func(m *reading.Memory) *float64 { return &m.VmallocUsed },
	"Percpu":            func(m *reading.Memory) *float64 { return &m.Percpu },
	"HardwareCorrupted": func(m *reading.Memory) *float64 { return &m.HardwareCorrupted }, // only where the CPU reports such errors
	"CmaTotal":          func(m *reading.Memory) *float64 { return &m.CMATotal },
	"CmaFree":           func(m *reading.Memory) *float64 { return &m.CMAFree },
	"SwapTotal":         func(m *reading.Memory) *float64 { return &m.SwapTotal },
	"SwapFree":          func(m *reading.Memory) *float64 { return &m.SwapFree },
	"Zswap":             func(m *reading.Memory) *float64 { return &m.Zswap }, // since 5.19
	"Zswapped":          func(m *reading.Memory) *float64 { return &m.Zswapped },
	"HugePages_Total":   func(m *reading.Memory) *float64 { return &m.HugePages },
	"HugePages_Free":    func(m *reading.Memory) *float64 { return &m.HugeFree },
	"HugePages_Rsvd":    func(m *reading.Memory) *float64 { return &m.HugeReserved },
	"HugePages_Surp":    func(m *reading.Memory) *float64 { return &m.HugeSurplus },
	"Hugepagesize":      func(m *reading.Memory) *float64 { return &m.HugePageBytes },
	"Hugetlb":           func(m *reading.Memory) *float64 { return &m.Hugetlb },
}

// target returns the field of a line of /proc/meminfo.
func (c *Collector) target(name []byte) *float64 {
	if f := kinds.target(name, &c.r.MemoryKinds); f != nil {
		return f
	}
	return hostOnly.target(name, &c.r)
}

// nodeOnly are the lines of node*/meminfo alone.
var nodeOnly = gauges[reading.NUMANode]{
	"MemUsed":   func(n *reading.NUMANode) *float64 { return &n.Used },
	"FilePages": func(n *reading.NUMANode) *float64 { return &n.FilePages },
}

// target returns the field of a line of node*/meminfo.
func (n *NUMA) target(name []byte) *float64 {
	if f := kinds.target(name, &n.r.MemoryKinds); f != nil {
		return f
	}
	return nodeOnly.target(name, &n.r)
}

// numastat are the lines of node*/numastat.
var numastat = counters[reading.NUMANode]{
	"numa_hit":       func(n *reading.NUMANode) *metric.Count { return &n.Hit },
	"numa_miss":      func(n *reading.NUMANode) *metric.Count { return &n.Miss },
	"numa_foreign":   func(n *reading.NUMANode) *metric.Count { return &n.Foreign },
	"interleave_hit": func(n *reading.NUMANode) *metric.Count { return &n.Interleave },
	"local_node":     func(n *reading.NUMANode) *metric.Count { return &n.Local },
	"other_node":     func(n *reading.NUMANode) *metric.Count { return &n.Other },
}

// vmstat are the lines of /proc/vmstat that are wanted.
var vmstat = counters[reading.VMStat]{
	"pgpgin":                  func(v *reading.VMStat) *metric.Count { return &v.PageIn }, // in KiB, despite its name
	"pgpgout":                 func(v *reading.VMStat) *metric.Count { return &v.PageOut },
	"pswpin":                  func(v *reading.VMStat) *metric.Count { return &v.SwapIn },
	"pswpout":                 func(v *reading.VMStat) *metric.Count { return &v.SwapOut },
	"pgfault":                 func(v *reading.VMStat) *metric.Count { return &v.Fault },
	"pgmajfault":              func(v *reading.VMStat) *metric.Count { return &v.MajorFault },
	"pgscan_kswapd":           func(v *reading.VMStat) *metric.Count { return &v.ScanKswapd }, // by zone before 4.8
	"pgscan_direct":           func(v *reading.VMStat) *metric.Count { return &v.ScanDirect },
	"pgsteal_kswapd":          func(v *reading.VMStat) *metric.Count { return &v.StealKswapd },
	"pgsteal_direct":          func(v *reading.VMStat) *metric.Count { return &v.StealDirect },
	"allocstall":              func(v *reading.VMStat) *metric.Count { return &v.AllocStall }, // before 4.10
	"allocstall_dma":          func(v *reading.VMStat) *metric.Count { return &v.AllocStall },
	"allocstall_dma32":        func(v *reading.VMStat) *metric.Count { return &v.AllocStall },
	"allocstall_normal":       func(v *reading.VMStat) *metric.Count { return &v.AllocStall },
	"allocstall_high":         func(v *reading.VMStat) *metric.Count { return &v.AllocStall }, // 32-bit
	"allocstall_movable":      func(v *reading.VMStat) *metric.Count { return &v.AllocStall },
	"allocstall_device":       func(v *reading.VMStat) *metric.Count { return &v.AllocStall },
	"oom_kill":                func(v *reading.VMStat) *metric.Count { return &v.OOMKill }, // since 4.13
	"compact_stall":           func(v *reading.VMStat) *metric.Count { return &v.CompactStall },
	"compact_fail":            func(v *reading.VMStat) *metric.Count { return &v.CompactFail },
	"compact_success":         func(v *reading.VMStat) *metric.Count { return &v.CompactSuccess },
	"thp_fault_alloc":         func(v *reading.VMStat) *metric.Count { return &v.THPFaultAlloc },
	"thp_fault_fallback":      func(v *reading.VMStat) *metric.Count { return &v.THPFallback },
	"thp_collapse_alloc":      func(v *reading.VMStat) *metric.Count { return &v.THPCollapse },
	"thp_split_page":          func(v *reading.VMStat) *metric.Count { return &v.THPSplit },
	"thp_swpout_fallback":     func(v *reading.VMStat) *metric.Count { return &v.THPSwapFallback },
	"workingset_refault":      func(v *reading.VMStat) *metric.Count { return &v.RefaultFile }, // before 5.9: files only
	"workingset_refault_anon": func(v *reading.VMStat) *metric.Count { return &v.RefaultAnon },
	"workingset_refault_file": func(v *reading.VMStat) *metric.Count { return &v.RefaultFile },
	"pgmigrate_success":       func(v *reading.VMStat) *metric.Count { return &v.MigrateSuccess },
	"pgmigrate_fail":          func(v *reading.VMStat) *metric.Count { return &v.MigrateFail },
	"numa_hit":                func(v *reading.VMStat) *metric.Count { return &v.NUMAHit },
	"numa_miss":               func(v *reading.VMStat) *metric.Count { return &v.NUMAMiss },
	"numa_foreign":            func(v *reading.VMStat) *metric.Count { return &v.NUMAForeign },
	"numa_local":              func(v *reading.VMStat) *metric.Count { return &v.NUMALocal },
	"numa_other":              func(v *reading.VMStat) *metric.Count { return &v.NUMAOther },
	"numa_pages_migrated":     func(v *reading.VMStat) *metric.Count { return &v.NUMAMigrated },
	"numa_hint_faults":        func(v *reading.VMStat) *metric.Count { return &v.NUMAHintFault },
}
