package reading

import "sysops-agent/pkg/metric"

// NUMANode is the memory of one NUMA node, from node*/meminfo and
// node*/numastat under /sys/devices/system/node.
type NUMANode struct {
	_ struct{} `reading:"numa" domain:"numa" help:"Memory of one NUMA node."`

	Node        uint32  `label:"node" help:"NUMA node."`
	Used        float64 `metric:"numa.used_bytes" unit:"bytes" help:"Memory of the node that is not free; caches count as used."`
	UsedPercent float64 `metric:"numa.used_percent" unit:"percent" help:"Share of the node's memory that is not free."`
	FilePages   float64 `metric:"numa.cached_bytes" unit:"bytes" help:"Page cache on the node, shared memory included."`
	MemoryKinds `prefix:"numa."`

	Hit        metric.Count `metric:"numa.hit_pages" unit:"count" help:"Pages allocated here as wanted."`
	Miss       metric.Count `metric:"numa.miss_pages" unit:"count" help:"Pages allocated here although another node was wanted."`
	Foreign    metric.Count `metric:"numa.foreign_pages" unit:"count" help:"Pages wanted here but allocated on another node."`
	Interleave metric.Count `metric:"numa.interleave_hit_pages" unit:"count" help:"Interleaved pages allocated here as wanted."`
	Local      metric.Count `metric:"numa.local_pages" unit:"count" help:"Pages allocated here for tasks running here."`
	Other      metric.Count `metric:"numa.other_pages" unit:"count" help:"Pages allocated here for tasks running on another node."`
}

// NUMAHugePages is the pool of one huge page size on one NUMA node.
type NUMAHugePages struct {
	_ struct{} `reading:"numa_hugepages" domain:"numa" help:"Huge pages of one size on one NUMA node."`

	Node    uint32  `label:"node" help:"NUMA node."`
	Size    string  `label:"size" help:"Size of the pages, as in 2048kB."`
	Pool    float64 `metric:"numa.hugepages" unit:"count" help:"Huge pages in the node's pool."`
	Free    float64 `metric:"numa.hugepages_free" unit:"count" help:"Huge pages of the node not in use."`
	Surplus float64 `metric:"numa.hugepages_surplus" unit:"count" help:"Huge pages of the node beyond the configured pool."`
}
