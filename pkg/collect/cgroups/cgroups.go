// Package cgroups measures the systemd units and containers of the host
// through their control groups, of version 1 and 2 and of both at once.
//
// Every interval the hierarchy is walked from its root for groups that are a
// service, a scope or a container; what lies inside a container is left to
// it. With version 1 the hierarchy of the memory controller is walked, and the
// files of the other controllers are looked for under the same path. A group
// that is removed while it is read is left out silently.
package cgroups

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"sysops-agent/pkg/cgroup"
	"sysops-agent/pkg/collect"
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// Options bound the collector.
type Options struct {
	Max int // units and containers measured; 0 = 200
}

// Collector measures units and containers.
type Collector struct {
	env    collect.Env
	max    int
	layout *cgroup.Layout
	cache  cgroup.Cache
	files  files
	faults procfile.Faults

	cpu  map[string]metric.Count // CPU time at the last tick, by path
	next map[string]metric.Count // at this one
	keep map[string]bool
	last store.Tick

	rows *store.Writer[reading.Cgroup]
	all  *store.Writer[reading.Cgroups]
}

// New returns the collector.
func New(env collect.Env, o Options) *Collector {
	if o.Max <= 0 {
		o.Max = 200
	}
	shard := env.Shard()
	shard.MaxRows = 2*o.Max + 100 // rows outlive their group by 15 minutes
	return &Collector{
		env: env, max: o.Max,
		cpu: map[string]metric.Count{}, next: map[string]metric.Count{}, keep: map[string]bool{},
		rows: store.NewWriter[reading.Cgroup](env.Store, shard),
		all:  store.NewWriter[reading.Cgroups](env.Store, env.Shard()),
	}
}

// Collect walks and measures.
func (c *Collector) Collect(ctx context.Context, t store.Tick) error {
	c.faults.Reset()
	if err := c.find(); err != nil {
		return err
	}
	root, controller, ok := c.walked()
	if !ok {
		return collect.Unsupported("mount the memory controller or cgroup2", "no cgroup hierarchy shows the groups from their root")
	}
	w := walk{root: root, max: c.max, keep: c.keep, cache: &c.cache}
	w.run()
	c.faults.Add(w.err)
	c.rows.Begin(t)
	for i, u := range w.units {
		if i%16 == 0 && ctx.Err() != nil {
			c.rows.End()
			return fmt.Errorf("measure %d cgroups of %s, of which %d were done: %w", len(w.units), controller, i, ctx.Err())
		}
		c.measure(u, t)
	}
	c.rows.End()
	c.turn(t)
	c.write(&w, t)
	return c.verdict(&w)
}

// find looks for the hierarchies once; they do not move.
func (c *Collector) find() error {
	if c.layout != nil {
		return nil
	}
	l, err := cgroup.Find(c.env.Proc, c.env.Sys)
	switch {
	case errors.Is(err, cgroup.ErrNone):
		return collect.Unsupported("mount cgroup2 on /sys/fs/cgroup to see units and containers", "look for control groups: %v", err)
	case err != nil:
		return fmt.Errorf("look for control groups: %w", err)
	}
	c.layout = l
	c.files = files{layout: l}
	return nil
}

// walked returns the directory of the hierarchy that is walked.
func (c *Collector) walked() (dir, controller string, ok bool) {
	for _, ctl := range []string{"memory", "cpuacct", "pids", "name=systemd"} {
		if c.layout.V1(ctl) {
			dir, ok := c.layout.Dir(ctl, "/")
			return dir, ctl, ok
		}
	}
	dir, ok = c.layout.UnifiedDir("/")
	return dir, "cgroup2", ok
}

// measure reads one group and puts its row.
func (c *Collector) measure(u found, t store.Tick) {
	r := metric.Blank[reading.Cgroup]()
	r.Cgroup, r.Unit, r.Container, r.Runtime = u.path, u.info.Unit, u.info.Container, u.info.Runtime
	if !c.files.read(u.path, &r, &c.faults) {
		return // removed
	}
	if r.MemoryLimit > 0 {
		r.MemoryUsed = r.Memory / r.MemoryLimit * 100
	}
	if r.CPUUsage != metric.NoCount {
		c.next[u.path] = r.CPUUsage
		r.CPUPercent = c.percent(u.path, r.CPUUsage, t)
	}
	c.rows.Put(&r)
}

// percent is the CPU use since the last tick; NaN when that is not known.
func (c *Collector) percent(path string, now metric.Count, t store.Tick) float64 {
	before, known := c.cpu[path]
	seconds, ok := c.env.Elapsed(c.last, t)
	if !known || !ok || now < before {
		return math.NaN()
	}
	return float64(now-before) / 1e6 / seconds * 100
}

// turn makes this tick the last one.
func (c *Collector) turn(t store.Tick) {
	c.last = t
	c.cpu, c.next = c.next, c.cpu
	clear(c.next)
}

func (c *Collector) write(w *walk, t store.Tick) {
	clear(c.keep)
	for _, u := range w.units {
		c.keep[u.path] = true
	}
	all := metric.Blank[reading.Cgroups]()
	all.Visited, all.Measured = float64(w.visited), float64(len(w.units))
	all.LeftOut, all.Unwalked = float64(w.leftOut), float64(w.unwalked)
	c.all.Begin(t)
	c.all.Put(&all)
	c.all.End()
}

// verdict says what was wrong with the tick.
func (c *Collector) verdict(w *walk) error {
	var why []string
	hint := "look at the file named; the other groups are measured"
	if err := c.faults.Err(); err != nil {
		why = append(why, err.Error())
	}
	if w.leftOut > 0 {
		why = append(why, fmt.Sprintf("there are more than %d units and containers; cgroups.left_out counts those without a row", c.max))
		hint = "raise collect.cgroup.max_rows"
	}
	if w.unwalked > 0 && w.err == nil {
		why = append(why, fmt.Sprintf("groups deeper than %d or beyond the first %d were not looked at; cgroups.unwalked counts them", maxDepth, maxVisits))
		hint = "find out who makes so many groups"
	}
	if len(why) == 0 {
		return nil
	}
	return collect.Partial(hint, "%s", strings.Join(why, "; "))
}
