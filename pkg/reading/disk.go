package reading

import "sysops-agent/pkg/metric"

// Disk is one whole block device: a disk, a device-mapper or md device, not a
// partition. Source: /proc/diskstats (Documentation/admin-guide/iostats.rst);
// a sector there is 512 bytes whatever the device's own sector is. The
// kernel keeps the times in milliseconds and 32 bits, so after 49 days' worth
// of waiting one increment is absent.
type Disk struct {
	_      struct{} `reading:"disk" domain:"system" help:"I/O of one whole block device."`
	Device string   `label:"device" help:"The kernel's name of the device, as in /proc/diskstats."`
	Mapper string   `attr:"dm_name" help:"Name of the device-mapper device; empty for others."`
	Model  string   `attr:"model" help:"Model as the device calls itself; empty when it does not."`

	Reads          metric.Count `metric:"disk.reads" unit:"count" help:"Reads completed."`
	ReadMerges     metric.Count `metric:"disk.read_merges" unit:"count" help:"Reads that were joined to a neighbouring one."`
	ReadBytes      metric.Count `metric:"disk.read_bytes" unit:"bytes" scale:"512" help:"Bytes read."`
	ReadTime       metric.Count `metric:"disk.read_time_seconds" unit:"seconds" scale:"1e-3" help:"Time that reads took, all added up."`
	Writes         metric.Count `metric:"disk.writes" unit:"count" help:"Writes completed."`
	WriteMerges    metric.Count `metric:"disk.write_merges" unit:"count" help:"Writes that were joined to a neighbouring one."`
	WrittenBytes   metric.Count `metric:"disk.written_bytes" unit:"bytes" scale:"512" help:"Bytes written."`
	WriteTime      metric.Count `metric:"disk.write_time_seconds" unit:"seconds" scale:"1e-3" help:"Time that writes took, all added up."`
	InProgress     float64      `metric:"disk.io_in_progress" unit:"count" help:"Requests given to the device and not yet completed."`
	BusyTime       metric.Count `metric:"disk.busy_time_seconds" unit:"seconds" scale:"1e-3" help:"Time during which at least one request was in progress."`
	WeightedTime   metric.Count `metric:"disk.weighted_time_seconds" unit:"seconds" scale:"1e-3" help:"Time that all requests took, added up; its rate is the average queue."`
	Discards       metric.Count `metric:"disk.discards" unit:"count" help:"Discards (TRIM) completed; kernel 4.18 and later."`
	DiscardMerges  metric.Count `metric:"disk.discard_merges" unit:"count" help:"Discards that were joined to a neighbouring one."`
	DiscardedBytes metric.Count `metric:"disk.discarded_bytes" unit:"bytes" scale:"512" help:"Bytes discarded."`
	DiscardTime    metric.Count `metric:"disk.discard_time_seconds" unit:"seconds" scale:"1e-3" help:"Time that discards took, all added up."`
	Flushes        metric.Count `metric:"disk.flushes" unit:"count" help:"Cache flushes completed; kernel 5.5 and later."`
	FlushTime      metric.Count `metric:"disk.flush_time_seconds" unit:"seconds" scale:"1e-3" help:"Time that cache flushes took, all added up."`

	Utilisation  float64 `metric:"disk.util_percent" unit:"percent" help:"Share of the interval during which at least one request was in progress, at most 100; a device that works on many at once is not full at 100."`
	ReadAwait    float64 `metric:"disk.read_await_seconds" unit:"seconds" res:"1e-6" help:"Average time of the reads completed in the interval, waiting included; absent without reads."`
	WriteAwait   float64 `metric:"disk.write_await_seconds" unit:"seconds" res:"1e-6" help:"Average time of the writes completed in the interval, waiting included; absent without writes."`
	QueueDepth   float64 `metric:"disk.queue_depth" res:"0.001" help:"Requests in progress, averaged over the interval."`
	RequestBytes float64 `metric:"disk.request_size_bytes" unit:"bytes" help:"Average size of the reads and writes completed in the interval; absent without any."`
}
