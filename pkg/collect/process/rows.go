package process

import (
	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// write puts one sweep into the store.
func (c *Collector) write(t store.Tick) {
	c.rows.Begin(t)
	for id, tr := range c.sel.tracks {
		if !tr.row {
			continue
		}
		p, ok := c.table.Get(id)
		if !ok || p.Ended {
			delete(c.sel.tracks, id)
			continue
		}
		r := row(&p)
		r.Name = tr.label(p.Name)
		if p.Parts&proctable.HasCgroup != 0 {
			g := c.groups.Known(p.Cgroup)
			r.Unit, r.Container = g.Unit, g.Container
		}
		c.rows.Put(&r)
	}
	c.rows.End()
	c.all.Begin(t)
	all := totals(c.table.Totals(), c.table.Stats())
	all.Denied = float64(c.seen.denied)
	c.all.Put(&all)
	c.all.End()
}

// row is the reading of a process, without name, unit and container.
func row(p *proctable.Process) reading.Process {
	r := metric.Blank[reading.Process]()
	r.PID, r.Start = p.PID, p.Start
	r.CPUPercent = p.CPUPercent
	r.CPUUser, r.CPUSystem = metric.Count(p.CPUUser), metric.Count(p.CPUSystem)
	r.RSS, r.VSZ, r.Threads = float64(p.RSS), float64(p.VSZ), float64(p.Threads)
	r.State, r.Uptime = float64(p.State), p.Uptime().Seconds()
	r.MinorFaults, r.MajorFaults = metric.Count(p.MinorFaults), metric.Count(p.MajorFaults)
	if p.Parts&proctable.HasFDs != 0 {
		r.FDs = float64(p.FDs)
	}
	if p.Parts&proctable.HasLimits != 0 && p.FDLimit != proctable.Unlimited {
		r.FDLimit = float64(p.FDLimit)
	}
	r.FDUsed = p.FDUsedPercent()
	if p.Parts&proctable.HasIO != 0 {
		r.ReadBytes, r.WriteBytes = metric.Count(p.ReadBytes), metric.Count(p.WriteBytes)
		r.ReadCalls, r.WriteCalls = metric.Count(p.ReadCalls), metric.Count(p.WriteCalls)
	}
	if p.Parts&proctable.HasStatus != 0 {
		r.UID = p.UID
		r.RSSAnon, r.RSSFile, r.RSSShmem, r.Swap = gauge(p.Anon), gauge(p.File), gauge(p.Shmem), gauge(p.Swap)
		r.Voluntary, r.Involuntary = metric.Count(p.Voluntary), metric.Count(p.Involuntary)
	}
	return r
}

// Absent and metric.NoCount are the same number, so that absent counters need
// no care.
func gauge(v uint64) float64 {
	if v == proctable.Absent {
		return metric.NaN
	}
	return float64(v)
}

func totals(t proctable.Totals, st proctable.Stats) reading.Processes {
	r := metric.Blank[reading.Processes]()
	r.Total, r.KernelThreads, r.Threads = float64(t.Processes), float64(t.KernelThreads), float64(t.Threads)
	r.Running, r.Sleeping = float64(t.In(proctable.Running)), float64(t.In(proctable.Sleeping))
	r.Disk, r.Stopped = float64(t.In(proctable.Disk)), float64(t.In(proctable.Stopped))
	r.Zombie, r.Idle = float64(t.In(proctable.Zombie)), float64(t.In(proctable.Idle))
	r.FDs, r.Untracked, r.Dead = float64(t.FDs), float64(t.Refused), float64(st.Dead)
	r.Started, r.Exited = metric.Count(st.Started), metric.Count(st.Exited)
	return r
}
