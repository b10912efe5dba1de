// Package memory collects what the kernel says about memory, one collector
// for each source, so that each has its own schedule and state:
//
//	[Collector]  memory, swap and huge pages, /proc/meminfo
//	[VMStat]     paging, reclaim and OOM kills, /proc/vmstat
//	[NUMA]       memory of each node, /sys/devices/system/node
//	[Pressure]   stalls (PSI) of CPU, memory and I/O, /proc/pressure
//	[EDAC]       errors of ECC memory, /sys/devices/system/edac
//
// Kernels differ in what they tell: a line that is not there leaves its metric
// absent, a line that is not known is skipped, a line that is not as it should
// be costs its own metric and is reported. Collectors are used by one
// goroutine at a time.
package memory

import (
	"context"
	"errors"
	"io/fs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Collector collects /proc/meminfo.
type Collector struct {
	path   string
	file   procfile.Reader
	faults procfile.Faults
	r      reading.Memory
	w      *store.Writer[reading.Memory]
}

// New returns the collector of /proc/meminfo.
func New(env collect.Env) *Collector {
	return &Collector{path: env.Proc + "/meminfo", w: store.NewWriter[reading.Memory](env.Store, env.Shard())}
}

// Collect writes one sweep.
func (c *Collector) Collect(_ context.Context, t store.Tick) error {
	b, err := c.file.Read(c.path)
	if err != nil {
		return unreadable(err, "mount procfs there")
	}
	c.faults.Reset()
	if err := c.parse(b); err != nil {
		return err
	}
	c.w.Begin(t)
	c.w.Put(&c.r)
	c.w.End()
	return partial(&c.faults)
}

// parse reads meminfo into c.r.
func (c *Collector) parse(b []byte) error {
	c.r = metric.Blank[reading.Memory]()
	if parseGauges(b, c.path, &c.faults, c.target) == 0 {
		return nothingKnown(c.path, &c.faults)
	}
	r := &c.r
	r.Used, r.UsedPercent = used(r.Total, r.Available)
	r.SwapUsed, r.SwapPercent = used(r.SwapTotal, r.SwapFree)
	return nil
}

// used returns what of total is not free, and its share; NaN what cannot be
// said.
func used(total, free float64) (bytes, percent float64) {
	if !(free <= total) { //nolint:staticcheck // also when either is NaN
		return metric.NaN, metric.NaN
	}
	bytes, percent = total-free, metric.NaN
	if total > 0 {
		percent = 100 * bytes / total
	}
	return bytes, percent
}

// unreadable says what it means that the main file of a collector cannot be
// read: missing means that this host has no such thing.
func unreadable(err error, hint string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return collect.Unsupported(hint, "nothing to collect: %v", err)
	}
	return err
}

// partial reports what was wrong with some lines or files.
func partial(f *procfile.Faults) error {
	if err := f.Err(); err != nil {
		return collect.Partial("", "some values are missing: %v", err)
	}
	return nil
}

// nothingKnown reports a file without any usable line.
func nothingKnown(path string, f *procfile.Faults) error {
	if err := f.Err(); err != nil {
		return err
	}
	return &procfile.ParseError{Path: path, Reason: "no line in it is known"}
}
