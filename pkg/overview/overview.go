// Package overview sums a host up in one screen: what `run --live` and `top`
// show and /api/v1/overview returns. It reads the newest slots of the store
// and the process table; it measures nothing itself.
package overview

import (
	"math"
	"time"

	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

// Number is a value that may be absent: null in JSON, "-" for people.
type Number struct{ v *float64 }

// Of returns the number; NaN is absent, and so is an infinity, which JSON has
// no word for.
func Of(v float64) Number {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Number{}
	}
	return Number{&v}
}

// Value returns the number, NaN when absent.
func (n Number) Value() float64 {
	if n.v == nil {
		return math.NaN()
	}
	return *n.v
}

// Absent reports whether the number is not known.
func (n Number) Absent() bool { return n.v == nil }

// Overview is one screen. Shares are percent, sizes bytes, rates per second.
// Lists may be empty but are never null in JSON.
type Overview struct {
	Time    time.Time `json:"time"` // of the newest sweep; zero before the first
	Host    string    `json:"host"`
	CPU     CPU       `json:"cpu"`
	Sockets []Group   `json:"sockets"`
	Nodes   []Group   `json:"numa_nodes"`
	Memory  Memory    `json:"memory"`
	PSI     []PSI     `json:"pressure"`
	Disks   []Disk    `json:"disks"`       // busiest first
	Full    []Full    `json:"filesystems"` // those that do not answer first, then the fullest
	Net     []Net     `json:"network"`     // busiest first
	Tasks   Tasks     `json:"tasks"`
	ByCPU   []Process `json:"by_cpu"`
	ByRSS   []Process `json:"by_rss"`
	Agent   Agent     `json:"agent"`
}

// CPU is the host's processors.
type CPU struct {
	Online Number    `json:"online"`
	Usage  Number    `json:"usage_percent"`
	User   Number    `json:"user_percent"`
	System Number    `json:"system_percent"`
	Nice   Number    `json:"nice_percent"`
	IRQ    Number    `json:"irq_percent"`    // hard and soft
	IOWait Number    `json:"iowait_percent"` // idle, with I/O outstanding: not part of usage
	Steal  Number    `json:"steal_percent"`
	Load   [3]Number `json:"load"`
}

// Group is a socket or a memory node.
type Group struct {
	ID     string `json:"id"`
	CPU    Number `json:"cpu_percent"`
	Memory Number `json:"memory_percent"` // nodes only
}

// Memory is the host's memory and swap.
type Memory struct {
	Total     Number `json:"total_bytes"`
	Available Number `json:"available_bytes"`
	Used      Number `json:"used_percent"`
	SwapTotal Number `json:"swap_total_bytes"`
	SwapUsed  Number `json:"swap_used_bytes"`
}

// PSI is the share of the last ten seconds in which tasks waited.
type PSI struct {
	Resource string `json:"resource"`
	Some     Number `json:"some_avg10_percent"`
	Full     Number `json:"full_avg10_percent"`
}

// Disk is one block device.
type Disk struct {
	Device string `json:"device"`
	Util   Number `json:"util_percent"`
	Read   Number `json:"read_bytes_per_second"`
	Write  Number `json:"written_bytes_per_second"`
	Await  Number `json:"await_seconds"` // the slower of reading and writing
}

// Full is one filesystem.
type Full struct {
	Mount     string `json:"mountpoint"`
	Used      Number `json:"used_percent"`
	Available Number `json:"available_bytes"`
	Stuck     bool   `json:"stuck"`
}

// Net is one interface.
type Net struct {
	Interface string `json:"interface"`
	Rx        Number `json:"rx_bytes_per_second"`
	Tx        Number `json:"tx_bytes_per_second"`
}

// Tasks counts processes.
type Tasks struct {
	Total   Number `json:"total"`
	Threads Number `json:"threads"`
	Running Number `json:"running"`
	Blocked Number `json:"uninterruptible"`
	Zombies Number `json:"zombies"`
}

// Process is one process.
type Process struct {
	PID     uint32 `json:"pid"`
	Name    string `json:"name"`
	State   string `json:"state"`
	CPU     Number `json:"cpu_percent"` // 100 is one core
	RSS     uint64 `json:"rss_bytes"`
	FDs     Number `json:"fds"`
	Threads uint32 `json:"threads"`
}

// Agent is what this program itself uses.
type Agent struct {
	CPU Number `json:"cpu_percent"`
	RSS Number `json:"rss_bytes"`
}

// listed is how many disks, filesystems, interfaces and processes of each order
// an overview has at most.
const listed = 8

// Build reads the newest of everything; what is older than three steps of its
// reading is absent. procs may be nil.
func Build(st *store.Store, procs *proctable.Table, host string) Overview {
	return build(source{st, time.Now()}, procs, host)
}

func build(src source, procs *proctable.Table, host string) Overview {
	o := Overview{Time: src.newest(), Host: host}
	one := src.single
	o.CPU = CPU{
		Online: one("cpu_topology", "cpu.online_cpus"), Usage: one("cpu", "cpu.total_percent"),
		User: one("cpu", "cpu.user_percent"), System: one("cpu", "cpu.system_percent"),
		Nice:   one("cpu", "cpu.nice_percent"),
		IRQ:    Of(one("cpu", "cpu.irq_percent").Value() + one("cpu", "cpu.softirq_percent").Value()),
		IOWait: one("cpu", "cpu.iowait_percent"), Steal: one("cpu", "cpu.steal_percent"),
		Load: [3]Number{one("load", "load.avg1"), one("load", "load.avg5"), one("load", "load.avg15")},
	}
	o.Memory = Memory{
		Total: one("memory", "mem.total_bytes"), Available: one("memory", "mem.available_bytes"),
		Used: one("memory", "mem.used_percent"), SwapTotal: one("memory", "swap.total_bytes"),
		SwapUsed: one("memory", "swap.used_bytes"),
	}
	o.Sockets = src.groups("cpu_socket", "cpu.socket_usage_percent")
	o.Nodes = src.nodes()
	o.PSI = []PSI{}
	for _, r := range src.rows("pressure") {
		o.PSI = append(o.PSI, PSI{r.label("resource"), r.value("psi.some_avg10_percent"), r.value("psi.full_avg10_percent")})
	}
	o.Disks, o.Full, o.Net = src.disks(), src.filesystems(), src.networks()
	o.Tasks = Tasks{
		Total: one("processes", "procs.total"), Threads: one("processes", "procs.threads"),
		Running: one("processes", "procs.state_running"), Blocked: one("processes", "procs.state_uninterruptible"),
		Zombies: one("processes", "procs.state_zombie"),
	}
	o.ByCPU, o.ByRSS = processes(procs, proctable.ByCPU), processes(procs, proctable.ByRSS)
	o.Agent = Agent{one("agent", "agent.cpu_percent"), one("agent", "agent.rss_bytes")}
	return o
}
