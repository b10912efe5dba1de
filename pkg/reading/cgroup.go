package reading

import "sysops-agent/pkg/metric"

// Cgroup is one systemd unit (service or scope) or container, as its control
// group accounts for it. A field is absent where the controller is not
// enabled for the group or the kernel's cgroup version has no such number.
type Cgroup struct {
	_         struct{} `reading:"cgroup" domain:"cgroup" help:"One systemd unit or container."`
	Cgroup    string   `label:"cgroup" help:"Path below the root of the hierarchy."`
	Unit      string   `attr:"unit" help:"Systemd unit."`
	Container string   `attr:"container" help:"Container id."`
	Runtime   string   `attr:"runtime" help:"What runs the container: docker, containerd, crio, podman, lxc, kubernetes, nspawn."`

	Memory        float64      `metric:"cgroup.memory_bytes" unit:"bytes" help:"Memory charged to the group and those below it, page cache included."`
	MemoryLimit   float64      `metric:"cgroup.memory_limit_bytes" unit:"bytes" help:"Hard limit of the group itself; absent when unlimited."`
	MemoryHigh    float64      `metric:"cgroup.memory_high_bytes" unit:"bytes" help:"Limit above which the group is slowed and reclaimed; absent when unlimited."`
	MemoryUsed    float64      `metric:"cgroup.memory_used_percent" unit:"percent" max:"1000" help:"Memory of the hard limit; absent when unlimited."`
	Anon          float64      `metric:"cgroup.memory_anon_bytes" unit:"bytes" help:"Anonymous memory: heap, stacks."`
	File          float64      `metric:"cgroup.memory_file_bytes" unit:"bytes" help:"Page cache, shared memory included."`
	Shmem         float64      `metric:"cgroup.memory_shmem_bytes" unit:"bytes" help:"Shared memory and tmpfs."`
	Kernel        float64      `metric:"cgroup.memory_kernel_bytes" unit:"bytes" help:"Kernel memory: slab, stacks, page tables and more."`
	Slab          float64      `metric:"cgroup.memory_slab_bytes" unit:"bytes" help:"Kernel objects; version 2 only."`
	Swap          float64      `metric:"cgroup.memory_swap_bytes" unit:"bytes" help:"Memory in swap."`
	PageFaults    metric.Count `metric:"cgroup.page_faults" unit:"count" help:"Page faults."`
	MajorFaults   metric.Count `metric:"cgroup.major_faults" unit:"count" help:"Page faults that needed a disk."`
	HighEvents    metric.Count `metric:"cgroup.memory_high_events" unit:"count" help:"Times the group was slowed for passing its high limit."`
	MaxEvents     metric.Count `metric:"cgroup.memory_max_events" unit:"count" help:"Times the group ran into its hard limit."`
	OOMEvents     metric.Count `metric:"cgroup.oom_events" unit:"count" help:"Times an allocation failed at the hard limit; version 2 only."`
	OOMKills      metric.Count `metric:"cgroup.oom_kills" unit:"count" help:"Processes killed by any OOM killer."`
	CPUPercent    float64      `metric:"cgroup.cpu_percent" unit:"percent" max:"1000000" help:"CPU use since the last sweep, 100 being one core."`
	CPUUsage      metric.Count `metric:"cgroup.cpu_usage_seconds" unit:"seconds" scale:"1e-6" help:"CPU time."`
	CPUUser       metric.Count `metric:"cgroup.cpu_user_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in user mode."`
	CPUSystem     metric.Count `metric:"cgroup.cpu_system_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in the kernel."`
	Periods       metric.Count `metric:"cgroup.cpu_periods" unit:"count" help:"Enforcement periods of the CPU quota."`
	Throttled     metric.Count `metric:"cgroup.cpu_throttled_periods" unit:"count" help:"Periods in which the quota was used up."`
	ThrottledTime metric.Count `metric:"cgroup.cpu_throttled_seconds" unit:"seconds" scale:"1e-6" help:"Time for which the group was held back by its quota."`
	ReadBytes     metric.Count `metric:"cgroup.io_read_bytes" unit:"bytes" help:"Bytes read from all block devices."`
	WriteBytes    metric.Count `metric:"cgroup.io_write_bytes" unit:"bytes" help:"Bytes written to all block devices."`
	Reads         metric.Count `metric:"cgroup.io_reads" unit:"count" help:"Read requests to all block devices."`
	Writes        metric.Count `metric:"cgroup.io_writes" unit:"count" help:"Write requests to all block devices."`
	PIDs          float64      `metric:"cgroup.pids" unit:"count" help:"Processes and threads in the group and those below it."`
	PIDLimit      float64      `metric:"cgroup.pid_limit" unit:"count" help:"Most processes and threads that the group may have; absent when unlimited."`

	CPUSome        float64      `metric:"cgroup.pressure_cpu_some_percent" unit:"percent" help:"Time in which a task waited for a CPU, average of 10 s."`
	CPUFull        float64      `metric:"cgroup.pressure_cpu_full_percent" unit:"percent" help:"Time in which all tasks waited for a CPU, average of 10 s."`
	MemorySome     float64      `metric:"cgroup.pressure_memory_some_percent" unit:"percent" help:"Time in which a task waited for memory, average of 10 s."`
	MemoryFull     float64      `metric:"cgroup.pressure_memory_full_percent" unit:"percent" help:"Time in which all tasks waited for memory, average of 10 s."`
	IOSome         float64      `metric:"cgroup.pressure_io_some_percent" unit:"percent" help:"Time in which a task waited for I/O, average of 10 s."`
	IOFull         float64      `metric:"cgroup.pressure_io_full_percent" unit:"percent" help:"Time in which all tasks waited for I/O, average of 10 s."`
	CPUSomeTime    metric.Count `metric:"cgroup.pressure_cpu_some_seconds" unit:"seconds" scale:"1e-6" help:"Time in which a task waited for a CPU."`
	CPUFullTime    metric.Count `metric:"cgroup.pressure_cpu_full_seconds" unit:"seconds" scale:"1e-6" help:"Time in which all tasks waited for a CPU."`
	MemorySomeTime metric.Count `metric:"cgroup.pressure_memory_some_seconds" unit:"seconds" scale:"1e-6" help:"Time in which a task waited for memory."`
	MemoryFullTime metric.Count `metric:"cgroup.pressure_memory_full_seconds" unit:"seconds" scale:"1e-6" help:"Time in which all tasks waited for memory."`
	IOSomeTime     metric.Count `metric:"cgroup.pressure_io_some_seconds" unit:"seconds" scale:"1e-6" help:"Time in which a task waited for I/O."`
	IOFullTime     metric.Count `metric:"cgroup.pressure_io_full_seconds" unit:"seconds" scale:"1e-6" help:"Time in which all tasks waited for I/O."`
}

// Cgroups is what the walk over the hierarchy found.
type Cgroups struct {
	_ struct{} `reading:"cgroups" domain:"cgroup" help:"The control groups of the host together."`

	Visited  float64 `metric:"cgroups.visited" unit:"count" help:"Groups seen by the walk."`
	Measured float64 `metric:"cgroups.measured" unit:"count" help:"Units and containers measured."`
	LeftOut  float64 `metric:"cgroups.left_out" unit:"count" help:"Units and containers not measured because there are more than the limit."`
	Unwalked float64 `metric:"cgroups.unwalked" unit:"count" help:"Groups whose children were not looked at: too deep, too many or not readable."`
}
