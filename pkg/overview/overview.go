// Package overview sums a host up in one screen: what `run --live` and `top`
// show and /api/v1/overview returns. It reads the newest slots of the store
// and the process table; it measures nothing itself.
package overview

import (
	"math"
	"slices"
	"strings"
	"time"

	"sysops-agent/pkg/metric"
	"sysops-agent/pkg/proctable"
	"sysops-agent/pkg/store"
)

// Number is a value that may be absent: null in JSON, "-" for people.
type Number struct{ v *float64 }

// Of returns the number; NaN is absent.
func Of(v float64) Number {
	if math.IsNaN(v) {
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

// Overview is one screen. Shares are percent, sizes bytes, rates per second.
type Overview struct {
	Time    time.Time `json:"time"` // of the newest sweep
	Host    string    `json:"host"`
	CPU     CPU       `json:"cpu"`
	Sockets []Group   `json:"sockets"`
	Nodes   []Group   `json:"numa_nodes"`
	Memory  Memory    `json:"memory"`
	PSI     []PSI     `json:"pressure"`
	Disks   []Disk    `json:"disks"`       // busiest first
	Full    []Full    `json:"filesystems"` // fullest first
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
	IOWait Number    `json:"iowait_percent"`
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

// listed is how many entries of a kind an overview has at most.
const listed = 8

// Build reads the newest of everything. procs may be nil.
func Build(st *store.Store, procs *proctable.Table, host string) Overview {
	o := Overview{Time: newest(st), Host: host}
	one := func(reading, name string) Number { return single(st, reading, name) }
	o.CPU = CPU{
		Online: one("cpu_topology", "cpu.online_cpus"), Usage: one("cpu", "cpu.total_percent"),
		User: one("cpu", "cpu.user_percent"), System: one("cpu", "cpu.system_percent"),
		IOWait: one("cpu", "cpu.iowait_percent"), Steal: one("cpu", "cpu.steal_percent"),
		Load: [3]Number{one("load", "load.avg1"), one("load", "load.avg5"), one("load", "load.avg15")},
	}
	o.Memory = Memory{
		Total: one("memory", "mem.total_bytes"), Available: one("memory", "mem.available_bytes"),
		Used: one("memory", "mem.used_percent"), SwapTotal: one("memory", "swap.total_bytes"),
		SwapUsed: one("memory", "swap.used_bytes"),
	}
	o.Sockets = groups(st, "cpu_socket", "cpu.socket_usage_percent")
	o.Nodes = groups(st, "cpu_node", "cpu.node_usage_percent")
	addNodeMemory(st, &o)
	for _, r := range rows(st, "pressure") {
		o.PSI = append(o.PSI, PSI{r.label("resource"), r.value("psi.some_avg10_percent"), r.value("psi.full_avg10_percent")})
	}
	o.Disks, o.Full, o.Net = disks(st), filesystems(st), networks(st)
	o.Tasks = Tasks{
		Total: one("processes", "procs.total"), Threads: one("processes", "procs.threads"),
		Running: one("processes", "procs.state_running"), Blocked: one("processes", "procs.state_uninterruptible"),
		Zombies: one("processes", "procs.state_zombie"),
	}
	if procs != nil {
		o.ByCPU, o.ByRSS = processes(procs, proctable.ByCPU), processes(procs, proctable.ByRSS)
	}
	o.Agent = Agent{one("agent", "agent.cpu_percent"), one("agent", "agent.rss_bytes")}
	return o
}

func newest(st *store.Store) time.Time {
	var t time.Time
	for _, sh := range st.Shards() {
		for _, r := range sh.Rows() {
			if at, _, ok := r.Latest(); ok && at.After(t) {
				t = at
			}
		}
	}
	return t
}

// fresh is a row with its newest slot, no older than three steps before the
// newest row of its shard.
type fresh struct {
	row *store.Row
	sch *metric.Schema
	at  time.Time
	raw []uint64
}

func rows(st *store.Store, reading string) []fresh {
	sh := st.Shard(reading)
	if sh == nil {
		return nil
	}
	var out []fresh
	var last time.Time
	for _, r := range sh.Rows() {
		if at, raw, ok := r.Latest(); ok {
			out = append(out, fresh{r, sh.Schema(), at, raw})
			if at.After(last) {
				last = at
			}
		}
	}
	return slices.DeleteFunc(out, func(f fresh) bool { return last.Sub(f.at) > time.Minute })
}

func single(st *store.Store, reading, name string) Number {
	if r := rows(st, reading); len(r) > 0 {
		return r[0].value(name)
	}
	return Number{}
}

func (f fresh) label(name string) string {
	for i := range f.sch.Labels {
		if f.sch.Labels[i].Name == name {
			return f.row.Labels()[i]
		}
	}
	return ""
}

func (f fresh) value(name string) Number {
	i := f.sch.Field(name)
	if i < 0 {
		return Number{}
	}
	return Of(f.sch.Fields[i].Value(f.raw[i]))
}

// rate is the increment of a counter in its newest slot, per second.
func (f fresh) rate(name string) Number {
	i := f.sch.Field(name)
	if i < 0 {
		return Number{}
	}
	var p store.Points
	at := f.at.Unix()
	f.row.Read(i, at-120, at+1, &p)
	n := len(p.T)
	if n == 0 || p.T[n-1] != at {
		return Number{}
	}
	step := f.row.Shard().Step()
	if n > 1 {
		step = at - p.T[n-2]
	}
	if step <= 0 {
		return Number{}
	}
	return Of(p.V[n-1] / float64(step))
}

func groups(st *store.Store, reading, usage string) []Group {
	var out []Group
	for _, r := range rows(st, reading) {
		out = append(out, Group{ID: r.row.Labels()[0], CPU: r.value(usage)})
	}
	slices.SortFunc(out, func(a, b Group) int { return natural(a.ID, b.ID) })
	return out
}

// natural orders numbers by size: "2" before "10".
func natural(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func addNodeMemory(st *store.Store, o *Overview) {
	for _, r := range rows(st, "numa") {
		id, used := r.label("node"), r.value("numa.used_percent")
		i := slices.IndexFunc(o.Nodes, func(g Group) bool { return g.ID == id })
		if i < 0 { // a node without processors
			o.Nodes = append(o.Nodes, Group{ID: id})
			i = len(o.Nodes) - 1
		}
		o.Nodes[i].Memory = used
	}
}

// most sorts by key, greatest first, absent last, and keeps the first few.
func most[T any](s []T, key func(T) Number) []T {
	slices.SortStableFunc(s, func(a, b T) int {
		x, y := key(a).Value(), key(b).Value()
		switch {
		case math.IsNaN(x) && math.IsNaN(y), x == y:
			return 0
		case math.IsNaN(y), x > y:
			return -1
		default:
			return 1
		}
	})
	return s[:min(len(s), listed)]
}

func disks(st *store.Store) []Disk {
	var out []Disk
	for _, r := range rows(st, "disk") {
		wait := math.Max(zero(r.value("disk.read_await_seconds")), zero(r.value("disk.write_await_seconds")))
		out = append(out, Disk{
			r.label("device"), r.value("disk.util_percent"), r.rate("disk.read_bytes"),
			r.rate("disk.written_bytes"), Of(wait),
		})
	}
	return most(out, func(d Disk) Number { return d.Util })
}

func zero(n Number) float64 {
	if n.v == nil {
		return 0
	}
	return *n.v
}

func filesystems(st *store.Store) []Full {
	var out []Full
	for _, r := range rows(st, "filesystem") {
		out = append(out, Full{
			r.label("mountpoint"), r.value("filesystem.used_percent"),
			r.value("filesystem.available_bytes"), zero(r.value("filesystem.stuck")) == 1,
		})
	}
	return most(out, func(f Full) Number { return f.Used })
}

func networks(st *store.Store) []Net {
	var out []Net
	for _, r := range rows(st, "network") {
		out = append(out, Net{r.label("interface"), r.rate("net.rx_bytes"), r.rate("net.tx_bytes")})
	}
	return most(out, func(n Net) Number { return Of(zero(n.Rx) + zero(n.Tx)) })
}

func processes(t *proctable.Table, o proctable.Order) []Process {
	var out []Process
	for _, p := range t.List(nil, o, listed) {
		fds := Number{}
		if p.Parts&proctable.HasFDs != 0 {
			fds = Of(float64(p.FDs))
		}
		out = append(out, Process{p.PID, p.Name.String(), p.State.String(), Of(p.CPUPercent), p.RSS, fds, p.Threads})
	}
	return out
}
