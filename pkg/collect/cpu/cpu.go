// Package cpu collects what the CPUs do: /proc/stat as shares of time in
// total, by logical CPU, by socket and by NUMA node, load averages, the
// arrangement of the CPUs (see [Topology]) and, as a second collector, their
// clocks (see [Frequency]).
//
// # Percentages
//
// All shares are made of the differences of the kernel's ticks between two
// sweeps, CPU by CPU, and then added up: a CPU that came or went since the
// last sweep, or whose counters were restarted, contributes nothing to total,
// socket and node in that sweep, so that it can neither fake an idle nor a
// busy host. (The aggregate line of /proc/stat is used as it stands only for
// the counters in seconds.) Usage is everything but idle and iowait; guest
// time is already part of user and nice.
//
// There are no shares, and so no rows of cores, sockets and nodes, in the
// first sweep, after missed sweeps, and for a core, socket or node in which no
// tick passed.
package cpu

import (
	"context"
	"sync/atomic"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Collector collects CPU times, load and topology. Only Topology may be
// called by another goroutine than the one that calls Collect.
type Collector struct {
	env      collect.Env
	hz       uint64
	file     procfile.Reader
	loadPath string

	prev, cur *stat
	last      store.Tick // of prev
	total     ticks      // of all CPUs in this sweep

	topology    atomic.Pointer[Topology]
	topologyErr error
	sockets     group
	nodes       group
	rows        []*store.Row // by index in cur.cores; nil: to be looked up

	host   *store.Writer[reading.CPU]
	core   *store.Writer[reading.CPUCore]
	socket *store.Writer[reading.CPUSocket]
	node   *store.Writer[reading.CPUNode]
	load   *store.Writer[reading.Load]
	counts *store.Writer[reading.CPUTopology]
}

// New returns the collector of CPU times.
func New(env collect.Env) *Collector {
	many := env.Shard()
	many.MaxRows = maxCPUs
	path := env.Proc + "/stat"
	return &Collector{
		env: env, hz: procfile.ClockTicks(), loadPath: env.Proc + "/loadavg",
		prev: &stat{path: path}, cur: &stat{path: path},
		host:   store.NewWriter[reading.CPU](env.Store, env.Shard()),
		core:   store.NewWriter[reading.CPUCore](env.Store, many),
		socket: store.NewWriter[reading.CPUSocket](env.Store, env.Shard()),
		node:   store.NewWriter[reading.CPUNode](env.Store, env.Shard()),
		load:   store.NewWriter[reading.Load](env.Store, env.Shard()),
		counts: store.NewWriter[reading.CPUTopology](env.Store, env.Shard()),
	}
}

// Topology returns the arrangement of the CPUs as of the last sweep, nil
// before the first. The caller must not change it.
func (c *Collector) Topology() *Topology { return c.topology.Load() }

// Collect reads /proc/stat and /proc/loadavg and writes one sweep.
func (c *Collector) Collect(_ context.Context, t store.Tick) error {
	b, err := c.file.Read(c.cur.path)
	if missing(err) {
		return collect.Unsupported("mount procfs on "+c.env.Proc, "cannot read CPU times: %v", err)
	}
	if err != nil {
		return err
	}
	if err := c.cur.parse(b); err != nil {
		return err
	}
	same := c.cur.sameCores(c.prev)
	c.arrange(same)
	elapsed, ok := c.env.Elapsed(c.last, t)
	if !ok || !same {
		c.forgetRows()
	}
	c.total = ticks{}
	if ok {
		c.writeShares(t, elapsed)
	}
	c.writeHost(t)
	c.writeTopology(t)
	c.writeLoad(t)

	faults := &c.cur.faults
	faults.Add(c.topologyErr)
	c.prev, c.cur, c.last = c.cur, c.prev, t
	if err := faults.Err(); err != nil {
		return collect.Partial("", "some CPU times are missing: %v", err)
	}
	return nil
}

// arrange brings the topology up to date when the online CPUs changed, or
// could not be read last time for a reason that may pass.
func (c *Collector) arrange(same bool) {
	if same && (c.topologyErr == nil || missing(c.topologyErr)) && c.topology.Load() != nil {
		return
	}
	t, err := ReadTopology(c.env.Sys)
	if t == nil {
		t = assumedTopology(c.cur.cores)
		if missing(err) {
			err = nil // no sysfs in this container: said by Assumed
		}
	}
	c.topologyErr = err
	c.topology.Store(t)
	c.sockets.arrange(c.cur.cores, t, func(l *LogicalCPU) int { return l.Socket })
	c.nodes.arrange(c.cur.cores, t, func(l *LogicalCPU) int { return l.Node })
}

// forgetRows drops the handles of the cores' rows: a row that is not written
// in every sweep may leave the store, and its handle is then of no use.
func (c *Collector) forgetRows() {
	clear(c.rows[:cap(c.rows)])
	for len(c.rows) < len(c.cur.cores) {
		c.rows = append(c.rows, nil)
	}
}

// writeShares writes the rows of cores, sockets and nodes and sums up total.
func (c *Collector) writeShares(t store.Tick, elapsed float64) {
	c.core.Begin(t)
	c.sockets.reset()
	c.nodes.reset()
	limit := uint64(2*elapsed*float64(c.hz)) + c.hz // twice the time: sweeps are not read at their exact tick
	p := 0
	for i := range c.cur.cores {
		now := &c.cur.cores[i]
		for p < len(c.prev.cores) && c.prev.cores[p].id < now.id {
			p++
		}
		var d ticks
		ok := p < len(c.prev.cores) && c.prev.cores[p].id == now.id
		if ok {
			d, ok = now.t.since(&c.prev.cores[p].t, limit)
		}
		if !ok {
			c.rows[i] = nil
			continue
		}
		c.total.add(&d)
		c.sockets.add(i, &d)
		c.nodes.add(i, &d)
		c.writeCore(i, &d)
	}
	c.core.End()
	c.writeSockets(t)
	c.writeNodes(t)
}

func (c *Collector) writeCore(i int, d *ticks) {
	usage, times, ok := d.shares(c.cur.columns)
	if !ok {
		c.rows[i] = nil
		return
	}
	r := reading.CPUCore{Core: uint32(c.cur.cores[i].id), Usage: usage, CPUTimes: times}
	if c.rows[i] == nil {
		c.rows[i] = c.core.Row(&r)
	}
	if c.rows[i] != nil { // nil: the shard is full, which it counts
		c.core.Write(c.rows[i], &r)
	}
}

func (c *Collector) writeSockets(t store.Tick) {
	c.socket.Begin(t)
	for i, id := range c.sockets.ids {
		if usage, times, ok := c.sockets.sums[i].shares(c.cur.columns); ok {
			c.socket.Put(&reading.CPUSocket{Socket: uint32(id), Usage: usage, CPUTimes: times})
		}
	}
	c.socket.End()
}

func (c *Collector) writeNodes(t store.Tick) {
	c.node.Begin(t)
	for i, id := range c.nodes.ids {
		if usage, times, ok := c.nodes.sums[i].shares(c.cur.columns); ok {
			c.node.Put(&reading.CPUNode{Node: uint32(id), Usage: usage, CPUTimes: times})
		}
	}
	c.node.End()
}

func (c *Collector) writeHost(t store.Tick) {
	r := metric.Blank[reading.CPU]()
	if usage, times, ok := c.total.shares(c.cur.columns); ok {
		r.Usage, r.CPUTimes = usage, times
	}
	s := &c.cur.scalars
	r.CPUSeconds = c.cur.total.seconds(c.cur.columns, c.hz)
	r.ContextSwitches, r.Interrupts, r.SoftIRQs, r.Forks = s.switches, s.interrupts, s.softIRQs, s.forks
	r.Running, r.Blocked, r.BootTime = s.running, s.blocked, s.boot
	c.host.Begin(t)
	c.host.Put(&r)
	c.host.End()
}
