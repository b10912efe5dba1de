package reading

import (
	"testing"

	"sysops-agent/pkg/metric"
)

// The public names of this file's readings; a change breaks dashboards and
// tables, so it must be made here too.
func TestInputOutputSchemas(t *testing.T) {
	for _, tc := range []struct {
		schema *metric.Schema
		name   string
		fields int
		some   []string
	}{
		{metric.Of[Disk](), "disk", 22, []string{"disk.read_bytes", "disk.util_percent"}},
		{metric.Of[Filesystem](), "filesystem", 9, []string{"filesystem.used_percent", "filesystem.stuck"}},
		{metric.Of[MD](), "md", 9, []string{"md.state", "md.disks_missing"}},
		{metric.Of[Network](), "network", 21, []string{"net.rx_bytes", "net.speed_bytes_per_second"}},
		{metric.Of[Sockets](), "sockets", 14, []string{"sockets.used", "sockets.tcp_memory_bytes"}},
		{metric.Of[TCP](), "tcp", 32, []string{"tcp.established", "tcp.retransmitted_segments"}},
		{metric.Of[UDP](), "udp", 8, []string{"udp.in_datagrams"}},
		{metric.Of[Softnet](), "softnet", 5, []string{"softnet.dropped"}},
		{metric.Of[Conntrack](), "conntrack", 6, []string{"conntrack.used_percent"}},
		{metric.Of[FD](), "fd", 7, []string{"fd.system_used"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.schema.Name != tc.name || len(tc.schema.Fields) != tc.fields {
				t.Errorf("%s has %d fields, want %s with %d", tc.schema.Name, len(tc.schema.Fields), tc.name, tc.fields)
			}
			for _, n := range tc.some {
				if tc.schema.Field(n) < 0 {
					t.Errorf("no field %s", n)
				}
			}
		})
	}
}
