// Package reading declares every measured thing: one struct per reading type,
// with its metrics as tagged fields (the grammar is in package metric). The
// store, the page, the tables, the reference and the queries all derive from
// these structs; adding a metric is adding a field here.
package reading

import "sysops-agent/pkg/metric"

// All returns the schemas of all reading types, in the order of the
// reference. A new type is added here once.
func All() []*metric.Schema {
	return []*metric.Schema{
		metric.Of[CPU](), metric.Of[CPUSocket](), metric.Of[CPUNode](), metric.Of[CPUCore](),
		metric.Of[CPUTopology](), metric.Of[CPUSocketFrequency](), metric.Of[CPUCoreFrequency](),
		metric.Of[Load](), metric.Of[Pressure](),
		metric.Of[Memory](), metric.Of[VMStat](), metric.Of[NUMANode](), metric.Of[NUMAHugePages](),
		metric.Of[EDAC](), metric.Of[EDACModule](),
		metric.Of[Disk](), metric.Of[Filesystem](), metric.Of[MD](),
		metric.Of[Network](), metric.Of[Sockets](), metric.Of[TCP](), metric.Of[UDP](), metric.Of[Softnet](), metric.Of[Conntrack](),
		metric.Of[FD](), metric.Of[Processes](), metric.Of[Process](), metric.Of[Cgroups](), metric.Of[Cgroup](),
		metric.Of[Agent](), metric.Of[CollectorRun](), metric.Of[Queue](), metric.Of[Database](), metric.Of[HTTP](),
	}
}
