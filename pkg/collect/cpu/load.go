package cpu

import (
	"bytes"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/procfile"
	"sysops-agent/pkg/reading"
	"sysops-agent/pkg/store"
)

// writeLoad writes /proc/loadavg and the topology's counts.
func (c *Collector) writeLoad(t store.Tick) {
	b, err := c.file.Read(c.loadPath)
	if err != nil {
		c.cur.faults.Add(err)
		return
	}
	r := metric.Blank[reading.Load]()
	if reason := parseLoad(b, &r); reason != "" {
		c.cur.faults.Line(c.loadPath, 1, reason)
	}
	c.load.Begin(t)
	c.load.Put(&r)
	c.load.End()
}

// parseLoad reads "0.12 0.19 0.21 1/89 11241" and says what is wrong with it;
// what stands before the fault is kept.
func parseLoad(b []byte, r *reading.Load) string {
	l := procfile.Lines{Rest: b}
	if !l.Next() {
		return "empty, or cut off within the line"
	}
	line := l.Line
	for _, dst := range []*float64{&r.Avg1, &r.Avg5, &r.Avg15} {
		var f []byte
		f, line = procfile.Field(line)
		v, ok := procfile.ParseFloat(f)
		if !ok || v < 0 {
			return "expected three load averages"
		}
		*dst = v
	}
	f, _ := procfile.Field(line)
	runnable, all, _ := bytes.Cut(f, []byte{'/'})
	x, ok1 := procfile.ParseUint(runnable)
	y, ok2 := procfile.ParseUint(all)
	if !ok1 || !ok2 {
		return "expected runnable/existing tasks after the load averages"
	}
	r.Runnable, r.Threads = float64(x), float64(y)
	return ""
}

func (c *Collector) writeTopology(t store.Tick) {
	topo := c.topology.Load()
	r := reading.CPUTopology{
		Logical: float64(topo.Logical), Online: float64(topo.Online),
		Cores: float64(topo.PhysicalCores), ThreadsPerCore: float64(topo.ThreadsPerCore),
		Dies: float64(topo.Dies), Sockets: float64(len(topo.Sockets)), Nodes: float64(len(topo.Nodes)),
	}
	for i := range topo.Nodes {
		if topo.Nodes[i].MemoryOnly {
			r.MemoryNodes++
		}
	}
	c.counts.Begin(t)
	c.counts.Put(&r)
	c.counts.End()
}
