// Package self measures what the agent itself uses, and compares it with its
// budget: a monitor that takes what it should watch over is worse than none.
//
// The kernel has no counter of the network traffic of a process, so that the
// agent's own is what its publishers count. Everything else comes from
// getrusage, /proc/self and the Go runtime.
package self

import (
	"context"
	"fmt"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"

	"golang.org/x/sys/unix"

	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/event"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/state"
	"sysops-agent/pkg/store"
)

// started is when the agent started, as time since boot: a reload must not
// make it young again.
var started = store.Now().Boot

// Options are what the collector compares with and whom it tells.
type Options struct {
	Budget  Budget
	Net     func() (sent, received uint64) // bytes since the start, may be nil
	Publish func(event.Event)              // gets an event when a budget comes to be exceeded, may be nil
	State   *state.Part                    // of the budget; may be nil
}

// Collector measures the agent.
type Collector struct {
	env    collect.Env
	opt    Options
	file   procfile.Reader
	faults procfile.Faults
	rows   *store.Writer[reading.Agent]
	watch  watch
	told   bool // the state of the budget was set at least once

	cpu     func() (user, system uint64, err error) // microseconds; getrusage but in tests
	runtime []metrics.Sample
	gc      debug.GCStats
	link    []byte

	last   reading.Agent // of the tick before, for differences
	lastAt store.Tick
}

// New returns the collector.
func New(env collect.Env, o Options) *Collector {
	return &Collector{
		env: env, opt: o, rows: store.NewWriter[reading.Agent](env.Store, env.Shard()),
		watch: newWatch(o.Budget), cpu: usage, link: make([]byte, 64),
		runtime: []metrics.Sample{
			{Name: "/memory/classes/heap/objects:bytes"},
			{Name: "/gc/cycles/total:gc-cycles"},
			{Name: "/sched/goroutines:goroutines"},
		},
		last: metric.Blank[reading.Agent](),
	}
}

// Collect writes one tick. A file that cannot be read costs its fields only.
func (c *Collector) Collect(_ context.Context, t store.Tick) error {
	c.faults.Reset()
	r := metric.Blank[reading.Agent]()
	r.PID, r.Uptime = float64(os.Getpid()), max(0, t.Boot-started).Seconds()
	user, system, err := c.cpu()
	if err == nil {
		r.CPUUser, r.CPUSystem = metric.Count(user), metric.Count(system)
	}
	c.faults.Add(err)
	c.faults.Add(c.memory(&r))
	c.faults.Add(c.disk(&r))
	c.faults.Add(c.fds(&r))
	c.goRuntime(&r)
	if c.opt.Net != nil {
		sent, received := c.opt.Net()
		r.NetSent, r.NetReceived = metric.Count(sent), metric.Count(received)
	}
	c.compare(&r, t)
	c.rows.Begin(t)
	c.rows.Put(&r)
	c.rows.End()
	c.last, c.lastAt = r, t
	if err := c.faults.Err(); err != nil {
		return collect.Partial("look at the file named; the agent's other numbers are collected", "measure the agent itself: %v", err)
	}
	return nil
}

// usage is the CPU time of all threads of the agent.
func usage() (user, system uint64, err error) {
	var ru unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &ru); err != nil {
		return 0, 0, fmt.Errorf("ask the kernel for the agent's CPU time (getrusage): %w", err)
	}
	return uint64(ru.Utime.Nano()) / 1000, uint64(ru.Stime.Nano()) / 1000, nil
}

func (c *Collector) goRuntime(r *reading.Agent) {
	metrics.Read(c.runtime)
	for i, s := range c.runtime {
		if s.Value.Kind() != metrics.KindUint64 {
			continue // this Go has no such number
		}
		switch v := s.Value.Uint64(); i {
		case 0:
			r.Heap = float64(v)
		case 1:
			r.GCCycles = metric.Count(v)
		case 2:
			r.Goroutines = float64(v)
		}
	}
	debug.ReadGCStats(&c.gc)
	r.GCPause = metric.Count(max(0, c.gc.PauseTotal))
}

// compare turns counters into use per time and holds it against the budget.
func (c *Collector) compare(r *reading.Agent, t store.Tick) {
	u := use{rss: r.RSS, cpu: metric.NaN, disk: metric.NaN, net: metric.NaN, fds: r.FDs, sensorFDs: r.SensorFDs}
	if seconds, ok := c.env.Elapsed(c.lastAt, t); ok {
		l := &c.last
		u.cpu = (grown(l.CPUUser, r.CPUUser) + grown(l.CPUSystem, r.CPUSystem)) / float64(time.Second/time.Microsecond) / seconds * 100
		u.disk = (grown(l.DiskRead, r.DiskRead) + grown(l.DiskWritten, r.DiskWritten)) / seconds
		u.net = (grown(l.NetSent, r.NetSent) + grown(l.NetReceived, r.NetReceived)) / seconds
	}
	r.CPUPercent = u.cpu
	began, changed := c.watch.tick(u)
	r.OverBudget, r.BudgetEvents = float64(len(c.watch.exceeded())), metric.Count(c.watch.events)
	for _, b := range began {
		c.tell(b)
	}
	if (changed || !c.told) && c.opt.State != nil {
		// At the first tick too: the state may be one that a collector before
		// a reload set.
		c.watch.report(c.opt.State)
		c.told = true
	}
}

// grown is the exact difference of a counter, NaN when either end is absent
// or it fell.
func grown(before, now metric.Count) float64 {
	if before == metric.NoCount || now == metric.NoCount || now < before {
		return metric.NaN
	}
	return float64(now - before)
}

func (c *Collector) tell(b *budget) {
	if c.opt.Publish != nil {
		c.opt.Publish(event.Event{
			Kind: event.BudgetExceeded, Text: b.text(),
			Attrs: map[string]string{"budget": b.name, "value": b.show(b.value), "limit": b.show(b.limit)},
		})
	}
}
