package reading

import "sysops-agent/pkg/metric"

// MemoryKinds is what both the host and a NUMA node tell about their memory:
// the lines that /proc/meminfo and node*/meminfo share.
type MemoryKinds struct {
	Total             float64 `metric:"total_bytes" unit:"bytes" help:"Memory the kernel can use."`
	Free              float64 `metric:"free_bytes" unit:"bytes" help:"Memory used for nothing at all."`
	SwapCached        float64 `metric:"swap_cached_bytes" unit:"bytes" help:"Memory that also lies in swap unchanged."`
	Active            float64 `metric:"active_bytes" unit:"bytes" help:"Memory used recently."`
	Inactive          float64 `metric:"inactive_bytes" unit:"bytes" help:"Memory not used recently, first to be reclaimed."`
	ActiveAnon        float64 `metric:"active_anon_bytes" unit:"bytes" help:"Anonymous memory used recently."`
	InactiveAnon      float64 `metric:"inactive_anon_bytes" unit:"bytes" help:"Anonymous memory not used recently."`
	ActiveFile        float64 `metric:"active_file_bytes" unit:"bytes" help:"Page cache used recently."`
	InactiveFile      float64 `metric:"inactive_file_bytes" unit:"bytes" help:"Page cache not used recently."`
	Unevictable       float64 `metric:"unevictable_bytes" unit:"bytes" help:"Memory that cannot be reclaimed."`
	Mlocked           float64 `metric:"mlocked_bytes" unit:"bytes" help:"Memory locked by mlock."`
	Dirty             float64 `metric:"dirty_bytes" unit:"bytes" help:"Page cache waiting to be written to disk."`
	Writeback         float64 `metric:"writeback_bytes" unit:"bytes" help:"Page cache being written to disk."`
	Anon              float64 `metric:"anon_bytes" unit:"bytes" help:"Anonymous memory mapped by processes."`
	Mapped            float64 `metric:"mapped_bytes" unit:"bytes" help:"Files mapped by processes."`
	Shmem             float64 `metric:"shmem_bytes" unit:"bytes" help:"Shared memory and tmpfs."`
	Slab              float64 `metric:"slab_bytes" unit:"bytes" help:"The kernel's own data structures."`
	SlabReclaimable   float64 `metric:"slab_reclaimable_bytes" unit:"bytes" help:"Slab that can be given back under pressure."`
	SlabUnreclaimable float64 `metric:"slab_unreclaimable_bytes" unit:"bytes" help:"Slab that cannot be given back."`
	KReclaimable      float64 `metric:"kernel_reclaimable_bytes" unit:"bytes" help:"Kernel memory that can be given back under pressure, slab included."`
	KernelStack       float64 `metric:"kernel_stack_bytes" unit:"bytes" help:"Kernel stacks of all tasks."`
	PageTables        float64 `metric:"page_tables_bytes" unit:"bytes" help:"Page tables of processes."`
	SecPageTables     float64 `metric:"secondary_page_tables_bytes" unit:"bytes" help:"Page tables of virtual machines and IOMMUs."`
	AnonHuge          float64 `metric:"anon_huge_bytes" unit:"bytes" help:"Anonymous memory in transparent huge pages."`
	ShmemHuge         float64 `metric:"shmem_huge_bytes" unit:"bytes" help:"Shared memory in huge pages."`
	FileHuge          float64 `metric:"file_huge_bytes" unit:"bytes" help:"Page cache in huge pages."`
}

// Memory is /proc/meminfo.
type Memory struct {
	_ struct{} `reading:"memory" domain:"system" help:"Memory and swap of the host."`

	Used        float64 `metric:"mem.used_bytes" unit:"bytes" help:"Memory that is not available: total less available."`
	UsedPercent float64 `metric:"mem.used_percent" unit:"percent" col:"mem_used_pct" help:"Share of the memory that is not available."`
	Available   float64 `metric:"mem.available_bytes" unit:"bytes" help:"Memory that new work can get without swapping, as the kernel estimates."`
	MemoryKinds `prefix:"mem."`

	Buffers           float64 `metric:"mem.buffers_bytes" unit:"bytes" help:"Cache of raw block devices."`
	Cached            float64 `metric:"mem.cached_bytes" unit:"bytes" help:"Page cache, shared memory included."`
	CommitLimit       float64 `metric:"mem.commit_limit_bytes" unit:"bytes" help:"Memory that may be promised when overcommit is strict."`
	Committed         float64 `metric:"mem.committed_bytes" unit:"bytes" help:"Memory promised to processes."`
	VmallocUsed       float64 `metric:"mem.vmalloc_bytes" unit:"bytes" help:"Kernel memory allocated by vmalloc."`
	Percpu            float64 `metric:"mem.percpu_bytes" unit:"bytes" help:"Kernel memory with one copy per CPU."`
	HardwareCorrupted float64 `metric:"mem.hardware_corrupted_bytes" unit:"bytes" help:"Memory taken out of use because the hardware found it bad."`
	CMATotal          float64 `metric:"mem.cma_bytes" unit:"bytes" help:"Memory reserved for contiguous allocations."`
	CMAFree           float64 `metric:"mem.cma_free_bytes" unit:"bytes" help:"Contiguous memory still free."`

	SwapTotal   float64 `metric:"swap.total_bytes" unit:"bytes" help:"Size of all swap areas; 0 without swap."`
	SwapFree    float64 `metric:"swap.free_bytes" unit:"bytes" help:"Swap not in use."`
	SwapUsed    float64 `metric:"swap.used_bytes" unit:"bytes" help:"Swap in use."`
	SwapPercent float64 `metric:"swap.used_percent" unit:"percent" col:"swap_used_pct" help:"Share of the swap in use; absent without swap."`
	Zswap       float64 `metric:"swap.zswap_bytes" unit:"bytes" help:"Memory used by compressed swap."`
	Zswapped    float64 `metric:"swap.zswapped_bytes" unit:"bytes" help:"Memory that compressed swap holds, before compression."`

	HugePages     float64 `metric:"hugepages.pool" unit:"count" help:"Huge pages of the default size in the pool."`
	HugeFree      float64 `metric:"hugepages.free" unit:"count" help:"Huge pages of the pool not in use."`
	HugeReserved  float64 `metric:"hugepages.reserved" unit:"count" help:"Huge pages promised but not yet used."`
	HugeSurplus   float64 `metric:"hugepages.surplus" unit:"count" help:"Huge pages beyond the configured pool."`
	HugePageBytes float64 `metric:"hugepages.page_bytes" unit:"bytes" help:"Default size of a huge page."`
	Hugetlb       float64 `metric:"hugepages.pool_bytes" unit:"bytes" help:"Memory in the pools of all huge page sizes."`
}

