package disk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/collect/trouble"
	"sysops-agent/pkg/config"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// maxNames bounds what is remembered of devices and partitions, so that a
// strange /proc/diskstats cannot eat the host's memory; the store bounds the
// rows.
const maxNames = 16384

// Disk collects the I/O of whole block devices. Source: /proc/diskstats;
// /sys/block tells devices from partitions.
type Disk struct {
	env     collect.Env
	exclude config.Globs
	w       *store.Writer[reading.Disk]
	path    string
	file    procfile.Reader
	stats   []diskstat
	devices map[string]*device
	sweep   uint64
	blind   error // why partitions cannot be told from disks
	bad     trouble.List
}

// device is what is remembered of one name in /proc/diskstats.
type device struct {
	dev   uint64 // another number is another device of the same name
	whole bool   // to be collected: not a partition, not excluded
	seen  uint64 // the sweep that saw it last
	at    store.Tick
	last  [columns]uint64
	r     reading.Disk
}

// NewDisk returns the collector.
func NewDisk(env collect.Env, cfg config.Disk) (*Disk, error) {
	return &Disk{
		env: env, exclude: cfg.ExcludeDevices, path: env.Proc + "/diskstats",
		w:       store.NewWriter[reading.Disk](env.Store, env.Shard()),
		devices: map[string]*device{},
	}, nil
}

// Collect implements [collect.Collector].
func (c *Disk) Collect(_ context.Context, t store.Tick) error {
	b, err := c.file.Read(c.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return collect.Unsupported("a kernel with CONFIG_BLOCK and CONFIG_PROC_FS has the file", "the kernel offers no counters of block devices: %v", err)
	case err != nil:
		return fmt.Errorf("cannot read the counters of block devices: %w", err)
	}
	c.bad.Reset()
	c.stats = parseDiskstats(c.path, b, c.stats[:0], &c.bad)
	if len(c.stats) == 0 && c.bad.Len() > 0 {
		return fmt.Errorf("cannot read the counters of block devices: %w", c.bad.First())
	}
	c.sweep++
	unknown := 0
	refused := c.w.Shard().Counts.RefusedRows.Load()
	c.w.Begin(t)
	for i := range c.stats {
		s := &c.stats[i]
		d := c.device(s)
		switch {
		case d == nil:
			unknown++
		case d.whole:
			d.measure(c.env, t, s)
			c.w.Put(&d.r)
		}
	}
	c.w.End()
	c.forget()
	c.bad.Add(c.blind)
	if n := c.w.Shard().Counts.RefusedRows.Load() - refused + uint64(unknown); n > 0 {
		c.bad.Add(fmt.Errorf("%d block devices are left out: there are more than the store may hold", n))
	}
	return c.bad.Err("the other devices are collected; raise store.max_rows_per_reading or exclude devices in collect.disk.exclude_devices when there are too many")
}

// device returns what is known of the line's device, nil when there are too
// many.
func (c *Disk) device(s *diskstat) *device {
	d := c.devices[string(s.name)]
	if d == nil || d.dev != s.dev {
		if d == nil && len(c.devices) >= maxNames {
			return nil
		}
		name := string(s.name)
		d = &device{dev: s.dev}
		if !c.exclude.Match(name) {
			d.whole, c.blind = isWhole(c.env.Sys, name)
		}
		if d.whole {
			d.r.Device = name
			d.r.Mapper, d.r.Model = names(c.env.Sys, name)
		}
		c.devices[name] = d
	}
	d.seen = c.sweep
	return d
}

// forget drops the devices that are gone.
func (c *Disk) forget() {
	if len(c.devices) == len(c.stats) {
		return
	}
	for name, d := range c.devices {
		if d.seen != c.sweep {
			delete(c.devices, name)
		}
	}
}

// measure fills the device's reading from the line and remembers the line.
func (d *device) measure(env collect.Env, t store.Tick, s *diskstat) {
	blank := metric.Blank[reading.Disk]()
	blank.Device, blank.Mapper, blank.Model = d.r.Device, d.r.Mapper, d.r.Model
	d.r = blank
	counts(&d.r, s)
	if seconds, ok := env.Elapsed(d.at, t); ok {
		averages(&d.r, &d.last, &s.v, seconds)
	}
	d.at, d.last = t, s.v
}

// counts copies the line's columns.
func counts(r *reading.Disk, s *diskstat) {
	for i, dst := range [...]*metric.Count{
		reads: &r.Reads, readMerges: &r.ReadMerges, readSectors: &r.ReadBytes, readMillis: &r.ReadTime,
		writes: &r.Writes, writeMerges: &r.WriteMerges, writeSectors: &r.WrittenBytes, writeMillis: &r.WriteTime,
		busyMillis: &r.BusyTime, weightedMillis: &r.WeightedTime,
		discards: &r.Discards, discardMerges: &r.DiscardMerges, discardSectors: &r.DiscardedBytes, discardMillis: &r.DiscardTime,
		flushes: &r.Flushes, flushMillis: &r.FlushTime,
	} {
		if dst != nil && i < s.n {
			*dst = metric.Count(s.v[i])
		}
	}
	r.InProgress = float64(s.v[inProgress])
}

// averages computes what the interval of so many seconds was like. The
// formulas are those of iostat(1).
func averages(r *reading.Disk, last, cur *[columns]uint64, seconds float64) {
	delta := func(column int) float64 {
		if cur[column] < last[column] {
			return metric.NaN
		}
		return float64(cur[column] - last[column])
	}
	nr, nw := delta(reads), delta(writes)
	if nr > 0 {
		r.ReadAwait = delta(readMillis) / nr / 1000
	}
	if nw > 0 {
		r.WriteAwait = delta(writeMillis) / nw / 1000
	}
	if n := nr + nw; n > 0 {
		r.RequestBytes = (delta(readSectors) + delta(writeSectors)) * sectorSize / n
	}
	r.QueueDepth = delta(weightedMillis) / 1000 / seconds
	// The kernel counts busy time in ticks of its own clock and our two
	// sweeps are not exactly an interval apart, so a busy device can seem
	// more than busy.
	if busy := delta(busyMillis); busy >= 0 {
		r.Utilisation = min(busy/10/seconds, 100)
	}
}
