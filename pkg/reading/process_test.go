package reading

import (
	"testing"

	"sysops-agent/pkg/metric"
)

// A bad tag panics in metric.Of, so that reading each schema is the test; the
// names others rely on (COL-41, COL-43, OPS-72 to OPS-76) are asked for.
func TestProcessReadings(t *testing.T) {
	for name, c := range map[string]struct {
		schema *metric.Schema
		fields []string
		labels int
	}{
		"process":   {metric.Of[Process](), []string{"proc.rss_bytes", "proc.fd_count", "proc.cpu_percent", "proc.vsz_bytes", "proc.threads", "proc.state", "proc.uptime_seconds"}, 6},
		"processes": {metric.Of[Processes](), []string{"procs.total", "procs.threads", "procs.state_zombie"}, 0},
		"cgroup":    {metric.Of[Cgroup](), []string{"cgroup.memory_bytes", "cgroup.oom_kills", "cgroup.pressure_memory_full_percent"}, 4},
		"cgroups":   {metric.Of[Cgroups](), []string{"cgroups.left_out"}, 0},
		"agent":     {metric.Of[Agent](), []string{"agent.cpu_percent", "agent.rss_bytes", "agent.vsz_bytes", "agent.fd_count", "agent.uptime_seconds", "agent.disk_read_bytes"}, 0},
		"collector": {metric.Of[CollectorRun](), []string{"collector.duration_seconds", "collector.runs", "collector.failures", "collector.timeouts", "collector.up"}, 1},
		"queue":     {metric.Of[Queue](), []string{"queue.depth", "queue.capacity", "queue.dropped"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			if c.schema.Name != name || len(c.schema.Labels) != c.labels {
				t.Errorf("reading %q with %d labels, want %q with %d", c.schema.Name, len(c.schema.Labels), name, c.labels)
			}
			for _, f := range c.fields {
				if c.schema.Field(f) < 0 {
					t.Errorf("no field %s", f)
				}
			}
		})
	}
}
