package reading

import "sysops-agent/pkg/metric"

// CPUTimes is where the time of one or more CPUs went between two sweeps, as
// shares of all their time: the differences of the columns of /proc/stat. The
// eight modes from user to steal add up to 100; guest is part of user and
// nice, as the kernel counts it.
type CPUTimes struct {
	User    float64 `metric:"user_percent" unit:"percent" col:"cpu_user" help:"Time in user mode, guests included."`
	Nice    float64 `metric:"nice_percent" unit:"percent" col:"cpu_nice" help:"Time in user mode with lowered priority."`
	System  float64 `metric:"system_percent" unit:"percent" col:"cpu_system" help:"Time in kernel mode."`
	Idle    float64 `metric:"idle_percent" unit:"percent" col:"cpu_idle" help:"Time with nothing to do."`
	IOWait  float64 `metric:"iowait_percent" unit:"percent" col:"cpu_iowait" help:"Idle time while a task of the CPU waited for block I/O; only a hint, since tasks do not wait on a CPU."`
	IRQ     float64 `metric:"irq_percent" unit:"percent" col:"cpu_irq" help:"Time serving hardware interrupts."`
	SoftIRQ float64 `metric:"softirq_percent" unit:"percent" col:"cpu_softirq" help:"Time serving soft interrupts."`
	Steal   float64 `metric:"steal_percent" unit:"percent" col:"cpu_steal" help:"Time the hypervisor gave to others although a task was ready."`
	Guest   float64 `metric:"guest_percent" unit:"percent" col:"cpu_guest" help:"Time running guests; part of user and nice."`
}

// CPUSeconds are the aggregate line of /proc/stat as counters, converted from
// ticks to microseconds. They run since boot and include offline CPUs.
type CPUSeconds struct {
	UserSeconds    metric.Count `metric:"user_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in user mode, guests included."`
	NiceSeconds    metric.Count `metric:"nice_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in user mode with lowered priority."`
	SystemSeconds  metric.Count `metric:"system_seconds" unit:"seconds" scale:"1e-6" help:"CPU time in kernel mode."`
	IdleSeconds    metric.Count `metric:"idle_seconds" unit:"seconds" scale:"1e-6" help:"CPU time with nothing to do."`
	IOWaitSeconds  metric.Count `metric:"iowait_seconds" unit:"seconds" scale:"1e-6" help:"Idle CPU time while a task waited for block I/O."`
	IRQSeconds     metric.Count `metric:"irq_seconds" unit:"seconds" scale:"1e-6" help:"CPU time serving hardware interrupts."`
	SoftIRQSeconds metric.Count `metric:"softirq_seconds" unit:"seconds" scale:"1e-6" help:"CPU time serving soft interrupts."`
	StealSeconds   metric.Count `metric:"steal_seconds" unit:"seconds" scale:"1e-6" help:"CPU time the hypervisor gave to others."`
	GuestSeconds   metric.Count `metric:"guest_seconds" unit:"seconds" scale:"1e-6" help:"CPU time running guests, niced ones included; part of user and nice."`
}

// CPU is all CPUs of the host together, from /proc/stat.
type CPU struct {
	_ struct{} `reading:"cpu" domain:"system" help:"All CPUs of the host together."`

	Usage      float64 `metric:"cpu.total_percent" unit:"percent" col:"cpu_total" help:"Time all CPUs were busy: everything but idle and iowait."`
	CPUTimes   `prefix:"cpu."`
	CPUSeconds `prefix:"cpu."`

	ContextSwitches metric.Count `metric:"cpu.context_switches" unit:"count" help:"Switches from one task to another."`
	Interrupts      metric.Count `metric:"cpu.interrupts" unit:"count" help:"Interrupts served."`
	SoftIRQs        metric.Count `metric:"cpu.softirqs" unit:"count" help:"Soft interrupts served."`
	Forks           metric.Count `metric:"cpu.forks" unit:"count" help:"Processes and threads started."`
	Running         float64      `metric:"cpu.tasks_running" unit:"count" help:"Tasks running or ready to run."`
	Blocked         float64      `metric:"cpu.tasks_blocked" unit:"count" help:"Tasks waiting for I/O to complete."`
	BootTime        float64      `metric:"cpu.boot_time_seconds" unit:"seconds" help:"When the kernel started, in seconds since 1970."`
}

// CPUCore is one logical CPU. Second names begin with the reading's own
// domain, because the columns are those of the host total.
type CPUCore struct {
	_ struct{} `reading:"cpu_core" domain:"core" help:"One logical CPU (hardware thread)."`

	Core     uint32  `label:"core" help:"Number of the logical CPU."`
	Usage    float64 `metric:"cpu.core_usage_percent" unit:"percent" col:"cpu_usage" help:"Time the CPU was busy."`
	CPUTimes `prefix:"cpu.core_"`
}

