package reading

import "sysops-agent/pkg/metric"

// Conntrack is the connection tracking of the agent's network namespace.
// Sources: /proc/sys/net/netfilter, /proc/net/stat/nf_conntrack.
type Conntrack struct {
	_ struct{} `reading:"conntrack" domain:"system" help:"Connection tracking of the packet filter."`

	Entries      float64      `metric:"conntrack.entries" unit:"count" help:"Connections tracked now."`
	Max          float64      `metric:"conntrack.max" unit:"count" help:"Most connections that can be tracked (net.netfilter.nf_conntrack_max); 0 is no limit."`
	Used         float64      `metric:"conntrack.used_percent" unit:"percent" help:"Connections tracked by the most that can be; at 100 new ones are dropped. Absent without a limit."`
	Drop         metric.Count `metric:"conntrack.drops" unit:"count" help:"Packets dropped because a connection could not be tracked."`
	EarlyDrop    metric.Count `metric:"conntrack.early_drops" unit:"count" help:"Connections forgotten to make room for new ones."`
	InsertFailed metric.Count `metric:"conntrack.insert_failures" unit:"count" help:"Connections that could not be added, mostly because two packets raced."`
}
