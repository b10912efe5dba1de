package reading

import "sysops-agent/pkg/metric"

// Process is one process. Its identity is pid and start time; the start time
// is kept in clock ticks since boot, as the kernel gives it, because that
// number never changes while the process lives, whatever happens to the wall
// clock. After a reboot only a process with the same name, pid and tick would
// continue an old row: pid 1 and kernel threads do.
//
// Rows exist for watched names and for the processes that use most; all others
// are in the process table. Arguments are never read.
type Process struct {
	_     struct{} `reading:"process" domain:"process" help:"One process: a watched name or one of those that use most."`
	Name  string   `label:"name" help:"Name of the process, without arguments."`
	PID   uint32   `label:"pid" help:"Process id."`
	Start uint64   `label:"start" help:"Start of the process in clock ticks since boot; with the pid it is the identity."`

	Unit      string `attr:"unit" help:"Systemd unit that the process belongs to."`
	Container string `attr:"container" help:"Container id that the process belongs to."`
	UID       uint32 `attr:"uid" help:"Real user id."`

	CPUPercent  float64      `metric:"proc.cpu_percent" unit:"percent" max:"1000000" help:"CPU use of all threads since the last sweep, 100 being one core."`
	CPUUser     metric.Count `metric:"proc.cpu_user_seconds" unit:"seconds" scale:"1e-6" help:"CPU time of all threads in user mode."`
	CPUSystem   metric.Count `metric:"proc.cpu_system_seconds" unit:"seconds" scale:"1e-6" help:"CPU time of all threads in the kernel."`
	RSS         float64      `metric:"proc.rss_bytes" unit:"bytes" help:"Resident memory; on hosts with many CPUs exact to about 128 KiB per CPU."`
	RSSAnon     float64      `metric:"proc.rss_anon_bytes" unit:"bytes" help:"Resident anonymous memory: heap, stacks."`
	RSSFile     float64      `metric:"proc.rss_file_bytes" unit:"bytes" help:"Resident memory mapped from files."`
	RSSShmem    float64      `metric:"proc.rss_shmem_bytes" unit:"bytes" help:"Resident shared memory."`
	Swap        float64      `metric:"proc.swap_bytes" unit:"bytes" help:"Anonymous memory in swap."`
	VSZ         float64      `metric:"proc.vsz_bytes" unit:"bytes" help:"Virtual memory."`
	Threads     float64      `metric:"proc.threads" unit:"count" help:"Threads."`
	FDs         float64      `metric:"proc.fd_count" unit:"count" page:"proc_open_fds" help:"Open file descriptors."`
	FDLimit     float64      `metric:"proc.fd_limit" unit:"count" page:"proc_max_fds" help:"Soft limit of open file descriptors; absent when unlimited."`
	FDUsed      float64      `metric:"proc.fd_used_percent" unit:"percent" max:"1000000" help:"Open file descriptors of the soft limit; over 100 when the limit was lowered later."`
	State       float64      `metric:"proc.state" help:"State: 1 running, 2 sleeping, 3 uninterruptible, 4 stopped or traced, 5 zombie, 6 dead, 7 idle."`
	Uptime      float64      `metric:"proc.uptime_seconds" unit:"seconds" help:"Time since the start, suspend included."`
	MinorFaults metric.Count `metric:"proc.minor_faults" unit:"count" help:"Page faults served from memory."`
	MajorFaults metric.Count `metric:"proc.major_faults" unit:"count" help:"Page faults that needed a disk."`
	ReadBytes   metric.Count `metric:"proc.read_bytes" unit:"bytes" help:"Bytes read from storage."`
	WriteBytes  metric.Count `metric:"proc.write_bytes" unit:"bytes" help:"Bytes written that must go to storage."`
	ReadCalls   metric.Count `metric:"proc.read_syscalls" unit:"count" help:"System calls that read, from files, pipes or sockets."`
	WriteCalls  metric.Count `metric:"proc.write_syscalls" unit:"count" help:"System calls that write, to files, pipes or sockets."`
	Voluntary   metric.Count `metric:"proc.voluntary_switches" unit:"count" help:"Times the main thread gave the CPU up to wait."`
	Involuntary metric.Count `metric:"proc.involuntary_switches" unit:"count" help:"Times the main thread lost the CPU to another."`
}

// Processes is what all processes of the host sum up to in one sweep.
type Processes struct {
	_ struct{} `reading:"processes" domain:"process" help:"All processes of the host together."`

	Total         float64      `metric:"procs.total" unit:"count" page:"procs" help:"Processes, kernel threads included."`
	KernelThreads float64      `metric:"procs.kernel_threads" unit:"count" help:"Kernel threads among them."`
	Threads       float64      `metric:"procs.threads" unit:"count" help:"Threads of all processes."`
	Running       float64      `metric:"procs.state_running" unit:"count" help:"Processes on a CPU or waiting for one."`
	Sleeping      float64      `metric:"procs.state_sleeping" unit:"count" help:"Processes that wait for an event."`
	Disk          float64      `metric:"procs.state_uninterruptible" unit:"count" help:"Processes in a wait that cannot be interrupted, mostly for I/O."`
	Stopped       float64      `metric:"procs.state_stopped" unit:"count" help:"Processes stopped by a signal or a debugger."`
	Zombie        float64      `metric:"procs.state_zombie" unit:"count" help:"Processes that ended and wait for their parent."`
	Idle          float64      `metric:"procs.state_idle" unit:"count" help:"Idle kernel threads."`
	FDs           float64      `metric:"procs.fd_count" unit:"count" page:"procs_open_fds" help:"Open file descriptors of all processes whose number is known."`
	Started       metric.Count `metric:"procs.started" unit:"count" help:"Processes that appeared between sweeps; those that came and went in between are missed."`
	Exited        metric.Count `metric:"procs.exited" unit:"count" help:"Processes that were gone at the next sweep."`
	Denied        float64      `metric:"procs.denied" unit:"count" help:"Processes of which something could not be read in this sweep for lack of permission."`
	Untracked     float64      `metric:"procs.untracked" unit:"count" help:"Processes in this sweep that the full process table could not take."`
	Dead          float64      `metric:"procs.remembered" unit:"count" help:"Ended processes whose last hour the process table still holds."`
}