// CPUSocket is all online CPUs of one socket.
type CPUSocket struct {
	_ struct{} `reading:"cpu_socket" domain:"socket" help:"The online CPUs of one socket."`

	Socket   uint32  `label:"socket" help:"Physical package id."`
	Usage    float64 `metric:"cpu.socket_usage_percent" unit:"percent" col:"cpu_usage" help:"Time the CPUs of the socket were busy."`
	CPUTimes `prefix:"cpu.socket_"`
}

// CPUNode is all online CPUs of one NUMA node.
type CPUNode struct {
	_ struct{} `reading:"cpu_node" domain:"node" help:"The online CPUs of one NUMA node."`

	Node     uint32  `label:"node" help:"NUMA node."`
	Usage    float64 `metric:"cpu.node_usage_percent" unit:"percent" col:"cpu_usage" help:"Time the CPUs of the node were busy."`
	CPUTimes `prefix:"cpu.node_"`
}

// Load is /proc/loadavg.
type Load struct {
	_ struct{} `reading:"load" domain:"system" help:"Load averages and run queue."`

	Avg1     float64 `metric:"load.avg1" res:"0.01" col:"load_1" help:"Tasks running, ready or in uninterruptible sleep, mean of 1 minute."`
	Avg5     float64 `metric:"load.avg5" res:"0.01" col:"load_5" help:"Tasks running, ready or in uninterruptible sleep, mean of 5 minutes."`
	Avg15    float64 `metric:"load.avg15" res:"0.01" col:"load_15" help:"Tasks running, ready or in uninterruptible sleep, mean of 15 minutes."`
	Runnable float64 `metric:"load.runnable" unit:"count" help:"Tasks running or ready at this moment: the length of the run queues."`
	Threads  float64 `metric:"load.threads" unit:"count" help:"Tasks that exist."`
}

// CPUTopology counts what the host is built of, from /sys/devices/system.
type CPUTopology struct {
	_ struct{} `reading:"cpu_topology" domain:"system" help:"How many CPUs the host has and how they are arranged."`

	Logical        float64 `metric:"cpu.logical_cpus" unit:"count" help:"Logical CPUs present, online or not."`
	Online         float64 `metric:"cpu.online_cpus" unit:"count" help:"Logical CPUs online."`
	Cores          float64 `metric:"cpu.physical_cores" unit:"count" help:"Physical cores with at least one CPU online."`
	ThreadsPerCore float64 `metric:"cpu.threads_per_core" unit:"count" help:"Most online CPUs that share one core: 1 when SMT is off."`
	Dies           float64 `metric:"cpu.dies" unit:"count" help:"Dies with at least one CPU online."`
	Sockets        float64 `metric:"cpu.sockets" unit:"count" help:"Sockets with at least one CPU online."`
	Nodes          float64 `metric:"cpu.numa_nodes" unit:"count" help:"NUMA nodes online; 0 when the kernel shows none."`
	MemoryNodes    float64 `metric:"cpu.memory_only_nodes" unit:"count" help:"NUMA nodes with memory but without an online CPU."`
}

// CPUCoreFrequency is the clock of one logical CPU, from cpufreq.
type CPUCoreFrequency struct {
	_ struct{} `reading:"cpu_core_frequency" domain:"core" help:"Clock of one logical CPU."`

	Core    uint32  `label:"core" help:"Number of the logical CPU."`
	Current float64 `metric:"cpu.core_frequency_hertz" unit:"hertz" res:"1e6" max:"1e11" help:"Clock that the frequency driver reports for the CPU."`
}

// CPUSocketFrequency is the clocks of the online CPUs of one socket.
type CPUSocketFrequency struct {
	_ struct{} `reading:"cpu_socket_frequency" domain:"socket" help:"Clocks of the online CPUs of one socket."`

	Socket uint32  `label:"socket" help:"Physical package id."`
	Min    float64 `metric:"cpu.socket_frequency_min_hertz" unit:"hertz" res:"1e6" max:"1e11" help:"Lowest clock of the socket's CPUs."`
	Avg    float64 `metric:"cpu.socket_frequency_avg_hertz" unit:"hertz" res:"1e6" max:"1e11" help:"Mean clock of the socket's CPUs."`
	Max    float64 `metric:"cpu.socket_frequency_max_hertz" unit:"hertz" res:"1e6" max:"1e11" help:"Highest clock of the socket's CPUs."`
}
