package memory

import (
	"context"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// VMStat collects /proc/vmstat.
type VMStat struct {
	path   string
	file   procfile.Reader
	faults procfile.Faults
	r      reading.VMStat
	w      *store.Writer[reading.VMStat]
}

// NewVMStat returns the collector of /proc/vmstat.
func NewVMStat(env collect.Env) *VMStat {
	return &VMStat{path: env.Proc + "/vmstat", w: store.NewWriter[reading.VMStat](env.Store, env.Shard())}
}

// Collect writes one sweep.
func (c *VMStat) Collect(_ context.Context, t store.Tick) error {
	b, err := c.file.Read(c.path)
	if err != nil {
		return unreadable(err, "mount procfs there; the kernel needs CONFIG_VM_EVENT_COUNTERS")
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

// parse reads vmstat into c.r.
func (c *VMStat) parse(b []byte) error {
	c.r = metric.Blank[reading.VMStat]()
	if parseCounters(b, c.path, &c.faults, vmstat, &c.r) == 0 {
		return nothingKnown(c.path, &c.faults)
	}
	return nil
}
