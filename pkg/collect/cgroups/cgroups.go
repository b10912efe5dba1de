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
	walk   walk
	files  files
	faults procfile.Faults
	row    reading.Cgroup // scratch

	groups map[string]*group // measured at the last tick, by path
	ticks  uint64

	rows *store.Writer[reading.Cgroup]
	all  *store.Writer[reading.Cgroups]
}

// group is what is remembered of a measured group from tick to tick.
type group struct {
	dirs dirs
	cpu  metric.Count // CPU time at the last tick
	at   store.Tick   // its own: a tick cut short measured some groups only
	tick uint64       // in which it was measured last
}

// New returns the collector.
func New(env collect.Env, o Options) *Collector {
	if o.Max <= 0 {
		o.Max = 200
	}
	shard := env.Shard()
	shard.MaxRows = 2*o.Max + 100 // rows outlive their group by 15 minutes
	c := &Collector{
		env: env, max: o.Max, groups: map[string]*group{},
		rows: store.NewWriter[reading.Cgroup](env.Store, shard),
		all:  store.NewWriter[reading.Cgroups](env.Store, env.Shard()),
	}
	c.walk = walk{max: o.Max, most: maxVisits, cache: &c.cache, known: func(path string) bool { return c.groups[path] != nil }}
	return c
}

// Collect walks and measures.
func (c *Collector) Collect(ctx context.Context, t store.Tick) error {
	c.faults.Reset()
	if err := c.find(); err != nil {
		return err
	}
	c.ticks++
	if err := c.walk.run(ctx); err != nil {
		return err
	}
	c.faults.Add(c.walk.err)
	if err := c.measureAll(ctx, t); err != nil {
		return err
	}
	c.forget()
	c.write(t)
	return c.verdict()
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
	root, ok := walked(l)
	if !ok {
		return collect.Unsupported("mount the memory controller or cgroup2", "no cgroup hierarchy shows the groups from their root")
	}
	c.layout, c.walk.root = l, root
	return nil
}

// walked returns the directory of the hierarchy that is walked.
func walked(l *cgroup.Layout) (dir string, ok bool) {
	for _, controller := range []string{"memory", "cpuacct", "pids", "name=systemd"} {
		if l.V1(controller) {
			return l.Dir(controller, "/")
		}
	}
	return l.UnifiedDir("/")
}

// measureAll puts the rows of what the walk found.
func (c *Collector) measureAll(ctx context.Context, t store.Tick) error {
	c.rows.Begin(t)
	defer c.rows.End()
	for i, u := range c.walk.units {
		if i%16 == 0 && ctx.Err() != nil {
			return fmt.Errorf("measure %d cgroups, of which %d were done: %w", len(c.walk.units), i, ctx.Err())
		}
		c.measure(u, t)
	}
	return nil
}

// measure reads one group and puts its row.
func (c *Collector) measure(u *cgroup.Group, t store.Tick) {
	g := c.groups[u.Path]
	if g == nil {
		g = &group{dirs: dirsOf(c.layout, u.Path), cpu: metric.NoCount}
		c.groups[u.Path] = g
	}
	r := &c.row
	*r = metric.Blank[reading.Cgroup]()
	r.Cgroup, r.Unit, r.Container, r.Runtime = u.Path, u.Unit, u.Container, u.Runtime
	if !c.files.read(g.dirs, r, &c.faults) {
		return // removed
	}
	if r.MemoryLimit > 0 {
		r.MemoryUsed = r.Memory / r.MemoryLimit * 100
	}
	r.CPUPercent = c.percent(g, r.CPUUsage, t)
	g.cpu, g.at, g.tick = r.CPUUsage, t, c.ticks
	c.rows.Put(r)
}

// percent is the CPU use of a group since it was measured last; NaN when that
// is not known.
func (c *Collector) percent(g *group, now metric.Count, t store.Tick) float64 {
	seconds, ok := c.env.Elapsed(g.at, t)
	if !ok || g.cpu == metric.NoCount || now == metric.NoCount || now < g.cpu {
		return math.NaN()
	}
	return float64(now-g.cpu) / 1e6 / seconds * 100
}

// forget lets go of the groups that were not measured in this tick.
func (c *Collector) forget() {
	for path, g := range c.groups {
		if g.tick != c.ticks {
			delete(c.groups, path)
		}
	}
}

func (c *Collector) write(t store.Tick) {
	w := &c.walk
	all := metric.Blank[reading.Cgroups]()
	all.Visited, all.Measured = float64(w.visited), float64(len(w.units))
	all.LeftOut, all.Unwalked = float64(w.leftOut), float64(w.unwalked)
	c.all.Begin(t)
	c.all.Put(&all)
	c.all.End()
}

// verdict says what was wrong with the tick.
func (c *Collector) verdict() error {
	w := &c.walk
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
