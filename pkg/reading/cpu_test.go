package reading

import (
	"testing"

	"sysops-agent/pkg/metric"
)

// hostSchemas are the readings of CPU and memory.
func hostSchemas() []*metric.Schema {
	return []*metric.Schema{
		metric.Of[CPU](), metric.Of[CPUCore](), metric.Of[CPUSocket](), metric.Of[CPUNode](), metric.Of[Load](), metric.Of[CPUTopology](),
		metric.Of[CPUCoreFrequency](), metric.Of[CPUSocketFrequency](),
		metric.Of[Memory](), metric.Of[VMStat](), metric.Of[NUMANode](), metric.Of[NUMAHugePages](), metric.Of[Pressure](), metric.Of[EDAC](), metric.Of[EDACModule](),
	}
}

// Names that the specification or the analysers rely on (COL-21, COL-22,
// COL-30 to COL-32, K5), with the column that the collector document gives
// them where it does.
func TestHostNames(t *testing.T) {
	columns := map[string]string{}
	for _, s := range hostSchemas() {
		for _, f := range s.Fields {
			columns[s.Name+" "+f.Name] = f.Column
		}
	}
	for name, column := range map[string]string{
		"cpu cpu.total_percent": "cpu_total", "cpu cpu.user_percent": "cpu_user", "cpu cpu.system_percent": "cpu_system", "cpu cpu.idle_percent": "cpu_idle",
		"load load.avg1": "load_1", "load load.avg5": "load_5", "load load.avg15": "load_15", "memory mem.used_percent": "mem_used_pct",
		"cpu_core cpu.core_usage_percent": "", "cpu_socket cpu.socket_usage_percent": "", "cpu_node cpu.node_usage_percent": "",
		"memory mem.total_bytes": "", "memory mem.used_bytes": "", "memory mem.available_bytes": "", "memory swap.used_bytes": "",
		"vmstat vm.oom_kills": "", "numa numa.used_percent": "", "pressure psi.full_avg10_percent": "", "edac edac.corrected_errors": "",
		"edac_module edac.module_corrected_errors": "", "cpu_topology cpu.sockets": "",
	} {
		if got, ok := columns[name]; !ok || column != "" && got != column {
			t.Errorf("%s: column %q, want %q", name, got, column)
		}
	}
}

// A name, a page name and a second name (domain and column) each mean one
// metric only.
func TestHostNamesAreUnique(t *testing.T) {
	seen := map[string]string{}
	for _, s := range hostSchemas() {
		for _, f := range s.Fields {
			for _, name := range []string{"name " + f.Name, "page " + f.Page, "second name " + s.Domain + "." + f.Column} {
				if other, dup := seen[name]; dup {
					t.Errorf("%s is both in %s and in %s", name, other, s.Name)
				}
				seen[name] = s.Name
			}
		}
	}
}