// VMStat is what /proc/vmstat counts of paging, reclaim and the OOM killer.
// The sum over zones is taken where the kernel counts by zone.
type VMStat struct {
	_ struct{} `reading:"vmstat" domain:"system" help:"Paging, reclaim and OOM kills."`

	PageIn          metric.Count `metric:"vm.paged_in_bytes" unit:"bytes" scale:"1024" help:"Read from block devices."`
	PageOut         metric.Count `metric:"vm.paged_out_bytes" unit:"bytes" scale:"1024" help:"Written to block devices."`
	SwapIn          metric.Count `metric:"vm.swapped_in_pages" unit:"count" help:"Pages read from swap."`
	SwapOut         metric.Count `metric:"vm.swapped_out_pages" unit:"count" help:"Pages written to swap."`
	Fault           metric.Count `metric:"vm.page_faults" unit:"count" help:"Page faults, minor and major."`
	MajorFault      metric.Count `metric:"vm.major_faults" unit:"count" help:"Page faults that had to wait for I/O."`
	ScanKswapd      metric.Count `metric:"vm.scanned_kswapd_pages" unit:"count" help:"Pages that kswapd looked at to reclaim them."`
	ScanDirect      metric.Count `metric:"vm.scanned_direct_pages" unit:"count" help:"Pages that tasks looked at while waiting for memory."`
	StealKswapd     metric.Count `metric:"vm.reclaimed_kswapd_pages" unit:"count" help:"Pages that kswapd reclaimed."`
	StealDirect     metric.Count `metric:"vm.reclaimed_direct_pages" unit:"count" help:"Pages that tasks reclaimed while waiting for memory."`
	AllocStall      metric.Count `metric:"vm.allocation_stalls" unit:"count" help:"Allocations that had to wait for reclaim, all zones."`
	OOMKill         metric.Count `metric:"vm.oom_kills" unit:"count" help:"Processes killed for lack of memory, in the host and in cgroups."`
	CompactStall    metric.Count `metric:"vm.compaction_stalls" unit:"count" help:"Allocations that had to wait for compaction."`
	CompactFail     metric.Count `metric:"vm.compaction_failures" unit:"count" help:"Compactions that did not make the room asked for."`
	CompactSuccess  metric.Count `metric:"vm.compaction_successes" unit:"count" help:"Compactions that made the room asked for."`
	THPFaultAlloc   metric.Count `metric:"vm.thp_fault_allocations" unit:"count" help:"Page faults served with a transparent huge page."`
	THPFallback     metric.Count `metric:"vm.thp_fault_fallbacks" unit:"count" help:"Page faults that found no huge page and took small ones."`
	THPCollapse     metric.Count `metric:"vm.thp_collapses" unit:"count" help:"Ranges of small pages turned into a huge page."`
	THPSplit        metric.Count `metric:"vm.thp_splits" unit:"count" help:"Huge pages split into small ones."`
	THPSwapFallback metric.Count `metric:"vm.thp_swap_fallbacks" unit:"count" help:"Huge pages split because swap had no room in one piece."`
	RefaultAnon     metric.Count `metric:"vm.refaulted_anon_pages" unit:"count" help:"Anonymous pages needed again soon after reclaim."`
	RefaultFile     metric.Count `metric:"vm.refaulted_file_pages" unit:"count" help:"File pages needed again soon after reclaim: a sign of thrashing."`
	MigrateSuccess  metric.Count `metric:"vm.migrated_pages" unit:"count" help:"Pages moved in memory, for compaction or NUMA."`
	MigrateFail     metric.Count `metric:"vm.migration_failures" unit:"count" help:"Pages that could not be moved."`
	NUMAHit         metric.Count `metric:"vm.numa_hit_pages" unit:"count" help:"Pages allocated on the wanted node."`
	NUMAMiss        metric.Count `metric:"vm.numa_miss_pages" unit:"count" help:"Pages allocated on a node although another was wanted."`
	NUMAForeign     metric.Count `metric:"vm.numa_foreign_pages" unit:"count" help:"Pages wanted on a node but allocated on another."`
	NUMALocal       metric.Count `metric:"vm.numa_local_pages" unit:"count" help:"Pages allocated on the node of the task."`
	NUMAOther       metric.Count `metric:"vm.numa_other_pages" unit:"count" help:"Pages allocated on another node than the task's."`
	NUMAMigrated    metric.Count `metric:"vm.numa_balanced_pages" unit:"count" help:"Pages moved by automatic NUMA balancing."`
	NUMAHintFault   metric.Count `metric:"vm.numa_hint_faults" unit:"count" help:"Page faults that NUMA balancing provoked to learn who uses what."`
}
